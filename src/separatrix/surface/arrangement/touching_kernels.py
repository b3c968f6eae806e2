"""Edges that end on a neuron's zero set without being cut by it: each in a list of the neuron that it touches next (§6).

A node is an edge in the list of the first neuron, from those on that are still to be inserted, that is zero at one of its
ends. Where the edge's ends change, its node may stand where nothing is touched any more: it is then only passed on.
"""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_part_in_place
from separatrix.surface.arrangement.lattice import (
    CELL_STATE,
    EDGE_A,
    EDGE_B,
    EDGE_CELL,
    NONE,
    TOUCHED_NEGATIVE,
    TOUCHED_POSITIVE,
    TOUCHED_ZERO,
    UNMARKED,
)
from separatrix.surface.arrangement.sign_kernels import lowest_bit

NODE_EDGE, NODE_NEXT = range(2)


@compiled_part_in_place
def first_zero(a, b, start, first, live, positive, negative):
    """The first neuron from ``start`` on, of those that are ``live``, that is zero at one of two vertices; -1: none.

    ``first``: the first word of the step's bits.
    """
    for w in range(start >> 6, live.shape[0]):
        zero = ~(positive[a, first + w] | negative[a, first + w]) | ~(positive[b, first + w] | negative[b, first + w])
        zero &= live[w]
        if w == start >> 6:
            zero = (zero >> np.uint64(start & 63)) << np.uint64(start & 63)
        if zero != np.uint64(0):
            return 64 * w + lowest_bit(zero)
    return -1


@compiled_part_in_place
def is_any_zero(start, seen, live):
    """Whether a neuron from ``start`` on that is ``live`` is zero at any vertex; ``seen``: as in ``fill_buckets``."""
    for w in range(start >> 6, live.shape[0]):
        zero = seen[0, w] & live[w]
        if w == start >> 6:
            zero = (zero >> np.uint64(start & 63)) << np.uint64(start & 63)
        if zero != np.uint64(0):
            return True
    return False


@compiled_part_in_place
def pass_on(node, start, first, live, heads, nodes, edges, positive, negative):
    """Put a node into the list of the first neuron from ``start`` on that its edge touches, if there is one."""
    edge = nodes[node, NODE_EDGE]
    neuron = first_zero(edges[edge, EDGE_A], edges[edge, EDGE_B], start, first, live, positive, negative)
    if neuron >= 0:
        nodes[node, NODE_NEXT] = heads[neuron]
        heads[neuron] = node
    return neuron >= 0


@compiled_part_in_place
def touched_edges(neuron, first, live, heads, nodes, edges, cells, positive, negative, touched):
    """List and mark the edges that have an end where the neuron is zero, and pass their nodes on; how many there are."""
    word, bit = first + (neuron >> 6), np.uint64(1) << np.uint64(neuron & 63)
    count, node = 0, np.int64(heads[neuron])
    heads[neuron] = NONE
    while node != NONE:
        follows, edge = np.int64(nodes[node, NODE_NEXT]), nodes[node, NODE_EDGE]
        a, b, cell = edges[edge, EDGE_A], edges[edge, EDGE_B], edges[edge, EDGE_CELL]
        plus, minus = positive[a, word] | positive[b, word], negative[a, word] | negative[b, word]
        ends = (positive[a, word] | negative[a, word]) & (positive[b, word] | negative[b, word]) & bit
        is_known = False
        if ends == np.uint64(0):
            is_known = cells[cell, CELL_STATE] != UNMARKED  # by another node of the edge
            if not is_known:
                state = TOUCHED_POSITIVE if plus & bit else (TOUCHED_NEGATIVE if minus & bit else TOUCHED_ZERO)
                cells[cell, CELL_STATE] = state
                touched[count] = cell
                count += 1
        if not is_known:
            pass_on(node, neuron + 1, first, live, heads, nodes, edges, positive, negative)
        node = follows
    return count
