"""Frames along the slow and the strong manifold of sinks."""

import numpy as np
import pytest

import separatrix as sx
from separatrix.flow.manifolds.frames import manifold_frames
from tests.flow import known
from tests.oracles.blueprints import random_mlp

KINDS = ("slow", "strong")


def setup(f, domain, starts):
    run = sx.GradientFlow(f, domain)
    return run, run.sinks(starts)


def assert_is_sound(run, sinks, kind, n_frames):
    frames, parameter, eigenvalue = manifold_frames(run, sinks, kind, n_frames)
    half = n_frames // 2
    assert frames.shape == (len(sinks), n_frames, run.potential.dim)
    assert parameter.shape == (len(sinks), n_frames) and eigenvalue.shape == (len(sinks),)
    np.testing.assert_array_equal(frames[:, half], sinks.points)
    assert (parameter[:, half] == 0).all() and (np.diff(parameter, axis=1) >= 0).all()
    for row in range(len(sinks)):
        if isinstance(run.domain, sx.Box):
            assert run.domain.contains(frames[row]).all()
        spectrum = sinks.spectra[row]
        if not len(spectrum):
            assert np.isnan(eigenvalue[row]) and (frames[row] == sinks.points[row]).all()
            continue
        np.testing.assert_allclose(eigenvalue[row], spectrum[-1] if kind == "slow" else spectrum[0], rtol=1e-9)
        active = sinks.active[row] != 0
        np.testing.assert_array_equal(
            frames[row][:, active], np.broadcast_to(sinks.points[row][active], (n_frames, active.sum()))
        )
        # chords are no longer than the arc between them
        chords = np.linalg.norm(np.diff(frames[row], axis=0), axis=1)
        assert (chords <= np.diff(parameter[row]) * (1 + 1e-4) + 1e-12).all()
    return frames, parameter, eigenvalue


def quadratic(angle=0.5, values=(-1.0, -9.0)):
    q = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return known.Quadratic((q * values) @ q.T, [0.125, -0.25]), q


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_frames", [3, 9, 15])
def test_of_a_quadratic_they_are_the_lines_along_the_eigenvectors(kind, n_frames):
    f, q = quadratic()
    run, sinks = setup(f, sx.Box.cube(2, -1, 1), [[0.3, 0.3]])
    frames, parameter, eigenvalue = assert_is_sound(run, sinks, kind, n_frames)
    np.testing.assert_allclose(eigenvalue[0], -1.0 if kind == "slow" else -9.0)
    along, across = (q[:, 0], q[:, 1]) if kind == "slow" else (q[:, 1], q[:, 0])
    shift = frames[0] - sinks.points[0]
    np.testing.assert_allclose(shift @ across, 0.0, atol=1e-6)
    np.testing.assert_allclose(np.abs(shift @ along), np.abs(parameter[0]), atol=1e-6)
    # both ends lie on a side of the box, and f falls away from the sink on both sides
    assert (np.abs(frames[0][[0, -1]]).max(axis=1) > 1 - 1e-9).all()
    values = f.value(frames[0])
    half = n_frames // 2
    assert (np.diff(values[half:]) < 0).all() and (np.diff(values[: half + 1]) > 0).all()
    np.testing.assert_allclose(np.diff(parameter[0])[half:], parameter[0][-1] / half, rtol=1e-9)


def test_in_the_whole_space_they_go_on():
    f, _ = quadratic()
    run, sinks = setup(f, sx.WholeSpace(2), [[0.3, 0.3]])
    for kind in KINDS:
        _, parameter, _ = assert_is_sound(run, sinks, kind, 5)
        assert parameter[0, -1] > 1 and parameter[0, 0] < -1


@pytest.mark.parametrize("kind", KINDS)
def test_a_sink_on_a_face_keeps_to_it(kind):
    f = known.Quadratic(np.diag([-1.0, -2.0, -5.0]), [3.0, 0.1, -0.2])
    run, sinks = setup(f, sx.Box.cube(3, -1, 1), [[0.0, 0.0, 0.0]])
    assert sinks.active.tolist() == [[1, 0, 0]]
    frames, _, eigenvalue = assert_is_sound(run, sinks, kind, 9)
    assert abs(eigenvalue[0] - (-2.0 if kind == "slow" else -5.0)) < 1e-12
    moved = 1 if kind == "slow" else 2
    np.testing.assert_allclose(frames[0][[0, -1], moved], [-1, 1] if frames[0][-1, moved] > 0 else [1, -1], atol=1e-9)
    np.testing.assert_allclose(
        np.delete(frames[0], moved, axis=1), np.delete(sinks.points, moved, axis=1).repeat(9, axis=0), atol=1e-6
    )


def test_a_vertex_has_constant_frames():
    run, sinks = setup(known.linear([1.0, 2.0]), sx.Box.cube(2, -1, 1), [[0.0, 0.0]])
    for kind in KINDS:
        frames, parameter, eigenvalue = manifold_frames(run, sinks, kind, 5)
        assert (frames == 1.0).all() and (parameter == 0).all() and np.isnan(eigenvalue).all()


def test_inputs_that_the_network_ignores_are_no_slow_direction():
    rng = np.random.default_rng(3)
    first = rng.standard_normal((6, 5))
    first[:, 2] = 0.0
    net = sx.Network.from_arrays(
        [first, 2 * rng.standard_normal((3, 6))], [rng.standard_normal(6), rng.standard_normal(3)], "tanh"
    )
    box = sx.Box.cube(5, -1, 1)
    run, sinks = setup(sx.log_density(net), box, box.uniform(10, rng))
    assert len(sinks) and any(len(s) for s in sinks.spectra)
    for kind in KINDS:
        frames, _, _ = assert_is_sound(run, sinks, kind, 5)
        assert (frames[:, :, 2] == sinks.points[0, 2]).all()


def test_one_free_coordinate():
    f = known.Quadratic(np.diag([-1.0, -2.0]), [3.0, 0.25])
    run, sinks = setup(f, sx.Box.cube(2, -1, 1), [[0.0, 0.0]])
    for kind in KINDS:
        frames, parameter, _ = assert_is_sound(run, sinks, kind, 5)
        np.testing.assert_allclose(sorted(frames[0][[0, -1], 1]), [-1, 1], atol=1e-9)
        np.testing.assert_allclose(np.abs(parameter[0]).max(), 1.25, atol=1e-6)


def test_the_strong_manifold_of_the_double_well_ends_at_the_saddle():
    """Backwards from (1, 0) along x the orbit comes from the saddle at 0, at distance 1, and from the side of the box."""
    f = known.double_well()
    run, sinks = setup(f, sx.Box.cube(2, -2, 2), [[0.5, 0.1]])
    frames, parameter, _ = assert_is_sound(run, sinks, "strong", 9)
    np.testing.assert_allclose(frames[0][:, 1], 0.0, atol=1e-6)
    inner = frames[0][0] if frames[0][0, 0] < 1 else frames[0][-1]
    outer = frames[0][-1] if frames[0][0, 0] < 1 else frames[0][0]
    np.testing.assert_allclose(inner, [0.0, 0.0], atol=0.03)
    np.testing.assert_allclose(outer, [2.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(np.abs(parameter[0][[0, -1]]), 1.0, atol=0.03)
    values = f.value(frames[0])
    assert (np.diff(values[4:]) < 0).all() and (np.diff(values[:5]) > 0).all()


def test_the_strong_manifold_is_an_orbit():
    """Its frames flow back into the sink along the curve, f falls away from the sink; it is tangent to the eigenvector."""
    f = known.Formula(lambda x, y: -4.0 * x.square() - 0.5 * (y - x.square()).square() - 0.3 * (x * y.square()), 2)
    run, sinks = setup(f, sx.Box.cube(2, -0.8, 0.8), [[0.1, 0.1]])
    frames, _parameter, _ = assert_is_sound(run, sinks, "strong", 41)
    values = f.value(frames[0])
    assert (np.diff(values[20:]) < 0).all() and (np.diff(values[:21]) > 0).all()
    for end in (frames[0][0], frames[0][-1]):
        path = run.trajectories([end], 3.0, rtol=1e-9, atol=1e-9).path(0)[1]
        # every frame of that half lies on the orbit
        half = frames[0][:21] if end is frames[0][0] or (end == frames[0][0]).all() else frames[0][20:]
        fine = np.concatenate(
            [a + np.linspace(0, 1, 20)[:, None] * (b - a) for a, b in zip(path[:-1], path[1:], strict=True)]
        )
        gaps = np.linalg.norm(half[:, None] - fine, axis=2).min(axis=1)
        assert gaps.max() < 0.02
    direction = frames[0][21] - frames[0][19]
    assert abs(direction[1]) < 0.1 * abs(direction[0])


def test_the_slow_frames_keep_to_an_invariant_parabola():
    f = known.Formula(
        lambda x, y: -0.5 * x.square() - 2.25 * y.square() + x.square() * y - 0.2 * x.square().square(), 2
    )
    run, sinks = setup(f, sx.Box.cube(2, -0.5, 0.5), [[0.1, 0.1]])
    frames, _, _ = assert_is_sound(run, sinks, "slow", 9)
    np.testing.assert_allclose(frames[0][:, 1], 0.4 * frames[0][:, 0] ** 2, atol=1e-6)
    values = f.value(frames[0])
    assert (np.diff(values[4:]) < 0).all() and (np.diff(values[:5]) > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_f_falls_away_from_sinks_of_networks_at_first(kind):
    f = random_mlp(np.random.default_rng(1), (4, 10, 3), "tanh", scale=2.0).library_potential("log_density")
    box = sx.Box.cube(4, -2, 2)
    run, sinks = setup(f, box, box.uniform(20, np.random.default_rng(0)))
    frames, _, eigenvalue = assert_is_sound(run, sinks, kind, 81)
    for row in np.flatnonzero(~np.isnan(eigenvalue)):
        near = f.value(frames[row][38:43])
        assert near.argmax() == 2


@pytest.mark.parametrize("bad", [{"kind": "fast"}, {"n_frames": 2}, {"n_frames": 4}, {"n_frames": 1}])
def test_bad_input(bad):
    f, _ = quadratic()
    run, sinks = setup(f, sx.Box.cube(2, -1, 1), [[0.3, 0.3]])
    with pytest.raises(sx.InputError):
        manifold_frames(run, sinks, **bad)


def test_no_sinks():
    f, _ = quadratic()
    run, sinks = setup(f, sx.Box.cube(2, -1, 1), np.zeros((0, 2)))
    frames, parameter, eigenvalue = manifold_frames(run, sinks)
    assert frames.shape == (0, 9, 2) and parameter.shape == (0, 9) and eigenvalue.shape == (0,)
