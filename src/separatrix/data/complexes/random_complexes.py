"""Random 2-complexes: all edges on n vertices and random triangles, with torsion of many digits near the right density."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np

from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.errors import InputError


def random_two_complex(
    n_vertices: int, n_triangles: int, rng: int | np.random.SeedSequence | np.random.Generator = 0
) -> SimplicialComplex:
    """The complete graph on n vertices with so many different triangles, uniformly at random (Linial & Meshulam 2006).

    With one seed, fewer triangles are a subcomplex of more. For a few numbers of triangles, near 0.92 (n - 1 choose 2),
    just before the second Betti number grows, H_1 has torsion whose order has more digits the larger n is (Kahle, Lutz,
    Newman & Parsons 2020).

    Raises InputError for fewer than 3 vertices or more triangles than there are.

    >>> random_two_complex(8, 20, rng=1).cell_counts
    (8, 28, 20)
    """
    most = comb(n_vertices, 3) if 3 <= n_vertices <= 2_000 else -1
    if not 0 <= n_triangles <= most:
        raise InputError(
            f"random 2-complex: expected 3 to 2,000 vertices and at most (n choose 3) triangles, came {n_vertices} and "
            f"{n_triangles}"
        )
    chosen = _first_different(most, n_triangles, np.random.default_rng(rng))
    edges = [*combinations(range(n_vertices), 2)]
    if not n_triangles:
        return SimplicialComplex(np.array(edges))
    return SimplicialComplex([*edges, *map(tuple, _triples(np.sort(chosen)).tolist())])


def _first_different(most: int, n: int, generator: np.random.Generator) -> np.ndarray:
    """The first n different numbers below ``most`` of one random stream."""
    drawn = np.zeros(0, dtype=np.int64)
    while True:
        drawn = np.concatenate([drawn, generator.integers(most, size=max(1_000, n))])
        first = np.sort(np.unique(drawn, return_index=True)[1])
        if len(first) >= n:
            return drawn[first[:n]]


def _triples(numbers: np.ndarray) -> np.ndarray:
    """The triples a > b > c with these numbers (a choose 3) + (b choose 2) + c, (m, 3)."""
    rows = np.empty((len(numbers), 3), dtype=np.int64)
    rest = numbers.astype(np.int64)
    for column, k in enumerate((3, 2, 1)):
        sizes = np.array([comb(i, k) for i in range(2_001)], dtype=np.int64)
        rows[:, column] = np.searchsorted(sizes, rest, side="right") - 1
        rest = rest - sizes[rows[:, column]]
    return rows
