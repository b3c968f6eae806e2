"""The 2-cells of a complex as polygons: their vertices in cyclic order."""

from __future__ import annotations

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.errors import SeparatrixError


def polygons(cells: Cells, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(starts, vertices): the 2-cell c, of the first ``count``, has the corners ``vertices[starts[c]:starts[c + 1]]``.

    In the order of its orientation: the edge from one corner to the next has incidence number 1 with the cell where it
    points that way. Raises SeparatrixError where the edges of a cell form no single cycle.
    """
    count = cells.counts[2] if count is None else count
    starts = cells.starts[2][: count + 1]
    total = int(starts[-1])
    lengths = np.diff(starts)
    tails, heads = _ends(cells)
    edge, forward = cells.faces[2][:total], cells.signs[2][:total] > 0
    tail = np.where(forward, tails[edge], heads[edge]).astype(np.int64)
    head = np.where(forward, heads[edge], tails[edge]).astype(np.int64)
    owner = np.repeat(np.arange(count, dtype=np.int64), lengths)
    following = _following(owner, tail, head, cells.counts[0])
    found = np.empty(total, dtype=np.int32)
    at, cell = starts[:-1].copy(), np.arange(count)
    for step in range(int(lengths.max(initial=0))):
        cell = cell[lengths[cell] > step]
        found[starts[cell] + step] = tail[at[cell]]
        at[cell] = following[at[cell]]
        if step and (at[cell[lengths[cell] > step + 1]] == starts[cell[lengths[cell] > step + 1]]).any():
            raise SeparatrixError("the edges of a cell of dimension 2 form more than one cycle; it is no polygon")
    return starts, found


def _ends(cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Tail and head of every edge, the ends with incidence number -1 and 1."""
    ends, signs = cells.faces[1].reshape(-1, 2), cells.signs[1].reshape(-1, 2)
    rises = signs[:, 0] < 0
    return np.where(rises, ends[:, 0], ends[:, 1]), np.where(rises, ends[:, 1], ends[:, 0])


def _following(owner: np.ndarray, tail: np.ndarray, head: np.ndarray, n_vertices: int) -> np.ndarray:
    """For every side of a polygon the entry of the side of the same cell that begins where it ends."""
    key = owner * n_vertices + tail
    order = np.argsort(key, kind="stable")
    place = np.searchsorted(key[order], owner * n_vertices + head)
    following = order[np.minimum(place, max(order.size - 1, 0))] if order.size else order
    if not (key[following] == owner * n_vertices + head).all():
        raise SeparatrixError("the edges of a cell of dimension 2 form no cycle; it is no polygon")
    return following
