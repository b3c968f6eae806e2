"""One linear piece of a piecewise linear network: its layers with given slopes in the place of activations (§5).

With the slopes of all neurons fixed the network is affine; at a neuron that is at zero any slope gives the same values, and
the slopes theta between the two sides give the elements of the Clarke gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.flow.piecewise_linear.crease_groups import CreaseGroups
from separatrix.networks.layers import Activation, AffineMap
from separatrix.networks.network import Network

SlopeRule = Callable[[int, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class LinearPiece:
    """A graph with fixed slopes. ``slopes``: one array a node with creases; other activations are the identity."""

    graph: Network
    slopes: dict[int, np.ndarray]

    @classmethod
    def of(cls, graph: Network, groups: CreaseGroups, signs: np.ndarray) -> LinearPiece:
        """The piece with slope 1 where ``signs`` > 0, the left slope where < 0, and 0 on the creases (``signs`` 0)."""
        slopes = np.where(signs > 0, 1.0, np.where(signs < 0, groups.left, 0.0))
        return cls(graph, {node: slopes[groups.part(node)] for node in groups.nodes})

    def values(self, x: np.ndarray) -> list[np.ndarray]:
        """The value of every node at ``x`` (dim,)."""
        return self._forward(x, constant=True)

    def tangents(self, directions: np.ndarray) -> list[np.ndarray]:
        """The derivative of every node along the columns of ``directions`` (dim, k): arrays (width, k)."""
        return self._forward(directions, constant=False)

    def _forward(self, start: np.ndarray, constant: bool) -> list[np.ndarray]:
        found = [start]
        for index, node in enumerate(self.graph.nodes[1:], 1):
            parent = found[node.parents[0]]
            if isinstance(node.layer, AffineMap):
                parent = node.layer.weight @ parent
                found.append(parent + node.layer.bias if constant else parent)
            elif isinstance(node.layer, Activation):
                slope = self.slopes.get(index)
                found.append(parent if slope is None else (parent.T * slope).T)
            else:
                found.append(sum((found[i] for i in node.parents[1:]), start=parent))
        return found

    def cotangents(self, y: np.ndarray, rule: SlopeRule | None = None) -> list[np.ndarray]:
        """The derivative of y . output with respect to every node; ``rule(node, cotangent)`` may set slopes on the way."""
        found: list[Any] = [np.zeros(width) for width in self.graph.widths]
        found[-1] = y
        for index in range(len(self.graph.nodes) - 1, 0, -1):
            node, here = self.graph.nodes[index], found[index]
            if isinstance(node.layer, AffineMap):
                here = node.layer.weight.T @ here
            elif index in self.slopes:
                here = here * (self.slopes[index] if rule is None else rule(index, here))
            for parent in node.parents:
                found[parent] = found[parent] + here
        return found

    def directional(self, directions: np.ndarray, groups: CreaseGroups, at_zero: np.ndarray) -> np.ndarray:
        """The one-sided derivatives of the outputs along the columns of ``directions``, (m, k): neurons of the mask
        ``at_zero`` take the slope of the side to which they move.
        """
        found = [directions]
        for index, node in enumerate(self.graph.nodes[1:], 1):
            parent = found[node.parents[0]]
            if isinstance(node.layer, AffineMap):
                found.append(node.layer.weight @ parent)
            elif index in self.slopes:
                part = groups.part(index)
                moved = np.where(parent > 0, 1.0, groups.left[part][:, None]) * parent
                found.append(np.where(at_zero[part][:, None], moved, (parent.T * self.slopes[index]).T))
            else:
                found.append(sum((found[i] for i in node.parents[1:]), start=parent))
        return found[-1]


def preactivations(graph: Network, groups: CreaseGroups, values: list[np.ndarray]) -> np.ndarray:
    """The values (or tangents) of all creased neurons before their activation, in the order of their numbers."""
    parts = [values[graph.nodes[node].parents[0]] for node in groups.nodes]
    return np.concatenate(parts) if parts else np.zeros((0, *values[0].shape[1:]))


def signs_at(graph: Network, groups: CreaseGroups, x: np.ndarray, zeros: np.ndarray) -> np.ndarray:
    """The signs of all creased neurons at ``x``, where the neurons ``zeros`` count as zero, int8."""
    signs = np.zeros(len(groups), dtype=np.int8)
    found = [x]
    for index, node in enumerate(graph.nodes[1:], 1):
        parent = found[node.parents[0]]
        if isinstance(node.layer, AffineMap):
            found.append(node.layer.weight @ parent + node.layer.bias)
        elif index in groups.nodes:
            part = groups.part(index)
            signs[part] = np.where(parent > 0, 1, -1)
            signs[zeros[(zeros >= part.start) & (zeros < part.stop)]] = 0
            slope = np.where(signs[part] > 0, 1.0, np.where(signs[part] < 0, groups.left[part], 0.0))
            found.append(parent * slope)
        else:
            found.append(sum((found[i] for i in node.parents[1:]), start=parent))
    return signs
