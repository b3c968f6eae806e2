"""What the proof of an equilibrium refuses, and that what it says is true."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import separatrix as sx
from separatrix.flow.projection import Bounds
from separatrix.flow.proof import prove
from tests.flow import judge, known
from tests.oracles.blueprints import random_mlp

SQUARE = Bounds(np.array([-2.0, -2.0]), np.array([2.0, 2.0]))
FREE = Bounds(np.full(2, -np.inf), np.full(2, np.inf))


def assert_no_proof(proof):
    assert proof.region is None and proof.evidence
    assert np.isnan(proof.radius) and np.isnan(proof.error)


def assert_holds(proof, exact, m):
    """A zero within ``error`` of m by Newton in 50 digits; m is in the region, ``radius`` no smaller than ``error``."""
    free = np.flatnonzero(~np.isin(np.arange(len(m)), np.flatnonzero(proof.multipliers)))
    with mpmath.workdps(50):
        zero = judge.true_zero(exact, m, free)
        distance = max(abs(z - mpmath.mpf(float(c))) for z, c in zip(zero, m, strict=True))
        assert distance <= mpmath.mpf(proof.error)
    assert np.isnan(proof.radius) or proof.radius >= proof.error
    assert proof.region.contains(np.array([m])).all()
    return np.array([float(z) for z in zero])


# -- refusals


@pytest.mark.parametrize("point", [[0.5, 0.0], [1.2, 0.3], [0.7, -0.7], [0.0, 1.0], [-2.0, 1.0]])
def test_points_that_are_no_equilibria(point):
    assert_no_proof(prove(known.double_well(), SQUARE, np.array(point)))


def test_a_point_near_an_equilibrium_is_proved_with_an_honest_error_or_not_at_all():
    f = known.double_well()
    for distance in (1e-12, 1e-9, 1e-6, 1e-4, 1e-3, 1e-2, 0.05, 0.1, 0.3):
        for direction in ([1.0, 0.0], [-1.0, 0.0], [0.6, 0.8], [0.0, -1.0]):
            m = np.array([1.0, 0.0]) + distance * np.array(direction)
            proof = prove(f, SQUARE, m)
            if proof.region is None:
                assert_no_proof(proof)
                assert distance > 1e-6
            else:
                assert_holds(proof, judge.of_formula(f), m)
                assert proof.index == 0 and proof.error < 1.0


@pytest.mark.parametrize("signs", [(1, -1), (1, 1), (-1, -1)])
@pytest.mark.parametrize("bounds", [SQUARE, FREE])
def test_the_index_of_saddles_and_minima(signs, bounds):
    f = known.Quadratic(np.diag([0.7 * signs[0], 1e-3 * signs[1]]), [0.5, -0.25])
    proof = prove(f, bounds, np.array([0.5, -0.25]))
    assert proof.region is not None and proof.index == sum(s > 0 for s in signs)
    assert proof.error < 1e-15


def test_the_index_in_many_dimensions():
    rng = np.random.default_rng(0)
    for positive in (0, 1, 7, 20):
        q = np.linalg.qr(rng.standard_normal((20, 20)))[0]
        values = np.concatenate([10.0 ** rng.uniform(-6, 1, positive), -(10.0 ** rng.uniform(-6, 1, 20 - positive))])
        f = known.Quadratic((q * values) @ q.T, rng.uniform(-0.5, 0.5, 20))
        f.matrix = 0.5 * (f.matrix + f.matrix.T)
        proof = prove(f, Bounds(np.full(20, -1.0), np.full(20, 1.0)), f.center)
        assert proof.region is not None and proof.index == positive


def test_saddles_of_the_classics_have_index_one():
    f = known.muller_brown()
    bounds = Bounds(np.array([-2.0, -1.0]), np.array([2.0, 3.0]))
    for start in ([-0.822, 0.624], [0.212, 0.293]):
        with mpmath.workdps(50):
            zero = np.array([float(c) for c in judge.true_zero(judge.of_formula(f), start, [0, 1])])
        np.testing.assert_allclose(zero, start, atol=1e-3)
        proof = prove(f, bounds, zero)
        assert proof.index == 1
        assert_holds(proof, judge.of_formula(f), zero)


@pytest.mark.parametrize(
    ("slope", "what"),
    [(-1.0, "inward"), (-1e-12, "inward by little"), (0.0, "zero"), (1e-12, "outward by little"), (1.0, "outward")],
)
def test_multipliers_must_point_outward(slope, what):
    """x slope - (y - 1/8)^2 - y x at the face x = 2: the free coordinate y is critical at 1/8 - 1."""
    del what
    f = known.Formula(lambda x, y: slope * x - (y - 0.125).square() + (x - 2.0) * y + 0.875 * (x - 2.0), 2)
    m = np.array([2.0, 0.125])
    assert abs(f.gradient(m[None])[0, 0] - (slope + 1.0)) < 1e-15
    g = known.Formula(lambda x, y: f.formula(x, y) - 1.0 * x, 2)
    proof = prove(g, SQUARE, m)
    if slope <= 0:
        assert_no_proof(proof)
        assert "multiplier" in proof.evidence
    else:
        assert proof.index == 0 and proof.multipliers is not None and proof.multipliers[1] == 0
        assert 0 < proof.multipliers[0] <= slope


def test_a_vertex_with_one_wrong_gradient_is_no_equilibrium():
    for slope in ([1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [1.0, 0.0]):
        proof = prove(known.linear(slope), SQUARE, np.array([2.0, 2.0]))
        assert (proof.region is not None) == (min(slope) > 0)


@pytest.mark.parametrize("eigenvalue", [1e-9, -1e-9, 1e-13, -1e-13, 0.0, 1e-310, -1e-310])
def test_a_hessian_that_is_nearly_degenerate(eigenvalue):
    """x^2 eigenvalue / 2 - y^2: the index where it is decided, never a wrong one, and never an exception."""
    f = known.Formula(lambda x, y: 0.5 * eigenvalue * x.square() - y.square(), 2)
    proof = prove(f, SQUARE, np.array([0.0, 0.0]))
    if abs(eigenvalue) >= 1e-13:
        assert proof.index == int(eigenvalue > 0)
    elif proof.region is not None:
        assert eigenvalue and proof.index == int(eigenvalue > 0)


@pytest.mark.parametrize("eigenvalue", [1e-9, -1e-9])
def test_a_nearly_degenerate_hessian_with_higher_terms(eigenvalue):
    f = known.Formula(lambda x, y: 0.5 * eigenvalue * x.square() + x * x.square() - y.square() + x * y * 1e-10, 2)
    m = np.array([0.0, 0.0])
    proof = prove(f, SQUARE, m)
    assert proof.index == int(eigenvalue > 0)
    assert_holds(proof, judge.of_formula(f), m)
    # the other critical point lies at x = -eigenvalue / 3
    assert np.isnan(proof.radius) or proof.radius < abs(eigenvalue) / 3 * (1 + 1e-6)


@pytest.mark.parametrize("power", [3, 4])
def test_degenerate_points_are_refused(power):
    cubic = lambda x, y: x * x.square() - 3.0 * (x * y.square())  # noqa: E731
    quartic = lambda x, y: -x.square().square() - y.square()  # noqa: E731
    f = known.Formula(cubic if power == 3 else quartic, 2)
    for m in ([0.0, 0.0], [1e-9, 0.0], [-1e-9, 1e-12]):
        assert_no_proof(prove(f, SQUARE, np.array(m)))


def test_points_of_a_circle_of_maxima_are_refused():
    for angle in (0.0, 0.3, 2.0, -np.pi / 2):
        for r in (1.0, 1 + 1e-9, 1 + 1e-6, 1 - 1e-9):
            m = r * np.array([np.cos(angle), np.sin(angle)])
            assert_no_proof(prove(known.ring(), SQUARE, m))


def test_a_vanishing_gradient_on_a_plateau_is_refused():
    f = known.plateau(40.0)
    for m in ([1.5, 1.5], [2.0, 1.0], [2.0, 2.0], [-2.0, 0.5]):
        assert_no_proof(prove(f, SQUARE, np.array(m)))


@pytest.mark.parametrize("gap", [1e-1, 1e-4, 1e-6, 1e-8])
def test_uniqueness_never_covers_two_critical_points(gap):
    """Maxima at 0.3 +- gap and the saddle between them: each radius is below the distance to the next."""
    f = known.two_close(gap)
    bounds = Bounds(np.zeros(2), np.ones(2))
    exact = judge.of_formula(f)
    zeros = []
    for start in (0.3 - gap, 0.3, 0.3 + gap):
        with mpmath.workdps(50):
            zeros.append([mpmath.mpf(c) for c in judge.true_zero(exact, [start, 0.1], [0, 1])])
    gaps = [float(abs(zeros[0][0] - zeros[1][0])), float(abs(zeros[2][0] - zeros[1][0]))]
    for k, zero in enumerate(zeros):
        m = np.array([float(c) for c in zero])
        proof = prove(f, bounds, m)
        assert proof.index == (1 if k == 1 else 0)
        assert_holds(proof, exact, m)
        nearest = min(gaps) if k == 1 else gaps[0 if k == 0 else 1]
        assert not proof.radius >= nearest - 1e-16
        others = np.array([[float(c) for c in other] for j, other in enumerate(zeros) if j != k])
        assert proof.region is not None and not proof.region.contains(others).any()


def test_a_region_near_a_side_stays_inside():
    for room in (1e-2, 1e-7, 1e-10):
        f = known.Quadratic(-np.eye(2), [2.0 - room, 0.0])
        proof = prove(f, SQUARE, f.center)
        assert proof.region is not None and proof.index == 0
        assert np.isnan(proof.radius) or proof.radius <= room


def test_ignored_coordinates_are_left_out():
    f = known.Formula(lambda x, y: -(x - 0.5).square() + 0.0 * y, 2)
    assert_no_proof(prove(f, SQUARE, np.array([0.5, 0.3])))
    proof = prove(f, SQUARE, np.array([0.5, 0.3]), np.array([False, True]))
    assert proof.index == 0 and proof.region is not None and proof.region.free.tolist() == [0]


@settings(max_examples=25)
@given(st.sampled_from(["tanh", "sigmoid", "softplus", "silu"]), st.integers(1, 3), st.integers(0, 2**31))
def test_what_is_proved_of_random_points_of_random_networks(activation, dim, seed):
    """The ends of a few Newton steps towards any critical point, free or on a face: what is proved there is true."""
    rng = np.random.default_rng(seed)
    blueprint = random_mlp(rng, (dim, 5, 3), activation, scale=3.0)
    f = blueprint.library_potential("log_odds", 1)
    box = sx.Box.cube(dim, -1.5, 1.5)
    exact = judge.of_blueprint(blueprint, "log_odds", 1)
    for _ in range(4):
        face = rng.integers(-1, 2, dim) * (rng.random(dim) < 0.4)
        x = np.where(face > 0, box.upper, np.where(face < 0, box.lower, rng.uniform(-1, 1, dim)))
        free = np.flatnonzero(face == 0)
        for _ in range(12 if free.size else 0):
            step = np.linalg.lstsq(f.hessian(x[None])[0][np.ix_(free, free)], -f.gradient(x[None])[0][free])[0]
            x[free] = np.clip(x[free] + np.clip(step, -0.3, 0.3), box.lower[free], box.upper[free])
        proof = prove(f, Bounds(box.lower, box.upper), x)
        if proof.region is None or proof.multipliers is None:
            continue
        on_faces = (x <= box.lower).astype(int) + (x >= box.upper)
        free = np.flatnonzero(on_faces == 0)
        with mpmath.workdps(50):
            zero = judge.true_zero(exact, x, free)
            assert max(abs(z - mpmath.mpf(float(c))) for z, c in zip(zero, x, strict=True)) <= mpmath.mpf(proof.error)
            gradient, hessian = exact(zero)
            for i in np.flatnonzero(on_faces):
                outward = gradient[int(i)] * (1 if x[i] > 0 else -1)
                assert outward >= mpmath.mpf(float(proof.multipliers[i])) > 0
            values = judge.eigenvalues(hessian, free)
            assert proof.index == sum(v > 0 for v in values)
