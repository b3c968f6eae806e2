"""What a search has not seen: the Good-Turing estimate of the share of starts that lead to sinks not met yet (§3).

I. J. Good, The population frequencies of species and the estimation of population parameters, Biometrika 40 (1953);
W. W. Esty, A normal limit law for a nonparametric estimator of the coverage of a random sample, Ann. Statist. 11 (1983).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError


@dataclass(frozen=True)
class UnseenShare:
    """Of starts drawn like those at hand, the share that leads to a sink which none of them reached.

    ``share`` = (sinks hit once) / (starts that reached a sink); ``interval`` at ``level``: the wider of Esty's normal
    interval and the Poisson interval of the number of sinks hit once. ``n_seen`` sinks were hit, ``n_once`` of them once,
    by ``n_starts`` starts. The starts must be independent and of one distribution; the estimate is a heuristic otherwise,
    and *verified* by nothing.
    """

    share: float
    interval: tuple[float, float]
    n_starts: int
    n_seen: int
    n_once: int
    level: float = 0.95
    certainty: Certainty = Certainty.HEURISTIC

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.n_starts} starts led to {self.n_seen} sinks, {self.n_once} of them hit once: about "
            f"{100 * self.share:.1f} % of such starts ({100 * low:.1f} to {100 * high:.1f} %) lead to sinks not seen yet"
        )


def unseen_share(hits: Any, level: float = 0.95) -> UnseenShare:
    """The Good-Turing estimate from ``hits`` (n_sinks,), how many starts led to each sink (zeros do not count).

    No hits at all: share 1, interval [0, 1]. Raises InputError for negative or fractional hits, or a level outside (0, 1).

    >>> print(unseen_share([50, 30, 18, 1, 1]))
    100 starts led to 5 sinks, 2 of them hit once: about 2.0 % of such starts (0.0 to 7.2 %) lead to sinks not seen yet
    """
    from scipy.special import gammainccinv, gammaincinv, ndtri  # scipy.stats has them by other names, and loads slowly

    counts = np.asarray(hits)
    if counts.ndim != 1 or (counts.size and (counts < 0).any()) or (counts != np.round(counts)).any():
        raise InputError("unseen_share: expected hits as whole numbers from 0, one a sink; pass CriticalPoints.hits")
    if not 0.0 < level < 1.0:
        raise InputError(f"unseen_share: level must lie between 0 and 1, came {level!r}")
    n, seen = int(counts.sum()), int((counts > 0).sum())
    if n == 0:
        return UnseenShare(1.0, (0.0, 1.0), 0, 0, 0, level)
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    share, tail = once / n, 0.5 - 0.5 * level
    half = -float(ndtri(tail)) * np.sqrt(once * (1.0 - share) + 2.0 * twice) / n
    fewest = float(gammaincinv(once, tail)) / n if once else 0.0
    most = float(gammainccinv(once + 1, tail)) / n
    interval = max(0.0, min(share - half, fewest)), min(1.0, max(share + half, most))
    return UnseenShare(share, interval, n, seen, once, level)
