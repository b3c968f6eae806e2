"""Compiled loops from the values of a step to the inputs of the next one: values of later vertices, and the crease (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.surface.arrangement.sign_kernels import are_neighbours, length_up, square_sum

TINY = 2.0**-1074


@compiled_in_place
def rows_of(rows, values, support, weights, own, own_values, out):
    """out = the values of the vertices ``rows``: a row, or the combination ``weights`` of the rows ``support`` (-1 ends them)."""
    old, m = values.shape
    for r in range(rows.shape[0]):
        h, v = out[r], rows[r]
        if v < old:
            for i in range(m):
                h[i] = values[v, i]
        elif own[v - old] >= 0:
            for i in range(m):
                h[i] = own_values[own[v - old], i]
        else:
            for i in range(m):
                h[i] = 0.0
            for k in range(support.shape[1]):
                u, c = support[v - old, k], weights[v - old, k]
                if u < 0:
                    break
                a = values[u]
                for i in range(m):
                    h[i] += c * a[i]


@compiled_part_in_place
def scaled(value, factor):
    """value times factor; from here on 0 means exactly 0: the bound of |h - exact| has room for the least double."""
    product = value * factor
    return TINY if product == 0.0 and factor != 0.0 else product


@compiled_part_in_place
def scale_block(h, plus, minus, leak):
    """Up to 64 values behind their crease, neighbours in memory: lines as the compiler turns into vectors."""
    if leak == 0.0:
        for b in range(h.shape[0]):
            value = TINY if h[b] == 0.0 else h[b]
            h[b] = value * np.float64((plus >> np.uint64(b)) & np.uint64(1))
        return
    for b in range(h.shape[0]):
        factor = np.float64((plus >> np.uint64(b)) & np.uint64(1))
        factor += leak * np.float64((minus >> np.uint64(b)) & np.uint64(1))
        h[b] = scaled(h[b], factor)


@compiled_part_in_place
def is_even(creased, left):
    """Whether the coordinates with bits stand side by side and have the same slope below zero."""
    if not are_neighbours(creased):
        return False
    different = 0
    for j in range(creased.shape[0]):
        different += left[creased[j]] != left[creased[0]]
    return different == 0


@compiled_part_in_place
def crease_row(h, positive, negative, v, word, creased, left, evenly):
    """The values of the vertex v behind their crease; whether one may differ from 0 there.

    No branch by sign: signs are as good as random to a processor. An infinite value that is off becomes nan, which is open.
    """
    count = creased.shape[0]
    some = np.uint64(count < h.shape[0])
    for start in range(0, count, 64):
        plus, minus = positive[v, word + (start >> 6)], negative[v, word + (start >> 6)]
        last = min(64, count - start)
        some |= plus
        if evenly:
            at, leak = creased[0] + start, left[creased[0]]
            some |= np.uint64(leak != 0.0) * minus
            scale_block(h[at : at + last], plus, minus, leak)
        else:
            for b in range(last):
                i = creased[start + b]
                some |= np.uint64(left[i] != 0.0) * minus
                scale_block(h[i : i + 1], plus >> np.uint64(b), minus >> np.uint64(b), left[i])
    if count < h.shape[0]:
        for i in range(h.shape[0]):
            h[i] = TINY if left[i] == 1.0 and h[i] == 0.0 else h[i]
    return some != np.uint64(0)


@compiled_in_place
def activated(ids, out, positive, negative, word, creased, left, lengths):
    """Rows of values of the vertices ``ids`` become rows of h, behind the crease, with bounds of |h|, -1 where h is exactly 0."""
    evenly = is_even(creased, left)
    for r in range(out.shape[0]):
        if crease_row(out[r], positive, negative, ids[r], word, creased, left, evenly):
            lengths[r] = length_up(square_sum(out[r]), out.shape[1])
        else:
            for i in range(out.shape[1]):
                out[r, i] = 0.0
            lengths[r] = -1.0
