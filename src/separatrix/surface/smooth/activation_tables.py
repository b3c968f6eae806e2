"""Taylor tables of the smooth activations with proved errors: one evaluation of s and s' for every activation (§8).

[-T, T] is cut into cells of width 1/32 about the doubles c_i. On a cell s is its Taylor polynomial of degree 8 about c_i
and s' its own of degree 7; flint balls give the coefficients, each within u relative. The error of a row holds

* the remainders |a_9| rho^9 and 9 |a_9| rho^8, |u - c_i| <= rho = 1/63, with a_9 = s^(9)/9! bounded on the cell by
  Cauchy's estimate;
* the rounding of the coefficients and of Horner's rule, bounded along the rule with |u - c_i| <= rho;
* the rounding of u - c_i (<= 2^-59) and one more rounding, for s - e and s + e.

Errors follow the size of s and s' in the tails, so that slopes of saturated neurons keep their relative accuracy.
Cauchy's estimate stands in :mod:`separatrix.numerics.taylor_tables`.

Beyond the table s has the tail of s(-T) on the left; on the right s(u) - u lies within that tail, too, for growing s:
softplus, SiLU and both GELUs have s(u) - u = s(-u), and for mish, E = exp u,
0 > s(u) - u = -2 u/(E^2 + 2 E + 2) > -u (1 + 2 E)/(1 + 2 E + 2 E^2) = s(-u).
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from separatrix.errors import InputError, printable
from separatrix.numerics.activation_ranges import activation_range
from separatrix.numerics.ball_doubles import within_one_rounding
from separatrix.numerics.critical_points import critical_points, taylor_ball
from separatrix.numerics.taylor_tables import coefficient_bound

CELLS_PER_UNIT = 32.0
RHO = 1.0 / 63.0
DEGREE = 8
ROW = 20  # 9 coefficients of s, 8 of s', their two errors, one spare
META = 48  # see _meta
UNIT = 2.0**-53
REACH = {"tanh": 20.0, "sigmoid": 40.0, "softplus": 40.0, "silu": 40.0, "gelu": 10.0, "gelu_tanh": 10.0, "mish": 40.0}
GROWING = ("softplus", "silu", "gelu", "gelu_tanh", "mish")


class ActivationTable(NamedTuple):
    """``rows`` (cells, ROW) and ``meta`` (META,): reach, tails, Lipschitz bound and critical points of an activation."""

    rows: np.ndarray
    meta: np.ndarray


@cache
def activation_table(name: str) -> ActivationTable:
    """The table of a smooth activation, made once (about 0.05 s); InputError for one that is not smooth.

    >>> table = activation_table("tanh")
    >>> table.rows.shape, float(table.meta[0])
    ((1280, 20), 20.0)
    """
    if name not in REACH:
        raise InputError(
            f"{printable(name)} is not a smooth activation; expected one of {', '.join(sorted(REACH))} "
            "(piecewise linear networks have exact surfaces)"
        )
    from flint import arb, ctx

    reach = REACH[name]
    n_cells = int(2 * reach * CELLS_PER_UNIT)
    centres = -reach + (np.arange(n_cells) + 0.5) / CELLS_PER_UNIT
    values, slopes = np.empty((n_cells, DEGREE + 1)), np.empty((n_cells, DEGREE))
    with ctx.workprec(400):
        for row, centre in enumerate(centres):
            series = taylor_ball(name, arb(float(centre)), DEGREE + 1).coeffs()
            values[row] = [within_one_rounding(a) for a in series]
            slopes[row] = [within_one_rounding(k * series[k]) for k in range(1, DEGREE + 1)]
    ninth = coefficient_bound(name, 9, centres)
    rows = np.zeros((n_cells, ROW))
    rows[:, : DEGREE + 1], rows[:, DEGREE + 1 : 2 * DEGREE + 1] = values, slopes
    rows[:, 2 * DEGREE + 1] = _horner_error(values) + 1.01 * ninth * RHO**9
    rows[:, 2 * DEGREE + 2] = _horner_error(slopes) + 1.01 * 9.0 * ninth * RHO**8
    rows.flags.writeable = False
    return ActivationTable(rows, _meta(name, reach))


def _horner_error(coefficients: np.ndarray) -> np.ndarray:
    """What rounding may do to a polynomial on |t| <= rho: the bound follows Horner's rule; factor 1.01 for its own."""
    size = np.abs(coefficients)
    h, error, slope = size[:, -1].copy(), UNIT * size[:, -1], np.zeros(len(size))
    for k in range(size.shape[1] - 2, -1, -1):
        slope = RHO * slope + h
        product = RHO * h
        h = size[:, k] + product
        error = RHO * error + UNIT * (product + size[:, k] + h)
    return 1.01 * (error + 2.0**-59 * slope + UNIT * h) + 1e-300


def _meta(name: str, reach: float) -> np.ndarray:
    """reach; tails of s on the left (2), on the right (2) and whether u is added; of s' (4); Lipschitz bound; then up to
    three critical points (left, right, lower, upper) of s (from 12) and of s' (from 24), their numbers at 10 and 11.
    """
    meta = np.zeros(META)
    meta[0] = reach
    growing = name in GROWING
    left, right = np.array([-np.inf, reach]), np.array([-reach, np.inf])
    value, slope = activation_range(name, 0, left, right), activation_range(name, 1, left, right)
    meta[1:3] = value[0][0], value[1][0]
    meta[3:5] = (meta[1], meta[2]) if growing else (value[0][1], value[1][1])
    meta[5] = float(growing)
    meta[6:10] = slope[0][0], slope[1][0], slope[0][1], slope[1][1]
    whole = activation_range(name, 1, np.array([-np.inf]), np.array([np.inf]))
    for order in (0, 1):
        points: tuple[Any, ...] = critical_points(name, order)
        meta[10 + order] = len(points)
        for i, point in enumerate(points):
            at = 12 + 12 * order + 4 * i
            meta[at : at + 4] = point.left, point.right, point.lower, point.upper
    meta[36] = max(abs(float(whole[0][0])), abs(float(whole[1][0])))
    meta.flags.writeable = False
    return meta
