"""Networks with one layer of creases in canonical form: contrasts z = A0 x + b0 + V relu(W x + b) (§5).

A leaky ReLU is a u + (1 - a) relu(u). Neurons whose creases are one hyperplane, rows (w, b) proportional exactly, are one
crease: relu(a u) = a relu(u) for a > 0 and -a (relu(u) - u) for a < 0. Left apart they would make the least-norm problem
on the crease singular.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from separatrix.flow.piecewise_linear.creases import crease_nodes
from separatrix.networks.layers import Activation, AffineMap, Sum
from separatrix.networks.network import Network
from separatrix.potentials.base import Potential
from separatrix.potentials.head import NetworkPotential
from separatrix.potentials.log_density import LogSumExp
from separatrix.potentials.margin import Coordinate

ALIKE = 1e-9


@dataclass(frozen=True, eq=False)
class OneLayer:
    """f(x) = Phi(z), z = ``base`` x + ``constant`` + ``output``^T relu(``weight`` x + ``bias``).

    ``base`` (k, n), ``constant`` (k,), ``weight`` (m, n), ``bias`` (m,), ``output`` (m, k), for n inputs, k contrasts and m
    creases. Phi = ``sign`` log sum exp z, which is ``sign`` z for k = 1. ``neurons``: for every crease the numbers of the
    network's neurons that have it; neurons that are constant, or do not reach the contrasts, have none.
    """

    base: np.ndarray
    constant: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    output: np.ndarray
    sign: float
    neurons: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, potential: Potential) -> OneLayer | None:
        """The canonical form of ``potential``, or None: another head than log-sum-exp or a margin, more layers, overflow.

        >>> from separatrix import Network, margin
        >>> net = Network.from_arrays([[[1.0], [-2.0]], [[1.0, 0.5], [0.0, 0.0]]], [[0.5, -1.0], [0.0, 0.0]])
        >>> form = OneLayer.of(margin(net, 0, 1))
        >>> form.neurons, form.output.tolist(), form.base.tolist(), form.constant.tolist()
        ((array([0, 1]),), [[2.0]], [[-1.0]], [-0.5])
        """
        if not isinstance(potential, NetworkPotential) or not isinstance(potential.head, (LogSumExp, Coordinate)):
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            parts = _affine_parts(potential.graph)
            if parts is None:
                return None
            arrays = _merged(*parts)
        if not all(np.isfinite(array).all() for array in arrays[:5]):
            return None
        sign = potential.head.sign if isinstance(potential.head, LogSumExp) else 1.0
        return cls(*arrays[:5], sign, arrays[5])

    @property
    def is_linear(self) -> bool:
        """Whether f is piecewise linear: one contrast."""
        return self.constant.shape[0] == 1

    @property
    def gradient_scale(self) -> float:
        """A bound of every coordinate of grad f, the unit in which a velocity counts as zero."""
        reach = np.abs(self.base).max(axis=0, initial=0.0)
        if self.weight.shape[0]:
            reach = reach + np.abs(self.output).max(axis=1) @ np.abs(self.weight)
        return float(reach.max(initial=0.0))


def _affine_parts(graph: Network) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]] | None:
    """((W, b), (A0, b0, V)) of a graph with one layer of creases, its leaky part moved to A0; None for other graphs."""
    creases = crease_nodes(graph)
    if len(creases) != 1:
        return None
    width, n = graph.widths[creases[0]], graph.n_inputs
    # every node's value is P x + Q relu(u) + r
    values = [(np.eye(n), np.zeros((n, width)), np.zeros(n))]
    hidden: tuple[np.ndarray, np.ndarray] | None = None
    for index, node in enumerate(graph.nodes[1:], 1):
        p, q, r = values[node.parents[0]]
        layer = node.layer
        if isinstance(layer, AffineMap):
            first = node.parents[0] == 0  # the product with the identity is the weight, without rounding
            values.append(
                (layer.weight if first else layer.weight @ p, layer.weight @ q, layer.weight @ r + layer.bias)
            )
        elif isinstance(layer, Sum):
            found = [values[parent] for parent in node.parents]
            values.append((sum(v[0] for v in found), sum(v[1] for v in found), sum(v[2] for v in found)))  # pyright: ignore[reportArgumentType]
        elif index == creases[0]:
            assert isinstance(layer, Activation)
            slope = layer.slope if layer.name == "leaky_relu" else 0.0
            hidden = p, r
            values.append((slope * p, (1.0 - slope) * np.eye(width), slope * r))
        elif isinstance(layer, Activation) and layer.name == "identity":
            values.append((p, q, r))
        else:
            return None
    assert hidden is not None
    p, q, r = values[-1]
    return hidden, (p, r, q)


def _merged(
    hidden: tuple[np.ndarray, ...], rest: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    """(base, constant, weight, bias, output, neurons) with constants moved away and proportional rows made one."""
    (weight, bias), (base, constant, out) = hidden, rest
    base, constant = base.copy(), constant.copy()
    flat = ~weight.any(axis=1)
    constant += out[:, flat] @ np.maximum(bias[flat], 0.0)
    kept, outputs, neurons = [], [], []
    for group in proportional_rows(np.column_stack([weight, bias]), np.flatnonzero(~flat)):
        lead, coordinate = group[0], int(np.argmax(np.abs(weight[group[0]])))
        total = out[:, lead].copy()
        for other in group[1:]:
            factor = weight[other, coordinate] / weight[lead, coordinate]
            total += abs(factor) * out[:, other]
            if factor < 0:
                base += factor * np.outer(out[:, other], weight[lead])
                constant += factor * bias[lead] * out[:, other]
        if total.any():
            kept.append(lead)
            outputs.append(total)
            neurons.append(np.array(group))
    output = np.array(outputs).reshape(len(kept), base.shape[0])
    arrays = base, constant, weight[kept].reshape(len(kept), weight.shape[1]), bias[kept], output
    return (*(np.ascontiguousarray(array) for array in arrays), tuple(neurons))  # pyright: ignore[reportReturnType]


def proportional_rows(rows: np.ndarray, chosen: np.ndarray) -> list[list[int]]:
    """Groups of those of ``chosen`` whose rows are multiples of one another, decided exactly; each in ascending order.

    >>> proportional_rows(np.array([[1.0, 2.0], [3.0, 1.0], [-0.5, -1.0], [1.0, 2.0 + 1e-15]]), np.arange(4))
    [[0, 2], [1], [3]]
    """
    groups: list[list[int]] = []
    shapes = np.zeros((0, rows.shape[1]))
    for row in chosen:
        shape = rows[row] / rows[row, np.argmax(np.abs(rows[row, :-1]))]
        near = np.flatnonzero((np.abs(shapes - shape) <= ALIKE * (1.0 + np.abs(shape))).all(axis=1))
        home = next((int(g) for g in near if _is_multiple(rows[groups[g][0]], rows[row])), None)
        if home is None:
            groups.append([int(row)])
            shapes = np.vstack([shapes, shape])
        else:
            groups[home].append(int(row))
    return groups


def _is_multiple(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the rows are proportional as rationals: every 2 x 2 minor with the pivot column vanishes."""
    pivot = int(np.argmax(np.abs(one[:-1])))
    if ((one == 0) != (other == 0)).any():
        return False
    a, b = Fraction(float(one[pivot])), Fraction(float(other[pivot]))
    return all(Fraction(float(p)) * b == Fraction(float(q)) * a for p, q in zip(one, other, strict=True))
