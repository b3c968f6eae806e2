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
MOST_NEW, COSTLY_SHARE, COSTLY_ROUNDS, FEW_INPUTS = 0.5, 0.25, 1, 32
TOWARDS_STEPS = 60
ASIDE = 0.01
DEVIATIONS = (1.0, 3.0, 10.0)


def search_from_own_starts(
    search: Search, rng: np.random.Generator, workers: int | None = None, progress: Progress | None = None
) -> None:
    """Add rounds of starts to ``search`` until two rounds bring no new sink (eight at the most), or until more than half of a
    round's starts lead to new ones: then there are far more sinks than starts.

    Convolutional networks of many inputs, whose climbs take half a second, get a quarter of the starts and one round. On
    the whole space starts are normal about the origin, of standard deviations 1, 3 and 10 in turn.
    """
    box = search.arena.domain
    if not isinstance(box, Box):
        _search_from_normal_starts(search, rng, workers, progress)
        return
    net = search.potential.net
    is_costly = net is not None and net.is_structured and box.dim > FEW_INPUTS
    scale = COSTLY_SHARE if is_costly else 1.0
    pool = np.concatenate(
        [
            0.5 * (box.lower + box.upper)[None],
            box.uniform(int(scale * UNIFORM), rng),
            towards_classes(search, box, rng, int(scale * PER_CLASS)),
        ]
    )
    quiet = 0
    for turn in range(COSTLY_ROUNDS if is_costly else MOST_ROUNDS):
        starts = pool if turn == 0 else blends(box, pool, rng, scale)
        n_new = search.add(starts, workers, progress)
        quiet = 0 if n_new else quiet + 1
        if quiet == QUIET_ROUNDS or n_new > MOST_NEW * len(starts):
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


def towards_classes(search: Search, box: Box, rng: np.random.Generator, per_class: int = PER_CLASS) -> np.ndarray:
    """Uniform points climbed some way up the log-odds of every class, (n_classes per_class, dim)."""
    net = search.potential.net
    if net is None:
        return np.zeros((0, box.dim))
    parts = [
        ascend(log_odds(net, k), search.arena.search_bounds, box.uniform(per_class, rng), TOWARDS_STEPS)
        for k in range(net.n_classes)
    ]
    ends = box.clip(np.concatenate(parts))
    # a maximum of one potential is often a minimum of another, an equilibrium that no ascent leaves: step aside
    return box.clip((1.0 - ASIDE) * ends + ASIDE * box.uniform(ends.shape[0], rng))


def blends(box: Box, pool: np.ndarray, rng: np.random.Generator, scale: float = 1.0) -> np.ndarray:
    """Points between two members of the pool, and a few uniform ones."""
    count = int(scale * BLENDS)
    first, second = rng.integers(0, pool.shape[0], (2, count))
    share = rng.random((count, 1))
    return np.concatenate(
        [box.clip(share * pool[first] + (1.0 - share) * pool[second]), box.uniform(int(scale * UNIFORM) // 4, rng)]
    )
