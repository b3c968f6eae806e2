"""One code for numpy arrays and torch tensors: the same numbers, and each kind stays what it is."""

import numpy as np
import pytest
import torch

import separatrix as sx
from separatrix.errors import InputError
from tests.oracles.blueprints import ACTIVATIONS, POTENTIALS, architectures


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_tensors_in_tensors_out_with_equal_numbers(activation):
    rng = np.random.default_rng(20)
    for blueprint in architectures(rng, activation).values():
        x, v = 2 * rng.standard_normal((2, 5, blueprint.n_inputs))
        for case in blueprint.potentials:
            f = blueprint.library_potential(*case)
            tensors = torch.tensor(x), torch.tensor(v)
            for name, arguments in (("value", 1), ("gradient", 1), ("hessian", 1), ("hessian_vector", 2)):
                ours, theirs = getattr(f, name)(*(x, v)[:arguments]), getattr(f, name)(*tensors[:arguments])
                assert isinstance(theirs, torch.Tensor) and theirs.dtype == torch.float64
                np.testing.assert_allclose(theirs.numpy(), ours, rtol=1e-12, atol=1e-13 * (1 + np.abs(ours).max()))


def test_public_networks_raise_no_warning_with_tensors():
    """Weights are read-only arrays, of which PyTorch would warn."""
    f = sx.log_odds(sx.Network.from_arrays([[[1.0, 2.0]], [[1.0], [2.0]]], [[0.0], [0.0, 0.0]], "tanh"), 0)
    assert f.gradient(torch.zeros((1, 2), dtype=torch.float64)).tolist() == [[-1.0, -2.0]]


@pytest.mark.parametrize("case", POTENTIALS, ids=lambda case: case[0])
def test_shapes_and_precision_of_tensors(case):
    f = architectures(np.random.default_rng(21), "silu")["chain"].library_potential(*case)
    assert f.value(torch.zeros((0, 2), dtype=torch.float64)).shape == (0,)
    assert f.hessian(torch.zeros((0, 2), dtype=torch.float64)).shape == (0, 2, 2)
    single = torch.tensor([0.3, -0.4], dtype=torch.float64)
    assert torch.equal(f.gradient(single), f.gradient(single[None]))
    half = f.hessian(single.float())
    assert half.dtype == torch.float32
    np.testing.assert_allclose(half.numpy(), f.hessian(single).numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("case", POTENTIALS, ids=lambda case: case[0])
@pytest.mark.parametrize("activation", ["leaky_relu", "gelu_tanh", "softplus"])
def test_nothing_leaves_the_device_of_the_input(activation, case):
    """PyTorch refuses to mix its meta device with the CPU: a stray constant would raise."""
    f = architectures(np.random.default_rng(22), activation)["skips"].library_potential(*case)
    x = torch.zeros((4, 3), dtype=torch.float64, device="meta")
    for result, shape in (
        (f.value(x), (4,)),
        (f.gradient(x), (4, 3)),
        (f.hessian(x), (4, 3, 3)),
        (f.hessian_vector(x, x), (4, 3)),
    ):
        assert result.device.type == "meta" and tuple(result.shape) == shape


def test_tensors_that_do_not_fit():
    f = architectures(np.random.default_rng(23), "tanh")["chain"].library_potential("log_odds", 0)
    good = torch.zeros((2, 2), dtype=torch.float64)
    for x in (torch.zeros((2, 3)), torch.zeros((1, 2, 2)), torch.zeros((2, 2), dtype=torch.int64), torch.tensor(1.0)):
        for method in (f.value, f.gradient, f.hessian):
            with pytest.raises(InputError):
                method(x)
    for x, v in ((good, np.zeros((2, 2))), (np.zeros((2, 2)), good), (good, torch.zeros((3, 2), dtype=torch.float64))):
        with pytest.raises(InputError):
            f.hessian_vector(x, v)
