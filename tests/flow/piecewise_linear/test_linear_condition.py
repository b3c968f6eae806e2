"""Sinks with dependent normals and convex creases, decided for every choice of sides or cell by cell."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.flow.piecewise_linear.linear_condition import prove_tied
from separatrix.flow.piecewise_linear.proof import prove
from separatrix.flow.piecewise_linear.sinks import frame_of
from separatrix.flow.piecewise_linear.stratum import polish
from separatrix.flow.piecewise_linear.vertex_cells import prove_by_cells
from separatrix.networks.network import Network
from tests.flow.piecewise_linear.known_ridges import (
    POTENTIALS,
    absolute,
    arena_of,
    climbed_to,
    degenerate_network,
    greatest_rise,
    margin_of,
    proof_of,
)

# -- dependent normals and convex creases


@pytest.mark.parametrize(
    ("sizes", "is_sink"),
    [
        ((-1.0, -1.0, -1.0), True),
        ((-3.0, -3.0, 1.0), True),
        ((-1.0, -1.0, 1.0), False),  # constant in a quadrant
        ((-1.0, -1.0, 1.5), False),
        ((-1.0, -1.0, 0.0), True),
        ((0.0, -1.0, -1.0), True),
        ((0.0, -1.0, 0.0), False),
    ],
)
def test_three_ridges_through_one_point(sizes, is_sink):
    """a |x| + b |y| + c |x + y| by hand."""
    f = absolute([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], sizes)
    assert proof_of(f, [0.0, 0.0], creases=[0, 1, 2]).holds == is_sink


@given(st.integers(0, 10**6), st.sampled_from(["log-density", "log-odds", "margin"]), st.integers(1, 2))
@settings(max_examples=60, deadline=None)
def test_stars_are_decided_as_by_all_their_rays(seed, kind, dim):
    """All creases pass through the origin: f' is linear between the rays on creases, so f'(0; .) < 0 on these decides."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 8))
    out = rng.normal(size=(3, n)) - rng.choice([0.0, 2.0]) * np.array([[1.0], [0.0], [0.0]])
    if kind != "margin":
        out = out - rng.choice([0.0, 1.0]) * np.array([[0.0], [1.0], [1.0]])
    net = Network.from_arrays([rng.normal(size=(n, dim)), out], [np.zeros(n), np.zeros(3)])
    f = POTENTIALS[kind](net)
    slopes = slopes_along_rays(net, f)
    if np.abs(slopes).min() < 1e-6:
        return
    proof = proof_of(f, np.zeros(dim), creases=np.arange(n))
    assert (proof.holds and not proof.point.any()) == bool((slopes < 0).all())


def slopes_along_rays(net, f):
    """f'(0; d) along every ray that is on a crease, and along the axes so that no cone is wider than a right angle."""
    normals = net.affine_layers[0].weight
    if normals.shape[1] == 1:
        rays = np.array([[1.0], [-1.0]])
    else:
        turned = np.column_stack([-normals[:, 1], normals[:, 0]])
        rays = np.concatenate([turned, -turned, np.eye(2), -np.eye(2)])
        rays = rays / np.linalg.norm(rays, axis=1)[:, None]
    z = net.logits(rays)
    weights = f.head.value_and_gradient(np, np.zeros((1, len(f.contrasts))))[1][0] @ f.contrasts
    return z @ weights


def test_a_crease_that_touches_the_box_along_a_face_only():
    # relu(y - 2) begins on the face y = 2, where f rises outward; the ridge in x crosses it
    f = margin_of([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [0.0, 0.0, -2.0, 4.0], [-1.0, -1.0, 1.0, 1.0])
    proof = proof_of(f, [0.3, 1.0])
    assert proof.holds and proof.point.tolist() == [0.0, 2.0]


@pytest.mark.parametrize("kind", ["repeated", "opposite", "dead", "no bias", "quantised", "no effect"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_degenerate_networks_are_judged_rightly(kind, activation):
    proved = 0
    for seed, name in itertools.product(range(3), ("log-density", "log-odds", "margin")):
        rng = np.random.default_rng(seed)
        f = POTENTIALS[name](degenerate_network(kind, (2, 10, 3), rng, activation))
        for x in rng.uniform(-2, 2, (3, 2)):
            frame, stratum = climbed_to(f, x)
            proof = prove(frame, stratum)
            proof = proof if proof.holds or stratum.reason else prove_tied(frame, stratum)
            if proof.holds:
                proved += 1
                assert greatest_rise(f, proof.point, rng, frame.bounds, 1500) < 1.0
    assert proved > 3


@given(st.integers(0, 10**6), st.sampled_from(["log-density", "log-odds", "margin"]), st.integers(1, 2))
@settings(max_examples=25, deadline=None)
def test_deep_stars_are_decided_as_by_many_directions(seed, kind, dim):
    rng = np.random.default_rng(seed)
    widths = (dim, int(rng.integers(2, 4)), int(rng.integers(2, 5)))
    weights = [rng.normal(size=(b, a)) for a, b in itertools.pairwise(widths)]
    out = rng.normal(size=(3, widths[-1])) - rng.choice([0.0, 2.0]) * np.array([[1.0], [0.0], [0.0]])
    if kind != "margin":
        out = out - rng.choice([0.0, 2.0]) * np.array([[0.0], [1.0], [1.0]])
    net = Network.from_arrays(
        [*weights, out], [np.zeros(widths[1]), np.zeros(widths[2]), np.zeros(3)], "leaky_relu", 0.25
    )
    f = POTENTIALS[kind](net)
    angle = np.linspace(0.0, 2 * np.pi, 20001)
    rays = np.array([[1.0], [-1.0]]) if dim == 1 else np.column_stack([np.cos(angle), np.sin(angle)])
    y = f.head.value_and_gradient(np, np.zeros((1, len(f.contrasts))))[1][0] @ f.contrasts
    top = float((net.logits(rays) @ y).max())
    if abs(top) < 1e-2:
        return
    frame = frame_of(arena_of(f))
    stratum = polish(frame, np.zeros(dim), np.arange(widths[1] + widths[2]))
    if stratum.point.any() or stratum.creases.size != dim:
        assert top > 0
        return
    found = prove_by_cells(frame, stratum)
    assert found.holds == (top < 0) and (found.holds or found.refuted)
