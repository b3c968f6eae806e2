"""The chapter of the global picture of a study: Morse graphs, level sets, and one homology several ways (C8, C10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.morse_graph import morse_graph
from separatrix.conley.morse_graph_record import MorseGraph
from separatrix.domains import Box
from separatrix.errors import SeparatrixError
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connection_record import Connections
from separatrix.morse.levels.level_record import LevelSets
from separatrix.morse.levels.level_sets import level_sets
from separatrix.networks.network import Network
from separatrix.potentials.base import Potential
from separatrix.study.conley_portrait import ConleyPortrait, EventSummary, LevelDrawing
from separatrix.study.meeting import meetings_of
from separatrix.study.morse_chapter import MorseChapter
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.study.pieces import Pieces
from separatrix.study.question import Question, class_of
from separatrix.study.stages import LOGGER, Stages
from separatrix.study.surface_portrait import SurfacePortrait

MOST_DRAWN = 14
MOST_SIMPLICES = {1: 1_000, 2: 3_000, 3: 2_500}  # of one level


@dataclass(eq=False)
class ConleyChapter:
    """The global picture of the potentials whose critical points were listed in full."""

    question: Question
    pieces: Pieces
    stages: Stages
    found: dict[int, ConleyPortrait] = field(default_factory=dict)

    def run(self, points: MorseChapter, surfaces: Iterable[SurfacePortrait]) -> None:
        """All potentials with a list of critical points."""
        question = self.question
        if not isinstance(question.domain, Box):
            return
        surfaces = tuple(surfaces)
        for number, portrait in points.found.items():
            if portrait.is_search:
                continue
            potential = question.potentials[number]
            with self.stages.stage(f"Morse graph and level sets of the {potential.name}") as finding:
                seen = [(s.is_slice, s.is_exact, s.regions, s.regions_certainty) for s in surfaces]
                key = self.pieces.key("conley", potential, question.domain, portrait.points.points, seen)
                self.found[number] = made = self.pieces.made(
                    f"Morse graph of {potential.name}", key, ConleyPortrait,
                    lambda potential=potential, portrait=portrait, number=number: global_portrait(
                        potential, portrait, points.orbits_of(number), surfaces, question.net
                    ),
                )  # fmt: skip
                finding.say(in_short(made))

    def portraits(self) -> tuple[ConleyPortrait, ...]:
        """What is finished, in the order of the potentials."""
        return tuple(self.found[number] for number in sorted(self.found))


def in_short(made: ConleyPortrait) -> str:
    """A global picture in one line."""
    parts = []
    if made.graph is not None:
        exact = "exact" if made.graph.order_is_exact else "not exact"
        parts.append(f"{len(made.graph)} Morse sets, order {exact}")
    if made.levels is not None:
        matched = "all matched" if not made.n_unmatched else f"{made.n_unmatched} not matched"
        parts.append(f"{len(made.events)} events of level sets, {matched}")
    return ", ".join(parts) or "left out"


def global_portrait(
    potential: Potential,
    portrait: MorsePortrait,
    orbits: Connections | None = None,
    surfaces: tuple[SurfacePortrait, ...] = (),
    net: Network | None = None,
) -> ConleyPortrait:
    """Morse graph, level sets and the meeting of the wings for one potential with a list of its critical points."""
    flow, notes = GradientFlow(potential, portrait.domain), []
    graph, levels = None, None
    try:
        graph = morse_graph(flow, points=portrait.points, connections=orbits)
    except SeparatrixError as error:
        notes.append(f"the Morse graph was left out: {error}")
        LOGGER.info("%s", notes[-1])
    try:
        levels = level_sets(potential, portrait.domain, points=portrait.points)
    except SeparatrixError as error:
        notes.append(f"level sets were left out: {error}")
        LOGGER.info("%s", notes[-1])
    return ConleyPortrait(
        potential=potential.name, graph=graph, levels=None if levels is None else drawing_of(levels),
        events=() if levels is None else events_of(levels), n_unmatched=0 if levels is None else n_unmatched(levels),
        tolerance=0.0 if levels is None else float(levels.tolerance),
        levels_certainty=Certainty.UNKNOWN if levels is None else certainty_of(levels),
        meetings=meetings_of(portrait, graph, levels, surfaces, region_of(potential, net)),
        notes=tuple(notes), domain=portrait.domain, certainty=_certainty(graph, levels),
        provenance=portrait.provenance if graph is None else graph.provenance,
    )  # fmt: skip


def region_of(potential: Potential, net: Network | None) -> int | None:
    """The class whose decision region is {f >= 0}: of the log-odds of two classes."""
    if net is None or net.n_classes != 2 or not potential.name.startswith("log-odds of class"):
        return None
    return class_of(potential.name)


def events_of(levels: LevelSets) -> tuple[EventSummary, ...]:
    """The events as the study keeps them."""
    return tuple(EventSummary(float(e.value), e.what, e.matched, float(e.error)) for e in levels.events)


def certainty_of(levels: LevelSets) -> Certainty:
    """How certain it is that these are the events: as the record and the weakest of them."""
    return Certainty.weakest([levels.certainty, *(event.certainty for event in levels.events)])


def n_unmatched(levels: LevelSets) -> int:
    """How many events and critical points found no partner."""
    return len(levels.unmatched) + sum(not event.matched for event in levels.events)


def drawing_of(levels: LevelSets, most: int = MOST_DRAWN) -> LevelDrawing:
    """Level sets between the events as numbers and pictures."""
    chosen = np.asarray(levels.levels(most))
    sides = [np.array([levels.betti(float(c), side) for c in chosen]) for side in (">=", "<=", "=")]
    values = np.array(sorted({float(event.value) for event in levels.events}, reverse=True))
    edges = np.array([_between(values, a, b) for a, b in zip(chosen, chosen[1:], strict=False)])
    vertices, simplices, starts = [], [], [0]
    offset = 0
    for c in chosen:
        mesh = levels.mesh(float(c))
        if len(mesh.simplices) <= MOST_SIMPLICES.get(levels.dim, 0):
            vertices.append(mesh.vertices)
            simplices.append(mesh.simplices + offset)
            offset += len(mesh.vertices)
        starts.append(starts[-1] + (len(simplices[-1]) if simplices and offset and len(mesh.simplices) else 0))
    spread = levels.values[np.isfinite(levels.values)]
    return LevelDrawing(
        levels=chosen, edges=edges, span=(float(spread.min()), float(spread.max())),
        above=_table(sides[0], levels.dim), below=_table(sides[1], levels.dim), at=_table(sides[2], levels.dim),
        vertices=np.concatenate([*vertices, np.zeros((0, levels.dim))]),
        simplices=np.concatenate([*simplices, np.zeros((0, max(1, levels.dim)), dtype=np.int64)]).astype(np.int64),
        starts=np.array(starts, dtype=np.int64),
    )  # fmt: skip


def _table(rows: np.ndarray, dim: int) -> np.ndarray:
    return rows.astype(np.int64) if rows.size else np.zeros((0, dim + 1), dtype=np.int64)


def _between(values: np.ndarray, high: float, low: float) -> float:
    """Where the step between two levels is drawn: the highest event between them, else the middle."""
    inside = values[(values < high) & (values > low)]
    return float(inside.max()) if inside.size else 0.5 * (high + low)


def _certainty(graph: MorseGraph | None, levels: LevelSets | None) -> Certainty:
    known = [record.certainty for record in (graph, levels) if record is not None]
    return Certainty.weakest(known) if known else Certainty.UNKNOWN
