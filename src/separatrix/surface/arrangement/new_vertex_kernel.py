"""The compiled loop over the new vertices of one neuron: their support, position, error and open signs (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled, compiled_part
from separatrix.surface.arrangement.lattice import CELL_DIM, CELL_ROOT, EDGE_CELL
from separatrix.surface.arrangement.placement_kernel import (
    MOST_ROWS,
    barycentric,
    choose,
    combined,
    entry,
    fill_row,
    invert,
    norm_bound,
)
from separatrix.surface.arrangement.sign_kernels import ROOM, copied, lowest_bit

OPEN, LOST = 1, 2


@compiled_part
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


@compiled_part
def zero_rows(v, j, simplex, k, known, scratch):
    """Fill M and delta with k rows of neurons that vanish at v, and the row of ones; False where there are fewer."""
    M, delta, count, n_signs = scratch.M, scratch.delta, 0, known.creased.shape[0]
    if fill_row(j, count, simplex, k, known, M, delta):
        count += 1
    if k > 1:
        for w in range((n_signs + 63) >> 6):
            zero = ~(known.positive[v, known.word + w] | known.negative[v, known.word + w])
            if n_signs - 64 * w < 64:
                zero &= (np.uint64(1) << np.uint64(n_signs - 64 * w)) - np.uint64(1)
            while zero != np.uint64(0) and count < MOST_ROWS:
                i = 64 * w + lowest_bit(zero)
                zero &= zero - np.uint64(1)
                if i != j and fill_row(i, count, simplex, k, known, M, delta):
                    count += 1
    if count < k:
        return False
    if count > k:
        choose(M, delta, count, k, scratch.work, scratch.taken)
    for m in range(k + 1):
        M[k, m], delta[k, m] = 1.0, 0.0
    return True


@compiled_part
def decide_open(v, simplex, k, d, known, scratch):
    """Decide the open signs of v that the bound of a combination proves; whether some stay open."""
    remain = False
    positive, negative, word = known.positive, known.negative, known.word
    M, C, lam, L, t, a, e, c = (
        scratch.M, scratch.C, scratch.lam, scratch.L, scratch.t, scratch.a, scratch.e, scratch.c
    )  # fmt: skip
    for w in range((known.creased.shape[0] + 63) >> 6):
        both = positive[v, word + w] & negative[v, word + w]
        while both != np.uint64(0):
            j = 64 * w + lowest_bit(both)
            bit = np.uint64(1) << np.uint64(j & 63)
            both &= ~bit
            if copied(j, known.copies, positive, negative, v, word):
                remain = remain or (positive[v, word + w] & negative[v, word + w] & bit) != np.uint64(0)
                continue
            for m in range(k + 1):
                a[m], e[m] = entry(known, simplex[m], j)
            value, bound = combined(a, e, M, C, k, lam, L, t, d, c)
            if value > bound:
                negative[v, word + w] &= ~bit
            elif -value > bound:
                positive[v, word + w] &= ~bit
            else:
                remain = True
    return remain


@compiled_part
def place_point(v, simplex, k, d, x, x_error, scratch):
    """Position of v as the combination of the simplex, and the bound of its distance to the exact vertex."""
    M, C, lam, L, t, a, e, c = (
        scratch.M, scratch.C, scratch.lam, scratch.L, scratch.t, scratch.a, scratch.e, scratch.c
    )  # fmt: skip
    total = spread = 0.0
    for m in range(k + 1):
        e[m] = 0.0
        spread += L[m] * x_error[simplex[m]]
    for i in range(x.shape[1]):
        for m in range(k + 1):
            a[m] = x[simplex[m], i]
        x[v, i], bound = combined(a, e, M, C, k, lam, L, t, d, c)
        total += bound * bound
    x_error[v] = (np.sqrt(total) + spread) * ROOM + 2.0**-500


@compiled
def place_vertices(
    edge_rows, first, j, n_words, edges, cells, x, x_error, known, scratch, simplex_of, support, weights, errors, state
):
    """Place the vertices first, first + 1, … on the edges ``edge_rows``, where neuron j vanishes.

    Fills x, x_error, bits, and in row v - old of ``support``, ``weights``, ``errors``: the simplex, lambda, the bound of the
    2-norm of the values' error. ``state``: OPEN where a sign stays open (both bits set), LOST where there is no bound.
    """
    n, old = x.shape[1], known.values.shape[0]
    for number in range(edge_rows.shape[0]):
        row, v = edge_rows[number], first + number
        has_open = open_words(edges, row, v, j, known.word, n_words, known.positive, known.negative)
        root, place, d = cells[edges[row, EDGE_CELL], CELL_ROOT], v - old, np.inf
        k, simplex = np.int64(cells[root, CELL_DIM]), simplex_of[root]
        if simplex[k] >= 0 and zero_rows(v, j, simplex, k, known, scratch):
            invert(scratch.M, k, scratch.work, scratch.C)
            d = barycentric(scratch.M, scratch.delta, scratch.C, k, scratch.lam, scratch.L, scratch.t, scratch.off)
        is_placed = d < 1.0
        for m in range(n + 1):
            support[place, m] = simplex[m] if is_placed and m <= k else -1
            weights[place, m] = scratch.lam[m]
        state[place] = (OPEN if has_open else 0) | (0 if is_placed else LOST)
        if not is_placed:
            errors[place], x_error[v] = np.inf, np.inf
            for i in range(n):
                x[v, i] = 0.5 * x[edges[row, 0], i] + 0.5 * x[edges[row, 1], i]
            continue
        errors[place] = norm_bound(
            simplex, k, known.values, known.numbers, scratch.C, scratch.L, scratch.t, scratch.off, d, scratch.c
        )
        place_point(v, simplex, k, d, x, x_error, scratch)
        if has_open and not decide_open(v, simplex, k, d, known, scratch):
            state[place] = 0
