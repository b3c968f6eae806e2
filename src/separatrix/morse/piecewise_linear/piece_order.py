"""The pieces of a complex in the order of their values: where components of {f >= c} are born and join (§5, §10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.morse.piecewise_linear.flat_pieces import Pieces


@dataclass(frozen=True, eq=False)
class Ascent:
    """From the highest value down: ``births``, the pieces that are maxima; ``joins``, pieces with a maximum of every component
    that they join, two or more, each reached by rising edges.

    ``starts``, ``higher``: the higher neighbours of piece p are higher[starts[p] : starts[p + 1]], from the highest down.
    ``summit`` (pieces,): the maximum reached from each piece along the edge to its highest neighbour, again and again.
    """

    births: list[int]
    joins: list[tuple[int, tuple[int, ...]]]
    starts: np.ndarray
    higher: np.ndarray
    summit: np.ndarray

    def above(self, piece: int) -> tuple[int, ...]:
        """The maxima reached over the higher neighbours of a piece, those of a join first; itself if it has none."""
        first = dict(self.joins).get(piece, ())
        beside = self.summit[self.higher[self.starts[piece] : self.starts[piece + 1]]].tolist()
        return tuple(dict.fromkeys([*first, *beside])) or (int(self.summit[piece]),)


def ascend(pieces: Pieces, ranks: np.ndarray) -> Ascent:
    """Births and joins of components as the pieces are added in the order of their exact ranks (V,), the highest first."""
    n = pieces.n_pieces
    rank = ranks[pieces.representatives()]
    starts, higher = _higher_neighbours(pieces, rank)
    parent, summit = list(range(n)), np.arange(n)
    births: list[int] = []
    joins: list[tuple[int, tuple[int, ...]]] = []
    bounds = starts.tolist()
    for piece in np.argsort(-rank, kind="stable").tolist():
        beside = higher[bounds[piece] : bounds[piece + 1]].tolist()
        if not beside:
            births.append(piece)
            continue
        summit[piece] = summit[beside[0]]
        leaf = {}  # a maximum of every component that meets here
        for other in beside:
            root = _root(parent, other)
            leaf.setdefault(root, int(summit[other]))
        roots = list(leaf)
        for root in roots:
            parent[root] = piece
        if len(roots) > 1:
            joins.append((piece, tuple(leaf.values())))
    return Ascent(births, joins, starts, higher, summit)


def _higher_neighbours(pieces: Pieces, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(starts, higher): across edges of the complex to pieces of larger rank, the highest first."""
    cells, n = pieces.cells, pieces.n_pieces
    ends = cells.faces[1].reshape(-1, 2) if cells.dim else np.zeros((0, 2), dtype=np.int64)
    first, last = (pieces.of_vertex[ends[:, i]].astype(np.int64) for i in (0, 1))
    rises = rank[last] > rank[first]
    low, high = np.where(rises, first, last), np.where(rises, last, first)
    low, high = low[low != high], high[low != high]
    order = np.lexsort((high, -rank[high], low))
    return np.searchsorted(low[order], np.arange(n + 1)), high[order]


def _root(parent: list[int], piece: int) -> int:
    """The root of a piece, with the path to it halved."""
    while parent[piece] != piece:
        parent[piece] = parent[parent[piece]]
        piece = parent[piece]
    return piece
