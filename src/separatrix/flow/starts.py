"""Starts of the library's own for the search of sinks, where the user has none to give.

Uniform points and vertices of a box in high dimension nearly all climb to one sink; points that were first climbed towards
a class, and blends of those, find the others.
"""

from __future__ import annotations

import numpy as np

from separatrix.domains import Box
from separatrix.flow.ascent import ascend
from separatrix.flow.engines import Search
from separatrix.flow.pieces import Progress
from separatrix.potentials.log_odds import log_odds

UNIFORM, PER_CLASS, BLENDS = 32, 12, 48
MOST_ROUNDS, QUIET_ROUNDS = 8, 2
TOWARDS_STEPS = 60
ASIDE = 0.01
DEVIATIONS = (1.0, 3.0, 10.0)


def search_from_own_starts(
    search: Search, rng: np.random.Generator, workers: int | None = None, progress: Progress | None = None
) -> None:
    """Add rounds of starts to ``search`` until two rounds bring no new sink (eight at the most).

    On the whole space they are normal about the origin, of standard deviations 1, 3 and 10 in turn.
    """
    box = search.arena.domain
    if not isinstance(box, Box):
        _search_from_normal_starts(search, rng, workers, progress)
        return
    pool = np.concatenate(
        [0.5 * (box.lower + box.upper)[None], box.uniform(UNIFORM, rng), towards_classes(search, box, rng)]
    )
    quiet = 0
    for turn in range(MOST_ROUNDS):
        quiet = 0 if search.add(pool if turn == 0 else blends(box, pool, rng), workers, progress) else quiet + 1
        if quiet == QUIET_ROUNDS:
            break


def _search_from_normal_starts(
    search: Search, rng: np.random.Generator, workers: int | None, progress: Progress | None
) -> None:
    quiet = 0
    for turn in range(MOST_ROUNDS):
        rows = DEVIATIONS[turn % len(DEVIATIONS)] * rng.standard_normal((UNIFORM, search.potential.dim))
        quiet = 0 if search.add(rows, workers, progress) else quiet + 1
        if quiet == QUIET_ROUNDS and turn + 1 >= len(DEVIATIONS):
            break


def towards_classes(search: Search, box: Box, rng: np.random.Generator) -> np.ndarray:
    """Uniform points climbed some way up the log-odds of every class, (n_classes PER_CLASS, dim)."""
    net = search.potential.net
    if net is None:
        return np.zeros((0, box.dim))
    parts = [
        ascend(log_odds(net, k), search.arena.search_bounds, box.uniform(PER_CLASS, rng), TOWARDS_STEPS)
        for k in range(net.n_classes)
    ]
    ends = box.clip(np.concatenate(parts))
    # a maximum of one potential is often a minimum of another, an equilibrium that no ascent leaves: step aside
    return box.clip((1.0 - ASIDE) * ends + ASIDE * box.uniform(ends.shape[0], rng))


def blends(box: Box, pool: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Points between two members of the pool, and a few uniform ones."""
    first, second = rng.integers(0, pool.shape[0], (2, BLENDS))
    share = rng.random((BLENDS, 1))
    return np.concatenate(
        [box.clip(share * pool[first] + (1.0 - share) * pool[second]), box.uniform(UNIFORM // 4, rng)]
    )
