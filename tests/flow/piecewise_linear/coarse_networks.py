"""Networks with coarse weights, which rational arithmetic follows exactly, and what trajectories are compared with."""

import numpy as np

import separatrix as sx


def arrays(widths, seed, unit=64.0):
    """Random weights and biases, multiples of 1 / unit."""
    rng = np.random.default_rng([seed, *widths])
    weights = [
        np.round(rng.normal(size=(o, i)) * (1.5 * unit / np.sqrt(i))) / unit
        for i, o in zip(widths[:-1], widths[1:], strict=True)
    ]
    return weights, [np.round(0.5 * unit * rng.normal(size=o)) / unit for o in widths[1:]]


def domain(dim, boxed):
    return sx.Box.cube(dim, -1, 1) if boxed else sx.WholeSpace(dim)


def softened(weights, biases, beta):
    """The network with log(1 + exp(beta u)) / beta in place of relu(u)."""
    weights, biases = [w.copy() for w in weights], [b.copy() for b in biases]
    for k in range(len(weights) - 1):
        weights[k], biases[k], weights[k + 1] = weights[k] * beta, biases[k] * beta, weights[k + 1] / beta
    return sx.Network.from_arrays(weights, biases, "softplus")


def bends(polygon):
    """Times and points where an exact polygon begins, changes its velocity, and ends."""
    times, points = polygon.times, polygon.points
    speeds = [
        [(b - a) / (s - t) for a, b in zip(p, q, strict=True)]
        for t, s, p, q in zip(times[:-1], times[1:], points[:-1], points[1:], strict=True)
    ]
    inner = [k for k in range(1, len(times) - 1) if speeds[k - 1] != speeds[k]]
    chosen = sorted({0, *inner, len(times) - 1})
    return np.array([times[k] for k in chosen], dtype=float), np.array([points[k] for k in chosen], dtype=float)
