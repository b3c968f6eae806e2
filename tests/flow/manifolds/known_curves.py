"""Potentials with an invariant curve that is known in closed form, in rotated coordinates of any dimension."""

from __future__ import annotations

import numpy as np

from separatrix.errors import InputError
from separatrix.potentials.base import Potential


class Rotated(Potential):
    """f(Q^T x) for a function of u = Q^T x with value, gradient and Hessian by hand; further coordinates are quadratic."""

    name = "a potential with a known curve"

    def __init__(self, rates, rotation) -> None:
        self.rates, self.rotation = np.array(rates, dtype=float), np.asarray(rotation, dtype=float)
        self.dim = len(self.rotation)

    def _plane(self, x, y):
        """(value, gradient (n, 2), Hessian (n, 2, 2)) in the first two coordinates."""
        raise NotImplementedError

    def _all(self, x):
        u = np.asarray(x, dtype=float) @ self.rotation
        value, slope, bent = self._plane(u[:, 0], u[:, 1])
        rest = u[:, 2:]
        hessian = np.zeros((len(u), self.dim, self.dim))
        hessian[:, :2, :2] = bent
        hessian[:, range(2, self.dim), range(2, self.dim)] = -self.rates
        gradient = np.concatenate([slope, -self.rates * rest], axis=1)
        return value - 0.5 * (self.rates * rest**2).sum(axis=1), gradient, hessian

    def value(self, x):
        return self._all(x)[0]

    def gradient(self, x):
        return self._all(x)[1] @ self.rotation.T

    def hessian(self, x):
        return self.rotation @ self._all(x)[2] @ self.rotation.T

    def hessian_vector(self, x, v):
        return np.einsum("nij,nj->ni", self.hessian(x), np.broadcast_to(v, np.shape(x)))

    def enclose(self, lower, upper):
        raise InputError("no enclosures")


class Circle(Rotated):
    """-m (R phi)^2 / 2 - k (rho - R)^2 / 2 in polar coordinates about (0, R): the circle of radius R is invariant, with rate m
    at the sink 0; across it the rate is k."""

    def __init__(self, radius, m, k, rates=(), rotation=None) -> None:
        super().__init__(rates, np.eye(2 + len(rates)) if rotation is None else rotation)
        self.radius, self.m, self.k = radius, m, k

    def _plane(self, x, y):
        big, m, k = self.radius, self.m, self.k
        y = y - big
        rho, phi = np.hypot(x, y), np.arctan2(x, -y)
        out, along = np.stack([x, y], axis=1) / rho[:, None], np.stack([-y, x], axis=1) / rho[:, None]
        first, second = -m * big**2 * phi, -m * big**2
        slope = (-k * (rho - big))[:, None] * out + (first / rho)[:, None] * along
        mixed = out[:, :, None] * along[:, None, :]
        bent = (
            -k * out[:, :, None] * out[:, None, :]
            + (-k * (rho - big) / rho + second / rho**2)[:, None, None] * along[:, :, None] * along[:, None, :]
            - (first / rho**2)[:, None, None] * (mixed + mixed.transpose(0, 2, 1))
        )
        return -0.5 * m * (big * phi) ** 2 - 0.5 * k * (rho - big) ** 2, slope, bent

    def distance(self, x):
        """Distance of the rows of ``x`` to the circle."""
        u = x @ self.rotation
        return np.hypot(np.hypot(u[:, 0], u[:, 1] - self.radius) - self.radius, np.linalg.norm(u[:, 2:], axis=1))


class Parabola(Rotated):
    """-(m x^2 + k y^2) / 2 + c x^2 y - c a x^4 / 2, c = a (k - 2 m): the parabola y = a x^2 is invariant, of rate m at 0."""

    def __init__(self, a, m, k, rates=(), rotation=None) -> None:
        super().__init__(rates, np.eye(2 + len(rates)) if rotation is None else rotation)
        self.a, self.m, self.k, self.c = a, m, k, a * (k - 2.0 * m)

    def _plane(self, x, y):
        a, c = self.a, self.c
        slope = np.stack([-self.m * x + 2 * c * x * y - 2 * c * a * x**3, -self.k * y + c * x**2], axis=1)
        bent = np.empty((len(x), 2, 2))
        bent[:, 0, 0] = -self.m + 2 * c * y - 6 * c * a * x**2
        bent[:, 0, 1] = bent[:, 1, 0] = 2 * c * x
        bent[:, 1, 1] = -self.k
        return -0.5 * (self.m * x**2 + self.k * y**2) + c * x**2 * y - 0.5 * c * a * x**4, slope, bent

    def distance(self, x):
        """Distance of the rows of ``x`` to the parabola, by Newton for the nearest point."""
        u = x @ self.rotation
        t = u[:, 0].copy()
        for _ in range(60):
            slope = 1 + 2 * self.a * (3 * self.a * t**2 - u[:, 1])
            t -= (t - u[:, 0] + 2 * self.a * t * (self.a * t**2 - u[:, 1])) / np.maximum(slope, 0.2)
        off = np.stack([t - u[:, 0], self.a * t**2 - u[:, 1]], axis=1)
        return np.hypot(np.linalg.norm(off, axis=1), np.linalg.norm(u[:, 2:], axis=1))


def random_case(rng, kind):
    """A random potential of which the slow or the strong manifold of the sink 0 is known, in 2 to 5 dimensions."""
    extra = int(rng.integers(0, 4))
    if kind == "slow":
        k = 1 + np.exp(rng.uniform(np.log(0.05), np.log(30)))
        rates = k * rng.uniform(1, 10, extra)
    else:
        k, rates = rng.uniform(0.05, 0.95), rng.uniform(0.05, 0.95, extra)
    rotation = np.linalg.qr(rng.standard_normal((2 + extra, 2 + extra)))[0]
    curvature = np.exp(rng.uniform(np.log(0.05), np.log(1.5)))
    if rng.random() < 0.5:
        return Circle(1 / curvature, 1.0, k, rates, rotation)
    return Parabola(curvature / 2, 1.0, k, rates, rotation)
