"""Persistence and meshes for other programs: gudhi, persim, PLY, VTU (§10)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from separatrix.errors import InputError, KindError, printable

if TYPE_CHECKING:
    from separatrix.morse.levels.level_record import LevelMesh, LevelSets

Array = np.ndarray
VTK_KINDS = {1: (1, "points"), 2: (3, "segments"), 3: (5, "triangles")}


def to_gudhi(sets: LevelSets, side: str) -> list[tuple[int, tuple[float, float]]]:
    """[(degree, (birth, death)), …], longest first, as gudhi's ``persistence()`` gives it."""
    found = [(k, tuple(row)) for k, rows in enumerate(to_persim(sets, side)) for row in rows.tolist()]
    return sorted(found, key=lambda pair: (pair[1][0] - pair[1][1], pair[0]))  # type: ignore[return-value]


def to_persim(sets: LevelSets, side: str) -> list[Array]:
    """One array (n, 2) a degree; {f >= c} as the sublevel sets of -f, so that births lie below deaths."""
    if side == "=":
        raise InputError("persistence belongs to a side that grows: expected '>=' or '<='")
    diagram, sign = (sets.persistence, -1.0) if side == ">=" else (sets.persistence_below, 1.0)
    pairs = sign * np.stack([diagram.birth, diagram.death], axis=1) + 0.0
    return [pairs[diagram.degree == k] for k in range(sets.dim + 1)]


def save_mesh(mesh: LevelMesh, path: str | Path) -> Path:
    """Write points, segments or triangles as binary .ply, or as .vtu (XML, for ParaView); the path.

    Raises InputError for other endings and where the file cannot be written, KindError for what is no path.
    """
    if not isinstance(path, (str, Path)):
        raise KindError(f"save_mesh: expected a path, came {type(path).__name__}")
    target = Path(path)
    writers = {".ply": _ply, ".vtu": _vtu}
    if target.suffix.lower() not in writers:
        raise InputError(f"save_mesh: expected a name that ends in .ply or .vtu, came {printable(target.name, 80)}")
    try:
        target.write_bytes(writers[target.suffix.lower()](mesh))
    except OSError as error:
        raise InputError(
            f"save_mesh: {printable(target)} cannot be written: {error.strerror or error}; give the name of a file in a "
            "folder that exists"
        ) from None
    return target


def _in_space(points: Array) -> Array:
    return np.concatenate([points, np.zeros((len(points), 3 - points.shape[1]))], axis=1)


def _ply(mesh: LevelMesh) -> bytes:
    points = np.ascontiguousarray(_in_space(mesh.vertices), dtype="<f8")
    corners = mesh.simplices.shape[1]
    header = ["ply", "format binary_little_endian 1.0", "comment level set, separatrix"]
    header += [f"element vertex {len(points)}", *(f"property double {axis}" for axis in "xyz")]
    body = b""
    if corners == 2:
        header += [f"element edge {len(mesh.simplices)}", "property int vertex1", "property int vertex2"]
        body = np.ascontiguousarray(mesh.simplices, dtype="<i4").tobytes()
    elif corners == 3:
        header += [f"element face {len(mesh.simplices)}", "property list int int vertex_indices"]
        lengths = np.full((len(mesh.simplices), 1), 3)
        body = np.ascontiguousarray(np.hstack([lengths, mesh.simplices]), dtype="<i4").tobytes()
    return "\n".join([*header, "end_header\n"]).encode("ascii") + points.tobytes() + body


def _vtu(mesh: LevelMesh) -> bytes:
    """An unstructured grid in VTK's XML, numbers as text."""
    count, corners = mesh.simplices.shape
    kind = VTK_KINDS[corners][0]
    points = "\n".join(" ".join(repr(x) for x in row) for row in _in_space(mesh.vertices).tolist())
    cells = "\n".join(" ".join(str(v) for v in row) for row in mesh.simplices.tolist())
    offsets = " ".join(str(corners * (row + 1)) for row in range(count))
    text = f"""<?xml version="1.0"?>
<VTKFile type="UnstructuredGrid" version="0.1" byte_order="LittleEndian">
<UnstructuredGrid><Piece NumberOfPoints="{len(mesh.vertices)}" NumberOfCells="{count}">
<Points><DataArray type="Float64" NumberOfComponents="3" format="ascii">
{points}
</DataArray></Points>
<Cells>
<DataArray type="Int64" Name="connectivity" format="ascii">
{cells}
</DataArray>
<DataArray type="Int64" Name="offsets" format="ascii">
{offsets}
</DataArray>
<DataArray type="UInt8" Name="types" format="ascii">
{" ".join([str(kind)] * count)}
</DataArray>
</Cells>
</Piece></UnstructuredGrid>
</VTKFile>
"""
    return text.encode("ascii")
