"""Smooth networks whose decision surfaces are known by calculus."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT, Network


def bowl(dim: int, level: float, tilt: np.ndarray | None = None, curved: int | None = None) -> Network:
    """m(x) = sum_i q(x_i) - level + tilt . x over the first ``curved`` coordinates, q(t) = softplus(t) + softplus(-t) - 2 log 2.

    q is even and convex with q(0) = 0, q'' = 2 p'(t) > 0, q(t) = t^2/4 + O(t^4): {m = 0} is a sphere for a small level.
    """
    curved = dim if curved is None else curved
    unit = np.eye(dim)[:curved]
    first = Affine(np.concatenate([unit, -unit]), np.zeros(2 * curved))
    tilt = np.zeros(dim) if tilt is None else np.asarray(tilt, dtype=np.float64)
    nodes = (
        INPUT,
        Node(first, (0,)),
        Node(Activation("softplus"), (1,)),
        Node(Affine(np.ones((1, 2 * curved)), np.array([-2.0 * curved * np.log(2.0) - level])), (2,)),
        Node(Affine(tilt[None, :], np.zeros(1)), (0,)),
        Node(Sum(), (3, 4)),
    )
    return Network.graph(nodes, dim)


def count_pieces(inside: np.ndarray, corners: bool = False) -> int:
    """Connected pieces of a boolean grid, neighbours along axes or, with ``corners``, also across corners."""
    from scipy import ndimage

    structure = np.ones((3,) * inside.ndim) if corners else None
    found: Any = ndimage.label(inside, structure=structure)
    return int(found[1])
