"""What a study found of one potential's global picture: Morse graph, Conley indices, level sets, one homology many ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.morse_graph_record import MorseGraph
from separatrix.errors import printable
from separatrix.records import Record


@dataclass(frozen=True, eq=False)
class LevelDrawing:
    """Level sets between the events, from the highest level down.

    - ``levels`` (m,): one between every two neighbouring events; ``edges`` (m - 1,): values of the events between them;
      ``span`` (2,): least and greatest value of f that is drawn
    - ``above``, ``below`` (m, dim + 1), ``at`` (m, dim): Betti numbers of {f >= c}, {f <= c}, {f = c}; -1 where not known
    - ``vertices`` (V, dim), ``simplices`` (S, dim): {f = c} for all levels; those of level i are rows ``starts[i]`` to
      ``starts[i + 1]``
    """

    levels: np.ndarray
    edges: np.ndarray
    span: tuple[float, float]
    above: np.ndarray
    below: np.ndarray
    at: np.ndarray
    vertices: np.ndarray
    simplices: np.ndarray
    starts: np.ndarray


@dataclass(frozen=True)
class EventSummary:
    """An event: at ``value`` the level sets change; ``what`` changes; ``point``: id of the essential critical point that it is
    matched with, of f as "p0", of -f as "-p0", "" for none; ``gap``: distance of the two values."""

    value: float
    what: str
    point: str
    gap: float


@dataclass(frozen=True)
class Way:
    """One of several computations of one homology: ``betti`` by degree (() where only ``euler`` is known)."""

    name: str
    betti: tuple[int, ...]
    euler: int
    certainty: Certainty


@dataclass(frozen=True)
class Meeting:
    """The homology of one space in several ways; ``agrees``: None where fewer than two ways speak."""

    space: str
    ways: tuple[Way, ...]
    agrees: bool | None


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ConleyPortrait(Record):
    """The global picture of one potential's flow on a box of few dimensions.

    - ``potential``: its name; ``graph``: the Morse graph with Conley indices, None where it was not computed
    - ``levels``: level sets as numbers and pictures; ``events``: where they change, from the highest down; ``tolerance``: the
      error bound of their values
    - ``meetings``: homology of one space in several ways; ``notes``: what is left out, and why
    """

    potential: str
    graph: MorseGraph | None = None
    levels: LevelDrawing | None = None
    events: tuple[EventSummary, ...] = ()
    n_unmatched: int = 0
    tolerance: float = 0.0
    levels_certainty: Certainty = Certainty.UNKNOWN
    meetings: tuple[Meeting, ...] = ()
    notes: tuple[str, ...] = ()

    drawer: ClassVar[str] = "conley_plots:plot_conley_portrait"

    def columns(self) -> dict[str, Any]:
        """One row a Morse set, where there is a graph."""
        return {} if self.graph is None else self.graph.columns()

    def __repr__(self) -> str:
        graph = "no Morse graph" if self.graph is None else f"{len(self.graph.sets)} Morse sets"
        return f"ConleyPortrait({printable(self.potential, 60)}: {graph}, {len(self.events)} events of level sets)"
