"""All critical points of the smooth activations and of their first two derivatives, enclosed by flint balls (§8).

A range needs every zero of s^(n+1). That the table below is complete:

* sigmoid, softplus: with p = sigmoid, p'' = p' (1 - 2 p) vanishes at 0 only, p''' = p' (1 - 6 p + 6 p^2) where p =
  1/2 +- 1/(2 sqrt 3); p and softplus increase. tanh: t'' = -2 t t' at 0 only, t''' = t' (6 t^2 - 2) where t = +-
  1/sqrt 3.
* gelu: s'' = phi (2 - u^2), s''' = phi (u^3 - 4 u): zeros +- sqrt 2 and 0, +- 2. s' falls from 0 at -inf to its
  minimum at -sqrt 2, rises to its maximum above 1 at sqrt 2 and falls to 1: it vanishes once, in (-sqrt 2, sqrt 2).
* silu: T = tanh(u/2), s' = sigmoid(u) (1 + u sigmoid(-u)), and 1 + e^u + u increases: one zero. s'' = p' (2 - u T),
  and u T increases in |u|: one pair. s''' = p'/2 (3 T (u T - 2) - u), zero at 0 and where u/2 = atanh T = 3 T / (3
  T^2 - 1): for T > 0 the right side is negative up to 1/sqrt 3 and decreases from there while the left increases: one
  pair.
* gelu_tanh: s = u sigmoid(w), w = a (u + b u^3), T = tanh(w/2), p' = T_w/2 at w. s - u/2 is even, so s'' is even,
  s''' odd, s'(-u) = 1 - s'(u). s'' = p' (2 w' + u w'' - u T w'^2) vanishes where (a/2) u T . (1 + 3 b u^2)^2/(1 + 6 b
  u^2) = 1; for u > 0 both factors increase, the second because it is 1 + y^2/(1 + 2 y), y = 3 b u^2: one pair. So s'
  rises from 1/2 at 0 to above 1 and falls to 1: s'(-u) = 1 - s'(u) vanishes once. s''' = p' (u w'^3 (3 T^2 - 1)/2 - 3
  T w'^2 - 3 u T w' w'' + 3 w'' + u w'''): for u >= 4, w''/w' = 6 b u/(1 + 3 b u^2) <= 2/u, so it is positive once u
  w' (3 T^2 - 1)/2 > 9 T; at 4, u w' > 20 and T > 0.999, and both increase. On [0, 4] the balls prove one zero besides
  0: SIGNS.
* mish: with E = e^u, F = 1 + E, D = F^2 + 1: s = u (F^2 - 1)/D. s' vanishes where u = -(F + 1)(F^2 + 1)/(4 F) = -(F^2 + F + 1 +
  1/F)/4, whose right side falls: one zero. s'' = 4 E/D^3 (4 + 8 E + 6 E^2 + 2 E^3 + u (2 + 2 E - 3 E^2 - 2 E^3)): for u <= -3,
  E < 0.05 and the bracket is < 4.5 - 3 * 1.99; for u >= 3 the factor of u is < -2 E^3 - 2 E^2 and the bracket < 4 + 8 E - 4 E^3:
  negative on both sides. s''' = 4 E/D^4 (12 + 24 E - 24 E^3 - 21 E^4 - 6 E^5 + u (4 - 32 E^2 - 24 E^3 + 5 E^4 + 4 E^5)): for
  u <= -4, E < 0.019 and the bracket is < 12.5 - 4 * 3.9; for u >= 4 the factor is > 4 E^5 and the bracket > 10 E^5 - 21 E^4 - 24
  E^3 > 0. Between, the balls prove two zeros of s'' and three of s''': SIGNS.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

from separatrix.numerics.ball_doubles import outward

BITS, WIDEST = 200, 0.5
GELU_CUBIC = 0.044715  # b of gelu_tanh is this double, as in PyTorch

# where s^(n+1) vanishes: exact abscissas, and brackets at whose ends it has opposite signs, for both signs of u
_EXACT = {
    ("sigmoid", 1): (0.0,),
    ("tanh", 1): (0.0,),
    ("softplus", 2): (0.0,),
    ("gelu", 2): (-2.0, 0.0, 2.0),
    ("silu", 2): (0.0,),
    ("gelu_tanh", 2): (0.0,),
}
_BRACKETS = {
    ("sigmoid", 2): (1.0, 2.0),
    ("tanh", 2): (0.5, 1.0),
    ("gelu", 1): (1.0, 2.0),
    ("silu", 1): (2.0, 3.0),
    ("silu", 2): (3.0, 5.0),
    ("gelu_tanh", 1): (1.0, 2.0),
    ("gelu_tanh", 2): (1.75, 2.25),
}
_SINGLE_BRACKETS = {
    ("gelu", 0): ((-1.0, -0.5),),
    ("silu", 0): ((-2.0, -1.0),),
    ("gelu_tanh", 0): ((-1.0, -0.5),),
    ("mish", 0): ((-2.0, -1.0),),
    ("mish", 1): ((-3.0, -2.0), (1.0, 2.0)),
    ("mish", 2): ((-4.0, -3.0), (-0.25, 0.0), (2.0, 2.5)),
}
# order of a derivative, its sign on an interval: in a bracket that of s^(n+2), so that there is one zero, between that of s^(n+1)
SIGNS = {
    ("gelu_tanh", 2): ((4, -1, 0.0, 0.5), (3, -1, 0.5, 1.75), (4, 1, 1.75, 2.25), (3, 1, 2.25, 4.0)),
    ("mish", 1): ((3, 1, -3.0, -2.0), (2, 1, -2.0, 1.0), (3, -1, 1.0, 2.0), (2, -1, 2.0, 3.0)),
    ("mish", 2): (
        (4, 1, -4.0, -3.0), (3, 1, -3.0, -0.25), (4, -1, -0.25, 0.0), (3, -1, 0.0, 2.0), (4, 1, 2.0, 2.5), (3, 1, 2.5, 4.0),
    ),
}  # fmt: skip


class CriticalPoint(NamedTuple):
    """A zero c of s^(n+1): c in [left, right], s^(n)(c) in [lower, upper]."""

    left: float
    right: float
    lower: float
    upper: float


def taylor_ball(name: str, u: Any, length: int) -> Any:
    """The power series of the activation about the ball u, to ``length`` terms, as flint balls."""
    from flint import arb, arb_series

    x = arb_series([u, 1], length)
    if name == "gelu":
        return x * (1 + (x / arb(2).sqrt()).erf()) / 2
    if name == "tanh":
        return 1 - 2 / (1 + (2 * x).exp())
    if name == "softplus":
        return (1 + x.exp()).log()
    if name == "sigmoid":
        return 1 / (1 + (-x).exp())
    if name == "silu":
        return x / (1 + (-x).exp())
    if name == "mish":
        if u > 0:
            e = (-x).exp()
            return x - 2 * x * e * e / (1 + 2 * e + 2 * e * e)
        e = x.exp()
        return x * e * (2 + e) / (2 + e * (2 + e))
    assert name == "gelu_tanh"
    w = 2 * (2 / arb.pi()).sqrt() * (x + arb(GELU_CUBIC) * x * x * x)
    return x / (1 + (-w).exp())


def derivative_ball(name: str, order: int, u: Any) -> Any:
    """s^(order) on the ball u."""
    from flint import arb

    coefficients = taylor_ball(name, arb(u), order + 1).coeffs()
    return coefficients[order] * math.factorial(order) if len(coefficients) > order else arb(0)


@cache
def critical_points(name: str, order: int) -> tuple[CriticalPoint, ...]:
    """All zeros of s^(order + 1), with the values of s^(order) there; see the module's head for the proof.

    >>> [round(point.left, 6) for point in critical_points("gelu", 1)]
    [-1.414214, 1.414214]
    """
    from flint import arb, ctx

    key = (name, order)
    brackets = [(arb(c), arb(c)) for c in _EXACT.get(key, ())]
    with ctx.workprec(BITS):
        for derivative, sign, low, high in SIGNS.get(key, ()):
            if not _has_sign(name, derivative, sign, low, high):
                raise ArithmeticError(f"the sign of derivative {derivative} of {name} on [{low}, {high}] is not proved")
        if key in _BRACKETS:
            low, high = _BRACKETS[key]
            brackets += [_bisected(name, order + 1, -high, -low), _bisected(name, order + 1, low, high)]
        brackets += [_bisected(name, order + 1, *ends) for ends in _SINGLE_BRACKETS.get(key, ())]
        found = []
        for low, high in brackets:
            abscissa = low.union(high)
            found.append(CriticalPoint(*outward(abscissa), *outward(derivative_ball(name, order, abscissa))))
    return tuple(sorted(found))


def _bisected(name: str, order: int, low: float, high: float) -> tuple[Any, Any]:
    """A narrow bracket of a sign change of s^(order), ends exact."""
    from flint import arb

    left, right = arb(low), arb(high)
    rising = derivative_ball(name, order, right) > 0
    start, end = derivative_ball(name, order, left), derivative_ball(name, order, right)
    if not (start < 0 < end or start > 0 > end):
        raise ArithmeticError(f"no change of sign of the derivative of {name} on [{low}, {high}]")
    for _ in range(120):
        middle = ((left + right) / 2).mid()
        value = derivative_ball(name, order, middle)
        if not (value > 0 or value < 0):
            break
        if (value > 0) == rising:
            right = middle
        else:
            left = middle
    if not right - left < 1e-14:
        raise ArithmeticError(f"the critical point of {name} on [{low}, {high}] could not be enclosed")
    return left, right


def _has_sign(name: str, order: int, sign: int, left: float, right: float, depth: int = 12) -> bool:
    """Whether sign . s^(order) > 0 on [left, right] is proved by balls on at most 2^depth parts."""
    from flint import arb

    if right - left <= WIDEST and sign * derivative_ball(name, order, arb(left).union(arb(right))) > 0:
        return True
    middle = 0.5 * (left + right)
    return depth > 0 and (
        _has_sign(name, order, sign, left, middle, depth - 1) and _has_sign(name, order, sign, middle, right, depth - 1)
    )
