"""What the proof of a sink on creases and faces says is true, and what it refuses."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import separatrix as sx
from separatrix.flow.piecewise_linear.linear_condition import prove_tied
from separatrix.flow.piecewise_linear.proof import prove
from separatrix.networks.network import Network
from tests.flow.piecewise_linear.known_ridges import (
    POTENTIALS,
    absolute,
    climbed_to,
    greatest_rise,
    margin_of,
    proof_of,
    random_network,
)

# -- what is proved is true


@pytest.mark.parametrize("name", POTENTIALS)
@pytest.mark.parametrize("widths", [(1, 6, 2), (2, 9, 3), (3, 12, 5), (4, 10, 8, 3), (2, 8, 8, 6, 2)])
def test_no_point_near_a_proved_sink_is_higher(name, widths):
    proved = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        f = POTENTIALS[name](random_network(widths, rng, ("relu", "leaky_relu")[seed % 2]))
        for x in rng.uniform(-2, 2, (2, widths[0])):
            frame, stratum = climbed_to(f, x)
            proof = prove(frame, stratum)
            if proof.holds:
                proved += 1
                assert greatest_rise(f, proof.point, rng, frame.bounds) < 1.0
                assert proof.error < 1e-15
    assert proved > 0


@given(st.integers(0, 10**6), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_a_sink_of_a_margin_is_within_its_error_of_the_exact_vertex(seed, dim):
    rng = np.random.default_rng(seed)
    f = sx.margin(random_network((dim, 9, 2), rng), 0, 1)
    frame, stratum = climbed_to(f, rng.uniform(-2, 2, dim))
    proof = prove(frame, stratum)
    if not proof.holds:
        return
    layer = f.network.affine_layers[0]
    exact = solve_exactly(layer.weight, layer.bias, stratum, proof.point)
    assert all(abs(Fraction(p) - v) <= Fraction(proof.error) for p, v in zip(proof.point.tolist(), exact, strict=True))


def solve_exactly(weight, bias, stratum, point):
    """The vertex in fractions by Gauss-Jordan elimination."""
    free = stratum.free.tolist()
    x = [Fraction(p) for p in point.tolist()]
    table = []
    for j in stratum.creases.tolist():
        held = sum(Fraction(w) * x[i] for i, w in enumerate(weight[j].tolist()) if i not in free)
        table.append([Fraction(weight[j, i]) for i in free] + [-held - Fraction(bias[j])])
    for k in range(len(free)):
        pivot = next(r for r in range(k, len(table)) if table[r][k] != 0)
        table[k], table[pivot] = table[pivot], table[k]
        table[k] = [v / table[k][k] for v in table[k]]
        for r in range(len(table)):
            if r != k:
                table[r] = [a - table[r][k] * b for a, b in zip(table[r], table[k], strict=True)]
    for k, i in enumerate(free):
        x[i] = table[k][-1]
    return x


def test_neurons_are_merged_exactly_before_the_proof():
    # u and -3 u: f = -relu(u) - relu(-3 u) / 2 is a tent with slopes 1.5 and -1
    f = margin_of([[1.0, 0.5], [-3.0, -1.5], [0.0, 1.0]], [0.25, -0.75, 0.0], [-1.0, -0.5, 0.125])
    proof = proof_of(f, [0.3, 1.0])
    assert proof.holds and proof.point.tolist() == [-1.25, 2.0]


def test_log_odds_of_several_classes_have_sinks_of_positive_dimension():
    sizes = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        frame, stratum = climbed_to(sx.log_odds(random_network((4, 12, 6), rng), 0), rng.uniform(-2, 2, 4))
        if prove(frame, stratum).holds:
            sizes.append(stratum.spectrum.size)
            assert (stratum.spectrum < 0).all()
    assert max(sizes) >= 1


def test_the_whole_space_and_the_exit_have_no_faces():
    f = absolute([[1.0, 2.0], [1.0, -1.0]], [-1.0, -3.0], [0.25, 7.0])
    for half_side in (None, 4.0):
        proof = proof_of(f, [0.3, 0.1], half_side)
        assert proof.holds and proof.point == pytest.approx([-4.75, 2.25] if half_side is None else [-4.0, 3.0])


@pytest.mark.parametrize(("slope", "outputs"), [(2.0, [1.0, -1.5]), (-0.5, [-1.0, 0.25]), (0.25, [-1.0, 0.5])])
def test_any_left_slope_makes_its_tent(slope, outputs):
    """s(x) plus a linear function: one-sided slopes of both signs at 0 by hand."""
    net = Network.from_arrays([[[1.0], [1.0]], [outputs, [0.0, 0.0]]], [[0.0, 10.0], [0.0, 0.0]], "leaky_relu", slope)
    proof = proof_of(sx.margin(net, 0, 1), [0.75])
    assert proof.holds and proof.point.tolist() == [0.0]


def test_one_logit_has_the_sinks_of_both_signs():
    rng = np.random.default_rng(1)
    net = random_network((2, 9, 1), rng)
    for k in (0, 1):
        for x in rng.uniform(-2, 2, (3, 2)):
            frame, stratum = climbed_to(sx.log_odds(net, k), x)
            proof = prove(frame, stratum)
            assert proof.holds or stratum.reason or (stratum.spectrum >= 0).any()
            if proof.holds:
                assert greatest_rise(sx.log_odds(net, k), proof.point, rng, frame.bounds) < 1.0


# -- what is refused


def strata(widths, kind, seeds=6):
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        frame, stratum = climbed_to(POTENTIALS[kind](random_network(widths, rng)), rng.uniform(-2, 2, widths[0]))
        if prove(frame, stratum).holds:
            yield frame, stratum


@pytest.mark.parametrize("kind", ["log-density", "log-odds"])
@pytest.mark.parametrize("widths", [(3, 14, 4), (3, 8, 8, 3)])
def test_wrong_crease_sets_are_refused(widths, kind):
    tried = 0
    for frame, right in strata(widths, kind):
        off = np.setdiff1d(np.unique(frame.groups.leader), right.creases)
        for place, j in enumerate(right.creases):
            fewer = np.delete(right.creases, place)
            for side in (-1, 1):
                signs = right.signs.copy()
                signs[j] = side
                wrong = dataclasses.replace(right, creases=fewer, signs=signs, beta=np.delete(right.beta, place))
                assert not prove(frame, wrong).holds
                tried += 1
        for j in off[:4]:
            signs = right.signs.copy()
            signs[j] = 0
            more = np.sort(np.append(right.creases, j))
            wrong = dataclasses.replace(right, creases=more, signs=signs, beta=np.zeros(more.size))
            assert not prove(frame, wrong).holds
            tried += 1
        for k in np.flatnonzero(right.signs)[:6]:
            signs = right.signs.copy()
            signs[k] = -signs[k]
            assert not prove(frame, dataclasses.replace(right, signs=signs)).holds
            tried += 1
    assert tried > 10


def test_wrong_faces_are_refused():
    tried = 0
    for frame, right in strata((3, 14, 4), "log-odds", seeds=12):
        for i in np.flatnonzero(right.faces):
            freed = dataclasses.replace(
                right, faces=np.where(np.arange(3) == i, 0, right.faces).astype(np.int8), free=np.sort([*right.free, i])
            )
            turned = dataclasses.replace(
                right, faces=np.where(np.arange(3) == i, -right.faces, right.faces).astype(np.int8)
            )
            assert not prove(frame, freed).holds and not prove(frame, turned).holds
            tried += 1
    assert tried > 3


def test_a_saddle_on_a_ridge_is_refused():
    # -|x| + |y|: on the ridge x = 0 the kink in y is convex
    f = absolute([[1.0, 0.0], [0.0, 1.0]], [-1.0, 1.0])
    frame, stratum = climbed_to(f, [0.3, 0.0], creases=[0, 1])
    assert not prove(frame, stratum).holds and not prove_tied(frame, stratum).holds


def test_a_convex_crease_that_still_climbs_is_refused():
    f = margin_of([[1.0]], [0.0], [1.0])
    frame, stratum = climbed_to(f, [0.0], creases=[0])
    assert not prove(frame, stratum).holds and not prove_tied(frame, stratum).holds


@pytest.mark.parametrize(
    ("outputs", "is_sink"), [((-1.0, 1.0), False), ((-2.0, 1.0), True), ((-1.0, 0.0), False), ((-1.0, 2.0), False)]
)
def test_slopes_that_are_not_strict(outputs, is_sink):
    """f = a relu(x) + b x with b = relu(x) - relu(-x): a sink only where 0 < b < -a."""
    a, b = outputs
    f = margin_of([[1.0], [-1.0]], [0.0, 0.0], [a + b, -b])
    frame, stratum = climbed_to(f, [0.0], creases=[0, 1])
    for found in (prove(frame, stratum), prove_tied(frame, stratum)):
        assert (found.holds and found.point.tolist() == [0.0]) == is_sink


def test_a_multiplier_of_zero_is_refused():
    # f = -|x| does not depend on y next to y = 2, where relu(-y) is off
    f = margin_of([[1.0, 0.0], [-1.0, 0.0], [0.0, -1.0]], [0.0, 0.0, 0.0], [-1.0, -1.0, -1.0])
    frame, stratum = climbed_to(f, [0.0, 2.0], creases=[0])
    assert not prove(frame, stratum).holds and not prove_tied(frame, stratum).holds


def test_a_neuron_exactly_at_zero_is_not_overlooked():
    # three ridges through one point, two of them given: the third is convex and wins
    f = absolute([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [-1.0, -1.0, 1.5])
    frame, stratum = climbed_to(f, [0.0, 0.0], creases=[0, 1])
    assert not prove(frame, stratum).holds
    assert prove_tied(frame, stratum).refuted


def test_arithmetic_that_rounds_differently_proves_nothing(monkeypatch):
    monkeypatch.setattr("separatrix.flow.piecewise_linear.proof.ieee_arithmetic_holds", lambda: False)
    assert not prove(*climbed_to(absolute([[1.0]], [-1.0]), [0.5])).holds


# -- the only equilibrium near by


@pytest.mark.parametrize("name", ["log-odds", "margin"])
def test_f_rises_towards_the_sink_from_all_of_its_cube(name):
    known = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        f = POTENTIALS[name](random_network((3, 12, 4), rng))
        frame, stratum = climbed_to(f, rng.uniform(-2, 2, 3))
        proof = prove(frame, stratum)
        if not proof.holds:
            continue
        assert proof.radius > proof.error
        known += 1
        y = np.clip(proof.point + proof.radius * rng.uniform(-1, 1, (4000, 3)), -2.0, 2.0)
        back = proof.point - y
        assert (f.value(y + 1e-6 * back) > f.value(y) - 1e-15).all()
        assert (np.sum(f.gradient(y) * back, axis=1) > 0)[np.abs(back).max(axis=1) > 1e-3 * proof.radius].all()
    assert known > 4


def test_the_cube_ends_at_the_next_crease():
    f = margin_of([[1.0], [1.0], [1.0]], [1.0, 0.0, -0.5], [1.0, -2.0, 1.5])
    proof = proof_of(f, [-0.5])
    assert proof.point.tolist() == [0.0] and proof.radius == pytest.approx(0.5, abs=1e-12)


def test_where_the_head_is_not_concave_no_cube_is_claimed():
    proof = proof_of(sx.log_density(random_network((3, 12, 4), np.random.default_rng(0))), [0.1, 0.2, 0.3])
    assert proof.holds and np.isnan(proof.radius)
