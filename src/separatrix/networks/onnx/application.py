"""One operator applied to its inputs: constants are computed, values read by a rule or by running it; lists of tensors (§1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from separatrix.errors import SeparatrixError
from separatrix.networks.onnx.calls import Call
from separatrix.networks.onnx.constants import RULES as CONSTANT_RULES
from separatrix.networks.onnx.constants import constant_node, evaluated
from separatrix.networks.onnx.linear_operators import LINEAR, probed
from separatrix.networks.onnx.operators import RULES
from separatrix.networks.onnx.refused_operators import REFUSED
from separatrix.networks.traced_values import Unknown, Unsupported, Value

ALWAYS_CONSTANT = ("Shape", "Size")


def applied(call: Call) -> Any:
    """The result of an operator, or a tuple of results; Unsupported where it is not read."""
    try:
        if call.operator == "Constant":
            return constant_node(call)
        has_value = any(isinstance(x, Value) for x in call.inputs)
        if call.operator in REFUSED and (has_value or call.operator not in CONSTANT_RULES):
            raise Unsupported(REFUSED[call.operator])
        if call.operator in ALWAYS_CONSTANT or not has_value:
            return evaluated(call)
        if call.operator in RULES:
            try:
                return RULES[call.operator](call)
            except NotImplementedError:  # the rule is for other arguments
                return probed(call)
        if call.operator not in LINEAR:
            raise Unsupported("")
        return probed(call)
    except SeparatrixError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError):
        raise Unsupported("with these inputs or attributes") from None


def sequence(call: Call) -> Any:
    """Lists of tensors, which old exporters write for chunk, split and stack."""
    inputs: list[Any] = list(call.inputs)
    if call.operator == "SequenceConstruct":
        return inputs
    if call.operator == "SplitToSequence":
        return _parts(call)
    if not isinstance(inputs[0], list) or not inputs[0] or any(isinstance(x, Unknown) for x in inputs[0]):
        raise Unsupported("of something else than a list of tensors")
    if call.operator == "SequenceAt":
        place = call.constant(1)
        if place.size != 1 or not -len(inputs[0]) <= int(place.reshape(())) < len(inputs[0]):
            raise Unsupported("at a place that is not there")
        return inputs[0][int(place.reshape(()))]
    if call.attribute("new_axis", 0):
        raise Unsupported("with a new axis")
    joined = replace(call, operator="Concat", inputs=inputs[0], attributes={"axis": call.attribute("axis", 0)})
    return applied(joined)


def _parts(call: Call) -> list[Any]:
    """SplitToSequence: pieces of one length, of given lengths, or single entries without their axis."""
    x = call.operand(0)
    axis = call.axis(call.attribute("axis", 0), len(call.shape(x)))
    n = call.shape(x)[axis]
    sizes = call.integers(1) if call.given(1) else [1]
    if call.given(1) and call.constant(1).ndim == 1:
        lengths = sizes
    else:
        if sizes[0] < 1:
            raise Unsupported("into parts that do not fit")
        lengths = [min(sizes[0], n - start) for start in range(0, n, sizes[0])]
    split = replace(call, operator="Split", inputs=[x], attributes={"axis": axis, "split": lengths})
    found = list(applied(replace(split, n_outputs=len(lengths))))
    if call.given(1) or call.attribute("keepdims", 1):
        return found
    squeezed = replace(call, operator="Squeeze", opset=11, attributes={"axes": [axis]})
    return [applied(replace(squeezed, inputs=[part])) for part in found]
