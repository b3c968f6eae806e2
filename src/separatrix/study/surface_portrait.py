"""What a study found of a decision surface, on the domain itself or on a slice of it (§6, §7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from separatrix.certainty import Certainty
from separatrix.records import Record


@dataclass(frozen=True)
class RegionSummary:
    """The decision region of class ``k``: components, islands, Betti numbers of the closed region, volume, data inside.

    ``share``: of the domain's volume; ``n_data``: -1 without data. ``note``: where components meet in faces of codimension 2
    or more.
    """

    k: int
    n_components: int
    n_islands: int
    betti: tuple[int, ...]
    share: float
    n_data: int = -1
    note: str = ""


@dataclass(frozen=True)
class NeuronSummary:
    """A first-layer neuron that dominates ``n_cells`` cells of the surface; ``share``: its mean share in their normals."""

    neuron: int
    n_cells: int
    share: float


@dataclass(frozen=True, eq=False)
class SurfaceDrawing:
    """The geometry that pictures need, kept small; empty arrays where there is too much of it, or nothing.

    - ``vertices`` (V, dim), ``simplices`` (S, dim): the surface, triangulated; ``neuron`` (S,): dominant neuron of each
    - ``cycles`` (E, 2): edges of representative cycles as pairs of ``vertices``, ``cycle`` (E,) the generator of each
    - ``creases`` (m, 2, dim): where neurons change sides, for two inputs
    - ``raster`` (h, w) int16: the predicted class at the middle of each cell of a grid over a plane box, first row on top
    - ``outline`` (k, 2): corners of the part of a plane slice that lies in the network's own domain
    """

    vertices: np.ndarray
    simplices: np.ndarray
    neuron: np.ndarray
    cycles: np.ndarray
    cycle: np.ndarray
    creases: np.ndarray
    raster: np.ndarray
    outline: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class SurfacePortrait(Record):
    """The decision surface of a network on a box, or on a slice through points.

    - ``place``: where, in words; ``dim``: dimension of the box or the slice; ``is_slice``; ``is_exact``: cells by
      exact signs (piecewise linear networks), not a subdivision
    - ``anchors`` (m, dim): the slice's points in its coordinates, ``anchor_points`` (m, n_inputs) themselves,
      ``anchor_labels`` (m,); empty where there is no slice
    - ``cell_counts``, ``ambient_counts``: cells by dimension of the surface and of what it divides (() where not counted)
    - ``betti``, ``torsion``: of the surface over Z, by degree; ``regions``: one summary a class that occurs
    - ``triple_points``: how many points, or pieces, where three classes meet
    - ``neurons``: those that dominate most cells first; ``n_neurons``: how many dominate any; ``nerve_betti``: of the nerve of
      that cover
    - ``computation``: a homology computation written out, of the complex named in ``computed``
    - ``n_exact``: signs that rational arithmetic decided; ``n_unsettled``: parts of the domain where nothing was decided
    """

    place: str
    dim: int
    is_slice: bool = False
    is_exact: bool = False
    anchors: np.ndarray
    anchor_points: np.ndarray
    anchor_labels: np.ndarray
    cell_counts: tuple[int, ...]
    ambient_counts: tuple[int, ...] = ()
    betti: tuple[int, ...]
    torsion: tuple[tuple[int, ...], ...]
    regions: tuple[RegionSummary, ...]
    regions_certainty: Certainty = Certainty.UNKNOWN
    triple_points: int = 0
    neurons: tuple[NeuronSummary, ...] = ()
    n_neurons: int = 0
    nerve_betti: tuple[int, ...] = ()
    computation: str = ""
    computed: str = ""
    n_exact: int = 0
    n_unsettled: int = 0
    drawing: SurfaceDrawing

    drawer: ClassVar[str] = "surface_portrait_plots:plot_surface_portrait"

    @property
    def projection(self) -> str | None:
        """Of the axes that :meth:`plot` needs: "3d" in space."""
        return "3d" if self.dim == 3 else None

    @property
    def n_components(self) -> int:
        """Connected components of the surface."""
        return self.betti[0] if self.betti else 0

    @property
    def n_islands(self) -> int:
        """Islands of all classes."""
        return sum(region.n_islands for region in self.regions)

    def columns(self) -> dict[str, Any]:
        """One row a class: components, islands, share of the volume, Betti numbers, data inside."""
        rows = self.regions
        return {
            "class": [row.k for row in rows],
            "components": [row.n_components for row in rows],
            "islands": [row.n_islands for row in rows],
            "share": [row.share for row in rows],
            "betti": [" ".join(map(str, row.betti)) for row in rows],
            "data": [row.n_data for row in rows],
        }
