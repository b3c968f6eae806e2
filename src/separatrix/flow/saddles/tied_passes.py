"""The passes of the confidence between all pairs of classes, as a record (§2)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import as_domain
from separatrix.domains import points as rows_of
from separatrix.errors import InputError, KindError, printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.pieces import Progress, run_pieces
from separatrix.flow.projection import Bounds
from separatrix.flow.saddles.starts import ON_PATH
from separatrix.flow.saddles.tied import below_log2, best_tie, proved_bound
from separatrix.networks.network import Network
from separatrix.potentials.base import Potential
from separatrix.potentials.confidence import LogSumOfOdds
from separatrix.potentials.head import NetworkPotential, classifier
from separatrix.records import Provenance, Record

LOG2 = float(np.log(2.0))
PAIRS_OF_SINKS = 3


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class TiedPasses(Record):
    """The best tie known between every two classes, where both lead: a pass of the confidence L at log 2 - ``below``.

    - ``points`` (n, dim); ``classes`` (n, 2), the smaller first
    - ``below`` (n,): log 2 - L there, without cancellation (0 for two classes: all of the surface is at log 2)
    - ``proved_below`` (n,): within ``distance`` (n,) of the point (max norm) there is a tie, both classes leading, with
      log 2 - L at most this (inf: not proved); ``residual`` (n,): projected gradient of the Lagrangian, max norm
    - ``certainty``: PROVED where that bound is finite, else VERIFIED; that no tie is better is not claimed
    """

    points: np.ndarray
    classes: np.ndarray
    below: np.ndarray
    proved_below: np.ndarray
    distance: np.ndarray
    residual: np.ndarray
    certainty: tuple[Certainty, ...]  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]
    missing: tuple[str, ...] = ()

    drawer: ClassVar[str] = "morse_plots:plot_tied_passes"

    def __len__(self) -> int:
        return self.points.shape[0]

    @property
    def values(self) -> np.ndarray:
        """L at the ties, (n,): log 2 to rounding where ``below`` is tiny."""
        return LOG2 - self.below

    def columns(self) -> dict[str, Any]:
        """One row a pair of classes."""
        return {
            "first": self.classes[:, 0],
            "second": self.classes[:, 1],
            "value": self.values,
            "below_log2": self.below,
            "proved_below_log2": self.proved_below,
            "certainty": [str(verdict) for verdict in self.certainty],
        }

    def __repr__(self) -> str:
        proved = sum(verdict is Certainty.PROVED for verdict in self.certainty)
        return f"TiedPasses({len(self)} pairs of classes, {proved} proved, {len(self.missing)} missing)"


def tied_passes(
    potential: Potential, box: Any, sinks: Any, *, workers: int | None = None, progress: Progress | None = None
) -> TiedPasses:
    """The passes of the confidence L between every two classes that have a sink: the tied problem (T) of each.

    ``potential``: a confidence(net); ``sinks``: CriticalPoints or points (n, dim), whose predictions are the classes. For each
    pair of classes the ascents start between its nearest sinks and the best tie is kept.

    Raises InputError for other potentials and points outside the box, KindError for what is no potential.
    """
    begun = time.perf_counter()
    if not isinstance(potential, Potential):
        raise KindError(f"tied_passes: expected confidence(net), came {type(potential).__name__}")
    if not (isinstance(potential, NetworkPotential) and isinstance(potential.head, LogSumOfOdds)):
        raise InputError(f"tied_passes: expected confidence(net), came the {printable(potential.name, 60)}")
    net, domain = classifier(potential.net), as_domain(box, potential.dim)
    bounds = Bounds.of(domain)
    x = sinks.points if isinstance(sinks, CriticalPoints) else rows_of(sinks, potential.dim, "tied_passes: sinks")
    if bounds.passed(x).any():
        raise InputError("tied_passes: a sink lies outside the box; drop or clip it")
    labels = net.logits(x).argmax(axis=1)
    present = [int(label) for label in np.unique(labels)]
    pairs = [(i, j) for place, i in enumerate(present) for j in present[place + 1 :]]
    pieces = [(net, bounds, pair, x[labels == pair[0]], x[labels == pair[1]]) for pair in pairs]
    results = run_pieces(pair_piece, pieces, [1] * len(pieces), workers, "ties of classes", progress)
    rows = [found for found in results if found is not None]
    missing = tuple(
        f"no tie of the classes {i} and {j} was found at which both lead"
        for (i, j), found in zip(pairs, results, strict=True)
        if found is None
    )
    proved = np.array([found[3] for found in rows])
    return TiedPasses(
        points=np.array([found[1] for found in rows]).reshape(len(rows), potential.dim),
        classes=np.array([found[0] for found in rows], dtype=np.int64).reshape(len(rows), 2),
        below=np.array([found[2] for found in rows]),
        proved_below=proved,
        distance=np.array([found[4] for found in rows]),
        residual=np.array([found[5] for found in rows]),
        certainty=tuple(Certainty.PROVED if np.isfinite(bound) else Certainty.VERIFIED for bound in proved),
        missing=missing,
        domain=domain,
        provenance=Provenance("augmented Lagrangian on ties, Newton", seconds=time.perf_counter() - begun),
    )


Found = tuple[tuple[int, int], np.ndarray, float, float, float, float]


def pair_piece(
    net: Network, bounds: Bounds, pair: tuple[int, int], first: np.ndarray, second: np.ndarray
) -> Found | None:
    """The best tie of one pair of classes from between their nearest sinks: (pair, point, below, bound, distance, residual)."""
    gaps = np.square(first[:, None] - second[None]).sum(axis=2)
    nearest = np.argsort(gaps, axis=None, kind="stable")[:PAIRS_OF_SINKS]
    best: Found | None = None
    for place in nearest:
        i, j = np.unravel_index(int(place), gaps.shape)
        start = _between(net, pair, first[i], second[j])
        if net.n_classes == 2:
            x, residual = start, 0.0
        else:
            x, residual = best_tie(net, bounds, pair, start)
        logits = net.logits(x[None])
        leads = np.delete(logits[0], pair).max(initial=-np.inf) < logits[0, list(pair)].min()
        if not leads:
            continue
        below = float(below_log2(logits, pair)[0])
        if best is None or below < best[2]:
            best = (pair, x, below, np.inf, np.inf, residual)
    if best is None:
        return None
    bound, distance = proved_bound(net, bounds, pair, best[1])
    return (*best[:3], bound, distance, best[5])


def _between(net: Network, pair: tuple[int, int], first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A point of the segment where z_i - z_j changes sign, by bisection (i leads at ``first``, j at ``second``)."""
    low, high = 0.0, 1.0
    for _ in range(ON_PATH):
        t = 0.5 * (low + high)
        z = net.logits(((1.0 - t) * first + t * second)[None])[0]
        low, high = (t, high) if z[pair[0]] > z[pair[1]] else (low, t)
    return (1.0 - low) * first + low * second
