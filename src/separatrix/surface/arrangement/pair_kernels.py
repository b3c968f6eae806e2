"""Values are kept only where a later neuron needs them: of pairs of a vertex and a neuron that cuts a cell there (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.numerics.prefetching import prefetch
from separatrix.surface.arrangement.sign_kernels import FLOOR, ROOM, lowest_bit

AHEAD = 24  # corners
PAIR_VALUE, PAIR_ERROR, BIT = range(3)  # rows of the values of pairs


@compiled_part_in_place
def number_of_bits(word):
    """How many bits of a word are set, as uint64."""
    one, two, four = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
    word = word - ((word >> np.uint64(1)) & one)
    word = (word & two) + ((word >> np.uint64(2)) & two)
    word = (word + (word >> np.uint64(4))) & four
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@compiled_in_place
def pairs_of_cuts(starts, corners, positive, negative, word, pairs, places):
    """Set in ``pairs`` (V, words), 0 before, the bits of the neurons that take both signs on a top cell at the vertex.

    Signs that are open count as both. ``places`` (V + 1,): where the pairs of a vertex begin.
    """
    words, count = pairs.shape[1], corners.shape[0]
    on, off = positive[:, word:], negative[:, word:]
    for number in range(starts.shape[0] - 1):
        for k in range(starts[number], starts[number + 1]):
            if k + AHEAD < count:
                prefetch(on, corners[k + AHEAD])
                prefetch(off, corners[k + AHEAD])
        for w in range(words):
            plus = minus = np.uint64(0)
            for k in range(starts[number], starts[number + 1]):
                plus |= on[corners[k], w]
                minus |= off[corners[k], w]
            cut = plus & minus
            if cut != np.uint64(0):
                for k in range(starts[number], starts[number + 1]):
                    pairs[corners[k], w] |= cut
    places[0] = 0
    for v in range(pairs.shape[0]):
        total = np.uint64(0)
        for w in range(words):
            total += number_of_bits(pairs[v, w])
        places[v + 1] = places[v] + np.int64(total)


@compiled_in_place
def pick_pairs(ids, values, numbers, rows, exact_bias, creased, pairs, places, out):
    """The pairs' values and the bounds (1) of their errors from rows of all values at the vertices ``ids``.

    ``numbers`` (r, 5): s (-1 where the input is exactly 0), g, …; ``rows`` (3, m), ``exact_bias`` (m,), ``creased``: of the step;
    ``pairs`` (V, words), ``places`` (V + 1,): as above; ``out`` (3, number).
    """
    for r in range(ids.shape[0]):
        v = ids[r]
        place, s, g = places[v], numbers[r, 0], numbers[r, 1]
        for w in range(pairs.shape[1]):
            rest = pairs[v, w]
            while rest != np.uint64(0):
                bit = 64 * w + lowest_bit(rest)
                rest &= rest - np.uint64(1)
                i = creased[bit]
                bound = exact_bias[i] if s < 0.0 else (rows[0, i] * s + rows[1, i] * g + rows[2, i]) * ROOM
                out[PAIR_VALUE, place], out[PAIR_ERROR, place], out[BIT, place] = values[r, i], bound + FLOOR, bit
                place += 1


@compiled_part_in_place
def place_of_pair(places, values, v, j):
    """Where the value of bit j at the vertex v is kept, by row BIT of ``values``; -1 where it is not."""
    for place in range(places[v], places[v + 1]):
        if values[BIT, place] == j:
            return place
    return -1
