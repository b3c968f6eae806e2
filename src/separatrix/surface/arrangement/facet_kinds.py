"""What the facets of the cells that a neuron splits are: looked up for several cells at once, ahead of their use.

A facet lies anywhere in memory. The lookups are cache misses; asked for together, and without a branch, the processor waits
for them together.
"""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_part_in_place
from separatrix.numerics.prefetching import prefetch
from separatrix.surface.arrangement.lattice import (
    CELL_COFACES,
    CELL_FACETS,
    CELL_PARTS,
    CELL_SIZE,
    CELL_STATE,
    CELL_WITNESS,
    NEGATIVE,
    POSITIVE,
    TOUCHED_NEGATIVE,
    UNMARKED,
)

BLOCK = 32  # cells whose facets are looked up together
FACET, KIND, OWNER, ROW = range(
    4
)  # columns of ``found``: facets with signs, kinds, cells; the last lists negative ones
LOST_COFACE = 4  # what must never be met


@compiled_part_in_place
def ask_for_blocks(start, stop, last, split, cells, facets):
    """Fetch the blocks of facets of the cells listed from ``start`` to ``stop``, and the rows of those listed behind."""
    for i in range(start, stop):
        prefetch(facets, cells[split[i], CELL_FACETS])
    for i in range(stop, min(stop + BLOCK, last)):
        prefetch(cells, split[i])


@compiled_part_in_place
def ask_for_rows(block, stop, split, cells, facets, found, begins):
    """List the facets of the cells listed from ``block`` to ``stop``, and fetch their rows.

    Those of the first cell begin at ``begins[0]``, and so on.
    """
    n = 0
    for i in range(block, stop):
        cell, begins[i - block] = split[i], n
        first = np.int64(cells[cell, CELL_FACETS])
        for at in range(first, first + cells[cell, CELL_SIZE]):
            found[n, FACET], found[n, OWNER] = facets[at], cell
            prefetch(cells, facets[at] >> 1)
            n += 1
    begins[stop - block] = n


@compiled_part_in_place
def read_kinds(n, word, bit, cells, cofaces, positive, found):
    """The kinds of the ``n`` facets listed; how many are negative, whose rows are listed, too."""
    for row in range(n):
        facet = found[row, FACET] >> 1
        found[row, KIND] = cells[facet, CELL_STATE]
        prefetch(positive, cells[facet, CELL_WITNESS])
    n_negative = 0
    for row in range(n):
        facet, state = found[row, FACET] >> 1, found[row, KIND]
        has_bit = positive[cells[facet, CELL_WITNESS], word] & bit != 0
        kind = state + (state == UNMARKED) * (NEGATIVE - (NEGATIVE - POSITIVE) * has_bit)
        is_negative = kind >= TOUCHED_NEGATIVE
        found[row, KIND] = kind
        found[n_negative, ROW] = row
        n_negative += is_negative
        prefetch(cofaces, cells[facet, CELL_COFACES] * is_negative)
    return n_negative


@compiled_part_in_place
def replace_cofaces(n_negative, found, cells, cofaces):
    """Negative parts take the places of their cells among the cofaces of negative facets."""
    wrong = 0
    for i in range(n_negative):
        row = found[i, ROW]
        facet, cell = found[row, FACET] >> 1, found[row, OWNER]
        minus, start, count = cells[cell, CELL_PARTS], np.int64(cells[facet, CELL_COFACES]), 0
        for at in range(start, start + cofaces[start - 1]):
            is_cell = cofaces[at] == cell
            cofaces[at] = minus if is_cell else cofaces[at]
            count += is_cell
        wrong |= (count != 1) * LOST_COFACE
    return wrong
