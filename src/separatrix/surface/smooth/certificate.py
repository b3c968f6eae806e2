"""A certified mesh: bisection until every simplex is excluded or transversal, by the isotopy theorem of §6.

Theorem. Let m be of class C^2 on B = [0, 1]^n, K a conforming mesh of B, L linear on its simplices with values other
than 0 at the vertices. For a simplex s let T(s) be the coordinates i for which s touches {t_i = 0} or {t_i = 1}. Suppose
that every s satisfies

    (E)  m has one sign on s, and L has this sign at the vertices of s, or
    (T)  sum over j not in S of d_j m(t) d_j L > 0 for all t in s and all S within T(s), the empty set included.

Then an isotopy of B that maps every face of B to itself carries {L = 0} to {m = 0} and {L > 0} to {m > 0}.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.surface.smooth.bisection import Bisection
from separatrix.surface.smooth.packed_network import PackedNetwork

NEW, POSITIVE, NEGATIVE, TRANSVERSAL, UNSETTLED, MARKED = range(6)
SIDE_HALVINGS = {1: 8, 2: 8, 3: 5}  # after so many, by dimension, a surface that lies in a side of the cube is given up
LEAST = 1e-200  # a value of L where the network's own is 0 or has an uncertain sign

CENTRES = {1: np.full(2, 0.5), 2: np.array([11.0, 10.0, 11.0]) / 32.0, 3: np.full(4, 0.25)}  # exact on dyadic vertices


@dataclass(frozen=True)
class Limits:
    """``halvings`` of every coordinate, how many simplices the mesh may have, and how fine its surface shall be."""

    halvings: int = 18
    max_simplices: int = 3_000_000
    resolution: int = 1


@dataclass(frozen=True, eq=False)
class CertifiedMesh:
    """A conforming mesh of the unit cube with the verdict of every simplex.

    ``bisection``: the mesh; ``levels`` (n_vertices,) or (n_vertices, n_classes): values of L; ``n_tested`` simplices;
    ``is_exhausted``: the budget of simplices ran out.
    """

    bisection: Bisection
    levels: np.ndarray
    n_tested: int
    is_exhausted: bool

    @property
    def coords(self) -> np.ndarray:
        """Vertices, (n_vertices, n)."""
        return self.bisection.coords

    @property
    def simplices(self) -> np.ndarray:
        """Vertex numbers, (N, n + 1)."""
        return self.bisection.simplices

    @property
    def status(self) -> np.ndarray:
        """POSITIVE or NEGATIVE (excluded), TRANSVERSAL or UNSETTLED, (N,)."""
        return self.bisection.status

    @property
    def volumes(self) -> np.ndarray:
        """Volumes of the simplices as shares of those of level 0, of which n! fill the cube: powers of two, (N,)."""
        return np.ldexp(1.0, -self.bisection.level)

    @property
    def is_settled(self) -> bool:
        """Whether every simplex satisfies (E) or (T)."""
        return not (self.status == UNSETTLED).any()


def vertex_values(network: PackedNetwork, coords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outputs at points (N, n) of the unit cube and bounds on their errors, each (N, n_outputs)."""
    found = np.empty((len(coords), network.n_outputs, 2))
    rows = np.arange(len(coords), dtype=np.int64)[:, None]
    _enclose(network, 1, np.ones(1), coords, rows, found, np.empty((0, 1, 1, 2)))
    return found[:, :, 0], found[:, :, 1]


def enclosures(network: PackedNetwork, coords: np.ndarray, simplices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Enclosures over simplices (N, n + 1): values (N, n_outputs, 2) and derivatives by t (N, n_outputs, n, 2)."""
    n = network.dim
    values = np.empty((len(simplices), network.n_outputs, 2))
    gradients = np.empty((len(simplices), network.n_outputs, n, 2))
    _enclose(network, 2 + n, CENTRES[n], coords, simplices, values, gradients)
    return values, gradients


def _enclose(
    network: PackedNetwork,
    columns: int,
    weights: np.ndarray,
    coords: np.ndarray,
    simplices: np.ndarray,
    values: np.ndarray,
    gradients: np.ndarray,
) -> None:
    from separatrix.surface.smooth.kernels.enclosure import LANES, enclose

    if len(simplices):
        work = np.zeros((3, network.n_units, columns * LANES))
        coords, simplices = np.ascontiguousarray(coords), np.ascontiguousarray(simplices)
        enclose(*network.arrays, work, weights, coords, simplices, values, gradients)


class TwoClasses:
    """The question of two classes: where is the single output of a packed network 0?"""

    def __init__(self, network: PackedNetwork) -> None:
        self.network = network

    def levels(self, coords: np.ndarray) -> np.ndarray:
        """Values of L at vertices (N, n), none 0. Raises InputError where the network's values overflow."""
        values, radius = vertex_values(self.network, coords)
        check_finite(values, radius)
        return np.where(values[:, 0] == 0.0, LEAST, values[:, 0])

    def verdicts(self, coords: np.ndarray, levels: np.ndarray, simplices: np.ndarray) -> np.ndarray:
        """The status of every simplex: POSITIVE, NEGATIVE, TRANSVERSAL or NEW, which is undecided."""
        from separatrix.surface.smooth.kernels.transversality import classify

        status = np.zeros(len(simplices), dtype=np.int64)
        if len(simplices):
            values, gradients = enclosures(self.network, coords, simplices)
            value, gradient = (np.ascontiguousarray(array[:, 0]) for array in (values, gradients))
            classify(coords, levels, np.ascontiguousarray(simplices), value, gradient, status)
        return status

    def correct(self, mesh: Bisection, levels: np.ndarray) -> np.ndarray:
        """Give vertices of excluded simplices the sign proved there, and say which vertices (n_vertices,) changed.

        The float value of a vertex can have the wrong sign only where the value is within rounding of 0.
        """
        changed = np.zeros(len(levels), dtype=bool)
        for status, sign in ((POSITIVE, 1.0), (NEGATIVE, -1.0)):
            vertices = np.unique(mesh.simplices[mesh.status == status])
            wrong = vertices[levels[vertices] * sign <= 0.0]
            levels[wrong] = sign * LEAST
            changed[wrong] = True
        return changed


def check_finite(values: np.ndarray, radius: np.ndarray) -> None:
    """InputError where values of the network, or bounds on their errors, are not finite."""
    if not (np.isfinite(values).all() and np.isfinite(radius).all()):
        raise InputError("values of the network overflow on this box; scale its weights or choose a smaller box")


def certify(
    question: Any, limits: Limits | None = None, start: CertifiedMesh | None = None, least_depth: int | None = None
) -> CertifiedMesh:
    """The mesh on which a question (:class:`TwoClasses`, or several) is settled, as far as the limits allow.

    ``start``: a mesh that was settled before; its transversal simplices are cut once more, those of ``least_depth``
    bisections and more left alone. Raises InputError where values overflow.
    """
    limits = limits or Limits()
    mesh, levels, n_tested, is_exhausted = Bisection(question.network.dim), None, 0, False
    lost = _LostSides(question.network)
    if start is not None:
        mesh, levels, n_tested = start.bisection.copy(), start.levels, start.n_tested
        chosen = mesh.status == TRANSVERSAL
        mesh.status[chosen if least_depth is None else chosen & (mesh.level < least_depth)] = MARKED
        mesh.refine()
    while True:
        known = 0 if levels is None else len(levels)
        found = question.levels(mesh.coords[known:])
        levels = found if levels is None else np.concatenate([levels, found])
        new = np.flatnonzero(mesh.status == NEW)
        mesh.status[new] = question.verdicts(mesh.coords, levels, mesh.simplices[new])
        n_tested += len(new)
        undecided = new[mesh.status[new] == NEW]
        is_exhausted = is_exhausted or len(mesh.simplices) + 2 * len(undecided) > limits.max_simplices
        is_deep = mesh.level[undecided] >= limits.halvings * mesh.dim
        is_deep |= lost.holds(mesh, undecided)
        mesh.status[undecided] = np.where(is_deep | is_exhausted, UNSETTLED, MARKED)
        if (mesh.status == MARKED).any():
            mesh.refine()
            continue
        changed = question.correct(mesh, levels)
        again = changed[mesh.simplices].any(axis=1) & (mesh.status == TRANSVERSAL)
        if not again.any():
            return CertifiedMesh(mesh, levels, n_tested, is_exhausted)
        mesh.status[again] = NEW


class _LostSides:
    """Where the surface lies in a side of the cube to rounding, found on facets of simplices after SIDE_HALVINGS.

    There neither (E) nor (T) can hold, nor on what halving leaves: the number of undecided simplices at the side would grow by
    2^(n - 1) with every halving.
    """

    def __init__(self, network: PackedNetwork) -> None:
        self.network = network
        self.vertices: set[int] = set()

    def holds(self, mesh: Bisection, undecided: np.ndarray) -> np.ndarray:
        """Which of the ``undecided`` simplices (their numbers) meet a side only where it is lost."""
        found, n = np.zeros(len(undecided), dtype=bool), mesh.dim
        deep = np.flatnonzero(mesh.level[undecided] >= SIDE_HALVINGS[n] * n)
        if not deep.size:
            return found
        simplices = mesh.simplices[undecided[deep]]
        corners = mesh.coords[simplices]
        sides = [corners[:, :, axis] == side for axis in range(n) for side in (0.0, 1.0)]
        facets = [inside.sum(axis=1) == n for inside in sides]
        if any(facet.any() for facet in facets):
            vertices, places = np.unique(simplices, return_inverse=True)
            values, radius = vertex_values(self.network, mesh.coords[vertices])
            is_zero = (np.abs(values) <= radius)[places.reshape(simplices.shape)]
            for inside, facet in zip(sides, facets, strict=True):
                flat = facet & (is_zero | ~inside[:, :, None]).all(axis=1).any(axis=1)
                self.vertices.update(simplices[flat][inside[flat]].tolist())
        if self.vertices:
            known = np.isin(simplices, np.fromiter(self.vertices, dtype=np.int64))
            for inside in sides:
                found[deep] |= inside.any(axis=1) & (known | ~inside).all(axis=1)
        return found


def finer(question: Any, limits: Limits, mesh: CertifiedMesh, resolution: int) -> CertifiedMesh:
    """A settled mesh whose transversal simplices are at most 1 / ``resolution`` of the cube's side long, or ``mesh``.

    Simplices of k n bisections have sides of 2^-k. Where the finer mesh would not settle, the last that did is returned.
    """
    depth = mesh.bisection.dim * int(np.ceil(np.log2(resolution)))
    while mesh.is_settled and (mesh.bisection.level[mesh.status == TRANSVERSAL] < depth).any():
        deeper = certify(question, limits, mesh, depth)
        if not deeper.is_settled:
            break
        mesh = deeper
    return mesh
