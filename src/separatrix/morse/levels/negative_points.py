"""The critical points of -f, from those of f: interior ones are the same, those of the proper faces are sought (§10)."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from separatrix.domains import Box
from separatrix.flow.complete.search import Limits, complete_search
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.piecewise_linear.creases import has_creases
from separatrix.morse.critical_points import critical_points
from separatrix.morse.levels.negated import negated
from separatrix.potentials.base import Potential

MAX_BOXES, MIN_WIDTH = 4_000_000, 1e-9
STACKED = ("points", "values", "indices", "active", "multipliers", "radius", "error")
LISTED = ("certainty", "evidence", "spectra")


def negative_points(potential: Potential, box: Box, points: CriticalPoints, rng: Any = 0) -> CriticalPoints:
    """The critical points of -f in ``box`` with boundary "project", ``points`` being those of f.

    Where that list is not complete, or the gradient of f jumps, -f is searched anew.
    """
    if not points.is_complete or has_creases(potential):
        return critical_points(negated(potential), box, "project", rng=rng)
    found = complete_search(negated(potential), box, "project", Limits(MAX_BOXES, MIN_WIDTH, rng), proper=True)
    inside = np.flatnonzero((points.active == 0).all(axis=1))
    own: dict[str, Any] = {name: getattr(points, name)[inside] for name in STACKED}
    own["values"], own["indices"] = -own["values"], points.points.shape[1] - own["indices"]
    more = {name: [getattr(points, name)[row] for row in inside] for name in LISTED}
    more["spectra"] = [-spectrum[::-1] for spectrum in more["spectra"]]
    fields: dict[str, Any] = {name: np.concatenate([own[name], getattr(found, name)]) for name in STACKED}
    order = np.lexsort((-fields["values"], fields["indices"]))
    fields = {name: part[order] for name, part in fields.items()}
    for name in LISTED:
        every = [*more[name], *getattr(found, name)]
        fields[name] = tuple(every[row] for row in order)
    return dataclasses.replace(found, **fields).checked()
