"""Large ONNX files without their weights: the protobuf's outline, and where in the file each tensor's bytes stand.

Only the three levels of the wire format that lead to ``model.graph.initializer[i].raw_data`` are walked; whatever is
unusual there is left to the protobuf library.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9
BYTES, SMALL = 2, 4096
Field = tuple[int, int, int, int]


def skeleton(descriptor: int, size: int) -> tuple[bytes, dict[int, tuple[int, int]]] | None:
    """The file without the bytes of its larger tensors, and offset and length of those by the tensor's number.

    None where the outline is not that of an ordinary model.
    """
    try:
        model, graph, spans = bytearray(), None, {}
        for number, begin, start, end in _fields(descriptor, 0, size):
            if number != GRAPH:
                model += os.pread(descriptor, end - begin, begin)
            elif graph is not None:
                return None
            else:
                graph = _graph(descriptor, start, end, spans)
        return None if graph is None else (bytes(model + _wrapped(GRAPH, graph)), spans)
    except (ValueError, IndexError):
        return None


def _graph(descriptor: int, start: int, end: int, spans: dict[int, tuple[int, int]]) -> bytearray:
    """The graph's own bytes; ``spans`` is filled."""
    graph, count = bytearray(), 0
    for number, begin, first, last in _fields(descriptor, start, end):
        if number == INITIALIZER and last - first > SMALL:
            graph += _wrapped(INITIALIZER, _tensor(descriptor, first, last, count, spans))
        else:
            graph += os.pread(descriptor, last - begin, begin)
        count += number == INITIALIZER
    return graph


def _tensor(descriptor: int, start: int, end: int, count: int, spans: dict[int, tuple[int, int]]) -> bytearray:
    tensor = bytearray()
    for number, begin, first, last in _fields(descriptor, start, end):
        if number != RAW_DATA:
            tensor += os.pread(descriptor, last - begin, begin)
        elif count in spans:
            raise ValueError("a tensor with two fields of bytes")
        else:
            spans[count] = (first, last - first)
    return tensor


def _fields(descriptor: int, start: int, end: int) -> Iterator[Field]:
    """Number, begin, first and last byte of the content of every field; ValueError where lengths do not fit."""
    while start < end:
        head = os.pread(descriptor, min(20, end - start), start)
        tag, used = _varint(head, 0)
        number, wire = tag >> 3, tag & 7
        if wire == BYTES:
            length, used = _varint(head, used)
        elif wire == 0:
            length, (_, after) = 0, _varint(head, used)
            used = after
        else:
            length = {1: 8, 5: 4}.get(wire, -1)
        first = start + used
        if length < 0 or first + length > end or (number in (GRAPH, INITIALIZER, RAW_DATA) and wire not in (0, BYTES)):
            raise ValueError("lengths that do not fit")
        yield number, start, first, first + length
        start = first + length


def _varint(head: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = head[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _wrapped(number: int, content: bytes | bytearray) -> bytes:
    """A field of bytes."""
    length, size = bytearray(), len(content)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    length.append(size)
    return bytes([number << 3 | BYTES]) + bytes(length) + bytes(content)
