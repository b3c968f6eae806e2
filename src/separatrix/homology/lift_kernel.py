"""Chains of critical cells lifted to chains of the whole complex, compiled (§7).

Numbering and arrays are those of :mod:`~separatrix.homology.reduction_kernels`.
"""

from __future__ import annotations

import numpy as np

from separatrix.homology.reduction_kernels import CRITICAL, LARGEST, QUEEN
from separatrix.numerics.compilation import compiled, compiled_part

N_TOUCHED, HEAP_SIZE, USED = 0, 1, 2


@compiled_part
def _push(heap, size, key):
    """Into a binary heap, largest first."""
    i = size
    while i > 0:
        up = (i - 1) >> 1
        if heap[up] >= key:
            break
        heap[i] = heap[up]
        i = up
    heap[i] = key


@compiled_part
def _pop(heap, size):
    """The largest key of a heap of ``size``, which shrinks by one."""
    top, key, size = heap[0], heap[size - 1], size - 1
    i = 0
    while True:
        down = 2 * i + 1
        if down >= size:
            break
        if down + 1 < size and heap[down + 1] > heap[down]:
            down += 1
        if heap[down] <= key:
            break
        heap[i] = heap[down]
        i = down
    heap[i] = key
    return top


@compiled_part
def _is_large(value):
    return value < -LARGEST or value > LARGEST


@compiled_part
def _add_boundary(ptr, face, coef, state, time, b, w, first, total, seen, touched, heap, counts):
    """``w`` times the boundary of cell ``b`` added to ``total``, new queens to the heap; False where a number is too large."""
    for i in range(ptr[b], ptr[b + 1]):
        f = face[i] - first
        if seen[f] == 0:
            seen[f] = 1
            touched[counts[N_TOUCHED]] = f
            counts[N_TOUCHED] += 1
            if state[face[i]] == QUEEN:
                _push(heap, counts[HEAP_SIZE], time[face[i]])
                counts[HEAP_SIZE] += 1
        if _is_large(coef[i]):
            return False
        total[f] += w * coef[i]
        if _is_large(total[f]):
            return False
    return True


@compiled_part
def _note(cells, values, cell, value, counts):
    """One more entry of a column; False where there is no room."""
    if counts[USED] == len(cells):
        return False
    cells[counts[USED]] = cell
    values[counts[USED]] = value
    counts[USED] += 1
    return True


@compiled
def lift(ptr, face, coef, state, mate, time, queen, first, starts, cells, values, keep_chain, begin,
         total, seen, touched, heap, flag, out_starts, out_cells, out_values):  # fmt: skip
    """Lift chains of critical cells from chain ``begin`` on; kept are the chains, or their boundaries on critical cells.

    The coefficient of every queen in the boundary is made zero by its mate, latest queen first. ``first``: the first cell
    of the faces' degree, from which ``total``, ``seen`` (zeros), ``touched`` and ``heap`` count. ``flag`` is set where a
    coefficient was beyond 2^31: the chain is to be done again in Python integers. Columns of cells and coefficients go into
    the last three. Returns the first chain that found no room there, or their number.
    """
    counts = np.zeros(3, np.int64)
    for g in range(begin, len(starts) - 1):
        counts[N_TOUCHED], counts[HEAP_SIZE], counts[USED] = 0, 0, out_starts[g]
        entry, has_room, fits = starts[g], True, True
        while has_room and fits:
            if entry < starts[g + 1]:
                b = cells[entry]
                w = values[entry]
                entry += 1
            elif counts[HEAP_SIZE] > 0:
                a = queen[_pop(heap, counts[HEAP_SIZE])]
                counts[HEAP_SIZE] -= 1
                if total[a - first] == 0:
                    continue
                b = np.int64(mate[a])
                i = ptr[b]
                while face[i] != a:
                    i += 1
                w = -total[a - first] * coef[i]
            else:
                break
            fits = not _is_large(w)
            if keep_chain:
                has_room = _note(out_cells, out_values, b, w, counts)
            if has_room and fits:
                fits = _add_boundary(ptr, face, coef, state, time, b, w, first, total, seen, touched, heap, counts)
        for j in range(counts[N_TOUCHED]):
            f = touched[j]
            if not keep_chain and fits and total[f] != 0 and state[f + first] == CRITICAL:
                has_room = _note(out_cells, out_values, f + first, total[f], counts) and has_room
            total[f] = 0
            seen[f] = 0
        if not has_room:
            return g
        flag[g] = not fits
        out_starts[g + 1] = counts[USED] if fits else out_starts[g]
    return len(starts) - 1
