"""The Morse complex against groups that are known, with parts taken out, and with other orientations."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

import separatrix as sx
from separatrix import (
    Box,
    Certainty,
    GradientFlow,
    InputError,
    KindError,
    Network,
    UnresolvedError,
    expression,
    log_odds,
)
from separatrix.data.known_flows import known_flow
from separatrix.flow.critical_points import chosen
from separatrix.morse.connections import connections
from separatrix.morse.critical_points import critical_points
from separatrix.morse.inequalities import morse_inequalities
from separatrix.morse.morse_complex import morse_complex
from separatrix.morse.orientation import _sign_by_transport, orbit_sign, unstable_frames


@cache
def studied(text, lower, upper, boundary="exit"):
    """(flow, points, connections) of a formula; a name without operators is that of a known flow."""
    if lower:
        potential, box = expression(text, "x y z"[: 2 * len(lower) - 1]), Box(list(lower), list(upper))
    else:
        potential, box = known_flow(text).potential, known_flow(text).box
    flow, points = GradientFlow(potential, box, boundary), critical_points(potential, box, boundary)
    return flow, points, connections(flow, points)


@pytest.mark.parametrize("boundary", ["exit", "project"])
def test_four_wells_are_the_cells_of_a_square(boundary):
    flow, points, links = studied("four wells", (), (), boundary)
    found = morse_complex(flow, points, links)
    first, second = found.boundary_operator(1), found.boundary_operator(2)
    assert found.counts == (4, 4, 1) and found.missing == () and found.agrees is True
    assert (np.sort(first, axis=0) == np.array([[-1], [0], [0], [1]])).all()  # each saddle joins two sinks
    assert (np.abs(second) == 1).all() and not (first @ second).any()
    assert found.homology().betti == (1, 0, 0) and found.certainty is Certainty.PROVED
    assert all(law.holds for law in found.inequalities) and "H_0 = Z" in repr(found)
    assert len(found.columns()["coefficient"]) == 12


@pytest.mark.parametrize(
    ("text", "lower", "upper", "betti"),
    [
        ("-(x**2 - 1)**2 - y**2", (-0.5, -1), (2, 1), (0, 0, 0)),  # a well and its pass: they cancel, the box lets out
        ("-(x**2 - 1)**2 + y**2", (-2, -1), (2, 1), (0, 1, 0)),  # two passes and a repeller: one remains
        ("x**3 - 3*x*y**2 + x/10 + 3*y/100", (-1, -1.1), (1, 1.1), (0, 2, 0)),  # a monkey saddle, unfolded
        ("sin(3*x)", (-3,), (3.3,), (0, 0)),
    ],
)
def test_the_exit_set_decides_what_must_come_out(text, lower, upper, betti):
    found = morse_complex(*studied(text, lower, upper))
    assert found.expected is not None and found.expected.betti == betti
    assert found.homology().betti == betti and found.agrees is True and found.certainty is Certainty.PROVED


def test_cells_of_a_cube_in_space():
    flow, points, links = studied("eight wells", (), ())
    found = morse_complex(flow, points, links)
    assert found.counts == (8, 12, 6, 1) and found.agrees is True and found.homology().betti == (1, 0, 0, 0)
    two = found.boundary_operator(2)
    assert (np.abs(two).sum(axis=0) == 4).all() and (np.abs(two).sum(axis=1) == 2).all()  # squares and their edges


def test_orientations_change_signs_and_no_group():
    flow, points, links = studied("himmelblau", (), ())
    plain, rng = morse_complex(flow, points, links), np.random.default_rng(3)
    flips = rng.choice([-1, 1], len(points))
    turned = morse_complex(flow, points, links, orientations=flips)
    for k in (1, 2):
        rows, columns = (
            flips[plain.generators[j]] if j else np.ones(4) for j in (k - 1, k)
        )  # a sink has no orientation
        assert (turned.boundary_operator(k) == rows[:, None] * plain.boundary_operator(k) * columns).all()
    assert turned.homology().betti == plain.homology().betti == (1, 0, 0)


def test_two_ways_to_the_sign_of_an_orbit_agree():
    flow, points, links = studied("himmelblau", (), ())
    frames = unstable_frames(flow.arena, points, np.ones(len(points)))
    signs = [
        (orbit_sign(flow.arena, points, frames, orbit).value,
         _sign_by_transport(flow.arena, frames[orbit.source], frames[orbit.target], orbit.path, np.zeros(2, dtype=bool)).value)
        for orbit in links.orbits
        if orbit.connects and points.indices[orbit.source] == 2
    ]  # fmt: skip
    assert len(signs) == 4 and all(a == b != 0 for a, b in signs)


def test_a_point_taken_out_is_missed():
    flow, points, links = studied("four wells", (), ())
    for row in (0, 4, 8):
        kept = np.delete(np.arange(9), row)
        fewer = dataclasses.replace(chosen(points, kept), is_complete=True)
        place = np.append(np.searchsorted(kept, np.arange(9)), -1)
        place[row] = -1
        orbits = tuple(
            dataclasses.replace(
                o, source=int(place[o.source]), target=int(place[o.target]), saddle=int(place[o.saddle])
            )
            for o in links.orbits
            if o.saddle != row
        )
        found = morse_complex(flow, fewer, dataclasses.replace(links, points=fewer, orbits=orbits))
        assert found.missing and found.certainty is Certainty.UNKNOWN and found.agrees is None
        with pytest.raises(UnresolvedError):
            found.homology()
        assert "no homology is claimed" in repr(found)


def test_a_branch_taken_out_and_a_wrong_sign_are_seen():
    flow, points, links = studied("four wells", (), ())
    fewer = morse_complex(flow, points, dataclasses.replace(links, orbits=links.orbits[1:]))
    assert any("branches" in what for what in fewer.missing)
    stable = next(i for i, orbit in enumerate(links.orbits) if orbit.source == 8)
    wrong = dataclasses.replace(links.orbits[stable], direction=-links.orbits[stable].direction)
    orbits = (*links.orbits[:stable], wrong, *links.orbits[stable + 1 :])
    found = morse_complex(flow, points, dataclasses.replace(links, orbits=orbits))
    assert not found.is_chain_complex and any("not zero" in what for what in found.missing)


def test_a_branch_that_ends_in_a_saddle_is_reported():
    """On the axis of symmetry the lower saddle's unstable branch ends in the upper one: the flow is not Morse-Smale."""
    found = morse_complex(*studied("y - y**3/3 + y*x**2 - x**4", (-2, -2), (2, 2.5)))
    assert found.counts == (2, 2, 0) and found.missing and found.certainty is Certainty.UNKNOWN


@pytest.mark.parametrize("seed", range(3))
def test_networks_on_a_box_have_the_homology_of_a_point(seed):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(6, 2)) * 2, rng.normal(size=(2, 6))]
    net = Network.from_arrays(weights, [rng.normal(size=6), rng.normal(size=2)], "tanh")
    box = Box.cube(2, -1, 1)
    flow = GradientFlow(log_odds(net, 0), box)
    points = critical_points(flow.potential, box, "project")
    found = morse_complex(flow, points)
    assert found.missing == () and found.homology().betti == (1, 0, 0) and found.agrees is True


def test_lists_that_are_not_complete_claim_nothing():
    flow, points, links = studied("four wells", (), ())
    found = morse_complex(flow, dataclasses.replace(points, is_complete=False), links)
    assert any("not proved complete" in what for what in found.missing)
    assert found.homology(partial=True).betti == (1, 0, 0)
    assert found.homology(partial=True).certainty is Certainty.UNKNOWN


def test_strong_inequalities():
    laws = morse_inequalities((2, 0, 0), (1, 0, 0))  # two sinks without a pass
    assert [law.holds for law in laws] == [True, False, False] and str(laws[1]).endswith("fails")
    with pytest.raises(InputError):
        morse_inequalities((1, 1), (1,))


def test_what_is_no_input():
    flow, points, links = studied("four wells", (), ())
    with pytest.raises(KindError):
        morse_complex(flow, points.points)
    with pytest.raises(KindError):
        morse_complex("flow", points)
    with pytest.raises(InputError):
        morse_complex(flow, points, links, orientations=[0] * 9)
    with pytest.raises(InputError):
        morse_complex(flow, chosen(points, np.arange(8)), links)
    with pytest.raises(InputError):
        morse_complex(flow, points, links).boundary_operator(3)


def test_points_and_orbits_of_another_flow():
    text, box = "-(x**2 - 1)**2 - y**2", sx.Box.cube(2, -2, 2)
    flow, outward = (sx.GradientFlow(sx.expression(text, "x y"), box, boundary=kind) for kind in ("project", "exit"))
    part = sx.critical_points(flow.potential, sx.Box([0.5, -1], [1.5, 1]))  # complete there: one of three points
    found = morse_complex(flow, part)
    assert found.agrees is None and found.certainty is Certainty.UNKNOWN and "complete for" in found.missing[0]
    points = sx.critical_points(flow.potential, box, boundary="project")
    with pytest.raises(InputError, match="another flow"):
        morse_complex(flow, points, sx.connections(outward, points))
    with pytest.raises(InputError, match="another flow"):
        sx.class_tree(flow, points, points, sx.connections(outward, points))
    other = sx.critical_points(sx.expression(text + " - 7", "x y"), box, boundary="project")
    for ask in (morse_complex, sx.connections, lambda flow, points: sx.class_tree(flow, points, points)):
        with pytest.raises(InputError, match="another potential"):
            ask(flow, other)
