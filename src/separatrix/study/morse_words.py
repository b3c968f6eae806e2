"""What is said of critical points: findings, claims C7 and C9, laws (§3, §9)."""

from __future__ import annotations

import numpy as np

from separatrix.certainty import Certainty, Statement
from separatrix.study.analysis import Check, Claim
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.study.portrait import Portrait
from separatrix.study.wording import class_list, counted, domain_name, number

TEXTS = {
    "C7": "index theory implies saddles between the sinks",
    "C9": "stable and unstable manifolds of the saddles make a Morse complex",
}
SHOWN, PARTLY, IMPOSSIBLE = "shown", "partly shown", "not possible here"
COMPLETE = "branch and bound in interval arithmetic: every part of the box holds a proved point or none"
POINTWISE = "Krawczyk's test in interval arithmetic for every point; that there are no others is not shown"
BRANCHES = "both branches of every saddle followed in floating point to proved sinks"
TUBES = "branches enclosed in tubes to proved attracting regions"


def morse_findings(portraits: tuple[MorsePortrait, ...]) -> list[Statement]:
    """How many equilibria of which index, and at which heights sinks join."""
    found = []
    for portrait in _told(portraits):
        found.append(_of_points(portrait))
        if portrait.tree is not None:
            found += _of_passes(portrait)
    return found


def _told(portraits: tuple[MorsePortrait, ...]) -> tuple[MorsePortrait, ...]:
    """The portrait that the findings speak of: the log-density's, else the one with most points."""
    named = [portrait for portrait in portraits if portrait.potential == "log-density"]
    return tuple(named[:1]) or tuple(sorted(portraits, key=lambda portrait: -len(portrait.points))[:1])


def kinds(portrait: MorsePortrait) -> str:
    """Numbers of points by index, in words."""
    n = portrait.points.points.shape[1]
    names = {0: "sink", n: "source"} if n > 1 else {0: "sink", 1: "source"}
    parts = [
        counted(count, names.get(i, "saddle")) + (f" of index {i}" if i not in names and n > 2 else "")
        for i, count in enumerate(portrait.counts)
        if count
    ]
    return (" and " if len(parts) > 1 else "").join([", ".join(parts[:-1]), parts[-1]]) if parts else "no equilibria"


def _of_points(portrait: MorsePortrait) -> Statement:
    points, where = portrait.points, domain_name(portrait.domain)
    if portrait.is_search:
        n_sinks, n_saddles = int((points.indices == 0).sum()), len(portrait.saddles)
        proved = "each proved" if points.n_proved == len(points) else f"{points.n_proved} of these points proved"
        text = (
            f"Between the {number(n_sinks)} sinks of the {portrait.potential} on {where} {counted(n_saddles, 'saddle')} of "
            f"index 1 were found, {proved}"
        )
        if portrait.tree is not None and portrait.tree.is_connected:
            text += "; their unstable branches join all sinks in one tree"
            branches = Certainty.weakest(orbit.certainty for orbit in portrait.orbits)
            worth = Certainty.weakest([*points.certainty, portrait.tree.certainty, branches])
            return Statement(f"{text}.", worth, f"{POINTWISE}; {BRANCHES}")
        return Statement(f"{text}.", Certainty.weakest(points.certainty), POINTWISE)
    total = f"The {portrait.potential} has {kinds(portrait)} on {where}, the faces of the box included"
    if points.is_complete:
        return Statement(f"{total}, and no others.", Certainty.PROVED, COMPLETE)
    left = counted(len(points.unresolved), "part") if points.unresolved else "no part"
    text = f"{total}; {left} of the box {'was' if len(points.unresolved) == 1 else 'were'} not settled"
    if points.unresolved_reasons:
        text += f" ({points.unresolved_reasons[0].split(';')[0]})"
    return Statement(f"{text}.", Certainty.weakest([*points.certainty, Certainty.VERIFIED]), POINTWISE)


def _of_passes(portrait: MorsePortrait) -> list[Statement]:
    """The highest and the lowest pass between classes, against the sinks that they join."""
    tree = portrait.tree
    assert tree is not None
    if not tree.joins or tree.sink_class is None:
        return []
    pairs = class_passes(portrait)
    if not pairs:
        return []
    best, least = max(pairs, key=lambda row: row[2]), min(pairs, key=lambda row: row[2])
    word = "the best pass known" if tree.is_lower_bound else "the best pass"
    text = (
        f"Of all pairs of classes, {best[0]} and {best[1]} are joined by the highest pass of the {portrait.potential} "
        f"({best[2]:.4g}, {best[3]:.3g} below the lower of their sinks)"
    )
    if len(pairs) > 1:
        text += f", {least[0]} and {least[1]} by the lowest ({least[2]:.4g}, {least[3]:.3g} below)"
    text += f"; each is {word} between these classes, a lower bound." if tree.is_lower_bound else "."
    # the classes of the sinks are rounded predictions, so that the sentence is verified at best
    rests_on = TUBES if tree.certainty is Certainty.PROVED else BRANCHES
    return [Statement(text, Certainty.weakest([tree.certainty, Certainty.VERIFIED]), rests_on)]


def class_passes(portrait: MorsePortrait) -> list[tuple[int, int, float, float]]:
    """(class, class, height of the best pass, depth below the lower of their best sinks) for every pair joined."""
    tree = portrait.tree
    if tree is None or tree.sink_class is None:
        return []
    heights, classes, found = tree.pass_heights, tree.sink_class, []
    present = np.unique(classes)
    for place, a in enumerate(present):
        for b in present[place + 1 :]:
            block = heights[np.ix_(classes == a, classes == b)]
            if np.isfinite(block).any():
                tops = [float(tree.sinks.values[classes == k].max()) for k in (a, b)]
                found.append((int(a), int(b), float(block.max()), min(tops) - float(block.max())))
    return found


def morse_claims(portraits: tuple[MorsePortrait, ...], note: str) -> list[Claim]:
    """C7 and C9, as far as this run speaks to them."""
    if not portraits:
        return [Claim(name, text, IMPOSSIBLE, note) for name, text in TEXTS.items()] if note else []
    counted_points, complexes, status = [], [], []
    for portrait in portraits:
        worth = "complete" if portrait.points.is_complete else "found by search" if portrait.is_search else "incomplete"
        laws = "; ".join(portrait.points.laws[:1])
        counted_points.append(f"{portrait.potential}: {kinds(portrait)} ({worth})" + (f"; {laws}" if laws else ""))
        status.append(portrait.points.is_complete)
        complexes.append(f"{portrait.potential}: {_complex_words(portrait)}")
    whole = all(p.complex is not None and p.complex.agrees for p in portraits)
    return [
        Claim("C7", TEXTS["C7"], SHOWN if all(status) else PARTLY, ". ".join(counted_points)),
        Claim("C9", TEXTS["C9"], SHOWN if whole else PARTLY, ". ".join(complexes)),
    ]


def _complex_words(portrait: MorsePortrait) -> str:
    made = portrait.complex
    n_branches = len(portrait.orbits)
    proved = sum(orbit.certainty is Certainty.PROVED for orbit in portrait.orbits)
    branches = f"{counted(n_branches, 'branch')} of saddles followed, {proved} proved"
    if made is None:
        joined = portrait.tree is not None and portrait.tree.is_connected
        return branches + ("; all sinks joined in one tree" if joined else "")
    if made.missing:
        return f"{branches}; the complex is not known in full: {made.missing[0]}"
    verdict = {True: "as that of the box", False: "NOT that of the box", None: "not compared"}[made.agrees]
    return f"{branches}; chain groups of rank {', '.join(map(str, made.counts))}, Betti numbers {made.betti}, {verdict}"


def morse_checks(portraits: tuple[MorsePortrait, ...], flow: tuple[Portrait, ...]) -> list[Check]:
    """The laws of §3 for every list, the Morse complex against the box, and the sinks of two searches."""
    found = []
    for portrait in portraits:
        found += _laws(portrait)
        found += _complex_checks(portrait)
        found += _same_sinks(portrait, flow)
    return found


def _laws(portrait: MorsePortrait) -> list[Check]:
    points = portrait.points
    if portrait.is_search:
        n_sinks, n_saddles = int((points.indices == 0).sum()), len(portrait.saddles)
        joined = portrait.tree is not None and portrait.tree.is_connected
        detail = f"{n_sinks} sinks, {n_saddles} saddles of index 1, {'one tree' if joined else 'not all joined'}"
        statement = f"N sinks of the {portrait.potential} are joined by at least N - 1 saddles of index 1 (3.2)"
        holds = True if n_saddles >= n_sinks - 1 and joined else None
        return [Check("saddles between sinks (3.2)", statement, holds, detail)]
    total = sum((-1) ** i * n for i, n in enumerate(portrait.counts))
    signed = " ".join(f"{'-+'[i % 2 == 0]} {n}" for i, n in enumerate(portrait.counts)).removeprefix("+ ")
    statement = f"the alternating sum over the equilibria of the {portrait.potential} on the box is 1"
    holds = total == 1 if points.is_complete else None
    return [Check("index sum (3.1)", statement, holds, f"{signed or '0'} = {total}")]


def _complex_checks(portrait: MorsePortrait) -> list[Check]:
    made = portrait.complex
    if made is None:
        return []
    statement = f"the Morse complex of the {portrait.potential} has the homology of the box"
    if made.missing:
        return [Check("Morse complex", statement, None, made.missing[0])]
    detail = f"Betti numbers {made.betti}, expected {made.expected}"
    holds = False if made.is_chain_complex is False else made.agrees
    return [Check("Morse complex", statement, holds, detail)]


def _same_sinks(portrait: MorsePortrait, flow: tuple[Portrait, ...]) -> list[Check]:
    """A complete list against the sinks that starts climbed to."""
    mine = portrait.points.points[portrait.points.indices == 0]
    other = next((p.sinks for p in flow if p.potential == portrait.potential), None)
    if portrait.is_search or other is None or not portrait.points.is_complete:
        return []
    strange = [
        i
        for i, (x, error) in enumerate(zip(other.points, np.nan_to_num(other.error, nan=1e-6), strict=True))
        if other.certainty[i] is Certainty.PROVED
        and not (len(mine) and (np.abs(mine - x).max(axis=1) <= 1e-9 + 2 * error).any())
    ]
    statement = f"every proved sink that starts of the {portrait.potential} climbed to is in the complete list"
    detail = f"{len(other)} found by climbing, {len(mine)} in the list"
    if strange:
        detail += f"; not in it: {class_list(strange)}"
    return [Check("sinks two ways", statement, not strange, detail)]
