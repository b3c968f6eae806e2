"""Potentials of networks: a head Phi on contrasts of the logits, f(x) = Phi(D z(x)) (§2).

The rows of D are logits or differences of two logits; they are folded into the last layer of the network, so that
differences of large numbers are never formed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.domains import points
from separatrix.errors import InputError, KindError
from separatrix.networks.balls import gradient_ball
from separatrix.networks.batches import BatchPropagation, HeadBounds, n_together, serves
from separatrix.networks.bounds import BoundPropagation
from separatrix.networks.network import Network
from separatrix.networks.propagation import namespace
from separatrix.numerics.balls import MidRad
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure, Potential
from separatrix.potentials.point_rows import point_rows

Array = Any
ENTRIES_AT_ONCE = 2**24


class Head(ABC):
    """A function Phi on R^m with derivatives, their enclosures, and the gradient in flint balls."""

    @abstractmethod
    def value_and_gradient(self, xp: Any, v: Array) -> tuple[Array, Array]:
        """Phi (n,) and grad Phi (n, m) at the rows of ``v``."""

    @abstractmethod
    def hessian_product(self, xp: Any, v: Array, t: Array) -> Array:
        """Hess Phi t, row by row, (n, m)."""

    @abstractmethod
    def hessian(self, xp: Any, v: Array) -> Array:
        """Hess Phi, (n, m, m)."""

    @abstractmethod
    def bounds(self, v: Interval) -> Enclosure:
        """Rigorous enclosures of Phi, grad Phi and Hess Phi for v in the rows of the interval (n, m)."""

    def pairs(self, m: int) -> tuple[np.ndarray, np.ndarray]:
        """Linear forms (r, m) of the arguments and pairs (t, 2) of them whose products make up Hess Phi: all, by default."""
        return np.eye(m), np.stack(np.triu_indices(m), axis=1)

    def batch_bounds(self, v: Interval) -> tuple[Interval, float, Interval]:
        """grad Phi (n, m), what its entries add up to (NaN: unknown) and the coefficients (n, t) of :meth:`pairs`."""
        found, (i, j) = self.bounds(v), np.triu_indices(v.shape[1])
        return found.gradient, np.nan, found.hessian[:, i, j]

    @abstractmethod
    def ball_gradient(self, v: list[Any]) -> list[Any]:
        """grad Phi at a vector of flint balls."""


def classifier(net: object) -> Network:
    """``net``, or KindError where it is no Network."""
    if not isinstance(net, Network):
        raise KindError(
            f"expected a Network, came {type(net).__name__}; separatrix.load reads one from a file or model"
        )
    return net


class NetworkPotential(Potential):
    """f(x) = Phi(D z(x)) for a network z, contrasts D (m, n_classes) and a head Phi."""

    def __init__(self, net: Network, head: Head, contrasts: np.ndarray, name: str) -> None:
        self.net, self.network, self.head, self.contrasts, self.name = net, net, head, contrasts, name
        self.dim = net.n_inputs
        self.graph = net.contrasted(contrasts)

    def _rows(self, x: Any, what: str) -> Any:
        """``x`` as rows (n, dim): tensors of floating-point numbers stay tensors, anything else becomes float64."""
        return point_rows(x, self.dim, what)

    def value(self, x: Any) -> Any:
        """f at the rows of ``x`` (n, dim), shape (n,)."""
        return self._in_batches(self._values, self._rows(x, self.name))[0]

    def gradient(self, x: Any) -> Any:
        """grad f at the rows of ``x``, (n, dim); on creases of a piecewise linear network, of the side where u <= 0."""
        return self.value_and_gradient(self._rows(x, self.name))[1]

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        """Both from one pass, for rows that were checked before."""
        value, gradient = self._in_batches(self._slopes, x)
        return value, gradient

    def _in_batches(self, part: Callable[..., tuple[Any, ...]], *arrays: Any) -> tuple[Any, ...]:
        """``part`` of rows that go through the network together, the results joined; tensors go in one batch."""
        n, step = arrays[0].shape[0], self.graph.rows_at_once
        if n <= step or not isinstance(arrays[0], np.ndarray):
            return part(*arrays)
        found: tuple[Any, ...] = ()
        for i in range(0, n, step):
            rows = part(*(a[i : i + step] if len(a) == n else a for a in arrays))
            found = found or tuple(np.empty((n, *one.shape[1:]), one.dtype) for one in rows)
            for whole, one in zip(found, rows, strict=True):
                whole[i : i + step] = one
        return found

    def _values(self, x: Any) -> tuple[Any, ...]:
        state = self.graph.propagate_rows(x)
        return (self.head.value_and_gradient(state.xp, state.output)[0],)

    def _slopes(self, x: Any) -> tuple[Any, ...]:
        state = self.graph.propagate_rows(x)
        value, y = self.head.value_and_gradient(state.xp, state.output)
        return value, state.cotangents(y)[0]

    def hessian_vector(self, x: Any, v: Any) -> Any:
        """Hess f(x) v row by row, (n, dim); a single direction serves all rows."""
        x, v = self._rows(x, self.name), self._rows(v, f"{self.name}: directions")
        if type(v) is not type(x) or v.shape[0] not in (1, x.shape[0]):
            kinds = (f"{type(a).__name__} {tuple(a.shape)}" for a in (x, v))
            raise InputError(
                f"{self.name}: expected points and directions of one kind and shape, came {' and '.join(kinds)}"
            )
        return self._in_batches(self._hessian_products, x, v)[0]

    def _hessian_products(self, x: Any, v: Any) -> tuple[Any, ...]:
        state = self.graph.propagate_rows(x)
        y = self.head.value_and_gradient(state.xp, state.output)[1]
        tangents = state.tangents(v)
        y_tangent = self.head.hessian_product(state.xp, state.output, tangents[-1])
        return (state.second_cotangents(state.cotangents(y), tangents, y_tangent),)

    def hessian(self, x: Any) -> Any:
        """Hess f, (n, dim, dim)."""
        rows = self._rows(x, self.name)
        xp = namespace(rows)
        step = max(1, ENTRIES_AT_ONCE // (self.dim * (self.dim + max(self.graph.widths))))
        parts = [self._hessians(rows[i : i + step], np.arange(self.dim)) for i in range(0, max(rows.shape[0], 1), step)]
        return xp.concat(parts, axis=0)

    def hessian_on(self, x: np.ndarray, free: np.ndarray) -> np.ndarray:
        """The Hessian at one point on the coordinates ``free`` (k,), shape (k, k)."""
        return self._hessians(x[None], free)[0]

    def _hessians(self, x: Any, columns: np.ndarray) -> Any:
        state = self.graph.propagate(x)
        y = self.head.value_and_gradient(state.xp, state.output)[1]
        return state.hessians(state.cotangents(y), columns, self.head.hessian(state.xp, state.output))

    def enclose(self, lower: Any, upper: Any) -> Enclosure:
        """Rigorous enclosures on the boxes [lower, upper], each (dim,) or (n, dim)."""
        low, high = (points(side, self.dim, "enclose") for side in (lower, upper))
        state = BoundPropagation(self.graph, Interval(low, high))
        head = self.head.bounds(state.output)
        cotangents = state.cotangents(head.gradient)
        eye = np.eye(self.dim)
        hessian = state.hessian(cotangents, head.hessian, eye, eye)
        gradient = cotangents[0]
        assert gradient is not None
        if np.ndim(lower) == 1 and low.shape[0] == 1:
            return Enclosure(head.value[0], gradient[0], hessian.to_interval()[0])
        return Enclosure(head.value, gradient, hessian.to_interval())

    @cached_property
    def _batches(self) -> tuple[Network, Array] | None:
        """The network of the head's arguments and forms, and the pairs of forms as outputs; None: not for batches."""
        m = self.contrasts.shape[0]
        forms, pairs = self.head.pairs(m)
        rows = np.vstack([self.contrasts, forms @ self.contrasts]) if len(pairs) else self.contrasts
        network = self.network.contrasted(rows)
        return (network, pairs + m) if serves(network) else None

    def enclose_batch(
        self, lower: np.ndarray, upper: np.ndarray, free: np.ndarray | None = None
    ) -> tuple[Interval, Interval]:
        """Rigorous enclosures of grad f (n, dim) and of the Hessian's columns ``free`` (n, dim, k) on n boxes (n, dim)."""
        columns = np.arange(self.dim) if free is None else np.asarray(free, dtype=np.int64)
        if self._batches is None:
            return super().enclose_batch(lower, upper, columns)
        n, step = len(lower), n_together(self._batches[0])
        shapes = (n, self.dim), (n, self.dim, len(columns))
        ends = [(np.empty(shape), np.empty(shape)) for shape in shapes]
        for start in range(0, n, step):
            rows = slice(start, start + step)
            for (low, high), part in zip(ends, self._enclosed(lower[rows], upper[rows], columns), strict=True):
                low[rows], high[rows] = part.lower, part.upper
        return Interval(*ends[0]), Interval(*ends[1])

    def _enclosed(self, lower: np.ndarray, upper: np.ndarray, columns: np.ndarray) -> tuple[Interval, Interval]:
        assert self._batches is not None
        network, pairs = self._batches
        state = BatchPropagation(network, lower, upper, 2 if columns.size else 1)
        slopes, total, coefficients = self.head.batch_bounds(state.outputs(self.contrasts.shape[0]))
        found = state.derivatives(HeadBounds(slopes, total, pairs, coefficients), columns)
        lost = state.lost
        if not lost.any():
            return found
        # beyond the tables, in the tails of the activations
        slow = super().enclose_batch(lower[lost], upper[lost], columns)
        return _replaced(found[0], lost, slow[0]), _replaced(found[1], lost, slow[1])

    def enclose_centred(
        self, lower: np.ndarray, upper: np.ndarray, free: np.ndarray
    ) -> tuple[Interval, Interval, Interval | None]:
        """As :meth:`enclose_batch`, and enclosures of grad f (n, dim) at the centres lower / 2 + upper / 2."""
        from separatrix.networks.batch_centres import centre_gradient, centre_outputs

        if self._batches is None:
            return super().enclose_centred(lower, upper, free)
        (network, pairs), n, m = self._batches, len(lower), self.contrasts.shape[0]
        shapes, step = ((n, self.dim), (n, self.dim, len(free)), (n, self.dim)), n_together(self._batches[0])
        ends = [(np.empty(shape), np.empty(shape)) for shape in shapes]
        for start in range(0, n, step):
            rows = slice(start, start + step)
            low, high = lower[rows], upper[rows]
            state = BatchPropagation(network, low, high, 2, centred=True)
            slopes, total, coefficients = self.head.batch_bounds(state.outputs(m))
            parts = [*state.derivatives(HeadBounds(slopes, total, pairs, coefficients), free)]
            parts.append(centre_gradient(state, *self.head.batch_bounds(centre_outputs(state, m))[:2]))
            if (lost := state.lost).any():
                centre = 0.5 * low[lost] + 0.5 * high[lost]
                slow = *super().enclose_batch(low[lost], high[lost], free), super().gradient_batch(centre, centre)
                parts = [_replaced(part, lost, other) for part, other in zip(parts, slow, strict=True)]
            for (least, most), part in zip(ends, parts, strict=True):
                least[rows], most[rows] = part.lower, part.upper
        gradient, hessian, middle = (Interval(*pair) for pair in ends)
        return gradient, hessian, middle

    def value_bounds(self, x: np.ndarray) -> Interval:
        """A rigorous enclosure of f at one point, shape ()."""
        state = BoundPropagation(self.graph, Interval(x[None], x[None]))
        return self.head.bounds(state.output).value[0]

    def gradient_bounds(self, x: np.ndarray, precise: bool = False) -> Interval:
        """A rigorous enclosure of grad f at one point; ``precise`` computes in balls of 200 bits."""
        if precise:
            return gradient_ball(self.network, self.contrasts, self.head.ball_gradient, x)
        return self.gradient_over(Interval.point(x))

    def gradient_over(self, box: Interval) -> Interval:
        """A rigorous enclosure of grad f on one box, (dim,)."""
        state = BoundPropagation(self.graph, box.reshape((1, self.dim)))
        gradient = state.cotangents(self.head.bounds(state.output).gradient)[0]
        assert gradient is not None
        return gradient[0]

    def hessian_bounds(self, box: Interval, left: np.ndarray | None, right: np.ndarray) -> MidRad:
        """A rigorous enclosure of left^T H(X) right on one box, (k, l)."""
        state = BoundPropagation(self.graph, box.reshape((1, self.dim)))
        head = self.head.bounds(state.output)
        return state.hessian(state.cotangents(head.gradient), head.hessian, left, right)[0]


def _replaced(x: Interval, rows: np.ndarray, by: Interval) -> Interval:
    lower, upper = x.lower.copy(), x.upper.copy()
    lower[rows], upper[rows] = by.lower, by.upper
    return Interval(lower, upper)
