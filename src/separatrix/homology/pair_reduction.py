"""Taking out pairs of cells until a complex is small enough to be written out, with what every cell has become (§7).

If the boundary of b has the face a with a unit u, every other cell c with the face a becomes c - (c_a / u) b. The new cells
and the other faces span a subcomplex that the pair a, b leaves untouched, and the pair itself is acyclic: the inclusion of
that subcomplex is an isomorphism in homology.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from separatrix.homology.chain_complex import ChainComplex

Chain = dict[int, int]
FEW_CELLS = 2_000


@dataclass(frozen=True, eq=False)
class SmallComplex:
    """The complex that is left.

    - ``cells[k]``: numbers of the cells of degree k that are left
    - ``columns[k]``: their boundaries in the cells of degree k - 1 that are left, by cell; zero ones may be missing
    - ``chains[k]``: what a cell has become, where it has changed
    - ``is_complete``: whether no unit is left; a complex of many cells is only matched, not eliminated
    """

    cells: list[list[int]]
    columns: list[dict[int, Chain]]
    chains: list[dict[int, Chain]]
    modulus: int
    is_complete: bool = True
    matching: Any = None

    @property
    def counts(self) -> tuple[int, ...]:
        """Cells left by degree."""
        return tuple(len(cells) for cells in self.cells)

    def matrix(self, k: int) -> np.ndarray:
        """d_k, dense, dtype object."""
        row = {cell: i for i, cell in enumerate(self.cells[k - 1])}
        dense = np.zeros((len(row), len(self.cells[k])), dtype=object)
        for j, cell in enumerate(self.cells[k]):
            for face, value in self.columns[k].get(cell, {}).items():
                dense[row[face], j] = value
        return dense

    def lifted(self, degree: int, vector: Sequence[int]) -> list[tuple[int, int]]:
        """A chain of the cells that are left, in the cells of the whole complex: (cell, coefficient), ascending."""
        total: Chain = {}
        for cell, value in zip(self.cells[degree], vector, strict=True):
            if value:
                _add(total, self.chains[degree].get(cell, {cell: 1}), value, self.modulus)
        if self.matching is None:
            return sorted(total.items())
        ((cells, coefficients),) = self.matching.lift(degree, [total])
        pairs = zip(cells.tolist(), coefficients.tolist(), strict=True)
        return [(cell, value % self.modulus if self.modulus else value) for cell, value in pairs]


def taken_in_pairs(complex_: ChainComplex, modulus: int) -> SmallComplex:
    """What is left of a complex over Z (modulus 0) or Z/p; a large one goes through the compiled matching first."""
    degrees = range(complex_.dim + 1)
    matching = None
    if complex_.n_cells > FEW_CELLS:
        from separatrix.homology.reduction import reduced

        matching = reduced(complex_)
        cells = [matching.critical(k).tolist() for k in degrees]
        columns = [matching.morse_columns(k, modulus) if k else {} for k in degrees]
    else:
        cells = [list(range(n)) for n in complex_.counts]
        columns = [_columns(complex_, k, modulus) if k else {} for k in degrees]
    chains: list[dict[int, Chain]] = [{} for _ in degrees]
    if sum(map(len, cells)) > FEW_CELLS:
        return SmallComplex(cells, columns, chains, modulus, False, matching)
    gone: list[set[int]] = [set() for _ in degrees]
    for k in reversed(degrees):
        columns[k] = {c: column for c, column in columns[k].items() if c not in gone[k]}
        for below, above in _take_out(columns[k], chains[k], modulus) if k else ():
            gone[k - 1].add(below)
            gone[k].add(above)
        if k + 1 <= complex_.dim:
            for column in columns[k + 1].values():
                for cell in gone[k] & column.keys():
                    del column[cell]
    left = [[c for c in row if c not in gone[k]] for k, row in enumerate(cells)]
    return SmallComplex(left, columns, chains, modulus, True, matching)


def _take_out(columns: dict[int, Chain], chains: dict[int, Chain], modulus: int) -> list[tuple[int, int]]:
    """Take out pairs (face, cell) of one degree while there is a unit: the shortest column, in it the face of fewest cells."""
    rows: dict[int, set[int]] = {}
    for c, column in columns.items():
        for a in column:
            rows.setdefault(a, set()).add(c)
    waiting = sorted(columns, key=lambda c: (len(columns[c]), c), reverse=True)
    pairs = []
    while waiting:
        b = waiting.pop()
        column = columns.get(b, {})
        units = [a for a, value in column.items() if modulus or value in (1, -1)]
        if not units:
            continue
        a = min(units, key=lambda face: (len(rows[face]), face))
        inverse = pow(column[a], -1, modulus) if modulus else column[a]
        for c in sorted(rows[a] - {b}):
            factor = -columns[c][a] * inverse
            before = set(columns[c])
            _add(columns[c], column, factor, modulus)
            for face in before ^ columns[c].keys():
                rows[face] ^= {c}
            _add(chains.setdefault(c, {c: 1}), chains.get(b, {b: 1}), factor, modulus)
            waiting.append(c)  # it may have a unit now
        for face in columns.pop(b):
            rows[face].discard(b)
        pairs.append((a, b))
    return pairs


def _add(total: Chain, chain: Chain, factor: int, modulus: int) -> None:
    """total += factor * chain, zeros dropped."""
    for cell, value in chain.items():
        new = total.get(cell, 0) + factor * value
        new = new % modulus if modulus else new
        if new:
            total[cell] = new
        else:
            total.pop(cell, None)


def _columns(complex_: ChainComplex, k: int, modulus: int) -> dict[int, Chain]:
    operator = complex_.columns(k)
    starts, faces, values = operator.starts.tolist(), operator.faces.tolist(), operator.coefficients.tolist()
    found = {}
    for cell in range(operator.n_cells):
        entries = zip(faces[starts[cell] : starts[cell + 1]], values[starts[cell] : starts[cell + 1]], strict=True)
        reduced_entries = {a: value % modulus if modulus else value for a, value in entries}
        found[cell] = {a: value for a, value in reduced_entries.items() if value}
    return found
