"""Simplicial complexes from their facets: all faces, numbered in lexicographic order, with their incidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from separatrix.complexes.cell_complex import CellComplex
from separatrix.complexes.cells import Masks
from separatrix.complexes.facets import Labels, numbered_facets
from separatrix.complexes.simplices import Simplices, all_faces, unique_rows
from separatrix.errors import InputError, KindError, MissingExtraError, printable


class SimplicialComplex(CellComplex):
    """A finite simplicial complex: the given simplices and all their faces.

    Simplices are oriented by the order of their vertices, and the k-simplexes are numbered in lexicographic order. Labels
    that can be compared are sorted, others stand in the order in which they come.

    Args:
        facets: an integer array (m, d + 1), or any iterable of simplices, each an iterable of vertex labels (numbers,
            texts, tuples, …). Faces of other facets and repetitions of a facet do no harm.
        positions: where the vertices lie, for drawing: an array whose row v is vertex v (labels 0, 1, 2, …), or a
            mapping from labels to points; absent: nowhere.

    Attributes:
        vertices: the labels, in the order of their numbers.
        simplices: by dimension k an int32 array (n, k + 1) of vertex numbers.
        positions: float64 (n_vertices, n) or None.

    Raises:
        InputError: a vertex stands twice in a simplex, a simplex is empty, the complex is too large.
        KindError: what was given is no iterable of simplices.

    Example:
        >>> moebius = SimplicialComplex([(i, (i + 1) % 5, (i + 2) % 5) for i in range(5)])
        >>> moebius.cell_counts, moebius.euler_characteristic, moebius.homology().betti
        ((5, 10, 5), 0, (1, 1, 0))
    """

    def __init__(self, facets: Any, positions: Any = None) -> None:
        labels, rows = numbered_facets(facets)
        self._set(labels, all_faces(rows, len(labels)), None)
        if positions is not None:
            self.positions = vertex_positions(positions, labels)

    def _set(self, labels: Labels, found: Simplices, positions: np.ndarray | None) -> None:
        self.vertices, self.simplices, self.positions = labels, found.rows, positions
        super().__init__(found.incidence())

    @classmethod
    def _made(cls, labels: Labels, found: Simplices, positions: np.ndarray | None) -> SimplicialComplex:
        made = cls.__new__(cls)
        made._set(labels, found, positions)
        return made

    def cells(self, k: int) -> np.ndarray:
        """The k-simplexes, int32 (n, k + 1): numbers of their vertices, ascending in a row, rows in lexicographic order."""
        return self.simplices[self.incidence.dimension(k)]

    def simplex(self, k: int, number: int) -> tuple[Any, ...]:
        """The labels of the vertices of a k-simplex."""
        return tuple(_plain(self.vertices[v]) for v in self.cells(k)[number])

    def cell_name(self, k: int, number: int) -> str:
        """A simplex as it is written by hand: its vertices in brackets."""
        return "[" + ",".join(printable(label, 20) for label in self.simplex(k, number)) + "]"

    def facet_masks(self) -> Masks:
        """By dimension, which simplices are no faces of others."""
        found = [np.ones(n, dtype=bool) for n in self.counts]
        for k in range(1, self.dim + 1):
            found[k - 1][self.faces[k]] = False
        return tuple(found)

    def subcomplex(self, choice: Any) -> SimplicialSubcomplex:
        """A subcomplex, usable as ``relative_to``.

        ``choice``: simplices of the complex by their labels (their faces come along), a function of a vertex label that
        says which vertices to keep (the full subcomplex on them), or boolean masks, one a dimension, closed under
        faces. Raises InputError for simplices that the complex does not have and for masks that are not closed.

        >>> disc = SimplicialComplex([(0, 1, 2)])
        >>> disc.homology(relative_to=disc.subcomplex([(0, 1), (1, 2), (0, 2)])).betti
        (0, 0, 1)
        """
        if callable(choice):
            masks = self._full(choice)
        elif _are_masks(choice):
            masks = self.incidence.masks(choice)
        else:
            masks = self.incidence.closure(self._chosen(choice))
        return SimplicialSubcomplex(self, masks)

    def part(self, relative_to: Any) -> Any:
        """Subcomplexes by masks, by labels, or as complexes whose simplices are simplices of this one."""
        if relative_to is None or hasattr(relative_to, "masks") or _are_masks(relative_to):
            return relative_to
        if isinstance(relative_to, SimplicialComplex):
            relative_to = [relative_to.simplex(k, int(i)) for k, mask in enumerate(relative_to.facet_masks())
                           for i in np.flatnonzero(mask)]  # fmt: skip
        return self.subcomplex(relative_to)

    def _full(self, keeps: Callable[[Any], Any]) -> Masks:
        kept = np.array([bool(keeps(_plain(label))) for label in self.vertices], dtype=bool)
        return tuple(np.asarray(kept[rows].all(axis=1)) for rows in self.simplices)

    def _chosen(self, facets: Iterable[Any]) -> Masks:
        """Masks of the simplices with these labels, faces not included."""
        labels, rows = numbered_facets(facets)
        number = {_plain(label): v for v, label in enumerate(self.vertices)}
        unknown = [label for label in labels if _plain(label) not in number]
        if unknown:
            raise InputError(f"subcomplex: {printable(repr(_plain(unknown[0])))} is no vertex of the complex")
        own = np.array([number[_plain(label)] for label in labels], dtype=np.int32)
        masks = [np.zeros(n, dtype=bool) for n in self.counts]
        for k, chosen in rows.items():
            masks_row = self._positions_of(np.sort(own[chosen], axis=1), k)
            masks[k][masks_row] = True
        return tuple(masks)

    def _positions_of(self, rows: np.ndarray, k: int) -> np.ndarray:
        """Numbers of the k-simplexes with these vertex numbers; InputError for one that the complex does not have."""
        known = self.simplices[k] if k <= self.dim else np.zeros((0, k + 1), dtype=np.int32)
        both, inverse = unique_rows(np.concatenate([known, rows]), len(self.vertices))
        place = np.full(len(both), -1, dtype=np.int64)
        place[inverse[: len(known)]] = np.arange(len(known))
        found = place[inverse[len(known) :]]
        if (found < 0).any():
            labels = tuple(_plain(self.vertices[v]) for v in rows[int(np.argmin(found))])
            raise InputError(f"subcomplex: {printable(repr(labels))} is no simplex of the complex")
        return found

    def product(self, other: SimplicialComplex) -> SimplicialComplex:
        """The product |K| x |L|, triangulated by staircases; vertex (i, j) has number i * (vertices of L) + j."""
        from separatrix.complexes.constructions import product

        return product(self, other)

    def join(self, other: SimplicialComplex) -> SimplicialComplex:
        """The join K * L: the simplices of K, of L, and their unions; L's vertices are numbered after K's."""
        from separatrix.complexes.constructions import join

        return join(self, other)

    def suspension(self) -> SimplicialComplex:
        """The join with two points, which are numbered last."""
        from separatrix.complexes.constructions import suspension

        return suspension(self)

    def barycentric_subdivision(self) -> SimplicialComplex:
        """The complex of flags of simplices; vertices number the simplices of all dimensions, from dimension 0 up."""
        from separatrix.complexes.constructions import barycentric_subdivision

        return barycentric_subdivision(self)

    def to_gudhi(self) -> Any:
        """A ``gudhi.SimplexTree`` with the vertices' numbers and filtration value 0; MissingExtraError without gudhi."""
        try:
            import gudhi
        except ImportError:
            raise MissingExtraError("to_gudhi needs gudhi: pip install gudhi") from None
        tree = gudhi.SimplexTree()  # pyright: ignore[reportAttributeAccessIssue]
        for rows in self.simplices:
            tree.insert_batch(np.array(rows.T, order="C"), np.zeros(len(rows)))  # gudhi reads strides
        return tree


class SimplicialSubcomplex(SimplicialComplex):
    """A part of a simplicial complex, a complex itself; ``parent``, and ``masks``: its simplices there, by dimension."""

    def __init__(self, parent: SimplicialComplex, masks: Masks) -> None:
        incidence, ids = parent.incidence.restricted(masks)
        kept = np.flatnonzero(masks[0]) if masks else np.zeros(0, dtype=np.int64)
        number = np.zeros(len(parent.vertices), dtype=np.int32)
        number[kept] = np.arange(len(kept), dtype=np.int32)
        self.parent, self.masks = parent, masks
        self.vertices = [parent.vertices[v] for v in kept.tolist()]
        self.simplices = tuple(number[parent.simplices[k][chosen]] for k, chosen in enumerate(ids))
        self.positions = None if parent.positions is None else parent.positions[kept]
        CellComplex.__init__(self, incidence)


def vertex_positions(positions: Any, labels: Labels) -> np.ndarray:
    """Points of the vertices in the order of their numbers, float64 (n_vertices, n); InputError where one is missing."""
    plain = [_plain(label) for label in labels]
    if not isinstance(positions, dict):
        if not all(isinstance(label, int) and label >= 0 for label in plain):
            raise InputError(
                "positions: with vertices that are not numbered 0, 1, 2, … give a dict from labels to points"
            )
        array = np.asarray(positions)
        if array.ndim != 2 or len(array) <= max(plain, default=-1):
            raise InputError(f"positions: expected one row a vertex, the last being {max(plain)}, came {array.shape}")
        chosen: Any = array[plain]
    else:
        missing = [label for label in plain if label not in positions]
        if missing:
            raise InputError(f"positions: vertex {printable(repr(missing[0]))} has none")
        try:
            chosen = np.array([positions[label] for label in plain])
        except ValueError:
            raise InputError("positions: expected points of one dimension") from None
    if chosen.ndim != 2 or chosen.dtype.kind not in "fiu":
        raise KindError(f"positions: expected numbers of shape (n_vertices, n), came {chosen.shape} of {chosen.dtype}")
    found = chosen.astype(np.float64)
    if not np.isfinite(found).all():
        raise InputError("positions: expected finite numbers, came NaN or infinity")
    return found


def _are_masks(choice: Any) -> bool:
    """Whether a choice is a list of boolean masks: no simplex has truth values as vertices."""
    if not isinstance(choice, (list, tuple)):
        return False
    kinds = {type(v) for row in choice if isinstance(row, (list, tuple)) for v in row}
    kinds |= {row.dtype.type for row in choice if isinstance(row, np.ndarray)}
    return bool(kinds) and kinds <= {bool, np.bool_}


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
