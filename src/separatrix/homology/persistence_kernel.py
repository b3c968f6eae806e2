"""The column algorithm over Z/p with clearing, compiled; rows and columns in the order in which the cells appear."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled, compiled_part

BITS = 5  # a node of the tree holds the marks of 32 children in an int64, whose sign stays out of play


@compiled_part
def _mark(tree, offsets, row):
    """Enter a row into the tree of rows that are not zero."""
    node = row
    for level in range(offsets.shape[0]):
        place, bit = offsets[level] + (node >> BITS), node & 31
        before = tree[place]
        tree[place] = before | (1 << bit)
        if before != 0:
            return
        node >>= BITS


@compiled_part
def _unmark(tree, offsets, row):
    """Take a row out of the tree."""
    node = row
    for level in range(offsets.shape[0]):
        place, bit = offsets[level] + (node >> BITS), node & 31
        tree[place] &= ~(1 << bit)
        if tree[place] != 0:
            return
        node >>= BITS


@compiled_part
def _last(tree, offsets):
    """The largest row in the tree, -1 where it is empty."""
    node = 0
    for i in range(offsets.shape[0]):
        word = tree[offsets[offsets.shape[0] - 1 - i] + node]
        if word == 0:
            return -1
        bit = 0
        for step in (16, 8, 4, 2, 1):
            if word >> step:
                word >>= step
                bit += step
        node = (node << BITS) + bit
    return node


@compiled_part
def _add(accumulator, tree, offsets, row, value, p):
    """accumulator[row] += value modulo p, both from 0 to (p - 1)^2."""
    before = accumulator[row]
    after = before + value
    if after >= p:
        after -= p
        if after >= p:
            after %= p
    accumulator[row] = after
    if before == 0 and after != 0:
        _mark(tree, offsets, row)
    elif before != 0 and after == 0:
        _unmark(tree, offsets, row)


@compiled_part
def _inverse(a, p):
    """1 / a modulo the prime p, by a^(p - 2)."""
    result, power, exponent = 1, a, p - 2
    while exponent > 0:
        if exponent & 1:
            result = result * power % p
        power = power * power % p
        exponent >>= 1
    return result


@compiled_part
def _doubled(array):
    """The array with as much room again; copied by hand, for numpy's functions cost seconds of compilation."""
    longer = np.empty(2 * array.shape[0], np.int64)
    for t in range(array.shape[0]):
        longer[t] = array[t]
    return longer


@compiled_part
def _enter(column, rank, rows, entries, used, seen, mark):
    """Copy a column (faces, coefficients) behind the stored ones; its last row (-1: none), and whether a row repeats."""
    faces, coefficients = column
    top, repeats = -1, False
    for t in range(faces.shape[0]):
        row = rank[faces[t]]
        repeats = repeats or seen[row] == mark
        seen[row] = mark
        top = max(top, row)
        rows[used + t], entries[used + t] = row, coefficients[t]
    return top, repeats


@compiled_part
def _normalise(rows, entries, first, last, top, p):
    """Scale a stored column so that its entry in row ``top`` is 1."""
    for t in range(first, last):
        if rows[t] == top:
            lead = entries[t]
            if lead != 1:
                scale = _inverse(lead, p)
                for u in range(first, last):
                    entries[u] = entries[u] * scale % p
            return


@compiled
def _reduce(starts, faces, coefficients, order, rank, skipped, offsets, scratch, p):
    """Fill the pivot rows, the first array of ``scratch``; see :func:`reduce_columns`."""
    pivots, owner, begin, end, accumulator, seen, tree = scratch
    rows, entries = np.empty(faces.shape[0] + 64, np.int64), np.empty(faces.shape[0] + 64, np.int64)
    used = 0
    for j in range(order.shape[0]):
        if skipped[j]:
            continue
        first, last = starts[order[j]], starts[order[j] + 1]
        while used + last - first > rows.shape[0]:
            rows, entries = _doubled(rows), _doubled(entries)
        begin[j], column = used, (faces[first:last], coefficients[first:last])
        top, repeats = _enter(column, rank, rows, entries, used, seen, j)
        if top >= 0 and not repeats and owner[top] < 0:  # reduced already: the copy is kept
            used += last - first
        elif top >= 0:
            factor, source, stop = 1, used, used + last - first
            while True:
                for t in range(source, stop):
                    _add(accumulator, tree, offsets, rows[t], factor * entries[t], p)
                top = _last(tree, offsets)
                if top < 0 or owner[top] < 0:
                    break
                factor, source, stop = p - accumulator[top], begin[owner[top]], end[owner[top]]
            row = top
            while row >= 0:
                if used == rows.shape[0]:
                    rows, entries = _doubled(rows), _doubled(entries)
                rows[used], entries[used] = row, accumulator[row]
                used += 1
                accumulator[row] = 0
                _unmark(tree, offsets, row)
                row = _last(tree, offsets)
        end[j] = used
        if top >= 0:
            pivots[j], owner[top] = top, j
            _normalise(rows, entries, begin[j], used, top, p)


def reduce_columns(
    boundary: tuple[np.ndarray, np.ndarray, np.ndarray],
    order: np.ndarray,
    rank: np.ndarray,
    skipped: np.ndarray,
    p: int,
) -> np.ndarray:
    """The pivot row of every reduced column, -1 where it is zero or was skipped; int64 (columns,).

    ``boundary``: starts, faces, coefficients from 1 to p - 1, int64, p below 2^31. Column j is the boundary of cell
    ``order[j]``; ``rank[a]`` is the row of the face a; ``skipped[j]``: known to be zero.
    """
    n_columns, n_rows = len(order), len(rank)
    offsets = tree_offsets(n_rows)
    pivots, owner, seen = (np.full(n, -1, dtype=np.int64) for n in (n_columns, n_rows, n_rows))
    begin, end, accumulator = (np.zeros(n, dtype=np.int64) for n in (n_columns, n_columns, n_rows))
    tree = np.zeros(int(offsets[-1]) + 1, dtype=np.int64)
    _reduce(*boundary, order, rank, skipped, offsets, (pivots, owner, begin, end, accumulator, seen, tree), p)
    return pivots


def tree_offsets(n_rows: int) -> np.ndarray:
    """Where the levels of the tree over ``n_rows`` rows begin; the last is the root."""
    offsets, size, place = [], max(n_rows, 1), 0
    while True:
        size = -(-size // 32)
        offsets.append(place)
        place += size
        if size == 1:
            return np.array(offsets, dtype=np.int64)
