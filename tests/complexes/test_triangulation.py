"""Triangulations: the same space, no new vertices, oriented alike, every simplex in its cell."""

from fractions import Fraction
from itertools import combinations
from math import factorial

import numpy as np
import pytest

from separatrix.complexes import triangulation
from separatrix.complexes.measures import faces_of, simplex_volumes
from separatrix.complexes.triangulation import barycentric, least_vertices, pulled, simplex_counts
from separatrix.domains import Box
from separatrix.errors import InputError
from tests.complexes.arrangements import crossed_square, hyperplanes, random_network, regions

SHAPES = [(1, (1, 6, 4, 2)), (2, (2, 6, 5, 2)), (3, (3, 5, 3, 2)), (4, (4, 3, 2))]


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: "-".join(map(str, shape[1])))
def cut_box(request):
    seed, widths = request.param
    return regions(random_network(seed, *widths), Box.cube(widths[0], -1, 1))


def oriented(vertices, sign):
    """A simplex as its sorted vertices and the sign of the order, times a sign."""
    inversions = sum(a > b for a, b in combinations(vertices, 2))
    return tuple(sorted(vertices)), sign * (-1) ** inversions


def chain(simplices, weight):
    found = {}
    for row, cell, sign in zip(
        simplices.vertices.tolist(), simplices.cells.tolist(), simplices.signs.tolist(), strict=True
    ):
        key, value = oriented(row, sign * weight[cell])
        found[key] = found.get(key, 0) + value
    return {key: value for key, value in found.items() if value}


def boundary(one):
    found = {}
    for row, value in one.items():
        for i in range(len(row)):
            face = row[:i] + row[i + 1 :]
            found[face] = found.get(face, 0) + (-1) ** i * value
    return {key: value for key, value in found.items() if value}


@pytest.mark.parametrize("method", [pulled, barycentric])
def test_triangulating_is_a_chain_map(cut_box, method):
    """The boundary of the triangulated chain is the triangulated boundary, for a random chain of every dimension."""
    rng, parts = np.random.default_rng(9), method(cut_box.cells)
    for k in range(1, cut_box.dim + 1):
        weight = rng.integers(-3, 4, cut_box.cell_counts[k])
        below = cut_box.boundary_operator(k) @ weight
        assert boundary(chain(parts[k], weight.tolist())) == chain(parts[k - 1], below.tolist())


@pytest.mark.parametrize("method", ["pulling", "barycentric"])
def test_chains_of_cells_become_chains_of_simplices(cut_box, method):
    """The same law, by the operators of the two complexes; a sphere's fundamental cycle fills it once."""
    rng, found = np.random.default_rng(10), cut_box.triangulate(method)
    for k in range(1, cut_box.dim + 1):
        weight = rng.integers(-3, 4, cut_box.cell_counts[k])
        image = found.image(k, weight)
        assert (found.boundary_operator(k) @ image == found.image(k - 1, cut_box.boundary_operator(k) @ weight)).all()
    with pytest.raises(InputError, match="integers"):
        found.image(1, np.zeros(3))
    sphere = cut_box.subcomplex([(cut_box.box_signs(k) == 0).any(axis=1) for k in range(cut_box.dim + 1)])
    top = sphere.homology().generators(sphere.dim)[-1].to_array()
    if sphere.dim:
        assert (np.abs(sphere.triangulate(method).image(sphere.dim, top)) == 1).all()


def test_pulling_fills_the_box_without_new_vertices(cut_box):
    n, simplices = cut_box.dim, pulled(cut_box.cells)
    assert simplices[-1].vertices.max() < cut_box.cell_counts[0]
    sizes = simplex_volumes(cut_box.vertices, simplices[-1].vertices)
    assert sizes.sum() == pytest.approx(2.0**n) and (sizes > 0).all()
    np.testing.assert_allclose(np.bincount(simplices[-1].cells, sizes), cut_box.volumes(), rtol=1e-9)
    counts = simplex_counts(cut_box.cells, least_vertices(cut_box.cells))
    for k, part in enumerate(simplices):
        assert (np.bincount(part.cells, minlength=cut_box.cell_counts[k]) == counts[k]).all()


@pytest.mark.parametrize("method", ["pulling", "barycentric"])
def test_the_triangulated_box_is_a_ball(cut_box, method):
    n, found = cut_box.dim, cut_box.triangulate(method)
    assert found.dim == n and found.euler_characteristic == 1
    assert found.counts[0] == (cut_box.cell_counts[0] if method == "pulling" else sum(cut_box.cell_counts))
    assert simplex_volumes(found.positions, found.cells(n)).sum() == pytest.approx(2.0**n)
    if sum(found.counts) < 2000:
        assert found.homology().betti == (1,) + (0,) * n


@pytest.mark.parametrize("method", ["pulling", "barycentric"])
def test_every_simplex_lies_in_its_carrier(cut_box, method):
    """The middle of a simplex has the signs of its carrier, and the inner simplices of a cell fill its open interior."""
    found = cut_box.triangulate(method)
    for k in range(cut_box.dim + 1):
        dimension, number = found.carriers(k)
        assert (dimension >= k).all() and (number >= 0).all()
        middle = found.positions[found.cells(k)].mean(axis=1)
        inside = np.flatnonzero(dimension == cut_box.dim)
        assert (cut_box.locate(middle[inside]) == number[inside]).all()
    inner = [found.carriers(k) for k in range(cut_box.dim + 1)]
    for cell in range(min(5, cut_box.cell_counts[-1])):
        counts = [int(((d == cut_box.dim) & (c == cell)).sum()) for d, c in inner]
        assert sum((-1) ** k * count for k, count in enumerate(counts)) == (-1) ** cut_box.dim


def test_a_square_of_four_squares():
    square = crossed_square()
    found = square.triangulate()
    assert found.counts == (9, 16, 8) and (np.sort(found.cells(2)[0]) == [0, 1, 4]).all()
    assert square.triangulate("barycentric").counts == (25, 56, 32)
    sides = square.subcomplex([np.ones(9, dtype=bool), np.ones(12, dtype=bool)])
    assert sides.triangulate().counts == (9, 12) and sides.triangulate().homology().betti == (1, 4)


def test_parts_of_different_dimension():
    square = crossed_square()
    masks = square.cells.closure([np.zeros(9, dtype=bool), np.arange(12) == 5, np.arange(4) == 0])
    mixed = square.subcomplex(masks)
    found = mixed.triangulate()
    assert mixed.cell_counts == (6, 5, 1) and found.counts == (6, 6, 2)
    assert found.euler_characteristic == mixed.euler_characteristic == 2


def test_volumes_of_pieces_are_those_of_the_whole(cut_box, monkeypatch):
    whole = [cut_box.volumes(k) for k in range(1, cut_box.dim + 1)]
    monkeypatch.setattr("separatrix.complexes.measures.CELLS_AT_ONCE", 3)
    for k, expected in enumerate(whole, 1):
        np.testing.assert_allclose(cut_box.volumes(k), expected, rtol=1e-12)
    part, ids = faces_of(cut_box.cells, cut_box.dim, np.array([0]))
    part.verify()
    assert part.euler_characteristic == 1 and part.counts[-1] == 1
    closure = cut_box.cells.closure([np.zeros(n, dtype=bool) for n in part.counts[:0]] + _only_first(cut_box))
    assert all((np.flatnonzero(mask) == numbers).all() for mask, numbers in zip(closure, ids, strict=True))


@pytest.mark.parametrize("widths", [(1, 5, 3, 2), (2, 5, 4, 2), (3, 4, 3, 2), (4, 4, 2)])
def test_bounds_of_volumes_hold(widths):
    """Against the volume in fractions of the same simplices at exact vertices, which doubles approximate."""
    n = widths[0]
    found = regions(random_network(11, *widths), Box.cube(n, -1, 1))
    exact = [exact_vertex(found, v) for v in range(found.cell_counts[0])]
    simplices = pulled(found.cells)[-1]
    total = [Fraction(0)] * found.cell_counts[-1]
    for row, cell in zip(simplices.vertices, simplices.cells.tolist(), strict=True):
        edges = [[a - b for a, b in zip(exact[v], exact[row[0]], strict=True)] for v in row[1:]]
        total[cell] += abs(determinant(edges)) / factorial(n)
    bounds = found.volume_errors()
    for volume, bound, true in zip(found.volumes(), bounds, total, strict=True):
        assert abs(Fraction(volume) - true) <= Fraction(bound) < Fraction(1, 10**9)
    assert sum(total) == 2**n
    assert (bounds >= 2.0**-53 * found.volumes()).all(), "a bound below the rounding of a double would be too good"
    assert not found.volume_errors(0).any() and np.isfinite(found.volume_errors(1)).all()


def exact_vertex(complex_, vertex):
    """The point where the neurons and faces of the box that are zero at a vertex meet, in fractions."""
    signs, box = complex_.signs(0, [vertex])[0], complex_.box_signs(0)[vertex]
    n = complex_.dim
    faces = [j for j in range(2 * n) if box[j] == 0]
    rows = [[*(Fraction(int(i == j // 2)) for i in range(n)), Fraction(1 if j % 2 else -1)] for j in faces]
    forms = [[*[Fraction(int(i == j)) for j in range(n)], Fraction(0)] for i in range(n)]
    column = 0
    for layer in complex_.network.affine_layers[:-1]:
        weight, bias = (
            [[Fraction(v) for v in row] for row in part.tolist()] for part in (layer.weight, layer.bias[:, None])
        )
        constants = [[Fraction(0)] * n + b for b in bias]
        forms = [
            [start + sum(a * form[i] for a, form in zip(row, forms, strict=True)) for i, start in enumerate(constant)]
            for row, constant in zip(weight, constants, strict=True)
        ]
        part = signs[column : column + len(forms)]
        rows += [[*form[:-1], -form[-1]] for form, sign in zip(forms, part, strict=True) if sign == 0]
        forms = [form if sign > 0 else [Fraction(0)] * (n + 1) for form, sign in zip(forms, part, strict=True)]
        column += len(forms)
    return solved(rows, n)


def solved(rows, n):
    """The only solution of the equations row[:n] . x = row[n]."""
    rows = [list(row) for row in rows]
    for i in range(n):
        pivot = next(r for r in range(i, len(rows)) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(len(rows)):
            if r != i:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [rows[i][n] for i in range(n)]


def determinant(rows):
    if len(rows) == 1:
        return rows[0][0]
    minors = ([row[:j] + row[j + 1 :] for row in rows[1:]] for j in range(len(rows)))
    return sum((-1) ** j * a * determinant(minor) for j, (a, minor) in enumerate(zip(rows[0], minors, strict=True)))


def _only_first(complex_):
    masks = [np.zeros(n, dtype=bool) for n in complex_.cell_counts]
    masks[-1][0] = True
    return masks


def test_volume_of_a_simplex():
    for k in range(1, 6):
        corners = np.vstack([np.zeros(k), np.diag(np.arange(1.0, k + 1))])
        rows = np.arange(k + 1)[None]
        assert simplex_volumes(corners, rows)[0] == pytest.approx(1.0)
        turned, _ = np.linalg.qr(np.random.default_rng(k).normal(size=(k + 2, k)))
        assert simplex_volumes(corners @ turned.T + 3.0, rows)[0] == pytest.approx(1.0)
        assert simplex_volumes(corners / np.arange(1.0, k + 1), rows)[0] == pytest.approx(1 / factorial(k))


def test_what_is_refused(monkeypatch):
    square = crossed_square()
    with pytest.raises(InputError, match="pulling or barycentric"):
        square.triangulate("delaunay")
    monkeypatch.setattr(triangulation, "SIMPLEX_LIMIT", 7)
    for method in ("pulling", "barycentric"):
        with pytest.raises(InputError, match="more than 7"):
            square.triangulate(method)


def test_a_degenerate_arrangement():
    """Five lines through a point and a doubled one: every polygon is triangulated, and the areas add up."""
    star = regions(hyperplanes([[1, 0], [0, 1], [1, 1], [1, -1], [2, 2]], [0] * 5), Box.cube(2, -1, 1))
    assert star.cell_counts == (9, 16, 8)
    assert star.triangulate().counts == (9, 16, 8)
    assert star.volumes().tolist() == [0.5] * 8
