"""The record of a decision surface, exact or smooth: its complex, what it divides, and the neurons that make it (§6)."""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from separatrix.networks.network import Network
from separatrix.records import Record, plain


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class DecisionSurface(Record):
    """A decision surface as a complex of its own.

    - ``complex``: its cells, or simplices; ``classes``: the pair (i, j) of {z_i = z_j >= z_l}, or None where two or more
      classes tie at the top
    - ``network``: whose surface this is

    The dimension is n - 1 for n inputs, also where the surface is empty or only touches points; n where the difference of
    the logits vanishes on a full-dimensional cell.
    """

    complex: Any
    network: Network
    classes: tuple[int, int] | None = None

    drawer: ClassVar[str] = "surface_plots:plot_surface"

    @property
    def dim(self) -> int:
        """Dimension of the surface's complex."""
        return self.complex.dim

    @property
    def cell_counts(self) -> tuple[int, ...]:
        """Number of the surface's cells by dimension, from 0 up."""
        return tuple(self.complex.cell_counts)

    @property
    def euler_characteristic(self) -> int:
        """Alternating sum of ``cell_counts``."""
        return self.complex.euler_characteristic

    @property
    def projection(self) -> str | None:
        """Of the axes that :meth:`plot` needs: "3d" with three inputs."""
        return "3d" if self.network.n_inputs == 3 else None

    @property
    def is_empty(self) -> bool:
        """Whether no two classes tie at the top anywhere in the domain."""
        return not any(self.cell_counts)

    @property
    @abstractmethod
    def ambient(self) -> Any:
        """The complex of the domain that the surface divides."""

    @abstractmethod
    def neuron_cover(self, layer: int = 0) -> Any:
        """The cover of the surface by the neurons of a hidden layer (0: the first), a NeuronCover."""

    @cached_property
    def neurons(self) -> Any:
        """The cover of the surface by the first layer's neurons, a NeuronCover."""
        return self.neuron_cover()

    def homology(self, coefficients: str = "Z", relative_to: Any = None, **options: Any) -> Any:
        """Homology of the surface over Z, ``"Z/p"`` or ``"Q"``, or relative to a subcomplex or masks."""
        return self.complex.homology(coefficients, relative_to=relative_to, **options)

    def arrays(self) -> dict[str, np.ndarray]:
        """The complex as it goes into an npz file: vertices, and by dimension starts, faces and signs (see ``Cells``)."""
        found = self.complex
        cells = found.incidence if hasattr(found, "incidence") else found.cells
        positions = found.positions if hasattr(found, "positions") else found.points
        arrays = {"vertices": np.asarray(positions)}
        for k in range(1, cells.dim + 1):
            arrays |= {f"starts_{k}": cells.starts[k], f"faces_{k}": cells.faces[k], f"signs_{k}": cells.signs[k]}
        return arrays

    def to_json(self) -> str:
        """Numbers and certainty as JSON text; the cells themselves are in :meth:`arrays`."""
        names = (
            "classes",
            "dim",
            "cell_counts",
            "euler_characteristic",
            "is_empty",
            "domain",
            "certainty",
            "provenance",
        )
        return json.dumps({name: plain(getattr(self, name)) for name in names}, allow_nan=False)

    def columns(self) -> dict[str, Any]:
        """One row a dimension: dimension and number of cells."""
        return {"dimension": list(range(len(self.cell_counts))), "cells": list(self.cell_counts)}

    def __repr__(self) -> str:
        who = "all classes" if self.classes is None else f"classes {self.classes[0]} and {self.classes[1]}"
        counts = " + ".join(f"{n:,}" for n in self.cell_counts)
        return f"{type(self).__name__}({who}, dim={self.dim}, cells {counts} by dimension, {self.certainty})"
