"""What the error bounds of one step need, computed once a step and rounded up (§6).

With h the float input of a step (after the crease), |h - exact| <= E in the 2-norm, and A = fl(h W^T + b) in any order of
summation, with or without fused operations,

    |A_i - exact_i| <= p_i s + q_i g + c_i,    s = E + gamma |h|,  g = |h| + E,                                       (1)
    |A - exact|_2   <= |W|_2 E + gamma |W|_F |h| + |q|_2 g + |c|_2,                                                   (2)

p_i >= |w_i|_2, q_i the radius of row i, c_i = gamma |b_i| + radius of b_i + what underflow can lose.

Where W is a product F_n ... F_1 that costs less factor by factor (an average pooling before a convolution), it is applied so:
|fl(F_n ... fl(F_1 h)) - W h| <= gamma' |F_n| ... |F_1| |h| with gamma' for the terms of all factors together, and q_i is
gamma' times the 2-norm of that row of the product of sizes. W's own rounding plays no part then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.norms import TINIEST, gamma, norm_up, raised, spectral_norm_up

LARGE, SPARSE = 1 << 16, 0.1  # entries of a weight, and the share of them that is not 0
DEARER = 10  # times the cost of a product, where it is one of a sparse matrix


@dataclass(frozen=True, eq=False)
class StepBounds:
    """``rows`` (3, m): p, q, c of (1); ``exact_bias`` (m,): the radius of the bias alone, which is c where h is exactly 0.

    ``norms``: gamma, |W|_2, gamma |W|_F, |q|_2, |c|_2 of (2), |W|_F; ``growth``: the largest slope in size, at least 1;
    ``left`` (m,): slopes below zero; ``creased`` (c,); ``parts``: what W is applied as, first applied first, dense arrays
    (m, k) or CSR arrays; ``lost``: what underflow can lose of an entry of W h.
    """

    weight: np.ndarray
    bias: np.ndarray
    rows: np.ndarray
    exact_bias: np.ndarray
    norms: np.ndarray
    growth: float
    left: np.ndarray
    creased: np.ndarray
    parts: tuple[Any, ...]
    lost: float

    @classmethod
    def of(cls, step: LinearStep) -> StepBounds:
        """The bounds of ``step``, which are remembered as long as the step is there."""
        if step not in _REMEMBERED:
            _REMEMBERED[step] = cls._computed(step)
        return _REMEMBERED[step]

    @classmethod
    def _computed(cls, step: LinearStep) -> StepBounds:
        weight = np.require(step.weight, np.float64, ["C", "W"])  # a network's own arrays are read-only
        bias = np.array(step.bias)
        unit, radius = gamma(terms_of(weight) + 1), np.array(step.weight_radius, dtype=np.float64)
        parts, factors = (_applied(weight),), tuple(_applied(factor) for factor, _ in step.factors)
        with np.errstate(all="ignore"):
            if 2 * sum(map(_cost, factors)) < _cost(parts[0]):
                parts, unit = factors, gamma(1)
                radius = np.asarray(raised(radius + _radius_of_parts(parts)))
            lost = _lost(parts)
            c = raised(unit * np.abs(bias) + step.bias_radius + lost)
            p = norm_up(weight)
            whole = float(norm_up(weight.ravel()))
            norms = [unit, spectral_norm_up(weight), unit * whole, norm_up(radius), norm_up(c), whole]
        return cls(
            weight,
            bias,
            np.ascontiguousarray(np.stack([p, radius, c])),
            np.array(step.bias_radius, dtype=np.float64),
            np.array(raised(np.array(norms)), dtype=np.float64),
            max(1.0, float(np.abs(step.slope).max())),
            np.array(step.slope, dtype=np.float64),
            np.array(step.creased, dtype=np.int64),
            parts,
            float(lost.max(initial=TINIEST)),
        )

    @cached_property
    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The entries of W that are not 0, row by row: starts (m + 1,), columns, entries."""
        row, column = np.nonzero(self.weight)
        starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=self.bias.size))]).astype(np.int64)
        return starts, column, self.weight[row, column]

    def times(self, h: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """W h for the rows (…, k) of ``h``: (…, m), in ``out`` where that is given."""
        *before, last = self.parts
        x = h.reshape(-1, h.shape[-1])
        for part in before:
            x = _product(part, x)
        out = np.empty((*h.shape[:-1], self.bias.size)) if out is None else out
        if isinstance(last, np.ndarray):
            np.matmul(x.reshape(*h.shape[:-1], -1), last.T, out=out)
        else:
            out[...] = _product(last, x).reshape(out.shape)
        return out

    def sizes_times(self, h: np.ndarray) -> np.ndarray:
        """Bounds from above of |F_n| ... |F_1| h, and so of |W h'| for |h'| <= h, for the rows (r, k) of ``h`` >= 0."""
        terms = sum(terms_of(part) for part in self.parts)
        for part in self._sizes:
            h = _product(part, h)
        return raised(h + self.lost, terms + len(self.parts))

    @cached_property
    def _sizes(self) -> tuple[Any, ...]:
        return tuple(np.abs(part) for part in self.parts)

    def slope(self) -> float:
        """A Lipschitz constant of the exact map and the crease behind it: |W|_2 + |q|_2 times ``growth``, rounded up."""
        return float(raised((self.norms[1] + self.norms[3]) * self.growth, 4))


def terms_of(weight: Any) -> int:
    """The largest number of entries of a row that are not 0: adding 0 does not round."""
    counts = np.count_nonzero(weight, axis=1) if isinstance(weight, np.ndarray) else np.diff(weight.indptr)
    return int(counts.max(initial=0))


def _applied(weight: Any) -> Any:
    """A matrix as it is applied: a CSR array where it is large and most entries are 0, else a dense array."""
    from scipy.sparse import csr_array

    share = np.count_nonzero(weight) if isinstance(weight, np.ndarray) else weight.nnz
    size = weight.shape[0] * weight.shape[1]
    if size < LARGE or share > SPARSE * size:
        return np.ascontiguousarray(weight if isinstance(weight, np.ndarray) else weight.toarray())
    found = csr_array(weight)
    found.indptr, found.indices = found.indptr.astype(np.int64), found.indices.astype(np.int64)
    return found


def _cost(part: Any) -> int:
    return part.size if isinstance(part, np.ndarray) else DEARER * part.nnz


def _product(part: Any, x: np.ndarray) -> np.ndarray:
    """F x for the rows x (r, k): (r, m)."""
    if isinstance(part, np.ndarray):
        return x @ part.T
    from separatrix.surface.arrangement.sparse_kernel import sparse_products

    found = np.empty((x.shape[0], part.shape[0]))
    sparse_products(part.indptr, part.indices, part.data, np.ascontiguousarray(x), found)
    return found


def _radius_of_parts(parts: Sequence[Any]) -> np.ndarray:
    """(m,): gamma' times the 2-norms of the rows of |F_n| ... |F_1|."""
    sizes: Any = np.abs(parts[0])
    for part in parts[1:]:
        sizes = np.abs(part) @ sizes
    sizes = sizes if isinstance(sizes, np.ndarray) else sizes.toarray()
    terms = sum(terms_of(part) for part in parts)
    return np.asarray(raised(gamma(terms + len(parts)) * norm_up(sizes), terms + 8))


def _lost(parts: Sequence[Any]) -> np.ndarray:
    """(m,): what underflow can lose of F_n ... F_1 h."""
    found = np.zeros(parts[0].shape[1])
    for part in parts:
        terms = terms_of(part) + 4
        found = np.asarray(raised(np.abs(part) @ found + terms * TINIEST, terms))
    return found


_REMEMBERED: WeakKeyDictionary[LinearStep, StepBounds] = WeakKeyDictionary()
"""The whole space asks for the bounds of its steps once a box that is tried and once for the proof of the last."""
