"""Sinks of known potentials: found, proved, where they are; and what looks like a sink and is none is not listed."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import separatrix as sx
from separatrix.errors import UnresolvedError
from tests.flow import judge, known

PROVED = sx.Certainty.PROVED


def sinks_of(f, box, starts, boundary="project", **options):
    return sx.GradientFlow(f, box, boundary).sinks(starts, **options)


def grid(box, n=7):
    sides = [np.linspace(a, b, n) for a, b in zip(box.lower, box.upper, strict=True)]
    return np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, box.dim)


def uniform(box, n, seed=0):
    return box.uniform(n, np.random.default_rng(seed))


def assert_bookkeeping(found, starts):
    n = len(found)
    assert found.label.shape == (len(starts),) and len(found.reasons) == len(starts)
    assert found.label.min(initial=0) >= -1 and found.label.max(initial=-1) < n
    assert (np.diff(found.values) <= 0).all()
    assert found.hits.sum() == (found.label >= 0).sum() and (found.hits > 0).all()
    assert [reason == "sink" for reason in found.reasons] == (found.label >= 0).tolist()
    assert all(found.reasons) and not found.is_complete
    for verdict, evidence in zip(found.certainty, found.evidence, strict=True):
        assert verdict in (PROVED, sx.Certainty.VERIFIED) and evidence


def all_proved(found):
    return all(verdict is PROVED for verdict in found.certainty)


# -- quadratics


@pytest.mark.parametrize("seed", range(6))
def test_concave_quadratics_have_the_one_sink_that_enumeration_finds(seed):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((4, 4))
    f = known.Quadratic(-(root @ root.T) - 0.1 * np.eye(4), rng.uniform(-2, 2, 4))
    box = sx.Box.cube(4, -1, 1)
    expected, indices = judge.equilibria_of_quadratic(f.matrix, f.center, box)
    assert indices.tolist() == [0]
    starts = uniform(box, 10, seed)
    found = sinks_of(f, box, starts)
    assert_bookkeeping(found, starts)
    assert all_proved(found) and (found.label == 0).all()
    np.testing.assert_allclose(found.points, expected, rtol=0, atol=1e-12)
    free = found.active[0] == 0
    np.testing.assert_allclose(found.spectra[0], np.linalg.eigvalsh(f.matrix[np.ix_(free, free)]), rtol=1e-9)
    np.testing.assert_allclose(
        found.multipliers[0], np.where(free, 0, found.active[0] * f.gradient(found.points)[0]), atol=1e-12
    )
    assert found.error[0] < 1e-12 <= 1e-9 < found.radius[0]


@pytest.mark.parametrize("seed", range(6))
def test_indefinite_quadratics_have_the_sinks_that_enumeration_finds(seed):
    """Sinks on faces of all dimensions; (3.1) shows that the enumeration is complete."""
    rng = np.random.default_rng(100 + seed)
    a = rng.standard_normal((3, 3))
    f = known.Quadratic(a + a.T, rng.uniform(-1, 1, 3))
    box = sx.Box(-rng.uniform(0.5, 1.5, 3), rng.uniform(0.5, 1.5, 3))
    points, indices = judge.equilibria_of_quadratic(f.matrix, f.center, box)
    assert ((-1.0) ** indices).sum() == 1
    starts = np.concatenate([grid(box, 5), uniform(box, 30, seed)])
    found = sinks_of(f, box, starts)
    assert_bookkeeping(found, starts)
    judge.matched(found.points, points[indices == 0], 1e-12)
    assert all_proved(found)
    # a start may only stay behind on an equilibrium that is no sink
    for start, reason in zip(starts[found.label < 0], np.array(found.reasons)[found.label < 0], strict=True):
        assert "saddle" in reason or "face" in reason, (start, reason)


def test_a_center_is_its_own_exact_sink():
    f = known.Quadratic(np.diag([-1.0, -1e-3, -50.0]), [0.25, -0.5, 0.125])
    found = sinks_of(f, sx.Box.cube(3, -1, 1), [[0.9, 0.9, 0.9]])
    np.testing.assert_array_equal(found.points, [f.center])
    assert all_proved(found) and found.error[0] < 1e-15
    np.testing.assert_allclose(found.spectra[0], [-50.0, -1.0, -1e-3])


@pytest.mark.parametrize("slope", [[1.0, -2.0], [1e-9, 3.0, -1e-6], [-1.0, 1e9], [1e-200, 2e-200]])
def test_a_linear_function_has_one_vertex(slope):
    box = sx.Box.cube(len(slope), -1, 2)
    starts = np.concatenate([uniform(box, 8), [box.lower], [box.upper]])
    found = sinks_of(known.linear(slope), box, starts)
    np.testing.assert_array_equal(found.points, [np.where(np.array(slope) > 0, 2.0, -1.0)])
    assert all_proved(found) and (found.label == 0).all() and found.error[0] == 0 and found.spectra[0].size == 0
    np.testing.assert_array_equal(found.multipliers[0], np.abs(slope))
    np.testing.assert_array_equal(found.active[0], np.sign(slope))
    assert found.n_free[0] == 0


# -- smooth classics


@pytest.mark.parametrize("domain", [sx.Box.cube(2, -2, 2), sx.WholeSpace(2), sx.Box([-1.5, -0.25], [3, 0.5])])
@pytest.mark.parametrize("boundary", ["project", "exit"])
def test_double_well(domain, boundary):
    f = known.double_well()
    starts = uniform(domain if isinstance(domain, sx.Box) else sx.Box.cube(2, -3, 3), 20)
    found = sinks_of(f, domain, starts, boundary)
    assert_bookkeeping(found, starts)
    judge.matched(found.points, np.array([[1.0, 0.0], [-1.0, 0.0]]), 1e-12)
    assert all_proved(found) and (found.label >= 0).all() and found.boundary == boundary
    for spectrum in found.spectra:
        np.testing.assert_allclose(spectrum, [-8.0, -2.0], rtol=1e-9)
    judge.assert_sinks_are_true(found, judge.of_formula(f), domain)


def test_double_well_with_the_sinks_on_faces():
    """On [-1/2, 1/2] x [1/4, 1] both sinks are vertices."""
    f, box = known.double_well(), sx.Box([-0.5, 0.25], [0.5, 1.0])
    found = sinks_of(f, box, uniform(box, 20))
    judge.matched(found.points, np.array([[0.5, 0.25], [-0.5, 0.25]]), 0.0)
    np.testing.assert_allclose(found.multipliers, [[1.5, 0.5], [1.5, 0.5]])
    judge.assert_sinks_are_true(found, judge.of_formula(f), box)


def test_himmelblau():
    f, box = known.himmelblau(), sx.Box.cube(2, -5, 5)
    starts = grid(box, 8)
    found = sinks_of(f, box, starts)
    assert_bookkeeping(found, starts)
    judge.matched(found.points, known.HIMMELBLAU_MAXIMA, 1e-9)
    assert all_proved(found) and (np.abs(found.values) < 1e-18).all() and (found.label >= 0).all()
    judge.assert_sinks_are_true(found, judge.of_formula(f), box)


def test_muller_brown():
    f, box = known.muller_brown(), sx.Box([-1.5, -0.5], [1.25, 2.25])
    starts = grid(box, 9)
    found = sinks_of(f, box, starts)
    assert_bookkeeping(found, starts)
    inner = np.flatnonzero(~found.active.any(axis=1))
    judge.matched(found.points[inner], known.MULLER_BROWN_MAXIMA, 1e-3)
    assert all_proved(found)
    np.testing.assert_allclose(found.values[inner], [1.467, 1.0817, 0.8077], atol=1e-3)
    judge.assert_sinks_are_true(found, judge.of_formula(f), box)


@pytest.mark.parametrize("side", [1.0, 1.0 + 2.0**-40, 1.0 - 2.0**-40])
def test_a_maximum_on_or_beside_a_side(side):
    """On the side: multiplier zero, which is degenerate and not proved; a trillionth inside or outside is decided."""
    f, box = known.Quadratic(np.diag([-1.0, -1.0]), [1.0, 0.0]), sx.Box([0, -1], [side, 1])
    found = sinks_of(f, box, [[0.5, 0.5], [0.0, -1.0]])
    if side == 1.0:
        assert found.n_proved == 0
    elif side > 1.0:
        np.testing.assert_array_equal(found.points, [[1.0, 0.0]])
        assert all_proved(found) and not found.radius[0] >= 2.0**-40
    else:
        np.testing.assert_array_equal(found.points, [[side, 0.0]])
        assert all_proved(found)
        np.testing.assert_allclose(found.multipliers, [[2.0**-40, 0.0]])


@pytest.mark.parametrize("of_f", [1e-12, 1e-6, 1.0, 1e6, 1e12])
@pytest.mark.parametrize("of_x", [1e-6, 1.0, 1e6])
def test_sinks_and_basins_do_not_depend_on_units(of_x, of_f):
    f = known.Formula(lambda x, y: of_f * (-((x * (1 / of_x)).square() - 1.0).square() - (y * (1 / of_x)).square()), 2)
    box = sx.Box.cube(2, -2 * of_x, 2 * of_x)
    starts = uniform(box, 8)
    found = sinks_of(f, box, starts)
    assert all_proved(found) and (found.label >= 0).all()
    judge.matched(found.points / of_x, np.array([[1.0, 0.0], [-1.0, 0.0]]), 1e-9)
    basins = sx.GradientFlow(f, box).basins(starts, found)
    np.testing.assert_array_equal(np.sign(found.points[basins.label, 0]), np.sign(starts[:, 0]))


# -- what is no sink


@pytest.mark.parametrize("box", [sx.Box.cube(2, -2, 2), sx.Box([0, 0.25], [2, 2]), sx.Box([-2, -2], [0.3, 2])])
def test_a_circle_of_maxima_is_never_a_list_of_sinks(box):
    starts = np.concatenate([grid(box, 4), uniform(box, 6)])
    found = sinks_of(known.ring(), box, starts)
    assert len(found) == 0 and (found.label == -1).all()
    assert all("flat direction" in r or "saddle" in r or "no sink" in r or "index" in r for r in found.reasons), set(
        found.reasons
    )


def test_a_start_on_a_saddle_stays_there_and_is_no_sink():
    for f, point in (
        (known.double_well(), [0.0, 0.0]),
        (known.Quadratic(np.diag([1.0, -1.0]), [0.0, 0.0]), [0.0, 0.0]),
        (known.Quadratic(np.diag([1.0, 1.0]), [0.0, 0.0]), [0.0, 0.0]),
        (known.Formula(lambda x, y: x * x.square() - 3.0 * (x * y.square()), 2), [0.0, 0.0]),
        (known.Formula(lambda x, y: x * x.square() - y.square(), 2), [0.0, 0.0]),
    ):
        found = sinks_of(f, sx.Box.cube(2, -2, 2), [point])
        assert len(found) == 0 and found.label.tolist() == [-1] and found.reasons[0] != "sink", f.name


def test_the_reason_says_the_index_of_a_saddle():
    found = sinks_of(
        known.Quadratic(np.diag([1.0, -1.0, 2.0]), [0.0, 0.0, 0.0]), sx.Box.cube(3, -2, 2), [[0.0, 0.0, 0.0]]
    )
    assert "index 2" in found.reasons[0]


@pytest.mark.parametrize("offset", [0.0, 0.3, 1 / 3])
def test_a_degenerate_equilibrium_that_attracts_from_one_side_is_no_sink(offset):
    """x^3 - y^2: on the side x < 0 everything flows to 0, from where a nudge leads on to x = 1."""
    f = known.Formula(lambda x, y: (x - offset) * (x - offset).square() - y.square(), 2)
    box = sx.Box([-1, -1], [1, 1])
    beside = np.array([[-0.5, 0.3], [-1, 0], [-0.01, 0.0], [-1e-4, 0.0]])
    beside[:, 0] += offset
    starts = np.concatenate([beside, uniform(box, 4)])
    found = sinks_of(f, box, box.clip(starts))
    assert {tuple(point) for point in found.points.round(9)} <= {(1.0, 0.0)}, (found.points, found.evidence)


@pytest.mark.parametrize(("text", "count"), [("-x**4 - y**4", 1), ("-x**4 - y**2", 1), ("-(x**2 - 1)**4 - y**2", 2)])
def test_a_degenerate_maximum_is_listed_once_and_not_proved(text, count):
    """Newton's method stops short of it on every side; the stops are one sink, and other maxima are others."""
    box = sx.Box.cube(2, -2, 2)
    found = sinks_of(sx.expression(text, "x y"), box, uniform(box, 20))
    assert len(found) == count and found.n_proved == 0, found.points
    assert_bookkeeping(found, uniform(box, 20))
    assert np.abs(found.points[:, 1]).max() < 1e-4


@pytest.mark.parametrize("lean", [1e-10, 1e-12, 1e-14, -1e-12])
def test_a_narrow_passage_is_no_sink(lean):
    """x^3 + lean x - y^2: for lean > 0 the flow creeps through x = 0 and never stops; for lean < 0 there is a sink."""
    f = known.Formula(lambda x, y: x * x.square() + lean * x - y.square(), 2)
    box = sx.Box([-1, -1], [1, 1])
    found = sinks_of(f, box, [[-0.5, 0.3], [-1, 0], [-0.01, 0.0], [-1e-3, 0.0], [0.5, 0.0]])
    expected = [[1.0, 0.0]] if lean > 0 else [[1.0, 0.0], [-np.sqrt(-lean / 3), 0.0]]
    for point, verdict in zip(found.points, found.certainty, strict=True):
        assert np.abs(np.array(expected) - point).max(axis=1).min() < 1e-9, (point, verdict)
    if lean > 0:
        assert all_proved(found)


def test_a_flat_maximum_is_not_called_proved():
    for power in (1, 2):

        def formula(x, y, power=power):
            tower = x.square()
            for _ in range(power):
                tower = tower.square()
            return -tower - y.square()

        found = sinks_of(known.Formula(formula, 2), sx.Box.cube(2, -1, 1), [[0.5, 0.5], [0.0, 0.0], [-1.0, 0.2]])
        assert found.n_proved == 0


def test_a_saturated_plateau_is_no_sink():
    f, box = known.plateau(40.0), sx.Box.cube(2, -3, 3)
    starts = np.concatenate([uniform(box, 20), [[2.0, 2.0], [3.0, 3.0], [3.0, 1.0], [-3.0, -3.0]]])
    assert not f.gradient([[2.0, 2.0]]).any()
    found = sinks_of(f, box, starts)
    assert len(found) == 0, found.points


def test_a_saturated_network_has_a_plateau_and_no_sinks():
    net = sx.Network.from_arrays([400 * np.eye(2), [[1.0, 1.0], [-1.0, -1.0]]], [[0, 0], [0, 0]], "tanh")
    for f in (sx.log_odds(net, 0), sx.class_probability(net, 0), sx.log_density(net), sx.log_odds(net, 1)):
        box = sx.Box.cube(2, -3, 3)
        found = sinks_of(f, box, np.concatenate([uniform(box, 10), [[2, 2], [-2, -2], [3, 3], [-3, -3]]]))
        assert found.n_proved == 0, (f.name, found.points)
        assert len(found) == 0, (f.name, found.points, found.evidence)
        assert not any("did not come to rest" in reason for reason in found.reasons)


def test_a_constant_function_has_no_sinks():
    f = known.Formula(lambda x, y: 0.0 * x + 0.0 * y + 1.0, 2, "constant")
    box = sx.Box.cube(2, 0, 1)
    found = sinks_of(f, box, np.concatenate([uniform(box, 5), [[0, 0], [1, 1], [0, 1]]]))
    assert len(found) == 0 and (found.label == -1).all()


def test_a_potential_unbounded_on_the_whole_space_has_no_sinks():
    for f in (known.linear([1.0, 2.0]), known.Quadratic(np.eye(2), [0.0, 0.0]), known.plateau(2.0)):
        found = sinks_of(f, sx.WholeSpace(2), [[0.1, 0.2], [3.0, -1.0]])
        assert len(found) == 0 and (found.label == -1).all(), (f.name, found.points)


# -- near one another


@pytest.mark.parametrize(
    ("gap", "normal_size"), [(1e-2, True), (1e-4, True), (1e-6, True), (1e-7, True), (1e-2, False), (1e-4, False)]
)
def test_two_maxima_that_nearly_touch_are_two(gap, normal_size):
    """Told apart by proof, with curvature of normal size or with the tiny one of a quartic; of the latter's smaller
    gaps the pass differs from the maxima by less than the rounding of f."""
    f, box = known.two_close(gap, gap if normal_size else 1.0), sx.Box.cube(2, 0, 1)
    starts = np.array([[0.3 + k * gap, 0.1 + 0.1 * gap * k] for k in (-1.6, -1.1, -0.9, -0.4, 0.4, 0.9, 1.1, 1.7)])
    found = sinks_of(f, box, np.concatenate([starts, uniform(box, 10)]))
    assert all_proved(found)
    order = np.argsort(found.points[:, 0])
    np.testing.assert_allclose(found.points[order], [[0.3 - gap, 0.1], [0.3 + gap, 0.1]], rtol=0, atol=1e-3 * gap)
    outer = np.abs(starts[:, 0] - 0.3) > 0.85 * gap
    np.testing.assert_array_equal(found.points[found.label[:8], 0][outer] > 0.3, starts[outer, 0] > 0.3)
    # no region of uniqueness reaches the other sink, nor the pass between them
    assert (np.nan_to_num(found.radius) < gap * 1.001).all() and (found.error < 1e-2 * gap).all()
    judge.assert_sinks_are_true(found, judge.of_formula(f), box)


@pytest.mark.parametrize("tilt", [0.0, 1e-9, -1e-12])
def test_two_maxima_of_almost_one_value_are_two(tilt):
    f = known.Formula(lambda x, y: -(x.square() - 1.0).square() - y.square() + tilt * x, 2)
    found = sinks_of(f, sx.Box.cube(2, -2, 2), uniform(sx.Box.cube(2, -2, 2), 20))
    assert len(found) == 2 and all_proved(found)
    assert abs(found.values[0] - found.values[1]) < 1e-7
    if tilt == 1e-9:
        assert found.points[0, 0] > 0
    judge.assert_sinks_are_true(found, judge.of_formula(f), sx.Box.cube(2, -2, 2))


def test_many_starts_at_one_sink_give_one_sink():
    rng = np.random.default_rng(3)
    for f, point in (
        (known.himmelblau(), known.HIMMELBLAU_MAXIMA[1]),
        (known.Quadratic(np.diag([-1.0, -1e-7]), [0.1, 0.2]), [0.1, 0.2]),
    ):
        starts = np.array(point) + 1e-6 * rng.standard_normal((40, 2))
        found = sinks_of(f, sx.Box.cube(2, -5, 5), starts)
        assert len(found) == 1 and all_proved(found) and (found.label == 0).all()


@pytest.mark.parametrize("eigenvalue", [1e-4, 1e-7, 1e-9, 1e-11])
def test_nearly_flat_sinks_are_proved(eigenvalue):
    """Quartic terms beside a tiny curvature: the index is decided all the same."""
    f = known.Formula(
        lambda x, y: -0.5 * eigenvalue * x.square() - x.square().square() - y.square() + 0.1 * (x.square() * y), 2
    )
    found = sinks_of(f, sx.Box.cube(2, -1, 1), uniform(sx.Box.cube(2, -1, 1), 10))
    assert len(found) == 1 and all_proved(found)
    np.testing.assert_allclose(found.spectra[0], [-2.0, -eigenvalue], rtol=1e-4)
    judge.assert_sinks_are_true(found, judge.of_formula(f), sx.Box.cube(2, -1, 1), 1e-15)


# -- boundaries, budgets, input


def test_exit_lists_only_what_lies_inside():
    f = known.double_well()
    box = sx.Box([-0.5, -1], [2, 1])
    found = sinks_of(f, box, [[-0.4, 0.2], [0.4, 0.3]], "exit")
    np.testing.assert_allclose(found.points, [[1.0, 0.0]], atol=1e-12)
    assert found.label.tolist() == [-1, 0] and "left the box" in found.reasons[0]


@pytest.mark.parametrize("beyond", [2.0**-54, 2.0**-50])
def test_exit_calls_nothing_on_the_edge_proved(beyond):
    """The true maximum lies outside by less than rounding shows: neither in nor out."""
    with mpmath.workdps(40):
        f = known.Formula(lambda x, y: -((x - 1.0) - beyond).square() - y.square(), 2)
        assert f.digits([1 + mpmath.mpf(beyond), 0])[1][0] == 0
    found = sinks_of(f, sx.Box([0, -1], [1, 1]), [[0.5, 0.5]], "exit")
    assert found.n_proved == 0, (found.points, found.error)


def test_whole_space_draws_starts_of_its_own():
    found = sx.GradientFlow(known.double_well(), sx.WholeSpace(2)).sinks()
    assert len(found) == 2 and all_proved(found) and not found.at_infinity


def test_own_starts_find_all_sinks_in_the_plane():
    for f, box, n in (
        (known.double_well(), sx.Box.cube(2, -2, 2), 2),
        (known.himmelblau(), sx.Box.cube(2, -5, 5), 4),
        (known.linear([1.0, 1.0]), sx.Box.cube(2, -5, 5), 1),
    ):
        flow = sx.GradientFlow(f, box)
        found = flow.sinks()
        assert len(found) == n and all_proved(found)
        again = flow.sinks(rng=0)
        np.testing.assert_array_equal(found.points, again.points)
        np.testing.assert_array_equal(found.label, again.label)


def test_strict_raises_where_something_is_open():
    flow = sx.GradientFlow(known.double_well(), sx.Box.cube(2, -2, 2))
    assert flow.sinks([[0.5, 0.5]], strict=True).n_proved == 1
    with pytest.raises(UnresolvedError):
        flow.sinks([[0.5, 0.5], [0.0, 0.0]], strict=True)
    with pytest.raises(UnresolvedError):
        sx.GradientFlow(known.ring(), sx.Box.cube(2, -2, 2)).sinks([[0.5, 0.5]], strict=True)


def test_no_starts_give_no_sinks():
    for empty in (np.zeros((0, 2)), []):
        found = sx.GradientFlow(known.double_well(), sx.Box.cube(2, -2, 2)).sinks(empty)
        assert len(found) == 0 and found.points.shape == (0, 2) and found.label.shape == (0,) and found.reasons == ()
        assert found.active.shape == (0, 2) and found.multipliers.shape == (0, 2) and "none" in repr(found)
        assert len(found.to_dataframe()) == 0


@pytest.mark.parametrize("starts", [[[3.0, 0.0]], [[np.nan, 0.0]], [[0.0, 0.0, 0.0]], [[0.0]], "text", [["a", "b"]]])
def test_bad_starts_are_errors_of_ours(starts):
    with pytest.raises((sx.InputError, sx.KindError)):
        sx.GradientFlow(known.double_well(), sx.Box.cube(2, -2, 2)).sinks(starts)


def test_starts_are_left_as_they_were():
    starts = uniform(sx.Box.cube(2, -2, 2), 10)
    before = starts.copy()
    sinks_of(known.double_well(), sx.Box.cube(2, -2, 2), starts)
    np.testing.assert_array_equal(starts, before)


def test_a_label_is_the_sink_that_the_start_climbed_to_whatever_the_order():
    f, box = known.himmelblau(), sx.Box.cube(2, -5, 5)
    near = known.HIMMELBLAU_MAXIMA + 0.05
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        found = sinks_of(f, box, near[order])
        assert np.abs(found.points[found.label] - near[order]).max() < 0.1


@settings(max_examples=25)
@given(
    st.integers(2, 4),
    st.integers(2, 4),
    st.sampled_from(["tanh", "sigmoid", "softplus", "gelu"]),
    st.sampled_from([("log_odds", 0), ("log_density",), ("margin", 0, 1), ("confidence",)]),
    st.integers(0, 2**31),
)
def test_proved_sinks_of_random_networks_are_sinks(dim, classes, activation, case, seed):
    """Newton in 50 digits judges place, spectrum and multipliers."""
    from tests.oracles.blueprints import random_mlp

    rng = np.random.default_rng(seed)
    widths = (dim, int(rng.integers(2, 7)), classes) if rng.random() < 0.7 else (dim, 4, 3, classes)
    blueprint = random_mlp(rng, widths, activation, scale=3.0)
    box = sx.Box.cube(dim, -1, 1)
    found = sinks_of(blueprint.library_potential(*case), box, uniform(box, 4, seed))
    judge.assert_sinks_are_true(found, judge.of_blueprint(blueprint, *case), box)
