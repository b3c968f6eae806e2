"""ATen operators that move entries, and other affine ones, read by running them on numbered entries (§1).

An operator that picks, joins, repeats or pads runs once on the numbers of the entries, as if these were the values, so that
every option of it comes out as torch has it. An affine operator without a rule of its own runs on the unit vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from separatrix.errors import printable
from separatrix.networks.structured_layers import SparseAffine
from separatrix.networks.traced_codes import Codes
from separatrix.networks.traced_values import Building, Unsupported, Value

MOVES = frozenset((
    "permute", "transpose", "t", "numpy_T", "mT", "swapaxes", "swapdims", "movedim", "moveaxis", "slice", "select", "narrow",
    "split", "split_with_sizes", "chunk", "tensor_split", "hsplit", "vsplit", "dsplit", "unbind", "cat", "concat",
    "concatenate", "stack", "hstack", "dstack", "column_stack", "expand", "expand_as", "broadcast_to", "repeat",
    "repeat_interleave", "tile", "flip", "fliplr", "flipud", "roll", "rot90", "index", "index_select", "gather",
    "take_along_dim", "diagonal", "unfold", "pad", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d",
    "replication_pad1d", "replication_pad2d", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "upsample_nearest1d",
    "upsample_nearest2d", "_upsample_nearest_exact1d", "_upsample_nearest_exact2d", "im2col", "slice_scatter",
    "select_scatter", "index_put", "index_fill", "index_copy", "masked_fill", "fill", "copy", "where", "scatter", "tril",
    "triu", "diag_embed", "unsafe_split", "unsafe_chunk", "narrow_copy", "permute_copy", "slice_copy", "select_copy",
    "zero",
))  # fmt: skip
LINEAR = frozenset((
    "einsum", "bmm", "matmul", "mm", "mv", "inner", "tensordot", "cumsum", "upsample_bilinear2d", "upsample_linear1d",
    "upsample_bicubic2d", "baddbmm", "addmv", "addbmm", "avg_pool3d", "conv3d", "adaptive_avg_pool3d", "linear", "kron",
    "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "trapezoid", "diff", "bilinear", "unsafe_chunk", "addmm", "lerp",
))  # fmt: skip
FILLS = {
    "pad": (3, "value"), "constant_pad_nd": (2, "value"), "masked_fill": (2, "value"), "fill": (1, "value"),
    "index_fill": (3, "value"), "scatter": (3, "value"),
}  # fmt: skip
PROBES = 256


def _coded(codes: Codes, argument: Any) -> Any:
    """The argument with numbers in the place of values and real constants."""
    import torch

    if isinstance(argument, Value):
        return torch.from_numpy(codes.value(argument))
    if isinstance(argument, torch.Tensor) and argument.is_floating_point():
        return torch.from_numpy(np.asarray(codes.constant(argument.detach().double().cpu().numpy())))
    if isinstance(argument, (list, tuple)):
        return type(argument)(_coded(codes, item) for item in argument)
    return argument


def moved(building: Building, name: str, target: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    """The result of an operator of MOVES, a value or a list of them."""
    codes = Codes(building, [leaf for leaf in _leaves([args, list(kwargs.values())]) if isinstance(leaf, Value)])
    args, kwargs = _with_codes_of_fills(codes, name, list(args), dict(kwargs))
    coded = {key: _coded(codes, item) for key, item in kwargs.items()}
    result = _run(target, [_coded(codes, item) for item in args], coded)
    if isinstance(result, (list, tuple)):
        return [codes.decoded(part.numpy()) for part in result]
    return codes.decoded(result.numpy())


def _with_codes_of_fills(
    codes: Codes, name: str, args: list[Any], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Numbers in the place of a constant that an operator fills in."""
    places = [FILLS[name]] if name in FILLS else [(1, "self"), (2, "other")] if name == "where" else []
    for position, key in places:
        holder: Any = args if position < len(args) else kwargs
        where: Any = position if holder is args else key
        if holder is kwargs and key not in kwargs:
            continue
        if isinstance(holder[where], (int, float)) and not isinstance(holder[where], bool) and holder[where] != 0:
            holder[where] = float(codes.constant(np.array([float(holder[where])]))[0])
    return args, kwargs


def _leaves(argument: Any) -> list[Any]:
    if isinstance(argument, (list, tuple)):
        return [leaf for item in argument for leaf in _leaves(item)]
    return [argument]


def _run(target: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    try:
        return target(*args, **kwargs)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise Unsupported(f"with these arguments: {printable(error, 100)}") from None


def like_a_value(building: Building, target: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    """A constant of the shape of a value, such as zeros_like gives."""
    import torch

    kwargs = {key: item for key, item in kwargs.items() if key not in ("dtype", "device", "pin_memory")}
    shape = (building.batch, *args[0].shape)
    return _run(target, [torch.zeros(shape, dtype=torch.float64), *args[1:]], kwargs)


def probed(
    building: Building, target: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], shape: Sequence[int]
) -> Value:
    """An operator that is affine in its one computed operand, by its values at 0 and at the unit vectors."""
    import torch
    from scipy.sparse import csr_array, vstack

    values = [leaf for leaf in _leaves([args, list(kwargs.values())]) if isinstance(leaf, Value)]
    if len(values) != 1:
        raise Unsupported("of two computed values")
    width, out = prod(values[0].shape), prod(shape)
    building.spend(width * out)

    def at(rows: np.ndarray, is_cut: bool) -> np.ndarray:
        given = torch.from_numpy(rows.reshape(-1, *values[0].shape))
        cut = building.batch if is_cut else 0
        put = [_put(item, given, cut) for item in args]
        result = _run(target, put, {key: _put(item, given, cut) for key, item in kwargs.items()})
        if tuple(result.shape) != (rows.shape[0], *shape):
            raise Unsupported("mixes the rows of a batch")
        return result.double().reshape(rows.shape[0], -1).numpy()

    try:
        bias, is_cut = at(np.zeros((2, width)), False)[1], False
    except Unsupported:
        if not _holds_rows(args, building.batch):
            raise
        bias, is_cut = at(np.zeros((2, width)), True)[1], True
    columns = []
    for start in range(0, width, PROBES):
        rows = np.zeros((max(min(PROBES, width - start), 2), width))
        rows[np.arange(min(PROBES, width - start)), start + np.arange(min(PROBES, width - start))] = 1.0
        columns.append(csr_array((at(rows, is_cut) - bias)[: min(PROBES, width - start)]))
    matrix = vstack(columns).T.tocsr()
    if not (np.isfinite(matrix.data).all() and np.isfinite(bias).all()):
        raise Unsupported("with NaN or infinite constants")
    return building.append(SparseAffine.of(matrix, bias), values[0], shape=tuple(shape))


def _holds_rows(args: Sequence[Any], batch: int) -> bool:
    """Whether an operand is a constant with one entry for every row of the batch."""
    return any(getattr(item, "ndim", 0) > 1 and item.shape[0] == batch for item in _leaves(list(args)))


def _put(argument: Any, given: Any, cut: int) -> Any:
    """The argument with ``given`` for a value. ``cut``: constants of so many rows, all the same, have as many as ``given``."""
    if isinstance(argument, Value):
        return given
    if isinstance(argument, (list, tuple)):
        return type(argument)(_put(item, given, cut) for item in argument)
    if cut and getattr(argument, "ndim", 0) > 1 and argument.shape[0] == cut:
        if not (argument == argument[:1]).all():
            raise Unsupported("differs between the rows of a batch")
        return argument[:1].expand(given.shape[0], *argument.shape[1:])
    return argument
