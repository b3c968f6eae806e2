"""Networks whose decision surface is known by theorem: level sets of sums and differences of absolute values.

An absolute value is two neurons, |t| = relu(t) + relu(-t). With r = |x| + |y| in place of the usual norm the sets below are
images of the usual circle, torus, … under a homeomorphism of the space.
"""

from __future__ import annotations

import numpy as np

from separatrix.networks.network import Network
from tests.oracles.rational_arrangement import RationalArrangement


def _both(dim: int) -> np.ndarray:
    """Rows e_1, -e_1, e_2, -e_2, …"""
    return np.repeat(np.eye(dim), 2, axis=0) * np.tile([1.0, -1.0], dim)[:, None]


def cross_polytope(dim: int, radius: float = 1.0) -> Network:
    """radius - |x_1| - … - |x_n|: the boundary of the cross-polytope, a sphere S^(n-1) with 2^n facets."""
    return Network.from_arrays([_both(dim), -np.ones((1, 2 * dim))], [np.zeros(2 * dim), [radius]])


def around_circle(dim: int) -> Network:
    """1 - | |x_1| + |x_2| - 2 | - |x_3| - … - |x_n|: the boundary of a thick circle, S^1 x S^(n-2)."""
    inner = np.zeros((2 + 2 * (dim - 2), 2 * dim))
    inner[0, :4], inner[1, :4] = 1.0, -1.0
    inner[2:, 4:] = np.eye(2 * (dim - 2))
    bias = np.zeros(inner.shape[0])
    bias[:2] = -2.0, 2.0
    return Network.from_arrays([_both(dim), inner, -np.ones((1, inner.shape[0]))], [np.zeros(2 * dim), bias, [1.0]])


def two_discs() -> Network:
    """1 - | |x| - 2 | - |y|: two discs around (-2, 0) and (2, 0)."""
    inner = np.array([[1.0, 1, 0, 0], [-1, -1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    return Network.from_arrays([_both(2), inner, -np.ones((1, 4))], [np.zeros(4), [-2.0, 2, 0, 0], [1.0]])


def figure_eight() -> Network:
    """1/2 - | ||x| - 2| + |y| - 2 | - |z|: the boundary of a thick figure eight, a surface of genus 2."""
    second = np.array([[1.0, 1, 0, 0, 0, 0], [-1, -1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]])
    third = np.array([[1.0, 1, 1, 0], [-1, -1, -1, 0], [0, 0, 0, 1]])
    weights = [_both(3), second, third, -np.ones((1, 3))]
    return Network.from_arrays(weights, [np.zeros(6), [-2.0, 2, 0, 0], [-2.0, 2, 0], [0.5]])


def linked_circles() -> Network:
    """1/2 - min(d_1, d_2): two thick circles that are linked, |x| + |y| = 2 in the plane z = 0, |x - 2| + |z| = 2 in y = 0."""
    first = np.concatenate([_both(3), [[1.0, 0, 0], [-1, 0, 0]]])
    second = np.array(
        [
            [1.0, 1, 1, 1, 0, 0, 0, 0],  # |x| + |y| - 2
            [-1, -1, -1, -1, 0, 0, 0, 0],
            [0, 0, 0, 0, 1, 1, 1, 1],  # |z| + |x - 2| - 2
            [0, 0, 0, 0, -1, -1, -1, -1],
            [0, 0, 1, 1, 0, 0, 0, 0],
            [0, 0, 0, 0, 1, 1, 0, 0],
        ]
    )
    d_1, d_2 = np.array([1.0, 1, 0, 0, 0, 1]), np.array([0.0, 0, 1, 1, 1, 0])
    third = np.stack([d_1, d_1 - d_2])  # min(d_1, d_2) = d_1 - relu(d_1 - d_2)
    biases = [[0.0] * 6 + [-2, 2], [-2.0, 2, -2, 2, 0, 0], [0.0, 0.0], [0.5]]
    return Network.from_arrays([first, second, third, [[-1.0, 1.0]]], biases)


def three_sectors() -> Network:
    """Logits 0, x, y: three sectors that meet in the origin."""
    return Network.from_arrays([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0, 0.0]])


def random_network(
    rng: np.random.Generator, widths: list[int], largest: int | None = None
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights and biases, normal, or small integers (weights up to ``largest``, biases half-integers): degenerate ones."""
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    if largest is None:
        return [rng.normal(size=s) for s in shapes], [0.3 * rng.normal(size=s[0]) for s in shapes]
    weights = [rng.integers(-largest, largest + 1, size=s).astype(float) for s in shapes]
    return weights, [rng.integers(-1, 2, size=s[0]) / 2 for s in shapes]


def beside_brute_force(widths: list[int], largest: int | None, seed: int) -> tuple[RationalArrangement, Network]:
    """A random network on the box [-1, 1]^n: what rational arithmetic makes of it without insertion, and the network."""
    weights, biases = random_network(np.random.default_rng(seed), widths, largest)
    n = widths[0]
    return RationalArrangement(weights, biases, [-1.0] * n, [1.0] * n), Network.from_arrays(weights, biases)
