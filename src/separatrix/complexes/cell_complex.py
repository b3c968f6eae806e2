"""What simplicial and cubical complexes have in common: cells, boundary operators, homology (§7)."""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.errors import InputError

ENTRY_LIMIT = 400_000_000
"""Faces of faces that are held at once: 3 GB of keys."""


class CellComplex:
    """A complex made of :class:`~separatrix.complexes.cells.Cells`, which ``incidence`` holds.

    Subclasses say how a cell is written (:meth:`cell_name`).
    """

    def __init__(self, incidence: Cells) -> None:
        self.incidence = incidence

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of cells by dimension, from 0 up."""
        return self.incidence.counts

    cell_counts = counts

    @property
    def starts(self) -> tuple[np.ndarray, ...]:
        """Where the faces of each cell begin, by dimension; see ``Cells``."""
        return self.incidence.starts

    @property
    def faces(self) -> tuple[np.ndarray, ...]:
        """Numbers of the faces of all cells, by dimension; see ``Cells``."""
        return self.incidence.faces

    @property
    def signs(self) -> tuple[np.ndarray, ...]:
        """Incidence numbers of the faces, by dimension; see ``Cells``."""
        return self.incidence.signs

    @property
    def dim(self) -> int:
        """Largest dimension of a cell; -1 for the empty complex."""
        return self.incidence.dim

    @property
    def euler_characteristic(self) -> int:
        """Alternating sum of the numbers of cells."""
        return self.incidence.euler_characteristic

    def boundary_operator(self, k: int) -> Any:
        """The boundary operator of degree ``k``: scipy sparse (cells of k - 1, cells of k), CSC, int64.

        Raises InputError for a degree that the complex does not have.
        """
        operator = self.incidence.boundary_operator(k)
        operator.sum_duplicates()
        operator.eliminate_zeros()
        return operator

    @cached_property
    def chain_complex(self) -> Any:
        """The :class:`~separatrix.homology.chain_complex.ChainComplex` of the cells."""
        from separatrix.homology.chain_complex import ChainComplex

        return ChainComplex.from_columns(self.counts, self.starts, self.faces, self.signs)

    def homology(self, coefficients: str = "Z", relative_to: Any = None) -> Any:
        """Homology over Z, ``"Z/p"`` or ``"Q"``, of the complex or relative to a subcomplex.

        ``relative_to``: a boolean mask a degree, closed under faces, or a subcomplex. Returns a ``Homology``; raises
        InputError for masks that are not closed.

        >>> from separatrix.complexes.simplicial_complex import SimplicialComplex
        >>> SimplicialComplex([(0, 1), (1, 2), (0, 2)]).homology().betti
        (1, 1)
        """
        from separatrix.homology.groups import homology

        found = homology(self.chain_complex, coefficients, relative_to=self.part(relative_to))
        return replace(found, domain=self)  # which knows what its cells are called

    def explain(self, format: str = "text", coefficients: str = "Z", relative_to: Any = None) -> str:
        """The computation of the homology written out as by hand, as "text", "markdown" or "latex"."""
        from separatrix.homology.explain import explain

        return explain(self.homology(coefficients, relative_to), format)

    def plot(self, ax: Any = None, chains: Any = ()) -> Any:
        """Draw on matplotlib axes ``ax`` (made if absent) and return them; ``chains``: cycles to draw thick.

        Simplicial complexes need positions. InputError for what cannot be drawn.
        """
        drawer = importlib.import_module("separatrix.views.homology_plots")
        return drawer.plot_cell_complex(self, ax=ax, chains=chains)

    def part(self, relative_to: Any) -> Any:
        """A subcomplex as homology takes it; subclasses know more ways to name one."""
        return relative_to

    def cell_name(self, k: int, number: int) -> str:
        """How the cell ``number`` of dimension ``k`` is written by hand."""
        return f"{'vefc'[k] if k < 4 else f'c{k}_'}{number}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(dim={self.dim}, cell_counts={self.cell_counts})"


def check_size(n_cells: int, what: str) -> None:
    """Raise InputError where a complex would have more cells of a dimension than can be held."""
    if n_cells > ENTRY_LIMIT:
        raise InputError(
            f"{what}: {n_cells:,} entries in one dimension are more than the {ENTRY_LIMIT:,} that can be held; "
            "give a smaller complex, or its boundary operators as a ChainComplex"
        )
