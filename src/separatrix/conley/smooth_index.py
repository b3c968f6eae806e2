"""The Conley index of a box, and of the equilibria about a set of cubes, for smooth potentials (§9)."""

from __future__ import annotations

import itertools

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.blocks import box_block
from separatrix.conley.conley_record import COMPUTED, NOT_COMPUTED, NOT_ISOLATED
from separatrix.conley.equilibrium_cells import MOST_DIM, EquilibriumCells, equilibrium_cells
from separatrix.conley.index_pairs import CubePair, cube_pair
from separatrix.conley.level_blocks import LevelBlock, level_block
from separatrix.conley.outcomes import Found, empty, of_block, of_cubes, of_levels, sides, unknown
from separatrix.conley.single_points import is_injective, morse_index
from separatrix.conley.splitting import split_index
from separatrix.domains import Box
from separatrix.flow.critical_points import CriticalPoints
from separatrix.morse.morse_complex import known_homology
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Potential

NEAR_EDGE, MOST_NEAR_EDGE = 2.0**-30, 4_000
FINE, MOST_FINE = 2.0**-20, 600
REACHES = (0.22, 0.1, 0.5, 0.15, 0.33, 0.045, 0.02, 0.009, 0.003, 0.001)  # of the domain's sides, around a cluster
SKEW = (1.0, 0.93, 1.09, 0.88)  # sides of unequal length: symmetric systems have ties on symmetric boxes
OF_HULL = 0.1
TRIES = 4


def box_index(potential: Potential, box: Box) -> Found:
    """The index of the largest invariant set in ``box``: as a block, else between levels of f."""
    block = box_block(potential, box)
    about = sides(block)
    if block.found.is_isolating and block.found.betti is not None:
        return about | of_block(block, box)
    if box.dim > MOST_DIM:
        return about | unknown(block.found.reason)
    single = _single(potential, box)
    if single is not None:
        return about | single
    cells = equilibrium_cells(potential, box)
    inner = cells.is_inner
    if not inner.any():
        return about | empty(box, cells)
    if _meets_edge(cells, inner, box).any():
        return about | _at_edge(potential, box)
    is_one = len(np.unique(cells.cluster[inner])) == 1
    hull = np.array([cells.lower[inner].min(axis=0), cells.upper[inner].max(axis=0)])
    split = split_index(potential, hull, box) if is_one else None
    if split is not None:
        return about | split
    found = level_block(potential, box, cells, inner)
    if isinstance(found, LevelBlock) and found.stays_inside:
        return about | of_levels(found, box, cells, inner)
    split = None if is_one else split_index(potential, hull, box)
    if split is not None:
        return about | split
    if is_one:
        found = cluster_index(potential, hull, box, None)
        return about | found
    reason = f"its {len(np.unique(cells.cluster[inner]))} clusters of equilibria: "
    reason += found if isinstance(found, str) else "orbits between them may leave the box"
    return about | unknown(f"{block.found.reason or 'no block'}; {reason}")


def cubes_index(potential: Potential, lower: np.ndarray, upper: np.ndarray, domain: Box | None) -> Found:
    """The index of the invariant set in the cubes [lower, upper] (k, dim), which are filled up, or between levels about them."""
    if lower.shape[1] > MOST_DIM:
        return unknown(f"sets of cubes are taken in at most {MOST_DIM} dimensions")
    pair = cube_pair(potential, lower, upper, domain)
    if isinstance(pair, CubePair) and not pair.n_added:
        return of_cubes(pair)
    if isinstance(pair, CubePair):
        cells = equilibrium_cells(potential, Box(pair.lower, pair.upper), faces=False)
        met = pair.meets(cells.lower, cells.upper)
        if _are_inside(cells.lower[met], cells.upper[met], lower, upper):
            return of_cubes(pair)
        return unknown(
            f"the {pair.n_added} cubes that had to be added for an isolating set may hold equilibria that the given ones do not; "
            "give a Box, or more cubes"
        )
    hull = np.array([lower.min(axis=0), upper.max(axis=0)])
    found = cluster_index(potential, hull, domain, None, (lower, upper))
    if found["verdict"] == NOT_COMPUTED:
        found["reason"] = f"{pair}; {found['reason']}"
    return found


def _are_inside(low: np.ndarray, high: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> bool:
    """Whether cells [low, high] (m, dim) lie in the union of boxes [lower, upper] (k, dim): in one of them or, where these
    are cubes of one size that are larger than the cells, with all corners in them."""
    if not len(low):
        return True
    held = np.asarray((low[:, None] >= lower) & (high[:, None] <= upper))
    alone = np.asarray(held.all(axis=-1)).any(axis=-1)
    if alone.all():
        return True
    size = upper - lower
    if not (np.ptp(size, axis=0) <= 1e-9 * size.max()).all() or ((high - low) > size.min(axis=0)).any():
        return False
    steps = (lower - lower[0]) / size[0]
    if np.abs(steps - np.round(steps)).max() > 1e-6:
        return False
    corners = np.array(list(itertools.product((0, 1), repeat=low.shape[1])), dtype=bool)
    for a, b in zip(low[~alone], high[~alone], strict=True):
        at = np.where(corners, b, a)
        if not ((at[:, None] >= lower) & (at[:, None] <= upper)).all(axis=2).any(axis=1).all():
            return False
    return True


def cluster_index(
    potential: Potential,
    hull: np.ndarray,
    domain: Box | None,
    points: CriticalPoints | None,
    within: tuple[np.ndarray, np.ndarray] | None = None,
) -> Found:
    """The index of the equilibria of the clusters that meet the hull (2, dim), from level blocks in boxes around them.

    A cluster that is no more than a proved point of ``points`` is left out: a ring's hull holds its middle, too. ``within``:
    cubes in which all of the clusters must lie.
    """
    if hull.shape[1] > MOST_DIM:
        return unknown(f"clusters of equilibria are taken in at most {MOST_DIM} dimensions")
    split = split_index(potential, hull, domain, points) if within is None else None
    if split is not None:
        return split
    problem, tried, first = "", 0, None
    boxes = _boxes(hull, domain)
    if not boxes:  # up to the edge of the domain
        found = box_index(potential, Box(hull[0], hull[1]))
        if within is None or len(within[0]) == 1 or found["verdict"] != COMPUTED:
            return found
        return unknown("the cubes reach the edge of the domain; give a Box")
    for box in boxes:
        cells = equilibrium_cells(potential, box)
        numbers = np.unique(cells.cluster[(cells.lower <= hull[1]).all(axis=1) & (cells.upper >= hull[0]).all(axis=1)])
        if points is not None and numbers.size:
            numbers = numbers[~_are_points(potential, cells.hulls()[numbers], points)]
        meant = np.isin(cells.cluster, numbers)
        if not meant.any() and points is not None:
            return unknown("there is no equilibrium about it but proved points of the list; ask for these by their ids")
        if not meant.any():
            return empty(box, cells)
        if within is not None and not _are_inside(cells.lower[meant], cells.upper[meant], *within):
            return unknown("equilibria about the cubes may lie outside of them; give a Box, or more cubes")
        if not cells.is_inner[meant].all() or _meets_edge(cells, meant, box).any():
            problem = "the equilibria about it reach the edge of the boxes around it"
            continue
        found = level_block(potential, box, cells, meant)
        if isinstance(found, LevelBlock):
            if found.stays_inside:
                return of_levels(found, box, cells, meant)
            found = "orbits between equilibria of the cluster may leave the box around it"
        problem, tried, first = found, tried + 1, first or (box, cells, meant)
        if tried >= TRIES:
            break
    if first is not None:
        found = level_block(potential, *first, finest=True)
        if isinstance(found, LevelBlock) and found.stays_inside:
            return of_levels(found, *first)
    return unknown(problem)


def _are_points(potential: Potential, hulls: np.ndarray, points: CriticalPoints) -> np.ndarray:
    """Which hulls (k, 2, dim) hold a proved point and admit no other equilibrium."""
    error = np.where(np.isfinite(points.error), points.error, 0.0)[:, None]
    proved = np.array([verdict is Certainty.PROVED for verdict in points.certainty], dtype=bool)
    near = Interval.around(points.points, np.broadcast_to(error, points.points.shape))
    found = np.zeros(len(hulls), dtype=bool)
    for k, (low, high) in enumerate(hulls):
        holds = ((near.lower <= high) & (near.upper >= low)).all(axis=1) & proved
        if holds.any():
            low, high = np.minimum(low, near.lower[holds].min(axis=0)), np.maximum(high, near.upper[holds].max(axis=0))
            found[k] = is_injective(potential, low, high)
    return found


def _boxes(hull: np.ndarray, domain: Box | None) -> list[Box]:
    """Boxes of several sizes around a hull (2, dim), inside the domain."""
    dim = hull.shape[1]
    size = hull[1] - hull[0]
    side = domain.width if domain is not None else np.full(dim, max(16.0 * float(size.max()), 4.0))
    skew = np.array([SKEW[i % len(SKEW)] for i in range(dim)])
    found: list[Box] = []
    for reach in REACHES:
        room = np.maximum(reach * side, OF_HULL * size)
        lower, upper = hull[0] - room * skew, hull[1] + room * skew[::-1] * 0.97
        if domain is not None:
            lower, upper = np.maximum(lower, domain.lower), np.minimum(upper, domain.upper)
        if (lower < hull[0]).all() and (hull[1] < upper).all():
            box = Box(lower, upper)
            if not found or box != found[-1]:
                found.append(box)
    return found


def _meets_edge(cells: EquilibriumCells, chosen: np.ndarray, box: Box) -> np.ndarray:
    """Which of the chosen cells touch a side of the box."""
    return np.asarray(((cells.lower[chosen] <= box.lower) | (cells.upper[chosen] >= box.upper)).any(axis=1))


def _at_edge(potential: Potential, box: Box) -> Found:
    """What is known where cells that may hold equilibria touch the edge: looked at again through smaller cells."""
    cells = equilibrium_cells(potential, box, width=NEAR_EDGE, most=MOST_NEAR_EDGE)
    inner = cells.is_inner
    if not inner.any():
        return empty(box, cells)
    near = _meets_edge(cells, inner, box)
    if near.any():
        place = 0.5 * (cells.lower[inner][near][0] + cells.upper[inner][near][0])
        text = ", ".join(f"{x:.6g}" for x in place)
        return {
            "verdict": NOT_ISOLATED,
            "certainty": Certainty.HEURISTIC,
            "reason": f"an equilibrium lies on the edge of the box, or within {cells.width:.1e} of its sides of it, near "
            f"({text}); take another box",
            "equilibria": cells.hulls(),
            "n_cells": cells.asked,
        }
    found = level_block(potential, box, cells, inner)
    if isinstance(found, LevelBlock) and found.stays_inside:
        return of_levels(found, box, cells, inner)
    return unknown(found if isinstance(found, str) else "an equilibrium lies close to the edge of the box")


def _single(potential: Potential, box: Box) -> Found | None:
    """One non-degenerate equilibrium, the only one in the box: it is all of the invariant set of a gradient flow."""
    cells = equilibrium_cells(potential, box, width=FINE, most=MOST_FINE, faces=False)
    if not len(cells) or _meets_edge(cells, cells.is_inner, box).any():
        return None
    hull = np.array([cells.lower.min(axis=0), cells.upper.max(axis=0)])
    index = morse_index(potential, hull[0], hull[1], box)
    if index is None:
        return None
    betti = tuple(int(k == index) for k in range(box.dim + 1))
    return {
        "verdict": COMPUTED,
        "method": "spectrum",
        "certainty": Certainty.PROVED,
        "homology": known_homology(betti, is_relative=True, domain=box, certainty=Certainty.PROVED),
        "lower": box.lower,
        "upper": box.upper,
        "equilibria": hull[None],
        "n_cells": cells.asked,
    }
