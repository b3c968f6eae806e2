"""The steps of a network in a box, without the neurons that have one sign there (§6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from separatrix.surface.arrangement.exact_maps import Factor
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.step_composition import composed


def reduced(steps: Sequence[LinearStep], fixed: Sequence[np.ndarray]) -> list[LinearStep]:
    """The same map in a box where the creased coordinates of each step have the signs ``fixed`` (creased,) as
    :func:`fixed_signs` gives them.

    Coordinates that pass on there have no crease, those that are 0 behind it are taken out. The ones that vary come first, in
    their order, side by side as the loops over them like it: they are the creased coordinates of the result. A step that has
    none goes into the one behind it, the last one stays.
    """
    found: list[LinearStep] = []
    before: tuple[Factor, ...] = ()
    columns = np.arange(steps[0].weight.shape[1])
    for index, (step, signs) in enumerate(zip(steps, fixed, strict=True)):
        slope, off = np.array(step.slope), np.zeros(step.bias.size, dtype=bool)
        if not step.is_last:
            slope[step.creased[signs == 1]] = 1.0
            off[step.creased[(signs == 0) | (signs == -1)]] = True
        rows = np.flatnonzero(~off)
        rows = rows if step.is_last else rows[np.argsort(slope[rows] == 1.0, kind="stable")]
        part = _part(step, rows, columns, slope[rows]) if rows.size else _nothing(step, columns)
        columns = rows if rows.size else np.arange(1)
        if before:
            part = _behind(before, part)
        is_affine = not part.n_signs and index + 1 < len(steps)
        before = part.factors if is_affine else ()
        found += [] if is_affine else [part]
    return found


def _part(step: LinearStep, rows: np.ndarray, columns: np.ndarray, slope: np.ndarray) -> LinearStep:
    """Some ``rows`` of a step, of the ``columns`` that are not 0 in front of it."""
    (first, bias), *rest = step.factors
    factors = [(first[:, columns], bias), *rest]
    last, bias = factors[-1]
    factors[-1] = (last[rows], bias[rows])
    weight = np.ascontiguousarray(step.weight[np.ix_(rows, columns)])
    radius, bias_radius = step.weight_radius[rows], step.bias_radius[rows]
    return LinearStep(weight, step.bias[rows], radius, bias_radius, slope, tuple(factors), step.is_last)


def _nothing(step: LinearStep, columns: np.ndarray) -> LinearStep:
    """In place of a step all of whose coordinates are 0: one coordinate that is."""
    weight, none = np.zeros((1, columns.size)), np.zeros(1)
    return LinearStep(weight, none, none, none, np.ones(1), ((weight, none),))


def _behind(before: Sequence[Any], step: LinearStep) -> LinearStep:
    """A step with affine maps in front of it."""
    factors = (*before, *step.factors)
    return LinearStep(*composed(factors), step.slope, factors, step.is_last)
