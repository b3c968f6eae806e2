"""Operators of ONNX on constants alone: shapes, axes and weights that a file computes (§1).

Floats are float64 whatever their width in the file. Sizes are checked before anything is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from separatrix.networks.onnx.calls import Call, bounded
from separatrix.networks.onnx.constant_types import cast, dequantised
from separatrix.networks.traced_values import Unsupported

MOST_PARTS = 4096
ENTRIES_A_WORK = 4  # constants are read faster than they are moved
INTEGER_COST = 100  # numpy multiplies matrices of integers without BLAS


def constant_node(call: Call) -> np.ndarray:
    """The value of a Constant node in any of its attributes."""
    for name in call.attributes:
        if name in ("value", "sparse_value"):
            return call.tensor(name)
        if name in ("value_float", "value_floats"):
            return np.array(call.attributes[name], np.float64)
        if name in ("value_int", "value_ints"):
            return np.array(call.attributes[name], np.int64)
    raise Unsupported("of text")


def evaluated(call: Call) -> Any:
    """The result (or a tuple of results) of an operator whose inputs are all constants."""
    rule = RULES.get(call.operator)
    if rule is None:
        raise Unsupported("on constants")
    call.building.work(0)  # nothing more once too much was done
    try:
        with np.errstate(all="ignore"):
            result = rule(call)
        result = (
            result if isinstance(result, tuple) else np.asarray(result)
        )  # numpy makes scalars of arrays without axes
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise Unsupported(f"on constants: {error}") from None
    inputs = [x for x in call.inputs if isinstance(x, np.ndarray)]
    for part in result if isinstance(result, tuple) else (result,):
        if not any(np.may_share_memory(part, x) for x in inputs):  # views of weights cost nothing
            call.building.spend(part.size)
            call.building.work(sum(x.size for x in inputs) // ENTRIES_A_WORK)
    return result


def squeezed(shape: Sequence[int], axes: Sequence[int] | None) -> list[int]:
    """A shape without ``axes`` (None: without all that are 1)."""
    drop = {i for i, n in enumerate(shape) if n == 1} if axes is None else set(axes)
    if any(shape[axis] != 1 for axis in drop):
        raise Unsupported("of an axis that is not 1")
    return [n for i, n in enumerate(shape) if i not in drop]


def unsqueezed(call: Call, shape: Sequence[int]) -> list[int]:
    """A shape with new axes of length 1."""
    given = call.attribute("axes", []) if "axes" in call.attributes else call.integers(1)
    n_axes = len(shape) + len(given)
    axes, rest = {call.axis(axis, n_axes) for axis in given}, iter(shape)
    if len(axes) != len(given):
        raise Unsupported("at the same axis twice")
    return [1 if i in axes else next(rest) for i in range(n_axes)]


def reshaped(call: Call, shape: Sequence[int]) -> list[int]:
    """The shape that Reshape asks for, its 0 and -1 filled in."""
    asked = call.integers(1)
    if not call.attribute("allowzero", 0):
        asked = [shape[i] if n == 0 and i < len(shape) else n for i, n in enumerate(asked)]
    size, known = math.prod(shape), math.prod(n for n in asked if n != -1)
    if asked.count(-1) == 1 and known > 0 and size % known == 0:
        asked = [size // known if n == -1 else n for n in asked]
    if any(n < 0 for n in asked) or math.prod(asked) != size:
        raise Unsupported("to a shape of another size")
    return asked


def flattened(call: Call, shape: Sequence[int]) -> list[int]:
    """The two axes that Flatten leaves."""
    axis = call.attribute("axis", 1)
    axis = axis if axis == len(shape) else call.axis(axis, len(shape))
    return [math.prod(shape[:axis]), math.prod(shape[axis:])]


def permutation(call: Call, n_axes: int) -> list[int]:
    """The axes of Transpose."""
    axes = call.attribute("perm", list(range(n_axes))[::-1])
    if sorted(axes) != list(range(n_axes)):
        raise Unsupported("with axes that are no permutation")
    return axes


def sliced(call: Call, shape: Sequence[int]) -> tuple[slice, ...]:
    """What Slice takes along every axis."""
    if "starts" in call.attributes:
        starts, ends, steps = call.attribute("starts", []), call.attribute("ends", []), None
        axes = call.attribute("axes", list(range(len(starts))))
    else:
        starts, ends = call.integers(1), call.integers(2)
        axes = call.integers(3) if call.given(3) else list(range(len(starts)))
        steps = call.integers(4) if call.given(4) else None
    steps = [1] * len(starts) if steps is None else steps
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise Unsupported("with lists that do not fit")
    taken = [slice(None)] * len(shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        n = shape[call.axis(axis, len(shape))]
        if step < 0 and start < -n:
            raise Unsupported("from before the first entry backwards, which runtimes take differently")
        stop = None if step < 0 and end + (n if end < 0 else 0) < 0 else end
        taken[call.axis(axis, len(shape))] = slice(start, stop, step)
    return tuple(taken)


def split_points(call: Call, n: int) -> list[int]:
    """Where Split cuts an axis of length n."""
    sizes = call.attribute("split", []) if "split" in call.attributes else None
    if sizes is None and call.given(1):
        sizes = call.integers(1)
    if sizes is None:
        count = call.attribute("num_outputs", call.n_outputs)
        if not 1 <= count <= max(n, 1):
            raise Unsupported("into more parts than entries")
        size = -(-n // count)
        sizes = [size] * (count - 1) + [n - size * (count - 1)]
    if any(size < 0 for size in sizes) or sum(sizes) != n or len(sizes) > MOST_PARTS:
        raise Unsupported(f"into parts that do not fit, or more than {MOST_PARTS}")
    return list(accumulate(sizes[:-1]))[: call.n_outputs]


def _arrays(call: Call) -> list[np.ndarray]:
    return [call.constant(i) for i in range(len(call.inputs))]


def _broadcast(function: Callable[..., Any]) -> Callable[[Call], Any]:
    def rule(call: Call) -> Any:
        arrays = _arrays(call)
        bounded(np.broadcast_shapes(*(array.shape for array in arrays)))
        result = arrays[0] if len(arrays) == 1 else function(arrays[0], arrays[1])
        for array in arrays[2:]:
            result = function(result, array)
        return result

    return rule


def _elementwise(function: Callable[[np.ndarray], Any]) -> Callable[[Call], Any]:
    return lambda call: np.asarray(function(call.constant(0)))


def _divided(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Division; integers are cut towards zero."""
    if x.dtype == np.int64 and y.dtype == np.int64:
        if (y == 0).any():
            raise Unsupported("division of integers by zero")
        return np.sign(x) * np.sign(y) * (np.abs(x) // np.abs(y))
    return x / y


def _constant_of_shape(call: Call) -> np.ndarray:
    value = call.tensor("value") if "value" in call.attributes else np.zeros(1)
    return np.full(bounded(call.integers(0)), value.reshape(()))


def _range(call: Call) -> np.ndarray:
    start, limit, delta = (call.constant(i).reshape(()).item() for i in range(3))
    bounded([max(0, math.ceil((limit - start) / delta))])
    return np.arange(start, limit, delta)


def _expanded(call: Call) -> np.ndarray:
    shape = bounded(np.broadcast_shapes(call.constant(0).shape, tuple(call.integers(1))))
    return np.broadcast_to(call.constant(0), shape)


def _tiled(call: Call) -> np.ndarray:
    times = call.integers(1)
    bounded([*times, *call.constant(0).shape])
    return np.tile(call.constant(0), times)


def _matmul(call: Call) -> np.ndarray:
    x, y = call.constant(0), call.constant(1)
    if max(x.ndim, y.ndim) > 2:
        raise Unsupported("of constants with more than two axes")
    rows, columns = x.shape[0] if x.ndim == 2 else 1, y.shape[1] if y.ndim == 2 else 1
    bounded([rows, columns])
    is_fast = x.dtype == y.dtype == np.float64
    call.building.multiply(rows * columns * x.shape[-1] * (1 if is_fast else INTEGER_COST))
    return np.asarray(x @ y)


def _gathered(call: Call) -> np.ndarray:
    x, index = call.constant(0), call.constant(1)
    axis = call.axis(call.attribute("axis", 0), x.ndim)
    bounded([*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]])
    return np.take(x, index, axis)


def _shape(call: Call) -> np.ndarray:
    shape = call.shape(call.operand(0))
    return np.array(shape[call.attribute("start", 0) : call.attribute("end", len(shape))], np.int64)


def _concatenated(call: Call) -> np.ndarray:
    arrays = _arrays(call)
    bounded([sum(array.size for array in arrays)])
    return np.concatenate(arrays, call.axis(call.attribute("axis", 0), arrays[0].ndim))


def _reduced(function: Callable[..., Any]) -> Callable[[Call], Any]:
    def rule(call: Call) -> np.ndarray:
        x, axes = call.constant(0), call.axes(1, call.constant(0).ndim)
        if not axes and call.attribute("noop_with_empty_axes", 0):
            return x
        return np.asarray(function(x, axis=tuple(axes) if axes else None, keepdims=bool(call.attribute("keepdims", 1))))

    return rule


def _same(call: Call) -> np.ndarray:
    return call.constant(0)


def _split(call: Call) -> tuple[np.ndarray, ...]:
    x = call.constant(0)
    axis = call.axis(call.attribute("axis", 0), x.ndim)
    return tuple(np.split(x, split_points(call, x.shape[axis]), axis))


RULES: dict[str, Callable[[Call], Any]] = {
    "Add": _broadcast(np.add), "Sub": _broadcast(np.subtract), "Mul": _broadcast(np.multiply),
    "Div": _broadcast(_divided), "Pow": _broadcast(lambda x, y: np.power(x.astype(np.float64), y).astype(x.dtype)),
    "Mod": lambda call: _broadcast(np.fmod if call.attribute("fmod", 0) else np.mod)(call),
    "Max": _broadcast(np.maximum), "Min": _broadcast(np.minimum), "Sum": _broadcast(np.add),
    "Equal": _broadcast(np.equal), "Less": _broadcast(np.less), "Greater": _broadcast(np.greater),
    "And": _broadcast(np.logical_and), "Or": _broadcast(np.logical_or), "Not": _elementwise(np.logical_not),
    "Neg": _elementwise(np.negative), "Abs": _elementwise(np.abs), "Sqrt": _elementwise(np.sqrt),
    "Exp": _elementwise(np.exp), "Log": _elementwise(np.log), "Tanh": _elementwise(np.tanh),
    "Reciprocal": _elementwise(lambda x: 1.0 / x), "Floor": _elementwise(np.floor), "Ceil": _elementwise(np.ceil),
    "Relu": _elementwise(lambda x: np.maximum(x, 0)), "Cast": cast,
    "CastLike": lambda call: call.constant(0).astype(call.constant(1).dtype), "Identity": _same, "Dropout": _same,
    "ConstantOfShape": _constant_of_shape, "Range": _range, "Expand": _expanded, "MatMul": _matmul,
    "Gather": _gathered, "Concat": _concatenated, "Split": _split, "Shape": _shape,
    "Size": lambda call: np.array(math.prod(call.shape(call.operand(0))), np.int64),
    "Reshape": lambda call: call.constant(0).reshape(reshaped(call, call.constant(0).shape)),
    "Flatten": lambda call: call.constant(0).reshape(flattened(call, call.constant(0).shape)),
    "Squeeze": lambda call: call.constant(0).reshape(
        squeezed(call.constant(0).shape, call.axes(1, call.constant(0).ndim))
    ),
    "Unsqueeze": lambda call: call.constant(0).reshape(unsqueezed(call, call.constant(0).shape)),
    "Transpose": lambda call: call.constant(0).transpose(permutation(call, call.constant(0).ndim)),
    "Slice": lambda call: call.constant(0)[sliced(call, call.constant(0).shape)],
    "Where": lambda call: np.where(*(np.broadcast_to(a, bounded(np.broadcast_shapes(*(b.shape for b in _arrays(call)))))
                                     for a in _arrays(call))),
    "DequantizeLinear": dequantised,
    "Tile": _tiled, "ReduceSum": _reduced(np.sum), "ReduceProd": _reduced(np.prod), "ReduceMean": _reduced(np.mean),
    "ReduceMax": _reduced(np.max), "ReduceMin": _reduced(np.min),
    "ReduceL1": _reduced(lambda x, **axes: np.sum(np.abs(x), **axes)),
    "ReduceL2": _reduced(lambda x, **axes: np.sqrt(np.sum(np.square(x), **axes))),
    "ReduceSumSquare": _reduced(lambda x, **axes: np.sum(np.square(x), **axes)),
}  # fmt: skip
