"""Traces and their tubes as orbits of the record, with what each rests on (§9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from separatrix.certainty import Certainty
from separatrix.morse.connection_record import Orbit
from separatrix.morse.tubes.chains import Chain, Run
from separatrix.morse.tubes.passages import Passage, passages
from separatrix.morse.tubes.proof import Tube
from separatrix.morse.tubes.traces import Trace
from separatrix.morse.tubes.tracing import RELEASED, SADDLE, SPENT, STANDS, WALL

if TYPE_CHECKING:
    from separatrix.morse.tubes.followed import Followed

UNDECIDED = (SPENT, STANDS)


def orbit_of(followed: Followed, trace: Trace, tube: Tube | Chain | str) -> Orbit:
    """The orbit of a branch, in the direction of the flow; proved where its tube is, or the tubes and edges of its legs are."""
    if not isinstance(tube, str) and tube.is_proved and trace.reason not in (WALL, RELEASED):
        parts = tube.parts if isinstance(tube, Chain) else [tube]
        path, radius = _along(followed, trace, parts)
        worth = Certainty.PROVED, _of_parts(followed, parts)
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


def _along(followed: Followed, trace: Trace, parts: Sequence[Tube | Run]) -> tuple[np.ndarray, np.ndarray]:
    """(points, radii) of proved legs: the critical point, then nodes of chords or points of an edge.

    Between two points the branch lies within the larger of their radii of the straight line.
    """
    path, radius = [followed.points.points[trace.start.row][None]], []
    for part in parts:
        if isinstance(part, Run):
            path.append(part.trace.nodes[1:])
            radius.append(np.zeros(len(part.trace.nodes) - 1))
            continue
        assert part.chords is not None and part.found is not None
        nodes, found = part.chords.nodes, part.found
        before = np.concatenate([found.at_nodes[:1], found.within])
        after = np.concatenate([found.within, found.within[-1:]])
        wide = np.maximum(np.maximum(before, after), found.at_nodes[: len(found.within) + 1])
        count = len(wide) if part.exit is None else part.exit.node + 1
        path.append(nodes[:count])
        radius.append(wide[:count])
        if part.exit is not None:  # where it meets the side, in place of the nodes beyond
            path.append(part.exit.entry.middle[None])
            radius.append(np.array([part.exit.astray]))
            radius[-2][-1] = max(radius[-2][-1], part.exit.astray)
    wide = np.concatenate(radius)
    return np.concatenate(path), np.concatenate([wide[:1], wide])


def _of_parts(followed: Followed, parts: Sequence[Tube | Run]) -> str:
    text = ", ".join(_of_tube(part) if isinstance(part, Tube) else _of_run(part) for part in parts)
    rests = followed.arena.potential.rests_on
    return f"{text}; rounded outward; {rests}" if rests else f"{text}; rounded outward"


def _of_tube(tube: Tube) -> str:
    assert tube.chords is not None and tube.found is not None
    count, widest = len(tube.chords), float(tube.found.within.max(initial=0.0))
    begin = f"a cone of length {tube.cones[tube.cone].length:.1e}" if tube.cones else "a proved point on a side"
    if tube.entry is not None:
        begin = f"an entry of size {tube.entry.size:.1e}"
    end = "a disc outside the box" if tube.is_leaving else "a box proved to flow into its end"
    if tube.exit is not None:
        end = "where a side lets it go" if tube.exit.entry.let_go is not None else "a side that holds it"
        end += f", known to {tube.exit.entry.size:.1e}"
    return f"tube of {count} chords, radius up to {widest:.1e}, from {begin} to {end}"


def _of_run(run: Run) -> str:
    end = "where a side lets it go" if run.leaves else "its end"
    return f"{'from its point ' if run.is_first else ''}along an edge of the box with slopes of proved sign to {end} (8.13)"


def _of_passage(followed: Followed, passed: Passage) -> str:
    return (
        f"comes to within {passed.distance:.1e} of {followed.points.ids[passed.row]}, so near its stable manifold that "
        "rounding decides where it goes: an orbit between saddles is not excluded"
    )


def question(followed: Followed, orbit: Orbit) -> str:
    """What is not decided of an orbit, a sentence."""
    name, kind = followed.points.ids[orbit.saddle], "unstable" if orbit.source == orbit.saddle else "stable"
    return f"{kind} branch {'+' if orbit.side > 0 else '-'} of {name}: {orbit.evidence}"
