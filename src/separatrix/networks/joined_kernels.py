"""Largest entries of windows and their transposes, compiled (§1)."""

from __future__ import annotations

from separatrix.numerics.compilation import compiled_in_place


@compiled_in_place
def largest(windows, signs, x, out, places):
    """``out`` (n, windows): the largest (sign 1) or smallest entries of the rows x; ``places``: the first of each."""
    for n in range(x.shape[0]):
        for r in range(windows.shape[0]):
            place = windows[r, 0]
            best, sign = x[n, place], signs[r]
            for k in range(1, windows.shape[1]):
                j = windows[r, k]
                if j < 0:
                    break
                value = x[n, j]
                is_better = sign * value > sign * best or value != value  # what is no number stays seen
                best = value if is_better else best
                place = j if is_better else place
            out[n, r] = best
            places[n, r] = place


@compiled_in_place
def add_to_places(places, y, out):
    """``out`` (n, entries): the y of all windows whose entry it is."""
    for n in range(y.shape[0]):
        for j in range(out.shape[1]):
            out[n, j] = 0.0
        for r in range(y.shape[1]):
            out[n, places[n, r]] += y[n, r]
