"""Events of level sets and the critical points that make them (§10)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.critical_points import CriticalPoints
from separatrix.homology.persistence_diagram import PersistenceDiagram
from separatrix.morse.levels.bands import Bands
from separatrix.morse.levels.level_record import LevelEvent

Array = np.ndarray
FORBIDDEN = 1e12


@dataclass(frozen=True, eq=False)
class Raw:
    """Events of one side before matching: values and their errors, vertices, degrees, whether a class appears, Morse indices."""

    values: Array
    errors: Array
    vertices: Array
    degree: Array
    appears: Array
    index: Array


def lasting(births: Array, deaths: Array, bands: Bands) -> tuple[Array, Array, Array]:
    """(which pairs f is proved to have, errors of births, of deaths).

    With e the error of the blocks about a birth b, cut off above b + e and below b - 3e, a class that lives longer than 2e has
    a partner of f, born within e of b (stability); in the same way about its death.
    """
    at_birth, at_death = bands.at(births, 3.0), bands.at(deaths, 3.0)
    return np.abs(births - deaths) > 2.0 * np.maximum(at_birth, at_death), at_birth, at_death


def raw_events(diagram: PersistenceDiagram, bands: Bands) -> Raw:
    """Births and deaths of the classes that f is proved to have; cells are vertices."""
    real, at_birth, at_death = lasting(diagram.birth, diagram.death, bands)
    rows = np.flatnonzero(real)
    ends = rows[np.isfinite(diagram.death[rows])]
    degree = np.concatenate([diagram.degree[rows], diagram.degree[ends]])
    appears = np.concatenate([np.ones(len(rows), dtype=bool), np.zeros(len(ends), dtype=bool)])
    return Raw(
        values=np.concatenate([diagram.birth[rows], diagram.death[ends]]),
        errors=np.concatenate([at_birth[rows], at_death[ends]]),
        vertices=np.concatenate([diagram.birth_cell[rows], diagram.death_cell[ends]]),
        degree=degree,
        appears=appears,
        index=degree + ~appears,
    )


def words(degree: int, appears: bool, dim: int) -> str:
    """What happens to the set."""
    if degree == 0:
        return "a component appears" if appears else "two components join"
    if degree == dim - 1:
        name = "a hole" if dim == 2 else "a cavity"
        return f"{name} is closed off" if appears else f"{name} is filled"
    return "a tunnel appears" if appears else "a tunnel is filled"


@dataclass(frozen=True, eq=False)
class Side:
    """One side to be matched: its name, the points of f or of -f, and the ``spacing`` (dim,) of the grid."""

    name: str
    dim: int
    points: CriticalPoints | None
    spacing: Array

    def level(self, values: Array) -> Array:
        """Values of the points' potential as values of f, and back."""
        return values if self.name == ">=" else -values

    def id(self, row: int) -> str:
        """The id of a point as events carry it."""
        assert self.points is not None
        return self.points.ids[row] if self.name == ">=" else f"-{self.points.ids[row]}"

    def unresolved(self, place: Array) -> str:
        """The id of the box that the search left open about a place, "" where there is none."""
        for number, box in enumerate(() if self.points is None else self.points.unresolved):
            if ((place >= box.lower - self.spacing) & (place <= box.upper + self.spacing)).all():
                return f"u{number}" if self.name == ">=" else f"-u{number}"
        return ""


def matched_events(raw: Raw, places: Array, side: Side) -> tuple[list[LevelEvent], list[int]]:
    """Events with their points, and the rows of the points that no event is.

    ``places`` (n, dim): where the events are. Within each index a bijection is sought whose values agree within the bound;
    among those, one with the least sum of distances.
    """
    rows = np.full(len(raw.values), -1, dtype=np.int64)
    alone = np.zeros(len(raw.values), dtype=bool)
    if side.points is not None and len(side.points):
        values = side.level(side.points.values)
        for index in np.unique(raw.index):
            mine, candidates = np.flatnonzero(raw.index == index), np.flatnonzero(side.points.indices == index)
            if len(candidates):
                room = raw.errors[mine][:, None] * (1.0 + 1e-9) + 1e-12 * (1.0 + np.abs(values[candidates]))
                near = np.abs(raw.values[mine][:, None] - values[candidates]) <= room
                chosen = _assigned(near, places[mine], side.points.points[candidates])
                rows[mine[chosen[0]]] = candidates[chosen[1]]
                alone[mine[chosen[0]]] = near[chosen[0]].sum(axis=1) == 1
    events = [_event(raw, k, places[k], int(rows[k]), bool(alone[k]), side) for k in range(len(raw.values))]
    count = 0 if side.points is None else len(side.points)
    return events, sorted(set(range(count)) - set(rows.tolist()))


def _assigned(near: Array, places: Array, points: Array) -> tuple[Array, Array]:
    """Pairs of rows of ``near`` and columns, as many as can be, nearest in space."""
    from scipy.optimize import linear_sum_assignment

    distance = np.sqrt(((places[:, None] - points[None]) ** 2).sum(axis=2))
    scale = max(float(distance.max()), 1e-300)
    left, right = linear_sum_assignment(np.where(near, distance / scale, FORBIDDEN))
    kept = near[left, right]
    return left[kept], right[kept]


def _event(raw: Raw, k: int, place: Array, row: int, alone: bool, side: Side) -> LevelEvent:
    degree, appears = int(raw.degree[k]), bool(raw.appears[k])
    found = LevelEvent(
        value=float(raw.values[k]) + 0.0, side=side.name, what=words(degree, appears, side.dim), degree=degree, appears=appears,
        index=int(raw.index[k]), error=float(raw.errors[k]), point=tuple(place.tolist()), certainty=Certainty.PROVED,
    )  # fmt: skip
    if row < 0:
        return dataclasses.replace(found, matched=side.unresolved(place))
    assert side.points is not None
    value = float(side.level(side.points.values[row : row + 1])[0])
    sure = alone and side.points.is_complete
    return dataclasses.replace(
        found, value=value, matched=side.id(row), error=abs(value - found.value),
        certainty=Certainty.PROVED if sure else Certainty.VERIFIED,
    )  # fmt: skip


def tunnels(side: Side, left: list[int]) -> tuple[list[LevelEvent], list[int]]:
    """In space, on grids without classes of degree 1: points of index 1 that join nothing make a tunnel, points of index 2
    that close off no cavity fill one. Events for them, and the rows that are left: pairs too short for the grid."""
    assert side.points is not None
    short = _short_pairs(side.points, left)
    is_sure = side.points.is_complete and not short
    found, rest = [], []
    for row in left:
        index = int(side.points.indices[row])
        if row in short or index not in (1, 2):
            rest.append(row)
            continue
        certainty = Certainty.VERIFIED if is_sure else Certainty.HEURISTIC
        found.append(_of_point(side, row, words(1, index == 1, 3), (1, index == 1), certainty))
    return found, rest


def _short_pairs(points: CriticalPoints, left: list[int]) -> set[int]:
    """Components and cavities that the grid does not tell, each with the nearest point that may undo or make it."""
    short: set[int] = set()
    for index, other, sign in ((0, 1, 1.0), (3, 2, -1.0)):
        for row in (row for row in left if points.indices[row] == index):
            gaps = {
                k: sign * float(points.values[row] - points.values[k])
                for k in left
                if points.indices[k] == other and k not in short
            }
            gaps = {k: gap for k, gap in gaps.items() if gap > 0}
            if gaps:
                short |= {row, min(gaps, key=lambda k: gaps[k])}
    return short


def short_lived(side: Side, left: list[int]) -> tuple[list[LevelEvent], list[int]]:
    """Events for proved points whose classes live too short for the grid: in a complete list they come in pairs."""
    points = side.points
    assert points is not None
    if not points.is_complete or sum((-1) ** int(points.indices[row]) for row in left):
        return [], left
    found = []
    for row in left:
        index = int(points.indices[row])
        decided = index in (0, side.dim)  # in between a class of degree index appears, or one of degree index - 1 goes
        what = "a component appears" if index == 0 else f"a change at a point of index {index}"
        appears, degree = index == 0, -1 if not decided else 0 if index == 0 else index - 1
        certainty = Certainty.PROVED if side.dim < 3 or decided else Certainty.VERIFIED
        found.append(_of_point(side, row, f"{what}, too short for the grid", (degree, appears), certainty))
    return found, []


def _of_point(side: Side, row: int, what: str, kind: tuple[int, bool], certainty: Certainty) -> LevelEvent:
    """The event of a point that the grid does not show."""
    assert side.points is not None
    return LevelEvent(
        value=float(side.level(side.points.values[row : row + 1])[0]) + 0.0, side=side.name, what=what, degree=kind[0],
        appears=kind[1], index=int(side.points.indices[row]), matched=side.id(row), error=0.0,
        point=tuple(side.points.points[row].tolist()), certainty=certainty,
    )  # fmt: skip
