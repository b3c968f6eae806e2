"""Bisection of simplices with tags, kept conforming (Maubach, SIAM J. Sci. Comput. 16 (1995) 210; §6).

A simplex (x_0, …, x_n) with tag d is cut at z = (x_0 + x_d)/2 into (x_0, …, x_{d-1}, z, x_{d+1}, …, x_n) and
(x_1, …, x_d, z, x_{d+1}, …, x_n), both with tag d - 1, or n after 1. A hash table from edges to midpoints makes vertices
unique and is the test of conformity: a simplex with a cut edge is cut as well, until there is none.
"""

from __future__ import annotations

from separatrix.numerics.compilation import compiled, compiled_part

NEW, POSITIVE, NEGATIVE, TRANSVERSAL, UNSETTLED, MARKED = 0, 1, 2, 3, 4, 5
N_SIMPLICES, N_VERTICES, STAMP, ENTRIES = 0, 1, 2, 3  # entries of ``counts``


@compiled_part
def _place(keys, key):
    """Where ``key`` is in the open table, or the free place where it belongs."""
    mask = keys.shape[0] - 1
    h = key * 0x9E3779B97F4A7C1
    at = (h ^ (h >> 29)) & mask
    while keys[at, 0] != -1 and keys[at, 0] != key:
        at = (at + 1) & mask
    return at


@compiled_part
def _key(a, b):
    return (a << 32) | b if a < b else (b << 32) | a


@compiled_part
def _has_cut_edge(simplex, keys, touched, stamp, is_new):
    """Whether an edge has a midpoint; for old simplices only edges cut since ``stamp`` can have one."""
    m = simplex.shape[0]
    for p in range(m):
        if not is_new and touched[simplex[p]] != stamp:
            continue
        for q in range(p + 1, m):
            if not is_new and touched[simplex[q]] != stamp:
                continue
            if keys[_place(keys, _key(simplex[p], simplex[q])), 0] != -1:
                return True
    return False


@compiled_part
def _bisect(i, simplices, state, coords, touched, keys, counts):
    """Cut simplex i; whether a vertex was made. ``state`` columns: tag, level, status, stamp."""
    n = simplices.shape[1] - 1
    new = counts[0]
    d = state[i, 0]
    a, b = simplices[i, 0], simplices[i, d]
    at = _place(keys, _key(a, b))
    made = keys[at, 0] == -1
    if made:
        z = counts[1]
        keys[at, 0], keys[at, 1] = _key(a, b), z
        for j in range(n):
            coords[z, j] = 0.5 * (coords[a, j] + coords[b, j])
        touched[a] = counts[2]
        touched[b] = counts[2]
        touched[z] = counts[2]
        counts[1] += 1
        counts[3] += 1
    z = keys[at, 1]
    for q in range(n + 1):
        simplices[new, q] = simplices[i, q]
    for q in range(d):
        simplices[new, q] = simplices[i, q + 1]
    simplices[new, d] = z
    simplices[i, d] = z
    status = state[i, 2]
    if status != 1 and status != 2:
        status = 0
    for row in (i, new):
        state[row, 0] = d - 1 if d > 1 else n
        state[row, 2] = status
        state[row, 3] = counts[2]
    state[i, 1] += 1
    state[new, 1] = state[i, 1]
    counts[0] += 1
    return made


@compiled
def refine(simplices, state, coords, touched, keys, old_keys, counts):
    """Cut the marked simplices and then all that do not conform; False where the arrays are too short (call again).

    ``old_keys`` are first entered into ``keys`` (after growth). Children of excluded simplices stay excluded, others
    are new.
    """
    for row in range(old_keys.shape[0]):
        if old_keys[row, 0] != -1:
            at = _place(keys, old_keys[row, 0])
            keys[at, 0], keys[at, 1] = old_keys[row, 0], old_keys[row, 1]
    changed = True
    while changed:
        changed = False
        i = 0
        while i < counts[0]:
            cut = state[i, 2] == 5
            if not cut:
                cut = _has_cut_edge(simplices[i], keys, touched, counts[2], state[i, 3] == counts[2])
            if not cut:
                i += 1
                continue
            if counts[0] + 1 > simplices.shape[0] or counts[1] + 1 > coords.shape[0]:
                return False
            if 2 * (counts[3] + 1) > keys.shape[0]:
                return False
            if _bisect(i, simplices, state, coords, touched, keys, counts):
                changed = True
    return True
