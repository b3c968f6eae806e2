"""What is finished of one long piece of a study: pieces of its basins, kept every few seconds and taken up again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from separatrix.errors import InputError, UnreadableFileError
from separatrix.flow.basin_result import PieceResult
from separatrix.flow.pieces import kept_by

SECONDS_APART = 10.0


@dataclass(frozen=True, eq=False)
class BasinParts:
    """Results of several pieces, ``numbers`` (k,) with ``sizes`` (k,) rows each; the rest one after the other: ``label``,
    ``steps``, ``accepted`` (n,), ``reason`` n words, ``end`` (n, dim)."""

    numbers: np.ndarray
    sizes: np.ndarray
    label: np.ndarray
    reason: tuple[str, ...]
    steps: np.ndarray
    end: np.ndarray
    accepted: np.ndarray

    @classmethod
    def of(cls, results: dict[int, PieceResult]) -> BasinParts:
        """Several results in one record."""
        found = list(results.values())
        return cls(
            np.array(list(results), np.int64), np.array([len(part.label) for part in found], np.int64),
            np.concatenate([part.label for part in found]), tuple(why for part in found for why in part.reason),
            np.concatenate([part.steps for part in found]), np.concatenate([part.end for part in found]),
            np.concatenate([part.accepted for part in found]),
        )  # fmt: skip

    def results(self, sizes: Sequence[int]) -> dict[int, PieceResult]:
        """The results by number; none where they are not those of pieces of ``sizes``."""
        numbers, own, n = self.numbers.tolist(), self.sizes.tolist(), len(self.label)
        lengths = {sum(own), n, len(self.reason), len(self.steps), len(self.end), len(self.accepted)}
        if len(lengths) > 1 or any(not 0 <= k < len(sizes) or sizes[k] != m for k, m in zip(numbers, own, strict=True)):
            return {}
        found, start = {}, 0
        for number, size in zip(numbers, own, strict=True):
            rows = slice(start, start + size)
            found[number] = PieceResult(
                np.array(self.label[rows]), list(self.reason[rows]), np.array(self.steps[rows]), np.array(self.end[rows]),
                np.array(self.accepted[rows]),
            )  # fmt: skip
            start += size
        return found


class Store(Protocol):
    """The folder of a study."""

    folder: Path | None
    n_resumed: int

    def keep(self, name: str, key: str, record: Any) -> None:
        """Store a record."""
        ...

    def parts(self, key: str, call: str = "*") -> list[Path]:
        """Files of what is finished of a piece."""
        ...


class Parts:
    """What comes of one piece, by the number of the call that computes in pieces and the numbers of these."""

    def __init__(self, store: Store, name: str, key: str) -> None:
        self.store, self.name, self.key = store, name, key
        self.call, self.waiting, self.kept = -1, dict[int, PieceResult](), time.monotonic()

    def begin(self, sizes: Sequence[int]) -> dict[int, Any]:
        """Results that an earlier run kept."""
        from separatrix.study.storage import load_piece

        self.flush()
        self.call += 1
        found: dict[int, Any] = {}
        for path in self.store.parts(self.key, str(self.call)):
            with contextlib.suppress(UnreadableFileError):  # torn: computed again
                found |= load_piece(path, BasinParts).results(sizes)
                self.store.n_resumed += 1
        return found

    def add(self, number: int, result: Any) -> None:
        """Keep a result of basins, with others that came within some seconds."""
        if isinstance(result, PieceResult):
            self.waiting[number] = result
            if time.monotonic() - self.kept > SECONDS_APART:
                self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        if self.waiting:
            first = min(self.waiting)
            self.store.keep(f"part {self.call} {first} {self.name}", self.key, BasinParts.of(self.waiting))
            self.waiting = {}
        self.kept = time.monotonic()


@contextlib.contextmanager
def parts_kept(store: Store, name: str, key: str) -> Iterator[None]:
    """Work in pieces within is kept as it comes, also where it is interrupted."""
    if store.folder is None:
        yield
        return
    parts = Parts(store, name, key)
    try:
        with kept_by(parts):
            yield
    except BaseException:
        with contextlib.suppress(InputError):  # a full disk must not hide why the work has ended
            parts.flush()
        raise
