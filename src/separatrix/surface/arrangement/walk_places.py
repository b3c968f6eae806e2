"""Positions before and in a walk: those of vertices whose bounds decide too little are found again (§6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from separatrix.surface.arrangement.cell_walk import mask_of, refine
from separatrix.surface.arrangement.walk_plan import Block

KNOWN = 1e-9  # a vertex is placed again before a walk where its error is larger than this part of the box,
TIGHT = 1e-6  # in other ways too where it is still larger than this,
MATCHED = 8.0  # and not where it is below so many times the forms' own errors; where signs stay open, where its effect is above


def place_well(signs: Any, lattice: Any) -> None:
    """Better positions where they are not known well: from the forms of a walk, their own hyperplanes, rationals."""
    most, used = TIGHT * signs.extent, slice(lattice.n_vertices)
    # clipped they are no farther from exact vertices, and forms are bounded there
    np.clip(lattice.x[used], *signs.box, out=lattice.x[used])
    known = min(max(KNOWN * signs.extent, MATCHED * signs.walk.error_of_forms), most)
    if signs.index < signs.walk.plan.first_dense:  # dense steps have no forms that are carried
        refine(signs.walk, signs.box, known, signs.index + 1)
    signs.place_again(lattice, np.flatnonzero(~(lattice.error[used] <= most)))
    for v in np.flatnonzero(~np.isfinite(lattice.error[used])).tolist():
        lattice.x[v], lattice.error[v] = signs.decisions.doubles(lattice, v, signs.index)[:2]
    np.clip(lattice.x[used], *signs.box, out=lattice.x[used])


def place_open(
    signs: Any, lattice: Any, is_open: np.ndarray, compute: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """What is left open of ``is_open`` (r,) where vertices with open signs are placed as well as forms allow.

    ``compute(vertices)`` finds their signs again and gives those left open.
    """
    if signs.walk is None or not is_open.size:
        return is_open
    drift: np.ndarray = np.zeros(lattice.n_vertices)

    def look(block: Block) -> None:
        ids, _, numbers = block
        drift[ids] = numbers[:, 4]

    signs.walk.rows(mask_of(lattice.n_vertices, is_open), look)
    vague = is_open[drift[is_open] > MATCHED * signs.walk.error_of_forms]
    if not vague.size:
        return is_open
    refine(signs.walk, signs.box, 0.0, signs.index + 1, vague)
    np.clip(lattice.x[: lattice.n_vertices], *signs.box, out=lattice.x[: lattice.n_vertices])
    return np.union1d(np.setdiff1d(is_open, vague), compute(vague))


def place_at_end(signs: Any, lattice: Any) -> None:
    """Positions behind the last walk, as good as it can make them."""
    refine(signs.walk, signs.box, TIGHT * signs.extent, signs.index + 1)
