"""Cubical complexes: grids, masks, periodic axes also of length 1 and 2."""

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.complexes.cubical_complex import CubicalComplex
from separatrix.errors import InputError, KindError


@pytest.mark.parametrize(
    "shape", [(1,), (2,), (3,), (1, 1), (2, 1), (2, 2), (3, 4), (1, 1, 1), (2, 1, 3), (1, 2, 1, 2)]
)
def test_a_periodic_grid_is_a_torus(shape: tuple[int, ...]) -> None:
    n = len(shape)
    torus = CubicalComplex(shape, periodic=True)
    cubes = int(np.prod(shape))
    assert torus.cell_counts == tuple(cubes * comb(n, k) for k in range(n + 1))
    assert torus.homology().betti == tuple(comb(n, k) for k in range(n + 1))
    for k in range(2, n + 1):
        assert (torus.boundary_operator(k - 1) @ torus.boundary_operator(k)).nnz == 0


def test_a_loop_of_one_edge_has_no_boundary_but_a_face() -> None:
    loop = CubicalComplex((1,), periodic=True)
    assert loop.boundary_operator(1).toarray().tolist() == [[0]]
    with pytest.raises(InputError, match="face"):
        loop.homology(relative_to=[np.array([False]), np.array([True])])
    assert loop.homology(relative_to=[np.array([True]), np.array([False])]).betti == (0, 1)


def test_one_periodic_axis_is_a_cylinder_and_none_a_ball() -> None:
    assert CubicalComplex((3, 2), periodic=(True, False)).homology().betti == (1, 1, 0)
    assert CubicalComplex((3, 2, 2)).homology().betti == (1, 0, 0, 0)


def cells_by_hand(mask: np.ndarray) -> list[set[tuple[int, ...]]]:
    """Cells by doubled coordinates: all products of parts of each cube's sides."""
    found: list[set[tuple[int, ...]]] = [set() for _ in range(mask.ndim + 1)]
    for cube in np.argwhere(mask):
        for parts in product((0, 1, 2), repeat=mask.ndim):
            found[sum(part == 1 for part in parts)].add(
                tuple(int(2 * c + part) for c, part in zip(cube, parts, strict=True))
            )
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3).flatmap(lambda n: st.tuples(*[st.integers(1, 3)] * n)), st.integers(0, 2**20))
def test_cells_of_a_mask_and_their_boundaries(shape: tuple[int, ...], seed: int) -> None:
    mask = np.random.default_rng(seed).random(shape) < 0.6
    complex_ = CubicalComplex(mask)
    expected = [cells for cells in cells_by_hand(mask) if cells]
    rows = [[tuple(row) for row in complex_.cells(k).tolist()] for k in range(complex_.dim + 1)]
    assert [set(r) for r in rows] == expected and [len(r) for r in rows] == list(complex_.counts)
    for k in range(1, complex_.dim + 1):
        operator = complex_.boundary_operator(k).toarray()
        for j, cell in enumerate(rows[k]):
            sign, column = 1, {}
            for axis, c in enumerate(cell):
                if c % 2:
                    for step in (1, -1):
                        face = (*cell[:axis], c + step, *cell[axis + 1 :])
                        column[rows[k - 1].index(face)] = sign * step
                    sign = -sign
            assert {int(i): int(operator[i, j]) for i in np.flatnonzero(operator[:, j])} == column


def test_voxels_of_known_shape() -> None:
    shell = np.ones((3, 3, 3), dtype=bool)
    shell[1, 1, 1] = False
    assert CubicalComplex(shell).homology().betti == (1, 0, 1, 0)
    ring = np.ones((3, 3, 1), dtype=bool)
    ring[1, 1] = False
    assert CubicalComplex(ring).homology().betti == (1, 1, 0, 0)
    diagonal = np.eye(2, dtype=bool)  # two squares that meet in a corner
    assert CubicalComplex(diagonal).homology().betti == (1, 0, 0)


def test_a_part_of_the_cubes_as_a_pair() -> None:
    square = CubicalComplex((3, 3))
    rim = np.ones((3, 3), dtype=bool)
    rim[1, 1] = False
    part = square.subcomplex(rim)
    assert part.homology().betti == (1, 1, 0)
    assert square.homology(relative_to=rim).betti == square.homology(relative_to=part).betti == (0, 0, 1)
    again = square.subcomplex(list(part.masks))
    assert again.cell_counts == part.cell_counts and again.cells(1).tolist() == part.cells(1).tolist()
    with pytest.raises(InputError):
        part.subcomplex(np.ones((3, 3), dtype=bool))


def test_names_say_where_a_cell_lies() -> None:
    annulus = CubicalComplex((2, 1), periodic=(True, False))
    assert {annulus.cell_name(1, i) for i in range(annulus.counts[1])} == {
        "[0,1]x0", "[0,1]x1", "[1,0]x0", "[1,0]x1", "0x[0,1]", "1x[0,1]",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given_", "periodic", "error"),
    [
        ((), False, KindError),
        ((0, 2), False, InputError),
        (np.zeros((2, 0), dtype=bool), False, InputError),
        (np.zeros((2, 2)), False, KindError),
        ([[True], [True, False]], False, InputError),
        ((2,) * 17, False, InputError),
        ((10**6, 10**6), False, InputError),
        ((2, 2), (True,), InputError),
        ((2, 2), "yes", KindError),
        ((2, 2), (1, 0), KindError),
        ("32", False, KindError),
    ],
)
def test_what_is_no_grid_is_refused(given_: object, periodic: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        CubicalComplex(given_, periodic)
