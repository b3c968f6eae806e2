"""The laws that a list of critical pieces obeys: Euler's sum, Morse inequalities, Betti numbers from level to level (§3)."""

from __future__ import annotations

import numpy as np

from separatrix.errors import SeparatrixError
from separatrix.morse.piecewise_linear.flat_pieces import Pieces

Rows = tuple[np.ndarray, np.ndarray]


def euler_law(betti: np.ndarray) -> str:
    """(3.1) for the ranks ``betti`` (n, degrees) of all critical pieces, a sentence; SeparatrixError where it fails."""
    total = sum((-1) ** k * int(n) for k, n in enumerate(betti.sum(axis=0)))
    if total != 1:
        raise SeparatrixError(
            f"the alternating sum over critical pieces is {total}, not the box's Euler characteristic 1"
        )
    return "the alternating sum over all critical pieces is 1, the Euler characteristic of the box (3.1)"


def morse_inequalities(betti: np.ndarray) -> tuple[str, ...]:
    """(3.2) with the Betti numbers 1, 0, 0, … of a box; SeparatrixError where one fails."""
    counts = betti.sum(axis=0).tolist()
    alternating = 0
    for m, count in enumerate(counts):
        alternating = count - alternating
        if alternating < (-1) ** m:
            raise SeparatrixError(f"the Morse inequality of degree {m} fails for the counts {counts}")
    return (f"the Morse inequalities hold for the counts {', '.join(str(n) for n in counts)} by degree (3.2)",)


def check_levels(pieces: Pieces, event_ranks: np.ndarray, rows: Rows, count: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Betti numbers of {f >= c} at up to ``count`` critical values c, computed anew: (events, betti, a sentence).

    ``rows``: events (n,) and ranks of the relative groups (n, degrees); ``event_ranks``: the rank of each event's value.
    SeparatrixError where the numbers do not change as the exact sequence of a pair allows: with r_k the rank of the
    connecting map into degree k - 1, the k-th number changes by g_k - r_k - r_(k+1), r_k >= 0 and r_0 = 0.
    """
    events, betti = rows
    chosen = np.unique(np.linspace(0, event_ranks.size - 1, min(count, event_ranks.size)).round().astype(np.int64))
    found, first, before = [], 0, np.zeros(betti.shape[1], dtype=np.int64)
    for event in chosen.tolist():
        own = _betti_numbers(pieces, int(event_ranks[event]))
        relative = betti[(events >= first) & (events <= event)].sum(axis=0)
        _check_step(own - before, relative)
        found.append(own)
        first, before = event + 1, own
    text = (
        f"the Betti numbers of {{f >= c}}, computed anew at {len(found)} critical values c, change as the groups allow"
    )
    return chosen, np.array(found, dtype=np.int64).reshape(-1, betti.shape[1]), text


def _betti_numbers(pieces: Pieces, rank: int) -> np.ndarray:
    """Betti numbers of the cells all of whose vertices have at least this rank, by degree."""
    from separatrix.homology.chain_complex import ChainComplex

    part, _ = pieces.cells.restricted([low >= rank for low in pieces.low])
    homology = ChainComplex.from_columns(part.counts, part.starts, part.faces, part.signs).homology()
    found = np.zeros(len(pieces.low), dtype=np.int64)
    found[: len(homology.betti)] = homology.betti
    return found


def _check_step(change: np.ndarray, relative: np.ndarray) -> None:
    connecting = 0
    for k in range(change.size - 1, -1, -1):
        connecting = int(relative[k] - change[k]) - connecting
        if connecting < 0 or (k == 0 and connecting != 0):
            raise SeparatrixError(
                f"Betti numbers change by {change.tolist()}, which groups of ranks {relative.tolist()} do not allow"
            )
