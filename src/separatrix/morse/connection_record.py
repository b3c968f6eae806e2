"""The record of connections: which critical point an orbit leaves and which one it ends in (§9)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import UnresolvedError, printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.records import Record

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, eq=False)
class Turn:
    """How orbits beside one from index 2 to index 1 are parted at its end: those that leave the source on the side of the
    vector ``beside`` (dim,) turn off at the target to the side of ``turned`` (dim,), along its unstable direction."""

    beside: np.ndarray
    turned: np.ndarray


@dataclass(frozen=True, eq=False)
class Orbit:
    """One orbit of the gradient flow between critical points, or out of the box. f is climbed along it.

    - ``source``, ``target``: rows of ``Connections.points`` that it leaves and ends in, -1 where there is none
    - ``saddle``: row of the point whose branch it is: the source for unstable branches, the target for stable ones
    - ``direction`` (dim,): unit vector at the saddle along which the branch was started, ``side`` (+1, -1) times the
      eigenvector; for a branch followed backwards a stable one
    - ``reason``: how the far end was reached, in words: "sink", "repeller", "saddle", "left the box", "budget", …
    - ``certainty``: PROVED where the branch is enclosed in a tube from the saddle to a proved attracting region or out of
      the box; VERIFIED where it was integrated; ``evidence``: on what that rests, a sentence
    - ``path`` (m, dim): points in the direction of the flow; ``radius`` (m,): radii of the tube about them, where proved
    - ``turn``: from index 2 to index 1, to which sides its neighbours are parted at the target, which gives its sign
    """

    source: int
    target: int
    side: int
    direction: np.ndarray
    saddle: int
    reason: str
    certainty: Certainty
    evidence: str
    path: np.ndarray
    radius: np.ndarray | None = None
    turn: Turn | None = None

    def is_against(self, other: Orbit) -> bool:
        """Whether this orbit and one from the same point in nearly the same direction have neighbours that turn oppositely."""
        if self.turn is None or other.turn is None:
            return False
        way = float(self.turn.beside @ other.turn.beside) * float(self.turn.turned @ other.turn.turned)
        return way < 0

    @property
    def connects(self) -> bool:
        """Whether both ends are critical points of the list."""
        return self.source >= 0 and self.target >= 0

    @property
    def length(self) -> float:
        """Length of the path in units of the input."""
        return float(np.linalg.norm(np.diff(self.path, axis=0), axis=1).sum())


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Connections(Record):
    """Which critical points are joined by orbits of the gradient flow, each with its certainty. f is climbed.

    ``points``: the critical points; ``orbits``: a tuple of :class:`Orbit`; ``potential``: its name; ``boundary``: "project" or
    "exit"; ``missing``: what was not decided, in words; ``notes``: what else was met. ``certainty`` is that of the weakest
    orbit.
    """

    points: CriticalPoints
    orbits: tuple[Orbit, ...]
    potential: str = ""
    boundary: str = "project"
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    drawer: ClassVar[str] = "morse_plots:plot_connections"

    def __len__(self) -> int:
        return len(self.orbits)

    @property
    def n_proved(self) -> int:
        """How many of the orbits are proved."""
        return sum(orbit.certainty is Certainty.PROVED for orbit in self.orbits)

    def of_saddle(self, row: int) -> tuple[Orbit, ...]:
        """The orbits that are branches of the point ``row``."""
        return tuple(orbit for orbit in self.orbits if orbit.saddle == row)

    def to_networkx(self) -> nx.MultiDiGraph:
        """A directed graph: a node a critical point (value, index, certainty, point), an edge an orbit between two of them."""
        import networkx as nx

        points, ids = self.points, self.points.ids
        graph = nx.MultiDiGraph(potential=self.potential, boundary=self.boundary)
        for row, name in enumerate(ids):
            graph.add_node(
                name,
                value=float(points.values[row]),
                index=int(points.indices[row]),
                certainty=str(points.certainty[row]),
                point=points.points[row].tolist(),
            )
        for number, orbit in enumerate(self.orbits):
            if orbit.connects:
                graph.add_edge(
                    ids[orbit.source],
                    ids[orbit.target],
                    key=number,
                    saddle=ids[orbit.saddle],
                    side=orbit.side,
                    certainty=str(orbit.certainty),
                    length=orbit.length,
                )
        return graph

    def columns(self) -> dict[str, Any]:
        """One row an orbit."""
        ids = (*self.points.ids, "")  # row -1: none
        return {
            "source": [ids[orbit.source] for orbit in self.orbits],
            "target": [ids[orbit.target] for orbit in self.orbits],
            "saddle": [ids[orbit.saddle] for orbit in self.orbits],
            "side": [orbit.side for orbit in self.orbits],
            "reason": [orbit.reason for orbit in self.orbits],
            "certainty": [str(orbit.certainty) for orbit in self.orbits],
            "length": [orbit.length for orbit in self.orbits],
            "largest_radius": [np.nan if o.radius is None else float(np.nanmax(o.radius)) for o in self.orbits],
            "evidence": [orbit.evidence for orbit in self.orbits],
        }

    def require(self) -> Connections:
        """This record, or UnresolvedError where an orbit is not proved or something is missing."""
        if self.missing or self.n_proved < len(self):
            raise UnresolvedError(
                f"connections: {self.n_proved} of {len(self)} orbits are proved and {len(self.missing)} questions are open; "
                "`evidence` and `missing` say which, strict=False returns them"
            )
        return self

    def __repr__(self) -> str:
        ends = Counter(orbit.reason for orbit in self.orbits)
        shown = ", ".join(f"{count} {reason}" for reason, count in ends.most_common(4)) or "none"
        open_questions = f", {len(self.missing)} not decided" if self.missing else ""
        return (
            f"Connections({printable(self.potential, 60)}: {len(self)} orbits ({shown}), "
            f"{self.n_proved} proved{open_questions})"
        )
