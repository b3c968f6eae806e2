"""How far sinks lie from the data, against how far the data lie from each other (§3, claim C6).

Nearest neighbours are found by products of matrices in single precision, block by block; the distance to the neighbour
found is then computed in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.pieces import Progress
from separatrix.records import Provenance
from separatrix.study.portrait import OffData
from separatrix.study.question import Cloud

MOST_MEASURED, MOST_BY_CLASS = 10_000, 2_000
BLOCK, ENTRIES = 4_096, 2**22
FAR = 0.99  # a point is far from the data when it is farther than this share of them are from their own neighbour


@dataclass(frozen=True, eq=False)
class Spread:
    """The data's own spread: ``distances`` (m,) of a random sample to their nearest neighbours; ``class_median``
    (n_classes,): median distance to the nearest neighbour of the same class, NaN where a class has fewer than two."""

    distances: np.ndarray
    class_median: np.ndarray

    @property
    def threshold(self) -> float:
        """The distance beyond which a point is far from the data: 99 % of them have a neighbour nearer; NaN without data."""
        return float(np.quantile(self.distances, FAR)) if self.distances.size else np.nan


def spread(data: Cloud, n_classes: int, rng: np.random.Generator, progress: Progress | None = None) -> Spread:
    """The spread of the data: 10,000 of them at the most against all of them, 2,000 at the most for the classes' medians."""
    order, classes = rng.permutation(len(data)), data.classes
    if len(data) < 2:
        return Spread(np.zeros(0), np.full(n_classes, np.nan))
    rows, more = np.sort(order[:MOST_BY_CLASS]), np.sort(order[MOST_BY_CLASS:MOST_MEASURED])
    nearest, alike = nearest_rows(data.x[rows], data.x, own=rows, classes=(classes[rows], classes), progress=progress)
    distances = _distances(data.x[rows], data.x, nearest)
    if more.size:
        nearest = nearest_rows(data.x[more], data.x, own=more, progress=progress)[0]
        distances = np.concatenate([distances, _distances(data.x[more], data.x, nearest)])
    same = np.where(alike >= 0, _distances(data.x[rows], data.x, alike), np.nan)
    median = np.full(n_classes, np.nan)
    for k in range(n_classes):
        members = same[(classes[rows] == k) & (alike >= 0)]
        median[k] = np.median(members) if members.size else np.nan
    return Spread(np.sort(distances), median)


def nearest_rows(
    queries: np.ndarray, data: np.ndarray, *, own: np.ndarray | None = None,
    classes: tuple[np.ndarray, np.ndarray] | None = None, progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Row of the nearest datum of each query (n,), and of the nearest one of the query's class (-1: none).

    ``own``: rows that the queries themselves have in ``data``, left out; ``classes``: of the queries and of the data.
    """
    middle = data.mean(axis=0)
    q = (queries - middle).astype(np.float32)
    best, best_same = np.full((2, len(q)), np.inf, dtype=np.float32)
    row, row_same = np.full((2, len(q)), -1, dtype=np.int64)
    size = min(BLOCK, max(ENTRIES // max(len(q), 1), 256))  # what a block is compared with should stay in the cache
    for start in range(0, len(data), size):
        block = (data[start : start + size] - middle).astype(np.float32)
        square = (block * block).sum(axis=1) - 2.0 * (q @ block.T)
        if own is not None:
            here = np.flatnonzero((own >= start) & (own < start + size))
            square[here, own[here] - start] = np.inf
        _keep_least(square, start, best, row)
        if classes is not None:
            square[classes[0][:, None] != classes[1][None, start : start + size]] = np.inf
            _keep_least(square, start, best_same, row_same)
        if progress is not None:
            progress("distances between data", min(start + size, len(data)), len(data))
    return row, row_same


def _keep_least(square: np.ndarray, start: int, best: np.ndarray, row: np.ndarray) -> None:
    column = square.argmin(axis=1)
    least = square[np.arange(len(square)), column]
    better = least < best
    best[better], row[better] = least[better], start + column[better]


def distances_to(queries: np.ndarray, data: np.ndarray) -> np.ndarray:
    """Euclidean distance of each query (n, dim) to the nearest datum, (n,)."""
    return _distances(queries, data, nearest_rows(queries, data)[0])


def _distances(queries: np.ndarray, data: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(queries - data[rows], axis=1)


def off_data(points: np.ndarray, sink_class: np.ndarray, data: Cloud, own: Spread) -> OffData:
    """Distances of sinks (n_sinks, dim) to the data, with scores and quantiles."""
    nearest = nearest_rows(points, data.x)[0] if len(points) else np.zeros(0, dtype=np.int64)
    distance = _distances(points, data.x, nearest)
    general = float(np.median(own.distances)) if own.distances.size else np.nan
    median = own.class_median[sink_class]
    median = np.where(np.isnan(median), general, median)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = distance / median
    quantile = np.searchsorted(own.distances, distance) / max(1, own.distances.size)
    return OffData(
        nearest_index=data.row[nearest], nearest_distance=distance, nearest_label=data.y[nearest],
        nearest_point=data.x[nearest], score=score, neighbour_distances=own.distances,
        quantile=quantile if own.distances.size else np.full(len(points), np.nan), certainty=Certainty.VERIFIED,
        provenance=Provenance("nearest neighbours in single precision, distances in double precision"),
    )  # fmt: skip


def far_share(
    places: np.ndarray, distance: np.ndarray, threshold: float, ends: tuple[float, float]
) -> tuple[float, float, float]:
    """Share of a curve's length between the arc lengths ``ends`` that is farther than ``threshold`` from the data.

    ``places`` (m,) ascending with the ``distance`` (m,) to the data at them: (share with distances interpolated, least,
    largest share). A distance changes by no more than the arc length between two points, which gives the last two. A curve
    without length counts as its one point.

    >>> far_share(np.array([0.0, 4.0]), np.array([1.0, 5.0]), 3.0, (0.0, 4.0))
    (0.5, 0.5, 0.5)
    """
    low, high = ends
    if not high > low:
        share = float(np.interp(low, places, distance) > threshold)
        return share, share, share
    total = np.zeros(3)
    beyond = distance - threshold
    for a, b, first, last in zip(places[:-1], places[1:], beyond[:-1], beyond[1:], strict=True):
        if b > a:
            total += _lengths_between((a, b), (first, last), (low, high))
    share, least, largest = np.minimum((total / (high - low)).round(12), 1.0).tolist()
    return share, least, largest


def _lengths_between(
    interval: tuple[float, float], beyond: tuple[float, float], ends: tuple[float, float]
) -> tuple[float, float, float]:
    """Lengths inside ``ends`` on which a function is positive that has the values ``beyond`` at the ends of the interval:
    if it is linear, and the least and the largest if its slope is 1 at the most."""
    (a, b), (first, last) = interval, beyond
    low, high = max(a, ends[0]), min(b, ends[1])
    if high <= low:
        return 0.0, 0.0, 0.0

    def inside(begin: float, end: float) -> float:
        return max(0.0, min(high, end) - max(low, begin))

    if first > 0 and last > 0:
        linear = high - low
    elif first <= 0 and last <= 0:
        linear = 0.0
    else:
        root = a + (b - a) * first / (first - last)
        linear = inside(a, root) if first > 0 else inside(root, b)
    left, right = min(b, a + max(first, 0.0)), max(a, b - max(last, 0.0))
    least = high - low if left >= right else inside(a, left) + inside(right, b)
    largest = inside(a + max(-first, 0.0), b - max(-last, 0.0))
    return linear, least, largest
