"""Compiled loops of the values that are kept from a walk because their neuron may cut a cell at the vertex (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place
from separatrix.numerics.prefetching import prefetch
from separatrix.surface.arrangement.pair_kernels import BIT, PAIR_ERROR, PAIR_VALUE
from separatrix.surface.arrangement.sign_kernels import FLOOR, ROOM, lowest_bit

AHEAD = 24  # corners
SHORT, LONG = 0.02, 2.0  # times the reach of a vertex: how far the one before it may be for slopes to be read off both


@compiled_in_place
def reaches(starts, corners, x, out):
    """``out`` (V,), 0 before: the longest diagonal of the boxes around the cells at a vertex."""
    n, count = x.shape[1], corners.shape[0]
    for number in range(starts.shape[0] - 1):
        for k in range(starts[number], starts[number + 1]):
            if k + AHEAD < count:
                prefetch(x, corners[k + AHEAD])
        square = 0.0
        for t in range(n):
            low, high = np.inf, -np.inf
            for k in range(starts[number], starts[number + 1]):
                low, high = min(low, x[corners[k], t]), max(high, x[corners[k], t])
            square += (high - low) * (high - low)
        length = np.sqrt(square)
        for k in range(starts[number], starts[number + 1]):
            out[corners[k]] = max(out[corners[k]], length)


@compiled_in_place
def steepest(ids, x, reach, values, creased, slopes):
    """``slopes`` (creased,): how fast values change at most from a row to the next one, where their vertices are neighbours."""
    for j in range(creased.shape[0]):
        slopes[j] = 0.0
    for r in range(1, ids.shape[0]):
        u, v, square = ids[r - 1], ids[r], 0.0
        for t in range(x.shape[1]):
            square += (x[u, t] - x[v, t]) * (x[u, t] - x[v, t])
        length = np.sqrt(square)
        if length > SHORT * reach[v] and length < LONG * reach[v]:
            for j in range(creased.shape[0]):
                slopes[j] = max(slopes[j], abs(values[r, creased[j]] - values[r - 1, creased[j]]) / length)


@compiled_in_place
def near_zero(ids, values, numbers, rows, exact_bias, creased, reach, factor, slopes, vertices, bits, found):
    """The values that may be 0 within ``factor`` times the reach of their vertex, as the slopes have it; how many there are.

    ``numbers`` to ``creased`` as in ``pick_pairs``; ``vertices``, ``bits`` (r creased,), ``found`` (2, r creased): whose they
    are, they and the bounds of their errors.
    """
    count = 0
    for r in range(ids.shape[0]):
        most, s, g = factor * reach[ids[r]], numbers[r, 0], numbers[r, 1]
        for j in range(creased.shape[0]):
            i = creased[j]
            if not abs(values[r, i]) <= most * slopes[j]:  # nan is not kept either
                continue
            bound = exact_bias[i] if s < 0.0 else (rows[0, i] * s + rows[1, i] * g + rows[2, i]) * ROOM
            vertices[count], bits[count] = ids[r], j
            found[0, count], found[1, count] = values[r, i], bound + FLOOR
            count += 1
    return count


@compiled_in_place
def chained(vertices, heads, following):
    """Lists of the entries of every vertex: ``heads`` (V,), -1 before, and the entry that follows each."""
    for entry in range(vertices.shape[0]):
        following[entry] = heads[vertices[entry]]
        heads[vertices[entry]] = entry


@compiled_in_place
def fill_pairs(pairs, places, heads, following, bits, found, out, is_missing):
    """The pairs' values from kept ones, the one with the least error of several; ``is_missing`` (V,): where one is not kept."""
    for v in range(pairs.shape[0]):
        place = places[v]
        for w in range(pairs.shape[1]):
            rest = pairs[v, w]
            while rest != np.uint64(0):
                bit = 64 * w + lowest_bit(rest)
                rest &= rest - np.uint64(1)
                value, error, entry = 0.0, np.inf, heads[v]
                while entry >= 0:
                    if bits[entry] == bit and (
                        found[1, entry] < error or (found[1, entry] == error and found[0, entry] < value)
                    ):
                        value, error = found[0, entry], found[1, entry]
                    entry = following[entry]
                out[PAIR_VALUE, place], out[PAIR_ERROR, place], out[BIT, place] = value, error, bit
                is_missing[v] |= error == np.inf
                place += 1
