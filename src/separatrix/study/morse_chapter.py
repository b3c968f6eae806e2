"""The chapter of critical points of a study: complete lists in few dimensions, sinks joined over passes in many (C7, C9)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import SeparatrixError
from separatrix.flow.critical_points import CriticalPoints, joined
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.piecewise_linear.creases import crease_nodes
from separatrix.morse.connection_record import Connections
from separatrix.morse.connections import connections
from separatrix.morse.critical_points import critical_points
from separatrix.morse.landscape import landscape
from separatrix.morse.landscape_record import Landscape, Round
from separatrix.morse.merge_tree import MergeTree, class_tree
from separatrix.morse.morse_complex import MorseComplex, morse_complex
from separatrix.networks.network import Network
from separatrix.potentials.base import Potential
from separatrix.study.morse_films import films_of, thinned
from separatrix.study.morse_portrait import MorsePortrait, MorseSummary
from separatrix.study.pieces import Pieces
from separatrix.study.question import Question, class_of, is_costly
from separatrix.study.stages import LOGGER, Stages
from separatrix.study.starts import piece_seed
from separatrix.study.wording import counted

COMPLETE_DIMENSIONS = 3
KEPT_POINTS = 24
MOST_POTENTIALS = 4
MOST_SINKS = 80
MOST_PAIRS, FEW_PAIRS = 1_000, 200  # of sinks searched a round, where passes were asked for and where not
MOST_BOXES = 200_000
MOST_CIRCLES = 0  # points of index 2 in space around which all directions are followed: a second or two each


@dataclass(eq=False)
class MorseChapter:
    """Critical points of a question's potentials, filled one by one; ``note``: why there are none."""

    question: Question
    pieces: Pieces
    stages: Stages
    workers: int
    is_asked: bool = False
    landscapes: dict[int, Landscape] = field(default_factory=dict)
    found: dict[int, MorsePortrait] = field(default_factory=dict)
    orbits: dict[int, Connections] = field(default_factory=dict)
    note: str = ""

    def joined(self, sinks: dict[int, CriticalPoints]) -> dict[int, MergeTree]:
        """Every potential that can be studied, as far as its list goes; the trees of those that were searched.

        ``sinks``: those known, by number of the potential.
        """
        question = self.question
        if not isinstance(question.domain, Box):
            self.note = "critical points are listed on boxes, not on the whole space"
            return {}
        in_full = question.net.n_inputs <= COMPLETE_DIMENSIONS
        for number in self._numbers(in_full):
            known = sinks.get(number)
            if not in_full and (known is None or not 1 < len(known) <= MOST_SINKS):
                continue
            self._make(number, None if in_full else known, None)
        return {n: p.tree for n, p in self.found.items() if p.is_search and p.tree is not None}

    def extended(self, number: int, sinks: CriticalPoints) -> MergeTree | None:
        """The tree of a longer list of sinks: pairs with new ones are searched, earlier saddles are kept."""
        earlier = self.landscapes.get(number)
        if earlier is None or len(sinks) > MOST_SINKS:
            return None
        self._make(number, sinks, earlier)
        portrait = self.found.get(number)
        return None if portrait is None else portrait.tree

    def _make(self, number: int, known: CriticalPoints | None, earlier: Landscape | None) -> None:
        question, potential, box = self.question, self.question.potentials[number], self.question.domain
        assert isinstance(box, Box)
        with self.stages.stage(f"critical points of the {potential.name}") as finding:
            seed = piece_seed(question.seed, f"passes of {potential.name}")
            key = self.pieces.key("morse", potential, box, known, seed, MOST_BOXES, self.is_asked)
            try:
                if known is None:
                    name = f"critical points of {potential.name}"
                    portrait = self.pieces.made(
                        name,
                        key,
                        MorsePortrait,
                        lambda: complete_portrait(potential, box, question.net, seed, keep=self._keep(number)),
                    )
                else:
                    name = f"landscape of {potential.name}"
                    found = self.pieces.made(
                        name, key, Landscape, lambda: self._landscape(potential, known, seed, earlier)
                    )
                    self.landscapes[number] = found
                    portrait = searched_portrait(found, potential, question.net)
            except SeparatrixError as error:
                self.note = str(error)
                LOGGER.info("critical points of the %s are left out: %s", potential.name, error)
                return
            self.found[number] = portrait
            finding.say(in_short(portrait))

    def _keep(self, number: int) -> Callable[[Connections], None]:
        def keep(orbits: Connections) -> None:
            self.orbits[number] = orbits

        return keep

    def orbits_of(self, number: int) -> Connections | None:
        """The orbits of a complete list with their whole paths; followed again where the list comes from an earlier run."""
        question, potential = self.question, self.question.potentials[number]
        if number not in self.orbits:
            seed = piece_seed(question.seed, f"passes of {potential.name}")
            flow = GradientFlow(potential, question.domain)
            found = orbits_between(flow, self.found[number].points, question.net, seed)
            if found is not None:
                self.orbits[number] = found
        return self.orbits.get(number)

    def _landscape(
        self, potential: Potential, sinks: CriticalPoints, seed: int, earlier: Landscape | None
    ) -> Landscape:
        flow = GradientFlow(potential, self.question.domain)
        options = {
            "workers": self.workers,
            "progress": self.stages.step,
            "max_pairs": MOST_PAIRS if self.is_asked else FEW_PAIRS,
        }
        found = landscape(flow, sinks=sinks, rng=seed, previous=earlier, **options)
        orbits = thinned(found.connections, most=KEPT_POINTS)
        return dataclasses.replace(found, connections=dataclasses.replace(found.connections, orbits=orbits))

    def portraits(self) -> tuple[MorsePortrait, ...]:
        """What is finished, in the order of the potentials."""
        return tuple(self.found[number] for number in sorted(self.found))

    def _numbers(self, in_full: bool) -> list[int]:
        """Which potentials: in few dimensions the first ones, in many those that speak of all classes."""
        question = self.question
        numbers = range(len(question.potentials))
        if in_full:
            return list(numbers[:MOST_POTENTIALS])
        if crease_nodes(question.net):
            self.note = "saddles of piecewise linear networks with many inputs are not sought"
            return []
        if is_costly(question.net) and not self.is_asked:
            self.note = (
                "passes between the sinks of convolutional networks with many inputs take hours and are sought with "
                "passes=True"
            )
            return []
        wide = [i for i in numbers if class_of(question.potentials[i].name) is None or question.net.n_classes == 2]
        return wide if self.is_asked else wide[:1]


def searched_portrait(found: Landscape, potential: Potential, net: Network) -> MorsePortrait:
    """What a search in many dimensions found, with pictures along the tree."""
    points, tree = joined(found.sinks, found.saddles), found.tree
    return MorsePortrait(
        potential=potential.name, points=points, point_class=net.predict(points.points), is_search=True,
        orbits=thinned(found.connections, most=2), tree=tree, films=films_of(tree, found.connections, potential),
        rounds=tuple(map(round_words, found.rounds)), domain=points.domain,
        certainty=Certainty.weakest([*points.certainty, *(o.certainty for o in found.connections.orbits)]),
        provenance=found.provenance,
    )  # fmt: skip


def complete_portrait(
    potential: Potential,
    box: Box,
    net: Network,
    seed: int = 0,
    max_boxes: int = MOST_BOXES,
    keep: Callable[[Connections], None] | None = None,
) -> MorsePortrait:
    """All critical points of the projected flow on a box of few dimensions, their orbits, complex and tree.

    ``keep``: is given the orbits with their whole paths, which the portrait holds thinned.
    """
    points = critical_points(potential, box, boundary="project", max_boxes=max_boxes, rng=seed)
    flow = GradientFlow(potential, box)
    notes: list[str] = []
    if crease_nodes(net):
        notes.append("orbits of piecewise linear networks slide along creases and are not joined into a complex")
    orbits = orbits_between(flow, points, net, seed)
    if keep is not None and orbits is not None:
        keep(orbits)
    made = morse_complex(flow, points, orbits) if orbits is not None else None
    tree = _tree(flow, points, orbits, notes)
    certainty = Certainty.PROVED if points.is_complete else Certainty.weakest([*points.certainty, Certainty.VERIFIED])
    return MorsePortrait(
        potential=potential.name, points=points, point_class=net.predict(points.points), orbits=thinned(orbits),
        complex=None if made is None else _summary(made), tree=tree, notes=tuple(notes), domain=box, certainty=certainty,
        provenance=points.provenance,
    )  # fmt: skip


def orbits_between(flow: GradientFlow, points: CriticalPoints, net: Network, seed: int) -> Connections | None:
    """The orbits that join a complete list; None without points, and where they slide along creases."""
    if not len(points) or crease_nodes(net):
        return None
    circles = int((points.indices == 2).sum()) <= MOST_CIRCLES
    return connections(flow, points, circles=circles, rng=seed)


def _tree(flow: GradientFlow, points: CriticalPoints, orbits: Connections | None, notes: list[str]) -> MergeTree | None:
    """The tree of the sinks; None for fewer than two. That of a piecewise linear margin needs no orbits."""
    if int((points.indices == 0).sum()) < 2:
        return None
    if orbits is not None:
        return class_tree(flow, points, points, orbits)
    try:
        return class_tree(flow, points, points)
    except SeparatrixError as error:
        notes.append(str(error).removeprefix("class_tree: "))
        return None


def _summary(made: MorseComplex) -> MorseSummary:
    groups = None if made.missing else made.homology()
    operators = tuple(np.asarray(made.boundary_operator(k), dtype=np.int64) for k in range(1, len(made.counts)))
    return MorseSummary(
        counts=tuple(made.counts), boundaries=operators, betti=() if groups is None else groups.betti,
        torsion=() if groups is None else groups.torsion, expected=() if made.expected is None else made.expected.betti,
        is_chain_complex=made.is_chain_complex, agrees=made.agrees, inequalities=tuple(map(str, made.inequalities)),
        missing=tuple(made.missing), certainty=str(made.certainty),
    )  # fmt: skip


def in_short(portrait: MorsePortrait) -> str:
    """A list of critical points in one line."""
    points = portrait.points
    kinds = ", ".join(f"{n} of index {i}" for i, n in enumerate(portrait.counts) if n) or "none"
    worth = "all" if points.n_proved == len(points) else f"{points.n_proved} of {len(points)}"
    text = f"{kinds}, {worth} proved" if len(points) else kinds
    if points.is_complete:
        text += ", the list complete"
    elif points.unresolved:
        text += f", {counted(len(points.unresolved), 'part')} of the box not settled"
    if portrait.is_search and portrait.tree is not None:
        text += ", one tree" if portrait.tree.is_connected else ", not all sinks joined"
    return text


def round_words(made: Round) -> str:
    """What a round of a search brought, in words.

    >>> round_words(Round("pairs", n_pairs=3, new_saddles=2, n_groups=1))
    '3 pairs of sinks: two saddles, no new sinks, then one group'
    """
    if made.kind == "sinks":
        return f"{counted(made.new_sinks, 'sink')} to begin with"
    what = "pairs of sinks" if made.kind == "pairs" else "pairs again, from other starts"
    moved = f", {counted(made.moved_joins, 'join')} moved" if made.kind == "retries" else ""
    saddles = counted(made.new_saddles, "saddle" if made.kind == "pairs" else "new saddle")
    sinks, groups = counted(made.new_sinks, "new sink"), counted(made.n_groups, "group")
    return f"{made.n_pairs:,} {what}: {saddles}, {sinks}{moved}, then {groups}"
