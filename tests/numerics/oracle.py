"""Flint balls as the slow and independent judge of doubles."""

import numpy as np
from flint import arb, ctx


def normal_density(x):
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def normal_distribution(x):
    return (-x / arb(2).sqrt()).erfc() / 2


BALL_FUNCTIONS = {
    "exp": lambda x: x.exp(),
    "expm1": lambda x: x.expm1(),
    "log": lambda x: x.log(),
    "log1p": lambda x: x.log1p(),
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "tanh": lambda x: x.tanh(),
    "softplus": lambda x: x.exp().log1p(),
    "erf": lambda x: x.erf(),
    "erfc": lambda x: x.erfc(),
    "normal_pdf": normal_density,
    "normal_cdf": normal_distribution,
}


def violations(function, points, lower, upper, bits=160):
    """The points whose exact value is not proved to lie in [lower, upper] by balls of rising precision."""
    bad = []
    for x, low, high in zip(points.tolist(), lower.tolist(), upper.tolist(), strict=True):
        precision = bits
        while True:
            with ctx.workprec(precision):
                ball = function(arb(x))
                if arb(low) <= ball and ball <= arb(high):
                    break
                if arb(low) > ball or ball > arb(high) or precision > 30000:
                    bad.append((x, low, high))
                    break
            precision *= 4
    return bad


def widths_in_ulps(lower, upper):
    """Distance of the two ends counted in doubles between numbers of the larger one's size."""
    size = np.maximum(np.abs(lower), np.abs(upper))
    return (upper - lower) / np.spacing(np.maximum(size, 2.0**-1022))
