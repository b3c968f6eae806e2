"""Files of many small parts or long lists, which take more memory than they have bytes, are refused before they are parsed."""

import time

import pytest
from onnx import helper

import separatrix as sx
from separatrix.errors import UnreadableFileError
from separatrix.networks.onnx import graph_checks, skeleton
from tests.networks.onnx.models import model, node, written


def field(number, content):
    length, n = bytearray(), len(content)
    while n > 127:
        length.append(n & 127 | 128)
        n >>= 7
    return bytes([number << 3 & 127 | 2 | 128, number >> 4, *length, n]) + content


WHOLE = field(11, field(1, b"x")) + field(12, field(1, b"y"))
MANY, LONG = 400_000, (1 << 21) + 1
GRAPHS = {
    "nodes": field(1, b"") * MANY, "tensors": field(5, b"") * MANY, "inputs": field(11, b"") * MANY,
    "inputs of a node": field(1, field(1, b"") * MANY), "attributes": field(1, field(5, b"") * MANY),
    "integers of an attribute": field(1, field(5, field(8, b"\1" * LONG))),
    "integers of a tensor": field(5, field(7, b"\1" * LONG)),
}  # fmt: skip


@pytest.mark.parametrize("name", [*GRAPHS, "metadata", "nodes of a function"])
def test_small_parts_and_long_lists(name, tmp_path, monkeypatch):
    monkeypatch.setattr(skeleton, "FIELDS_LIMIT", 2000)
    monkeypatch.setattr(skeleton, "INTEGERS_LIMIT", 1 << 21)
    path = tmp_path / "net.onnx"
    behind = {"metadata": field(14, b"") * MANY, "nodes of a function": field(25, field(7, b"") * MANY)}.get(name, b"")
    path.write_bytes(b"\x08\x08" + field(7, GRAPHS.get(name, b"") + WHOLE) + field(8, b"\x10\x0d") + behind)
    start = time.perf_counter()
    with pytest.raises(UnreadableFileError, match=r"net\.onnx: has more than \d+ parts, or a list"):
        sx.load(path)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("more", [{"axes": [0] * 101}, {"scales": [1.0] * 101}, {"text": "a" * 1001}])
def test_lists_and_texts_of_nodes(more, tmp_path, monkeypatch):
    monkeypatch.setattr(graph_checks, "NUMBERS_LIMIT", 100)
    monkeypatch.setattr(graph_checks, "TEXT_LIMIT", 1000)
    (name,) = more
    with pytest.raises(
        UnreadableFileError, match=f"the attribute '{name}' of the node 'the Neg' is refused as too large"
    ):
        sx.load(written(model([node("Neg", "x", "y", **more)]), tmp_path))


def test_nodes_inside_nodes(tmp_path):
    inner = helper.make_graph([node("Neg", "x", "y")] * 20_000, "inner", [], [])
    proto = model([node("If", "x", "y", then_branch=inner, else_branch=inner)])
    with pytest.raises(UnreadableFileError, match="has more than 20000 nodes, inner graphs included"):
        sx.load(written(proto, tmp_path))
