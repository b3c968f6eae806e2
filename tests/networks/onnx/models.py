"""ONNX models written by hand for the tests of the reader."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(0)
W, B = RNG.standard_normal((4, 3)), RNG.standard_normal(4)
V, C = RNG.standard_normal((3, 4)), RNG.standard_normal(3)
IR = 8


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), name=f"the {operator}", **attributes)


def model(nodes, shape=("n", 3), constants=None, opset=17, out=None, kind=TensorProto.FLOAT, **more):
    """A model from x to y; constants as float32 unless they are integers or tensors."""
    tensors = [
        value
        if isinstance(value, TensorProto)
        else numpy_helper.from_array(
            np.asarray(value, None if np.asarray(value).dtype.kind in "ib" else np.float32), name
        )
        for name, value in (constants or {}).items()
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out)],
        tensors,
    )
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 2), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=IR, **more)


def perceptron(middle, opset=17, width=4, constants=None):
    """Gemm to h (n, 4), ``middle`` from h to g, Gemm of g to y (n, 3)."""
    last = RNG.standard_normal((3, width))
    nodes = [node("Gemm", "x W B", "h", transB=1), *middle, node("Gemm", "g V C", "y", transB=1)]
    return model(nodes, constants={"W": W, "B": B, "V": last, "C": C, **(constants or {})}, opset=opset), last


def written(proto, folder, name="net.onnx"):
    path = folder / name
    path.write_bytes(proto.SerializeToString())
    return path
