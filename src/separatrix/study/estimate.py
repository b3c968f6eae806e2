"""How long a study will take and how much memory it needs, from a timed evaluation of the network."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import comb, gamma, pi
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import InputError, KindError
from separatrix.flow.piecewise_linear.creases import crease_nodes, is_mixed
from separatrix.flow.starts import COSTLY_SHARE as OWN_SHARE
from separatrix.flow.starts import PER_CLASS
from separatrix.flow.starts import UNIFORM as OWN_UNIFORM
from separatrix.networks.network import Network
from separatrix.networks.reading import load
from separatrix.records import Provenance, Record
from separatrix.study.morse_chapter import COMPLETE_DIMENSIONS, MOST_POTENTIALS
from separatrix.study.parallel import worker_count
from separatrix.study.question import Question, asked, drawing_box, is_costly
from separatrix.study.stages import in_words
from separatrix.study.starts import BLENDS, CLASS_DATA, COSTLY_SHARE, FIRST_ROUND, LATER_ROUNDS, UNIFORM
from separatrix.study.surface_chapter import MOST_CELLS
from separatrix.study.surface_places import MARGIN, MOST_INPUTS, MOST_SMOOTH_INPUTS

EVALUATIONS_PER_START, EVALUATIONS_PER_SAMPLE = 800, 600
SECONDS_PER_START = 2e-3
EVALUATIONS_PER_COSTLY_START, EVALUATIONS_PER_COSTLY_SAMPLE = 4_500, 6_000  # a proof for nearly every one
EVENTS_TO_REST, SECONDS_PER_PROOF = 1_000, 3e-2
TIMED_ROWS = 64
EVALUATIONS_FOR_PASSES = 6e6
SECONDS_PER_LIST = {1: 0.5, 2: 3.0, 3: 7.0}  # with branches, Morse graph and level sets
CHORDS, POINTS_A_CHORD = 24, 33
SECONDS_PER_CELL, BYTES_PER_CELL, SECONDS_PER_SURFACE = 8e-6, 500.0, 0.3
SMOOTH_TESTS = (0, 200, 10_000, 200_000)  # simplices that a mesh tests, by dimension
EVALUATIONS_PER_TEST = 10
BYTES_AT_REST = 2.5e8
FREE_INPUTS, ARRAYS_OF_A_PROOF = 250, 10  # columns of Jacobians through all layers, of costly networks
BYTES_OF_REPORT, BYTES_OF_SCENES, BYTES_A_PORTRAIT = 9e5, 5e5, 5e4


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Estimate(Record):
    """A rough forecast: ``seconds`` on one core of this machine and with ``workers`` of them, ``memory`` in bytes,
    and ``disk``, bytes of the finished pieces and of what is written at the end.

    ``parts``: seconds on one core by what they are spent on. Rough means: within a factor of three.
    """

    seconds: float
    seconds_with_workers: float
    workers: int
    memory: float
    disk: float
    parts: dict[str, float]

    def columns(self) -> dict[str, Any]:
        """One row a part."""
        return {"part": list(self.parts), "seconds": list(self.parts.values())}

    def __repr__(self) -> str:
        shared = f", {in_words(self.seconds_with_workers)} with {self.workers} workers" if self.workers > 1 else ""
        return (f"Estimate(about {in_words(self.seconds)} on one core{shared}, {self.memory / 1e9:.1f} GB of memory, "
                f"{self.disk / 1e6:.0f} MB on disk)")  # fmt: skip


def estimate(
    net: Any, domain: Any = None, data: Any = None, *, potential: Any = None, samples: Any = None,
    basins: bool | None = None, passes: bool | None = None, workers: int | None = None,
) -> Estimate:  # fmt: skip
    """How long :func:`separatrix.analyze` will take with the same arguments, and its memory: a rough forecast.

    Raises what ``analyze`` raises for arguments that cannot be used.

    >>> from separatrix import Network
    >>> net = Network.from_arrays([[[1.0, 0.5], [-1.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0, 0], [0, 0]], "tanh")
    >>> 0 < estimate(net).seconds < 60
    True
    """
    question = asked(load(net), domain, data, potential=potential, samples=samples, basins=basins)
    return estimate_of(question, workers, passes)


def estimate_of(question: Question, workers: int | None = None, passes: bool | None = None) -> Estimate:
    """The estimate for a question."""
    begun, network = time.perf_counter(), question.net
    row = _seconds_a_row(question)
    n_starts, n_samples = _n_starts(question), 0 if question.samples is None else len(question.samples)
    n_data = 0 if question.data is None else len(question.data)
    parts = {
        "sinks": n_starts * (EVALUATIONS_PER_START * row + SECONDS_PER_START),
        "basins": sum(question.drawn) * n_samples * EVALUATIONS_PER_SAMPLE * row,
        "distances": 2e-11 * min(n_data, 2_000) * n_data * network.n_inputs,
    }
    if is_costly(network):
        parts["sinks"] = n_starts * EVALUATIONS_PER_COSTLY_START * row
        parts["basins"] = sum(question.drawn) * n_samples * EVALUATIONS_PER_COSTLY_SAMPLE * row
    if crease_nodes(network):
        parts["sinks"] = n_starts * (EVENTS_TO_REST * row + SECONDS_PER_PROOF)
        parts["basins"] = sum(question.drawn) * n_samples * EVENTS_TO_REST * row
    if is_mixed(network):
        parts = dict.fromkeys(parts, 0.0)
    if passes is not False:
        parts["passes"] = _passes(question, row, bool(passes))
    parts["surface"], surface_bytes = _surface(question, row)
    count, total = worker_count(workers, cost(question)), sum(parts.values())
    memory = (BYTES_AT_REST + _bytes_of_a_proof(network)) * (
        1 + (count if count > 1 else 0)
    ) + 8.0 * 4 * network.n_inputs * (n_samples + 0.5 * n_data)
    memory += surface_bytes
    disk = (
        BYTES_OF_REPORT
        + BYTES_OF_SCENES * (network.n_inputs == 3)
        + len(question.potentials) * BYTES_A_PORTRAIT
        + 2.0 * sum(question.drawn) * n_samples * 12.0
    )
    return Estimate(
        seconds=total, seconds_with_workers=total / count + (1.5 if count > 1 else 0.0), workers=count, memory=memory,
        disk=disk, parts=parts, domain=question.domain, certainty=Certainty.HEURISTIC,
        provenance=Provenance("one timed evaluation of value and gradient", seconds=time.perf_counter() - begun),
    )  # fmt: skip


def within_memory(
    question: Question, workers: int | None, passes: bool | None, limit: float | None
) -> tuple[int, bool]:
    """How many processes a limit in bytes leaves, and whether the decision surface fits in it, too.

    Raises InputError for a limit that one process without a surface would pass, KindError for what is no number.
    """
    count = worker_count(workers, cost(question))
    if limit is None:
        return count, True
    if isinstance(limit, bool) or not isinstance(limit, (int, float)):
        raise KindError(f"memory_limit: expected a number of bytes, came {type(limit).__name__}")
    surface = _surface(question, 0.0)[1]
    while count > 1 and estimate_of(question, count, passes).memory - surface > limit:
        count -= 1
    need = estimate_of(question, count, passes).memory
    if not need - surface <= limit:
        raise InputError(
            f"memory_limit: one process needs about {(need - surface) / 1e9:.2g} GB, allowed are {limit / 1e9:.2g} GB; give "
            "fewer samples and data, or a higher limit"
        )
    return count, need <= limit


def cost(question: Question) -> float:
    """Evaluations of the network times the products in one: what decides whether processes are worth starting."""
    n_samples = 0 if question.samples is None else len(question.samples) * sum(question.drawn)
    products = sum(layer.n_outputs * layer.terms for layer in question.net.affine_layers)
    return float(products) * (100 * _n_starts(question) + 100 * n_samples)


def _bytes_of_a_proof(network: Network) -> float:
    """Of the Jacobians of all layers by the free inputs, which are large where layers are: in convolutional networks."""
    if not is_costly(network):
        return 0.0
    return 8.0 * ARRAYS_OF_A_PROOF * sum(network.widths) * min(network.n_inputs, FREE_INPUTS)


def _passes(question: Question, row: float, are_asked: bool) -> float:
    """Seconds for critical points and passes: complete lists in few dimensions, searches in many."""
    network = question.net
    if is_mixed(network) or not isinstance(question.domain, Box):
        return 0.0
    if network.n_inputs <= COMPLETE_DIMENSIONS:
        return SECONDS_PER_LIST[network.n_inputs] * min(len(question.potentials), MOST_POTENTIALS)
    left_out = crease_nodes(network) or (is_costly(network) and not are_asked)
    return 0.0 if left_out else EVALUATIONS_FOR_PASSES * row


def _surface(question: Question, row: float) -> tuple[float, float]:
    """(seconds, bytes) for the decision surface: on the box where there are few inputs, else on a plane through data."""
    net, rng = question.net, np.random.default_rng(0)
    if net.n_inputs <= (MOST_INPUTS if net.is_piecewise_linear else MOST_SMOOTH_INPUTS):
        if not isinstance(question.domain, Box):
            return 0.0, 0.0
        dim, ends = net.n_inputs, question.domain.uniform(2 * CHORDS, rng)
        length = float(np.linalg.norm((ends[:CHORDS] - ends[CHORDS:]) / question.domain.width, axis=1).sum())
    elif question.data is None or len(question.data) < 2 or (is_costly(net) and not net.is_piecewise_linear):
        return 0.0, 0.0
    else:
        dim, ends = 2, question.data.x[rng.integers(0, len(question.data), 2 * CHORDS)]
        length = CHORDS / (1.0 + 2.0 * MARGIN)  # the box of the slice reaches beyond the data
    if not net.is_piecewise_linear:
        return SECONDS_PER_SURFACE + SMOOTH_TESTS[dim] * EVALUATIONS_PER_TEST * row, 0.0
    cells = min(_cells(dim, _crossings(net, ends[:CHORDS], ends[CHORDS:]) / length), float(MOST_CELLS))
    return SECONDS_PER_SURFACE + SECONDS_PER_CELL * cells, BYTES_PER_CELL * cells


def _cells(dim: int, rate: float) -> float:
    """Cells of all dimensions of the unit cube cut by creases of which a line meets ``rate`` a unit of length.

    Of a Poisson process of hyperplanes without a preferred direction a piece of R^j of volume 1 has kappa_j (rate / 2)^j
    vertices, kappa_j the volume of the unit ball; every vertex stands for 2^j cells, and the cube has faces of all dimensions.
    """
    kappa = [pi ** (j / 2) / gamma(j / 2 + 1) for j in range(dim + 1)]
    return sum(comb(dim, j) * 2.0 ** (dim - j) * kappa[j] * rate**j for j in range(dim + 1))


def _crossings(net: Network, a: np.ndarray, b: np.ndarray) -> int:
    """How many creases the segments from the rows of ``a`` to those of ``b`` cross, told by the signs at some of their points."""
    t = np.linspace(0.0, 1.0, POINTS_A_CHORD)[:, None, None]
    found, values = 0, net.propagate(((1.0 - t) * a + t * b).reshape(-1, a.shape[1])).values
    for node in crease_nodes(net):
        is_on = values[net.nodes[node].parents[0]].reshape(POINTS_A_CHORD, len(a), -1) > 0
        found += int((is_on[1:] != is_on[:-1]).sum())
    return found


def _n_starts(question: Question) -> int:
    n_classes = question.net.n_classes
    if is_costly(question.net):
        return _n_costly_starts(question)
    several = n_classes * (FIRST_ROUND + 3 * LATER_ROUNDS) + 4 * BLENDS
    one = CLASS_DATA + UNIFORM
    return sum(one if " of class " in potential.name else several for potential in question.potentials)


def _n_costly_starts(question: Question) -> int:
    """A quarter of a first round where there are data, of the flow's own first starts where there are none."""
    n_classes = question.net.n_classes
    if question.data is None:
        return len(question.potentials) * (1 + int(OWN_SHARE * OWN_UNIFORM) + n_classes * int(OWN_SHARE * PER_CLASS))
    several = round(COSTLY_SHARE * (n_classes * FIRST_ROUND + BLENDS + UNIFORM)) + n_classes
    one = round(COSTLY_SHARE * (CLASS_DATA + UNIFORM))
    return sum(one if " of class " in potential.name else several for potential in question.potentials)


def _seconds_a_row(question: Question) -> float:
    x = drawing_box(question.domain, (question.data, question.samples)).uniform(TIMED_ROWS, np.random.default_rng(0))
    potential, times = question.potentials[0], []
    with threadpool_limits(limits=1):
        for _ in range(3):
            begun = time.perf_counter()
            potential.value_and_gradient(x)
            times.append(time.perf_counter() - begun)
    return min(times) / TIMED_ROWS
