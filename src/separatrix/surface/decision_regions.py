"""The decision regions of a network: components, volumes, witnesses, data inside, islands (§6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.complexes.cells import Masks
from separatrix.complexes.oriented_volumes import full_volumes
from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.domains import WholeSpace, points
from separatrix.errors import InputError, KindError
from separatrix.networks.network import Network
from separatrix.surface.components import Components, components
from separatrix.surface.cut_complex import as_limits, as_surface_domain, cut_complex
from separatrix.surface.regions_record import DecisionRegion, DecisionRegions, RegionComponent
from separatrix.surface.top_classes import Contrasts, top_classes_of_cells

CANDIDATES = 32
LOOSE = 1e-9  # a volume with a larger relative error is told as an enclosure


def decision_regions(net: Network, box: Any, data: Any = None, **options: Any) -> DecisionRegions:
    """Every class's closed region {z_k >= z_l for all l} in a box: its components, their volumes, data inside, homology.

    ``net``: piecewise linear with up to about 6 inputs, or smooth with up to 3; ``box``: a Box or a pair (lower, upper);
    ``data``: points (m, dim), or (x, y) with labels, in the units of the input; a point belongs to the component of the class
    that the network gives it (ties: the smallest class); points outside the box are counted and said. ``options``:
    ``max_cells`` of the arrangement; for smooth networks ``halvings`` and ``max_simplices`` of the mesh. Raises InputError
    and KindError, UnresolvedError where a limit is reached.

    >>> net = Network.from_arrays([[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[-1.0] * 4]], [[0.0] * 4, [1.0]])
    >>> regions = decision_regions(net, ([-2, -2], [2, 2]))  # class 1 where |x| + |y| <= 1
    >>> [(region.n_components, region.volume, region.homology().betti) for region in regions]
    [(1, 14.0, (1, 1, 0)), (1, 2.0, (1, 0, 0))]
    """
    if not isinstance(net, Network):
        raise KindError(f"expected a Network, came {type(net).__name__}; separatrix.load reads one")
    domain = as_surface_domain(net, box)
    if isinstance(domain, WholeSpace):
        raise InputError(
            "decision_regions: expected a box; on the whole space take decision_surface(net, None).ambient"
        )
    rows = data_points(data, net.n_inputs, net.n_classes)
    if not net.is_piecewise_linear:
        from separatrix.surface.smooth.decision_regions_smooth import smooth_decision_regions

        return smooth_decision_regions(net, domain, rows, **as_limits(net, options))
    contrasts = Contrasts.of(net.n_classes, None)
    fine = cut_complex(net, domain, contrasts, **as_limits(net, options))
    return _Regions(fine, contrasts, rows).record()


def data_points(data: Any, dim: int, n_classes: int) -> np.ndarray | None:
    """The points of ``data``: an array (m, dim), or the first of a pair (x, y) with one label a point; None for None.

    Labels are looked at, not used: points are counted by the class that the network gives them. Raises InputError and
    KindError for points and labels that are none.
    """
    if data is None:
        return None
    if isinstance(data, (tuple, list)) and len(data) == 2 and np.ndim(data[0]) >= 2:
        rows = points(data[0], dim, "data")
        _check_labels(data[1], len(rows), n_classes)
        return rows
    return points(data, dim, "data")


def _check_labels(labels: Any, n: int, n_classes: int) -> None:
    """InputError or KindError unless ``labels`` are n class numbers."""
    try:
        array = np.asarray(labels)
    except ValueError:
        raise InputError("data: the labels are no row of class numbers") from None
    if array.dtype.kind not in "iubf":
        raise KindError(f"data: labels must be class numbers 0, 1, 2, …, came an array of {array.dtype}")
    if array.shape != (n,):
        raise InputError(f"data: expected as many labels as points, shape ({n},), came {array.shape}")
    bad = np.flatnonzero(~((array >= 0) & (array < n_classes) & (array == np.floor(array))))
    if bad.size:
        raise InputError(
            f"data: labels must be class numbers from 0 to {n_classes - 1}, came {array[bad[0]]} in row {int(bad[0])}"
        )


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PolyhedralRegion(DecisionRegion):
    """The region of a class of a piecewise linear network, as cells of the complex that all z_i - z_j cut."""

    _parent: PolyhedralComplex = field(repr=False)
    _masks: Masks = field(repr=False)

    @property
    def parent(self) -> PolyhedralComplex:
        """The whole box, cut by the hidden neurons and by all z_i - z_j."""
        return self._parent

    @property
    def masks(self) -> Masks:
        """The region's cells among those of ``parent``, by dimension."""
        return self._masks

    @property
    def complex(self) -> PolyhedralComplex:
        """The closed region as a subcomplex of the linear regions, cut by all z_i - z_j."""
        return self._complex

    @cached_property
    def _complex(self) -> PolyhedralComplex:
        return self.parent.subcomplex(self.masks, dim=self.parent.dim)


class _Regions:
    """What the regions of all classes share."""

    def __init__(self, fine: PolyhedralComplex, contrasts: Contrasts, data: np.ndarray | None) -> None:
        self.fine, self.contrasts, self.data = fine, contrasts, data
        self.top = top_classes_of_cells(fine.cells, fine.layout, fine.positive, fine.negative, contrasts)
        self.volumes, self.upper_volumes = _sizes(fine)
        self.inside = fine.witnesses()
        self.on_boundary = (fine.box_signs(0) == 0).any(axis=1)
        self.n_top = self.top[fine.dim].sum(axis=1)
        self.carrier = None if data is None else fine.carriers(data)

    def record(self) -> DecisionRegions:
        """The regions of all classes."""
        fine, n_classes = self.fine, self.contrasts.n_classes
        regions = tuple(self._region(k) for k in range(n_classes))
        triple = np.flatnonzero(self.top[0].sum(axis=1) >= 3)
        outside = None if self.carrier is None else int((self.carrier[0] < 0).sum())
        return DecisionRegions(
            network=fine.network,
            regions=regions,
            triple_points=fine.points[triple],
            triple_classes=tuple(tuple(np.flatnonzero(row).tolist()) for row in self.top[0][triple]),
            n_data=None if self.data is None else len(self.data),
            n_data_outside=outside,
            notes=(*self._notes(outside), *(note for region in regions for note in region.notes)),
            domain=fine.domain,
            certainty=Certainty.PROVED,
            provenance=fine.provenance,
        )

    def _notes(self, outside: int | None) -> list[str]:
        notes = []
        if outside and self.data is not None:
            notes.append(f"{outside:,} of {len(self.data):,} data points lie outside the box and are in no region")
        tied = self.volumes[self.n_top > 1].sum()
        if (self.n_top > 1).any():
            notes.append(
                f"classes tie at the top on full-dimensional cells of volume {tied:.6g}; these belong to each of their regions"
            )
        return notes

    def _region(self, k: int) -> PolyhedralRegion:
        fine = self.fine
        masks = tuple(part[:, k] for part in self.top)
        parts = components(fine.cells, masks)
        volume, upper = (self._sums(parts, sizes) for sizes in (self.volumes, self.upper_volumes))
        n_data = self._data_inside(k, parts)
        witness, proved = self._witnesses(k, parts)
        touching = np.zeros(parts.n_components, dtype=bool)
        touching[parts.labels[0][masks[0] & self.on_boundary]] = True
        order = np.argsort(-volume, kind="stable")
        found = tuple(
            RegionComponent(
                class_number=k,
                volume=float(volume[i]),
                volume_upper=float(upper[i]),
                witness=witness[i],
                touches_boundary=bool(touching[i]),
                n_data=None if n_data is None else int(n_data[i]),
                n_pieces=int(parts.n_pieces[i]),
                domain=fine.domain,
                certainty=Certainty.PROVED if proved[i] else Certainty.HEURISTIC,
            )
            for i in order
        )
        return PolyhedralRegion(
            class_number=k,
            components=found,
            notes=tuple(_piece_notes(k, found)),
            _parent=fine,
            _masks=masks,
            domain=fine.domain,
            certainty=Certainty.PROVED,
            provenance=fine.provenance,
        )

    def _sums(self, parts: Components, weights: np.ndarray) -> np.ndarray:
        label = parts.labels[self.fine.dim]
        inside = label >= 0
        return np.bincount(label[inside], weights=weights[inside], minlength=parts.n_components)

    def _data_inside(self, k: int, parts: Components) -> np.ndarray | None:
        """Data points by component: those whose smallest class at the top is k."""
        if self.carrier is None:
            return None
        found = np.zeros(parts.n_components, dtype=np.int64)
        dimension, number = self.carrier
        for degree in range(self.fine.dim + 1):
            cells = number[dimension == degree]
            own = cells[self.top[degree][cells].argmax(axis=1) == k]
            np.add.at(found, parts.labels[degree][own], 1)
        return found

    def _witnesses(self, k: int, parts: Components) -> tuple[np.ndarray, np.ndarray]:
        """A point of every component (n_components, n), and where it is proved to lie inside.

        Cells on which k alone is at the top come first, the largest ones of them, until one has a point to which the
        network gives class k in doubles, too; that the rounded point lies in a cell of the component is decided exactly.
        """
        fine, label = self.fine, parts.labels[self.fine.dim]
        found, (proved, settled) = self._vertices(parts), np.zeros((2, parts.n_components), dtype=bool)
        cells = np.flatnonzero(label >= 0)
        cells = cells[np.lexsort((-self.volumes[cells], self.n_top[cells] > 1, label[cells]))]
        rank = np.arange(cells.size) - np.searchsorted(label[cells], label[cells])
        for turn in range(CANDIDATES):
            chosen = cells[rank == turn]
            chosen = chosen[~settled[label[chosen]]]
            if not chosen.size:
                break
            x = self.inside[chosen]
            dimension, number = fine.carriers(x)
            sure = dimension == fine.dim
            sure &= label[np.where(sure, number, 0)] == label[chosen]
            with np.errstate(over="ignore", invalid="ignore"):
                agrees = sure & (fine.network.predict(x) == k)
            for accepted, mark in ((sure & ~proved[label[chosen]], proved), (agrees, settled)):
                found[label[chosen[accepted]]] = x[accepted]
                mark[label[chosen[accepted]]] = True
        return found, proved

    def _vertices(self, parts: Components) -> np.ndarray:
        """One vertex of every component, (n_components, n)."""
        members = np.flatnonzero(parts.labels[0] >= 0)
        _, firsts = np.unique(parts.labels[0][members], return_index=True)
        return self.fine.points[members[firsts]].copy()


def _sizes(complex_: PolyhedralComplex) -> tuple[np.ndarray, np.ndarray]:
    """Volumes of the top cells, twice; in boxes so large or small that doubles lose them, lower and upper bounds."""
    n, domain = complex_.ambient_dim, complex_.domain
    with np.errstate(over="ignore", invalid="ignore"):
        largest, least = max(abs(domain.lower.min()), abs(domain.upper.max())), (domain.upper - domain.lower).min()
        if largest < 2.0 ** (900 / n) and least > 2.0 ** (-900 / n):
            found = full_volumes(complex_.cells, complex_.points)
            return found, found
        found, errors = complex_.volumes(), complex_.volume_errors()
        is_loose = errors > LOOSE * found
        lower = np.where(is_loose, np.maximum(found - errors, 0.0), found)
        return lower, np.where(is_loose, found + errors, found)


def _piece_notes(k: int, found: tuple[RegionComponent, ...]) -> list[str]:
    notes = []
    for number, component in enumerate(found):
        if component.n_pieces > 1:
            notes.append(
                f"class {k}: component {number} consists of {component.n_pieces} pieces that meet only in faces of codimension "
                "2 or more"
            )
        if component.n_pieces == 0:
            notes.append(f"class {k}: component {number} has no inner point; there the class only ties with others")
    return notes
