"""The nerve of the cover of a surface by the cells that each neuron dominates (§6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.complexes.simplicial_complex import SimplicialComplex


def neurons_around(cells: Cells, dominant: np.ndarray) -> list[np.ndarray]:
    """By dimension k, the pairs (k-cell, neuron) of a cell in the closure of a neuron's top cells: (pairs, 2), sorted."""
    top = np.flatnonzero(dominant >= 0)
    pairs = np.stack([top, dominant[top]], axis=1).astype(np.int64)
    found = [pairs]
    width = int(dominant.max(initial=0)) + 1
    for k in range(cells.dim, 0, -1):
        lengths = cells.lengths(k)[pairs[:, 0]]
        ends = np.cumsum(lengths)
        entries = np.repeat(cells.starts[k][pairs[:, 0]] - (ends - lengths), lengths) + np.arange(int(lengths.sum()))
        codes = np.unique(cells.faces[k][entries].astype(np.int64) * width + np.repeat(pairs[:, 1], lengths))
        pairs = np.stack(np.divmod(codes, width), axis=1)
        found.append(pairs)
    return found[::-1]


def nerve(cells: Cells, dominant: np.ndarray, n_own: tuple[int, ...] | None = None) -> SimplicialComplex:
    """The nerve: neurons are vertices, and a set of neurons is a simplex where the closures of their cells share a cell.

    ``dominant`` (top cells,): the neuron of each, -1 for none. Cells beyond ``n_own[k]`` lie at infinity and do not count.
    Every cell of a bounded complex has a vertex, so vertices decide; where cells are open, all dimensions are looked at.
    """
    around = neurons_around(cells, dominant)
    is_closed = n_own is None or n_own == cells.counts
    sets: set[tuple[int, ...]] = set()
    for k in [0] if is_closed else range(cells.dim + 1):
        pairs = around[k] if n_own is None else around[k][around[k][:, 0] < n_own[k]]
        sets.update(_different_sets(pairs))
    return SimplicialComplex(sorted(sets))


def _different_sets(pairs: np.ndarray) -> set[tuple[int, ...]]:
    """The sets of neurons around the cells of ``pairs`` (cell, neuron), sorted, each once."""
    starts = np.flatnonzero(np.diff(pairs[:, 0], prepend=-1))
    lengths = np.diff(np.append(starts, len(pairs)))
    found: set[tuple[int, ...]] = set()
    for length in np.unique(lengths).tolist():
        rows = pairs[starts[lengths == length][:, None] + np.arange(length), 1]
        found.update(map(tuple, np.unique(rows, axis=0).tolist()))
    return found


def is_good_cover(cells: Cells, dominant: np.ndarray, nerve_: Any, n_own: tuple[int, ...] | None = None) -> bool:
    """Whether every non-empty intersection of sets of the cover is acyclic over Z.

    By the nerve theorem the nerve then has the homology of the union of the sets. Intersections of closed sets of bounded
    cells are subcomplexes; for open cells nothing is said (False).
    """
    if (n_own is not None and n_own != cells.counts) or (dominant < 0).any():
        return False
    around = neurons_around(cells, dominant)
    sets = {}
    for neuron in np.unique(dominant):
        sets[int(neuron)] = tuple(
            _mask(count, pairs[pairs[:, 1] == neuron, 0]) for count, pairs in zip(cells.counts, around, strict=True)
        )
    return all(
        _is_acyclic(cells, [sets[int(nerve_.vertices[v])] for v in simplex])
        for k in range(nerve_.dim + 1)
        for simplex in nerve_.cells(k)
    )


def _mask(count: int, members: np.ndarray) -> np.ndarray:
    found = np.zeros(count, dtype=bool)
    found[members] = True
    return found


def _is_acyclic(cells: Cells, sets: list[tuple[np.ndarray, ...]]) -> bool:
    from separatrix.homology.chain_complex import ChainComplex

    masks = tuple(np.logical_and.reduce([part[k] for part in sets]) for k in range(cells.dim + 1))
    if sum((-1) ** k * int(mask.sum()) for k, mask in enumerate(masks)) != 1:
        return False
    part, _ = cells.restricted(masks)
    groups = ChainComplex.from_columns(part.counts, part.starts, part.faces, part.signs).homology()
    return groups.betti[0] == 1 and not any(groups.betti[1:]) and not any(groups.torsion)
