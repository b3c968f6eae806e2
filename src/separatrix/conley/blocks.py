"""Boxes as isolating blocks: which sides the flow crosses which way, and generators of H_*(B, exit set) on cells (8.8), (8.9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.conley.cubical_pairs import PairGroups, is_acyclic, pair_groups
from separatrix.conley.level_grid import cubes_of
from separatrix.domains import Box
from separatrix.errors import SeparatrixError
from separatrix.morse.exit_set import ExitSet, exit_set
from separatrix.morse.facet_cells import Facet, facets_of
from separatrix.potentials.base import Potential

CELLS = {1: 2, 2: 32, 3: 12, 4: 6}  # a side, for generators
FINER = 2


@dataclass(frozen=True, eq=False)
class BoxBlock:
    """A box as a block: its exit set, and the pair made of cells where that has the same groups (None: none was found).

    ``exit_sides``, ``entry_sides``, ``mixed_sides``: in words.
    """

    found: ExitSet
    exit_sides: tuple[str, ...]
    entry_sides: tuple[str, ...]
    mixed_sides: tuple[str, ...]
    groups: PairGroups | None
    exit_lower: np.ndarray
    exit_upper: np.ndarray


def box_block(potential: Potential, box: Box) -> BoxBlock:
    """``box`` examined as an isolating block of dx/dt = grad f."""
    facets = facets_of(potential, box)
    found = exit_set(potential, box, facets)
    exits, entries, mixed = (
        tuple(facet.name for facet in facets if _kind(facet) == kind) for kind in ("exit", "entry", "mixed")
    )
    groups, corners = None, (np.zeros((0, box.dim)), np.zeros((0, box.dim)))
    if found.betti is not None and box.dim in CELLS:
        groups, corners = _on_cells(potential, box, found.betti)
    return BoxBlock(found, exits, entries, mixed, groups, *corners)


def _kind(facet: Facet) -> str:
    """Which way the flow crosses a facet; empty where that is not decided."""
    if not facet.decided:
        return ""
    if facet.sign:
        return "exit" if facet.sign > 0 else "entry"
    signs = {int(s) for _, _, found in facet.decided for s in np.unique(found)}
    return "mixed" if facet.is_settled or len(signs) > 1 else ""


def _on_cells(
    potential: Potential, box: Box, betti: tuple[int, ...]
) -> tuple[PairGroups | None, tuple[np.ndarray, np.ndarray]]:
    """The pair (B, E) with E made of closed cells of the sides, where it has the ``betti`` that were proved.

    The cells on which the flow surely leaves lie in E, and E in those on which it may. If both have the same homology by
    inclusion, that of E maps onto it; groups without torsion and of equal ranks are then isomorphic. Cells of the sides stand
    for the cubes on their far side, in a grid with one more layer all around.
    """
    nothing = np.zeros((0, box.dim)), np.zeros((0, box.dim))
    for n in (CELLS[box.dim], FINER * CELLS[box.dim]):
        inside = np.pad(np.ones((n,) * box.dim, dtype=bool), 1)
        sure, possible = np.zeros_like(inside), np.zeros_like(inside)
        try:
            corners = mark_exits(potential, box, (n,) * box.dim, sure, possible)
        except SeparatrixError:
            return None, nothing
        if is_acyclic(possible, sure):
            groups = pair_groups(inside | possible, possible)
            return (groups, corners) if groups.homology.betti == betti else (None, nothing)
    return None, nothing


def mark_exits(
    potential: Potential, box: Box, shape: tuple[int, ...], sure: np.ndarray, possible: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mark the cubes around a grid of ``shape`` through whose cells on the sides the flow surely, or possibly, leaves.

    Returns corners (m, dim) of the latter cells. Both arrays have two more entries along each axis than the grid.
    """
    corners = [
        _mark(potential, (box, axis, side, shape), sure, possible) for axis in range(box.dim) for side in (-1, 1)
    ]
    return np.concatenate([low for low, _ in corners]), np.concatenate([high for _, high in corners])


def _mark(
    potential: Potential, where: tuple[Box, int, int, tuple[int, ...]], sure: np.ndarray, possible: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mark the cubes outside a side through whose cells the flow surely or possibly leaves; corners of the latter cells."""
    box, axis, side, shape = where
    lower, upper = cubes_of(box, shape)
    place = box.lower[axis] if side < 0 else box.upper[axis]
    here = (lower[:, axis] == place) if side < 0 else (upper[:, axis] == place)
    low, high = lower[here], upper[here]
    low[:, axis] = high[:, axis] = place
    slope = potential.gradient_batch(low, high)[:, axis] * float(side)
    at = tuple(0 if k == axis and side < 0 else -1 if k == axis else slice(1, -1) for k in range(box.dim))
    along = tuple(n for k, n in enumerate(shape) if k != axis)
    sure[at], may = slope.is_positive.reshape(along), ~slope.is_negative
    possible[at] = may.reshape(along)
    return low[may], high[may]
