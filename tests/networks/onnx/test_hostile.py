"""ONNX files that are torn or made to harm: typed errors that name the problem, quickly, with nothing read elsewhere."""

import os
import random
import time
import tracemalloc
import warnings

import numpy as np
import pytest
from onnx import TensorProto, helper

import separatrix as sx
from separatrix.errors import InputError, UnreadableFileError, UnsupportedLayerError
from tests.networks.onnx.models import B, W, model, node, perceptron, written
from tests.networks.onnx.mutations import damaged_bytes, damaged_model
from tests.networks.onnx.test_convolutions import IMAGES, SHAPE
from tests.networks.onnx.test_operators import ELEMENTWISE
from tests.networks.onnx.test_readings import external

DENSE = node("Gemm", "x W B", "h", transB=1)
CONSTANTS = {"W": W, "B": B}
EVIL = "\x1b[2J\r\n\u202e"


def refused(path, match, error=UnreadableFileError):
    with pytest.raises(error, match=match) as caught:
        sx.load(path)
    message = str(caught.value)
    assert type(caught.value) is error and len(message) < 5000 and message.isprintable() and "net.onnx" in message


def test_what_is_no_model(tmp_path):
    path = tmp_path / "net.onnx"
    for content, match in (
        (b"", "is empty"),
        (b"hello, this is no network at all", "no ONNX model"),
        (b"PK\x03\x04" + bytes(100), "no ONNX model"),
        (b"\x08\x07", "no graph"),
    ):
        path.write_bytes(content)
        refused(path, match)


def test_every_truncation_is_refused(tmp_path):
    proto = perceptron([node("Relu", "h", "g")])[0]
    del proto.opset_import[1:]
    content = proto.SerializeToString()
    for n in range(len(content)):
        (tmp_path / "net.onnx").write_bytes(content[:n])
        with pytest.raises(UnreadableFileError):
            sx.load(tmp_path / "net.onnx")


@pytest.mark.parametrize("damage", [damaged_bytes, damaged_model])
def test_random_damage(damage, tmp_path):
    """Typed errors with printable messages, or a network; never a hang, another error or much memory."""
    rng, path = random.Random(0), tmp_path / "net.onnx"
    whole = [perceptron(case[1], case[0][0], case[3].shape[1], case[2])[0] for case in ELEMENTWISE.values()]
    whole += [model(case[1], ("n", *SHAPE), case[2], case[0][0]) for case in IMAGES.values()]
    contents = [proto.SerializeToString() for proto in whole]
    messages = []
    for _ in range(400):
        path.write_bytes(damage(rng.choice(contents), rng))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                net = sx.load(path)
            assert np.isfinite(net.logits(np.zeros((1, net.n_inputs)))).all()
        except sx.SeparatrixError as error:
            messages.append(str(error))
    assert len(messages) > 200 and all(text.isprintable() and len(text) < 5000 for text in messages)


def test_data_outside_the_folder_are_not_read(tmp_path):
    folder, outside = tmp_path / "model", tmp_path / "secret.bin"
    (folder / "sub").mkdir(parents=True)
    outside.write_bytes(W.astype("<f4").tobytes())
    (folder / "short.bin").write_bytes(bytes(47))
    (folder / "link.bin").symlink_to(outside)
    (folder / "up").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.bin")
    for location, match, more in (
        (str(outside), "only files inside", {}),
        ("../secret.bin", "only files inside", {}),
        ("sub/../../secret.bin", "only files inside", {}),
        ("..\\secret.bin", "only files inside", {}),
        ("C:secret.bin", "only files inside", {}),
        ("", "only files inside", {}),
        ("a\0b", "only files inside", {}),
        ("link.bin", "a link out of the model's folder", {}),
        ("up/secret.bin", "a link out of the model's folder", {}),
        ("no" + EVIL, "no such file", {}),
        ("sub", "is a folder", {}),
        ("pipe.bin", "no regular file", {}),
        ("short.bin", "needs 48 bytes", {}),
        ("short.bin", "needs 48 bytes", {"offset": -4}),
        ("short.bin", "needs 48 bytes", {"length": 1 << 62}),
        ("short.bin", "is no number", {"offset": EVIL}),
    ):
        path = written(
            model([DENSE, node("Relu", "h", "y")], constants={"W": external(location, **more), "B": B}), folder
        )
        with pytest.raises(UnreadableFileError, match=match) as caught:
            sx.load(path)
        assert str(caught.value).isprintable()


def test_integers_beside_the_model_are_read_there_and_nowhere_else(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    np.array([2, 0], "<i8").tofile(tmp_path / "k.bin")
    np.array([1, 1], "<i8").tofile(tmp_path / "elsewhere" / "k.bin")
    monkeypatch.chdir(tmp_path / "elsewhere")
    tensor = TensorProto(name="k", data_type=TensorProto.INT64, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="k.bin")
    nodes = [node("Constant", "", "k", value=tensor), node("Gather", "x k", "y", axis=1)]
    net = sx.load(written(model(nodes), tmp_path))
    assert net.reading.largest_difference == 0 and net.logits([[1.0, 2.0, 3.0]]).tolist() == [[3.0, 1.0]]


def test_names_given_twice_cycles_and_values_from_nowhere(tmp_path):
    relu = node("Relu", "h", "y")
    for nodes, constants, match in (
        ([DENSE, node("Relu", "h", "h"), relu], CONSTANTS, "'h' to two values"),
        ([DENSE, relu], {**CONSTANTS, "h": W}, "'h' to two values"),
        ([node("Add", "y x", "h"), relu], {}, "cyclic or not sorted"),
        ([node("Add", f"x {EVIL.split()[0]}", "y")], {}, r"'\\x1b\[2J' that nothing gives"),
    ):
        refused(written(model(nodes, constants=constants), tmp_path), match)
    proto = model([DENSE, relu], constants=CONSTANTS)
    proto.graph.initializer.append(proto.graph.initializer[0])
    refused(written(proto, tmp_path), "holds the tensor 'W' twice")
    proto = model([DENSE, helper.make_node("Selu", ["h"], ["y"], name=EVIL * 50)], constants=CONSTANTS)
    refused(written(proto, tmp_path), r"Selu \[neither twice.* x1 in \\x1b", UnsupportedLayerError)


def own(name, called, times):
    nodes = [helper.make_node(called, ["u"], [f"v{i}"], domain="own") for i in range(times)]
    return helper.make_function("own", name, ["u"], ["v0"], nodes, [helper.make_opsetid("own", 1)])


def test_functions_without_end(tmp_path):
    call = helper.make_node("f0", ["x"], ["y"], domain="own")
    proto = model([call], functions=[own("f0", "f1", 1), own("f1", "f0", 1)])
    refused(written(proto, tmp_path), "calls itself", UnsupportedLayerError)
    laughs = [own(f"f{i}", f"f{i + 1}", 10) for i in range(15)]
    refused(written(model([call], functions=laughs), tmp_path), "unfold to more than")


BOMBS = {
    "a shape": ([node("Gemm", "x W", "y", transB=1)], {"W": TensorProto(name="W", data_type=1, dims=[1 << 40, 3])}),
    "a shape without bytes": ([node("Gemm", "x W", "y", transB=1)], {"W": TensorProto(name="W", data_type=1, dims=[1000, 1000])}),
    "a filled constant": ([node("ConstantOfShape", "s", "c"), node("Add", "x c", "y")], {"s": [1 << 40]}),
    "an expansion": ([node("Expand", "W s", "c"), node("Add", "x c", "y")], {"s": [1 << 20, 1 << 20, 4, 3]}),
    "an expansion of points": ([node("Expand", "x s", "y")], {"s": [1, 1 << 40]}),
    "a range": ([node("Range", "a b c", "r"), node("Add", "x r", "y")], {"a": 0, "b": 1 << 60, "c": 1}),
    "broadcasting": ([node("Mul", "p q", "c"), node("Add", "x c", "y")],
                     {"p": np.ones((1 << 20, 1)), "q": np.ones((1, 1 << 10))}),
    "doubling": ([node("Concat", " ".join([f"c{i}" if i else "W"] * 2), f"c{i + 1}", axis=0) for i in range(40)]
                 + [node("ReduceSum", "c40", "s"), node("Add", "x s", "y")], {}),
    "a product of integers": ([node("Expand", "k s", "c"), node("MatMul", "c c", "d"), node("ReduceSum", "d", "e"),
                               node("Cast", "e", "f", to=1), node("Add", "x f", "y")], {"k": [[3]], "s": [2100, 2100]}),
    "a constant added up often": ([node("Expand", "k s", "c"), *[node("ReduceSum", "c", f"d{i}") for i in range(1000)],
                                   node("Sum", " ".join(f"d{i}" for i in range(1000)), "f"), node("Add", "x f", "y")],
                                  {"k": [3.0], "s": [1 << 24]}),
    "an image of padding": ([node("Reshape", "x s", "i"), node("Conv", "i K", "y", pads=[1000] * 4)],
                            {"s": [-1, 1, 1, 3], "K": np.ones((4, 1, 3, 3))}),
    "picked entries of all rows": ([node("Expand", "x s", "e"), node("GatherElements", "e k", "y", axis=1)],
                                   {"s": [1, 1 << 18, 3], "k": np.zeros((1, 1, 3), np.int64)}),
    "an enlargement": ([node("Reshape", "x s", "i"), helper.make_node("Resize", ["i", "", "c"], ["y"], mode="nearest")],
                       {"s": [-1, 1, 1, 3], "c": [1.0, 1.0, 20000.0, 20000.0]}),
    "free indices": ([helper.make_node("Einsum", ["x", "a", "a", "a"], ["y"], equation="bi,j,k,l->bjkl")], {"a": np.ones(1000)}),
    "a volume of padding": ([node("Reshape", "x s", "i"), node("Conv", "i K", "y", pads=[400] * 6)],
                            {"s": [-1, 1, 1, 1, 3], "K": np.ones((1, 1, 1, 1, 1))}),
    "maxima of thousands": ([helper.make_node("Max", ["x"] * 2600, ["y"])], {}),
    "a wide diagonal": ([node("Expand", "x s", "k"), node("Relu", "k", "r"), node("Mul", "r two", "m"), node("Tanh", "m", "y")],
                        {"s": [1, 1 << 16, 3], "two": [2.0]}),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_little_files_that_would_become_large(name, tmp_path):
    nodes, constants = BOMBS[name]
    path = written(model(nodes, constants={"W": W, "B": B} | constants), tmp_path)
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises((UnreadableFileError, UnsupportedLayerError)) as caught:
        sx.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3e8 and time.perf_counter() - start < 5 and str(caught.value).isprintable()


def test_many_pieces(tmp_path):
    names = [f"p{i}" for i in range(300)]
    cut = [helper.make_node("Split", ["x"], names, axis=1), helper.make_node("Concat", names[::-1], ["y"], axis=1)]
    net = sx.load(written(model(cut, ("n", 300), opset=11), tmp_path))
    np.testing.assert_array_equal(net.logits(np.arange(300.0)[None]), np.arange(300.0)[None, ::-1])
    one = helper.make_node("Split", ["x"], ["y"], axis=1, num_outputs=1 << 19)
    refused(written(model([one], ("n", 1 << 20), opset=18), tmp_path), "or more than 4096", UnsupportedLayerError)


def test_inputs_that_are_declared_enormous(tmp_path):
    for shape in (("n", 1 << 40), (1 << 40, 3), (1 << 62, 1 << 62)):
        refused(
            written(model([DENSE, node("Relu", "h", "y")], shape, CONSTANTS), tmp_path),
            "inputs are not read",
            InputError,
        )


def test_reading_writes_nothing(tmp_path):
    path = written(perceptron([node("Relu", "h", "g")])[0], tmp_path)
    before = path.read_bytes()
    sx.load(path)
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == before
