"""level_sets: Betti numbers of {f >= c}, {f <= c} and {f = c} for every c, with events, persistence and meshes (§10)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box, WholeSpace, as_box
from separatrix.errors import InputError, KindError, printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.pieces import Progress, require_progress
from separatrix.flow.piecewise_linear.creases import has_creases
from separatrix.morse.critical_points import critical_points
from separatrix.morse.levels.critical_ranges import CriticalRanges, ranges_of
from separatrix.morse.levels.diagrams import MOST_VERTICES, SPACE, filtrations
from separatrix.morse.levels.grid import Grid
from separatrix.morse.levels.grid_values import Blocks, blocks, grid_values
from separatrix.morse.levels.level_record import LevelSets
from separatrix.morse.levels.matching import Lists, matched_sides, tree_of
from separatrix.morse.levels.negative_points import negative_points
from separatrix.morse.probes import is_probed
from separatrix.potentials.base import Potential
from separatrix.potentials.head import NetworkPotential
from separatrix.records import Provenance

Array = np.ndarray
MOST_INPUTS = 3
FIRST, MOST = {1: 2048, 2: 128, 3: 32}, {1: 65_536, 2: 512, 3: 96}
LARGEST = 20_000_000  # vertices
METHOD = "union-find on a grid of proved values, Alexander duality; critical values by enclosures of the gradient"


def level_sets(
    potential: Potential,
    box: Any,
    resolution: int | tuple[int, ...] | None = None,
    *,
    points: CriticalPoints | None = None,
    negative: CriticalPoints | None = None,
    match: bool = True,
    rng: Any = 0,
    progress: Progress | None = None,
) -> LevelSets:
    """The level sets of ``potential`` in ``box``: topology for every c, with what changes it.

    Smooth functions, and those of ReLU networks, in 1 to 3 dimensions on a grid of ``resolution`` intervals along every axis
    (None: so many that the tolerance tells critical values apart, up to a limit). f is nowhere farther from the function
    linear on the grid's simplices than ``tolerance``, proved; so are the intervals of values outside of which nothing
    changes, and the Betti numbers there (10.10)-(10.14). Margins of ReLU networks in up to 10 dimensions: exact, on the
    complex of linear regions, tolerance 0.

    Events are matched with the essential critical points of f and of -f: ``points`` and ``negative``, lists that
    :func:`critical_points` made with boundary "project", computed where they are not given; ``match=False`` leaves
    them out. ``rng``: seed of their search. What does not match is in ``missing``.

    Raises InputError for more dimensions (with what to ask instead), the whole space, resolutions and lists that do not fit;
    KindError for other kinds; SeparatrixError for a custom potential without ``enclosure``.

    >>> from separatrix import expression
    >>> found = level_sets(expression("-(x**2 - 1)**2 - y**2", "x y"), ([-2, -2], [2, 2]), resolution=64)
    >>> found.betti(-0.5), found.betti(-1.5), found.betti(-0.5, "="), str(found.certainty_at(-0.5))
    ((2, 0, 0), (1, 0, 0), (2, 2, 0), 'proved')
    """
    begun = time.perf_counter()
    require_progress(progress, "level_sets")
    domain = _domain(potential, box)
    if has_creases(potential) and isinstance(potential, NetworkPotential):
        from separatrix.morse.levels.margins import margin_level_sets, margin_row

        row = margin_row(potential)
        if row is not None:
            return margin_level_sets(potential, domain, row, begun)
    if potential.dim > MOST_INPUTS:
        raise InputError(_too_many(potential))
    shape = _shape(resolution, domain)
    tell = progress or (lambda stage, done, total: None)
    lists = _lists(potential, domain, (points, negative, match), rng)
    tell("level sets", 1, 3)
    grid, found = _computed(potential, domain, shape, ranges_of(potential, (lists.points, lists.negative), domain))
    tell("level sets", 2, 3)
    return _record(potential, grid, found, lists, begun)


@dataclass(frozen=True, eq=False)
class Computed:
    """Values at the vertices and the bound of their error, blocks with the bounds of the interpolation, critical ranges."""

    values: Array
    error: float
    cover: Blocks
    ranges: CriticalRanges


def _record(potential: Potential, grid: Grid, found: Computed, lists: Lists, begun: float) -> LevelSets:
    """The record from what was computed."""
    above, below = filtrations(found.values)
    flat, ranges = found.values.ravel(), found.ranges
    bands = found.cover.bands(grid, found.values, found.error)
    tolerance = float(bands.rows[:, 2].max())
    matched = matched_sides((above.diagram, below.diagram), grid, lists, bands)
    notes = [f"values and enclosures: {potential.rests_on}"] if potential.rests_on else []
    if grid.dim == SPACE and found.values.size > MOST_VERTICES:
        notes.append("no classes of degree 1 from a grid of this size; their number is b_0 + b_2 - chi")
    return LevelSets(
        potential=potential.name, tolerance=tolerance, bands=bands.rows, events=matched.events,
        persistence=above.diagram, persistence_below=below.diagram, critical=ranges.upper, critical_below=ranges.lower,
        merge_tree=tree_of(above.joins, flat, grid, matched.events, bands), values=flat,
        shape=grid.shape, euler_values=above.euler_values, euler_steps=above.euler_steps,
        euler_values_below=below.euler_values, euler_steps_below=below.euler_steps, points=lists.points,
        negative=lists.negative, unmatched=matched.unmatched, missing=matched.missing, notes=tuple(notes), domain=grid.box,
        is_smooth=not has_creases(potential),
        certainty=Certainty.VERIFIED if matched.missing or not np.isfinite(tolerance) else Certainty.PROVED,
        provenance=Provenance(METHOD, {"values": found.error}, seconds=time.perf_counter() - begun),
    )  # fmt: skip


def _domain(potential: Any, box: Any) -> Box:
    if not isinstance(potential, Potential):
        raise KindError(f"level_sets: expected a Potential such as log_odds(net, 0), came {type(potential).__name__}")
    if isinstance(box, WholeSpace):
        raise InputError("level_sets: the whole space has no grid; give a Box")
    return as_box(box, potential.dim)


def _too_many(potential: Potential) -> str:
    return (
        f"level_sets: grids have at most {MOST_INPUTS} dimensions, came {potential.dim}; sx.class_tree(flow, sinks, saddles) "
        "joins the components of {f >= c} in any dimension, sx.theorems(net) says where (4.3) makes them contractible, "
        "reduced(potential) is exact where the first layer has few rows or uses few inputs, and "
        "net.restrict(AffineSlice.through(points)) is a network of few inputs"
    )


def _shape(resolution: Any, box: Box) -> tuple[int, ...] | None:
    if resolution is None:
        return None
    given = resolution if isinstance(resolution, (tuple, list)) else (resolution,) * box.dim
    if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in given):
        raise KindError(f"resolution: expected an integer or one an axis, came {printable(repr(resolution), 60)}")
    if len(given) != box.dim or min(given) < 2:
        raise InputError(
            f"resolution: expected {box.dim} numbers of intervals, each at least 2, came {printable(repr(resolution), 60)}"
        )
    if float(np.prod([float(n) + 1.0 for n in given])) > LARGEST:
        raise InputError(
            f"resolution: {printable(repr(resolution), 60)} gives more than {LARGEST:,} vertices; take less"
        )
    return tuple(int(n) for n in given)


def _computed(
    potential: Potential, box: Box, shape: tuple[int, ...] | None, ranges: CriticalRanges
) -> tuple[Grid, Computed]:
    """The grid with what is known on it; without a ``shape`` the coarse grid says which one is fine enough."""
    first = (FIRST[box.dim],) * box.dim
    while True:
        grid = Grid(box, shape or first)
        cover = blocks(potential, box, grid.spacing())
        found = Computed(*grid_values(potential, grid), cover, ranges)
        if shape is not None:
            return grid, found
        shape = (_fine_enough(grid, found),) * box.dim
        if shape == first:
            return grid, found


def _fine_enough(grid: Grid, found: Computed) -> int:
    """So many intervals that four errors fit between critical values, wherever the limit allows it."""
    bands = found.cover.bands(grid, found.values, found.error)
    first, most, needed = FIRST[grid.dim], MOST[grid.dim], [0.0]
    for part in (found.ranges.upper, found.ranges.lower):
        low, high = part[:-1, 1], part[1:, 0]
        gaps = np.maximum(high - low, 1e-300)
        needed += (first * np.sqrt(4.5 * bands.over(low, high) / gaps)).tolist()
    reached = max((n for n in needed if n <= most), default=0.0)
    return int(np.clip(np.ceil(reached), first, most))


def _lists(potential: Potential, box: Box, given: tuple[Any, Any, bool], rng: Any) -> Lists:
    """The critical points of f and of -f, given or computed."""
    points, negative, match = given
    for name, part, sign in (("points", points, 1.0), ("negative", negative, -1.0)):
        if part is not None:
            _check_list(part, name, potential, box)
            values = sign * np.asarray(potential.value(part.points))
            if not np.allclose(values, part.values, rtol=1e-6, atol=1e-9) or not is_probed(part, potential, sign):
                raise InputError(
                    f"level_sets: {name} belong to another function: their values are not those of this one"
                )
    points, negative = (None if part is None else part.checked() for part in (points, negative))
    if not match:
        return Lists(points, negative)
    if points is None:
        points = critical_points(potential, box, "project", rng=rng)
    if negative is None:
        negative = negative_points(potential, box, points, rng)
    return Lists(points, negative)


def _check_list(part: Any, name: str, potential: Potential, box: Box) -> None:
    if not isinstance(part, CriticalPoints):
        raise KindError(f"level_sets: {name} must be CriticalPoints, came {type(part).__name__}")
    if part.points.shape[1] != box.dim or part.boundary != "project":
        raise InputError(
            f"level_sets: {name} must come from critical_points(…, boundary='project') in {box.dim} dimensions, came "
            f"{part.points.shape[1]} and {part.boundary!r}"
        )
    if not isinstance(part.domain, Box) or not (
        np.array_equal(part.domain.lower, box.lower) and np.array_equal(part.domain.upper, box.upper)
    ):
        raise InputError(f"level_sets: {name} belong to another box, {part.domain}; give {box}")
    if name == "points" and part.potential != potential.name:
        raise InputError(
            f"level_sets: points belong to {printable(part.potential, 60)}, not {printable(potential.name, 60)}"
        )
