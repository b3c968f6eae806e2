"""The record of a Conley index: homology of an index pair, how it was found, and what the boundary is like (§9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from separatrix.errors import InputError
from separatrix.homology.homology_record import Homology
from separatrix.records import Record

COMPUTED, NOT_ISOLATED, NOT_COMPUTED = "computed", "not isolated", "not computed"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ConleyIndex(Record):
    """The homological Conley index of the largest invariant set in a neighbourhood. f is climbed.

    - ``homology``: the groups H_k(N, L; Z) of an index pair by degree, with generators where it is made of cubes; None where
      nothing was computed
    - ``verdict``: "computed"; "not isolated": an equilibrium cannot be kept apart from the edge; "not computed", with ``reason``
    - ``method``: "spectrum" (one non-degenerate equilibrium), "no equilibrium", "block" (of a box, (8.9)), "level block" (9.11),
      "splitting" (a level block of f reduced to the Hessian's kernel, (9.14)) or "grid index pair" (9.10)
    - ``is_block``: whether the box that was asked about is an isolating block; None: not decided, or no box
    - ``exit_sides``, ``entry_sides``, ``mixed_sides``: for a box, the sides which the flow crosses outwards, inwards, and both
      ways with tangencies; sides that are not decided are in none
    - ``lower``, ``upper`` (dim,): the hull of N; ``levels``: (a, b) where N = {a <= f <= b}, infinite where there is no level
    - ``exit_lower``, ``exit_upper`` (m, dim): the cells of L, where it is made of cells (degenerate along some axes)
    - ``equilibria``: hulls (k, 2, dim) of the possible equilibria in N; ``n_cells``: cubes looked at
    - ``edges``: along each axis the numbers that bound the cubes of the grid of N, for :meth:`generators`
    - ``block_betti``, ``exit_betti``: ranks of H_k(N) and H_k(L); the long exact sequence of the pair was checked on them

    A computed index without any group is trivial: the invariant set may be empty, or not (a fold). It is no lack of an answer.
    """

    verdict: str
    homology: Homology | None = None
    method: str = ""
    reason: str = ""
    neighbourhood: str = ""
    is_block: bool | None = None
    exit_sides: tuple[str, ...] = ()
    entry_sides: tuple[str, ...] = ()
    mixed_sides: tuple[str, ...] = ()
    lower: np.ndarray = field(default_factory=lambda: np.zeros(0))
    upper: np.ndarray = field(default_factory=lambda: np.zeros(0))
    levels: tuple[float, ...] = ()
    exit_lower: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    exit_upper: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    equilibria: np.ndarray = field(default_factory=lambda: np.zeros((0, 2, 0)))
    n_cells: int = 0
    edges: tuple[np.ndarray, ...] = ()
    block_betti: tuple[int, ...] = ()
    exit_betti: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    drawer: ClassVar[str] = ""

    @property
    def betti(self) -> tuple[int, ...]:
        """Ranks by degree; () where nothing was computed."""
        return () if self.homology is None else self.homology.betti

    @property
    def torsion(self) -> tuple[tuple[int, ...], ...]:
        """Torsion coefficients by degree; () where nothing was computed."""
        return () if self.homology is None else self.homology.torsion

    @property
    def is_trivial(self) -> bool | None:
        """Whether all groups are zero; None where nothing was computed."""
        return None if self.homology is None else not any(self.betti) and not any(self.torsion)

    @property
    def euler_characteristic(self) -> int | None:
        """The alternating sum of the ranks; None where nothing was computed."""
        return None if self.homology is None else sum((-1) ** k * b for k, b in enumerate(self.betti))

    @property
    def morse_index(self) -> int | None:
        """m where the index is that of a non-degenerate point of Morse index m, one Z in degree m; else None."""
        if self.homology is None or any(self.torsion) or sum(self.betti) != 1:
            return None
        return self.betti.index(1)

    @property
    def groups(self) -> str:
        """The groups in words, such as ``H_1 = Z^2``, "trivial", or the verdict where nothing was computed."""
        if self.homology is None:
            return self.verdict
        found = [f"H_{k} = {self.homology.group(k)}" for k in range(self.homology.dim + 1)]
        return ", ".join(text for text in found if not text.endswith(" = 0")) or "trivial"

    def generators(self, degree: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Generators of H_k as chains of cells of the grid: corners (m, dim) twice, and coefficients (m,) of the cells.

        Their boundaries lie in L. InputError where the index was found without cubes: by the spectrum or from whole sides.
        """
        if self.homology is None or not self.edges:
            raise InputError(
                f"ConleyIndex.generators: the index was found without cubes ({self.method or self.verdict})"
            )
        found = []
        for chain in self.homology.generators(degree):
            cells = self.homology.domain.cells(degree)[chain.cells]
            low, high = (
                np.stack([edge[(cells[:, i] + up) // 2] for i, edge in enumerate(self.edges)], axis=1) for up in (0, 1)
            )
            found.append((low, high, np.asarray(chain.coefficients)))
        return found

    def columns(self) -> dict[str, Any]:
        """One row a degree; none where nothing was computed."""
        degrees = range(len(self.betti))
        return {
            "degree": list(degrees),
            "rank": list(self.betti),
            "torsion": [" ".join(map(str, orders)) for orders in self.torsion],
            "group": [self.homology.group(k) for k in degrees] if self.homology is not None else [],
        }

    def __repr__(self) -> str:
        where = f" of {self.neighbourhood}" if self.neighbourhood else ""
        how = f"by {self.method}" if self.method else ""
        rest = "; ".join(text for text in (how, str(self.certainty), self.reason) if text)
        return f"ConleyIndex({self.groups}{where}; {rest})"
