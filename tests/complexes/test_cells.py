"""Cells as arrays: boundary operators, closures, stars, parts, and what is no complex."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.complexes.cells import Cells, segment_sums
from separatrix.complexes.unbounded import reordered
from separatrix.errors import InputError, KindError


def tetrahedron(with_inside=True):
    """The tetrahedron 0123, simplices in lexicographic order, face without vertex i with sign (-1)^i."""
    edges = [[1, 0], [2, 0], [3, 0], [2, 1], [3, 1], [3, 2]]
    triangles = [[3, 1, 0], [4, 2, 0], [5, 2, 1], [5, 4, 3]]
    signs = [[[1, -1]] * 6, [[1, -1, 1]] * 4]
    if not with_inside:
        return Cells.from_facets([4, 6, 4], [edges, triangles], signs)
    return Cells.from_facets([4, 6, 4, 1], [edges, triangles, [[3, 2, 1, 0]]], [*signs, [[1, -1, 1, -1]]])


def masks_of(cells, draw):
    return tuple(np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=bool) for n in cells.counts)


def test_boundary_of_boundary():
    cells = tetrahedron()
    assert cells.dim == 3 and cells.euler_characteristic == 1
    for k in (1, 2):
        assert (cells.boundary_operator(k) @ cells.boundary_operator(k + 1)).count_nonzero() == 0
    assert cells.boundary_operator(3).toarray().T.tolist() == [[-1, 1, -1, 1]]
    assert cells.boundary_operator(2).dtype == np.int64 and cells.boundary_operator(2).format == "csc"
    cells.boundary_operator(2).data[:] = 7
    assert set(cells.boundary_operator(2).data.tolist()) == {1, -1}, "the operator is a copy"


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_a_wrong_sign_is_found(at_once, monkeypatch):
    monkeypatch.setattr("separatrix.complexes.cells.CELLS_AT_ONCE", at_once)
    for k, entry in ((1, 7), (2, 4), (3, 2)):
        cells = tetrahedron()
        signs = [s.copy() for s in cells.signs]
        signs[k][entry] *= -1
        wrong = Cells(cells.counts, cells.starts, cells.faces, tuple(signs))
        with pytest.raises(InputError, match=f"cell {entry // (k + 1)} of dimension {k}"):
            wrong.verify()
        with pytest.raises(InputError, match="boundary of boundary"):
            wrong.boundary_operator(1)


@given(st.data())
def test_closure_and_star(data):
    cells = tetrahedron()
    masks = masks_of(cells, data.draw)
    closure, star = cells.closure(masks), cells.star(masks)
    vertices = {0: [{v} for v in range(4)], 1: [{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}]}
    vertices |= {2: [{0, 1, 2}, {0, 1, 3}, {0, 2, 3}, {1, 2, 3}], 3: [{0, 1, 2, 3}]}
    members = [vertices[k][i] for k in range(4) for i in np.flatnonzero(masks[k])]
    for k in range(4):
        assert closure[k].tolist() == [any(cell <= member for member in members) for cell in vertices[k]]
        assert star[k].tolist() == [any(cell >= member for member in members) for cell in vertices[k]]
    assert cells.unclosed(closure) is None
    is_closed = all((a == b).all() for a, b in zip(masks, closure, strict=True))
    fault = cells.unclosed(masks)
    assert (fault is None) == is_closed
    if fault:
        k, cell, face = fault
        assert masks[k][cell] and not masks[k - 1][face] and vertices[k - 1][face] < vertices[k][cell]
    part, ids = cells.restricted(closure)
    part.verify()
    assert part.counts == tuple(int(mask.sum()) for mask in closure[: part.dim + 1])
    for k in range(1, part.dim + 1):
        whole = cells.boundary_operator(k).toarray()
        assert (part.boundary_operator(k).toarray() == whole[np.ix_(ids[k - 1], ids[k])]).all()


@given(st.data())
def test_the_order_of_cells_does_not_matter(data):
    cells = tetrahedron()
    orders = [np.array(data.draw(st.permutations(range(n)))) for n in cells.counts]
    moved = reordered(cells, orders)
    for k in range(1, 4):
        expected = cells.boundary_operator(k).toarray()[np.ix_(orders[k - 1], orders[k])]
        assert (moved.boundary_operator(k).toarray() == expected).all()


def test_cofaces():
    cells = tetrahedron()
    starts, around, signs = cells.cofaces(1)
    assert np.diff(starts).tolist() == [2] * 6 and around.reshape(6, 2).tolist()[:3] == [[0, 1], [0, 2], [1, 2]]
    dense = cells.boundary_operator(2).toarray()
    assert [dense[e, t] for e in range(6) for t in around[starts[e] : starts[e + 1]]] == signs.tolist()
    assert cells.cofaces(3)[0].tolist() == [0, 0]
    hollow = tetrahedron(with_inside=False)
    assert hollow.cofaces(2)[1].size == 0 and hollow.cofaces(2)[0].size == 5


@given(st.lists(st.lists(st.integers(-5, 5), max_size=4), max_size=8))
def test_sums_of_segments(parts):
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    values = np.array([value for part in parts for value in part], dtype=np.int64)
    assert segment_sums(values, starts).tolist() == [sum(part) for part in parts]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"counts": (4, 6, 4)}, "same dimensions"),
        ({"counts": (4, 7, 4, 1)}, "dimension 1: starts"),
        ({"counts": (2, 6, 4, 1)}, "starts"),
        ({"faces": 99}, "no cell of dimension 0"),
        ({"faces": -1}, "no cell of dimension 0"),
        ({"signs": 2}, "1 or -1"),
        ({"signs": 0}, "1 or -1"),
    ],
)
def test_arrays_that_do_not_fit(change, words):
    cells = tetrahedron()
    parts = {name: getattr(cells, name) for name in ("counts", "starts", "faces", "signs")}
    for name, value in change.items():
        if name == "counts":
            parts[name] = value
        else:
            parts[name] = [array.copy() for array in parts[name]]
            parts[name][1][3] = value
    with pytest.raises(InputError, match=words):
        Cells(**parts)


def test_masks_are_checked():
    cells = tetrahedron()
    assert [mask.sum() for mask in cells.masks([np.ones(4, dtype=bool)])] == [4, 0, 0, 0]
    for masks, words in (
        ([np.ones(3, dtype=bool)], "expected 4 booleans"),
        ([np.ones(4)], "booleans"),
        ([np.ones(4, dtype=bool)] * 5, "at most 4"),
    ):
        with pytest.raises(InputError, match=words):
            cells.masks(masks)
    for masks in ("abcd", np.ones((4, 4), dtype=bool), 5, None):
        with pytest.raises(KindError, match="boolean masks"):
            cells.masks(masks)
    with pytest.raises(InputError, match="its face"):
        cells.restricted([np.zeros(4, dtype=bool), np.ones(6, dtype=bool)])
