"""The mesh of bisected simplices: it conforms, fills the cube, and finds points (§6)."""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import numpy as np
import pytest

from separatrix.surface.smooth.bisection import Bisection
from separatrix.surface.smooth.certificate import MARKED, CertifiedMesh
from separatrix.surface.smooth.location import simplices_at
from separatrix.surface.smooth.marching import zero_set


def _refined(dim: int, seed: int, rounds: int) -> Bisection:
    """Marks a few simplices at random, and their children, so that neighbours differ by many levels."""
    rng = np.random.default_rng(seed)
    mesh = Bisection(dim)
    for _ in range(rounds):
        mesh.status[:] = 3
        near = np.linalg.norm(mesh.coords[mesh.simplices].mean(axis=1) - 0.3, axis=1).argsort()[:3]
        mesh.status[near] = MARKED
        mesh.status[rng.integers(len(mesh.simplices))] = MARKED
        mesh.refine()
    return mesh


@pytest.mark.parametrize(("dim", "rounds"), [(1, 20), (2, 25), (3, 25)])
def test_the_mesh_conforms_and_fills_the_cube(dim: int, rounds: int) -> None:
    mesh = _refined(dim, 0, rounds)
    corners = mesh.coords[mesh.simplices]
    volumes = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / factorial(dim)
    assert np.allclose(volumes, 2.0**-mesh.level / factorial(dim), rtol=1e-12)
    assert sum(Fraction(2.0 ** -float(level)) for level in mesh.level) == factorial(dim)
    faces = {}
    for simplex in mesh.simplices:
        for left in range(dim + 1):
            face = tuple(sorted(np.delete(simplex, left)))
            faces[face] = faces.get(face, 0) + 1
    for face, count in faces.items():
        at = mesh.coords[list(face)]
        on_side = ((at == 0).all(axis=0) | (at == 1).all(axis=0)).any()
        assert count == (1 if on_side else 2)
    assert len(np.unique(mesh.coords, axis=0)) == len(mesh.coords)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_points_are_found_in_their_simplices(dim: int) -> None:
    mesh = CertifiedMesh(_refined(dim, 1, 20), np.zeros(0), 0, False)
    points = np.concatenate([np.random.default_rng(0).random((300, dim)), np.zeros((1, dim)), np.ones((1, dim))])
    found = simplices_at(mesh, points)
    known = {tuple(row) for row in mesh.simplices}
    for point, corners in zip(points, found, strict=True):
        assert tuple(corners) in known
        system = np.vstack([mesh.coords[corners].T, np.ones(dim + 1)])
        assert (np.linalg.solve(system, np.append(point, 1.0)) > -1e-9).all()


@pytest.mark.parametrize(("dim", "euler"), [(2, 0), (3, 2)])
def test_marching_simplices_of_a_sphere_are_oriented_outwards(dim: int, euler: int) -> None:
    mesh = Bisection(dim)
    for _ in range(4 * dim):
        mesh.status[:] = MARKED
        mesh.refine()
    centre = np.full(dim, 0.47)
    levels = np.linalg.norm(mesh.coords - centre, axis=1) - 0.31
    edges, facets = zero_set(mesh.coords, levels, mesh.simplices)
    share = levels[edges[:, 0]] / (levels[edges[:, 0]] - levels[edges[:, 1]])
    points = mesh.coords[edges[:, 0]] + share[:, None] * (mesh.coords[edges[:, 1]] - mesh.coords[edges[:, 0]])
    corners = points[facets] - centre
    volume = np.linalg.det(corners).sum() / factorial(dim)
    exact = np.pi * 0.31**2 if dim == 2 else 4 / 3 * np.pi * 0.31**3
    assert abs(abs(volume) - exact) < 0.06 * exact
    n_edges = 0 if dim == 2 else len(np.unique(np.sort(facets[:, [0, 1, 1, 2, 0, 2]].reshape(-1, 2), axis=1), axis=0))
    assert len(points) - (len(facets) if dim == 2 else n_edges - len(facets)) == euler
