"""What a polyhedral complex holds: cells, vertices, sign bits; its counts, sign vectors and boundary operators (§6)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.complexes.inclusion import Inclusion
from separatrix.complexes.sign_layout import SignLayout, SignWords
from separatrix.errors import InputError
from separatrix.records import Record, plain


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PolyhedralRecord(Record):
    """A complex of convex polyhedra on each of which every neuron has one sign.

    Cells are numbered by dimension. On the whole space the cells are open at infinity: the faces that a far box would give
    them stand in ``cells`` after all others, and are not counted; make such complexes with :meth:`of`.

    - ``cells``: faces and incidence; ``cell_counts``: number of cells by dimension, from 0 up
    - ``points`` (V, n): coordinates of the vertices of ``cells``, in the units of the input; ``point_error`` (V,): bound on
      the distance to the exact vertex, infinite where unknown
    - ``positive``, ``negative`` (V, words) uint64: sign bits of the vertices, ``layout`` says which bit is which
    - ``network``: whose cells these are; ``steps``: the network as affine steps with creases
    - ``n_exact_decisions``: signs that floating point could not decide and rational arithmetic did
    - ``inclusion``: for a subcomplex, where its cells lie in its parent
    """

    cells: Cells
    cell_counts: tuple[int, ...]
    points: np.ndarray
    point_error: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    layout: SignLayout
    network: Any = None
    steps: tuple[Any, ...] = ()
    n_exact_decisions: int = 0
    inclusion: Inclusion | None = None

    def __post_init__(self) -> None:
        n, words, count = self.layout.dim, self.layout.n_words, self.cells.counts[0]
        expected = {
            "points": (count, n),
            "point_error": (count,),
            "positive": (count, words),
            "negative": (count, words),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise InputError(f"{name}: expected shape {shape}, came {getattr(self, name).shape}")

    @classmethod
    def of(cls, cells: Cells, vertices: np.ndarray, *, far: np.ndarray | None = None, **fields: Any) -> Self:
        """The complex of ``cells`` with ``vertices`` (V, n); ``far`` (V,) marks those on the faces of a far box.

        Other fields as in the class; ``vertex_error`` (V,) is infinite where not given. Where ``far`` is given the box is
        no part of the complex: cells in its faces are moved to the end and not counted.
        """
        from separatrix.complexes.unbounded import finite_first

        error = np.asarray(fields.pop("vertex_error", np.full(len(vertices), np.inf)))
        positive, negative = fields.pop("positive"), fields.pop("negative")
        counts = cells.counts
        if far is not None and far.any():
            cells, counts, order = finite_first(cells, fields["layout"], positive)
            vertices, error, positive, negative = vertices[order], error[order], positive[order], negative[order]
        return cls(
            cells=cells,
            cell_counts=counts,
            points=vertices,
            point_error=error,
            positive=positive,
            negative=negative,
            **fields,
        )

    @property
    def dim(self) -> int:
        """Dimension of the complex."""
        return self.cells.dim

    @property
    def ambient_dim(self) -> int:
        """Number of inputs of the network."""
        return self.layout.dim

    @property
    def projection(self) -> str | None:
        """The kind of matplotlib axes that a figure needs: ``"3d"`` or None for flat ones."""
        return "3d" if self.ambient_dim == 3 else None

    @property
    def euler_characteristic(self) -> int:
        """Alternating sum of ``cell_counts``: for open cells the one with compact supports, (-1)^n for R^n."""
        return sum((-1) ** k * n for k, n in enumerate(self.cell_counts))

    @property
    def is_closed(self) -> bool:
        """Whether the faces of every cell are in the complex; not so where cells are open at infinity."""
        return self.cell_counts == self.cells.counts

    @property
    def vertices(self) -> np.ndarray:
        """Coordinates of the vertices, (cell_counts[0], n)."""
        return self.points[: self.cell_counts[0]]

    @property
    def vertex_error(self) -> np.ndarray:
        """Bounds on the distance of ``vertices`` to the exact ones, (cell_counts[0],)."""
        return self.point_error[: self.cell_counts[0]]

    @property
    def masks(self) -> tuple[np.ndarray, ...]:
        """A subcomplex as boolean masks of its parent's cells; of a complex without a parent, all cells."""
        if self.inclusion is not None:
            return self.inclusion.masks
        return tuple(np.ones(count, dtype=bool) for count in self.cell_counts)

    def sign_words(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(positive, negative) sign bits of the k-cells, (cell_counts[k], words) uint64: the OR over their vertices."""
        degree = self.cells.dimension(k)
        return self._words[degree][0][: self.cell_counts[degree]], self._words[degree][1][: self.cell_counts[degree]]

    @cached_property
    def _words(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        return SignWords(self.cells, self.positive, self.negative)

    def signs(self, k: int, cells: Any = None) -> np.ndarray:
        """Sign vectors of the k-cells, (cells, neurons) int8 in the order of ``layout.neurons``.

        ``cells``: numbers of the k-cells asked for, all if absent. Rows of outputs that cut the complex come last.
        """
        positive, negative = self.sign_words(k)
        if cells is not None:
            chosen = self.numbers(k, cells)
            positive, negative = positive[chosen], negative[chosen]
        return self.layout.unpacked(positive, negative)

    def box_signs(self, k: int) -> np.ndarray:
        """(cell_counts[k], 2n) int8: 0 where the cell lies in the face of the box, else 1; x_i - lower_i, upper_i - x_i."""
        return self.layout.box_signs(self.sign_words(k)[0])

    def numbers(self, k: int, cells: Any) -> np.ndarray:
        """``cells`` as numbers of k-cells, int64; InputError where there is none of that number."""
        found = np.atleast_1d(np.asarray(cells))
        count = self.cell_counts[self.cells.dimension(k)]
        if found.dtype == bool and found.shape == (count,):
            return np.flatnonzero(found)
        if found.size and (found.dtype.kind not in "iu" or found.ndim != 1 or found.min() < 0 or found.max() >= count):
            raise InputError(f"expected numbers of {k}-cells from 0 to {count - 1}")
        return found.astype(np.int64)

    def boundary_operator(self, k: int) -> Any:
        """Boundary operator of degree k, a scipy sparse array (k-1)-cells x k-cells, CSC, int64; product zero checked once."""
        degree = self.cells.dimension(k)
        operator = self.cells.boundary_operator(degree)
        if self.is_closed:
            return operator
        below = self.cell_counts[degree - 1] if degree else 0
        return operator[:below, : self.cell_counts[degree]].tocsc()

    def is_bounded(self, k: int) -> np.ndarray:
        """Which k-cells are bounded, (cell_counts[k],)."""
        degree = self.cells.dimension(k)
        if self.is_closed:
            return np.ones(self.cell_counts[degree], dtype=bool)
        return ~self._unbounded[degree][: self.cell_counts[degree]]

    @cached_property
    def _unbounded(self) -> tuple[np.ndarray, ...]:
        return self.cells.star(self.at_infinity)

    @property
    def at_infinity(self) -> tuple[np.ndarray, ...]:
        """Masks of ``cells``: those that the far box adds, a closed subcomplex."""
        pairs = zip(self.cells.counts, self.cell_counts, strict=True)
        return tuple(np.arange(count) >= own for count, own in pairs)

    def columns(self) -> dict[str, Any]:
        """One row a dimension: dimension, cells, bounded."""
        degrees = list(range(self.dim + 1))
        return {
            "dimension": degrees,
            "cells": list(self.cell_counts),
            "bounded": [int(self.is_bounded(k).sum()) for k in degrees],
        }

    def summary(self) -> dict[str, Any]:
        """What fits on a page: dimensions, counts, domain, certainty, provenance; the arrays are in :meth:`arrays`."""
        return {
            "dim": self.dim,
            "ambient_dim": self.ambient_dim,
            "cell_counts": list(self.cell_counts),
            "euler_characteristic": self.euler_characteristic,
            "n_exact_decisions": self.n_exact_decisions,
            "domain": self.domain,
            "certainty": self.certainty,
            "provenance": self.provenance,
        }

    def to_json(self) -> str:
        """The summary as JSON text."""
        return json.dumps(plain(self.summary()), allow_nan=False)

    def arrays(self) -> dict[str, np.ndarray]:
        """Vertices, sign bits and incidence by name, as they go into an npz file."""
        found = {name: getattr(self, name) for name in ("points", "point_error", "positive", "negative")}
        for k in range(1, self.dim + 1):
            for name in ("starts", "faces", "signs"):
                found[f"{name}_{k}"] = getattr(self.cells, name)[k]
        return found

    def __repr__(self) -> str:
        counts = " + ".join(f"{n:,}" for n in self.cell_counts)
        where = "" if self.is_closed else ", open at infinity"
        place = f"dim={self.dim} in R^{self.ambient_dim}"
        return f"{type(self).__name__}({place}, cells {counts} by dimension{where}, {self.certainty})"
