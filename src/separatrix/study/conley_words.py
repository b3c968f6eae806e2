"""What is said of Morse graphs, Conley indices and level sets: findings, claims C8 and C10, checks (§9, §10)."""

from __future__ import annotations

from separatrix.certainty import Certainty, Statement
from separatrix.networks.theorem_record import Theorem
from separatrix.study.analysis import Check, Claim
from separatrix.study.conley_portrait import ConleyPortrait
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.study.wording import counted

TEXTS = {
    "C8": "the Conley index and the Morse graph describe the flow as a whole",
    "C10": "level sets of the learned probability change their topology at the critical points",
}
SHOWN, PARTLY, IMPOSSIBLE = "shown", "partly shown", "not possible here"
RESTS_ON = "proved equilibria, branches of saddles, and an outer approximation of the flow by cubes"
LEVELS = "enclosures of f on a grid, or values at the vertices of the exact complex; proved critical points"


def conley_findings(portraits: tuple[ConleyPortrait, ...]) -> list[Statement]:
    """One sentence on the Morse graph and one on level sets, of the potential with the largest graph."""
    with_graph = [p for p in portraits if p.graph is not None]
    found = []
    if with_graph:
        portrait = max(with_graph, key=lambda p: len(p.graph.sets) if p.graph is not None else 0)
        found.append(_of_graph(portrait))
    with_levels = [p for p in portraits if p.levels is not None]
    if with_levels:
        portrait = max(with_levels, key=lambda p: len(p.events))
        found.append(Statement(level_sentences(portrait)[0], portrait.levels_certainty, LEVELS))
    return found


def _of_graph(portrait: ConleyPortrait) -> Statement:
    graph = portrait.graph
    assert graph is not None
    text = (
        f"The Morse graph of the {portrait.potential} has {counted(len(graph), 'Morse set')}; orbits join "
        f"{graph.n_pairs} of their ordered pairs and no others"
        if graph.order_is_exact
        else f"The Morse graph of the {portrait.potential} has {counted(len(graph), 'Morse set')}; orbits join at most "
        f"{graph.n_pairs} of their ordered pairs"
    )
    n_open = sum(one.verdict != "computed" for one in graph.sets)
    text += (
        f"; the Conley index of {n_open} of them is not known." if n_open else ", and every Conley index is computed."
    )
    verdicts = [graph.order_certainty, *(one.certainty for one in graph.sets if one.verdict == "computed")]
    return Statement(text, Certainty.weakest(verdicts) if graph.order_is_exact else Certainty.HEURISTIC, RESTS_ON)


def level_sentences(portrait: ConleyPortrait) -> list[str]:
    """What is said of the events of a potential's level sets."""
    n, open_ones = len(portrait.events), portrait.n_unmatched
    if portrait.levels is None:
        return []
    matched = "each matched to a critical point" if not open_ones else f"{open_ones} of them matched to none"
    text = f"The level sets of the {portrait.potential} change at {counted(n, 'event')}, {matched}"
    if portrait.tolerance > 0:
        text += f" (values within {portrait.tolerance:.2g})"
    return [f"{text}.", *(f"{note}." for note in portrait.notes[:2])]


def conley_claims(
    portraits: tuple[ConleyPortrait, ...],
    morse: tuple[MorsePortrait, ...],
    theorems: tuple[Theorem, ...],
    note: str,
) -> list[Claim]:
    """C8 and C10, as far as this run speaks to them; in many dimensions what sinks, saddles and theorem (4.3) say."""
    if not portraits:
        return _in_high_dimension(morse, theorems, note)
    graphs = [p for p in portraits if p.graph is not None]
    levels = [p for p in portraits if p.levels is not None]
    whole = bool(graphs) and all(
        p.graph.order_is_exact and all(one.verdict == "computed" for one in p.graph.sets) for p in graphs if p.graph
    )
    of_graphs = ". ".join(_of_graph(p).text.rstrip(".") for p in graphs) or note or "no Morse graph was computed"
    of_levels = ". ".join(level_sentences(p)[0].rstrip(".") for p in levels)
    matched = bool(levels) and not any(p.n_unmatched for p in levels)
    return [
        Claim("C8", TEXTS["C8"], SHOWN if whole else PARTLY if graphs else IMPOSSIBLE, of_graphs),
        Claim("C10", TEXTS["C10"], SHOWN if matched else PARTLY if levels else IMPOSSIBLE,
              of_levels or note or "no level sets were computed"),
    ]  # fmt: skip


def _in_high_dimension(morse: tuple[MorsePortrait, ...], theorems: tuple[Theorem, ...], note: str) -> list[Claim]:
    searched = [p for p in morse if p.is_search]
    if not searched:
        return [Claim(name, text, IMPOSSIBLE, note) for name, text in TEXTS.items()] if note else []
    of_points, of_trees = [], []
    for portrait in searched:
        points = portrait.points
        n_sinks, n_saddles = int((points.indices == 0).sum()), len(portrait.saddles)
        of_points.append(
            f"{portrait.potential}: every proved equilibrium has the Conley index of its Morse index, Z in degree 0 for "
            f"{counted(n_sinks, 'sink')}, Z in degree 1 for {counted(n_saddles, 'saddle')}; branches of the saddles give the "
            "order between them; that there are no other Morse sets is not shown"
        )
        tree = portrait.tree
        if tree is not None and tree.joins:
            values = [join.value for join in tree.joins]
            of_trees.append(
                f"{portrait.potential}: above {max(values):.4g} no two of the sinks known are joined; at {min(values):.4g} "
                f"{'all' if tree.is_connected else 'the last known pair of them'} lie in one component of the superlevel set "
                "(heights are lower bounds)"
            )
    convex = [f"({t.number}) {t.conclusion}" for t in theorems if t.number == "4.3" and t.applies]
    return [
        Claim("C8", TEXTS["C8"], PARTLY, ". ".join(of_points)),
        Claim(
            "C10", TEXTS["C10"], PARTLY, ". ".join([*of_trees, *convex]) or "no two sinks are joined by a known pass"
        ),
    ]


def conley_checks(portraits: tuple[ConleyPortrait, ...]) -> list[Check]:
    """The same homology several ways; every event at a critical point."""
    found = []
    for portrait in portraits:
        for meeting in portrait.meetings:
            said = "; ".join(
                f"{way.name} {way.betti if way.betti else f'Euler number {way.euler}'} ({way.certainty})"
                for way in meeting.ways
            )
            statement = f"the homology of {meeting.space} is the same in every way (flow of the {portrait.potential})"
            found.append(Check("one homology", statement, meeting.agrees, said))
        if portrait.levels is not None:
            n, left = len(portrait.events), portrait.n_unmatched
            statement = f"level sets of the {portrait.potential} change only at critical points, and at each of them"
            found.append(
                Check("events of level sets", statement, True if not left else None, f"{n} events, {left} not matched")
            )
    return found
