"""Affine slices, and networks on them."""

import pickle
from fractions import Fraction

import numpy as np
import pytest

from separatrix.domains import AffineSlice, Box
from separatrix.errors import InputError, KindError
from separatrix.networks.network import Network
from tests.oracles.blueprints import ACTIVATIONS, architectures, random_mlp


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("m", [1, 2])
def test_logits_on_a_slice_are_those_at_its_points(activation, m):
    rng = np.random.default_rng(m)
    for blueprint in architectures(rng, activation).values():
        network = blueprint.network()
        plane = AffineSlice(rng.normal(size=network.n_inputs), rng.normal(size=(m, network.n_inputs)))
        restricted = network.restrict(plane)
        t = rng.normal(size=(20, m))
        assert (restricted.n_inputs, restricted.n_classes) == (m, network.n_classes)
        assert restricted.is_chain == network.is_chain
        np.testing.assert_allclose(restricted.logits(t), network.logits(plane.point(t)), rtol=1e-9, atol=1e-9)


def test_the_restriction_is_exact():
    """Weights of thirds and tenths: the restricted network's first layer holds the slice's own doubles."""
    network = random_mlp(np.random.default_rng(0), (4, 3, 2), "relu").network()
    plane = AffineSlice([0.1, 0.2, 0.3, 1 / 3], [[0.1, 0, 0, 1 / 3], [0, 1e-30, 1e30, 0]])
    first, second, *_ = network.restrict(plane).affine_layers
    assert (first.weight == plane.directions.T).all() and (first.bias == plane.origin).all()
    assert second is network.affine_layers[0]
    assert network.restrict(plane).reading.notes[-1] == "restricted to an affine slice of dimension 2"
    t = [Fraction(1, 7), Fraction(-3, 5)]
    rows = zip(first.weight.tolist(), first.bias.tolist(), strict=True)
    ours = [sum((Fraction(w) * v for w, v in zip(row, t, strict=True)), Fraction(b)) for row, b in rows]
    columns = zip(plane.origin.tolist(), *plane.directions.tolist(), strict=True)
    assert ours == [Fraction(o) + t[0] * Fraction(d) + t[1] * Fraction(e) for o, d, e in columns]


def test_a_slice_of_a_slice():
    network = random_mlp(np.random.default_rng(1), (5, 4, 3), "tanh").network()
    rng = np.random.default_rng(2)
    outer = AffineSlice(rng.normal(size=5), rng.normal(size=(3, 5)))
    inner = AffineSlice(rng.normal(size=3), rng.normal(size=(2, 3)))
    t = rng.normal(size=(9, 2))
    twice = network.restrict(outer).restrict(inner)
    np.testing.assert_allclose(twice.logits(t), network.logits(outer.point(inner.point(t))), atol=1e-12)


def test_a_slice_through_points():
    rng = np.random.default_rng(3)
    for m in (1, 2, 3):
        points = rng.random((m + 1, 12))
        plane = AffineSlice.through(points)
        corners = np.vstack([np.zeros(m), np.eye(m)])
        assert (plane.dim, plane.ambient_dim) == (m, 12) and (plane.origin == points[0]).all()
        np.testing.assert_allclose(plane.point(corners), points, atol=1e-15)
        np.testing.assert_allclose(plane.coordinates(points), corners, atol=1e-12)
        assert plane.box().contains(corners).all() and plane.box(0.0) == Box.cube(m, 0, 1)
    images = rng.integers(0, 256, (3, 4, 5)).astype(np.uint8)
    assert AffineSlice.through(images).ambient_dim == 20
    assert (AffineSlice.through(images).point([[0, 1]]) == images[2].reshape(1, -1)).all()


def test_coordinates_are_those_of_the_nearest_point():
    rng = np.random.default_rng(4)
    plane = AffineSlice(rng.normal(size=6), rng.normal(size=(2, 6)))
    x = rng.normal(size=(5, 6))
    gap = x - plane.point(plane.coordinates(x))
    np.testing.assert_allclose(gap @ plane.directions.T, 0, atol=1e-12)


def test_the_part_of_a_box_on_a_slice():
    diagonal = AffineSlice.through([[0.0, 0.0, 0.5], [1.0, 2.0, 0.5]])
    part = diagonal.inside(Box.cube(3, 0, 1))
    np.testing.assert_allclose([part.lower[0], part.upper[0]], [0.0, 0.5], atol=1e-5)
    assert part.lower[0] < 0 and part.upper[0] > 0.5
    assert AffineSlice([0.0, 0.0, 3.0], [[1.0, 1.0, 0.0]]).inside(Box.cube(3, 0, 1)) is None
    rng = np.random.default_rng(5)
    plane, cube = AffineSlice(rng.random(5), rng.normal(size=(2, 5))), Box.cube(5, 0, 1)
    held = plane.inside(cube)
    t = Box.cube(2, -5, 5).uniform(4000, rng)
    reached = t[cube.contains(plane.point(t))]
    assert len(reached) and held.contains(reached).all()


def test_slices_are_values():
    plane = AffineSlice.through(np.eye(3))
    for array in (plane.origin, plane.directions):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5
    copied = pickle.loads(pickle.dumps(plane))  # noqa: S301
    assert (copied.origin == plane.origin).all() and (copied.directions == plane.directions).all()
    assert repr(plane) == "AffineSlice(dim=2 in R^3)"


@pytest.mark.parametrize(
    ("origin", "directions", "words"),
    [
        ([0, 0], [[1, 0, 0]], "shape"),
        ([0, 0], [1, 0], "shape"),
        ([], [[]], "shape"),
        ([0, 0], np.eye(3)[:, :2], "1 to 2 directions"),
        ([0, 0], np.zeros((0, 2)), "1 to 2 directions"),
        ([0, 0], [[0, 0]], "dependent"),
        ([0, 0, 0], [[1, 2, 3], [2, 4, 6]], "dependent"),
        ([0, np.nan], [[1, 0]], "finite"),
        ([0, 0], [[np.inf, 0]], "finite"),
    ],
)
def test_no_slice(origin, directions, words):
    with pytest.raises(InputError, match=words):
        AffineSlice(origin, directions)


def test_no_slice_through_these_points():
    for points, words in (
        ([[0, 1]], "two points"),
        ([0, 1], "two points"),
        ([[0, 0], [1, 1], [2, 2]], "dependent"),
        ([[1, 1], [1, 1]], "dependent"),
        ([[1e308, 0], [-1e308, 0]], "overflow"),
        (np.eye(3)[[0, 1, 2, 0]], "1 to 3|dependent"),
    ):
        with pytest.raises(InputError, match=words):
            AffineSlice.through(points)
    for odd in ("points", None, [["a", "b"]], {1: 2}):
        with pytest.raises(KindError):
            AffineSlice.through(odd)
    for margin in (-1, np.nan, np.inf, "wide", True):
        with pytest.raises(InputError, match="margin"):
            AffineSlice.through(np.eye(2)).box(margin)


def test_no_restriction_to_these():
    network = random_mlp(np.random.default_rng(0), (4, 3, 2), "relu").network()
    with pytest.raises(InputError, match="4 inputs"):
        network.restrict(AffineSlice.through(np.eye(3)))
    for odd in (np.eye(4), Box.cube(4, 0, 1), None):
        with pytest.raises(KindError, match="AffineSlice"):
            network.restrict(odd)


def test_one_logit_stays_two_classes():
    network = Network.from_arrays([[[1.0, 2.0, 3.0]]], [[0.5]])
    restricted = network.restrict(AffineSlice.through(np.eye(3)[:2]))
    assert restricted.n_classes == 2 and restricted.logits([[0.0]]).tolist() == [[0.0, 1.5]]
