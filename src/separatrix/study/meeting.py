"""The meeting of the wings: the homology of one space by cells, by critical points, by Conley indices, by persistence (§9, §10).

Superlevel sets {f >= c} are forward invariant: points of value above c span a subcomplex of the Morse complex whose homology is
that of {f >= c}, for the flow never leads from one of them to a lower one. The Conley indices of the Morse sets above c add up
to its Euler number.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.morse_graph_record import MorseGraph
from separatrix.homology.chain_complex import ChainComplex
from separatrix.morse.levels.level_record import LevelSets
from separatrix.study.conley_portrait import Meeting, Way
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.study.surface_portrait import SurfacePortrait

BOX, REGION = "the box", "the decision region of class {k} in the box"


def meetings_of(
    portrait: MorsePortrait,
    graph: MorseGraph | None,
    levels: LevelSets | None,
    surfaces: Iterable[SurfacePortrait] = (),
    region: int | None = None,
) -> tuple[Meeting, ...]:
    """The box, and where {f >= 0} is a decision region that region, each in every way that this run has.

    ``region``: the class k whose region {z_k >= z_l} is {f >= 0}, None where there is none.
    """
    found = [_met(BOX, _ways(portrait, graph, levels, -np.inf))]
    if region is not None:
        ways = [*_cells(surfaces, region), *_ways(portrait, graph, levels, 0.0)]
        found.append(_met(REGION.format(k=region), ways))
    return tuple(meeting for meeting in found if meeting.ways)


def _met(space: str, ways: list[Way]) -> Meeting:
    """The verdict: all Betti numbers are equal, and Euler numbers of ways that give no more agree with them."""
    known = [way for way in ways if way.certainty is not Certainty.UNKNOWN]
    groups = {_trimmed(way.betti) for way in known if way.betti}
    sums = {way.euler for way in known}
    agrees = None if len(known) < 2 else len(groups) <= 1 and len(sums) == 1
    return Meeting(space, tuple(ways), agrees)


def _ways(portrait: MorsePortrait, graph: MorseGraph | None, levels: LevelSets | None, c: float) -> list[Way]:
    candidates = (_morse_complex(portrait, c), _indices(portrait, graph, c), _persistence(levels, c))
    return [way for way in candidates if way is not None]


def _cells(surfaces: Iterable[SurfacePortrait], k: int) -> list[Way]:
    """The exact complex of the decision regions, on the domain itself."""
    for surface in surfaces:
        for row in surface.regions:
            if row.k == k and row.betti and not surface.is_slice:
                name = "cells of the exact complex" if surface.is_exact else "simplices of the certified surface"
                return [_way(name, row.betti, surface.regions_certainty)]
    return []


def _morse_complex(portrait: MorsePortrait, c: float) -> Way | None:
    """Points of value >= c and the orbits between them."""
    made, points = portrait.complex, portrait.points
    if made is None or made.missing or made.is_chain_complex is False:
        return None
    if np.isfinite(c) and (np.abs(points.values - c) <= 1e-12 * (1.0 + abs(c))).any():
        return None
    rows = [points.values[points.indices == k] > c for k in range(len(made.counts))]
    if not rows[0].any():
        return None
    operators = [boundary[np.ix_(rows[k], rows[k + 1])].astype(np.int64) for k, boundary in enumerate(made.boundaries)]
    groups = ChainComplex(operators).homology()
    certainty = Certainty(made.certainty)
    return _way("critical points and the orbits between them", groups.betti, certainty)


def _indices(portrait: MorsePortrait, graph: MorseGraph | None, c: float) -> Way | None:
    """The alternating sum of the Conley indices of all Morse sets above c."""
    if graph is None or not graph.sets or any(one.verdict != "computed" or not one.rows for one in graph.sets):
        return None
    if not portrait.points.is_complete or graph.boundary != "project":
        return None
    values = [portrait.points.values[list(one.rows)] for one in graph.sets]
    if any((v > c).any() != (v > c).all() for v in values):
        return None
    above = [one for one, v in zip(graph.sets, values, strict=True) if (v > c).all()]
    total = sum((-1) ** k * b for one in above for k, b in enumerate(one.index_betti))
    certainty = Certainty.weakest([one.certainty for one in above])
    return Way("Conley indices of the Morse sets", (), int(total), certainty)


def _persistence(levels: LevelSets | None, c: float) -> Way | None:
    """Superlevel sets of the function on the grid or the complex."""
    if levels is None:
        return None
    at = c if np.isfinite(c) else float(levels.values.min()) - 1.0 - 2.0 * levels.tolerance
    betti, certainty = levels.betti(at), levels.certainty_at(at)
    if not betti or min(betti) < 0:
        return None
    return _way("persistence of the superlevel sets", betti, certainty)


def _way(name: str, betti: tuple[int, ...], certainty: Certainty) -> Way:
    return Way(name, tuple(int(b) for b in betti), sum((-1) ** k * int(b) for k, b in enumerate(betti)), certainty)


def _trimmed(betti: tuple[int, ...]) -> tuple[int, ...]:
    """Without zeros at the end: ways differ in how many degrees they list."""
    top = max((k + 1 for k, b in enumerate(betti) if b), default=0)
    return betti[:top]
