"""Layers that exist only while a graph is read; folding leaves affine maps, activations and sums (§1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.networks.layers import Layer, Node


@dataclass(frozen=True, eq=False)
class Scale(Layer):
    """x -> scale * x + shift, coordinate by coordinate.

    ``factors``, ``shifts``: one number for every ``repeat`` coordinates that follow one another, such as a channel's, so that the
    norms of large images take no memory.
    """

    factors: np.ndarray
    shifts: np.ndarray
    repeat: int = 1

    @property
    def scale(self) -> np.ndarray:
        """One factor a coordinate, made anew where they repeat."""
        return self.factors if self.repeat == 1 else np.repeat(self.factors, self.repeat)

    @property
    def shift(self) -> np.ndarray:
        """One shift a coordinate, likewise."""
        return self.shifts if self.repeat == 1 else np.repeat(self.shifts, self.repeat)

    def output_width(self, widths: Sequence[int]) -> int:
        """The parent's width."""
        return widths[0]

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return self.factors.size * self.repeat

    @property
    def n_outputs(self) -> int:
        """Width of the output."""
        return self.factors.size * self.repeat


@dataclass(frozen=True, eq=False)
class Selection(Layer):
    """x -> (x[index[0]], x[index[1]], …), 0 where the index is -1."""

    index: np.ndarray
    n_inputs: int

    def output_width(self, widths: Sequence[int]) -> int:
        """Number of entries picked."""
        return self.index.size

    @property
    def n_outputs(self) -> int:
        """Number of entries picked."""
        return self.index.size


@dataclass(frozen=True, eq=False)
class Pool(Layer):
    """The largest entry of every window: ``windows`` (out, k), numbers of entries, -1 behind the last of a window.

    ``signs`` (out,): 1 for the largest, -1 for the smallest entry.
    """

    windows: np.ndarray
    signs: np.ndarray
    n_inputs: int

    def output_width(self, widths: Sequence[int]) -> int:
        """Number of windows."""
        return self.windows.shape[0]


@dataclass(frozen=True, eq=False)
class Softmax(Layer):
    """A softmax or log-softmax over the entries of each of ``groups`` (m, k), which hold every entry once."""

    is_log: bool
    groups: np.ndarray
    place: str

    def output_width(self, widths: Sequence[int]) -> int:
        """The parent's width."""
        return widths[0]


@dataclass(frozen=True, eq=False)
class Pending(Layer):
    """A function that can be read only as part of a pattern such as u * (1 + erf(u)).

    ``kind``: product, quotient, power 2, power 3, exp, log, erf, sign, or positive (a comparison with 0).
    """

    kind: str
    place: str

    def output_width(self, widths: Sequence[int]) -> int:
        """The parent's width."""
        return widths[0]


def pruned(nodes: Sequence[Node], last: int) -> list[Node]:
    """The nodes that node ``last`` depends on, renumbered, ``last`` at the end; the input stays."""
    needed, stack = {0, last}, [last]
    while stack:
        for parent in nodes[stack.pop()].parents:
            if parent not in needed:
                needed.add(parent)
                stack.append(parent)
    order = {old: new for new, old in enumerate(sorted(needed))}
    return [Node(nodes[old].layer, tuple(order[p] for p in nodes[old].parents)) for old in order]
