"""What a study found of one potential's critical points: how they are connected, and at which heights sinks join (C7, C9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from separatrix.errors import printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.morse.connection_record import Orbit
from separatrix.morse.merge_tree import MergeTree
from separatrix.records import Record


@dataclass(frozen=True, eq=False)
class MorseSummary:
    """A Morse complex in short.

    - ``counts``: critical points by index; ``boundaries``: its boundary operators from degree 1 up, as dense arrays
    - ``betti``, ``torsion``: its homology over Z; ``expected``: Betti numbers of (B, exit set), () where not known
    - ``is_chain_complex``: d d = 0; ``agrees``: the homology is that of (B, exit set), None where that is not decided
    - ``inequalities``: the Morse inequalities, each with its verdict; ``missing``: what is not known
    """

    counts: tuple[int, ...]
    boundaries: tuple[np.ndarray, ...]
    betti: tuple[int, ...]
    torsion: tuple[tuple[int, ...], ...]
    expected: tuple[int, ...]
    is_chain_complex: bool | None
    agrees: bool | None
    inequalities: tuple[str, ...]
    missing: tuple[str, ...]
    certainty: str


@dataclass(frozen=True, eq=False)
class PassFilms:
    """Pictures along the edges of the tree of passes: from one sink over a saddle to the other.

    ``frames`` (n_edges, n_frames, dim), the saddle in the middle; ``place`` (n_edges, n_frames): arc length along the path
    from the first sink; ``values`` (n_edges, n_frames) of the potential; ``ends`` (n_edges, 2): rows of the sinks in the
    tree; ``saddle`` (n_edges,): row of the saddle in the tree.
    """

    frames: np.ndarray
    place: np.ndarray
    values: np.ndarray
    ends: np.ndarray
    saddle: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class MorsePortrait(Record):
    """The critical points of one potential, their connecting orbits, Morse complex and tree of passes.

    - ``potential``: its name; ``points``: every critical point known, ordered by index; ``point_class`` (n,): the network's
      prediction there; ``is_search``: found by searches in high dimension, which are never complete
    - ``orbits``: branches of saddles, paths thinned (only their two ends where the dimension exceeds 3)
    - ``complex``: None where orbits between all indices are not known; ``tree``: None for fewer than two sinks
    - ``films``: pictures along the tree's edges; ``rounds``: what each round of a search added
    """

    potential: str
    points: CriticalPoints
    point_class: np.ndarray
    is_search: bool = False
    orbits: tuple[Orbit, ...] = ()
    complex: MorseSummary | None = None
    tree: MergeTree | None = None
    films: PassFilms | None = None
    rounds: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    drawer: ClassVar[str] = "morse_plots:plot_morse_portrait"

    @property
    def counts(self) -> tuple[int, ...]:
        """Critical points by index, from 0 up."""
        return tuple(int(n) for n in np.bincount(self.points.indices)) if len(self.points) else ()

    @property
    def saddles(self) -> np.ndarray:
        """Rows of the points of index 1."""
        return np.flatnonzero(self.points.indices == 1)

    def columns(self) -> dict[str, Any]:
        """One row a critical point."""
        return {**self.points.columns(), "class": self.point_class}

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} of index {i}" for i, n in enumerate(self.counts) if n) or "none"
        worth = "complete" if self.points.is_complete else "found by search" if self.is_search else "not complete"
        return f"MorsePortrait({printable(self.potential, 60)}: {counts}, {worth})"
