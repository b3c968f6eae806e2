"""Simplicial complexes: faces, incidence, subcomplexes, and what is refused."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.errors import InputError, KindError

FACETS = st.lists(st.sets(st.integers(0, 8), min_size=1, max_size=5), min_size=1, max_size=8)


def faces_by_sets(facets: list[set[int]]) -> list[list[tuple[int, ...]]]:
    """All faces by hand: every subset of every facet."""
    found = {face for facet in facets for k in range(1, len(facet) + 1) for face in combinations(sorted(facet), k)}
    top = max(len(face) for face in found)
    return [sorted(face for face in found if len(face) == k) for k in range(1, top + 1)]


@settings(max_examples=40, deadline=None)
@given(FACETS)
def test_cells_are_the_subsets_of_the_facets_in_order(facets: list[set[int]]) -> None:
    complex_ = SimplicialComplex(facets)
    expected = faces_by_sets(facets)
    found = [[complex_.simplex(k, i) for i in range(n)] for k, n in enumerate(complex_.counts)]
    assert found == expected
    for k in range(1, complex_.dim + 1):
        operator = complex_.boundary_operator(k).toarray()
        for j, simplex in enumerate(expected[k]):
            column = {expected[k - 1].index(simplex[:i] + simplex[i + 1 :]): (-1) ** i for i in range(k + 1)}
            assert {int(i): int(operator[i, j]) for i in np.flatnonzero(operator[:, j])} == column


@settings(max_examples=20, deadline=None)
@given(FACETS)
def test_labels_of_any_kind_give_the_same_complex(facets: list[set[int]]) -> None:
    by_number = SimplicialComplex(facets)
    words = SimplicialComplex([{f"v{label}" for label in facet} for facet in facets])
    far = SimplicialComplex([{label * 10**15 - 5 for label in facet} for facet in facets])
    for other in (words, far):
        assert other.counts == by_number.counts
        assert all(np.array_equal(a, b) for a, b in zip(other.simplices, by_number.simplices, strict=True))


def test_arrays_lists_and_generators_are_read_alike() -> None:
    rows = np.array([[3, 1, 2], [2, 4, 3]], dtype=np.uint8)
    lists = SimplicialComplex(rows.tolist())
    assert SimplicialComplex(rows).counts == lists.counts == SimplicialComplex(tuple(r) for r in rows.tolist()).counts
    assert list(lists.vertices) == [1, 2, 3, 4]
    mixed = SimplicialComplex([("a", 1), (1, (0, 0))])  # labels that cannot be compared stand as they come
    assert list(mixed.vertices) == ["a", 1, (0, 0)] and mixed.cell_name(1, 0) == "[a,1]"


def test_the_empty_complex_and_points() -> None:
    empty = SimplicialComplex([])
    assert (empty.dim, empty.counts, empty.euler_characteristic) == (-1, (), 0)
    assert empty.homology().betti == ()
    assert SimplicialComplex([(0,), (5,)]).homology().betti == (2,)


def test_keys_beyond_64_bits_are_ranked() -> None:
    base = 3_000_000
    rows = np.arange(base, dtype=np.int64).reshape(-1, 6)[:2000] * 1_499
    spread = SimplicialComplex(rows)
    assert spread.counts == (12_000, 30_000, 40_000, 30_000, 12_000, 2_000)
    assert spread.euler_characteristic == 2_000
    spread.incidence.verify()


@pytest.mark.parametrize(
    ("facets", "error"),
    [
        ([(0, 1, 1)], InputError),
        (np.array([[0, 0]]), InputError),
        ([("a", "a")], InputError),
        ([()], InputError),
        ([(0, float("nan"))], InputError),
        (np.zeros((2, 2, 2), dtype=int), InputError),
        (np.array([2**63 + 1, 0], dtype=np.uint64)[None], InputError),
        ("abc", KindError),
        (["abc"], KindError),
        (7, KindError),
        ([0, 1, 2], KindError),
        ([(0, True)], KindError),
        ([(0, [1])], KindError),
        (np.array([[0.0, 1.0]]), KindError),
        (np.array([[True, False]]), KindError),
        ([range(60)], InputError),
    ],
)
def test_what_is_no_complex_is_refused(facets: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        SimplicialComplex(facets)


def test_a_pair_by_facets_by_vertices_and_by_masks() -> None:
    disc = SimplicialComplex([(0, 1, 2), (0, 2, 3)])
    rim = [(0, 1), (1, 2), (2, 3), (0, 3)]
    chosen = disc.subcomplex(rim)
    assert chosen.counts == (4, 4) and chosen.homology().betti == (1, 1)
    pairs = [rim, chosen, chosen.masks, [mask.tolist() for mask in chosen.masks], SimplicialComplex(rim)]
    assert {disc.homology(relative_to=part).betti for part in pairs} == {(0, 0, 1)}
    full = disc.subcomplex(lambda label: label != 1)
    assert full.counts == (3, 3, 1) and list(full.vertices) == [0, 2, 3]
    assert disc.homology(relative_to=full).betti == (0, 0, 0)


def test_subcomplexes_that_are_none_are_refused() -> None:
    disc = SimplicialComplex([(0, 1, 2)])
    for choice in ([(0, 3)], [(0, 1, 2), (5,)], [(0, 1, 2, 9)]):
        with pytest.raises(InputError, match="no vertex"):
            disc.subcomplex(choice)
    with pytest.raises(InputError, match="no simplex"):
        SimplicialComplex([(0, 1), (2,)]).subcomplex([(0, 2)])
    with pytest.raises(InputError, match="faces of its cells"):
        disc.subcomplex([np.zeros(3, bool), np.ones(3, bool), np.zeros(1, bool)])


def test_positions_are_checked_and_follow_the_vertices() -> None:
    points = np.arange(10.0).reshape(5, 2)
    placed = SimplicialComplex([(4, 1), (1, 3)], positions=points)
    assert placed.positions is not None and placed.positions.tolist() == points[[1, 3, 4]].tolist()
    named = SimplicialComplex([("a", "b")], positions={"b": (0, 1), "a": (2, 3)})
    assert named.positions is not None and named.positions.tolist() == [[2, 3], [0, 1]]
    part = placed.subcomplex([(1, 3)])
    assert part.positions is not None and part.positions.tolist() == points[[1, 3]].tolist()
    for bad in (points[:3], {1: (0, 0)}, np.full((5, 2), np.nan), "here"):
        with pytest.raises((InputError, KindError)):
            SimplicialComplex([(4, 1), (1, 3)], positions=bad)
    with pytest.raises(InputError):
        SimplicialComplex([("a", "b")], positions=points)


def test_gudhi_gets_the_same_simplices() -> None:
    pytest.importorskip("gudhi")
    complex_ = SimplicialComplex([(0, 1, 2), (2, 3), (7,)])
    expected = {tuple(row) for rows in complex_.simplices for row in rows.tolist()}
    tree = complex_.to_gudhi()  # gudhi's iterator does not keep its tree alive
    assert {tuple(simplex) for simplex, _ in tree.get_filtration()} == expected
