"""Newton on the stratum of a rough end: creases and faces kept, its active set repaired where a sign is wrong (§5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from separatrix.flow.piecewise_linear.crease_groups import CreaseGroups
from separatrix.flow.piecewise_linear.first_order import (
    Balance,
    LocalModel,
    Step,
    balance,
    independent,
    newton_step,
)
from separatrix.flow.piecewise_linear.linear_piece import preactivations, signs_at
from separatrix.flow.projection import Bounds
from separatrix.networks.layers import AffineMap
from separatrix.potentials.head import NetworkPotential

ROUNDS = 60
SETTLED = 1e-13
LOOSELY_SETTLED = 1e-10
SLACK = 1e-9
AT_ZERO = 1e-11
SNAP = 1e-13


@dataclass(frozen=True, eq=False)
class Stratum:
    """A point at rest as far as doubles show, with all that its proof starts from.

    ``point`` (dim,), coordinates on faces exact; ``faces`` (dim,) -1, 0, +1; ``free``: the coordinates of the stratum;
    ``signs``: of all neurons, 0 on ``creases`` (leaders, normals independent on ``free``); ``tied``: leaders of further
    creases through the point to rounding. ``beta``, ``balance``, ``spectrum`` as in ``first_order``; ``multipliers`` (dim,)
    outward on faces. ``reason``: "" or why no first-order condition holds.
    """

    point: np.ndarray
    faces: np.ndarray
    free: np.ndarray
    signs: np.ndarray
    creases: np.ndarray
    tied: np.ndarray
    beta: np.ndarray
    balance: Balance
    spectrum: np.ndarray
    multipliers: np.ndarray
    reason: str


@dataclass(frozen=True, eq=False)
class Frame:
    """What stays the same for all points of one flow: the potential, the bounds, the creases, coordinates left out."""

    potential: NetworkPotential
    bounds: Bounds
    groups: CreaseGroups
    ignored: np.ndarray
    faint: np.ndarray


@dataclass(eq=False)
class _Walk:
    """The state of a polish: a point, its held faces, the pattern of signs and the creases that it is on."""

    frame: Frame
    x: np.ndarray
    faces: np.ndarray
    signs: np.ndarray
    creases: np.ndarray
    spare: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def free(self) -> np.ndarray:
        return np.flatnonzero((self.faces == 0) & ~self.frame.ignored & ~self.frame.faint)

    def model(self) -> LocalModel:
        return LocalModel.at(self.frame.potential, self.frame.groups, self.x, self.signs, self.free)

    def put(self, leader: int, side: int) -> None:
        """Set the sign of all neurons of a crease; 0 joins it to the stratum."""
        groups = self.frame.groups
        members = groups.members(np.array([leader]))
        self.signs[members] = side * groups.direction[members]
        self.creases = np.union1d(self.creases, [leader]) if side == 0 else np.setdiff1d(self.creases, [leader])

    def split(self, model: LocalModel) -> None:
        """Keep creases with independent normals; the others are spare: at zero, but no conditions of their own."""
        kept = independent(model.normals[self.creases])
        self.spare = np.union1d(self.spare, np.delete(self.creases, kept))
        self.creases = self.creases[kept]

    def hold(self, gradient: np.ndarray) -> None:
        """Faint coordinates stand on the side that the gradient points to."""
        bounds, faint = self.frame.bounds, self.frame.faint & (gradient != 0)
        self.x = np.where(faint, np.where(gradient > 0, bounds.upper, bounds.lower), self.x)
        self.faces = np.where(faint, np.sign(gradient), self.faces).astype(np.int8)


def polish(frame: Frame, x: np.ndarray, creases: np.ndarray, reach: float = np.inf) -> Stratum:
    """Newton from a rough end ``x`` (dim,) on the creases of the neurons ``creases``.

    A crease is left where its slope is not between its two sides, joined where a step meets it and f is concave across it;
    faces alike; at most ROUNDS times. ``reach``: how far (max-norm) the point may move; beyond, it was no end.
    """
    walk = _start(frame, x, creases)
    origin, reason = walk.x.copy(), f"not at rest: {ROUNDS} steps on the stratum did not settle"
    for turn in range(ROUNDS):
        walk.split(walk.model())
        model = walk.model()
        step = newton_step(model, walk.creases)
        if frame.faint.any():
            walk.hold(balance(model, frame.groups, walk.creases, step.beta).gradient)
        if float(np.abs(walk.x - origin)[~frame.faint].max(initial=0.0)) > reach:
            reason = f"no isolated sink next to the end: Newton's steps led farther than {reach:.1e} from it"
            break
        share, met = _first_hit(walk, model, step)
        if not np.isfinite(share):
            reason = "f rises along a ray that meets no crease and no face: a direction to infinity"
            break
        moved = share * step.direction
        _advance(walk, moved, met)
        if met is not None:
            if met.is_crease:
                _join(walk, met.number)
        elif _is_small(moved, walk.x, SETTLED if turn < ROUNDS // 2 else LOOSELY_SETTLED):
            change = _wrong_sign(walk, step)
            if change is None:
                reason = ""
                break
            change()
    return _finish(walk, reason)


def _is_small(moved: np.ndarray, x: np.ndarray, tolerance: float) -> bool:
    return float(np.abs(moved).max(initial=0.0)) <= tolerance * (1.0 + float(np.abs(x).max(initial=0.0)))


def _start(frame: Frame, x: np.ndarray, creases: np.ndarray) -> _Walk:
    x = snapped(frame.bounds, np.array(x, dtype=np.float64))
    x = np.where(frame.ignored, _standard(frame, x), x)
    leaders = frame.groups.leaders_of(creases)
    signs = signs_at(frame.potential.graph, frame.groups, x, frame.groups.members(leaders))
    return _Walk(frame, x, np.where(frame.ignored, 0, frame.bounds.faces(x)).astype(np.int8), signs, leaders)


def snapped(bounds: Bounds, x: np.ndarray) -> np.ndarray:
    """``x`` (dim,) with coordinates within rounding of a finite side put on it."""
    for side in (bounds.lower, bounds.upper):
        finite = np.where(np.isfinite(side), side, 0.0)
        x = np.where(np.isfinite(side) & (np.abs(x - finite) <= SNAP * (1.0 + np.abs(finite))), side, x)
    return bounds.clip(np, x)


def _standard(frame: Frame, x: np.ndarray) -> np.ndarray:
    """Ignored coordinates stand at their lower sides where there are such."""
    return np.where(np.isfinite(frame.bounds.lower), frame.bounds.lower, x)


@dataclass(frozen=True)
class _Hit:
    """What a step meets first: a crease (its leader) or a face (its coordinate), and the side of the face."""

    is_crease: bool
    number: int
    side: int = 0


def _first_hit(walk: _Walk, model: LocalModel, step: Step) -> tuple[float, _Hit | None]:
    """(share of the step until something is met, what): at most ``step.reach``."""
    groups, bounds, free, d = walk.frame.groups, walk.frame.bounds, walk.free, step.direction
    share, met = step.reach, None
    if not d.any():
        return 1.0, None
    rate, numbers = model.normals @ d, np.arange(len(groups))
    ahead = (walk.signs * rate < 0) & (groups.leader == numbers) & ~np.isin(numbers, walk.spare)
    ahead &= np.abs(rate) > 1e-14 * (np.abs(model.normals) @ np.abs(d))
    chosen = np.flatnonzero(ahead)
    if chosen.size:
        times = np.maximum(-model.u[chosen] / rate[chosen], 0.0)
        if times.min() < share:
            share, met = float(times.min()), _Hit(True, int(chosen[times.argmin()]))
    room = np.where(d > 0, bounds.upper[free] - walk.x[free], bounds.lower[free] - walk.x[free])
    with np.errstate(over="ignore"):
        times = np.where(d != 0, room / np.where(d != 0, d, 1.0), np.inf)
    if times.min() < share:
        place = int(times.argmin())
        share, met = max(float(times[place]), 0.0), _Hit(False, int(free[place]), int(np.sign(d[place])))
    return share, met


def _advance(walk: _Walk, moved: np.ndarray, met: _Hit | None) -> None:
    bounds, x = walk.frame.bounds, walk.x.copy()
    x[walk.free] += moved
    if met is not None and not met.is_crease:
        x[met.number] = (bounds.upper if met.side > 0 else bounds.lower)[met.number]
        walk.faces[met.number] = met.side
    walk.x = bounds.clip(np, x)


def _join(walk: _Walk, leader: int) -> None:
    """Join a crease that was met where f is concave across it, otherwise pass to its other side."""
    side = int(walk.signs[leader])
    walk.put(leader, 0)
    model = walk.model()
    if independent(model.normals[walk.creases]).size < walk.creases.size:
        return
    at = balance(model, walk.frame.groups, walk.creases, newton_step(model, walk.creases).beta)
    if at.bend[walk.creases == leader][0] >= 0:
        walk.put(leader, -side)


def _wrong_sign(walk: _Walk, step: Step) -> Callable[[], None] | None:
    """What to change at a settled point: the release of a crease or a face whose sign is wrong; None where all are right."""
    if walk.spare.size:
        return None
    model = walk.model()
    at = balance(model, walk.frame.groups, walk.creases, step.beta)
    for place in np.flatnonzero(at.bend == 0):
        leader = int(walk.creases[place])
        return lambda: walk.put(leader, -1)
    miss = np.maximum(-at.share, at.share - 1.0)
    outward = walk.faces * at.gradient
    worst = int(miss.argmax()) if miss.size else -1
    inward = np.where(walk.faces != 0, outward, np.inf) / max(model.size, 1e-300)
    face = int(inward.argmin())
    if worst >= 0 and miss[worst] > SLACK and miss[worst] >= -inward[face]:
        up = at.share[worst] > 1.0
        side = (1 if up else -1) * (1 if at.bend[worst] < 0 else -1)
        leader = int(walk.creases[worst])
        return lambda: walk.put(leader, side)
    if inward[face] < -SLACK:
        return lambda: walk.faces.__setitem__(face, 0)
    return None


def _finish(walk: _Walk, reason: str) -> Stratum:
    groups = walk.frame.groups
    walk.split(walk.model())
    model = walk.model()
    step = newton_step(model, walk.creases)
    at = balance(model, groups, walk.creases, step.beta)
    tied = np.union1d(walk.spare, _at_zero(walk, model))
    return Stratum(
        walk.x,
        walk.faces,
        walk.free,
        walk.signs,
        walk.creases,
        np.setdiff1d(tied, walk.creases).astype(np.int64),
        step.beta,
        at,
        step.spectrum,
        walk.faces * at.gradient,
        reason,
    )


def _at_zero(walk: _Walk, model: LocalModel) -> np.ndarray:
    """Leaders of the creases on which the point lies to rounding."""
    graph, groups = walk.frame.potential.graph, walk.frame.groups
    values = model.piece.values(walk.x)
    sizes: list[np.ndarray] = [np.abs(value) for value in values]
    for index, node in enumerate(graph.nodes[1:], 1):
        layer = node.layer
        if isinstance(layer, AffineMap):
            sizes[index] = np.abs(layer.weight) @ (np.abs(values[node.parents[0]]) + 1.0) + np.abs(layer.bias)
    close = np.abs(model.u) <= AT_ZERO * np.maximum(preactivations(graph, groups, sizes), 1e-300)
    return groups.leaders_of(np.flatnonzero(close))
