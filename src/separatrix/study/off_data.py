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

MOST_MEASURED, BLOCK = 2_000, 4_096


@dataclass(frozen=True, eq=False)
class Spread:
    """The data's own spread: ``distances`` (m,) of a random sample to their nearest neighbours; ``class_median``
    (n_classes,): median distance to the nearest neighbour of the same class, NaN where a class has fewer than two."""

    distances: np.ndarray
    class_median: np.ndarray


def spread(data: Cloud, n_classes: int, rng: np.random.Generator, progress: Progress | None = None) -> Spread:
    """The spread of the data, measured at 2,000 of them at the most against all of them."""
    rows = np.sort(rng.choice(len(data), min(len(data), MOST_MEASURED), replace=False))
    classes = data.classes
    if len(data) < 2:
        return Spread(np.zeros(0), np.full(n_classes, np.nan))
    nearest, alike = nearest_rows(data.x[rows], data.x, own=rows, classes=(classes[rows], classes), progress=progress)
    distances = _distances(data.x[rows], data.x, nearest)
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
    for start in range(0, len(data), BLOCK):
        block = (data[start : start + BLOCK] - middle).astype(np.float32)
        square = (block * block).sum(axis=1) - 2.0 * (q @ block.T)
        if own is not None:
            here = np.flatnonzero((own >= start) & (own < start + BLOCK))
            square[here, own[here] - start] = np.inf
        _keep_least(square, start, best, row)
        if classes is not None:
            square[classes[0][:, None] != classes[1][None, start : start + BLOCK]] = np.inf
            _keep_least(square, start, best_same, row_same)
        if progress is not None:
            progress("distances between data", min(start + BLOCK, len(data)), len(data))
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
