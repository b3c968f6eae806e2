"""The polyhedral complex of a piecewise linear network: where points lie, affine maps, parts, homology, exports (§6)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from separatrix.complexes.polyhedral_record import PolyhedralRecord


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PolyhedralComplex(PolyhedralRecord):
    """A complex of convex polyhedra on each of which every neuron has one sign; its fields stand in the base class.

    Methods that take a dimension ``k`` raise KindError where it is no integer and InputError where there is no such one.

    >>> from separatrix.networks.network import Network
    >>> from separatrix.surface.linear_regions import linear_regions
    >>> net = Network.from_arrays([[[1.0, 1.0], [1.0, -1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    >>> four = linear_regions(net, ([-1, -1], [1, 1]))
    >>> region = four.locate([[0.5, 0.0]])
    >>> four.signs(2, region).tolist(), four.volumes(2)[region].tolist()
    ([[1, 1]], [1.0])
    """

    drawer: ClassVar[str] = "complex_plots:plot_complex"

    def subcomplex(self, masks: Any, dim: int | None = None) -> PolyhedralComplex:
        """The subcomplex of boolean masks, one a dimension, closed under faces (checked); it knows its parent's numbers.

        ``dim``: its dimension, by default that of its highest cell. Raises InputError where a face is missing.
        """
        from separatrix.complexes.unbounded import subcomplex

        return subcomplex(self, masks, dim)

    def homology(self, coefficients: str = "Z", relative_to: Any = None, kind: str | None = None) -> Any:
        """Homology groups with generators; relative to a subcomplex or masks.

        ``kind``: on the whole space ``"ordinary"`` (the default), ``"borel-moore"`` or ``"one-point"``; on a box the first
        two are the same. Cells of chains are numbered as here.
        """
        from separatrix.complexes.unbounded import complex_homology

        return complex_homology(self, coefficients, relative_to, kind)

    def affine_map(self, region: int, exact: bool = False) -> tuple[Any, Any]:
        """(A, c) with logits A x + c on the closed top cell ``region``, (n_classes, n) and (n_classes,), float64.

        ``exact``: arrays of fractions instead, without rounding.
        """
        from separatrix.complexes.region_maps import affine_map

        return affine_map(self, region, exact)

    def locate(self, x: Any) -> np.ndarray:
        """The number of a top cell that holds each row of ``x`` (m, n), int64 (m,); -1 where there is none.

        Decided exactly. A point on a common face belongs to the top cell of the smallest number; see :meth:`carriers`.
        """
        from separatrix.complexes.location import locate

        return locate(self, x)

    def carriers(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """(dimension, number) of the cell whose relative interior holds each row of ``x``, int64 (m,); -1: none."""
        from separatrix.complexes.location import carriers

        return carriers(self, x)

    def point_words(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(positive, negative) sign words of points ``x`` (m, n), exact, and which of them lie in the domain."""
        from separatrix.complexes.location import point_words

        return point_words(self, x)

    def sign_index(self, k: int) -> Any:
        """The k-cells by their sign vectors; kept."""
        from separatrix.complexes.location import SignIndex

        if k not in self._indices:
            self._indices[k] = SignIndex(*self.sign_words(k))
        return self._indices[k]

    @cached_property
    def _indices(self) -> dict[int, Any]:
        return {}

    def adjacency(self, k: int | None = None) -> Any:
        """The k-cells, by default those of top dimension, as a networkx graph: joined where they have a common facet.

        Node c is the k-cell c; the number of the facet is the edge's ``facet``. MissingExtraError without networkx.
        """
        from separatrix.complexes.adjacency import adjacency_graph

        return adjacency_graph(self, self.dim if k is None else self.cells.dimension(k))

    def witnesses(self, k: int | None = None) -> np.ndarray:
        """A point inside every k-cell, by default of top dimension, (cell_counts[k], n), rounded."""
        from separatrix.complexes.measures import witnesses

        return witnesses(self, self.dim if k is None else self.cells.dimension(k))

    def volumes(self, k: int | None = None) -> np.ndarray:
        """The k-dimensional volume of every k-cell, by default of top dimension; infinite where unbounded, rounded."""
        from separatrix.complexes.measures import volumes

        return volumes(self, self.dim if k is None else self.cells.dimension(k))

    def volume_errors(self, k: int | None = None) -> np.ndarray:
        """Proved bounds on the errors of :meth:`volumes`, from those of the vertices and of all roundings."""
        from separatrix.complexes.measures import volume_errors

        return volume_errors(self, self.dim if k is None else self.cells.dimension(k))

    def triangulate(self, method: str = "pulling") -> Any:
        """A :class:`~separatrix.complexes.triangulated_complex.TriangulatedComplex` of the same space.

        ``"pulling"`` adds no vertices, ``"barycentric"`` has one for every cell. InputError where cells are unbounded.
        """
        from separatrix.complexes.triangulated_complex import TriangulatedComplex

        return TriangulatedComplex(self, method)

    def polygons(self) -> tuple[np.ndarray, np.ndarray]:
        """(starts, vertices): the corners of the 2-cell c in cyclic order are ``vertices[starts[c]:starts[c + 1]]``."""
        from separatrix.complexes.polygons import polygons

        return polygons(self.cells, self.cell_counts[self.cells.dimension(2)])

    def to_gudhi(self) -> Any:
        """The pulling triangulation as a ``gudhi.SimplexTree``; MissingExtraError without gudhi."""
        from separatrix.complexes.exports import to_gudhi

        return to_gudhi(self)

    def to_meshio(self) -> Any:
        """The top cells as a ``meshio.Mesh``, in at most three dimensions; MissingExtraError without meshio."""
        from separatrix.complexes.exports import to_meshio

        return to_meshio(self)

    def save_ply(self, path: Any) -> Any:
        """Write the 2-cells, or the edges of a curve, as a PLY file; the path."""
        from separatrix.complexes.exports import save_ply

        return save_ply(self, path)
