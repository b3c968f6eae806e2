"""A piecewise linear network as a chain of steps: an affine map, then creased coordinates and coordinates that pass on (§6).

Skip connections become coordinates that pass on with slope 1. Consecutive affine layers are composed in doubles with a
bound on the rounding; their exact factors are kept for the decisions that doubles leave open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.networks.activations import activation_function
from separatrix.networks.graph_folding import pruned
from separatrix.networks.layers import Activation, AffineMap, Node
from separatrix.networks.network import Network
from separatrix.surface.arrangement.exact_maps import exact_affine, exact_slopes
from separatrix.surface.arrangement.norms import TINIEST, gamma, norm_up, raised

Factor = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class LinearStep:
    """x -> s(W x + b): s multiplies coordinate i by ``slope[i]`` below zero; on the last step s is not applied.

    ``weight`` (m, k), ``bias`` (m,): doubles near the exact map; ``weight_radius`` (m,): bound on the 2-norm of exact row -
    row, ``bias_radius`` (m,), both 0 where the doubles are exact; ``slope`` (m,): 1 where a coordinate passes on without a
    crease; ``factors``: exact (W, b) in doubles whose composition, first applied first, is the exact map; ``is_last``: the
    rows are the logits or combinations of them, and all of them have signs.
    """

    weight: np.ndarray
    bias: np.ndarray
    weight_radius: np.ndarray
    bias_radius: np.ndarray
    slope: np.ndarray
    factors: tuple[Factor, ...]
    is_last: bool = False

    @cached_property
    def creased(self) -> np.ndarray:
        """The coordinates that have signs, in the order of their bits."""
        return np.arange(self.bias.size) if self.is_last else np.flatnonzero(self.slope != 1.0)

    @property
    def n_signs(self) -> int:
        """Number of coordinates that have signs."""
        return self.creased.size

    @property
    def words(self) -> int:
        """Number of 64-bit words of its signs."""
        return -(-self.n_signs // 64)

    @cached_property
    def exact(self) -> Any:
        """The exact map as a flint integer matrix (m + 1, k + 1), up to a positive factor; its last row carries the 1."""
        return exact_affine(self.factors)

    @cached_property
    def exact_slopes(self) -> tuple[list[int], int]:
        """Slopes below zero as integers over a common positive denominator: (numerators (m,), denominator)."""
        return exact_slopes(self.slope)


def first_words(steps: Sequence[LinearStep]) -> list[int]:
    """The word at which the bits of every step begin, and one more: the number of words. Word 0 holds the box's faces."""
    found = [1]
    for step in steps:
        found.append(found[-1] + step.words)
    return found


def linear_steps(network: Network, rows: Any = None) -> list[LinearStep]:
    """The steps of ``network``; the last one holds the logits, or their integer combinations ``rows`` (r, n_classes).

    Raises InputError for activations that are not piecewise linear, for weights that are known only up to a rounding, and for
    rows of another shape or with entries that are not integers below 2^53.
    """
    nodes = _checked(network)
    uses = _last_uses(nodes)
    live, width, factors, steps = [0], {0: network.n_inputs}, [], []
    for index, node in enumerate(nodes[1:], 1):
        parents = node.parents
        width[index] = node.layer.output_width([width[p] for p in parents])
        kept = [p for p in live if uses[p] > index]
        factors += _factor(node, live, kept, width, index)
        live = [*kept, index]
        layer = node.layer
        if isinstance(layer, Activation) and layer.name != "identity" and _left_slope(layer) != 1.0:
            slope = np.ones(sum(width[i] for i in live))
            slope[slope.size - width[index] :] = _left_slope(layer)
            steps.append(_step(factors, slope, is_last=False))
            factors = []
    outputs = network.n_classes
    if rows is not None:
        factors.append((_integer_rows(rows, outputs), np.zeros(len(rows))))
    if not factors:
        factors.append((np.eye(outputs), np.zeros(outputs)))
    return [*steps, _step(factors, np.ones(factors[-1][1].size), is_last=True)]


def _checked(network: Network) -> list[Node]:
    if not network.is_piecewise_linear:
        smooth = sorted({name for name in network.activations if not activation_function(name).is_piecewise_linear})
        raise InputError(
            f"expected a piecewise linear network (relu, leaky_relu, identity), came activations {', '.join(smooth)}; "
            "smooth networks have no cells: use their certified surface instead"
        )
    nodes = pruned(network.nodes, len(network.nodes) - 1)
    for node in nodes[1:]:
        layer = node.layer
        if isinstance(layer, AffineMap) and (layer.weight_radius is not None or layer.bias_radius is not None):
            raise InputError(
                "the weights of this network are known only up to a rounding, so that its signs cannot be decided; "
                "start from the network as it was read and pass combinations of logits as rows"
            )
    return nodes


def _left_slope(layer: Activation) -> float:
    return {"relu": 0.0, "identity": 1.0}.get(layer.name, layer.slope)


def _last_uses(nodes: Sequence[Node]) -> list[int]:
    """The last node that takes each node's value."""
    found = [0] * len(nodes)
    for index, node in enumerate(nodes):
        for parent in node.parents:
            found[parent] = index
    return found


def _integer_rows(rows: Any, outputs: int) -> np.ndarray:
    array = np.asarray(rows)
    if array.ndim != 2 or array.shape[1] != outputs or array.shape[0] < 1 or array.dtype.kind not in "iuf":
        raise InputError(
            f"expected rows of integers of shape (r, {outputs}), one column a logit, came shape {array.shape} "
            f"of {array.dtype}"
        )
    numbers = array.astype(np.float64)
    if not (np.abs(numbers) < 2.0**53).all() or (numbers != np.rint(numbers)).any():
        raise InputError("expected integers below 2^53 as coefficients of logits; multiply fractions out first")
    return numbers


def _factor(node: Node, live: list[int], kept: list[int], width: dict[int, int], index: int) -> list[Factor]:
    """The map from the values of the nodes in ``live`` to those in ``kept`` and the new node's, before its crease."""
    if live == list(node.parents) and len(live) == 1 and not kept:
        return [(node.layer.weight, node.layer.bias)] if isinstance(node.layer, AffineMap) else []
    starts, at = {}, 0
    for i in live:
        starts[i], at = at, at + width[i]
    weight = np.zeros((sum(width[i] for i in kept) + width[index], at))
    bias = np.zeros(weight.shape[0])
    row = 0
    for i in kept:
        weight[row : row + width[i], starts[i] : starts[i] + width[i]] = np.eye(width[i])
        row += width[i]
    for parent in node.parents:
        columns = slice(starts[parent], starts[parent] + width[parent])
        if isinstance(node.layer, AffineMap):
            weight[row:, columns], bias[row:] = node.layer.weight, node.layer.bias
        else:
            weight[row:, columns] += np.eye(width[index])
    return [(weight, bias)]


def _step(factors: Sequence[Factor], slope: np.ndarray, *, is_last: bool) -> LinearStep:
    """The factors composed in doubles: |fl(W V) - W V| <= gamma |W| |V| entry by entry, and |W| times V's own radius."""
    if not factors:
        size = slope.size
        return _step([(np.eye(size), np.zeros(size))], slope, is_last=is_last)
    weight, bias = (np.ascontiguousarray(part, dtype=np.float64) for part in factors[0])
    radius, bias_radius = np.zeros(bias.size), np.zeros(bias.size)
    for w, b in factors[1:]:
        with np.errstate(all="ignore"):
            size, k = np.abs(w), 0 if _is_exact(w, b, weight, bias) else w.shape[1]
            radius, bias_radius = size @ radius, size @ bias_radius
            if k:
                lost = k * TINIEST * np.sqrt(float(weight.shape[1]))
                spread = norm_up(raised(size @ np.abs(weight), k))
                radius = raised(gamma(k) * spread + radius + lost, k + 8)
                most = raised(size @ np.abs(bias) + np.abs(b), k + 1)
                bias_radius = raised(gamma(k + 1) * most + bias_radius + lost, k + 8)
            else:
                radius, bias_radius = (np.where(r > 0, raised(r, w.shape[1]), r) for r in (radius, bias_radius))
            weight, bias = w @ weight, w @ bias + b
        lost_rows = ~(np.isfinite(weight).all(axis=1) & np.isfinite(bias))
        weight[lost_rows], bias[lost_rows] = 0.0, 0.0
        radius[lost_rows] = bias_radius[lost_rows] = np.inf
    return LinearStep(weight, bias, radius, bias_radius, slope, tuple(factors), is_last)


def _is_exact(w: np.ndarray, b: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> bool:
    """Whether doubles compose the maps without rounding: entries are sums of one term, which has the factor 1 or -1."""
    if not np.isin(w, (-1.0, 0.0, 1.0)).all():
        return False
    present = (w != 0).astype(np.float64)
    terms = present @ (np.column_stack([weight, bias]) != 0).astype(np.float64)
    terms[:, -1] += b != 0
    return bool((terms <= 1).all())
