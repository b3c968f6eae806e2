"""All cells of Kuhn's triangulation of a grid, for persistence in the degrees that joins do not give (§10).

A cell is a base vertex with a chain 0 < o_1 < … < o_k of vectors of zeros and ones. Its faces leave out a vertex: with the base
itself the next vertex becomes the base and the others are taken from there.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np

from separatrix.complexes.cells import Cells

Array = np.ndarray
Chain = tuple[tuple[int, ...], ...]


@cache
def chains(dim: int) -> tuple[tuple[Chain, ...], ...]:
    """The chains of every length k from 0 to ``dim``, without the leading zero."""
    steps = [step for step in product((0, 1), repeat=dim) if any(step)]
    found: list[list[Chain]] = [[()]]
    for _ in range(dim):
        longer = []
        for chain in found[-1]:
            last = chain[-1] if chain else (0,) * dim
            longer += [(*chain, s) for s in steps if s != last and all(a <= b for a, b in zip(last, s, strict=True))]
        found.append(longer)
    return tuple(tuple(level) for level in found)


def kuhn_cells(counts: tuple[int, ...]) -> tuple[Cells, list[Array]]:
    """The cells on a grid of ``counts`` vertices, and the vertices (n, k + 1) of the k-cells."""
    dim, vertices = len(counts), np.arange(int(np.prod(counts)), dtype=np.int64).reshape(counts)
    numbers: dict[Chain, Array] = {(): vertices}
    starts, faces, signs, corners = (
        [np.zeros(len(vertices.ravel()) + 1, dtype=np.int64)],
        [],
        [],
        [vertices.reshape(-1, 1)],
    )
    faces.append(np.zeros(0, dtype=np.int32))
    signs.append(np.zeros(0, dtype=np.int8))
    totals = [vertices.size]
    for k in range(1, dim + 1):
        rows, own, total = [], [], 0
        for chain in chains(dim)[k]:
            size = [n - top for n, top in zip(counts, chain[-1], strict=True)]
            numbers[chain] = total + np.arange(int(np.prod(size)), dtype=np.int64).reshape(size)
            total += numbers[chain].size
            rows.append(_faces(chain, numbers, size))
            own.append(np.stack([_part(vertices, at, size).ravel() for at in ((0,) * dim, *chain)], axis=1))
        faces.append(np.concatenate(rows).astype(np.int32).ravel())
        starts.append(np.arange(total + 1, dtype=np.int64) * (k + 1))
        signs.append(np.tile(np.array([(-1) ** j for j in range(k + 1)], dtype=np.int8), total))
        corners.append(np.concatenate(own))
        totals.append(total)
    return Cells(tuple(totals), tuple(starts), tuple(faces), tuple(signs)), corners


def _part(grid: Array, at: tuple[int, ...], size: list[int]) -> Array:
    return grid[tuple(slice(a, a + n) for a, n in zip(at, size, strict=True))]


def _faces(chain: Chain, numbers: dict[Chain, Array], size: list[int]) -> Array:
    """Numbers of the faces of the cells of one chain, (n, k + 1): without the base first, then without each other vertex."""
    first = chain[0]
    moved = tuple(tuple(b - a for a, b in zip(first, step, strict=True)) for step in chain[1:])
    columns = [_part(numbers[moved], first, size)]
    columns += [_part(numbers[(*chain[:j], *chain[j + 1 :])], (0,) * len(size), size) for j in range(len(chain))]
    return np.stack([column.ravel() for column in columns], axis=1)
