"""Values at all vertices of networks with structure, from affine forms that change little from cell to cell (§6).

A convolution of a vertex's values costs all its products. From one cell to the next one neuron changes its sign, and with it
a window of the next layer: the forms (values and slopes) of a cell follow from those of its neighbour by a few columns of the
weights. At a vertex they are then evaluated, n products a neuron. ``walk_bounds`` has the error bounds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from separatrix.surface.arrangement.lattice import CELL_DIM, CELL_ROOT, Lattice
from separatrix.surface.arrangement.norms import gamma, norm_up, raised
from separatrix.surface.arrangement.refresh import solve
from separatrix.surface.arrangement.walk_plan import WalkPlan
from separatrix.surface.arrangement.zero_forms import Rows, add_faces

ROWS_AT_ONCE, ROOM_AT_ONCE = 1024, 1 << 17  # rows of a block, and numbers in it
CELLS_AT_ONCE = 1 << 14  # of a piece: a walk of its own, whatever the number of threads
MOST_THREADS = 4


class CellWalk:
    """A walk over the top cells of a lattice whose bits of the steps of a plan, or of all but the last, are known.

    Pieces of it run in threads; its forms and values do not depend on where a walk begins. ``ranks``: where the cells of the last
    step's start come in the walk before; what they were cut into then follows in that order. Its own: for the next walk.
    """

    def __init__(self, lattice: Lattice, plan: WalkPlan, ranks: np.ndarray | None = None) -> None:
        from separatrix.surface.arrangement.cell_walk_kernels import first_cells

        self.lattice, self.steps, self.step_bounds, self.bounds = lattice, plan.steps, plan.bounds, plan.forms
        self.columns, order = plan.columns, _order(lattice, ranks)
        self.starts, self.corners = _corners(lattice, order)
        self.ranks = np.full(lattice.n_cells, -1, dtype=np.int64)
        self.ranks[order] = np.arange(order.size)
        self.owner = np.full(lattice.n_vertices, -1, dtype=np.int64)
        first_cells(self.starts, self.corners, self.owner)
        if (self.owner < 0).any():
            raise AssertionError("a vertex belongs to no top cell")

    def rows(self, wanted: np.ndarray, work: Callable[[np.ndarray, np.ndarray, np.ndarray], object]) -> None:
        """``work(ids, values, numbers)`` for blocks of the vertices that are ``wanted`` (V,): values (r, m) at the last step, in
        whose place the next ones come; ``numbers`` (r, 5) are s, g, a bound of the 2-norm of the values' error, inf, and d.
        """
        from separatrix.surface.arrangement.walk_reading_kernels import walked_rows

        lattice, wanted, width = self.lattice, wanted.copy(), self.steps[-1].bias.size
        size = min(max(64, ROOM_AT_ONCE // width), ROWS_AT_ONCE)

        def piece(cells: np.ndarray) -> None:
            state, position = self._state(len(self.steps) - 1), np.zeros(2, dtype=np.int64)
            ids, slopes, out = np.empty(size, dtype=np.int64), np.empty(size), np.empty((size, width))
            while position[0] < cells.size:
                filled = walked_rows(
                    position, cells, self.starts, self.corners, self.owner, wanted, lattice.x, ids, slopes, out,
                    lattice.positive, lattice.negative, *state,
                )  # fmt: skip
                if filled:
                    work(ids[:filled], out[:filled], self._numbers(ids[:filled], slopes[:filled]))

        _in_threads(piece, self._pieces(wanted))

    def pairs(self, pairs: np.ndarray, out: np.ndarray) -> None:
        """The values of the last step that ``pairs`` (V, words + 1) asks for, in ``out`` (1, number)."""
        from separatrix.surface.arrangement.walk_reading_kernels import walked_pairs

        lattice, creased = self.lattice, np.array(self.steps[-1].creased)

        def piece(cells: np.ndarray) -> None:
            walked_pairs(
                np.zeros(2, dtype=np.int64), cells, self.starts, self.corners, self.owner, pairs, creased, lattice.x, out,
                lattice.positive, lattice.negative, *self._state(len(self.steps) - 1),
            )  # fmt: skip

        _in_threads(piece, self._pieces(np.asarray(pairs[:, :-1].any(axis=1))))

    def vanishing(self, wanted: np.ndarray, layers: int, work: Callable[[np.ndarray, Rows], object]) -> None:
        """``work(ids, rows)`` for blocks of the vertices that are ``wanted`` (V,): the forms of the first ``layers`` steps that
        vanish there.
        """
        from separatrix.surface.arrangement.walk_reading_kernels import walked_zeros

        lattice, wanted = self.lattice, wanted.copy()
        tables, slopes = self._multipliers()
        rows_of = np.ascontiguousarray(np.concatenate(self.bounds.rows, axis=1))

        def piece(cells: np.ndarray) -> None:
            state, position = self._state(layers), np.zeros(2, dtype=np.int64)
            while position[0] < cells.size:
                ids, rows = np.empty(ROWS_AT_ONCE, dtype=np.int64), Rows(ROWS_AT_ONCE, lattice.n)
                filled = walked_zeros(
                    position, cells, self.starts, self.corners, self.owner, wanted, lattice.x, rows_of, tables, slopes, ids,
                    rows.count, rows.total, rows.F, rows.e_F, rows.G, rows.e_G,
                    lattice.positive, lattice.negative, *state,
                )  # fmt: skip
                if filled:
                    rows.e_F, rows.e_G = np.asarray(raised(rows.e_F, 16)), np.asarray(raised(rows.e_G, 16))
                    for name, array in vars(rows).items():
                        setattr(rows, name, array[:filled])
                    work(ids[:filled], rows)

        _in_threads(piece, self._pieces(wanted))

    def _pieces(self, wanted: np.ndarray) -> list[np.ndarray]:
        """The cells that own a vertex that is wanted, in the order of the walk, cut where it does not depend on threads."""
        is_needed = np.zeros(self.starts.size - 1, dtype=bool)
        is_needed[self.owner[wanted]] = True
        cells = np.flatnonzero(is_needed)
        return [cells[start : start + CELLS_AT_ONCE] for start in range(0, cells.size, CELLS_AT_ONCE)]

    def _multipliers(self) -> tuple[np.ndarray, np.ndarray]:
        """(2, layers, n + 1): s and g at the point itself; (3, layers): the same for slopes, and what underflow can lose."""
        b = self.bounds
        s, n = b.exact + b.rounded, self.lattice.n
        lost = np.asarray(raised(norm_up(b.grain[:, :n]) + np.sqrt(float(n)) * 2.0**-1000))
        slopes = np.stack([norm_up(s[:, :n]), norm_up(b.size[:, :n]), lost])
        return np.ascontiguousarray(np.stack([s, b.size])), np.ascontiguousarray(slopes)

    def _numbers(self, vertices: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Of :meth:`rows`, from bounds ``slopes`` of the forms' slopes in the cells of the vertices.

        x is off by the vertex's error: d is what that makes of a form of the cell, which holds the exact vertex.
        """
        x = np.abs(self.lattice.x[vertices])
        x = np.column_stack([x, np.ones(len(x))])
        s, g = x @ (self.bounds.exact[-1] + self.bounds.rounded[-1]), x @ self.bounds.size[-1]
        norm, n = self._norms(x), self.lattice.n
        with np.errstate(all="ignore"):
            d = raised((slopes + norm_up(self._norms(np.eye(n, n + 1)))) * self.lattice.error[vertices], 8)
            found = np.stack([raised(s, 16), raised(g, 16), raised(norm + d, 16), np.full(len(x), np.inf), d], axis=1)
        return np.ascontiguousarray(found)

    def _norms(self, x: np.ndarray) -> np.ndarray:
        """Bounds of the 2-norm of the error of the forms at the points x (r, n + 1)."""
        exact, rounded, size = (x @ table[-1] for table in (self.bounds.exact, self.bounds.rounded, self.bounds.size))
        bound = self.step_bounds[-1]
        weak, constant = (float(norm_up(row)) for row in self.bounds.rows[-1][1:])
        norm = (bound.norms[1] + weak) * exact + bound.norms[5] * rounded + weak * size + constant
        return np.asarray(raised(norm, 16))

    @property
    def error_of_forms(self) -> float:
        """A bound of the 2-norm of the errors of the last step's values in the box, positions apart."""
        return float(self._norms(self.bounds.reach[None, :])[0])

    def _state(self, layers: int) -> tuple[Any, ...]:
        """The arrays that the kernels share, with nothing begun yet; the bits of ``layers`` steps are used."""
        n, steps, scales = self.lattice.n, self.steps, self.bounds.scales
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
            bit_rows, left, offsets, *self.columns, np.ascontiguousarray(scales), sums,
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


def _in_threads(piece: Callable[[np.ndarray], None], pieces: Sequence[np.ndarray]) -> None:
    """All pieces, in as many threads as there are cores; the same bits for any number of them."""
    from threadpoolctl import threadpool_limits

    def quiet(cells: np.ndarray) -> None:
        with np.errstate(all="ignore"):  # which a thread does not take over
            piece(cells)

    threads = min(len(pieces), os.cpu_count() or 1, MOST_THREADS)
    with threadpool_limits(limits=1):
        if threads < 2:
            for cells in pieces:
                quiet(cells)
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(quiet, pieces))


def _order(lattice: Lattice, ranks: np.ndarray | None) -> np.ndarray:
    """The top cells in an order in which neighbours follow each other."""
    from separatrix.surface.arrangement.cell_walk_kernels import walk_order

    dims = lattice.cells[: lattice.n_cells, CELL_DIM]
    tops = np.flatnonzero(dims == lattice.n)
    if ranks is not None:
        return tops[np.argsort(ranks[lattice.cells[tops, CELL_ROOT]], kind="stable")]
    resume = np.where(dims == lattice.n, -2, -1).astype(np.int64)
    order = np.empty((2, tops.size), dtype=np.int64)
    walk_order(tops, lattice.cells, lattice.facets, lattice.cofaces, resume, order)
    return order[0]


def _corners(lattice: Lattice, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners of top cells: where each begins, and the vertices."""
    from separatrix.surface.arrangement.pruning_kernels import list_corners

    starts = np.zeros(order.size + 1, dtype=np.int64)
    corners = np.empty(6 * order.size, dtype=np.int64)
    seen = np.full((2, max(lattice.n_cells, lattice.n_vertices)), -1, dtype=np.int64)
    stack, done = np.empty(lattice.n_cells, dtype=np.int64), 0
    while done < order.size:
        done = int(
            list_corners(done, order, lattice.cells, lattice.edges, lattice.facets, seen, stack, starts, corners)
        )
        if done < order.size:
            corners = np.concatenate([corners, np.empty_like(corners)])
    return starts, corners[: starts[-1]]


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
    """
    lattice = walk.lattice

    def place(ids: np.ndarray, rows: Rows) -> None:
        with np.errstate(all="ignore"):
            add_faces(rows, lattice.x[ids], lattice.positive[ids], box)
            x, radius = solved(rows, lattice.x[ids])
            better = radius < lattice.error[ids]
        lattice.x[ids[better]], lattice.error[ids[better]] = x[better], radius[better]

    wanted = mask_of(lattice.n_vertices, vertices)
    walk.vanishing(wanted & ~(lattice.error[: lattice.n_vertices] <= largest), layers, place)
