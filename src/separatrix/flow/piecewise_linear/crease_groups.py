"""Neurons that share one crease: proportional rows (w, b) of one layer, told apart exactly (§5).

u_k = r u_j with a rational r != 0 makes one crease of two, on which the slopes are tied: s_k = s_j where r > 0, and
s_k = 1 + a - s_j where r < 0 (a the left slope: s(u) = a u + (1 - a) relu(u)).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from separatrix.flow.piecewise_linear.creases import crease_nodes
from separatrix.networks.layers import Activation, AffineMap
from separatrix.networks.network import Network

NEARLY_PARALLEL = 1e-9


@dataclass(frozen=True, eq=False)
class CreaseGroups:
    """The creases of a network by their neurons.

    ``nodes``: nodes of the graph with creases, ``first``: the number of the first neuron of each, and one past the last.
    Neuron k has the left slope ``left[k]``, the crease of neuron ``leader[k]`` (itself where it is alone; -1: its
    preactivation is constant or both its slopes are equal, there is no crease) and u_k = ``ratio[k]`` u_leader.

    >>> net = Network.from_arrays([[[1.0, 2.0], [-2.0, -4.0]], [[1.0, 1.0]]], [[0.5, -1.0], [0.0]])
    >>> groups = CreaseGroups.of(net)
    >>> groups.leader.tolist(), groups.ratio[1]
    ([0, 0], Fraction(-2, 1))
    """

    nodes: tuple[int, ...]
    first: tuple[int, ...]
    left: np.ndarray
    leader: np.ndarray
    ratio: tuple[Fraction, ...]

    @classmethod
    def of(cls, network: Network) -> CreaseGroups:
        """The creases of ``network``, proportional rows joined by exact comparison."""
        nodes = crease_nodes(network)
        first = np.concatenate([[0], np.cumsum([network.widths[index] for index in nodes])]).astype(int)
        left, leader, ratio = np.zeros(first[-1]), np.arange(first[-1]), [Fraction(1)] * int(first[-1])
        for index, start, stop in zip(nodes, first[:-1], first[1:], strict=True):
            activation = network.nodes[index].layer
            assert isinstance(activation, Activation)
            left[start:stop] = activation.slope if activation.name == "leaky_relu" else 0.0
            source = network.nodes[network.nodes[index].parents[0]].layer
            if isinstance(source, AffineMap):
                for k, (j, r) in enumerate(_proportional_rows(source)):
                    leader[start + k], ratio[start + k] = (start + j if j >= 0 else -1), r
        leader = np.where(left == 1.0, -1, leader)
        return cls(tuple(nodes), tuple(first.tolist()), left, leader, tuple(ratio))

    def __len__(self) -> int:
        return self.first[-1]

    def leaders_of(self, neurons: np.ndarray) -> np.ndarray:
        """The leaders of the creases of some neurons, ascending, those without a crease left out."""
        found = np.unique(self.leader[np.asarray(neurons, dtype=np.int64)])
        return found[found >= 0]

    def members(self, leaders: np.ndarray) -> np.ndarray:
        """All neurons on the creases of ``leaders``, ascending."""
        return np.flatnonzero(np.isin(self.leader, leaders) & (self.leader >= 0))

    def node_of(self, neuron: int) -> tuple[int, int]:
        """(node, unit in it) of a neuron."""
        layer = int(np.searchsorted(self.first, neuron, side="right")) - 1
        return self.nodes[layer], int(neuron) - self.first[layer]

    def part(self, node: int) -> slice:
        """The numbers of the neurons of a node."""
        layer = self.nodes.index(node)
        return slice(self.first[layer], self.first[layer + 1])

    @property
    def direction(self) -> np.ndarray:
        """The sign of each neuron's ratio to its leader."""
        return np.array([1 if r > 0 else -1 for r in self.ratio], dtype=np.int8).reshape(len(self))


def _proportional_rows(layer: AffineMap) -> list[tuple[int, Fraction]]:
    """For every row of (weight, bias) the first row that it is a multiple of, and the factor; (-1, 1) for zero weights."""
    rows = np.column_stack([layer.weight, layer.bias])
    found = [(k, Fraction(1)) for k in range(rows.shape[0])]
    for k in np.flatnonzero(~layer.weight.any(axis=1)):
        found[k] = (-1, Fraction(1))
    if layer.weight_radius is not None or layer.bias_radius is not None:
        return found  # the network's own rows are known up to rounding only
    size = np.abs(rows).max(axis=1, initial=0.0)
    scaled = rows / np.where(size > 0, size, 1.0)[:, None]
    scaled = scaled / np.maximum(np.linalg.norm(scaled, axis=1), 1e-300)[:, None]
    near = np.abs(scaled @ scaled.T) > 1.0 - NEARLY_PARALLEL
    for k in np.flatnonzero(np.triu(near, 1).any(axis=0)):
        if found[k][0] != k:
            continue
        for j in np.flatnonzero(near[:k, k]):
            factor = _factor(rows[k], rows[j]) if found[j][0] == j else None
            if factor is not None:
                found[k] = (int(j), factor)
                break
    return found


def _factor(row: np.ndarray, other: np.ndarray) -> Fraction | None:
    """r with row = r other exactly, or None."""
    if ((row == 0) != (other == 0)).any():
        return None
    here, there = ([Fraction(v) for v in side[side != 0].tolist()] for side in (row, other))
    r = here[0] / there[0]
    return r if all(a == r * b for a, b in zip(here, there, strict=True)) else None
