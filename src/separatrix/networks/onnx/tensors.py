"""Tensors of ONNX files as numpy arrays: floats of every width as float64, integers as int64, booleans; checked first.

A tensor's declared shape must fit its bytes before anything is made; external data is read from regular files inside
the model's own folder only.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from separatrix.errors import InputError, UnreadableFileError, printable
from separatrix.networks.array_files import regular_file
from separatrix.networks.memory_pages import room

CONSTANT_LIMIT, PORTION = 1 << 25, 1 << 18
STORED = {
    1: "<f4", 2: "<u1", 3: "<i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "<u1", 10: "<f2", 11: "<f8", 12: "<u4",
    13: "<u8", 16: "<u2",
}  # fmt: skip
BFLOAT16, BOOLEAN = 16, 9
TYPED_FIELD = {1: "float_data", 7: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data"}
KINDS = {
    8: "strings", 14: "complex numbers", 15: "complex numbers", 17: "float8", 18: "float8", 19: "float8", 20: "float8",
    21: "int4", 22: "int4", 23: "float4", 24: "float8", 25: "int2", 26: "int2",
}  # fmt: skip


@dataclass(frozen=True)
class Stored:
    """A tensor whose bytes stand in a file: the model itself, or one beside it."""

    path: str
    offset: int
    length: int
    data_type: int
    dims: tuple[int, ...]


def is_floating(data_type: int) -> bool:
    """Whether an element type of ONNX is float16, bfloat16, float32 or float64."""
    return data_type in (1, 10, 11, BFLOAT16)


def is_integer(data_type: int) -> bool:
    """Whether an element type of ONNX is an integer of 8 to 64 bits."""
    return data_type in (2, 3, 4, 5, 6, 7, 12, 13)


def tensor_array(tensor: Any, folder: str, where: str, by_columns: bool = False) -> np.ndarray:
    """A TensorProto as float64, int64 or bool.

    ``folder``: the model's own, for external data; ``where``: file and tensor for messages; ``by_columns``: whether a
    large matrix is going to be transposed, so that its columns should stand together. Raises UnreadableFileError
    for sizes that do not fit and for data outside the folder, InputError for number formats that are not read.
    """
    kind = tensor.data_type
    if kind not in STORED:
        raise InputError(
            f"{where}: holds {KINDS.get(kind, f'numbers of the unknown type {kind}')}; expected float16, bfloat16, "
            "float32, float64, integers or booleans; quantised models: export the unquantised one"
        )
    shape, dtype = checked_shape(tensor.dims, where), np.dtype(STORED[kind])
    n_bytes = prod(shape) * dtype.itemsize
    if isinstance(tensor, Stored):
        return _from_file(tensor, n_bytes, where, by_columns).reshape(shape)
    if tensor.data_location == 1:
        return _from_file(_external(tensor, folder, n_bytes, where), n_bytes, where, by_columns).reshape(shape)
    if tensor.HasField("raw_data"):
        stored = _fitting(tensor.raw_data, prod(shape) * dtype.itemsize, dtype, where)
    else:
        stored = _typed(tensor, kind, prod(shape), dtype, where)
    return _as_numbers(stored, kind).reshape(shape)


def sparse_array(sparse: Any, folder: str, where: str) -> np.ndarray:
    """A SparseTensorProto as a dense array, as :func:`tensor_array` gives it.

    Its indices are places in the flat array (k,) or along every axis (k, axes). Raises UnreadableFileError for those that do
    not fit.
    """
    shape = checked_shape(sparse.dims, where)
    values = tensor_array(sparse.values, folder, f"{where}, values")
    places = tensor_array(sparse.indices, folder, f"{where}, indices")
    dense = np.zeros(shape, values.dtype)
    sides = np.array([dense.size] if places.ndim == 1 else shape, np.int64)
    columns = places.reshape(len(places), -1) if places.ndim in (1, 2) and places.dtype == np.int64 else None
    fits = columns is not None and values.ndim == 1 and columns.shape == (values.size, sides.size)
    if columns is None or not fits or (columns < 0).any() or (columns >= sides).any():
        raise UnreadableFileError(f"{where}: its indices do not fit its shape; write or copy the file again")
    if places.ndim == 1:
        dense.ravel()[places] = values
    else:
        dense[tuple(columns.T)] = values
    return dense


def checked_shape(dims: Any, where: str) -> tuple[int, ...]:
    """A declared shape that is small enough to be made; UnreadableFileError otherwise."""
    shape = tuple(int(n) for n in dims)
    if any(n < 0 for n in shape) or len(shape) > 12 or prod(shape) > CONSTANT_LIMIT:
        raise UnreadableFileError(
            f"{where}: declares the shape {printable(shape, 100)}; expected at most {CONSTANT_LIMIT} entries on at most "
            "12 axes"
        )
    return shape


def _fitting(content: bytes, n_bytes: int, dtype: np.dtype[Any], where: str) -> np.ndarray:
    if len(content) != n_bytes:
        raise UnreadableFileError(
            f"{where}: its shape needs {n_bytes} bytes, the file holds {len(content)}; write or copy the file again"
        )
    return np.frombuffer(content, dtype)


def _typed(tensor: Any, kind: int, count: int, dtype: np.dtype[Any], where: str) -> np.ndarray:
    """The numbers of a typed field; halves and small integers stand in 32-bit integers, halves as their bits."""
    field = getattr(tensor, TYPED_FIELD.get(kind, "int32_data"))
    if len(field) != count:
        raise UnreadableFileError(
            f"{where}: its shape needs {count} numbers, the file holds {len(field)}; write or copy the file again"
        )
    if kind in (10, BFLOAT16):
        return np.array(field, np.int64).astype(np.uint16).view(dtype)
    return np.array(field, np.int64).astype(dtype) if kind not in (1, 11, 13) else np.array(field, dtype)


def _as_numbers(stored: np.ndarray, kind: int) -> np.ndarray:
    if kind == BFLOAT16:
        return (stored.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    if kind == BOOLEAN:
        return stored != 0
    return stored.astype(np.float64 if is_floating(kind) else np.int64)


def _external(tensor: Any, folder: str, n_bytes: int, where: str) -> Stored:
    """A tensor whose bytes stand in a file beside the model."""
    entries = {_text(entry.key): _text(entry.value) for entry in tensor.external_data}
    location = entries.get("location", "")
    parts = location.replace("\\", "/").split("/")
    if not location or "\0" in location or os.path.isabs(location) or ":" in parts[0] or ".." in parts:
        raise UnreadableFileError(
            f"{where}: its data are said to be in '{printable(location or 'no file', 100)}'; only files inside the "
            "model's own folder are read"
        )
    path = os.path.join(folder, location)
    root = os.path.realpath(folder)
    if os.path.commonpath([root, os.path.realpath(path)]) != root:
        raise UnreadableFileError(
            f"{where}: its data file {printable(location, 100)} is a link out of the model's folder; copy the file there"
        )
    try:
        regular_file(path, "the tensors of the model, in the file that was written with it")
    except UnreadableFileError as error:
        raise UnreadableFileError(f"{where}: its data file {error}") from None
    try:
        offset, length = int(entries.get("offset") or 0), int(entries.get("length") or n_bytes)
    except ValueError:
        raise UnreadableFileError(f"{where}: offset or length of its data is no number") from None
    size = os.path.getsize(path)
    if offset < 0 or length != n_bytes or offset + n_bytes > size:
        raise UnreadableFileError(
            f"{where}: its shape needs {n_bytes} bytes; {length} from byte {printable(offset, 30)} are declared, and "
            f"{printable(location, 100)} has {size}; copy the model with its data files"
        )
    return Stored(path, offset, length, tensor.data_type, tuple(tensor.dims))


def _text(field: str | bytes) -> str:
    """A field of text; protobuf gives bytes where they are no UTF-8."""
    return field if isinstance(field, str) else field.decode("utf-8", "replace")


def _from_file(stored: Stored, n_bytes: int, where: str, by_columns: bool) -> np.ndarray:
    """The numbers, (rows, rest), read in portions so that they stand in memory once."""
    if stored.length != n_bytes:
        raise UnreadableFileError(
            f"{where}: its shape needs {n_bytes} bytes, the file holds {stored.length}; write or copy the file again"
        )
    dtype = np.dtype(STORED[stored.data_type])
    kind = bool if stored.data_type == BOOLEAN else np.float64 if is_floating(stored.data_type) else np.int64
    columns = max(prod(stored.dims[1:]), 1)
    numbers = room((n_bytes // dtype.itemsize // columns, columns), kind, "F" if by_columns else "C")
    with open(stored.path, "rb") as file:
        file.seek(stored.offset)
        at_once = max(PORTION // columns, 1)
        for start in range(0, len(numbers), at_once):
            part = numbers[start : start + at_once]
            content = file.read(part.size * dtype.itemsize)
            if len(content) != part.size * dtype.itemsize:
                raise UnreadableFileError(f"{where}: its file ends too early; write or copy the file again")
            part[:] = _as_numbers(np.frombuffer(content, dtype), stored.data_type).reshape(part.shape)
    return numbers
