"""Hostile files of networks in several parts: graphs in safetensors, ONNX with data beside it, archives of pickles."""

import io
import json
import pickle
import struct
import zipfile
from functools import cache
from typing import Any

import numpy as np

from tests.fuzz.hostile_bytes import EVIL, JSON, NUMBERS, SIDES, WORDS, Files, Rng, changed
from tests.networks.onnx.mutations import damaged_bytes, damaged_model

LAYER_KINDS = ("affine", "convolution", "sparse", "activation", "sum", "Sum", "", None, EVIL)
FUNCTIONS = ("relu", "tanh", "identity", "leaky_relu", "gelu", "step", "Relu", EVIL, None, 3)


@cache
def _saved_graph() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The graph of a network with every kind of layer, and its arrays."""
    from separatrix.networks.graph_files import written
    from tests.networks.test_graph_files import every_kind

    net = every_kind()
    net.logits(np.zeros((2, net.n_inputs)))  # compiled code that was kept is read here, not under the watch
    arrays, text = written(net)
    return json.loads(text), arrays


def network_graph(rng: Rng) -> Files:
    """A saved convolutional network whose description or arrays are changed, taken out or torn."""
    graph, arrays = _saved_graph()
    graph, arrays = json.loads(json.dumps(graph)), dict(arrays)
    for _ in range(rng.choice((1, 1, 2, 3))):
        _change_graph(graph, rng) if rng.random() < 0.7 else _change_arrays(arrays, rng)
    if rng.random() < 0.1 and isinstance(graph.get("nodes"), list):
        graph["nodes"] = graph["nodes"] * rng.choice((2, 50)) + [{"kind": "sum", "parents": [0] * rng.choice((1, 999))}]
    text = json.dumps(graph)
    odd = (text, text[: rng.randrange(len(text))], "[" * 50_000, '{"nodes":' * 3000, text * 2, text + EVIL, "9" * 9000)
    text = rng.choice(odd) if rng.random() < 0.1 else text
    return {"net.safetensors": _safetensors(arrays, {"graph": text, **rng.choice(({}, {"box": EVIL}))}, rng)}


def _change_graph(graph: dict[str, Any], rng: Rng) -> None:
    nodes = graph.get("nodes")
    if not isinstance(nodes, list) or not nodes or rng.random() < 0.1:
        changed(graph, rng, (*JSON, *SIDES))
        return
    node = rng.choice(nodes)
    if not isinstance(node, dict) or not node:
        return
    kind = rng.randrange(6)
    if kind == 0:
        node["parents"] = [rng.choice((*SIDES, *range(9))) for _ in range(rng.randrange(4))]
    elif kind == 1:
        node["kind"] = rng.choice(LAYER_KINDS)
    elif kind == 2:
        node[rng.choice(("name", "slope", "width", "groups"))] = rng.choice((*FUNCTIONS, *SIDES, *NUMBERS[:3]))
    elif kind == 3:
        sizes = [rng.choice((*SIDES, 1, 2, 3, 4, 5)) for _ in range(rng.randrange(5))]
        node[rng.choice(("shape", "stride", "dilation", "padding"))] = sizes
    elif kind == 4:
        node["padding"] = [
            [rng.choice((0, 1, 999, 1 << 24, *SIDES)) for _ in range(2)] for _ in range(rng.choice((1, 2)))
        ]
    else:
        changed(node, rng, (*JSON, *SIDES))


def _change_arrays(arrays: dict[str, np.ndarray], rng: Rng) -> None:
    name = rng.choice(list(arrays))
    array, kind = arrays[name], rng.randrange(6)
    if kind == 0:
        del arrays[name]
    elif kind == 1 and array.dtype == np.float64:
        arrays[name] = array.copy()
        arrays[name].flat[rng.randrange(array.size)] = rng.choice(NUMBERS)
    elif kind == 1:
        arrays[name] = array.copy()
        arrays[name].flat[rng.randrange(array.size)] = rng.choice((-1, 7, 2**40, -(2**63), 2**62))
    elif kind == 2:
        arrays[name] = array.reshape(rng.choice(((-1,), (1, -1), (-1, 1), array.shape[::-1])))
    elif kind == 3:
        arrays[name] = array.astype(rng.choice(("f4", "f2", "i8", "u1", "?", "f8")))
    elif kind == 4:
        arrays[rng.choice(list(arrays))] = array
    else:
        arrays[name] = np.zeros(rng.choice(((0,), (1,), (0, 3), (2, 0, 1), ())))


def _safetensors(arrays: dict[str, np.ndarray], metadata: dict[str, str], rng: Rng) -> bytes:
    """Written by hand, so that the header may lie."""
    kinds = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "u1": "U8", "b1": "BOOL"}
    header: dict[str, Any] = {"__metadata__": metadata}
    body = b""
    for name, array in arrays.items():
        content = np.ascontiguousarray(array).tobytes()
        kind, offsets = kinds[array.dtype.str[1:]], [len(body), len(body) + len(content)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": offsets}
        body += content
    if rng.random() < 0.1:
        header[rng.choice(list(header))] = rng.choice(
            (*JSON[:6], {"dtype": "F64", "shape": [1 << 40], "data_offsets": [0, 8]})
        )
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + body
    return damaged_bytes(content, rng) if rng.random() < 0.1 else content


@cache
def _model() -> bytes:
    """A convolution with a bias, pooling, a flattening and a dense layer."""
    from tests.networks.onnx.models import model, node

    _saved_graph()
    draw = np.random.default_rng(0)
    nodes = [
        node("Conv", "x K k", "h", kernel_shape=[3, 3], pads=[1, 1, 1, 1]), node("Relu", "h", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2]), node("Flatten", "p", "f"),
        node("Gemm", "f V C", "y", transB=1),
    ]  # fmt: skip
    constants = {
        "K": draw.standard_normal((2, 1, 3, 3)), "k": draw.standard_normal(2),
        "V": draw.standard_normal((3, 8)), "C": np.zeros(3),
    }  # fmt: skip
    return model(nodes, ("n", 1, 4, 4), constants).SerializeToString()


def network_external(rng: Rng) -> Files:
    """An ONNX model of a convolutional network whose tensors stand in a file beside it, one of the two untrue."""
    from onnx import ModelProto

    proto, body = ModelProto.FromString(_model()), b""
    for tensor in proto.graph.initializer:
        data = tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = 1
        for key, value in (("location", "w.bin"), ("offset", str(len(body))), ("length", str(len(data)))):
            tensor.external_data.add(key=key, value=value)
        body += data
    for _ in range(rng.choice((0, 1, 1, 2))):
        tensor = rng.choice(proto.graph.initializer)
        entry = rng.choice(tensor.external_data)
        places = (
            "w.bin",
            "./w.bin",
            "sub/w.bin",
            "net.onnx",
            "../secret/w.bin",
            "../case/w.bin",
            "/dev/zero",
            "w.bin/",
            *WORDS,
        )
        if entry.key == "location":
            entry.value = rng.choice(places).replace("\ud800", "?")
        else:
            entry.value = rng.choice(("", "-8", "4", "1e3", "0x8", " 8", "٣", str(1 << 62), "9" * 5000, "8"))
        if rng.random() < 0.2:
            tensor.external_data.add(key=rng.choice(("location", "offset", "checksum", EVIL)), value="w.bin")
        if rng.random() < 0.2:
            tensor.dims[:] = [rng.choice((*SIDES[:9], 2, 8)) & (1 << 62) - 1 for _ in range(rng.randrange(4))]
    content = proto.SerializeToString()
    if rng.random() < 0.3:
        content = rng.choice((damaged_model, damaged_bytes))(content, rng)
    if rng.random() < 0.3:
        body = rng.choice((body[: rng.randrange(len(body))], b"", damaged_bytes(body, rng), body * 2, body[:-1]))
    return {"net.onnx": content, "w.bin": body}


class _Evil:
    """A pickle that would run something."""

    def __reduce__(self) -> Any:
        return print, ("this was run",)


def network_pickles(rng: Rng) -> Files:
    """What torch.save, torch.export.save and joblib write, and what only looks so: never opened."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(rng.choice(("archive/data.pkl", "data.pkl", "net/constants.pkl")), pickle.dumps(_Evil()))
        archive.writestr(
            rng.choice(("serialized_exported_program.json", "W0.npy")), rng.choice(("{}", "[" * 9999, EVIL))
        )
    content = rng.choice((buffer.getvalue(), pickle.dumps(_Evil()), b"", damaged_bytes(buffer.getvalue(), rng)))
    endings = (
        ".pt2",
        ".pt2",
        ".pt",
        ".pth",
        ".pkl",
        ".joblib",
        ".ckpt",
        ".bin",
        ".npz",
        ".safetensors",
        ".onnx",
        "",
        ".PT2",
    )
    return {"net" + rng.choice(endings): content}
