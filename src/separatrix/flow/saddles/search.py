"""The search for saddles in batches: starts, following, and one proof for all ends that lie in its region (§3, §8)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from separatrix.flow.judged_points import JudgedPoint, judge_point, no_point
from separatrix.flow.pieces import Progress, run_pieces, slices
from separatrix.flow.projection import Arena
from separatrix.flow.saddles.following import Following, follow
from separatrix.flow.saddles.starts import Start, starts_between
from separatrix.flow.sensitivity import ignored_coordinates

PIECE = 8
TOGETHER = 1e-6
KINDS = ("mixture", "segment")


def search_between(
    arena: Arena,
    points: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    *,
    kinds: Sequence[str] = KINDS,
    index: int = 1,
    seed: int = 0,
    turn: int = 0,
    known: Sequence[JudgedPoint] = (),
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[JudgedPoint]:
    """Searches for saddles between pairs of rows of ``points`` (n, dim): one judged point a pair and kind, pair by pair.

    ``kinds`` of starts: "mixture" (the saddle of the mixture of two classes; a log-density and sinks of two classes, else
    nothing), "segment" (least f on the segment, descending along it), "top" (there, along the top eigenvectors), "bent" (least
    f on a path bent at random, another one for every ``turn``), "third" (the mixture of one of the classes with a third one, by
    ``turn``). ``known``: points judged before, whose regions need no new proof. Ends in one region share one object.
    """
    starts = starts_between(arena, points, pairs, kinds, seed, turn, workers, progress)
    return judged_from(arena, starts, index, known, workers, progress)


def search_from(
    arena: Arena,
    starts: np.ndarray,
    axes: np.ndarray | None = None,
    *,
    index: int = 1,
    known: Sequence[JudgedPoint] = (),
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[JudgedPoint]:
    """Searches for saddles from ``starts`` (n, dim), descending along ``axes`` (n, dim) or (n, dim, index) at first.

    ``axes=None``: along the top eigenvectors of the Hessian.
    """
    rows = [Start(x, None if axes is None else axes[row], "") for row, x in enumerate(starts)]
    return judged_from(arena, rows, index, known, workers, progress)


def judged_from(
    arena: Arena,
    starts: Sequence[Start],
    index: int,
    known: Sequence[JudgedPoint],
    workers: int | None,
    progress: Progress | None,
) -> list[JudgedPoint]:
    """Follow every start, then judge the ends, one proof for those that lie together."""
    found: list[JudgedPoint | None] = [no_point(s.x, s.refusal) if s.refusal else None for s in starts]
    open_rows = [row for row, start in enumerate(starts) if not start.refusal]
    parts = slices(len(open_rows), PIECE)
    ends = [found.point for found in known if found.is_listed and found.index == index]
    places = np.array(ends).reshape(len(ends), arena.potential.dim)
    pieces = [(arena, [starts[row] for row in open_rows[part]], index, places) for part in parts]
    sizes = [part.stop - part.start for part in parts]
    stage = f"saddles of the {arena.potential.name}"
    reached = [end for piece in run_pieces(follow_piece, pieces, sizes, workers, stage, progress) for end in piece]
    for row, judged in zip(open_rows, judge_ends(arena, reached, known, workers), strict=True):
        found[row] = judged
    return [judged for judged in found if judged is not None]


def follow_piece(arena: Arena, starts: Sequence[Start], index: int, known: np.ndarray) -> list[Following]:
    """Eigenvector following of one piece of starts; ``known`` (m, dim): saddles of that index."""
    return [follow(arena, start.x, start.axes, index, known=known) for start in starts]


def judge_ends(
    arena: Arena, ends: Sequence[Following], known: Sequence[JudgedPoint], workers: int | None
) -> list[JudgedPoint]:
    """The judged point of every end: a known one in whose region it lies, or a new one, proved once for its neighbours."""
    ignored = ignored_coordinates(arena.potential)
    places = np.array([end.x for end in ends]).reshape(len(ends), arena.potential.dim)
    found: list[JudgedPoint | None] = [
        None if end.has_arrived else no_point(end.x, _unfinished(arena, end)) for end in ends
    ]
    for judged in known:
        _give(found, places, judged)
    while True:
        leaders = _leaders(places, ends, [row for row, judged in enumerate(found) if judged is None])
        if not leaders:
            break
        work = partial(judge_point, ignored=ignored)
        pieces = [(arena, places[row]) for row in leaders]
        for row, judged in zip(leaders, run_pieces(work, pieces, [1] * len(pieces), workers, "", None), strict=True):
            found[row] = judged
            _give(found, places, judged)
    return [judged for judged in found if judged is not None]


def _unfinished(arena: Arena, end: Following) -> str:
    if arena.outside(end.x[None])[0]:
        return f"the search {arena.left}"
    return f"the search did not come to rest in {end.steps} steps (residual {end.residual:.1e})"


def _leaders(places: np.ndarray, ends: Sequence[Following], rows: list[int]) -> list[int]:
    """Of every group of ends that lie together the one best at rest."""
    leaders: list[int] = []
    for row in sorted(rows, key=lambda r: (ends[r].residual, r)):
        if not leaders or np.abs(places[leaders] - places[row]).max(axis=1, initial=0.0).min() > TOGETHER:
            leaders.append(row)
    return leaders


def _give(found: list[JudgedPoint | None], places: np.ndarray, judged: JudgedPoint) -> None:
    """Ends that lie in the region of a proof, or within rounding of a point that is only verified, are that point."""
    if judged.proof.region is not None:
        same = judged.proof.region.contains(places)
    else:
        same = np.abs(places - judged.point).max(axis=1, initial=0.0) <= TOGETHER
    for row in np.flatnonzero(same):
        if found[row] is None:
            found[int(row)] = judged
