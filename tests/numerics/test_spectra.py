from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.errors import InputError
from separatrix.numerics.balls import MidRad
from separatrix.numerics.spectra import eigenvalue_bounds, inertia


def reflected(values, seed):
    """Q D Q^T in doubles for an orthogonal Q, and its distance from a matrix with exactly these eigenvalues."""
    rng = np.random.default_rng(seed)
    q = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    matrix = q * values @ q.T
    matrix = 0.5 * (matrix + matrix.T)
    return MidRad(matrix, np.full(matrix.shape, 1e-12 * max(1.0, np.abs(values).max())))


def rational_counts(matrix):
    """(negative, positive) eigenvalues of a symmetric 3 x 3 matrix by Descartes' rule on its characteristic polynomial."""
    (a, d, e), (_, b, f), (_, _, c) = ([Fraction(x) for x in row] for row in matrix.tolist())
    minors = a * b - d * d + a * c - e * e + b * c - f * f
    coefficients = [1, -(a + b + c), minors, -(a * b * c + 2 * d * e * f - a * f * f - b * e * e - c * d * d)]

    def changes(c):
        signs = [1 if x > 0 else -1 for x in c if x != 0]
        return sum(a != b for a, b in zip(signs, signs[1:], strict=False))

    return changes([c * (-1) ** i for i, c in enumerate(coefficients)]), changes(coefficients)


@pytest.mark.parametrize("n", [1, 2, 5, 40, 120])
def test_known_eigenvalues_are_enclosed_and_counted(n):
    values = np.sort(np.random.default_rng(n).standard_normal(n)) * 10.0 ** np.linspace(-4, 2, n)
    values.sort()
    ball = reflected(values, n)
    lower, upper = eigenvalue_bounds(ball)
    assert (lower <= values).all() and (values <= upper).all()
    assert (upper - lower).max() < 1e-7 * max(1.0, np.abs(values).max())
    assert inertia(ball) == ((values < 0).sum(), (values > 0).sum())


small = st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, 1e-9, -1e-9, 1.0000000000000002, 1e8, 3.0, 2.0**-40])


@given(st.lists(small, min_size=6, max_size=6))
def test_a_decided_inertia_is_the_exact_one(entries):
    matrix = np.zeros((3, 3))
    matrix[np.triu_indices(3)] = entries
    matrix = matrix + np.triu(matrix, 1).T
    found, exact = inertia(MidRad.exact(matrix)), rational_counts(matrix)
    assert found is None or found == exact
    lower, upper = eigenvalue_bounds(MidRad.exact(matrix))
    assert (upper < 0).sum() <= exact[0] <= (lower <= 0).sum()
    assert (lower > 0).sum() <= exact[1] <= (upper >= 0).sum()


@pytest.mark.parametrize("tiny", [2e-5, 1e-7, 1e-10])
def test_small_eigenvalues_beside_large_ones_are_decided(tiny):
    ball = reflected(np.array([-3.0, -tiny, tiny, 1.0, 2.0]), 3)
    assert inertia(ball) == (2, 3)


def test_members_at_the_boundary_forbid_a_decision():
    for values in ([-1.0, 1e-13, 2.0], [0.0, 1.0, 2.0], [1e-300, 1.0, 1.0]):
        assert inertia(reflected(np.array(values), 1)) is None
    assert inertia(MidRad(np.diag([1.0, -1.0]), np.full((2, 2), 1.0))) is None
    lower, upper = eigenvalue_bounds(MidRad([[1.0, 0.0], [0.0, -1.0]], [[0.0, 2.0], [2.0, 0.0]]))
    assert lower[0] <= -np.sqrt(5) and upper[1] >= np.sqrt(5) and upper[0] >= -1 and lower[1] <= 1


@given(st.integers(0, 10_000), st.floats(0, 2))
def test_every_symmetric_member_obeys_the_bounds(seed, radius):
    rng = np.random.default_rng(seed)
    middle = rng.standard_normal((4, 4))
    middle = middle + middle.T
    ball = MidRad(middle, np.full((4, 4), radius))
    lower, upper = eigenvalue_bounds(ball)
    counts = inertia(ball)
    for _ in range(5):
        shift = rng.choice([-1.0, 0.0, 1.0], (4, 4)) * radius
        values = np.linalg.eigvalsh(middle + np.triu(shift) + np.triu(shift, 1).T)
        assert (lower <= values + 1e-12).all() and (values <= upper + 1e-12).all()
        assert counts is None or counts == ((values < 1e-12).sum(), (values > -1e-12).sum())


def test_unknown_empty_and_huge_matrices():
    unknown = MidRad(np.zeros((2, 2)), np.full((2, 2), np.inf))
    lower, upper = eigenvalue_bounds(unknown)
    assert inertia(unknown) is None and not np.isfinite(lower).any() and not np.isfinite(upper).any()
    empty = MidRad(np.zeros((0, 0)), np.zeros((0, 0)))
    assert inertia(empty) == (0, 0) and eigenvalue_bounds(empty)[0].shape == (0,)
    assert inertia(MidRad.exact(np.diag([1e200, -1e200]))) == (1, 1)
    assert inertia(MidRad.exact(np.diag([1e-200, -1e-200]))) in ((1, 1), None)
    huge = MidRad.exact([[1e308, 1e308], [1e308, -1e308]])
    assert inertia(huge) in ((1, 1), None)
    assert eigenvalue_bounds(huge)[0][0] <= -1.4e308
    for shape in ((2, 3), (2, 2, 2), (3,)):
        with pytest.raises(InputError, match="square"):
            inertia(MidRad(np.zeros(shape), np.zeros(shape)))
