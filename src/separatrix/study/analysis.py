"""The record of a study: everything that was found about one network on one domain."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from separatrix.certainty import Certainty, Statement
from separatrix.networks.theorem_record import Theorem
from separatrix.records import Record
from separatrix.study.conley_portrait import ConleyPortrait
from separatrix.study.equations import Equation
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.study.portrait import Portrait
from separatrix.study.surface_portrait import SurfacePortrait


@dataclass(frozen=True)
class NetworkSummary:
    """What is said of the network: where it came from, its shape, and how well it does on the labelled data."""

    name: str
    architecture: str
    activations: tuple[str, ...]
    n_inputs: int
    n_classes: int
    n_parameters: int
    is_piecewise_linear: bool
    source: str
    largest_difference: float | None
    notes: tuple[str, ...]
    metadata: dict[str, str]
    accuracy: float | None = None
    accuracy_on: str = ""


@dataclass(frozen=True, eq=False)
class DataSummary:
    """What is said of the data: rows, labels, rows outside the domain; ``class_means`` (n_classes, dim), NaN rows for
    classes without data; ``image_shape``: how a point is drawn as a picture, () where it is not one."""

    n: int
    n_labelled: int
    n_outside: int
    n_samples: int
    description: str
    class_means: np.ndarray
    image_shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Check:
    """A law or cross-check with its verdict: ``holds`` is True, False or None (not decided)."""

    name: str
    statement: str
    holds: bool | None
    detail: str


@dataclass(frozen=True)
class Claim:
    """A claim of the programme (C1 to C10) against this run.

    ``status``: "shown", "partly shown" or "not possible here"; ``how``: what this run shows of it, with numbers.
    """

    number: str
    text: str
    status: str
    how: str


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Analysis(Record):
    """Everything that fits the network and the domain. ``print`` gives one screen, :meth:`report` the page.

    ``flow``: one Portrait a potential; ``findings``: sentences in plain words, the most important first, each with its
    certainty; ``surface``: one SurfacePortrait a place where the decision surface was computed; ``morse``: one MorsePortrait
    a potential whose critical points were listed, or whose sinks were joined over their passes; ``conley``: one ConleyPortrait
    a potential whose Morse graph and level sets were computed; ``consistency``: laws and cross-checks with verdicts.
    """

    network: NetworkSummary
    data: DataSummary | None = None
    flow: tuple[Portrait, ...] = ()
    surface: tuple[SurfacePortrait, ...] = ()
    morse: tuple[MorsePortrait, ...] = ()
    conley: tuple[ConleyPortrait, ...] = ()
    theorems: tuple[Theorem, ...] = ()
    findings: tuple[Statement, ...] = ()
    consistency: tuple[Check, ...] = ()
    claims: tuple[Claim, ...] = ()
    equations: tuple[Equation, ...] = ()
    is_finished: bool = True
    command: str = ""
    timings: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    certainty: Certainty = Certainty.UNKNOWN

    def report(self, path: str | Path) -> Path:
        """Write the page (one HTML file, offline) with ``analysis.json`` and ``arrays.npz`` beside it; its path."""
        import importlib

        return importlib.import_module("separatrix.views.report").write_report(self, Path(path))

    def save(self, path: str | Path) -> Path:
        """Write ``analysis.json`` and ``arrays.npz`` into the folder ``path`` (made where it is absent)."""
        from separatrix.study.storage import save_record

        return save_record(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Analysis:
        """Read what :meth:`save` wrote. Raises UnreadableFileError for anything else."""
        from separatrix.study.storage import load_record

        return load_record(Path(path), cls)

    def __str__(self) -> str:
        import importlib

        return importlib.import_module("separatrix.views.screen").screen(self)

    def __repr__(self) -> str:
        return (
            f"Analysis({self.network.name}: {len(self.flow)} potentials, {sum(len(p.sinks) for p in self.flow)} sinks)"
        )
