"""Forward hooks: a network is its module with the hooks that change it, and no hook is run on the user's objects."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

import separatrix as sx
from separatrix.errors import InputError, ReadingWarning, UnsupportedLayerError

SEEN: list = []
CALLS = 0


def body():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).eval()


def agrees(module, shape=(4,)):
    """The network, equal to the module with its hooks on points of our own."""
    net = sx.load(module, input_shape=shape)
    x = torch.randn(20, *shape)
    with torch.no_grad():
        own = module(x).double().numpy()
    np.testing.assert_allclose(net.logits(x.reshape(20, -1).numpy()), own, atol=3e-6)
    return net


def record(module, inputs, output):
    global CALLS
    CALLS += 1
    keep(output)


def keep(output):
    SEEN.append(output.detach().numpy())


class Recorder:
    def __init__(self):
        self.last = [torch.ones(3, requires_grad=True) * 2]  # which deepcopy refuses
        self.total = torch.zeros(5)

    def hook(self, module, inputs, output):
        self.last.append(output)
        self.total += output.sum(0)


def test_hooks_that_record_run_on_copies_of_what_they_fill():
    seen, recorder, module = [], Recorder(), body()
    module[0].register_forward_hook(lambda m, i, o: seen.append(o.cpu().numpy()))
    module[0].register_forward_hook(recorder.hook)
    module[1].register_forward_hook(record)
    module[2].register_forward_pre_hook(lambda m, i: setattr(module, "last", i))
    net = sx.load(module)
    assert "4 forward hooks" in net.reading.notes[0] and net.reading.largest_difference < 1e-12
    assert not seen and not SEEN and not CALLS and not recorder.total.any() and len(recorder.last) == 1
    assert not hasattr(module, "last") and [len(part._forward_hooks) for part in module] == [2, 1, 0]
    agrees(body())
    with torch.no_grad():
        module(torch.zeros(2, 4))
    assert len(seen) == len(SEEN) == CALLS == 1 and hasattr(
        module, "last"
    )  # the hooks themselves still fill the user's


def changed_in_place(module, inputs, output):
    output.mul_(2)


MATRIX = torch.randn(5, 5, generator=torch.Generator().manual_seed(0))
CHANGES = {
    "twice": lambda m: m[0].register_forward_hook(lambda part, i, o: 2 * o),
    "in place": lambda m: m[0].register_forward_hook(changed_in_place),
    "a global in single precision": lambda m: m[0].register_forward_hook(lambda part, i, o: o @ MATRIX),
    "by name": lambda m: m[1].register_forward_hook(lambda part, a, k, o: torch.tanh(o), with_kwargs=True),
    "inputs": lambda m: m[2].register_forward_pre_hook(lambda part, i: (i[0] - 1,)),
    "far out": lambda m: m[0].register_forward_hook(lambda part, i, o: o.clamp(-50, 50)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_hooks_that_change_outputs_are_part_of_the_network(name):
    module = body()
    module[0].register_forward_hook(record)
    CHANGES[name](module)
    SEEN.clear()
    weight = module[0].weight.detach().clone()
    net = sx.load(module)
    assert torch.equal(weight, module[0].weight) and not SEEN
    assert any("are part of the network" in note for note in net.reading.notes)
    agrees(module)


def test_hooks_that_write_weights_write_those_of_the_copy():
    def clamped(module, inputs):
        module.weight.data.clamp_(-0.1, 0.1)

    module = body()
    module[0].register_forward_pre_hook(clamped)
    weight = module[0].weight.detach().clone()
    net = sx.load(module)
    assert torch.equal(weight, module[0].weight)
    np.testing.assert_array_equal(net.affine_layers[0].weight, weight.double().clamp(-0.1, 0.1))


def test_a_hook_may_make_the_shape_fit():
    module = body()
    module.register_forward_pre_hook(lambda m, i: (i[0].flatten(1),))
    assert agrees(module, (2, 2)).n_inputs == 4


def test_hooks_that_cannot_be_traced_name_their_module():
    count = [0]

    def counting(module, inputs, output):
        count[0] += 1
        return output * count[0]

    for hook, kind in (
        (lambda m, i, o: torch.from_numpy(2 * o.numpy()), UnsupportedLayerError),
        (lambda m, i, o: o + torch.rand_like(o), UnsupportedLayerError),
        (counting, InputError),
    ):
        module = body()
        module[2].register_forward_hook(hook)
        with pytest.raises(kind, match="forward hooks of 2,"):
            sx.load(module)
    assert count == [0]


def test_hooks_that_cannot_be_copied_or_run_are_said_to_be_left_out():
    lock, calls, module = threading.Lock(), [], body()

    def locked(m, i, o):
        with lock:
            calls.append(o)

    def failing(m, i, o):
        raise ValueError("only on Tuesdays")

    for hook, why in ((locked, "cannot be copied"), (failing, "only on Tuesdays")):
        module = body()
        module[1].register_forward_hook(hook)
        with pytest.warns(ReadingWarning, match=f"hooks of 1 were not run: .*{why}"):
            assert sx.load(module).activations == ("relu",)
    wrapped = nn.DataParallel(body())
    wrapped.register_forward_hook(locked)
    with pytest.warns(ReadingWarning, match="hooks of the wrapper DataParallel"):
        assert sx.load(wrapped).activations == ("relu",)
    assert not calls
