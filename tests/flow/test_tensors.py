"""Torch tensors as points of a flow: the same answers as from numpy arrays, wherever they lie."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils import backend_registration

import separatrix as sx
from separatrix.errors import InputError, KindError
from separatrix.flow.ascent import ascend
from separatrix.flow.basin_flow import flow_piece
from separatrix.flow.basin_targets import Targets
from separatrix.flow.pieces import run_pieces
from tests.flow.tensor_agreement import assert_all_agree, digits, image_flow, plane_flows

RELU = sx.Network.from_arrays(
    [[[1.0, 0.5], [-1.0, 1.0], [0.3, -1.0]], [[1.0, 0.0, 0.5], [0.0, 1.0, -0.5]]], [[0.1, 0, 0], [0, 0]], "relu"
)


def tensors_of(points):
    """The same points as tensors of the CPU: with a graph, as a slice with strides, negated lazily."""
    yield torch.tensor(points, requires_grad=True)
    yield torch.tensor(points).exp().log_()[:0].new_tensor(points)
    yield torch.tensor(np.repeat(points, 2, axis=1))[:, ::2]
    yield torch.complex(torch.tensor(0 * points), torch.tensor(-points)).conj().imag


@pytest.fixture(scope="module")
def found():
    """The sinks of the MNIST network from 20 images."""
    return image_flow().sinks(digits(20))


# -- tensors of the CPU


@pytest.mark.parametrize("number", [0, 1])
def test_tensors_of_the_cpu_give_the_bits_of_arrays(number):
    flow = list(plane_flows())[number]
    points = sx.Box.cube(2, -1.9, 1.9).uniform(30, np.random.default_rng(1))
    sinks, basins, paths = flow.sinks(points), flow.basins(points), flow.trajectories(points, 2.0)
    for tensor in tensors_of(points):
        theirs = flow.sinks(tensor), flow.basins(tensor), flow.trajectories(tensor, 2.0)
        np.testing.assert_array_equal(theirs[0].points, sinks.points)
        np.testing.assert_array_equal(theirs[0].label, sinks.label)
        np.testing.assert_array_equal(theirs[1].label, basins.label)
        np.testing.assert_array_equal(theirs[2].end, paths.end)
        assert all(isinstance(a, np.ndarray) for a in (theirs[0].points, theirs[1].steps, theirs[2].starts))


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.int64, torch.uint8, torch.bool])
def test_other_kinds_of_numbers_are_converted_as_in_numpy(kind):
    flow = next(plane_flows())
    tensor = torch.tensor([[0, 1], [1, 0], [1, 1]]).to(kind)
    np.testing.assert_array_equal(flow.sinks(tensor).label, flow.sinks(tensor.numpy()).label)
    assert flow.trajectories(tensor, 1.0).end.dtype == np.float64


def test_one_point_no_points_and_pictures():
    flow = next(plane_flows())
    assert flow.trajectories(torch.zeros(2), 1.0).end.shape == (1, 2)
    for empty in (torch.zeros(0), torch.zeros((0, 2))):
        assert flow.trajectories(empty, 1.0).end.shape == (0, 2)
        assert flow.basins(empty).label.shape == (0,)
    net = sx.Network.from_arrays([np.eye(4), np.ones((2, 4))], [np.zeros(4), [0.0, 1.0]], "tanh")
    pictures = sx.GradientFlow(sx.log_density(net), sx.Box.cube(4, 0, 1)).basins(torch.full((3, 2, 2), 0.5))
    assert pictures.label.shape == (3,)


def test_the_tensor_of_the_user_is_not_changed(found):
    rows = torch.tensor(digits(3))
    before = rows.clone()
    image_flow().basins(rows, found)
    image_flow().sinks(rows)
    assert torch.equal(rows, before)


def test_piecewise_linear_flows_take_tensors():
    flow = sx.GradientFlow(sx.log_odds(RELU, 0), sx.Box.cube(2, -2, 2))
    points = sx.Box.cube(2, -1.9, 1.9).uniform(10, np.random.default_rng(2))
    np.testing.assert_array_equal(flow.trajectories(torch.tensor(points), 1.0).end, flow.trajectories(points, 1.0).end)
    np.testing.assert_array_equal(flow.sinks(torch.tensor(points)).label, flow.sinks(points).label)


# -- the batches, on tensors


def test_the_ascent_of_a_tensor_ends_where_that_of_an_array_does():
    flow = next(plane_flows())
    starts = sx.Box.cube(2, -2, 2).uniform(50, np.random.default_rng(3))
    array, tensor = (
        ascend(flow.potential, flow.arena.bounds, rows, 500, 0.1) for rows in (starts, torch.tensor(starts))
    )
    assert isinstance(tensor, torch.Tensor) and isinstance(array, np.ndarray)
    np.testing.assert_allclose(tensor.numpy(), array, atol=1e-9)


def test_images_flow_to_the_same_sinks_in_both_libraries(found):
    """The batches themselves, on tensors of the CPU; float32 tensors hold other numbers than the images, by rounding."""
    flow, images = image_flow(), digits(20)
    targets, labels = Targets.of(found, flow.arena), []
    for rows in (images, torch.tensor(images), torch.tensor(images).float().double()):
        pieces = [(flow.arena, rows[start : start + 10], targets, False) for start in (0, 10)]
        done = run_pieces(flow_piece, pieces, [10, 10], 1, "both libraries", None)
        labels.append(np.concatenate([part.label for part in done]))
    assert (labels[0] >= 0).mean() > 0.8
    np.testing.assert_array_equal(labels[1], labels[0])
    np.testing.assert_array_equal(labels[2], labels[0])


# -- other devices


def test_rows_stay_on_their_device_and_end_where_numpy_has_them():
    """On a made-up device, in a process of its own: what is registered with PyTorch stays registered."""
    if not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"):
        pytest.skip("this PyTorch cannot make up a device")
    done = subprocess.run(
        [sys.executable, "-m", "tests.flow.second_device"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10_000


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_rows_on_a_gpu_end_where_numpy_has_them():
    assert_all_agree(lambda rows: torch.tensor(rows, device="cuda"), images=300)


# -- what a flow cannot take


def refused():
    """(tensor, error, words of the message)."""
    nan = torch.tensor([[0.0, 0.0], [float("nan"), 0.0]])
    yield nan, InputError, "row 1 has NaN or infinity"
    yield torch.tensor([[float("inf"), 0.0]]), InputError, "row 0 has NaN"
    yield torch.zeros((2, 3)), InputError, r"expected shape \(n, 2\), came \(2, 3\)"
    yield torch.tensor(1.0), InputError, "expected shape"
    yield torch.zeros((2, 3, 4)), InputError, "expected shape"
    yield torch.tensor([[5.0, 0.0]]), InputError, "outside the box"
    yield torch.zeros((2, 2), dtype=torch.complex64), KindError, "complex tensor"
    yield torch.zeros((2, 2)).to_sparse(), KindError, "sparse tensor"
    yield torch.zeros((2, 2), device="meta"), KindError, "meta device, which holds no numbers"
    with warnings.catch_warnings():  # PyTorch says that its nested tensors and CSR are prototypes
        warnings.simplefilter("ignore")
        yield torch.nested.nested_tensor([torch.zeros(2), torch.zeros(2)]), KindError, "nested tensor"
        yield torch.eye(2).to_sparse_csr(), KindError, "sparse tensor"


@pytest.mark.parametrize(("tensor", "error", "words"), list(refused()), ids=lambda value: str(value)[:30])
def test_unfit_tensors_are_refused_with_reasons(tensor, error, words):
    smooth, folded = next(plane_flows()), sx.GradientFlow(sx.log_odds(RELU, 0), sx.Box.cube(2, -2, 2))
    for flow in (smooth, folded):
        for method in (flow.sinks, flow.basins, lambda rows, flow=flow: flow.trajectories(rows, 1.0)):
            with pytest.raises(error, match=words):
                method(tensor)
