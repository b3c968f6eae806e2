"""The tests on boxes never lose a zero: checked on linear fields whose zeros are known."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.flow.complete.linear_tests import Linearised, mean_value


def drawn_boxes(seed, k, spread):
    """n boxes, slopes with a member H each, and gradients at the middle such that H has a zero in the box."""
    rng = np.random.default_rng(seed)
    n = 200
    low, high = -rng.random((n, k)) * 10.0 ** rng.integers(-6, 2), rng.random((n, k))
    member = rng.normal(size=(n, k, k)) * 10.0 ** rng.integers(-3, 3, (n, 1, 1))
    member = 0.5 * (member + member.mT)
    slopes = member - spread * rng.random((n, k, k)), member + spread * rng.random((n, k, k))
    zero = np.clip(low + (high - low) * rng.choice([0.0, 0.3, 1.0], size=(n, k)), low, high)
    exact = -(member @ zero[:, :, None])[:, :, 0]
    room = 1e-12 * (1.0 + np.abs(member).sum(axis=(1, 2)))[:, None] * np.abs(zero).max(axis=1, keepdims=True)
    return (low, high), slopes, (exact - room, exact + room), zero, member


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.sampled_from([0.0, 1e-3, 0.3, 3.0]))
def test_a_box_with_a_zero_is_neither_excluded_nor_cut_off_from_it(seed, k, spread):
    offsets, slopes, gradient, zero, _ = drawn_boxes(seed, k, spread)
    linear = Linearised.of(offsets, slopes, gradient)
    excluded, near = linear.excludes()
    assert not excluded.any() and (near <= 1.0).all()
    low, high, empty = linear.contracted()
    assert not empty.any()
    assert (low <= zero).all() and (zero <= high).all()
    below, above = mean_value(gradient, slopes, np.maximum(-offsets[0], offsets[1]))
    assert (below <= 0).all() and (above >= 0).all()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_where_the_gradient_is_called_injective_no_member_is_singular(seed, k):
    offsets, _, gradient, _, member = drawn_boxes(seed, k, 0.0)
    rng = np.random.default_rng(seed)
    singular = member - np.linalg.eigvalsh(member)[:, :1, None] * np.eye(k)  # its least eigenvalue moved to 0
    radius = rng.random(member.shape) * 0.2
    ends = np.minimum(singular, singular + radius), np.maximum(singular, singular + radius)
    assert not Linearised.of(offsets, ends, gradient).is_injective().any()
    sharp = Linearised.of(offsets, (member, member), gradient).is_injective()
    assert sharp[np.linalg.cond(member) < 1e6].all()


def test_unknown_slopes_exclude_and_settle_nothing():
    low, high = np.full((3, 2), -1.0), np.ones((3, 2))
    slopes = np.full((3, 2, 2), -np.inf), np.full((3, 2, 2), np.inf)
    slopes[0][1], slopes[1][1] = np.eye(2), np.eye(2)
    gradient = np.array([[0.1, 0.1], [-np.inf, 0.0], [5.0, 5.0]]), np.array([[0.1, 0.1], [np.inf, 0.0], [5.0, 5.0]])
    with np.errstate(all="ignore"):
        linear = Linearised.of((low, high), slopes, gradient)
        assert not linear.excludes()[0][[0, 1, 2]].any() and not linear.contracted()[2].any()
        assert linear.is_injective().tolist() == [False, True, False]
