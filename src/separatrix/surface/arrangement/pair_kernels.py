"""Values are kept only where a later neuron needs them: of pairs of a vertex and a neuron that cuts a cell there (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place


@compiled_part_in_place
def number_of_bits(word):
    """How many bits of a word are set, as uint64."""
    one, two, four = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
    word = word - ((word >> np.uint64(1)) & one)
    word = (word & two) + ((word >> np.uint64(2)) & two)
    word = (word + (word >> np.uint64(4))) & four
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@compiled_in_place
def pairs_of_cuts(starts, corners, positive, negative, word, pairs):
    """Set in ``pairs`` (V, words + 1), 0 before, the bits of the neurons that take both signs on a top cell at the vertex.

    Signs that are open count as both. The last column becomes the place of a vertex's first pair; how many there are is returned.
    """
    words = pairs.shape[1] - 1
    for number in range(starts.shape[0] - 1):
        for w in range(words):
            plus = minus = np.uint64(0)
            for k in range(starts[number], starts[number + 1]):
                plus |= positive[corners[k], word + w]
                minus |= negative[corners[k], word + w]
            cut = plus & minus
            if cut != np.uint64(0):
                for k in range(starts[number], starts[number + 1]):
                    pairs[corners[k], w] |= cut
    count = np.uint64(0)
    for v in range(pairs.shape[0]):
        pairs[v, words] = count
        for w in range(words):
            count += number_of_bits(pairs[v, w])
    return count


@compiled_part_in_place
def place_of_pair(pairs, v, j):
    """Where the value of bit j at the vertex v is kept; -1 where it is not."""
    words = pairs.shape[1] - 1
    bit = np.uint64(1) << np.uint64(j & 63)
    if not pairs[v, j >> 6] & bit:
        return np.int64(-1)
    place = pairs[v, words] + number_of_bits(pairs[v, j >> 6] & (bit - np.uint64(1)))
    for w in range(j >> 6):
        place += number_of_bits(pairs[v, w])
    return np.int64(place)
