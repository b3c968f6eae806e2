"""Polygons of the flow of a margin z_i - z_j of a ReLU network, in rational numbers and by brute force.

At a vertex all sign vectors of the neurons at zero and all subsets of the touched sides are tried; a direction counts if it
is the projection of the gradient of its own stratum and if there are slopes between 0 and 1 for the neurons that stay at
zero with which a full backward pass gives it, up to outward normals. No tolerance anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product


class Degenerate(Exception):
    """Dependent normals: this simulator has nothing to say."""


def fractions(array):
    """Nested lists of doubles as rationals."""
    return [fractions(a) for a in array] if hasattr(array, "__len__") else Fraction(float(array))


def dot(a, b):
    return sum((p * q for p, q in zip(a, b, strict=True)), Fraction(0))


def solve(matrix, right):
    """Gaussian elimination; raises Degenerate for a singular matrix."""
    n = len(matrix)
    rows = [[*row, r] for row, r in zip(matrix, right, strict=True)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k] != 0), None)
        if pivot is None:
            raise Degenerate
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(n):
            if i != k and rows[i][k] != 0:
                factor = rows[i][k] / rows[k][k]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [rows[k][n] / rows[k][k] for k in range(n)]


@dataclass
class Polygon:
    """Vertices, their times, and why it ended: "rest", "time", "ray" or "not unique"."""

    points: list = field(default_factory=list)
    times: list = field(default_factory=list)
    reason: str = ""


class RationalFlow:
    """The flow of the margin of class 0 over class 1 of a multilayer ReLU network, on a box or (no sides) everywhere."""

    def __init__(self, weights, biases, lower=None, upper=None):
        self.weights = [fractions(w) for w in weights]
        self.biases = [fractions(b) for b in biases]
        self.n = len(self.weights[0][0])
        self.lower = fractions(lower) if lower is not None else [None] * self.n
        self.upper = fractions(upper) if upper is not None else [None] * self.n
        last = self.weights[-1]
        self.output = [a - b for a, b in zip(last[0], last[1], strict=True)]

    def preactivations(self, x):
        """u of every hidden layer."""
        found = []
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            u = [dot(row, x) + b for row, b in zip(weight, bias, strict=True)]
            found.append(u)
            x = [max(value, Fraction(0)) for value in u]
        return found

    def tangents(self, v, slopes):
        """Rates of the preactivations along v."""
        found = []
        for weight, slope in zip(self.weights[:-1], slopes, strict=True):
            rate = [dot(row, v) for row in weight]
            found.append(rate)
            v = [s * r for s, r in zip(slope, rate, strict=True)]
        return found

    def backward(self, slopes, start=None, layer=None):
        """Derivatives by the outputs of every hidden layer, then by x; of the margin, or of neuron ``start`` of ``layer``."""
        layer = len(self.weights) - 1 if layer is None else layer
        y = self.output if start is None else self.weights[layer][start]
        found = {layer - 1: y}
        for k in range(layer - 1, -1, -1):
            inner = [a * s for a, s in zip(y, slopes[k], strict=True)]
            y = [
                sum((inner[j] * self.weights[k][j][i] for j in range(len(inner))), Fraction(0))
                for i in range(len(self.weights[k][0]))
            ]
            found[k - 1] = y
        return found

    def directions(self, x):
        """All consistent directions at x, without repetition."""
        u = self.preactivations(x)
        zero = [(k, j) for k, layer in enumerate(u) for j, value in enumerate(layer) if value == 0]
        touched = [
            (i, side)
            for i in range(self.n)
            for side, wall in ((-1, self.lower[i]), (1, self.upper[i]))
            if wall is not None and x[i] == wall
        ]
        found = []
        for signs in product((-1, 0, 1), repeat=len(zero)):
            slopes = [[Fraction(int(value > 0)) for value in layer] for layer in u]
            for (k, j), sign in zip(zero, signs, strict=True):
                slopes[k][j] = Fraction(int(sign > 0))
            for chosen in product((False, True), repeat=len(touched)):
                held = [side for side, hold in zip(touched, chosen, strict=True) if hold]
                left = [side for side, hold in zip(touched, chosen, strict=True) if not hold]
                v = self._direction(zero, signs, slopes, held, left)
                if v is not None and v not in found:
                    found.append(v)
        return found

    def _direction(self, zero, signs, slopes, held, left):
        staying = [place for place, sign in zip(zero, signs, strict=True) if sign == 0]
        numbers = {i for i, _ in held}
        free = [i for i in range(self.n) if i not in numbers]
        gradient = self.backward(slopes)[-1]
        normals = [self.backward(slopes, j, k)[-1] for k, j in staying]
        gram = [[sum(a[i] * b[i] for i in free) for b in normals] for a in normals]
        right = [-sum(a[i] * gradient[i] for i in free) for a in normals]
        multipliers = solve(gram, right) if normals else []
        v = [
            gradient[i] + sum((m * w[i] for m, w in zip(multipliers, normals, strict=True)), Fraction(0))
            if i in free
            else Fraction(0)
            for i in range(self.n)
        ]
        rates = self.tangents(v, slopes)
        for (k, j), sign in zip(zero, signs, strict=True):
            if (rates[k][j] > 0) - (rates[k][j] < 0) != sign:
                return None
        if any(v[i] * side >= 0 for i, side in left):
            return None
        full = self._with_thetas(staying, multipliers, slopes)
        if full is None or any(full[i] * side < 0 for i, side in held):
            return None
        return v if all(full[i] == v[i] for i in free) else None

    def _with_thetas(self, staying, multipliers, slopes):
        """The gradient with the slopes of the neurons that stay at zero, None where one is not in [0, 1]."""
        slopes = [list(layer) for layer in slopes]
        for (k, j), m in sorted(zip(staying, multipliers, strict=True), reverse=True):
            c = self.backward(slopes)[k][j]
            if c == 0 and m != 0:
                return None
            slopes[k][j] = m / c if c else Fraction(0)
            if not 0 <= slopes[k][j] <= 1:
                return None
        return self.backward(slopes)[-1]

    def next_vertex(self, x, v):
        """Time to the first crease or side ahead along v, None if there is none."""
        u = self.preactivations(x)
        signs = [[(value > 0) - (value < 0) for value in layer] for layer in u]
        slopes = [[Fraction(int(s > 0)) for s in layer] for layer in signs]
        probe = v
        rates = []
        for k, weight in enumerate(self.weights[:-1]):
            rate = [dot(row, probe) for row in weight]
            for j, s in enumerate(signs[k]):
                if s == 0:
                    slopes[k][j] = Fraction(int(rate[j] > 0))
            rates.append(rate)
            probe = [s * r for s, r in zip(slopes[k], rate, strict=True)]
        times = [
            -value / rate
            for layer, speeds in zip(u, rates, strict=True)
            for value, rate in zip(layer, speeds, strict=True)
            if value * rate < 0
        ]
        for i, speed in enumerate(v):
            wall = self.upper[i] if speed > 0 else self.lower[i]
            if speed != 0 and wall is not None:
                times.append((wall - x[i]) / speed)
        return min(times, default=None)

    def polygon(self, x, t_max=None, n_events=60):
        """The orbit from x."""
        x, time = fractions(x), Fraction(0)
        found = Polygon([x], [time])
        for _ in range(n_events):
            choices = self.directions(x)
            if len(choices) != 1:
                found.reason = "not unique" if choices else "none"
                return found
            v = choices[0]
            if not any(v):
                found.reason = "rest"
                return found
            step = self.next_vertex(x, v)
            if t_max is not None and (step is None or time + step >= t_max):
                step, found.reason = t_max - time, "time"
            if step is None:
                found.reason = "ray"
                return found
            x, time = [a + step * b for a, b in zip(x, v, strict=True)], time + step
            found.points.append(x)
            found.times.append(time)
            if found.reason:
                return found
        found.reason = "budget"
        return found
