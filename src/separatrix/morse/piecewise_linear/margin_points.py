"""The equilibria of a piecewise linear f: its critical vertices, and the pieces without an index (§5)."""

from __future__ import annotations

import numpy as np

from separatrix.morse.piecewise_linear.candidates import OpenCell, Scene
from separatrix.morse.piecewise_linear.equilibria import WITHOUT_INDEX, Equilibria, Equilibrium, Place
from separatrix.morse.piecewise_linear.flat_pieces import Pieces
from separatrix.morse.piecewise_linear.local_chains import Groups, local_groups


def margin_equilibria(scene: Scene) -> Equilibria:
    """All equilibria of the first contrast of the scene: a piece all of whose cells have a rising direction is none."""
    pieces = Pieces.of(scene.complex_.cells, scene.values.ranks())
    groups = local_groups(pieces.relative_chains())
    flat = pieces.flat_dimension()
    found, multiple, left = [], [], []
    for piece, cells in _open_pieces(scene, pieces).items():
        own = groups.get(piece)
        if flat[piece]:
            what = f"f is constant on a connected set of cells of dimension up to {flat[piece]}"
            text = f"{what}; H_k({{f >= c}}, {{f > c}}) about it: {own or Groups((0,), ((),))}"
            left += [OpenCell(k, cell, *scene.hull(k, cell), text) for k, cell in cells]
            continue
        v = cells[0][1]
        x, error = scene.places.points[v], float(scene.places.spread[v])
        fan_slope = scene.slopes(0, np.array([v]))
        if own is None:
            if not scene.fan(0, np.array([v]), fan_slope).rises_by_programme():
                left.append(OpenCell(0, v, x - error, x + error, WITHOUT_INDEX))
            continue
        place = Place(0, v, x, error, fan_slope[0], 0, None)
        (found if own.is_lone else multiple).append(Equilibrium(place, own, own.degree))
    return Equilibria(found, multiple, left)


def _open_pieces(scene: Scene, pieces: Pieces) -> dict[int, list[tuple[int, int]]]:
    """The pieces with cells on which f is constant and no direction is proved to rise, and these cells."""
    found: dict[int, list[tuple[int, int]]] = {}
    for k in range(scene.complex_.dim + 1):
        cells = scene.open_cells(k)
        cells = cells[pieces.flat_cells(k)[cells]]
        for cell, piece in zip(cells.tolist(), pieces.owner[k][cells].tolist(), strict=True):
            found.setdefault(piece, []).append((k, cell))
    return found
