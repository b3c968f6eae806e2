"""Vertices of networks with structure solved from residues: only n independent forms are put together again (§6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from separatrix.surface.arrangement.residue_forms import ResidueForms
from separatrix.surface.arrangement.residue_numbers import integers, lanes_for, primes


def zero_forms(
    residues: ResidueForms, signs: Sequence[np.ndarray], others: np.ndarray | None = None
) -> tuple[list[np.ndarray], np.ndarray]:
    """For every step the residues (r, n + 1, lanes) of the forms of its zero neurons, without repetitions and forms that are 0;
    and those of the coordinates ``others`` of the last step.

    ``signs``: int8 signs of the creased coordinates of all steps that count, at one vertex.
    """
    wanted = [step.creased[sign == 0] for step, sign in zip(residues.steps, signs, strict=False)]
    others = np.zeros(0, dtype=np.int64) if others is None else others
    count, wanted[-1] = wanted[-1].size, np.concatenate([wanted[-1], others])
    forms = residues.forms(signs, wanted)
    asked, forms[-1] = forms[-1][count:], forms[-1][:count]
    found = []
    for part in forms:
        distinct = {part[i].tobytes(): i for i in np.flatnonzero(part.any(axis=(1, 2))).tolist()}
        found.append(part[sorted(distinct.values())])
    return found, asked


def all_rows(residues: ResidueForms, forms: Sequence[np.ndarray]) -> list[list[int]]:
    """The forms of every step as integers, each up to one positive factor."""
    return [row for part, bits in zip(forms, residues.bits, strict=False) for row in integers(part, bits)]


def independent_rows(
    residues: ResidueForms, faces: Sequence[list[int]], forms: Sequence[np.ndarray]
) -> list[list[int]] | None:
    """n of the forms ``faces`` (integers) and ``forms`` whose linear parts are independent; None: none were found.

    They are independent modulo a prime, and so over Q.
    """
    p, n = primes(1)[0], residues.n
    parts = [np.array([[entry % p for entry in face[:n]] for face in faces], dtype=np.int64).reshape(-1, n)]
    parts += [part[:, :n, 0].astype(np.int64) for part in forms]
    chosen = _pivots(np.concatenate(parts), p)
    if chosen is None:
        return None
    starts, rows = np.cumsum([0, *(part.shape[0] for part in parts)]), []
    for place in chosen:
        k = int(np.searchsorted(starts, place, side="right")) - 1
        i = place - int(starts[k])
        rows.append(faces[i] if k == 0 else integers(forms[k - 1][i : i + 1], residues.bits[k - 1])[0])
    return rows


def all_vanish(forms: Sequence[np.ndarray], point: Sequence[int]) -> bool:
    """False only where one of the forms is not 0 at ``point``, n numerators and their denominator: modulo one prime."""
    p = primes(1)[0]
    column = np.array([entry % p for entry in point], dtype=np.int64)
    return not any(((part[:, :, 0].astype(np.int64) * column % p).sum(axis=1) % p).any() for part in forms)


def _pivots(rows: np.ndarray, p: int) -> list[int] | None:
    """n rows of ``rows`` (r, n), residues modulo the prime p, that are independent; None where the rank is less."""
    rest, chosen = rows.copy(), []
    for j in range(rows.shape[1]):
        present = np.flatnonzero(rest[:, j])
        if not present.size:
            return None
        first = int(present[0])
        pivot = rest[first] * pow(int(rest[first, j]), -1, p) % p
        rest = (rest - rest[:, j : j + 1] * pivot) % p
        chosen.append(first)
    return chosen


def values_of(residues: ResidueForms, index: int, forms: np.ndarray, point: Sequence[int]) -> list[Any]:
    """The values of forms of step ``index`` at ``point``, n numerators and their denominator, times that and the step's scale."""
    found = [0] * len(forms)
    rest = np.flatnonzero(~_surely_vanish(residues.bits[index], forms, point))
    for i, row in zip(rest.tolist(), integers(forms[rest], residues.bits[index]), strict=True):
        found[i] = sum(a * b for a, b in zip(row, point, strict=True))
    return found


def _surely_vanish(bits: int, forms: np.ndarray, point: Sequence[int]) -> np.ndarray:
    """Booleans: forms whose integers, up to 2^bits, give 0 at the point: modulo more primes than such a value has room for."""
    largest = bits + max(entry.bit_length() for entry in point) + len(point).bit_length()
    if lanes_for(largest) > forms.shape[2]:
        return np.zeros(len(forms), dtype=bool)
    ps = np.array(primes(forms.shape[2]), dtype=np.int64)
    at = np.array([[entry % p for p in ps.tolist()] for entry in point], dtype=np.int64)
    return ~((forms.astype(np.int64) * at % ps).sum(axis=1) % ps).any(axis=1)
