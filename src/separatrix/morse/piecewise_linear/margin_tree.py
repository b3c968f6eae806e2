"""The tree in which the maxima of a piecewise linear margin join, exact, from the vertices of its complex (§5, §10).

K(c), the cells all of whose vertices have values >= c, is a deformation retract of {f >= c} (5.9), and its components are
those of its vertices and edges. So the pieces (vertices, and connected cells on which f is constant) are added from the
highest value down: one without a higher neighbour is a maximum, where a component is born; one with neighbours in several
components joins them. Values are compared in rational numbers where doubles do not decide.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box, as_box
from separatrix.errors import InputError
from separatrix.flow.critical_points import CriticalPoints, chosen
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.merge_tree import Join, MergeTree, heights_of
from separatrix.morse.piecewise_linear.flat_pieces import Pieces
from separatrix.morse.piecewise_linear.local_chains import Groups, local_groups
from separatrix.morse.piecewise_linear.piece_order import Ascent, ascend
from separatrix.morse.piecewise_linear.vertex_values import VertexValues, linear_contrast
from separatrix.potentials.head import NetworkPotential
from separatrix.records import Provenance

NEAR = 1e-9
ADDED = " of the exact complex; H_k({f >= c}, {f > c}) about it: "


def margin_tree(
    flow: GradientFlow, sinks: CriticalPoints, saddles: CriticalPoints, *, max_cells: int = 5_000_000
) -> MergeTree:
    """The tree of the flow of a piecewise linear margin on a box: every join proved, no height a lower bound.

    ``sinks``, ``saddles``: points of index 0 and 1 of the flow. Maxima that are not among them, which may be plateaus or lie on
    a side of the box, are added at the end of the sinks, and pieces that join more than two components, or have other
    groups besides, at the end of the saddles; points that are no such vertices are left out. ``ends``: two maxima to which
    f rises along edges from the saddle.

    Raises InputError for potentials that are no increasing function of one contrast of the logits, and for the whole space.
    """
    begun = time.perf_counter()
    potential = flow.potential
    row = linear_contrast(potential) if isinstance(potential, NetworkPotential) else None
    if row is None or not isinstance(potential, NetworkPotential):
        raise InputError(
            f"class_tree: the gradient of the {potential.name} jumps along creases; exact trees are made for margin(net, i, j) "
            "and for the log-odds of one of two classes"
        )
    if not isinstance(flow.domain, Box):
        raise InputError("class_tree: the tree of a piecewise linear margin is made on a box, not on the whole space")
    summit = _Summits.of(flow, potential, row, max_cells)
    sinks, sink_of = summit.listed(sinks, summit.ascent.births, 0)
    saddles, saddle_of = summit.listed(saddles, [piece for piece, _ in summit.ascent.joins], 1)
    joins = summit.joins(sink_of, saddle_of)
    used = [*sinks.certainty, *(saddles.certainty[join.saddle] for join in joins)]
    heights, of = heights_of(sinks, joins)
    net = potential.net
    return MergeTree(
        sinks=sinks,
        saddles=saddles,
        pass_heights=heights,
        pass_of=of,
        joins=joins,
        ends=summit.ends(saddles, sink_of),
        sink_class=None if net is None or not len(sinks) else np.asarray(net.predict(sinks.points), dtype=np.int64),
        is_connected=len(joins) == len(sinks) - 1,
        is_lower_bound=False,
        potential=potential.name,
        notes=summit.notes(sinks, saddles),
        domain=flow.domain,
        certainty=Certainty.weakest(used),
        provenance=Provenance(
            "components of the vertices and edges of the exact complex from the highest value down; ties in rational numbers",
            seconds=time.perf_counter() - begun,
        ),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Summits:
    """What rises where: ``x`` (pieces, dim) and ``error`` of a vertex of every piece, ``values`` of the potential there."""

    flow: GradientFlow
    x: np.ndarray
    error: np.ndarray
    values: np.ndarray
    flat: np.ndarray
    groups: dict[int, Groups]
    ascent: Ascent
    piece_of_vertex: tuple[np.ndarray, np.ndarray, np.ndarray]

    @classmethod
    def of(cls, flow: GradientFlow, potential: NetworkPotential, row: np.ndarray, max_cells: int) -> _Summits:
        """Complex, exact order and ascent of the contrast ``row``."""
        from separatrix.surface.linear_regions import linear_regions

        complex_ = linear_regions(potential.network, flow.domain, max_cells=max_cells)
        ranks = VertexValues(complex_, row).ranks()
        pieces = Pieces.of(complex_.cells, ranks)
        first = pieces.representatives()
        return cls(
            flow,
            complex_.vertices[first],
            complex_.vertex_error[first],
            np.asarray(potential.value(complex_.vertices[first])),
            pieces.flat_dimension(),
            local_groups(pieces.relative_chains()),
            ascend(pieces, ranks),
            (complex_.vertices, complex_.vertex_error, pieces.of_vertex),
        )

    def piece_at(self, points: CriticalPoints) -> np.ndarray:
        """The piece of the vertex at each point, -1 where there is none, (n,)."""
        from scipy.spatial import KDTree

        vertices, error, pieces = self.piece_of_vertex
        if not len(points):
            return np.zeros(0, dtype=np.int64)
        gap, near = KDTree(vertices).query(points.points)
        reach = np.maximum(NEAR, np.nan_to_num(points.error) * np.sqrt(vertices.shape[1]) + error[near])
        return np.where(gap <= reach, pieces[near], -1)

    def listed(self, points: CriticalPoints, wanted: list[int], index: int) -> tuple[CriticalPoints, dict[int, int]]:
        """``points`` that stand at a piece, for maxima one that is ``wanted``, each once; then the other wanted pieces.

        With the row of each of these pieces.
        """
        at, allowed, row, kept = self.piece_at(points).tolist(), set(wanted), {}, []
        for i, piece in enumerate(at):
            if piece >= 0 and piece not in row and (index or piece in allowed):
                row[piece] = len(kept)
                kept.append(i)
        points = points if len(kept) == len(points) else chosen(points, np.array(kept, dtype=np.int64))
        new = [piece for piece in dict.fromkeys(wanted) if piece not in row]
        row |= {piece: len(points) + i for i, piece in enumerate(new)}
        return (self._appended(points, np.array(new, dtype=np.int64), index) if new else points), row

    def _appended(self, points: CriticalPoints, new: np.ndarray, index: int) -> CriticalPoints:
        n, dim = new.size, self.x.shape[1]
        nothing: dict[str, Any] = {"radius": np.full(n, np.nan), "multipliers": np.zeros((n, dim))}
        box = as_box(self.flow.domain, dim)
        active = (self.x[new] == box.upper).astype(np.int8) - (self.x[new] == box.lower).astype(np.int8)
        added = {"points": self.x[new], "values": self.values[new], "indices": np.full(n, index), "active": active}
        added |= {"error": self.error[new], **nothing}
        stacked = {name: np.concatenate([getattr(points, name), part]) for name, part in added.items()}
        evidence = tuple(self._words(piece) for piece in new.tolist())
        return dataclasses.replace(
            points,
            **stacked,
            certainty=(*points.certainty, *(Certainty.PROVED for _ in range(n))),
            evidence=(*points.evidence, *evidence),
            spectra=(*points.spectra, *(np.zeros(0) for _ in range(n))),
            creases=(*points.creases, *(np.zeros(0, dtype=np.int64) for _ in range(n))) if points.creases else (),
        )

    def _words(self, piece: int) -> str:
        what = f"a flat piece of dimension {self.flat[piece]}" if self.flat[piece] else "a vertex"
        return f"{what}{ADDED}{self.groups[piece]}"

    def joins(self, sink_of: dict[int, int], saddle_of: dict[int, int]) -> tuple[Join, ...]:
        """The joins from the highest down; a piece that joins k components makes k - 1."""
        group: dict[int, tuple[int, ...]] = {sink_of[piece]: (sink_of[piece],) for piece in self.ascent.births}
        found = []
        for piece, leaves in self.ascent.joins:
            first = sink_of[leaves[0]]
            for leaf in leaves[1:]:
                other = sink_of[leaf]
                left, right = group[first], group[other]
                value = float(self.values[piece])
                found.append(Join(value, saddle_of[piece], (first, other), left, right, Certainty.PROVED))
                group.update(dict.fromkeys(left + right, tuple(sorted(left + right))))
        return tuple(found)

    def ends(self, saddles: CriticalPoints, sink_of: dict[int, int]) -> np.ndarray:
        """Two maxima above each saddle, the same twice where its edges lead to one, (n_saddles, 2)."""
        found = np.full((len(saddles), 2), -1)
        for row, piece in enumerate(self.piece_at(saddles).tolist()):
            above = [sink_of[leaf] for leaf in self.ascent.above(piece)]
            found[row] = above[0], above[min(1, len(above) - 1)]
        return found

    def notes(self, sinks: CriticalPoints, saddles: CriticalPoints) -> tuple[str, ...]:
        """What is to be said of heights and of what was added."""
        found = ["heights are those of the best paths in the closed box, exact up to the rounding of their values"]
        maxima, joins = (sum(ADDED in text for text in points.evidence) for points in (sinks, saddles))
        if maxima or joins:
            found.append(
                f"added to the points given: {maxima} of the maxima and {joins} of the joins (plateaus, points without an index, "
                "or on a side of the box)"
            )
        return tuple(found)
