"""Boxes, the whole space, and what counts as points of them."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import separatrix as sx
from separatrix.domains import Box, WholeSpace, as_box, as_domain, points, real_array
from separatrix.errors import InputError, KindError

finite = st.floats(-1e100, 1e100)


@st.composite
def boxes(draw):
    dim = draw(st.integers(1, 4))
    pairs = [sorted(draw(st.tuples(finite, finite).filter(lambda p: p[0] != p[1]))) for _ in range(dim)]
    return Box(*zip(*pairs, strict=True))


@given(boxes(), st.integers(0, 2**32))
def test_points_drawn_from_a_box_lie_in_it(box, seed):
    x = box.uniform(50, np.random.default_rng(seed))
    assert x.shape == (50, box.dim) and box.contains(x).all()


def test_points_drawn_from_a_box_fill_it():
    x = Box([0.0, -2.0], [1.0, 6.0]).uniform(4000, np.random.default_rng(0))
    np.testing.assert_allclose(x.mean(axis=0), [0.5, 2.0], atol=0.15)
    np.testing.assert_allclose(x.var(axis=0), [1 / 12, 64 / 12], rtol=0.1)


@given(boxes())
def test_the_last_random_number_does_not_round_out_of_the_box(box):
    class Last:
        def random(self, shape):
            return np.full(shape, 1 - 2.0**-53)

    assert box.contains(box.uniform(1, Last())).all()


@given(boxes(), st.data())
def test_the_nearest_point_of_a_box(box, data):
    x = data.draw(hnp.arrays(np.float64, (5, box.dim), elements=finite))
    near = box.clip(x)
    assert box.contains(near).all()
    inside = box.contains(x)
    np.testing.assert_array_equal(near[inside], x[inside])
    other = box.uniform(5, np.random.default_rng(0))
    assert (np.abs(near - x) <= np.abs(other - x)).all()


@given(boxes())
def test_a_box_is_closed_and_is_its_sides(box):
    assert box.contains([box.lower, box.upper]).all()
    assert not box.contains(np.nextafter(box.upper, np.inf)).any()
    assert (box.width == box.upper - box.lower).all() and (box.width > 0).all()
    assert as_box(box, box.dim) is box
    assert as_box((box.lower.tolist(), box.upper), box.dim) == box
    assert as_domain([box.lower, box.upper], box.dim) == box
    for copied in (copy.deepcopy(box), pickle.loads(pickle.dumps(box))):  # noqa: S301
        assert copied == box and hash(copied) == hash(box)


def test_equal_boxes_have_equal_hashes():
    assert Box([0.0], [1]) == Box([-0.0], [1]) and hash(Box([0.0], [1])) == hash(Box([-0.0], [1]))
    assert Box([0.0], [1]) != Box([0.0], [2]) and Box([0], [1]) != Box([0, 0], [1, 1]) and Box([0], [1]) != "box"
    assert len({Box.cube(2, 0, 1), Box([0, 0], [1, 1])}) == 1


def test_a_box_cannot_be_changed():
    lower = np.zeros(2)
    box = Box(lower, [1.0, 1.0])
    lower[0] = 5.0
    assert box.lower[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        box.lower[0] = 1.0
    with pytest.raises(AttributeError):
        box.lower = lower


def test_kinds_of_sides():
    for lower, upper in (
        ((0, 0), (1, 2)),
        (range(2), [3, 4]),
        (np.zeros(2, np.float32), torch.ones(2)),
        (np.zeros(2, int), [True, True]),
    ):
        box = Box(lower, upper)
        assert box.dim == 2 and box.lower.dtype == box.upper.dtype == np.float64


BAD_SIDES = {
    "order": ([0, 1], [1, 0], InputError, "coordinate 1"),
    "flat": ([0, 0], [1, 0], InputError, "below upper"),
    "NaN": ([np.nan], [1], InputError, "finite"),
    "infinite": ([0], [np.inf], InputError, "WholeSpace"),
    "lengths": ([0, 0], [1], InputError, "one shape"),
    "none": ([], [], InputError, "at least one"),
    "numbers": (0, 1, InputError, r"Box.cube"),
    "matrix": ([[0]], [[1]], InputError, "shape"),
    "text": (["0"], ["1"], KindError, "real numbers"),
    "missing": (None, [1], KindError, "real numbers"),
    "complex": ([0j], [1], KindError, "real numbers"),
    "ragged": ([[0], [0, 1]], [1, 1], KindError, "real numbers"),
    "too large": ([0], [10**400], KindError, "real numbers"),
    "objects": ([object()], [1], KindError, "real numbers"),
}


@pytest.mark.parametrize("name", BAD_SIDES)
def test_sides_that_make_no_box(name):
    lower, upper, kind, words = BAD_SIDES[name]
    with pytest.raises(kind, match=words):
        Box(lower, upper)


def test_cubes():
    cube = Box.cube(3, -1, 2)
    assert (
        cube.lower.tolist() == [-1.0] * 3 and cube.upper.tolist() == [2.0] * 3 and Box.cube(np.int64(1), 0, 1).dim == 1
    )
    for dim in (0, -1, 2.0, True, "2", None):
        with pytest.raises(InputError, match="positive integer"):
            Box.cube(dim, 0, 1)
    for low, high in ((1, 0), (0, 0), ([0, 0], [1, 1]), (0, np.nan)):
        with pytest.raises(InputError):
            Box.cube(2, low, high)
    for low, high in (("0", 1), (None, 1), (0, 1j)):
        with pytest.raises(KindError):
            Box.cube(2, low, high)


def test_the_whole_space():
    assert WholeSpace(3) == WholeSpace(3) and WholeSpace(3) != WholeSpace(2)
    for dim in (0, -1, 1.5, True, "3", None):
        with pytest.raises(InputError):
            WholeSpace(dim)


def test_what_passes_for_a_box():
    for box in (None, "ab", 5, {}, np.zeros((2, 2)), ([0, 0], [1, 1], [2, 2]), [[0, 0]], WholeSpace(2)):
        with pytest.raises(KindError):
            as_box(box, 2)
    for box in (Box([0], [1]), ([0], [1]), ([0, 0, 0], [1, 1, 1]), ((0, 1), (0, 1))):
        with pytest.raises(InputError):
            as_box(box, 2)


def test_what_passes_for_a_domain():
    space = WholeSpace(2)
    assert as_domain(space, 2) is space
    for domain, kind in ((WholeSpace(3), InputError), (Box([0], [1]), InputError), (None, KindError), (2, KindError)):
        with pytest.raises(kind):
            as_domain(domain, 2)


def test_texts():
    assert repr(Box.cube(784, 0, 1)) == "Box(dim=784, [0, 1]^784)"
    assert repr(Box([0, 0], [1, 2])) == "Box(dim=2, [0, 1] x [0, 2])"
    assert repr(Box(np.zeros(9), np.arange(1, 10))) == "Box(dim=9, [0, 1] x [0, 2] x [0, 3] x [0, 4] x …)"
    assert sx.Box is Box and sx.WholeSpace is WholeSpace


@given(
    hnp.arrays(st.sampled_from([np.float64, np.float32, np.int16, np.bool_]), (4, 3)).filter(
        lambda a: np.isfinite(a).all()
    )
)
def test_points_keep_their_values(x):
    found = points(x, 3)
    assert found.dtype == np.float64 and (found == x).all()
    assert (points(x.tolist(), 3) == x).all() and (points(x[0], 3) == x[:1]).all()


def test_shapes_of_points():
    assert points([], 5).shape == points(np.zeros((0, 5)), 5).shape == (0, 5)
    assert points(np.zeros((7, 28, 28)), 784).shape == (7, 784)
    assert points([3.0], 1).shape == (1, 1) and points(np.zeros((0, 2, 3)), 6).shape == (0, 6)
    for x, dim in ((np.zeros((2, 3)), 2), (np.zeros(3), 1), (5.0, 1), (np.zeros((2, 2, 2)), 2), (np.zeros((0, 3)), 2)):
        with pytest.raises(InputError, match=rf"\(n, {dim}\)"):
            points(x, dim)
    with pytest.raises(InputError, match="row 1"):
        points([[0.0], [np.nan], [np.inf]], 1, "these")
    with pytest.raises(KindError, match="these"):
        points("abc", 3, "these")


def test_arrays_of_real_numbers():
    array = np.zeros(3)
    assert real_array(array) is array and real_array(2).shape == ()
    for x in (
        None,
        "1",
        [1j],
        [[1], [1, 2]],
        [object()],
        np.array(["a"]),
        np.zeros(2, "M8[s]"),
        torch.zeros(2, requires_grad=True),
    ):
        with pytest.raises(KindError):
            real_array(x)
