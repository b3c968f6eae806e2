"""The decision surface of several classes of a smooth network: where the largest logit is attained twice (§6).

Excluded simplices (one class wins) are proved; that the walls between classes in the others are those of the piecewise
linear functions is *verified*: at most n + 1 classes may win on a simplex, any two of them transversally, any three or
four with 2 |J - J_L| < sigma_min(J_L). See docs/mathematics.md for what a proof would still need.
"""

from __future__ import annotations

import time
from itertools import combinations

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import InputError, SeparatrixError
from separatrix.networks.network import Network
from separatrix.records import Provenance
from separatrix.surface.smooth.bisection import Bisection
from separatrix.surface.smooth.certificate import (
    TRANSVERSAL,
    UNSETTLED,
    CertifiedMesh,
    Limits,
    certify,
    check_finite,
    enclosures,
    finer,
    vertex_values,
)
from separatrix.surface.smooth.chords import sub_boxes
from separatrix.surface.smooth.cones import cones, face_keys
from separatrix.surface.smooth.decision_surface_smooth import is_zero, unsettled_boxes
from separatrix.surface.smooth.envelope import breakpoints, walls_in_triangles
from separatrix.surface.smooth.packed_network import packed
from separatrix.surface.smooth.roots import class_difference, distance_bounds, edge_roots, in_box, triple_shares
from separatrix.surface.smooth.surface_smooth import SmoothDecisionSurface, surface_complex
from separatrix.surface.smooth.transversality_several import classify_several

MOST_CLASSES = 64
COARSE = {1: 1000, 2: 64, 3: 16}
METHOD = "bisected simplices with the upper envelope of the classes, verified by enclosures"


class SeveralClasses:
    """The question of several classes: the packed differences z_i - z_j, i < j, and the logits at vertices."""

    def __init__(self, net: Network, box: Box) -> None:
        n_classes = net.n_classes
        self.pairs = np.array(list(combinations(range(n_classes), 2)))
        rows = np.zeros((len(self.pairs), n_classes))
        at = np.arange(len(self.pairs))
        rows[at, self.pairs[:, 0]], rows[at, self.pairs[:, 1]] = 1.0, -1.0
        self.network, self.logits = packed(net, box, rows), packed(net, box, np.eye(n_classes))

    def levels(self, coords: np.ndarray) -> np.ndarray:
        """Logits at vertices (N, n), the largest alone at the top. Raises InputError where they overflow."""
        values, radius = vertex_values(self.logits, coords)
        check_finite(values, radius)
        at, best = np.arange(len(values)), values.argmax(axis=1)
        ordered = np.sort(values, axis=1)
        tied = ordered[:, -1] == ordered[:, -2]
        values[at[tied], best[tied]] += 4.0 * np.spacing(np.abs(values[at[tied], best[tied]])) + 1e-300
        return values

    def verdicts(self, coords: np.ndarray, levels: np.ndarray, simplices: np.ndarray) -> np.ndarray:
        """The status of every simplex: POSITIVE (one class wins), TRANSVERSAL or NEW, which is undecided."""
        status = [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(simplices), 4096):  # differences of many classes fill memory
            part = simplices[start : start + 4096]
            enclosed = enclosures(self.network, coords, part)
            status.append(classify_several(coords, levels, part, enclosed, self.pairs))
        return np.concatenate(status)

    def correct(self, mesh: Bisection, levels: np.ndarray) -> np.ndarray:
        """Nothing is changed: vertices within rounding of a tie stay, and the surface is only verified."""
        return np.zeros(len(levels), dtype=bool)


def surface_of_several_classes(
    net: Network, box: Box, classes: tuple[int, int] | None, limits: Limits
) -> SmoothDecisionSurface:
    """The surface of all classes, or its part between two of them; verified where everything was settled."""
    begun = time.perf_counter()
    if net.n_classes > MOST_CLASSES:
        raise InputError(f"smooth networks: at most {MOST_CLASSES} classes, this network has {net.n_classes}")
    question = SeveralClasses(net, box)
    _refuse_equal_classes(net, sub_boxes(box, COARSE[box.dim]).midpoint)
    mesh = finer(question, limits, certify(question, limits), limits.resolution)
    labels = mesh.levels.argmax(axis=1)
    found = _Walls(question, mesh, box)
    chosen = np.ones(len(found.facets), dtype=bool)
    if classes is not None:
        chosen = (found.types == sorted(classes)).all(axis=1)
    used, facets = np.unique(found.facets[chosen], return_inverse=True)
    facets = facets.reshape(-1, box.dim)
    is_unsettled = (mesh.status == UNSETTLED) | found.irregular
    boxes, reasons = unsettled_boxes(mesh, box, is_unsettled)
    vertices = in_box(box, found.points[used])
    return SmoothDecisionSurface(
        complex=surface_complex(facets, vertices),
        network=net,
        classes=classes,
        facets=facets,
        vertices=vertices,
        vertex_error=found.error[used],
        pairs=found.types[chosen],
        mesh_vertices=in_box(box, mesh.coords),
        mesh_simplices=mesh.simplices,
        labels=labels,
        excluded=mesh.status < TRANSVERSAL,
        unsettled=boxes,
        unsettled_reasons=reasons,
        n_tested=mesh.n_tested,
        domain=box,
        certainty=Certainty.HEURISTIC if boxes else Certainty.VERIFIED,
        provenance=Provenance(METHOD, {"halvings": float(limits.halvings)}, seconds=time.perf_counter() - begun),
        triple_points=in_box(box, found.triple_points),
        triple_classes=tuple(tuple(int(k) for k in row) for row in found.triple_types),
        _mesh=(question, mesh),
    )


def _refuse_equal_classes(net: Network, points: np.ndarray) -> None:
    """SeparatrixError where two classes have identical logits and win at one of ``points``."""
    for i, j in combinations(range(net.n_classes), 2):
        row = np.zeros((1, net.n_classes))
        row[0, i], row[0, j] = 1.0, -1.0
        if is_zero(net, row) and np.isin(net.predict(points), (i, j)).any():
            raise SeparatrixError(
                f"classes {i} and {j} have the same logit and win somewhere: their difference vanishes (is zero) on a full "
                "cell; leave one of them out"
            )


class _Walls:
    """The walls as simplices, their vertices in the cube, and what the mesh's vertices do not show of the regions."""

    def __init__(self, question: SeveralClasses, mesh: CertifiedMesh, box: Box) -> None:
        self.question, self.mesh, self.box = question, mesh, box
        self.inner = np.flatnonzero(mesh.status >= TRANSVERSAL)
        simplices = mesh.simplices[self.inner]
        self.breaks = breakpoints(mesh.levels, simplices)
        self.irregular = np.zeros(len(mesh.simplices), dtype=bool)
        self.points, self.error = self._positions()
        self.triple_points, self.triple_types = np.zeros((0, box.dim)), np.zeros((0, 3), dtype=np.int64)
        breaks = self.breaks
        if box.dim == 1:
            self.facets = np.arange(len(breaks.at))[:, None]
            self.types = np.sort(np.stack([breaks.before, breaks.after], axis=1), axis=1)
        elif box.dim == 2:
            self.facets, self.types = self._flat(simplices, self.inner)
        else:
            self.facets, self.types = self._solid(simplices)

    def _positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Breakpoints moved to where the two logits agree, if they are alone on their edge."""
        breaks, levels = self.breaks, self.mesh.levels
        owner = breaks.owner
        ends = self.mesh.coords[breaks.edges[owner]]
        points = ends[:, 0] + breaks.at[:, None] * (ends[:, 1] - ends[:, 0])
        error = np.full(len(points), np.inf)
        alone = np.flatnonzero(np.diff(breaks.starts)[owner] == 1)
        pairs = np.stack([breaks.before, breaks.after], axis=1)[alone]
        values = levels[breaks.edges[owner[alone]]]
        at = np.arange(len(alone))
        differences = values[at, :, pairs[:, 1]] - values[at, :, pairs[:, 0]]
        points[alone], share = edge_roots(class_difference(self.question.logits, pairs), ends[alone], differences)
        error[alone] = distance_bounds(self.box, ends[alone], share)
        return points, error

    def _flat(self, triangles: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        walls = walls_in_triangles(self.mesh.levels, triangles, self.breaks)
        corners = self.mesh.coords[triangles[walls.triple_owner]]
        values = self.mesh.levels[triangles[walls.triple_owner]]
        at = triple_shares(self.question.logits, corners, values, walls.triple_types, walls.triple_at)
        self.triple_points = np.einsum("tv,tvn->tn", at, corners)
        self.triple_types = walls.triple_types
        self.points = np.concatenate([self.points, self.triple_points])
        self.error = np.concatenate([self.error, np.full(len(self.triple_points), np.inf)])
        self.irregular[owner[walls.irregular]] = True
        self.walls = walls
        return walls.segments, walls.types

    def _solid(self, tetrahedra: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        faces, number = face_keys(tetrahedra, len(self.mesh.coords))
        self._flat(faces, np.zeros(len(faces), dtype=np.int64))
        self.irregular[:] = False
        bad = np.zeros(len(faces), dtype=bool)
        bad[self.walls.irregular] = True
        self.irregular[self.inner[bad[number].any(axis=1)]] = True
        facets, types, _, apex_of = cones(self.walls, number, len(self.points))
        n_apexes = int(apex_of[:, 0].max(initial=-1)) + 1
        total = np.zeros((n_apexes, 3))
        np.add.at(total, apex_of[:, 0], self.points[apex_of[:, 1]])
        counts = np.bincount(apex_of[:, 0], minlength=n_apexes)
        self.points = np.concatenate([self.points, total / counts[:, None]])
        self.error = np.concatenate([self.error, np.full(n_apexes, np.inf)])
        return facets, types
