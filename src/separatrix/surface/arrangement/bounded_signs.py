"""Signs of neurons at vertices by doubles with proved bounds, by rational numbers only where a bound straddles zero (§6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from separatrix.surface.arrangement.cell_simplices import cell_simplices
from separatrix.surface.arrangement.cell_walk import CellWalk
from separatrix.surface.arrangement.exact_decisions import ExactDecisions
from separatrix.surface.arrangement.linear_steps import LinearStep, first_words
from separatrix.surface.arrangement.norms import TINIEST, raised
from separatrix.surface.arrangement.refresh import Refreshed, refresh
from separatrix.surface.arrangement.repeated_rows import repeated_rows
from separatrix.surface.arrangement.step_bounds import StepBounds
from separatrix.surface.arrangement.step_values import StepValues, refine, walk_bounds
from separatrix.surface.arrangement.walk_bounds import WalkBounds

ROWS_AT_ONCE = 2048
FEWEST = 256  # rows of an array that grows
ROOM_AT_ONCE = 2**20  # doubles of the largest Jacobian of a batch
TIGHT = 1e-8  # a vertex is placed again before a walk where its error is larger than this part of the box
MATCHED = 8.0  # or than so many times what has the effect of the forms' own errors
LOOSE = 1e-5  # a new vertex is solved again where its error is larger than this part of its values
FAR, NEAR = 5e-7, 1e-3  # or its position is off by more than these parts of the box and of itself


class BoundedSigns:
    """The numbers of the insertion: the protocol of :class:`RationalSigns`, quick.

    ``n_exact_decisions``: signs decided in rational numbers; ``n_refreshed``: vertices solved from their own hyperplanes.
    Per step: ``values`` (old vertices, m) and ``numbers`` (old, 4) = s, g of (1), the bounds of |A - exact| and of |A|;
    for later vertices their simplices, weights and error bounds, or rows of their own.
    """

    def __init__(self, steps: Sequence[LinearStep], lower: np.ndarray, upper: np.ndarray) -> None:
        self.steps, self.words, self.box = list(steps), first_words(steps), (lower, upper)
        self.extent = float(np.max(upper / 2 - lower / 2, initial=0.0))
        self.bounds: list[StepBounds] = []
        self.decisions = ExactDecisions(steps, lower, upper)
        self.index = -1
        self.n_refreshed = 0
        n = lower.size
        self.values, self.numbers = np.zeros((0, n)), np.zeros((0, 4))
        self.copies = np.zeros((2, 0), dtype=np.int64)
        self.lipschitz = 1.0  # of the step's exact values in x
        self.kept: np.ndarray | None = None
        self.walk_bounds: WalkBounds | None = None
        self.scratch: Any = None
        self.simplex = np.zeros((0, n + 1), dtype=np.int32)
        self._forget(0, n, n)

    @property
    def n_exact_decisions(self) -> int:
        """Signs that were decided in rational numbers."""
        return self.decisions.count

    def begin(self, lattice: Any) -> None:
        """The box's corners are doubles: there is nothing to prepare."""

    def _forget(self, room: int, n: int, width: int) -> None:
        """Empty arrays for the vertices that the step will make."""
        self.support = np.full((room, n + 1), -1, dtype=np.int32)
        self.weights = np.zeros((room, n + 1))
        self.errors, self.state = np.full(room, np.inf), np.zeros(room, dtype=np.int8)
        self.own = np.full(room, -1, dtype=np.int64)
        self.own_values = np.zeros((0, width))

    def start_step(self, lattice: Any, step: LinearStep) -> None:
        """Values, bounds and bits of ``step`` at all vertices of the lattice."""
        if self.steps[self.index + 1] is not step:
            raise AssertionError("steps come in their order")
        bounds = self._next_bounds()
        self.copies = repeated_rows(step)
        with np.errstate(all="ignore"):
            self._evaluate(lattice, bounds)
        self.index += 1
        self.kept = None
        self.lipschitz = float(raised(self.lipschitz * bounds.slope()))  # which no underflow makes 0
        self._forget(lattice.n_vertices, lattice.n, bounds.bias.size)
        self.simplex = cell_simplices(lattice, step, self.words[self.index])
        word, last = self.words[self.index : self.index + 2]
        both = lattice.positive[: lattice.n_vertices, word:last] & lattice.negative[: lattice.n_vertices, word:last]
        self._settle(lattice, np.flatnonzero(both.any(axis=1)))

    def _evaluate(self, lattice: Any, bounds: StepBounds) -> None:
        """A = h W^T + b of all vertices in blocks of rows, with the bits that the bounds prove."""
        count, index = lattice.n_vertices, self.index + 1
        into = StepValues(lattice, bounds, self.words[index], self.copies)
        if self.walk_bounds is None:
            rest: list[Any] = [
                slice(start, min(start + ROWS_AT_ONCE, count)) for start in range(0, count, ROWS_AT_ONCE)
            ]
        else:
            walk = CellWalk(lattice, self.steps[: index + 1], (self.bounds, self.walk_bounds))
            self._place_well(lattice, walk)
            rest = into.walk(walk, self.lipschitz)
            self.bounds[index] = into.bounds
        for block in rest:
            into.compute(block, *self._inputs(lattice, block))
        self.values, self.numbers = into.values, into.numbers

    def _place_well(self, lattice: Any, walk: CellWalk) -> None:
        """Better positions where they are not known well: from the forms of a walk, their own hyperplanes, rationals.

        Well means that values at the step are off by their forms' errors more than by the position.
        """
        most, used = TIGHT * self.extent, slice(lattice.n_vertices)
        np.clip(
            lattice.x[used], *self.box, out=lattice.x[used]
        )  # no farther from the exact vertex, and forms are bounded there
        refine(walk, lattice, self.box, min(most, MATCHED * walk.error_of_forms / self.lipschitz))
        for part in self._batches(np.flatnonzero(~(lattice.error[: lattice.n_vertices] <= most)), lattice.n):
            self._take_places(lattice, part, self._refreshed(lattice, part))
        for v in np.flatnonzero(~np.isfinite(lattice.error[: lattice.n_vertices])).tolist():
            lattice.x[v], lattice.error[v] = self.decisions.doubles(lattice, v, self.index)[:2]
        np.clip(lattice.x[used], *self.box, out=lattice.x[used])

    def _next_bounds(self) -> StepBounds:
        if len(self.bounds) == self.index + 1:
            self.bounds.append(StepBounds.of(self.steps[self.index + 1]))
        return self.bounds[self.index + 1]

    def next_values(self, lattice: Any, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Between two steps: values (V, m) of the next step at ``vertices`` (V,) and bounds (V, m) of their errors."""
        bounds = self._next_bounds()
        with np.errstate(all="ignore"):
            h, lengths, errors = self._inputs(lattice, vertices)
            is_exact = lengths < 0.0
            s, g = errors + bounds.norms[0] * lengths, lengths + errors
            spread = np.outer(s, bounds.rows[0]) + np.outer(g, bounds.rows[1]) + bounds.rows[2]
            spread[is_exact] = bounds.exact_bias
            return bounds.times(h) + bounds.bias, np.asarray(raised(spread))

    def _inputs(self, lattice: Any, vertices: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """h of the vertices (a slice or ids), a bound of |h| (-1: exactly 0) and of |h - exact|."""
        if self.index < 0:
            x = np.array(lattice.x[vertices])
            lengths = raised(np.sqrt((x**2).sum(axis=1)), x.shape[1]) + 2.0**-490
            return x, np.asarray(lengths), np.array(lattice.error[vertices])
        from separatrix.surface.arrangement.sign_kernels import activated

        before = self.bounds[self.index]
        rows = np.arange(vertices.start, vertices.stop) if isinstance(vertices, slice) else vertices
        rows = self.kept[rows] if self.kept is not None else rows
        h, lengths = np.empty((rows.size, before.bias.size)), np.empty(rows.size)
        activated(
            rows, self.values, self.support, self.weights, self.own, self.own_values, lattice.positive[vertices],
            lattice.negative[vertices], self.words[self.index], before.creased, before.left, np.empty(64), h, lengths,
        )  # fmt: skip
        old = self.values.shape[0]
        errors = np.empty(rows.size)
        is_old = rows < old
        errors[is_old], errors[~is_old] = self.numbers[rows[is_old], 2], self.errors[rows[~is_old] - old]
        if ((before.left != 0.0) & (before.left != 1.0)).any():
            errors = before.growth * errors + 2.0**-52 * np.abs(lengths)
        return h, lengths, np.asarray(raised(errors + np.sqrt(float(h.shape[1])) * TINIEST))

    def new_vertices(self, lattice: Any, edges: np.ndarray, first: int, j: int) -> None:
        """Place the vertices from ``first`` on, on neuron ``j`` and ``edges``, and decide the bits that the OR leaves open."""
        from separatrix.surface.arrangement.new_vertex_kernel import OPEN, place_vertices
        from separatrix.surface.arrangement.placement_kernel import scratch

        if self.scratch is None:
            self.scratch = scratch(lattice.n)
        old, count, bounds = self.values.shape[0], lattice.n_vertices, self.bounds[self.index]
        self._reserve(count - old)
        place_vertices(
            edges, first, j, self.steps[self.index].words, lattice.edges, lattice.cells, lattice.x, lattice.error,
            self.lipschitz, self.copies, *self.scratch,
            self.values, self.numbers, bounds.rows, bounds.exact_bias, bounds.creased,
            lattice.positive, lattice.negative, self.words[self.index],
            self.simplex, self.support, self.weights, self.errors, self.state,
        )  # fmt: skip
        is_open = (self.state[first - old : count - old] & OPEN) > 0
        if is_open.any():
            self._settle(lattice, first + np.flatnonzero(is_open))

    def _reserve(self, rows: int) -> None:
        if rows <= self.errors.size:
            return
        more = max(rows, 3 * self.errors.size // 2, FEWEST) - self.errors.size
        for name, fill in (("support", -1), ("weights", 0.0), ("errors", np.inf), ("state", 0), ("own", -1)):
            array = getattr(self, name)
            extra = np.full((more, *array.shape[1:]), fill, dtype=array.dtype)
            setattr(self, name, np.concatenate([array, extra]))

    def end_step(self, lattice: Any) -> None:
        """Solve those new vertices again whose error has grown, so that no bound compounds over the steps."""
        old, is_last = self.values.shape[0], self.index + 1 == len(self.steps)
        if not self._is_walked_next(lattice, is_last):
            self._refresh_loose(lattice, old, is_last)

    def _is_walked_next(self, lattice: Any, is_last: bool) -> bool:
        """Whether the next step's values come from a walk, which places vertices again and takes no value from this step.

        Behind the last walk positions are made as good as it can make them.
        """
        before, self.walk_bounds = self.walk_bounds, None
        if not is_last:
            self._next_bounds()
            self.walk_bounds = walk_bounds(lattice, self.steps[: self.index + 2], self.bounds, self.box)
        if self.walk_bounds is None and before is not None:
            walk = CellWalk(lattice, self.steps[: self.index + 1], (self.bounds, before))
            np.clip(lattice.x[: lattice.n_vertices], *self.box, out=lattice.x[: lattice.n_vertices])
            refine(walk, lattice, self.box, TIGHT * self.extent, self.index + 1)
        return self.walk_bounds is not None

    def _refresh_loose(self, lattice: Any, old: int, is_last: bool) -> None:
        """Solve the vertices from ``old`` on again whose errors are too large."""
        count = lattice.n_vertices
        new = np.arange(old, count)
        with np.errstate(all="ignore"):
            place = np.abs(lattice.x[old:count]).max(axis=1)
            tight = lattice.error[old:count] <= np.minimum(FAR * np.maximum(place, self.extent), NEAR * place)
            if not is_last:
                size = self.numbers[np.maximum(self.support[: count - old], 0), 3].max(axis=1)
                tight &= self.errors[: count - old] <= LOOSE * size
        loose = new[~tight & (self.own[: count - old] < 0)]
        for part in self._batches(loose, lattice.n):
            self._take_over(lattice, part, self._refreshed(lattice, part))
        lost = lattice.error[old:count] if is_last else self.errors[: count - old]
        for v in new[~np.isfinite(lost)].tolist():
            self._take_exact(lattice, v)

    def _batches(self, vertices: np.ndarray, n: int) -> list[np.ndarray]:
        width = max(step.bias.size for step in self.steps)
        size = max(1, ROOM_AT_ONCE // (width * (n + 1)))
        return [vertices[start : start + size] for start in range(0, vertices.size, size)]

    def _refreshed(self, lattice: Any, vertices: np.ndarray) -> Refreshed:
        self.n_refreshed += vertices.size
        bits = lattice.positive[vertices], lattice.negative[vertices]
        return refresh(self.bounds[: self.index + 1], self.words, lattice.x[vertices], bits, self.box)

    def _settle(self, lattice: Any, vertices: np.ndarray) -> None:
        """Decide the open signs of ``vertices``: solved again from their own hyperplanes, else in rational numbers."""
        word, last = self.words[self.index : self.index + 2]
        creased = self.bounds[self.index].creased
        vertices = self.decisions.settle_vanishing(lattice, vertices, self.index)
        for part in self._batches(vertices, lattice.n):
            found = self._refreshed(lattice, part)
            both = lattice.positive[part, word:last] & lattice.negative[part, word:last]
            octets = both.astype("<u8", copy=False).view(np.uint8)
            v, j = np.nonzero(np.unpackbits(octets, axis=1, count=creased.size, bitorder="little"))
            signs = found.proved_signs(v, creased[j])
            decided = signs != 2
            at, bit = word + (j >> 6), np.uint64(1) << (j & 63).astype(np.uint64)
            for bits, wrong in ((lattice.negative, signs == 1), (lattice.positive, signs == -1)):
                np.bitwise_and.at(bits, (part[v[wrong]], at[wrong]), ~bit[wrong])
            self._take_over(lattice, part, found)
            for vertex in np.unique(v[~decided]).tolist():
                self.decisions.decide(lattice, int(part[vertex]), self.index)

    def _take_places(self, lattice: Any, vertices: np.ndarray, found: Refreshed) -> None:
        """Positions, where they are better than what is known."""
        better = found.radius < lattice.error[vertices]
        lattice.x[vertices[better]], lattice.error[vertices[better]] = found.x[better], found.radius[better]

    def _take_over(self, lattice: Any, vertices: np.ndarray, found: Refreshed) -> None:
        """Positions, and for vertices of this step values and bounds, where they are better than what is known."""
        self._take_places(lattice, vertices, found)
        places = vertices - self.values.shape[0]
        gains = np.flatnonzero(places >= 0)
        gains = gains[found.errors[gains] < self.errors[places[gains]]]
        if gains.size:
            self.own[places[gains]] = self.own_values.shape[0] + np.arange(gains.size)
            self.own_values = np.concatenate([self.own_values, found.A[gains]])
            self.errors[places[gains]] = found.errors[gains]

    def _take_exact(self, lattice: Any, v: int) -> None:
        """Position and values of a vertex of this step from rational numbers: doubles have no bound there."""
        place = v - self.values.shape[0]
        x, error, values, values_error = self.decisions.doubles(lattice, v, self.index)
        lattice.x[v], lattice.error[v] = x, error
        self.own[place] = self.own_values.shape[0]
        self.own_values = np.concatenate([self.own_values, values[None]])
        self.errors[place] = values_error

    def keep(self, kept: np.ndarray) -> None:
        """Drop all vertices but ``kept`` (ascending ids), which are renumbered 0, 1, …; between two steps."""
        ids = np.asarray(kept, dtype=np.int64)
        self.decisions.keep(ids)
        self.kept = ids if self.kept is None else self.kept[ids]
