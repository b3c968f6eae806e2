"""Connection matrices: counted orbits against superlevel sets, reduction within grades against homology of pairs."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix import Box, GradientFlow, critical_points, expression
from separatrix.complexes.cubical_complex import CubicalComplex
from separatrix.conley.connection_matrix import connection_matrix
from separatrix.conley.graded_cubes import _relative
from separatrix.conley.graded_reduction import matched, morse_boundaries, rank_modulo, without_units


def asked(text: str, box: Box, boundary: str, **options):
    flow = GradientFlow(expression(text, "x y"), box, boundary)
    return flow, critical_points(flow.potential, box, boundary, **options)


def betti_of(matrix: np.ndarray, degrees: np.ndarray, chosen: np.ndarray, p: int) -> list[int]:
    """Ranks of the homology of the generators chosen, which are closed under the boundary."""
    assert not matrix[np.ix_(~chosen, chosen)].any()
    counts = [int((degrees[chosen] == k).sum()) for k in range(3)]
    ranks = [rank_modulo(matrix[np.ix_(chosen & (degrees == k - 1), chosen & (degrees == k))], p) for k in (1, 2)]
    return [counts[0] - ranks[0], counts[1] - ranks[0] - ranks[1], counts[2] - ranks[1]]


@pytest.mark.parametrize(
    ("text", "box", "boundary", "p"),
    [
        ("-(x**2 - 1)**2 - y**2 + x/5", Box([-2, -2], [2, 2]), "exit", 3),
        ("-(x**2 - 1)**2 - (y**2 - 1)**2 + x/4 + y/2", Box([-1.4, -1.4], [1.4, 1.4]), "exit", 2),
        ("x**2 - y**2 + x*y/3 + x/9 + y/7", Box([-1, -0.9], [1.2, 1.1]), "project", 5),
    ],
)
def test_orbits_and_superlevel_sets_agree_on_all_heights(text, box, boundary, p):
    """Sets above a height attract: their homology, in both matrices, is that of one superlevel set."""
    flow, points = asked(text, box, boundary)
    orbits = connection_matrix(flow, points, p, method="Morse complex")
    levels = connection_matrix(flow, points, p, method="superlevel filtration")
    assert orbits.agrees and levels.agrees and str(levels.certainty) == "proved"
    assert sorted(orbits.sets) == sorted(levels.sets) == sorted(points.ids)
    assert not (orbits.matrix @ orbits.matrix % p).any()
    height = dict(zip(points.ids, points.values, strict=True))
    for level in points.values:
        found = [
            betti_of(one.matrix, one.degrees, np.array([height[name] >= level for name in one.sets]), p)
            for one in (orbits, levels)
        ]
        assert found[0] == found[1]


def test_integers_count_orbits_with_signs():
    flow, points = asked("-(x**2 - 1)**2 - (y**2 - 1)**2", Box([-2, -2], [2, 2]), "exit")
    found = connection_matrix(flow, points, 0)
    assert found.coefficients == "Z" and found.agrees and not (found.matrix @ found.matrix).any()
    assert set(np.unique(found.matrix)) == {-1, 0, 1} and len(found.columns()["from"]) == 4 * 2 + 4
    assert np.abs(found.block("r0", "p1")).sum() == 1


def test_a_ring_is_one_set_with_two_generators():
    """Minimum in the middle, an attracting ring: the middle repels, and its disc closes the ring's circle."""
    flow, points = asked("-(x**2 + y**2 - 1)**2", Box([-1.6, -1.5], [1.5, 1.7]), "exit", min_width=0.02)
    found = connection_matrix(flow, points, 3)
    assert found.method == "superlevel filtration" and found.agrees
    assert found.sets == ("u0", "u0", "r0") and found.degrees.tolist() == [0, 1, 2]
    assert found.index_of("u0") == (1, 1, 0) and found.block("r0", "u0")[1, 0] % 3 and not found.matrix[0].any()
    over_z = connection_matrix(flow, points, 0)
    assert over_z.missing and over_z.homology is None and "not computed" in repr(over_z)


@pytest.mark.parametrize(("seed", "p"), [(0, 2), (1, 3), (2, 5), (3, 2)])
def test_reduction_within_grades(seed, p):
    """One generator for every class of every pair of neighbours in the filtration, and the homology of the whole."""
    rng = np.random.default_rng(seed)
    shape = (6, 6) if seed % 2 else (4, 4, 4)
    steps = np.where(rng.random(shape) < 0.15, -1, rng.integers(1, 5, shape))
    cubes = CubicalComplex(steps >= 0)
    values = [value.astype(np.int64) for value in cubes.cube_values(np.where(steps >= 0, steps, 9))]
    graded = _relative(cubes, values)
    pairs = matched(graded)
    cells, columns = without_units(morse_boundaries(graded, pairs, p), pairs.critical, graded.grade, p)
    place = {cell: i for i, cell in enumerate(cells)}
    matrix = np.zeros((len(cells), len(cells)), dtype=np.int64)
    for b, column in columns.items():
        for a, value in column.items():
            matrix[place[a], place[b]] = value
            assert graded.grade[a] < graded.grade[b] and graded.degree[a] == graded.degree[b] - 1
    assert not ((matrix @ matrix) % p).any()
    for grade in range(1, 5):
        below, upto = ([value <= at for value in values] for at in (grade - 1, grade))
        part = cubes.subcomplex(tuple(upto))
        inside = [mask[keep] for mask, keep in zip(below, upto, strict=True)]
        expected = part.homology(f"Z/{p}", relative_to=inside).betti
        own = [int(graded.degree[cell]) for cell in cells if graded.grade[cell] == grade]
        assert tuple(own.count(k) for k in range(len(expected))) == expected
    degrees = graded.degree[np.array(cells)]
    whole = cubes.homology(f"Z/{p}").betti
    ranks = [rank_modulo(matrix[np.ix_(degrees == k - 1, degrees == k)], p) for k in range(1, len(whole))]
    counts = [int((degrees == k).sum()) for k in range(len(whole))]
    assert whole == tuple(n - a - b for n, a, b in zip(counts, [0, *ranks], [*ranks, 0], strict=True))


def test_questions_that_cannot_be_asked():
    flow, points = asked("-x**2 - y**2", Box([-1, -1], [1, 1.1]), "exit")
    for p in (-1, 4, 2**31 + 11):
        with pytest.raises(ValueError, match=r"p must|prime"):
            connection_matrix(flow, points, p)
    with pytest.raises(ValueError, match="method"):
        connection_matrix(flow, points, method="guess")
    with pytest.raises(TypeError, match="MorseGraph"):
        connection_matrix(flow, points.points)
    with pytest.raises(TypeError, match="GradientFlow"):
        connection_matrix(points, points)
