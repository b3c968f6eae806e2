"""Arrays, archives and trees with headers that lie and contents that make no sense, by a random generator."""

import copy
import io
import random
import struct
import warnings
import zipfile
from typing import Any

import numpy as np

from tests.networks.onnx.mutations import damaged_bytes

SIDES = (0, 1, 2, 3, 7, -1, 1 << 20, 1 << 31, 1 << 40, 1 << 63, 10**30)
TYPES = (
    "<f4",
    "<f8",
    ">f8",
    "<f2",
    "<f16",
    "<i8",
    "<u8",
    "|b1",
    "|u1",
    "|O",
    "<c16",
    "<U3",
    "|S2",
    "|V8",
    "<M8[s]",
    "|V0",
    "boom",
    "<U0",
    "<f8'*2,'",
)
NUMBERS = (0, 1, -1, 0.5, 1e308, -1e308, float("nan"), float("inf"), 2**53 + 1, -(2**63), 5e-324)
EVIL = "\x1b[2J\r\n\u202e\0"
WORDS = (
    EVIL,
    "",
    "../x",
    "/etc/passwd",
    "C:\\x",
    "a" * 3000,
    "\ud800",
    "W0",
    "b0",
    "label",
    "__class__",
    "{}",
    "%s",
    "é" * 70,
)
TOKENS = (
    "nan",
    "inf",
    "-inf",
    "1e999",
    "1_0",
    "0x10",
    "١",
    "--1",
    "",
    '"',
    '"a,b',
    ",,,",
    "\0",
    "\ufeff",
    "1 2",
    "1j",
    "9" * 400,
    "True",
    "None",
    "\x1b[2J",
    "#",
    "'",
    "\r",
    "1,2,3,4,5,6",
)
JSON = (
    None,
    True,
    0,
    -1,
    1e308,
    2**70,
    "x",
    EVIL,
    [],
    [[]],
    {},
    {"a": 1},
    [[0, 1], [1]],
    [0, [1]],
    {"rows": [0]},
    [[1e400]],
    [["a"]],
    [[2**70]],
    [None],
    10**400,
)
CODECS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)

Files = dict[str, bytes]
Rng = random.Random


def npy_bytes(array: np.ndarray) -> bytes:
    """An array as a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npy_with(header: str, body: bytes, version: bytes = b"\x01\x00") -> bytes:
    """A .npy file with a header of our own."""
    text = header.encode("utf-8", "surrogateescape") + b"\n"
    length = struct.pack("<H", len(text) & 0xFFFF) if version == b"\x01\x00" else struct.pack("<I", len(text))
    return b"\x93NUMPY" + version + length + text + body


def hostile_npy(array: np.ndarray, rng: Rng) -> bytes:
    """An array's file with a header that lies, numbers that are none, or torn."""
    kind = rng.randrange(6)
    if kind == 0:
        flat = array.astype(np.float64).ravel()
        flat[rng.randrange(flat.size)] = rng.choice(NUMBERS)
        return npy_bytes(flat.reshape(array.shape).astype(rng.choice(("f8", "f4", "f2", "c16", "U8"))))
    if kind == 1:
        return damaged_bytes(npy_bytes(array), rng)
    if kind == 2:
        return npy_bytes(array.reshape(rng.choice(((-1,), (1, -1), (-1, 1), (1, 1, -1), array.shape[::-1]))))
    shape = list(array.shape)
    for _ in range(rng.randrange(3)):
        shape[rng.randrange(len(shape))] = rng.choice(SIDES)
    shape += [rng.choice(SIDES)] * rng.choice((0, 0, 0, 1, 40))
    descr = rng.choice(TYPES) if rng.random() < 0.5 else "<f8"
    header = f"{{'descr': '{descr}', 'fortran_order': {rng.choice(('False', 'True', '3'))}, 'shape': {tuple(shape)}, }}"
    if kind == 3:
        header = rng.choice(
            (
                header.replace("shape", "shapes"),
                "(" * 3000,
                header + header,
                "{}",
                header[:20],
                header.replace("(", "["),
                header.replace("False", "__import__('os').system('true')"),
                "{'descr': [('a','<f8'),('b','|O')], 'fortran_order': False, 'shape': (2,)}",
                "9" * 5000,
                "{" + "'a':{" * 500,
            )
        )
    body = array.astype(np.float64).tobytes()
    return npy_with(
        header, body[: rng.choice((0, 8, len(body)))], rng.choice((b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"))
    )


def hostile_zip(members: list[tuple[str, bytes]], rng: Rng) -> bytes:
    """An archive with members twice, nested, renamed, encrypted by their flag, with sizes that lie, or torn."""
    buffer, members = io.BytesIO(), list(members)
    kind = rng.randrange(9)
    if kind == 0:
        members.append(rng.choice(members))
    elif kind == 1:
        i = rng.randrange(len(members))
        members[i] = (rng.choice(WORDS).replace("\0", "") + rng.choice((".npy", "")), members[i][1])
    elif kind == 2:
        i = rng.randrange(len(members))
        members[i] = (members[i][0], hostile_zip(members[:1], Rng(3)))
    elif kind == 3:
        del members[rng.randrange(len(members))]
    with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content in members:
            archive.writestr(name.encode("utf-8", "replace").decode() or "x", content, rng.choice(CODECS))
    content = bytearray(buffer.getvalue())
    if kind == 4 and (place := content.find(b"PK\x01\x02")) >= 0:
        field = rng.choice((6, 8, 10, 16, 20, 24, 28, 30, 32, 42))
        content[place + field : place + field + 2] = struct.pack("<H", rng.choice((0, 1, 9, 99, 0xFFFF)))
    elif kind == 5:
        return damaged_bytes(bytes(content), rng)
    elif kind == 6:
        end = content.rfind(b"PK\x05\x06")
        place = end + rng.choice((4, 8, 10, 12, 16, 20))
        content[place : place + 2] = struct.pack("<H", rng.choice((0, 1, 7, 0xFFFF)))
    elif kind == 7:
        content = bytearray(b"x" * rng.randrange(200)) + content
    return bytes(content)


def changed(tree: Any, rng: Rng, values: tuple[Any, ...] = JSON) -> Any:
    """A JSON tree with one of its values replaced, taken out or doubled."""
    if isinstance(tree, list) and tree and rng.random() < 0.9:
        i = rng.randrange(len(tree))
        tree[i] = changed(tree[i], rng, values)
        return tree + tree[:1] if rng.random() < 0.05 else tree
    if isinstance(tree, dict) and tree and rng.random() < 0.9:
        key = rng.choice(list(tree))
        if rng.random() < 0.1:
            tree[rng.choice(WORDS[:-1]).replace("\ud800", "?")] = tree.pop(key)
        else:
            tree[key] = changed(tree[key], rng, values)
        return tree
    return copy.deepcopy(rng.choice(values))
