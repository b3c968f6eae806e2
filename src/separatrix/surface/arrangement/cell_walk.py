"""Values at all vertices of networks with structure, from affine forms that change little from cell to cell (§6).

A convolution of a vertex's values costs all its products. From one cell to the next one neuron changes its sign, and with it
a window of the next layer: the forms (values and slopes) of a cell follow from those of its neighbour by a few columns of the
weights. At a vertex they are then evaluated, n products a neuron. ``walk_bounds`` has the error bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.surface.arrangement.lattice import CELL_DIM, CELL_ROOT, CELL_SIZE, Lattice
from separatrix.surface.arrangement.norms import gamma, norm_up, raised
from separatrix.surface.arrangement.refresh import solve
from separatrix.surface.arrangement.tail_forms import MOST_TERMS, tail_forms
from separatrix.surface.arrangement.threads import in_threads
from separatrix.surface.arrangement.walk_plan import Block, WalkPlan, columns_of
from separatrix.surface.arrangement.zero_forms import Rows, add_faces

ROWS_AT_ONCE, ROOM_AT_ONCE = 1024, 1 << 18  # rows of a block, and numbers in it
CELLS_AT_ONCE = 1 << 14  # of a piece: a walk of its own, whatever the number of threads


class CellWalk:
    """A walk over the top cells of a lattice whose bits of the steps before the one that a plan is for are known.

    Pieces of it run in threads; its forms and values do not depend on where a walk begins. ``ranks``: where the cells of the last
    step's start come in the walk before; what they were cut into then follows in that order, as is good where the last step is
    none of those whose signs the forms depend on. Its own: for the next walk.
    """

    def __init__(self, lattice: Lattice, plan: WalkPlan, ranks: np.ndarray | None = None) -> None:
        from separatrix.surface.arrangement.cell_walk_kernels import first_cells

        self.lattice, self.plan, self.bounds = lattice, plan, plan.forms
        order = _order(lattice, ranks)
        self.starts, self.corners = _corners(lattice, order)
        self.ranks: np.ndarray = np.empty(lattice.n_cells, dtype=np.int32)  # of top cells
        self.ranks[order] = np.arange(order.size, dtype=np.int32)
        self.owner: np.ndarray = np.full(lattice.n_vertices, -1, dtype=np.int32)
        first_cells(self.starts, self.corners, self.owner)
        if (self.owner < 0).any():
            raise AssertionError("a vertex belongs to no top cell")

    def rows(self, wanted: np.ndarray, work: Callable[[Block], object]) -> None:
        """``work(block)`` for blocks of the vertices that are ``wanted`` (V,), with values of the last step whose forms are
        carried. The arrays are the work's own.
        """
        from separatrix.surface.arrangement.walk_reading_kernels import walked_rows

        lattice, wanted, width = self.lattice, wanted.copy(), self.plan.steps[-1].bias.size
        size, layers = min(max(64, ROOM_AT_ONCE // width), ROWS_AT_ONCE), len(self.plan.steps) - 1
        columns, table = columns_of(self.plan.steps), self._multipliers

        def piece(cells: np.ndarray) -> None:
            state, position = self._state(layers, layers + 1, columns), np.zeros(2, dtype=np.int64)
            ids, numbers, out = np.empty(size, dtype=np.int64), np.empty((size, 5)), np.empty((size, width))
            while position[0] < cells.size:
                filled = walked_rows(
                    position, cells, self.starts, self.corners, self.owner, wanted, lattice.x, lattice.error, table, ids,
                    numbers, out, lattice.positive, lattice.negative, *state,
                )  # fmt: skip
                if filled:
                    work((ids[:filled], out[:filled], numbers[:filled]))

        in_threads(piece, self._pieces(wanted))

    def vanishing(self, wanted: np.ndarray, layers: int, work: Callable[[np.ndarray, Rows], object]) -> None:
        """``work(ids, rows)`` for blocks of the vertices that are ``wanted`` (V,): the forms of the first ``layers`` steps that
        vanish there.
        """
        from separatrix.surface.arrangement.walk_reading_kernels import walked_zeros

        lattice, wanted, top = self.lattice, wanted.copy(), min(layers, len(self.plan.steps))
        columns, tables = columns_of(self.plan.steps[:top]), self._vanishing_tables(top)
        tail = tail_forms((*self.plan.bounds, *self.plan.tail)[:layers], top)

        def piece(cells: np.ndarray) -> None:
            state, position = self._state(top - 1, top, columns), np.zeros(2, dtype=np.int64)
            scratch = self._scratch()
            while position[0] < cells.size:
                ids, rows = np.empty(ROWS_AT_ONCE, dtype=np.int64), Rows(ROWS_AT_ONCE, lattice.n)
                filled = walked_zeros(
                    position, cells, self.starts, self.corners, self.owner, wanted, lattice.x, *tables, *tail, *scratch, ids,
                    rows.count, rows.total, rows.F, rows.e_F, rows.G, rows.e_G,
                    lattice.positive, lattice.negative, *state,
                )  # fmt: skip
                if filled:
                    rows.e_F, rows.e_G = np.asarray(raised(rows.e_F, 16)), np.asarray(raised(rows.e_G, 16))
                    for name, array in vars(rows).items():
                        setattr(rows, name, array[:filled])
                    work(ids[:filled], rows)

        in_threads(piece, self._pieces(wanted))

    def pairs(self, pairs: np.ndarray, places: np.ndarray, out: np.ndarray) -> None:
        """The values of the plan's step at the pairs (V, words), bounds of their errors, and their bits in ``out`` (3, number),
        those of vertex v from ``places[v]`` on.
        """
        from separatrix.surface.arrangement.walk_reading_kernels import walked_pairs

        lattice, plan, top = self.lattice, self.plan, len(self.plan.steps)
        columns, bounds = columns_of(plan.steps), (*plan.bounds, *plan.tail)
        _, _, *tail = tail_forms(bounds, top)
        tables, before = self._vanishing_tables(top), sum(b.bias.size for b in bounds[:-1])

        def piece(cells: np.ndarray) -> None:
            walked_pairs(
                cells, self.starts, self.corners, self.owner, pairs, places, plan.index, before, bounds[-1].creased, lattice.x,
                lattice.error, out, *tables, *tail, *self._scratch(), np.zeros(2, dtype=np.int64),
                lattice.positive, lattice.negative, *self._state(top - 1, top, columns),
            )  # fmt: skip

        in_threads(piece, self._pieces(places[1:] > places[:-1]))

    def _scratch(self) -> tuple[np.ndarray, ...]:
        """For the terms of one form, and the form."""
        return np.zeros((2, MOST_TERMS), dtype=np.int64), np.zeros((2, MOST_TERMS)), np.zeros(self.lattice.n + 3)

    def _pieces(self, wanted: np.ndarray) -> list[np.ndarray]:
        """The cells that own a vertex that is wanted, in the order of the walk, cut where it does not depend on threads."""
        is_needed = np.zeros(self.starts.size - 1, dtype=bool)
        is_needed[self.owner[wanted]] = True
        cells = np.flatnonzero(is_needed)
        return [cells[start : start + CELLS_AT_ONCE] for start in range(0, cells.size, CELLS_AT_ONCE)]

    def reaches(self) -> np.ndarray:
        """(V,): about how long the cells at a vertex are."""
        from separatrix.surface.arrangement.near_kernels import reaches

        found = np.zeros(self.lattice.n_vertices)
        reaches(self.starts, self.corners, self.lattice.x, found)
        return found

    @cached_property
    def _multipliers(self) -> np.ndarray:
        """What |x| and 1 are multiplied by for s, g and the 2-norm of the errors of the last step's forms, and a bound of the
        2-norm of their slopes' errors (4, n + 1). Bounds over the box are all there is: s and g are 0.
        """
        found = np.zeros((4, self.lattice.n + 1))
        found[2, -1], found[3, 0] = self.bounds.norms[-1]
        return found

    @property
    def error_of_forms(self) -> float:
        """A bound of the 2-norm of the errors of the last carried step's values in the box, positions apart."""
        return float(self.bounds.norms[-1, 0])

    def _vanishing_tables(self, top: int) -> tuple[np.ndarray, ...]:
        """Of the first ``top`` steps: p, q, c of the rows (3, rows), s and g at a point (2, top, n + 1), and for slopes (3, top):
        the same, and what underflow can lose. p bounds the errors of slopes, so that s is 1 there and 0 at a point.
        """
        n = self.lattice.n
        slopes = np.zeros((3, top))
        slopes[0], slopes[2] = 1.0, np.sqrt(float(n)) * 2.0**-1000
        return np.ascontiguousarray(np.concatenate(self.bounds.rows[:top], axis=1)), np.zeros((2, top, n + 1)), slopes

    def _state(self, layers: int, top: int, columns: tuple[np.ndarray, ...]) -> tuple[Any, ...]:
        """The arrays that the kernels share, with nothing begun yet: forms of ``top`` steps, the bits of ``layers`` are used."""
        n, steps, scales = self.lattice.n, self.plan.steps[:top], self.bounds.scales
        widths, words = [step.bias.size for step in steps], [step.words for step in steps[:layers]]
        offsets = np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)
        with_bits, total, first = int(offsets[layers]), sum(widths), 1
        ends = (first + np.cumsum(words)).astype(np.int64)
        bit_rows, left = np.full((sum(words), 64), -1, dtype=np.int64), np.ones(with_bits)
        for q, step in enumerate(steps[:layers]):
            left[offsets[q] : offsets[q + 1]] = step.slope
            bits = np.arange(step.creased.size)
            bit_rows[ends[q] - first - words[q] + bits // 64, bits % 64] = offsets[q] + step.creased
        sums, G = np.zeros((n + 1, total), dtype=np.int64), np.zeros((n + 1, total))
        G[:n, : widths[0]], G[n, : widths[0]] = steps[0].weight.T, steps[0].bias
        for q, step in enumerate(steps[1:], 1):
            here = slice(offsets[q], offsets[q + 1])
            sums[n, here] = (step.bias * scales[q, n]).astype(np.int64)
            G[n, here] = sums[n, here] / scales[q, n]
        return (
            np.zeros((2, sum(words)), dtype=np.uint64), np.zeros((2, sum(words)), dtype=np.uint64), first, ends,
            bit_rows, left, offsets, *columns, np.ascontiguousarray(scales), sums,
            G, np.zeros((n + 1, with_bits)), np.zeros(with_bits), np.zeros(total, dtype=bool),
            np.zeros((2, total), dtype=np.int64),
        )  # fmt: skip


def mask_of(count: int, vertices: np.ndarray | None) -> np.ndarray:
    """(count,) booleans: which ids are among ``vertices``; None: all."""
    if vertices is None:
        return np.ones(count, dtype=bool)
    found = np.zeros(count, dtype=bool)
    found[vertices] = True
    return found


def _order(lattice: Lattice, ranks: np.ndarray | None) -> np.ndarray:
    """The top cells in an order in which neighbours follow each other."""
    from separatrix.surface.arrangement.cell_walk_kernels import walk_order

    dims = lattice.cells[: lattice.n_cells, CELL_DIM]
    tops = np.flatnonzero(dims == lattice.n)
    if ranks is not None:
        return tops[np.argsort(ranks[lattice.cells[tops, CELL_ROOT]], kind="stable")]
    order = np.empty((2, tops.size), dtype=np.int64)
    walk_order(tops, lattice.cells, lattice.facets, lattice.cofaces, (dims == lattice.n).astype(np.int8), order)
    return order[0]


def _corners(lattice: Lattice, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners of top cells: where each begins, and the vertices."""
    if lattice.n == 2:
        return _polygon_corners(lattice, order)
    from separatrix.surface.arrangement.pruning_kernels import list_corners

    starts = np.zeros(order.size + 1, dtype=np.int64)
    corners = np.empty(6 * order.size, dtype=np.int32)
    seen = np.full((2, max(lattice.n_cells, lattice.n_vertices)), -1, dtype=np.int64)
    stack, done = np.empty(lattice.n_cells, dtype=np.int64), 0
    while done < order.size:
        done = int(
            list_corners(done, order, lattice.cells, lattice.edges, lattice.facets, seen, stack, starts, corners)
        )
        if done < order.size:
            corners = np.concatenate([corners, np.empty_like(corners)])
    return starts, corners[: starts[-1]]


def _polygon_corners(lattice: Lattice, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of polygons, which have as many corners as sides."""
    from separatrix.surface.arrangement.cell_walk_kernels import corners_of_polygons

    starts = np.concatenate([[0], np.cumsum(lattice.cells[order, CELL_SIZE])]).astype(np.int64)
    corners = np.empty(starts[-1], dtype=np.int32)

    def piece(first: int) -> None:
        last = min(first + CELLS_AT_ONCE, order.size)
        corners_of_polygons(first, last, order, lattice.cells, lattice.edges, lattice.facets, starts, corners)

    in_threads(piece, range(0, order.size, CELLS_AT_ONCE))
    return starts, corners


def solved(rows: Rows, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points where the rows vanish, near x (V, n), and bounds of their distance to the exact ones, inf: none."""
    with np.errstate(all="ignore"):
        found = solve(rows)
        unit = gamma(x.shape[1] + 2)
        dx = -np.einsum("vij,vj->vi", found.C, found.F)
        step, size = norm_up(dx), np.abs(found.F) + np.einsum("vij,vj->vi", np.abs(found.G), np.abs(dx))
        off = np.abs(found.F + np.einsum("vij,vj->vi", found.G, dx)) + unit * size
        radius = found.error(np.asarray(raised(off + found.e_F + found.e_G * step[:, None], 2 * x.shape[1])))
        return x + dx, np.asarray(raised(radius + norm_up(x + dx) * 2.0**-52))


def refine(
    walk: CellWalk, box: tuple[np.ndarray, np.ndarray], largest: float, layers: int, vertices: np.ndarray | None = None
) -> None:
    """Place those of ``vertices``, by default all, again whose positions are not known within ``largest``, from the forms of the
    first ``layers`` steps that vanish there.

    All positions are clipped to the box before, where the forms are bounded: no farther from exact vertices, which lie there.
    """
    lattice = walk.lattice
    np.clip(lattice.x[: lattice.n_vertices], *box, out=lattice.x[: lattice.n_vertices])

    def place(ids: np.ndarray, rows: Rows) -> None:
        with np.errstate(all="ignore"):
            add_faces(rows, lattice.x[ids], lattice.positive[ids], box)
            x, radius = solved(rows, lattice.x[ids])
            better = radius < lattice.error[ids]
        lattice.x[ids[better]], lattice.error[ids[better]] = x[better], radius[better]

    wanted = mask_of(lattice.n_vertices, vertices)
    walk.vanishing(wanted & ~(lattice.error[: lattice.n_vertices] <= largest), layers, place)
