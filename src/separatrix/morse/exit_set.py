"""Is a box an isolating block of a gradient flow, and what is the homology of (box, exit set)? (§3, §9)

Let g = sigma_i d_i f be the outward slope on the facet x_i = const. Where g is not zero, orbits cross. Where it is, the second
derivative of the outward coordinate along an orbit is sigma_i sum_j H_ij d_j f; if it is positive, the orbit touches the facet
from outside. If this holds at all zeros of g on all facets, B is an isolating block with exit set E = {g >= 0}.

Facets are cut into dyadic cells until on each cell, and on each face of it, g has one sign or is strictly monotone in one
coordinate. Then {g >= 0} and {g < 0} on a cell are connected or empty, and hold a vertex where they are not empty: of two
monotone cases the set retracts along that coordinate to a face, which is of the same kind. Hence the components of E and of its
complement in the sphere dB are those of graphs on the vertices, and by Alexander duality they give the homology of E in
dimension up to 3. B is contractible: H_k(B, E) is the reduced H_(k-1)(E).

In higher dimension only boxes are decided on each of whose facets g has one sign. Then E is a union of facets, the join over the
axes of none, one or two points up to homotopy: contractible where some axis has exactly one, else the sphere of dimension m - 1
for m axes with two.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box, as_box
from separatrix.errors import SeparatrixError
from separatrix.morse.facet_cells import Facet, SignGrid, facets_of
from separatrix.potentials.base import Potential
from separatrix.records import Provenance, Record

LEVELS = {
    1: (0, 0),
    2: (2, 14),
    3: (2, 7),
    4: (0, 3),
    5: (0, 2),
}  # of subdivision: first and last; beyond: whole facets


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ExitSet(Record):
    """Whether a box is an isolating block, and the homology of (B, exit set).

    ``is_isolating``: True (proved), False (proved: an orbit touches the side from inside) or None; ``betti``: ranks of
    H_k(B, E; Z), k = 0 … dim, or None where unknown (they are free groups); ``reason``: in words.
    """

    is_isolating: bool | None
    betti: tuple[int, ...] | None
    reason: str

    @property
    def euler_characteristic(self) -> int | None:
        """chi(B, E) of (3.3), or None."""
        return None if self.betti is None else sum((-1) ** k * b for k, b in enumerate(self.betti))

    def __repr__(self) -> str:
        return f"ExitSet(isolating: {self.is_isolating}, betti of (B, E): {self.betti}; {self.reason or 'decided'})"


def exit_set(potential: Potential, box: Box, facets: list[Facet] | None = None) -> ExitSet:
    """The exit set of ``box`` under dx/dt = grad f, proved by enclosures.

    In dimensions 1 to 3; beyond, where the flow crosses every facet in one direction. Raises InputError for a box of another
    dimension, KindError for what is no box; a box that is not decided is a record that says so. ``facets``: its facets, for
    callers that look at them afterwards.
    """
    begun = time.perf_counter()
    box = as_box(box, potential.dim)
    facets = facets_of(potential, box) if facets is None else facets
    try:
        with np.errstate(all="ignore"):
            return _searched(box, facets, begun)
    except SeparatrixError as error:  # a user's function without enclosure, or undefined at the edge
        return _record(box, begun, None, None, f"the sides of the box could not be examined: {error}")


def _searched(box: Box, facets: list[Facet], begun: float) -> ExitSet:
    first, last = LEVELS.get(box.dim, (0, 0))
    for level in range(first, last + 1):
        for facet in facets:
            facet.refine(level)
        inner = [facet for facet in facets if facet.is_touched_from_inside]
        if inner:
            return _record(box, begun, False, None, f"not isolating: an orbit touches the {inner[0].name} from inside")
        if box.dim > 3 and all(facet.sign for facet in facets):
            return _record(box, begun, True, _betti_of_whole_facets(box.dim, facets), "")
        if box.dim <= 3 and all(facet.is_settled for facet in facets):
            grids = [facet.sign_grid(level) for facet in facets]
            if box.dim < 3 or not _cross_together(facets, grids):
                return _record(box, begun, True, _betti(box.dim, facets, grids), "")
        if any(facet.is_hopeless for facet in facets):
            break
    if box.dim > 3:
        reason = f"in dimension {box.dim} exit sets are computed only where the flow crosses each side in one direction"
        return _record(box, begun, None, None, reason)
    name = next((facet.name for facet in facets if not facet.is_settled), "edges of the box")
    return _record(
        box, begun, None, None,
        f"it is not decided whether the box is isolating: on the {name} the flow is tangent, or nearly so; change its sides",
    )  # fmt: skip


def _record(box: Box, begun: float, isolating: bool | None, betti: tuple[int, ...] | None, reason: str) -> ExitSet:
    return ExitSet(
        is_isolating=isolating,
        betti=betti,
        reason=reason,
        domain=box,
        certainty=Certainty.UNKNOWN if isolating is None else Certainty.PROVED,
        provenance=Provenance("facets subdivided, outward slopes enclosed", seconds=time.perf_counter() - begun),
    )


def _cross_together(facets: list[Facet], grids: list[SignGrid]) -> bool:
    """Whether on some edge of the grid that two facets share both outward slopes change sign: not decided by vertices."""
    changes: dict[tuple[bytes, bytes], int] = {}
    for facet, grid in zip(facets, grids, strict=True):
        for key in facet.changing_rim_edges(grid):
            changes[key] = changes.get(key, 0) + 1
    return any(count > 1 for count in changes.values())


def _betti(dim: int, facets: list[Facet], grids: list[SignGrid]) -> tuple[int, ...]:
    """Ranks of H_k(B, E) from the components of E and of its complement in the boundary."""
    positive, negative = (_components(facets, grids, sign) for sign in (1, -1))
    if positive == 0:
        return (1, *[0] * dim)
    if negative == 0:
        return (*[0] * dim, 1)
    betti = [0] * (dim + 1)
    betti[1] = positive - 1
    if dim == 3:
        betti[2] = negative - 1
    return tuple(betti)


def _betti_of_whole_facets(dim: int, facets: list[Facet]) -> tuple[int, ...]:
    """Ranks of H_k(B, E) where E is a union of facets."""
    exits = [sum(facet.axis == axis and facet.sign > 0 for facet in facets) for axis in range(dim)]
    betti = [0] * (dim + 1)
    if 1 not in exits:
        betti[exits.count(2)] = 1
    return tuple(betti)


def _components(facets: list[Facet], grids: list[SignGrid], sign: int) -> int:
    """Components of the union over all facets of the vertices with this sign, joined within cells and across rims."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = grids[0].signs.size
    rows, columns = [], []
    for number, grid in enumerate(grids):
        first, second = grid.joined(sign)
        rows.append(first + number * size)
        columns.append(second + number * size)
    seen: dict[bytes, int] = {}
    for number, (facet, grid) in enumerate(zip(facets, grids, strict=True)):
        for key, vertex in facet.rim_vertices(grid, sign):
            here = vertex + number * size
            rows.append(np.array([seen.setdefault(key, here)]))
            columns.append(np.array([here]))
    own = np.concatenate([grid.signs.ravel() == sign for grid in grids])
    first, second = np.concatenate(rows), np.concatenate(columns)
    graph = coo_array((np.ones(first.size), (first, second)), shape=(own.size, own.size))
    labels = connected_components(graph, directed=False)[1]
    return int(np.unique(labels[own]).size)
