"""The batch integrator behind trajectories: which coordinates are held by faces, and the events that change that.

While the set of held coordinates of a row is fixed, its flow is smooth and Dormand-Prince keeps its order. A step ends early
where a free coordinate meets a face, located on the continuous extension; a held coordinate is released where its gradient
turns inward, located by repeating the step up to there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.domains import Box, Domain
from separatrix.flow import dormand_prince as pair
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.free.row_space import RowSpace
from separatrix.flow.projection import Bounds
from separatrix.potentials.base import Potential

BISECTIONS, SECTIONS = 50, 32
TURNING = 0.25
SAMPLES = np.linspace(0.0, 1.0, 17)
GOLDEN = 0.5 * (5.0**0.5 - 1.0)
REST_EVERY = 8
RELEASE_SHARE = 0.1


@dataclass(frozen=True)
class Settings:
    """Tolerances and budget of an integration."""

    t_max: float
    rtol: float = 1e-6
    atol: float = 1e-6
    max_steps: int = 10_000


class EventStepper:
    """Integrates the rows of ``starts`` together; :meth:`run` gives (end, time, evaluations, reasons, paths)."""

    def __init__(
        self,
        potential: Potential,
        domain: Domain,
        boundary: str,
        starts: np.ndarray,
        settings: Settings,
        *,
        stop: CriticalPoints | None,
        keep: bool,
    ) -> None:
        self.potential, self.settings, self.stop, self.keep = potential, settings, stop, keep
        self.box = domain if isinstance(domain, Box) else None
        self.leaves = self.box is not None and boundary == "exit"
        self.bounds = Bounds.of(domain, boundary)
        self.reduction = RowSpace.of(potential) if self.box is None else None
        self.starts = starts
        n = starts.shape[0]
        self.time, self.steps, self.evaluations = np.zeros(n), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self.reason = np.full(n, "", dtype=object)
        if self.reduction is not None:
            self.offset = self.reduction.start(starts)
            self.state = np.zeros((n, self.reduction.basis.shape[1]))
        else:
            self.state = starts.copy()
        self.slope = self._gradient(np.arange(n), self.state)
        self.evaluations += 1
        self.held = self._held(self.state, self.slope)
        self.length = np.minimum(pair.first_length(self.state, self.slope, np.full(n, settings.atol)), settings.t_max)
        self.paths: list[tuple[list[float], list[np.ndarray]]] = [([0.0], [x]) for x in starts] if keep else []

    def _gradient(self, rows: np.ndarray, state: np.ndarray) -> np.ndarray:
        if self.reduction is not None:
            return self.reduction.gradient(self.offset[rows], state)
        return self.potential.value_and_gradient(state)[1]

    def _held(self, x: np.ndarray, g: np.ndarray) -> np.ndarray:
        return np.zeros(x.shape, dtype=bool) if self.reduction is not None else self.bounds.held(np, x, g)

    def points(self, rows: np.ndarray) -> np.ndarray:
        """Positions of ``rows`` in the space of the inputs."""
        return self.state[rows] if self.reduction is None else self.reduction.lift(self.starts[rows], self.state[rows])

    def run(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str], list[tuple[np.ndarray, np.ndarray]]]:
        """Step until every row has a reason."""
        if self.leaves and self.box is not None:
            at = Bounds(self.box.lower, self.box.upper).held(np, self.state, self.slope) & (self.slope != 0)
            self.reason[at.any(axis=1)] = "left the box"
        while (rows := np.flatnonzero(self.reason == "")).size:
            self._step(rows)
        every = np.arange(self.starts.shape[0])
        paths = [(np.array(times), np.array(points)) for times, points in self.paths]
        return self.points(every), self.time, self.evaluations, [str(reason) for reason in self.reason], paths

    def _step(self, rows: np.ndarray) -> None:
        x, held = self.state[rows], self.held[rows]
        h = np.minimum(self.length[rows], self.settings.t_max - self.time[rows])
        raw: list[np.ndarray] = []

        def field(state: np.ndarray) -> np.ndarray:
            raw.append(self._gradient(rows, state))
            return np.where(held, 0.0, raw[-1])

        new, error, slopes = pair.step(field, x, np.where(held, 0.0, self.slope[rows]), h)
        self.evaluations[rows] += pair.EVALUATIONS
        self.steps[rows] += 1
        size = self._size(rows, x, new, error)
        accepted = size <= 1.0
        late = accepted & self._releases_late(rows, x, held, (h, [self.slope[rows], *raw]))
        accepted &= ~late
        theta, hit = self._meetings(x, new, h, slopes, accepted & ~late)
        event = accepted & (theta < 1.0)
        self.length[rows] = np.where(late, self._release_length, np.where(event, h, pair.next_length(h, size)))
        if accepted.any():
            self._advance(rows, accepted, event, (x, new, h, slopes), (theta, hit), raw[-1])
        self._finish(rows, accepted)

    def _size(self, rows: np.ndarray, x: np.ndarray, new: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Error over tolerance of each row; Euclidean under the reduction, where it bounds the max norm of x."""
        with np.errstate(invalid="ignore", over="ignore"):
            if self.reduction is not None:
                scale = self.settings.atol + self.settings.rtol * np.abs(self.starts[rows]).max(axis=1)
                size = np.sqrt((error * error).sum(axis=1)) / scale
            else:
                scale = self.settings.atol + self.settings.rtol * np.maximum(np.abs(x), np.abs(new))
                size = (np.abs(error) / scale).max(axis=1, initial=0.0)
        return np.asarray(np.where(np.isfinite(size), size, 1e10))

    def _releases_late(
        self, rows: np.ndarray, x: np.ndarray, held: np.ndarray, step: tuple[np.ndarray, list[np.ndarray]]
    ) -> np.ndarray:
        """Rows in which a held coordinate's gradient turned inward too early in the step to be released at its end.

        The gradient along the step is that of the continuous extension, so that it is seen to turn and turn back, too.
        """
        h, gradients = step
        late, self._release_length = np.zeros(rows.size, dtype=bool), h
        if not held.any():
            return late
        outward = np.stack([self._outward(x, g) for g in gradients])
        row, column = np.nonzero(held & (outward.min(axis=0) < TURNING * outward.max(axis=0)))
        if not row.size:
            return late
        along = pair.slopes_between(outward[:, row, column], SAMPLES)
        inward = np.maximum(-along, 0.0)
        tolerance = RELEASE_SHARE * (self.settings.atol + self.settings.rtol * np.abs(x[row, column]))
        missed = h[row] * inward.mean(axis=0) > tolerance
        row, along = row[missed], along[:, missed]
        late[row] = True
        first = (along < 0).argmax(axis=0)
        after, before = (along[k, np.arange(row.size)] for k in (first, np.maximum(first - 1, 0)))
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(first > 0, before / (before - after), 0.0)
        share = SAMPLES[np.maximum(first - 1, 0)] + part * (SAMPLES[1] - SAMPLES[0])
        shares = np.ones(rows.size)
        np.minimum.at(shares, row, share)
        self._release_length = h * np.maximum(shares, 1e-3)
        return late

    def _outward(self, x: np.ndarray, g: np.ndarray) -> np.ndarray:
        return np.where(x >= self.bounds.upper, g, -g)

    def _meetings(
        self, x: np.ndarray, new: np.ndarray, h: np.ndarray, slopes: np.ndarray, accepted: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(fraction of the step at which a row first meets a side (n,), the coordinates that do (n, dim))."""
        n = x.shape[0]
        theta, hit = np.ones(n), np.zeros(x.shape, dtype=bool)
        side = Bounds(self.box.lower, self.box.upper) if self.box is not None else None
        if side is None:
            return theta, hit
        above, below = new > side.upper, new < side.lower
        # a coordinate may also pass a side and come back within the step
        first, last = slopes[0], slopes[-1]
        turns_back = ((first > 0) & (last < 0) & (x + 2.0 * h[:, None] * first > side.upper)) | (
            (first < 0) & (last > 0) & (x + 2.0 * h[:, None] * first < side.lower)
        )
        row, column = np.nonzero((above | below | turns_back) & accepted[:, None])
        if not row.size:
            return theta, hit
        upwards = np.where((above | below)[row, column], above[row, column], first[row, column] > 0)
        sign, wall = np.where(upwards, 1.0, -1.0), np.where(upwards, side.upper[column], side.lower[column])
        start, lengths, parts = x[row, column], h[row], slopes[:, row, column]
        low, high = np.zeros(row.size), np.ones(row.size)
        inside = ~(above | below)[row, column]
        high[inside] = _peak(start[inside], lengths[inside], parts[:, inside], sign[inside])
        reaches = ~inside | (sign * (pair.between(start, lengths, parts, high) - wall) > 0)
        row, column = row[reaches], column[reaches]
        sign, wall, low, high = (a[reaches] for a in (sign, wall, low, high))
        start, lengths, parts = start[reaches], lengths[reaches], parts[:, reaches]
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            past = sign * (pair.between(start, lengths, parts, middle) - wall) >= 0
            low, high = np.where(past, low, middle), np.where(past, middle, high)
        np.minimum.at(theta, row, high)
        hit[row, column] = high <= theta[row] + 1e-12
        theta[(theta == 1.0) & hit.any(axis=1)] = np.nextafter(1.0, 0.0)
        return theta, hit

    def _advance(
        self,
        rows: np.ndarray,
        accepted: np.ndarray,
        event: np.ndarray,
        step: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
        meeting: tuple[np.ndarray, np.ndarray],
        last: np.ndarray,
    ) -> None:
        (x, new, h, slopes), (theta, hit) = step, meeting
        if event.any():
            new, last = new.copy(), last.copy()
            there = pair.between(x[event], h[event], slopes[:, event], theta[event])
            new[event] = self._on_walls(there, hit[event])
            last[event] = self._gradient(rows[event], new[event])
            self.evaluations[rows[event]] += 1
        moved = rows[accepted]
        self.state[moved], self.slope[moved] = new[accepted], last[accepted]
        self.time[moved] += (h * np.where(event, theta, 1.0))[accepted]
        self.held[moved] = self._held(self.state[moved], self.slope[moved])
        if self.leaves:
            self.reason[rows[event]] = "left the box"
        if self.keep:
            for row, point in zip(moved, self.points(moved), strict=True):
                self.paths[row][0].append(float(self.time[row]))
                self.paths[row][1].append(point.copy())

    def _on_walls(self, x: np.ndarray, hit: np.ndarray) -> np.ndarray:
        assert self.box is not None
        nearer_top = np.abs(x - self.box.upper) < np.abs(x - self.box.lower)
        x = np.where(hit, np.where(nearer_top, self.box.upper, self.box.lower), x)
        return x if self.leaves else self.box.clip(x)

    def _finish(self, rows: np.ndarray, accepted: np.ndarray) -> None:
        live = self.reason[rows] == ""
        done = self.time[rows] >= self.settings.t_max * (1.0 - 1e-15)
        self.reason[rows[live & done]] = "time"
        self.reason[rows[live & ~done & (self.steps[rows] >= self.settings.max_steps)]] = "budget"
        if self.reduction is not None:
            return
        rows = rows[accepted & (self.reason[rows] == "")]
        if self.stop is not None and rows.size:
            is_sink = self.stop.indices == 0
            for point, radius in zip(self.stop.points[is_sink], self.stop.radius[is_sink], strict=True):
                near = np.abs(self.state[rows] - point).max(axis=1) <= max(
                    10 * self.settings.atol, float(np.nan_to_num(radius))
                )
                self.reason[rows[near]] = "sink"
        speed = np.abs(np.where(self.held[rows], 0.0, self.slope[rows])).max(axis=1, initial=0.0)
        due = (self.steps[rows] % REST_EVERY == 0) | (speed == 0)
        # about a stiff sink a row jumps to and fro by its tolerance, so that not its speed but its steps are small
        pace = speed * np.minimum(self.length[rows], 1.0)
        slow = (pace < 100.0 * self.settings.atol) & due & (self.reason[rows] == "")
        for row in rows[slow]:
            if is_at_rest(self.potential, self.state[row], self.slope[row], self.held[row], 10.0 * self.settings.atol):
                self.reason[row] = "sink"


def _peak(start: np.ndarray, h: np.ndarray, slopes: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Fractions of steps at which the coordinates, times ``sign``, are largest, by golden sections."""
    low, high = np.zeros(start.size), np.ones(start.size)
    for _ in range(SECTIONS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        rises = sign * pair.between(start, h, slopes, left) < sign * pair.between(start, h, slopes, right)
        low, high = np.where(rises, left, low), np.where(rises, high, right)
    return 0.5 * (low + high)


def is_at_rest(potential: Potential, x: np.ndarray, g: np.ndarray, held: np.ndarray, near: float) -> bool:
    """Whether a maximum lies within ``near`` of x by its Newton step: multipliers strictly outward, the Hessian on the free
    face negative definite and, in its own metric, changed by no more than half over two Newton steps. In a slow passage
    near a saddle, through a narrow gap, over a plateau or along a curve of maxima it changes by more."""
    if not (g[held] != 0).all():
        return False
    free = np.flatnonzero(~held)
    if not free.size:
        return True
    values, vectors = np.linalg.eigh(potential.hessian_on(x, free))
    if values[-1] >= 0 or values[-1] > -1e-13 * abs(values[0]):
        return False
    newton = vectors @ ((vectors.T @ g[free]) / -values)
    if not float(np.abs(newton).max()) <= near:
        return False
    there = x.copy()
    there[free] += 2.0 * newton
    frame = vectors / np.sqrt(-values)
    change = frame.T @ potential.hessian_on(there, free) @ frame + np.eye(free.size)
    return float(np.abs(np.linalg.eigvalsh(change)).max()) <= 0.5
