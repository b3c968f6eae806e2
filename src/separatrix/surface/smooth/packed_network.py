"""A smooth network on the unit cube as flat arrays, so that one compiled kernel serves every depth and width (§6).

The input of the packed network is t in [0, 1]^n with x = lower + (upper - lower) t; this map is its first layer, its
rounding a radius, so that midpoints of edges are exact dyadic numbers. The last layer holds the asked contrasts of the
logits, scaled up by a power of two where it is tiny: a surface depends on signs only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.domains import Box
from separatrix.errors import InputError
from separatrix.networks.layers import Activation, Affine, AffineMap, Node, Sum
from separatrix.networks.network import Network
from separatrix.surface.smooth.activation_tables import META, ROW, activation_table

AFFINE, ACTIVATION, SUM = 0, 1, 2
TINY = 1e-300  # more than the products of a layer lose by underflow
OP = 8  # kind, first unit, width, parent's first unit, parent's width, parameters' offset, table or second parent, rounded


@dataclass(frozen=True, eq=False)
class PackedNetwork:
    """Flat arrays of a network on a box.

    ``operations`` (n_operations, OP) int64; ``parameters``: for every affine layer its weight, radius of the weight,
    bias and radius of the bias; ``tables`` and ``meta``: the activations' Taylor tables; ``n_units``: total width;
    ``n_outputs``: rows of the contrasts; ``dim``: inputs.
    """

    operations: np.ndarray
    parameters: np.ndarray
    tables: np.ndarray
    meta: np.ndarray
    n_units: int
    n_outputs: int
    dim: int

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What the kernels take."""
        return self.operations, self.parameters, self.tables, self.meta


def packed(network: Network, box: Box, contrasts: np.ndarray) -> PackedNetwork:
    """``network`` on ``box`` with outputs ``contrasts`` (m, n_classes) of the logits.

    Raises InputError for activations that are not smooth.
    """
    graph = network.contrasted(contrasts)
    names = list(dict.fromkeys(name for name in graph.activations if name != "identity"))
    tables = [activation_table(name) for name in names]
    rows = np.zeros((len(tables), max((table.rows.shape[0] for table in tables), default=1), ROW))
    for i, table in enumerate(tables):
        rows[i, : table.rows.shape[0]] = table.rows
    meta = np.array([table.meta for table in tables]).reshape(len(tables), META)
    packer = _Packer({name: i for i, name in enumerate(names)}, box)
    for index, node in enumerate(graph.nodes[1:], 1):
        packer.add(node, index == len(graph.nodes) - 1)
    parameters = np.concatenate(packer.parameters)
    operations = np.array(packer.operations, dtype=np.int64)
    return PackedNetwork(operations, parameters, rows, meta, packer.n_units, graph.widths[-1], box.dim)


class _Packer:
    """Operations node by node; what is affine in t is kept as one layer until something else needs its values."""

    def __init__(self, tables: dict[str, int], box: Box) -> None:
        self.tables, self.cube = tables, (0, box.dim)
        self.operations: list[tuple[int, ...]] = []
        self.parameters: list[np.ndarray] = []
        self.n_units, self.n_parameters = box.dim, 0
        width = box.upper - box.lower
        if not np.isfinite(width).all():
            raise InputError("the box is too wide: its sides overflow; choose a smaller box")
        self.layers: list[AffineMap | None] = [Affine(np.diag(width), box.lower, np.diag(np.spacing(width)))]
        self.places: list[tuple[int, int] | None] = [None]

    def add(self, node: Node, is_last: bool) -> None:
        """Append a node's operation."""
        layer, parents = node.layer, node.parents
        place, flat = None, None
        if isinstance(layer, AffineMap):
            layer = _scaled_up(layer) if is_last else layer
            before = self.layers[parents[0]]
            if before is not None:
                flat = composed(layer, before)
                place = self._affine(flat, self.cube) if is_last else None
            else:
                place = self._affine(layer, self._place(parents[0]))
        elif isinstance(layer, Activation) and layer.name != "identity":
            parent = self._place(parents[0])
            place = self._operation(ACTIVATION, parent[1], parent, table=self.tables[layer.name])
        else:
            assert isinstance(layer, (Sum, Activation))
            place = self._place(parents[0])
            for other in parents[1:]:
                place = self._operation(SUM, place[1], place, table=self._place(other)[0])
        self.layers.append(flat)
        self.places.append(place)

    def _place(self, index: int) -> tuple[int, int]:
        """(first unit, width) of a node, made if it was kept as an affine map of t."""
        place, layer = self.places[index], self.layers[index]
        if place is None:
            assert layer is not None
            place = self.places[index] = self._affine(layer, self.cube)
        return place

    def _affine(self, layer: AffineMap, parent: tuple[int, int]) -> tuple[int, int]:
        weight, bias = layer.weight, layer.bias
        zeros = np.zeros(weight.shape), np.zeros(bias.shape)
        radius = zeros[0] if layer.weight_radius is None else layer.weight_radius
        bias_radius = zeros[1] if layer.bias_radius is None else layer.bias_radius
        rounded = int(bool(radius.any()))
        place = self._operation(AFFINE, weight.shape[0], parent, parameter=self.n_parameters, rounded=rounded)
        for array in (weight, radius, bias, bias_radius):
            self.parameters.append(np.ascontiguousarray(array, dtype=np.float64).ravel())
            self.n_parameters += array.size
        return place

    def _operation(
        self, kind: int, width: int, parent: tuple[int, int], *, parameter: int = 0, table: int = 0, rounded: int = 0
    ) -> tuple[int, int]:
        self.operations.append((kind, self.n_units, width, parent[0], parent[1], parameter, table, rounded))
        place = (self.n_units, width)
        self.n_units += width
        return place


def composed(second: AffineMap, first: AffineMap) -> AffineMap:
    """``second`` after ``first`` as one affine map with radii: products of K terms are off by (K + 2) u sum |a b|."""
    zero = np.zeros(())
    radii = [zero if r is None else r for r in (first.weight_radius, first.bias_radius)]
    outer, outer_bias = (zero if r is None else r for r in (second.weight_radius, second.bias_radius))
    size, k = np.abs(second.weight), second.weight.shape[1]
    g = (k + 4) * 2.0**-53
    with np.errstate(over="ignore", invalid="ignore"):
        parts = []
        for array, radius in ((first.weight, radii[0]), (first.bias, radii[1])):
            loose = radius + g * np.abs(array)
            parts.append((size @ np.broadcast_to(loose, array.shape)) + np.broadcast_to(outer, size.shape) @ (
                np.abs(array) + radius))  # fmt: skip
        bias = second.weight @ first.bias + second.bias
        grow = 1.0 + (2 * k + 20) * 2.0**-53
        bias_radius = (parts[1] + g * np.abs(second.bias) + outer_bias) * grow + TINY
        return Affine(second.weight @ first.weight, bias, parts[0] * grow + TINY, bias_radius)


def _scaled_up(layer: AffineMap) -> AffineMap:
    """The layer times a power of two >= 1 that brings its largest weight towards 1: exact, signs stay."""
    largest = max(float(np.abs(layer.weight).max()), float(np.abs(layer.bias).max()))
    if largest == 0.0 or largest >= 0.5:
        return layer
    exponent = min(-int(np.frexp(largest)[1]), 1000)
    arrays = (layer.weight, layer.bias, layer.weight_radius, layer.bias_radius)
    return Affine(*(None if array is None else np.ldexp(array, exponent) for array in arrays))  # pyright: ignore
