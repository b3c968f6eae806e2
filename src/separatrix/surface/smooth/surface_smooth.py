"""The record of a smooth network's decision surface: a simplicial complex with its certificate (§6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.complexes.cell_complex import CellComplex
from separatrix.complexes.cells import Cells
from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.domains import Box
from separatrix.surface.surface_record import DecisionSurface


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class SmoothDecisionSurface(DecisionSurface):
    """A simplicial surface that stands for the true decision surface of a smooth network with 1 to 3 inputs.

    Proved, for two classes: an isotopy of the box that keeps every face of the box carries the complex to the true surface
    and the labels' regions to the true regions. With more classes the result is at most verified.

    - ``facets`` (F, n): vertex numbers of the surface's top simplices, normals from class 0 to class 1 if there are two
    - ``vertices`` (V, n) in the box; ``vertex_error`` (V,): proved bound on the 2-norm distance to a point where the two
      classes tie, infinite where there is none
    - ``pairs`` (F, 2): the classes on the two sides of each facet, the smaller first
    - ``mesh_vertices`` (M, n), ``mesh_simplices`` (N, n + 1), ``labels`` (M,): the conforming mesh of the box and the
      winning class at its vertices; ``excluded`` (N,): simplices on which one class is proved to win everywhere
    - ``unsettled``: boxes of simplices where neither holds, with ``unsettled_reasons``; where there are some, nothing is
      called proved; ``n_tested`` simplices were tested
    - ``triple_points`` (T, n) with ``triple_classes``: where three classes tie at the top (in space: where their curves
      cross faces of the mesh)
    """

    facets: np.ndarray
    vertices: np.ndarray
    vertex_error: np.ndarray
    pairs: np.ndarray
    mesh_vertices: np.ndarray
    mesh_simplices: np.ndarray
    labels: np.ndarray
    excluded: np.ndarray
    unsettled: tuple[Box, ...] = ()
    unsettled_reasons: tuple[str, ...] = ()
    n_tested: int = 0
    triple_points: np.ndarray = field(default_factory=lambda: np.zeros((0, 1)))
    triple_classes: tuple[tuple[int, ...], ...] = ()
    _mesh: Any = field(default=None, repr=False)

    @property
    def is_settled(self) -> bool:
        """Whether every simplex of the mesh passed its test."""
        return not self.unsettled

    @property
    def ambient(self) -> SimplicialComplex:
        """The mesh of the box as a simplicial complex; its vertices carry ``labels``."""
        return self._ambient

    @cached_property
    def _ambient(self) -> SimplicialComplex:
        return SimplicialComplex(self.mesh_simplices, positions=self.mesh_vertices)

    def triangulate(self) -> SimplicialComplex:
        """The surface, which is simplicial already."""
        return self.complex

    def neuron_cover(self, layer: int = 0) -> Any:
        """The cover of the surface by the neurons of a hidden layer (0: the first), a NeuronCover, at barycentres."""
        from separatrix.surface.neurons import neuron_cover

        n_classes = self.network.n_classes
        rows = np.zeros((len(self.facets), n_classes))
        at = np.arange(len(self.facets))
        rows[at, self.pairs[:, 1]] = 1.0
        rows[at, self.pairs[:, 0]] = -1.0
        # the complex numbers its facets in lexicographic order of sorted vertices
        order = np.lexsort(np.sort(self.facets, axis=1).T[::-1]) if len(self.facets) else at
        barycentres = self.vertices[self.facets].mean(axis=1).reshape(len(self.facets), -1)
        incidence = self.complex.incidence
        return neuron_cover(self.network, incidence, barycentres[order], rows[order], layer=layer)

    def piecewise_linear_approximation(self, pieces: int = 6, knots: str = "density") -> Any:
        """The ReLU network made by chords of every neuron's activation, with a proved bound on its error (C1).

        See :func:`separatrix.surface.smooth.chords.piecewise_linear_approximation`.
        """
        from separatrix.surface.smooth.chords import piecewise_linear_approximation

        return piecewise_linear_approximation(self.network, self.domain, pieces, knots=knots, classes=self.classes)

    def chord_topology(self, limit: int = 16, knots: str = "density") -> Any:
        """From how many pieces a neuron on the chords' surface is proved to be this one up to isotopy (two classes, C1).

        See :func:`separatrix.surface.smooth.chord_isotopy.chord_topology`.
        """
        from separatrix.surface.smooth.chord_isotopy import chord_topology

        return chord_topology(self.network, self.domain, classes=self.classes, knots=knots, limit=limit)


def surface_complex(facets: np.ndarray, vertices: np.ndarray) -> SimplicialComplex:
    """The simplicial complex of the facets (F, n); for none, the complex with n zeros in its counts."""
    n = facets.shape[1]
    if len(facets):
        return SimplicialComplex(facets, positions=vertices)
    starts = tuple(np.zeros(1, dtype=np.int64) for _ in range(n))
    made = SimplicialComplex.__new__(SimplicialComplex)
    made.vertices, made.positions = [], np.zeros((0, n))
    made.simplices = tuple(np.zeros((0, k + 1), dtype=np.int32) for k in range(n))
    nothing = tuple(np.zeros(0, dtype=np.int32) for _ in range(n))
    CellComplex.__init__(made, Cells((0,) * n, starts, nothing, tuple(np.zeros(0, dtype=np.int8) for _ in range(n))))
    return made
