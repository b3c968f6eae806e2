"""Bounds of affine forms that are carried from cell to cell (§6).

In a cell with the signs D the values of layer q are G_q (x, 1), and the values behind its crease H_q (x, 1), H_q = D_q G_q,
G_q = W_q H_(q-1) + b_q. From cell to cell the columns j of W_q are added, times the change of row j of H_(q-1). With U the
unit roundoff, h_t >= |H_t|_2 for the columns t of all cells and eta_t bounds of the errors of H_(q-1),

    |G_it - (W H + b)_it| <= (gamma + C U) (p_i h_t + [t = n] |b_i|),   C = sum (1.1 + (r + 4) max_t |dH_t|_2 / h_t)

over the changes since all was computed: r products are added up, each with the rounding of a difference, |W_ij| |dH_jt| U, and
of the product and the sums; their total, at most p_i |dH_t|_2 in size, is added to G_it, at most p_i h_t + |b_i|. So

    |G_it - exact| <= p_i (eta_t + rho_t) + q_i (h_t + eta_t) + [t = n] c_i,   rho_t = (gamma + C U) h_t,

and at a double x within delta of an exact point, L the Lipschitz constant of what is before the layer,

    |A_i - exact| <= p_i s + q_i g + c_i,   s = sum_t (eta_t + rho_t + gamma h_t) |x_t| + L delta,
                                            g = sum_t (h_t + eta_t) |x_t| + L delta,           x_n = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.norms import TINIEST, UNIT, gamma, norm_up, raised
from separatrix.surface.arrangement.step_bounds import StepBounds, terms_of

LIMIT = 4096.0  # C of the module's text, at most


@dataclass(frozen=True, eq=False)
class WalkBounds:
    """For the layers 0, 1, …: ``rows`` (3, m) each: p, q, c; tables (layers, n + 1): ``exact``: eta of the layer before,
    ``rounded``: rho + gamma h, ``size``: h + eta, ``length``: h of the layer itself. Layer 0 has what the affine map of x has.
    """

    rows: list[np.ndarray]
    exact: np.ndarray
    rounded: np.ndarray
    size: np.ndarray
    length: np.ndarray

    @classmethod
    def of(cls, steps: Sequence[LinearStep], bounds: Sequence[StepBounds], reach: float) -> WalkBounds:
        """``reach``: 1 and the largest |x_t| of the box together, for what underflow can lose."""
        n = steps[0].weight.shape[1]
        rows, tables = [], []
        before: tuple[np.ndarray, np.ndarray] | None = None
        for step, bound in zip(steps, bounds, strict=True):
            row, *table = _first(step, n, reach) if before is None else _next(step, bound, n, reach, *before)
            exact, rounded, size, error, length = table
            length = np.asarray(raised(bound.growth * length))
            error = np.asarray(raised(bound.growth * error + 2 * UNIT * length + step.bias.size * TINIEST))
            rows.append(row)
            tables.append((exact, rounded, size, length))
            before = error, length
        return cls(rows, *(np.array(part) for part in zip(*tables, strict=True)))


def _first(step: LinearStep, n: int, reach: float) -> tuple[np.ndarray, ...]:
    """p, q, c of the first layer, what multiplies them, and the errors and sizes of the columns of its forms."""
    dot, b = gamma(n + 2), np.abs(step.bias)
    c = raised(dot * b + step.bias_radius + 16 * reach * TINIEST)
    row = np.stack([norm_up(step.weight), np.asarray(raised(step.weight_radius)), np.asarray(c)])
    ones, last = np.append(np.ones(n), 0.0), np.append(np.zeros(n), 1.0)
    error = float(norm_up(row[1])) * ones + float(norm_up(row[2])) * last
    length = np.append(norm_up(step.weight, axis=0), norm_up(step.bias))
    return row, 0 * ones, dot * ones, ones, error, length


def _next(
    step: LinearStep, bound: StepBounds, n: int, reach: float, error: np.ndarray, length: np.ndarray
) -> tuple[np.ndarray, ...]:
    """The same of a later layer, from the errors and lengths of the columns of the forms behind the crease before it."""
    terms, last, width = terms_of(step.weight), np.append(np.zeros(n), 1.0), float(step.bias.size)
    dot, unit = gamma(n + 2), gamma(terms + 2) + 1.01 * UNIT * LIMIT
    lost = (LIMIT + terms + 16) * TINIEST
    c = np.asarray(raised((unit + dot) * np.abs(step.bias) + step.bias_radius + lost * reach))
    row = np.stack([norm_up(step.weight), np.asarray(raised(step.weight_radius)), c])
    spectral, whole, weak = bound.norms[1], bound.norms[5], float(norm_up(row[1]))
    rho = unit * length
    constant = float(norm_up(c)) * last + lost * np.sqrt(width)
    after = raised((spectral + weak) * error + weak * length + whole * rho + constant, 16)
    most = raised(spectral * length + whole * rho + float(norm_up(step.bias)) * last + constant, 16)
    rounded, size = raised(rho + dot * (length + error) * 1.01, 8), raised(length + error, 8)
    return row, error, np.asarray(rounded), np.asarray(size), np.asarray(after), np.asarray(most)
