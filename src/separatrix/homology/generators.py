"""Generators of homology groups, made when they are asked for and lifted to cells when these are looked at (§7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from separatrix.homology.boundary_matrices import narrowed
from separatrix.homology.dense_rest import Piece, combined, merged_torsion
from separatrix.homology.homology_record import Chain, StoredChain
from separatrix.homology.unit_pivots import Elimination, Vector

BLOCK = 256


class Lift(Protocol):
    """From chains of critical cells to chains of all cells."""

    def lift(self, degree: int, chains: Sequence[Vector]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Cells, ascending, and coefficients of every chain."""
        ...


class NoLift:
    """The lift where nothing was reduced before: a chain of critical cells is one of all cells."""

    def lift(self, degree: int, chains: Sequence[Vector]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Cells, ascending, and coefficients of every chain."""
        return [as_arrays(chain) for chain in chains]


def as_arrays(chain: Vector) -> tuple[np.ndarray, np.ndarray]:
    """A chain as ascending cells and their coefficients."""
    cells = sorted(chain)
    return np.array(cells, dtype=np.int64), narrowed([chain[cell] for cell in cells])


@dataclass(eq=False)
class Generators:
    """Makes the generators of one homology record.

    ``chain_complex``: the complex that was computed with; ``lone[k]``: its critical cells that are generators by
    themselves; ``pieces``: the rest; ``over_field``: no torsion; ``names[k]``: numbers of its cells in the complex that was
    asked about, which has ``n_cells[k]`` (None: the same complex).
    """

    chain_complex: Any
    elimination: Elimination
    lone: list[np.ndarray]
    pieces: list[Piece]
    reduction: Lift
    over_field: bool
    names: list[np.ndarray] | None = None
    n_cells: tuple[int, ...] = ()
    _made: dict[int, list[Chain]] = field(default_factory=dict)

    def generators(self, degree: int) -> list[Chain]:
        """Free generators, then torsion generators by ascending order."""
        if degree not in self._made:
            self._made[degree] = self._chains(degree)
        return list(self._made[degree])

    def _chains(self, degree: int) -> list[Chain]:
        free: list[Vector] = []
        torsion: list[_Summand] = [_Summand(t.order, t.cycle, t.above) for t in self.elimination.torsion[degree]]
        for piece in self.pieces:
            if piece.cells.get(degree):
                more_free, more_torsion = piece.generators(degree)
                free += more_free
                chains = self.elimination.lift(degree, [chain for _, chain in more_torsion])
                torsion += [
                    _Summand(order, lifted, piece, chain)
                    for (order, chain), lifted in zip(more_torsion, chains, strict=True)
                ]
        free = self.elimination.lift(degree, free)
        merged = [] if self.over_field else merged_torsion([summand.order for summand in torsion])
        source = _Source(self, degree, self.lone[degree].tolist(), free, torsion, merged)
        orders = [0] * (len(self.lone[degree]) + len(free)) + [order for order, _ in merged]
        return [Chain(degree, order, self.n_cells[degree], source, i) for i, order in enumerate(orders)]

    def lifted(self, degree: int, chains: list[Vector]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Chains of critical cells, already lifted through the elimination, as chains of the complex asked about."""
        arrays = self.reduction.lift(degree, chains)
        modulus = self.elimination.modulus
        if modulus:
            arrays = [_symmetric(cells, coefficients, modulus) for cells, coefficients in arrays]
        if self.names is None:
            return arrays
        return [(self.names[degree][cells], coefficients) for cells, coefficients in arrays]

    def bounded(self, degree: int, summand: _Summand) -> Vector:
        """A chain of critical cells of ``degree`` + 1 whose boundary is the summand's order times its cycle."""
        chain = {summand.where: 1}
        if isinstance(summand.where, Piece):
            target = {cell: summand.order * value for cell, value in summand.chain.items()}
            chain = summand.where.bounding(degree, target)
        return self.elimination.lift(degree + 1, [chain])[0]


@dataclass(frozen=True, eq=False)
class _Summand:
    """A cyclic summand with its generator over critical cells; ``where`` is the piece that it is from, in which it is
    ``chain``, or the cell whose boundary is ``order`` times it."""

    order: int
    cycle: Vector
    where: Any
    chain: Vector = field(default_factory=dict)


def _symmetric(cells: np.ndarray, coefficients: np.ndarray, modulus: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients as their representatives of least absolute value modulo p, zeros dropped."""
    values = [value % modulus for value in coefficients.tolist()]
    values = [value - modulus if 2 * value > modulus else value for value in values]
    kept = [i for i, value in enumerate(values) if value]
    return cells[kept], narrowed([values[i] for i in kept])


class _Source:
    """The generators of one degree: of lone cells, free ones of the rest, torsion; lifted in blocks at the first look."""

    def __init__(
        self,
        maker: Generators,
        degree: int,
        lone: list[int],
        free: list[Vector],
        torsion: list[_Summand],
        merged: list[Any],
    ) -> None:
        self._maker, self._degree = maker, degree
        self._lone, self._free, self._torsion, self._merged = lone, free, torsion, merged
        self._completed: dict[int, Vector] | None = None
        self._blocks: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}

    def chain(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Cells and coefficients of a generator."""
        block, place = divmod(index, BLOCK)
        if block not in self._blocks:
            n = len(self._lone) + len(self._free) + len(self._merged)
            span = range(block * BLOCK, min((block + 1) * BLOCK, n))
            self._blocks[block] = self._maker.lifted(self._degree, [self._critical_chain(i) for i in span])
        return self._blocks[block][place]

    def bounding(self, index: int) -> Chain:
        """The chain that a torsion generator bounds."""
        order, parts = self._merged[index - len(self._lone) - len(self._free)]
        summands = [(self._torsion[i], factor) for i, factor in parts.items()]
        terms = [(factor * order // s.order, self._maker.bounded(self._degree, s)) for s, factor in summands]
        ((cells, coefficients),) = self._maker.lifted(self._degree + 1, [combined(terms)])
        n_cells = self._maker.n_cells[self._degree + 1]
        return Chain(self._degree + 1, 0, n_cells, StoredChain(cells, coefficients))

    def _critical_chain(self, index: int) -> Vector:
        if index < len(self._lone):
            if self._completed is None:
                self._completed = self._lone_in_rows()
            return self._completed.get(index, {self._lone[index]: 1})
        index -= len(self._lone)
        if index < len(self._free):
            return self._free[index]
        parts = self._merged[index - len(self._free)][1]
        return combined((factor, self._torsion[i].cycle) for i, factor in parts.items())

    def _lone_in_rows(self) -> dict[int, Vector]:
        """The lone cells that occur in a pivot's row, as cycles of critical cells."""
        elimination = self._maker.elimination
        rows = {cell for pivot in elimination.pivots[self._degree] for cell in pivot.quotients}
        indices = [i for i, cell in enumerate(self._lone) if cell in rows]
        chains = elimination.lift(self._degree, [{self._lone[i]: 1} for i in indices])
        return dict(zip(indices, chains, strict=True))
