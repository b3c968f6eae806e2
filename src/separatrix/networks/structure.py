"""Facts about a network that the theorems of §4 ask for, each decided exactly and once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from separatrix.certainty import Certainty
from separatrix.networks.layers import Activation, AffineMap
from separatrix.networks.network import Network
from separatrix.networks.theorem_record import Hypothesis

EXACT = "by exact arithmetic"


def numbered(numbers: Sequence[int]) -> str:
    """``W1``, ``W1 and W2`` or ``W1 to W4``."""
    names = [f"W{number}" for number in numbers]
    return names[0] if len(names) == 1 else f"{names[0]} {'and' if len(names) == 2 else 'to'} {names[-1]}"


def _decided(text: str, holds: bool | None, evidence: str) -> Hypothesis:
    return Hypothesis(text, holds, Certainty.UNKNOWN if holds is None else Certainty.PROVED, evidence)


class Structure:
    """A network's layers as the theorems see them: identity activations count as none, W1, W2, … are the affine layers.

    ``before`` and ``after``: numbers of the affine layers before and after the last activation.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        layers = [node.layer for node in network.nodes[1:] if not _is_identity(node.layer)]
        self.affine: list[AffineMap] = [layer for layer in layers if isinstance(layer, AffineMap)]
        self.activations: list[Activation] = [layer for layer in layers if isinstance(layer, Activation)]
        last = max((i for i, layer in enumerate(layers) if isinstance(layer, Activation)), default=-1)
        n_before = sum(isinstance(layer, AffineMap) for layer in layers[: last + 1])
        self.before = list(range(1, n_before + 1))
        self.after = list(range(n_before + 1, len(self.affine) + 1))
        self._full_row_rank: dict[int, bool | None] = {}

    @property
    def n_inputs(self) -> int:
        """Dimension of the input."""
        return self.network.n_inputs

    def activation_names(self) -> str:
        """The activations for a sentence."""
        names = []
        for layer in self.activations:
            name = f"leaky_relu of slope {layer.slope:g}" if layer.name == "leaky_relu" else layer.name
            names += [] if name in names else [name]
        return ", ".join(names) or "no activation"

    @cached_property
    def input_matrix(self) -> np.ndarray | None:
        """The matrix through which alone the input acts, or None."""
        users = [node.layer for node in self.network.nodes[1:] if 0 in node.parents]
        if not all(isinstance(layer, AffineMap) and layer.weight_radius is None for layer in users):
            return None
        return np.vstack([layer.weight for layer in users if isinstance(layer, AffineMap)])

    @cached_property
    def input_rank(self) -> int | None:
        """Exact rank of ``input_matrix``."""
        if self.input_matrix is None:
            return None
        from separatrix.numerics.rank import exact_rank

        return int(exact_rank(self.input_matrix))

    def has_full_row_rank(self, number: int) -> bool | None:
        """Whether W_number has full row rank; None where its entries are rounded."""
        if number not in self._full_row_rank:
            layer = self.affine[number - 1]
            self._full_row_rank[number] = None if layer.weight_radius is not None else full_row_rank(layer.weight)
        return self._full_row_rank[number]

    def chain(self) -> Hypothesis:
        """The network is a chain of layers."""
        return _decided("the network is a chain of layers", self.network.is_chain, self.network.architecture)

    def full_row_ranks(self, numbers: Sequence[int]) -> Hypothesis:
        """These matrices have full row rank."""
        if not numbers:
            return _decided("hidden weight matrices have full row rank", True, "there is none")
        text = f"{numbered(numbers)} {'has' if len(numbers) == 1 else 'have'} full row rank"
        verdicts = [self.has_full_row_rank(number) for number in numbers]
        for verdict in (False, None):
            if verdict in verdicts:
                number = numbers[verdicts.index(verdict)]
                return _decided(text, verdict, self._rank_evidence(number, verdict))
        return _decided(text, True, "; ".join(self._rank_evidence(number, True) for number in numbers))

    def _rank_evidence(self, number: int, verdict: bool | None) -> str:
        rows, columns = self.affine[number - 1].weight.shape
        size = f"W{number} is {rows} x {columns}"
        if verdict is None:
            return f"{size}, its entries are known up to rounding only"
        if rows > columns:
            return f"{size}, more rows than columns: the width grows"
        return f"{size}, rank {rows} {EXACT}" if verdict else f"{size}, rank below {rows} {EXACT}"

    def last_matrix(self) -> tuple[bool | None, bool | None]:
        """Whether the last layer maps onto differences of logits, and whether it keeps positive combinations from 0.

        Differences: the rows' contrasts are independent iff (W | 1) has full row rank. Positive combinations: sum_k
        p_k w_k with all p_k > 0 is not 0 if the rows that are not zero are independent, and there is one.
        """
        if not self.after:
            return True, True
        layer = self.affine[-1]
        if layer.weight_radius is not None:
            return None, None
        weight = layer.weight
        rows = weight[(weight != 0.0).any(axis=1)]
        differences = full_row_rank(np.hstack([weight, np.ones((weight.shape[0], 1))]))
        return differences, rows.shape[0] > 0 and full_row_rank(rows)

    def hidden_widths(self) -> list[int]:
        """Widths of the affine layers that an activation follows."""
        return [self.affine[number - 1].weight.shape[0] for number in self.before]

    def activations_hypothesis(self, text: str, fits: Sequence[bool]) -> Hypothesis:
        """A property that every activation must have, known by calculus."""
        failing = {layer.name: None for layer, fit in zip(self.activations, fits, strict=True) if not fit}
        evidence = f"fails for {', '.join(failing)}" if failing else self.activation_names()
        return _decided(text, not failing, evidence)

    def decided(self, text: str, holds: bool | None, evidence: str) -> Hypothesis:
        """A hypothesis decided by counting."""
        return _decided(text, holds, evidence)


def _is_identity(layer: object) -> bool:
    return isinstance(layer, Activation) and layer.name == "identity"


def full_row_rank(matrix: np.ndarray) -> bool:
    """Whether the rows are independent, exactly; wide enough matrices only are looked into."""
    if matrix.shape[0] > matrix.shape[1]:
        return False
    from separatrix.numerics.rank import has_full_row_rank

    return bool(has_full_row_rank(np.ascontiguousarray(matrix)))


def is_strictly_increasing(layer: Activation) -> bool:
    """Continuous and strictly increasing on R; a leaky ReLU with a positive slope is."""
    return layer.function.is_increasing and (layer.name != "leaky_relu" or layer.slope > 0)


def is_submersive(layer: Activation) -> bool:
    """Differentiable with s' > 0 everywhere."""
    return layer.function.is_increasing and not layer.function.is_piecewise_linear


def is_onto(layer: Activation) -> bool:
    """Continuous, strictly increasing, with range R."""
    return layer.function.is_onto and is_strictly_increasing(layer)


def is_monotone(layer: Activation) -> bool:
    """Continuous and nowhere decreasing."""
    return layer.function.is_monotone and (layer.name != "leaky_relu" or layer.slope >= 0)
