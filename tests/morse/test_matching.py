"""Lists that are not of the flow they are given with are refused, whatever their name: nothing may be proved from them."""

import dataclasses

import numpy as np
import pytest

import separatrix as sx
from separatrix.flow.critical_points import chosen
from separatrix.morse.probes import is_probed, probe_of

BOWL, SADDLE = sx.expression("-x**2 - y**2", "x y"), sx.expression("x**2 - y**2", "x y")
SMALL, LARGE = sx.Box.cube(2, -1, 1), sx.Box.cube(2, -2, 2)


def of_one_name(sign: float) -> sx.Potential:
    """x -> sign * x^2 / 2 - y^2 / 2, called as every custom potential."""
    scale = np.array([sign, -1.0])
    return sx.Potential.custom(
        lambda x: 0.5 * (x**2 @ scale), lambda x: x * scale, lambda x: np.tile(np.diag(scale), (len(x), 1, 1)), dim=2
    )


def test_points_of_another_function_are_no_points_of_this_flow() -> None:
    points = sx.critical_points(BOWL, SMALL)
    other = sx.GradientFlow(SADDLE, SMALL, "exit")
    for ask in (sx.morse_graph, sx.connections, sx.morse_complex):
        with pytest.raises(sx.InputError, match="another potential"):
            ask(other, points=points)
    with pytest.raises(sx.InputError, match="another potential"):
        sx.conley_index(other, "s0", points=points)


def test_functions_of_one_name_are_told_apart_by_values_elsewhere_and_by_index() -> None:
    bowl, saddle = of_one_name(-1.0), of_one_name(1.0)
    assert bowl.name == saddle.name
    sinks = sx.GradientFlow(bowl, SMALL).sinks(np.array([[0.3, 0.2]]))
    with pytest.raises(sx.InputError, match="no critical point of index 0"):
        sx.connections(sx.GradientFlow(saddle, SMALL), sinks)
    probe = probe_of(bowl, SMALL)
    assert len(set(probe)) == len(probe) == 5 and probe == probe_of(bowl, SMALL)
    named = dataclasses.replace(sinks, probe=probe)
    assert is_probed(named, bowl) and not is_probed(named, saddle) and not is_probed(named, bowl, -1.0)


def test_points_that_another_box_holds_are_refused() -> None:
    held = sx.critical_points(sx.expression("x**2/2 - y**2/2", "x y"), SMALL, "project")
    for flow in (sx.GradientFlow(sx.expression("x**2/2 - y**2/2", "x y"), LARGE, b) for b in ("project", "exit")):
        with pytest.raises(sx.InputError, match="held by its sides"):
            sx.connections(flow, held)
        with pytest.raises(sx.InputError, match="held by its sides"):
            sx.class_tree(flow, held, held)
        with pytest.raises(sx.InputError, match="held by its sides"):
            sx.conley_index(flow, "s0", points=held)


def test_level_sets_prove_nothing_from_lists_that_lost_a_point_or_are_of_another_function() -> None:
    well = sx.expression("-(x**2 - 1)**2 - y**2", "x y")
    points = sx.critical_points(well, LARGE, "project")
    short = dataclasses.replace(chosen(points, points.indices == 0), is_complete=True)
    found = sx.level_sets(well, LARGE, 48, points=short)
    assert str(found.certainty_at(-0.99)) != "proved" or found.betti(-0.99)[0] == 2
    line = sx.critical_points(sx.expression("-x", "x"), sx.Box.cube(1, -1, 1), "project")
    wave = sx.expression("x + 0.5*sin(6*3.14159265358979*(x + 1))*(1 - x**2)", "x")
    with pytest.raises(sx.InputError, match="another function"):
        sx.level_sets(wave, sx.Box.cube(1, -1, 1), negative=line)


def test_points_too_close_for_the_grid_do_not_say_more_than_is_known() -> None:
    bump = sx.expression("-x**2 - y**2 + 0.16*exp(-40*((x - 0.5)**2 + (y - 0.1)**2))", "x y")
    found = sx.level_sets(bump, SMALL, 6)
    short = [event for event in found.events if "too short" in event.what and event.index == 1]
    assert short and all(event.degree == -1 and not event.appears for event in short)
