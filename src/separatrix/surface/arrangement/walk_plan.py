"""Which steps of a network with structure take their values from a walk over the cells (§6).

Where every step but the first is thin, a change of one input changing few of its outputs, the walk gives the step's values.
Where a step that is not thin follows, a dense layer behind convolutions, the walk gives the values of the step before it, at
the new vertices too, and products do the rest. A step whose values come from a walk keeps no rows of them, so the step behind
it has to have a walk as well: plans are made for all steps at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.step_bounds import LARGE, StepBounds
from separatrix.surface.arrangement.walk_bounds import WalkBounds

FEWEST_VERTICES = 256  # below, evaluating all of them costs less than compiling the walk
FARTHEST = 2.0**20  # in larger boxes what a sum's unit loses far out would leave signs near the origin open
THIN = 0.25  # entries of a weight that is walked along that are not 0, at most


@dataclass(frozen=True, eq=False)
class WalkPlan:
    """``steps``: those whose forms are carried, the last one's values are given; ``bounds``, ``forms``: their bounds;
    ``gives_inputs``: they end before the step that the plan is for.
    """

    steps: tuple[LinearStep, ...]
    bounds: tuple[StepBounds, ...]
    forms: WalkBounds
    gives_inputs: bool

    @cached_property
    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The columns of the weights of the steps 1, 2, …, one after the other: starts, rows, entries."""
        starts, rows, entries, count = [np.zeros(1, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [np.zeros(0)], 0
        for step in self.steps[1:]:
            column, row = np.nonzero(step.weight.T)
            starts.append(count + np.cumsum(np.bincount(column, minlength=step.weight.shape[1])))
            rows.append(row)
            entries.append(step.weight[row, column])
            count += row.size
        starts.append(np.full(self.steps[-1].bias.size, count))
        return np.concatenate(starts), np.concatenate(rows), np.concatenate(entries)


def is_thin(step: LinearStep) -> bool:
    """Whether a change of one input of the step changes few of its outputs."""
    return step.weight.size >= LARGE and step.share <= THIN


def walk_plans(steps: Sequence[LinearStep], box: tuple[np.ndarray, np.ndarray]) -> list[WalkPlan | None]:
    """A plan for each step, None where products give the values: no structure, a box that is too large for the forms' units."""
    found: list[WalkPlan | None] = [None] * len(steps)
    if box[0].size < 2 or len(steps) < 2:
        return found
    reach = np.append(np.maximum(np.abs(box[0]), np.abs(box[1])), 1.0)
    if not reach.max() <= FARTHEST:
        return found
    n_thin = next((k for k, step in enumerate(steps[1:]) if not is_thin(step)), len(steps) - 1)
    for index in range(min(n_thin + 1, len(steps) - 1), 0, -1):
        gives_inputs = index > n_thin
        carried = tuple(steps[: index if gives_inputs else index + 1])
        must_go_on = not gives_inputs and index + 1 < len(steps)
        if len(carried) < 2 or (must_go_on and found[index + 1] is None):
            continue
        bounds = tuple(StepBounds.of(step) for step in carried)
        forms = WalkBounds.of(carried, bounds, reach)
        if forms.are_finite:
            found[index] = WalkPlan(carried, bounds, forms, gives_inputs)
    return found
