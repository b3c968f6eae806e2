"""Random smooth networks for the tests."""

from __future__ import annotations

import numpy as np

from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT, Network

SMOOTH = ("tanh", "sigmoid", "softplus", "gelu", "gelu_tanh", "silu", "mish")


def random_network(sizes: tuple[int, ...], activation: str, seed: int, gain: float = 1.0) -> Network:
    """A multilayer perceptron with normal weights."""
    rng = np.random.default_rng(seed)
    weights = [
        rng.normal(size=(out, into)) * gain * 1.5 / (np.sqrt(into) if layer else 1.0)
        for layer, (into, out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True))
    ]
    return Network.from_arrays(weights, [0.5 * rng.normal(size=out) for out in sizes[1:]], activation)


def skip_network(seed: int, activation: str = "tanh") -> Network:
    """Two inputs, a skip past the second layer and one from the input."""
    rng = np.random.default_rng(seed)
    a, b, c, d = (Affine(rng.normal(size=shape), 0.3 * rng.normal(size=shape[0])) for shape in
                  ((5, 2), (5, 5), (5, 2), (2, 5)))  # fmt: skip
    act = Activation(activation)
    nodes = (INPUT, Node(a, (0,)), Node(act, (1,)), Node(b, (2,)), Node(act, (3,)), Node(c, (0,)),
             Node(Sum(), (4, 2, 5)), Node(Activation("identity"), (6,)), Node(d, (7,)))  # fmt: skip
    return Network.graph(nodes, 2)
