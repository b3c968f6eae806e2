"""The compiled loop over the new vertices of one neuron: their support, position, error and open signs (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place, written_in_place
from separatrix.numerics.prefetching import prefetch
from separatrix.surface.arrangement.edge_placement import along_edge, edge_weights, norm_along_edge
from separatrix.surface.arrangement.lattice import CELL_DIM, CELL_ROOT, EDGE_CELL
from separatrix.surface.arrangement.placement_kernel import (
    DELTA,
    ERROR,
    LAMBDA,
    MOST_ROWS,
    VALUE,
    WEIGHT,
    M,
    barycentric,
    choose,
    combined,
    distance_by_slope,
    distance_up,
    entry,
    fill_row,
    invert,
    norm_bound,
)
from separatrix.surface.arrangement.sign_kernels import ROOM, copied, lowest_bit

OPEN, LOST = 1, 2
AHEAD = 8  # vertices
SMALL = 2.0**-40  # an error of this part of the values is small enough: no closer bound is looked for


@compiled_part_in_place
def open_words(edges, e, v, j, word, n_words, positive, negative):
    """Set the bits of vertex v on edge e from its ends, bit j cleared; whether one is open (both bits are set)."""
    a, b = edges[e, 0], edges[e, 1]
    some = np.uint64(0)
    for w in range(word, word + n_words):
        plus = positive[a, w] | positive[b, w]
        minus = negative[a, w] | negative[b, w]
        if w == word + (j >> 6):
            keep = ~(np.uint64(1) << np.uint64(j & 63))
            plus &= keep
            minus &= keep
        positive[v, w], negative[v, w] = plus, minus
        some |= plus & minus
    return some != np.uint64(0)


@written_in_place
def zero_rows(
    v, j, simplices, root, k, room, copies, values, pairs, numbers, rows, exact_bias, creased, positive, negative, word
):
    """Fill M and delta with k rows of neurons that vanish at v, and the row of ones; False where there are fewer.

    Rows that are 0 on the whole simplex, and those that repeat earlier ones, say nothing of v.
    """
    count, n_signs = np.int64(0), creased.shape[0]
    for w in range(-1, (n_signs + 63) >> 6):  # neuron j first
        if w < 0:
            zero, start = np.uint64(1) << np.uint64(j & 63), j & ~63
        else:
            zero, start = ~(positive[v, word + w] | negative[v, word + w]), 64 * w
            if n_signs - start < 64:
                zero &= (np.uint64(1) << np.uint64(n_signs - start)) - np.uint64(1)
            if w == j >> 6:
                zero &= ~(np.uint64(1) << np.uint64(j & 63))
            some = np.uint64(0)
            for m in range(k + 1):
                some |= positive[simplices[root, m], word + w] | negative[simplices[root, m], word + w]
            zero &= some
        while zero != np.uint64(0) and count < MOST_ROWS:
            i = start + lowest_bit(zero)
            zero &= zero - np.uint64(1)
            if copies[0, i] < 0 and fill_row(
                i, count, simplices, root, k, room, values, pairs, numbers, rows, exact_bias, creased,
                positive, negative, word,
            ):  # fmt: skip
                count += 1
    if count < k:
        return False
    if count > k:
        choose(count, k, room)
    for m in range(k + 1):
        room[M, k, m], room[DELTA, k, m] = 1.0, 0.0
    return True


@written_in_place
def place_point(v, simplices, root, k, d, x, x_error, room, lines):
    """Position of v as the combination of the simplex, and the bound of its distance to the exact vertex."""
    total = spread = 0.0
    for m in range(k + 1):
        lines[ERROR, m] = 0.0
        spread += lines[WEIGHT, m] * x_error[simplices[root, m]]
    for i in range(x.shape[1]):
        for m in range(k + 1):
            lines[VALUE, m] = x[simplices[root, m], i]
        x[v, i], bound = combined(k, d, room, lines)
        total += bound * bound
    x_error[v] = (np.sqrt(total) + spread) * ROOM + 2.0**-500


@written_in_place
def place_on_edge(
    v, j, u0, u1, x, x_error, lines, lipschitz,
    values, pairs, numbers, rows, exact_bias, creased, positive, negative, word,
):  # fmt: skip
    """The vertex v on the edge from u0 to u1: x, x_error, lambda; returns d and the bound of the values' error, inf: none."""
    f0, e0 = entry(u0, j, values, pairs, numbers, rows, exact_bias, creased, positive, negative, word)
    f1, e1 = entry(u1, j, values, pairs, numbers, rows, exact_bias, creased, positive, negative, word)
    lam0, lam1, d = edge_weights(f0, e0, f1, e1)
    if not d < 1.0:
        return np.inf, np.inf
    lines[LAMBDA, 0], lines[LAMBDA, 1] = lam0, lam1
    total = 0.0
    for i in range(x.shape[1]):
        x[v, i], bound = along_edge(x[u0, i], 0.0, x[u1, i], 0.0, lam0, lam1, d)
        total += bound * bound
    spread = (abs(lam0) + d) * x_error[u0] + (abs(lam1) + d) * x_error[u1]
    x_error[v] = (np.sqrt(total) + spread) * ROOM + 2.0**-500
    if pairs.shape[0] > 0:  # rows of values are not asked for
        return d, np.inf
    distance = distance_by_slope(u0, u1, x, x_error, numbers, lipschitz)
    error = norm_along_edge(numbers, u0, u1, distance, lam0, lam1, d)
    if not error <= SMALL * (numbers[u0, 3] + numbers[u1, 3]):
        error = norm_along_edge(numbers, u0, u1, distance_up(values, pairs, u0, u1), lam0, lam1, d)
    return d, error


@written_in_place
def place_inside(
    v, j, simplices, root, k, x, x_error, room, lines, lipschitz, copies,
    values, pairs, numbers, rows, exact_bias, creased, positive, negative, word,
):  # fmt: skip
    """The vertex v in a cell of dimension k > 1: as ``place_on_edge``, with M and the rest left in ``room`` and ``lines``."""
    is_fixed = simplices[root, k] >= 0 and zero_rows(
        v, j, simplices, root, k, room, copies, values, pairs, numbers, rows, exact_bias, creased, positive, negative, word
    )  # fmt: skip
    if not is_fixed:
        return np.inf, np.inf
    invert(k, room)
    d = barycentric(k, room, lines)
    if not d < 1.0:
        return np.inf, np.inf
    place_point(v, simplices, root, k, d, x, x_error, room, lines)
    error = np.inf
    for is_close in (False, True):
        if pairs.shape[0] > 0:
            break
        error = norm_bound(simplices, root, k, d, values, pairs, numbers, x, x_error, lipschitz, is_close, room, lines)
        if error <= SMALL * numbers[simplices[root, 0], 3]:
            break
    return d, error


@written_in_place
def decide_open(
    v, simplices, root, k, d, room, lines, copies,
    values, pairs, numbers, rows, exact_bias, creased, positive, negative, word,
):  # fmt: skip
    """Decide the open signs of v that the bound of a combination proves; whether some stay open."""
    remain = False
    for w in range((creased.shape[0] + 63) >> 6):
        both = positive[v, word + w] & negative[v, word + w]
        while both != np.uint64(0):
            j = 64 * w + lowest_bit(both)
            bit = np.uint64(1) << np.uint64(j & 63)
            both &= ~bit
            if copied(j, copies, positive, negative, v, word):
                remain = remain or (positive[v, word + w] & negative[v, word + w] & bit) != np.uint64(0)
                continue
            for m in range(k + 1):
                lines[VALUE, m], lines[ERROR, m] = entry(
                    simplices[root, m], j, values, pairs, numbers, rows, exact_bias, creased, positive, negative, word
                )
            if k == 1:
                value, bound = along_edge(
                    lines[VALUE, 0], lines[ERROR, 0], lines[VALUE, 1], lines[ERROR, 1], lines[LAMBDA, 0], lines[LAMBDA, 1], d
                )  # fmt: skip
            else:
                value, bound = combined(k, d, room, lines)
            if value > bound:
                negative[v, word + w] &= ~bit
            elif -value > bound:
                positive[v, word + w] &= ~bit
            else:
                remain = True
    return remain


@compiled_in_place
def place_vertices(
    edge_rows, first, j, n_words, edges, cells, x, x_error, lipschitz, copies, room, lines,
    values, pairs, numbers, rows, exact_bias, creased, positive, negative, word,
    simplices, support, weights, errors, state,
):  # fmt: skip
    """Place the vertices first, first + 1, … on the edges ``edge_rows``, where neuron j vanishes.

    ``simplices``: those of the cells at the step's start; ``lipschitz``: a constant of the step's exact values in x;
    ``copies``: repeated rows; ``room``, ``lines``: scratch; ``values`` to ``word``: as in ``entry``.

    Fills x, x_error, bits, and in row v - old of ``support``, ``weights``, ``errors``: the simplex, lambda, the bound of the
    2-norm of the values' error. ``state``: OPEN where a sign stays open (both bits set), LOST where there is no bound.
    """
    n, old = x.shape[1], numbers.shape[0]
    for number in range(edge_rows.shape[0]):
        if number + 3 * AHEAD < edge_rows.shape[0]:
            prefetch(edges, edge_rows[number + 3 * AHEAD])
        if number + 2 * AHEAD < edge_rows.shape[0]:
            prefetch(cells, edges[edge_rows[number + 2 * AHEAD], EDGE_CELL])
        if number + AHEAD < edge_rows.shape[0]:
            later = cells[edges[edge_rows[number + AHEAD], EDGE_CELL], CELL_ROOT]
            for m in range(2):
                prefetch(x, simplices[later, m])
                prefetch(x_error, simplices[later, m])
                prefetch(pairs, simplices[later, m])
        row, v = edge_rows[number], first + number
        has_open = open_words(edges, row, v, j, word, n_words, positive, negative)
        root, place = np.int64(cells[edges[row, EDGE_CELL], CELL_ROOT]), v - old
        k = np.int64(cells[root, CELL_DIM])
        if k == 1:
            d, errors[place] = place_on_edge(
                v, j, simplices[root, 0], simplices[root, 1], x, x_error, lines, lipschitz,
                values, pairs, numbers, rows, exact_bias, creased, positive, negative, word,
            )  # fmt: skip
        else:
            d, errors[place] = place_inside(
                v, j, simplices, root, k, x, x_error, room, lines, lipschitz, copies,
                values, pairs, numbers, rows, exact_bias, creased, positive, negative, word,
            )  # fmt: skip
        is_placed = d < 1.0
        for m in range(n + 1):
            support[place, m] = simplices[root, m] if is_placed and m <= k else -1
            weights[place, m] = lines[LAMBDA, m]
        if not is_placed:
            x_error[v] = np.inf
            for i in range(n):
                x[v, i] = 0.5 * x[edges[row, 0], i] + 0.5 * x[edges[row, 1], i]
        elif has_open:
            has_open = decide_open(
                v, simplices, root, k, d, room, lines, copies,
                values, pairs, numbers, rows, exact_bias, creased, positive, negative, word,
            )  # fmt: skip
        state[place] = (OPEN if has_open else 0) | (0 if is_placed else LOST)
