"""Values, gradients and Hessian-vector products of numpy rows with trees of pairs as single steps (§1).

A largest entry passes its cotangent to the first entry that attains it. The tangent of p_j y, what a logarithm of a sum of
exponentials passes to x_j, has the part p_j (v_j - dL v) y from the bend of L.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.networks.joined_exponentials import Exponentials
from separatrix.networks.joined_pairs import Joined
from separatrix.networks.layers import Node
from separatrix.networks.propagation import Parameters, Propagation


class JoinedPropagation(Propagation):
    """One forward pass of numpy rows through the nodes of :func:`.joined_pairs.joined`, for the derivatives by batches.

    ``values`` and the like are by those nodes; dense Jacobians and Hessians are the plain :class:`Propagation`'s.
    """

    def __init__(self, nodes: Sequence[Node], parameters: Parameters, x: np.ndarray) -> None:
        self._places: dict[int, np.ndarray] = {}
        self._exponentials: dict[int, Exponentials] = {}
        super().__init__(nodes, parameters, x)

    def _value(self, index: int, parents: list[np.ndarray]) -> np.ndarray:
        layer = self.nodes[index].layer
        if not isinstance(layer, Joined):
            return super()._value(index, parents)
        x = _doubles(parents[0])
        if layer.is_soft:
            self._exponentials[index] = Exponentials(layer, x)
            return self._exponentials[index].logarithm.astype(parents[0].dtype, copy=False)
        from separatrix.networks.joined_kernels import largest

        found = np.empty((len(x), layer.signs.size))
        self._places[index] = np.empty(found.shape, np.int64)
        largest(layer.windows, layer.signs, x, found, self._places[index])
        return found.astype(parents[0].dtype, copy=False)

    def _pull(self, index: int, y: np.ndarray) -> list[np.ndarray]:
        layer = self.nodes[index].layer
        if not isinstance(layer, Joined):
            return super()._pull(index, y)
        if layer.is_soft:
            return [self._exponentials[index].passed(_doubles(y)).astype(y.dtype, copy=False)]
        from separatrix.networks.joined_kernels import add_to_places

        found = np.empty((len(y), layer.n_inputs))
        add_to_places(self._places[index], _doubles(y), found)
        return [found.astype(y.dtype, copy=False)]

    def _push(self, index: int, parents: list[np.ndarray]) -> np.ndarray:
        layer = self.nodes[index].layer
        if not isinstance(layer, Joined):
            return super()._push(index, parents)
        v = np.broadcast_to(parents[0], (len(self.x), layer.n_inputs))  # one direction may serve all rows
        if not layer.is_soft:
            return np.take_along_axis(v, self._places[index], axis=1)
        return self._exponentials[index].averages(_doubles(v)).astype(v.dtype, copy=False)

    def _bend(self, index: int, tangents: list[np.ndarray], cotangent: np.ndarray) -> np.ndarray | None:
        layer = self.nodes[index].layer
        if not isinstance(layer, Joined):
            return super()._bend(index, tangents, cotangent)
        if not layer.is_soft:
            return None
        known, v = self._exponentials[index], tangents[self.nodes[index].parents[0]]
        found = v * known.passed(_doubles(cotangent))
        found -= known.passed(_doubles(cotangent * tangents[index]))
        return found.astype(cotangent.dtype, copy=False)


def _doubles(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x, np.float64)
