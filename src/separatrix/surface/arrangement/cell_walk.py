"""Values at all vertices of networks with structure, from affine forms that change little from cell to cell (§6).

A convolution of a vertex's values costs all its products. From one cell to the next one neuron changes its sign, and with it
a window of the next layer: the forms (values and slopes) of a cell follow from those of its neighbour by a few columns of the
weights. At a vertex they are then evaluated, n products a neuron. ``walk_bounds`` has the error bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from separatrix.surface.arrangement.lattice import CELL_DIM, Lattice
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.norms import gamma, norm_up, raised
from separatrix.surface.arrangement.refresh import Rows, add_faces, solve
from separatrix.surface.arrangement.step_bounds import LARGE, StepBounds
from separatrix.surface.arrangement.walk_bounds import WalkBounds

ROWS_AT_ONCE = 1024
FEWEST_VERTICES = 256  # below, evaluating all of them costs less than compiling the walk
THIN = 0.25  # entries of a weight that is walked along that are not 0, at most

Block = tuple[np.ndarray, np.ndarray]


def is_thin(step: LinearStep) -> bool:
    """Whether a change of one input of the step changes few of its outputs."""
    return step.weight.size >= LARGE and step.share <= THIN


def is_walked(steps: Sequence[LinearStep], lattice: Lattice) -> bool:
    """Whether a walk gives the values of the last of ``steps`` at less cost than products: all but the first one are thin."""
    return lattice.n > 1 and len(steps) > 1 and lattice.n_vertices >= FEWEST_VERTICES and all(map(is_thin, steps[1:]))


class CellWalk:
    """A walk over all top cells of a lattice whose bits of all ``steps``, or of all but the last, are known.

    ``bounds``: those of the steps, and of the forms that are carried.
    """

    def __init__(
        self, lattice: Lattice, steps: Sequence[LinearStep], bounds: tuple[Sequence[StepBounds], WalkBounds]
    ) -> None:
        self.lattice, self.steps, (self.step_bounds, self.bounds) = lattice, list(steps), bounds
        self.starts, self.corners = _ordered_corners(lattice)

    def values(self, out: np.ndarray) -> Iterator[Block]:
        """Fill ``out`` (V, m) with the values at the last step; vertices and bounds of the lengths of their rows, in blocks."""
        from separatrix.surface.arrangement.cell_walk_kernels import walked_rows

        lattice, state = self.lattice, self._state(len(self.steps) - 1)
        wanted = np.ones(lattice.n_vertices, dtype=bool)
        ids, lengths = np.empty(ROWS_AT_ONCE, dtype=np.int64), np.empty(ROWS_AT_ONCE)
        position: np.ndarray = np.zeros(2, dtype=np.int64)
        while position[0] < self.starts.size - 1:
            filled = walked_rows(
                position, self.starts, self.corners, wanted, lattice.x, ids, lengths, out,
                lattice.positive, lattice.negative, *state,
            )  # fmt: skip
            yield ids[:filled], lengths[:filled]
        if wanted.any():
            raise AssertionError("a vertex belongs to no top cell")

    def vanishing(
        self, wanted: np.ndarray, box: tuple[np.ndarray, np.ndarray], layers: int | None = None
    ) -> Iterator[tuple[np.ndarray, Rows]]:
        """Vertices that are ``wanted`` (V,) and the forms that vanish there, the box's faces among them, in blocks.

        ``layers``: those of so many steps, by default of all but the last.
        """
        from separatrix.surface.arrangement.cell_walk_kernels import walked_zeros

        lattice, state, n = self.lattice, self._state(layers or len(self.steps) - 1), self.lattice.n
        position: np.ndarray = np.zeros(2, dtype=np.int64)
        left, wanted = int(wanted.sum()), wanted.copy()
        tables, slopes = self._multipliers()
        rows_of = np.ascontiguousarray(np.concatenate(self.bounds.rows, axis=1))
        while left:
            size = min(left, ROWS_AT_ONCE)
            ids, rows = np.empty(size, dtype=np.int64), Rows(size, n)
            filled = walked_zeros(
                position, self.starts, self.corners, wanted, lattice.x, rows_of, tables, slopes, ids,
                rows.count, rows.total, rows.F, rows.e_F, rows.G, rows.e_G,
                lattice.positive, lattice.negative, *state,
            )  # fmt: skip
            if filled < size:
                raise AssertionError("a vertex that is wanted belongs to no top cell")
            rows.e_F, rows.e_G = np.asarray(raised(rows.e_F, 16)), np.asarray(raised(rows.e_G, 16))
            add_faces(rows, lattice.x[ids], lattice.positive[ids], box)
            left -= size
            yield ids, rows

    def _multipliers(self) -> tuple[np.ndarray, np.ndarray]:
        """(2, layers, n + 1): s and g at the point itself; (3, layers): the same for slopes, and what underflow can lose."""
        b = self.bounds
        s, n = b.exact + b.rounded, self.lattice.n
        lost = np.asarray(raised(norm_up(b.grain[:, :n]) + np.sqrt(float(n)) * 2.0**-1000))
        slopes = np.stack([norm_up(s[:, :n]), norm_up(b.size[:, :n]), lost])
        return np.ascontiguousarray(np.stack([s, b.size])), np.ascontiguousarray(slopes)

    def bounds_of_values(self, vertices: np.ndarray, lipschitz: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """s, g of the last step's values at ``vertices``, whose inputs have the constant ``lipschitz``; bounds of the 2-norm."""
        x, drift = self._places(vertices, lipschitz)
        exact, rounded, size = (x @ table[-1] for table in (self.bounds.exact, self.bounds.rounded, self.bounds.size))
        g, bound = size + drift, self.step_bounds[-1]
        weak, constant = (float(norm_up(row)) for row in self.bounds.rows[-1][1:])
        norm = (bound.norms[1] + weak) * (exact + drift) + bound.norms[5] * rounded + weak * g + constant
        s = exact + rounded + drift
        return np.asarray(raised(s, 16)), np.asarray(raised(g, 16)), np.asarray(raised(norm, 16))

    @property
    def error_of_forms(self) -> float:
        """What the errors of the forms, without that of a position, make s of the last step's values in the box, at most."""
        return float((self.bounds.exact[-1] + self.bounds.rounded[-1]) @ self.bounds.reach)

    def _places(self, vertices: np.ndarray, lipschitz: float) -> tuple[np.ndarray, np.ndarray]:
        x = np.abs(self.lattice.x[vertices])
        return np.column_stack([x, np.ones(len(x))]), lipschitz * self.lattice.error[vertices]

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
            bit_rows, left, offsets, *_columns(steps), np.ascontiguousarray(scales), sums,
            G, np.zeros((n + 1, with_bits)), np.zeros(with_bits), np.zeros(total, dtype=bool),
            np.zeros((2, total), dtype=np.int64), np.zeros(n + 1), np.zeros(n + 1),
        )  # fmt: skip


def _columns(steps: Sequence[LinearStep]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The columns of the weights of the steps 1, 2, …, one after the other: starts, rows, entries."""
    starts, rows, entries, count = [np.zeros(1, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [np.zeros(0)], 0
    for step in steps[1:]:
        column, row = np.nonzero(step.weight.T)
        starts.append(count + np.cumsum(np.bincount(column, minlength=step.weight.shape[1])))
        rows.append(row)
        entries.append(step.weight[row, column])
        count += row.size
    starts.append(np.full(steps[-1].bias.size, count))
    return np.concatenate(starts), np.concatenate(rows), np.concatenate(entries)


def _ordered_corners(lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
    """The corners of all top cells in an order in which neighbours follow each other: where each begins, and the vertices."""
    from separatrix.surface.arrangement.cell_walk_kernels import walk_order
    from separatrix.surface.arrangement.pruning_kernels import list_corners

    dims = lattice.cells[: lattice.n_cells, CELL_DIM]
    tops = np.flatnonzero(dims == lattice.n)
    resume = np.where(dims == lattice.n, -2, -1).astype(np.int64)
    order = np.empty((2, tops.size), dtype=np.int64)
    walk_order(tops, lattice.cells, lattice.facets, lattice.cofaces, resume, order)
    starts = np.zeros(tops.size + 1, dtype=np.int64)
    corners = np.empty(6 * tops.size, dtype=np.int64)
    seen = np.full((2, max(lattice.n_cells, lattice.n_vertices)), -1, dtype=np.int64)
    stack, done = np.empty(lattice.n_cells, dtype=np.int64), 0
    while done < tops.size:
        done = int(
            list_corners(done, order[0], lattice.cells, lattice.edges, lattice.facets, seen, stack, starts, corners)
        )
        if done < tops.size:
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
