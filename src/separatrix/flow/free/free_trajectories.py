"""Trajectories of the free flow: step control a row, what ends a row, and its path."""

from __future__ import annotations

import numpy as np

from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.event_stepper import REST_EVERY, Settings, is_at_rest
from separatrix.flow.free import tsitouras as pair
from separatrix.flow.free.free_flow import FreeBatch, FreeField
from separatrix.potentials.base import Potential

SPREAD = 3.0
CLOCK = 0.5
SHRINK = 0.125


class FreeStepper:
    """Integrates the rows of ``starts`` together; :meth:`run` gives (end, time, evaluations, reasons, paths).

    Under the reduction the error of a step is measured by its Euclidean length over sqrt(n) / 3, at least 1: three times
    the root mean square of its n coordinates. Else each coordinate of the error stays below its tolerance.
    """

    def __init__(
        self,
        field: FreeField,
        potential: Potential,
        starts: np.ndarray,
        settings: Settings,
        *,
        stop: CriticalPoints | None,
        keep: bool,
    ) -> None:
        self.field, self.potential, self.starts, self.settings = field, potential, starts, settings
        self.stop = None if stop is None or field.is_reduced else stop
        n, rank = starts.shape[0], field.stage.shape[1]
        self.batch = FreeBatch(field, starts)
        self.rows = np.arange(n)
        self.ended = np.zeros(n, dtype=bool)
        self.t, self.steps = np.zeros(n), np.zeros(n, dtype=np.int64)
        self.before, self.refused = np.ones(n), np.zeros(n, dtype=bool)
        self.tolerance = settings.atol + settings.rtol * np.abs(starts).max(axis=1, initial=0.0)
        self.spread = max(1.0, np.sqrt(starts.shape[1]) / SPREAD) if field.is_reduced else 1.0
        self.tolerance *= self.spread
        self.length = np.minimum(self._first_length(), settings.t_max)
        self.moved, self.time = np.empty((n, rank)), np.zeros(n)
        self.tries, self.reason = np.zeros(n, dtype=np.int64), np.full(n, "", dtype=object)
        self.paths: list[tuple[list[float], list[np.ndarray]]] = []
        if keep:
            self.paths = [([0.0], [self.batch.moved[:, i].copy()]) for i in range(n)]

    def _first_length(self) -> np.ndarray:
        batch, slope = self.batch, self.batch.stages[0]
        distance = np.linalg.norm(self.starts, axis=1) / self.tolerance
        speed = batch.lengths(slope) / self.tolerance
        trial = np.minimum(pair.trial_length(distance, speed), self.settings.t_max)
        np.multiply(slope, trial, out=batch.move)
        np.matmul(self.field.stage, batch.move, out=batch.shift)
        batch.evaluate(batch.stages[1])
        np.subtract(batch.stages[1], slope, out=batch.error)
        return pair.first_length(trial, speed, batch.lengths(batch.error) / self.tolerance)

    def run(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str], list[tuple[np.ndarray, np.ndarray]]]:
        """Step until every row has a reason."""
        while self.rows.size:
            self._step()
            self._leave()
        end = self.field.lift(self.starts, self.moved)
        paths = []
        for row, (times, moved) in enumerate(self.paths):
            points = self.field.lift(self.starts[row], np.array(moved))
            points[0], points[-1] = self.starts[row], end[row]
            paths.append((np.array(times), points))
        return end, self.time, 2 + pair.EVALUATIONS * self.tries, self.reason.tolist(), paths

    def _step(self) -> None:
        left = np.where(self.ended, 0.0, self.settings.t_max - self.t)
        h = np.minimum(self.length, left)
        self.batch.try_step(h)
        size = self._sizes()
        accepted = (size <= 1.0) & ~self.ended
        self.batch.accept(accepted)
        self.steps += ~self.ended
        self.t = np.where(accepted, np.where(self.length >= left, self.settings.t_max, self.t + h), self.t)
        self.length = pair.next_length(h, size, self.before, self.refused)
        self.refused = size > 1.0
        self.before = np.where(accepted, np.maximum(size, 1e-4), self.before)
        for column in np.flatnonzero(accepted) if self.paths else ():
            times, points = self.paths[self.rows[column]]
            times.append(float(self.t[column]))
            points.append(self.batch.moved[:, column].copy())
        self._find_ends(accepted)

    def _sizes(self) -> np.ndarray:
        """Error over tolerance."""
        batch, settings = self.batch, self.settings
        clock = batch.steepness() / CLOCK
        if self.field.is_reduced:
            size = batch.lengths(batch.error) * np.maximum(1.0, clock * self.spread) / self.tolerance
        else:
            batch.kernel.largest_share(batch.error, batch.moved, batch.move, settings.atol, settings.rtol, batch.size)
            size = batch.size.copy()
            if batch.has_clock:
                size = np.maximum(size, batch.lengths(batch.error) * clock / self.tolerance)
        return np.where(np.isfinite(size), size, pair.REFUSED)

    def _find_ends(self, accepted: np.ndarray) -> None:
        """Reasons of the rows that end here."""
        done = (self.t >= self.settings.t_max) & ~self.ended
        self._end(done, "time")
        self._end(~self.ended & (self.steps >= self.settings.max_steps), "budget")
        if self.field.is_reduced:  # where W has fewer rows than columns no equilibrium is isolated
            return
        moving = accepted & ~self.ended
        if self.stop is not None:
            is_sink = self.stop.indices == 0
            for point, radius in zip(self.stop.points[is_sink], self.stop.radius[is_sink], strict=True):
                near = max(10.0 * self.settings.atol, float(np.nan_to_num(radius)))
                self._end(moving & (np.abs(self.batch.moved - point[:, None]).max(axis=0) <= near), "sink")
        slope = self.batch.stages[0]
        speed = np.abs(slope).max(axis=0)
        due = (self.steps % REST_EVERY == 0) | (speed == 0)
        pace = speed * np.minimum(self.length, 1.0)
        for column in np.flatnonzero(moving & due & (pace < 100.0 * self.settings.atol) & ~self.ended):
            x, g = self.batch.moved[:, column].copy(), slope[:, column].copy()
            if is_at_rest(self.potential, x, g, np.zeros(x.size, dtype=bool), 10.0 * self.settings.atol):
                self._end(np.arange(self.rows.size) == column, "sink")

    def _end(self, columns: np.ndarray, reason: str) -> None:
        if columns.any():
            self.reason[self.rows[columns]] = reason
            self.ended |= columns

    def _leave(self) -> None:
        """Take the rows that have ended out of the batch, a few at a time."""
        count = int(self.ended.sum())
        if count < self.rows.size and count <= SHRINK * self.rows.size:
            return
        rows = self.rows[self.ended]
        self.moved[rows], self.time[rows] = self.batch.moved[:, self.ended].T, self.t[self.ended]
        self.tries[rows] = self.steps[self.ended]
        live = ~self.ended
        for name in ("rows", "t", "steps", "before", "refused", "tolerance", "length", "ended"):
            setattr(self, name, getattr(self, name)[live])
        if self.rows.size:
            self.batch.keep(live)
