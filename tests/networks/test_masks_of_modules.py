"""Boolean masks: ReLUs and clips written with them are read, steps are refused, and messages say what a mask does."""

import numpy as np
import pytest
import torch
from torch import nn

import separatrix as sx
from separatrix.errors import InputError, UnsupportedLayerError


class Masked(nn.Module):
    """Two dense layers with a function of the values between them."""

    def __init__(self, function):
        super().__init__()
        torch.manual_seed(2)
        self.a, self.b, self.function = nn.Linear(4, 5), nn.Linear(5, 3), function

    def forward(self, x):
        return self.b(self.function(self.a(x)))


def put(h, mask, value):
    h[mask] = value
    return h


RELUS = {
    "masked_fill": lambda h: h.masked_fill(h < 0, 0.0),
    "masked_fill_": lambda h: h.masked_fill_(h <= 0, 0),
    "index": lambda h: put(h, h < 0, 0),
    "product": lambda h: h * (h > 0),
    "mask first": lambda h: (h >= 0).float() * h,
    "not": lambda h: h.masked_fill(~(h > 0), 0.0),
    "between": lambda h: torch.where(torch.logical_not(h > 0), torch.zeros(()), h),
}


@pytest.mark.parametrize("name", RELUS)
def test_relus_by_masks(name):
    module = Masked(RELUS[name])
    net = sx.load(module)
    assert net.architecture == "4-5-3" and net.activations == ("relu",)
    x = 3 * torch.randn(50, 4)
    np.testing.assert_allclose(net.logits(x.numpy()), module(x).detach().numpy(), atol=3e-6)


def test_clips_and_bends_by_masks():
    for function in (lambda h: put(h, h > 1, 1), lambda h: h.masked_fill(h < -2, -2), lambda h: (h - 1) * (h > 1)):
        module, x = Masked(function), 3 * torch.randn(50, 4)
        np.testing.assert_allclose(sx.load(module).logits(x.numpy()), module(x).detach().numpy(), atol=3e-6)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda h: h.masked_fill(h < 0, 1.0), "masked_fill .by a condition that makes no activation"),
        (lambda h: h * (h > 1), "mul .by a condition that makes no activation"),
        (lambda h: (h > 0).float(), "comparison .such as gt"),
        (lambda h: put(h, h[:, 0] < 0, 0), "by a computed mask of parts of a point"),
        (lambda h: h[h[:, 0] > 0], "as many entries as the data say"),
        (lambda h: h.roll(1, 1) * (h > 0), "mul .by a condition"),
        (lambda h: h * ~(torch.sign(h) > 0), "a step|by a condition"),
    ],
)
def test_masks_that_make_no_network(function, why):
    with pytest.raises(UnsupportedLayerError, match=why):
        sx.load(Masked(function))


def checked(h):
    if not torch.isfinite(h).all():
        raise ValueError("not finite")
    return h


def test_branches_are_told_by_their_line_in_words_of_the_user():
    with pytest.raises(UnsupportedLayerError, match=r"line \d+ of test_masks_of_modules.py; remove checks") as caught:
        sx.load(Masked(checked))
    assert "guard" not in str(caught.value)


def test_regions_without_autocast_or_gradients_are_read():
    def plain(h):
        with torch.autocast("cpu", enabled=False), torch.no_grad():
            return torch.relu(h)

    def cast(h):
        with torch.autocast("cpu"):
            return torch.relu(h)

    nets = [sx.load(Masked(function)) for function in (torch.relu, plain, cast)]
    assert all((net.logits(np.eye(4)) == nets[0].logits(np.eye(4))).all() for net in nets)
    assert {net.architecture for net in nets} == {"4-5-3"} and not nets[1].reading.notes
    assert any("autocast" in note for note in nets[2].reading.notes)


def test_modules_that_are_none():
    deep = nn.Sequential(nn.Linear(4, 3))
    for _ in range(2000):
        deep = nn.Sequential(deep)
    with pytest.raises(InputError, match="nested too deeply"):
        sx.load(deep)
    with pytest.raises(InputError, match="has no forward method"):
        sx.load(nn.ModuleList([nn.Linear(4, 3)]))
    quantised = type("Linear", (nn.Linear,), {"__module__": "torch.ao.nn.quantized.modules.linear"})(4, 3)
    with pytest.raises(UnsupportedLayerError, match="quantised in 0;"):
        sx.load(nn.Sequential(quantised))


def test_parametrised_weights_without_their_module_are_named(tmp_path):
    module = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)))
    np.savez(tmp_path / "net.npz", **{key: value.numpy() for key, value in module.state_dict().items()})
    with pytest.raises(UnsupportedLayerError, match=r"original0 .parametrised, such as by weight_norm"):
        sx.load(tmp_path / "net.npz", activation="relu")


def test_poolings_whose_window_is_cut_by_the_image():
    for pool in (nn.MaxPool2d(5, ceil_mode=True), nn.AvgPool2d((5, 4), ceil_mode=True, count_include_pad=False)):
        torch.manual_seed(0)
        module, x = nn.Sequential(pool, nn.Flatten(), nn.Linear(2, 3)), torch.randn(20, 2, 3, 3)
        net = sx.load(module, input_shape=(2, 3, 3))
        np.testing.assert_allclose(net.logits(x.reshape(20, -1).numpy()), module(x).detach().numpy(), atol=1e-6)
    with pytest.raises((UnsupportedLayerError, InputError), match=r"larger than|too small"):
        sx.load(nn.Sequential(nn.MaxPool2d(5), nn.Flatten(), nn.Linear(2, 3)), input_shape=(2, 3, 3))
