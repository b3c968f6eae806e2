"""Complexes for other programs: polygons in order, PLY, meshio, gudhi."""

import struct

import numpy as np
import pytest

from separatrix.complexes.cells import Cells
from separatrix.complexes.polygons import polygons
from separatrix.domains import Box
from separatrix.errors import InputError, KindError, SeparatrixError
from tests.complexes.arrangements import crossed_square, hyperplanes, random_network, regions, whole_space


def read_ply(path):
    """Vertices (n, 3) and lists of integers of the other elements, by the format's own words."""
    head, _, body = path.read_bytes().partition(b"end_header\n")
    lines = head.decode("ascii").split("\n")
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    counts = {line.split()[1]: int(line.split()[2]) for line in lines if line.startswith("element")}
    end = 24 * counts["vertex"]
    points = np.frombuffer(body[:end], "<f8").reshape(-1, 3)
    rest, rows = struct.unpack(f"<{(len(body) - end) // 4}i", body[end:]), []
    for _ in range(counts.get("face", 0)):
        rows.append(rest[1 : 1 + rest[0]])
        rest = rest[1 + rest[0] :]
    for _ in range(counts.get("edge", 0)):
        rows.append(rest[:2])
        rest = rest[2:]
    assert not rest
    return points, rows


def area(corners):
    x, y = np.asarray(corners).T
    return 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))


def test_polygons_go_around_their_cells():
    cut_square = regions(random_network(2, 2, 7, 5, 2), Box.cube(2, -1, 1))
    starts, corners = cut_square.polygons()
    sides = {tuple(sorted(ends)) for ends in cut_square.cells.faces[1].reshape(-1, 2).tolist()}
    areas = []
    for cell in range(cut_square.cell_counts[2]):
        loop = corners[starts[cell] : starts[cell + 1]]
        assert len(set(loop.tolist())) == len(loop)
        assert all(tuple(sorted(pair)) in sides for pair in zip(loop.tolist(), np.roll(loop, -1).tolist(), strict=True))
        areas.append(area(cut_square.vertices[loop]))
    np.testing.assert_allclose(np.abs(areas), cut_square.volumes(), rtol=1e-9)


def test_a_cell_that_is_no_polygon_is_refused():
    """Two triangles taken for one cell, and an edge path that does not close."""
    edges = [[0, 1], [1, 2], [0, 2], [3, 4], [4, 5], [3, 5]]
    pair = Cells.from_facets([6, 6, 1], [edges, [[0, 1, 2, 3, 4, 5]]], [[[-1, 1]] * 6, [[1, 1, -1, 1, 1, -1]]])
    with pytest.raises(SeparatrixError, match="more than one cycle"):
        polygons(pair)
    path = Cells.from_facets([3, 2, 1], [[[0, 1], [1, 2]], [[0, 1]]], [[[-1, 1]] * 2, [[1, 1]]])
    with pytest.raises(SeparatrixError, match="no cycle"):
        polygons(path)


def test_ply_of_a_plane_and_of_a_curve(tmp_path):
    square = crossed_square()
    points, faces = read_ply(square.save_ply(tmp_path / "square.ply"))
    assert (points[:, :2] == square.vertices).all() and not points[:, 2].any()
    assert sorted(map(sorted, faces)) == [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]]
    assert [area(points[list(face), :2]) for face in faces] == [1.0] * 4
    sides = square.subcomplex([np.ones(9, dtype=bool), np.ones(12, dtype=bool)])
    _, edges = read_ply(sides.save_ply(str(tmp_path / "sides.ply")))
    assert len(edges) == 12 and {tuple(sorted(edge)) for edge in edges} >= {(0, 1), (3, 4), (4, 7)}


def test_ply_of_a_surface_in_space(tmp_path):
    cube = regions(hyperplanes(np.eye(3), [0.5, 0, 0.25]), Box.cube(3, -1, 1))
    skin = cube.subcomplex([(cube.box_signs(k) == 0).any(axis=1) for k in range(4)])
    points, faces = read_ply(skin.save_ply(tmp_path / "skin.ply"))
    total = np.zeros(3)
    for face in faces:
        corners = points[list(face)]
        total[np.argmax(np.ptp(corners, axis=0) == 0)] += np.prod(np.sort(np.ptp(corners, axis=0))[1:])
    assert len(faces) == 24 and total.tolist() == [8.0, 8.0, 8.0]


def test_meshio_has_the_same_cells():
    pytest.importorskip("meshio")
    cut_cube = regions(random_network(3, 3, 5, 2), Box.cube(3, -1, 1))
    mesh = cut_cube.to_meshio()
    tetrahedra = mesh.cells_dict["tetra"]
    edges = mesh.points[tetrahedra[:, 1:]] - mesh.points[tetrahedra[:, :1]]
    assert np.abs(np.linalg.det(edges)).sum() / 6 == pytest.approx(8.0)
    assert set(mesh.cell_data["cell"][0]) == set(range(cut_cube.cell_counts[3]))
    square = crossed_square()
    assert [(block.type, len(block.data)) for block in square.to_meshio().cells] == [("quad", 4)]
    sides = square.subcomplex([np.ones(9, dtype=bool), np.ones(12, dtype=bool)])
    assert [(block.type, len(block.data)) for block in sides.to_meshio().cells] == [("line", 12)]


def test_gudhi_has_the_same_simplices():
    pytest.importorskip("gudhi")
    cut_square = regions(random_network(4, 2, 5, 2), Box.cube(2, -1, 1))
    tree = cut_square.to_gudhi()
    assert tree.num_simplices() == sum(cut_square.triangulate().counts)
    assert tree.dimension() == 2 and tree.num_vertices() == cut_square.cell_counts[0]


def test_what_is_refused(tmp_path):
    in_four = regions(random_network(5, 4, 2, 2), Box.cube(4, -1, 1))
    plane = whole_space(hyperplanes([[1, 1], [1, -2]], [0, 1]))
    for refused, words in ((in_four, "three dimensions"), (plane, "unbounded")):
        with pytest.raises(InputError, match=words):
            refused.save_ply(tmp_path / "no.ply")
    with pytest.raises(InputError, match="dimension"):
        regions(random_network(6, 1, 3, 2), Box.cube(1, -1, 1)).polygons()
    assert not list(tmp_path.iterdir())


def test_what_is_no_path_and_a_missing_folder_are_refused(tmp_path):
    with pytest.raises(KindError, match="path"):
        crossed_square().save_ply(None)
    with pytest.raises(InputError, match=r"none/a\.ply cannot be written.*folder"):
        crossed_square().save_ply(tmp_path / "none/a.ply")
