"""The Morse graph on the page: nodes in rows by the order, edges up to the sinks, names as in the phase portrait (§9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.morse_graph_record import RANKS, MorseGraph
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.views.figures import Mark, marker
from separatrix.views.graph_layout import graph_layout
from separatrix.views.tables import plural

SHAPES = {"s": "o", "p": "X", "r": "^", "m": "D"}
WIDTH, ROW, EDGE, SIZE = 420.0, 92.0, 30.0, 7.5
MOST_NODES = 80


@dataclass(frozen=True)
class GraphView:
    """Nodes as marks named by their points, edges as paths by their certainty; what is said of the whole."""

    nodes: tuple[Mark, ...]
    sure: str
    other: str
    indices: dict[str, tuple[str, Certainty]]
    sentences: tuple[str, ...]
    certainty: Certainty
    height: float
    width: float = WIDTH


def graph_view(graph: MorseGraph, portrait: MorsePortrait) -> GraphView:
    """The view of a Morse graph; ``nodes`` are empty where there are too many to draw."""
    indices = {
        name: (one.conley_index, one.certainty)
        for members, one in ((one.point_ids or (one.name,), one) for one in graph.sets)
        for name in members
    }
    if len(graph) > MOST_NODES:
        return GraphView((), "", "", indices, _sentences(graph), graph.order_certainty, 0.0)
    edges = [(int(a), int(b)) for a, b in np.argwhere(graph.edges)]
    middles = np.array([0.5 * (one.lower.min(axis=0) + one.upper.max(axis=0))[0] for one in graph.sets])
    at = graph_layout(len(graph), edges, middles)
    height = 2 * EDGE + ROW * float(at[:, 1].max(initial=0.0))
    places = np.stack([6 + (WIDTH - 12) * at[:, 0], EDGE + ROW * at[:, 1]], axis=1)
    lines = {True: "", False: ""}
    for a, b in edges:
        (x, y), (u, v) = places[a], places[b]
        is_sure = RANKS[graph.pairs[a, b]] in (Certainty.PROVED, Certainty.VERIFIED)
        lines[is_sure] += f"M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}"
    return GraphView(
        tuple(_mark(graph, portrait, i, places[i], bool(at[i, 1])) for i in range(len(graph))), lines[True], lines[False],
        indices, _sentences(graph), graph.order_certainty, height,
    )  # fmt: skip


def _mark(graph: MorseGraph, portrait: MorsePortrait, i: int, place: np.ndarray, below: bool) -> Mark:
    one, name = graph.sets[i], graph.names[i]
    x, y = place
    k = int(portrait.point_class[one.rows[0]]) if len(one.rows) == 1 else -1
    above = plural(int(graph.order[i].sum()), "set")
    title = f"{name}: Conley index {one.conley_index} ({one.certainty}); leads to {above}"
    return Mark(
        marker(SHAPES.get(name[0], "D"), x, y, SIZE), k, title, name, float(x), float(y + 20 if below else y - 12)
    )


def _sentences(graph: MorseGraph) -> tuple[str, ...]:
    found = [
        f"The Morse graph has {plural(len(graph), 'Morse set')} and an order of {plural(graph.n_pairs, 'pair')}"
        + (
            ", which is exact."
            if graph.order_is_exact
            else ", which may be too large: it holds what could not be excluded."
        )
    ]
    if graph.n_boxes:
        apart = "keeps all sets apart" if graph.isolates else "does not keep all sets apart"
        found.append(f"An outer approximation of the flow by {plural(graph.n_boxes, 'cube')} {apart}.")
    if graph.missing:
        found.append(f"Not decided: {'; '.join(graph.missing[:2])}.")
    return tuple(found)
