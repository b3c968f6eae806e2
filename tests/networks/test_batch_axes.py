"""Torch modules inside which the batch stands at another axis: read where rows stay apart, refused where they are mixed."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

import separatrix as sx
from separatrix.errors import UnsupportedLayerError

torch.manual_seed(0)
A, B = nn.Linear(4, 6).double(), nn.Linear(6, 3).double()


class Moving(nn.Module):
    """A module by a function of its two dense layers and the input."""

    def __init__(self, run: Callable[[nn.Linear, nn.Linear, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.a, self.b, self.run = A, B, run

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.run(self.a, self.b, x)


APART = {
    "columns": ((4,), lambda a, b, x: (b.weight @ torch.tanh(a.weight @ x.T + a.bias[:, None])).T),
    "sequence first": ((5, 4), lambda a, b, x: b(torch.relu(a(x.transpose(0, 1))).mean(0))),
    "stacked in front": ((4,), lambda a, b, x: b(torch.stack([a(x), torch.relu(a(x))]).sum(0))),
    "weights repeated": ((5, 4), lambda a, b, x: b(torch.bmm(x, a.weight.T.expand(len(x), -1, -1)).relu().sum(1))),
    "bilinear in a constant": (
        (4,),
        lambda a, b, x: torch.nn.functional.bilinear(x, b.weight[0].expand(len(x), -1), a.weight.expand(3, 6, 4).mT),
    ),
}
MIXED = {
    "centred": lambda a, b, x: a(x - x.mean(0)),
    "added to the first": lambda a, b, x: a(x) + x[:1].sum(),
    "turned over": lambda a, b, x: a(x).flip(0),
    "left as columns": lambda a, b, x: a(x).T,
}


@pytest.mark.parametrize("name", APART)
def test_a_batch_at_another_axis(name: str) -> None:
    shape, run = APART[name]
    module = Moving(run)
    net = sx.load(module, input_shape=shape)
    x = np.random.default_rng(0).normal(size=(5, *shape))
    own = module(torch.tensor(x)).detach().numpy()
    assert np.abs(net.logits(x.reshape(5, -1)) - own).max() < 1e-12
    assert net.reading.largest_difference is not None and net.reading.largest_difference < 1e-12


@pytest.mark.parametrize("name", MIXED)
def test_mixed_rows_are_refused_by_the_operation_that_mixes_them(name: str) -> None:
    with pytest.raises(UnsupportedLayerError, match="mixes the rows of a batch"):
        sx.load(Moving(MIXED[name]), input_shape=4)


def test_constants_that_differ_from_row_to_row_are_refused() -> None:
    weights = torch.randn(7, 4, 3, dtype=torch.float64)
    with pytest.raises(UnsupportedLayerError, match=r"bmm .differs between the rows"):
        sx.load(Moving(lambda a, b, x: torch.bmm(x, weights).sum(1)), input_shape=(2, 4))
