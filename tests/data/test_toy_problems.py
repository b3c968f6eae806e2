"""The toy problems: samples lie in the box, classes are balanced, bodies keep their distance, seeds reproduce."""

import numpy as np
import pytest

from separatrix.data.toy_problems import toy, toys


@pytest.mark.parametrize("name", toys())
@pytest.mark.parametrize("n", [0, 1, 2, 301, 20_000])
def test_samples_lie_in_the_box_and_classes_are_balanced(name, n):
    x, y = toy(name, n, rng=3)
    dim = 3 if name in ("ball", "torus", "blobs3d") else 2
    assert x.shape == (n, dim) and x.dtype == np.float64
    assert y.shape == (n,) and y.dtype == np.int64
    assert (np.abs(x) <= 2.0).all()
    sizes = np.bincount(y, minlength=3 if name.startswith("blobs") else 2)
    assert sizes.sum() == n and sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize("name", toys())
def test_the_same_seed_gives_the_same_sample_and_another_seed_another(name):
    first, again, other = toy(name, 50, 7), toy(name, 50, np.random.default_rng(7)), toy(name, 50, 8)
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_a_generator_is_drawn_from_and_not_reset():
    rng = np.random.default_rng(0)
    assert not np.array_equal(toy("moons", 20, rng)[0], toy("moons", 20, rng)[0])


def test_the_gap_of_the_bodies_is_empty():
    x, y = toy("ball", 5_000, 0)
    radius = np.linalg.norm(x, axis=1)
    assert radius[y == 1].max() < 1.1 and radius[y == 0].min() > 1.3
    x, y = toy("ring", 5_000, 0)
    radius = np.linalg.norm(x, axis=1)
    assert radius[y == 1].min() > 0.8 and radius[y == 1].max() < 1.3
    assert not ((radius[y == 0] > 0.6) & (radius[y == 0] < 1.5)).any()


def test_the_outside_of_the_torus_reaches_into_its_hole():
    x, y = toy("torus", 5_000, 0)
    in_hole = (np.linalg.norm(x[:, :2], axis=1) < 0.5) & (np.abs(x[:, 2]) < 0.3)
    assert in_hole.any() and (y[in_hole] == 0).all()


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(ValueError, match=r"'moon'.*moons, circles, spirals"):
        toy("moon", 10)


def test_a_negative_number_of_points_is_refused():
    with pytest.raises(ValueError, match="-1"):
        toy("moons", -1)
