"""Conley indices: degenerate sets that are known, laws, indices of proved points, and what is no answer."""

from __future__ import annotations

import numpy as np
import pytest

import separatrix as sx
from separatrix import Box, GradientFlow, Network, Potential, critical_points, expression, log_odds
from separatrix.conley.conley_index import conley_index
from separatrix.conley.equilibrium_cells import equilibrium_cells
from separatrix.conley.level_blocks import LevelBlock, level_block
from separatrix.conley.turned_gradient import least_slope
from separatrix.data import known_flow
from separatrix.numerics.intervals import Interval

NAMES = ("x", "y", "z")
SQUARE = ([-1, -0.9], [1, 1.1])


def flow_of(text: str, dim: int = 2, side: float = 2.0) -> GradientFlow:
    names = " ".join(NAMES[:dim])
    return GradientFlow(expression(text, names), Box([-side] * dim, [side + 0.1] * dim), "exit")


def net_flow(seed: int, dim: int = 2) -> GradientFlow:
    rng = np.random.default_rng(seed)
    layers = [rng.normal(size=(6, dim)) * 1.5, rng.normal(size=(2, 6))]
    net = Network.from_arrays(layers, [rng.normal(size=6), np.zeros(2)], "tanh")
    return GradientFlow(log_odds(net, 0), Box.cube(dim, -2, 2), "exit")


@pytest.mark.parametrize(
    ("text", "betti"),
    [
        ("x**3 - 3*x*y**2", (0, 2, 0)),  # a monkey saddle
        ("x**4 - 6*x**2*y**2 + y**4 + y**5/10", (0, 3, 0)),  # four arms go up
        ("x**3/3 - y**2", (0, 0, 0)),  # a fold
        ("x**3/3 + y**2", (0, 0, 0)),
        ("-x**4 - y**4", (1, 0, 0)),
        ("x**4 + y**4 + x*y**4/9", (0, 0, 1)),
        ("x**4 - y**6", (0, 1, 0)),
        ("x + y**3", (0, 0, 0)),
    ],
)
def test_degenerate_points_in_a_box_and_in_cubes(text, betti):
    flow = flow_of(text)
    for asked in (SQUARE, ([[-0.1, -0.12]], [[0.13, 0.1]])):
        found = conley_index(flow, asked)
        assert found.verdict == "computed" and str(found.certainty) == "proved", found
        assert found.betti == betti and not any(found.torsion)
        assert found.is_trivial == (betti == (0, 0, 0))
        if any(found.block_betti):
            chains = [found.generators(k) for k in range(3)]
            assert [len(chain) for chain in chains] == list(betti)


@pytest.mark.parametrize(
    ("text", "dim", "betti"),
    [
        ("-(x**2 + y**2 - 1)**2", 2, (1, 1, 0)),
        ("(x**2 + y**2 - 1)**2", 2, (0, 1, 1)),
        ("-(x**2 + y**2 + z**2 - 1)**2", 3, (1, 0, 1, 0)),
    ],
)
def test_rings_and_spheres_of_equilibria_between_levels(text, dim, betti):
    """The index is the homology of the set, shifted by the dimension in which it repels (Thom isomorphism)."""
    flow = flow_of(text, dim, 1.7)
    points = critical_points(flow.potential, flow.domain, "exit", min_width=0.03, max_boxes=20_000)
    found = conley_index(flow, "u0", points=points)
    assert found.method == "level block" and found.betti == betti and str(found.certainty) == "proved"


@pytest.mark.parametrize(("sign", "betti"), [("-", (0, 2, 0, 0)), ("+", (0, 0, 2, 0))])
def test_a_factor_shifts_the_degree(sign, betti):
    """Index of f(x, y) + g(z): the smash product, here the monkey saddle's moved by the index of z."""
    flow = flow_of(f"x**3 - 3*x*y**2 {sign} z**2", 3)
    assert conley_index(flow, ([-1, -0.9, -1], [1, 1.1, 1.05])).betti == betti


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 5, 6, 8, 10, 13])
def test_homogeneous_polynomials_against_their_signs_on_a_circle(seed):
    """A homogeneous f: N is a disc, L homotopy equivalent to {f > 0} on the circle; its arcs are counted on a fine circle."""
    rng = np.random.default_rng(seed)
    degree = 3 + seed % 2
    text = " + ".join(f"({rng.normal():.4f})*x**{degree - i}*y**{i}" for i in range(degree + 1))
    flow = flow_of(text)
    angles = np.linspace(0, 2 * np.pi, 4001)[:-1]
    positive = flow.potential.value(np.stack([np.cos(angles), np.sin(angles)], axis=1)) > 0
    arcs = int((positive & ~np.roll(positive, 1)).sum())
    betti = (0, arcs - 1, 0) if arcs else (0, 0, 1) if positive.all() else (1, 0, 0)
    for asked in (SQUARE, ([[-0.01, -0.011]], [[0.012, 0.01]])):
        assert conley_index(flow, asked).betti == betti


@pytest.mark.parametrize("seed", range(4))
def test_a_proved_point_has_the_index_of_its_spectrum(seed):
    """Boxes about the equilibria of random networks, by blocks and levels, against eigenvalues."""
    flow = net_flow(seed)
    points = critical_points(flow.potential, flow.domain, "exit")
    for row in range(len(points)):
        gap = np.abs(np.delete(points.points, row, axis=0) - points.points[row]).max(axis=1).min(initial=0.4)
        half = min(0.45 * gap, 0.9 * float((2 - np.abs(points.points[row])).min()))
        box = Box(points.points[row] - half, points.points[row] + 1.04 * half)
        found, known = conley_index(flow, box), conley_index(flow, row, points=points)
        assert known.method == "spectrum" and known.morse_index == points.indices[row]
        assert found.verdict == "computed" and found.morse_index == known.morse_index
        cells = equilibrium_cells(flow.potential, box)
        levels = level_block(flow.potential, box, cells, cells.is_inner)
        if isinstance(levels, LevelBlock):
            assert levels.groups.homology.betti == known.betti


@pytest.mark.parametrize("seed", range(3))
def test_boxes_and_unions_of_cubes_against_the_count_of_equilibria(seed):
    """chi of an index is the signed count of the equilibria inside: those of Himmelblau's function are known."""
    known = known_flow("himmelblau")
    flow = GradientFlow(known.potential, known.box, "exit")
    points = critical_points(known.potential, known.box)
    rng = np.random.default_rng(seed)
    for _ in range(6):
        lower = rng.uniform(-5.5, 3, 2)
        upper = lower + rng.uniform(0.5, 4, 2)
        upper = np.minimum(upper, 5.9)
        for found in (conley_index(flow, (lower, upper)), conley_index(flow, ([lower], [upper]))):
            if found.verdict != "computed" or found.notes:
                continue
            parts = found.equilibria if found.method == "level block" else np.array([[found.lower, found.upper]])
            inside = [
                row for row, x in enumerate(points.points) if ((x > parts[:, 0]) & (x < parts[:, 1])).all(1).any()
            ]
            assert found.euler_characteristic == sum((-1) ** int(points.indices[row]) for row in inside)


@pytest.mark.parametrize("seed", range(3))
def test_the_index_stays_under_perturbation(seed):
    """The monkey saddle comes apart into saddles and folds, but its box stays isolating."""
    a, b, c = np.random.default_rng(seed).uniform(-0.05, 0.05, 3)
    flow = flow_of(f"x**3 - 3*x*y**2 + ({a})*x + ({b})*y + ({c})*x*y + ({a * b})*sin(3*x)")
    found = conley_index(flow, SQUARE)
    assert found.verdict == "computed" and found.betti == (0, 2, 0)


def test_what_is_no_answer_is_not_trivial():
    edge = conley_index(flow_of("x**2 - y**2"), ([0, -1], [1, 1]))
    assert edge.verdict == "not isolated" and edge.is_trivial is None and "edge" in edge.reason
    cubes = conley_index(flow_of("x**2 - y**2 + 4*x"), ([[-2, -1]], [[-1, 1]]))  # the saddle is on the domain's edge
    assert cubes.verdict == "not isolated"
    silent = Potential.custom(lambda x: -(x**2).sum(axis=1), lambda x: -2 * x, dim=2)
    unknown = conley_index(GradientFlow(silent, Box.cube(2, -1, 1)), ([-0.5, -0.5], [0.5, 0.5]))
    assert unknown.verdict == "not computed" and unknown.homology is None and unknown.groups == "not computed"
    line = conley_index(flow_of("-x**2 + 0*y"), SQUARE)  # a line of equilibria runs through the box
    assert line.verdict == "not isolated"


def test_the_projected_flow_keeps_to_its_box():
    flow = GradientFlow(expression("x**2 - y**2", "x y"), SQUARE, "project")
    assert conley_index(flow, SQUARE).betti == (1, 0, 0)
    half = conley_index(flow, ([-1, -0.5], [0.5, 0.5]))
    assert half.verdict == "not computed" and "shares a side" in half.reason
    assert conley_index(flow, ([-0.5, -0.5], [0.5, 0.6])).betti == (0, 1, 0)


def test_sides_are_told():
    found = conley_index(flow_of("x**2 - y**2 + x/9"), SQUARE)
    assert found.is_block and len(found.exit_sides) == len(found.entry_sides) == 2 and not found.mixed_sides
    assert all("coordinate 0" in side for side in found.exit_sides)
    assert (np.abs(found.exit_lower[:, 0]) == 1).all() and found.exit_betti == (2, 0, 0)


def test_points_of_many_inputs_and_of_piecewise_linear_flows():
    rng = np.random.default_rng(1)
    net = Network.from_arrays([rng.normal(size=(4, 30)), rng.normal(size=(2, 4))], [np.zeros(4), np.zeros(2)], "tanh")
    flow = GradientFlow(log_odds(net, 0), Box.cube(30, 0, 1))
    points = flow.sinks(rng=0)
    found = conley_index(flow, 0, points=points)
    assert found.betti == (1, *[0] * 30) and found.certainty is points.certainty[0]
    hat = Network.from_arrays([[[1.0], [1.0]], [[1.0, -2.0], [0.0, 0.0]]], [[1.0, 0.0], [0.0, 0.0]], "relu")
    bent = GradientFlow(log_odds(hat, 0), ([-0.9], [2]))
    assert conley_index(bent, ([-0.5], [1.0])).betti == (1, 0)
    assert conley_index(bent, ([[-0.5]], [[1.0]])).verdict == "not computed"


def test_questions_that_cannot_be_asked():
    flow = flow_of("x**2 - y**2")
    points = critical_points(flow.potential, flow.domain)
    for asked in ("p7", 3, -1, ([0, 0], [9, 9]), ([[0, 0, 0]], [[1, 1, 1]]), ([1, 1], [0, 2]), ([np.nan, 0], [1, 1])):
        with pytest.raises(ValueError, match="conley_index"):
            conley_index(flow, asked, points=points)
    with pytest.raises(ValueError, match="points="):
        conley_index(flow, "p0")
    for asked in (None, 1.5, True, {"lower": 1}):
        with pytest.raises(TypeError, match="conley_index"):
            conley_index(flow, asked)
    with pytest.raises(TypeError, match="GradientFlow"):
        conley_index(flow.potential, SQUARE)


def test_sets_of_cubes_and_clusters_on_a_side_that_holds_are_not_computed() -> None:
    line = sx.GradientFlow(sx.expression("x", "x"), ([-1], [1]))
    assert sx.conley_index(line, [sx.Box([0.5], [1.0])]).verdict == "not computed"
    flat = sx.GradientFlow(sx.expression("x - (y - 0.1)**4", "x y"), ([-1, -1], [1, 1]))
    assert sx.conley_index(flat, [sx.Box([0.5, -0.5], [1.0, 0.5])]).verdict == "not computed"
    points = sx.critical_points(flat.potential, flat.domain, "project")
    assert sx.conley_index(flat, "u0", points=points).verdict == "not computed"


def test_cubes_do_not_get_the_index_of_equilibria_that_were_added() -> None:
    bent = sx.GradientFlow(sx.expression("-(x**2-1)**2-(y-0.8*(1-x**2))**2*1.5", "x y"), ([-3, -3], [3, 3]), "exit")
    box = sx.Box([-0.5, 0.3], [0.55, 1.4])
    assert sx.conley_index(bent, box).betti == (0, 1, 0)
    assert sx.conley_index(bent, [box]).betti in ((0, 1, 0), ())
    ring = sx.GradientFlow(sx.expression("-(x**2+y**2-1)**2", "x y"), ([-2, -2], [2, 2]), "exit")
    assert sx.conley_index(ring, [sx.Box([0.9, -0.1], [1.1, 0.1])]).verdict != "computed"


def test_a_monkey_saddle_on_a_steep_valley_that_is_askew():
    # every component of the gradient vanishes on cells all along the valley; the one along the valley does not
    flow = flow_of("x**3 - 3*x*y**2 - 4*(z - 0.3*x)**2", 3)
    index = conley_index(flow, Box([-0.5, -0.55, -0.6], [0.6, 0.5, 0.57]))
    assert index.groups == "H_1 = Z^2" and str(index.certainty) == "proved"


def test_slopes_in_the_hessians_frame_are_lower_bounds():
    rng = np.random.default_rng(0)
    f = expression("x**3 - 3*x*y**2 - 4*(z - 0.3*x)**2 + 0.2*x*y*z", "x y z")
    lower = rng.uniform(-1, 1, (80, 3))
    upper = lower + 0.1 * rng.random((80, 1))
    middle = 0.5 * (lower + upper)
    offset = Interval(lower, upper) - Interval.point(middle)
    found = least_slope(f.gradient_batch(middle, middle), f.enclose_batch(lower, upper)[1], offset)
    places = lower[:, None] + rng.random((80, 60, 3)) * (upper - lower)[:, None]
    true = np.linalg.norm(f.gradient(places.reshape(-1, 3)).reshape(80, 60, 3), axis=2).min(axis=1)
    assert (found <= true).all() and (found > 0.3 * true).mean() > 0.6
