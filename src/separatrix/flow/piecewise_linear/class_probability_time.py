"""Times along the flow of a two-class probability, in closed form (§2, §5).

Along a straight segment the log-odds l grow linearly in the time of their own flow, l = l0 + a tau, and the flow of
p = logistic(l) runs along the same segment with dt = d tau / (p (1 - p)) = (2 + 2 cosh l) d tau, so that

    t = [2 l + 2 sinh l] / a    between the ends = (2 r + 4 cosh(l0 + r / 2) sinh(r / 2)) / a,    r = l - l0.    (5.2)
"""

from __future__ import annotations

import math

import scipy.optimize

LOG_2, LEAST, MOST = math.log(2.0), -700.0, 709.0


def _log_cosh(x: float) -> float:
    x = abs(x)
    return x - LOG_2 + math.log1p(math.exp(-2.0 * x))


def _log_sinh(x: float) -> float:
    return math.log(math.sinh(x)) if x < 1.0 else x - LOG_2 + math.log1p(-math.exp(-2.0 * x))


def _log_time(level: float, rise: float) -> float:
    """The logarithm of a t, without overflow."""
    hyperbolic = 2.0 * LOG_2 + _log_cosh(level + 0.5 * rise) + _log_sinh(0.5 * rise)
    linear = math.log(2.0 * rise)
    top = max(hyperbolic, linear)
    return top + math.log(math.exp(hyperbolic - top) + math.exp(linear - top))


def duration(level: float, rise: float, speed: float) -> float:
    """The time in which the log-odds rise from ``level`` by ``rise`` > 0 where they grow at the rate ``speed`` in their
    own flow; infinite where it exceeds the range of doubles.

    >>> duration(0.0, 1.0, 2.0)
    2.1752011936438014
    """
    if not rise > 0.0:
        return 0.0
    logarithm = _log_time(level, rise) - math.log(speed)
    return math.exp(logarithm) if logarithm < MOST else math.inf


def rise_within(level: float, time: float, speed: float, most: float) -> float:
    """How far the log-odds rise within ``time`` from ``level``, at the most ``most``: the inverse of :func:`duration`.

    >>> round(rise_within(0.0, 2.1752011936438014, 2.0, 5.0), 12)
    1.0
    """
    if not time > 0.0:
        return 0.0
    wanted = math.log(time) + math.log(speed)
    top = math.log(most) if math.isfinite(most) else math.log(max(time * speed, 1.0))
    if _log_time(level, math.exp(top)) <= wanted:
        return most if math.isfinite(most) else math.exp(top)
    if _log_time(level, math.exp(LEAST)) >= wanted:
        return 0.0
    return math.exp(scipy.optimize.bisect(lambda s: _log_time(level, math.exp(s)) - wanted, LEAST, top, xtol=1e-15))  # type: ignore[arg-type]
