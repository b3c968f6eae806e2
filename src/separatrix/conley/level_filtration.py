"""A box filtered by superlevel sets of f between the values of its equilibria, in cubes with the right homology (9.12).

"project": sets {f >= l} of the box. "exit", where the box is an isolating block: the same with the exit set added, relative to
it. Between two values of equilibria the inclusion of one set in the next is a homotopy equivalence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.conley.blocks import mark_exits
from separatrix.conley.cubical_pairs import is_acyclic
from separatrix.conley.equilibrium_cells import EquilibriumCells, equilibrium_cells
from separatrix.conley.level_grid import LevelGrid, shapes_of
from separatrix.conley.superlevel_cubes import superlevel_cubes
from separatrix.domains import Box
from separatrix.morse.exit_set import ExitSet, exit_set
from separatrix.potentials.base import Potential

SMALLEST_GAP = 1e-9


@dataclass(frozen=True, eq=False)
class LevelFiltration:
    """``steps`` (n + 2, …) int: for every cube of the grid with a layer around it the number of the set that it first belongs
    to: 0 for the exit set, -1 for no cube; ``grid``; ``groups``: the clusters of equilibria of each step from 1 up;
    ``levels``; ``exits``: what is known of the box's boundary, None for "project"; ``is_sharp``: whether the exit set is a union
    of cells, so that (9.12) proves the groups; elsewhere cells stand for it that have its homology."""

    steps: np.ndarray
    grid: LevelGrid
    cells: EquilibriumCells
    groups: list[np.ndarray]
    levels: tuple[float, ...]
    exits: ExitSet | None
    is_sharp: bool


def level_filtration(potential: Potential, box: Box, boundary: str) -> LevelFiltration | str:
    """The filtration, or why there is none."""
    exits = None
    if boundary == "exit":
        exits = exit_set(potential, box)
        if not exits.is_isolating:
            return exits.reason or "the box is no isolating block"
    cells = equilibrium_cells(potential, box, faces=boundary == "project")
    if boundary == "exit" and len(cells):
        near = ((cells.lower <= box.lower) | (cells.upper >= box.upper)).any()
        if near:
            return "an equilibrium lies near the edge of the box"
    groups = _by_height(cells)
    if not groups:
        return "there is no equilibrium"
    for shape in shapes_of(box):
        found = _on_grid(LevelGrid.of(potential, box, shape), potential, cells, groups, exits)
        if found is not None:
            return found
    return "the grid is too coarse for the levels between the values of equilibria"


def _by_height(cells: EquilibriumCells) -> list[np.ndarray]:
    """Clusters whose values overlap, from the highest down."""
    numbers = range(int(cells.cluster.max(initial=-1)) + 1)
    ranges = []
    for k in numbers:
        own = cells.cluster == k
        ranges.append((float(cells.values.lower[own].min()), float(cells.values.upper[own].max()), k))
    groups: list[tuple[float, list[int]]] = []
    for low, high, k in sorted(ranges, reverse=True, key=lambda entry: entry[1]):
        gap = SMALLEST_GAP * max(abs(low), abs(high), 1e-300)
        if groups and high >= groups[-1][0] - gap:
            groups[-1] = (min(groups[-1][0], low), [*groups[-1][1], k])
        else:
            groups.append((low, [k]))
    return [np.array(members) for _, members in groups]


def _on_grid(
    grid: LevelGrid,
    potential: Potential,
    cells: EquilibriumCells,
    groups: list[np.ndarray],
    exits: ExitSet | None,
) -> LevelFiltration | None:
    inside = np.pad(np.ones(grid.shape, dtype=bool), 1)
    sure, possible = np.zeros_like(inside), np.zeros_like(inside)
    if exits is not None:
        mark_exits(potential, grid.box, grid.shape, sure, possible)
        if not is_acyclic(possible, sure):
            return None
    steps = np.where(possible, 0, -1)
    levels: list[float] = []
    for number, (upper, lower) in enumerate(zip(groups, groups[1:], strict=False), 1):
        least = float(cells.values.lower[np.isin(cells.cluster, upper)].min())
        most = float(cells.values.upper[np.isin(cells.cluster, lower)].max())
        found = superlevel_cubes(grid, most, least, None if exits is None else (sure, possible))
        if found is None:
            return None
        levels.append(found.level)
        steps[np.pad(found.outer, 1) & (steps < 0)] = number
    steps[inside & (steps < 0)] = len(groups)
    is_sharp = exits is None or bool((sure == possible).all())
    return LevelFiltration(steps, grid, cells, groups, tuple(levels), exits, is_sharp)
