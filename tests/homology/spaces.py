"""Chain complexes of known homology, as lists of dense boundary matrices of Python integers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

Boundaries = list[list[list[int]]]


def projective_space(n: int) -> Boundaries:
    """RP^n with one cell a degree: d_k is 0 for odd k and 2 for even k."""
    return [[[1 + (-1) ** k]] for k in range(1, n + 1)]


def lens_space(p: int) -> Boundaries:
    """L(p, q): one cell a degree, d_2 = p."""
    return [[[0]], [[p]], [[0]]]


def klein_bottle() -> Boundaries:
    """One vertex, edges a, b, one face a b a b^-1."""
    return [[[0, 0]], [[2], [0]]]


def moore_space(order: int, degree: int) -> Boundaries:
    """Homology Z/order in one degree > 0 besides a point's."""
    sizes = [1] + [0] * (degree - 1) + [1, 1]
    matrices = [zeros(sizes[k - 1], sizes[k]) for k in range(1, len(sizes))]
    matrices[degree] = [[order]]
    return matrices


def circle(n: int) -> Boundaries:
    """A polygon of n edges; one edge is a loop."""
    matrix = zeros(n, n)
    for j in range(n):
        matrix[j][j] -= 1
        matrix[(j + 1) % n][j] += 1
    return [matrix]


def zeros(rows: int, columns: int) -> list[list[int]]:
    """A matrix of zeros."""
    return [[0] * columns for _ in range(rows)]


def arrays(boundaries: Boundaries) -> list[np.ndarray]:
    """The matrices as arrays of dtype object, also those without rows."""
    made = []
    for k, rows in enumerate(boundaries):
        above = len(boundaries[k + 1]) if k + 1 < len(boundaries) else (len(rows[0]) if rows else 0)
        matrix = np.zeros((len(rows), len(rows[0]) if rows else above), dtype=object)
        for i, row in enumerate(rows):
            matrix[i] = row
        made.append(matrix)
    return made


def counts(boundaries: Boundaries) -> list[int]:
    """Cells by degree."""
    matrices = arrays(boundaries)
    return [matrices[0].shape[0], *(matrix.shape[1] for matrix in matrices)]


def product(first: Boundaries, second: Boundaries) -> Boundaries:
    """The tensor product: d(x y) = dx y + (-1)^|x| x dy."""
    one, two = arrays(first), arrays(second)
    n, m = counts(first), counts(second)
    cells = [
        [(i, a, b) for i in range(len(n)) if 0 <= k - i < len(m) for a in range(n[i]) for b in range(m[k - i])]
        for k in range(len(n) + len(m) - 1)
    ]
    matrices = []
    for k in range(1, len(cells)):
        place = {cell: row for row, cell in enumerate(cells[k - 1])}
        matrix = zeros(len(cells[k - 1]), len(cells[k]))
        for column, (i, a, b) in enumerate(cells[k]):
            if i:
                for row in np.flatnonzero(one[i - 1][:, a]):
                    matrix[place[i - 1, int(row), b]][column] += int(one[i - 1][row, a])
            if k - i:
                for row in np.flatnonzero(two[k - i - 1][:, b]):
                    matrix[place[i, a, int(row)]][column] += (-1) ** i * int(two[k - i - 1][row, b])
        matrices.append(matrix)
    return matrices


def together(*summands: Boundaries) -> Boundaries:
    """The disjoint union."""
    dim = max(len(summand) for summand in summands)
    parts = []
    for summand in summands:
        matrices, n = arrays(summand), counts(summand) + [0] * (dim - len(summand))
        parts.append(matrices + [np.zeros((n[k], 0), dtype=object) for k in range(len(matrices), dim)])
    result = []
    for k in range(dim):
        rows, columns = (sum(part[k].shape[axis] for part in parts) for axis in (0, 1))
        matrix, i, j = np.zeros((rows, columns), dtype=object), 0, 0
        for part in parts:
            matrix[i : i + part[k].shape[0], j : j + part[k].shape[1]] = part[k]
            i, j = i + part[k].shape[0], j + part[k].shape[1]
        result.append(matrix.tolist())
    return result


def scrambled(boundaries: Sequence[np.ndarray], rng: np.random.Generator, steps: int = 3) -> list[np.ndarray]:
    """The complex in other bases: in every degree, ``steps`` times a cell is replaced by its sum with another."""
    matrices = [np.array(matrix, dtype=object) for matrix in boundaries]
    for k in range(len(matrices) + 1):
        n = matrices[k - 1].shape[1] if k else matrices[0].shape[0]
        for _ in range(steps * n if n > 1 else 0):
            i, j = (int(x) for x in rng.choice(n, 2, replace=False))
            f = int(rng.integers(-2, 3))
            if k:
                matrices[k - 1][:, j] = matrices[k - 1][:, j] + f * matrices[k - 1][:, i]
            if k < len(matrices):
                matrices[k][i] = matrices[k][i] - f * matrices[k][j]
    return matrices


def simplicial(facets: Sequence[Sequence[int]]) -> list[np.ndarray]:
    """Boundary matrices of a simplicial complex."""
    dim = max(len(facet) for facet in facets) - 1
    levels = [
        sorted({face for facet in facets for face in itertools.combinations(sorted(facet), k + 1)})
        for k in range(dim + 1)
    ]
    matrices = []
    for k in range(1, dim + 1):
        place = {face: i for i, face in enumerate(levels[k - 1])}
        matrix = np.zeros((len(levels[k - 1]), len(levels[k])), dtype=np.int64)
        for j, simplex in enumerate(levels[k]):
            for i in range(k + 1):
                matrix[place[simplex[:i] + simplex[i + 1 :]], j] = (-1) ** i
        matrices.append(matrix)
    return matrices


PROJECTIVE_PLANE = [
    (0, 1, 4), (0, 1, 5), (0, 2, 3), (0, 2, 5), (0, 3, 4), (1, 2, 3), (1, 2, 4), (1, 3, 5), (2, 4, 5), (3, 4, 5),
]  # fmt: skip


def grid_surface(n: int, m: int, is_twisted: bool) -> list[tuple[int, int, int]]:
    """A torus, or a Klein bottle, of 2 n m triangles."""

    def vertex(i: int, j: int) -> int:
        return (i % n) * m + ((-j) % m if is_twisted and i >= n else j % m)

    triangles = []
    for i in range(n):
        for j in range(m):
            a, b, c, d = vertex(i, j), vertex(i + 1, j), vertex(i, j + 1), vertex(i + 1, j + 1)
            triangles += [tuple(sorted((a, b, d))), tuple(sorted((a, c, d)))]
    return triangles


def random_two_complex(n_vertices: int, n_triangles: int, rng: np.random.Generator) -> list[np.ndarray]:
    """All edges on the vertices, and triangles drawn without repetition."""
    triangles = list(itertools.combinations(range(n_vertices), 3))
    chosen = rng.permutation(len(triangles))[:n_triangles]
    edges = list(itertools.combinations(range(n_vertices), 2))
    return simplicial([triangles[i] for i in sorted(chosen)] + edges)


def triangle_columns(triangles: np.ndarray) -> tuple[list[int], list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Counts, starts, faces and signs of a complex of triangles (n, 3), fast enough for a million cells."""
    triangles = np.unique(np.sort(triangles, axis=1), axis=0)
    n = int(triangles.max()) + 1
    sides = np.concatenate([np.delete(triangles, i, axis=1) for i in range(3)])
    keys, index = np.unique(sides[:, 0] * n + sides[:, 1], return_inverse=True)
    faces = index.reshape(3, -1).T.ravel().astype(np.int32)
    edges = np.stack([keys // n, keys % n], axis=1).ravel().astype(np.int32)
    starts = [np.zeros(n + 1, np.int64), 2 * np.arange(len(keys) + 1), 3 * np.arange(len(triangles) + 1)]
    signs = [np.zeros(0, np.int8), np.tile([-1, 1], len(keys)), np.tile([1, -1, 1], len(triangles))]
    return [n, len(keys), len(triangles)], starts, [np.zeros(0, np.int32), edges, faces], signs
