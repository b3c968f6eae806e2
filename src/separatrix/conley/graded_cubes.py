"""The chain complex of a filtered box with a grade for each cell, and which Morse sets belong to each grade (9.12).

A grade is a connected part of what one superlevel set adds to the one before: two parts of one step are not comparable. A cell
belongs to the least grade of the cubes around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.complexes.cubical_complex import CubicalComplex
from separatrix.conley.graded_reduction import GradedComplex
from separatrix.conley.level_filtration import LevelFiltration
from separatrix.conley.morse_graph_record import MorseGraph
from separatrix.flow.critical_points import CriticalPoints

PARTS = 1_000_000  # more than there are parts in a step


@dataclass(frozen=True, eq=False)
class GradedCubes:
    """The complex relative to the exit set; ``part`` (n + 2, …): grade of every cube, -1 where there is none."""

    complex: GradedComplex
    filtration: LevelFiltration
    part: np.ndarray

    def names(self, points: CriticalPoints, graph: MorseGraph | None) -> dict[int, str]:
        """The names of the Morse sets of each grade, joined by "+"; "?" for equilibria that no set is known for."""
        cells, hulls = self.filtration.cells, self.filtration.cells.hulls()
        found: dict[int, list[str]] = {}
        for k, hull in enumerate(hulls):
            own = cells.cluster == k
            cubes = np.pad(self.filtration.grid.meeting(cells.lower[own], cells.upper[own]), 1)
            step = next(i for i, group in enumerate(self.filtration.groups, 1) if k in group)
            for grade in np.unique(self.part[cubes & (self.filtration.steps == step)]):
                found.setdefault(int(grade), []).append(_name(hull, points, graph))
        return {grade: "+".join(dict.fromkeys(names)) for grade, names in found.items()}


def _name(hull: np.ndarray, points: CriticalPoints, graph: MorseGraph | None) -> str:
    """The set in the hull (2, dim) of a cluster of cells: an unresolved one if it meets it, else its point."""
    unresolved = [
        k for k, box in enumerate(points.unresolved) if (box.lower <= hull[1]).all() and (box.upper >= hull[0]).all()
    ]
    error = np.where(np.isfinite(points.error), points.error, 1e-6)[:, None]
    holds = ((points.points - error <= hull[1]) & (points.points + error >= hull[0])).all(axis=1)
    rows = [
        int(row) for row in np.flatnonzero(holds) if points.certainty[row] in (Certainty.PROVED, Certainty.VERIFIED)
    ]
    small = [k for k in unresolved if _is_within(points.unresolved[k].lower, points.unresolved[k].upper, hull)]
    names = [points.ids[row] for row in rows] if not small else [f"u{k}" for k in small]
    if graph is not None:
        names = [_in_graph(name, graph) for name in names]
    return "+".join(dict.fromkeys(names)) or "?"


def _is_within(lower: np.ndarray, upper: np.ndarray, hull: np.ndarray) -> bool:
    """Whether a box is not much larger than the hull: a ring's hull holds its middle, whose cells are few."""
    room = 0.5 * (hull[1] - hull[0]) + 1e-12
    return bool((lower >= hull[0] - room).all() and (upper <= hull[1] + room).all())


def _in_graph(name: str, graph: MorseGraph) -> str:
    """The graph's name of a point's set, or of the unresolved set of this number."""
    if not name.startswith("u"):
        return graph.names[graph.number_of(name)]
    lone = [one.name for one in graph.sets if not one.point_ids]
    number = int(name[1:])
    return lone[number] if number < len(lone) else name


def graded_cubes(filtration: LevelFiltration) -> GradedCubes:
    """The cells of the box that are not in the exit set, with their grades."""
    from scipy.ndimage import generate_binary_structure, label

    steps = filtration.steps
    part = np.where(steps == 0, 0, -1).astype(np.int64)
    around = generate_binary_structure(steps.ndim, steps.ndim)
    for step in range(1, len(filtration.groups) + 1):
        found: Any = label(steps == step, structure=around)
        labels = np.asarray(found[0])
        part[labels > 0] = step * PARTS + labels[labels > 0]
    cubes = CubicalComplex(part >= 0)
    values = cubes.cube_values(np.where(part >= 0, part, 0))
    return GradedCubes(_relative(cubes, [value.astype(np.int64) for value in values]), filtration, part)


def _relative(cubes: CubicalComplex, grades: list[np.ndarray]) -> GradedComplex:
    """The cells with a grade above 0, in one numbering; boundaries without the others."""
    kept = [grade > 0 for grade in grades]
    first = np.concatenate([[0], np.cumsum([int(keep.sum()) for keep in kept])]).astype(np.int64)
    faces, signs, lengths = [], [], [np.zeros(int(kept[0].sum()), dtype=np.int64)]
    for k in range(1, cubes.dim + 1):
        number = np.cumsum(kept[k - 1]) - 1 + first[k - 1]
        owner = np.repeat(np.arange(cubes.counts[k]), np.diff(cubes.starts[k]))
        used = kept[k][owner] & kept[k - 1][cubes.faces[k]]
        faces.append(number[cubes.faces[k][used]])
        signs.append(cubes.signs[k][used].astype(np.int64))
        lengths.append(np.bincount(owner[used], minlength=cubes.counts[k])[kept[k]])
    ptr = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    grade = np.concatenate([grade[keep] for grade, keep in zip(grades, kept, strict=True)])
    return GradedComplex(first, ptr, np.concatenate(faces), np.concatenate(signs), grade)
