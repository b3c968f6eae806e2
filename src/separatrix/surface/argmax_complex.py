"""The argmax complex: cells of constant hidden signs and a constant set of top classes, ties below the top merged (§6)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from separatrix.complexes.cells import Cells, Masks
from separatrix.complexes.point_signs import neuron_signs
from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.complexes.sign_layout import VARIES, SignLayout, words_over_facets
from separatrix.domains import Box
from separatrix.surface.merging import merged_cells
from separatrix.surface.top_classes import Contrasts, top_classes_of_cells


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ArgmaxComplex(PolyhedralComplex):
    """A polyhedral complex whose last rows of signs are max z - z_k, one a class: 0 where class k is at the top, else +.

    ``contrasts``: the rows z_i - z_j from which they were made, the last of ``steps``.
    """

    contrasts: Contrasts

    @classmethod
    def from_fine(cls, fine: PolyhedralComplex, contrasts: Contrasts, **changed: Any) -> ArgmaxComplex:
        """``fine`` with other cells or signs."""
        kept = {f.name: getattr(fine, f.name) for f in fields(PolyhedralComplex)}
        return cls(**{**kept, **changed, "contrasts": contrasts})

    def top_classes(self, k: int) -> np.ndarray:
        """Which classes are at the top on every k-cell, (cells, n_classes) boolean."""
        return self.signs(k)[:, -self.contrasts.n_classes :] == 0

    def point_words(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(positive, negative) sign words of points ``x`` (m, n), exact, and which of them lie in the domain."""
        n_pairs = len(self.contrasts.pairs)
        layout = class_layout(self.layout, n_pairs)
        signs = neuron_signs(self.steps, layout, x)
        top = self.contrasts.at_top(signs[:, -n_pairs:])
        box, inside = np.ones((len(x), 2 * self.layout.dim), dtype=np.int8), np.ones(len(x), dtype=bool)
        if isinstance(self.domain, Box):
            box[:, 0::2], box[:, 1::2] = x > self.domain.lower, x < self.domain.upper
            inside = self.domain.contains(x)
        rows = np.concatenate([signs[:, :-n_pairs], (~top).astype(np.int8)], axis=1)
        return *self.layout.packed(rows, box), inside


def argmax_complex(fine: PolyhedralComplex, contrasts: Contrasts) -> ArgmaxComplex:
    """``fine``, cut by all z_i - z_j, with the cuts below the top merged away.

    The rows of the result's layout are max z - z_k, one a class: 0 where class k is at the top, + elsewhere. A set of
    constant hidden signs and constant top classes is a relatively open convex polytope that the rows cut; its cells of
    largest dimension are joined across those that lie inside it.
    """
    words = fine.positive, fine.negative
    top = top_classes_of_cells(fine.cells, fine.layout, *words, contrasts)
    merged = merged_cells(fine.cells, _inner_incidences(fine.cells, fine.layout, words, top))
    vertices = merged.members[0]
    own = tuple(int((part < count).sum()) for part, count in zip(merged.members, fine.cell_counts, strict=True))
    layout = class_layout(fine.layout, contrasts.n_classes)
    positive, negative = _with_classes(fine, layout, vertices, top[0][vertices])
    return ArgmaxComplex.from_fine(
        fine,
        contrasts,
        cells=merged.cells,
        cell_counts=own,
        points=fine.points[vertices],
        point_error=fine.point_error[vertices],
        positive=positive,
        negative=negative,
        layout=layout,
        inclusion=None,
    )


def class_words(fine: PolyhedralComplex, contrasts: Contrasts) -> ArgmaxComplex:
    """``fine`` with rows max z - z_k, one a class, in place of the contrasts; nothing is merged."""
    vertices = np.arange(fine.cells.counts[0])
    top = contrasts.at_top(fine.layout.unpacked(fine.positive, fine.negative)[:, -len(contrasts.pairs) :])
    layout = class_layout(fine.layout, contrasts.n_classes)
    positive, negative = _with_classes(fine, layout, vertices, top)
    return ArgmaxComplex.from_fine(fine, contrasts, positive=positive, negative=negative, layout=layout)


def _with_classes(
    fine: PolyhedralComplex, layout: SignLayout, vertices: np.ndarray, top: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sign words of ``vertices``: the hidden ones of ``fine``, then + for every class that is not at the top."""
    hidden = fine.layout.first_words[-1]
    words = np.zeros((2, vertices.size, layout.n_words), dtype=np.uint64)
    words[0, :, :hidden], words[1, :, :hidden] = fine.positive[vertices, :hidden], fine.negative[vertices, :hidden]
    for k in range(top.shape[1]):
        words[0, :, hidden + k // 64] |= (~top[:, k]).astype(np.uint64) << np.uint64(k % 64)
    return words[0], words[1]


def class_layout(layout: SignLayout, n_classes: int) -> SignLayout:
    """The hidden part of ``layout``, then one row max z - z_k a class."""
    rows = np.arange(n_classes)
    fixed = (*layout.fixed[:-1], np.full(n_classes, VARIES, dtype=np.int8)) if layout.fixed else ()
    return SignLayout(layout.dim, (*layout.coordinates[:-1], rows), has_rows=True, fixed=fixed)


def _inner_incidences(
    cells: Cells, layout: SignLayout, words: tuple[np.ndarray, np.ndarray], top: tuple[np.ndarray, ...]
) -> Masks:
    """For every entry of ``cells.faces``: do face and cell have the same hidden signs and the same classes at the top?

    A face has the signs of its cell, or zeros in their place: the same hidden signs are as many non-zero ones.
    """
    hidden = layout.first_words[-1]
    below = words[0][:, :hidden] | words[1][:, :hidden]
    weight, classes = _bit_counts(below), top[0].sum(axis=1)
    inner = [np.zeros(0, dtype=bool)]
    for k in range(1, cells.dim + 1):
        below = words_over_facets(cells, k, below)
        own_weight, own_classes = _bit_counts(below), top[k].sum(axis=1)
        owners, faces = cells.owners(k), cells.faces[k]
        inner.append((weight[faces] == own_weight[owners]) & (classes[faces] == own_classes[owners]))
        weight, classes = own_weight, own_classes
    return tuple(inner)


def _bit_counts(words: np.ndarray) -> np.ndarray:
    return np.bitwise_count(words).sum(axis=1, dtype=np.int64)
