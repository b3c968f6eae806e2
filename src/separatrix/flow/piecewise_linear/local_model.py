"""A piecewise linear network near a point: preactivations, directional derivatives, gradients of the cells there (§5).

At a point where some neurons are at zero the network has a directional derivative: a forward pass in which such a neuron
passes the positive part of its tangent, t -> max(t, a t) for a leaky ReLU of slope a. The direction says which cell it
points into, and a backward pass with that cell's slopes gives the gradient there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.flow.piecewise_linear.creases import crease_nodes
from separatrix.networks.layers import Activation, AffineMap
from separatrix.networks.network import Network

ROUNDING = 1e-14
TIE = 1e-11


@dataclass(frozen=True, eq=False)
class Direction:
    """What lies along a direction: ``rates`` (N,) of the preactivations, ``signs`` (N,) of the neurons just behind the
    point, ``tied`` (N,): neurons that stay at zero to first order, ``output`` (m,) rates of the outputs."""

    rates: np.ndarray
    signs: np.ndarray
    tied: np.ndarray
    output: np.ndarray


class LocalModel:
    """Passes through the graph of a piecewise linear network at one point; its N neurons are numbered as in ``creases``.

    ``below`` (N,): slope where the preactivation is negative (1 where it is positive). Neurons of a layer whose
    preactivations are proportional share a crease: ``group`` (N,) numbers the creases, ``scale`` (N,) is the factor to
    the first neuron of the group, negative where the two face each other.
    """

    def __init__(self, graph: Network) -> None:
        self.graph, self.nodes = graph, graph.nodes
        self.dim, self.n_outputs = graph.n_inputs, graph.widths[-1]
        self.span: dict[int, slice] = {}
        below = [np.zeros(0)]
        at = 0
        for index in crease_nodes(graph):
            layer = self.nodes[index].layer
            assert isinstance(layer, Activation)
            width = graph.widths[index]
            self.span[index] = slice(at, at + width)
            below.append(np.full(width, layer.slope if layer.name == "leaky_relu" else 0.0))
            at += width
        self.below, self.n_neurons = np.concatenate(below), at
        self.kink = 1.0 - self.below
        self.absolute = {
            index: (np.abs(node.layer.weight), np.abs(node.layer.bias))
            for index, node in enumerate(self.nodes)
            if index and isinstance(node.layer, AffineMap)
        }
        self.layer = np.concatenate([np.full(s.stop - s.start, i) for i, s in self.span.items()] or [np.zeros(0, int)])
        self.n_layers = len(self.span)
        self.group, self.scale = self._groups()
        self.generic = generic_vector(self.dim)

    def _groups(self) -> tuple[np.ndarray, np.ndarray]:
        group, scale, count = np.arange(self.n_neurons), np.ones(self.n_neurons), 0
        for index, span in self.span.items():
            parent = self.nodes[self.nodes[index].parents[0]]
            width = span.stop - span.start
            rows = np.zeros((width, 0))
            if isinstance(parent.layer, AffineMap):
                rows = np.hstack([parent.layer.weight, parent.layer.bias[:, None]])
            known: dict[bytes, tuple[int, float]] = {}
            for k, row in enumerate(rows):
                lead = row[np.abs(row).argmax()] if row.any() else 0.0
                key = (row / lead if lead else np.append(row, k)).round(13) + 0.0
                if key.tobytes() not in known:
                    known[key.tobytes()] = (count, lead or 1.0)
                    count += 1
                number, first = known[key.tobytes()]
                group[span.start + k], scale[span.start + k] = number, (lead or 1.0) / first
            for k in range(rows.shape[0], width):
                group[span.start + k] = count
                count += 1
            if not rows.shape[1]:
                group[span] = np.arange(count - width, count)
        return group, scale

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Preactivations (N,) at ``x`` (dim,), bounds of their rounding errors (N,), and the outputs (m,)."""
        values, sizes = [x], [np.abs(x)]
        u, noise = np.empty(self.n_neurons), np.empty(self.n_neurons)
        for index, node in enumerate(self.nodes[1:], 1):
            parent, size = values[node.parents[0]], sizes[node.parents[0]]
            if isinstance(node.layer, AffineMap):
                values.append(node.layer.weight @ parent + node.layer.bias)
                weight, bias = self.absolute[index]
                sizes.append(weight @ size + bias)
            elif index in self.span:
                span = self.span[index]
                u[span], noise[span] = parent, ROUNDING * size
                values.append(np.where(parent > 0, parent, self.below[span] * parent))
                sizes.append(size)
            else:
                values.append(sum((values[i] for i in node.parents), start=np.zeros(1)))
                sizes.append(sum((sizes[i] for i in node.parents), start=np.zeros(1)))
        return u, noise, values[-1]

    def is_constant(self, signs: np.ndarray) -> np.ndarray:
        """Neurons (N,) whose preactivation cannot change near the point, whatever those of sign 0 do."""
        reach = [np.ones(self.dim, dtype=bool)]
        constant = np.zeros(self.n_neurons, dtype=bool)
        for index, node in enumerate(self.nodes[1:], 1):
            parent = reach[node.parents[0]]
            if isinstance(node.layer, AffineMap):
                reach.append(self.absolute[index][0] @ parent > 0)
            elif index in self.span:
                span = self.span[index]
                constant[span] = ~parent
                reach.append(parent & ((signs[span] >= 0) | (self.below[span] != 0)))
            else:
                reach.append(np.logical_or.reduce([reach[i] for i in node.parents]))
        return constant

    def along(self, directions: np.ndarray, signs: np.ndarray) -> Direction:
        """The cell that ``directions`` (k, dim) point into: the first decides, ties go to the second, and so on.

        ``signs`` (N,): -1 and +1 for neurons that are off zero (or held to be), 0 for those to be decided.
        """
        values, size = [directions], [np.abs(directions[0])]
        rates, found = np.empty(self.n_neurons), signs.copy()
        tied = np.zeros(self.n_neurons, dtype=bool)
        for index, node in enumerate(self.nodes[1:], 1):
            parent, large = values[node.parents[0]], size[node.parents[0]]
            if isinstance(node.layer, AffineMap):
                values.append(parent @ node.layer.weight.T)
                size.append(self.absolute[index][0] @ large)
            elif index in self.span:
                span = self.span[index]
                rates[span] = parent[0]
                tied[span] = np.abs(parent[0]) <= TIE * large
                part = found[span]
                undecided = np.flatnonzero(part == 0)
                if undecided.size:
                    part[undecided] = _first_sign(parent[:, undecided], TIE * large[undecided])
                slopes = np.where(part > 0, 1.0, self.below[span])
                values.append(parent * slopes)
                size.append(large)
            else:
                values.append(sum((values[i] for i in node.parents), start=np.zeros(1)))
                size.append(sum((size[i] for i in node.parents), start=np.zeros(1)))
        return Direction(rates, found, tied, values[-1][0])

    def tangents(self, directions: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rates of the preactivations (k, N) and outputs (k, m) along the rows of ``directions`` for given ``slopes``."""
        values = [directions]
        rates = np.empty((directions.shape[0], self.n_neurons))
        for index, node in enumerate(self.nodes[1:], 1):
            parent = values[node.parents[0]]
            if isinstance(node.layer, AffineMap):
                values.append(parent @ node.layer.weight.T)
            elif index in self.span:
                span = self.span[index]
                rates[:, span] = parent
                values.append(parent * slopes[span])
            else:
                values.append(sum((values[i] for i in node.parents), start=np.zeros(1)))
        return rates, values[-1]

    def slopes(self, signs: np.ndarray) -> np.ndarray:
        """Slopes (N,) of neurons with these signs; 0 for a sign of 0: such a neuron is cut out."""
        return np.where(signs > 0, 1.0, np.where(signs < 0, self.below, 0.0))

    def backward(
        self, slopes: np.ndarray, y: np.ndarray, neurons: Sequence[int] | np.ndarray = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gradients by x (k, dim), and by the neurons' outputs (k, N), of the k functions y . output, rows of ``y``
        (m', m), followed by the preactivations of ``neurons``."""
        k = y.shape[0] + len(neurons)
        found: list[np.ndarray | None] = [None] * (len(self.nodes) - 1)
        found.append(np.vstack([y, np.zeros((len(neurons), self.n_outputs))]) if len(neurons) else y)
        for row, neuron in enumerate(neurons, y.shape[0]):
            index = int(self.layer[neuron])
            parent = self.nodes[index].parents[0]
            if found[parent] is None:
                found[parent] = np.zeros((k, self.graph.widths[parent]))
            found[parent][row, neuron - self.span[index].start] = 1.0  # type: ignore[index]
        by_output = np.zeros((k, self.n_neurons))
        for index in range(len(self.nodes) - 1, 0, -1):
            node, y_here = self.nodes[index], found[index]
            if y_here is None:
                continue
            if isinstance(node.layer, AffineMap):
                y_here = y_here @ node.layer.weight
            elif index in self.span:
                by_output[:, self.span[index]] = y_here
                y_here = y_here * slopes[self.span[index]]
            for parent in node.parents:
                found[parent] = y_here if found[parent] is None else found[parent] + y_here
        gradient = found[0]
        return np.zeros((k, self.dim)) if gradient is None else gradient, by_output

    def gradient(self, signs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The gradient (dim,) of y . output on the cell of ``signs``."""
        return self.backward(self.slopes(signs), y[None])[0][0]

    def output_bounds(self, signs: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds (N,) of the derivative of y . output by the neurons' outputs when those of sign 0 may have any slope."""
        low = np.where(signs > 0, 1.0, np.where(signs < 0, self.below, np.minimum(self.below, 1.0)))
        high = np.where(signs > 0, 1.0, np.where(signs < 0, self.below, np.maximum(self.below, 1.0)))
        found: list[tuple[np.ndarray, np.ndarray] | None] = [None] * (len(self.nodes) - 1)
        found.append((y, np.zeros_like(y)))
        lower, upper = np.zeros(self.n_neurons), np.zeros(self.n_neurons)
        for index in range(len(self.nodes) - 1, 0, -1):
            node, here = self.nodes[index], found[index]
            if here is None:
                continue
            middle, radius = here
            if isinstance(node.layer, AffineMap):
                middle, radius = middle @ node.layer.weight, radius @ self.absolute[index][0]
            elif index in self.span:
                span = self.span[index]
                lower[span], upper[span] = middle - radius, middle + radius
                ends = np.stack([a * b for a in (middle - radius, middle + radius) for b in (low[span], high[span])])
                least, most = ends.min(axis=0), ends.max(axis=0)
                middle, radius = 0.5 * (least + most), 0.5 * (most - least)
            for parent in node.parents:
                known = found[parent]
                found[parent] = (middle, radius) if known is None else (known[0] + middle, known[1] + radius)
        return lower, upper


def generic_vector(dim: int) -> np.ndarray:
    """A fixed vector (dim,) in general position, entries between -1/2 and 1/2."""
    steps = np.arange(1, dim + 1)
    return np.modf(steps * 0.6180339887498949 + 0.2360679774997897 * np.sqrt(steps))[0] - 0.5


def _first_sign(tangents: np.ndarray, tie: np.ndarray) -> np.ndarray:
    """The sign of the first row that is not within ``tie`` of zero, -1 where all are."""
    sign = np.zeros(tangents.shape[1], dtype=np.int8)
    for row in tangents:
        sign = np.where((sign == 0) & (np.abs(row) > tie), np.sign(row), sign).astype(np.int8)
    return np.where(sign == 0, np.int8(-1), sign)
