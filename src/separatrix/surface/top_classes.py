"""Which classes are at the top on a cell: rows of contrasts of logits, and what their signs say (§6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.complexes.cells import Cells, Masks
from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.complexes.sign_layout import WORD, SignLayout, words_over_facets
from separatrix.errors import InputError, KindError
from separatrix.networks.network import Network

VERTICES_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Contrasts:
    """The rows z_i - z_j by which a complex is cut, as ``pairs`` (i, j), and the ``classes`` whose ties are asked for.

    ``classes``: the pair {z_i = z_j >= z_l}, or None for all ties of two or more classes at the top.
    """

    n_classes: int
    pairs: tuple[tuple[int, int], ...]
    classes: tuple[int, int] | None

    @classmethod
    def of(cls, n_classes: int, classes: tuple[int, int] | None) -> Contrasts:
        """The contrasts that decide a pair's surface, or (None) the whole argmax complex."""
        if n_classes == 2:
            pairs = ((1, 0),) if classes is None else (classes,)
        elif classes is None:
            pairs = tuple((i, j) for i in range(n_classes) for j in range(i + 1, n_classes))
        else:
            pairs = (classes, *((classes[0], other) for other in range(n_classes) if other not in classes))
        return cls(n_classes, pairs, classes)

    @property
    def rows(self) -> np.ndarray:
        """The contrasts as integer rows over the classes, (pairs, n_classes)."""
        found = np.zeros((len(self.pairs), self.n_classes), dtype=np.int64)
        for row, (i, j) in zip(found, self.pairs, strict=True):
            row[i], row[j] = 1, -1
        return found

    @property
    def cuts_below(self) -> bool:
        """Whether rows also cut cells by ties below the top, which are to be merged away."""
        return self.classes is None and self.n_classes > 2

    def at_top(self, signs: np.ndarray) -> np.ndarray:
        """Which classes are at the top, (cells, n_classes) boolean, from the signs (cells, pairs) of the rows.

        A class is at the top if none of its rows shows another above it. Under the rows of a pair the answer is right for
        the cells on which the two are at the top.
        """
        top = np.ones((signs.shape[0], self.n_classes), dtype=bool)
        for sign, (i, j) in zip(signs.T, self.pairs, strict=True):
            top[:, j] &= sign <= 0
            top[:, i] &= sign >= 0
        return top

    def ties(self, top: np.ndarray) -> np.ndarray:
        """Which cells lie in the surface, (cells,) boolean, from their classes at the top."""
        if self.classes is None:
            return top.sum(axis=1) >= 2
        return top[:, self.classes[0]] & top[:, self.classes[1]]


def as_classes(network: Network, classes: Any) -> tuple[int, int] | None:
    """``classes`` as a pair of different class numbers, or None for all; KindError and InputError otherwise."""
    if classes is None:
        return None
    if isinstance(classes, (str, bytes)) or not hasattr(classes, "__len__") or np.ndim(classes) != 1:
        raise KindError(
            f"classes: expected a pair (i, j) of class numbers, or None for all classes, came {type(classes).__name__}"
        )
    pair = tuple(classes)
    if len(pair) != 2:
        raise InputError(f"classes: expected two class numbers, came {len(pair)}; None stands for all classes")
    for k in pair:
        if isinstance(k, (bool, np.bool_)) or not isinstance(k, (int, np.integer)):
            raise KindError(f"classes: expected integers, came {type(k).__name__}")
        if not 0 <= k < network.n_classes:
            raise InputError(
                f"classes: {int(k)} is no class of this network, which has {network.n_classes}, counted from 0"
            )
    if pair[0] == pair[1]:
        raise InputError(f"classes: expected two different classes, came {int(pair[0])} twice")
    return int(pair[0]), int(pair[1])


def top_words(layout: SignLayout, positive: np.ndarray, negative: np.ndarray, contrasts: Contrasts) -> np.ndarray:
    """Bits of the classes that are not at the top at each vertex, (vertices, words) uint64, from the vertices' sign words.

    The rows of ``contrasts`` are the last step of ``layout``. On a cell the differences of the logits are affine: a class is
    at the top on it if it is so at all its vertices, so the words of a cell are the OR of those of its faces.
    """
    rows = SignLayout(layout.dim, (layout.coordinates[-1],), has_rows=True)
    first = layout.first_words[-1]
    below = np.zeros((positive.shape[0], -(-contrasts.n_classes // WORD)), dtype=np.uint64)
    for start in range(0, positive.shape[0], VERTICES_AT_ONCE):
        part = slice(start, start + VERTICES_AT_ONCE)
        words = [np.concatenate([w[part, :1], w[part, first:]], axis=1) for w in (positive, negative)]
        top = contrasts.at_top(rows.unpacked(*words))
        for k in range(contrasts.n_classes):
            below[part, k // WORD] |= (~top[:, k]).astype(np.uint64) << np.uint64(k % WORD)
    return below


def unpacked_top(below: np.ndarray, n_classes: int) -> np.ndarray:
    """Which classes are at the top, (cells, n_classes) boolean, from :func:`top_words`."""
    octets = np.ascontiguousarray(below).astype("<u8").view(np.uint8).reshape(below.shape[0], 8 * below.shape[1])
    return np.unpackbits(octets, axis=1, count=n_classes, bitorder="little") == 0


def top_classes_of_cells(
    cells: Cells, layout: SignLayout, positive: np.ndarray, negative: np.ndarray, contrasts: Contrasts
) -> tuple[np.ndarray, ...]:
    """By dimension k, which classes are at the top on every k-cell: (counts[k], n_classes) boolean.

    ``positive``, ``negative``: sign words of the vertices; the rows of ``contrasts`` are the last step of ``layout``.
    """
    below = top_words(layout, positive, negative, contrasts)
    found = [unpacked_top(below, contrasts.n_classes)]
    for k in range(1, cells.dim + 1):
        below = words_over_facets(cells, k, below)
        found.append(unpacked_top(below, contrasts.n_classes))
    return tuple(found)


def surface_masks(complex_: PolyhedralComplex, contrasts: Contrasts) -> Masks:
    """Masks by dimension of the cells in the surface, those of ``complex_.cells`` at infinity included.

    All vertices of a cell in the surface lie in it, which leaves few cells to be looked at closely.
    """
    cells = complex_.cells
    below = top_words(complex_.layout, complex_.positive, complex_.negative, contrasts)
    masks = [contrasts.ties(unpacked_top(below, contrasts.n_classes))]
    for k in range(1, cells.dim + 1):
        inside = masks[-1][cells.faces[k]]
        masks.append(np.logical_and.reduceat(inside, cells.starts[k][:-1]) if inside.size else np.zeros(0, dtype=bool))
    part, ids = cells.restricted(masks)
    below = below[ids[0]]
    for k in range(1, part.dim + 1):
        below = words_over_facets(part, k, below)
        masks[k][ids[k][~contrasts.ties(unpacked_top(below, contrasts.n_classes))]] = False
    return tuple(masks)
