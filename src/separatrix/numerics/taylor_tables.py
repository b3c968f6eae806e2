"""Taylor tables of the smooth activations and of their first two derivatives, with proved errors, for compiled loops (§8).

[-T, T] is cut into cells of width 1/32 about the doubles c_i. On a cell s^(k), k = 0, 1, 2, is its Taylor polynomial of degree 9
about c_i, with coefficients (j + k)!/j! a_(j+k), a_n the Taylor coefficients of s, which flint balls give within u relative;
the product with the integer adds u. The error of a row holds

* the remainder (10 + k)!/10! |a_(10+k)| rho^10, |u - c_i| <= rho = 1/63, a_n bounded on the cell by Cauchy's estimate (below);
* the rounding of the coefficients (2 u) and of Horner's rule, bounded along the rule with |u - c_i| <= rho;
* the rounding of u - c_i (<= 2^-59) and one more rounding, for s - e and s + e.

Errors follow the size of s^(k) in the tails, so that slopes of saturated neurons keep their relative accuracy.
Cauchy: let |Im z| <= 2. Then |1 + exp z| >= 1 where cos Im z >= 0 and >= sin 2 > 0.9 elsewhere, hence for the logistic function
p: |p(z)| <= 1.12 min(1, exp Re z) and |p'(z)| = |p(z) p(-z)| <= 1.26 min(1, exp(2 - |c|)) on |z - c| <= 2, and

    |a_n(p; c)| = |a_(n-1)(p'; c)| / n <= 1.26 min(1, exp(2 - |c|)) / (n 2^(n-1)).

softplus' = p; tanh u = 2 p(2u) - 1; silu = u p(u). gelu'' = phi (2 - u^2), and |phi(z)| <= 0.4 exp((y^2 - x^2)/2).
gelu_tanh = u p(w(u)) on a disc so small that |Im w| <= 2; s(u) = u + s(-u) carries the right side to the left for n >= 2.
mish = u g(u), g = (F^2 - 1)/D, F = 1 + E, D = F^2 + 1, E = exp u. For |Im z| <= 3/2 < pi/2, x = Re E > 0 and
|D|^2 = |E|^4 + 8 x^2 + 4 x |E|^2 + 8 x + 4 > max(|E|^4, 4). |g'| = 4 |E| |1 + E|/|D|^2 is at most |E| (1 + |E|) where
|E|^2 <= 2, else 4 (1 + 1/|E|)/|E|^2, both below 3 |E| and 8/|E|^2, hence below 4.3. Discs of radius 3/2:
|a_n(g)| <= max |g'| / (n 1.5^(n-1)), and |a_n(s)| <= |c| |a_n(g)| + |a_(n-1)(g)|.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from separatrix.errors import InputError, printable
from separatrix.numerics.activation_ranges import activation_range
from separatrix.numerics.ball_doubles import within_one_rounding
from separatrix.numerics.critical_points import GELU_CUBIC, critical_points, taylor_ball
from separatrix.numerics.rounding import UNIT, Array

CELLS_PER_UNIT = 32.0
RHO = 1.0 / 63.0
DEGREE, ORDERS = 9, 3
BLOCK = DEGREE + 2  # coefficients of one order from the constant up, then the error
META = 41  # reach, largest |s'|, numbers of critical points (3), then up to three (left, right, lower, upper) an order
REACH = {"tanh": 20.0, "sigmoid": 40.0, "softplus": 40.0, "silu": 40.0, "gelu": 10.0, "gelu_tanh": 10.0, "mish": 40.0}


class TaylorTable(NamedTuple):
    """``rows`` (cells, ORDERS BLOCK) and ``meta`` (META,) of an activation; nothing is said outside [-reach, reach]."""

    rows: Array
    meta: Array


@cache
def taylor_table(name: str) -> TaylorTable:
    """The table of a smooth activation, made once; InputError for one that is not smooth.

    >>> table = taylor_table("tanh")
    >>> table.rows.shape, float(table.meta[0])
    ((1280, 33), 20.0)
    """
    if name not in REACH:
        raise InputError(f"{printable(name)} is not a smooth activation; expected one of {', '.join(sorted(REACH))}")
    from flint import arb, ctx

    reach, length = REACH[name], DEGREE + ORDERS
    n_cells = int(2 * reach * CELLS_PER_UNIT)
    centres = -reach + (np.arange(n_cells) + 0.5) / CELLS_PER_UNIT
    taylor = np.empty((n_cells, length))
    # from here on a_n(-c) = -+ a_n(c), exactly
    exact = length if name == "mish" else 1 if name in ("tanh", "sigmoid") else 2
    odd = exact == 1
    cap = ctx.cap
    try:
        ctx.cap = max(cap, length)
        with ctx.workprec(200):
            for row in range(n_cells // 2):
                series = taylor_ball(name, arb(float(centres[row])), length).coeffs()
                taylor[row] = [within_one_rounding(a) for a in series]
                series = taylor_ball(name, arb(float(centres[-1 - row])), exact).coeffs()
                taylor[-1 - row, :exact] = [within_one_rounding(a) for a in series]
    finally:
        ctx.cap = cap
    n = np.arange(exact, length)
    taylor[n_cells // 2 :, exact:] = (taylor[: n_cells // 2, exact:] * (-1.0) ** (n + odd))[::-1]
    rows = np.empty((n_cells, ORDERS * BLOCK))
    for order in range(ORDERS):
        factors = [float(math.perm(j + order, order)) for j in range(DEGREE + 2)]
        block = rows[:, order * BLOCK : (order + 1) * BLOCK]
        block[:, :-1] = taylor[:, order : order + DEGREE + 1] * factors[:-1]
        remainder = factors[-1] * coefficient_bound(name, DEGREE + 1 + order, centres) * RHO ** (DEGREE + 1)
        block[:, -1] = _horner_error(block[:, :-1]) + 1.01 * remainder
    rows.flags.writeable = False
    return TaylorTable(rows, _meta(name, reach))


def _horner_error(coefficients: Array) -> Array:
    """What rounding may do to a polynomial on |t| <= rho: the bound follows Horner's rule; factor 1.01 for its own."""
    size = np.abs(coefficients)
    h, error, slope = size[:, -1].copy(), 2.0 * UNIT * size[:, -1], np.zeros(len(size))
    for k in range(size.shape[1] - 2, -1, -1):
        slope = RHO * slope + h
        product = RHO * h
        h = size[:, k] + product
        error = RHO * error + UNIT * (product + 2.0 * size[:, k] + h)
    return 1.01 * (error + 2.0**-59 * slope + UNIT * h) + 1e-300


def _logistic_coefficient(n: int, c: Array) -> Array:
    """A bound of |a_n| of the logistic function within 1/32 of c, n >= 1."""
    return 1.26 * np.minimum(1.0, np.exp(2.1 - np.abs(c))) / (n * 2.0 ** (n - 1))


def _mish_gate_coefficient(n: int, c: Array) -> Array:
    """A bound of |a_n| of tanh(softplus) within 1/63 of c, n >= 1, as the real part moves by less than 1.52 on the disc."""
    left = 3.0 * np.exp(np.minimum(c + 1.52, 1.0))
    right = 8.0 * np.exp(np.minimum(2.0 * (1.52 - c), 1.0))
    return 1.001 * np.minimum(4.3, np.minimum(left, right)) / (n * 1.5 ** (n - 1))


def coefficient_bound(name: str, n: int, centres: Array) -> Array:
    """A bound of |s^(n)|/n! within 1/63 of the centres, n >= 2: the module's head.

    >>> bool(coefficient_bound("sigmoid", 2, np.array([0.0]))[0] > 0.0)
    True
    """
    if name == "sigmoid":
        return _logistic_coefficient(n, centres)
    if name == "tanh":
        return 2.0 * 2.0**n * _logistic_coefficient(n, 2.0 * centres)
    if name == "mish":
        return (np.abs(centres) + 0.1) * _mish_gate_coefficient(n, centres) + _mish_gate_coefficient(n - 1, centres)
    c = np.abs(centres)  # s^(n) is even or odd up to the sign for n >= 2
    if name == "softplus":
        return _logistic_coefficient(n - 1, c) / n
    if name == "silu":
        return (c + 0.1) * _logistic_coefficient(n, c) + _logistic_coefficient(n - 1, c)
    if name == "gelu":
        size = c + 2.1  # |z| on the disc of radius 2 about a point of the cell
        density = 0.4 * np.exp(2.0 - 0.5 * np.maximum(c - 2.1, 0.0) ** 2)
        return density * (2.0 + size * size) / (2.0 ** (n - 2) * n * (n - 1))
    a, b = math.sqrt(8.0 / math.pi) * 1.000001, GELU_CUBIC
    size = c + 0.6
    radius = np.minimum(0.5, 1.9 / (a * (1.0 + 3.0 * b * size * size)))
    right = -c + radius + 0.02  # the largest real part on the disc, on the left side
    inner = a * (right + b * right**3) + 3.0 * a * b * size * radius * radius
    growth = np.minimum(1.0, np.exp(np.minimum(inner + 0.1, 0.0)))
    return 1.12 * size * growth / radius**n


def _meta(name: str, reach: float) -> Array:
    """Reach, a bound of |s'|, and the critical points of s, s', s'' (see META)."""
    meta = np.zeros(META)
    meta[0] = reach
    whole = activation_range(name, 1, np.array([-np.inf]), np.array([np.inf]))
    meta[1] = max(abs(float(whole[0][0])), abs(float(whole[1][0])))
    for order in range(ORDERS):
        points = critical_points(name, order)
        meta[2 + order] = len(points)
        for i, point in enumerate(points):
            at = 5 + 12 * order + 4 * i
            meta[at : at + 4] = point.left, point.right, point.lower, point.upper
    meta.flags.writeable = False
    return meta
