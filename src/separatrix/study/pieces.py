"""Finished pieces of a study, kept in a folder so that a killed run goes on where it was.

A piece is known by a fingerprint of everything that its answer depends on: the library's own code, the network's
arrays, the domain, the potential, points, seed and parameters. Workers and threads are not part of it, for they
change no answer.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from separatrix._version import __version__
from separatrix.errors import InputError, KindError, UnreadableFileError, printable
from separatrix.potentials.base import Potential
from separatrix.study.folder_lock import NAME, FolderLock
from separatrix.study.network_summary import network_name
from separatrix.study.parts import parts_kept
from separatrix.study.question import Question
from separatrix.study.storage import load_piece, replace_file, save_piece

PLAN = "plan.json"
NO_ANSWERS = ("cli", "views", "data")  # rooms from which no answer comes
LOGGER = logging.getLogger(__name__)
R = TypeVar("R")


class Pieces:
    """The store of one study; ``folder=None`` keeps nothing."""

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        if folder is not None and (not isinstance(folder, (str, os.PathLike)) or not os.fspath(folder)):
            raise KindError(f"resume: expected the path of a folder or None, came {printable(repr(folder), 60)}")
        self.folder = None if folder is None else Path(folder)
        self.n_resumed = 0
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except (OSError, ValueError) as error:
                raise InputError(
                    f"{printable(self.folder)}: no folder for finished pieces can be made there: "
                    f"{printable(getattr(error, 'strerror', None) or error)}"
                ) from error

    def key(self, *parts: Any) -> str:
        """The fingerprint of a piece; "" where nothing is kept."""
        return "" if self.folder is None else fingerprint(*parts)

    @contextlib.contextmanager
    def held(self, plan: dict[str, str]) -> Iterator[None]:
        """The folder for this run alone, its plan compared with the one that it was begun with.

        ``plan``: what the answers depend on, a text for each. Raises InputError where another run is at work there, or
        where the folder was begun with another plan; the message names what differs.
        """
        if self.folder is None:
            yield
            return
        lock = FolderLock(self.folder)
        try:
            for torn in self._torn():
                torn.unlink(missing_ok=True)
            self._compare({"version of separatrix": f"{__version__}, code {_code().hex()[:8]}", **plan})
            yield
        finally:
            lock.release()

    def _compare(self, plan: dict[str, str]) -> None:
        assert self.folder is not None
        path, name = self.folder / PLAN, printable(self.folder)
        try:
            earlier = json.loads(path.read_bytes()) if path.exists() else None
        except (OSError, ValueError, RecursionError):
            earlier = None  # torn: the pieces are known by their own fingerprints
        if isinstance(earlier, dict):
            other = [
                f"another {key} ({printable(earlier.get(key), 60)}, now {printable(plan[key], 60)})"
                for key in plan
                if earlier.get(key) != plan[key]
            ]
            if other:
                raise InputError(
                    f"{name}: holds pieces of a run with {', '.join(other)}; give another folder, or remove this one "
                    "(--no-resume in the shell)"
                )
            return
        try:
            replace_file(path, json.dumps(plan, indent=1).encode())
        except OSError as error:
            raise InputError(
                f"{name}: cannot be written to: {printable(error.strerror or error)}; free space"
            ) from None

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
            with parts_kept(self, name, key):
                found = make()
            self.keep(name, key, found)
            for part in self.parts(key):
                part.unlink(missing_ok=True)
        return found

    def parts(self, key: str, call: str = "*") -> list[Path]:
        """Files of what is finished of a piece that is not."""
        return [] if self.folder is None else sorted(self.folder.glob(f"part-{call}-*.{key[:20]}.piece.npz"))

    def clear(self) -> None:
        """Remove what is stored here, and the folder where nothing else is in it."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):
            for path in (*self.folder.glob("*.piece.npz"), *self._torn()):
                path.unlink()
            for name in (PLAN, NAME):
                (self.folder / name).unlink(missing_ok=True)
            self.folder.rmdir()

    def _torn(self) -> list[Path]:
        """What runs that were killed as they wrote left beside the places of their files."""
        assert self.folder is not None
        return [*self.folder.glob(".*.piece.npz.*"), *self.folder.glob(f".{PLAN}.*")]

    def _path(self, name: str, key: str) -> Path | None:
        if self.folder is None:
            return None
        return self.folder / f"{re.sub(r'[^A-Za-z0-9]+', '-', name)[:60]}.{key[:20]}.piece.npz"


def plan_of(question: Question, effort: float, device: str) -> dict[str, str]:
    """What the answers to a question depend on, for people: a store that was begun with another plan is refused."""
    net, data, samples = question.net, question.data, question.samples
    clouds = [None if cloud is None else (cloud.x, cloud.y) for cloud in (data, samples)]
    return {
        "network": f"{network_name(net)} {net.architecture}, {_short(net)}",
        "domain": f"{question.domain!r:.60}, {_short(question.domain)}",
        "set of data": "none" if data is None else f"{len(data)} {data.description:.40}, {_short(clouds[0])}",
        "set of samples": "none" if samples is None else f"{len(samples)}, {_short(clouds[1])}",
        "list of potentials": f"{len(question.potentials)}, {_short(question.potentials)}",
        "seed": str(question.seed),
        "effort": repr(float(effort)),
        "kind of device": device.partition(":")[0],
    }


def fingerprint(*parts: Any) -> str:
    """A hash of values, arrays, records, networks and potentials: equal for equal contents, on every machine."""
    return _digest(_code(), parts)


def _digest(begin: bytes, parts: Any) -> str:
    digest = hashlib.sha256(begin)
    for part in parts:
        _feed(digest, part)
    return digest.hexdigest()


def _short(part: Any) -> str:
    """A few digits that tell contents apart, whatever the version."""
    return _digest(b"", (part,))[:12]


@cache
def _code() -> bytes:
    """A hash of the version and of the files that answers come from, so that no piece outlives a change of them."""
    digest, package = hashlib.sha256(__version__.encode()), Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] not in NO_ANSWERS:
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
