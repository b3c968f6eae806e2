"""Level sets of functions whose topology is known, of networks beside gudhi, and what is refused."""

from __future__ import annotations

import gudhi
import numpy as np
import pytest

import separatrix as sx
from separatrix import Box, Certainty, InputError, KindError, Potential, SeparatrixError, expression
from separatrix.data.known_flows import known_flow
from separatrix.morse.critical_points import critical_points
from separatrix.morse.levels.level_sets import level_sets
from separatrix.morse.levels.negated import negated
from separatrix.morse.levels.negative_points import negative_points

SQUARE = ([-2, -2], [2, 2])
TWO_DISCS = "-((x - 1)**2 + y**2)*((x + 1)**2 + y**2)"
TORUS = "4*(x**2 + y**2) - (x**2 + y**2 + z**2 + 3/4)**2"


@pytest.mark.parametrize(
    ("text", "variables", "c", "above", "below", "at"),
    [
        ("x - x**3/3", "x", 0.0, (2, 0), (2, 0), (3, 0)),
        ("-x**2 - y**2", "x y", -1.0, (1, 0, 0), (1, 1, 0), (1, 1, 0)),
        (TWO_DISCS, "x y", -0.5, (2, 0, 0), (1, 2, 0), (2, 2, 0)),
        ("-(x**2 + y**2 - 1)**2", "x y", -0.25, (1, 1, 0), (2, 1, 0), (2, 2, 0)),
        ("-(x**2 + y**2 + z**2 - 1)**2", "x y z", -0.5, (1, 0, 1, 0), (2, 0, 1, 0), (2, 0, 2, 0)),
        (TORUS, "x y z", 0.1, (1, 1, 0, 0), (1, 1, 1, 0), (1, 2, 1, 0)),
    ],
)
def test_known_topology(text, variables, c, above, below, at):
    dim = len(above) - 1
    box = Box.cube(dim, -1.6, 1.6) if dim == 3 else Box.cube(dim, -2, 2)
    found = level_sets(expression(text, variables), box, {1: 500, 2: 64, 3: 28}[dim], match=False)
    assert (found.betti(c), found.betti(c, "<="), found.betti(c, "=")) == (above, below, at)
    assert found.certainty_at(c) is found.certainty_at(c, "=") is Certainty.PROVED
    if dim > 1:
        assert found.mesh(c).to_complex().homology().betti == at[:-1]


@pytest.mark.parametrize("name", ["himmelblau", "mueller-brown"])
def test_every_event_is_a_critical_point(name):
    known = known_flow(name)
    found = level_sets(known.potential, known.box, 200)
    assert found.missing == () and found.unmatched == ()
    assert all(event.matched and event.error <= found.tolerance for event in found.events)
    interior = [e for e in found.events if e.side == ">=" and not set(np.abs(e.point)) & set(np.abs(known.box.upper))]
    assert len(interior) >= sum(known.counts)
    by_index = np.bincount([e.index for e in found.events if e.side == ">="], minlength=3)
    assert by_index[0] - by_index[1] + by_index[2] == 1


def test_an_event_changes_the_betti_numbers_by_one():
    found = level_sets(known_flow("himmelblau").potential, known_flow("himmelblau").box, 160)
    levels = found.levels()
    for side, sign in ((">=", 1), ("<=", -1)):
        for upper, lower in zip(levels[:-1], levels[1:], strict=True):
            between = [e for e in found.events if lower < e.value < upper and e.side == side]
            change = np.zeros(3, dtype=int)
            for event in between:
                change[event.degree] += 1 if event.appears else -1
            gained = np.array(found.betti(lower, side)) - np.array(found.betti(upper, side))
            assert (gained == sign * change).all()


def test_the_tree_of_components_is_the_tree_of_classes():
    known = known_flow("three gaussians")
    points = critical_points(known.potential, known.box, "project")
    flow = sx.GradientFlow(known.potential, known.box)
    tree = sx.class_tree(flow, points, points)
    found = level_sets(known.potential, known.box, 200, points=points, match=False)
    rows = [points.ids.index(name) for name in found.merge_tree.ids]
    expected = tree.pass_heights[np.ix_(rows, rows)]
    assert len(rows) == len(tree.sinks) and np.abs(found.merge_tree.pass_heights - expected).max() <= found.tolerance
    graph = found.merge_tree.to_networkx()
    assert sorted(d for _, d in graph.in_degree()) == [0] + [1] * (len(graph) - 1)


@pytest.mark.parametrize(("name", "resolution"), [("circles-tanh", 90), ("blobs-tanh", 90), ("ball-tanh", 24)])
def test_gudhi_counts_the_same(name, resolution):
    net = sx.data.network(name)
    f = sx.log_density(net) if net.n_classes > 2 else sx.log_odds(net, 0)
    found = level_sets(f, Box.cube(net.n_inputs, -2, 2), resolution, match=False)
    values = found.values.reshape([n + 1 for n in found.shape])
    compared = 0
    for side, sign in ((">=", -1.0), ("<=", 1.0)):
        peer = gudhi.CubicalComplex(vertices=sign * values)
        peer.compute_persistence(homology_coeff_field=2)
        for c in found.levels(10):
            if found.certainty_at(c, side) is not Certainty.HEURISTIC:
                assert tuple(peer.persistent_betti_numbers(sign * c, sign * c)) == found.betti(c, side)
                compared += 1
    assert compared >= 4


def test_in_space_a_complete_list_proves_all_numbers():
    known = known_flow("eight wells")
    found = level_sets(known.potential, known.box, 36)
    assert (
        found.lacks_tunnels
        and found.missing == ()
        and found.betti(-1.5) == (1, 5, 0, 0)
        and found.betti(-2.5) == (1, 0, 1, 0)
    )
    fewer = level_sets(known.potential, known.box, 26, points=found.points, negative=found.negative)
    assert not fewer.lacks_tunnels and [fewer.betti(c) for c in (-1.5, -2.5)] == [(1, 5, 0, 0), (1, 0, 1, 0)]
    assert sorted(e.what for e in fewer.events) == sorted(e.what for e in found.events)
    assert {str(found.certainty_at(c, side)) for c in (-0.5, -1.5, -2.5) for side in (">=", "<=", "=")} == {"proved"}
    kinds = [event.what for event in found.events if event.side == ">="]
    assert kinds.count("a tunnel appears") == 5 and kinds.count("a tunnel is filled") == 6 - 1


def test_f_stays_within_the_tolerance_of_the_linear_function():
    f = expression("exp(-x**2)*sin(3*x*y) + cos(2*y)/3", "x y")
    found = level_sets(f, SQUARE, 40, match=False)
    x = np.random.default_rng(1).uniform(-2, 2, (20_000, 2))
    place = (x + 2) / 4 * 40
    cell = np.minimum(place.astype(int), 39)
    share = place - cell
    values = found.values.reshape(41, 41)
    corner, far = values[cell[:, 0], cell[:, 1]], values[cell[:, 0] + 1, cell[:, 1] + 1]
    first = np.where(share[:, 0] >= share[:, 1], values[cell[:, 0] + 1, cell[:, 1]], values[cell[:, 0], cell[:, 1] + 1])
    high, low = share.max(axis=1), share.min(axis=1)
    linear = (1 - high) * corner + (high - low) * first + low * far
    off = np.abs(f.value(x) - linear)
    assert 0.05 * found.tolerance < off.max() <= found.tolerance
    errors = []
    for c in np.linspace(-1.3, 1.3, 14):
        errors.append(e := found.tolerance_at(c))
        assert (linear[f.value(x) >= c + e] >= c).all() and (f.value(x)[linear >= c + e] >= c).all()
    assert max(errors) <= found.tolerance and min(errors) < 0.7 * found.tolerance


def test_a_ring_of_maxima_is_no_point_but_levels_are_proved():
    f = expression("-(x**2 + y**2 - 1)**2", "x y")
    lists = [critical_points(g, SQUARE, "project", max_boxes=2_000) for g in (f, negated(f))]
    found = level_sets(f, SQUARE, 64, points=lists[0], negative=lists[1])
    assert any("not proved complete" in text for text in found.missing)
    assert found.certainty is Certainty.VERIFIED and found.betti(-0.3) == (1, 1, 0)
    assert found.certainty_at(-0.3) is Certainty.PROVED and found.certainty_at(0.0) is Certainty.HEURISTIC


def test_cycles_are_closed_and_lie_on_the_level():
    f = expression("-(x**2 + y**2 - 1)**2", "x y")
    found = level_sets(f, SQUARE, 64, match=False)
    (hole,) = found.generators(-0.25, 1)
    assert hole.to_complex().homology().betti == (1, 1)
    assert np.abs(f.value(hole.vertices) + 0.25).max() < 2 * found.tolerance
    assert np.hypot(*hole.vertices.T).max() < 1  # the inner circle, about the hole
    (point,) = found.generators(-0.25, 0)
    assert point.vertices.shape == (1, 2)


def test_the_level_of_a_number_of_the_user():
    found = level_sets(expression("x*y", "x y"), ([-1, -1], [1, 1.5]), match=False)
    assert found.betti(0.5) == (2, 0, 0) and found.betti(9) == (0, 0, 0) and found.betti(-9, "=") == (0, 0, 0)
    assert found.proved_intervals()[0, 0] == -np.inf and found.proved_intervals("=")[-1, 1] == np.inf


@pytest.mark.parametrize("potential", ["expression", "network", "custom"])
def test_minus_f(potential):
    x = np.array([[0.3, -0.7], [1.1, 0.2]])
    f = expression("x**2 - sin(y)", "x y")
    if potential == "network":
        f = sx.class_probability(sx.data.network("blobs-tanh"), 1)
    if potential == "custom":
        g = f
        f = Potential.custom(g.value, g.gradient, g.hessian, lambda a, b: tuple(g.enclose(a, b)), dim=2)
    minus = negated(f)
    assert np.allclose(minus.value(x), -f.value(x)) and np.allclose(minus.gradient(x), -f.gradient(x))
    assert np.allclose(minus.hessian(x), -f.hessian(x)) and np.allclose(
        minus.hessian_vector(x, x), -f.hessian_vector(x, x)
    )
    for part, other in zip(minus.enclose(x, x + 0.1), f.enclose(x, x + 0.1), strict=True):
        assert np.allclose(part.lower, -other.upper) and np.allclose(part.upper, -other.lower)
    found, bounds = minus.enclose_batch(x, x + 0.1), f.enclose_batch(x, x + 0.1)
    assert np.allclose(found[1].lower, -bounds[1].upper)


def test_points_of_minus_f_are_those_of_a_search():
    f, box = expression("sin(2*x + y) + x*y/2 - y**2/3", "x y"), Box([-2, -1.5], [2, 2.5])
    found = negative_points(f, box, critical_points(f, box, "project"))
    sought = critical_points(negated(f), box, "project")
    assert found.is_complete and sought.is_complete and found.ids == sought.ids and len(found.laws) == 2
    assert 0 < (found.active == 0).all(axis=1).sum() < len(found)
    for name in ("points", "values", "active", "multipliers"):
        assert np.allclose(getattr(found, name), getattr(sought, name), atol=1e-9)
    assert all(np.allclose(a, b) for a, b in zip(found.spectra, sought.spectra, strict=True))


def test_refusals():
    f = expression("x*y", "x y")
    with pytest.raises(InputError, match="class_tree"):
        level_sets(sx.log_odds(sx.data.network("mnist-tanh"), 0), Box.cube(784, 0, 1))
    with pytest.raises(KindError, match="Potential"):
        level_sets(lambda x: x, SQUARE)
    with pytest.raises(InputError, match="whole space"):
        level_sets(f, sx.WholeSpace(2))
    for resolution in (1, (5,), (5, 5, 5), 10**6):
        with pytest.raises(InputError, match="resolution"):
            level_sets(f, SQUARE, resolution)
    with pytest.raises(KindError, match="resolution"):
        level_sets(f, SQUARE, 2.5)
    with pytest.raises(InputError, match="not known to be finite"):
        level_sets(expression("log(x)", "x"), ([-1], [1]), match=False)
    with pytest.raises(SeparatrixError, match="enclosure"):
        level_sets(Potential.custom(f.value, f.gradient, dim=2), SQUARE)
    with pytest.raises(InputError, match="project"):
        level_sets(f, SQUARE, points=critical_points(f, SQUARE))
    with pytest.raises(InputError, match="another box"):
        level_sets(f, SQUARE, points=critical_points(f, ([-1, -1], [1, 1]), "project"))
    with pytest.raises(InputError, match="belong to"):
        level_sets(f, SQUARE, points=critical_points(negated(f), SQUARE, "project"))
    with pytest.raises(InputError, match="another function"):
        level_sets(f, SQUARE, negative=critical_points(f, SQUARE, "project"))
    found = level_sets(f, SQUARE, 16, match=False)
    with pytest.raises(InputError, match="side"):
        found.betti(0.0, ">")
    with pytest.raises(KindError, match="number"):
        found.betti("0")
    with pytest.raises(InputError, match="finite"):
        found.mesh(np.nan)
