"""Bounds of affine forms that are carried from cell to cell (§6).

In a cell with the signs D the values of layer q are G_q (x, 1), and the values behind its crease H_q (x, 1), H_q = D_q G_q,
G_q = W_q H_(q-1) + b_q. The sums are kept in whole multiples of 1 / S_qt, so that a product is taken away exactly as it was
added, in any order: nothing builds up. With U the unit roundoff, h_jt >= |H_jt| in all cells, e_jt bounds of the errors of
H_(q-1), and g_it = sum_j |w_ij| h_jt + [t = n] |b_i|, a product and the sum are rounded once, and each of at most m terms and b
lose less than 1 / S:

    |G_it - (W H + b)_it| <= 2.1 U g_it + (m + 2) / S_qt,
    |G_it - exact| <= E_it = sum_j |w_ij| e_jt + q_i (|h_t|_2 + |e_t|_2) + [t = n] r_i + 2.1 U g_it + (m + 2) / S_qt,

q_i and r_i the radii of row and bias. The sums of sizes may be replaced by |w_i|_2 times the 2-norm of the column: they are less
in a few layers, where an entry sees a window of those before, the norms in many, so that both are kept and the smaller taken.
At a double x of the box, |x_t| <= reach_t, x_n = 1, within delta of an exact point of the closed cell, which lies in the box too,

    |A_i - exact| <= c_i + d,   c_i = sum_t (E_it + gamma g_it) reach_t,   d = (|slopes of G| + the bound of their errors) delta.

A sum stays below 2^62: S_qt is a power of two with 2 S_qt g_it <= 2^60. While rows are exchanged some of H are those of the old
cell and some of the new one, so that a column is up to sqrt(2) times as long as those of cells; entries are no larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.norms import TINIEST, UNIT, gamma, norm_up, raised
from separatrix.surface.arrangement.step_bounds import StepBounds, terms_of

LARGEST = 60  # the exponent of sums, in whole numbers


@dataclass(frozen=True, eq=False)
class _Columns:
    """Bounds of the columns of forms: ``size``, ``error`` (m, n + 1) of entries, ``length``, ``distance`` (n + 1,) of 2-norms."""

    size: np.ndarray
    error: np.ndarray
    length: np.ndarray
    distance: np.ndarray

    @classmethod
    def of(
        cls, size: np.ndarray, error: np.ndarray, length: np.ndarray | float, distance: np.ndarray | float
    ) -> _Columns:
        """With the norms of the entries' bounds where these are smaller."""
        return cls(size, error, np.minimum(length, norm_up(size, axis=0)), np.minimum(distance, norm_up(error, axis=0)))

    def behind(self, left: np.ndarray) -> _Columns:
        """Behind a crease with the slopes ``left`` (m,) below zero."""
        steep = np.maximum(1.0, np.abs(left))
        size = np.asarray(raised(self.size * steep[:, None]))
        error = np.asarray(raised(self.error * steep[:, None] + 2 * UNIT * size + TINIEST, 4))
        growth = steep.max(initial=1.0)
        length = np.asarray(raised(growth * self.length))
        distance = raised(growth * self.distance + 2 * UNIT * length + left.size * TINIEST, 4)
        return _Columns.of(size, error, length, np.asarray(distance))


@dataclass(frozen=True, eq=False)
class WalkBounds:
    """For the layers 0, 1, …: ``rows`` (3, m) each: bounds of the slopes' errors, 0, c; ``scales`` (layers, n + 1): S, 1 in the
    first; ``norms`` (layers, 2): bounds of the 2-norms of the errors of all values and of all slopes.
    """

    rows: list[np.ndarray]
    scales: np.ndarray
    norms: np.ndarray

    @classmethod
    def of(cls, steps: Sequence[LinearStep], bounds: Sequence[StepBounds], reach: np.ndarray) -> WalkBounds:
        """``reach`` (n + 1,): the largest |x_t| of the box, and 1."""
        with np.errstate(all="ignore"):  # are_finite says what came of it
            columns, scales = _first(steps[0], reach.size - 1), [np.ones(reach.size)]
            found = [_of_values(columns, reach)]
            for before, step, bound in zip(steps, steps[1:], bounds[1:], strict=False):
                columns, scale = _next(step, bound, columns.behind(before.slope))
                found.append(_of_values(columns, reach))
                scales.append(scale)
        return cls([row for row, _ in found], np.array(scales), np.array([norm for _, norm in found]))

    @property
    def are_finite(self) -> bool:
        """Whether everything is: sums of whole numbers know no infinity."""
        return all(bool(np.isfinite(table).all()) for table in (*self.rows, self.scales, self.norms))


def _first(step: LinearStep, n: int) -> _Columns:
    """The forms of the first layer, which are its rows."""
    size = np.abs(np.column_stack([step.weight, step.bias]))
    error = np.column_stack([np.repeat(step.weight_radius[:, None], n, axis=1), step.bias_radius])
    return _Columns.of(size, error, np.inf, np.inf)


def _next(step: LinearStep, bound: StepBounds, before: _Columns) -> tuple[_Columns, np.ndarray]:
    """The forms of a later layer from the columns behind the crease before it, and the scales of its sums."""
    terms, size = terms_of(step.weight), np.abs(step.bias)
    last = np.append(np.zeros(before.length.size - 1), 1.0)
    p, q = bound.rows[0], np.asarray(step.weight_radius)
    sizes = np.minimum(_times(bound, before.size), np.outer(p, before.length))
    sizes = np.asarray(raised(sizes + np.outer(size, last), terms + 4))
    room = 2.0 * sizes.max(axis=0, initial=0.0) + TINIEST
    scales = np.ldexp(1.0, np.clip(LARGEST - np.frexp(room)[1], -900, 900))
    scales[~((room < 2.0**900) & (before.length * scales < 2.0**1000))] = np.inf
    grain = (terms + 2) / scales
    lost = 2.1 * UNIT * sizes + grain + TINIEST
    errors = np.minimum(_times(bound, before.error), np.outer(p, before.distance))
    errors += np.outer(q, before.length + before.distance) + np.outer(step.bias_radius, last)
    errors = np.asarray(raised(errors + lost, terms + 16))
    spectral, whole, weak = bound.norms[1], bound.norms[5], float(norm_up(q))
    rest = 2.1 * UNIT * (whole * before.length + float(norm_up(size)) * last) + (grain + TINIEST) * np.sqrt(
        float(p.size)
    )
    radius = float(norm_up(np.asarray(step.bias_radius))) * last
    distance = raised((spectral + weak) * before.distance + weak * before.length + radius + rest, 16)
    length = raised(spectral * before.length + float(norm_up(size)) * last + rest, 16)
    return _Columns.of(np.asarray(raised(sizes + lost, 4)), errors, np.asarray(length), np.asarray(distance)), scales


def _times(bound: StepBounds, columns: np.ndarray) -> np.ndarray:
    """|W| times columns (k, n + 1) that are not negative, rounded up."""
    from separatrix.surface.arrangement.sparse_kernel import sparse_products

    starts, places, entries = bound.entries
    found = np.empty((columns.shape[1], bound.bias.size))
    sparse_products(starts, places, np.abs(entries), np.ascontiguousarray(columns.T), found)
    return np.asarray(raised(found.T, terms_of(bound.weight) + 2))


def _of_values(columns: _Columns, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A row of ``rows`` and of ``norms``."""
    n, dot, tiny = reach.size - 1, gamma(reach.size + 1), 16 * reach.size * reach.sum() * TINIEST
    slopes = norm_up(columns.error[:, :n])
    c = np.asarray(raised((columns.error + dot * columns.size) @ reach + tiny, n + 8))
    whole = raised((columns.distance + dot * columns.length) @ reach + tiny * np.sqrt(float(c.size)), n + 8)
    norms = min(float(norm_up(c)), float(whole)), min(float(norm_up(slopes)), float(norm_up(columns.distance[:n])))
    return np.ascontiguousarray(np.stack([slopes, np.zeros(c.size), c])), np.array(norms)
