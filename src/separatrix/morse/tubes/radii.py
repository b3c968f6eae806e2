"""The radii of a tube: d|z|/ds <= delta + mu |z| from slab to slab, rounded outward, and where to refine (§8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.morse.tubes.chords import SHARPEST, Chords, Slabs

MARGIN, NOISE = 1.0 + 1e-9, 1e-12
LONGEST_GROWTH = 30.0
STEADY, UNSTEADY, FILLED = 0.6, 0.2, 0.1
LETS_GO = "a held coordinate is not proved to stay on its side of the box"
GROWS = "the tube grows beyond its slab"
TOUCHES = "the tube touches a side of the box"
FULL, MOST, LEAST, SPARE, CUTS = 0.25, 0.4, 0.15, 2.0, 12


@dataclass(frozen=True, eq=False)
class Radii:
    """How far the recursion came.

    ``at_nodes`` (k + 1,): proved radii of the discs about the first nodes; ``within`` (k,): radii about the straight chords
    that hold the tube between two nodes; ``arrived``: number of the node whose disc lies in the goal, -1: none;
    ``reason``: why it stopped before; ``needed``: the radius that did not fit; ``of_start``: the share of the last radius
    that came from the first disc.
    """

    at_nodes: np.ndarray
    within: np.ndarray
    arrived: int
    reason: str
    needed: float
    of_start: float


def radii(chords: Chords, slabs: Slabs, lid: tuple[float, float], slack: np.ndarray, must_stay: bool) -> Radii:
    """Discs from the lid of a cone, (radius, shift along the axis), on; ``slack`` (m + 1,): radii that lie in the goal.

    ``must_stay``: chords up to the goal have to lie in the domain.
    """
    radius, first = lid
    miss = NOISE * (float(np.abs(chords.nodes).max()) + float(chords.h.max()))
    kappa = 8.0 * slabs.sagitta / np.maximum(chords.h, 1e-300) ** 2
    overlap = chords.overlap
    before = overlap.copy()
    before[0] += first
    refusals = _refusals(chords, slabs, before)
    far, near = _growths(slabs, chords.h + before), _growths(slabs, chords.h - before)
    bow = 0.5 * kappa * overlap * (chords.h + overlap) * MARGIN
    kink = (1.0 + 0.55 * chords.turn**2) * MARGIN
    stays = slabs.inside | (not must_stay)
    radius += 0.5 * float(kappa[0]) * first * (float(chords.h[0]) + first) * MARGIN
    at_nodes, within, arrived, reason, needed, of_start = [radius], [], -1, "", radius, radius
    for i in range(len(chords)):
        if reason := refusals[i]:
            break
        end = max(radius * far[0][i] + far[1][i], radius * near[0][i] + near[1][i])
        needed = max(radius, end + bow[i])
        if not needed <= chords.room[i]:
            reason = GROWS
            break
        within.append(needed)
        of_start *= far[0][i]
        radius = (end + bow[i] + miss) * kink[i]
        at_nodes.append(radius)
        if arrived < 0 and not stays[i]:
            reason = TOUCHES
            break
        if arrived < 0 and radius <= slack[i + 1]:
            arrived = i + 1
    if arrived < 0 and not reason:
        reason = "the last disc does not lie in the proved region of its end"
    widths = (np.array(within) + slabs.sagitta[: len(within)]) * MARGIN
    return Radii(np.array(at_nodes), widths, arrived, reason, float(needed), float(of_start / max(radius, 1e-300)))


def _growths(slabs: Slabs, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(factor, addend), each (m,), of the radius over a ``length`` (m,) of each slab: e^(mu s) and delta (e^(mu s) - 1) / mu."""
    with np.errstate(all="ignore"):
        delta, mu = slabs.drift / slabs.lowest, slabs.growth / np.where(slabs.growth > 0, slabs.lowest, slabs.highest)
        mu = np.where(np.isneginf(mu), 0.0, mu)
        exponent = mu * length
        gained = length * np.where(np.abs(exponent) > 1e-12, np.expm1(exponent) / exponent, 1.0 + np.abs(exponent))
        return np.exp(exponent) * MARGIN, delta * gained * MARGIN + 1e-300


def _refusals(chords: Chords, slabs: Slabs, before: np.ndarray) -> list[str]:
    """A slab each why it proves nothing, or empty."""
    bounded = np.isfinite(slabs.drift) & (slabs.growth < np.inf) & (slabs.highest < np.inf)
    with np.errstate(all="ignore"):
        calm = slabs.growth / slabs.lowest * (chords.h + before) < LONGEST_GROWTH
    tests = (
        (slabs.lowest > 0, "the field is not proved to go forward along a chord"),
        (bounded, "the enclosures are unbounded"),
        ((chords.turn <= SHARPEST) & (before < 0.5 * chords.h), "two chords meet at too sharp an angle"),
        (slabs.presses, LETS_GO),
        (calm, "the flow spreads"),
    )
    found = np.full(len(chords), "", dtype=object)
    for passed, reason in reversed(tests):
        found[~passed] = reason
    return found.tolist()


def refined(
    chords: Chords, slabs: Slabs, start: float, blocked: np.ndarray | None = None, least: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """(arc lengths, rooms) of a finer partition that may pass where this one failed; ``start``: radius of the first disc;
    ``blocked`` (m,): chords to be cut in any case; ``least``: of the first chord.

    Chords are cut where the speed along them varies much or the drift fills the room, and where a wide disc further on comes
    from; drift a length is of second order in the chord's. Rooms are what the radii are then likely to need.
    """
    pieces = np.ones(len(chords), dtype=np.int64)
    with np.errstate(all="ignore"):
        delta, mu = slabs.drift / slabs.lowest, slabs.growth / np.where(slabs.growth > 0, slabs.lowest, slabs.highest)
        known = (slabs.lowest > 0) & np.isfinite(delta) & np.isfinite(mu)
        steady = known & (slabs.lowest > STEADY * slabs.highest)
        settled = delta * np.minimum(
            chords.h, 1.0 / np.maximum(-mu, 1e-300)
        )  # what drift adds where the flow contracts
        pieces[~steady | ~(settled < FILLED * chords.h)] = 2
        pieces[~(known & (slabs.lowest > UNSTEADY * slabs.highest))] = 4
    if blocked is not None:
        pieces[blocked] = np.maximum(pieces[blocked], 2)
    guess = float(np.median(delta[known])) if known.any() else 0.0
    delta, mu = np.where(known, delta, guess), np.where(known, mu, 0.0)
    likely = expected(chords, delta / pieces**2, mu, start)
    for _ in range(CUTS):
        wide = np.flatnonzero(likely[1:] > FULL * chords.h / pieces)
        if not wide.size or pieces.max() > 8:
            break
        _cut_causes(pieces, chords, (delta, mu), int(wide[0]))
        likely = expected(chords, delta / pieces**2, mu, start)
    pieces[0] = min(int(pieces[0]), max(1, int(min(float(chords.h[0]) / max(least, 1e-300), 64.0))))
    h = chords.h / pieces
    room = np.clip(SPARE * np.maximum(likely[:-1], likely[1:]), LEAST * h, MOST * h)
    owner = np.repeat(np.arange(len(chords)), pieces)
    part = (np.arange(owner.size) - (np.cumsum(pieces) - pieces)[owner]) / pieces[owner]
    s = chords.s[owner] + part * (chords.s[owner + 1] - chords.s[owner])
    return np.append(s, chords.s[-1]), room[owner]


def expected(chords: Chords, delta: np.ndarray, mu: np.ndarray, start: float) -> np.ndarray:
    """Radii (m + 1,) at the nodes without overlaps and rooms."""
    exponent = np.clip(mu * chords.h, -50.0, 5.0)
    with np.errstate(all="ignore"):
        gained = chords.h * np.where(np.abs(exponent) > 1e-9, np.expm1(exponent) / exponent, 1.0)
    radius, found = start, [start]
    for factor, addend in zip(np.exp(exponent).tolist(), (delta * gained).tolist(), strict=True):
        radius = min(radius * factor + addend, 1e100)
        found.append(radius)
    return np.array(found)


def _cut_causes(pieces: np.ndarray, chords: Chords, rates: tuple[np.ndarray, np.ndarray], last: int) -> None:
    """Double the ``pieces`` of the chords up to ``last`` whose drift makes the disc behind it wide."""
    delta, mu = rates
    later = np.cumsum((mu * chords.h)[: last + 1][::-1])[::-1]
    share = delta[: last + 1] * chords.h[: last + 1] / pieces[: last + 1] ** 2
    share = share * np.exp(np.clip(later - (mu * chords.h)[: last + 1], -50.0, 50.0))
    worst = share > 0.05 * share.max()
    pieces[: last + 1][worst] *= 2
