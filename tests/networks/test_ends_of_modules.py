"""What modules return: probabilities however they are written, and outputs that are no function of one point."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import separatrix as sx
from separatrix.errors import InputError, ReadingWarning, UnsupportedLayerError


class Ending(nn.Module):
    """A small network with a function behind it."""

    def __init__(self, width, end):
        super().__init__()
        torch.manual_seed(width)
        self.first, self.last, self.end = nn.Linear(3, 5), nn.Linear(5, width), end

    def forward(self, x):
        """The function of the scores."""
        return self.end(self.last(torch.tanh(self.first(x))))


def joined(p, is_first):
    return torch.cat([p, 1 - p] if is_first else [1 - p, p], 1)


PROBABILITIES = {
    "1 - sigmoid": (1, lambda z: 1 - torch.sigmoid(z)),
    "the second of two": (2, lambda z: z.softmax(1)[:, 1]),
    "the second of two as a column": (2, lambda z: z.softmax(1)[:, 1:2]),
    "the first of two": (2, lambda z: z.softmax(1)[:, 0]),
    "a scaled tanh": (1, lambda z: (torch.tanh(z) + 1) / 2),
    "a falling tanh": (1, lambda z: 0.5 - 0.5 * torch.tanh(z)),
    "p and the rest": (1, lambda z: joined(torch.sigmoid(z), True)),
    "the rest and p": (1, lambda z: joined(torch.sigmoid(z), False)),
    "p and the rest, computed twice": (1, lambda z: torch.cat([torch.sigmoid(z), 1 - torch.sigmoid(z)], 1)),
    "a softmax in another order": (3, lambda z: z.softmax(1)[:, [2, 0, 1]]),
    "a logarithm in another order": (3, lambda z: z.log_softmax(1).flip(1)),
    "the logarithm of a sigmoid": (1, nn.functional.logsigmoid),
}  # fmt: skip


@pytest.mark.parametrize("name", PROBABILITIES)
def test_probabilities_are_taken_off(name):
    module, x = Ending(*PROBABILITIES[name]), torch.randn(20, 3, dtype=torch.float64)
    net = sx.load(module)
    own = module.double()(x).detach().numpy().reshape(20, -1)
    own = np.exp(own) if "logarithm" in name else own
    own = own if own.shape[1] > 1 else np.hstack([1 - own, own])
    np.testing.assert_allclose(net.probabilities(x.numpy()), own, atol=1e-14)
    assert any("taken off" in note for note in net.reading.notes)


ONE_CLASS = {
    "a clip": (1, lambda z: torch.sigmoid(z).clamp(1e-7, 1 - 1e-7)),
    "one of three": (3, lambda z: z.softmax(1)[:, 1]),
}


@pytest.mark.parametrize("name", ONE_CLASS)
def test_one_probability_that_stays_is_no_logit(name):
    with pytest.raises(UnsupportedLayerError, match="its one output is a probability"):
        sx.load(Ending(*ONE_CLASS[name]))


def test_several_sigmoids_behind_one_another():
    with pytest.raises(UnsupportedLayerError, match="3 sigmoids, independent labels"):
        sx.load(Ending(3, lambda z: torch.cat([torch.sigmoid(z[:, :1]), 1 - torch.sigmoid(z[:, 1:])], 1)))


def test_outputs_with_several_axes_are_said():
    net = sx.load(Ending(6, lambda z: z.reshape(-1, 2, 3)))
    assert "outputs of shape (2, 3) were read as the 6 classes of one classification" in net.reading.notes


def test_empty_tensors_that_are_filled(capsys):
    def end(z):
        print("called")
        found = torch.empty(z.shape[0], 4, dtype=z.dtype)
        found[:, :2] = z
        found[:, 2:] = torch.relu(z)
        return found

    assert sx.load(Ending(2, end)).reading.largest_difference < 1e-12
    assert capsys.readouterr().out == ""


PERHAPS = {
    "a piecewise linear sigmoid": (1, nn.functional.hardsigmoid),
    "two clipped": (1, lambda z: joined(torch.sigmoid(z).clamp(0.01, 0.99), True)),
}


@pytest.mark.parametrize("name", PERHAPS)
def test_what_may_be_a_probability_is_said(name):
    with pytest.warns(ReadingWarning, match=r"in \[0, 1\].* on all random points and w.*return the logit"):
        net = sx.load(Ending(*PERHAPS[name]))
    assert "on all random points" in net.reading.notes[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sx.load(Ending(1, lambda z: 5 * z + 0.5))


class Counting(Ending):
    """A module that writes what it uses at the next call."""

    def __init__(self, way):
        super().__init__(2, None)
        self.way, self.number = way, 0
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x):
        """Scores, moved by the count."""
        z = self.last(torch.tanh(self.first(x)))
        if self.way == "in place":
            self.count += 1
        elif self.way == "anew":
            self.count = self.count + 1
        else:
            self.number += 1
        return z + self.count + self.number


@pytest.mark.parametrize("way", ["in place", "anew", "a number"])
def test_modules_that_count_their_calls(way):
    module = Counting(way)
    with pytest.raises(InputError, match=r"alone|differs from the module's own output"):
        sx.load(module)
    assert module.number == 0 and float(module.count) == 0.0


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_outputs_that_depend_on_the_number_of_points(rows):
    def end(z):
        return z * (2.0 if z.shape[0] <= rows else 1.0)

    with pytest.raises(InputError, match="for a point alone another output than for the same point in a batch"):
        sx.load(Ending(2, end))


@pytest.mark.parametrize(
    "end",
    [lambda z: z.float(), lambda z: torch.softmax(z, -1, dtype=torch.float32), lambda z: z.float().log_softmax(1)],
)
def test_casts_to_single_precision(end):
    net = sx.load(Ending(3, end))
    assert 0 < net.reading.largest_difference < 1e-6


def test_guessed_widths_are_said():
    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(4, 3)

        def forward(self, x):
            return self.last(torch.relu(x[:, :4]))

    said = "inputs of shape (4,) were guessed from its layers, it takes others too; pass input_shape="
    assert said in sx.load(Cut()).reading.notes
    assert said not in sx.load(Cut(), input_shape=(4,)).reading.notes and sx.load(Cut(), input_shape=6).n_inputs == 6
    for known in (nn.Sequential(nn.ReLU(), nn.Linear(4, 3)), nn.Sequential(nn.BatchNorm1d(4).eval(), nn.Linear(4, 3))):
        assert not any("guessed" in note for note in sx.load(known).reading.notes)


def test_shapes_that_are_too_large():
    with pytest.raises(InputError, match=r"input_shape \(1000000000,\) has more than 4194304 entries"):
        sx.load(Ending(2, nn.Identity()), input_shape=(10**9,))


def test_random_numbers_stay_where_they_were():
    module = Ending(2, lambda z: z + torch.randn_like(z))
    torch.manual_seed(11)
    state = torch.random.get_rng_state()
    with pytest.raises(UnsupportedLayerError, match="random"):
        sx.load(module)
    assert torch.equal(state, torch.random.get_rng_state())


def test_parts_that_are_their_own_copies_stay_as_they_are():
    class Frozen(nn.Linear):
        def __deepcopy__(self, memo):
            return self

    class Kept(nn.Parameter):
        def __deepcopy__(self, memo):
            return self

    tied = nn.Linear(4, 3)
    tied.weight = Kept(torch.ones(3, 4))
    for module in (nn.Sequential(Frozen(4, 6), nn.ReLU(), nn.Linear(6, 3)), nn.Sequential(tied)):
        before = copy.deepcopy({key: value.clone() for key, value in module.state_dict().items()})
        with pytest.raises(InputError, match="cannot be copied: its __deepcopy__ gives itself"):
            sx.load(module.train())
        assert all(part.training for part in module.modules())
        assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def test_modules_that_reach_themselves_by_a_closure():
    module = nn.Module()
    module.first, module.norm, module.last = nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)
    module.forward = lambda x: module.last(torch.relu(module.norm(module.first(x))))
    module.train()
    module.last.eval()
    net = sx.load(module, input_shape=(4,))
    assert module.norm.num_batches_tracked == 0 and torch.equal(module.norm.running_mean, torch.zeros(6))
    assert [part.training for part in module.modules()] == [True, True, True, False]
    x = torch.randn(5, 4)
    np.testing.assert_allclose(net.logits(x.numpy()), module.eval()(x).detach().numpy(), atol=1e-5)


def test_modules_that_were_never_begun():
    class Bare(nn.Module):
        def __init__(self):
            pass

    with pytest.raises(InputError, match=r"call super\(\).__init__\(\) first"):
        sx.load(Bare())


def test_widths_that_cannot_be_asked_for():
    class Odd(nn.Linear):
        @property
        def in_features(self):
            raise RuntimeError("not now")

        @in_features.setter
        def in_features(self, _):
            pass

    assert sx.load(Odd(4, 3)).n_inputs == 4
    with pytest.raises(InputError, match=r"does not run on inputs of shape \(5,\).*; input_shape= is the shape"):
        sx.load(nn.Linear(4, 3), input_shape=5)
