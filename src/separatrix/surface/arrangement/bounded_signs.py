"""Signs of neurons at vertices by doubles with proved bounds, by rational numbers only where a bound straddles zero (§6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from separatrix.surface.arrangement.cell_simplices import cell_simplices
from separatrix.surface.arrangement.cell_walk import CellWalk
from separatrix.surface.arrangement.exact_decisions import ExactDecisions
from separatrix.surface.arrangement.linear_steps import LinearStep, first_words
from separatrix.surface.arrangement.near_values import NearValues
from separatrix.surface.arrangement.norms import raised
from separatrix.surface.arrangement.refresh import Refreshed, refresh
from separatrix.surface.arrangement.sign_walk import dense_pairs, walked_signs_of
from separatrix.surface.arrangement.step_bounds import StepBounds
from separatrix.surface.arrangement.step_inputs import each_input, next_values
from separatrix.surface.arrangement.step_values import StepValues, signs_of_biases
from separatrix.surface.arrangement.threads import in_threads
from separatrix.surface.arrangement.walk_places import place_at_end, place_open, place_well
from separatrix.surface.arrangement.walk_plan import FEWEST_VERTICES, WalkPlan, walk_plans

ROOM_AT_ONCE = 2**20  # doubles of the largest Jacobian of a batch
LOOSE = 1e-5  # a new vertex is solved again where its error is larger than this part of its values
FAR, NEAR = (5e-7, 1e-3)  # or its position is off by more than these parts of the box and of itself


class BoundedSigns:
    """The numbers of the insertion: the protocol of :class:`RationalSigns`, quick.

    ``n_exact_decisions``: signs decided in rational numbers; ``n_refreshed``: vertices solved from their own hyperplanes;
    ``values``: of the step; ``plan``: where they come from a walk, and between two steps where those of the next one do.
    """

    def __init__(self, steps: Sequence[LinearStep], lower: np.ndarray, upper: np.ndarray) -> None:
        self.steps, self.words, self.box = list(steps), first_words(steps), (lower, upper)
        self.extent = float(np.max(upper / 2 - lower / 2, initial=0.0))
        self.bounds: list[StepBounds] = []
        self.decisions = ExactDecisions(steps, lower, upper)
        self.index = -1
        self.n_refreshed = 0
        self.copies = np.zeros((2, 0), dtype=np.int64)
        self.lipschitz = 1.0  # of the step's exact values in x
        self.kept: np.ndarray | None = None
        self.plans: list[WalkPlan | None] = []
        self.plan: WalkPlan | None = None
        self.walk: CellWalk | None = None
        self.ranks: np.ndarray | None = None  # of the cells of the step's start, where it had a walk
        self.known: np.ndarray = np.zeros(0, dtype=np.int32)  # the last step whose bits a vertex has from a walk
        self.near = NearValues()
        self.scratch: Any = None
        self.simplex = np.zeros((0, lower.size + 1), dtype=np.int32)
        self.values: Any = None

    @property
    def n_exact_decisions(self) -> int:
        """Signs that were decided in rational numbers."""
        return self.decisions.count

    def begin(self, lattice: Any) -> None:
        """The box's corners are doubles: there is nothing to prepare."""

    def start_step(self, lattice: Any, step: LinearStep) -> None:
        """Values, bounds and bits of ``step`` at all vertices of the lattice."""
        if self.steps[self.index + 1] is not step:
            raise AssertionError("steps come in their order")
        bounds, index = self.next_bounds(), self.index + 1
        self.copies = step.repeats
        is_walked = self.plan is not None and self.plan.gives_values
        values = StepValues(lattice.n, lattice.n_vertices, bounds, keeps_pairs=is_walked)
        with np.errstate(all="ignore"):
            is_open = self._walked(lattice) if is_walked else self._computed(lattice, values)
        self.index, self.values, self.kept = index, values, None
        self.lipschitz = float(raised(self.lipschitz * bounds.slope()))  # which no underflow makes 0
        self._settle(lattice, is_open)
        if is_walked and self.walk is not None:
            with ThreadPoolExecutor(1) as beside, np.errstate(all="ignore"):
                simplices = beside.submit(cell_simplices, lattice, step, self.words[index])
                values.keep_pairs(lattice, self.walk, self.words[index], self._reader(lattice, self.walk))
                self.simplex = simplices.result()
        else:
            self.simplex = cell_simplices(lattice, step, self.words[index])
        self.ranks, self.walk = self.walk.ranks if self.walk is not None else None, None

    def _computed(self, lattice: Any, values: StepValues) -> np.ndarray:
        """Values by products with the inputs; the vertices where signs are left open."""
        word, last = self.words[self.index + 1 : self.index + 3]

        def compute(vertices: np.ndarray | None) -> np.ndarray:
            each_input(self, lattice, vertices, lambda inputs: values.compute(lattice, inputs, word, self.copies))
            both = lattice.positive[: lattice.n_vertices, word:last] & lattice.negative[: lattice.n_vertices, word:last]
            return np.flatnonzero(both.any(axis=1))

        return place_open(self, lattice, compute(None), compute)

    def _walked(self, lattice: Any) -> np.ndarray:
        """Signs by a walk; the vertices where signs are left open."""
        walk, index = self.walk_now(lattice), self.index + 1
        ahead, behind, known = walk.plan, self._plan_of(index + 1), self._known(lattice)
        while behind is not None and ahead.leads_to(behind):
            ahead, behind = behind, self._plan_of(behind.index + 1)

        def compute(vertices: np.ndarray) -> np.ndarray:
            is_open, reached = walked_signs_of(lattice, walk, vertices, self.words, ahead, self.near)
            known[vertices] = reached[vertices]
            return is_open

        def settled(vertices: np.ndarray) -> np.ndarray:
            if index >= walk.plan.first_dense:  # products have seen to it
                return vertices
            steps, words = (self.steps[index - 1], self.steps[index]), (self.words[index - 1], self.words[index])
            return signs_of_biases(lattice, vertices, steps, words, self.copies)

        is_open = place_open(self, lattice, settled(compute(np.flatnonzero(known < index))), compute)
        self.known = known
        return settled(is_open)

    def _reader(self, lattice: Any, walk: CellWalk) -> Callable[..., None]:
        """What reads the values of pairs off a walk."""
        if self.index < walk.plan.first_dense:
            return walk.pairs
        return lambda pairs, places, out: dense_pairs(lattice, walk, self.words, self.near, pairs, places, out)

    def _known(self, lattice: Any) -> np.ndarray:
        """(V,): the last step whose bits a vertex has from a walk."""
        return np.pad(self.known, (0, lattice.n_vertices - self.known.size))

    def _plan_of(self, index: int) -> WalkPlan | None:
        return self.plans[index] if index < len(self.plans) else None

    def walk_now(self, lattice: Any) -> CellWalk:
        """The walk of the plan over the cells as they are, their vertices well placed."""
        if self.plan is None:
            raise AssertionError("the values of this step come from products")
        if self.walk is None:
            self.walk = self._new_walk(lattice, self.plan)
            with np.errstate(all="ignore"):
                place_well(self, lattice)
        return self.walk

    def _new_walk(self, lattice: Any, plan: WalkPlan) -> CellWalk:
        """In the order of the walk before, where the step between has cut cells that share their forms."""
        return CellWalk(lattice, plan, self.ranks if self.index > len(plan.steps) - 2 else None)

    def next_bounds(self) -> StepBounds:
        """The bounds of the step that comes next."""
        if len(self.bounds) == self.index + 1:
            self.bounds.append(StepBounds.of(self.steps[self.index + 1]))
        return self.bounds[self.index + 1]

    def next_values(self, lattice: Any, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Between two steps: values (V, m) of the next step at ``vertices`` (V,) and bounds (V, m) of their errors."""
        return next_values(self, lattice, vertices)

    def new_vertices(self, lattice: Any, edges: np.ndarray, first: int, j: int) -> None:
        """Place the vertices from ``first`` on, on neuron ``j`` and ``edges``, and decide the bits that the OR leaves open."""
        from separatrix.surface.arrangement.new_vertex_kernel import OPEN, place_vertices
        from separatrix.surface.arrangement.placement_kernel import scratch

        if self.scratch is None:
            self.scratch = scratch(lattice.n)
        values, count = self.values, lattice.n_vertices
        values.reserve(count - values.old)
        place_vertices(
            edges, first, j, self.steps[self.index].words, lattice.edges, lattice.cells, lattice.x, lattice.error,
            self.lipschitz, self.copies, *self.scratch,
            values.values, values.pairs, values.numbers, values.rows, values.exact_bias, values.bounds.creased,
            lattice.positive, lattice.negative, self.words[self.index],
            self.simplex, values.support, values.weights, values.errors, values.state,
        )  # fmt: skip
        is_open = (values.state[first - values.old : count - values.old] & OPEN) > 0
        if is_open.any():
            lattice.join()
            self._settle(lattice, first + np.flatnonzero(is_open))

    def end_step(self, lattice: Any) -> None:
        """Solve those new vertices again whose error has grown, so that no bound compounds over the steps.

        Where a walk follows, it places them again and takes no value from this step. Behind the last walk positions are made as
        good as it can make them. Forms of dense steps are not carried: their vertices are solved again at once.
        """
        before, is_last = self.plan, self.index + 1 == len(self.steps)
        self.plan = None if is_last else self._next_plan(lattice)
        is_walked = before is not None and before.gives_values
        is_dense = before is not None and is_walked and self.index >= before.first_dense
        if before is not None and is_walked and is_last and not is_dense:
            self.walk = self._new_walk(lattice, before)
            place_at_end(self, lattice)
            self.walk = None
        if self.plan is None or is_dense:
            self._refresh_loose(lattice, is_last=is_last or is_dense)

    def _next_plan(self, lattice: Any) -> WalkPlan | None:
        """Where the next step's values come from a walk: not in small lattices, and always behind a step that kept no rows."""
        if not (self.values.keeps_pairs or lattice.n_vertices >= FEWEST_VERTICES):
            return None
        if not self.plans:
            self.plans = walk_plans(self.steps, self.box)
        plan = self.plans[self.index + 1]
        if plan is None and self.values.keeps_pairs:
            raise AssertionError("a step that has to have a walk has none")
        return plan

    def _refresh_loose(self, lattice: Any, *, is_last: bool) -> None:
        """Solve the vertices that the step made again where their errors are too large; ``is_last``: no step needs its values."""
        values, old, count = self.values, self.values.old, lattice.n_vertices
        new = np.arange(old, count)
        with np.errstate(all="ignore"):
            place = np.abs(lattice.x[old:count]).max(axis=1)
            tight = lattice.error[old:count] <= np.minimum(FAR * np.maximum(place, self.extent), NEAR * place)
            if not is_last:
                size = values.numbers[np.maximum(values.support[: count - old], 0), 3].max(axis=1)
                tight &= values.errors[: count - old] <= LOOSE * size
        loose = new[~tight & (values.own[: count - old] < 0)]
        self.n_refreshed += loose.size
        batches = self._batches(loose, lattice.n)
        for part, found in zip(batches, in_threads(lambda part: self._refreshed(lattice, part), batches), strict=True):
            self._take_over(lattice, part, found)
        lost = lattice.error[old:count] if is_last else values.errors[: count - old]
        for v in new[~np.isfinite(lost)].tolist():
            self._take_exact(lattice, v)

    def _batches(self, vertices: np.ndarray, n: int) -> list[np.ndarray]:
        width = max(step.bias.size for step in self.steps)
        size = max(1, ROOM_AT_ONCE // (width * (n + 1)))
        return [vertices[start : start + size] for start in range(0, vertices.size, size)]

    def _refreshed(self, lattice: Any, vertices: np.ndarray) -> Refreshed:
        bits = lattice.positive[vertices], lattice.negative[vertices]
        return refresh(self.bounds[: self.index + 1], self.words, lattice.x[vertices], bits, self.box)

    def _settle(self, lattice: Any, vertices: np.ndarray) -> None:
        """Decide the open signs of ``vertices``: solved again from their own hyperplanes, else in rational numbers."""
        word, last = self.words[self.index : self.index + 2]
        creased = self.bounds[self.index].creased
        vertices = self.decisions.settle_vanishing(lattice, vertices, self.index)
        self.n_refreshed += vertices.size
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

    def place_again(self, lattice: Any, vertices: np.ndarray) -> None:
        """Better positions of ``vertices`` from their own hyperplanes."""
        self.n_refreshed += vertices.size
        for part in self._batches(vertices, lattice.n):
            self._take_places(lattice, part, self._refreshed(lattice, part))

    def _take_places(self, lattice: Any, vertices: np.ndarray, found: Refreshed) -> None:
        """Positions, where they are better than what is known; in the box, as exact vertices are."""
        better = found.radius < lattice.error[vertices]
        lattice.x[vertices[better]] = np.clip(found.x[better], *self.box)
        lattice.error[vertices[better]] = found.radius[better]

    def _take_over(self, lattice: Any, vertices: np.ndarray, found: Refreshed) -> None:
        """Positions, and for vertices of this step values and bounds, where they are better than what is known."""
        self._take_places(lattice, vertices, found)
        self.values.take_over(vertices, found)

    def _take_exact(self, lattice: Any, v: int) -> None:
        """Position and values of a vertex of this step from rational numbers: doubles have no bound there."""
        x, error, values, values_error = self.decisions.doubles(lattice, v, self.index)
        lattice.x[v], lattice.error[v] = x, error
        self.values.take_own(np.array([v - self.values.old]), values[None], np.array([values_error]))

    def keep(self, kept: np.ndarray) -> None:
        """Drop all vertices but ``kept`` (ascending ids), which are renumbered 0, 1, …; between two steps."""
        ids = np.asarray(kept, dtype=np.int64)
        self.decisions.keep(ids)
        self.near.clear()
        self.kept = ids if self.kept is None else self.kept[ids]
        self.known = np.pad(self.known, (0, max(0, int(ids.max(initial=-1)) + 1 - self.known.size)))[ids]
        self.walk = self.ranks = None
