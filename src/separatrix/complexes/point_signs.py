"""The exact signs of neurons at points: doubles with an error bound, rationals where the bound straddles zero (§6).

With u = 2^-53, m inputs, gamma = (m + 8) u and E a bound on the 2-norm of the error of the layer's input h,

    |fl(w h + b) - exact| <= |w| (E + gamma |h|) + gamma |b| + r_w (|h| + E) + r_b + m eta,

r_w and r_b the radii of rounded weights; a crease with slopes 1 and s multiplies errors by at most max(1, |s|). What this
leaves open is looked at entry by entry, |w| and |h| by their absolute values: then a sum without terms is exact, and a neuron
that is zero because all its inputs are off has the sign 0 without rational numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from separatrix.complexes.sign_layout import SignLayout
from separatrix.numerics.rounding import ETA, UNIT

ROWS_AT_ONCE = 2048
RAISED = 1.0 + 2.0**-20  # covers the rounding of sums of up to 2^30 terms in the bounds themselves


def neuron_signs(steps: Sequence[Any], layout: SignLayout, x: np.ndarray) -> np.ndarray:
    """Exact signs (n, n_neurons) int8 of the neurons and rows of ``layout`` at the points ``x`` (n, dim), all finite."""
    used = steps[: len(layout.coordinates)]
    found = np.empty((x.shape[0], layout.n_neurons), dtype=np.int8)
    for first in range(0, x.shape[0], ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        found[rows], decided = _bounded(used, layout, x[rows])
        rest = first + np.flatnonzero(~decided)
        found[rest], decided = _entrywise(used, layout, x[rest])
        for i in rest[~decided]:
            found[i] = _rational(used, layout, x[i])
    return found


def _bounded(steps: Sequence[Any], layout: SignLayout, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signs by doubles, and the rows in which all of them are proved."""
    signs = np.zeros((x.shape[0], layout.n_neurons), dtype=np.int8)
    decided = np.ones(x.shape[0], dtype=bool)
    h, error = x, np.zeros(x.shape[0])
    with np.errstate(all="ignore"):
        for index, step in enumerate(steps):
            size = norms(h)
            gamma = (step.weight.shape[1] + 8) * UNIT
            value = h @ step.weight.T + step.bias
            bound = np.outer(error + gamma * size + ETA, norms(step.weight)) + gamma * np.abs(step.bias)
            if step.weight_radius.any() or step.bias_radius.any():
                bound += np.outer(size + error, step.weight_radius) + step.bias_radius
            bound = bound * RAISED + (step.weight.shape[1] + 8) * ETA
            creased = layout.coordinates[index]
            sure = np.abs(value) > bound
            signs[:, layout.columns(index)] = np.sign(value[:, creased])
            decided &= sure[:, creased].all(axis=1)
            h = np.where(value > 0, value, step.slope * value)
            error = norms(bound * np.maximum(1.0, np.abs(step.slope)) + 2 * UNIT * np.abs(h) + ETA)
    return signs, decided


def norms(rows: np.ndarray) -> np.ndarray:
    """Upper bounds of the 2-norms of ``rows`` (n, m), (n,); no overflow or underflow on the way."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    scale = np.where(largest > 0, largest, 1.0)
    return scale * np.sqrt(((rows / scale[:, None]) ** 2).sum(axis=1)) * RAISED + ETA


def _entrywise(steps: Sequence[Any], layout: SignLayout, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`_bounded`, with a bound for every entry; zero where a value is exact."""
    signs = np.zeros((x.shape[0], layout.n_neurons), dtype=np.int8)
    decided = np.ones(x.shape[0], dtype=bool)
    h, error = x, np.zeros(x.shape)
    with np.errstate(all="ignore"):
        for index, step in enumerate(steps[: len(steps) if x.size else 0]):
            weight, bias = step.weight, step.bias
            unit = (weight.shape[1] + 8) * UNIT
            value, size = h @ weight.T + bias, np.abs(h) + error
            terms = (size != 0).astype(float) @ (weight != 0).astype(float).T
            bound = (error + unit * np.abs(h) + ETA * (h != 0)) @ np.abs(weight).T + unit * np.abs(bias) * (terms > 0)
            spread = np.outer(norms(size), step.weight_radius) + ETA * (step.weight_radius > 0)
            bound += spread * (size != 0).any(axis=1)[:, None] + step.bias_radius
            bound = bound * RAISED + 2 * ETA * (terms + 8 * (bound > 0))
            is_known = (np.abs(value) > bound) | (bound == 0)
            creased = layout.coordinates[index]
            signs[:, layout.columns(index)] = np.sign(value[:, creased])
            decided &= is_known[:, creased].all(axis=1)
            left = np.where(is_known & (value > 0), 1.0, step.slope)
            h = np.where(value > 0, value, step.slope * value)
            error = bound * np.where(is_known, np.abs(left), np.maximum(1.0, np.abs(left)))
            error += np.where((left == 1.0) | (left == 0.0), 0.0, 2 * UNIT * np.abs(h) + ETA * (value != 0))
            error = error * RAISED
    return signs, decided


def _rational(steps: Sequence[Any], layout: SignLayout, x: np.ndarray) -> np.ndarray:
    """The signs at one point by integers: a column of numerators over the denominator in its last entry."""
    from flint import fmpz_mat

    ratios = [value.as_integer_ratio() for value in x.tolist()]
    denominator = max(q for _, q in ratios)  # powers of two
    column = [p * (denominator // q) for p, q in ratios] + [denominator]
    signs = np.zeros(layout.n_neurons, dtype=np.int8)
    for index, step in enumerate(steps):
        *values, denominator = step.exact_times(fmpz_mat([[v] for v in column])).entries()
        row = np.array([(v > 0) - (v < 0) for v in values], dtype=np.int8)
        signs[layout.columns(index)] = row[layout.coordinates[index]]
        slopes, common = step.exact_slopes
        column = [v * (slope if v < 0 else common) for v, slope in zip(values, slopes, strict=True)]
        column.append(denominator * common)
    return signs


def rational(value: float) -> Any:
    """A double as a flint rational."""
    from flint import fmpq

    return fmpq(*value.as_integer_ratio())


def rational_matrix(array: np.ndarray) -> Any:
    """A matrix of doubles as a flint matrix of rationals."""
    from flint import fmpq_mat

    return fmpq_mat(array.shape[0], array.shape[1], [rational(v) for v in array.ravel().tolist()])
