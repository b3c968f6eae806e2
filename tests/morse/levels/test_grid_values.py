"""Values at many points against the enclosures of single boxes: networks within and beyond the tables, formulas."""

from __future__ import annotations

import numpy as np
import pytest

import separatrix as sx
from separatrix import expression
from separatrix.morse.levels.grid_values import values_over
from separatrix.morse.levels.negated import negated

X = np.random.default_rng(0).uniform(-2, 2, (60, 2))


@pytest.mark.parametrize("name", ["moons-tanh", "moons-silu", "blobs-sigmoid", "ring-relu"])
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_networks(name, scale):
    net = sx.data.network(name)
    for f in (sx.log_density(net), negated(sx.log_odds(net, 0)), sx.margin(net, 1, 0), sx.class_probability(net, 1)):
        found, other = values_over(f, scale * X, scale * X), f.enclose(scale * X, scale * X).value
        assert found.overlaps(other).all() and (found.radius <= 1e-11 * (1 + found.magnitude)).all()
        assert found.contains(f.value(scale * X)).mean() > 0.9  # rounded values may lie beside sharp enclosures


@pytest.mark.parametrize(
    "text",
    [
        "3",
        "x",
        "sqrt(x) + 1/y",
        "log(x) - tan(y)**3",
        "exp(-x**2)*sin(3*x*y)",
        "tanh(x)**5*atan(y)",
        "exp(900*x) - exp(900*y)",
    ],
)
def test_formulas(text):
    f = expression(text, "x y")
    upper = X + np.random.default_rng(1).choice([0.0, 0.1, 1.0], (60, 1))
    found, other = values_over(f, X, upper), f.enclose(X, upper).value
    assert np.array_equal(np.isfinite(found.lower), np.isfinite(other.lower)) and found.overlaps(other).all()
    known = np.isfinite(found.lower) & np.isfinite(found.upper)
    inner = (X + (upper - X) * np.random.default_rng(2).random(X.shape))[known]
    values = f.value(inner) if known.any() else np.zeros(0)
    slack = 1e-12 * (1 + np.abs(values))
    assert ((values >= found.lower[known] - slack) & (values <= found.upper[known] + slack)).all()
