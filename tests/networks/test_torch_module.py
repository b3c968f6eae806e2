"""Torch modules: their own output comes back, they stay as they were, and what cannot be read is named."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import separatrix as sx
from separatrix.errors import InputError, KindError, UnsupportedLayerError
from separatrix.networks.layers import Activation, Sum

RNG = np.random.default_rng(0)


class Made(nn.Module):
    """A module from a forward function and its parts."""

    def __init__(self, forward, **parts):
        super().__init__()
        self.function = forward
        for name, part in parts.items():
            if isinstance(part, torch.Tensor) and not isinstance(part, nn.Parameter):
                self.register_buffer(name, part)
            else:
                setattr(self, name, part)

    def forward(self, x):
        return self.function(self, x)


def lin(n, m, **options):
    torch.manual_seed(n * 100 + m)
    return nn.Linear(n, m, **options)


def agrees(module, shape=None, atol=2e-6, output=lambda z: z, n=50):
    """The network of the module, compared with the module on points of our own."""
    net = sx.load(module, input_shape=shape)
    x = 2.0 * RNG.standard_normal((n, net.n_inputs))
    was = module.training
    module.eval()
    dtype = next((p.dtype for p in module.parameters()), torch.float32)
    with torch.no_grad():
        rows = torch.from_numpy(x).to(dtype)
        own = module(rows.reshape(n, *shape) if shape else rows).double().numpy().reshape(n, -1)
    module.train(was)
    ours = output(net.logits(rows.double().numpy()))
    np.testing.assert_allclose(ours[:, -own.shape[1] :], own, atol=atol, rtol=1e-5)
    assert net.reading.largest_difference < 1e-5
    return net


SEQUENTIAL = {
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(0.2),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "softplus": nn.Softplus(),
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU("tanh"),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
}


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_every_activation(name):
    net = agrees(nn.Sequential(lin(3, 8), SEQUENTIAL[name], lin(8, 6), SEQUENTIAL[name], lin(6, 3)))
    assert net.activations == (name, name) and net.architecture == "3-8-6-3"


def test_reused_functional_and_in_place_activations():
    def forward(m, x):
        h = m.act(m.a(x))
        h = F.gelu(m.b(h))
        h = m.act(m.b(h))
        h = m.b(h)
        m.inplace(h)
        h += 0.5
        return m.c(h)

    net = agrees(Made(forward, a=lin(4, 6), b=lin(6, 6), c=lin(6, 3), act=nn.Tanh(), inplace=nn.ReLU(inplace=True)))
    assert net.activations == ("tanh", "gelu", "tanh", "relu")


def test_a_product_with_a_sigmoid_of_a_multiple_is_a_silu():
    def forward(m, x):
        h = m.a(x)
        return m.b(h * torch.sigmoid(1.702 * h))

    assert agrees(Made(forward, a=lin(4, 6), b=lin(6, 3))).activations == ("silu",)


def test_in_place_changes_reach_views_but_not_copies():
    def forward(m, x):
        h = m.a(x)
        view, copied = h.view(-1, 2, 3), h.clone()
        torch.relu_(view)
        return m.b(h) + m.b(copied)

    agrees(Made(forward, a=lin(4, 6), b=lin(6, 3)))


def test_inputs_changed_in_place():
    net = sx.load(Made(lambda m, x: m.a(x.relu_()) + m.a(x), a=lin(4, 3)))
    assert net.activations == ("relu",) and net.reading.largest_difference < 1e-5


def test_skip_connections():
    def forward(m, x):
        h = torch.tanh(m.a(x))
        h = h + torch.relu(m.b(h))
        h = torch.sub(h, m.b(h), alpha=2)
        return m.c(h + h)

    net = agrees(Made(forward, a=lin(4, 6), b=lin(6, 6), c=lin(6, 3)))
    assert not net.is_chain and sum(isinstance(node.layer, Sum) for node in net.nodes) == 3


def test_constants_are_folded():
    def forward(m, x):
        x = (x - m.mean) / m.std
        h = torch.tanh(x @ m.p + 1.0)
        h = 1.0 - 2.0 * h * m.k
        h = torch.addmm(m.bias, h, m.p.t() @ m.p)
        return -m.c(torch.relu(h)) / 3

    module = Made(
        forward,
        p=nn.Parameter(torch.randn(5, 5)),
        c=lin(5, 2),
        k=torch.randn(5),
        mean=torch.randn(5),
        std=torch.rand(5) + 0.5,
        bias=torch.randn(5),
    )
    net = agrees(module, atol=2e-5)
    assert net.architecture == "5-5-5-2" and any("folded" in note for note in net.reading.notes)


def test_batch_norm_with_its_running_statistics():
    module = nn.Sequential(
        lin(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.BatchNorm1d(6), lin(6, 3), nn.BatchNorm1d(3, affine=False)
    )
    for _ in range(5):
        module(3 * torch.randn(50, 4) + 1)
    net = agrees(module)
    assert net.architecture == "4-6-3" and any("batch norm" in note for note in net.reading.notes)


def test_batch_norm_on_a_skip_becomes_a_layer_of_its_own():
    norm = nn.BatchNorm1d(4)
    norm(torch.randn(20, 4) * 2 + 1)
    net = agrees(Made(lambda m, x: m.n(x) + torch.tanh(m.n(x)), n=norm))
    assert not net.is_chain


def test_log_softmax_and_softmax_are_taken_off():
    hidden = nn.Sequential(lin(3, 5), nn.Tanh(), lin(5, 4))

    def log_softmax(z):
        return z - np.log(np.exp(z).sum(axis=1, keepdims=True))

    net = agrees(nn.Sequential(hidden, nn.LogSoftmax(dim=1)), output=log_softmax)
    assert net.architecture == "3-5-4" and any("log_softmax at the end was taken off" in n for n in net.reading.notes)
    agrees(Made(lambda m, x: F.softmax(m.h(x) / 2.0, dim=-1), h=hidden), output=lambda z: np.exp(log_softmax(z)))
    plain = sx.load(hidden)
    np.testing.assert_array_equal(net.logits(np.ones((1, 3))), plain.logits(np.ones((1, 3))))


@pytest.mark.parametrize("tail", [(), (nn.Sigmoid(),), (nn.Sigmoid(), nn.Flatten(0))])
def test_one_output_is_one_logit(tail):
    body = nn.Sequential(lin(3, 5), nn.ReLU(), lin(5, 1))
    output = (lambda z: 1 / (1 + np.exp(-z))) if tail else (lambda z: z)
    net = agrees(nn.Sequential(body, *tail), output=output)
    assert net.n_classes == 2 and net.activations == ("relu",) and not net.logits(np.ones((1, 3)))[0, 0]


def test_double_half_and_mixed_precision():
    body = nn.Sequential(lin(3, 5), nn.Tanh(), lin(5, 2))
    assert agrees(copy.deepcopy(body).double(), atol=1e-14).reading.largest_difference < 1e-14
    half = copy.deepcopy(body).half()
    net = sx.load(half)
    assert (net.affine_layers[0].weight == half[0].weight.detach().double().numpy()).all()
    assert next(half.parameters()).dtype == torch.float16 and any("half" in note for note in net.reading.notes)


def test_the_module_is_left_as_it_was():
    module = nn.Sequential(lin(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5), lin(6, 3))
    module[0].weight.requires_grad_(False)
    module[3].eval()
    calls = []
    handle = module[2].register_forward_hook(lambda *a: calls.append(1))
    before, flags = copy.deepcopy(module.state_dict()), [m.training for m in module.modules()]
    random_state = torch.random.get_rng_state()
    net = sx.load(module)
    assert [m.training for m in module.modules()] == flags and not calls and len(module[2]._forward_hooks) == 1
    assert all((before[key] == value).all() for key, value in module.state_dict().items())
    assert [p.requires_grad for p in module.parameters()] == [False, True, True, True, True, True]
    assert all(p.grad is None for p in module.parameters()) and torch.is_grad_enabled()
    assert (torch.random.get_rng_state() == random_state).all()
    handle.remove()
    agrees(module)
    assert net.activations == ("relu",)


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3)])
def test_inputs_of_any_rank_are_flattened(shape):
    agrees(nn.Sequential(nn.Flatten(), lin(6, 4), nn.ReLU(), lin(4, 2)), shape=shape)
    agrees(Made(lambda m, x: m.a(x.reshape(x.shape[0], -1)), a=lin(6, 4)), shape=shape)
    agrees(Made(lambda m, x: torch.relu(m.a(x)).flatten(1), a=lin(3, 4)), shape=shape)


def test_input_shape_must_fit():
    module = nn.Sequential(nn.Flatten(), lin(6, 4))
    with pytest.raises(InputError, match=r"does not run on inputs of shape \(5,\).*input_shape="):
        sx.load(module, input_shape=5)
    assert sx.load(module).n_inputs == 6
    assert sx.load(Made(lambda m, x: m.first(x) + m.out(m.first(x)), out=lin(2, 2), first=lin(7, 2))).n_inputs == 7


def test_tied_weights_and_parametrizations():
    tied = Made(lambda m, x: torch.relu(m.a(x)) @ m.a.weight, a=lin(4, 6))
    agrees(tied)
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(lin(4, 6)), nn.Tanh(), lin(6, 2))
    agrees(normed)


def test_prelu_and_other_words_for_relu():
    def forward(m, x):
        h = m.p(m.a(x))
        h = torch.clamp(m.b(h), min=0)
        h = torch.maximum(m.b(h), torch.zeros(6))
        return m.c(F.threshold(m.b(h), 0.0, 0.0))

    net = agrees(Made(forward, a=lin(4, 6), b=lin(6, 6), c=lin(6, 3), p=nn.PReLU(init=0.3)))
    assert net.activations == ("leaky_relu", "relu", "relu", "relu")
    slope = next(node.layer.slope for node in net.nodes if isinstance(node.layer, Activation))
    assert slope == pytest.approx(0.3)


@pytest.mark.filterwarnings("ignore:.isinstance.treespec:FutureWarning")
def test_silu_written_out_and_decomposed_graphs():
    assert agrees(Made(lambda m, x: m.b((h := m.a(x)) * torch.sigmoid(h)), a=lin(4, 6), b=lin(6, 3))).activations == (
        "silu",
    )
    norm = nn.BatchNorm1d(5)
    norm(torch.randn(20, 5) + 1)
    module = nn.Sequential(
        nn.Flatten(), lin(4, 5), norm, nn.GELU(), nn.Dropout(), lin(5, 6), nn.SiLU(), lin(6, 3)
    ).eval()
    batch = torch.export.Dim("batch")
    program = torch.export.export(module, (torch.zeros(7, 2, 2),), dynamic_shapes=({0: batch},)).run_decompositions()
    net = sx.load(program.module(), input_shape=(2, 2))
    np.testing.assert_allclose(net.logits(np.eye(4)), sx.load(module).logits(np.eye(4)), atol=1e-6)


def test_mish_written_out():
    def forward(m, x):
        h = m.a(x)
        h = m.b(h * torch.tanh(F.softplus(h)))
        return m.c(torch.tanh(torch.log1p(torch.exp(2 * h))) * h)

    assert agrees(Made(forward, a=lin(4, 6), b=lin(6, 6), c=lin(6, 3))).activations == ("mish", "mish")


def test_soft_shrink_written_out_and_signs_that_make_none():
    def forward(m, x):
        h = m.a(x)
        h = m.b(torch.where(h.abs() > m.half, h - m.half * torch.sign(h), torch.zeros_like(h)))
        return m.c(F.softshrink(h, 0.25))

    parts = {"a": lin(4, 6), "b": lin(6, 6), "c": lin(6, 3)}
    assert set(agrees(Made(forward, half=0.5, **parts)).activations) == {"relu"}
    for wrong in (lambda h: torch.sign(h), lambda h: torch.where(h.abs() > 0.5, h - torch.sign(h), 0.0 * h),
                  lambda h: torch.where(h.abs() > 0.5, h + 0.5 * torch.sign(h), 0.0 * h),
                  lambda h: torch.where(h.abs() > 0.5, h - 0.5 * torch.sign(2 * h - 1), 0.0 * h)):  # fmt: skip
        with pytest.raises(UnsupportedLayerError, match=r"a step|makes no activation"):
            sx.load(Made(lambda m, x, wrong=wrong: m.b(wrong(m.a(x))), a=lin(4, 6), b=lin(6, 3)))


def test_activations_that_are_not_read_say_why():
    for activation, why in ((nn.ELU(), "at 0"), (nn.CELU(), "at 0"), (nn.Softsign(), "at 0"), (nn.SELU(), "neither"),
                            (nn.Hardswish(), "neither")):  # fmt: skip
        with pytest.raises(UnsupportedLayerError, match=rf"{why}.*; train with "):
            sx.load(nn.Sequential(lin(3, 4), activation, lin(4, 2)))


def test_softplus_with_beta():
    agrees(nn.Sequential(lin(3, 5), nn.Softplus(beta=2), lin(5, 2)))
    net = sx.load(nn.Sequential(lin(3, 5), nn.Softplus(), lin(5, 2)))
    assert any("at most 2.1e-09" in note for note in net.reading.notes)
    for beta in (3, 0.3, 100):
        net = sx.load(nn.Sequential(lin(3, 5), nn.Softplus(beta=beta), lin(5, 2)))
        assert net.activations == ("softplus",) and any(
            f"beta = {beta:g} was read" in note for note in net.reading.notes
        )
    for odd in (nn.Softplus(beta=-1), nn.Softplus(threshold=1)):
        with pytest.raises(UnsupportedLayerError, match="softplus"):
            sx.load(nn.Sequential(lin(3, 5), odd, lin(5, 2)))


def test_everything_unsupported_is_named_at_once():
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ELU(), nn.Conv2d(2, 2, 1), nn.MaxPool2d(2), nn.Flatten(), lin(2, 4), nn.Hardswish(),
        nn.LayerNorm(4), nn.Softplus(threshold=1), lin(4, 2),
    )  # fmt: skip
    with pytest.raises(UnsupportedLayerError) as traced:
        sx.load(module, input_shape=(1, 4, 4))
    for word in ("4 operations", "elu", "hardswish", "layer_norm", "softplus", "in 1;", "in 6;", "in 7;", "in 8."):
        assert word in str(traced.value)
    with pytest.raises(UnsupportedLayerError) as listed:
        sx.load(module)
    for word in ("ELU x1 in 1", "Hardswish x1 in 6", "LayerNorm"):
        assert word in str(listed.value)
    with pytest.raises(InputError, match=r"such as \(1, height, width\)"):
        sx.load(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), lin(8, 2)))


def test_recurrent_and_attention_layers():
    attention = Made(
        lambda m, x: m.c(m.att(x, x, x)[0].flatten(1)), att=nn.MultiheadAttention(4, 2, batch_first=True), c=lin(12, 2)
    )
    recurrent = Made(lambda m, x: m.c(m.rnn(x)[0][:, -1]), rnn=nn.LSTM(4, 4, batch_first=True), c=lin(4, 2))
    for module, word in ((attention, "of two computed values. x. in att"), (recurrent, "lstm")):
        with pytest.raises(UnsupportedLayerError, match=word):
            sx.load(module, input_shape=(3, 4))


@pytest.mark.parametrize(
    ("forward", "match"),
    [
        (lambda m, x: m.a(x) if x.sum() > 0 else -m.a(x), "control flow"),
        (lambda m, x: m.a(x) * m.a(x), "mul.*two computed"),
        (lambda m, x: (m.a(x), m.a(x)), "2 results"),
        (lambda m, x: torch.sigmoid(m.a(x)), "multi-label"),
        (lambda m, x: m.a(F.dropout(x, 0.5, training=True)), "dropout .*training mode"),
        (lambda m, x: m.a(x + torch.rand(4)), "rand"),
        (lambda m, x: m.a(x - x.mean(0)), "mean"),
        (lambda m, x: F.softmax(m.a(x), 0), "softmax .*not over the classes"),
        (lambda m, x: m.a(torch.ones(7, 4)), "does not depend"),
        (lambda m, x: m.a(x).round(), "round"),
        (lambda m, x: m.a(x) > 0, "comparison .such as gt"),
        (lambda m, x: F.softmax(m.a(x)[:, :1], 1), "softmax over one output"),
        (lambda m, x: torch.heaviside(m.a(x), torch.ones(3)), "heaviside .a step"),
        (lambda m, x: F.embedding(x.long(), m.a.weight)[:, 0], "int64"),
        (lambda m, x: (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True), "statistics of the point"),
        (lambda m, x: m.a(x[torch.randperm(7)]), "randperm|batch"),
    ],
)
def test_forwards_that_are_no_network(forward, match):
    with pytest.raises((UnsupportedLayerError, InputError), match=match) as caught:
        sx.load(Made(forward, a=lin(4, 3)))
    assert len(str(caught.value)) < 5000


def test_nan_weights_name_the_layer():
    module = nn.Sequential(lin(3, 4), nn.ReLU(), lin(4, 2))
    with torch.no_grad():
        module[2].weight[0, 0] = float("nan")
    with pytest.raises(InputError, match=r"layer 2.*weight has 1 NaN"):
        sx.load(module)


def test_a_forward_that_depends_on_the_batch_size_is_caught_by_the_comparison():
    with pytest.raises(InputError, match="differs from the module's own output"):
        sx.load(Made(lambda m, x: m.a(x) * x.shape[0], a=lin(4, 3)))


def test_objects_of_torch_that_are_no_plain_modules():
    with pytest.warns(DeprecationWarning, match="torch.jit"):
        script = torch.jit.trace(lin(2, 2), torch.zeros(1, 2))
    lightning = type("Net", (type("Base", (nn.Module,), {"__module__": "lightning.pytorch.core"}),), {})()
    for source, match in (
        (script, "TorchScript"),
        (lightning, "Lightning"),
        (nn.Linear, "class Linear"),
        (torch.eye(2), "Tensor"),
        (nn.LazyLinear(3), None),
        (lin(2, 2).state_dict(), "dict of arrays"),
        (F.relu, "function"),
    ):
        with pytest.raises((KindError, InputError), match=match or "not initialised"):
            sx.load(source)


def test_wrapped_modules_are_unwrapped():
    module = nn.Sequential(lin(3, 4), nn.ReLU(), lin(4, 2))
    assert sx.load(nn.DataParallel(module)).architecture == "3-4-2"
    assert sx.load(torch.compile(module, backend="eager")).architecture == "3-4-2"


def test_a_failing_export_says_nothing_on_the_terminal(capfd):
    with pytest.raises(UnsupportedLayerError):
        sx.load(Made(lambda m, x: m.a(x) if x.sum() > 0 else -m.a(x), a=lin(4, 3)))
    captured = capfd.readouterr()
    assert not captured.out and not captured.err
