"""A piecewise linear network as a chain of steps: an affine map, then creased coordinates and coordinates that pass on (§6).

Skip connections become coordinates that pass on with slope 1. Consecutive affine layers are composed in doubles with a
bound on the rounding; their exact factors are kept for the decisions that doubles leave open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.networks.activations import activation_function
from separatrix.networks.graph_folding import pruned
from separatrix.networks.layers import Activation, AffineMap, Node
from separatrix.networks.network import Network
from separatrix.networks.structured_map import StructuredMap
from separatrix.surface.arrangement.equal_coordinates import after_crease, merged
from separatrix.surface.arrangement.exact_maps import ExactFactor, Factor, SparseExact, exact_affine, exact_slopes
from separatrix.surface.arrangement.step_composition import composed

DENSE = 1 << 21  # entries of a matrix that is kept dense


@dataclass(frozen=True, eq=False)
class LinearStep:
    """x -> s(W x + b): s multiplies coordinate i by ``slope[i]`` below zero; on the last step s is not applied.

    ``weight`` (m, k), ``bias`` (m,): doubles near the exact map; ``weight_radius`` (m,): bound on the 2-norm of exact row -
    row, ``bias_radius`` (m,), both 0 where the doubles are exact; ``slope`` (m,): 1 where a coordinate passes on without a
    crease; ``factors``: exact (W, b) in doubles, W an array or a scipy CSR array, whose composition, first applied first, is
    the exact map; ``is_last``: the
    rows are the logits or combinations of them, and all of them have signs.
    """

    weight: np.ndarray
    bias: np.ndarray
    weight_radius: np.ndarray
    bias_radius: np.ndarray
    slope: np.ndarray
    factors: tuple[Factor, ...]
    is_last: bool = False
    kept_forms: Any = field(default=None, init=False, repr=False)

    @cached_property
    def creased(self) -> np.ndarray:
        """The coordinates that have signs, in the order of their bits."""
        return np.arange(self.bias.size) if self.is_last else np.flatnonzero(self.slope != 1.0)

    @property
    def n_signs(self) -> int:
        """Number of coordinates that have signs."""
        return self.creased.size

    @cached_property
    def share(self) -> float:
        """The share of the weight's entries that are not 0."""
        return np.count_nonzero(self.weight) / max(self.weight.size, 1)

    @cached_property
    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The weight's entries that are not 0, column by column: starts (k + 1,), rows, entries."""
        column, row = np.nonzero(self.weight.T)
        starts = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=self.weight.shape[1]))])
        return starts.astype(np.int64), row, self.weight[row, column]

    @cached_property
    def repeats(self) -> np.ndarray:
        """The rows that repeat an earlier one up to a factor, as ``repeated_rows`` finds them."""
        from separatrix.surface.arrangement.repeated_rows import repeated_rows

        return repeated_rows(self)

    @property
    def words(self) -> int:
        """Number of 64-bit words of its signs."""
        return -(-self.n_signs // 64)

    @cached_property
    def exact_factors(self) -> list[ExactFactor]:
        """The exact map as integer matrices (m + 1, k + 1), up to positive factors; their last rows carry the 1. Dense ones
        are composed."""
        return exact_affine(self.factors)

    @cached_property
    def exact_tables(self) -> list[list[list[int]] | None]:
        """The rows of the exact factors that are dense, as lists; None for sparse ones."""
        return [
            None if isinstance(f, SparseExact) else [[int(x) for x in row] for row in f.tolist()]
            for f in self.exact_factors
        ]

    def exact_times(self, forms: Any) -> Any:
        """The exact map after ``forms``, a flint integer matrix (k + 1, c): (m + 1, c), up to a positive factor."""
        for factor in self.exact_factors:
            forms = factor * forms
        return forms

    def exact_forms(self) -> Any:
        """The exact map as one flint integer matrix (m + 1, k + 1), up to a positive factor."""
        from flint import fmpz_mat

        if len(self.exact_factors) == 1 and isinstance(self.exact_factors[0], fmpz_mat):
            return self.exact_factors[0]
        if self.kept_forms is None:
            size = self.weight.shape[1] + 1
            unit = fmpz_mat([[int(i == j) for j in range(size)] for i in range(size)])
            object.__setattr__(self, "kept_forms", self.exact_times(unit))
        return self.kept_forms

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
    numbers = np.arange(network.n_inputs) if any(isinstance(node.layer, StructuredMap) for node in nodes) else None
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
            if numbers is not None:
                factors, numbers = merged(factors, numbers)
                numbers = after_crease(numbers, slope)
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
    layer = node.layer
    if live == list(node.parents) and len(live) == 1 and not kept:
        if isinstance(layer, StructuredMap):
            return [(layer.rows(), layer.bias)]
        return [(layer.weight, layer.bias)] if isinstance(layer, AffineMap) else []
    starts, at = {}, 0
    for i in live:
        starts[i], at = at, at + width[i]
    blocks = [(row, starts[i], None) for row, i in zip(_offsets(kept, width), kept, strict=False)]
    last = sum(width[i] for i in kept)
    blocks += [(last, starts[parent], layer if isinstance(layer, AffineMap) else None) for parent in node.parents]
    sizes = [width[i] for i in kept] + [width[index]] * len(node.parents)
    bias = np.zeros(last + width[index])
    if isinstance(layer, AffineMap):
        bias[last:] = layer.bias
    return [(_assembled(blocks, sizes, (bias.size, at)), bias)]


def _offsets(kept: Sequence[int], width: dict[int, int]) -> list[int]:
    return np.concatenate([[0], np.cumsum([width[i] for i in kept])]).astype(int).tolist()


def _assembled(
    blocks: Sequence[tuple[int, int, AffineMap | None]], sizes: Sequence[int], shape: tuple[int, int]
) -> Any:
    """A matrix with blocks (row, column, layer) added up, None the identity of that size; sparse where it is large."""
    if shape[0] * shape[1] <= DENSE:
        weight = np.zeros(shape)
        for (row, column, layer), size in zip(blocks, sizes, strict=True):
            part = np.eye(size) if layer is None else layer.weight
            weight[row : row + part.shape[0], column : column + part.shape[1]] += part
        return weight
    from scipy.sparse import coo_array, csr_array, eye_array

    rows, columns, entries = [], [], []
    for (row, column, layer), size in zip(blocks, sizes, strict=True):
        part = coo_array(eye_array(size) if layer is None else layer.rows())
        rows.append(part.coords[0] + row)
        columns.append(part.coords[1] + column)
        entries.append(part.data)
    found = csr_array(
        coo_array((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=shape)
    )
    found.sum_duplicates()
    return found


def _step(factors: Sequence[Factor], slope: np.ndarray, *, is_last: bool) -> LinearStep:
    """The step of composed factors."""
    if not factors:
        size = slope.size
        return _step([(np.eye(size), np.zeros(size))], slope, is_last=is_last)
    return LinearStep(*composed(factors), slope, tuple(factors), is_last)
