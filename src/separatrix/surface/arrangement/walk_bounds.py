"""Bounds of affine forms that are carried from cell to cell (§6).

In a cell with the signs D the values of layer q are G_q (x, 1), and the values behind its crease H_q (x, 1), H_q = D_q G_q,
G_q = W_q H_(q-1) + b_q. The sums are kept in whole multiples of 1 / S_qt, so that a product is taken away exactly as it was
added, in any order: nothing builds up. With U the unit roundoff, h_t >= |H_t|_2 for the columns t of all cells and eta_t
bounds of the errors of H_(q-1), a product and the sum are rounded once, and each of at most m terms and b lose less than 1 / S:

    |G_it - (W H + b)_it| <= 2.1 U (p_i h_t + [t = n] |b_i|) + (m + 2) / S_qt,
    |G_it - exact| <= p_i (eta_t + rho_t) + q_i (h_t + eta_t) + [t = n] c_i + (m + 2) / S_qt,   rho_t = 2.1 U h_t,

and at a double x within delta of an exact point of the closed cell, whose exact value there is that of the cell's exact form,

    |A_i - exact| <= p_i s + q_i g + c_i + d,   s = sum_t (eta_t + rho_t + gamma h_t) |x_t|,   g = sum_t (h_t + eta_t) |x_t|,
                                               d = (|slopes of G| + the bound of their errors) delta,            x_n = 1,

c_i with sum_t (m + 2) / S_qt max |x_t|: the units' part is taken at the exact point, which lies in the box. A sum stays below
2^62: S_qt is a power of two with S_qt (p h_t + |b|) <= 2^60.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.norms import TINIEST, UNIT, gamma, norm_up, raised
from separatrix.surface.arrangement.step_bounds import StepBounds, terms_of

LARGEST = 60  # the exponent of sums, in whole numbers


@dataclass(frozen=True, eq=False)
class WalkBounds:
    """For the layers 0, 1, …: ``rows`` (3, m) each: p, q, c; tables (layers, n + 1): ``exact``: eta of the layer before,
    ``rounded``: rho + gamma h, ``size``: h + eta, ``grain``: (m + 2) / S, ``scales``: S. Layer 0 has what x itself has.
    ``reach`` (n + 1,): the largest |x_t|, and 1.
    """

    rows: list[np.ndarray]
    exact: np.ndarray
    rounded: np.ndarray
    size: np.ndarray
    grain: np.ndarray
    scales: np.ndarray
    reach: np.ndarray

    @classmethod
    def of(cls, steps: Sequence[LinearStep], bounds: Sequence[StepBounds], reach: np.ndarray) -> WalkBounds:
        """``reach`` (n + 1,): the largest |x_t| of the box, and 1."""
        rows, tables = [], []
        before: tuple[np.ndarray, np.ndarray] | None = None
        with np.errstate(all="ignore"):  # are_finite says what came of it
            for step, bound in zip(steps, bounds, strict=True):
                row, *table, error, length = (
                    _first(step, reach) if before is None else _next(step, bound, reach, *before)
                )
                length = np.asarray(raised(bound.growth * length))
                error = np.asarray(raised(bound.growth * error + 2 * UNIT * length + step.bias.size * TINIEST))
                rows.append(row)
                tables.append(table)
                before = error, length
        exact, rounded, size, grain, scales = (np.array(part) for part in zip(*tables, strict=True))
        return cls(rows, exact, rounded, size, grain, scales, reach)

    @property
    def are_finite(self) -> bool:
        """Whether everything is: sums of whole numbers know no infinity."""
        tables = (*self.rows, self.exact, self.rounded, self.size, self.grain, self.scales)
        return all(bool(np.isfinite(table).all()) for table in tables)


def _radius(step: LinearStep) -> np.ndarray:
    """q: 0 stays 0, for exact rows are known by it."""
    return np.where(step.weight_radius > 0, raised(step.weight_radius), 0.0)


def _first(step: LinearStep, reach: np.ndarray) -> tuple[np.ndarray, ...]:
    """p, q, c of the first layer, what multiplies them, and the errors and lengths of the columns of its forms."""
    n = reach.size - 1
    dot = gamma(n + 2)
    c = np.asarray(raised(dot * np.abs(step.bias) + step.bias_radius + 16 * reach.sum() * TINIEST))
    row = np.stack([norm_up(step.weight), _radius(step), c])
    ones, last = np.append(np.ones(n), 0.0), np.append(np.zeros(n), 1.0)
    error = float(norm_up(row[1])) * ones + float(norm_up(c)) * last
    length = np.append(norm_up(step.weight, axis=0), norm_up(step.bias))
    return row, 0 * ones, dot * ones, ones, 0 * ones, ones + last, error, length


def _next(
    step: LinearStep, bound: StepBounds, reach: np.ndarray, error: np.ndarray, length: np.ndarray
) -> tuple[np.ndarray, ...]:
    """The same of a later layer, from the errors and lengths of the columns of the forms behind the crease before it."""
    n, terms, size = reach.size - 1, terms_of(step.weight), np.abs(step.bias)
    dot, last, p = gamma(n + 2), np.append(np.zeros(n), 1.0), norm_up(step.weight)
    room = 2.0 * float(p.max(initial=0.0)) * length + 2.0 * float(size.max(initial=0.0)) * last + TINIEST
    scales = np.ldexp(1.0, np.clip(LARGEST - np.frexp(room)[1], -900, 900))
    scales[~((room < 2.0**900) & (length * scales < 2.0**1000))] = np.inf
    grain = (terms + 2) / scales
    c = np.asarray(
        raised((2.1 * UNIT + dot) * size + step.bias_radius + grain @ reach + 16 * reach.sum() * TINIEST, n + 8)
    )
    row = np.stack([p, _radius(step), c])
    spectral, whole, weak = bound.norms[1], bound.norms[5], float(norm_up(row[1]))
    rho = 2.1 * UNIT * length
    constant = float(norm_up(c)) * last + (grain + TINIEST) * np.sqrt(float(p.size))
    after = raised((spectral + weak) * error + weak * length + whole * rho + constant, 16)
    most = raised(spectral * length + whole * rho + float(norm_up(step.bias)) * last + constant, 16)
    rounded, sizes = raised(rho + 1.01 * dot * (length + error), 8), raised(length + error, 8)
    return row, error, np.asarray(rounded), np.asarray(sizes), grain, scales, np.asarray(after), np.asarray(most)
