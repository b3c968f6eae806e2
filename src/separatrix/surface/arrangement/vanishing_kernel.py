"""The compiled grouping of neurons at vertices by what they see: the same neuron and the same signs before it (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place

ONE = np.uint64(1)
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplying by it spreads the low bits


@compiled_part_in_place
def sign_at(positive, negative, v, place):
    """Both bits of a sign as a number below 4; ``place`` counts the bits of all words."""
    word, bit = place >> 6, np.uint64(place & 63)
    return (positive[v, word] >> bit & ONE) << ONE | (negative[v, word] >> bit & ONE)


@compiled_in_place
def group_sights(vertices, neurons, starts, seen, positive, negative, table, group):
    """group[k] = the first pair (vertex, neuron) with the neuron of pair k and the same signs at the places that it sees.

    ``seen[starts[i] : starts[i + 1]]``: the places of neuron i; ``table`` (a power of two, more than the pairs): -1 all over.
    """
    last = table.size - 1
    for k in range(vertices.size):
        v, i = vertices[k], neurons[k]
        mixed = np.uint64(i + 1) * SPREAD
        for at in range(starts[i], starts[i + 1]):
            mixed = (mixed ^ sign_at(positive, negative, v, seen[at])) * SPREAD
            mixed ^= mixed >> np.uint64(29)
        slot = np.int64(mixed >> np.uint64(8)) & last
        while True:
            other = table[slot]
            if other < 0:
                table[slot] = group[k] = k
                break
            same = neurons[other] == i
            if same:
                u = vertices[other]
                for at in range(starts[i], starts[i + 1]):
                    if sign_at(positive, negative, v, seen[at]) != sign_at(positive, negative, u, seen[at]):
                        same = False
                        break
            if same:
                group[k] = other
                break
            slot = (slot + 1) & last
