"""Cells merged along cuts that are to go: a coarser complex whose cells are unions of cells, oriented alike (§6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.surface.components import joined


@dataclass(frozen=True, eq=False)
class Merged:
    """The coarser complex: its ``cells``, and ``members[k]``, one fine k-cell of every merged k-cell, int32.

    For k = 0 the member is the vertex itself.
    """

    cells: Cells
    members: tuple[np.ndarray, ...]


def merged_cells(cells: Cells, inner: tuple[np.ndarray, ...]) -> Merged:
    """The complex whose cells are the maximal unions of ``cells`` joined across inner incidences.

    ``inner[k]``: boolean, one entry for every entry of ``cells.faces[k]``: the face lies inside the same merged cell as
    its owner. What is merged must be relatively open convex sets cut by hyperplanes, as sets of constant sign are: then
    the cells of largest dimension in such a set hang together through its inner faces, with two of them at each.
    """
    top = cells.dim
    pieces = [np.ones(count, dtype=bool) for count in cells.counts]
    for k in range(1, top + 1):
        pieces[k - 1][cells.faces[k][inner[k]]] = False
    labels, signs, members = [], [], []
    for k in range(top + 1):
        label, sign = _oriented_classes(cells, k, pieces, inner)
        labels.append(label)
        signs.append(sign)
        members.append(_first_of_each(label))
    counts = tuple(m.size for m in members)
    starts, faces, incidence = [np.zeros(counts[0] + 1, dtype=np.int64)], [cells.faces[0]], [cells.signs[0]]
    for k in range(1, top + 1):
        row = _coarse_boundary(cells, k, labels, signs, counts)
        for column, part in zip((starts, faces, incidence), row, strict=True):
            column.append(part)
    return Merged(Cells(counts, tuple(starts), tuple(faces), tuple(incidence)), tuple(members))


def _first_of_each(label: np.ndarray) -> np.ndarray:
    places = np.flatnonzero(label >= 0)
    return places[np.unique(label[places], return_index=True)[1]].astype(np.int32)


def _oriented_classes(
    cells: Cells, k: int, pieces: list[np.ndarray], inner: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Classes of the k-dimensional pieces and the sign of every piece in its class.

    Two pieces at an inner face must induce opposite orientations on it. Every piece is taken twice, once with either
    sign; a class falls into two classes of signed pieces, and the one that holds its first piece with + orients it.
    """
    n = cells.counts[k]
    if k == 0 or not inner[k].any():
        return joined(pieces[k], np.zeros((0, 2), dtype=np.int64))[0], np.ones(n, dtype=np.int8)
    used = inner[k] & pieces[k][cells.owners(k)]
    faces, owners = cells.faces[k][used], cells.owners(k)[used].astype(np.int64)
    sign = cells.signs[k][used]
    order = np.argsort(faces, kind="stable")
    faces, owners, sign = faces[order].reshape(-1, 2), owners[order].reshape(-1, 2), sign[order].reshape(-1, 2)
    assert (faces[:, 0] == faces[:, 1]).all() and (np.diff(faces[:, 0]) > 0).all()
    flip = (sign[:, 0] == sign[:, 1]).astype(np.int64)
    pairs = np.concatenate([2 * owners + [[0, 0]], 2 * owners + [[1, 1]]])
    pairs[:, 1] ^= np.concatenate([flip, flip])
    doubled, _ = joined(np.repeat(pieces[k], 2), pairs)
    label, _ = joined(pieces[k], owners)
    firsts = _first_of_each(label)
    positive = np.where(label >= 0, doubled[2 * firsts[label]], -1) if firsts.size else label
    return label, np.where(doubled[::2] == positive, 1, -1).astype(np.int8)


def _coarse_boundary(
    cells: Cells, k: int, labels: list[np.ndarray], signs: list[np.ndarray], counts: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts, faces and signs of the merged k-cells: every pair of merged cell and face once."""
    owners, faces = cells.owners(k), cells.faces[k]
    coarse, face = labels[k][owners].astype(np.int64), labels[k - 1][faces].astype(np.int64)
    kept = (coarse >= 0) & (face >= 0)
    sign = (cells.signs[k] * signs[k][owners] * signs[k - 1][faces])[kept]
    codes, firsts, inverse = np.unique(
        coarse[kept] * max(counts[k - 1], 1) + face[kept], return_index=True, return_inverse=True
    )
    assert (sign == sign[firsts][inverse]).all(), "pieces of one cell are oriented against each other"
    owner, found = np.divmod(codes, max(counts[k - 1], 1))
    starts = np.searchsorted(owner, np.arange(counts[k] + 1))
    return starts, found.astype(np.int32), sign[firsts]
