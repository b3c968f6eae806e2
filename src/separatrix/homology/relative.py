"""What homology is asked of: a complex, a pair, the bounded cells of an unbounded complex, or its one-point closure (§7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.errors import InputError, KindError, printable
from separatrix.homology.boundary_matrices import Columns, read_columns

if TYPE_CHECKING:
    from separatrix.homology.chain_complex import ChainComplex

KINDS = ("ordinary", "borel-moore", "one-point")


@dataclass(frozen=True, eq=False)
class Asked:
    """The complex to compute with; ``names[k]``: its cells' numbers in the complex asked about, of ``n_cells[k]`` cells."""

    complex: ChainComplex
    names: list[np.ndarray] | None
    n_cells: tuple[int, ...]


def asked_about(chain_complex: ChainComplex, relative_to: Any, kind: str | None, unbounded: Any) -> Asked:
    """The complex whose homology is meant; InputError for masks that are not closed under faces and other misfits."""
    if kind is not None and (not isinstance(kind, str) or kind not in KINDS):
        raise InputError(f"homology: kind must be one of {', '.join(KINDS)} or None, came {printable(kind)!r}")
    outside = None if unbounded is None else read_masks(unbounded, chain_complex.counts, "unbounded")
    inside = None if relative_to is None else read_masks(relative_to, chain_complex.counts, "relative_to")
    if inside is not None:
        check_closed(chain_complex, inside, "relative_to")
    if kind in (None, "borel-moore") and inside is None:
        return Asked(chain_complex, None, chain_complex.counts)
    kept = [np.ones(n, dtype=bool) for n in chain_complex.counts]
    whole = chain_complex
    if kind == "one-point":
        whole = with_point_at_infinity(chain_complex)
        kept[0] = np.append(kept[0], True)
        inside = None if inside is None else _with_infinity(inside, outside)
    elif kind == "ordinary":
        kept = bounded_cells(chain_complex, outside)
    if inside is not None:
        kept = [keep & ~mask for keep, mask in zip(kept, inside, strict=True)]
    if all(keep.all() for keep in kept):
        return Asked(whole, None, whole.counts)
    return Asked(part(whole, kept), [np.flatnonzero(keep) for keep in kept], whole.counts)


def read_masks(masks: Any, counts: Sequence[int], name: str) -> list[np.ndarray]:
    """Boolean masks, one a degree, checked; ``masks`` is a list of them or has an attribute ``masks``."""
    given = getattr(masks, "masks", masks)
    if isinstance(given, (str, bytes, dict)) or not hasattr(given, "__len__"):
        raise KindError(f"homology: {name} must be a list of boolean masks, one a degree, came {type(given).__name__}")
    if len(given) != len(counts):
        raise InputError(f"homology: {name} must have one mask a degree, that is {len(counts)}, came {len(given)}")
    read = [np.asarray(mask) for mask in given]
    for k, (mask, n) in enumerate(zip(read, counts, strict=True)):
        if mask.shape != (n,) or (mask.dtype != bool and n):
            raise InputError(
                f"homology: {name} must have {n} truth values in degree {k}, came shape {mask.shape}, dtype {mask.dtype}"
            )
    return [mask.astype(bool) for mask in read]


def check_closed(chain_complex: ChainComplex, masks: list[np.ndarray], name: str) -> None:
    """InputError where a cell is in the masks and one of its faces is not."""
    for k in range(1, chain_complex.dim + 1):
        columns = chain_complex.columns(k)
        owner = np.repeat(np.arange(columns.n_cells), np.diff(columns.starts))
        bad = np.flatnonzero(masks[k][owner] & ~masks[k - 1][columns.faces])
        if len(bad):
            raise InputError(
                f"homology: {name} must be closed under faces: it has cell {owner[bad[0]]} of degree {k} but not its face "
                f"{columns.faces[bad[0]]}"
            )


def part(chain_complex: ChainComplex, kept: list[np.ndarray]) -> ChainComplex:
    """The chain complex on the kept cells: rows and columns of the others deleted.

    It is one where the kept cells or the others are closed under faces, or one set of each kind was taken in turn.
    """
    operators = []
    for k in range(1, chain_complex.dim + 1):
        columns = chain_complex.columns(k)
        owner = np.repeat(np.arange(columns.n_cells), np.diff(columns.starts))
        entries = kept[k][owner] & kept[k - 1][columns.faces]
        number = np.cumsum(kept[k - 1]) - 1
        lengths = np.bincount(owner[entries], minlength=columns.n_cells)[kept[k]]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        faces = number[columns.faces[entries]].astype(columns.faces.dtype)
        operators.append(Columns(int(kept[k - 1].sum()), starts, faces, columns.coefficients[entries]))
    return type(chain_complex)._of_verified(int(kept[0].sum()) if kept else 0, operators)


def with_point_at_infinity(chain_complex: ChainComplex) -> ChainComplex:
    """The complex with one more vertex, the last, that closes every edge: its row of d_1 is minus the sum of the others.

    The product of the boundary operators stays zero, since the new row is a combination of the old ones.
    """
    if chain_complex.dim < 0:
        raise InputError("homology: the one-point kind needs a complex with degrees")
    operators = [chain_complex.columns(k) for k in range(1, chain_complex.dim + 1)]
    n = chain_complex.counts[0]
    if operators:
        first = operators[0]
        owner = np.repeat(np.arange(first.n_cells), np.diff(first.starts))
        sums = np.zeros(first.n_cells, dtype=object)
        np.add.at(sums, owner, first.coefficients.astype(object))
        open_edges = np.flatnonzero(sums != 0)
        places = first.starts[open_edges + 1]
        starts = first.starts + np.concatenate([[0], np.cumsum(sums != 0)])
        faces = np.insert(first.faces, places, n)
        values = np.insert(first.coefficients.astype(object), places, [-s for s in sums[open_edges]])
        operators[0] = read_columns(n + 1, starts.astype(np.int64), faces, values, "d_1")
    return type(chain_complex)._of_verified(n + 1, operators)


def _with_infinity(inside: list[np.ndarray], outside: list[np.ndarray] | None) -> list[np.ndarray]:
    """The closure of a subcomplex in the one-point closure: it has the point at infinity if it has an unbounded cell."""
    if outside is None:
        raise InputError("homology: a pair of kind 'one-point' needs unbounded=, the masks of the unbounded cells")
    meets = any((mask & far).any() for mask, far in zip(inside, outside, strict=True))
    return [np.append(inside[0], meets), *inside[1:]]


def bounded_cells(chain_complex: ChainComplex, outside: list[np.ndarray] | None) -> list[np.ndarray]:
    """Masks of the bounded cells, onto which the whole complex retracts where every cell has a vertex.

    The bounded faces of a polyhedron with a vertex form a contractible complex; so by Quillen's fibre lemma, for the
    inclusion of the bounded cells' face poset, the inclusion of the bounded cells is a homotopy equivalence. InputError
    names a cell without a vertex.
    """
    if outside is None:
        raise InputError("homology: kind 'ordinary' needs unbounded=, the masks of the unbounded cells, one a degree")
    bounded = [~mask for mask in outside]
    check_closed(chain_complex, bounded, "the bounded cells")
    has_vertex = np.ones(chain_complex.counts[0] if chain_complex.counts else 0, dtype=bool)
    for k in range(1, chain_complex.dim + 1):
        columns = chain_complex.columns(k)
        owner = np.repeat(np.arange(columns.n_cells), np.diff(columns.starts))
        reached = np.zeros(columns.n_cells, dtype=bool)
        reached[owner[has_vertex[columns.faces]]] = True
        if not reached.all():
            raise InputError(
                f"homology: kind 'ordinary' needs cells with a vertex, and cell {int(np.flatnonzero(~reached)[0])} of degree "
                f"{k} has none: it contains a line; close the complex off by a box that meets all cells, or ask for "
                "'borel-moore'"
            )
        has_vertex = reached
    return bounded
