"""Neurons and the cells that they make: shares of the neurons in a surface's normals, and the cover by dominance (§6).

On a top cell of the surface {z_i = z_j} the normal is N = sum_j c_j s'_j w_j: w_j the gradient of neuron j's pre-activation,
s'_j its slope, c_j the derivative of z_i - z_j by its output. The share of neuron j is

    share_j = c_j s'_j (w_j . N) / |N|^2,        sum_j share_j = 1,                                       (6.3)

for a layer through which all paths go. The dominant neuron has the largest absolute share, the smallest number on ties.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.complexes.cells import Cells
from separatrix.errors import InputError, KindError
from separatrix.networks.layers import Activation
from separatrix.networks.network import Network
from separatrix.networks.propagation import Propagation
from separatrix.records import Record, plain

CELLS_AT_ONCE = 8192


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class NeuronCover(Record):
    """Which neurons of a hidden layer make which cells of a decision surface.

    - ``shares`` (cells, neurons): share of every neuron in the normal of every top cell, signed, rows sum to 1 (skip
      connections around the layer take the rest, if there are any)
    - ``dominant`` (cells,): the neuron with the largest absolute share; -1 where the normal vanishes
    - ``layer``: which hidden layer, from 0; ``cells``: the surface's incidence, ``n_own`` of them by dimension finite
    - ``surface``: the decision surface
    """

    shares: np.ndarray
    dominant: np.ndarray
    layer: int
    cells: Cells
    n_own: tuple[int, ...]
    surface: Any = field(default=None, repr=False)

    @property
    def n_neurons(self) -> int:
        """Width of the layer."""
        return self.shares.shape[1]

    @cached_property
    def active(self) -> np.ndarray:
        """The neurons that dominate somewhere, ascending."""
        return np.unique(self.dominant[self.dominant >= 0])

    def neurons_of(self, cell: int) -> np.ndarray:
        """The neurons that contribute to a top cell's normal, largest absolute share first."""
        row = self.shares[self._number(cell, len(self.shares), "top cell")]
        found = np.flatnonzero(np.nan_to_num(row))
        return found[np.argsort(-np.abs(row[found]), kind="stable")]

    def cells_of(self, neuron: int) -> np.ndarray:
        """The top cells to whose normals a neuron contributes."""
        return np.flatnonzero(np.nan_to_num(self.shares[:, self._number(neuron, self.n_neurons, "neuron")]))

    def dominated_by(self, neuron: int) -> np.ndarray:
        """The top cells where a neuron dominates: its set of the cover, whose closure is taken."""
        return np.flatnonzero(self.dominant == self._number(neuron, self.n_neurons, "neuron"))

    @cached_property
    def nerve(self) -> Any:
        """The nerve of the cover, a SimplicialComplex with neurons as vertices: a simplex where their sets share a cell."""
        from separatrix.surface.nerve import nerve

        return nerve(self.cells, self.dominant, self.n_own)

    @cached_property
    def is_good(self) -> bool:
        """Whether all intersections of sets of the cover are acyclic over Z: then nerve and surface have one homology."""
        from separatrix.surface.nerve import is_good_cover

        return is_good_cover(self.cells, self.dominant, self.nerve, self.n_own)

    def comparison(self, coefficients: str = "Z") -> dict[str, Any]:
        """Homology of the nerve beside the surface's: the groups by degree, whether they agree, whether they must."""
        from separatrix.homology.chain_complex import ChainComplex

        cells = self.cells
        if self.surface is None:
            own = ChainComplex.from_columns(cells.counts, cells.starts, cells.faces, cells.signs).homology(coefficients)
        else:
            own = self.surface.homology(coefficients)
        other = self.nerve.homology(coefficients) if self.active.size else None
        length = max(own.dim, other.dim if other else -1) + 1
        groups = [(own.group(k), other.group(k) if other else "0") for k in range(length)]
        return {
            "degree": list(range(length)),
            "surface": [mine for mine, _ in groups],
            "nerve": [theirs for _, theirs in groups],
            "agree": all(mine == theirs for mine, theirs in groups),
            "must agree": self.is_good,
        }

    def columns(self) -> dict[str, Any]:
        """One row a neuron: its number, cells it contributes to, cells it dominates, mean absolute share."""
        shares = np.nan_to_num(self.shares)
        size = np.abs(shares).mean(axis=0) if len(shares) else np.zeros(self.n_neurons)
        dominated = np.bincount(self.dominant[self.dominant >= 0], minlength=self.n_neurons)
        return {
            "neuron": list(range(self.n_neurons)),
            "cells": (shares != 0).sum(axis=0).tolist(),
            "dominates": dominated.tolist(),
            "mean_absolute_share": size.tolist(),
        }

    def to_json(self) -> str:
        """Shares and dominant neurons as JSON text."""
        names = ("layer", "shares", "dominant", "active", "domain", "certainty", "provenance")
        return json.dumps({name: plain(getattr(self, name)) for name in names}, allow_nan=False)

    def __repr__(self) -> str:
        return (
            f"NeuronCover({len(self.shares):,} cells, {self.active.size} of {self.n_neurons} neurons of hidden layer "
            f"{self.layer} dominate somewhere)"
        )

    @staticmethod
    def _number(number: Any, count: int, what: str) -> int:
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
            raise KindError(f"expected the number of a {what}, came {type(number).__name__}")
        if not 0 <= number < count:
            raise InputError(f"expected the number of a {what} from 0 to {count - 1}, came {int(number)}")
        return int(number)


class CellPropagation(Propagation):
    """A forward pass at one point a cell whose slopes are given: ``slopes`` maps activation nodes to (cells, width)."""

    def __init__(self, network: Network, x: np.ndarray, slopes: dict[int, np.ndarray] | None = None) -> None:
        super().__init__(network.nodes, network.parameters, x)
        self._first.update(slopes or {})


def hidden_layers(network: Network) -> list[int]:
    """The nodes of the hidden layers: activations other than the identity, in the order of the graph."""
    nodes = enumerate(network.nodes)
    return [i for i, node in nodes if isinstance(node.layer, Activation) and node.layer.name != "identity"]


def layer_node(network: Network, layer: Any) -> int:
    """The node of hidden layer number ``layer``; KindError, InputError."""
    found = hidden_layers(network)
    if isinstance(layer, bool) or not isinstance(layer, (int, np.integer)):
        raise KindError(f"layer: expected the number of a hidden layer, came {type(layer).__name__}")
    if not found:
        raise InputError("this network has no hidden layer, and so no neurons that could make its surface")
    if not 0 <= layer < len(found):
        raise InputError(f"layer: expected 0 to {len(found) - 1} (0 is the first hidden layer), came {int(layer)}")
    return found[int(layer)]


def normals_and_shares(
    network: Network, x: np.ndarray, contrasts: np.ndarray, node: int, slopes: dict[int, np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Normals N (cells, n) of the surfaces {contrast . z = 0} and shares (6.3) of the neurons of activation ``node``.

    ``x`` (cells, n): a point of each cell; ``contrasts`` (cells, n_classes); ``slopes``: by activation node where the point
    alone does not tell them. Shares are NaN where N vanishes.
    """
    passed = CellPropagation(network, x, slopes)
    cotangents = passed.cotangents(contrasts)
    normal = np.asarray(cotangents[0])
    scale = np.abs(normal).max(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        direction = normal / scale
        direction /= scale * (direction**2).sum(axis=1, keepdims=True)  # N / |N|^2 without overflow of the square
        rates = passed.tangents(direction)[network.nodes[node].parents[0]]
        outer = cotangents[node]
        shares = np.zeros_like(rates) if outer is None else passed.slope(node) * outer * rates
        shares = np.where(np.isfinite(direction).all(axis=1, keepdims=True), shares + 0.0, np.nan)
    return normal, np.asarray(shares)


def neuron_cover(
    network: Network,
    incidence: Cells,
    points: np.ndarray,
    contrasts: np.ndarray,
    *,
    layer: int = 0,
    surface: Any = None,
) -> NeuronCover:
    """The cover of a surface with the top cells of ``incidence`` by the neurons of a hidden layer, from slopes at a point.

    For smooth networks: ``points`` (cells, n), barycentres say; ``contrasts`` (cells, n_classes): z_i - z_j of each cell.
    """
    node = layer_node(network, layer)
    shares = np.empty((len(points), network.widths[node]))
    for first in range(0, len(points), CELLS_AT_ONCE):
        rows = slice(first, first + CELLS_AT_ONCE)
        shares[rows] = normals_and_shares(network, points[rows], contrasts[rows], node)[1]
    return NeuronCover(
        shares=shares,
        dominant=dominant_neurons(shares),
        layer=int(layer),
        cells=incidence,
        n_own=incidence.counts,
        surface=surface,
        domain=getattr(surface, "domain", None),
        certainty=Certainty.HEURISTIC,
    )


def dominant_neurons(shares: np.ndarray) -> np.ndarray:
    """The neuron with the largest absolute share in every row, the smallest number on ties; -1 for rows of NaN."""
    if not shares.size:
        return np.full(shares.shape[0], -1, dtype=np.int64)
    return np.where(np.isnan(shares).any(axis=1), -1, np.nan_to_num(np.abs(shares), nan=-1.0).argmax(axis=1))


def cell_points(cells: Cells, vertices: np.ndarray, k: int) -> np.ndarray:
    """A point inside every k-cell, (counts[k], n): the mean of its facets' points; the barycentre of a simplex."""
    points = vertices
    for degree in range(1, k + 1):
        lengths = np.maximum(cells.lengths(degree), 1)
        sums = np.zeros((cells.counts[degree], vertices.shape[1]))
        filled = np.flatnonzero(cells.lengths(degree))
        if filled.size:
            sums[filled] = np.add.reduceat(points[cells.faces[degree]], cells.starts[degree][filled], axis=0)
        points = sums / lengths[:, None]
    return points
