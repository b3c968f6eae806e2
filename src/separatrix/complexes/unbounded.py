"""Complexes whose cells are open at infinity: order, subcomplexes and the three homologies (§7, complexes on R^n).

Such a complex X is kept closed off by a far box: X = K minus B, B the subcomplex of K in the faces of the box. Then
H_*(K) = H_*(X), for K is a deformation retract of X up to the box; H_*(K, B) is Borel-Moore homology of X; and K / B is its
one-point compactification, with the chain complex of (K, B) and one vertex more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.complexes.cells import Cells, Masks
from separatrix.complexes.inclusion import Inclusion
from separatrix.complexes.sign_layout import SignLayout, words_over_facets
from separatrix.errors import InputError, KindError, printable

if TYPE_CHECKING:
    from separatrix.complexes.polyhedral_complex import PolyhedralComplex

KINDS = ("ordinary", "borel-moore", "one-point")


def finite_first(cells: Cells, layout: SignLayout, positive: np.ndarray) -> tuple[Cells, tuple[int, ...], np.ndarray]:
    """``cells`` with those in faces of the far box at the end, how many are not, and the new order of the vertices."""
    word = np.ascontiguousarray(positive[:, :1])
    orders, counts = [], []
    full = np.uint64((1 << (2 * layout.dim)) - 1)
    for k in range(cells.dim + 1):
        word = words_over_facets(cells, k, word) if k else word
        far = word[:, 0] != full
        orders.append(np.argsort(far, kind="stable"))
        counts.append(int(far.size - np.count_nonzero(far)))
    return reordered(cells, orders), tuple(counts), orders[0]


def reordered(cells: Cells, orders: list[np.ndarray]) -> Cells:
    """The same complex with the k-cells in the order ``orders[k]`` of their old numbers."""
    starts, faces, signs = [cells.starts[0]], [cells.faces[0]], [cells.signs[0]]
    for k in range(1, cells.dim + 1):
        number = np.empty(cells.counts[k - 1], dtype=np.int32)
        number[orders[k - 1]] = np.arange(cells.counts[k - 1], dtype=np.int32)
        old, start = cells.starts[k][orders[k]], np.zeros(cells.counts[k] + 1, dtype=np.int64)
        lengths = cells.starts[k][orders[k] + 1] - old
        np.cumsum(lengths, out=start[1:])
        entries = np.repeat(old - start[:-1], lengths) + np.arange(int(start[-1]))
        starts.append(start)
        faces.append(number[cells.faces[k][entries]])
        signs.append(cells.signs[k][entries])
    return Cells(cells.counts, tuple(starts), tuple(faces), tuple(signs))


def closed_masks(complex_: PolyhedralComplex, masks: Any) -> Masks:
    """Masks of the complex's own cells as closed masks of ``cells``; InputError where a face that is no face at infinity
    is missing."""
    given = getattr(masks, "masks", masks)
    if isinstance(given, (str, np.ndarray)) or not hasattr(given, "__len__"):
        raise KindError(f"expected a list of boolean masks, one a dimension, came {type(given).__name__}")
    own = complex_.cell_counts
    if len(given) > len(own):
        raise InputError(f"expected at most {len(own)} masks, one a dimension, came {len(given)}")
    found = []
    for k, (count, total) in enumerate(zip(own, complex_.cells.counts, strict=True)):
        part = np.asarray(given[k]) if k < len(given) else np.zeros(count, dtype=bool)
        if part.shape != (count,) or (part.dtype != bool and count):
            raise InputError(f"mask {k}: expected {count} booleans, came shape {part.shape} of {part.dtype}")
        mask = np.zeros(total, dtype=bool)
        mask[:count] = part
        found.append(mask)
    members = complex_.cells.masks(found)
    closure = complex_.cells.closure(members)
    for k, count in enumerate(own):
        missing = np.flatnonzero(closure[k][:count] & ~members[k][:count])
        if missing.size:
            raise InputError(
                f"a subcomplex must hold the faces of its cells: cell {missing[0]} of dimension {k} is a face of a member "
                "and no member itself"
            )
    return closure


def subcomplex(complex_: PolyhedralComplex, masks: Any, dim: int | None = None) -> PolyhedralComplex:
    """The subcomplex of masks of the complex's own cells."""
    closure = closed_masks(complex_, masks)
    cells, ids = complex_.cells.restricted(closure, dim)
    counts = tuple(int(np.searchsorted(i, own)) for i, own in zip(ids, complex_.cell_counts, strict=False))
    own_ids = tuple(i[:count] for i, count in zip(ids, counts, strict=True))
    return replace(
        complex_,
        cells=cells,
        cell_counts=counts,
        points=complex_.points[ids[0]],
        point_error=complex_.point_error[ids[0]],
        positive=complex_.positive[ids[0]],
        negative=complex_.negative[ids[0]],
        inclusion=Inclusion(own_ids, complex_.cell_counts),
    )


def open_chains(complex_: PolyhedralComplex) -> Any:
    """The chain complex of the complex's own cells: that of the pair (K, B) where cells are open at infinity."""
    from separatrix.homology.chain_complex import ChainComplex

    cells, own = complex_.cells, complex_.cell_counts
    if complex_.is_closed:
        return ChainComplex.from_columns(cells.counts, cells.starts, cells.faces, cells.signs)
    starts, faces, signs = [np.zeros(own[0] + 1, dtype=np.int64)], [cells.faces[0]], [cells.signs[0]]
    for k in range(1, cells.dim + 1):
        end = int(cells.starts[k][own[k]])
        near = cells.faces[k][:end] < own[k - 1]
        lengths = np.bincount(cells.owners(k)[:end][near], minlength=own[k])
        starts.append(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        faces.append(cells.faces[k][:end][near])
        signs.append(cells.signs[k][:end][near])
    return ChainComplex.from_columns(own, starts, faces, signs)


def complex_homology(complex_: PolyhedralComplex, coefficients: str, relative_to: Any, kind: str | None) -> Any:
    """Homology of one of the three kinds, relative to masks of the complex's own cells."""
    if kind is not None and kind not in KINDS:
        raise InputError(f"kind: expected one of {', '.join(KINDS)}, came {printable(repr(kind))}")
    own = complex_.cell_counts
    below = None if relative_to is None else closed_masks(complex_, relative_to)
    inside = None if below is None else [mask[:count] for mask, count in zip(below, own, strict=True)]
    if complex_.is_closed:
        chains = open_chains(complex_)
        found = chains.homology(
            coefficients,
            relative_to=inside,
            kind="one-point" if kind == "one-point" else None,
            **({"unbounded": [np.zeros(count, dtype=bool) for count in own]} if kind == "one-point" else {}),
        )
        return replace(found, kind=kind or "")
    kind = kind or "ordinary"
    if kind == "ordinary" and not all(mask.all() for mask in _have_vertices(complex_)):
        return _closed_off(complex_, coefficients, below)
    unbounded = [~complex_.is_bounded(k) for k in range(complex_.dim + 1)]
    return open_chains(complex_).homology(coefficients, relative_to=inside, kind=kind, unbounded=unbounded)


def _have_vertices(complex_: PolyhedralComplex) -> Masks:
    """Which of ``cells`` that are no cells at infinity have a vertex of the complex; all of those at infinity."""
    far = complex_.at_infinity
    near = [np.zeros(count, dtype=bool) for count in complex_.cells.counts]
    near[0] = ~far[0]
    return tuple(a | b for a, b in zip(complex_.cells.star(near), far, strict=True))


def _closed_off(complex_: PolyhedralComplex, coefficients: str, below: Masks | None) -> Any:
    """Ordinary homology where cells contain lines: that of K; cells at infinity have numbers after all others."""
    from separatrix.homology.chain_complex import ChainComplex

    cells = complex_.cells
    chains = ChainComplex.from_columns(cells.counts, cells.starts, cells.faces, cells.signs)
    found = chains.homology(coefficients, relative_to=None if below is None else list(below))
    return replace(found, kind="ordinary")
