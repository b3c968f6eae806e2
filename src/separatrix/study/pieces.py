"""Finished pieces of a study, kept in a folder so that a killed run goes on where it was.

A piece is known by a fingerprint of everything that its answer depends on: the library's own code, the network's
arrays, the domain, the potential, points, seed and parameters, and the plan of the whole run. Workers and threads are not
part of it, for they change no answer. What has no fingerprint, functions in Python without a version, is not kept.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from separatrix._version import __version__
from separatrix.errors import InputError, KindError, UnreadableFileError, printable
from separatrix.study.fingerprints import Unidentified, code, described, fingerprint, short
from separatrix.study.folder_lock import FolderLock
from separatrix.study.network_summary import network_name
from separatrix.study.parts import parts_kept
from separatrix.study.question import Question, drawing_box
from separatrix.study.storage import load_piece, replace_file, save_piece

PLAN = "plan.json"
NAMED = ": "  # stands between the name of something and its contents
LOGGER = logging.getLogger(__name__)
R = TypeVar("R")


class Pieces:
    """The store of one study; ``folder=None`` keeps nothing."""

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        if folder is not None and (not isinstance(folder, (str, os.PathLike)) or not os.fspath(folder)):
            raise KindError(f"resume: expected the path of a folder or None, came {printable(repr(folder), 60)}")
        self.folder = None if folder is None else Path(folder)
        self.n_resumed = 0
        self._plan: dict[str, str] = {}
        self._lock: FolderLock | None = None

    def key(self, *parts: Any) -> str:
        """The fingerprint of a piece; "" where it is not kept: without a folder, for parts that cannot be compared with those
        of another run, and for what comes of a piece that is not kept, of which the key is a part."""
        if self.folder is None or any(isinstance(part, str) and not part for part in parts):
            return ""
        try:
            return fingerprint(*((key, _without_name(text)) for key, text in self._plan.items()), *parts)
        except Unidentified:
            return ""

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """The folder for this run alone until the end of the block; blocks may be nested.

        Raises InputError where another run is at work there, or where no folder can be made.
        """
        if self.folder is None or self._lock is not None:
            yield
            return
        self._lock = FolderLock(self.folder)
        try:
            yield
        finally:
            lock, self._lock = self._lock, None
            lock.release()

    @contextlib.contextmanager
    def held(self, plan: dict[str, str]) -> Iterator[None]:
        """:meth:`locked`, the plan compared with the one that the folder was begun with.

        ``plan``: what the answers depend on, a text for each. Raises InputError where the folder was begun with another
        plan, too; the message names what differs.
        """
        if self.folder is None:
            yield
            return
        with self.locked():
            for torn in self._torn():
                torn.unlink(missing_ok=True)
            self._plan = {"version of separatrix": f"{__version__}, code {code().hex()[:8]}", **plan}
            self._compare(self._plan)
            yield

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
                if _without_name(earlier.get(key)) != _without_name(plan[key])
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
        if not key:
            return make()
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
        if self.folder is None or not key:
            return []
        return sorted(self.folder.glob(f"part-{call}-*.{key[:20]}.piece.npz"))

    def clear(self) -> None:
        """Remove what is stored here, and the folder where nothing else is in it.

        Raises InputError where another run is at work here, or where something cannot be removed.
        """
        if self.folder is None:
            return
        with self.locked():
            try:
                for path in (*self.folder.glob("*.piece.npz"), *self._torn(), self.folder / PLAN):
                    path.unlink(missing_ok=True)
            except OSError as error:
                raise InputError(f"{printable(self.folder)}: cannot be emptied: {error.strerror or error}") from None

    def _torn(self) -> list[Path]:
        """What runs that were killed as they wrote left beside the places of their files."""
        assert self.folder is not None
        return [*self.folder.glob(".*.piece.npz.*"), *self.folder.glob(f".{PLAN}.*")]

    def _path(self, name: str, key: str) -> Path | None:
        if self.folder is None or not key:
            return None
        return self.folder / f"{re.sub(r'[^A-Za-z0-9]+', '-', name)[:60]}.{key[:20]}.piece.npz"


def _without_name(text: Any) -> str:
    """What is compared of an entry of a plan: equal contents may come from files of other names."""
    return str(text).rpartition(NAMED)[2]


def plan_of(question: Question, effort: float, device: str) -> dict[str, str]:
    """What the answers to a question depend on, for people: a store that was begun with another plan is refused."""
    net, data, samples = question.net, question.data, question.samples
    clouds = [None if cloud is None else (cloud.x, cloud.y) for cloud in (data, samples)]
    box = drawing_box(question.domain, (data, samples))
    potentials = [described(potential, box) for potential in question.potentials]
    return {
        "network": f"{network_name(net)}{NAMED}{net.architecture}, {short(net)}",
        "domain": f"{question.domain!r:.60}, {short(question.domain)}",
        "set of data": "none" if data is None else f"{data.description:.40}{NAMED}{len(data)}, {short(clouds[0])}",
        "set of samples": "none" if samples is None else f"{len(samples)}, {short(clouds[1])}",
        "list of potentials": f"{len(potentials)}, {short(potentials)}",
        "seed": str(question.seed),
        "effort": repr(float(effort)),
        "kind of device": device.partition(":")[0],
    }
