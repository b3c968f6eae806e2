"""The upper link of a cell at a critical point of f on it: the neighbouring cells into which f climbs (§5, (5.12)).

Near a point x inside a cell S the complex is S times a cone over its link. Let f be smooth on closed cells, x a non-degenerate
critical point of f on S with p positive eigenvalues, and let f rise or fall, to first order, into every cell of one dimension
more around S. Then x is isolated, and

    H_k({f >= c}, {f >= c} - x) = reduced H_(k - p - 1)(U),                                                     (5.12)

U the cells around S all of whose neighbours of S of one dimension more are climbed into.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.morse.piecewise_linear.local_chains import Degree, Groups, local_groups

Star = list[np.ndarray]


def upper_star(cells: Cells, k: int, cell: int, climbs: Callable[[int], int]) -> Star | None:
    """The cell itself and the cells of U by dimension from k up; None where f neither rises nor falls into a neighbour.

    ``climbs(c)``: 1, -1 or 0 (not decided) for the (k+1)-cell c.
    """
    found: Star = [np.array([cell], dtype=np.int64)]
    if k == cells.dim:
        return found
    around = _cofaces(cells, k, found[0])
    signs = np.array([climbs(c) for c in around.tolist()], dtype=np.int64)
    if (signs == 0).any():
        return None
    found.append(around[signs > 0])
    falling = around[signs < 0]
    for level in range(k + 1, cells.dim):
        around, below = _cofaces(cells, level, found[-1]), falling
        falling = _cofaces(cells, level, below)
        found.append(np.setdiff1d(around, falling, assume_unique=True))
    return found


def _cofaces(cells: Cells, k: int, chosen: np.ndarray) -> np.ndarray:
    starts, above, _ = cells.cofaces(k)
    if not chosen.size:
        return np.zeros(0, dtype=np.int64)
    return np.unique(np.concatenate([above[starts[c] : starts[c + 1]] for c in chosen.tolist()])).astype(np.int64)


def link_groups(cells: Cells, stars: list[tuple[int, Star]]) -> dict[int, Groups]:
    """For each (dimension, star), by its place, the groups that are not zero: degree j is reduced H_(j-1) of the link."""
    owners: list[list[np.ndarray]] = [[] for _ in range(cells.dim + 1)]
    entries: list[list[np.ndarray]] = [[] for _ in range(cells.dim + 1)]
    sizes = [0] * (cells.dim + 1)
    for number, (k, star) in enumerate(stars):
        first = list(sizes)
        for j, members in enumerate(star):
            owners[j].append(np.full(members.size, number))
            if j:
                entries[j].append(_incidence(cells, k + j, members, star[j - 1], (first[j], first[j - 1])))
            sizes[j] += members.size
    degrees = []
    for owner, parts in zip(owners, entries, strict=True):
        rows = np.concatenate([np.zeros((0, 3), dtype=np.int64), *parts])
        owner = np.concatenate([np.zeros(0, dtype=np.int64), *owner])
        degrees.append(Degree(owner, rows[:, 0], rows[:, 1], rows[:, 2]))
    return local_groups(degrees)


def _incidence(cells: Cells, k: int, members: np.ndarray, below: np.ndarray, offsets: tuple[int, int]) -> np.ndarray:
    """(cell, face, sign) of the k-cells ``members`` and their facets in ``below`` (ascending), numbered from offsets."""
    found = []
    for place, c in enumerate(members.tolist()):
        span = slice(int(cells.starts[k][c]), int(cells.starts[k][c + 1]))
        faces = cells.faces[k][span].astype(np.int64)
        at = np.searchsorted(below, faces)
        inside = (at < below.size) & (below[np.minimum(at, below.size - 1)] == faces) if below.size else at < 0
        rows = np.full((int(inside.sum()), 3), offsets[0] + place)
        rows[:, 1], rows[:, 2] = offsets[1] + at[inside], cells.signs[k][span][inside]
        found.append(rows)
    return np.concatenate([np.zeros((0, 3), dtype=np.int64), *found])
