"""Traces and their tubes as orbits of the record, with what each rests on (§9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from separatrix.certainty import Certainty
from separatrix.morse.connection_record import Orbit
from separatrix.morse.tubes.passages import Passage, passages
from separatrix.morse.tubes.proof import Tube
from separatrix.morse.tubes.tracing import SADDLE, SPENT, STANDS, Trace

if TYPE_CHECKING:
    from separatrix.morse.tubes.followed import Followed

UNDECIDED = (SPENT, STANDS)


def orbit_of(followed: Followed, trace: Trace, tube: Tube | str) -> Orbit:
    """The orbit of a branch, in the direction of the flow; proved where its tube is."""
    if isinstance(tube, Tube) and tube.is_proved:
        path, radius = _along_tube(tube)
        worth = Certainty.PROVED, _of_tube(followed, tube)
        return _orbit(followed, trace, (trace.target, trace.reason), worth, (path, radius))
    path = np.concatenate([followed.points.points[trace.start.row][None], trace.nodes])
    near = passages(followed.arena, followed.points, trace, followed.basis)
    if near:
        passed = min(near, key=lambda passage: passage.node)
        worth = Certainty.HEURISTIC, _of_passage(followed, passed)
        return _orbit(followed, trace, (passed.row, SADDLE), worth, (path[: passed.node + 2], None))
    if trace.reason == SADDLE:
        text = "the integration ended beside this saddle: whether the branch ends there is not decided"
        return _orbit(followed, trace, (trace.target, SADDLE), (Certainty.HEURISTIC, text), (path, None))
    if trace.reason in UNDECIDED or (trace.start.sign > 0 and trace.target < 0 and trace.reason != followed.arena.left):
        worth = Certainty.UNKNOWN, f"the integration ended: {trace.reason}"
    else:
        why = tube if isinstance(tube, str) else tube.reason
        worth = Certainty.VERIFIED, f"integrated at unit speed, error below 1e-8 of the width a step; not proved: {why}"
    return _orbit(followed, trace, (trace.target, trace.reason), worth, (path, None))


def _orbit(
    followed: Followed,
    trace: Trace,
    end: tuple[int, str],
    worth: tuple[Certainty, str],
    line: tuple[np.ndarray, np.ndarray | None],
) -> Orbit:
    start, (target, reason), (path, radius) = trace.start, end, line
    if target >= 0:
        path = np.concatenate([path, followed.points.points[target][None]])
        radius = None if radius is None else np.append(radius, np.nan)
    source, last = start.row, target
    if start.sign < 0:
        source, last, path = last, source, path[::-1].copy()
        radius = None if radius is None else radius[::-1].copy()
    certainty, evidence = worth
    return Orbit(source, last, start.side, start.direction, start.row, reason, certainty, evidence, path, radius)


def _along_tube(tube: Tube) -> tuple[np.ndarray, np.ndarray]:
    """(points, radii) of a proved tube: the critical point, then the nodes of the chords.

    Between two points the branch lies within the larger of their radii of the straight line.
    """
    chords, found = tube.chords, tube.found
    assert chords is not None and found is not None
    count = len(found.within)
    path = np.concatenate([tube.frame.center[None], chords.nodes[: count + 1]])
    before = np.concatenate([found.at_nodes[:1], found.within])
    after = np.concatenate([found.within, found.within[-1:]])
    radius = np.maximum(np.maximum(before, after), found.at_nodes[: count + 1])
    return path, np.concatenate([radius[:1], radius])


def _of_tube(followed: Followed, tube: Tube) -> str:
    assert tube.chords is not None and tube.found is not None
    count, widest = len(tube.chords), float(tube.found.within.max(initial=0.0))
    begin = f"cone of length {tube.cones[tube.cone].length:.1e}" if tube.cones else "proved point on a side"
    end = "a disc outside the box" if tube.is_leaving else "a box proved to flow into its end"
    rests = followed.arena.potential.rests_on
    text = f"tube of {count} chords, radius up to {widest:.1e}, from a {begin} to {end}; rounded outward"
    return f"{text}; {rests}" if rests else text


def _of_passage(followed: Followed, passed: Passage) -> str:
    return (
        f"comes to within {passed.distance:.1e} of {followed.points.ids[passed.row]}, so near its stable manifold that "
        "rounding decides where it goes: an orbit between saddles is not excluded"
    )


def question(followed: Followed, orbit: Orbit) -> str:
    """What is not decided of an orbit, a sentence."""
    name, kind = followed.points.ids[orbit.saddle], "unstable" if orbit.source == orbit.saddle else "stable"
    return f"{kind} branch {'+' if orbit.side > 0 else '-'} of {name}: {orbit.evidence}"
