"""Records on disk: ``analysis.json`` for people and programs, ``arrays.npz`` beside it; or one file a piece of work.

Files are written beside their place and renamed into it, so that a reader never meets half a file. Nothing is pickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import secrets
import zipfile
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from separatrix._version import __version__
from separatrix.errors import InputError, SeparatrixError, UnreadableFileError, printable
from separatrix.networks.array_files import BROKEN, NpzFile, regular_file
from separatrix.study.analysis import Analysis
from separatrix.study.record_text import Arrays, Reader, Writer

TEXT, ARRAYS, INSIDE = "analysis.json", "arrays.npz", "record"
FORMAT, FORMAT_VERSION = "separatrix record", 1
STORED = "what Analysis.save wrote"
ESCAPED = "backslashreplace"  # names of files that are no text in the system's encoding: escapes that JSON reads back
R = TypeVar("R")


def save_record(record: Any, folder: str | os.PathLike[str]) -> Path:
    """Write ``analysis.json`` and ``arrays.npz`` into ``folder``, made where it is absent; the folder.

    Raises InputError where nothing can be written there, or for a record of a kind that is not stored.
    """
    folder = Path(folder)
    writer = Writer()
    body = writer.value(record, "")
    packed = _packed(writer.arrays)
    head = {"format": FORMAT, "format_version": FORMAT_VERSION, "written_by": f"separatrix {__version__}",
            "arrays": ARRAYS, "arrays_sha256": hashlib.sha256(packed).hexdigest()}  # fmt: skip
    text = json.dumps(head | {"record": body, "tables": tables(record)}, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / ARRAYS, packed)
        replace_file(folder / TEXT, text.encode(errors=ESCAPED))
    except OSError as error:
        raise InputError(f"{printable(folder)}: cannot be written to: {error.strerror or error}") from error
    return folder


def load_record(folder: str | os.PathLike[str], kind: type[R]) -> R:
    """The record that :func:`save_record` wrote into ``folder`` (or the path of its ``analysis.json``).

    Raises UnreadableFileError for what is missing, torn, of another kind, or does not belong together.
    """
    folder = Path(folder)
    folder = folder.parent if folder.name == TEXT else folder
    path = regular_file(folder / TEXT, STORED)
    try:
        content = json.loads(Path(path).read_bytes())
    except (*BROKEN, RecursionError) as error:
        raise UnreadableFileError(f"{printable(path)}: is no JSON or is torn: {printable(error)}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UnreadableFileError(f"{printable(path)}: was not written by Analysis.save; expected a {FORMAT}")
    if content.get("format_version") != FORMAT_VERSION:
        found, writer = printable(content.get("format_version"), 20), printable(content.get("written_by"), 40)
        raise UnreadableFileError(
            f"{printable(path)}: has the format version {found} (by {writer}); this version reads {FORMAT_VERSION}"
        )
    arrays = regular_file(folder / ARRAYS, STORED)
    if hashlib.sha256(Path(arrays).read_bytes()).hexdigest() != content.get("arrays_sha256"):
        raise UnreadableFileError(
            f"{printable(arrays)}: does not belong to the {TEXT} beside it; copy both files of one run"
        )
    with NpzFile(arrays, expected=STORED) as file:
        return _decoded(content.get("record"), file, kind, path)


def save_piece(record: Any, path: Path) -> None:
    """Write a record as one npz file that holds its text, too."""
    writer = Writer()
    text = json.dumps(writer.value(record, ""), ensure_ascii=False, allow_nan=False)
    replace_file(path, _packed({INSIDE: np.frombuffer(text.encode(errors=ESCAPED), dtype=np.uint8), **writer.arrays}))


def load_piece(path: Path, kind: type[R]) -> R:
    """The record that :func:`save_piece` wrote. Raises UnreadableFileError for anything else."""
    with NpzFile(regular_file(path, STORED), expected=STORED) as file:
        if INSIDE not in file.keys:
            raise UnreadableFileError(f"{printable(path)}: is no piece of a study")
        try:
            text = json.loads(file.array(INSIDE).tobytes())
        except (ValueError, RecursionError) as error:
            raise UnreadableFileError(f"{printable(path)}: its text is torn: {printable(error)}") from None
        return _decoded(text, file, kind, str(path))


def tables(record: Any) -> dict[str, list[dict[str, Any]]]:
    """The sinks of every potential as rows with their ids, for people who read the file; not read back."""
    if not isinstance(record, Analysis):
        return {}
    found = {}
    for portrait in record.flow:
        columns = {name: [_cell(cell) for cell in column] for name, column in portrait.columns().items()}
        found[portrait.potential] = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
    return found


def _cell(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _decoded(text: Any, file: NpzFile, kind: type[R], path: str) -> R:
    def array(name: str) -> np.ndarray:
        if name not in file.keys:
            raise UnreadableFileError(f"{printable(path)}: the array {printable(name, 80)} is missing")
        return np.array(file.array(name))

    try:
        found = Reader(array).value(text, "")
    except SeparatrixError:
        raise
    except (*BROKEN, RecursionError, AttributeError) as error:
        raise UnreadableFileError(f"{printable(path)}: is damaged: {printable(error)}") from None
    if not isinstance(found, kind):
        raise UnreadableFileError(f"{printable(path)}: holds a {type(found).__name__}, expected {kind.__name__}")
    return found


def _packed(arrays: Arrays) -> bytes:
    """An npz archive with fixed dates, so that equal records give equal files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for name, array in (arrays or {"empty": np.zeros(0)}).items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array).reshape(array.shape), version=(1, 0),
                                          allow_pickle=False)  # fmt: skip
    return buffer.getvalue()


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then renamed."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
