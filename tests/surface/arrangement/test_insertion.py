"""The lattice while neurons are inserted: its checks find what is broken, and pruning loses no piece of a surface."""

import numpy as np
import pytest

from separatrix.complexes.cells import Cells
from separatrix.complexes.sign_layout import words_over_facets
from separatrix.errors import SeparatrixError
from separatrix.networks.network import Network
from separatrix.surface.arrangement.arrangement import Arrangement, cells_of
from separatrix.surface.arrangement.box_lattice import box_lattice
from separatrix.surface.arrangement.compaction import keep_closure
from separatrix.surface.arrangement.cut import cut
from separatrix.surface.arrangement.insertion import insert_step
from separatrix.surface.arrangement.lattice import (
    CELL_COFACES,
    CELL_DIM,
    CELL_FACETS,
    CELL_SIZE,
    CELL_WITNESS,
    Lattice,
)
from separatrix.surface.arrangement.linear_steps import linear_steps
from separatrix.surface.arrangement.pruning import first_row_vanishes, top_tie
from separatrix.surface.arrangement.rational_signs import RationalSigns


def zero_cells(found: Arrangement, row: int = 0) -> list[int]:
    """Number of cells by dimension on which a row of the last step vanishes."""
    positive, negative, counts = found.positive, found.negative, []
    column = found.layout.columns(len(found.layout.coordinates) - 1).start + row
    for k in range(found.cells.dim + 1):
        if k:
            positive, negative = (words_over_facets(found.cells, k, words) for words in (positive, negative))
        counts.append(int((found.layout.unpacked(positive, negative)[:, column] == 0).sum()))
    return counts


def random_network(widths: list[int], seed: int, activation: str = "relu") -> Network:
    """Uniform weights as torch draws them."""
    rng, weights, biases = np.random.default_rng(seed), [], []
    for k, m in zip(widths[:-1], widths[1:], strict=True):
        weights.append(rng.uniform(-1, 1, (m, k)) * np.sqrt(3.0 / k))
        biases.append(rng.uniform(-1, 1, m) / np.sqrt(k))
    return Network.from_arrays(weights, biases, activation)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_wrong_sign_is_found(n: int) -> None:
    lattice = box_lattice(np.zeros(n), np.ones(n), 1)
    assert isinstance(cells_of(lattice), Cells)
    lattice.facets[1] ^= 1
    with pytest.raises(SeparatrixError, match="boundary"):
        cells_of(lattice)


def test_rows_of_grown_arrays_lie_in_one_cache_line_and_are_kept() -> None:
    lattice = box_lattice(np.zeros(3), np.ones(3), 1)
    before = lattice.cells[: lattice.n_cells].copy()
    lattice.reserve(1 << 16, 1 << 16, 1 << 16, 1 << 18, 1 << 18)
    for array in (lattice.cells, lattice.edges, lattice.facets, lattice.cofaces):
        assert array.ctypes.data % 64 == 0
    assert lattice.cells.flags.c_contiguous and len(lattice.cells) >= lattice.n_cells + (1 << 16)
    np.testing.assert_array_equal(lattice.cells[: lattice.n_cells], before)
    assert cells_of(lattice).counts == (8, 12, 6, 1)


def test_the_closure_of_some_cells_is_what_their_faces_are() -> None:
    lattice = box_lattice(np.zeros(3), np.ones(3), 1)
    squares = np.flatnonzero(lattice.cells[:26, CELL_DIM] == 2)[:2]
    kept = keep_closure(lattice, squares)
    counts = cells_of(lattice).counts
    assert counts[3] == 0
    assert counts[2] == 2
    assert len(kept) == counts[0]
    assert counts[0] - counts[1] + counts[2] == (1 if counts[0] == 6 else 2)


def assert_lists_agree(lattice: Lattice) -> None:
    """A cell's cofaces are the cells of which it is a facet, each once; its witness is one of its vertices; blocks have room."""
    expected: list[list[int]] = [[] for _ in range(lattice.n_cells)]
    vertices: dict[int, set[int]] = {}
    for cell in np.argsort(lattice.cells[: lattice.n_cells, CELL_DIM], kind="stable").tolist():
        row = lattice.cells[cell].tolist()
        if row[CELL_DIM] == 1:
            vertices[cell] = set(lattice.edges[row[CELL_FACETS], :2].tolist())
        else:
            entries = lattice.facets[row[CELL_FACETS] :][: row[CELL_SIZE]].tolist()
            assert len(entries) <= lattice.facets[row[CELL_FACETS] - 1]
            vertices[cell] = set().union(*(vertices[entry >> 1] for entry in entries))
            for entry in entries:
                expected[entry >> 1].append(cell)
        assert row[CELL_WITNESS] in vertices[cell]
    for cell, row in enumerate(lattice.cells[: lattice.n_cells].tolist()):
        room, count = lattice.cofaces[row[CELL_COFACES] - 2 : row[CELL_COFACES]].tolist()
        assert count <= room
        assert sorted(lattice.cofaces[row[CELL_COFACES] :][:count].tolist()) == expected[cell]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("are_concurrent", [False, True])
def test_facets_cofaces_and_witnesses_of_cells_agree(n: int, are_concurrent: bool) -> None:
    rng = np.random.default_rng(n)
    weights = rng.integers(-1, 2, (6, n)).astype(float) if are_concurrent else rng.standard_normal((6, n))
    second = rng.integers(-1, 2, (3, 6)).astype(float) if are_concurrent else rng.standard_normal((3, 6))
    biases = [np.zeros(6), np.zeros(3)] if are_concurrent else [rng.standard_normal(6), rng.standard_normal(3)]
    steps = linear_steps(Network.from_arrays([weights, second, np.ones((1, 3))], [*biases, np.zeros(1)], "relu"))[:-1]
    lower, upper = -np.ones(n), np.ones(n)
    lattice, signs = box_lattice(lower, upper, 3), RationalSigns(steps, lower, upper)
    signs.begin(lattice)
    for word, step in enumerate(steps, 1):
        insert_step(lattice, step, word, signs)
        assert_lists_agree(lattice)
    tops = np.flatnonzero(lattice.cells[: lattice.n_cells, CELL_DIM] == n)
    assert tops.size > (1 if n == 1 else 8)
    signs.keep(keep_closure(lattice, tops[::2].copy()))
    assert_lists_agree(lattice)


@pytest.fixture
def prunes_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("separatrix.surface.arrangement.cut.FEWEST_TO_PRUNE", 0)


@pytest.mark.usefixtures("prunes_always")
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("widths", [[2, 12, 12, 1], [3, 10, 8, 1], [2, 8, 8, 8, 1], [4, 7, 6, 1]])
def test_pruning_loses_no_piece_of_the_surface(widths: list[int], activation: str) -> None:
    n, dropped = widths[0], 0
    for seed in range(3):
        steps = linear_steps(random_network(widths, seed, activation), [[-1, 1]])
        whole = cut(steps, -np.ones(n), np.ones(n))
        pruned = cut(steps, -np.ones(n), np.ones(n), keep=first_row_vanishes)
        assert zero_cells(pruned) == zero_cells(whole)
        assert sum(pruned.cells.counts) <= sum(whole.cells.counts)
        dropped += pruned.n_dropped
        if sum(pruned.cells.counts):
            pruned.cells.verify()
    assert dropped > 0


@pytest.mark.usefixtures("prunes_always")
def test_ties_between_classes_survive_pruning() -> None:
    rows = [[1, -1, 0], [1, 0, -1], [0, 1, -1]]
    steps = linear_steps(random_network([2, 12, 10, 3], 4), rows)
    whole = cut(steps, -2 * np.ones(2), 2 * np.ones(2))
    pruned = cut(steps, -2 * np.ones(2), 2 * np.ones(2), keep=top_tie(3))
    assert ties(pruned) == ties(whole)
    assert pruned.n_dropped > 0


def ties(found: Arrangement) -> list[int]:
    """Cells by dimension on which two of three classes are largest together."""
    positive, negative, counts = found.positive, found.negative, []
    for k in range(found.cells.dim + 1):
        if k:
            positive, negative = (words_over_facets(found.cells, k, words) for words in (positive, negative))
        a, b, c = found.layout.unpacked(positive, negative)[:, -3:].T
        counts.append(int((((a == 0) & (b >= 0)) | ((b == 0) & (a >= 0)) | ((c == 0) & (a <= 0))).sum()))
    return counts


def test_small_complexes_are_not_pruned() -> None:
    steps = linear_steps(random_network([2, 12, 12, 1], 0), [[-1, 1]])
    assert cut(steps, -np.ones(2), np.ones(2), keep=first_row_vanishes).n_dropped == 0


@pytest.mark.usefixtures("prunes_always")
def test_a_rule_that_no_cell_meets_leaves_nothing() -> None:
    net = Network.from_arrays([np.eye(2), np.ones((1, 2))], [np.zeros(2), np.ones(1)], "relu")
    found = cut(linear_steps(net, [[-1, 1]]), -np.ones(2), np.ones(2), keep=first_row_vanishes)
    assert sum(found.cells.counts) == 0
    assert found.n_dropped == 1
