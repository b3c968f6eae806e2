"""One round of searches for index-1 saddles between pairs of sinks (§3)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.judged_points import JudgedPoint, listed
from separatrix.flow.pieces import Progress
from separatrix.flow.saddles.mixture import classes_of
from separatrix.flow.saddles.search import search_between, search_from
from separatrix.flow.saddles.starts import soft_starts
from separatrix.morse.pairs import Pair

SOFT_STARTS, MIXTURES = 8, 200
LATER_KINDS = (("bent", "third"), ("top", "bent"))  # of the first attempt at doubtful joins, and of later ones


def saddles_between(
    flow: GradientFlow,
    sinks: CriticalPoints,
    pairs: Sequence[Pair],
    known: list[JudgedPoint],
    *,
    about: Sequence[int] = (),
    attempt: int = 0,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> CriticalPoints:
    """The saddles of index 1 found between ``pairs`` of rows of ``sinks`` and near those of ``about``, each once.

    Sinks in groups that lie close have low passes near them, which searches from displacements along soft modes find.
    ``attempt`` 0: from the segments, and from the mixtures of two classes (:func:`mixed_pairs`); later ones: from bent paths,
    from mixtures with a third class, and along the top eigenvector, others every time. ``known``: points judged so far, to
    which new ones are added.
    """
    begun = time.perf_counter()
    judged: list[JudgedPoint] = []
    options: dict[str, Any] = {"known": known, "workers": workers, "progress": progress}

    def seek(between: Sequence[Pair], *kinds: str) -> None:
        found = search_between(flow.arena, sinks.points, between, kinds=kinds, seed=seed, turn=attempt, **options)
        _note(found, known)
        judged.extend(found)

    if attempt:
        seek(pairs, *LATER_KINDS[min(attempt, len(LATER_KINDS)) - 1])
    else:
        seek(pairs, "segment")
        seek(mixed_pairs(flow, sinks, pairs)[0], "mixture")
    judged += _searched_about(flow, sinks, about, known, seed, workers=workers, progress=progress)
    _note(judged, known)
    ours = [found for found in judged if found.is_listed and found.index == 1]
    return listed(
        flow.arena,
        ours,
        method="mixtures of classes and segments between sinks, eigenvector following on the box, Krawczyk",
        seconds=time.perf_counter() - begun,
        seed=str(seed),
        potential=flow.potential,
    )


def _note(judged: Sequence[JudgedPoint], known: list[JudgedPoint]) -> None:
    """Add the new listed points of ``judged`` to ``known``."""
    seen = {id(found) for found in known}
    for found in judged:
        if found.is_listed and id(found) not in seen:
            known.append(found)
            seen.add(id(found))


def mixed_pairs(flow: GradientFlow, sinks: CriticalPoints, pairs: Sequence[Pair]) -> tuple[list[Pair], int]:
    """(pairs of two classes that are searched from the mixture of these, too; how many such pairs are left out).

    At most MIXTURES, more than which cost more than they find: of every two classes the nearest pairs first.
    """
    labels = classes_of(flow.arena.potential, sinks.points)
    if labels is None:
        return [], 0
    between: dict[tuple[int, int], list[tuple[float, Pair]]] = {}
    for i, j in pairs:
        if labels[i] != labels[j]:
            two = (min(labels[i], labels[j]), max(labels[i], labels[j]))
            gap = float(np.square(sinks.points[i] - sinks.points[j]).sum())
            between.setdefault(two, []).append((gap, (i, j)))
    ranked = [(rank, *pair) for found in between.values() for rank, pair in enumerate(sorted(found))]
    chosen = {pair for _rank, _gap, pair in sorted(ranked)[:MIXTURES]}
    return [pair for pair in pairs if pair in chosen], len(ranked) - len(chosen)


def _searched_about(
    flow: GradientFlow,
    sinks: CriticalPoints,
    about: Sequence[int],
    known: list[JudgedPoint],
    seed: int,
    *,
    workers: int | None,
    progress: Progress | None,
) -> list[JudgedPoint]:
    """Searches from up to SOFT_STARTS displacements of each of the sinks ``about`` along its soft modes."""
    count = min(SOFT_STARTS, 2 * sinks.points.shape[1])
    starts = [
        start
        for row in about
        for start in soft_starts(flow.arena, sinks.points[row], count, np.random.default_rng([seed, row]))
    ]
    if not starts:
        return []
    axes = np.array([start.axes for start in starts])
    places = np.array([start.x for start in starts])
    return search_from(flow.arena, places, axes, known=known, workers=workers, progress=progress)
