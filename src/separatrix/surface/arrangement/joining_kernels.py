"""Signs of new vertices: those of both ends of the edge that is split, where these do not contradict each other (§6).

The words of the step are needed at once; those of earlier steps are filled in later, for many vertices together.
"""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place
from separatrix.numerics.prefetching import prefetch
from separatrix.surface.arrangement.insertion_kernels import AHEAD, FIRST_WORD, LAST_WORD, NEURON
from separatrix.surface.arrangement.lattice import CELL_FACETS, EDGE_A, EDGE_B

WORDS_IN_LINE = 8


@compiled_in_place
def join_signs(where, first, edges, cells, positive, negative, split, rows, ends):
    """Rows and ``ends`` (rows, 2) of the split edges, and the step's signs of their new vertices ``first``, ``first`` + 1, …

    The ends may contradict each other in the neuron itself, where the vertex is zero, and in later ones of the step,
    which are left to be decided. Returns False where they do so in earlier ones of the step.
    """
    word = where[FIRST_WORD] + where[NEURON] // 64
    before = (np.uint64(1) << np.uint64(where[NEURON] % 64)) - np.uint64(1)
    plus, minus = positive[:, where[FIRST_WORD] :], negative[:, where[FIRST_WORD] :]
    is_right, count = True, rows.shape[0]
    for i in range(count):
        if i + 2 * AHEAD < count:
            prefetch(cells, split[i + 2 * AHEAD])
        if i + AHEAD < count:
            later = cells[split[i + AHEAD], CELL_FACETS]
            for end in (EDGE_A, EDGE_B):
                prefetch(plus, edges[later, end])
                prefetch(minus, edges[later, end])
        row = cells[split[i], CELL_FACETS]
        a, b, vertex = edges[row, EDGE_A], edges[row, EDGE_B], first + i
        rows[i], ends[i, 0], ends[i, 1] = row, a, b
        for w in range(where[FIRST_WORD], where[LAST_WORD]):
            on, off = positive[a, w] | positive[b, w], negative[a, w] | negative[b, w]
            both = on & off
            if both and (w < word or (w == word and both & before)):
                is_right = False
            positive[vertex, w] = on & ~both
            negative[vertex, w] = off & ~both
    return is_right


@compiled_in_place
def join_earlier(first, ends, low, high, positive, negative):
    """The words ``low`` to ``high`` of the vertices ``first``, … on edges between ``ends``; False where two contradict."""
    wrong, count = np.uint64(0), ends.shape[0]
    for i in range(count):
        if i + AHEAD < count:
            for word in range(low, high, WORDS_IN_LINE):
                for end in range(2):
                    prefetch(positive[:, word:], ends[i + AHEAD, end])
                    prefetch(negative[:, word:], ends[i + AHEAD, end])
        a, b, vertex = ends[i, 0], ends[i, 1], first + i
        for w in range(low, high):
            on, off = positive[a, w] | positive[b, w], negative[a, w] | negative[b, w]
            wrong |= on & off
            positive[vertex, w], negative[vertex, w] = on, off
    return wrong == np.uint64(0)
