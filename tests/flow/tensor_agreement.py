"""Sinks, basins and trajectories from tensors against those from numpy arrays, on any device."""

import numpy as np

import separatrix as sx


def digits(n, which="x_test"):
    """The first ``n`` images as rows of [0, 1]^784."""
    return getattr(sx.data.mnist(), which).reshape(-1, 784)[:n] / 255.0


def image_flow(name="mnist-sigmoid"):
    return sx.GradientFlow(sx.log_density(sx.data.network(name)), sx.Box.cube(784, 0, 1))


def plane_flows():
    """Flows in the plane: two classes held by the box, and two hidden layers with an open boundary."""
    rng = np.random.default_rng(40)
    for sizes, activation, potential, boundary in (
        ((2, 7, 1), "silu", lambda net: sx.class_probability(net, 0), "project"),
        ((2, 6, 5, 4), "sigmoid", lambda net: sx.log_odds(net, 1), "exit"),
    ):
        weights = [1.5 * rng.standard_normal((b, a)) for a, b in zip(sizes, sizes[1:], strict=False)]
        net = sx.Network.from_arrays(weights, [rng.standard_normal(len(w)) for w in weights], activation)
        yield sx.GradientFlow(potential(net), sx.Box.cube(2, -2, 2), boundary)


def assert_sinks_agree(flow, starts, tensors, **options):
    """The same sinks (to 1e-9) and labels, in numpy arrays; gives the sinks."""
    ours, theirs = flow.sinks(starts, **options), flow.sinks(tensors, **options)
    assert isinstance(theirs.points, np.ndarray) and len(ours) == len(theirs)
    np.testing.assert_allclose(theirs.points, ours.points, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(theirs.label, ours.label)
    return ours


def assert_basins_agree(flow, sinks, samples, tensors, **options):
    """The same labels, in numpy arrays."""
    ours, theirs = (flow.basins(rows, sinks, **options) for rows in (samples, tensors))
    np.testing.assert_array_equal(theirs.label, ours.label)
    assert isinstance(theirs.label, np.ndarray) and isinstance(theirs.steps, np.ndarray)
    assert len(theirs.sinks) == len(ours.sinks) and theirs.counts.sum() + theirs.n_unresolved == len(samples)


def cube_flow():
    """A flow in [0, 1]^12 that faces hold, as they hold images, and points to start from."""
    rng = np.random.default_rng(41)
    weights = [rng.standard_normal((6, 12)), rng.standard_normal((3, 6))]
    net = sx.Network.from_arrays(weights, [rng.standard_normal(6), np.zeros(3)], "sigmoid")
    return sx.GradientFlow(sx.log_density(net), sx.Box.cube(12, 0, 1)), rng.random((4, 12))


def assert_all_agree(place, images=0):
    """Plane flows, one of 12 inputs, and with ``images`` the MNIST network, with rows put elsewhere by ``place``; in both
    precisions and with two workers."""
    box = sx.Box.cube(2, -1.9, 1.9)
    for number, flow in enumerate(plane_flows()):
        starts = box.uniform(20, np.random.default_rng(number)).astype(np.float32).astype(np.float64)
        tensors, options = place(starts), {"workers": 1 + number}
        tensors = tensors.float() if number else tensors
        sinks = assert_sinks_agree(flow, starts, tensors, **options)
        assert_basins_agree(flow, sinks, starts, tensors, **options)
        ends = (flow.trajectories(rows[:5], 1.0).end for rows in (starts, tensors))
        np.testing.assert_array_equal(*ends)
    for flow, rows in (cube_flow(), (image_flow(), digits(images)))[: 2 if images else 1]:
        assert_basins_agree(flow, flow.sinks(rows), rows, place(rows))
