"""Zeros of the gradient on faces, found by Newton in batches and proved by Krawczyk's test with inflation (§8)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from separatrix.flow.complete.field import Field
from separatrix.flow.complete.linear_tests import Linearised, grown, inverses, mean_value
from separatrix.numerics.rounding import down, up

Array = np.ndarray
STEPS = 30
LONGEST = 0.1
AT_REST = 1e-13
SAME = 1e-11
INFLATIONS = 6
NEARBY = 1e-6
ENTRIES = 1_000_000
AT_ONCE = 512
INSIDE, OUTSIDE, ON_EDGE = 1, 0, -1


class Zeros:
    """The zeros that are known on one kind of face, each in a box [x - error, x + error] of its own that holds it.

    ``place``: INSIDE the face, OUTSIDE, or ON_EDGE within the error; ``strict``: 1 where all multipliers are proved to point
    outward, -1 where one is proved to point inward, 0 where that is not decided.
    """

    def __init__(self, field: Field) -> None:
        dim = field.lower.size
        self.field = field
        self.points, self.error = np.zeros((0, dim)), np.zeros((0, dim))
        self.low, self.high = self.points, self.points  # ends of the zeros' boxes, rounded outward
        self.place, self.strict = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return self.points.shape[0]

    def seek(self, starts: Array) -> int:
        """Newton from ``starts`` (n, dim), proof of what it ends at; the number of zeros that are new."""
        ends = newton(self.field, starts)
        known = len(self)
        for begin in range(0, len(ends), AT_ONCE):
            self._prove(ends[begin : begin + AT_ONCE])
        return len(self) - known

    def _prove(self, points: Array) -> None:
        proved, error = krawczyk(self.field, points)
        points, error = points[proved], error[proved]
        strict = np.ones(len(points), dtype=np.int64)
        if self.field.fixed.size and len(points):
            strict = self._multipliers(points, error)
        for x, e, sign in zip(points, error, strict.tolist(), strict=True):
            self._add(x, e, sign)

    def _add(self, x: Array, error: Array, strict: int) -> None:
        """One proved zero with the sign of its multipliers, unless it may be a known one: its box meets that of another."""
        low, high = down(x - error), up(x + error)
        fixed, free = self.field.fixed, self.field.free
        low[fixed] = high[fixed] = x[fixed]
        if len(self) and ((np.abs(self.points - x) <= up(self.error + error)).all(axis=1)).any():
            return
        side_low, side_high = self.field.lower[free], self.field.upper[free]
        if ((low[free] > side_low) & (high[free] < side_high)).all():
            place = INSIDE
        elif ((high[free] < side_low) | (low[free] > side_high)).any():
            place = OUTSIDE
        else:
            place = ON_EDGE
        self.points, self.error = np.vstack([self.points, x]), np.vstack([self.error, error])
        self.low, self.high = np.vstack([self.low, low]), np.vstack([self.high, high])
        self.place = np.append(self.place, place)
        self.strict = np.append(self.strict, strict)

    def _multipliers(self, x: Array, error: Array) -> Array:
        """1, -1 or 0, (n,), by the signs of the multipliers over the boxes of zeros, here and by the mean value theorem."""
        fixed, free = self.field.fixed, self.field.free
        low, high = x.copy(), x.copy()
        low[:, free], high[:, free] = down(x - error)[:, free], up(x + error)[:, free]
        signs = self.field.outward(x)
        slopes = self.field.slopes(low, high)[1]
        gradient = self.field.gradient(x, x)
        least, most = mean_value(
            (gradient[0][:, fixed], gradient[1][:, fixed]),
            (slopes[0][:, fixed], slopes[1][:, fixed]),
            up(error[:, free]),
        )
        outward_low, outward_high = np.where(signs > 0, least, -most), np.where(signs > 0, most, -least)
        inward = (outward_high < 0).any(axis=1)
        return np.where(inward, -1, (outward_low > 0).all(axis=1).astype(np.int64))

    def within(self, lower: Array, upper: Array) -> Array:
        """Row of a zero whose box lies in each box (n, dim), -1 where there is none."""
        found, free = np.full(lower.shape[0], -1), self.field.free
        for part, low, high, on_face in self._against(lower):
            inside = on_face.copy()
            for i in free:
                inside &= (lower[:, i, None] <= low[:, i]) & (high[:, i] <= upper[:, i, None])
            some = inside.any(axis=1)
            found[some] = part.start + inside[some].argmax(axis=1)
        return found

    def beside(self, lower: Array, upper: Array, room: float = 0.35) -> Array:
        """Row of the nearest zero within ``room`` of the sides about each box (n, dim), -1 where there is none."""
        found, least, free = np.full(lower.shape[0], -1), np.full(lower.shape[0], room), self.field.free
        width = (upper - lower)[:, free] + NEARBY * self.field.side
        for part, low, high, on_face in self._against(lower):
            far = np.where(on_face, 0.0, np.inf)
            for j, i in enumerate(free):
                gap = np.maximum(lower[:, i, None] - low[:, i], high[:, i] - upper[:, i, None])
                far = np.maximum(far, gap / width[:, j, None])
            nearest = far.argmin(axis=1)
            far = far[np.arange(len(far)), nearest]
            nearer = far < least
            found[nearer], least[nearer] = part.start + nearest[nearer], far[nearer]
        return found

    def _against(self, lower: Array) -> Iterator[tuple[slice, Array, Array, Array]]:
        """The zeros in parts: slice, outward ends of their boxes, and which lie on the face of which box (n, part)."""
        step = max(1, ENTRIES // max(1, len(lower)))
        for start in range(0, len(self), step):
            part = slice(start, min(start + step, len(self)))
            on_face = np.ones((len(lower), part.stop - part.start), dtype=bool)
            for i in self.field.fixed:
                on_face &= lower[:, i, None] == self.points[part, i]
            yield part, self.low[part], self.high[part], on_face


def newton(field: Field, starts: Array, steps: int = STEPS) -> Array:
    """Where Newton's method comes to rest from ``starts`` (n, dim), each end once, (m, dim); steps are cut to a tenth of the
    box, and rows that leave it by half a side are dropped."""
    free, side = field.free, field.side
    x, ends = starts.copy(), []
    for _ in range(steps):
        if not len(x):
            break
        g, h = field.at(x)
        sound = np.isfinite(h).all(axis=(1, 2)) & np.isfinite(g).all(axis=1)
        step = -(inverses(h) @ g[:, :, None])[:, :, 0]
        size = (np.abs(step) / side).max(axis=1, initial=0.0)
        step *= np.minimum(1.0, LONGEST / np.maximum(size, 1e-300))[:, None]
        moved = x.copy()
        moved[:, free] += step
        at_rest = size <= np.maximum(AT_REST, (4e-16 * np.abs(x[:, free]) / side).max(axis=1, initial=0.0))
        sound &= np.isfinite(moved).all(axis=1)
        ends.append(moved[sound & at_rest])
        room = 0.5 * side
        stays = (moved[:, free] > field.lower[free] - room) & (moved[:, free] < field.upper[free] + room)
        x = moved[sound & ~at_rest & stays.all(axis=1)]
    found = np.concatenate(ends) if ends else x[:0]
    return distinct(found, field)


def distinct(points: Array, field: Field) -> Array:
    """``points`` (n, dim) with those that agree to SAME of the sides taken once."""
    if len(points) < 2:
        return points
    keys = np.round((points[:, field.free] - field.lower[field.free]) / (SAME * field.side))
    keys = np.hstack([keys, points[:, field.fixed]])
    return points[np.sort(np.unique(keys, axis=0, return_index=True)[1])]


def krawczyk(field: Field, points: Array) -> tuple[Array, Array]:
    """(proved, error): which of ``points`` (n, dim) have a zero of the free gradient within ``error`` (n, dim).

    |Y g(m)| + D r < r, D >= |I - Y H(X)| on X = m +- r, maps X into itself: a zero lies within the left side of m.
    """
    free = field.free
    n, k = len(points), free.size
    proved, error = np.zeros(n, dtype=bool), np.zeros(points.shape)
    if not n or not k:
        return proved, error
    gradient = field.gradient(points, points)
    gradient = gradient[0][:, free], gradient[1][:, free]
    floor = np.maximum(4e-16 * np.abs(points[:, free]), 1e-15 * field.side)
    reach, waiting = floor.copy(), np.arange(n)
    for _ in range(INFLATIONS):
        if not waiting.size:
            break
        r = reach[waiting]
        box = points[waiting].copy(), points[waiting].copy()
        box[0][:, free], box[1][:, free] = down(box[0][:, free] - r), up(box[1][:, free] + r)
        offsets = down(box[0][:, free] - points[waiting][:, free]), up(box[1][:, free] - points[waiting][:, free])
        slopes = field.slopes(*box)[1]
        linear = Linearised.of(
            offsets, (slopes[0][:, free], slopes[1][:, free]), (gradient[0][waiting], gradient[1][waiting])
        )
        half = np.maximum(-offsets[0], offsets[1])
        defect = grown(np.abs(np.eye(k) - linear.am) + linear.ar)
        near = grown(np.abs(linear.bm) + linear.br + (defect @ half[:, :, None])[:, :, 0])
        passed = (near < r).all(axis=1)
        error[np.ix_(waiting[passed], free)] = near[passed]
        proved[waiting[passed]] = True
        grow = ~passed & np.isfinite(near).all(axis=1) & (near < 1e-2 * field.side).all(axis=1)
        waiting, near = waiting[grow], near[grow]
        reach[waiting] = np.maximum(2.0 * near, reach[waiting])
    return proved, error
