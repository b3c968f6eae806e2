"""Torch modules with convolutions, pooling, moves of entries and other activations: their own output at rounding error."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import separatrix as sx
from separatrix.errors import InputError, UnsupportedLayerError
from separatrix.networks.layers import Activation
from separatrix.networks.structured_layers import Convolution

RNG = np.random.default_rng(0)
IMAGE, POINT = (2, 7, 8), (6,)


class Made(nn.Module):
    """A module from a forward function and its parts."""

    def __init__(self, forward, **parts):
        super().__init__()
        self.function = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.function(self, x)


def prepared(module, shape):
    """The module in double precision and evaluation mode, its lazy layers made, its batch norms with statistics."""
    torch.manual_seed(0)
    module.eval()
    with torch.no_grad():
        module(torch.randn(2, *shape))
        for part in module.modules():
            if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
                part.running_mean.uniform_(-1, 1), part.running_var.uniform_(0.5, 2)
                nn.init.uniform_(part.weight, -1, 1), nn.init.uniform_(part.bias, -1, 1)
    return module.double()


def agrees(module, shape, output=lambda z: z):
    """The network of a module, compared on points of our own."""
    module = prepared(module, shape)
    net = sx.load(module, input_shape=shape)
    x = RNG.standard_normal((9, net.n_inputs))
    with torch.no_grad():
        own = module(torch.from_numpy(x).reshape(9, *shape)).reshape(9, -1).numpy()
    np.testing.assert_allclose(output(net.logits(x)), own, atol=1e-12, rtol=1e-12)
    assert net.reading.largest_difference < 1e-12
    return net


def log_softmax(z):
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


class Residual(nn.Module):
    """A block of a residual network, activation first and in place."""

    def __init__(self, n, m, stride):
        super().__init__()
        self.first, self.second = nn.BatchNorm2d(n), nn.BatchNorm2d(m)
        self.a, self.b = nn.Conv2d(n, m, 3, stride, 1, bias=False), nn.Conv2d(m, m, 3, padding="same")
        self.short = nn.Conv2d(n, m, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        h = self.a(F.relu(self.first(x)))
        h = self.b(F.relu_(self.second(h)))
        h += self.short(x)
        return h


class Joined(nn.Module):
    """Layers that take all values before them; a normalisation by plain tensors; declared in another order than used."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(72, 2)
        self.parts = nn.ModuleList([nn.Conv2d(2 + 2 * i, 2, 3, padding=1) for i in range(3)])
        self.mean, self.std = torch.tensor([0.3, 0.2]).view(1, 2, 1, 1), torch.tensor([[[0.5]], [[0.6]]])

    def forward(self, x):
        x = (x - self.mean) / self.std
        for part in self.parts:
            x = torch.cat([x, F.silu(part(x))], dim=1)
        return self.out(F.max_pool2d(x, 2).flatten(1)) / 2.5


S, C = nn.Sequential, nn.Conv2d
MODULES = {
    "lenet": lambda: (S(C(1, 3, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), C(3, 4, 5), nn.ReLU(), nn.MaxPool2d(2),
                        nn.Flatten(), nn.LazyLinear(6), nn.ReLU(), nn.Linear(6, 4)), (1, 20, 20)),
    "residual": lambda: (S(C(2, 3, 3, 1, 1), Residual(3, 3, 1), Residual(3, 4, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                           nn.Flatten(), nn.Linear(4, 3)), IMAGE),
    "joined": lambda: (Joined(), (2, 6, 7)),
    "norms and groups": lambda: (S(C(2, 4, 3, bias=False, stride=(2, 1)), nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4),
                                   nn.MaxPool2d(3, 2, 1), C(4, 4, 2, padding="same", groups=2, dilation=2), nn.Tanh(),
                                   nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(3), nn.BatchNorm1d(3)), IMAGE),
    "paddings": lambda: (S(C(2, 3, 3, padding=1, padding_mode="reflect"), nn.ReLU(),
                           C(3, 2, (2, 3), padding=(1, 2), padding_mode="replicate", stride=(2, 1)), nn.GELU(),
                           C(2, 2, 3, padding=1, padding_mode="circular"), nn.Flatten(), nn.LazyLinear(3)), IMAGE),
    "one dimension": lambda: (S(nn.Conv1d(2, 4, 3, padding=1), nn.BatchNorm1d(4), nn.GELU(), nn.MaxPool1d(2, ceil_mode=True),
                                nn.Conv1d(4, 4, 2, groups=4, padding="valid", dilation=2), nn.AvgPool1d(2), nn.ReLU(),
                                nn.AdaptiveMaxPool1d(2), nn.Flatten(), nn.Linear(8, 3)), (2, 19)),
    "mixer": lambda: (Made(lambda m, x: m.c((x + m.a(F.gelu(m.b(x.mT))).mT).mean(1)), a=nn.Linear(5, 4), b=nn.Linear(4, 5),
                           c=nn.Linear(6, 3)), (4, 6)),
    "head": lambda: (Made(lambda m, x: m.b(F.relu(m.a(x.unsqueeze(1)))).amax((2, 3)), a=C(1, 3, 3), b=C(3, 4, 1)), (5, 5)),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_networks(name):
    net = agrees(*MODULES[name]())
    assert any(isinstance(node.layer, Convolution) for node in net.nodes) or name == "mixer"


def written_into(m, x):
    x = m.t(x)
    x[:, 0] = 0.5
    x[:, 1] *= 2
    part = x[:, 2:]
    part.relu_()
    a, _ = x.chunk(2, 1)
    a.add_(1.0)
    x[:, :, 1] = x[:, :, 2]
    return x


POOLS = (
    lambda m, x: F.avg_pool2d(x, 3, 2, 1, True, False), lambda m, x: F.avg_pool2d(x, 3, 2, 1, True, True),
    lambda m, x: F.avg_pool2d(x, (2, 3), divisor_override=5), lambda m, x: F.adaptive_avg_pool2d(x, (3, 5)),
    lambda m, x: F.adaptive_max_pool2d(x, (3, 5)), lambda m, x: F.max_pool2d(x, 3, 1, 1, ceil_mode=True),
    lambda m, x: F.max_pool2d(x, 2, 2, 0, 2), lambda m, x: F.max_pool2d(m.bn(F.relu(x)), 2), lambda m, x: x.amax((2, 3)),
    lambda m, x: x.mean((2, 3)), lambda m, x: x.sum(dim=[1], keepdim=True), lambda m, x: x.max(dim=2).values,
    lambda m, x: x.min(dim=-1)[0], lambda m, x: x - x.mean(dim=(1, 2, 3), keepdim=True), lambda m, x: F.log_softmax(x, 3),
)  # fmt: skip
MOVES = (
    lambda m, x: x.permute(0, 2, 3, 1), lambda m, x: x.transpose(1, 2)[:, ::2], lambda m, x: x.unsqueeze(1).squeeze(1),
    lambda m, x: torch.stack([x[:, 0], x[:, 1]], 3), lambda m, x: x.flip(2), lambda m, x: x.roll(1, 3),
    lambda m, x: x.narrow(2, 1, 2), lambda m, x: x.select(1, 1), lambda m, x: x.chunk(2, 3)[1],
    lambda m, x: x.split([1, 1], 1)[0], lambda m, x: x[:, :, torch.tensor([2, 0])], lambda m, x: x[..., -1],
    lambda m, x: x.repeat(1, 2, 1, 1), lambda m, x: F.pad(x, (1, -2, 0, 1), value=2.5),
    lambda m, x: F.pixel_shuffle(x.repeat(1, 2, 1, 1), 2), lambda m, x: F.interpolate(x, scale_factor=2),
    lambda m, x: F.interpolate(x, size=(5, 5), mode="bilinear"), lambda m, x: torch.einsum("nchw,cd->ndhw", x, m.w),
    lambda m, x: m.w @ x.flatten(2), lambda m, x: F.unfold(x, 2, padding=1), lambda m, x: torch.where(m.mask, x, 0.5),
    lambda m, x: x.masked_fill(m.mask, 0.25), lambda m, x: m.t(x), lambda m, x: x.reshape(x.size(0), -1, 4).mT,
    lambda m, x: torch.cat([x, torch.zeros_like(x)], 1),
)  # fmt: skip
FUNCTIONS = (
    lambda m, x: F.relu6(3 * x), lambda m, x: F.hardtanh(x, -0.5, 0.7), lambda m, x: F.hardsigmoid(2 * x),
    lambda m, x: F.softshrink(x), lambda m, x: F.tanhshrink(x), lambda m, x: F.logsigmoid(x),
    lambda m, x: torch.clamp(x, max=0.2), lambda m, x: x.abs(), lambda m, x: torch.maximum(x, x.flip(1)),
    lambda m, x: torch.minimum(x, m.c), lambda m, x: F.threshold(x, 0.2, 0.2), lambda m, x: m.p(x), lambda m, x: F.rrelu(x),
    lambda m, x: torch.logaddexp(x, x.flip(1)), lambda m, x: x.logsumexp(1, keepdim=True), lambda m, x: F.softmax(x, 1),
    lambda m, x: F.log_softmax(2 * x, 1), lambda m, x: 1 / (1 + torch.exp(-x)), lambda m, x: torch.log1p(x.exp()),
    lambda m, x: 0.5 * x * (1 + torch.erf(x / 2**0.5)), lambda m, x: torch.where(x > 0, x, 0.3 * x),
    lambda m, x: torch.where(x < m.c[0], 2 * x, x + m.c[0]), lambda m, x: F.softmin(x, 1), lambda m, x: 1 - x / m.c,
    lambda m, x: torch.lerp(x, x.flip(1), 0.3), lambda m, x: torch.addcmul(x, m.c, m.c),
    lambda m, x: F.softmax(x.view(-1, 2, 3), 2), lambda m, x: torch.cat([x, m.c.expand(x.size(0), 6)], 1),
    lambda m, x: F.linear(F.relu(F.linear(x, m.q)), m.q.t()),
)  # fmt: skip


@pytest.mark.parametrize(("functions", "shape"), [(POOLS, IMAGE), (MOVES, IMAGE), (FUNCTIONS, POINT), ((written_into,), IMAGE)],
                         ids=["pools", "moves", "functions", "written into"])  # fmt: skip
def test_operators(functions, shape):
    """All of a kind in one module, each applied to a convolution or dense layer of its own input."""
    parts = {
        "w": nn.Parameter(torch.randn(2, 2)), "mask": nn.Parameter(torch.rand(2, 7, 8) > 0.5, requires_grad=False),
        "t": nn.ConvTranspose2d(2, 4, (3, 2), 2, 1, 1, groups=2), "c": nn.Parameter(torch.rand(6) + 0.5), "p": nn.PReLU(6),
        "q": nn.Parameter(torch.randn(6, 6)), "bn": nn.BatchNorm2d(2), "c_in": C(2, 2, 1), "d_in": nn.Linear(6, 6),
    }  # fmt: skip

    def forward(m, x):
        h = m.d_in(x) if shape == POINT else m.c_in(x)
        return m.out(torch.cat([function(m, h).flatten(1) for function in functions], 1))

    agrees(Made(forward, **parts, out=nn.LazyLinear(3)), shape)


def test_a_softmax_at_the_end_of_an_image_and_in_the_middle():
    head = S(C(2, 3, 3), nn.ReLU(), C(3, 4, 1), nn.AdaptiveMaxPool2d(1), nn.LogSoftmax(1), nn.Flatten())
    net = agrees(head, IMAGE, log_softmax)
    assert any("log_softmax at the end was taken off" in note for note in net.reading.notes)
    net = agrees(S(nn.Linear(6, 3), nn.Softmax(1), nn.Linear(3, 3)), POINT)
    assert "sigmoid" in net.activations and any("softmax in the middle" in note for note in net.reading.notes)
    with pytest.raises(UnsupportedLayerError, match="ends in 4 softmaxes side by side"):
        sx.load(S(C(1, 3, 3), nn.Softmax(1)), input_shape=(1, 4, 4))


def test_max_pooling_stands_before_a_monotone_activation():
    net = agrees(S(C(2, 3, 3), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(2)), IMAGE)
    names = [node.layer.name for node in net.nodes if isinstance(node.layer, Activation)]
    assert names == ["relu", "relu", "tanh"]
    net = agrees(S(C(2, 3, 3), nn.GELU(), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(2)), IMAGE)
    assert net.activations[0] == "gelu"


def test_half_precision_and_fixed_precision():
    body = S(C(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2))
    for kind in (torch.float16, torch.bfloat16, torch.float32):
        net = sx.load(body.to(kind), input_shape=(1, 5, 5))
        kernels = [node.layer.kernel for node in net.nodes if isinstance(node.layer, Convolution)]
        np.testing.assert_array_equal(kernels[0], body[0].weight.detach().double().numpy())
        assert net.reading.largest_difference < 1e-12 and body[0].weight.dtype == kind
    fixed = sx.load(Made(lambda m, x: m.a(x.float()), a=nn.Linear(3, 2)))
    assert any("single precision" in note for note in fixed.reading.notes) and fixed.reading.largest_difference < 1e-5


def test_what_is_asked_of_the_user():
    with pytest.raises(InputError, match=r"input_shape=.* such as \(1, height, width\)"):
        sx.load(S(C(1, 2, 3), nn.Flatten(), nn.Linear(8, 2)))
    two = type("Two", (nn.Module,), {"forward": lambda self, x, y: x + y})()
    with pytest.raises(UnsupportedLayerError, match=r"takes 2 inputs \(x, y\)"):
        sx.load(two, input_shape=3)
    with pytest.raises(UnsupportedLayerError, match=r"power 2 .*line \d+ of test_torch_convolutions.py"):
        sx.load(Made(lambda m, x: (m.a(x) ** 2, m.a(x).sin())[0], a=nn.Linear(3, 2)))
    with pytest.raises(InputError, match="weight, bias on the meta device"):
        sx.load(nn.Linear(3, 2, device="meta"))


def test_exported_programs():
    body = S(C(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)).eval()
    sizes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(body, (torch.zeros(4, 1, 6, 6),), dynamic_shapes=sizes)
    x = RNG.standard_normal((3, 36))
    for source in (program, program.module()):
        np.testing.assert_array_equal(
            sx.load(source, input_shape=(1, 6, 6)).logits(x), sx.load(body, input_shape=(1, 6, 6)).logits(x)
        )
    with pytest.raises(InputError, match="exported for one batch size"):
        sx.load(torch.export.export(body, (torch.zeros(1, 1, 6, 6),)), input_shape=(1, 6, 6))
