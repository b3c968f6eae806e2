"""One linear piece of a network in flint balls: values, normals and gradient of the exact network (§5, §8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from separatrix.flow.piecewise_linear.crease_groups import CreaseGroups
from separatrix.networks.layers import Activation, Affine, AffineMap, Node
from separatrix.networks.network import Network
from separatrix.numerics.ball_doubles import outward
from separatrix.numerics.balls import MidRad, product
from separatrix.numerics.intervals import Interval

Ball = Any
SlopeRule = Callable[[int, list[Ball]], list[Ball]]


@lru_cache(maxsize=8)
def matrix(layer: AffineMap, contrasts: bytes | None = None, rows: int = 0) -> tuple[Any, Any]:
    """(weight, bias) of a layer as ball matrices; times the contrasts (rows, out), whose entries are doubles."""
    from flint import arb, arb_mat

    weight, bias = layer.weight.tolist(), layer.bias.tolist()
    if layer.weight_radius is not None:
        radii = layer.weight_radius.tolist()
        weight = [[arb(w, r) for w, r in zip(*pair, strict=True)] for pair in zip(weight, radii, strict=True)]
    if layer.bias_radius is not None:
        bias = [arb(b, r) for b, r in zip(bias, layer.bias_radius.tolist(), strict=True)]
    found = arb_mat(weight), column(bias)
    if contrasts is None:
        return found
    mixing = arb_mat(np.frombuffer(contrasts).reshape(rows, -1).tolist())
    return mixing * found[0], mixing * found[1]


def column(entries: list[Any]) -> Any:
    """A ball matrix of one column."""
    from flint import arb_mat

    return arb_mat([[entry] for entry in entries]) if entries else arb_mat(0, 1)


def rows(entries: list[Any], width: int) -> Any:
    """A ball matrix of some rows, of ``width`` columns where there is none."""
    from flint import arb_mat

    return arb_mat(entries) if entries and width else arb_mat(len(entries), width)


def between(low: float, high: float) -> Ball:
    """A ball that holds [low, high]."""
    from flint import arb

    return arb(low).union(arb(high))


def interval(balls: list[Ball]) -> Interval:
    """Doubles that hold the balls, (n,)."""
    pairs = [outward(ball) for ball in balls]
    return Interval(np.array([low for low, _ in pairs]), np.array([high for _, high in pairs]))


@dataclass(frozen=True, eq=False)
class BallPiece:
    """A network with contrasts at its end and given slopes, affine in the free coordinates about a point.

    ``values``: the column of every node at the point; ``normals``: its derivative (width, |free|) along the coordinates
    ``free``; all balls, of the network's own weights.
    """

    nodes: tuple[Node, ...]
    contrasts: np.ndarray
    slopes: dict[int, list[Ball]]
    free: np.ndarray
    values: list[Any]
    normals: list[Any]

    @classmethod
    def at(
        cls,
        network: Network,
        contrasts: np.ndarray,
        slopes: dict[int, list[Ball]],
        x: list[Ball],
        free: np.ndarray,
    ) -> BallPiece:
        """The piece about ``x``. The contrasts join the last affine layer, where differences of weights are exact."""
        nodes = network.nodes
        if not isinstance(nodes[-1].layer, AffineMap):
            last = Affine(np.eye(network.n_classes), np.zeros(network.n_classes))
            nodes = (*nodes, Node(last, (len(nodes) - 1,)))
        piece = cls(nodes, contrasts, slopes, free, [column(x)], [_unit_columns(len(x), free)])
        piece._forward()
        return piece

    def layer(self, index: int) -> tuple[Any, Any]:
        """(weight, bias) of an affine node."""
        layer = self.nodes[index].layer
        assert isinstance(layer, AffineMap)
        if index < len(self.nodes) - 1:
            return matrix(layer)
        return matrix(layer, np.ascontiguousarray(self.contrasts, dtype=np.float64).tobytes(), len(self.contrasts))

    def _forward(self) -> None:
        from flint import arb_mat

        for index, node in enumerate(self.nodes[1:], 1):
            value, normal = self.values[node.parents[0]], self.normals[node.parents[0]]
            if isinstance(node.layer, AffineMap):
                weight, bias = self.layer(index)
                value = weight * value + bias
                if node.parents[0] == 0 and index < len(self.nodes) - 1 and node.layer.weight_radius is None:
                    normal = arb_mat(
                        len(node.layer.weight), self.free.size, node.layer.weight[:, self.free].ravel().tolist()
                    )
                else:
                    normal = weight * normal
            elif isinstance(node.layer, Activation):
                slope = self.slopes.get(index)
                if slope is not None:
                    value = column([s * v for s, v in zip(slope, value.entries(), strict=True)])
                    normal = _scaled_rows(slope, normal)
            else:
                for parent in node.parents[1:]:
                    value, normal = value + self.values[parent], normal + self.normals[parent]
            self.values.append(value)
            self.normals.append(normal)

    def preactivations(self, groups: CreaseGroups) -> tuple[list[Ball], list[list[Ball]]]:
        """(u, normals) of all creased neurons."""
        u: list[Ball] = []
        rows: list[list[Ball]] = []
        for node in groups.nodes:
            parent = self.nodes[node].parents[0]
            u += self.values[parent].entries()
            rows += self.normals[parent].tolist()
        return u, rows

    def cotangents(self, y: Any, rule: SlopeRule) -> tuple[Cotangent, dict[int, list[Ball]]]:
        """The way back from the cotangent ``y`` of the contrasts: what arrives at the input, and at every creased node.

        ``rule(node, cotangent)`` gives a creased node's slopes; children come before parents.
        """
        found: list[Any] = [None] * (len(self.nodes) - 1) + [y]
        at_creases: dict[int, list[Ball]] = {}
        parts: list[tuple[AffineMap, Any]] = []
        for index in range(len(self.nodes) - 1, 0, -1):
            node, here = self.nodes[index], found[index]
            if here is None:
                continue
            if isinstance(node.layer, AffineMap):
                if node.parents[0] == 0:
                    from_here = here if index < len(self.nodes) - 1 else _transposed(self.contrasts) * here
                    parts.append((node.layer, from_here))
                    continue
                here = self.layer(index)[0].transpose() * here
            elif index in self.slopes:
                at_creases[index] = here.entries()
                here = column([s * c for s, c in zip(rule(index, at_creases[index]), at_creases[index], strict=True)])
            for parent in node.parents:
                found[parent] = here if found[parent] is None else found[parent] + here
        return Cotangent(self.values[0].nrows(), parts, found[0]), at_creases


@dataclass(frozen=True, eq=False)
class Cotangent:
    """A gradient over the ``n`` inputs: the sum of W^T y over ``parts`` (W, y), and ``direct`` (None: nothing)."""

    n: int
    parts: list[tuple[AffineMap, Any]]
    direct: Any

    def enclosed(self) -> Interval:
        """All entries in doubles rounded outward, (n,)."""
        total = MidRad.exact(np.zeros(self.n))
        if self.direct is not None:
            total = total + MidRad.from_interval(interval(self.direct.entries()))
        for layer, y in self.parts:
            radius = np.zeros_like(layer.weight) if layer.weight_radius is None else layer.weight_radius
            total = total + product(MidRad(layer.weight, radius).T, MidRad.from_interval(interval(y.entries())))
        return total.to_interval()

    def entries(self, chosen: np.ndarray) -> list[Ball]:
        """Some entries in balls."""
        from flint import arb, arb_mat

        total = column([0 if self.direct is None else self.direct.entries()[i] for i in chosen.tolist()])
        for layer, y in self.parts:
            rows = layer.weight[:, chosen].T.tolist()
            if layer.weight_radius is not None:
                radii = layer.weight_radius[:, chosen].T.tolist()
                rows = [[arb(w, r) for w, r in zip(*pair, strict=True)] for pair in zip(rows, radii, strict=True)]
            total = total + (arb_mat(rows) * y if rows else column([]))
        return total.entries()


def _transposed(contrasts: np.ndarray) -> Any:
    from flint import arb_mat

    return arb_mat(contrasts.T.tolist())


def _unit_columns(n: int, free: np.ndarray) -> Any:
    from flint import arb_mat

    found = arb_mat(n, free.size)
    for place, i in enumerate(free.tolist()):
        found[i, place] = 1
    return found


def _scaled_rows(slopes: list[Ball], normal: Any) -> Any:
    from flint import arb_mat

    if not normal.ncols():
        return normal
    return arb_mat([[s * entry for entry in row] for s, row in zip(slopes, normal.tolist(), strict=True)])
