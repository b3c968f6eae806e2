"""The public search for saddles in any dimension: between sinks, about sinks, and from a user's own starts (§3, §8)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from separatrix.domains import Box, as_domain
from separatrix.domains import points as rows_of
from separatrix.errors import InputError, KindError, printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.judged_points import JudgedPoint, listed, no_point
from separatrix.flow.pieces import Progress, require_progress
from separatrix.flow.piecewise_linear.creases import has_creases
from separatrix.flow.projection import Arena
from separatrix.flow.saddles.mixture import is_log_density
from separatrix.flow.saddles.search import judged_from
from separatrix.flow.saddles.starts import Start, soft_starts, starts_between
from separatrix.numerics.generators import generator_of
from separatrix.potentials.base import Potential

MOST_PAIRS = 1500
NEIGHBOURS = 12
ABOUT_SINKS = 8
MOST_ATTEMPTS = 100_000
METHOD = "eigenvector following on the box, Krawczyk"


def saddles(
    potential: Potential,
    box: Any,
    sinks: Any,
    index: int = 1,
    rng: Any = 0,
    *,
    starts: Any = None,
    pairs: Any = None,
    attempts: int = ABOUT_SINKS,
    boundary: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    strict: bool = False,
) -> CriticalPoints:
    """Saddles of Morse index ``index`` that are found from ``sinks``; each proved, or marked with the reason why not.

    - ``box``: a Box, a pair (lower, upper), or WholeSpace; ``boundary``: "project" or "exit" (that of ``sinks`` where they
      are CriticalPoints, else "project")
    - ``sinks``: CriticalPoints of index 0, or an array (n, dim)
    - ``starts`` (m, dim): further starts of the user's own, from which the search descends along the top eigenvectors
    - ``pairs``: rows (i, j) of sinks to search between; None: all pairs, or for many sinks the nearest (``notes`` says so)
    - ``attempts``: starts about every sink, displaced along its soft directions

    For every pair two starts: the least f on the segment, and for sinks of two classes of a log-density the saddle of the
    mixture of the classes. Then eigenvector following (Cerjan and Miller 1981) on the box. ``label`` and ``reasons`` tell of
    every start, in this order: pairs (segment, then mixture, pair by pair), the ``attempts`` about each sink, ``starts``.
    A point of another index that a search meets is not listed; its reason says so. The list is never called complete.

    Raises InputError for an index that is no number from 1 to dim, sinks or starts outside the box, piecewise linear
    networks, and KindError for what is no potential; ``strict=True`` raises UnresolvedError where a start led nowhere.
    """
    begun = time.perf_counter()
    require_progress(progress, "saddles")
    arena, points = _arena(potential, box, sinks, boundary)
    count, tries = _whole(index, "index", 1, potential.dim), _whole(attempts, "attempts", 0, MOST_ATTEMPTS)
    own = _inside(arena, starts, "starts")
    chosen, notes = _pairs(pairs, points)
    kinds = ("segment", "mixture") if is_log_density(arena.potential) and count == 1 else ("segment",)
    first = starts_between(arena, points, chosen, kinds, 0, 0, workers, progress) if chosen else []
    generator = generator_of(rng)
    about = [start for x in points for start in soft_starts(arena, x, tries, generator, count)]
    given = [Start(x, None, "") for x in own]
    judged = judged_from(arena, [*first, *about, *given], count, (), workers, progress)
    kept = [found if found.index == count else _other(found) for found in judged]
    reasons = tuple(f"saddle of index {found.index}" if found.is_listed else found.reason for found in kept)
    found = listed(
        arena,
        kept,
        method=METHOD,
        seconds=time.perf_counter() - begun,
        seed=str(rng),
        label=np.arange(len(kept)),
        reasons=reasons,
        potential=potential,
        notes=(*notes, "a search: further saddles may exist"),
    )
    return found.require() if strict else found


def _arena(potential: Potential, box: Any, sinks: Any, boundary: str | None) -> tuple[Arena, np.ndarray]:
    if not isinstance(potential, Potential):
        raise KindError(f"saddles: expected a Potential such as log_density(net), came {type(potential).__name__}")
    if has_creases(potential):
        raise InputError(
            "saddles: the potential is piecewise linear, its equilibria lie on creases; use critical_points for 1 to 4 inputs"
        )
    if boundary is None:
        boundary = sinks.boundary if isinstance(sinks, CriticalPoints) else "project"
    if boundary not in ("project", "exit"):
        raise InputError(f"saddles: boundary must be 'project' or 'exit', came {printable(repr(boundary))}")
    arena = Arena.of(potential.companion or potential, as_domain(box, potential.dim), boundary)
    if isinstance(sinks, CriticalPoints):
        rows = sinks.points[sinks.indices == 0] if (sinks.indices == 0).any() else sinks.points
        return arena, _inside(arena, rows, "sinks")
    return arena, _inside(arena, sinks, "sinks")


def _inside(arena: Arena, x: Any, what: str) -> np.ndarray:
    """Rows of a user's points, checked to lie in the box; none where there are none."""
    dim = arena.potential.dim
    if x is None or (isinstance(x, np.ndarray) and x.size == 0) or (isinstance(x, (list, tuple)) and not x):
        return np.zeros((0, dim))
    rows = rows_of(x, dim, f"saddles: {what}")
    if isinstance(arena.domain, Box) and not arena.domain.contains(rows).all():
        row = int(np.flatnonzero(~arena.domain.contains(rows))[0])
        raise InputError(f"saddles: row {row} of {what} lies outside the box {arena.domain!r}; drop it or clip it")
    return rows


def _whole(number: Any, name: str, least: int, most: int) -> int:
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not least <= number <= most:
        raise InputError(f"saddles: {name} must be an integer from {least} to {most}, came {printable(repr(number))}")
    return int(number)


def _pairs(pairs: Any, points: np.ndarray) -> tuple[list[tuple[int, int]], tuple[str, ...]]:
    """The pairs to search between, and a note where they are not all."""
    n = len(points)
    if pairs is not None:
        try:
            rows = np.asarray(pairs).reshape(-1, 2) if np.size(pairs) else np.zeros((0, 2), dtype=np.int64)
        except ValueError:
            rows = np.zeros((1, 2))
        good = rows.dtype.kind in "iu" and ((rows >= 0) & (rows < n)).all() and (rows[:, 0] != rows[:, 1]).all()
        if not good:
            raise InputError(
                f"saddles: pairs must be rows (i, j) of two different sinks, numbers from 0 to {n - 1}, came "
                f"{printable(repr(pairs), 80)}"
            )
        return [(int(i), int(j)) for i, j in rows], ()
    every = [(i, j) for i in range(n) for j in range(i + 1, n)]
    if len(every) <= MOST_PAIRS:
        return every, ()
    near: set[tuple[int, int]] = set()
    for i in range(n):
        gaps = np.square(points - points[i]).sum(axis=1)
        near.update((min(i, int(j)), max(i, int(j))) for j in np.argsort(gaps, kind="stable")[1 : NEIGHBOURS + 1])
    note = f"{len(near)} of {len(every)} pairs of sinks were searched: each sink with its {NEIGHBOURS} nearest"
    return sorted(near), (note,)


def _other(found: JudgedPoint) -> JudgedPoint:
    """A point of another index than was asked for: no answer, and its reason says what it is."""
    if not found.is_listed:
        return found
    name = "sink" if found.index == 0 else f"point of index {found.index}"
    return no_point(found.point, f"the search ended at a {name} ({found.verdict})")
