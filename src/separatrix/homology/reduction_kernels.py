"""Compiled loops on chain complexes: checks, the acyclic matching, and Morse boundaries (§7).

All cells are in one numbering, degree by degree. ``ptr`` int64, ``face`` int32, ``coef`` int64 hold the boundaries by
columns; ``state`` int8 says what the matching made of a cell.
"""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled, compiled_part

LIVE, COLLAPSED, QUEEN, KING, CRITICAL = range(5)
LARGEST = 2**31 - 1


@compiled
def has_repeats(ptr, face, n_faces):
    """Whether a column has a face twice."""
    last = np.zeros(n_faces, np.int64)
    for b in range(len(ptr) - 1):
        for i in range(ptr[b], ptr[b + 1]):
            if last[face[i]] == b + 1:
                return True
            last[face[i]] = b + 1
    return False


@compiled
def first_with_boundary(lower_ptr, lower_face, lower_coef, ptr, face, coef, n_lowest):
    """The first column whose boundary has a boundary other than zero, -1 if none; sums must fit int64."""
    total = np.zeros(n_lowest, np.int64)
    for b in range(len(ptr) - 1):
        for i in range(ptr[b], ptr[b + 1]):
            f = face[i]
            for j in range(lower_ptr[f], lower_ptr[f + 1]):
                total[lower_face[j]] += coef[i] * lower_coef[j]
        for i in range(ptr[b], ptr[b + 1]):
            f = face[i]
            for j in range(lower_ptr[f], lower_ptr[f + 1]):
                if total[lower_face[j]] != 0:
                    return b
    return -1


@compiled_part
def _cofaces(ptr, face):
    n = len(ptr) - 1
    coptr = np.zeros(n + 1, np.int64)
    for i in range(len(face)):
        coptr[face[i]] += 1
    for a in range(n):
        coptr[a + 1] += coptr[a]
    coface = np.empty(len(face), np.int32)
    for c in range(n):
        b = n - 1 - c
        for i in range(ptr[b], ptr[b + 1]):
            f = face[i]
            coptr[f] -= 1
            coface[coptr[f]] = b
    return coptr, coface


@compiled_part
def _collapse(ptr, face, coef, coptr, coface, state, queue):
    """Remove a and b where b is the only live coface of a, with coefficient 1 or -1; first in, first out."""
    n = len(state)
    left = np.empty(n, np.int32)
    head = tail = 0
    for a in range(n):
        left[a] = coptr[a + 1] - coptr[a]
        if left[a] == 1:
            queue[tail] = a
            tail += 1
    while head < tail:
        a = queue[head]
        head += 1
        if state[a] != LIVE or left[a] != 1:
            continue
        i = coptr[a]
        while state[coface[i]] != LIVE:
            i += 1
        b = coface[i]
        j = ptr[b]
        while face[j] != a:
            j += 1
        if coef[j] != 1 and coef[j] != -1:
            continue
        state[a] = state[b] = COLLAPSED
        for x in (a, b):
            for j in range(ptr[x], ptr[x + 1]):
                f = face[j]
                left[f] -= 1
                if left[f] == 1 and state[f] == LIVE:
                    queue[tail] = f
                    tail += 1


@compiled
def match(ptr, face, coef):
    """An acyclic matching: collapses, then coreductions; a live cell of lowest degree is critical where none is possible.

    Returns ``state`` (n,), ``mate`` (n,): the coface that a queen is matched with, ``time`` (n,) of queens, and ``queen``
    (n,): the queen of every time, or -1 where that time made a cell critical or was not reached. The other queens among the
    faces of a queen's mate are earlier.
    """
    n = len(ptr) - 1
    coptr, coface = _cofaces(ptr, face)
    state = np.zeros(n, np.int8)
    queue = np.empty(n, np.int32)
    _collapse(ptr, face, coef, coptr, coface, state, queue)
    mate = np.empty(n, np.int32)
    queen = np.empty(n, np.int32)
    time = np.zeros(n, np.int32)
    for b in range(n):
        mate[b] = queen[b] = -1
    left = np.zeros(n, np.int32)
    head = tail = 0
    for b in range(n):
        if state[b] == LIVE:
            for i in range(ptr[b], ptr[b + 1]):
                left[b] += state[face[i]] == LIVE
            if left[b] == 1:
                queue[tail] = b
                tail += 1
    now = lowest = 0
    while True:
        if head < tail:
            b = queue[head]
            head += 1
            if state[b] != LIVE or left[b] != 1:
                continue
            i = ptr[b]
            while state[face[i]] != LIVE:
                i += 1
            if coef[i] != 1 and coef[i] != -1:
                continue
            a = face[i]
            state[a], state[b], mate[a], time[a], queen[now] = QUEEN, KING, b, now, a
        else:
            while lowest < n and state[lowest] != LIVE:
                lowest += 1
            if lowest == n:
                return state, mate, time, queen
            a = b = np.int32(lowest)
            state[b] = CRITICAL
        now += 1
        for x in (a, b):
            for i in range(coptr[x], coptr[x + 1]):
                c = coface[i]
                left[c] -= 1
                if left[c] == 1 and state[c] == LIVE:
                    queue[tail] = c
                    tail += 1
            if a == b:
                break


@compiled
def sweep(ptr, face, coef, mate, queen, first, last, passed, critical, found):
    """How often some critical cells occur in the Morse boundaries of the cells ``critical``, into ``found`` (cells, m).

    ``first`` to ``last``: the cells of their degree; ``passed`` (last - first, m): zeros but for a 1 in column i at the i-th
    of them. Every queen's coefficients are passed on through its mate, in the order of time. The coefficients of boundaries
    and the lengths of columns must be below 2^15. Returns False where a number was beyond 2^31.
    """
    m = passed.shape[1]
    for t in range(len(queen)):
        a = np.int64(queen[t])
        if a < first or a >= last:
            continue
        b = mate[a]
        sign = np.int64(0)
        for c in range(m):
            total = np.int64(0)
            for i in range(ptr[b], ptr[b + 1]):
                if face[i] == a:
                    sign = -coef[i]
                else:
                    total += coef[i] * passed[face[i] - first, c]
            if total < -LARGEST or total > LARGEST:
                return False
            passed[a - first, c] = sign * total
    for j in range(len(critical)):
        b = critical[j]
        for c in range(m):
            for i in range(ptr[b], ptr[b + 1]):
                found[j, c] += coef[i] * passed[face[i] - first, c]
            if found[j, c] < -LARGEST or found[j, c] > LARGEST:
                return False
    return True
