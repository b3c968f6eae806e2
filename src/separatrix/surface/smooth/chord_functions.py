"""Chords of activations: piecewise linear functions through points of each neuron's activation, with proved errors (C1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from separatrix.networks.activations import activation_function
from separatrix.networks.bounds import BoundPropagation
from separatrix.networks.layers import Activation
from separatrix.networks.network import Network
from separatrix.numerics.activation_ranges import activation_range
from separatrix.numerics.intervals import Interval

SAMPLES = 2049
EVEN_SHARE = 0.02


@dataclass(frozen=True, eq=False)
class Chords:
    """For H neurons the functions c(u) = start + sum_i jumps_i relu(u - knots_i), exactly, in these doubles.

    ``knots`` (H, p), ascending, ``ends`` (H,): where the last piece ends, ``start`` (H,), ``jumps`` (H, p); ``errors``
    (H,): proved bounds of |s - c| on [knots_0, ends].
    """

    knots: np.ndarray
    ends: np.ndarray
    start: np.ndarray
    jumps: np.ndarray
    errors: np.ndarray

    @cached_property
    def slopes(self) -> Interval:
        """Slopes of the p + 1 pieces, the first, left of all knots, being 0: (H, p + 1)."""
        parts = [Interval.point(np.zeros(len(self.start)))]
        for i in range(self.jumps.shape[1]):
            parts.append(parts[-1] + self.jumps[:, i])
        return _stacked(parts)

    @cached_property
    def values(self) -> Interval:
        """Values at the knots and at the end, (H, p + 1)."""
        points = np.concatenate([self.knots, self.ends[:, None]], axis=1)
        parts = [Interval.point(self.start)]
        for i in range(self.jumps.shape[1]):
            step = Interval.point(points[:, i + 1]) - points[:, i]
            parts.append(parts[-1] + self.slopes[:, i + 1] * step)
        return _stacked(parts)

    def ranges(self, u: Interval) -> tuple[Interval, Interval]:
        """Ranges of c and of the slopes of the pieces met (closed) over intervals (N, H)."""
        left = np.concatenate([np.full((len(self.start), 1), -np.inf), self.knots], axis=1)
        right = np.concatenate([self.knots, np.full((len(self.start), 1), np.inf)], axis=1)
        met = (u.lower[:, :, None] <= right) & (u.upper[:, :, None] >= left)
        slopes, values = self.slopes, self.values
        slope = Interval(
            np.where(met, slopes.lower, np.inf).min(axis=2), np.where(met, slopes.upper, -np.inf).max(axis=2)
        )
        inside = (u.lower[:, :, None] <= self.knots) & (u.upper[:, :, None] >= self.knots)
        lower, upper = self._end(u.lower, met.argmax(axis=2), slopes, values)
        last = met.shape[2] - 1 - met[:, :, ::-1].argmax(axis=2)
        other_lower, other_upper = self._end(u.upper, last, slopes, values)
        at_knots = np.where(inside, values.lower[:, :-1], np.inf).min(axis=2)
        value = Interval(
            np.minimum(np.minimum(lower, other_lower), at_knots),
            np.maximum(np.maximum(upper, other_upper), np.where(inside, values.upper[:, :-1], -np.inf).max(axis=2)),
        )
        return value, slope

    def _end(
        self, u: np.ndarray, piece: np.ndarray, slopes: Interval, values: Interval
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of c at points (N, H) that lie in the given pieces: from the piece's left knot along its slope."""
        neuron = np.arange(len(self.start))
        base = np.maximum(piece - 1, 0)
        from_knot = Interval.point(u) - self.knots[neuron, base]
        value = values[neuron, base] + slopes[neuron, piece] * from_knot
        return value.lower, value.upper


def _stacked(parts: list[Interval]) -> Interval:
    return Interval(np.stack([p.lower for p in parts], axis=-1), np.stack([p.upper for p in parts], axis=-1))


def chords(name: str, lower: np.ndarray, upper: np.ndarray, pieces: int, kind: str) -> Chords:
    """Chords of the activation over each neuron's range [lower, upper] (H,), with ``pieces`` pieces.

    ``kind``: "uniform" knots, or "density": as many as sqrt|s''| asks for (the best for small steps).
    The error on a piece of length h is at most max|s''| h^2 / 8 and what the doubles miss at its ends.
    """
    slack = 1e-9 * (1.0 + np.abs(lower) + np.abs(upper))
    low, high = lower - slack, upper + slack
    shares = _shares(name, low, high, pieces, kind)
    points = low[:, None] + shares * (high - low)[:, None]
    points[:, 0], points[:, -1] = low, high
    at = Interval(*activation_range(name, 0, points, points))
    middle = at.midpoint
    slopes = np.diff(middle, axis=1) / np.diff(points, axis=1)
    jumps = np.diff(slopes, axis=1, prepend=0.0)
    made = Chords(points[:, :-1].copy(), points[:, -1].copy(), middle[:, 0].copy(), jumps, np.zeros(len(low)))
    miss = (made.values - at).magnitude
    second = Interval(*activation_range(name, 2, points[:, :-1], points[:, 1:])).magnitude
    length = (Interval.point(points[:, 1:]) - points[:, :-1]).upper
    bound = (Interval.point(second) * Interval.point(length).square() * 0.125).upper
    errors = (bound + np.maximum(miss[:, :-1], miss[:, 1:])).max(axis=1) * (1.0 + 2.0**-50)
    return Chords(made.knots, made.ends, made.start, made.jumps, errors)


def _shares(name: str, low: np.ndarray, high: np.ndarray, pieces: int, kind: str) -> np.ndarray:
    """Where the knots stand in each range, (H, pieces + 1) from 0 to 1."""
    even = np.broadcast_to(np.linspace(0.0, 1.0, pieces + 1), (len(low), pieces + 1)).copy()
    if kind == "uniform":
        return even
    function, t = activation_function(name), np.linspace(0.0, 1.0, SAMPLES)
    u = low[:, None] + t * (high - low)[:, None]
    density = np.sqrt(np.abs(function.second(np, u, function.value(np, u, 0.0), 0.0)))
    density += EVEN_SHARE * density.mean(axis=1, keepdims=True) + 1e-300
    mass = np.concatenate(
        [np.zeros((len(low), 1)), np.cumsum(0.5 * (density[:, 1:] + density[:, :-1]), axis=1)], axis=1
    )
    mass /= mass[:, -1:]
    return np.stack([np.interp(even[0], row, t) for row in mass])


class ChordPropagation(BoundPropagation):
    """Enclosures through a network whose activations are replaced by chords, by activation node."""

    def __init__(self, network: Network, x: Interval, by_node: dict[int, Chords]) -> None:
        self.by_node = by_node
        self._found: dict[int, tuple[Interval, Interval]] = {}
        super().__init__(network, x)

    def _range(self, index: int, order: int) -> Interval:
        node = self.nodes[index]
        if index not in self.by_node:
            return super()._range(index, order)
        assert isinstance(node.layer, Activation)
        if index not in self._found:
            self._found[index] = self.by_node[index].ranges(self.values[node.parents[0]])
        return self._found[index][order]
