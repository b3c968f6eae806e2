"""Persistence as gudhi and persim write it, meshes as other readers read them."""

from __future__ import annotations

import gudhi
import numpy as np
import pytest

from separatrix import Box, InputError, expression
from separatrix.morse.levels.level_sets import level_sets


@pytest.fixture(scope="module")
def sets():
    return level_sets(expression("-(x**2 - 1)**2 - y**2", "x y"), Box.cube(2, -2, 2), 32, match=False)


def test_gudhi_finds_the_same_diagram(sets):
    peer = gudhi.CubicalComplex(vertices=-sets.values.reshape(33, 33))
    theirs = [pair for pair in peer.persistence(homology_coeff_field=2) if pair[1][1] - pair[1][0] > 2 * sets.tolerance]
    ours = [pair for pair in sets.to_gudhi() if pair[1][1] - pair[1][0] > 2 * sets.tolerance]
    assert sorted(k for k, _ in ours) == sorted(k for k, _ in theirs)
    assert gudhi.bottleneck_distance([p for _, p in ours], [p for _, p in theirs]) <= 2 * sets.tolerance
    degrees = sets.to_persim("<=")
    assert [part.shape[1] for part in degrees] == [2, 2, 2] and (degrees[1][:, 0] < degrees[1][:, 1]).all()


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("ending", [".ply", ".vtu"])
def test_meshio_reads_the_mesh(tmp_path, dim, ending):
    meshio = pytest.importorskip("meshio")
    text = " + ".join(f"{name}**2" for name in "xyz"[:dim])
    found = level_sets(expression(f"-({text})", " ".join("xyz"[:dim])), Box.cube(dim, -2, 2), 10, match=False)
    mesh = found.mesh(-1.0)
    path = found.save_mesh(-1.0, tmp_path / f"level{ending}")
    if ending == ".ply" and dim == 2:
        assert b"element edge" in path.read_bytes()[:400]
        return
    read = meshio.read(path)
    assert np.array_equal(read.points[:, :dim], mesh.vertices)
    assert np.array_equal(read.cells[0].data, mesh.simplices)


def test_other_endings_and_folders_are_refused(sets, tmp_path):
    with pytest.raises(InputError, match="ply"):
        sets.save_mesh(-0.5, tmp_path / "level.stl")
    with pytest.raises(InputError, match="cannot be written"):
        sets.save_mesh(-0.5, tmp_path / "nowhere" / "level.ply")
    with pytest.raises(InputError, match="side"):
        sets.to_gudhi("=")
