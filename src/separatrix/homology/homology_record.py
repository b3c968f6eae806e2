"""The record of homology groups: Betti numbers, torsion coefficients, and generators as chains (§7)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from separatrix.errors import InputError
from separatrix.records import Record, plain

LONGEST_PRINTED = 60
LONGEST_DECIMAL = 10**4000


class ChainSource(Protocol):
    """Where chains come from when their cells are first looked at."""

    def chain(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Cells and coefficients of one chain."""
        ...

    def bounding(self, index: int) -> Chain:
        """A chain whose boundary is the order of this one times this one."""
        ...


class Chain:
    """An integer chain: a cycle that generates a direct summand of a homology group, or a chain that it bounds.

    ``degree``; ``order``: 0 where no multiple is a boundary, or s > 1 where s times the chain is the first multiple that is
    one; ``n_cells``: the number of cells of that degree; ``cells`` (n,): ascending numbers of the cells that occur;
    ``coefficients`` (n,): int64, or Python integers (dtype object) where one is beyond int64.
    """

    __slots__ = ("_index", "_source", "degree", "n_cells", "order")

    def __init__(self, degree: int, order: int, n_cells: int, source: ChainSource, index: int = 0) -> None:
        self.degree, self.order, self.n_cells = degree, order, n_cells
        self._source, self._index = source, index

    @property
    def cells(self) -> np.ndarray:
        """Numbers of the cells with a coefficient other than zero, ascending, int64 (n,)."""
        return self._source.chain(self._index)[0]

    @property
    def coefficients(self) -> np.ndarray:
        """The coefficients of ``cells``, (n,)."""
        return self._source.chain(self._index)[1]

    def to_array(self) -> np.ndarray:
        """The chain as a vector over all cells of its degree, (n_cells,)."""
        cells, coefficients = self._source.chain(self._index)
        vector = np.zeros(self.n_cells, dtype=coefficients.dtype)
        vector[cells] = coefficients
        return vector

    def bounding(self) -> Chain:
        """A chain y of one degree more with boundary ``order`` times this chain; InputError for a free generator."""
        if self.order == 0:
            raise InputError("Chain.bounding: no multiple of a free generator bounds; only torsion generators have one")
        return self._source.bounding(self._index)

    def __repr__(self) -> str:
        kind = "free" if self.order == 0 else f"of order {short(self.order)}"
        return f"Chain(degree {self.degree}, {kind}, {len(self.cells)} of {self.n_cells} cells)"


@dataclass(frozen=True)
class StoredChain:
    """A chain whose cells are known; a source of itself."""

    cells: np.ndarray
    coefficients: np.ndarray

    def chain(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Cells and coefficients."""
        return self.cells, self.coefficients

    def bounding(self, index: int) -> Chain:
        """Never asked for: a stored chain has order 0."""
        raise InputError("Chain.bounding: only torsion generators have a chain that they bound")


class GeneratorMaker(Protocol):
    """What makes the generators of a homology record when they are first asked for."""

    chain_complex: Any

    def generators(self, degree: int) -> list[Chain]:
        """Free generators, then torsion generators."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Homology(Record):
    """Homology groups H_k = Z^b + Z/s_1 + ... (or vector spaces over a field), from degree 0 up to the complex's dimension.

    - ``betti``: ranks (dimensions over a field), unreduced
    - ``torsion``: invariant factors > 1 of every degree, ascending, each dividing the next; empty over a field
    - ``cell_counts``: cells of every degree that took part
    - ``coefficients``: "Z", "Q" or "Z/p"; ``kind``: "" for the complex as it is, or "ordinary", "borel-moore", "one-point"
    - ``is_relative``: whether these are groups of a pair
    """

    betti: tuple[int, ...]
    torsion: tuple[tuple[int, ...], ...]
    cell_counts: tuple[int, ...]
    coefficients: str = "Z"
    kind: str = ""
    is_relative: bool = False
    _maker: GeneratorMaker | None = field(default=None, repr=False)

    @property
    def dim(self) -> int:
        """The highest degree; -1 where there is none."""
        return len(self.betti) - 1

    @property
    def euler_characteristic(self) -> int:
        """The alternating sum of the Betti numbers, which is that of the numbers of cells."""
        return sum((-1) ** k * b for k, b in enumerate(self.betti))

    @property
    def chain_complex(self) -> Any:
        """The chain complex whose homology this is: for a pair, the quotient."""
        if self._maker is None:
            raise InputError("Homology: this record was made without its chain complex")
        return self._maker.chain_complex

    def generators(self, degree: int) -> list[Chain]:
        """Cycles that generate the group of ``degree``: free ones first, then torsion ones by ascending order.

        Together they generate, and the group is the direct sum of the cyclic groups that they span. Degrees without cells
        have none. They are found when they are first asked for. InputError for a degree that is no integer from 0 up.
        """
        if isinstance(degree, bool) or not isinstance(degree, (int, np.integer)) or degree < 0:
            raise InputError(f"Homology.generators: expected a degree from 0 to {self.dim}, came {degree!r}")
        if degree > self.dim:
            return []
        if self._maker is None:
            raise InputError("Homology.generators: this record was made without generators")
        return self._maker.generators(int(degree))

    def explain(self, format: str = "text") -> str:
        """The computation written out as by hand, as "text", "markdown" or "latex"."""
        from separatrix.homology.explain import explain

        return explain(self, format)

    def group(self, degree: int) -> str:
        """The group of one degree in words, such as ``Z^2 + Z/6``."""
        if isinstance(degree, bool) or not isinstance(degree, (int, np.integer)):
            raise InputError(f"Homology.group: expected a degree, an integer, came {degree!r}")
        if not 0 <= degree <= self.dim:
            return "0"
        free = self.betti[degree]
        base = f"({self.coefficients})" if self.coefficients.startswith("Z/") and free > 1 else self.coefficients
        parts = [base if free == 1 else f"{base}^{free}"] if free else []
        orders = self.torsion[degree]
        for s in dict.fromkeys(orders):
            times = orders.count(s)
            parts.append(f"Z/{short(s)}" if times == 1 else f"(Z/{short(s)})^{times}")
        return " + ".join(parts) or "0"

    def columns(self) -> dict[str, Any]:
        """One row a degree."""
        degrees = range(self.dim + 1)
        return {
            "degree": list(degrees),
            "cells": list(self.cell_counts),
            "betti": list(self.betti),
            "torsion": [" ".join(short(s) for s in orders) for orders in self.torsion],
            "group": [self.group(k) for k in degrees],
        }

    def to_json(self) -> str:
        """The record as JSON text; orders of more than 4,000 digits as hexadecimal strings."""
        value = plain(self)
        value["torsion"] = [[s if s < LONGEST_DECIMAL else hex(s) for s in orders] for orders in self.torsion]
        value["euler_characteristic"] = self.euler_characteristic
        return json.dumps(value, allow_nan=False)

    def __repr__(self) -> str:
        names = {"borel-moore": "Borel-Moore homology: ", "one-point": "of the one-point compactification: "}
        groups = ", ".join(f"H_{k} = {self.group(k)}" for k in range(self.dim + 1)) or "no degrees"
        pair = "of a pair: " if self.is_relative else ""
        return f"{names.get(self.kind, '')}{pair}{groups} over {self.coefficients}"


def short(number: int) -> str:
    """An integer in decimals, its middle left out where it is long.

    >>> short(10**80)
    '10000000…00000000 (81 digits)'
    """
    if abs(number) < 10**LONGEST_PRINTED:
        return str(number)
    from flint import fmpz

    digits = fmpz(number).str()
    return f"{digits[:8]}…{digits[-8:]} ({len(digits.lstrip('-'))} digits)"
