"""Random damage to ONNX models, by bytes and by meaning, always the same for a seed."""

import random

from onnx import ModelProto, helper

from separatrix.networks.onnx.constants import RULES as CONSTANT_RULES
from separatrix.networks.onnx.operators import RULES
from separatrix.networks.onnx.refused_operators import REFUSED

OPERATORS = sorted({*CONSTANT_RULES, *RULES, *REFUSED})
NUMBERS = (0, 1, -1, 2, 3, 7, -5, 1 << 31, 1 << 40, -(1 << 63), (1 << 63) - 1)
ATTRIBUTES = (
    "axis", "axes", "perm", "to", "alpha", "transA", "transB", "split", "starts", "ends", "min", "value", "end",
    "kernel_shape", "pads", "strides", "dilations", "group", "ceil_mode", "count_include_pad", "auto_pad", "blocksize",
    "output_padding", "output_shape", "keepdims", "mode", "equation",
)  # fmt: skip


def damaged_bytes(content: bytes, rng: random.Random) -> bytes:
    """A few bits flipped, bytes replaced, moved, put in or cut off."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not data:
            break
        kind, i = rng.random(), rng.randrange(len(data))
        if kind < 0.5:
            data[i] ^= 1 << rng.randrange(8)
        elif kind < 0.7:
            j = rng.randrange(len(data))
            data[i : i + rng.randrange(9)] = data[j : j + rng.randrange(9)]
        elif kind < 0.9:
            data[i:i] = bytes(rng.choice((255, 0, 127, 128)) for _ in range(rng.randrange(1, 9)))
        else:
            del data[max(i, 1) :]
    return bytes(data)


def damaged_model(content: bytes, rng: random.Random) -> bytes:
    """Operators, inputs, attributes, shapes, types and opsets changed."""
    proto = ModelProto.FromString(content)
    graph = proto.graph
    names = [name for node in graph.node for name in (*node.input, *node.output)] + [t.name for t in graph.initializer]
    for _ in range(rng.choice((1, 2, 3))):
        node, kind = rng.choice(graph.node), rng.randrange(9)
        if kind == 0:
            node.op_type = rng.choice(OPERATORS).split("::")[-1]
        elif kind == 1 and node.input:
            node.input[rng.randrange(len(node.input))] = rng.choice(names)
        elif kind == 2:
            node.input.append(rng.choice([*names, ""]))
        elif kind == 3:
            some = [rng.choice(NUMBERS) for _ in range(rng.randrange(4))] or [1]
            node.attribute.append(
                helper.make_attribute(rng.choice(ATTRIBUTES), rng.choice([some, some[0], float(some[0]), "text"]))
            )
        elif kind == 4 and graph.initializer:
            tensor = rng.choice(graph.initializer)
            tensor.dims[:] = [rng.choice((*NUMBERS, *tensor.dims)) for _ in range(rng.randrange(4))]
        elif kind == 5 and graph.initializer:
            rng.choice(graph.initializer).data_type = rng.randrange(28)
        elif kind == 6:
            proto.opset_import[0].version = rng.randrange(5, 30)
        elif kind == 7:
            shape = rng.choice((*graph.input, *graph.output)).type.tensor_type.shape
            shape.dim.add().dim_value = rng.choice(NUMBERS)
        elif node.output:
            node.output[0] = rng.choice(names)
    return proto.SerializeToString()
