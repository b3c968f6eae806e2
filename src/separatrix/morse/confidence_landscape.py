"""The landscape of the confidence L, whose passes are ties of two classes at log 2 up to the third classes' share (§2).

They are no isolated equilibria (for two classes the whole decision surface is critical), so they are sought as constrained
maxima on {z_i = z_j}. A tie joins the sinks to which L climbs from either side of the surface, nowhere below its value there.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.critical_points import CriticalPoints, chosen, joined
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.pieces import Progress
from separatrix.flow.saddles.tied_passes import LOG2, TiedPasses, tied_passes
from separatrix.morse.branches import trace_branches
from separatrix.morse.landscape_record import Landscape, Round
from separatrix.morse.matching import combined, of_index
from separatrix.morse.merge_tree import class_tree
from separatrix.morse.pairs import all_pairs
from separatrix.morse.saddle_rounds import saddles_between
from separatrix.potentials.base import Potential
from separatrix.potentials.confidence import LogSumOfOdds
from separatrix.potentials.head import NetworkPotential
from separatrix.potentials.margin import margin
from separatrix.records import Provenance

NOTE = (
    "passes of the confidence are ties of two classes, at log 2 up to the share of the other classes: log 2 - L is in "
    "`ties.below`"
)


def is_confidence(potential: Potential) -> bool:
    """Whether f is the confidence L of a network."""
    return isinstance(potential, NetworkPotential) and isinstance(potential.head, LogSumOfOdds)


def confidence_landscape(
    flow: GradientFlow,
    sinks: CriticalPoints,
    seed: str,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Landscape:
    """Sinks of the confidence, ties between every two of their classes, and saddles within a class, as a landscape."""
    begun = time.perf_counter()
    ties = tied_passes(flow.potential, flow.domain, sinks, workers=workers, progress=progress)
    points = _listed(flow, ties)
    traced = trace_branches(flow, sinks, points, directions=_across(flow, ties), workers=workers, progress=progress)
    every = of_index(traced.points, 0) if len(traced.points) else sinks
    inner = _within_classes(flow, every, {"workers": workers, "progress": progress})
    parts = [traced]
    if len(inner):
        parts.append(trace_branches(flow, every, inner, workers=workers, progress=progress))
        every, points = of_index(joined(every, of_index(parts[1].points, 0)), 0), joined(points, inner)
    traced = combined(every, points, parts)
    tree = class_tree(flow, every, points, traced)
    seconds = time.perf_counter() - begun
    turn = Round(
        "ties",
        n_pairs=len(ties) + len(ties.missing),
        new_saddles=len(points),
        new_sinks=len(every) - len(sinks),
        moved_joins=len(tree.joins),
        n_groups=len(tree.groups),
        seconds=seconds,
    )
    return Landscape(
        sinks=every,
        saddles=points,
        connections=traced,
        tree=tree,
        rounds=(Round("sinks", new_sinks=len(sinks), n_groups=len(sinks)), turn),
        missing=(*tree.missing, *ties.missing),
        notes=(NOTE,),
        ties=ties,
        domain=flow.domain,
        certainty=Certainty.weakest((tree.certainty, traced.certainty)),
        provenance=Provenance("ties of every two classes, and the flow on either side", seed=seed, seconds=seconds),
    )


def _within_classes(flow: GradientFlow, sinks: CriticalPoints, options: dict[str, Any]) -> CriticalPoints:
    """Saddles of index 1 above log 2 between sinks of one class: these are equilibria like any other."""
    net = flow.potential.net
    assert net is not None
    labels = net.predict(sinks.points) if len(sinks) else np.zeros(0)
    pairs = [(i, j) for i, j in all_pairs(len(sinks)) if labels[i] == labels[j]]
    found = saddles_between(flow, sinks, pairs, [], **options)
    return chosen(found, found.values > LOG2 * (1 + 1e-9))


def _listed(flow: GradientFlow, ties: TiedPasses) -> CriticalPoints:
    """The ties as a list of points: none is claimed to be an equilibrium."""
    n, words = len(ties), "a tie of classes {} and {}, log 2 - L = {:.3g}; no isolated equilibrium"
    evidence = tuple(words.format(*pair, below) for pair, below in zip(ties.classes, ties.below, strict=True))
    return CriticalPoints(
        points=ties.points,
        values=ties.values,
        indices=np.ones(n, dtype=np.int64),
        certainty=(Certainty.HEURISTIC,) * n,
        evidence=evidence,
        spectra=(np.zeros(0),) * n,
        active=flow.arena.bounds.faces(ties.points),
        multipliers=np.zeros(ties.points.shape),
        radius=np.full(n, np.nan),
        error=np.full(n, np.nan),
        label=np.zeros(0, dtype=np.int64),
        potential=flow.potential.name,
        boundary=flow.boundary,
        domain=flow.domain,
        provenance=ties.provenance,
    )


def _across(flow: GradientFlow, ties: TiedPasses) -> np.ndarray:
    """grad(z_i - z_j) without its components out of the box, at every tie (n, dim)."""
    net, bounds, found = flow.potential.net, flow.arena.bounds, np.zeros(ties.points.shape)
    assert net is not None
    for row, (i, j) in enumerate(ties.classes):
        slope = margin(net, int(i), int(j)).gradient(ties.points[row][None])[0]
        inner = np.where(bounds.faces(ties.points[row]) == 0, slope, 0.0)
        found[row] = inner if inner.any() else slope
    return found
