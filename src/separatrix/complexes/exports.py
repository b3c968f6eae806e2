"""Polyhedral complexes for other programs: gudhi, meshio, PLY files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.complexes.polygons import polygons
from separatrix.errors import InputError, KindError, MissingExtraError, printable

if TYPE_CHECKING:
    from separatrix.complexes.polyhedral_complex import PolyhedralComplex

TETRAHEDRON = 3


def to_gudhi(complex_: PolyhedralComplex) -> Any:
    """The pulling triangulation as a ``gudhi.SimplexTree`` with the complex's vertex numbers and filtration value 0."""
    return complex_.triangulate().to_gudhi()


def to_meshio(complex_: PolyhedralComplex) -> Any:
    """The complex as a ``meshio.Mesh``: cells of top dimension as lines, polygons, or tetrahedra of a triangulation.

    ``cell_data["cell"]`` holds the number of the top cell of each entry. Points have three coordinates, the missing ones 0.
    Raises InputError in more than three dimensions and for unbounded cells.
    """
    try:
        import meshio
    except ImportError:
        raise MissingExtraError("to_meshio needs meshio: pip install meshio") from None
    check_drawable(complex_, "to_meshio")
    blocks, numbers = [], []
    for name, rows, cells in _blocks(complex_):
        blocks.append((name, rows))
        numbers.append(cells)
    return meshio.Mesh(in_space(complex_.points), blocks, cell_data={"cell": numbers})


def _blocks(complex_: PolyhedralComplex) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(kind, vertices, top cells) by kind."""
    cells, dim = complex_.cells, complex_.dim
    if dim == 0:
        return [("vertex", np.arange(cells.counts[0])[:, None], np.arange(cells.counts[0]))]
    if dim == 1:
        return [("line", cells.faces[1].reshape(-1, 2), np.arange(cells.counts[1]))]
    if dim == TETRAHEDRON:
        from separatrix.complexes.triangulation import pulled

        simplices = pulled(cells)[-1]
        return [("tetra", simplices.vertices, simplices.cells)]
    starts, corners = polygons(cells)
    lengths, found = np.diff(starts), []
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        name = {3: "triangle", 4: "quad"}.get(int(length), "polygon")
        found.append((name, corners[starts[chosen][:, None] + np.arange(length)], chosen))
    return found


def save_ply(complex_: PolyhedralComplex, path: str | Path) -> Path:
    """Write vertices and 2-cells, or the edges of a complex of dimension 1, as a binary PLY file; the path.

    Coordinates are doubles; faces stand in the order of their cells. Raises InputError in more than three dimensions, for
    unbounded cells, and where the file cannot be written; KindError for what is no path.
    """
    check_drawable(complex_, "save_ply")
    if not isinstance(path, (str, Path)):
        raise KindError(f"save_ply: expected a path, came {type(path).__name__}")
    cells, target = complex_.cells, Path(path)
    points = np.ascontiguousarray(in_space(complex_.points), dtype="<f8")
    header = ["ply", "format binary_little_endian 1.0", "comment polyhedral complex, separatrix"]
    header += [f"element vertex {len(points)}", *(f"property double {axis}" for axis in "xyz")]
    if complex_.dim >= 2:
        header += [f"element face {cells.counts[2]}", "property list int int vertex_indices"]
        body = _faces(*polygons(cells))
    else:
        edges = cells.faces[1].reshape(-1, 2) if complex_.dim else np.zeros((0, 2))
        header += [f"element edge {len(edges)}", "property int vertex1", "property int vertex2"]
        body = np.ascontiguousarray(edges, dtype="<i4").tobytes()
    try:
        target.write_bytes("\n".join([*header, "end_header\n"]).encode("ascii") + points.tobytes() + body)
    except OSError as error:
        raise InputError(
            f"save_ply: {printable(target)} cannot be written: {error.strerror or error}; give the name of a file in a folder "
            "that exists"
        ) from None
    return target


def _faces(starts: np.ndarray, corners: np.ndarray) -> bytes:
    """For every polygon its length and its corners, as 32-bit integers."""
    lengths = np.diff(starts)
    body = np.empty(corners.size + lengths.size, dtype="<i4")
    first = starts[:-1] + np.arange(lengths.size)
    is_corner = np.ones(body.size, dtype=bool)
    is_corner[first] = False
    body[first], body[is_corner] = lengths, corners
    return body.tobytes()


def check_drawable(complex_: PolyhedralComplex, what: str) -> None:
    """InputError for complexes with unbounded cells, or in more than three dimensions."""
    if complex_.ambient_dim > 3:
        raise InputError(
            f"{what}: expected a complex in at most three dimensions, came {complex_.ambient_dim}; take a slice: "
            "net.restrict(AffineSlice.through(points))"
        )
    if not complex_.is_closed:
        raise InputError(f"{what}: some cells are unbounded; take a box, or the subcomplex of bounded cells")


def in_space(points: np.ndarray) -> np.ndarray:
    """Points (n, dim) with dim <= 3 as points of three coordinates, the missing ones 0."""
    return np.concatenate([points, np.zeros((len(points), 3 - points.shape[1]))], axis=1)
