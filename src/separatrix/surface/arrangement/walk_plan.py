"""Which steps of a network with structure take their values from a walk over the cells (§6).

Where every step but the first is thin, a change of one input changing few of its outputs, the walk gives the step's values.
Steps that are narrow, each output taking a few inputs (a max pooling), are not walked over: their values at a vertex follow from
those before them in fewer operations. So do those of the steps from the first one on that is not thin, dense layers behind
convolutions, by products: a walk to a vertex costs less than keeping rows of values for all vertices until they are needed.
A step whose values come from a walk keeps no rows of them, so the step behind it has to have a walk as well: plans are made for
all steps at once. Behind the first few dense ones a plan gives the inputs of a step instead, and from there rows are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.step_bounds import LARGE, StepBounds, terms_of
from separatrix.surface.arrangement.tail_forms import MOST_TERMS
from separatrix.surface.arrangement.threads import in_threads
from separatrix.surface.arrangement.walk_bounds import WalkBounds

FEWEST_VERTICES = 256  # below, evaluating all of them costs less than compiling the walk
FARTHEST = 2.0**20  # in larger boxes what a sum's unit loses far out would leave signs near the origin open
THIN = 0.25  # entries of a weight that is walked along that are not 0, at most
NARROW = 4  # entries of a row that are not 0, on average, of a weight that is not
MOST_DENSE = 4  # dense steps whose values come from a walk: each of them takes all products before it once more


Block = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Vertices (r,), the values of a step there (r, m), and numbers (r, 5): s, g, a bound of the 2-norm of the error, inf, and d.

Carried steps need no s and g, which are 0. Of dense steps s is -1 where the input is exactly 0, the bound of the 2-norm of the
values stands in the place of inf, and d is in the error.
"""


@dataclass(frozen=True, eq=False)
class WalkPlan:
    """``steps``: those whose forms are carried; ``bounds``, ``forms``: their bounds; ``tail``: those of the narrow steps behind
    them, ``dense``: the steps behind these, up to the step that the plan is for, or ``gives_inputs``: to the one before it.
    """

    steps: tuple[LinearStep, ...]
    bounds: tuple[StepBounds, ...]
    forms: WalkBounds
    tail: tuple[StepBounds, ...]
    dense: tuple[LinearStep, ...] = ()
    gives_inputs: bool = False

    @property
    def first_dense(self) -> int:
        """The first step behind the narrow ones."""
        return len(self.steps) + len(self.tail)

    @property
    def index(self) -> int:
        """The step whose values come out."""
        return self.first_dense + len(self.dense) - 1

    @property
    def gives_values(self) -> bool:
        """Whether the values are those of the step that the plan is for."""
        return not self.gives_inputs

    def bound(self, k: int) -> StepBounds:
        """The bounds of step k."""
        if k < len(self.bounds):
            return self.bounds[k]
        return (
            self.tail[k - len(self.bounds)] if k < self.first_dense else StepBounds.of(self.dense[k - self.first_dense])
        )

    def rows(self, k: int) -> np.ndarray:
        """(3, m): p, q, c of the values of step k, the last one that is carried or one behind it."""
        return self.forms.rows[-1] if k == len(self.steps) - 1 else self.bound(k).rows

    def leads_to(self, other: WalkPlan) -> bool:
        """Whether the other plan, of a step behind, gives that step's values from the same forms."""
        return other.gives_values and len(other.steps) == len(self.steps)


def columns_of(steps: Sequence[LinearStep]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The columns of the weights of the steps 1, 2, …, one after the other: starts, rows, entries."""
    starts, rows, entries, count = [np.zeros(1, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [np.zeros(0)], 0
    for step in steps[1:]:
        here, row, entry = step.columns
        starts.append(count + here[1:])
        rows.append(row)
        entries.append(entry)
        count += row.size
    starts.append(np.full(steps[-1].bias.size, count))
    return np.concatenate(starts), np.concatenate(rows), np.concatenate(entries)


def is_thin(step: LinearStep) -> bool:
    """Whether a change of one input of the step changes few of its outputs."""
    return step.weight.size >= LARGE and step.share <= THIN


def is_narrow(step: LinearStep) -> bool:
    """Whether an output of the step takes few of its inputs."""
    return step.share * step.weight.shape[1] <= NARROW


def walk_plans(steps: Sequence[LinearStep], box: tuple[np.ndarray, np.ndarray]) -> list[WalkPlan | None]:
    """A plan for each step, None where products give the values: no structure, a box that is too large for the forms' units."""
    found: list[WalkPlan | None] = [None] * len(steps)
    if box[0].size < 2 or len(steps) < 2:
        return found
    reach = np.append(np.maximum(np.abs(box[0]), np.abs(box[1])), 1.0)
    if not reach.max() <= FARTHEST:
        return found
    n_thin = next((k for k, step in enumerate(steps[1:]) if not is_thin(step)), len(steps) - 1)
    if n_thin == 0:
        return found
    in_threads(StepBounds.of, steps)  # norms of large matrices
    known: dict[int, WalkBounds] = {}
    last_walked = n_thin + MOST_DENSE
    for index in range(min(last_walked + 1, len(steps) - 1), 0, -1):
        gives_inputs, must_go_on = index > last_walked, index <= last_walked and index + 1 < len(steps)
        if not (must_go_on and found[index + 1] is None):
            found[index] = _plan(steps, index, n_thin, reach, known, gives_inputs=gives_inputs)
    return found


def _plan(
    steps: Sequence[LinearStep],
    index: int,
    n_thin: int,
    reach: np.ndarray,
    known: dict[int, WalkBounds],
    *,
    gives_inputs: bool,
) -> WalkPlan | None:
    """The plan for step ``index``; ``n_thin``: the last one that is not dense; ``known``: bounds by the last step carried."""
    last = index - 1 if gives_inputs else index  # of the steps whose values come out
    top = followed = min(last, n_thin)
    terms = 1
    while top > 0 and _may_follow(steps[top]) and terms * terms_of(steps[top].weight) <= MOST_TERMS:
        terms *= terms_of(steps[top].weight)
        top -= 1
    bounds = tuple(StepBounds.of(step) for step in steps[: followed + 1])
    if top not in known:
        known[top] = WalkBounds.of(steps[: top + 1], bounds[: top + 1], reach)
    forms = known[top]
    if not forms.are_finite:
        return None
    dense = tuple(steps[followed + 1 : last + 1])
    return WalkPlan(tuple(steps[: top + 1]), bounds[: top + 1], forms, bounds[top + 1 :], dense, gives_inputs)


def _may_follow(step: LinearStep) -> bool:
    """Whether the step's values may follow from those before it: it is narrow, and its doubles are the exact map, one matrix."""
    is_exact = not step.weight_radius.any() and not step.bias_radius.any()
    return is_exact and len(StepBounds.of(step).parts) == 1 and is_narrow(step)
