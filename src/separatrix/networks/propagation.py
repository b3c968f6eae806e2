"""Values, gradients, Hessian-vector products and Hessians through a network graph, in batches (§2).

One code for numpy arrays and torch tensors. Rows are points. For a potential f = Phi(z(x)) with cotangent y = grad Phi
and d_l = s'(u_l), the backward pass gives grad f; the tangent of both passes gives Hess f v; and the dense Hessian on a set
of coordinates F is the adjoint form

    H_FF = sum_l J_l^T diag(y_l * s''(u_l)) J_l + J_z^T Hess Phi J_z,    J_l = d u_l / d x_F,  y_l = df / d s(u_l).    (2.4)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import array_api_compat
import numpy as np

from separatrix.networks.layers import Activation, Affine, AffineMap, Node, Sum
from separatrix.networks.structured_layers import Convolution
from separatrix.networks.windows import with_channels

Array = Any
LARGEST_BY_ROW = 2**18


def namespace(x: Array) -> Any:
    """The array API name space of ``x`` (numpy or torch)."""
    return array_api_compat.array_namespace(x)


def constant(array: np.ndarray, like: Array) -> Array:
    """``array`` as an array of the library, dtype and device of ``like``."""
    if isinstance(like, np.ndarray):
        return array.astype(like.dtype, copy=False)
    # PyTorch warns of memory that may not be written, hence the copy
    return namespace(like).asarray(np.array(array), dtype=like.dtype, device=array_api_compat.device(like))


class Parameters:
    """The weights of a graph as arrays of one name space, dtype and device, converted once.

    ``by_row``: numpy rows go through dense layers one after the other, so that a row has the same bits in every batch, as
    it has in convolutions; large layers, whose weights pass through the cache for every row then, go in batches all the same.
    """

    def __init__(self, by_row: bool = False) -> None:
        self.by_row = by_row
        self._converted: dict[tuple[str, str, str, int], tuple[Array, Array]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"by_row": self.by_row, "_converted": {}}

    def linear(self, layer: AffineMap, x: Array) -> Array:
        """W x for the rows of ``x``."""
        return self._products(x, self.of(layer, x)[0].T) if isinstance(layer, Affine) else layer.linear(x)

    def pull(self, layer: AffineMap, y: Array) -> Array:
        """W^T y for the rows of ``y``."""
        return self._products(y, self.of(layer, y)[0]) if isinstance(layer, Affine) else layer.pull(y)

    def _products(self, x: Array, matrix: Array) -> Array:
        """``x`` times ``matrix`` (in, out)."""
        if self.by_row and isinstance(x, np.ndarray) and matrix.size <= LARGEST_BY_ROW:
            return np.matmul(x[:, None, :], matrix)[:, 0, :]
        return x @ matrix

    def affine(self, layer: AffineMap, x: Array) -> Array:
        """W x + b for the rows of ``x``."""
        if isinstance(layer, Affine):
            weight, bias = self.of(layer, x)
            return self._products(x, weight.T) + bias
        if isinstance(layer, Convolution):
            return with_channels(layer.linear(x), constant(layer.channel_bias, x))
        return layer.linear(x) + constant(layer.bias, x)

    def columns(self, layer: AffineMap, x: Array) -> Array:
        """W x for the columns of matrices (n, in, k): (n, out, k)."""
        if isinstance(layer, Affine):
            return self.of(layer, x)[0] @ x
        n, width, k = x.shape
        found = layer.linear(namespace(x).reshape(x.mT, (n * k, width)))
        return namespace(x).reshape(found, (n, k, layer.n_outputs)).mT

    def of(self, layer: Affine, like: Array) -> tuple[Array, Array]:
        """(weight, bias) of a dense layer as arrays like ``like``."""
        if isinstance(like, np.ndarray) and like.dtype == np.float64:
            return layer.weight, layer.bias
        xp = namespace(like)
        key = (xp.__name__, str(like.dtype), str(array_api_compat.device(like)), id(layer))
        if key not in self._converted:
            self._converted[key] = constant(layer.weight, like), constant(layer.bias, like)
        return self._converted[key]


def value_of(node: Node, parents: Sequence[Array], parameters: Parameters) -> Array:
    """The value of a node from those of its parents."""
    layer, first = node.layer, parents[0]
    if isinstance(layer, AffineMap):
        return parameters.affine(layer, first)
    if isinstance(layer, Activation):
        return layer.function.value(namespace(first), first, layer.slope)
    return sum(parents)


class Propagation:
    """One forward pass of the rows of ``x`` (n, inputs), kept for the derivatives that follow."""

    def __init__(self, nodes: Sequence[Node], parameters: Parameters, x: Array) -> None:
        self.nodes, self.parameters, self.x = nodes, parameters, x
        self.xp = namespace(x)
        self.values: list[Array] = [x]
        self._first: dict[int, Array] = {}
        for index, node in enumerate(nodes[1:], 1):
            self.values.append(self._value(index, [self.values[i] for i in node.parents]))

    def _value(self, index: int, parents: list[Array]) -> Array:
        return value_of(self.nodes[index], parents, self.parameters)

    @property
    def output(self) -> Array:
        """Values of the last node, (n, width)."""
        return self.values[-1]

    def slope(self, index: int) -> Array:
        """s'(u) at activation node ``index``."""
        if index not in self._first:
            layer = self.nodes[index].layer
            assert isinstance(layer, Activation)
            u = self.values[self.nodes[index].parents[0]]
            self._first[index] = layer.function.first(self.xp, u, self.values[index], layer.slope)
        return self._first[index]

    def curvature(self, index: int) -> Array:
        """s''(u) at activation node ``index``."""
        layer = self.nodes[index].layer
        assert isinstance(layer, Activation)
        u = self.values[self.nodes[index].parents[0]]
        return layer.function.second(self.xp, u, self.values[index], layer.slope)

    def cotangents(self, y: Array) -> list[Array]:
        """Derivatives of y . output by every node's value; entry 0 is the gradient by x, (n, inputs)."""
        found: list[Array] = [None] * (len(self.nodes) - 1) + [y]
        for index in range(len(self.nodes) - 1, 0, -1):
            node = self.nodes[index]
            if found[index] is None:
                continue
            for parent, part in zip(node.parents, self._pull(index, found[index]), strict=True):
                found[parent] = part if found[parent] is None else found[parent] + part
        if found[0] is None:
            found[0] = self.xp.zeros_like(self.x)
        return found

    def _pull(self, index: int, y: Array) -> list[Array]:
        node = self.nodes[index]
        if isinstance(node.layer, AffineMap):
            return [self.parameters.pull(node.layer, y)]
        if isinstance(node.layer, Activation):
            return [self.slope(index) * y]
        return [y] * len(node.parents)

    def tangents(self, v: Array) -> list[Array]:
        """Directional derivatives of every node's value along the rows of ``v`` (n, inputs)."""
        found = [v]
        for index, node in enumerate(self.nodes[1:], 1):
            found.append(self._push(index, [found[i] for i in node.parents]))
        return found

    def _push(self, index: int, parents: list[Array]) -> Array:
        """The tangent at a node from those of its parents."""
        layer = self.nodes[index].layer
        if isinstance(layer, AffineMap):
            return self.parameters.linear(layer, parents[0])
        return self.slope(index) * parents[0] if isinstance(layer, Activation) else sum(parents)

    def second_cotangents(self, cotangents: list[Array], tangents: list[Array], y_tangent: Array) -> Array:
        """The tangent of the backward pass: Hess f v, (n, inputs), for y = grad Phi with tangent ``y_tangent``."""
        found: list[Array] = [None] * (len(self.nodes) - 1) + [y_tangent]
        for index in range(len(self.nodes) - 1, 0, -1):
            node = self.nodes[index]
            if found[index] is None:
                continue
            parts = self._pull(index, found[index])
            bent = self._bend(index, tangents, cotangents[index])
            if bent is not None:
                parts = [parts[0] + bent]
            for parent, part in zip(node.parents, parts, strict=True):
                found[parent] = part if found[parent] is None else found[parent] + part
        return found[0] if found[0] is not None else self.xp.zeros_like(self.x)

    def _bend(self, index: int, tangents: list[Array], cotangent: Array) -> Array | None:
        """The derivative of a node's slope along the tangents, times its cotangent; None: it does not bend."""
        layer = self.nodes[index].layer
        if not isinstance(layer, Activation) or layer.function.is_piecewise_linear:
            return None
        return self.curvature(index) * tangents[self.nodes[index].parents[0]] * cotangent

    def jacobians(self, basis: Array) -> list[Array]:
        """d value / d x . ``basis`` for every node: (n, width, k).

        ``basis`` is a matrix (inputs, k), or a vector of k coordinate numbers, which stands for those unit vectors.
        """
        n, xp = self.x.shape[0], self.xp
        picks = basis.ndim == 1
        first = _unit_vectors(self.x.shape[1], basis) if picks else basis
        found = [xp.broadcast_to(constant(first, self.x), (n, *first.shape))]
        for index, node in enumerate(self.nodes[1:], 1):
            parent = found[node.parents[0]]
            if isinstance(node.layer, Affine) and node.parents[0] == 0:
                weight = self.parameters.of(node.layer, self.x)[0]
                inner = weight[:, basis] if picks else weight @ basis
                found.append(xp.broadcast_to(inner, (n, *inner.shape)))
            elif isinstance(node.layer, AffineMap) and node.parents[0] == 0:
                inner = self.parameters.columns(node.layer, parent[:1])[0]
                found.append(xp.broadcast_to(inner, (n, *inner.shape)))
            elif isinstance(node.layer, AffineMap):
                found.append(self.parameters.columns(node.layer, parent))
            elif isinstance(node.layer, Activation):
                found.append(self.slope(index)[:, :, None] * parent)
            else:
                found.append(sum(found[i] for i in node.parents))
        return found

    def hessians(self, cotangents: list[Array], basis: Array, outer: Array) -> Array:
        """basis^T Hess f basis by (2.4), (n, k, k); ``outer`` = Hess Phi, (n, outputs, outputs)."""
        jacobians = self.jacobians(basis)
        last = jacobians[-1]
        total = last.mT @ (outer @ last)
        for index, node in enumerate(self.nodes[1:], 1):
            layer = node.layer
            if (
                isinstance(layer, Activation)
                and not layer.function.is_piecewise_linear
                and cotangents[index] is not None
            ):
                inner = jacobians[node.parents[0]]
                weight = self.curvature(index) * cotangents[index]
                total = total + inner.mT @ (weight[:, :, None] * inner)
        return 0.5 * (total + total.mT)


def _unit_vectors(dim: int, numbers: np.ndarray) -> np.ndarray:
    found = np.zeros((dim, numbers.size))
    found[numbers, np.arange(numbers.size)] = 1.0
    return found


def chain_of(nodes: Sequence[Node]) -> bool:
    """Whether every node feeds only the next one."""
    return all(
        node.parents == (index - 1,) and not isinstance(node.layer, Sum) for index, node in enumerate(nodes[1:], 1)
    )
