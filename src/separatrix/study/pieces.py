"""Finished pieces of a study, kept in a folder so that a killed run goes on where it was.

A piece is known by a fingerprint of everything that its answer depends on: the library's own code, the network's
arrays, the domain, the potential, points, seed and parameters. Workers and threads are not part of it, for they
change no answer.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import logging
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from separatrix._version import __version__
from separatrix.errors import InputError, UnreadableFileError, printable
from separatrix.potentials.base import Potential
from separatrix.study.storage import load_piece, save_piece

LOGGER = logging.getLogger(__name__)
R = TypeVar("R")


class Pieces:
    """The store of one study; ``folder=None`` keeps nothing."""

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = None if folder is None else Path(folder)
        self.n_resumed = 0
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(
                    f"{printable(self.folder)}: no folder for finished pieces can be made there: {error.strerror}"
                ) from error

    def key(self, *parts: Any) -> str:
        """The fingerprint of a piece; "" where nothing is kept."""
        return "" if self.folder is None else fingerprint(*parts)

    def find(self, name: str, key: str, kind: type[R]) -> R | None:
        """The finished piece of that name and fingerprint, or None; a torn one counts as absent."""
        path = self._path(name, key)
        if path is None or not path.exists():
            return None
        try:
            found = load_piece(path, kind)
        except UnreadableFileError as error:
            LOGGER.warning("a stored piece cannot be read and is computed again: %s", error)
            return None
        self.n_resumed += 1
        return found

    def keep(self, name: str, key: str, record: Any) -> None:
        """Store a finished piece."""
        path = self._path(name, key)
        if path is None:
            return
        try:
            save_piece(record, path)
        except OSError as error:
            raise InputError(
                f"{printable(path)}: cannot be written: {error.strerror}; free space or resume=None"
            ) from error

    def made(self, name: str, key: str, kind: type[R], make: Callable[[], R]) -> R:
        """The stored piece, or ``make()``, stored."""
        found = self.find(name, key, kind)
        if found is None:
            found = make()
            self.keep(name, key, found)
        return found

    def clear(self) -> None:
        """Remove what is stored here, and the folder where nothing else is in it."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):
            for path in self.folder.glob("*.piece.npz"):
                path.unlink()
            self.folder.rmdir()

    def _path(self, name: str, key: str) -> Path | None:
        if self.folder is None:
            return None
        return self.folder / f"{re.sub(r'[^A-Za-z0-9]+', '-', name)[:60]}.{key[:20]}.piece.npz"


def fingerprint(*parts: Any) -> str:
    """A hash of values, arrays, records, networks and potentials: equal for equal contents, on every machine."""
    digest = hashlib.sha256(_code())
    for part in parts:
        _feed(digest, part)
    return digest.hexdigest()


@cache
def _code() -> bytes:
    """A hash of the version and of the files that answers come from, so that no piece outlives a change of them."""
    digest, package = hashlib.sha256(__version__.encode()), Path(__file__).parents[1]
    for room in ("numerics", "networks", "homology", "complexes", "surface", "potentials", "flow", "morse", "study"):
        for path in sorted((package / room).rglob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()


def _feed(digest: Any, part: Any) -> None:
    digest.update(f"<{type(part).__name__}>".encode())
    if isinstance(part, np.ndarray):
        digest.update(f"{part.dtype.str}{part.shape}".encode())
        digest.update(np.ascontiguousarray(part).data)
    elif isinstance(part, Potential):
        _feed(digest, (part.name, part.dim, _of_potential(part)))
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            if field.name not in ("reading", "parameters", "provenance"):
                _feed(digest, getattr(part, field.name))
    elif isinstance(part, (tuple, list)):
        for item in part:
            _feed(digest, item)
    else:
        digest.update(repr(part).encode())
    digest.update(b";")


def _of_potential(potential: Potential) -> Any:
    """The network and what is taken of it; for a potential without network, its values at a few points."""
    if potential.net is not None:
        return (
            potential.net,
            getattr(potential, "contrasts", None),
            type(getattr(potential, "head", potential)).__name__,
        )
    probes = np.random.default_rng(0).random((8, potential.dim))
    return type(potential).__qualname__, np.asarray(potential.value(probes)).round(9)
