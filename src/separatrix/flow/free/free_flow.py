"""The free flow of networks with one hidden layer, many rows at once (§4, (4.1)).

With u = W x + b the flow x' = W^T y(u) is integrated by its cotangents y, never forming x: a stage is u + W W^T (h sum a y),
one product in the width of the layer, and x = x0 + W^T c with c the sum of the accepted h sum b y. The error of a step has in
x the Euclidean length sqrt(e^T W W^T e), e = h sum e_i y_i. Where the layer is not narrower than the input the same loop runs
on W^T y itself. What is not a matrix product runs in :mod:`separatrix.flow.free.free_kernel`; arrays there are (units, rows).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.flow.free import tsitouras as pair
from separatrix.flow.free.row_space import WORTHWHILE
from separatrix.networks.layers import Activation, AffineMap
from separatrix.potentials.base import Potential
from separatrix.potentials.class_probability import LogisticOfLogOdds
from separatrix.potentials.head import Head, NetworkPotential
from separatrix.potentials.log_density import LogSumExp

ENTRIES, FEWEST, MOST_ROWS = 2**15, 64, 2048


@dataclass(frozen=True, eq=False)
class FreeField:
    """x' = W^T y(W x + b) of a network with one hidden layer.

    ``weight`` W (width, n), ``bias`` (width,); ``stage`` (width, rank): what takes a combination of stages to one of u, W W^T
    or W; ``pull``: W^T where stages are kept in x, None where they are cotangents y; ``last``, ``offset``: the layer before
    the head; ``kind``: of the activation.
    """

    weight: np.ndarray
    bias: np.ndarray
    stage: np.ndarray
    pull: np.ndarray | None
    last: np.ndarray
    offset: np.ndarray
    kind: int
    head: Head

    @classmethod
    def of(cls, potential: Potential) -> FreeField | None:
        """The field of a potential whose network is affine, smooth activation, affine; else None."""
        if not isinstance(potential, NetworkPotential) or not potential.graph.is_chain:
            return None
        layers = [node.layer for node in potential.graph.nodes[1:]]
        if len(layers) != 3:
            return None
        first, middle, last = layers
        if not (isinstance(first, AffineMap) and isinstance(middle, Activation) and isinstance(last, AffineMap)):
            return None
        from separatrix.flow.free.free_kernel import KINDS

        if middle.name not in KINDS:
            return None
        weight = np.array(first.weight)
        is_reduced = weight.shape[0] <= WORTHWHILE * weight.shape[1]
        with np.errstate(over="ignore", invalid="ignore"):
            stage, pull = (weight @ weight.T, None) if is_reduced else (weight, np.ascontiguousarray(weight.T))
        if not np.isfinite(stage).all():
            return None
        arrays = np.array(first.bias), stage, pull, np.array(last.weight), np.array(last.bias)
        return cls(weight, *arrays, KINDS[middle.name], potential.head)

    @property
    def is_reduced(self) -> bool:
        """Whether stages are cotangents y, so that x is formed at the end only."""
        return self.pull is None

    def lift(self, starts: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """The points (rows, n) of integrated stages ``moved`` (rows, rank)."""
        return starts + moved @ self.weight if self.is_reduced else moved

    def rows_at_once(self) -> int:
        """Rows of a batch whose arrays stay in a processor's cache."""
        return int(np.clip(ENTRIES // self.weight.shape[0], FEWEST, MOST_ROWS))


class FreeBatch:
    """Rows that are stepped together. ``moved`` (rank, rows): x where stages are kept in x, else c of x = x0 + W^T c."""

    def __init__(self, field: FreeField, x: np.ndarray) -> None:
        from separatrix.flow.free import free_kernel

        self.kernel, self.field, n = free_kernel, field, x.shape[0]
        width, rank = field.stage.shape
        self.state = field.weight @ x.T
        self.state += field.bias[:, None]
        self.moved = np.zeros((rank, n)) if field.is_reduced else np.array(x.T, order="C")
        self._room = np.empty((9 * rank + (2 if field.is_reduced else 3) * width + field.last.shape[0] + 1) * n)
        self._lay_out(n)
        self.shift[...] = 0.0
        self.evaluate(self.stages[0])
        self.weights = self._weights() if self.has_clock else None

    @property
    def has_clock(self) -> bool:
        """Whether f is the probability p, whose flow is that of the log-odds l at the speed p (1 - p)."""
        return isinstance(self.field.head, LogisticOfLogOdds)

    def _weights(self) -> np.ndarray:
        """p (1 - p) at the point last evaluated, (rows,)."""
        return -self.output.sum(axis=0)

    def steepness(self) -> np.ndarray:
        """|grad l| at the point where the last step began, for a flow with a clock."""
        if self.weights is None:
            return np.zeros(self.size.size)
        return np.divide(self.speed, self.weights, out=np.zeros_like(self.speed), where=self.weights > 0.0)

    def _lay_out(self, n: int) -> None:
        """Work arrays for ``n`` rows, contiguous, in the room of the first batch."""
        width, rank = self.field.stage.shape
        at = 0

        def take(*shape: int) -> np.ndarray:
            nonlocal at
            at += int(np.prod(shape))
            return self._room[at - int(np.prod(shape)) : at].reshape(shape)

        self.stages = take(7, rank, n)
        self.move, self.error, self.shift, self.slope = take(rank, n), take(rank, n), take(width, n), take(width, n)
        self.output, self.size = take(self.field.last.shape[0], n), take(1, n)[0]
        self.cotangent = None if self.field.is_reduced else take(width, n)

    def keep(self, live: np.ndarray) -> None:
        """Drop the rows outside ``live``."""
        first = self.stages[0][:, live]
        if self.weights is not None:
            self.weights = self.weights[live]
        self.state, self.moved = (np.ascontiguousarray(a[:, live]) for a in (self.state, self.moved))
        self._lay_out(int(live.sum()))
        self.stages[0] = first

    def evaluate(self, out: np.ndarray) -> None:
        """The stage at u = state + shift, into ``out`` (rank, rows)."""
        field, kernel = self.field, self.kernel
        kernel.forward(field.kind, (self.state, self.shift), (field.last, field.offset), self.slope, self.output)
        if isinstance(field.head, LogSumExp):
            kernel.softmax(self.output, float(field.head.sign), 0)
        elif isinstance(field.head, LogisticOfLogOdds):
            kernel.softmax(self.output, -1.0, 1)
        else:
            self.output[...] = field.head.value_and_gradient(np, self.output.T)[1].T
        if self.cotangent is None or field.pull is None:
            kernel.backward(self.slope, field.last, self.output, out)
        else:
            kernel.backward(self.slope, field.last, self.output, self.cotangent)
            np.matmul(field.pull, self.cotangent, out=out)

    def try_step(self, h: np.ndarray) -> None:
        """The stages of a step of lengths ``h`` (rows,), its ``move`` and its ``error``, (rank, rows)."""
        for index, row in enumerate(pair.STAGES, 1):
            self.kernel.combine(self.stages, row, h, self.move)
            np.matmul(self.field.stage, self.move, out=self.shift)
            if index == 1 and self.weights is not None:
                self.speed = self._first_speed(row[0] * h)
            self.evaluate(self.stages[index])
        self.kernel.combine(self.stages, pair.ERROR, h, self.error)

    def _first_speed(self, h: np.ndarray) -> np.ndarray:
        """|x'| where the step begins, from the product that its second stage needs anyway: shift = stage (h first)."""
        first = self.stages[0]
        if not self.field.is_reduced:
            return np.sqrt((first * first).sum(axis=0))
        self.kernel.inner_products(first, self.shift, self.size)
        square = np.divide(self.size, h, out=np.zeros_like(h), where=h > 0.0)
        return np.sqrt(np.maximum(square, 0.0))

    def lengths(self, c: np.ndarray) -> np.ndarray:
        """Euclidean lengths in x of displacements ``c`` (rank, rows)."""
        other = self.field.stage @ c if self.field.is_reduced else c
        self.kernel.inner_products(c, other, self.size)
        return np.sqrt(np.maximum(self.size, 0.0))

    def accept(self, accepted: np.ndarray) -> None:
        """Make the step that was tried, in the rows ``accepted``."""
        if self.weights is not None:
            self.weights = np.where(accepted, self._weights(), self.weights)
        self.kernel.advance(accepted, self.state, self.shift, self.moved, self.move, self.stages[0], self.stages[6])
