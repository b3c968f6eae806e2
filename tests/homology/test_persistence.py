"""Persistence over Z/p: Betti numbers of every sublevel set by ranks, gudhi's diagrams, laws, and refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import separatrix as sx
from separatrix.complexes.cubical_complex import CubicalComplex
from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.data import complexes as known
from separatrix.errors import InputError, KindError
from separatrix.homology import persistence as room
from separatrix.homology.chain_complex import ChainComplex
from separatrix.homology.persistence import persistence
from separatrix.surface.decision_regions import decision_regions
from separatrix.surface.linear_regions import linear_regions

FACETS = st.lists(st.sets(st.integers(0, 7), min_size=1, max_size=4), min_size=1, max_size=12)


def betti_by_ranks(complex_: SimplicialComplex, values: np.ndarray, c: float, p: int) -> tuple[int, ...]:
    """Betti numbers of the subcomplex {f <= c} from ranks modulo p."""
    from flint import nmod_mat

    kept = [np.flatnonzero(values[rows].max(axis=1) <= c) for rows in complex_.simplices]
    ranks = [0] * (complex_.dim + 2)
    for k in range(1, complex_.dim + 1):
        part = complex_.boundary_operator(k).toarray()[np.ix_(kept[k - 1], kept[k])]
        if part.size:
            ranks[k] = nmod_mat(*part.shape, [int(v) % p for v in part.ravel()], p).rank()
    return tuple(len(kept[k]) - ranks[k] - ranks[k + 1] for k in range(complex_.dim + 1))


@settings(max_examples=30, deadline=None)
@given(FACETS, st.integers(0, 10**6), st.sampled_from([2, 3, 5]))
def test_betti_numbers_of_all_sublevel_sets(facets: list[set[int]], seed: int, p: int) -> None:
    complex_ = SimplicialComplex(facets)
    values = np.random.default_rng(seed).integers(0, 5, len(complex_.vertices)).astype(float)
    found = persistence(complex_, values, f"Z/{p}")
    for c in (-1.0, *range(5), 2.5):
        assert found.betti(c) == betti_by_ranks(complex_, values, c, p)


@settings(max_examples=25, deadline=None)
@given(FACETS, st.integers(0, 10**6), st.sampled_from([2, 3, 7]))
def test_diagrams_are_those_of_gudhi(facets: list[set[int]], seed: int, p: int) -> None:
    gudhi = pytest.importorskip("gudhi")
    complex_ = SimplicialComplex(facets)
    values = np.random.default_rng(seed).integers(0, 20, len(complex_.vertices)).astype(float)
    found = persistence(complex_, values, f"Z/{p}")
    tree = gudhi.SimplexTree()
    for rows in complex_.simplices:
        tree.insert_batch(np.ascontiguousarray(rows.T), values[rows].max(axis=1))
    tree.compute_persistence(homology_coeff_field=p, persistence_dim_max=True, min_persistence=0)
    for k in range(complex_.dim + 1):
        expected = tree.persistence_intervals_in_dimension(k).reshape(-1, 2)
        assert np.array_equal(found.pairs(k), expected[np.lexsort((expected[:, 1], expected[:, 0]))])


@settings(max_examples=25, deadline=None)
@given(FACETS, st.integers(0, 10**6), st.sampled_from([2, 3, 2**31 - 1]))
def test_the_compiled_algorithm_makes_the_same_pairs(facets: list[set[int]], seed: int, p: int) -> None:
    complex_ = SimplicialComplex(facets)
    values = np.random.default_rng(seed).integers(0, 4, len(complex_.vertices))
    plain, limit = persistence(complex_, values, f"Z/{p}"), room.FEW_CELLS
    try:
        room.FEW_CELLS = -1
        compiled = persistence(complex_, values, f"Z/{p}")
    finally:
        room.FEW_CELLS = limit
    assert np.array_equal(plain.birth_cell, compiled.birth_cell) and np.array_equal(
        plain.death_cell, compiled.death_cell
    )


def test_large_grids_are_those_of_gudhi() -> None:
    gudhi = pytest.importorskip("gudhi")
    values = np.random.default_rng(0).random((13, 12, 14))
    complex_ = CubicalComplex((12, 11, 13))
    found = persistence(complex_, values)
    other = gudhi.CubicalComplex(vertices=values)
    other.persistence(homology_coeff_field=2, min_persistence=0)
    for k in range(4):
        expected = other.persistence_intervals_in_dimension(k).reshape(-1, 2)
        assert np.array_equal(found.pairs(k), expected[np.lexsort((expected[:, 1], expected[:, 0]))])


def test_values_on_cubes_are_those_of_gudhi() -> None:
    gudhi = pytest.importorskip("gudhi")
    values = np.random.default_rng(1).random((5, 6))
    complex_ = CubicalComplex((5, 6), periodic=True)
    found = persistence(complex_, complex_.cube_values(values), "Z/3")
    other = gudhi.PeriodicCubicalComplex(top_dimensional_cells=values, periodic_dimensions=[True, True])
    other.persistence(homology_coeff_field=3, min_persistence=0)
    for k in range(3):
        expected = other.persistence_intervals_in_dimension(k).reshape(-1, 2)
        assert np.array_equal(found.pairs(k), expected[np.lexsort((expected[:, 1], expected[:, 0]))])


def test_superlevel_sets_are_the_sublevel_sets_of_minus_f() -> None:
    complex_ = CubicalComplex((6, 6))
    values = np.random.default_rng(2).standard_normal((7, 7))
    up, down = persistence(complex_, values, superlevel=True), persistence(complex_, -values)
    assert np.array_equal(up.birth, -down.birth) and np.array_equal(up.death, -down.death)
    assert up.betti(0.3) == down.betti(-0.3)
    essential = up.pairs(0)[~np.isfinite(up.pairs(0)[:, 1])]
    assert essential.tolist() == [[values.max(), -np.inf]]


def test_classes_that_never_die_are_the_homology_over_the_field() -> None:
    for space in (known.klein_bottle(), known.projective_space(3), known.lens_space(3), known.torus(2)):
        for p in (2, 3, 5):
            found = persistence(space, np.arange(len(space.vertices)) % 7, f"Z/{p}")
            assert found.betti(1e9) == space.homology(f"Z/{p}").betti


@pytest.mark.parametrize("seed", [1, 5])
def test_a_margin_has_one_diagram_on_the_regions_and_on_their_triangulation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(shape) for shape in ((6, 2), (5, 6), (2, 5))]
    net = sx.Network.from_arrays(weights, [rng.standard_normal(len(w)) for w in weights], "relu")
    regions = linear_regions(net, sx.Box.cube(2, -3, 3))
    logits = net.logits(regions.vertices)
    margin = logits[:, 0] - logits[:, 1]
    found, fine = (persistence(c, margin, superlevel=True) for c in (regions, regions.triangulate()))
    for k in range(3):
        assert np.allclose(found.pairs(k, least=1e-9), fine.pairs(k, least=1e-9), rtol=0, atol=1e-12)
    class_0 = decision_regions(net, sx.Box.cube(2, -3, 3))[0]
    assert found.betti(0.0) == class_0.homology("Z/2").betti


def test_a_circle_with_two_hills() -> None:
    circle = SimplicialComplex([(i, (i + 1) % 4) for i in range(4)])
    found = persistence(circle, [0.0, 5.0, 1.0, 7.0])
    assert found.pairs(0).tolist() == [[0, np.inf], [1, 5]] and found.pairs(1).tolist() == [[7, np.inf]]
    ends = {(circle.simplex(0, b), circle.simplex(1, d)) for b, d in found.cells(0).tolist() if d >= 0}
    assert ((2,), (1, 2)) in ends or ((2,), (0, 1)) in ends
    assert found.pairs(0, least=4.5).tolist() == [[0, np.inf]]
    assert found.to_dataframe()["degree"].tolist() == [0, 0, 1] and "2 of degree 0" in repr(found)


def test_a_loop_of_one_edge() -> None:
    loop = CubicalComplex((1,), periodic=True)
    assert persistence(loop, [2.0]).pairs(1).tolist() == [[2.0, np.inf]]


def test_a_chain_complex_with_entries_beyond_int64() -> None:
    moore = ChainComplex([[[0]], ([0], [0], [3 * 10**30], (1, 1))])
    values = [[0.0], [0.0], [1.0]]
    for p in (2, 3, 5):
        assert persistence(moore, values, f"Z/{p}").betti(1.0) == (1, 1, 1)
    assert persistence(moore, values, "Z/7").pairs(1).tolist() == [[0, 1]]
    with pytest.raises(InputError, match="no vertex"):
        persistence(moore, [0.0])


def test_the_empty_complex_has_no_classes() -> None:
    assert persistence(SimplicialComplex([]), []).degree.size == 0


TRIANGLE = SimplicialComplex([(0, 1, 2)])


@pytest.mark.parametrize(
    ("complex_", "values", "coefficients", "error"),
    [
        (TRIANGLE, [0.0, 1.0], "Z/2", InputError),
        (TRIANGLE, [0.0, 1.0, np.nan], "Z/2", InputError),
        (TRIANGLE, [0.0, 1.0, np.inf], "Z/2", InputError),
        (TRIANGLE, ["a", "b", "c"], "Z/2", KindError),
        (TRIANGLE, [[0.0], [1.0, 2.0]], "Z/2", InputError),
        (TRIANGLE, [0.0, 1.0, 2.0], "Z", InputError),
        (TRIANGLE, [0.0, 1.0, 2.0], "Q", InputError),
        (TRIANGLE, [0.0, 1.0, 2.0], "Z/4", InputError),
        (TRIANGLE, [0.0, 1.0, 2.0], "Z/2147483659", InputError),
        (TRIANGLE, [np.zeros(3), np.array([0.0, -1.0, 0.0]), np.zeros(1)], "Z/2", InputError),
        (TRIANGLE, [np.zeros(3), np.zeros(3), np.zeros(2)], "Z/2", InputError),
        ("circle", [0.0], "Z/2", KindError),
    ],
)
def test_what_has_no_diagram_is_refused(
    complex_: object, values: object, coefficients: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        persistence(complex_, values, coefficients)


def test_degrees_that_are_none_are_refused() -> None:
    found = persistence(TRIANGLE, [0.0, 1.0, 2.0])
    assert found.pairs(5).shape == (0, 2)
    for degree in (-1, 0.0, True):
        with pytest.raises(InputError):
            found.pairs(degree)  # type: ignore[arg-type]
