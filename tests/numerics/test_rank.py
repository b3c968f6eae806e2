import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sympy import Matrix, Rational

from separatrix.errors import InputError
from separatrix.numerics.rank import exact_rank, has_full_row_rank

entries = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.1, 0.2, 0.30000000000000004, 1e300, -1e-300, 5e-324]), st.floats(-3, 3)
)


@settings(max_examples=60)
@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=entries))
def test_agrees_with_rational_elimination(matrix):
    exact = Matrix(matrix.shape[0], matrix.shape[1], [Rational(*x.as_integer_ratio()) for x in matrix.ravel().tolist()])
    assert exact_rank(matrix) == exact.rank() == exact_rank(matrix.T)


@pytest.mark.parametrize(("n", "r", "m"), [(30, 12, 40), (40, 39, 40), (25, 1, 60), (60, 20, 25)])
def test_products_of_integer_matrices_have_the_rank_of_their_factors(n, r, m):
    rng = np.random.default_rng(n)
    left, right = rng.integers(-5, 6, (n, r)), rng.integers(-5, 6, (r, m))
    left[:r], right[:, :r] = np.eye(r), np.eye(r)
    scale = 2.0 ** rng.integers(-300, 300, n)
    assert exact_rank(scale[:, None] * (left @ right)) == r


def test_one_ulp_decides():
    matrix = np.array([[1.0, 1.0 / 3.0], [3.0, 1.0]])
    assert exact_rank(matrix) == 2  # 3 fl(1/3) is not 1
    matrix[1, 1] = 1.5
    matrix[0, 1] = 0.5
    assert exact_rank(matrix) == 1
    matrix[0, 1] = np.nextafter(0.5, 1.0)
    assert exact_rank(matrix) == 2


def test_exponents_of_the_whole_range_in_one_row():
    assert exact_rank([[1e300, 1e-300], [1e300, 2e-300]]) == 2
    assert exact_rank([[2.0**1000, 2.0**-1000], [2.0**1001, 2.0**-999]]) == 1
    assert exact_rank([[2.0**1000, 2.0**-1074], [2.0**1001, 2.0**-1074]]) == 2
    assert exact_rank([[5e-324, 5e-324], [1e308, 1e308]]) == 1


def test_relations_with_large_coefficients_take_the_exact_way():
    rows = np.array([[2.0**40 + 1, 0.0, 1.0], [0.0, 2.0**41 + 3, 1.0]])
    third = 3.0**20 * rows[0] + 5.0 * 2.0**5 * rows[1]
    matrix = np.vstack([rows * 3.0**15, third / 2.0])
    rational = Matrix(3, 3, [Rational(*x.as_integer_ratio()) for x in matrix.ravel().tolist()])
    assert exact_rank(matrix) == rational.rank()


def test_a_multiple_of_the_prime_does_not_mislead():
    p = 2**61 - 1
    assert exact_rank([[float(2**60)]]) == 1
    # determinant p, product of two doubles minus one: zero modulo the prime, not zero
    a, b = 2.0**30, 2.0**31
    assert int(a) * int(b) - 1 == p
    assert exact_rank([[a, 1.0], [1.0, b]]) == 2


def test_layers_of_a_network():
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((256, 784)).astype(np.float32)
    assert has_full_row_rank(weights)
    weights[17] = 0.0
    weights[20] = -2.0 * weights[30]
    weights[:, :100] = 0.0
    assert exact_rank(weights) == 254 and not has_full_row_rank(weights)


def test_shapes():
    assert exact_rank(np.zeros((0, 5))) == exact_rank(np.zeros((3, 4))) == 0
    assert has_full_row_rank(np.zeros((0, 5))) and not has_full_row_rank([[1.0], [2.0]])
    for bad in ([1.0, 2.0], [[np.inf, 1.0]], [[np.nan]]):
        with pytest.raises(InputError):
            exact_rank(bad)
    with pytest.raises(InputError):
        has_full_row_rank([1.0])
