"""Saddles that are known exactly, the refusals, and what a search may not claim."""

import itertools
from math import comb

import mpmath
import numpy as np
import pytest

import separatrix as sx
from separatrix.flow.judged_points import judge_point, listed, merged
from separatrix.flow.projection import Arena
from separatrix.flow.saddles.following import follow
from separatrix.flow.saddles.saddles import saddles
from separatrix.flow.saddles.search import search_between, search_from
from tests.flow import judge, known


def wells(dim):
    """-sum a_i (x_i^2 - 1)^2 with sinks at all signs; its points of index k have k coordinates 0."""
    text = "".join(f" - {1 + 0.25 * i}*(x{i}**2 - 1)**2" for i in range(dim))
    sinks = np.array(list(itertools.product((-1.0, 1.0), repeat=dim)))
    return sx.expression("0" + text, [f"x{i}" for i in range(dim)]), sinks


def known_saddles(dim, index):
    return np.array([p for p in itertools.product((-1.0, 0.0, 1.0), repeat=dim) if p.count(0.0) == index])


@pytest.mark.parametrize(("dim", "index"), [(2, 1), (2, 2), (3, 2)])
def test_all_saddles_of_separable_wells_are_found_and_proved(dim, index):
    f, sinks = wells(dim)
    found = saddles(f, sx.Box.cube(dim, -2, 2), sinks, index=index, boundary="exit")
    assert found.n_proved == len(found) == comb(dim, index) * 2 ** (dim - index)
    judge.matched(found.points, known_saddles(dim, index), 1e-9)
    assert (found.indices == index).all() and not found.is_complete
    assert (np.diff(found.values) <= 0).all()
    for row, spectrum in enumerate(found.spectra):
        assert (spectrum > 0).sum() == index and len(spectrum) == dim
        assert found.error[row] < 1e-6


def test_what_every_start_came_to_is_told_in_order():
    f, sinks = wells(2)
    found = saddles(f, sx.Box.cube(2, -2, 2), sinks[:2], attempts=3, starts=[[0.1, 1.02], [0.0, 0.0]], boundary="exit")
    assert found.label.shape == (1 + 2 * 3 + 2,) and len(found.reasons) == 9
    np.testing.assert_allclose(found.points[found.label[0]], [-1.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(found.points[found.label[7]], [0.0, 1.0], atol=1e-9)
    assert found.label[8] == -1 and "index 2" in found.reasons[8]
    assert all(
        (row >= 0) == reason.startswith("saddle of index 1")
        for row, reason in zip(found.label, found.reasons, strict=True)
    )
    with pytest.raises(sx.UnresolvedError):
        saddles(f, sx.Box.cube(2, -2, 2), sinks[:0], starts=[[0.0, 0.0]], strict=True)


def test_ten_dimensions_between_neighbours():
    f, _ = wells(10)
    one = np.ones(10)
    sinks = np.array([one, *(np.where(np.arange(10) == i, -1.0, one) for i in range(10))])
    pairs = [(0, i) for i in range(1, 11)]
    found = saddles(f, sx.WholeSpace(10), sinks, pairs=pairs, attempts=0)
    assert len(found) == found.n_proved == 10
    judge.matched(found.points, np.where(np.eye(10), 0.0, 1.0), 1e-9)


def test_a_saddle_on_a_face_of_the_box():
    # the double well in x, and y climbed against the side y = 1
    f = sx.expression("-(x**2 - 1)**2 + y - 0.1*(y - 3)*x", ["x", "y"])
    box = sx.Box([-2, 0], [2, 1])
    sinks = sx.GradientFlow(f, box).sinks([[-1.0, 0.5], [1.0, 0.5]])
    assert len(sinks) == 2
    found = saddles(f, box, sinks)
    assert len(found) == found.n_proved == 1 and found.active[0].tolist() == [0, 1]
    x, y = found.points[0]
    assert y == 1.0 and found.multipliers[0, 1] > 0
    root = mpmath.findroot(lambda t: -4 * t * (t * t - 1) + mpmath.mpf("0.2"), 0.05)
    assert abs(x - float(root)) <= found.error[0] + 1e-15


def test_a_point_of_a_face_with_an_inward_gradient_is_no_saddle():
    f = sx.expression("-(x**2 - 1)**2 - y", ["x", "y"])  # falls towards y = 1: (0, 1) is critical on that face alone
    arena = Arena.of(f, sx.Box([-2, 0], [2, 1]), "project")
    assert not judge_point(arena, np.array([0.0, 1.0])).is_listed
    good = judge_point(arena, np.array([0.0, 0.0]))
    assert good.verdict is sx.Certainty.PROVED and good.index == 1


@pytest.mark.parametrize("point", [[0.3, 0.0], [0.1, 1.0], [1.0, 0.5]])
def test_a_point_that_is_no_equilibrium_is_not_listed(point):
    f, _ = wells(2)
    judged = judge_point(Arena.of(f, sx.Box.cube(2, -2, 2), "exit"), np.array(point))
    assert not judged.is_listed and judged.index == -1 and judged.reason


def test_a_point_near_a_saddle_is_proved_with_an_honest_error():
    f, _ = wells(2)
    judged = judge_point(Arena.of(f, sx.Box.cube(2, -2, 2), "exit"), np.array([0.0, 1e-3]))
    assert judged.index == 2 and judged.proof.error >= 1e-3


@pytest.mark.parametrize("text", ["x**3 - 3*x*y**2", "-x**4 + y**2", "x**3 - y**2", "-x**2*y**2"])
def test_degenerate_points_are_neither_proved_nor_verified(text):
    arena = Arena.of(sx.expression(text, ["x", "y"]), sx.Box.cube(2, -1, 1), "exit")
    judged = judge_point(arena, np.zeros(2))
    assert not judged.is_listed and "flat" in judged.reason and "singular" in judged.reason
    near = judge_point(arena, np.array([1e-6, 1e-6]))
    assert not near.is_listed


def test_the_whole_search_lists_nothing_where_there_is_no_saddle():
    f = sx.expression("-x**2 - 2*y**2 + 0.1*x*y", ["x", "y"])
    found = saddles(f, sx.Box.cube(2, -1, 1), [[0.0, 0.0]], starts=[[0.5, 0.5], [-0.9, 0.1]], boundary="exit")
    assert len(found) == 0 and (found.label == -1).all() and all(found.reasons)


def test_without_an_enclosure_saddles_are_verified_and_say_why():
    f, sinks = wells(2)
    own = sx.Potential.custom(f.value, f.gradient, f.hessian, dim=2)
    found = saddles(own, sx.WholeSpace(2), sinks, attempts=0)
    assert len(found) == 4 and set(found.certainty) == {sx.Certainty.VERIFIED}
    assert "no enclosure" in found.evidence[0] and np.isnan(found.radius).all()
    assert not judge_point(Arena.of(own, sx.WholeSpace(2), "project"), np.array([1e-4, 1.0])).is_listed


def test_the_index_of_proved_points_of_random_quadratics_is_that_of_the_faces():
    rng = np.random.default_rng(5)
    for _ in range(6):
        matrix = rng.standard_normal((4, 4))
        f = known.Quadratic(matrix + matrix.T, 0.5 * rng.standard_normal(4))
        box = sx.Box.cube(4, -1, 1)
        points, indices = judge.equilibria_of_quadratic(f.matrix, f.center, box)
        arena = Arena.of(f, box, "project")
        judged = [judge_point(arena, arena.bounds.snap(x)) for x in points]
        assert [found.index for found in judged if found.proof.region is not None] == [
            int(k) for k, found in zip(indices, judged, strict=True) if found.proof.region is not None
        ]
        assert sum(found.proof.region is not None for found in judged) >= len(points) - 1
        for found in search_from(arena, rng.uniform(-1, 1, (6, 4))):
            if found.is_listed:
                gaps = np.abs(points - found.point).max(axis=1)
                assert gaps.min() < 1e-8 and indices[gaps.argmin()] == found.index


def test_two_proofs_of_one_zero_are_one_point_and_labels_follow_the_order():
    f, _ = wells(2)
    arena = Arena.of(f, sx.Box.cube(2, -2, 2), "exit")
    places = [[0.0, 0.0], [0.0, 1.0], [1e-11, 1.0 + 1e-11], [1.0, 1.0], [0.4, 0.4]]
    judged = [judge_point(arena, np.array(place)) for place in places]
    assert len(merged(judged)[0]) == 3
    found = listed(arena, judged, method="by hand", seconds=0.0, label=range(5))
    assert found.indices.tolist() == [0, 1, 2] and found.label.tolist() == [2, 1, 1, 0, -1]


def test_following_goes_on_along_the_carried_direction_not_the_steepest():
    f, _ = wells(2)
    arena = Arena.of(f, sx.Box.cube(2, -2, 2), "exit")
    for axis, target in (([1.0, 0.0], [0.0, 1.0]), ([0.0, 1.0], [1.0, 0.0])):
        end = follow(arena, np.array([0.9, 0.9]), np.array(axis))
        assert end.has_arrived
        np.testing.assert_allclose(end.x, target, atol=1e-9)


def test_saddles_between_images_are_proved():
    box, f = sx.Box.cube(784, 0, 1), sx.log_density(sx.data.network("mnist-sigmoid"))
    digits = sx.data.mnist()
    starts = digits.x_train[[int(np.flatnonzero(digits.y_train == k)[0]) for k in (0, 1)]].reshape(2, -1) / 255.0
    sinks = sx.GradientFlow(f, box).sinks(starts)
    arena = Arena.of(f, box, "project")
    pairs = [(0, 1)]
    found = search_between(arena, sinks.points, pairs, kinds=("segment", "mixture"))
    assert len(found) == 2
    assert all(j.verdict is sx.Certainty.PROVED and j.index == 1 for j in found[::2])
    for judged in found[::2]:
        assert f.value(judged.point[None])[0] < sinks.values.min()
        assert judged.multipliers[arena.bounds.faces(judged.point) != 0].min() > 0
    again = search_between(arena, sinks.points, pairs[:1], kinds=("segment",), known=found[:1])
    assert again[0] is found[0]


def test_the_number_of_workers_changes_nothing():
    f, sinks = wells(3)
    one, two = (saddles(f, sx.Box.cube(3, -2, 2), sinks, attempts=0, workers=n) for n in (1, 2))
    for name in ("points", "values", "label", "radius", "error"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.reasons == two.reasons


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"index": 0}, "index must be"),
        ({"index": 3}, "index must be"),
        ({"index": True}, "index must be"),
        ({"pairs": [(0, 0)]}, "pairs must be"),
        ({"pairs": [(0, 9)]}, "pairs must be"),
        ({"pairs": [0.5, 1.0]}, "pairs must be"),
        ({"starts": [[5.0, 0.0]]}, "outside the box"),
        ({"starts": [[0.0, 0.0, 0.0]]}, "expected shape"),
        ({"attempts": -1}, "attempts must be"),
        ({"boundary": "open"}, "boundary must be"),
    ],
)
def test_bad_input_is_refused_with_words(arguments, words):
    f, sinks = wells(2)
    with pytest.raises(sx.InputError, match=words):
        saddles(f, sx.Box.cube(2, -2, 2), sinks, **arguments)
    with pytest.raises(sx.KindError):
        saddles("no potential", sx.Box.cube(2, -2, 2), sinks)
