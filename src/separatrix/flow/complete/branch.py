"""Branch and bound on the faces with one set of free coordinates: every box is excluded, settled by a zero, or split (§8)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from separatrix.flow.complete.field import Budget, Field
from separatrix.flow.complete.linear_tests import Linearised, mean_value
from separatrix.flow.complete.zeros import Zeros
from separatrix.numerics.rounding import down, up

Array = np.ndarray
Boxes = tuple[Array, Array]
BATCH = 4096
SEEDS = 32
ULPS = 8e-16
FAR = 0.35  # of the way to being excluded, below which a box is cut into four


class Branching:
    """The boxes of one search on the faces with one set of free coordinates.

    :meth:`refine` cuts boxes until each is excluded, holds one known zero and no other, or is narrower than a share
    ``width`` of the sides: these come back.
    """

    def __init__(self, field: Field, zeros: Zeros, budget: Budget, tell: Callable[[float], None]) -> None:
        self.field, self.zeros, self.budget, self.tell = field, zeros, budget, tell
        self.waiting: list[Boxes] = []

    def refine(self, boxes: Boxes, width: float) -> Boxes:
        """The boxes that are still open at ``width``; with an exhausted budget the rest is in ``waiting``."""
        small: list[Boxes] = []
        stack = [boxes]
        while stack:
            lower, upper = _popped(stack)
            fine = self._is_fine(lower, upper, width)
            small.append((lower[fine], upper[fine]))
            lower, upper = lower[~fine], upper[~fine]
            if not len(lower):
                continue
            if self.budget.is_used_up:
                stack.append((lower, upper))
                self.waiting += stack
                break
            self.budget.used += len(lower)
            kept = self._examine(lower, upper, width)
            self.tell(self._volume(lower, upper) - self._volume(*kept))
            if len(kept[0]):
                stack.append(kept)
        return _stacked(small, self.field.lower.size)

    def _volume(self, lower: Array, upper: Array) -> float:
        free = self.field.free
        return float(np.prod((upper - lower)[:, free] / self.field.side, axis=1).sum())

    def _is_fine(self, lower: Array, upper: Array, width: float) -> Array:
        return np.asarray(~self._cuttable(lower, upper, width).any(axis=1))

    def _cuttable(self, lower: Array, upper: Array, width: float) -> Array:
        """Which free coordinates are wider than ``width`` of the side and than a few units in the last place."""
        free = self.field.free
        least = np.maximum(width * self.field.side, ULPS * np.maximum(np.abs(lower), np.abs(upper))[:, free])
        return (upper - lower)[:, free] > np.maximum(least, 1e-305)

    def _examine(self, lower: Array, upper: Array, width: float) -> Boxes:
        """Children of the boxes that are neither excluded nor settled."""
        free, fixed = self.field.free, self.field.fixed
        (g_low, g_high), (h_low, h_high), at_centre = self.field.centred(lower, upper)
        keep = ~((g_low[:, free] > 0) | (g_high[:, free] < 0)).any(axis=1)
        if fixed.size:
            signs = self.field.outward(lower)
            keep &= ~(np.where(signs > 0, g_high[:, fixed], -g_low[:, fixed]) < 0).any(axis=1)
        lower, upper, h_low, h_high = lower[keep], upper[keep], h_low[keep], h_high[keep]
        if not len(lower):
            return lower, upper
        centre = 0.5 * lower + 0.5 * upper
        middle = np.clip(centre, lower, upper)
        offsets = down(lower - middle)[:, free], up(upper - middle)[:, free]
        reach = np.maximum(-offsets[0], offsets[1])
        if at_centre is None or not np.array_equal(middle[:, free], centre[:, free]):
            gradient = self.field.gradient(middle, middle)
        else:
            gradient = at_centre[0][keep], at_centre[1][keep]
        v_low, v_high = mean_value(gradient, (h_low, h_high), reach)
        keep = ~((v_low[:, free] > 0) | (v_high[:, free] < 0)).any(axis=1)
        if fixed.size:
            signs = self.field.outward(lower)
            keep &= ~(np.where(signs > 0, v_high[:, fixed], -v_low[:, fixed]) < 0).any(axis=1)
        lower, upper, middle = lower[keep], upper[keep], middle[keep]
        slopes = h_low[keep][:, free], h_high[keep][:, free]
        linear = Linearised.of(
            (offsets[0][keep], offsets[1][keep]), slopes, (gradient[0][keep][:, free], gradient[1][keep][:, free])
        )
        return self._settle((lower, upper), middle, slopes, linear, width)

    def _settle(
        self, boxes: Boxes, middle: Array, slopes: tuple[Array, Array], linear: Linearised, width: float
    ) -> Boxes:
        """Contract, drop what holds no zero or one known zero alone, and cut the rest."""
        low, high, empty = linear.contracted()
        excluded, near = linear.excludes()
        keep = ~(empty | excluded)
        free = self.field.free
        injective = linear.is_injective()[keep]
        lower, upper = boxes[0][keep], boxes[1][keep]
        whole = lower.copy(), upper.copy()
        lower[:, free] = np.maximum(lower[:, free], down(middle[keep][:, free] + low[keep]))
        upper[:, free] = np.minimum(upper[:, free], up(middle[keep][:, free] + high[keep]))
        smear, far = np.maximum(np.abs(slopes[0]), np.abs(slopes[1])).max(axis=1)[keep], near[keep] < FAR
        some = (lower <= upper).all(axis=1)  # roundings are outward: what is empty holds no zero
        if not some.all():
            lower, upper, smear, injective, far = lower[some], upper[some], smear[some], injective[some], far[some]
            whole = whole[0][some], whole[1][some]
        rows = np.flatnonzero(injective)
        if rows.size:
            settled = self._settled((whole[0][rows], whole[1][rows]), (lower[rows], upper[rows]))
            open_ = np.ones(len(lower), dtype=bool)
            open_[rows[settled]] = False
            lower, upper, smear, far = lower[open_], upper[open_], smear[open_], far[open_]
        lower, upper, row = self._cut(lower, upper, smear, width)
        again = far[row]
        if not again.any():
            return lower, upper
        more = self._cut(lower[again], upper[again], smear[row[again]], width)
        return np.concatenate([lower[~again], more[0]]), np.concatenate([upper[~again], more[1]])

    def _settled(self, whole: Boxes, rest: Boxes) -> Array:
        """Which boxes on which the gradient is injective are known to hold a known zero alone, or none."""
        settled = self.zeros.within(*whole) >= 0
        settled[~settled] |= self._settled_beside((rest[0][~settled], rest[1][~settled]))
        new = np.flatnonzero(~settled)[:SEEDS]
        if new.size and self.zeros.seek(0.5 * rest[0][new] + 0.5 * rest[1][new]):
            open_ = ~settled
            settled[open_] = self.zeros.within(whole[0][open_], whole[1][open_]) >= 0
            open_ = ~settled
            settled[open_] |= self._settled_beside((rest[0][open_], rest[1][open_]))
        return settled

    def _settled_beside(self, boxes: Boxes) -> Array:
        """Which boxes lie with a known zero near them in a box on which the gradient is injective."""
        settled = np.zeros(len(boxes[0]), dtype=bool)
        row = self.zeros.beside(*boxes)
        near = np.flatnonzero(row >= 0)
        if not near.size:
            return settled
        free = self.field.free
        lower, upper = boxes[0][near].copy(), boxes[1][near].copy()
        lower[:, free] = np.minimum(lower, self.zeros.low[row[near]])[:, free]
        upper[:, free] = np.maximum(upper, self.zeros.high[row[near]])[:, free]
        self.budget.used += len(near)
        settled[near] = injective_on(self.field, lower, upper)
        return settled

    def _cut(self, lower: Array, upper: Array, smear: Array, width: float) -> tuple[Array, Array, Array]:
        """Halves along the coordinate in which the gradient varies most, of those that may be cut, and of which box each is
        a part."""
        if not len(lower):
            return lower, upper, np.zeros(0, dtype=np.int64)
        free = self.field.free
        size = (upper - lower)[:, free]
        can = self._cuttable(lower, upper, width)
        share = size / self.field.side
        weight = np.where(np.isfinite(smear).all(axis=1, keepdims=True), smear * size, share)
        weight = np.where(can, np.maximum(weight, 1e-12 * share * weight.max(axis=1, keepdims=True)), -1.0)
        flat = weight.max(axis=1) <= 0
        weight[flat] = np.where(can[flat], share[flat], -1.0)
        chosen = free[weight.argmax(axis=1)]
        rows = np.flatnonzero(can.any(axis=1))
        done = np.flatnonzero(~can.any(axis=1))
        axis = chosen[rows]
        middle = 0.5 * lower[rows, axis] + 0.5 * upper[rows, axis]
        first, second = upper[rows].copy(), lower[rows].copy()
        first[np.arange(rows.size), axis], second[np.arange(rows.size), axis] = middle, middle
        return (
            np.concatenate([lower[done], lower[rows], second]),
            np.concatenate([upper[done], first, upper[rows]]),
            np.concatenate([done, rows, rows]),
        )


def injective_on(field: Field, lower: Array, upper: Array) -> Array:
    """On which boxes the free gradient is proved injective, (n,)."""
    free = field.free
    slopes = field.slopes(lower, upper)[1]
    middle = np.clip(0.5 * lower + 0.5 * upper, lower, upper)
    offsets = down(lower - middle)[:, free], up(upper - middle)[:, free]
    nothing = np.zeros((len(lower), free.size))
    return Linearised.of(offsets, (slopes[0][:, free], slopes[1][:, free]), (nothing, nothing)).is_injective()


def _popped(stack: list[Boxes]) -> Boxes:
    """The last boxes of the stack, at most a batch."""
    taken, count = [], 0
    while stack and count < BATCH:
        lower, upper = stack.pop()
        room = BATCH - count
        if len(lower) > room:
            stack.append((lower[:-room], upper[:-room]))
            lower, upper = lower[-room:], upper[-room:]
        taken.append((lower, upper))
        count += len(lower)
    return np.concatenate([b[0] for b in taken]), np.concatenate([b[1] for b in taken])


def _stacked(parts: list[Boxes], dim: int) -> Boxes:
    if not parts:
        return np.zeros((0, dim)), np.zeros((0, dim))
    return np.concatenate([b[0] for b in parts]), np.concatenate([b[1] for b in parts])
