"""One orbit of the flow of a piecewise linear network, from event to event (§5).

Between events the set of neurons at zero and of held faces is fixed, and so is the side of every other neuron. An event is
a crease met, a face met, or, on curved orbits, a crease or a face let go. There the velocity is found afresh.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from separatrix.flow.piecewise_linear.candidates import departure
from separatrix.flow.piecewise_linear.class_probability_time import duration, rise_within
from separatrix.flow.piecewise_linear.curved import Arc
from separatrix.flow.piecewise_linear.directions import Corner, Velocity
from separatrix.flow.piecewise_linear.general_field import Field
from separatrix.flow.piecewise_linear.least_norm import Touched
from separatrix.flow.piecewise_linear.reasons import (
    BUDGET,
    FLAT,
    LEFT,
    MEETS_REPELLED,
    RAY,
    SINK,
    STARTS_REPELLED,
    TIME,
)
from separatrix.flow.piecewise_linear.sharpness import is_sharp, rises_near_by
from separatrix.flow.piecewise_linear.sliding import Sliding, tied_creases

NEAR = 1e-9
TOGETHER = 64.0


@dataclass(frozen=True)
class Limits:
    """Tolerances and budget of an orbit; ``n_steps`` counts events and steps between them, coordinates beyond ``far`` end it."""

    t_max: float
    rtol: float
    atol: float
    n_steps: int
    far: float = np.inf


@dataclass(eq=False)
class Orbit:
    """The orbit from ``x`` (dim,), advanced in place until it has a ``reason``.

    ``zero``: neurons known to be at zero, ``creases``: their numbers where the orbit ended.
    """

    flow: Field
    x: np.ndarray
    limits: Limits
    keep: bool = False
    time: float = 0.0
    reason: str = ""
    n_events: int = 0
    n_steps: int = 0
    n_evaluations: int = 0
    times: list[float] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        model = self.flow.model
        self.x = self.x.copy()
        self.at_zero = np.zeros(model.n_neurons, dtype=bool)
        self.met = np.zeros(model.n_neurons, dtype=bool)
        self.side = np.zeros(model.n_neurons, dtype=np.int8)
        self.released = np.zeros(model.dim, dtype=bool)
        self.arrival: np.ndarray | None = None
        self.length = 0.0
        self.creases = np.zeros(0, dtype=int)
        self._note()

    def run(self, stop: np.ndarray | None = None, radius: np.ndarray | None = None) -> Orbit:
        """Advance to the end. ``stop`` (k, dim): sinks that end it within ``radius`` (k,)."""
        while not self.reason:
            if stop is not None and radius is not None and (np.abs(stop - self.x).max(axis=1) <= radius).any():
                self.reason = SINK
            elif not np.abs(self.x).max() <= self.limits.far:
                self.reason = f"at infinity: beyond {self.limits.far:g}"
            elif self.n_steps >= self.limits.n_steps:
                self.reason = BUDGET
            else:
                self._advance()
        return self

    @property
    def path(self) -> tuple[np.ndarray, np.ndarray]:
        """(times (k,), points (k, dim)) that were kept."""
        return np.array(self.times), np.array(self.points)

    def end(self, time: float, reason: str) -> None:
        """The orbit stays where it is until ``time``."""
        self.time, self.reason = time, reason
        self._note()

    def _note(self) -> None:
        if self.keep:
            self.times.append(self.time)
            self.points.append(self.x.copy())

    def _advance(self) -> None:
        """From the point of an event to the next one."""
        flow = self.flow
        u, noise, output = flow.model.forward(self.x)
        self.n_evaluations += 1
        self.n_steps += 1
        corner = self._corner(u, noise, output)
        found, self.reason = self._departure(corner)
        self.creases = corner.zero
        if found is None:
            return
        v = found.v
        if (((self.x >= flow.sides.upper) & (v > 0)) | ((self.x <= flow.sides.lower) & (v < 0))).any():
            self.reason = LEFT
            return
        sliding = self._sliding(corner, found)
        if not v.any() or (sliding is not None and sliding.dimension == 0):
            self._rest(corner, sliding, output)
            return
        self.met[:] = False
        self.side[:] = 0
        self.released[:] = False
        self.at_zero[:] = False
        self.at_zero[corner.zero[found.cell.tied[corner.zero]]] = True
        if flow.is_straight:
            self._go_straight((u, noise, output), corner, found, sliding)
        else:
            assert sliding is not None
            self._go_along(Arc(flow, sliding, corner, found, (self.x, u, noise, output)))
        self.creases = np.flatnonzero(self.at_zero | self.met)
        self._note()

    def arrive(self, velocity: np.ndarray, slid: np.ndarray, met: np.ndarray) -> Orbit:
        """Say how the orbit came to x: with ``velocity``, along the neurons ``slid``, to the neurons ``met``."""
        self.arrival = velocity if velocity.any() else None
        self.at_zero[slid], self.met[met] = True, True
        return self

    def departure(self) -> tuple[Velocity | None, str]:
        """The velocity with which the orbit leaves x (and ""), or None and why there is none: the predicate of all engines."""
        return self._departure(self._corner(*self.flow.model.forward(self.x)))

    def _departure(self, corner: Corner) -> tuple[Velocity | None, str]:
        n_new = np.unique(self.flow.model.group[corner.zero[~self.at_zero[corner.zero]]]).size
        return departure(corner, self.arrival, n_new)

    def _corner(self, u: np.ndarray, noise: np.ndarray, output: np.ndarray) -> Corner:
        """The neurons at zero and the sides touched at the point."""
        model, bounds = self.flow.model, self.flow.bounds
        signs = np.sign(u).astype(np.int8)
        known = self.at_zero | self.met
        zero = (np.abs(u) <= noise) | known
        signs[zero] = 0
        if (zero & ~known).any():
            signs[model.is_constant(signs) & zero] = -1
        signs[self.side != 0] = self.side[self.side != 0]
        touched = Touched.at(self.x, bounds.lower, bounds.upper, self.released)
        return Corner(model, self.flow.cotangents(output[None])[0], signs, touched)

    def _sliding(self, corner: Corner, found: Velocity) -> Sliding | None:
        """The stratum of the motion; None on a polygon that slides along no crease."""
        creases, _ = tied_creases(self.flow.model, corner.zero, found.cell)
        if self.flow.is_straight and not creases.size and not found.vanishes:
            return None
        signs = found.cell.signs.copy()
        signs[corner.zero[np.isin(self.flow.model.group[corner.zero], creases)]] = 0
        held = found.v[corner.touched.coordinates] == 0
        sliding = Sliding(self.flow.model, signs, creases, corner.touched, held)
        move = sliding.correction(self._preactivations(sliding))
        if 0 < np.abs(move).max(initial=0.0) <= NEAR * (1.0 + np.abs(self.x).max()):
            self.x = self.flow.inside(self.x + move)
        return sliding

    def _preactivations(self, sliding: Sliding) -> np.ndarray:
        return self.flow.model.forward(self.x)[0][sliding.neurons] if sliding.neurons.size else np.zeros(0)

    def _rest(self, corner: Corner, sliding: Sliding | None, output: np.ndarray) -> None:
        """The end of an orbit whose velocity vanishes; where f rises near by all the same, the end is not its only one."""
        if rises_near_by(self.flow, self.x, self.flow.value(output)):
            self.reason = MEETS_REPELLED if self.n_events else STARTS_REPELLED
        elif sliding is not None and is_sharp(self.flow, corner, sliding, output):
            self.reason = SINK
        elif np.isfinite(self.limits.t_max):
            self.end(self.limits.t_max, TIME)
        else:
            self.reason = FLAT

    def _go_straight(
        self, start: tuple[np.ndarray, ...], corner: Corner, found: Velocity, sliding: Sliding | None
    ) -> None:
        """Along the straight segment to the next event, or to the end of the time."""
        model, flow, (u, noise, output) = self.flow.model, self.flow, start
        v, rates = found.v, found.cell.rates
        if sliding is not None:
            v = corner.y @ sliding.directions
            rates = model.along(v[None], found.cell.signs).rates
        lengths = np.full(model.n_neurons, np.inf)
        nearing = (u * rates < 0) & (corner.signs != 0) & (self.side == 0)
        lengths[nearing] = -u[nearing] / rates[nearing]
        walls = self._walls(v)
        ahead = min(lengths.min(initial=np.inf), walls.min(initial=np.inf))
        level, speed = flow.value(output), float(v @ v)
        length, time, ends = self._clock(ahead, level, speed)
        if not np.isfinite(length):
            self.reason = RAY
            return
        before = self.x
        self.x = flow.inside(before + length * v)
        self.time, self.arrival = time, v
        if ends:
            self.reason = TIME
            return
        self.n_events += 1
        self.met = lengths <= length
        if self.met.any():  # creases that meet at one point are met at once, or rounding would choose one of them
            self.met |= nearing & (np.abs(u + length * rates) <= TOGETHER * noise)
        self._put_on_walls(walls <= length, v)

    def _clock(self, ahead: float, level: float, speed: float) -> tuple[float, float, bool]:
        """(length of the move in the orbit's own time, time at its end, whether the time is then up)."""
        left = self.limits.t_max - self.time
        if not self.flow.is_probability:
            return (ahead, self.time + ahead, False) if ahead < left else (left, self.limits.t_max, True)
        time = duration(level, ahead * speed, speed) if np.isfinite(ahead) else np.inf
        if time < left:
            return ahead, self.time + time, False
        if not np.isfinite(left):
            return ahead, np.inf, False
        rise = rise_within(level, left, speed, ahead * speed)
        return rise / speed, self.limits.t_max, True

    def _walls(self, v: np.ndarray) -> np.ndarray:
        """Times to the sides of the box along ``v`` (dim,), infinite where there is none ahead."""
        bounds, sides = self.flow.bounds, self.flow.sides
        with np.errstate(divide="ignore", invalid="ignore"):
            wall = np.where(v > 0, np.minimum(bounds.upper, sides.upper), np.maximum(bounds.lower, sides.lower))
            return np.where(v != 0, np.maximum((wall - self.x) / v, 0.0), np.inf)

    def _put_on_walls(self, hit: np.ndarray, v: np.ndarray) -> None:
        bounds, sides = self.flow.bounds, self.flow.sides
        wall = np.where(v > 0, np.minimum(bounds.upper, sides.upper), np.maximum(bounds.lower, sides.lower))
        self.x = np.where(hit, wall, self.x)
        if hit.any() and (np.isfinite(sides.upper) | np.isfinite(sides.lower))[hit].any():
            self.reason = LEFT

    def _go_along(self, arc: Arc) -> None:
        """Along a curved arc to the next event, or to the end of the time."""
        self.length = arc.run(self.limits, self.time, self.length, self.n_steps)
        self.n_steps += arc.n_steps
        self.n_evaluations += arc.n_evaluations
        if self.keep:
            for time, point in arc.passed:
                self.times.append(time)
                self.points.append(point)
        self.x, self.time, self.arrival = arc.x, arc.time, arc.velocity
        self.met, self.side, self.released = arc.met, arc.side, arc.released
        self.at_zero &= ~(arc.side != 0)
        self.reason = arc.reason
        self.n_events += not arc.reason
