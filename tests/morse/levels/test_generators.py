"""Generators of level sets: winding numbers that are known, closed chains, numbers of classes, thinned sets."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import separatrix as sx
from separatrix import Box, InputError, expression
from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.morse.levels.level_sets import level_sets
from separatrix.morse.levels.thinning import spanned, thinned

TORUS = "4*(x**2 + y**2) - (x**2 + y**2 + z**2 + 3/4)**2"
SIDES = (">=", "<=", "=")


def boundary(cycle):
    """The boundary, with the faces' orientations by counting inversions: by the definition alone."""
    total = Counter()
    for simplex, coefficient in zip(cycle.simplices.tolist(), cycle.coefficients.tolist(), strict=True):
        for j in range(len(simplex)):
            face = simplex[:j] + simplex[j + 1 :]
            inversions = sum(a > b for i, a in enumerate(face) for b in face[i + 1 :])
            total[tuple(sorted(face))] += (-1) ** (j + inversions) * coefficient
    return {face: n for face, n in total.items() if n and face}


def turns(cycle, planar):
    """How often the image of a cycle of degree 1 in a plane (n, 2) goes around the origin."""
    ends = planar(cycle.vertices)[cycle.simplices]
    first, last = ends[:, 0, 0] + 1j * ends[:, 0, 1], ends[:, 1, 0] + 1j * ends[:, 1, 1]
    total = (np.angle(last / first) * cycle.coefficients).sum() / (2 * np.pi)
    assert abs(total - round(total)) < 1e-9
    return round(total)


def around_the_axis(x):
    return x[:, :2]


def around_the_core(x):
    return np.stack([np.hypot(x[:, 0], x[:, 1]) - 1.1, x[:, 2]], axis=1)


def test_a_torus_has_two_circles_and_each_side_one_of_them():
    """(turns about the axis, turns about the core): a basis of Z^2 on the surface; inside the first is 1, outside the second."""
    found = level_sets(expression(TORUS, "x y z"), Box.cube(3, -1.6, 1.6), 28, match=False)
    on = found.generators(0.1, 1, "=")
    numbers = np.array([[turns(cycle, around_the_axis), turns(cycle, around_the_core)] for cycle in on])
    assert abs(round(np.linalg.det(numbers))) == 1
    (inside,), (outside,) = found.generators(0.1, 1), found.generators(0.1, 1, "<=")
    assert abs(turns(inside, around_the_axis)) == 1 and abs(turns(outside, around_the_core)) == 1
    for cycle, side in ((inside, ">="), (outside, "<="), *((cycle, "=") for cycle in on)):
        values = 4 * (cycle.vertices[:, :2] ** 2).sum(axis=1) - ((cycle.vertices**2).sum(axis=1) + 0.75) ** 2 - 0.1
        off = {">=": -values, "<=": values, "=": np.abs(values)}[side]
        assert off.max() <= 2 * found.tolerance and not boundary(cycle)
    (surface,) = found.generators(0.1, 2, "=")
    assert surface.to_complex().homology().betti == (1, 2, 1) and not boundary(surface)


@pytest.mark.parametrize(
    ("text", "dim", "levels"),
    [
        ("sin(3*x)*cos(2*y) + sin(2*y + 1)/2", 2, (-0.6, 0.05, 0.5)),
        ("sin(3*x)*sin(2*y) + sin(3*y)*sin(3*z) + cos(2*z)*cos(3*x)/2", 3, (-0.7, 0.11, 0.9)),
        ("sin(4*x)", 1, (-0.3, 0.5)),
    ],
)
def test_as_many_closed_cycles_as_the_betti_numbers_say(text, dim, levels):
    found = level_sets(
        expression(text, " ".join("xyz"[:dim])), Box.cube(dim, -1.5, 1.6), {1: 64, 2: 60, 3: 24}[dim], match=False
    )
    for c in levels:
        for side in SIDES:
            cycles = [found.generators(c, degree, side) for degree in range(dim)]
            if side != "=" or dim < 3:
                assert tuple(len(own) for own in cycles) == found.betti(c, side)[:-1]
            else:  # of the mesh itself: the sums of both sides need levels that are proved
                assert tuple(len(own) for own in cycles) == found.mesh(c).to_complex().homology().betti
            assert all(not boundary(cycle) for own in cycles[1:] for cycle in own)
            assert all(len(cycle.vertices) == 1 for cycle in cycles[0])


@pytest.mark.parametrize("shape", [(9, 8), (6, 5, 6)])
def test_thinned_sets_have_the_homology_of_the_whole(shape):
    rng = np.random.default_rng(len(shape))
    for share in (0.3, 0.5, 0.7, 0.9):
        inside = rng.random(shape) < share
        small = thinned(inside)
        assert not (small & ~inside).any() and small.sum() < inside.sum()
        groups = [
            SimplicialComplex([row for part in spanned(mask) for row in part.tolist()]).homology()
            for mask in (inside, small)
        ]
        width = max(len(found.betti) for found in groups)
        assert len({(*found.betti, *[0] * (width - len(found.betti))) for found in groups}) == 1


def test_the_exact_complex_has_generators_too():
    hat = sx.Network.from_arrays(
        [[[1.0, 0], [-1, 0], [0, 1], [0, -1]], [[-1.0, -1, -1, -1], [0, 0, 0, 0]]],
        [np.zeros(4), np.array([1.0, 0])],
        "relu",
    )
    found = level_sets(sx.log_odds(hat, 0), Box.cube(2, -2, 2))  # 1 - |x| - |y|
    for side, numbers in ((">=", (1, 0)), ("<=", (1, 1)), ("=", (1, 1))):
        cycles = [found.generators(0.5, degree, side) for degree in (0, 1)]
        assert tuple(len(own) for own in cycles) == numbers == found.betti(0.5, side)[:2]
        assert all(abs(turns(cycle, lambda x: x)) == 1 and not boundary(cycle) for cycle in cycles[1])


def test_degrees_that_there_are_not():
    found = level_sets(expression("x*y", "x y"), ([-1, -1], [1, 1.5]), 8, match=False)
    for degree in (-1, 2, True, 0.5):
        with pytest.raises(InputError, match="degree"):
            found.generators(0.1, degree)
    assert found.generators(9.0, 0) == found.generators(9.0, 1, "=") == ()
