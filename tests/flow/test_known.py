"""The known potentials are what they say: derivatives against mpmath's, enclosures against points."""

import mpmath
import numpy as np
import pytest

from tests.flow import known

FORMULAS = {
    "double well": known.double_well(0.3),
    "Himmelblau": known.himmelblau(),
    "Mueller-Brown": known.muller_brown(),
    "linear": known.linear([1.5, -2.0]),
    "ring": known.ring(),
    "plateau": known.plateau(3.0),
    "two close": known.two_close(0.1),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_derivatives_are_those_of_the_value(name):
    f, x = FORMULAS[name], [0.37, -0.41]
    with mpmath.workdps(30):
        value, gradient, hessian = f.digits(x)
        at = lambda *p: f.digits(p)[0]  # noqa: E731
        for i in range(2):
            assert abs(gradient[i] - mpmath.diff(at, x, tuple(int(i == j) for j in range(2)))) < 1e-10
            for k in range(2):
                order = tuple(int(i == j) + int(k == j) for j in range(2))
                assert abs(hessian[i, k] - mpmath.diff(at, x, order)) < 1e-5 * (1 + abs(hessian[i, k]))
    point = np.array([x])
    np.testing.assert_allclose(f.value(point)[0], float(value), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(f.gradient(point)[0], [float(g) for g in gradient], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(f.hessian(point)[0], np.array(hessian.tolist(), dtype=float), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(f.value_and_gradient(point)[1], f.gradient(point))


@pytest.mark.parametrize("width", [0.0, 1e-9, 1e-3, 0.3])
@pytest.mark.parametrize("name", FORMULAS)
def test_enclosures_hold_the_exact_numbers(name, width):
    f, rng = FORMULAS[name], np.random.default_rng(0)
    lower = rng.uniform(-1.5, 1.5, (4, 2))
    upper = lower + width
    boxes = f.enclose(lower, upper)
    with mpmath.workdps(40):
        for row in range(4):
            single = f.enclose(lower[row], upper[row])
            for _ in range(5):
                x = np.clip(lower[row] + width * rng.random(2), lower[row], upper[row])
                value, gradient, hessian = f.digits(x)
                for enclosure in (single, None):
                    v, g, h = single if enclosure else (part[row] for part in boxes)
                    assert v.lower <= value <= v.upper
                    assert all(g.lower[i] <= gradient[i] <= g.upper[i] for i in range(2))
                    assert all(h.lower[i, j] <= hessian[i, j] <= h.upper[i, j] for i in range(2) for j in range(2))


def test_quadratic_enclosures():
    f = known.Quadratic([[-2.0, 0.5, 0.1], [0.5, -1.0, 0.3], [0.1, 0.3, 4.0]], [0.3, 0.1, -0.2])
    rng = np.random.default_rng(1)
    lower = rng.standard_normal((20, 3))
    upper = lower + rng.random((20, 3))
    value, gradient, hessian = f.enclose(lower, upper)
    for _ in range(50):
        x = lower + (upper - lower) * rng.random((20, 3))
        assert (
            value.contains(f.value(x)).all()
            and gradient.contains(f.gradient(x)).all()
            and hessian.contains(f.hessian(x)).all()
        )
