"""The flow chapter of a study: for each potential its sinks, basins, distances to the data, and manifolds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.piecewise_linear.creases import crease_nodes
from separatrix.morse.merge_tree import MergeTree
from separatrix.potentials.base import Potential
from separatrix.study.devices import CPU, on_device
from separatrix.study.flow_facts import classes_are_proved, in_short
from separatrix.study.manifold_strips import FRAMES, in_brief, strips_of
from separatrix.study.off_data import Spread, off_data, spread
from separatrix.study.parallel import backend, stream
from separatrix.study.pieces import Pieces
from separatrix.study.portrait import OffData, Portrait, Strips
from separatrix.study.question import Cloud, Question, class_of, is_costly
from separatrix.study.recheck import Recheck
from separatrix.study.sink_jobs import QUIET_ROUNDS, SinkJob, find_sinks
from separatrix.study.stages import LOGGER, Stages
from separatrix.study.starts import piece_seed, start_rounds
from separatrix.study.wording import counted

SHOWN_CHANGES = 24
DRAWN_DIMENSIONS = 3
FULLY_INTEGRATED, FEW_INTEGRATED = 100, 25
MOST_FOLLOWED = 8  # sinks whose manifolds are followed, of costly networks: ten seconds each


class PassSearch(Protocol):
    """Who joins sinks over their passes."""

    def joined(self, sinks: dict[int, CriticalPoints]) -> dict[int, MergeTree]:
        """Trees by number of the potential, for those where saddles were searched; their sinks go on from those given."""
        ...

    def extended(self, number: int, sinks: CriticalPoints) -> MergeTree | None:
        """The tree of a longer list of sinks; None where there is none."""
        ...


@dataclass(eq=False)
class FlowChapter:
    """The flows of a question, filled stage by stage; what is finished stands in :meth:`portraits` at any time."""

    question: Question
    pieces: Pieces
    stages: Stages
    workers: int
    cluster: Any = None
    effort: float = 1.0
    device: str = CPU
    sinks: dict[int, CriticalPoints] = field(default_factory=dict)
    basins: dict[int, Basins] = field(default_factory=dict)
    distances: dict[int, OffData] = field(default_factory=dict)
    strips: dict[tuple[int, str], Strips] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)
    rechecked: dict[str, Recheck] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    threshold: float = np.nan
    trees: dict[int, MergeTree] = field(default_factory=dict)
    above_passes: bool = False
    note: str = ""

    def run(self, passes: PassSearch | None = None) -> None:
        """All stages; what later ones need comes first. ``passes``: who joins the sinks, before basins are sought."""
        self._find_sinks()
        if passes is not None:
            self.trees = passes.joined(self.sinks)
            self.sinks |= {number: tree.sinks for number, tree in self.trees.items()}
        self._find_basins()
        if passes is not None:
            self._join_new_sinks(passes)
        self._integrate_fully()
        self._measure_distances()
        self._follow_manifolds()

    def _find_sinks(self) -> None:
        question = self.question
        jobs: dict[int, SinkJob] = {}
        for number, potential in enumerate(question.potentials):
            rounds = start_rounds(question, potential, self.effort)
            seed = piece_seed(question.seed, f"sinks of {potential.name}")
            job = SinkJob(potential, question.domain, rounds, seed, self.device)
            self.keys[number] = self.pieces.key("sinks", potential, question.domain, rounds, seed, QUIET_ROUNDS)
            found = self.pieces.find(f"sinks of {potential.name}", self.keys[number], CriticalPoints)
            if found is None:
                jobs[number] = job
            else:
                self.sinks[number] = found
        if self.sinks:
            LOGGER.info("%d of %d searches for sinks were finished earlier", len(self.sinks), len(question.potentials))
        large = [number for number, job in jobs.items() if job.rounds is None or len(job.rounds) > 1]
        if self.cluster is None:
            for number in large:
                self._find_large(number, jobs.pop(number))
        if jobs:
            self._find_small(jobs)

    def _find_large(self, number: int, job: SinkJob) -> None:
        """A search of several rounds: its starts are shared among the workers."""
        with self.stages.stage(f"sinks of the {job.potential.name}") as finding:
            found = find_sinks(job, self.workers, self.stages.progress)
            self._keep_sinks(number, found)
            finding.say(in_short(found))

    def _find_small(self, jobs: dict[int, SinkJob]) -> None:
        """Searches that are shared among the workers, each as a whole."""
        names = [job.potential.name for job in jobs.values()]
        name = f"sinks of the {names[0]}" if len(names) == 1 else f"sinks of {len(names)} potentials"
        if len(names) > 1 and all(n.startswith("log-odds of class") for n in names):
            name = f"sinks of the log-odds of {len(names)} classes"
        with self.stages.stage(name) as finding:
            numbers = list(jobs)
            self.stages.step(name, 0, len(numbers))
            results = stream(find_sinks, [(jobs[n],) for n in numbers], self.workers, self.cluster)
            for done, (place, found) in enumerate(results):
                self._keep_sinks(numbers[place], found)
                self.stages.step(name, done + 1, len(numbers))
            finding.say(in_short(*(self.sinks[n] for n in numbers)))

    def _keep_sinks(self, number: int, found: CriticalPoints) -> None:
        name = self.question.potentials[number].name
        self.pieces.keep(f"sinks of {name}", self.keys[number], found)
        self.sinks[number] = found

    def _digest(self, cloud: Cloud | None) -> str:
        """The fingerprint of points, computed once."""
        if cloud is None:
            return "none"
        if id(cloud) not in self.digests:
            self.digests[id(cloud)] = self.pieces.key(cloud.x)
        return self.digests[id(cloud)]

    def _chosen(self, flags: tuple[bool, ...]) -> Iterator[tuple[int, Potential, CriticalPoints]]:
        for number, potential in enumerate(self.question.potentials):
            if flags[number] and len(self.sinks[number]):
                yield number, potential, self.sinks[number]

    def _find_basins(self) -> None:
        samples = self.question.samples
        if samples is None or not len(samples):
            return
        workers = self.workers if self.cluster is None else -1
        with backend(self.cluster):
            for number, potential, sinks in self._chosen(self.question.drawn):
                flow = GradientFlow(potential, self.question.domain)
                seed = piece_seed(self.question.seed, f"basins of {potential.name}")
                with self.stages.stage(f"basins of the {potential.name}") as finding:
                    known = self.trees[number].pass_heights if number in self.trees else None
                    heights = known if self.above_passes else None
                    key = self.pieces.key(
                        "basins", self.keys[number], sinks.points, self._digest(samples), seed, known, self.above_passes
                    )
                    self.basins[number] = found = self.pieces.made(
                        f"basins of {potential.name}", key, Basins,
                        lambda flow=flow, sinks=sinks, seed=seed, heights=heights: flow.basins(
                            on_device(samples.x, self.device), sinks, seed, pass_heights=heights, workers=workers,
                            progress=self.stages.progress,
                        ),
                    )  # fmt: skip
                    self.sinks[number] = found.sinks
                    reached = counted(int((found.counts > 0).sum()), "sink")
                    finding.say(f"{len(samples):,} samples to {reached}, {found.n_unresolved:,} unresolved")

    def _join_new_sinks(self, passes: PassSearch) -> None:
        """Sinks that samples met are joined to the others, and rows that settled below a new pass are looked at again."""
        samples = self.question.samples
        for number, tree in self.trees.items():
            if number not in self.basins or len(self.sinks[number]) == len(tree.sinks):
                continue
            longer = passes.extended(number, self.sinks[number])
            if longer is None or samples is None:
                continue
            flow, earlier = GradientFlow(self.question.potentials[number], self.question.domain), self.basins[number]
            self.trees[number], self.sinks[number] = longer, longer.sinks
            if not self.above_passes:
                self.basins[number] = replace(earlier, sinks=longer.sinks)
                continue
            with self.stages.stage(f"basins of the {flow.potential.name}, with the new passes"):
                known = longer.sinks.points, longer.pass_heights
                key = self.pieces.key("basins again", self.keys[number], self._digest(samples), *known)
                self.basins[number] = self.pieces.made(
                    f"basins again of {flow.potential.name}", key, Basins,
                    lambda flow=flow, earlier=earlier, tree=longer: flow.basins(
                        samples.x, tree.sinks, pass_heights=tree.pass_heights, previous=earlier, workers=self.workers
                    ),
                )  # fmt: skip
                self.sinks[number] = self.basins[number].sinks

    def _integrate_fully(self) -> None:
        """Basins again for a few samples, all the way up to their sinks: a check on the labels."""
        samples = self.question.samples
        if samples is None or not self.basins or crease_nodes(self.question.net):  # there every row is followed to rest
            return
        count = FEW_INTEGRATED if is_costly(self.question.net) else FULLY_INTEGRATED
        chosen = np.unique(np.linspace(0, len(samples) - 1, count).round().astype(np.int64))
        with self.stages.stage("full integration of some samples") as finding:
            for number, found in self.basins.items():
                potential = self.question.potentials[number]
                flow = GradientFlow(potential, self.question.domain)
                known = self.keys[number], found.sinks.points
                key = self.pieces.key("full basins", *known, self._digest(samples), chosen)
                full = self.pieces.made(
                    f"full basins of {potential.name}", key, Basins,
                    lambda flow=flow, found=found: flow.basins(
                        samples.x[chosen], found.sinks, full=True, workers=self.workers, progress=self.stages.progress
                    ),
                )  # fmt: skip
                self.rechecked[potential.name] = Recheck(found.label[chosen], full.label)
            agreeing = sum(recheck.n_alike for recheck in self.rechecked.values())
            finding.say(f"{agreeing} of {len(chosen) * len(self.rechecked)} lead to the same sink")

    def _measure_distances(self) -> None:
        data = self.question.data
        if data is None or not len(data):
            return
        with self.stages.stage("distances between data") as finding:
            n_classes = self.question.net.n_classes
            rng = np.random.default_rng(piece_seed(self.question.seed, "spread of the data"))
            own: Spread = spread(data, n_classes, rng, self.stages.progress)
            self.threshold = own.threshold
            for number, sinks in self.sinks.items():
                predicted = self.question.net.predict(sinks.points)
                self.distances[number] = off_data(sinks.points, predicted, data, own)
            if own.distances.size:
                typical = float(np.median(own.distances))
                finding.say(f"median {typical:.3g} from {own.distances.size:,} of them to the nearest other")

    def _follow_manifolds(self) -> None:
        drawn = list(self._chosen(self.question.followed))
        if is_costly(self.question.net) and sum(len(sinks) for _, _, sinks in drawn) > MOST_FOLLOWED:
            self.note = (
                f"slow and strong manifolds were left out: of more than {MOST_FOLLOWED} sinks they take too long here"
            )
            LOGGER.info("%s", self.note)
            return
        if not drawn:
            return
        with self.stages.stage("slow and strong manifolds") as finding:
            for number, potential, sinks in drawn:
                flow = GradientFlow(potential, self.question.domain)
                for kind in ("slow", "strong"):
                    far = self.threshold
                    points = self._digest(self.question.data)
                    key = self.pieces.key("strips", self.keys[number], sinks.points, kind, FRAMES, points, far)
                    self.strips[number, kind] = self.pieces.made(
                        f"{kind} manifolds of {potential.name}", key, Strips,
                        lambda flow=flow, sinks=sinks, kind=kind, far=far: strips_of(
                            flow, sinks, kind, self.question.data, far, self.stages.progress
                        ),
                    )  # fmt: skip
            finding.say(in_brief(*self.strips.values()))

    def portraits(self) -> tuple[Portrait, ...]:
        """One Portrait a potential whose sinks are known."""
        return tuple(self._portrait(number) for number in sorted(self.sinks))

    def _portrait(self, number: int) -> Portrait:
        net, samples, sinks = self.question.net, self.question.samples, self.sinks[number]
        basins, sink_class = self.basins.get(number), net.predict(sinks.points)
        portrait = Portrait(
            potential=self.question.potentials[number].name, sinks=sinks, sink_class=sink_class,
            probabilities=net.probabilities(sinks.points), basins=basins, off_data=self.distances.get(number),
            slow=self.strips.get((number, "slow")), strong=self.strips.get((number, "strong")),
            classes_proved=classes_are_proved(net, sinks, sink_class),
            domain=self.question.domain, provenance=sinks.provenance,
        )  # fmt: skip
        if basins is None or samples is None:
            return portrait
        shown = samples.x if samples.x.shape[1] <= DRAWN_DIMENSIONS else None
        portrait = replace(
            portrait, sample_index=samples.row, predicted=samples.predicted, true_label=samples.y, sample_points=shown
        )
        if class_of(portrait.potential) is not None:
            return portrait
        reached = sink_class[np.maximum(basins.label, 0)]
        changed = np.flatnonzero((basins.label >= 0) & (reached != samples.predicted))
        return replace(portrait, changed=changed, changed_points=samples.x[changed[:SHOWN_CHANGES]])
