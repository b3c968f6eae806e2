"""Products in twice the precision against fractions."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csr_array

from separatrix.surface.arrangement.accurate_products import accurate_product


def exact(w: np.ndarray, v: np.ndarray, c: np.ndarray) -> list[list[Fraction]]:
    found = [
        [
            sum((Fraction(a) * Fraction(b) for a, b in zip(row, column, strict=True)), Fraction(0))
            for column in v.T.tolist()
        ]
        for row in w.tolist()
    ]
    for row, constant in zip(found, c.tolist(), strict=True):
        row[-1] += Fraction(constant)
    return found


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_products_are_within_their_bounds_of_rational_ones(seed: int, is_sparse: bool) -> None:
    rng = np.random.default_rng(seed)
    m, r, k = rng.integers(1, 5), rng.integers(0, 40), rng.integers(1, 4)
    w = rng.normal(size=(m, r)) * 2.0 ** rng.integers(-30, 30, (m, r)) * (rng.random((m, r)) < 0.7)
    v, c = rng.normal(size=(r, k)) * 2.0 ** rng.integers(-30, 30, (r, k)), rng.normal(size=m)
    if seed % 2 and r > 1:  # large terms that cancel
        w[:, 1 : 2 * (r // 2) : 2] = w[:, 0 : 2 * (r // 2) : 2]
        v[1 : 2 * (r // 2) : 2] = -v[0 : 2 * (r // 2) : 2]
    found = accurate_product(csr_array(w) if is_sparse else w, v, c)
    assert found is not None
    product, errors = found
    for row, values, bounds in zip(exact(w, v, c), product.tolist(), errors.tolist(), strict=True):
        for value, near, bound in zip(row, values, bounds, strict=True):
            assert abs(value - Fraction(near)) <= Fraction(bound)
            assert bound <= 2.0**-52 * abs(near) + 1e-26 * float(np.abs(w).sum() * np.abs(v).max(initial=0.0) + 1.0)


def test_numbers_that_might_overflow_or_underflow_are_left_to_others() -> None:
    w, v, c = np.ones((1, 2)), np.ones((2, 1)), np.zeros(1)
    for value in (1e200, 1e-200, np.inf, np.nan):
        for place in range(3):
            arrays = [w.copy(), v.copy(), c.copy()]
            arrays[place].flat[0] = value
            assert accurate_product(*arrays) is None
    assert accurate_product(w, np.ones((2, 17)), c) is None
    assert accurate_product(w, csr_array(v), c) is None
