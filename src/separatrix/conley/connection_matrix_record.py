"""The record of a connection matrix: the generators of all Morse sets' indices and the boundary between them (§9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from separatrix.homology.homology_record import Homology
from separatrix.records import Record


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ConnectionMatrix(Record):
    """The boundary operator on the sum of the Conley indices of all Morse sets (Franzosa's connection matrix).

    - ``sets`` (n,): for every generator the name of its Morse set; names joined by "+" where sets of one height could not be
      told apart. Generators are ordered by ``grades`` (n,): an orbit leads to smaller numbers only
    - ``degrees`` (n,): the degree of each generator
    - ``matrix`` (n, n) int64: column j is the boundary of generator j; over Z/p numbers from 0 to p - 1. An entry other than
      zero between sets without a third one between them proves an orbit from the set of the column to that of the row
    - ``coefficients``: "Z" or "Z/p"; ``method``: "Morse complex" or "superlevel filtration"
    - ``homology``: of the matrix; ``expected``: of (B, exit set), or None where no law applies; ``agrees``: are they equal
    - ``missing``: what is not known, in words; where anything is, no entry is claimed

    Over a filtration the entries depend on the choice of bases; ranks between neighbouring grades do not.
    """

    sets: tuple[str, ...]
    grades: np.ndarray
    degrees: np.ndarray
    matrix: np.ndarray
    coefficients: str = "Z/2"
    method: str = ""
    homology: Homology | None = None
    expected: Homology | None = None
    agrees: bool | None = None
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    drawer: ClassVar[str] = ""

    def __len__(self) -> int:
        return len(self.sets)

    def block(self, source: str, target: str) -> np.ndarray:
        """The entries (targets, sources) from the generators of one set to those of another."""
        rows = [i for i, name in enumerate(self.sets) if name == target]
        columns = [j for j, name in enumerate(self.sets) if name == source]
        return self.matrix[np.ix_(rows, columns)]

    def index_of(self, name: str) -> tuple[int, ...]:
        """Ranks of the index of a set, by degree."""
        degrees = [int(k) for k, own in zip(self.degrees, self.sets, strict=True) if own == name]
        return tuple(degrees.count(k) for k in range(int(self.degrees.max(initial=0)) + 1))

    def columns(self) -> dict[str, Any]:
        """One row for every entry other than zero."""
        places = np.argwhere(self.matrix.T)
        return {
            "degree": [int(self.degrees[j]) for j, _ in places],
            "from": [self.sets[j] for j, _ in places],
            "to": [self.sets[i] for _, i in places],
            "coefficient": [int(self.matrix[i, j]) for j, i in places],
        }

    def __repr__(self) -> str:
        if self.missing:
            return f"ConnectionMatrix(not computed: {'; '.join(self.missing[:2])})"
        verdict = (
            "" if self.agrees is None else ", as the domain demands" if self.agrees else ", the domain demands others"
        )
        entries = int((self.matrix != 0).sum())
        return (
            f"ConnectionMatrix({len(self)} generators of {len(set(self.sets))} sets over {self.coefficients}, {entries} "
            f"entries; homology {self.homology}{verdict}; {self.certainty})"
        )
