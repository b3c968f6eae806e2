"""All critical points of a smooth potential in a box, proved, and whether the list is complete (§3, §8)."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import InputError
from separatrix.flow.complete.clusters import Unsettled, met_once
from separatrix.flow.complete.face_search import FaceSearch
from separatrix.flow.complete.faces import faces, free_sets
from separatrix.flow.complete.field import Budget, Field
from separatrix.flow.complete.one_box import OneBox
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.judged_points import JudgedPoint, judge_point, listed
from separatrix.flow.pieces import Progress
from separatrix.flow.projection import Arena
from separatrix.numerics.generators import generator_of
from separatrix.numerics.rounding import ieee_arithmetic_holds
from separatrix.potentials.base import Potential

Array = np.ndarray
MOST_INPUTS = 5
WIDEST, NARROWEST = 1e100, 1e-100
METHOD = "branch and bound with interval gradients and Hessians; Krawczyk"


@dataclass
class Found:
    """What a search has so far: judged points, what is open, and how many boxes it asked."""

    judged: list[JudgedPoint] = field(default_factory=list)
    open: list[Unsettled] = field(default_factory=list)


@dataclass(frozen=True)
class Limits:
    """``max_boxes`` that may be asked; ``min_width``: share of a side below which a box is not cut; ``seed``."""

    max_boxes: int
    min_width: float
    seed: Any = 0


def complete_search(
    potential: Potential,
    box: Box,
    boundary: str,
    limits: Limits,
    progress: Progress | None = None,
    *,
    proper: bool = False,
) -> CriticalPoints:
    """All critical points of ``potential`` in ``box``: of the interior for "exit", of the projected flow for "project".

    ``proper``: those on the proper faces alone, which the list then is complete for.
    Raises InputError for more than MOST_INPUTS coordinates.
    """
    begun = time.perf_counter()
    if potential.dim > MOST_INPUTS:
        raise InputError(
            f"critical_points: boxes are searched in at most {MOST_INPUTS} dimensions, came {potential.dim}; "
            "GradientFlow(potential, box).sinks() and saddles(potential, box, sinks) search in any dimension"
        )
    arena = Arena.of(potential.companion or potential, box, boundary)
    budget = Budget(limits.max_boxes)
    tell = _teller(progress, potential)
    with np.errstate(all="ignore"):
        found = _searched(arena, box, budget, limits, tell, proper=proper)
    tell(1.0)
    left = met_once(found.open, box.width)
    record = listed(
        arena,
        found.judged,
        method=METHOD,
        seconds=time.perf_counter() - begun,
        seed=str(limits.seed),
        potential=potential,
        tolerances={"min_width": limits.min_width, "max_boxes": limits.max_boxes, "boxes": budget.used},
        is_complete=not left,
        unresolved=tuple(_box(part, box) for part in left),
        unresolved_reasons=tuple(part.reason for part in left),
        notes=(f"that the list is complete {potential.rests_on}",) if potential.rests_on else (),
    )
    if len(record) < len(found.judged):  # every zero has a box of its own: this does not happen
        return dataclasses.replace(record, is_complete=False, notes=(*record.notes, "two proofs may hold one point"))
    return record


def boundary_sum(potential: Potential, box: Box, limits: Limits) -> int | None:
    """The sum of (-1)^index over the essential points on the proper faces of ``box``; None where they are not all settled."""
    arena = Arena.of(potential.companion or potential, box, "project")
    with np.errstate(all="ignore"):
        found = _searched(arena, box, Budget(limits.max_boxes), limits, lambda share: None, proper=True)
    return None if found.open else sum((-1) ** point.index for point in found.judged)


def _searched(
    arena: Arena, box: Box, budget: Budget, limits: Limits, tell: Callable[[float], None], *, proper: bool = False
) -> Found:
    """The search of all faces, of the ``proper`` ones alone, or under "exit" of the interior."""
    lower, upper = np.asarray(box.lower, dtype=np.float64), np.asarray(box.upper, dtype=np.float64)
    potential, found = arena.potential, Found()
    side = upper - lower
    if not ieee_arithmetic_holds():
        found.open.append(Unsettled(lower, upper, "this thread's floating-point arithmetic is not IEEE"))
        return found
    if not (np.isfinite(side) & (side < WIDEST) & (side > NARROWEST)).all():
        found.open.append(Unsettled(lower, upper, "the box is too wide or too narrow for double arithmetic"))
        return found
    every = np.arange(lower.size)
    gradient = Field(potential, every, lower, upper, every[:0]).gradient(lower[None], upper[None])
    ignored = np.flatnonzero((gradient[0][0] == 0) & (gradient[1][0] == 0))
    if ignored.size == lower.size:
        found.open.append(Unsettled(lower, upper, "f is constant on the box (proved): every point is critical"))
        return found
    coordinates = np.setdiff1d(every, ignored)
    prover = OneBox(arena.potential)
    arena = dataclasses.replace(arena, potential=prover)
    generator = generator_of(limits.seed)
    for free in free_sets(coordinates, arena.boundary)[int(proper) :]:
        place = Field(potential, free, lower, upper, ignored)
        if not free.size:
            _vertices(arena, place, faces(free, coordinates, lower, upper), found)
            continue
        search = FaceSearch(place, budget, limits.min_width, tell)
        search.run(faces(free, coordinates, lower, upper), generator if free.size == coordinates.size else None)
        found.open += [_spanned(part, place) for part in search.unsettled]
        inside = search.zeros.points[search.inside]
        if len(inside):
            prover.prepare(inside, free)
        for x in inside:
            _judge(arena, place, x, found)
    return found


def _judge(arena: Arena, place: Field, x: Array, found: Found) -> None:
    if place.ignored.size:
        names = ", ".join(str(i) for i in place.ignored)
        text = f"a critical set of dimension {place.ignored.size}: f does not depend on inputs {names}"
        found.open.append(_spanned(Unsettled(x, x, text), place))
        return
    point = judge_point(arena, x, np.zeros(x.size, dtype=bool))
    if point.verdict is Certainty.PROVED:
        found.judged.append(point)
    else:
        found.open.append(Unsettled(x, x, f"one critical point is proved here, but not all about it: {point.reason}"))


def _spanned(part: Unsettled, place: Field) -> Unsettled:
    """The same along all of the coordinates on which f does not depend."""
    lower, upper = part.lower.copy(), part.upper.copy()
    lower[place.ignored], upper[place.ignored] = place.lower[place.ignored], place.upper[place.ignored]
    return Unsettled(lower, upper, part.reason)


def _vertices(arena: Arena, place: Field, boxes: tuple[Array, Array], found: Found) -> None:
    """Vertices with all multipliers outward are equilibria, those with one inward are none."""
    low, high = place.gradient(*boxes)
    signs, fixed = place.outward(boxes[0]), place.fixed
    least = np.where(signs > 0, low[:, fixed], -high[:, fixed])
    most = np.where(signs > 0, high[:, fixed], -low[:, fixed])
    for x, outward, furthest in zip(boxes[0], least, most, strict=True):
        if (outward > 0).all():
            _judge(arena, place, x, found)
        elif not (furthest < 0).any():
            text = "a vertex of the box where a multiplier may vanish"
            found.open.append(_spanned(Unsettled(x, x, text), place))


def _box(part: Unsettled, box: Box) -> Box:
    """A Box about what is open, in the box and nowhere of width 0."""
    least = 1e-9 * (box.upper - box.lower)
    lower = np.clip(part.lower, box.lower, box.upper - least)
    upper = np.clip(part.upper, box.lower + least, box.upper)
    thin = upper - lower < least
    middle = 0.5 * lower + 0.5 * upper
    lower = np.where(thin, np.maximum(middle - 0.5 * least, box.lower), lower)
    upper = np.where(thin, np.minimum(middle + 0.5 * least, box.upper), upper)
    flat = ~(lower < upper)  # sides of few units in the last place
    lower = np.where(flat, np.maximum(np.nextafter(lower, -np.inf), box.lower), lower)
    return Box(lower, np.where(flat, np.minimum(np.nextafter(upper, np.inf), box.upper), upper))


def _teller(progress: Progress | None, potential: Potential) -> Callable[[float], None]:
    """What a search calls with shares of the volume that it has settled; counts in thousandths."""
    if progress is None:
        return lambda share: None
    done = 0.0

    def tell(share: float) -> None:
        nonlocal done
        done += share
        progress(f"critical points of the {potential.name}", min(1000, int(1000.0 * done)), 1000)

    return tell
