"""From what is known of each pair to the order, the Morse sets and their indices (§9)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.attracting_blocks import HomologyOrder
from separatrix.conley.conley_index import conley_index
from separatrix.conley.conley_record import NOT_COMPUTED
from separatrix.conley.morse_graph_record import MorseGraph, MorseSet
from separatrix.conley.morse_sets import Nodes, Placed
from separatrix.conley.order import Case, Relation, closure, reduction
from separatrix.conley.order_theorems import by_theorem
from separatrix.conley.time_map import TimeMap
from separatrix.domains import Box
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.engines import Smooth
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.exit_set import exit_set
from separatrix.morse.morse_complex import morse_complex

HEURISTIC, NOT_EXCLUDED = Certainty.HEURISTIC.rank, Certainty.UNKNOWN.rank


def case_of(flow: GradientFlow, points: CriticalPoints, nodes: Nodes, placed: Placed) -> Case:
    """What the order is decided from, but for the branches."""
    is_isolating, never_leaves = bool(points.is_isolating), flow.boundary == "project"
    if flow.boundary == "exit":
        never_leaves = is_isolating and tuple(points.relative_betti[:1]) == (1,)
    elif flow.potential.dim == 3 and isinstance(flow.engine, Smooth) and isinstance(flow.domain, Box):
        exits = exit_set(
            flow.arena.potential, flow.domain
        )  # where all sides are crossed inward the boundary does not matter
        is_isolating = bool(exits.is_isolating) and exits.betti == (1, 0, 0, 0)
    nodes = nodes.with_values_of(flow.arena, placed)
    case = Case(flow, points, nodes, placed, placed.reach(), is_isolating, never_leaves)
    if not (case.all_points_known and isinstance(flow.engine, Smooth)) or isinstance(placed.approximation, TimeMap):
        return case  # (9.13) is about flows of smooth functions
    return replace(case, homology=HomologyOrder(placed, nodes.indices, (points.active == 0).all(axis=1)))


def assembled(case: Case) -> MorseGraph:
    """The Morse graph of a case, without its provenance."""
    proved, verified = (Relation(case, level) for level in (Certainty.PROVED, Certainty.VERIFIED))
    _decide(proved)
    questions = _decide(verified)
    exact = next((relation for relation in (proved, verified) if relation.is_exact), None)
    order = (verified if exact is None else exact).possible_order
    pairs = _ranks(case, order, proved, verified)
    missing = _contradictions(case, verified)
    if exact is verified and not missing:
        missing = _against_the_morse_complex(case)
    if missing:
        exact = None
    if exact is None:
        missing += [*questions, *_open_questions(case, verified)]
    level = Certainty.UNKNOWN if exact is None else exact.level
    groups = _groups(order)
    sets = tuple(_set(case, number, group) for number, group in enumerate(groups))
    order, pairs = _between(groups, order, pairs)
    return MorseGraph(
        points=case.points,
        sets=sets,
        order=order,
        pairs=pairs,
        edges=reduction(order),
        order_is_exact=exact is not None,
        order_certainty=level,
        n_boxes=len(case.placed.approximation),
        isolates=bool(case.placed.is_alone.all()),
        potential=case.flow.potential.name,
        boundary=case.flow.boundary,
        missing=tuple(dict.fromkeys(missing)),
        notes=_notes(case),
        domain=case.flow.domain,
        certainty=Certainty.weakest([level, *(one.certainty for one in sets)]),
    )


def _decide(relation: Relation) -> list[str]:
    """All rules, the cheap ones first; what keeps the theorems from being used, in words."""
    relation.without_branches()
    relation.by_branches(relation.case.connections)
    relation.conclude()
    questions = by_theorem(relation)
    relation.by_rises()
    relation.by_single_candidates()
    return questions


def _ranks(case: Case, order: np.ndarray, proved: Relation, verified: Relation) -> np.ndarray:
    """The ranks of the certainty with which the pairs of the order are there, -1 elsewhere."""
    seen = verified.shown.copy() if case.seen is None else verified.shown | case.seen
    for orbit in case.connections.orbits if case.connections is not None else ():
        if orbit.connects:
            seen[orbit.source, orbit.target] = True
    found = np.where(order, NOT_EXCLUDED, -1).astype(np.int8)
    for pairs, rank in ((closure(seen), HEURISTIC), (verified.shown_order, 1), (proved.shown_order, 0)):
        found[pairs & order] = rank
    return found


def _names(case: Case) -> list[str]:
    return [*case.points.ids, *(f"unresolved set {i}" for i in range(len(case.points.unresolved)))]


def _contradictions(case: Case, verified: Relation) -> list[str]:
    """Pairs that branches show and cubes exclude, in words: there are none unless something is wrong."""
    ids = _names(case)
    return [
        f"a branch leads from {ids[a]} to {ids[b]}, but no path of cubes does: one of the two is wrong"
        for a, b in np.argwhere(verified.shown & ~case.reach)
    ]


def _against_the_morse_complex(case: Case) -> list[str]:
    """Whether the branches are contradicted by their own Morse complex: then one of them ends elsewhere. In words."""
    if case.connections is None or not case.all_points_known:
        return []
    found = morse_complex(case.flow, case.points, case.connections)
    if found.known_up_to < found.dim or (found.is_chain_complex and found.agrees is not False):
        return []
    return [f"the Morse complex of these branches is not right, one of them is wrong: {'; '.join(found.missing[-2:])}"]


def _open_questions(case: Case, verified: Relation) -> list[str]:
    """What is not decided of the order, in words."""
    ids, found = _names(case), []
    if not case.covers_all:
        found.append("the list of critical points is not proved complete")
    unknown = verified.possible & ~verified.shown_order
    if unknown.any():
        shown = ", ".join(f"{ids[a]} to {ids[b]}" for a, b in np.argwhere(unknown)[:4])
        found.append(f"{int(unknown.sum())} pairs are neither shown nor excluded: {shown}")
    if case.connections is None:
        found.append(
            "the flow of a piecewise linear network slides along creases, where orbits run together: its branches are not "
            "followed; orbits beside the points show the pairs that are called heuristic"
        )
    return found


def _notes(case: Case) -> tuple[str, ...]:
    found = []
    rests = case.flow.arena.potential.rests_on
    if rests:
        found.append(f"what is proved here {rests}")
    if case.points.unresolved:
        found.append(f"{len(case.points.unresolved)} sets of equilibria are not resolved into points")
    dropped = case.placed.n_without_node()
    if dropped:
        reason = (
            "hold no equilibrium and so no recurrent orbit: dropped"
            if case.covers_all
            else "hold no point of the list; whether they hold an equilibrium is not known"
        )
        found.append(f"{dropped} recurrent components of cubes {reason}")
    if not case.placed.is_alone.all():
        found.append("the cubes do not keep all sets apart; more of them (max_boxes) may")
    return tuple(found)


def _groups(order: np.ndarray) -> list[np.ndarray]:
    """Nodes that may lead to each other in a circle are one set: numbers of the nodes of each set."""
    alike = (order & order.T) | np.eye(len(order), dtype=bool)
    return [np.flatnonzero(alike[node]) for node in range(len(order)) if alike[node].argmax() == node]


def _between(groups: list[np.ndarray], order: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order and its ranks between sets."""
    heads = np.array([group[0] for group in groups], dtype=np.int64)
    found = order[np.ix_(heads, heads)] & ~np.eye(len(heads), dtype=bool)
    ranks = np.full(found.shape, -1, dtype=np.int8)
    for a, b in np.argwhere(found):
        between = pairs[np.ix_(groups[a], groups[b])]
        ranks[a, b] = between[between >= 0].min(initial=NOT_EXCLUDED)
    return found, ranks


def _set(case: Case, number: int, group: np.ndarray) -> MorseSet:
    """One Morse set with its cubes and its Conley index."""
    points, approximation = case.points, case.placed.approximation
    rows = tuple(int(node) for node in group if node < len(points))
    cubes = np.zeros(len(approximation), dtype=bool)
    for node in group:
        cubes |= case.placed.cubes(int(node))
    lower, upper = approximation.grid.ends(np.flatnonzero(cubes))
    reasons = [points.unresolved_reasons[node - len(points)] for node in group if node >= len(points)]
    betti, torsion, verdict, certainty, why = _index(case, group, (lower, upper))
    return MorseSet(
        name=f"m{number}",
        point_ids=tuple(points.ids[row] for row in rows),
        rows=rows,
        lower=lower,
        upper=upper,
        index_betti=betti,
        index_torsion=torsion,
        verdict=verdict,
        certainty=certainty,
        reason="; ".join(dict.fromkeys(text for text in (*reasons, why) if text)),
    )


def _index(
    case: Case, group: np.ndarray, cubes: tuple[np.ndarray, np.ndarray]
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...], str, Certainty, str]:
    """(ranks, torsion, verdict, certainty, reason) of a set's Conley index."""
    n, flow = len(case.points), case.flow
    if len(group) == 1 and group[0] < n:
        found = conley_index(flow, int(group[0]), points=case.points)
    elif flow.boundary == "project" and _is_at_a_side(case, cubes):
        text = "equilibria on the sides of the box that are not resolved: their index is not computed"
        return (), (), NOT_COMPUTED, Certainty.UNKNOWN, text
    elif len(group) == 1:
        found = conley_index(flow, f"u{int(group[0]) - n}", points=case.points)
    else:
        found = conley_index(flow, cubes, points=case.points)
    return found.betti, found.torsion, found.verdict, found.certainty, found.reason


def _is_at_a_side(case: Case, cubes: tuple[np.ndarray, np.ndarray]) -> bool:
    box, (lower, upper) = case.flow.domain, cubes
    return isinstance(box, Box) and bool(((lower <= box.lower) | (upper >= box.upper)).any())
