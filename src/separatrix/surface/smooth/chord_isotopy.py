"""When the chords' surface is proved to be the smooth one up to isotopy (C1, §6).

Theorem. Let m be of class C^2 on the box B and L piecewise linear and continuous. If finitely many boxes s cover B such
that on each either m and L have one and the same sign, or sum over j not in S of d_j m l_j > 0 everywhere on s, for every
gradient l of a linear piece of L that meets s and every set S of coordinates whose side of B the box s touches, then an
isotopy of B that keeps its faces carries {L = 0} to {m = 0}.

The proof is that of :mod:`separatrix.surface.smooth.certificate`: L grows along orbits of the field V, since its one-sided
derivative along V at a point is l . V for a piece that the point belongs to. No mesh has to conform, because L is given
beforehand.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import InputError
from separatrix.networks.bounds import BoundPropagation
from separatrix.networks.network import Network
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import ieee_arithmetic_holds
from separatrix.records import Provenance, Record
from separatrix.surface.smooth.chord_functions import ChordPropagation
from separatrix.surface.smooth.chords import PiecewiseLinearApproximation, piecewise_linear_approximation, sub_boxes

AT_ONCE = 512
BUDGET = {1: 5_000, 2: 20_000, 3: 60_000}
TRIED = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


@dataclass(frozen=True)
class IsotopyVerdict:
    """``is_proved``: the isotopy exists; ``n_boxes`` tested; ``reason`` and ``where`` (a Box) where it is not proved."""

    is_proved: bool
    n_boxes: int
    reason: str = ""
    where: Box | None = None


def isotopy(made: PiecewiseLinearApproximation, *, halvings: int = 12, max_boxes: int | None = None) -> IsotopyVerdict:
    """Try the theorem on boxes halved up to ``halvings`` times a coordinate, at most ``max_boxes`` of them.

    Raises InputError where more than one difference of logits is in question.
    """
    if len(made.contrasts) != 1:
        raise InputError("the isotopy is proved for two classes or a pair of them; give classes=(i, j)")
    if not ieee_arithmetic_holds():
        return IsotopyVerdict(False, 0, "this machine's arithmetic is not IEEE double precision")
    graph, box = made.source.contrasted(made.contrasts), made.domain
    budget = max_boxes or BUDGET.get(box.dim, 100_000)
    corners = np.array(list(product(*zip(box.lower, box.upper, strict=True))))
    failing = _hopeless(graph, made, corners, is_corner=True)
    first = sub_boxes(box, {1: 8, 2: 8, 3: 4}.get(box.dim, 2))
    lower, upper, depth, n_boxes = first.lower, first.upper, np.zeros(len(first), dtype=np.int64), 0
    while failing is None and len(lower):
        n_boxes += len(lower)
        settled = np.concatenate([_settled(graph, made, Interval(lower[at], upper[at])) for at in _parts(len(lower))])
        lower, upper, depth = lower[~settled], upper[~settled], depth[~settled]
        if not len(lower):
            break
        failing = _hopeless(graph, made, 0.5 * lower + 0.5 * upper)
        at, is_deep = int(depth.argmax()), depth.max() >= halvings * box.dim
        if failing is None and (is_deep or n_boxes > budget):
            why = "the limit of halvings" if is_deep else "the budget of boxes"
            return IsotopyVerdict(False, n_boxes, f"not settled at {why}", Box(lower[at], upper[at]))
        lower, upper, depth = _halved(box, lower, upper, depth)
    if failing is not None:
        return IsotopyVerdict(False, n_boxes, "the two functions differ in sign here and do not grow together", failing)
    return IsotopyVerdict(True, n_boxes)


def _hopeless(
    graph: Network, made: PiecewiseLinearApproximation, points: np.ndarray, is_corner: bool = False
) -> Box | None:
    """A small box about a point where the condition fails in every box around it, or None.

    There m and L have opposite signs, and at the point itself the sum is not positive; at a corner of B it never is.
    """
    for part in _parts(len(points)):
        x = Interval.point(points[part])
        m, linear, growth = _compared(graph, made, x, np.zeros(points[part].shape, dtype=bool))
        opposite = (m.is_positive & linear.is_negative) | (m.is_negative & linear.is_positive)
        bad = np.flatnonzero(opposite & (is_corner | (growth.upper <= 0)))
        if len(bad):
            point, reach = points[part][bad[0]], 1e-9 * made.domain.width
            return Box(np.maximum(point - reach, made.domain.lower), np.minimum(point + reach, made.domain.upper))
    return None


def _parts(n: int) -> list[slice]:
    return [slice(start, start + AT_ONCE) for start in range(0, n, AT_ONCE)]


def _halved(
    box: Box, lower: np.ndarray, upper: np.ndarray, depth: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = np.arange(len(lower))
    axis = ((upper - lower) / box.width).argmax(axis=1)
    middle = 0.5 * lower[rows, axis] + 0.5 * upper[rows, axis]
    left_upper, right_lower = upper.copy(), lower.copy()
    left_upper[rows, axis] = right_lower[rows, axis] = middle
    return np.concatenate([lower, right_lower]), np.concatenate([left_upper, upper]), np.concatenate([depth, depth]) + 1


def _settled(graph: Network, made: PiecewiseLinearApproximation, x: Interval) -> np.ndarray:
    """Which boxes (N,) satisfy the theorem's condition."""
    touched = (x.lower == made.domain.lower) | (x.upper == made.domain.upper)
    m, linear, growth = _compared(graph, made, x, touched)
    same = (m.is_positive & linear.is_positive) | (m.is_negative & linear.is_negative)
    return same | growth.is_positive


def _compared(
    graph: Network, made: PiecewiseLinearApproximation, x: Interval, touched: np.ndarray
) -> tuple[Interval, Interval, Interval]:
    """Enclosures of m, of L and of sum_j d_j m l_j over boxes (N, n), positive terms of ``touched`` coordinates left out."""
    smooth, linear = BoundPropagation(graph, x), ChordPropagation(graph, x, made.by_node)
    slopes, pieces = (part.jacobians(None)[-1].to_interval()[:, 0] for part in (smooth, linear))
    terms = slopes * pieces
    lower = np.where(touched & (terms.lower > 0), 0.0, terms.lower)
    return smooth.output[:, 0], linear.output[:, 0], Interval(lower, np.maximum(lower, terms.upper)).sum(axis=1)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ChordTopology(Record):
    """For which numbers of pieces the chords' surface is proved isotopic to the smooth one.

    ``tried`` numbers of pieces, ``is_proved`` for each, ``error_bounds`` for each; ``limit``: the largest tried.
    """

    tried: tuple[int, ...]
    is_proved: tuple[bool, ...]
    error_bounds: np.ndarray
    knots: str

    @property
    def least_pieces(self) -> int | None:
        """The smallest tried number from which on all tried ones are proved; None where the largest is not."""
        found = None
        for pieces, proved in zip(reversed(self.tried), reversed(self.is_proved), strict=True):
            if not proved:
                break
            found = pieces
        return found

    @property
    def limit(self) -> int:
        """The largest number of pieces that was tried."""
        return self.tried[-1]

    def columns(self) -> dict[str, Any]:
        """One row a number of pieces."""
        return {
            "pieces": list(self.tried),
            "is_proved": list(self.is_proved),
            "error_bound": self.error_bounds.tolist(),
        }

    def __repr__(self) -> str:
        least = self.least_pieces
        if least is None:
            return f"ChordTopology(not proved up to {self.limit} pieces, {self.knots} knots)"
        return f"ChordTopology(proved from {least} pieces on, tried up to {self.limit}, {self.knots} knots)"


def chord_topology(
    net: Network, box: Box, *, classes: tuple[int, int] | None = None, knots: str = "density", limit: int = 16
) -> ChordTopology:
    """Try numbers of pieces up to ``limit``: from which one on is the chords' surface proved to be the true one's?"""
    begun = time.perf_counter()
    tried = tuple(p for p in TRIED if p <= limit)
    made = [piecewise_linear_approximation(net, box, p, knots=knots, classes=classes) for p in tried]
    verdicts = tuple(one.isotopy.is_proved for one in made)
    return ChordTopology(
        tried=tried,
        is_proved=verdicts,
        error_bounds=np.array([one.error_bound for one in made]),
        knots=knots,
        domain=box,
        certainty=Certainty.PROVED if verdicts and verdicts[-1] else Certainty.UNKNOWN,
        provenance=Provenance("the isotopy theorem on boxes", seconds=time.perf_counter() - begun),
    )
