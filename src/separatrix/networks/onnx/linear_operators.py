"""ONNX operators that are affine in one computed input, read by running them on the unit vectors (§1).

onnx's reference evaluator runs the single node in float64, on points that are 0 but for one entry. onnx is imported here.
"""

from __future__ import annotations

import warnings
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from separatrix.errors import printable
from separatrix.networks.onnx.calls import Call
from separatrix.networks.onnx.probe_sizes import check_size
from separatrix.networks.structured_layers import SparseAffine
from separatrix.networks.traced_values import Unsupported, Value

LINEAR = ("Einsum", "Resize", "Upsample", "CumSum", "Conv", "AveragePool")
PROBES, INPUTS_LIMIT = 128, 1 << 14


def probed(call: Call) -> Value:
    """The affine map of a node with one computed input."""
    places = [i for i, x in enumerate(call.inputs) if isinstance(x, Value)]
    if len(places) != 1:
        raise Unsupported("of two computed values")
    x = call.value(places[0])
    width, batch = prod(x.shape), call.building.batch
    if width > INPUTS_LIMIT:
        raise Unsupported(f"on more than {INPUTS_LIMIT} values")
    if call.operator == "Resize":
        _check_corners(call)
    check_size(call, x.shape)
    evaluator, known = _evaluator(call)
    zero = _at(evaluator, call, places[0], known, np.zeros((2 if batch else 1, width)))[0]
    call.building.spend(width * zero.size)
    return _map(call, evaluator, places[0], known, zero.reshape(-1), zero.shape)


def _map(call: Call, evaluator: Any, place: int, known: dict[str, Any], zero: np.ndarray, shape: Any) -> Value:
    from scipy.sparse import csr_array, vstack

    x, each = call.value(place), PROBES if call.building.batch else 1
    width, parts = prod(x.shape), []
    for start in range(0, width, each):
        count = min(each, width - start)
        rows = np.zeros((max(count, 2) if call.building.batch else 1, width))
        rows[np.arange(count), start + np.arange(count)] = 1.0
        parts.append(csr_array(_at(evaluator, call, place, known, rows).reshape(len(rows), -1)[:count] - zero))
    matrix = vstack(parts).T.tocsr()
    if not (np.isfinite(matrix.data).all() and np.isfinite(zero).all()):
        raise Unsupported("with NaN or infinite constants")
    return call.building.append(SparseAffine.of(matrix, zero), x, shape=tuple(shape))


def _evaluator(call: Call) -> tuple[Any, dict[str, Any]]:
    """An evaluator of the node alone, and its constant inputs by name."""
    names = [f"i{i}" if x is not None else "" for i, x in enumerate(call.inputs)]
    plain = {name: value for name, value in call.attributes.items() if isinstance(value, (int, float, str, list))}
    node = onnx.helper.make_node(call.operator, names, ["out"])
    node.attribute.extend(onnx.helper.make_attribute(name, value) for name, value in plain.items())
    values = [onnx.helper.make_tensor_value_info(name, 0, None) for name in names if name]
    graph = onnx.helper.make_graph([node], "node", values, [onnx.ValueInfoProto(name="out")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", call.opset)])
    known = {name: x for name, x in zip(names, call.inputs, strict=True) if isinstance(x, np.ndarray)}
    try:
        return ReferenceEvaluator(model), known
    except Exception as error:  # noqa: BLE001 -- it may raise anything on attributes that are not those of the operator
        raise Unsupported(f"which onnx does not run: {printable(error, 100)}") from None


def _check_corners(call: Call) -> None:
    """Sizes that are whole where the corners are aligned, since the evaluator does not round them as runtimes do."""
    if call.attribute("coordinate_transformation_mode", "half_pixel") == "align_corners" and call.given(2):
        whole, scales = call.shape(call.value()), call.reals(2)
        axes = call.attribute("axes", list(range(len(whole))))
        sizes = [whole[axis] * scale for axis, scale in zip(axes, scales.tolist(), strict=False)]
        if any(size != np.floor(size) for size in sizes):
            raise Unsupported("with aligned corners and scales that give no whole sizes; give sizes")


def _sized(call: Call, known: dict[str, Any], n_rows: int) -> dict[str, Any]:
    """The constant inputs, the rows of the batch in Resize's sizes as many as are run."""
    sizes = known.get("i3")
    if call.operator != "Resize" or not call.building.batch or sizes is None or sizes[0] != call.building.batch:
        return known
    return {**known, "i3": np.concatenate([[n_rows], sizes[1:]])}


def _at(evaluator: Any, call: Call, place: int, known: dict[str, Any], rows: np.ndarray) -> np.ndarray:
    """The node's output on rows of points, (n, …); without a batch the one row is the whole value."""
    x = call.value(place)
    given = rows.reshape((len(rows), *x.shape) if call.building.batch else x.shape)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = np.asarray(
                evaluator.run(None, {**_sized(call, known, len(rows)), f"i{place}": given})[0], np.float64
            )
    except Exception as error:  # noqa: BLE001 -- the evaluator may raise anything on what it does not know
        raise Unsupported(f"which onnx does not run: {printable(error, 100)}") from None
    if not call.building.batch:
        return found[None]
    if found.ndim == 0 or len(found) != len(rows):
        raise Unsupported("mixes the rows of a batch")
    return found
