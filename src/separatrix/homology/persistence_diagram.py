"""The record of persistent homology: intervals of values by degree, and the cells at their ends (§7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from separatrix.errors import InputError
from separatrix.records import Record


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PersistenceDiagram(Record):
    """Homology classes over Z/p of the sublevel sets {f <= c} (superlevel sets {f >= c}), each from its birth to its death.

    One entry a class, by degree and in the order of birth; classes that die as they are born are among them.

    - ``degree`` (n,); ``birth``, ``death`` (n,): values of f; death is inf (-inf for superlevel sets) where it never comes
    - ``birth_cell`` (n,): the cell of dimension ``degree`` with which the class appears; ``death_cell`` (n,): the cell of
      one dimension more that kills it, -1 where there is none
    - ``dim``: of the complex; ``coefficients``; ``superlevel``
    """

    degree: np.ndarray
    birth: np.ndarray
    death: np.ndarray
    birth_cell: np.ndarray
    death_cell: np.ndarray
    dim: int
    coefficients: str = "Z/2"
    superlevel: bool = False

    drawer: ClassVar[str] = "homology_plots:plot_persistence"

    @property
    def persistence(self) -> np.ndarray:
        """How long every class lives, |death - birth|, (n,)."""
        return np.abs(self.death - self.birth)

    def pairs(self, degree: int, least: float = 0.0) -> np.ndarray:
        """Birth and death of the classes of a degree that live longer than ``least``, (m, 2), sorted.

        InputError for a degree that is no integer from 0 up.
        """
        rows = self._chosen(degree, least)
        found = np.stack([self.birth[rows], self.death[rows]], axis=1)
        return found[np.lexsort((found[:, 1], found[:, 0]))]

    def cells(self, degree: int, least: float = 0.0) -> np.ndarray:
        """Birth cell and death cell (-1: none) of the classes of a degree that live longer than ``least``, (m, 2)."""
        rows = self._chosen(degree, least)
        return np.stack([self.birth_cell[rows], self.death_cell[rows]], axis=1)

    def betti(self, c: float) -> tuple[int, ...]:
        """Betti numbers over Z/p of {f <= c}, or {f >= c} for superlevel sets, from degree 0 to the complex's dimension."""
        sign = -1.0 if self.superlevel else 1.0
        alive = (sign * self.birth <= sign * c) & (sign * c < sign * self.death)
        return tuple(int(n) for n in np.bincount(self.degree[alive], minlength=self.dim + 1))

    def columns(self) -> dict[str, Any]:
        """One row a class that does not die as it is born."""
        rows = np.flatnonzero(self.birth != self.death)
        names = ("degree", "birth", "death", "birth_cell", "death_cell")
        return {name: getattr(self, name)[rows] for name in names}

    def _chosen(self, degree: Any, least: float) -> np.ndarray:
        if isinstance(degree, bool) or not isinstance(degree, (int, np.integer)) or degree < 0:
            raise InputError(f"persistence: expected a degree from 0 to {self.dim}, came {degree!r}")
        return np.flatnonzero((self.degree == degree) & (self.persistence > least))

    def __repr__(self) -> str:
        shown = ", ".join(f"{len(self._chosen(k, 0.0))} of degree {k}" for k in range(self.dim + 1)) or "none"
        return f"PersistenceDiagram({shown}; over {self.coefficients})"
