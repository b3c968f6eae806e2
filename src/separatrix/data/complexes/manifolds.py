"""Spheres, tori, projective and lens spaces, Moore spaces, the Poincaré sphere, products: with their homology."""

from __future__ import annotations

from itertools import combinations, permutations
from math import comb, factorial, gcd

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.complexes.constructions import flags, product, suspension
from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.data.complexes.facet_lists import COMPLEX_PLANE, POINCARE_SPHERE, digits, numbers
from separatrix.data.complexes.known_complex import KnownComplex, sphere_betti
from separatrix.data.complexes.surfaces import glued_polygon, projective_plane
from separatrix.errors import InputError, KindError

LARGEST_DIMENSION = 6


def sphere(n: int) -> KnownComplex:
    """The sphere of dimension n, the boundary of a simplex: Z in degrees 0 and n.

    >>> sphere(2).cell_counts
    (4, 6, 4)
    """
    _dimension(n, 0, 16)
    return KnownComplex(list(combinations(range(n + 2), n + 1)), f"S^{n}", sphere_betti(n), {}, "boundary of a simplex")


def torus(n: int = 2) -> KnownComplex:
    """The product of n circles: H_k = Z^(n choose k).

    >>> torus(3).known_betti
    (1, 3, 3, 1)
    """
    _dimension(n, 1, 5)
    circle = SimplicialComplex([(0, 1), (1, 2), (0, 2)])
    made = circle
    for _ in range(n - 1):
        made = product(made, circle)
    return KnownComplex(made, f"T^{n}", tuple(comb(n, k) for k in range(n + 1)), {}, "Künneth")


def sphere_product(p: int, q: int) -> KnownComplex:
    """S^p x S^q."""
    _dimension(p, 1, LARGEST_DIMENSION)
    _dimension(q, 1, LARGEST_DIMENSION)
    betti = [0] * (p + q + 1)
    for degree in (0, p, q, p + q):
        betti[degree] += 1
    return KnownComplex(product(sphere(p), sphere(q)), f"S^{p} x S^{q}", tuple(betti), {}, "Künneth")


def projective_space(n: int) -> KnownComplex:
    """Real projective space: Z, Z/2 in odd degrees below n, Z in degree n if n is odd.

    The barycentric subdivision of the boundary of a simplex with n + 2 vertices, modulo exchanging a set of vertices with
    its complement; n = 2 has 6 vertices instead.

    >>> projective_space(3).cell_counts, projective_space(3).known_torsion
    ((15, 75, 120, 60), ((), (2,), (), ()))
    """
    _dimension(n, 1, LARGEST_DIMENSION)
    if n == 2:
        return projective_plane()
    full = 2 ** (n + 2) - 1
    facets = set()
    for order in permutations(range(n + 2)):
        union, chain = 0, []
        for vertex in order[:-1]:
            union |= 1 << vertex
            chain.append(min(union, full - union))
        facets.add(tuple(sorted(chain)))
    assert len(facets) == factorial(n + 2) // 2, "the antipodal map is free"
    betti = (1, *(0,) * (n - 1), n % 2)
    return KnownComplex(sorted(facets), f"RP^{n}", betti, dict.fromkeys(range(1, n, 2), (2,)), "Hatcher, Example 2.42")


def complex_projective_plane() -> KnownComplex:
    """The complex projective plane with 9 vertices: Z in degrees 0, 2 and 4."""
    third = digits(COMPLEX_PLANE)
    facets = [tuple((vertex + shift) % 9 for vertex in facet) for facet in third for shift in (0, 3, 6)]
    return KnownComplex(
        facets, "CP^2", (1, 0, 1, 0, 1), {}, "W. Kühnel & T. F. Banchoff, Math. Intell. 5 (1983), 11-22"
    )


def poincare_sphere() -> KnownComplex:
    """The Poincaré sphere with 16 vertices: the homology of S^3, and a fundamental group of order 120."""
    reference = "A. Björner & F. H. Lutz, Experiment. Math. 9 (2000), 275-289"
    return KnownComplex(numbers(POINCARE_SPHERE), "Poincaré sphere", (1, 0, 0, 1), {}, reference)


def moore_space(order: int, degree: int = 1) -> KnownComplex:
    """A space whose only reduced homology is Z/order in a degree: a polygon glued n times around a circle, suspended.

    >>> moore_space(7, 2).known_torsion
    ((), (), (7,), ())
    """
    _dimension(degree, 1, LARGEST_DIMENSION)
    if isinstance(order, bool) or not isinstance(order, int):
        raise KindError(f"order: expected an integer, came {type(order).__name__}")
    if order < 1:
        raise InputError(f"order: expected an integer from 1 up, came {order}")
    made: SimplicialComplex = glued_polygon([1] * order)
    for _ in range(degree - 1):
        made = suspension(made)
    torsion = {degree: (order,)} if order > 1 else {}
    return KnownComplex(made, f"M(Z/{order}, {degree})", (1, *(0,) * (degree + 1)), torsion, "Hatcher, Example 2.40")


def lens_space(p: int, q: int = 1) -> KnownComplex:
    """The lens space L(p, q): Z, Z/p, 0, Z.

    The join of two circles of 2p edges is a sphere; (i, j) -> (i + 2, j + 2q) acts freely on it. Each closed cell of the
    quotient is embedded, so its barycentric subdivision is a simplicial complex.

    Raises InputError unless p >= 1 and q is prime to p.

    >>> lens_space(5, 2).known_torsion
    ((), (5,), (), ())
    """
    for name, value in (("p", p), ("q", q)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise KindError(f"lens space: {name} must be an integer, came {type(value).__name__}")
    if not 1 <= p <= 500 or gcd(p, q) != 1:
        raise InputError(f"lens space: expected 1 <= p <= 500 and q prime to p, came p = {p}, q = {q}")
    rows = flags(_join_of_circles_modulo(p, q))
    torsion = {1: (p,)} if p > 1 else {}
    return KnownComplex(rows[3], f"L({p},{q})", (1, 0, 0, 1), torsion, "Hatcher, Example 2.43")


def _join_of_circles_modulo(p: int, q: int) -> Cells:
    """Orbits of cells of the join: pairs of a cell of each circle, or of none; cells are vertices 2i and edges 2i + 1."""
    n = 4 * p  # cells of a circle in turn
    none = -1
    by_dim: list[dict[tuple[int, int], int]] = [{} for _ in range(4)]
    members: dict[tuple[int, int], tuple[int, tuple[int, int]]] = {}
    cells = [(a, b) for a in range(none, n) for b in range(none, n) if (a, b) != (none, none)]
    for a, b in sorted(cells, key=_join_dimension):
        if (a, b) not in members:
            k = _join_dimension((a, b))
            by_dim[k][a, b] = len(by_dim[k])
            for turn in range(p):
                moved = (a if a == none else (a + 4 * turn) % n, b if b == none else (b + 4 * q * turn) % n)
                members[moved] = (k, (a, b))
    starts, faces = [np.zeros(len(by_dim[0]) + 1, dtype=np.int64)], [np.zeros(0, dtype=np.int32)]
    for k in range(1, 4):
        rows = [[by_dim[k - 1][members[face][1]] for face in _join_faces(cell, n)] for cell in by_dim[k]]
        starts.append(np.arange(len(rows) + 1, dtype=np.int64) * (k + 1))
        faces.append(np.array(rows, dtype=np.int32).ravel())
    signs = tuple(np.ones(len(row), dtype=np.int8) for row in faces)  # flags do not look at them
    return Cells(tuple(len(found) for found in by_dim), tuple(starts), tuple(faces), signs)


def _join_dimension(cell: tuple[int, int]) -> int:
    return sum(1 + part % 2 for part in cell if part >= 0) - 1


def _join_faces(cell: tuple[int, int], n: int) -> list[tuple[int, int]]:
    """The faces of a cell of the join of two circles of n cells: one part loses a vertex."""
    found = []
    for place in (0, 1):
        part = cell[place]
        if part >= 0:
            for smaller in (part - 1, (part + 1) % n) if part % 2 else (-1,):
                face = (smaller, cell[1]) if place == 0 else (cell[0], smaller)
                if face != (-1, -1):
                    found.append(face)
    return found


def _dimension(n: int, least: int, most: int) -> None:
    if isinstance(n, bool) or not isinstance(n, int):
        raise KindError(f"dimension: expected an integer, came {type(n).__name__}")
    if not least <= n <= most:
        raise InputError(f"dimension: expected an integer from {least} to {most}, came {n}")
