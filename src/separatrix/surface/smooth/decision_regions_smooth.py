"""Decision regions of smooth networks: components with enclosures of their volumes, witnesses, data inside (§6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import factorial
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.domains import Box
from separatrix.networks.bounds import predictions_proved
from separatrix.networks.network import Network
from separatrix.numerics.intervals import Interval
from separatrix.surface.components import joined
from separatrix.surface.regions_record import DecisionRegion, DecisionRegions, RegionComponent
from separatrix.surface.smooth.certificate import TRANSVERSAL, CertifiedMesh, Limits, TwoClasses, certify
from separatrix.surface.smooth.decision_surface_smooth import limits_of, smooth_decision_surface
from separatrix.surface.smooth.envelope import breakpoints
from separatrix.surface.smooth.location import nodes_at
from separatrix.surface.smooth.mesh_components import HiddenIntervals, node_components, starred
from separatrix.surface.smooth.roots import in_box
from separatrix.surface.smooth.surface_smooth import SmoothDecisionSurface

VOLUME_GAP = 2e-3  # of the box's volume: where sharpening stops
VOLUME_TESTS = 30_000


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class SmoothRegion(DecisionRegion):
    """The closed region of a class of a smooth network; ``complex`` is homotopy equivalent to it."""

    parent: Any = field(repr=False)

    @property
    def complex(self) -> SimplicialComplex:
        """The simplices of the mesh with all vertices in the region, a deformation retract of it."""
        return self._complex

    @cached_property
    def _complex(self) -> SimplicialComplex:
        simplices, vertices, labels = self.parent
        inside = labels[simplices] == self.class_number
        faces = []
        for count in range(1, simplices.shape[1] + 1):
            rows = inside.sum(axis=1) == count
            faces.append(simplices[rows][inside[rows]].reshape(-1, count))
        nested = [tuple(row) for part in faces for row in np.unique(np.sort(part, axis=1), axis=0).tolist()]
        return SimplicialComplex(nested, positions=vertices)


def smooth_decision_regions(net: Network, box: Any, data: np.ndarray | None = None, **options: Any) -> DecisionRegions:
    """Every class's region in a box: components with volumes between bounds, witnesses, data inside, homology.

    ``data`` (m, dim); ``options``: those of :func:`smooth_decision_surface`. Two classes: numbers of components, Betti
    numbers, volumes and witnesses are proved; more classes: verified (witnesses and lower volumes of parts are proved).
    Raises what the surface raises.

    >>> net = Network.from_arrays([[[3.0, 0.0], [0.0, 3.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.25]], "tanh")
    >>> regions = smooth_decision_regions(net, ([-1, -1], [1, 1]))
    >>> [(region.n_components, str(region.certainty)) for region in regions]
    [(1, 'proved'), (1, 'proved')]
    """
    surface = smooth_decision_surface(net, box, None, **options)
    limits = limits_of(surface.domain.dim, **options)
    regions = _Regions(surface, limits, data)
    return regions.record()


class _Regions:
    def __init__(self, surface: SmoothDecisionSurface, limits: Limits, data: np.ndarray | None) -> None:
        self.surface, self.data = surface, data
        self.box: Box = surface.domain
        self.network, coarse = surface._mesh
        question = TwoClasses(self.network) if surface.network.n_classes == 2 else self.network
        self.mesh = _sharpened(question, coarse, limits) if surface.is_settled else coarse
        self.labels, self.hidden = _labels(self.mesh)
        found = node_components(self.mesh.simplices, self.labels, self.hidden)
        self.component, self.classes, self.n_components = found
        self.of_component = np.zeros(self.n_components, dtype=np.int64)
        self.of_component[self.component] = self.classes
        self.volume = float(np.prod(self.box.upper - self.box.lower))

    def record(self) -> DecisionRegions:
        """The regions of all classes."""
        lower, upper = self._volumes()
        witness, is_proved = self._witnesses()
        n_data, outside = self._data_inside()
        touching = np.zeros(self.n_components, dtype=bool)
        on_side = ((self.mesh.coords == 0.0) | (self.mesh.coords == 1.0)).any(axis=1)
        touching[self.component[: len(on_side)][on_side]] = True
        parent = self._shown()
        regions = []
        for k in range(self.surface.network.n_classes):
            chosen = np.flatnonzero(self.of_component == k)
            chosen = chosen[np.argsort(-lower[chosen], kind="stable")]
            components = tuple(
                RegionComponent(
                    class_number=k,
                    volume=float(lower[i]),
                    volume_upper=float(upper[i]),
                    witness=witness[i],
                    touches_boundary=bool(touching[i]),
                    n_data=None if n_data is None else int(n_data[i]),
                    domain=self.box,
                    certainty=self.surface.certainty if is_proved[i] else Certainty.HEURISTIC,
                )
                for i in chosen
            )
            common = {"domain": self.box, "certainty": self.surface.certainty, "provenance": self.surface.provenance}
            regions.append(SmoothRegion(class_number=k, components=components, parent=parent, **common))
        notes = [] if self.surface.is_settled else [f"{len(self.surface.unsettled)} boxes of the mesh are not settled"]
        if outside and self.data is not None:
            notes.append(f"{outside:,} of {len(self.data):,} data points lie outside the box and are in no region")
        return DecisionRegions(
            network=self.surface.network,
            regions=tuple(regions),
            triple_points=self.surface.triple_points.reshape(-1, self.box.dim),
            triple_classes=self.surface.triple_classes,
            n_data=None if self.data is None else len(self.data),
            n_data_outside=outside,
            notes=tuple(notes),
            surface=self.surface,
            domain=self.box,
            # data are put into components by rounded predictions, some by the nearest vertex of their class
            certainty=self.surface.certainty
            if self.data is None
            else Certainty.weakest([self.surface.certainty, Certainty.HEURISTIC]),
            provenance=self.surface.provenance,
        )

    def _volumes(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds of the components' volumes.

        Excluded simplices belong to their component. Two classes: a point of a transversal simplex lies in a component
        that an excluded simplex meeting the same cluster of transversal ones belongs to, since m grows along orbits that
        leave the cluster. More classes: in one that has a node in the simplex, which is verified only.
        """
        mesh, volumes = self.mesh, self.mesh.volumes
        excluded = mesh.status < TRANSVERSAL
        of_simplex = self.component[mesh.simplices[excluded, 0]]
        lower = np.bincount(of_simplex, weights=volumes[excluded], minlength=self.n_components)
        inner = mesh.simplices[~excluded]
        if self.surface.network.n_classes == 2:
            pairs = np.concatenate([inner[:, [0, i]] for i in range(1, inner.shape[1])])
            cluster, n_clusters = joined(np.ones(len(mesh.coords), dtype=bool), pairs)
            size = np.bincount(cluster[inner[:, 0]], weights=volumes[~excluded], minlength=n_clusters)
            met = np.stack([np.repeat(of_simplex, inner.shape[1]), cluster[mesh.simplices[excluded]].ravel()], axis=1)
            met = np.unique(met, axis=0)
            extra = np.bincount(met[:, 0], weights=size[met[:, 1]], minlength=self.n_components)
        else:
            owners = np.repeat(np.arange(len(inner)), inner.shape[1])
            met = np.unique(np.stack([self.component[inner.ravel()], owners], axis=1), axis=0)
            extra = np.bincount(met[:, 0], weights=volumes[~excluded][met[:, 1]], minlength=self.n_components)
        unit, rounding = self.volume / factorial(self.box.dim), 1.0 + 2.0**-48  # the sums of powers of two are exact
        return lower * unit / rounding, (lower + extra) * unit * rounding

    def _witnesses(self) -> tuple[np.ndarray, np.ndarray]:
        """A point of every component, the barycentre of its largest excluded simplex, and whether its class is proved."""
        mesh = self.mesh
        witness = np.full((self.n_components, self.box.dim), np.nan)
        nodes = np.concatenate([mesh.coords, self._middles()])
        witness[self.component[::-1]] = nodes[::-1]
        is_proved = np.zeros(self.n_components, dtype=bool)
        rows = np.flatnonzero(mesh.status < TRANSVERSAL)
        rows = rows[np.argsort(mesh.volumes[rows], kind="stable")]
        of_simplex = self.component[mesh.simplices[rows, 0]]
        witness[of_simplex] = mesh.coords[mesh.simplices[rows]].mean(axis=1)
        is_proved[of_simplex] = True
        points = in_box(self.box, witness)
        return points, is_proved & predictions_proved(self.surface.network, Interval.point(points), self.of_component)

    def _middles(self) -> np.ndarray:
        low, high = self.mesh.coords[self.hidden.edges[:, 0]], self.mesh.coords[self.hidden.edges[:, 1]]
        return low + self.hidden.at[:, None] * (high - low)

    def _data_inside(self) -> tuple[np.ndarray | None, int | None]:
        if self.data is None:
            return None, None
        inside = self.box.contains(self.data)
        rows = self.data[inside]
        predicted = self.surface.network.predict(rows) if len(rows) else np.zeros(0, dtype=np.int64)
        unit = np.clip((rows - self.box.lower) / (self.box.upper - self.box.lower), 0.0, 1.0)
        nodes = nodes_at(self.mesh, unit, predicted, self.labels)
        found = np.bincount(self.component[nodes], minlength=self.n_components)
        return found, int((~inside).sum())

    def _shown(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The surface's own mesh with vertices that show every region."""
        coarse = self.surface._mesh[1]
        labels, hidden = _labels(coarse)
        simplices, coords, labels = starred(coarse.simplices, coarse.coords, labels, hidden)
        return simplices, in_box(self.box, coords), labels


def _labels(mesh: CertifiedMesh) -> tuple[np.ndarray, HiddenIntervals]:
    """The winning class at every vertex and what is hidden inside edges."""
    if mesh.levels.ndim == 1:
        return (mesh.levels > 0).astype(np.int64), HiddenIntervals.none()
    inner = mesh.simplices[mesh.status >= TRANSVERSAL]
    return mesh.levels.argmax(axis=1), HiddenIntervals.of(breakpoints(mesh.levels, inner))


def _sharpened(question: Any, mesh: CertifiedMesh, limits: Limits) -> CertifiedMesh:
    """The mesh with its transversal simplices cut until they hold little volume or the tests are used up."""
    first = mesh.n_tested
    while True:
        inner = mesh.status == TRANSVERSAL
        cost = mesh.n_tested - first + 3 * int(inner.sum())
        if mesh.volumes[inner].sum() < VOLUME_GAP * factorial(mesh.bisection.dim) or cost > VOLUME_TESTS:
            return mesh
        deeper = certify(question, limits, mesh)
        if not deeper.is_settled:
            return mesh
        mesh = deeper
