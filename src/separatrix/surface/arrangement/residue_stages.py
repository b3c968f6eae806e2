"""The stages of networks with structure, affine maps and creases, as residues of integer matrices (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.surface.arrangement.exact_maps import Factor, odd_parts
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.residue_numbers import (
    LANES,
    block_primes,
    offsets,
    residues_of_integers,
    residues_of_products,
)

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]
UNKNOWN = 1 << 30
MARGIN = 1.0 + 2.0**-20  # covers the rounding of a sum of up to 2^30 numbers that are not negative


class AffineStage:
    """[[W, b], [0, 1]] times ``one``, a power of two that makes it integer, after maps whose own factor is ``before``.

    ``starts``, ``columns``, ``which``: CSR arrays of W, its entries as places among the distinct ones; ``bits``: the product
    with integers up to 1 is at most 2^bits.
    """

    def __init__(self, factor: Factor, before: int) -> None:
        weight, bias = factor
        if isinstance(weight, np.ndarray):
            rows, columns = np.nonzero(weight)
            entries = weight[rows, columns]
            self.starts = np.searchsorted(rows, np.arange(weight.shape[0] + 1)).astype(np.int64)
        else:
            columns, entries, self.starts = weight.indices, weight.data, weight.indptr.astype(np.int64)
        self.width, self.size = weight.shape[1], bias.size
        self.columns = columns.astype(np.int32)
        distinct, which = np.unique(entries, return_inverse=True)
        self.which = which.ravel().astype(np.int32)
        mantissa, exponent = odd_parts(np.concatenate([distinct, bias]))
        least = min(int(exponent.min(initial=0)), 0)
        self.one, self.before, self.n_distinct = 1 << -least, before, distinct.size
        self._mantissa, self._shift = mantissa, exponent - least
        self.bits = _growth(entries, self.starts, bias) - least
        self._blocks: list[tuple[np.ndarray, np.ndarray]] = []

    @property
    def after(self) -> int:
        """The factor of this map and those before."""
        return self.before * self.one

    def tables(self, block: int) -> Arrays:
        """Residues of the entries (u, 8) and of the bias times ``before`` (m, 8), and what primes differ from 2^28 by."""
        while len(self._blocks) <= block:
            number = len(self._blocks)
            found = residues_of_products(self._mantissa, self._shift, number)
            ps = np.array(block_primes(number))
            bias = found[self.n_distinct :].astype(np.int64) * np.array([self.before % p for p in ps.tolist()]) % ps
            self._blocks.append((found[: self.n_distinct].copy(), bias.astype(np.uint32)))
        return *self._blocks[block], offsets(block)

    def marked(self, rows: np.ndarray) -> np.ndarray:
        """The columns that these rows multiply: booleans (width,)."""
        from separatrix.surface.arrangement.residue_kernels import mark_columns

        marks = np.zeros(self.width, dtype=np.int8)
        mark_columns(rows, self.starts, self.columns, marks)
        return marks.view(np.bool_)

    def times(self, x: np.ndarray, rows: np.ndarray, block: int) -> np.ndarray:
        """Rows ``rows`` (int64) of the product with residues x (k, c, 8); the others are left as they came."""
        out = np.empty((self.size, *x.shape[1:]), dtype=np.uint32)
        return product((self.starts, self.columns, self.which), self.tables(block), x, rows, out)


class CreaseStage:
    """What a crease multiplies every coordinate by, in integers up to 2^bits: ``common``, its slope or 0."""

    def __init__(self, step: LinearStep, before: int) -> None:
        numerators, common = step.exact_slopes
        self.before, self.after, self.creased = before, before * common, step.creased
        self._numbers = [common, *sorted(set(numerators))]
        order = {number: place for place, number in enumerate(self._numbers[1:], 1)}
        below = [order[number] if number else -1 for number in numerators]
        self._below = np.array(below, dtype=np.int32)[step.creased]
        self.bits = (max(abs(number) for number in self._numbers) - 1).bit_length()
        self.size = step.bias.size
        self._starts = np.arange(self.size + 1)
        self._columns = np.arange(self.size, dtype=np.int32)
        self._none = np.zeros((self.size, LANES), dtype=np.uint32)
        self._blocks: list[np.ndarray] = []

    def choices(self, signs: np.ndarray) -> np.ndarray:
        """Which factor every coordinate has under the signs of the creased ones, int32 (m,): -1 for the factor 0."""
        found = np.zeros(self.size, dtype=np.int32)
        found[self.creased] = np.where(signs < 0, self._below, np.where(signs == 0, -1, 0))
        return found

    def times(self, x: np.ndarray, rows: np.ndarray, choices: np.ndarray, block: int) -> np.ndarray:
        """Rows ``rows`` (int64), none of which has the factor 0, behind the crease; the others are 0."""
        while len(self._blocks) <= block:
            self._blocks.append(residues_of_integers(self._numbers, len(self._blocks)))
        tables = self._blocks[block], self._none, offsets(block)
        return product((self._starts, self._columns, choices), tables, x, rows, np.zeros_like(x))


def product(arrays: Arrays, tables: Arrays, x: np.ndarray, rows: np.ndarray, out: np.ndarray) -> np.ndarray:
    """``out`` (m, c, 8) with ``rows`` of a matrix times x (k, c, 8) written: its CSR ``arrays``; ``tables`` of entries, bias
    and offsets."""
    from separatrix.surface.arrangement.residue_kernels import residue_rows

    residue_rows(rows, *arrays, *tables[:2], x, tables[2], np.empty(x.shape[1:], dtype=np.uint64), out)
    return out


def _growth(entries: np.ndarray, starts: np.ndarray, bias: np.ndarray) -> int:
    """b >= 0 with sum of |entries| + |bias| <= 2^b in every row; UNKNOWN where doubles do not hold the sum."""
    with np.errstate(all="ignore"):
        sums = np.add.reduceat(np.append(np.abs(entries), 0.0), starts[:-1]) if bias.size else np.zeros(0)
        total = np.where(starts[1:] > starts[:-1], sums, 0.0) + np.abs(bias)
        most = float(np.max(total, initial=1.0)) * MARGIN
    return int(np.frexp(most)[1]) if np.isfinite(most) else UNKNOWN
