"""Branches integrated at unit speed, all of them in one batch: Dormand-Prince 5(4) with a step length a row (§3).

At unit speed neither the slow start at the saddle nor the slow arrival costs steps. Within the interior or a face the flow is
smooth; where the projected flow meets or leaves a side of the box a branch ends with that as its reason (legs.py goes on).

At unit speed an error estimate does not see a pair of equilibria that a step leaps over: on an edge the field is constant. So
no step is longer than half the distance to the nearest point of the list, and along an edge a step is watched for a turn.
"""

from __future__ import annotations

import numpy as np

from separatrix.domains import Box
from separatrix.flow import dormand_prince as pair
from separatrix.flow.projection import Arena
from separatrix.morse.tubes import rosenbrock
from separatrix.morse.tubes.goals import Goals
from separatrix.morse.tubes.slopes import gradients, hessians
from separatrix.morse.tubes.steps import Step, first
from separatrix.morse.tubes.traces import Start, Trace

TOLERANCE, LONGEST, SHORTEST = 1e-9, 0.02, 1e-14
BUDGET = 4000
STIFF_SHARE, STIFF, PATIENCE, CHECK_EVERY = 10.0, 1.5, 60, 20
BEYOND = 0.02
HALF_WAY, WATCHED = 0.5, np.array([0.2, 0.4, 0.6, 0.8, 1.0])
WALL, RELEASED, SADDLE, STANDS, SPENT = (
    "met a side of the box",
    "a held coordinate is let go",
    "saddle",
    "comes to rest at no point of the list",
    "budget",
)


class Tracer:
    """Integrates starts until each has a reason; :meth:`run` gives the traces in order."""

    x: np.ndarray
    slope: np.ndarray
    sign: np.ndarray
    holds: np.ndarray
    free: np.ndarray
    outward: np.ndarray
    leaving: np.ndarray
    reason: np.ndarray
    target: np.ndarray
    stiff: np.ndarray
    gone: np.ndarray
    made: np.ndarray
    length: np.ndarray

    def __init__(
        self,
        arena: Arena,
        goals: dict[float, Goals],
        starts: list[Start],
        budget: int = BUDGET,
        tolerance: float = TOLERANCE,
    ) -> None:
        self.arena, self.goals, self.budget, self.tolerance = arena, goals, budget, tolerance
        self.starts: list[Start] = []
        self.steps: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []  # rows, nodes, tangents, lengths
        self.add(starts)

    def add(self, starts: list[Start]) -> None:
        """Rows for further ``starts``."""
        known, n, shape = len(self.starts), len(starts), (len(starts), self.arena.potential.dim)
        self.starts += starts
        sign = np.array([start.sign for start in starts], dtype=np.float64)
        away = np.array([_distance(start, self.arena, self.goals) for start in starts], dtype=np.float64)
        is_held = self.arena.boundary == "project" and isinstance(self.arena.domain, Box)
        fresh = {
            "x": np.array([start.point for start in starts], dtype=np.float64).reshape(shape),
            "slope": np.zeros(shape),
            "sign": sign,
            # upwards the projected flow is held by the sides; downwards it is no flow there, and a branch ends
            "holds": (sign > 0) & is_held,
            "free": np.array([start.free for start in starts], dtype=bool).reshape(shape),
            "outward": np.array([start.outward for start in starts], dtype=np.float64).reshape(shape),
            "leaving": np.array([start.row for start in starts], dtype=np.int64),
            "reason": np.full(n, "", dtype=object),
            "target": np.full(n, -1),
            "stiff": np.zeros(n, dtype=bool),
            "gone": np.zeros(n, dtype=bool),
            "made": np.zeros(n, dtype=np.int64),
            "length": np.maximum(0.05 * away, SHORTEST * self.arena.width),
        }
        for name, part in fresh.items():
            setattr(self, name, np.concatenate([getattr(self, name), part]) if known else part)
        rows = np.arange(known, known + n)
        self.slope[rows] = self._field(rows, self.x[rows]) if n else self.x[rows]
        self.steps.append((rows, self.x[rows], self.slope[rows], np.zeros(n)))

    def run(self) -> list[Trace]:
        """Step all rows until they end."""
        count = 0
        while (rows := np.flatnonzero((self.reason == "") & (self.made < self.budget))).size:
            self._step(rows, count)
            self.made[rows] += 1
            count += 1
            self.go_on(rows[self.reason[rows] != ""])
        self.reason[self.reason == ""] = np.where(self.gone[self.reason == ""], self.arena.left, SPENT)
        return self._traces()

    def go_on(self, ended: np.ndarray) -> None:
        """What is done once the rows ``ended`` have a reason: here nothing."""

    def _field(self, rows: np.ndarray, x: np.ndarray) -> np.ndarray:
        gradient = np.where(self.free[rows], gradients(self.arena.potential, x), 0.0)
        gradient *= self.sign[rows, None]
        return gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-300)

    def _jacobian(self, rows: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The derivative (m, dim, dim) of the unit field."""
        free = self.free[rows]
        gradient = np.where(free, gradients(self.arena.potential, x), 0.0)
        size = np.maximum(np.linalg.norm(gradient, axis=1), 1e-300)
        unit = gradient / size[:, None]
        with np.errstate(all="ignore"):
            hessian = np.where(free[:, :, None] & free[:, None, :], hessians(self.arena.potential, x), 0.0)
        across = hessian - unit[:, :, None] * np.einsum("mi,mij->mj", unit, hessian)[:, None, :]
        found = across * (self.sign[rows] / size)[:, None, None]
        return np.where(np.isfinite(found).all(axis=(1, 2))[:, None, None], found, 0.0)

    def _step(self, rows: np.ndarray, count: int) -> None:
        if count % CHECK_EVERY == 0 and (self.made[rows] >= PATIENCE).any():
            explicit = rows[~self.stiff[rows] & (self.made[rows] >= PATIENCE)]
            size = np.sqrt((self._jacobian(explicit, self.x[explicit]) ** 2).sum(axis=(1, 2)))
            turned = explicit[size * self.length[explicit] > STIFF]
            self.stiff[turned] = True
        for stiff in (False, True):
            chosen = rows[self.stiff[rows] == stiff]
            if chosen.size:
                self._advance(chosen, stiff)

    def _advance(self, rows: np.ndarray, stiff: bool) -> None:
        width, x, slope = self.arena.width, self.x[rows], self.slope[rows]
        longest = np.full(rows.size, LONGEST * width)
        if not isinstance(self.arena.domain, Box):
            longest = LONGEST * np.maximum(width, np.abs(x).max(axis=1))
        h = np.minimum(np.minimum(self.length[rows], longest), self._half_way(rows, x))

        def field(state: np.ndarray) -> np.ndarray:
            return self._field(rows, state)

        with np.errstate(all="ignore"):
            if stiff:
                new, error = rosenbrock.step(field, self._jacobian(rows, x), x, slope, h)
                last = field(new)
            else:
                new, error, slopes = pair.step(field, x, slope, h)
                last = slopes[6]
            size = np.abs(error).max(axis=1) / ((STIFF_SHARE if stiff else 1.0) * self.tolerance * width)
        size = np.where(np.isfinite(size) & np.isfinite(new).all(axis=1), size, 1e10)
        self.length[rows] = (rosenbrock if stiff else pair).next_length(h, size)
        turns = (size <= 1.0) & self._turns_back(rows, h, new, last)
        self.length[rows[turns]] = 0.25 * h[turns]
        done = (size <= 1.0) & ~turns
        self._moved(rows[done], h[done], new[done], last[done])
        lost = rows[~done & (self.length[rows] < SHORTEST * width)]
        self.reason[lost] = np.where(self.gone[lost], self.arena.left, STANDS)

    def _half_way(self, rows: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Half the distance of each of ``x`` to the nearest listed point other than that being left."""
        listed = next(iter(self.goals.values())).points
        away = np.sqrt(((x[:, None] - listed) ** 2).sum(axis=2))
        away[np.arange(len(listed)) == self.leaving[rows, None]] = np.inf
        return np.maximum(HALF_WAY * away.min(axis=1, initial=np.inf), 2.0 * SHORTEST * self.arena.width)

    def _turns_back(self, rows: np.ndarray, h: np.ndarray, new: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Whether the field turns round within a step along an edge, as it does beyond an equilibrium."""
        found = np.zeros(rows.size, dtype=bool)
        chosen = np.flatnonzero(self.free[rows].sum(axis=1) == 1)
        if chosen.size:
            own = rows[chosen]
            parts = self.x[own][:, None] + WATCHED[:, None] * (new[chosen] - self.x[own])[:, None]
            there = self._field(np.repeat(own, WATCHED.size), parts.reshape(-1, new.shape[1])).reshape(parts.shape)
            found[chosen] = ((there * self.slope[own][:, None]).sum(axis=2) <= 0).any(axis=1)
        return found

    def _moved(self, rows: np.ndarray, h: np.ndarray, new: np.ndarray, last: np.ndarray) -> None:
        """Put down accepted steps, cut where the projected flow meets a side of the box."""
        met = self.holds[rows] & self.arena.limits.passed(new)
        if met.any():
            step = Step(self.x[rows[met]], self.slope[rows[met]], new[met], last[met], h[met])
            h[met] = first(lambda s, k: self.arena.limits.passed(step.of(k).at(s)), np.zeros(step.h.size), step.h)
            new[met] = self.arena.limits.clip(np, step.at(h[met]))
            last[met] = self._field(rows[met], new[met])
        let_go = self._let_go(rows, h, new, last)
        self.x[rows], self.slope[rows] = new, last
        self.steps.append((rows, new, last, h))
        self._judge(rows, met, let_go)

    def _let_go(self, rows: np.ndarray, h: np.ndarray, new: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Which steps were cut where the gradient of a held coordinate turns inward; the flow of -f only ends there."""
        cut = np.zeros(rows.size, dtype=bool)
        chosen = np.flatnonzero(((self.outward[rows] != 0) & ~self.free[rows]).any(axis=1))
        if not chosen.size:
            return cut
        step = Step(self.x[rows[chosen]], self.slope[rows[chosen]], new[chosen], last[chosen], h[chosen])
        x = np.stack([step.at(share * step.h) for share in WATCHED], axis=1)
        own = np.repeat(rows[chosen], WATCHED.size)
        inward = self._turns_inward(own, x.reshape(own.size, -1)).reshape(chosen.size, WATCHED.size)
        turned = np.asarray(inward.any(axis=1))
        if not turned.any():
            return cut
        k, step, part = chosen[turned], step.of(turned), inward[turned].argmax(axis=1)
        ends = np.append(0.0, WATCHED)
        own = rows[k]
        h[k] = first(
            lambda s, part: self._turns_inward(own[part], step.of(part).at(s)),
            ends[part] * step.h,
            ends[part + 1] * step.h,
        )
        new[k] = step.at(h[k])
        last[k] = self._field(rows[k], new[k])
        cut[k] = True
        return cut

    def _turns_inward(self, rows: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Whether the gradient of a held coordinate does not point outward at each x."""
        held = (self.outward[rows] != 0) & ~self.free[rows]
        return np.asarray((held & (self.outward[rows] * gradients(self.arena.potential, x) <= 0)).any(axis=1))

    def _judge(self, rows: np.ndarray, met: np.ndarray, let_go: np.ndarray) -> None:
        """Give a reason to those ``rows`` that have arrived, left, or come beside another critical point."""
        if not rows.size:
            return
        x = self.x[rows]
        self.gone[rows] |= ~self.holds[rows] & self.arena.outside(x)
        self.reason[rows[self.gone[rows] & self._beyond(x)]] = self.arena.left
        for sign, goals in self.goals.items():
            own = (self.sign[rows] == sign) & (self.reason[rows] == "") & ~self.gone[rows]
            arrived = np.where(own, goals.reached(x), -1)
            beside = np.where(own & (arrived < 0), goals.beside(x, self.leaving[rows]), -1)
            self.target[rows] = np.where(arrived >= 0, arrived, np.where(beside >= 0, beside, self.target[rows]))
            end = "sink" if sign > 0 else "repeller"
            self.reason[rows[arrived >= 0]] = end
            self.reason[rows[beside >= 0]] = SADDLE
        self.reason[rows[(self.reason[rows] == "") & let_go]] = RELEASED  # before the side: the step was cut again
        self.reason[rows[(self.reason[rows] == "") & met]] = WALL

    def _beyond(self, x: np.ndarray) -> np.ndarray:
        """Whether the rows of ``x`` lie so far outside the limits that a tube's disc may lie there, too."""
        limits = self.arena.limits
        far = np.maximum(limits.lower - x, x - limits.upper).max(axis=1)
        return np.asarray(far > BEYOND * self.arena.width)

    def _traces(self) -> list[Trace]:
        """The accepted steps of every row, in their order, as traces."""
        rows, nodes, tangents, lengths = (np.concatenate(parts) for parts in zip(*self.steps, strict=True))
        order = np.argsort(rows, kind="stable")
        ends = np.searchsorted(rows[order], np.arange(len(self.starts) + 1))
        found = []
        for row, start in enumerate(self.starts):
            own = order[ends[row] : ends[row + 1]]
            target, reason = int(self.target[row]), str(self.reason[row])
            found.append(Trace(start, nodes[own], tangents[own], np.cumsum(lengths[own]), reason, target))
        return found


def _distance(start: Start, arena: Arena, goals: dict[float, Goals]) -> float:
    away = float(np.linalg.norm(start.point - goals[start.sign].points[start.row]))
    return away if away > 0 else 1e-6 * arena.width
