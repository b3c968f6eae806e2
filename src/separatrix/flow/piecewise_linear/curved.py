"""A curved arc of an orbit: on a stratum x moves in a plane of dimension at most that of the outputs (§5).

With Y' = y, the cotangent of the outputs, everything on the stratum is linear in Y: x = x0 + Y (P A^T), the preactivations
u = u0 + Y R, the outputs z = z0 + Y M. So Y' = grad Phi(z0 + Y M) is integrated (Dormand-Prince), and the events are zeros
of linear functionals of Y (creases and faces met) and of Y' (creases and faces let go) on the continuous extension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from separatrix.flow import dormand_prince as pair
from separatrix.flow.piecewise_linear.directions import Corner, Velocity
from separatrix.flow.piecewise_linear.general_field import Field
from separatrix.flow.piecewise_linear.reasons import BUDGET, FLAT, LEFT, SINK, TIME
from separatrix.flow.piecewise_linear.sharpness import stratum_basis
from separatrix.flow.piecewise_linear.sliding import Sliding

if TYPE_CHECKING:
    from separatrix.flow.piecewise_linear.orbit import Limits

SAMPLES = np.linspace(0.0, 1.0, 17)
POWERS = np.stack([SAMPLES, SAMPLES**2, SAMPLES**3, SAMPLES**4])
SLACK = 1e-12
REST_EVERY = 4


class Arc:
    """The arc from ``x`` on the stratum ``sliding``; :meth:`run` leaves its end in ``x``, ``time``, ``velocity`` and the
    event in ``met`` (N,), ``side`` (N,), ``released`` (dim,), or a ``reason``."""

    def __init__(
        self, flow: Field, sliding: Sliding, corner: Corner, found: Velocity, start: tuple[np.ndarray, ...]
    ) -> None:
        self.flow, self.sliding = flow, sliding
        self.x, u, noise, self.output = start
        model = flow.model
        self.rates, self.outputs = model.tangents(sliding.directions, sliding.slopes)
        self.n_steps = self.n_evaluations = 0
        self.passed: list[tuple[float, np.ndarray]] = []
        self.met, self.side = np.zeros(model.n_neurons, dtype=bool), np.zeros(model.n_neurons, dtype=np.int8)
        self.released = np.zeros(model.dim, dtype=bool)
        self.reason, self.velocity = "", found.v
        staying = np.zeros(model.n_neurons, dtype=bool)
        staying[corner.zero[found.cell.tied[corner.zero]]] = True
        self.watched = np.flatnonzero(~staying & (self.rates != 0).any(axis=0))
        leaving = corner.signs[self.watched] == 0
        signs = found.cell.signs[self.watched].astype(float)
        base = np.where(leaving, 0.0, signs * u[self.watched])
        self._watch(signs, base, noise[self.watched])
        self.conditions = sliding.conditions.copy()
        convex = sliding.is_convex(corner.y)
        k = convex.size
        self.conditions[:, :k][:, convex] *= -1.0
        self.conditions[:, k : 2 * k][:, convex] *= -1.0
        if not sliding.is_regular:
            self.conditions = self.conditions[:, 2 * k :]
        self.slack = np.minimum(corner.y @ self.conditions, 0.0) - SLACK * sliding.size(corner.y)

    def _watch(self, signs: np.ndarray, base: np.ndarray, noise: np.ndarray) -> None:
        """``distances`` (w,) + Y ``approach`` (m, w) >= -``tolerance`` until a crease, a lower or an upper side is met."""
        bounds, sides = self.flow.bounds, self.flow.sides
        low, high = np.maximum(bounds.lower, sides.lower), np.minimum(bounds.upper, sides.upper)
        moving = self.sliding.free & (self.sliding.directions != 0).any(axis=0)
        self.falling, self.rising = (
            np.flatnonzero(moving & np.isfinite(low)),
            np.flatnonzero(moving & np.isfinite(high)),
        )
        self.low, self.high = low, high
        d = self.sliding.directions
        self.approach = np.hstack([self.rates[:, self.watched] * signs, d[:, self.falling], -d[:, self.rising]])
        to_low, to_high = self.x[self.falling] - low[self.falling], high[self.rising] - self.x[self.rising]
        self.distances = np.concatenate([base, to_low, to_high])
        spacing = 4.0 * np.spacing(np.abs(np.concatenate([low[self.falling], high[self.rising]])))
        self.tolerance = np.concatenate([noise, spacing])

    def run(self, limits: Limits, time: float, length: float, n_before: int) -> float:
        """Integrate to the end of the arc; the length of the next step is returned."""
        y = self._field(np.zeros((1, self.output.size)))
        state = np.zeros((1, self.output.size))
        scale = limits.atol + limits.rtol * np.abs(self.x)
        speed = np.abs(y[0] @ self.sliding.directions)
        h = length or float(np.min(100.0 * scale / np.maximum(speed, 1e-300)))
        start = self.x
        while True:
            if n_before + self.n_steps >= limits.n_steps:
                self.reason = BUDGET
                break
            h = min(h, limits.t_max - time) if np.isfinite(limits.t_max) else h
            new, error, slopes = pair.step(self._field, state, y, np.array([h]))
            self.n_steps += 1
            moved = np.abs(error[0] @ self.sliding.directions) / scale
            size = float(moved.max(initial=0.0))
            size = size if np.isfinite(size) else 1e10
            following = float(pair.next_length(np.array([h]), np.array([size]))[0])
            if size > 1.0:
                h = following
                continue
            fraction = self._first_event(state, h, slopes)
            if fraction < 1.0:
                state = pair.between(state, np.array([h]), slopes, np.array([fraction]))
                y = self._field(state)
                time += fraction * h
                break
            state, y, time = new, slopes[-1], time + h
            h = following
            if self._ends(start, state[0], y[0], time, limits):
                break
            self.passed.append((time, start + state[0] @ self.sliding.directions))
        self._finish(start, state[0], y[0], time)
        return max(h, 1e-14)

    def _field(self, state: np.ndarray) -> np.ndarray:
        self.n_evaluations += state.shape[0]
        return self.flow.cotangents(self.output + state @ self.outputs)

    def _along(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far the events of meeting and of letting go are at the rows of ``state``, negative where past."""
        meeting = self.distances + self.tolerance + state @ self.approach
        letting = self.flow.cotangents(self.output + state @ self.outputs) @ self.conditions - self.slack
        return meeting, letting

    def _first_event(self, state: np.ndarray, h: float, slopes: np.ndarray) -> float:
        """The fraction of the step at which the first event happens, noted in ``met``, ``side``, ``released``; 1 if none."""
        curve = state + h * ((pair.EXTENSION @ POWERS).T @ slopes[:, 0])
        past = np.hstack(self._along(curve)) < 0
        if not past[1:].any():
            return 1.0
        low, high, found = 0.0, 1.0, past[-1]
        while True:  # sixteen parts at a time, down to neighbouring doubles
            first = int(past[1:].any(axis=1).argmax()) + 1
            found = past[first]
            low, high = low + SAMPLES[first - 1] * (high - low), low + SAMPLES[first] * (high - low)
            if high - low <= 4.0 * np.spacing(high):
                break
            fractions = low + SAMPLES * (high - low)
            curve = state + h * (pair.EXTENSION @ np.stack([fractions**k for k in (1, 2, 3, 4)])).T @ slopes[:, 0]
            past = np.hstack(self._along(curve)) < 0
            past[-1] |= found
        self._note_event(found)
        return float(min(high, np.nextafter(1.0, 0.0)))

    def _note_event(self, found: np.ndarray) -> None:
        n, m = self.watched.size, self.falling.size
        total = self.distances.size
        self.met[self.watched[found[:n]]] = True
        self.on_low, self.on_high = self.falling[found[n : n + m]], self.rising[found[n + m : total]]
        letting, sliding = found[total:], self.sliding
        k = sliding.neurons.size if sliding.is_regular else 0
        for column in np.flatnonzero(letting[: 2 * k]):
            members = sliding.members[column % k]
            scale = self.flow.model.scale[members] * self.flow.model.scale[members[0]]
            self.side[members] = np.where(scale > 0, 1, -1) * (1 if column < k else -1)
        self.released[sliding.held.coordinates[letting[2 * k :]]] = True
        if (self.on_low.size or self.on_high.size) and np.isfinite(self.flow.sides.upper).any():
            self.reason = LEFT

    def _ends(self, start: np.ndarray, state: np.ndarray, y: np.ndarray, time: float, limits: Limits) -> bool:
        if time >= limits.t_max * (1.0 - 1e-15):
            self.reason = TIME
            return True
        if not self.sliding.is_regular or not np.abs(start + state @ self.sliding.directions).max() <= limits.far:
            return True
        if self.n_steps % REST_EVERY == 0 and self._is_at_rest(state, y, 10.0 * limits.atol):
            # where the outputs do not change along all of the stratum, f is constant along the rest of it
            isolated = self.tangent.shape[0] == self.sliding.dimension
            self.reason = SINK if isolated else "" if np.isfinite(limits.t_max) else FLAT
        return bool(self.reason)

    def _is_at_rest(self, state: np.ndarray, y: np.ndarray, near: float) -> bool:
        """Whether a maximum on the stratum is within ``near`` by its Newton step, strict where the outputs change."""
        if not hasattr(self, "tangent"):
            self.tangent = stratum_basis(self.sliding)
        if not self.tangent.size or not np.abs(y @ self.sliding.directions).max() < 1e-2:
            return False
        if (y @ self.conditions <= 1e-10 * self.sliding.size(y)).any() or self.sliding.is_convex(y).any():
            return False
        inner = self.sliding.jacobian @ self.tangent.T
        output = self.output + state @ self.outputs
        values, vectors = np.linalg.eigh(inner.T @ self.flow.hessian(output) @ inner)
        if values[-1] >= 0 or values[-1] > -1e-13 * abs(values[0]):
            return False
        newton = vectors @ ((vectors.T @ (y @ inner)) / -values)
        if not np.abs(newton @ self.tangent).max() <= near:
            return False
        there = self.flow.hessian(output + 2.0 * newton @ inner.T)
        frame = vectors / np.sqrt(-values)
        change = frame.T @ (inner.T @ there @ inner) @ frame + np.eye(values.size)
        return bool(np.abs(np.linalg.eigvalsh(change)).max() <= 0.5)

    def _finish(self, start: np.ndarray, state: np.ndarray, y: np.ndarray, time: float) -> None:
        self.velocity = y @ self.sliding.directions
        x = self.flow.inside(start + state @ self.sliding.directions)
        for numbers, wall in ((getattr(self, "on_low", None), self.low), (getattr(self, "on_high", None), self.high)):
            if numbers is not None:
                x[numbers] = wall[numbers]
        self.x, self.time = x, time
