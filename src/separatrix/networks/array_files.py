"""Named arrays in .npz and .safetensors files, read one at a time and never unpickled unless asked for in words.

Headers are checked against the sizes of the file before anything is allocated; torn, hostile and oversized files are
UnreadableFileErrors that name the file and the key.
"""

from __future__ import annotations

import json
import lzma
import os
import stat
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from separatrix.errors import InputError, UnreadableFileError, printable

MEMBER_LIMIT = 20_000
BYTES_LIMIT = 1 << 32
BOMB_BYTES, BOMB_RATIO = 1 << 28, 200
TOGETHER_BYTES, TOGETHER_RATIO = 1 << 29, 16
HEADER_LIMIT = 10_000  # numpy's own
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    tokenize.TokenError,
    SyntaxError,
    MemoryError,
    LookupError,
    ArithmeticError,
    EOFError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
PICKLE_ADVICE = (
    "it holds pickles, and unpickling runs whatever code the file contains. If you trust it, load it yourself "
    "(torch.load, joblib.load) and give sx.load the module or estimator, store the weights as .safetensors, or say "
    "allow_pickle=True"
)
NETWORK_FILE = "a file with a network (.npz, .safetensors or .onnx)"
WEIGHTS = "W0, b0, W1, b1, …"


def regular_file(path: Any, expected: str = NETWORK_FILE) -> str:
    """The path as text, if it names a file that can be read (links are followed); else UnreadableFileError.

    ``expected``: what the file should hold, for the message.
    """
    text = os.fsdecode(path)
    name = printable(text)
    if not text:
        raise UnreadableFileError(f"the path is empty; expected {expected}")
    try:
        mode = os.stat(text).st_mode
    except FileNotFoundError:
        raise UnreadableFileError(
            f"{name}: there is no such file; check the path (the working folder counts)"
        ) from None
    except (OSError, ValueError) as error:
        raise UnreadableFileError(
            f"{name}: cannot be opened: {printable(getattr(error, 'strerror', None) or error)}"
        ) from None
    if stat.S_ISDIR(mode):
        raise UnreadableFileError(f"{name}: is a folder; expected {expected}")
    if not stat.S_ISREG(mode):
        raise UnreadableFileError(f"{name}: is no regular file; expected {expected}")
    require_growth(text, os.path.getsize(text))  # a file of holes
    return text


def first_bytes(path: str, count: int) -> bytes:
    """The first bytes of a file; UnreadableFileError where it cannot be read or is empty."""
    try:
        with open(path, "rb") as file:
            start = file.read(count)
    except OSError as error:
        raise UnreadableFileError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    if not start:
        raise UnreadableFileError(f"{printable(path)}: is empty; was it written completely?")
    return start


def bytes_on_disk(path: str) -> int:
    """What a file takes on the disk: less than its size where it has holes."""
    found = os.stat(path)
    return min(found.st_size, 512 * getattr(found, "st_blocks", found.st_size) + 4096)


def require_growth(path: str, n_numbers: int) -> None:
    """Raise UnreadableFileError where a small file would take much memory: ``n_numbers`` as float64."""
    if 8 * n_numbers > TOGETHER_BYTES and 8 * n_numbers > TOGETHER_RATIO * bytes_on_disk(path):
        raise UnreadableFileError(
            f"{printable(path)}: {bytes_on_disk(path)} bytes on the disk would become {printable(n_numbers, 30)} numbers "
            "in float64; refused as too large"
        )


@contextmanager
def _torn(path: str, key: str | None = None) -> Iterator[None]:
    """Turns what zip and numpy raise on broken files into UnreadableFileError."""
    try:
        yield
    except (UnreadableFileError, InputError):
        raise
    except BROKEN as error:
        where = printable(path) + (f": {printable(key, 60)}" if key is not None else "")
        raise UnreadableFileError(
            f"{where}: torn or damaged: {printable(error)}; write or copy the file again"
        ) from None


class NpzFile:
    """The arrays of an .npz file, for use in a ``with`` statement; ``expected``: which ones, for messages."""

    def __init__(self, path: str, allow_pickle: bool = False, expected: str = WEIGHTS) -> None:
        self.path, self.allow_pickle, self.expected = path, allow_pickle, expected
        self._read: set[str] = set()
        self._n_numbers = 0
        start = first_bytes(path, 8)
        if start[:6] == b"\x93NUMPY":
            raise UnreadableFileError(
                f"{printable(path)}: is one array (.npy), no archive of arrays; store {expected} with numpy.savez"
            )
        if start[:2] != b"PK":
            raise UnreadableFileError(f"{printable(path)}: is no .npz archive or is torn; write it with numpy.savez")
        with _torn(path):
            self._zip = zipfile.ZipFile(path)
        try:
            self._members = self._index()
        except BaseException:
            self._zip.close()
            raise

    def _index(self) -> dict[str, zipfile.ZipInfo]:
        name, infos = printable(self.path), self._zip.infolist()
        if any(os.path.basename(info.filename) in ("data.pkl", "constants.pkl") for info in infos):
            raise UnreadableFileError(f"{name}: is a file of torch.save: {self._pickle_advice}")
        if len(infos) > MEMBER_LIMIT:
            raise UnreadableFileError(f"{name}: holds {len(infos)} members; more than {MEMBER_LIMIT} are not read")
        unpacked, stored = sum(info.file_size for info in infos), bytes_on_disk(self.path)
        if unpacked > TOGETHER_BYTES and unpacked > TOGETHER_RATIO * stored:
            raise UnreadableFileError(f"{name}: unpacks from {stored} to {unpacked} bytes; refused as too large")
        members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            if info.filename.endswith(".npy"):
                key = info.filename[: -len(".npy")]
                if key in members:
                    raise UnreadableFileError(f"{name}: holds {printable(key, 60)} twice; write the file again")
                members[key] = info
        if not members:
            raise UnreadableFileError(f"{name}: holds no arrays; expected {self.expected} written with numpy.savez")
        return members

    @property
    def _pickle_advice(self) -> str:
        """What to do about pickles: a network may be unpickled by its owner, nothing else ever is."""
        if self.expected == WEIGHTS:
            return PICKLE_ADVICE
        return f"it holds pickles, which are never run here; store {self.expected} as arrays of numbers"

    def __enter__(self) -> NpzFile:
        return self

    def __exit__(self, *exception: object) -> None:
        self._zip.close()

    @property
    def keys(self) -> list[str]:
        """Names of the arrays in the file's order."""
        return list(self._members)

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape by the array's header; nothing else is read."""
        with _torn(self.path, key), self._zip.open(self._members[key]) as stream:
            return self._header(stream, key)[0]

    def _header(self, stream: Any, key: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
        where, info = f"{printable(self.path)}: {printable(key, 60)}", self._members[key]
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"unknown version {version} of the .npy format")
        before = stream.tell()
        n_header = int.from_bytes(stream.read(2 if version == (1, 0) else 4), "little")
        if n_header > HEADER_LIMIT:
            raise ValueError(f"its header has {n_header} bytes, expected at most {HEADER_LIMIT}")
        stream.seek(before)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shape, fortran, dtype = read(stream)
        if any(side < 0 for side in shape):
            raise ValueError(f"the header has the shape {shape}")
        if dtype.hasobject and not self.allow_pickle:
            raise UnreadableFileError(f"{where}: is an array of objects: {self._pickle_advice}")
        n_bytes = prod(shape) * dtype.itemsize
        if info.file_size > BYTES_LIMIT or (
            info.file_size > BOMB_BYTES and info.file_size > BOMB_RATIO * max(info.compress_size, 1)
        ):
            raise UnreadableFileError(
                f"{where}: unpacks from {info.compress_size} to {info.file_size} bytes; refused as too large"
            )
        if not dtype.hasobject and n_bytes > info.file_size:
            raise ValueError(f"the header promises {n_bytes} bytes, the file holds {info.file_size}")
        return shape, fortran, dtype

    def array(self, key: str) -> np.ndarray:
        """The array of that name."""
        with _torn(self.path, key):
            with self._zip.open(self._members[key]) as stream:
                shape, fortran, dtype = self._header(stream, key)
                if not dtype.hasobject:
                    self._n_numbers += 0 if key in self._read else prod(shape)
                    self._read.add(key)
                    require_growth(self.path, self._n_numbers)
                    content = stream.read(prod(shape) * dtype.itemsize + 1)
                    if len(content) != prod(shape) * dtype.itemsize:
                        raise ValueError(f"expected {prod(shape) * dtype.itemsize} bytes, came {len(content)}")
                    flat = np.frombuffer(content, dtype=dtype) if dtype.itemsize else np.zeros(prod(shape), dtype)
                    return flat.reshape(shape, order="F" if fortran else "C")
            with self._zip.open(self._members[key]) as stream:
                return np.lib.format.read_array(stream, allow_pickle=self.allow_pickle)


class SafetensorsFile:
    """The arrays of a .safetensors file, for use in a ``with`` statement."""

    def __init__(self, path: str) -> None:
        from safetensors import SafetensorError, safe_open

        self.path = path
        start = first_bytes(path, 9)
        size, n_header = os.path.getsize(path), int.from_bytes(start[:8], "little")
        if len(start) < 9 or start[8:9] != b"{" or n_header > size - 8:
            raise UnreadableFileError(
                f"{printable(path)}: is no safetensors file or is torn; write or copy the file again"
            )
        try:
            self._file = safe_open(path, framework="numpy")
            self.keys: list[str] = list(self._file.keys())
            self.metadata: dict[str, str] = dict(
                sorted((self._file.metadata() or {}).items())
            )  # theirs has a random order
        except (SafetensorError, OSError, ValueError, UnicodeError) as error:
            raise UnreadableFileError(
                f"{printable(path)}: torn or damaged: {printable(error)}; write or copy the file again"
            ) from None
        if len(self.keys) > MEMBER_LIMIT:
            raise UnreadableFileError(
                f"{printable(path)}: holds {len(self.keys)} arrays; more than {MEMBER_LIMIT} are not read"
            )
        self._start = 8 + n_header
        self._entries: dict[str, Any] = {}
        require_growth(path, sum(prod(self.shape(key)) for key in self.keys))

    def __enter__(self) -> SafetensorsFile:
        self._file.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.__exit__(None, None, None)

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape by the header."""
        return tuple(self._file.get_slice(key).get_shape())

    def array(self, key: str) -> np.ndarray:
        """The array of that name; bfloat16 becomes float32, which is exact."""
        kind = self._file.get_slice(key).get_dtype()
        if kind == "BF16":
            return self._bfloat16(key)
        if kind not in ("F16", "F32", "F64", "I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64", "BOOL"):
            raise InputError(
                f"{printable(self.path)}: {printable(key, 60)} has the number format {printable(kind, 20)}; expected "
                "float16, bfloat16, float32 or float64; convert it first"
            )
        return self._file.get_tensor(key)

    def _bfloat16(self, key: str) -> np.ndarray:
        """Numpy has no such numbers: they are the upper halves of float32. The header was checked when the file was opened."""
        with open(self.path, "rb") as file:
            if not self._entries:
                self._entries = json.loads(file.read(self._start)[8:])
            first, last = self._entries[key]["data_offsets"]
            file.seek(self._start + first)
            content = file.read(last - first)
        halves = np.frombuffer(content, dtype="<u2").astype(np.uint32) << 16
        return halves.view(np.float32).reshape(self.shape(key))
