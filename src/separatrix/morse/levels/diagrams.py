"""Persistence of the function linear between the vertices of a grid: degree 0 by joins, degree n - 1 by duality (§10).

In space degree 1 comes from a reduction of all cells where the grid is small enough.

By Alexander duality in R^n the classes of degree n - 1 of {f >= c} are the bounded components of its complement: as c rises,
these join each other and the outside. A component that begins at a minimum m and joins an older one at s is a class that, as c
falls, is born at s and filled at m.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from separatrix.certainty import Certainty
from separatrix.complexes.cells import Cells
from separatrix.homology.persistence import persistence
from separatrix.homology.persistence_diagram import PersistenceDiagram
from separatrix.morse.levels.components import Joins, Links
from separatrix.morse.levels.kuhn_cells import kuhn_cells
from separatrix.records import Provenance

Array = np.ndarray
SPACE, MOST_VERTICES = 3, 40_000  # up to which all cells are reduced for degree 1


class Rows(NamedTuple):
    """Classes of one degree: births, deaths, and the vertices with which they come and go (-1: never), each (n,)."""

    degree: int
    birth: Array
    death: Array
    birth_cell: Array
    death_cell: Array


@dataclass(frozen=True, eq=False)
class Filtration:
    """One side of the level sets: its ``diagram``, the ``joins`` of its components, and where chi of the set changes.

    ``euler_values`` (k,), ``euler_steps`` (k,): chi({f >= c}) is the sum of the steps with values >= c; for {f <= c}, <= c.
    """

    diagram: PersistenceDiagram
    joins: Joins
    euler_values: Array
    euler_steps: Array


def filtrations(values: Array) -> tuple[Filtration, Filtration]:
    """Of {f >= c} as c falls and of {f <= c} as c rises, for values at the vertices of a grid of 1 to 3 dimensions."""
    links = Links(values)
    flat = values.ravel()
    tunnels = kuhn_cells(values.shape) if values.ndim == SPACE and values.size <= MOST_VERTICES else None
    found = []
    for upper in (True, False):
        joins = links.joins(upper, outside=False)
        dual = links.joins(not upper, outside=True) if values.ndim > 1 else None
        vertices, steps = links.euler_steps(upper)
        summed = _summed(flat[vertices], steps)
        rows = _pairs(flat, values.ndim, joins, dual, upper)
        if tunnels is not None:
            rows.append(_tunnels(flat, tunnels, upper))
        found.append(Filtration(_diagram(rows, values.ndim, upper), joins, *summed))
    return found[0], found[1]


def _summed(values: Array, steps: Array) -> tuple[Array, Array]:
    """Steps at equal values added, ascending, without zeros."""
    distinct, place = np.unique(values, return_inverse=True)
    total = np.bincount(place, weights=steps, minlength=len(distinct)).round().astype(np.int64)
    return distinct[total != 0], total[total != 0]


def _pairs(flat: Array, dim: int, joins: Joins, dual: Joins | None, upper: bool) -> list[Rows]:
    """Rows of the classes of degree 0 and of degree ``dim`` - 1."""
    never, first = -np.inf if upper else np.inf, np.array([joins.first])
    birth_cell, death_cell = np.concatenate([first, joins.younger]), np.concatenate([[-1], joins.where])
    death = np.concatenate([[never], flat[joins.where]])
    found = [Rows(0, flat[birth_cell], death, birth_cell, death_cell)]
    if dual is not None:
        found.append(Rows(dim - 1, flat[dual.where], flat[dual.younger], dual.where, dual.younger))
    return found


def _tunnels(flat: Array, found: tuple[Cells, list[Array]], upper: bool) -> Rows:
    """Rows of the classes of degree 1 in space, by the column algorithm; a cell is known by the vertex that brings it."""
    cells, corners = found
    sign = -1.0 if upper else 1.0
    last = [part[np.arange(len(part)), (sign * flat)[part].argmax(axis=1)] for part in corners]
    diagram = persistence(cells, [flat[part] for part in last], superlevel=upper)
    mine = diagram.degree == 1
    birth_cell, death_cell = last[1][diagram.birth_cell[mine]], last[2][diagram.death_cell[mine]]
    return Rows(1, flat[birth_cell], flat[death_cell], birth_cell, death_cell)


def _diagram(rows: list[Rows], dim: int, upper: bool) -> PersistenceDiagram:
    degree = np.concatenate([np.full(len(part.birth), part.degree, dtype=np.int64) for part in rows])
    birth, death, birth_cell, death_cell = (np.concatenate([part[k] for part in rows]) for k in (1, 2, 3, 4))
    lives = np.flatnonzero(birth != death)
    order = lives[np.lexsort((-birth[lives] if upper else birth[lives], degree[lives]))]
    return PersistenceDiagram(
        degree=degree[order], birth=birth[order], death=death[order], birth_cell=birth_cell[order].astype(np.int64),
        death_cell=death_cell[order].astype(np.int64), dim=dim, coefficients="Z/2", superlevel=upper,
        certainty=Certainty.PROVED, provenance=Provenance("joins of components by the elder rule, Alexander duals"),
    )  # fmt: skip
