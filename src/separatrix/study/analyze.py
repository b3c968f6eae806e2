"""``analyze``: everything that fits a network and a domain, in one record."""

from __future__ import annotations

import dataclasses
import os
import time
from typing import Any

from threadpoolctl import threadpool_limits

from separatrix.certainty import Certainty
from separatrix.errors import InputError, printable
from separatrix.flow.pieces import Progress
from separatrix.flow.processes import noted_losses
from separatrix.networks.reading import load
from separatrix.networks.theorem_record import Theorem
from separatrix.networks.theorems import theorems
from separatrix.records import Provenance
from separatrix.study.analysis import Analysis
from separatrix.study.claims import claims_of
from separatrix.study.conley_chapter import ConleyChapter
from separatrix.study.conley_words import conley_checks
from separatrix.study.consistency import checks_of
from separatrix.study.devices import checked_device
from separatrix.study.equations import Equation, equations_of
from separatrix.study.estimate import estimate_of, within_memory
from separatrix.study.findings import findings_of
from separatrix.study.fingerprints import is_identified
from separatrix.study.flow_chapter import FlowChapter
from separatrix.study.flow_facts import flows_exist
from separatrix.study.morse_chapter import MorseChapter
from separatrix.study.morse_words import morse_checks
from separatrix.study.network_summary import data_summary, summary_of
from separatrix.study.parallel import connected, worker_count
from separatrix.study.pieces import Pieces, plan_of
from separatrix.study.question import Question, asked
from separatrix.study.stages import LOGGER, Stages
from separatrix.study.surface_chapter import SurfaceChapter
from separatrix.study.surface_words import surface_checks
from separatrix.study.wording import counted

TOLD_SECONDS = 20
METHOD = (
    "theorems by exact arithmetic; sinks by ascent, Newton and interval proof; critical points by branch and bound or by "
    "eigenvector following; basins by integration; Morse graphs from equilibria, branches and cubes; level sets on grids"
)


def analyze(
    net: Any,
    domain: Any = None,
    data: Any = None,
    *,
    potential: Any = None,
    samples: Any = None,
    basins: bool | None = None,
    surface: bool | None = None,
    through: Any = None,
    passes: bool | None = None,
    workers: int | None = None,
    cluster: Any = None,
    resume: str | os.PathLike[str] | Pieces | None = None,
    rng: Any = 0,
    progress: Progress | None = None,
    effort: float = 1.0,
    device: str | None = None,
    memory_limit: float | None = None,
    command: str = "",
) -> Analysis:
    """What a network has learned: its decision surface, theorems, sinks, basins, distances to the data.

    - ``net``: anything that :func:`separatrix.load` takes
    - ``domain``: a Box, a pair (lower, upper) or WholeSpace; None: [0, 1]^n where it holds the data or there are none,
      else the smallest box that holds the data (``notes`` says which)
    - ``data``: an array (n, dim), a pair (x, y) with labels (n,), or a path (.npy, .npz, .csv), in the units of the
      network's input; points outside the domain are counted and left out
    - ``potential``: names ("log-density", "log-odds:3", …), Potentials, or a list of them; None: all log-odds and, for
      three classes or more, the log-density
    - ``samples``: points whose basins are sought, as ``data``; None: the data, 10,000 of them at the most
    - ``basins``: whether basins are sought; None: not for the potentials of one class among several
    - ``surface``: whether the decision surface is computed, None: where that takes less than about a minute; ``through``:
      points (2 to 4, n_inputs) that span the slice on which it is, None: the domain itself for few inputs, else the plane
      through three data
    - ``passes``: whether critical points are listed and sinks joined over their passes; None: on boxes of up to three
      inputs completely, and for smooth networks with more inputs by searches for one potential, the log-density where there
      is one, unless it has too many sinks; True: more pairs of sinks, and no sample settles below a pass out of its basin
      unseen, which takes two or three times as long
    - ``workers``: processes, None for a sensible number; ``cluster``: address of a Dask scheduler, or a Dask Client. Neither
      changes an answer
    - ``resume``: a folder in which finished pieces are kept; a run that was killed goes on there. Those of functions in Python
      are kept only under their ``version`` (:meth:`separatrix.Potential.custom`). Or the ``Pieces`` of a caller who holds them
    - ``rng``: int, SeedSequence or Generator; ``progress(stage, done, total)`` is called as the work goes on
    - ``effort``: scales the number of starts
    - ``device``: "cuda" for a GPU through torch, on which ascents and steps of basins are computed in batches; labels are the
      same, proofs are made on the CPU in rounded arithmetic; None: the CPU
    - ``memory_limit``: bytes; fewer processes are used, and the decision surface is left out, where more would be needed. Batches
      are small in any case, of sizes that depend on the network alone: no answer depends on the limit

    An interrupt (Ctrl-C) does not raise: the record of what is finished comes back, with ``is_finished`` False.
    Raises InputError or KindError for arguments that cannot be used.

    >>> from separatrix import Network
    >>> net = Network.from_arrays([[[1.0, 0.5], [-1.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0, 0], [0, 0]], "tanh")
    >>> analysis = analyze(net, ([-1, -1], [1, 1]))
    >>> [(portrait.potential, len(portrait.sinks)) for portrait in analysis.flow]
    [('log-odds of class 0', 1), ('log-odds of class 1', 1)]
    """
    begun = time.perf_counter()
    if not (isinstance(effort, (int, float)) and 0 < effort < 1000):
        raise InputError(
            f"effort: expected a positive number, 1 for the usual number of starts, came {printable(repr(effort), 60)}"
        )
    for name, choice in (("basins", basins), ("surface", surface), ("passes", passes)):
        if not isinstance(choice, (bool, type(None))):
            raise InputError(f"{name}: expected True, False or None, came {printable(repr(choice), 60)}")
    worker_count(workers, 0.0)  # refused before anything is made
    where = checked_device(device)
    read = load(net)
    question = asked(read, domain, data, potential=potential, samples=samples, basins=basins, rng=rng)
    for note in question.notes:
        LOGGER.info("note: %s", note)
    stages = Stages(progress)
    pieces = resume if isinstance(resume, Pieces) else Pieces(resume)
    count, fits = within_memory(question, workers, passes, memory_limit)
    chapter = FlowChapter(question, pieces, stages, count, cluster, float(effort), where)
    surfaces = SurfaceChapter(question, chapter.pieces, stages, through)
    points = MorseChapter(question, chapter.pieces, stages, chapter.workers, bool(passes))
    whole = ConleyChapter(question, chapter.pieces, stages)
    is_finished, flow_note, proved, written = True, flows_exist(question), (), ()
    if (forecast := estimate_of(question, count, passes)).seconds_with_workers > TOLD_SECONDS:
        LOGGER.info("this may take %s", repr(forecast).removeprefix("Estimate(").removesuffix(")"))
    plan = {} if pieces.folder is None else plan_of(question, effort, where)
    with (
        threadpool_limits(limits=1),
        stages.remembering_interrupts(),
        pieces.held(plan),
        noted_losses() as losses,
        connected(cluster) as chapter.cluster,
    ):
        try:
            proved = _theorems(question, stages)
            written = _equations(question, stages)
            if surface is None and surfaces.takes_long:
                surfaces.note = "on a slice of a smooth convolutional network it takes minutes; ask with surface=True"
            elif surface is not False and (fits or surface):
                surfaces.run()
            if not flow_note:
                chapter.above_passes = bool(passes)
                chapter.run(None if passes is False else points)
                whole.run(points, surfaces.found)
        except KeyboardInterrupt:
            is_finished = False
        found = _assembled(question, chapter, (surfaces, points, whole), (proved, written), flow_note)
    notes = [*question.notes, *([f"the flow was left out: {flow_note}"] if flow_note else [])]
    notes += [f"the decision surface was left out: {surfaces.note}"] if surfaces.note else []
    notes += [chapter.note] if chapter.note else []
    notes += [f"passes were left out: {points.note}"] if points.note and passes is not False else []
    if not fits and surface is None:
        notes.append(f"the decision surface was left out: it may not fit into memory_limit, {memory_limit:.3g} bytes")
    notes += _notes_on_the_run(question, chapter.pieces, len(losses), is_finished)
    provenance = Provenance(METHOD, seed=str(question.seed), seconds=time.perf_counter() - begun, warnings=tuple(notes))
    return dataclasses.replace(found, is_finished=is_finished, command=command, timings=dict(stages.timings),
                               notes=tuple(notes), provenance=provenance)  # fmt: skip


def _theorems(question: Question, stages: Stages) -> tuple[Theorem, ...]:
    with stages.stage("theorems") as finding:
        found = tuple(theorems(question.net, question.domain))
        applied = [theorem.number for theorem in found if theorem.applies]
        finding.say(f"{len(applied)} of {len(found)} apply" + (f" ({', '.join(applied)})" if applied else ""))
    return found


def _equations(question: Question, stages: Stages) -> tuple[Equation, ...]:
    with stages.stage("the equation") as finding:
        found = equations_of(question.net, question.domain, question.potentials, question.seed)
        differences = [e.largest_difference for e in found if e.largest_difference is not None]
        checked = f", {max(differences):.1g} from the gradient at random points" if differences else ""
        finding.say(f"{counted(len(found), 'equation')} in closed form{checked}")
    return found


def _assembled(
    question: Question,
    chapter: FlowChapter,
    others: tuple[SurfaceChapter, MorseChapter, ConleyChapter],
    exact: tuple[tuple[Theorem, ...], tuple[Equation, ...]],
    flow_note: str,
) -> Analysis:
    (proved, written), (surfaces, points, whole) = exact, others
    summary, flow, surface = summary_of(question.net, question), chapter.portraits(), tuple(surfaces.found)
    morse, conley = points.portraits(), whole.portraits()
    checks = (
        *checks_of(question, summary, flow, chapter.rechecked, morse),
        *surface_checks(surface),
        *morse_checks(morse, flow),
        *conley_checks(conley),
    )
    findings = findings_of(summary, question.domain, flow, proved, checks, flow_note, surface, morse, conley)
    return Analysis(
        network=summary, data=data_summary(question), flow=flow, theorems=proved, findings=findings, consistency=checks,
        claims=claims_of(summary, flow, proved, flow_note, written, (surface, surfaces.note), (morse, points.note), conley),
        equations=written,
        surface=surface, morse=morse, conley=conley, domain=question.domain,
        certainty=Certainty.weakest(statement.certainty for statement in findings),
    )  # fmt: skip


def _notes_on_the_run(question: Question, pieces: Pieces, n_lost: int, is_finished: bool) -> list[str]:
    """What was taken up from earlier runs and what is not kept for later ones, which workers were lost, whether it was
    interrupted."""
    notes = []
    unkept = [p.name for p in question.potentials if not is_identified(p)] if pieces.folder is not None else []
    if unkept:
        notes.append(
            f"no pieces were kept of the {', '.join(unkept)}: functions in Python cannot be compared with those of another "
            "run; give Potential.custom a version= of your own, and another one after every change"
        )
    if pieces.n_resumed:
        taken = "one finished piece was" if pieces.n_resumed == 1 else f"{pieces.n_resumed} finished pieces were"
        notes.append(f"{taken} taken up from {pieces.folder}")
    if n_lost:
        lost = counted(n_lost, "worker process")
        notes.append(f"{lost} ended before the work was done and replaced: the answer is the same")
    if not is_finished:
        notes.append("interrupted: this holds what was finished until then; the same call with resume= goes on")
    return notes
