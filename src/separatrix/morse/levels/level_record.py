"""The record of level sets: Betti numbers at every level, events, persistence, meshes (§10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError, KindError, UnresolvedError, printable
from separatrix.homology.persistence_diagram import PersistenceDiagram
from separatrix.morse.levels.component_tree import ComponentTree
from separatrix.records import Record

Array = np.ndarray
ABOVE, BELOW, EQUAL = ">=", "<=", "="
SIDES = (ABOVE, BELOW, EQUAL)
MOST_LEVELS = 24
DRAWN = 3  # dimensions in which there are meshes


@dataclass(frozen=True)
class LevelEvent:
    """A change of {f >= c} as c falls, or of {f <= c} as c rises.

    ``value``: of the matched critical point, else of the grid; ``side``: ">=" or "<="; ``what``: in words; ``degree`` of the
    class that appears or disappears, -1 where the grid does not tell which (then ``appears`` is False); ``appears``;
    ``index``: Morse index of the point that does it (of f, or of -f for "<=");
    ``matched``: its id in ``LevelSets.points``, or in ``LevelSets.negative`` with "-" before it; "u0", … for a box that the
    search left unresolved; "" where there is none;
    ``error``: distance of the grid's value to the point's, or the bound of it; ``point``: where on the grid.
    """

    value: float
    side: str
    what: str
    degree: int
    appears: bool
    index: int
    matched: str = ""
    error: float = 0.0
    point: tuple[float, ...] = ()
    certainty: Certainty = Certainty.UNKNOWN


@dataclass(frozen=True, eq=False)
class LevelMesh:
    """The level set {f = c} of the piecewise linear function: ``vertices`` (n, dim) and ``simplices`` (m, dim) of dimension
    dim - 1: points, segments or triangles, rows of vertices, oriented with the side f > c on their left, or outwards.
    """

    vertices: Array
    simplices: Array

    def to_complex(self) -> Any:
        """The mesh as a SimplicialComplex."""
        from separatrix.complexes.simplicial_complex import SimplicialComplex

        return SimplicialComplex([tuple(row) for row in self.simplices.tolist()])


@dataclass(frozen=True, eq=False)
class LevelCycle(LevelMesh):
    """An integer cycle of degree k: the sum of ``coefficients`` (m,) times ``simplices`` (m, k + 1), each oriented by the order
    of its vertices, rows of ``vertices`` (n, dim). One point in degree 0.
    """

    coefficients: Array


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class LevelSets(Record):
    """The level sets of f on a box, from a function linear on simplices that is nowhere farther from f than ``tolerance``.

    - ``bands`` (k, 3): low, high, error of the blocks of the box: about a level only the blocks count that take it, and
      :meth:`tolerance_at` is often far below ``tolerance``
    - ``events``: changes of {f >= c} and {f <= c}, from the highest value down
    - ``persistence``: of {f >= c} as c falls; ``persistence_below``: of {f <= c} as c rises. Of the piecewise linear function,
      exact; within the bottleneck distance ``tolerance`` of those of f. Cells are numbers of vertices. In space degree 1
      is absent where the grid has more than 40,000 vertices (``lacks_tunnels``); b_1 = b_0 + b_2 - chi there
    - ``critical`` (k, 2), ``critical_below`` (m, 2): intervals outside of which {f >= c}, {f <= c} do not change, proved
    - ``euler_values``, ``euler_steps``, and ``…_below``: chi({f >= c}) is the sum of the steps with values >= c
    - ``merge_tree``: of the components of {f >= c}; ``points``, ``negative``: the critical points of f and of -f with which
      events were matched; ``unmatched``: ids of those that no event is; ``missing``: what did not match, in words
    - ``is_smooth``: False where the gradient jumps (networks with creases)
    - ``shape``: intervals an axis of the grid, empty for a complex; ``values``: at the vertices, row by row; of a complex
      also ``vertices`` (V, dim) and ``simplices`` (T, dim + 1)
    """

    potential: str
    tolerance: float
    bands: Array
    events: tuple[LevelEvent, ...]
    persistence: PersistenceDiagram
    persistence_below: PersistenceDiagram
    critical: Array
    critical_below: Array
    merge_tree: ComponentTree
    values: Array
    shape: tuple[int, ...] = ()
    vertices: Array = field(default_factory=lambda: np.zeros((0, 0)))
    simplices: Array = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    euler_values: Array = field(default_factory=lambda: np.zeros(0))
    euler_steps: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    euler_values_below: Array = field(default_factory=lambda: np.zeros(0))
    euler_steps_below: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    points: Any = None
    negative: Any = None
    is_smooth: bool = True
    unmatched: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    drawer: ClassVar[str] = "level_plots:plot_levels"

    @property
    def lacks_tunnels(self) -> bool:
        """Whether the diagrams have no degree 1 in space: grids of more than 40,000 vertices."""
        from separatrix.morse.levels.diagrams import MOST_VERTICES, SPACE

        return self.dim == SPACE and bool(self.shape) and self.values.size > MOST_VERTICES

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return self.persistence.dim

    def tolerance_at(self, c: float) -> float:
        """How far the two functions are from each other on the blocks that matter for the sets at level ``c``."""
        from separatrix.morse.levels.bands import Bands

        return float(Bands(self.bands).at(np.array([_asked(c, EQUAL)[0]]), 2.0)[0])

    def betti(self, c: float, side: str = ABOVE) -> tuple[int, ...]:
        """Betti numbers by degree, 0 to dim, of {f >= c}, {f <= c} (``side="<="``) or {f = c} (``"="``).

        :meth:`certainty_at` says whether they are proved. InputError for another side and for c that is no number.
        """
        from separatrix.morse.levels.betti import betti_numbers

        return betti_numbers(self, *_asked(c, side))[0]

    def certainty_at(self, c: float, side: str = ABOVE) -> Certainty:
        """How certain :meth:`betti` is at ``c``: proved away from the critical values, heuristic within the tolerance of one."""
        from separatrix.morse.levels.betti import betti_numbers

        return betti_numbers(self, *_asked(c, side))[1]

    def proved_intervals(self, side: str = ABOVE) -> Array:
        """Open intervals of c on which the Betti numbers of that side are proved and constant, (m, 2), ascending."""
        from separatrix.morse.levels.betti import proved_intervals

        return proved_intervals(self, _asked(0.0, side)[1])

    def levels(self, most: int = MOST_LEVELS) -> Array:
        """One c between every two neighbouring events, descending, at most ``most``: those in the widest gaps."""
        from separatrix.morse.levels.betti import chosen_levels

        return chosen_levels(self, most)

    def mesh(self, c: float) -> LevelMesh:
        """The level set {f = c} as points (1-D), segments (2-D) or triangles (3-D). InputError in more dimensions."""
        from separatrix.morse.levels.meshes import level_mesh

        return level_mesh(self, _asked(c, EQUAL)[0])

    def generators(self, c: float, degree: int, side: str = ABOVE) -> tuple[LevelCycle, ...]:
        """Integer cycles that freely generate the homology of {f >= c}, {f <= c} or {f = c} in a degree, in 1 to 3 dimensions.

        Of the piecewise linear function; where :meth:`betti` is proved at ``c`` and counts as many, also of f, whose set is as
        near as the tolerance (10.15). Points for degree 0; closed meshes for dim - 1; closed paths along edges of the grid, or of
        the mesh of the level, for degree 1 in space. InputError for other degrees.
        """
        from separatrix.morse.levels.generators import generators

        return generators(self, *_asked(c, side), degree)

    def to_gudhi(self, side: str = ABOVE) -> list[tuple[int, tuple[float, float]]]:
        """Persistence in gudhi's format, [(degree, (birth, death)), …], longest first; of -f for {f >= c}, whose sets grow."""
        from separatrix.morse.levels.exports import to_gudhi

        return to_gudhi(self, _asked(0.0, side)[1])

    def to_persim(self, side: str = ABOVE) -> list[Array]:
        """Persistence in persim's and ripser's format: one array (n, 2) of births and deaths a degree; of -f for {f >= c}."""
        from separatrix.morse.levels.exports import to_persim

        return to_persim(self, _asked(0.0, side)[1])

    def save_mesh(self, c: float, path: str | Path) -> Path:
        """Write the level set {f = c} as .ply or .vtu by the ending of ``path``; the path."""
        from separatrix.morse.levels.exports import save_mesh

        return save_mesh(self.mesh(c), path)

    def columns(self) -> dict[str, Any]:
        """One row an event, from the highest value down."""
        names = ("value", "side", "what", "degree", "index", "matched", "error")
        found: dict[str, Any] = {name: [getattr(event, name) for event in self.events] for name in names}
        return found | {"certainty": [str(event.certainty) for event in self.events]}

    def require(self) -> LevelSets:
        """This record, or UnresolvedError where an event or a critical point did not match."""
        if self.missing:
            raise UnresolvedError(f"level_sets: {'; '.join(self.missing)}")
        return self

    def __repr__(self) -> str:
        matched = sum(bool(event.matched) for event in self.events)
        grid = " x ".join(str(n) for n in self.shape) if self.shape else "exact complex"
        return (
            f"LevelSets({printable(self.potential, 60)} on {grid}: {len(self.events)} events, {matched} matched, "
            f"tolerance {self.tolerance:.2g})"
        )


def _asked(c: Any, side: Any) -> tuple[float, str]:
    """A level and a side, checked."""
    if side not in SIDES:
        raise InputError(f"level sets: side must be '>=', '<=' or '=', came {printable(repr(side), 40)}")
    if isinstance(c, bool) or not isinstance(c, (int, float, np.integer, np.floating)):
        raise KindError(f"level sets: expected c as a number, came {type(c).__name__}")
    if not np.isfinite(c):
        raise InputError(f"level sets: expected a finite c, came {c}")
    return float(c), side
