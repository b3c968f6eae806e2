"""Networks that are functions known by hand, and random ones."""

from __future__ import annotations

import numpy as np

from separatrix.networks.network import Network


def of_layers(*layers, bias=None, slope="relu"):
    """The margin of class 0 over 1 is the last layer's only row; ``bias``: biases of all layers but zero ones."""
    weights = [np.atleast_2d(np.array(w, dtype=float)) for w in layers]
    weights[-1] = np.vstack([weights[-1], np.zeros_like(weights[-1])])
    biases = [np.zeros(w.shape[0]) for w in weights]
    for i, b in (bias or {}).items():
        biases[i][: np.size(b)] = b
    return Network.from_arrays(weights, biases, slope)


def of_absolute_values(*factors, shift=0.0):
    """sum_i factors[i] |x_i| + shift."""
    n = len(factors)
    rows = np.concatenate([np.eye(n), -np.eye(n)])
    return of_layers(rows, np.tile(factors, 2), bias={1: shift})


def three_crests():
    """Three wedges up and three down about the origin: a monkey saddle."""
    angles = np.arange(6) * np.pi / 3
    along = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    across = np.stack([-np.sin(angles[:3]), np.cos(angles[:3])], axis=1)
    first = np.concatenate([along, across, -across])
    second = np.zeros((6, 12))
    for k in range(6):
        second[k, k] = 1.0
        second[k, 6 + k % 3] = second[k, 9 + k % 3] = -1.0
    return of_layers(first, second, [1, -1, 1, -1, 1, -1])


def ring():
    """-relu(| |x| + |y| - 1 | - 1/2): constant on a closed ring, a minimum in its middle."""
    first = [[1, 0], [-1, 0], [0, 1], [0, -1]]
    second, third = [[1, 1, 1, 1], [-1, -1, -1, -1]], [[1, 1]]
    return of_layers(first, second, third, [-1], bias={1: [-1, 1], 2: [-0.5]})


def random_network(n, hidden, classes, seed, activation="relu", integers=False):
    """Random weights; integers from -1 to 1 give ties, dead neurons and repeated ones."""
    rng = np.random.default_rng(seed)
    sizes = [n, *hidden, classes]
    if integers:
        weights = [rng.integers(-1, 2, (b, a)).astype(float) for a, b in zip(sizes, sizes[1:], strict=False)]
        biases = [rng.integers(-1, 2, b).astype(float) for b in sizes[1:]]
    else:
        weights = [1.5 * rng.normal(size=(b, a)) / np.sqrt(a) for a, b in zip(sizes, sizes[1:], strict=False)]
        biases = [0.5 * rng.normal(size=b) for b in sizes[1:]]
    return Network.from_arrays(weights, biases, activation)
