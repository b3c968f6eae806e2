"""The forms that vanish at vertices, of which n independent ones fix a vertex (§6)."""

from __future__ import annotations

import numpy as np

MOST_ROWS = 32


def unpacked(bits: np.ndarray, count: int) -> np.ndarray:
    """Bits (vertices, words) as booleans (vertices, count)."""
    octets = np.ascontiguousarray(bits).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, axis=1, count=count, bitorder="little").astype(bool)


class Rows:
    """Forms that vanish at the vertices: up to 32 more than n for each of them.

    ``speed``: how fast a form has to change where the box grows on all sides at speed 1: the faces +-1, neurons 0; ``total``:
    the number of forms that vanish, those left out included.
    """

    def __init__(self, points: int, n: int) -> None:
        most = n + MOST_ROWS
        self.F, self.e_F = np.zeros((points, most)), np.zeros((points, most))
        self.G, self.e_G = np.zeros((points, most, n)), np.zeros((points, most))
        self.speed = np.zeros((points, most))
        self.count, self.total = np.zeros((2, points), dtype=np.int64)

    def add(self, zero: np.ndarray, F: np.ndarray, G: np.ndarray, e_F: np.ndarray, e_G: np.ndarray) -> None:
        """Rows (v, i) where ``zero`` (V, m): values F (V, m), gradients G (V, n, m), errors e_F, e_G (V, m).

        Rows whose gradient is not known to differ from 0 cannot help to fix a vertex, and are counted only.
        """
        self.total += zero.sum(axis=1)
        v, i = np.nonzero(zero)
        slopes = np.sqrt((G[v, :, i] ** 2).sum(axis=1)) > e_G[v, i]
        v, i = v[slopes], i[slopes]
        slot = self.count[v] + np.arange(v.size) - np.searchsorted(v, v)
        is_crowded = np.zeros(self.count.size, dtype=bool)
        is_crowded[v[slot >= self.F.shape[1]]] = True
        if is_crowded.any():
            kept = _first_of_each_direction(v, G[v, :, i], is_crowded)
            v, i = v[kept], i[kept]
            slot = self.count[v] + np.arange(v.size) - np.searchsorted(v, v)
        fits = slot < self.F.shape[1]
        v, i, slot = v[fits], i[fits], slot[fits]
        self.F[v, slot], self.e_F[v, slot] = F[v, i], e_F[v, i]
        self.G[v, slot], self.e_G[v, slot] = G[v, :, i], e_G[v, i]
        self.count += np.bincount(v, minlength=self.count.size)


def _first_of_each_direction(v: np.ndarray, G: np.ndarray, is_crowded: np.ndarray) -> np.ndarray:
    """Which rows G (r, n) of the vertices v (r,) to keep: of those that are crowded one for every direction.

    A line that is the zero set of hundreds of neurons (a pixel that one image alone has) would leave no room for others.
    """
    size = np.abs(G).max(axis=1, keepdims=True)
    lead = np.take_along_axis(G, np.abs(G).argmax(axis=1)[:, None], axis=1)
    shape = np.round(G / np.where(size > 0, lead, 1.0), 9) + 0.0
    own = np.where(is_crowded[v], -1, np.arange(v.size))
    _, first = np.unique(np.column_stack([v, own, shape]), axis=0, return_index=True)
    return np.sort(first)


def add_faces(rows: Rows, x: np.ndarray, positive: np.ndarray, box: tuple[np.ndarray, np.ndarray]) -> None:
    """The faces of the box that hold the points x (V, n), from their bits: before all other rows, for they have speeds."""
    n = x.shape[1]
    inside = unpacked(positive[:, :1], 2 * n)
    sides = np.stack(box, axis=1).ravel()
    F = np.repeat(x, 2, axis=1) - sides
    G = np.broadcast_to(np.repeat(np.eye(n), 2, axis=1), (x.shape[0], n, 2 * n))
    rows.add(~inside, F, G, np.abs(F) * 2.0**-52, np.zeros_like(F))
    v, face = np.nonzero(~inside)
    rows.speed[v, np.arange(v.size) - np.searchsorted(v, v)] = np.where(face % 2 == 1, 1.0, -1.0)
