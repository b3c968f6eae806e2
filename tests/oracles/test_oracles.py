"""The oracles judge the library only where they agree with one another."""

import mpmath
import numpy as np
import pytest

from tests.oracles import autograd, jets
from tests.oracles.blueprints import ACTIVATIONS, architectures, doubles


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_long_doubles_digits_and_autograd_agree(activation):
    rng = np.random.default_rng(1)
    for blueprint in architectures(rng, activation).values():
        x = rng.standard_normal((1, blueprint.n_inputs))
        for case in blueprint.potentials:
            long, digits = blueprint.long(x, *case), blueprint.digits(x, *case)
            for a, b, c in zip(long, digits, autograd.potential(blueprint, x[0], *case), strict=True):
                scale = 1 + np.abs(doubles(b)).max()
                np.testing.assert_allclose(c, doubles(b)[0], rtol=0, atol=1e-12 * scale)
                with mpmath.workdps(jets.DIGITS):
                    errors = [abs(jets.exact(p) - q) for p, q in zip(a.ravel(), b.ravel(), strict=True)]
                assert max(errors) < 100 * jets.LONG_EPS * scale


def test_error_function_in_long_doubles():
    x = np.linspace(-8, 8, 201).astype(jets.LONG)
    with mpmath.workdps(30):
        errors = [
            abs(jets.exact(a) - mpmath.erf(jets.exact(b))) for a, b in zip(jets.LongDoubles.erf(x), x, strict=True)
        ]
    assert max(errors) < 10 * jets.LONG_EPS
