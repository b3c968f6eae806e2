"""Reduction of large complexes by an acyclic matching, and the lift of chains of critical cells (§7).

Collapses leave a subcomplex, so chains of it are chains of the complex; coreductions on it are a discrete vector field in
the order of time (Forman's Morse complex; Mrozek and Batko's coreductions).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from separatrix.homology.boundary_matrices import narrowed
from separatrix.homology.generators import as_arrays
from separatrix.homology.unit_pivots import Vector

if TYPE_CHECKING:
    from separatrix.homology.chain_complex import ChainComplex

SWEPT, AT_ONCE, SHORT = 8, 4, 2**15
BEYOND = 2**62
ROOM = 4096


@dataclass(frozen=True, eq=False)
class Reduction:
    """A matched complex: boundaries in one numbering (``first[k]``: the first cell of degree k), and the matching.

    ``coef`` is what the loops see: entries beyond 2^62 are cut to it there, and ``exact`` has them. ``critical_cells[k]``:
    the critical cells of degree k, numbered within it.
    """

    first: np.ndarray
    ptr: np.ndarray
    face: np.ndarray
    coef: np.ndarray
    exact: np.ndarray
    state: np.ndarray
    mate: np.ndarray
    time: np.ndarray
    queen: np.ndarray
    critical_cells: list[np.ndarray]

    def critical(self, degree: int) -> np.ndarray:
        """Critical cells of a degree, numbered within it."""
        return self.critical_cells[degree]

    def morse_columns(self, degree: int, modulus: int) -> dict[int, Vector]:
        """The non-empty columns of the Morse complex's boundary operator, cells numbered within their degrees."""
        below, above = self.critical(degree - 1), self.critical(degree)
        if len(below) == 0 or len(above) == 0:
            return {}
        columns = self._swept(degree, below, above) if len(below) <= min(SWEPT, 4 * len(above)) else None
        if columns is None:
            columns = self._lifted_boundaries(degree, above)
        if modulus:
            reduced = ((c, {a: v % modulus for a, v in column.items() if v % modulus}) for c, column in columns.items())
            columns = {c: column for c, column in reduced if column}
        return columns

    def _swept(self, degree: int, below: np.ndarray, above: np.ndarray) -> dict[int, Vector] | None:
        from separatrix.homology.reduction_kernels import sweep

        columns: dict[int, Vector] = defaultdict(dict)
        start, end = int(self.first[degree - 1]), int(self.first[degree])
        entries = self.coef[self.ptr[end] :]
        if len(entries) == 0:
            return {}
        if max(-int(entries.min()), int(entries.max()), int(np.diff(self.ptr[end:]).max())) >= SHORT:
            return None
        for cells in (below[i : i + AT_ONCE] for i in range(0, len(below), AT_ONCE)):
            passed = np.zeros((end - start, len(cells)), dtype=np.int64)
            passed[cells, np.arange(len(cells))] = 1
            found = np.zeros((len(above), len(cells)), dtype=np.int64)
            if not sweep(self.ptr, self.face, self.coef, self.mate, self.queen, start, end, passed, above + end, found):
                return None
            for j, i in zip(*(places.tolist() for places in np.nonzero(found)), strict=True):
                columns[int(above[j])][int(cells[i])] = int(found[j, i])
        return dict(columns)

    def _lifted_boundaries(self, degree: int, above: np.ndarray) -> dict[int, Vector]:
        starts, ones = np.arange(len(above) + 1), np.ones(len(above), dtype=np.int64)
        flag, ends, cells, values = self._compiled_lift(degree, starts, above, ones, keep_chain=False)
        faces, numbers, ends = (cells - self.first[degree - 1]).tolist(), values.tolist(), ends.tolist()
        columns = {}
        for g in np.flatnonzero(np.diff(ends)).tolist():
            span = slice(ends[g], ends[g + 1])
            columns[int(above[g])] = dict(zip(faces[span], numbers[span], strict=True))
        for g in np.flatnonzero(flag).tolist():
            boundary = self._exact_lift(degree, {int(above[g]): 1})[1]
            if boundary:
                columns[int(above[g])] = boundary
        return columns

    def lift(self, degree: int, chains: Sequence[Vector]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Chains of critical cells as chains of all cells: ascending cells and coefficients."""
        if degree == 0:
            return [as_arrays(chain) for chain in chains]
        fits = [all(-(2**31) < value < 2**31 for value in chain.values()) for chain in chains]
        small = [chain if fit else {} for chain, fit in zip(chains, fits, strict=True)]
        starts = np.concatenate([[0], np.cumsum([len(chain) for chain in small])]).astype(np.int64)
        cells = np.array([cell for chain in small for cell in chain], dtype=np.int64)
        values = np.array([value for chain in small for value in chain.values()], dtype=np.int64)
        flag, ends, found, coefficients = self._compiled_lift(degree, starts, cells, values, keep_chain=True)
        found = found - self.first[degree]
        lifted = []
        for g, chain in enumerate(chains):
            if flag[g] or not fits[g]:
                lifted.append(as_arrays(self._exact_lift(degree, chain)[0]))
            else:
                span = slice(ends[g], ends[g + 1])
                order = np.argsort(found[span])
                lifted.append((found[span][order], coefficients[span][order]))
        return lifted

    def _compiled_lift(
        self, degree: int, starts: np.ndarray, cells: np.ndarray, values: np.ndarray, keep_chain: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        from separatrix.homology.lift_kernel import lift

        first, end, n = int(self.first[degree - 1]), int(self.first[degree]), len(starts) - 1
        matched = (self.ptr, self.face, self.coef, self.state, self.mate, self.time, self.queen, first)
        chains = (starts, cells + end, values, keep_chain)
        zeros = (np.zeros(end - first, dtype=np.int64), np.zeros(end - first, dtype=np.int8))
        work = (*zeros, np.empty(end - first, dtype=np.int32), np.empty(end - first, dtype=np.int32))
        flag, ends = np.zeros(n, dtype=np.bool_), np.zeros(n + 1, dtype=np.int64)
        found, coefficients = np.empty(ROOM, dtype=np.int32), np.empty(ROOM, dtype=np.int64)
        done = lift(*matched, *chains, 0, *work, flag, ends, found, coefficients)
        while done < n:
            found = np.concatenate([found, np.empty_like(found)])
            coefficients = np.concatenate([coefficients, np.empty_like(coefficients)])
            done = lift(*matched, *chains, done, *work, flag, ends, found, coefficients)
        return flag, ends, found[: ends[-1]], coefficients[: ends[-1]]

    def _exact_lift(self, degree: int, chain: Vector) -> tuple[Vector, Vector]:
        """A chain and its boundary on critical cells, both numbered within their degrees, in Python integers."""
        from separatrix.homology.reduction_kernels import CRITICAL, QUEEN

        first, below = int(self.first[degree]), int(self.first[degree - 1])
        todo = [(cell + first, value) for cell, value in chain.items()]
        total: dict[int, int] = {}
        heap: list[tuple[int, int]] = []
        lifted: Vector = {}
        while todo or heap:
            if todo:
                b, w = todo.pop()
            else:
                a = heapq.heappop(heap)[1]
                if not total[a]:
                    continue
                b = int(self.mate[a])
                w = -total[a] * dict(self._column(b))[a]
            lifted[b - first] = w
            for a, value in self._column(b):
                if a not in total:
                    total[a] = 0
                    if self.state[a] == QUEEN:
                        heapq.heappush(heap, (-int(self.time[a]), a))
                total[a] += w * value
        return lifted, {a - below: value for a, value in total.items() if value and self.state[a] == CRITICAL}

    def _column(self, cell: int) -> list[tuple[int, int]]:
        span = slice(self.ptr[cell], self.ptr[cell + 1])
        return list(zip(self.face[span].tolist(), self.exact[span].tolist(), strict=True))


def reduced(chain_complex: ChainComplex) -> Reduction:
    """Match the cells of a complex."""
    from separatrix.homology.reduction_kernels import CRITICAL, match

    first = np.concatenate([[0], np.cumsum(chain_complex.counts)]).astype(np.int64)
    operators = [chain_complex.columns(k) for k in range(1, chain_complex.dim + 1)]
    n_entries = sum(len(operator.faces) for operator in operators)
    ptr, face = np.zeros(int(first[-1]) + 1, dtype=np.int64), np.empty(n_entries, dtype=np.int32)
    wide = any(operator.coefficients.dtype == object for operator in operators)
    exact = np.empty(n_entries, dtype=object if wide else np.int64)
    done = 0
    for k, operator in enumerate(operators, start=1):
        entries = slice(done, done + len(operator.faces))
        np.add(operator.faces, first[k - 1], out=face[entries], casting="same_kind")
        exact[entries] = operator.coefficients
        ptr[first[k] : first[k + 1] + 1] = operator.starts + done
        done += len(operator.faces)
    coef = exact if not wide else narrowed([max(-BEYOND, min(BEYOND, value)) for value in exact.tolist()])
    state, mate, time, queen = match(ptr, face, coef)
    critical = np.flatnonzero(state == CRITICAL)
    parts = np.split(critical, np.searchsorted(critical, first[1:-1]))
    by_degree = [part - start for part, start in zip(parts, first, strict=False)]
    return Reduction(first, ptr, face, coef, exact, state, mate, time, queen, by_degree)
