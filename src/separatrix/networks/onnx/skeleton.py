"""Large ONNX files without their weights: the protobuf's outline, and where in the file each tensor's bytes stand.

Only the three levels of the wire format that lead to ``model.graph.initializer[i].raw_data`` are walked; whatever is
unusual there is left to the protobuf library.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

GRAPH, NODE, INITIALIZER, ATTRIBUTE, RAW_DATA = 7, 1, 5, 5, 9
LISTED, INTEGERS = 8, (5, 7, 11)  # of an attribute; of a tensor
BYTES, SMALL, LARGE, FIELDS_LIMIT, INTEGERS_LIMIT = 2, 4096, 1 << 20, 1 << 18, 1 << 25
Field = tuple[int, int, int, int]


class TooManyFields(Exception):
    """The file is made of more parts, or longer lists, than any model has."""


def skeleton(descriptor: int, size: int) -> tuple[bytes, dict[int, tuple[int, int]]] | None:
    """The file without the bytes of its larger tensors, and offset and length of those by the tensor's number.

    None where the outline is not that of an ordinary model. Raises TooManyFields for more than FIELDS_LIMIT nodes, tensors and
    the like, each of which takes far more memory than it has bytes.
    """
    try:
        model, graph, spans = bytearray(), None, {}
        for number, begin, start, end in _fields(descriptor, 0, size):
            if number != GRAPH:
                if end - start > LARGE:
                    _count(descriptor, start, end)
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
        if number == NODE and last - first > LARGE:
            _count(descriptor, first, last)
        if number == INITIALIZER and last - first > SMALL:
            graph += _wrapped(INITIALIZER, _tensor(descriptor, first, last, count, spans))
        else:
            graph += os.pread(descriptor, last - begin, begin)
        count += number == INITIALIZER
    return graph


def _tensor(descriptor: int, start: int, end: int, count: int, spans: dict[int, tuple[int, int]]) -> bytearray:
    tensor = bytearray()
    for number, begin, first, last in _fields(descriptor, start, end):
        _check_integers(number, first, last, INTEGERS)
        if number != RAW_DATA:
            tensor += os.pread(descriptor, last - begin, begin)
        elif count in spans:
            raise ValueError("a tensor with two fields of bytes")
        else:
            spans[count] = (first, last - first)
    return tensor


def _count(descriptor: int, start: int, end: int) -> None:
    """TooManyFields where a node, one of its attributes, or a function has too many."""
    for number, _, first, last in _fields(descriptor, start, end, is_known=False):
        if number == ATTRIBUTE and last - first > LARGE:
            for inner, _, begin, end in _fields(descriptor, first, last, is_known=False):
                _check_integers(inner, begin, end, (LISTED,))


def _check_integers(number: int, first: int, last: int, numbers: tuple[int, ...]) -> None:
    """TooManyFields where a list of integers, each of which may be a byte of the file, takes too much memory."""
    if number in numbers and last - first > INTEGERS_LIMIT:
        raise TooManyFields


def _fields(descriptor: int, start: int, end: int, is_known: bool = True) -> Iterator[Field]:
    """Number, begin, first and last byte of the content of every field; ValueError where lengths do not fit."""
    count = 0
    while start < end:
        count += 1
        if count > FIELDS_LIMIT:
            raise TooManyFields
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
        if (
            length < 0
            or first + length > end
            or (is_known and number in (GRAPH, INITIALIZER, RAW_DATA) and wire not in (0, BYTES))
        ):
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
