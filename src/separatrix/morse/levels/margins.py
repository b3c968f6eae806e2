"""Level sets of piecewise linear margins, exact on the complex of linear regions (§5, §6, §10).

The order of the values at the vertices is exact, ties included; {f >= c} retracts to the cells all of whose vertices lie at c
or above (5.9), so that the diagrams are those of f. A critical value is known within the error of the nearest double.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.complexes.triangulation import pulled
from separatrix.domains import Box
from separatrix.errors import InputError
from separatrix.homology.persistence import persistence
from separatrix.homology.persistence_diagram import PersistenceDiagram
from separatrix.morse.levels.bands import Bands
from separatrix.morse.levels.component_tree import ComponentTree
from separatrix.morse.levels.critical_ranges import merged
from separatrix.morse.levels.events import raw_events, words
from separatrix.morse.levels.joins import join
from separatrix.morse.levels.level_record import DRAWN, LevelEvent, LevelSets
from separatrix.morse.piecewise_linear.margin_record import PiecewiseLinearMorse
from separatrix.morse.piecewise_linear.margins import morse_on_complex
from separatrix.morse.piecewise_linear.vertex_values import VertexValues, linear_contrast
from separatrix.potentials.head import NetworkPotential
from separatrix.potentials.log_density import LogSumExp
from separatrix.potentials.margin import Coordinate
from separatrix.records import Provenance
from separatrix.surface.linear_regions import linear_regions

Array = np.ndarray
MOST_INPUTS = 10
METHOD = "persistence on the exact complex of linear regions; vertices compared exactly"


@dataclass(frozen=True, eq=False)
class Side:
    """One side: its name, ``ranks`` of the vertices as exact order, their ``values`` of f, and the critical pieces."""

    name: str
    ranks: Array
    values: Array
    diagram: PersistenceDiagram
    pieces: PiecewiseLinearMorse


def margin_row(potential: NetworkPotential) -> Array | None:
    """The integer row of a potential that is one contrast of the logits; None for functions of it, whose values are others."""
    is_contrast = isinstance(potential.head, (Coordinate, LogSumExp))
    return linear_contrast(potential) if is_contrast else None


def margin_level_sets(potential: NetworkPotential, box: Box, row: Array, begun: float) -> LevelSets:
    """The record for the margin f = ``row`` . logits of a piecewise linear network; ids "c0", … are rows of ``points``."""
    if potential.dim > MOST_INPUTS:
        raise InputError(f"level_sets: margins are cut in at most {MOST_INPUTS} dimensions, came {potential.dim}")
    complex_ = linear_regions(potential.network, box)
    above, below = (_side(potential, complex_, sign * row, name, begun) for sign, name in ((1, ">="), (-1, "<=")))
    events = sorted(
        (*_events(above, complex_), *_events(below, complex_)),
        key=lambda event: (-event.value, event.side, event.index),
    )
    drawn = complex_.dim <= DRAWN
    return LevelSets(
        potential=potential.name, tolerance=0.0, bands=np.zeros((0, 3)), events=tuple(events), persistence=above.diagram,
        persistence_below=below.diagram, critical=_intervals(above), critical_below=_intervals(below),
        merge_tree=_tree(above, complex_, tuple(events)), values=above.values, vertices=complex_.vertices,
        simplices=pulled(complex_.cells)[-1].vertices.astype(np.int64) if drawn else np.zeros((0, 0), dtype=np.int64),
        points=above.pieces, negative=below.pieces, is_smooth=False, domain=box, certainty=Certainty.PROVED,
        provenance=Provenance(METHOD, seconds=time.perf_counter() - begun),
    )  # fmt: skip


def _side(potential: NetworkPotential, complex_: PolyhedralComplex, row: Array, name: str, begun: float) -> Side:
    values = VertexValues(complex_, row)
    pieces = morse_on_complex(potential, complex_, values, levels=0, begun=begun)
    ranks = values.ranks()
    values.sharpen(pieces.vertices)
    known = {"values": values.values[pieces.vertices, 0], "value_error": values.errors[pieces.vertices, 0]}
    pieces = dataclasses.replace(pieces, **known)
    sign = 1.0 if name == ">=" else -1.0
    seen = sign * values.values[:, 0]
    return Side(name, ranks, seen, _diagram(complex_, (ranks, pieces.vertices), seen, name), pieces)


def _diagram(complex_: PolyhedralComplex, order: tuple[Array, Array], values: Array, name: str) -> PersistenceDiagram:
    """The diagram of f by the exact order of its vertices; cells are the vertices with which classes come and go.

    ``order``: ranks, and the critical vertices, at whose ranks alone anything happens.
    """
    ranks, critical = order
    found = persistence(complex_, ranks.astype(np.float64), superlevel=True)
    lives = found.birth != found.death
    of_rank = np.zeros(int(ranks.max()) + 1, dtype=np.int64)
    of_rank[ranks[critical]] = critical
    birth_cell = of_rank[found.birth[lives].astype(np.int64)]
    ends = np.isfinite(found.death[lives])
    death_cell = np.full(len(ends), -1, dtype=np.int64)
    death_cell[ends] = of_rank[found.death[lives][ends].astype(np.int64)]
    never = -np.inf if name == ">=" else np.inf
    death = np.where(ends, values[death_cell], never)
    return PersistenceDiagram(
        degree=found.degree[lives], birth=values[birth_cell], death=death, birth_cell=birth_cell, death_cell=death_cell,
        dim=complex_.dim, superlevel=name == ">=", certainty=Certainty.PROVED, provenance=found.provenance,
    )  # fmt: skip


def _intervals(side: Side) -> Array:
    """Enclosures of the critical values."""
    sign = 1.0 if side.name == ">=" else -1.0
    middle, error = sign * side.pieces.values, side.pieces.value_error
    return merged(np.stack([np.nextafter(middle - error, -np.inf), np.nextafter(middle + error, np.inf)], axis=1))


def _events(side: Side, complex_: PolyhedralComplex) -> list[LevelEvent]:
    """All births and deaths, each with a critical piece of its value and degree."""
    raw = raw_events(side.diagram, Bands(np.zeros((0, 3))))
    pieces, minus = side.pieces, "" if side.name == ">=" else "-"
    piece_ranks = side.ranks[pieces.vertices]
    found = []
    for k, vertex in enumerate(raw.vertices.tolist()):
        rows = np.flatnonzero((piece_ranks == side.ranks[vertex]) & (pieces.betti[:, raw.index[k]] > 0))
        found.append(
            LevelEvent(
                value=float(raw.values[k]) + 0.0, side=side.name,
                what=words(int(raw.degree[k]), bool(raw.appears[k]), complex_.dim), degree=int(raw.degree[k]),
                appears=bool(raw.appears[k]), index=int(raw.index[k]), matched=f"{minus}c{rows[0]}" if len(rows) else "",
                error=float(pieces.value_error[rows[0]]) if len(rows) else 0.0,
                point=tuple(complex_.vertices[vertex].tolist()),
                certainty=Certainty.PROVED if len(rows) == 1 else Certainty.VERIFIED,
            )
        )  # fmt: skip
    return found


def _tree(side: Side, complex_: PolyhedralComplex, events: tuple[LevelEvent, ...]) -> ComponentTree:
    """The components of {f >= c} by the elder rule on the edges of the complex, ties by number."""
    count = len(side.ranks)
    order = np.lexsort((np.arange(count), side.ranks))[::-1].astype(np.int64)
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    ends = complex_.cells.faces[1].reshape(-1, 2).astype(np.int64)
    late = np.where(place[ends[:, 0]] > place[ends[:, 1]], 0, 1)
    rows = np.arange(len(ends))
    last, before = ends[rows, late], ends[rows, 1 - late]
    sort = np.argsort(place[last], kind="stable")
    width = int(np.bincount(last, minlength=1).max(initial=1))
    kept, targets = np.zeros((count, width), dtype=np.int64), np.zeros((count, width), dtype=np.int64)
    column = np.arange(len(ends)) - np.searchsorted(place[last][sort], place[last][sort])
    kept[place[last][sort], column], targets[place[last][sort], column] = 1, before[sort]
    pairs = np.empty((len(ends) + 1, 3), dtype=np.int64)
    n_pairs = join(order, kept, targets, np.arange(count), place, pairs)
    found = pairs[:n_pairs]
    found = found[side.ranks[found[:, 0]] > side.ranks[found[:, 1]]]
    return _drawn_tree(found, int(order[0]), side, complex_, events)


def _drawn_tree(
    pairs: Array, first: int, side: Side, complex_: PolyhedralComplex, events: tuple[LevelEvent, ...]
) -> ComponentTree:
    """The record of the tree from rows (younger, where, older)."""
    leaves = np.concatenate([[first], pairs[:, 0]]).astype(np.int64)
    leaves = leaves[np.argsort(-side.ranks[leaves], kind="stable")]
    row = {int(vertex): k for k, vertex in enumerate(leaves)}
    pairs = pairs[np.argsort(-side.ranks[pairs[:, 1]], kind="stable")]
    joined = [(row[int(younger)], row[int(older)]) for younger, _where, older in pairs]
    by_place = {
        (event.point, event.appears): event.matched for event in events if event.side == ">=" and event.degree == 0
    }

    def ids(vertices: Array, appears: bool) -> tuple[str, ...]:
        return tuple(by_place.get((tuple(p), appears), "") for p in complex_.vertices[vertices].tolist())

    return ComponentTree(
        points=complex_.vertices[leaves], heights=side.values[leaves], ids=ids(leaves, True),
        joins=np.array(joined, dtype=np.int64).reshape(-1, 2), join_heights=side.values[pairs[:, 1]],
        join_points=complex_.vertices[pairs[:, 1]], join_ids=ids(pairs[:, 1], False), tolerance=0.0,
        domain=complex_.domain, certainty=Certainty.PROVED,
    )  # fmt: skip
