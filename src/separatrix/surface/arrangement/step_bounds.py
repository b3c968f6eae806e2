"""What the error bounds of one step need, computed once a step and rounded up (§6).

With h the float input of a step (after the crease), |h - exact| <= E in the 2-norm, and A = fl(h W^T + b) in any order of
summation, with or without fused operations,

    |A_i - exact_i| <= p_i s + q_i g + c_i,    s = E + gamma |h|,  g = |h| + E,                                       (1)
    |A - exact|_2   <= |W|_2 E + gamma |W|_F |h| + |q|_2 g + |c|_2,                                                   (2)

p_i >= |w_i|_2, q_i the radius of row i, c_i = gamma |b_i| + radius of b_i + what underflow can lose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.norms import TINIEST, gamma, norm_up, raised, spectral_norm_up

LARGE, SPARSE = 1 << 16, 0.1  # entries of a weight, and the share of them that is not 0


@dataclass(frozen=True, eq=False)
class StepBounds:
    """``rows`` (3, m): p, q, c of (1); ``exact_bias`` (m,): the radius of the bias alone, which is c where h is exactly 0.

    ``norms``: gamma, |W|_2, gamma |W|_F, |q|_2, |c|_2 of (2), |W|_F; ``growth``: the largest slope in size, at least 1;
    ``left`` (m,): slopes below zero; ``creased`` (c,); ``sparse``: the weight as a CSR array where most entries are 0, else None.
    """

    weight: np.ndarray
    bias: np.ndarray
    rows: np.ndarray
    exact_bias: np.ndarray
    norms: np.ndarray
    growth: float
    left: np.ndarray
    creased: np.ndarray
    sparse: Any = None

    @classmethod
    def of(cls, step: LinearStep) -> StepBounds:
        """The bounds of ``step``, which are remembered as long as the step is there."""
        if step not in _REMEMBERED:
            _REMEMBERED[step] = cls._computed(step)
        return _REMEMBERED[step]

    @classmethod
    def _computed(cls, step: LinearStep) -> StepBounds:
        weight, bias = np.array(step.weight, order="C"), np.array(step.bias)  # a network's own arrays are read-only
        unit = gamma(int(np.count_nonzero(weight, axis=1).max(initial=0)) + 1)  # adding 0 does not round
        with np.errstate(all="ignore"):
            lost = (weight.shape[1] + 4) * TINIEST
            c = raised(unit * np.abs(bias) + step.bias_radius + lost)
            p = norm_up(weight)
            whole = float(norm_up(weight.ravel()))
            norms = [unit, spectral_norm_up(weight), unit * whole, norm_up(step.weight_radius), norm_up(c), whole]
        return cls(
            weight,
            bias,
            np.ascontiguousarray(np.stack([p, step.weight_radius, c])),
            np.array(step.bias_radius, dtype=np.float64),
            np.array(raised(np.array(norms)), dtype=np.float64),
            max(1.0, float(np.abs(step.slope).max())),
            np.array(step.slope, dtype=np.float64),
            np.array(step.creased, dtype=np.int64),
            _sparse(weight),
        )

    def times(self, h: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """W h for the rows (…, k) of ``h``: (…, m), in ``out`` where that is given."""
        if self.sparse is None:
            return np.matmul(h, self.weight.T, out=out)
        columns = np.ascontiguousarray(h.reshape(-1, h.shape[-1]).T)
        out = np.empty((*h.shape[:-1], self.bias.size)) if out is None else out
        out[...] = (self.sparse @ columns).T.reshape(out.shape)
        return out

    def slope(self) -> float:
        """A Lipschitz constant of the exact map and the crease behind it: |W|_2 + |q|_2 times ``growth``, rounded up."""
        return float(raised((self.norms[1] + self.norms[3]) * self.growth, 4))


def _sparse(weight: np.ndarray) -> Any:
    if weight.size < LARGE or np.count_nonzero(weight) > SPARSE * weight.size:
        return None
    from scipy.sparse import csr_array

    return csr_array(weight)


_REMEMBERED: WeakKeyDictionary[LinearStep, StepBounds] = WeakKeyDictionary()
"""The whole space asks for the bounds of its steps once a box that is tried and once for the proof of the last."""
