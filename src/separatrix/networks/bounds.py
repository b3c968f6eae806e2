"""Rigorous enclosures of values and derivatives through a network graph over boxes (§8).

The passes of :mod:`separatrix.networks.propagation` in interval arithmetic: affine layers as midpoint-radius products with
an a-priori bound on their rounding, activations by proved ranges of s, s' and s''. The Hessian is the adjoint form (2.4).
"""

from __future__ import annotations

import numpy as np

from separatrix.networks.layers import Activation, Affine, AffineMap
from separatrix.networks.network import Network
from separatrix.networks.structured_map import StructuredMap
from separatrix.numerics.activation_ranges import activation_range
from separatrix.numerics.balls import MidRad, product, structured_product
from separatrix.numerics.intervals import Interval


class BoundPropagation:
    """Enclosures of every node's value for the inputs in each row of the interval ``x`` (n, inputs)."""

    def __init__(self, network: Network, x: Interval) -> None:
        self.nodes = network.nodes
        self.values: list[Interval] = [x]
        for index, node in enumerate(self.nodes[1:], 1):
            layer = node.layer
            if isinstance(layer, AffineMap):
                self.values.append(_through(self.values[node.parents[0]], layer) + _bias_of(layer))
            elif isinstance(layer, Activation):
                self.values.append(self._range(index, 0))
            else:
                self.values.append(_total([self.values[i] for i in node.parents]))
        self._slopes: dict[int, Interval] = {}

    @property
    def output(self) -> Interval:
        """Enclosures of the outputs, (n, width)."""
        return self.values[-1]

    def _range(self, index: int, order: int) -> Interval:
        node = self.nodes[index]
        layer = node.layer
        assert isinstance(layer, Activation)
        u = self.values[node.parents[0]]
        return Interval(*activation_range(layer.name, order, u.lower, u.upper, slope=layer.slope))

    def slope(self, index: int) -> Interval:
        """Enclosure of s'(u) at activation node ``index``."""
        if index not in self._slopes:
            self._slopes[index] = self._range(index, 1)
        return self._slopes[index]

    def curvature(self, index: int) -> Interval:
        """Enclosure of s''(u) at activation node ``index``; the whole line where a crease may be met: no Hessian."""
        layer, u = self.nodes[index].layer, self.values[self.nodes[index].parents[0]]
        assert isinstance(layer, Activation)
        if layer.name in ("relu", "leaky_relu"):
            met = (u.lower <= 0) & (u.upper >= 0)
            return Interval(np.where(met, -np.inf, 0.0), np.where(met, np.inf, 0.0))
        return self._range(index, 2)

    def cotangents(self, y: Interval) -> list[Interval | None]:
        """Enclosures of the derivatives of Phi by every node's value, ``y`` enclosing grad Phi; entry 0: the gradient."""
        found: list[Interval | None] = [None] * (len(self.nodes) - 1) + [y]
        for index in range(len(self.nodes) - 1, 0, -1):
            node, here = self.nodes[index], found[index]
            if here is None:
                continue
            if isinstance(node.layer, AffineMap):
                here = _pulled(here, node.layer)
            elif isinstance(node.layer, Activation):
                here = self.slope(index) * here
            for parent in node.parents:
                before = found[parent]
                found[parent] = here if before is None else before + here
        return found

    def jacobians(self, basis: np.ndarray | None) -> list[MidRad]:
        """Enclosures of d value / d x . ``basis`` (inputs, k) for every node, each (n, width, k); None: all unit vectors."""
        n, dim = self.values[0].shape
        every = basis is None
        basis = np.eye(dim) if basis is None else basis
        found = [MidRad(np.broadcast_to(basis, (n, *basis.shape)), np.zeros((n, *basis.shape)))]
        for index, node in enumerate(self.nodes[1:], 1):
            if isinstance(node.layer, StructuredMap):
                found.append(columns_through(node.layer, found[node.parents[0]]))
            elif isinstance(node.layer, Affine) and every and node.parents[0] == 0:
                weight = weight_of(node.layer)
                found.append(MidRad(*(np.broadcast_to(part, (n, *part.shape)) for part in (weight.mid, weight.rad))))
            elif isinstance(node.layer, Affine) and node.parents[0] == 0:
                used = np.flatnonzero(basis.any(axis=1))  # the others add exact zeros: most pixels are on faces
                found.append(product(weight_of(node.layer)[:, used], found[0][:, used]))
            elif isinstance(node.layer, Affine):
                found.append(product(weight_of(node.layer), found[node.parents[0]]))
            elif isinstance(node.layer, Activation):
                found.append(found[node.parents[0]].multiply(_column(self.slope(index))))
            else:
                total = found[node.parents[0]]
                for parent in node.parents[1:]:
                    total = total + found[parent]
                found.append(total)
        return found

    def hessian(
        self, cotangents: list[Interval | None], outer: Interval, left: np.ndarray | None, right: np.ndarray | None
    ) -> MidRad:
        """An enclosure of left^T Hess f right for matrices (inputs, k) and (inputs, l) of doubles: (n, k, l).

        None stands for the unit matrix.

        ``cotangents`` come from :meth:`cotangents`; ``outer`` (n, m, m) encloses Hess Phi.
        """
        from_left = self.jacobians(left)
        from_right = from_left if right is left else self.jacobians(right)
        total = product(from_left[-1].mT, product(MidRad.from_interval(outer), from_right[-1]))
        for index, node in enumerate(self.nodes[1:], 1):
            layer, y = node.layer, cotangents[index]
            if isinstance(layer, Activation) and layer.name != "identity" and y is not None:
                weight = self.curvature(index) * y
                if not weight.magnitude.any():
                    continue
                parent = node.parents[0]
                total = total + product(from_left[parent].mT, from_right[parent].multiply(_column(weight)))
        return total


def predictions_proved(network: Network, x: Interval, classes: np.ndarray) -> np.ndarray:
    """Whether ``classes[i]`` is proved to be the prediction at every point of row i of ``x`` (n, inputs), (n,)."""
    found = np.zeros(len(classes), dtype=bool)
    for start in range(0, len(classes), network.rows_at_once):
        part = slice(start, start + network.rows_at_once)
        logits = BoundPropagation(network, x[part]).output
        rows, others = np.arange(len(logits.lower)), logits.upper.copy()
        others[rows, classes[part]] = -np.inf
        found[part] = logits.lower[rows, classes[part]] > others.max(axis=1)
    return found


def weight_of(layer: AffineMap) -> MidRad:
    """The weight of a layer with its radius."""
    radius = np.zeros_like(layer.weight) if layer.weight_radius is None else layer.weight_radius
    return MidRad(layer.weight, radius)


def _bias_of(layer: AffineMap) -> Interval:
    if layer.bias_radius is None:
        return Interval.point(layer.bias)
    return Interval.around(layer.bias, layer.bias_radius)


def _through(x: Interval, layer: AffineMap) -> Interval:
    if isinstance(layer, Affine):
        return product(MidRad.from_interval(x), weight_of(layer).T).to_interval()
    return structured_product(MidRad.from_interval(x), layer.linear, layer.magnitude, layer.terms).to_interval()


def _pulled(y: Interval, layer: AffineMap) -> Interval:
    if isinstance(layer, Affine):
        return product(MidRad.from_interval(y), weight_of(layer)).to_interval()
    return structured_product(MidRad.from_interval(y), layer.pull, layer.pull_magnitude, layer.pull_terms).to_interval()


def columns_through(layer: StructuredMap, x: MidRad) -> MidRad:
    """Enclosures of W X for matrices X (n, in, k): (n, out, k)."""
    n, width, k = x.shape
    first_only = n > 1 and not x.mid.strides[0] and not x.rad.strides[0]  # one matrix, shown n times
    seen = x[:1] if first_only else x
    rows = seen.mT.reshape(len(seen.mid) * k, width)
    found = structured_product(rows, layer.linear, layer.magnitude, layer.terms)
    found = found.reshape(len(seen.mid), k, layer.n_outputs).mT
    if first_only:
        return MidRad(*(np.broadcast_to(part, (n, *part.shape[1:])) for part in (found.mid, found.rad)))
    return found


def _column(x: Interval) -> MidRad:
    return MidRad.from_interval(x.reshape((*x.shape, 1)))


def _total(parts: list[Interval]) -> Interval:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
