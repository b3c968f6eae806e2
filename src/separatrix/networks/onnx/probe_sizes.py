"""Whether running a node on unit vectors takes little memory and time, which is checked before it is run (§1)."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, prod

from separatrix.networks.onnx.calls import Call
from separatrix.networks.traced_values import Shape, Unsupported

ENTRIES_LIMIT, PRODUCTS_LIMIT = 1 << 22, 1 << 31


def check_size(call: Call, shape: Shape) -> None:
    """Unsupported where the output for one point, or what is made on the way, is too large; ``shape``: one point's."""
    if call.operator in ("Resize", "Upsample"):
        entries = prod(_resized(call, call.shape(call.value(_place(call)))))
    elif call.operator == "Conv":
        entries = _convolved(call, shape)
    elif call.operator == "Einsum":
        entries = _summed(call)
        if entries * prod(shape) > PRODUCTS_LIMIT:
            raise Unsupported("with too many products")
    else:
        return
    if entries > ENTRIES_LIMIT:
        raise Unsupported("makes a value that is too large")


def _place(call: Call) -> int:
    return next(i for i, x in enumerate(call.inputs) if hasattr(x, "cell"))


def _resized(call: Call, whole: Sequence[int]) -> list[float]:
    """At least the sides of a resized value and of what is made on the way, the batch counted as 1."""
    axes = [call.axis(axis, len(whole)) for axis in call.attribute("axes", list(range(len(whole))))]
    if call.operator == "Upsample":
        scales = call.reals(1).ravel().tolist() if call.given(1) else call.attribute("scales", [])
    elif call.given(3):
        sizes = call.integers(3)
        if len(sizes) != len(axes):
            raise Unsupported("of shapes that do not fit")
        scales = [size / max(whole[axis], 1) for axis, size in zip(axes, sizes, strict=True)]
        if call.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
            scales = [max(scales, default=1.0)] * len(axes)
    else:
        scales = call.reals(1 if call.opset < 11 else 2).ravel().tolist()
    if len(scales) != len(axes) or not all(isfinite(scale) and scale > 0 for scale in scales):
        raise Unsupported("with scales or sizes that do not fit")
    sides = [float(n) for n in whole]
    for axis, scale in zip(axes, scales, strict=True):
        sides[axis] *= max(scale, 1.0)
    return sides[call.first_axis :]


def _convolved(call: Call, shape: Shape) -> int:
    """At least the entries of the padded image and of the output."""
    kernel = call.reals(1)
    sides, pads = shape[-(kernel.ndim - 2) :], [abs(n) for n in call.attribute("pads", [])]
    if call.attribute("auto_pad", "NOTSET").startswith("SAME"):
        pads = [n * gap for n, gap in zip(kernel.shape[2:], _gaps(call, kernel.ndim - 2), strict=True)] * 2
    pads = pads or [0] * (2 * len(sides))
    if len(pads) != 2 * len(sides):
        raise Unsupported("with pads that do not fit")
    wide = prod(side + a + b for side, a, b in zip(sides, pads[: len(sides)], pads[len(sides) :], strict=True))
    return wide * max(kernel.shape[0], kernel.shape[1], *shape[: len(shape) - len(sides)], 1)


def _gaps(call: Call, axes: int) -> list[int]:
    return call.attribute("dilations", []) or [1] * axes


def _summed(call: Call) -> int:
    """How many products an Einsum adds up for one point: all indices run independently."""
    terms = call.attribute("equation", "").replace(" ", "").split("->")[0].split(",")
    shapes = [call.shape(call.operand(i)) for i in range(len(call.inputs))]
    if len(terms) != len(shapes):
        raise Unsupported("of shapes that do not fit")
    sides: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        before, dots, behind = term.partition("...")
        others = [f"...{i}" for i in range(len(shape) - len(before + behind) if dots else 0, 0, -1)]
        letters = [*before, *others, *behind]
        if len(letters) != len(shape):
            raise Unsupported("of shapes that do not fit")
        for letter, n in zip(letters, shape, strict=True):
            sides[letter] = max(sides.get(letter, 1), n)
    return prod(sides.values()) // max(call.building.batch, 1)
