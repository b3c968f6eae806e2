"""Piecewise linear Morse theory of margins on the exact complex of a network (§5, (5.9)).

K(c), the cells all of whose vertices have values >= c, is a deformation retract of {f >= c}: cone every cell, in the order of
dimensions, from its lowest vertex (ties by number). The simplices so made have no vertices but the old ones, and one that
lies inside a cell has that cell's lowest vertex, so that the simplices with all vertices >= c triangulate K(c); on a
simplex f is affine, and its part above c retracts to its face of vertices >= c.                                   (5.9)
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.domains import as_domain
from separatrix.errors import InputError, KindError
from separatrix.morse.piecewise_linear.flat_pieces import Pieces
from separatrix.morse.piecewise_linear.level_checks import check_levels, euler_law, morse_inequalities
from separatrix.morse.piecewise_linear.local_chains import Groups, local_groups
from separatrix.morse.piecewise_linear.margin_record import PiecewiseLinearMorse
from separatrix.morse.piecewise_linear.vertex_values import VertexValues, linear_contrast
from separatrix.potentials.head import NetworkPotential
from separatrix.records import Provenance

LEVELS, MOST_CELLS = 6, 30_000


def piecewise_linear_morse(
    margin: Any, box: Any, *, max_cells: int = 5_000_000, levels: int = LEVELS
) -> PiecewiseLinearMorse:
    """All changes of the topology of {f >= c} in a box, for a piecewise linear margin f, proved (§5).

    ``margin``: sx.margin of a piecewise linear network, or the log-odds of one of two classes; ``box``: a Box or a pair
    (lower, upper) with 1 to 10 inputs. ``levels``: at how many levels between events the Betti numbers are computed anew
    and compared (complexes of up to 30,000 cells). Cells and signs are exact, values are compared exactly.

    Raises KindError for what is no potential of a network; InputError for potentials that are not piecewise linear, for
    smooth networks and for boxes of another dimension; UnresolvedError for more than ``max_cells`` cells.

    >>> import separatrix as sx
    >>> hat = sx.Network.from_arrays([[[1.0], [1.0]], [[1.0, -2.0], [0.0, 0.0]]], [[1.0, 0.0], [0.0, 0.0]], "relu")
    >>> found = piecewise_linear_morse(sx.margin(hat, 0, 1), ([-2], [2]))
    >>> found.indices.tolist(), found.values.tolist(), found.counts
    ([0], [1.0], (1, 0))
    """
    from separatrix.surface.linear_regions import linear_regions

    begun = time.perf_counter()
    row = _checked(margin)
    if isinstance(levels, bool) or not isinstance(levels, (int, np.integer)) or levels < 0:
        raise InputError(f"levels: expected a number of levels from 0 up, came {levels!r}")
    domain = as_domain(box, margin.dim)
    complex_ = linear_regions(margin.net, domain, max_cells=max_cells)
    return morse_on_complex(margin, complex_, VertexValues(complex_, row), levels=int(levels), begun=begun)


def morse_on_complex(
    margin: NetworkPotential, complex_: PolyhedralComplex, values: VertexValues, *, levels: int, begun: float
) -> PiecewiseLinearMorse:
    """The record for the first contrast of ``values`` on the complex of a box."""
    ranks = values.ranks()
    pieces = Pieces.of(complex_.cells, ranks)
    groups = local_groups(pieces.relative_chains())
    fields = _rows(complex_, values, pieces, ranks, groups)
    betti = fields["betti"]
    checked: dict[str, Any] = {"laws": (euler_law(betti), *morse_inequalities(betti))}
    if levels and sum(complex_.cells.counts) <= MOST_CELLS:
        first = np.unique(fields["events"], return_index=True)[1]
        chosen, numbers, law = check_levels(pieces, ranks[fields["vertices"][first]], (fields["events"], betti), levels)
        checked["laws"] += (law,)
        checked |= {"levels": fields["values"][first[chosen]], "level_betti": numbers}
    flat = pieces.flat_dimension()
    regular = np.ones(pieces.n_pieces, dtype=bool)
    regular[list(groups)] = False
    return PiecewiseLinearMorse(
        **fields,
        **checked,
        n_regular=int(regular.sum()),
        n_plateaus=int((regular & (flat == complex_.dim)).sum()),
        potential=margin.name,
        domain=complex_.domain,
        certainty=Certainty.PROVED,
        provenance=Provenance(
            "upper links on the exact complex; values compared in doubles with bounds, ties in rational numbers",
            seconds=time.perf_counter() - begun,
        ),
    )


def _checked(margin: Any) -> np.ndarray:
    if not isinstance(margin, NetworkPotential):
        raise KindError(
            f"expected a margin of a network, came {type(margin).__name__}; make one with separatrix.margin"
        )
    row = linear_contrast(margin)
    if row is None:
        raise InputError(
            f"expected a piecewise linear function, came the {margin.name}; take margin(net, i, j), or the log-odds of one "
            "of two classes; critical_points finds the equilibria of the others"
        )
    return row


def _rows(
    complex_: PolyhedralComplex, values: VertexValues, pieces: Pieces, ranks: np.ndarray, groups: dict[int, Groups]
) -> dict[str, Any]:
    """The arrays of the record, from the highest piece down."""
    first = pieces.representatives()
    order = sorted(groups, key=lambda piece: (-int(ranks[first[piece]]), piece))
    vertices = first[order].astype(np.int64)
    size = complex_.dim + 1
    events = np.unique(-ranks[vertices], return_inverse=True)[1].astype(np.int64)
    lower, upper, active = _boxes(complex_, pieces, order)
    flat = np.zeros(pieces.n_pieces, dtype=np.int64)
    for k in range(size):
        flat += np.bincount(pieces.owner[k][pieces.flat_cells(k)], minlength=pieces.n_pieces)
    return {
        "points": complex_.vertices[vertices],
        "point_error": complex_.vertex_error[vertices],
        "vertices": vertices,
        "values": values.values[vertices, 0],
        "value_error": values.errors[vertices, 0],
        "events": events,
        "betti": np.array([groups[p].betti for p in order], dtype=np.int64).reshape(-1, size),
        "groups": tuple(str(groups[p]) for p in order),
        "indices": np.array([groups[p].degree if groups[p].is_lone else -1 for p in order], dtype=np.int64),
        "flat_dim": pieces.flat_dimension()[order],
        "flat_cells": flat[order],
        "lower": lower,
        "upper": upper,
        "active": active,
    }


def _boxes(complex_: PolyhedralComplex, pieces: Pieces, order: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The bounding boxes of pieces, and on which sides of the domain all their vertices lie."""
    n, dim = len(order), complex_.ambient_dim
    lower, upper, active = np.zeros((n, dim)), np.zeros((n, dim)), np.zeros((n, dim), dtype=np.int8)
    members = np.argsort(pieces.of_vertex, kind="stable")
    starts = np.searchsorted(pieces.of_vertex[members], np.arange(pieces.n_pieces + 1))
    off = complex_.box_signs(0)
    for row, piece in enumerate(order):
        vertices = members[starts[piece] : starts[piece + 1]]
        lower[row], upper[row] = complex_.vertices[vertices].min(axis=0), complex_.vertices[vertices].max(axis=0)
        on = off[vertices].max(axis=0) == 0
        active[row] = on[1::2].astype(np.int8) - on[0::2].astype(np.int8)
    return lower, upper, active
