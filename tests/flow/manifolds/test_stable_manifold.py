"""Stable and unstable manifolds against circles, planes and spheres that are known to be invariant."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from separatrix import (
    Box,
    Certainty,
    GradientFlow,
    InputError,
    KindError,
    SimplicialComplex,
    expression,
    slow_manifold,
)
from separatrix.flow.manifolds.stable_manifold import stable_manifold, unstable_manifold

WELLS = "-(x**2 - 1)**2 - (y**2 - 1)**2"
RADIUS = "(x**2 + y**2 + z**2)"
SPHERE = f"-({RADIUS} - 1)**2 + 0.4*z/sqrt({RADIUS})"


def flow_of(text, dim=2, half=2.0, boundary="exit"):
    return GradientFlow(expression(text, "x y z"[: 2 * dim - 1]), Box.cube(dim, -half, half), boundary)


def test_an_unstable_curve_is_the_circle():
    """f = -(r^2 - 1)^2/4 + 0.8 y/r: the circle is invariant, from the saddle at its foot to the sink at its top."""
    flow = flow_of("-(x**2 + y**2 - 1)**2/4 + 0.8*y/sqrt(x**2 + y**2)")
    curves = unstable_manifold(flow, [0.0, -1.0])
    for points, error in zip(curves.points, curves.error, strict=True):
        away = np.abs(np.linalg.norm(points, axis=1) - 1)
        assert (away <= error + 1e-12).all() and error.max() < 1e-3
        assert np.abs(points[-1] - [0, 1]).max() < 1e-9
    assert np.abs(curves.lengths - np.pi).max() < 1e-3 and curves.eigenvalue == pytest.approx(0.8)
    assert curves.ids == ("p0-unstable+", "p0-unstable-") and curves.certainty is Certainty.VERIFIED


def test_what_is_stable_for_f_is_unstable_for_minus_f():
    text = "-(x**2 + y - 11)**2 - (x + y**2 - 7)**2"
    saddle = [0.0866775, 2.8842547]
    forward = stable_manifold(flow_of(text, half=6.0), saddle)
    backward = unstable_manifold(flow_of(f"-({text})", half=6.0), saddle)
    for one, other in zip(forward.points, backward.points, strict=True):
        assert np.abs(one - other).max() < 1e-8
    assert forward.eigenvalue < 0 < backward.eigenvalue and forward.largest_error < 1e-6


def test_a_branch_goes_on_along_the_side_to_its_sink():
    flow = flow_of("-(x**2 - 1)**2 + y**2 + 3*x*y/10", boundary="project")
    curves = unstable_manifold(flow, [0.9865, -0.148])
    for points, reason in zip(curves.points, curves.reasons, strict=True):
        assert reason == "sink" and np.abs(points[-1, 1]) == 2.0
        assert np.abs(flow.potential.gradient(points[-1:])[0, 0]) < 1e-3
    up = curves.points[0]
    assert (np.diff(flow.potential.value(up)) > -1e-9).all() and np.linalg.norm(np.diff(up, axis=0), axis=1).max() < 0.2


def test_the_orbit_that_arrives_at_a_saddle_on_a_side():
    """f = -x^2 (1 - x^2)... on the side y = 1 the point (0, 1) repels along it; from inside one orbit arrives, on x = 0."""
    flow = flow_of("x**2 - x**4 + y", half=1.0, boundary="project")
    curves = stable_manifold(flow, [0.0, 1.0])
    assert len(curves) == 1 and np.abs(curves.points[0][:, 0]).max() < 1e-12
    assert curves.points[0][-1, 1] == pytest.approx(-1.0)


def test_a_sphere_grows_from_its_south_pole():
    found = unstable_manifold(flow_of(SPHERE, 3), [0.0, 0.0, -1.0], edge=0.25)
    assert np.abs(np.linalg.norm(found.vertices, axis=1) - 1).max() < 1e-4
    assert found.areas.sum() == pytest.approx(4 * np.pi, rel=0.03) and found.longest_edge < 0.6
    assert SimplicialComplex(found.triangles).homology().betti == (1, 0, 1)
    assert np.abs(found.vertices[found.equilibria] - [[0, 0, 1]]).max() < 1e-9 and found.ends == ("1 equilibrium",)
    sides = np.concatenate([found.triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    assert len(np.unique(sides, axis=0)) == len(sides)  # all turned the same way
    south = np.arccos(np.clip(-found.vertices[:, 2], -1, 1))
    assert np.abs(found.distance - south).max() < 1e-3  # orbits are meridians


def test_a_plane_in_a_slanted_frame_up_to_the_sides():
    u, w = "(3*x + 4*z)/5", "(3*z - 4*x)/5"
    found = unstable_manifold(flow_of(f"({u})**2 + y**2/2 - ({w})**2", 3, 1.0), [0.0, 0.0, 0.0], edge=0.1)
    assert np.abs(found.vertices @ [-0.8, 0.0, 0.6]).max() < 1e-9 and found.defect.max() < 1e-6
    assert found.areas.sum() == pytest.approx(5.0, rel=0.01)  # 2 by 2.5, cut by z = +-1
    assert (np.abs(found.vertices).max(axis=1) <= 1.0).all() and len(found.ends) == 4
    assert found.domain is not None and list(found.eigenvalues) == pytest.approx([1.0, 2.0])


def test_basins_in_the_plane_are_cut_by_saddles():
    flow = flow_of(WELLS)
    repeller = unstable_manifold(flow, [0.0, 0.0], edge=0.2)
    assert repeller.areas.sum() == pytest.approx(4.0, rel=0.01) and len(repeller.equilibria) == 8
    basin = stable_manifold(flow, [1.0, 1.0], edge=0.2)
    assert basin.areas.sum() == pytest.approx(4.0, rel=0.02) and basin.vertices.min() > -1e-9
    columns = basin.columns()
    assert basin.name == "s0-stable" and len(columns["distance"]) == len(columns["x2"]) == len(basin.vertices)


def test_ends_say_what_is_known_of_them():
    flow = flow_of(WELLS)
    from separatrix.morse.critical_points import critical_points

    points = critical_points(flow.potential, flow.domain)
    row = int(np.flatnonzero(points.indices == 1)[0])
    directions = np.linalg.eigh(flow.potential.hessian(points.points[row : row + 1])[0])[1][:, -1]
    ends = [int(np.abs(points.points - points.points[row] - s * directions).sum(axis=1).argmin()) for s in (1, -1)]
    orbits = [
        SimpleNamespace(source=row, target=end, direction=s * directions, certainty=Certainty.PROVED)
        for s, end in zip((1, -1), ends, strict=True)
    ]
    links = SimpleNamespace(points=points, of_saddle=lambda _: orbits)
    curves = unstable_manifold(flow, points, row=row, connections=links)
    for branch, reason in zip(curves.points, curves.reasons, strict=True):
        near = int(np.abs(points.points - branch[-1]).sum(axis=1).argmin())
        assert reason == f"ends at {points.ids[near]} (proved)"


def test_one_door_for_slow_and_strong():
    flow = flow_of("-x**2 - 3*y**2 - x*y")
    slow = stable_manifold(flow, [0.0, 0.0], part="slow")
    assert np.array_equal(slow.points[0], slow_manifold(flow, [0.0, 0.0]).points[0])
    assert stable_manifold(flow, [0.0, 0.0], part="strong").kind == "strong"


def test_what_has_no_such_manifold():
    flow = flow_of(WELLS)
    for point, options in (
        ([1.0, 1.0], {}),  # a sink
        ([0.5, 0.3], {}),  # no critical point
        ([0.0, 0.0], {"edge": -1.0}),
        ([0.0, 0.0], {"length": np.inf}),
        ([[0.0, 0.0], [1.0, 1.0]], {}),
    ):
        with pytest.raises(InputError):
            unstable_manifold(flow, point, **options)
    with pytest.raises(InputError):
        stable_manifold(flow, [0.0, 0.0])  # of the repeller
    with pytest.raises(InputError):
        stable_manifold(flow, [1.0, 1.0], part="quick")
    with pytest.raises(InputError):
        unstable_manifold(flow_of("x**2 + y**2 + z**2", 3), [0.0, 0.0, 0.0])
    with pytest.raises(InputError):
        unstable_manifold(flow_of("x**3 - y**2"), [0.0, 0.0])  # degenerate
    with pytest.raises(KindError):
        unstable_manifold("flow", [0.0, 0.0])
