"""A Conley index as it lies on disk: groups as numbers, generators as cells of the grid with coefficients (§9)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.conley_record import ConleyIndex
from separatrix.errors import InputError, UnreadableFileError
from separatrix.homology.homology_record import Chain, Homology, StoredChain


@dataclass(frozen=True, eq=False)
class StoredCycle:
    """A generator of H_degree of ``order`` (0: free): rows ``cells`` (k,) of the cells of that degree, ``coefficients``."""

    degree: int
    order: int
    cells: np.ndarray
    coefficients: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class StoredIndex:
    """``index`` without its groups, and these: ranks ``betti``, ``torsion``, ``cell_counts``, their ``certainty``; the
    generators ``cycles`` on ``cells``, an array (m, dim) a degree: corners in half steps of the grid."""

    index: ConleyIndex
    betti: tuple[int, ...]
    torsion: tuple[tuple[int, ...], ...]
    cell_counts: tuple[int, ...]
    certainty: Certainty
    cells: tuple[np.ndarray, ...]
    cycles: tuple[StoredCycle, ...]

    @classmethod
    def of(cls, index: ConleyIndex) -> StoredIndex | ConleyIndex:
        """The stored form; an index without groups is its own."""
        homology = index.homology
        if homology is None:
            return index
        cells, cycles = [], []
        for degree in range(homology.dim + 1 if index.edges else 0):
            chains = homology.generators(degree)
            rows = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(chain.cells for chain in chains)]))
            cells.append(
                np.asarray(homology.domain.cells(degree))[rows].astype(np.int64).reshape(rows.size, len(index.edges))
            )
            for chain in chains:
                where = np.searchsorted(rows, chain.cells)
                numbers = tuple(int(number) for number in chain.coefficients)
                cycles.append(StoredCycle(degree, int(chain.order), where, numbers))
        groups = homology.betti, homology.torsion, homology.cell_counts, homology.certainty
        return cls(dataclasses.replace(index, homology=None), *groups, tuple(cells), tuple(cycles))

    def restored(self) -> ConleyIndex:
        """The index with its groups and generators. Raises UnreadableFileError for numbers that do not fit together."""
        n, dim = len(self.betti), len(self.index.edges)
        fits = len(self.torsion) == n == len(self.cell_counts) and len(self.cells) == (n if dim else 0)
        fits = fits and all(part.ndim == 2 and part.dtype == np.int64 for part in self.cells)
        fits = fits and all(not part.size or self._is_inside(part) for part in self.cells)
        fits = fits and all(self._fits(cycle) for cycle in self.cycles)
        if not fits or min(self.betti, default=0) < 0:
            raise UnreadableFileError("a Conley index is damaged: its groups, cells and generators do not fit together")
        homology = Homology(
            betti=self.betti,
            torsion=self.torsion,
            cell_counts=self.cell_counts,
            is_relative=True,
            domain=_Cells(self.cells) if dim else self.index.domain,
            certainty=self.certainty,
            _maker=_Cycles(self) if dim else None,
        )
        return dataclasses.replace(self.index, homology=homology)

    def _is_inside(self, cells: np.ndarray) -> bool:
        """Whether cells lie on the grid of the index."""
        most = np.array([2 * edge.size - 2 for edge in self.index.edges])
        return cells.shape[1] == most.size and bool(((cells >= 0) & (cells <= most)).all())

    def _fits(self, cycle: StoredCycle) -> bool:
        """Whether the cells of a cycle are there."""
        if not 0 <= cycle.degree < len(self.cells) or cycle.cells.dtype != np.int64 or cycle.cells.ndim != 1:
            return False
        inside = (cycle.cells >= 0) & (cycle.cells < len(self.cells[cycle.degree]))
        return bool(inside.all()) and len(cycle.coefficients) == cycle.cells.size and cycle.order >= 0


@dataclass(frozen=True, eq=False)
class _Cells:
    """The cells that generators use, by degree."""

    by_degree: tuple[np.ndarray, ...]

    def cells(self, degree: int) -> np.ndarray:
        """Cells (m, dim) of one degree."""
        return self.by_degree[degree]


@dataclass(frozen=True, eq=False)
class _Cycles:
    """What makes generators of stored ones."""

    stored: StoredIndex

    @property
    def chain_complex(self) -> Any:
        """Not stored."""
        raise InputError("Homology: this record was read from a file, which holds generators and no chain complex")

    def generators(self, degree: int) -> list[Chain]:
        """The stored generators of one degree."""
        size = len(self.stored.cells[degree])
        return [
            Chain(degree, cycle.order, size, StoredChain(cycle.cells, np.array(cycle.coefficients)))
            for cycle in self.stored.cycles
            if cycle.degree == degree
        ]
