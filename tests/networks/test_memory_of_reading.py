"""A reader holds the weights of a large network once: what was folded and what was compared is let go."""

import weakref

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import separatrix as sx
from separatrix.networks import (
    graph_folding,
    structured_layers,
    torch_module,
    torch_outputs,
    torch_tracing,
    traced_layers,
    windows,
)
from separatrix.networks.memory_pages import LARGE, room, room_again
from separatrix.networks.onnx import reference

CHANNELS = (64, 72, 80)  # kernels and a file that are large enough to have rooms of their own


def convolutional() -> nn.Sequential:
    """Three convolutions with batch norms behind them, and a dense layer."""
    torch.manual_seed(5)
    layers: list[nn.Module] = []
    for before, after in zip((30, *CHANNELS), CHANNELS, strict=False):
        norm = nn.BatchNorm2d(after)
        norm.running_mean = torch.randn(after)
        norm.running_var = torch.rand(after) + 0.5
        layers += [nn.Conv2d(before, after, 5, padding=2), norm, nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS[-1], 3)).eval()


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many kernels of convolutions that were folded already are in memory whenever one more is."""
    counts: list[int] = []
    folded: list[weakref.ref] = []
    scaled = structured_layers.Convolution.scaled

    def watched(layer, scale, shift, own):
        counts.append(sum(kernel() is not None for kernel in folded))
        folded.append(weakref.ref(layer.kernel))
        made = scaled(layer, scale, shift, own)
        assert own is not None and np.shares_memory(made.kernel, layer.kernel)
        return made

    monkeypatch.setattr(structured_layers.Convolution, "scaled", watched)
    return counts


def test_kernels_of_a_module_are_let_go_as_they_are_folded(alive, monkeypatch):
    module, twins, copied = convolutional(), [], torch_module.evaluation_copy

    def watched(*arguments):
        twins.append(copied(*arguments))
        return twins[-1]

    monkeypatch.setattr(torch_module, "evaluation_copy", watched)
    net = sx.load(module, input_shape=(30, 4, 4))
    assert alive == [0, 0, 0]
    assert all(tensor.numel() == 0 for twin, _ in twins for tensor in twin.parameters())
    assert all(tensor.numel() > 0 for tensor in module.parameters())
    x = torch.rand(5, 30, 4, 4)
    np.testing.assert_allclose(net.logits(x.reshape(5, -1).numpy()), module(x).detach().numpy(), atol=1e-5)
    assert 0 < net.reading.largest_difference < 1e-12


def test_kernels_of_a_file_are_let_go_as_they_are_folded(alive, tmp_path):
    rng, nodes, tensors, name = np.random.default_rng(0), [], {}, "x"
    for i, (before, after) in enumerate(zip((30, *CHANNELS), CHANNELS, strict=False)):
        tensors |= {f"W{i}": rng.standard_normal((after, before, 5, 5)) / 30, f"v{i}": rng.random(after) + 0.5}
        tensors |= {f"{key}{i}": rng.standard_normal(after) for key in "sbm"}
        norm = [f"c{i}", *(f"{key}{i}" for key in "sbmv")]
        nodes += [helper.make_node("Conv", [name, f"W{i}"], [f"c{i}"], pads=[2] * 4),
                  helper.make_node("BatchNormalization", norm, [f"n{i}"])]  # fmt: skip
        name = f"n{i}"
    nodes.append(helper.make_node("Flatten", [name], ["y"]))
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 30, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value.astype(np.float32), key) for key, value in tensors.items()],
    )  # fmt: skip
    path = tmp_path / "net.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString())
    net = sx.load(path)
    assert alive == [0, 0, 0] and net.reading.largest_difference < 1e-10


def agrees(module: nn.Module, shape: tuple[int, ...]) -> None:
    """The network read and the module itself, the module unchanged."""
    before = [tensor.clone() for tensor in module.state_dict().values()]
    net = sx.load(module.eval(), input_shape=shape)
    assert net.reading.largest_difference < 1e-9
    assert all(torch.equal(a, b) for a, b in zip(before, module.state_dict().values(), strict=True))
    x = torch.rand(3, *shape)
    own = module(x).detach().numpy()
    np.testing.assert_allclose(net.logits(x.reshape(3, -1).numpy()), own, atol=1e-4 * np.abs(own).max())


class Shared(nn.Module):
    """One weight in several places: as it is, behind two norms, and a part of it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.a, self.last = nn.Linear(200, 200), nn.Linear(200, 3)
        self.norms = nn.ModuleList(nn.BatchNorm1d(200) for _ in range(3))
        for norm in self.norms:
            assert isinstance(norm.running_mean, torch.Tensor) and isinstance(norm.running_var, torch.Tensor)
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A residual network of tied layers."""
        h = torch.tanh(self.norms[0](self.a(x)))
        h = h + torch.tanh(self.norms[1](self.a(h)))
        h = h + nn.functional.linear(torch.tanh(self.norms[2](h)), self.a.weight[:, :200]) / 7
        return self.last(h)


def test_weights_that_others_hold_are_not_written_over():
    agrees(Shared(), (200,))
    torch.manual_seed(4)
    conv, norms = nn.Conv2d(30, 30, 7, padding=3), [nn.BatchNorm2d(30) for _ in range(2)]
    for norm in norms:
        norm.running_var = torch.rand(30) + 0.5
    agrees(nn.Sequential(conv, norms[0], nn.ReLU(), conv, norms[1], nn.Flatten(), nn.Linear(30 * 16, 3)), (30, 4, 4))


def test_norms_before_dense_layers():
    torch.manual_seed(6)
    norm = nn.BatchNorm1d(300)
    norm.running_mean, norm.running_var = torch.randn(300), torch.rand(300) + 0.5
    agrees(
        nn.Sequential(nn.Linear(150, 300), nn.ReLU(), norm, nn.Linear(300, 250), nn.ReLU(), nn.Linear(250, 2)), (150,)
    )


def test_no_memory_is_told_as_everywhere():
    with pytest.raises(MemoryError):
        room((1 << 44, 1 << 10))


def test_room_is_written_again_only_where_nobody_else_has_it():
    array, other = room((200, 200)), room((200, 200))
    again = room_again(array, [other])
    assert again is not None
    again[3, 4] = 5.0
    assert array[3, 4] == 5.0 and array.sum() == 5.0
    assert room_again(array, [other, array[7:8]]) is None and room_again(array[1:], []) is None
    assert room_again(np.zeros((200, 200)), []) is None and room_again(room((2, 2)), []) is None
    columns = room((300, 200), order="F")
    again = room_again(columns, [])
    assert again is not None
    again[1, 2] = 1.0
    assert columns[1, 2] == 1.0 and columns.sum() == 1.0


def test_folding_empties_its_list():
    nodes = [*sx.Network.from_arrays([np.eye(2), np.eye(2)], [np.zeros(2)] * 2).nodes]
    assert len(graph_folding.folded(nodes)) == 4 and nodes == []


@pytest.mark.parametrize("order", ["C", "F"])
def test_room_is_an_array_of_zeros(order):
    for shape in ((3, 2), (0, 4), (), (LARGE // 16, 2), (1, LARGE // 8 + 1)):
        array = room(shape, np.float64, order)
        assert array.shape == shape and array.flags[f"{order}_CONTIGUOUS"] and array.flags.writeable
        assert not array.any()
        array[...] = 1.0
        assert array.sum() == array.size


class Residual(nn.Module):
    """Norms behind convolutions, on a way that is added to the input."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(8)
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(2))
        for norm in self.norms:
            assert isinstance(norm.running_mean, torch.Tensor) and isinstance(norm.running_var, torch.Tensor)
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
        self.last = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits."""
        x = torch.relu(self.norms[0](self.first(x)))
        x = torch.relu(x + self.norms[1](self.second(x)))
        return self.last(x.mean((2, 3)))


def test_norms_of_images_store_one_number_a_channel(monkeypatch):
    sizes, read = [], torch_tracing.read_graph

    def watched(*arguments):
        traced = read(*arguments)
        for node in traced.nodes:
            if isinstance(node.layer, (traced_layers.Scale, structured_layers.Convolution)):
                sizes.extend(array.size for array in graph_folding._weights(node.layer))
        return traced

    monkeypatch.setattr(torch_tracing, "read_graph", watched)
    agrees(Residual(), (3, 12, 12))
    assert len(sizes) == 8 and max(sizes) == 8 * 8 * 9 < 8 * 12 * 12


CONVOLUTIONS = [
    nn.Conv2d(6, 4, 3, stride=2, padding=1),
    nn.Conv2d(6, 4, (1, 3), padding=(0, 2), dilation=2, bias=False),
    nn.Conv2d(6, 4, 3, groups=2),
    nn.Conv1d(6, 5, 4, stride=3, padding=2),
    nn.ConvTranspose2d(6, 4, 3),
]


@pytest.mark.parametrize("layer", CONVOLUTIONS, ids=str)
def test_convolutions_in_parts_are_torchs_own(layer, monkeypatch):
    monkeypatch.setattr(torch_outputs, "ENTRIES_AT_ONCE", 300)
    layer, x = layer.double(), torch.randn(3, 6, *([9, 8] if layer.weight.ndim == 4 else [20]), dtype=torch.float64)
    sizes, convolve = [], torch.ops.aten.convolution.default
    original = torch_outputs._convolved

    def watched(function, args, groups):
        return original(lambda x, *rest: (sizes.append(x.shape[:2]), convolve(x, *rest))[1], args, groups)

    monkeypatch.setattr(torch_outputs, "_convolved", watched)
    with torch.no_grad():
        np.testing.assert_allclose(torch_outputs.run(layer, x), layer(x), rtol=0, atol=1e-13)
    if not layer.transposed:
        assert len(sizes) > 2 and {rows for rows, _ in sizes} == {1}
        assert layer.groups > 1 or max(channels for _, channels in sizes) < 6


def test_large_images_go_in_bands_of_rows(monkeypatch):
    rng = np.random.default_rng(1)
    kernel, x = rng.standard_normal((4, 3, 3, 2)), rng.standard_normal((5, 3 * 11 * 9))
    for stride, padding, dilation in (((1, 1), ((1, 1), (0, 1)), (1, 1)), ((2, 3), ((3, 0), (2, 2)), (3, 1))):
        whole, banded = (windows.WindowProducts(kernel, (3, 11, 9), stride, padding, dilation, 1) for _ in range(2))
        assert len(whole._bands) == 1
        monkeypatch.setattr(windows, "BAND_AT_ONCE", 200)
        assert len(banded._bands) > 1
        monkeypatch.undo()
        np.testing.assert_allclose(banded.forward(x), whole.forward(x), rtol=0, atol=1e-13)


def test_values_of_a_file_are_let_go_after_their_last_use(tmp_path, monkeypatch):
    nodes = [helper.make_node("Relu" if i % 2 else "Neg", [f"v{i}" if i else "x"], [f"v{i + 1}"]) for i in range(30)]
    nodes.append(helper.make_node("Add", ["v30", "v3"], ["y"]))
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )  # fmt: skip
    path, given = tmp_path / "net.onnx", []
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString())

    class Watched(reference.ReferenceEvaluator):  # type: ignore[misc, valid-type]
        def run(self, names, feeds, *rest):
            given.append(set(feeds))
            return super().run(names, feeds, *rest)

    monkeypatch.setattr(reference, "ReferenceEvaluator", Watched)
    monkeypatch.setattr(reference, "ENTRIES_AT_ONCE", 8 * 4 * 64)  # one node at a time
    net = sx.load(path)
    assert len(given) == 31 and max(map(len, given)) == 2 and given[20] == {"v20", "v3"}
    assert net.reading.largest_difference == 0
