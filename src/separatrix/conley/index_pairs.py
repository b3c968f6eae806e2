"""Index pairs made of cubes of a uniform grid that the flow crosses strictly: no time step, no closure in a graph (9.10).

Let S be a finite set of cubes such that on every face between a cube of S and one outside the component of the field across it is
proved not to vanish, and such that at every vertex the cubes of S around it are convex in the order of the field's direction.
Then |S| is an isolating block, and its exit set is the union of the faces that are crossed outwards. Sets that fail this are
filled up by the cubes across the faces, and between the cubes, where they fail.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from separatrix.complexes.cubical_complex import CubicalComplex
from separatrix.conley.cubical_pairs import sequence_holds
from separatrix.domains import Box
from separatrix.errors import SeparatrixError
from separatrix.homology.homology_record import Homology
from separatrix.potentials.base import Potential

UNKNOWN_SIGN, MIXED = 3, 2
MOST_CUBES = 300_000
COLLAR = 6
SHARE_OF_CUBE = 1e-6
PIECES = 32  # cubes along the longest side where the given boxes are not those of a grid


@dataclass(eq=False)
class CubeGrid:
    """A uniform grid: ``edges[i]`` the doubles that bound its cubes along axis i; ``mask``: the cubes of S."""

    potential: Potential
    edges: tuple[np.ndarray, ...]
    mask: np.ndarray
    signs: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        for axis in range(self.mask.ndim):
            shape = tuple(n - (k == axis) for k, n in enumerate(self.mask.shape))
            self.signs.append(np.full(shape, UNKNOWN_SIGN, dtype=np.int8))

    def boundary(self, axis: int) -> np.ndarray:
        """Which inner faces across ``axis`` lie between a cube of S and one outside."""
        low, high = (_along(self.mask, axis, part) for part in (slice(None, -1), slice(1, None)))
        return low != high

    def look_across(self, axis: int) -> np.ndarray:
        """Signs of the field's component across the boundary faces of ``axis``: +1, -1, MIXED; others as they were."""
        wanted = self.boundary(axis) & (self.signs[axis] == UNKNOWN_SIGN)
        places = np.argwhere(wanted)
        if len(places):
            lower, upper = self.faces(axis, places)
            slope = self.potential.gradient_batch(lower, upper)[:, axis]
            found = slope.is_positive.astype(np.int8) - slope.is_negative.astype(np.int8)
            self.signs[axis][wanted] = np.where(found == 0, MIXED, found)
        return self.signs[axis]

    def faces(self, axis: int, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Corners of the faces across ``axis`` above the cubes at ``places`` (m, dim)."""
        lower = np.stack([edge[places[:, k]] for k, edge in enumerate(self.edges)], axis=1)
        upper = np.stack([edge[places[:, k] + 1] for k, edge in enumerate(self.edges)], axis=1)
        lower[:, axis] = upper[:, axis]
        return lower, upper

    @property
    def is_at_edge(self) -> bool:
        """Whether S meets the outermost cubes of the grid."""
        return any(_along(self.mask, axis, end).any() for axis in range(self.mask.ndim) for end in (0, -1))


def _along(array: np.ndarray, axis: int, part: slice | int) -> np.ndarray:
    return array[(slice(None),) * axis + (part,)]


@dataclass(frozen=True, eq=False)
class CubePair:
    """A cubical index pair: its groups, corners of its exit faces, the hull of S, how many cubes, the grid's ``edges``, and
    which of its cubes are in S (``mask``)."""

    homology: Homology
    exit_lower: np.ndarray
    exit_upper: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    block_betti: tuple[int, ...]
    exit_betti: tuple[int, ...]
    n_cubes: int
    n_added: int
    edges: tuple[np.ndarray, ...]
    mask: np.ndarray

    def meets(self, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """Which boxes [lower, upper] (m, dim) meet a cube of S."""
        found = np.zeros(len(lower), dtype=bool)
        for k, (low, high) in enumerate(zip(lower, upper, strict=True)):
            part = tuple(
                slice(
                    max(int(np.searchsorted(edge, a, side="left")) - 1, 0), int(np.searchsorted(edge, b, side="right"))
                )
                for edge, a, b in zip(self.edges, low, high, strict=True)
            )
            found[k] = bool(self.mask[part].any())
        return found


def cube_pair(potential: Potential, lower: np.ndarray, upper: np.ndarray, domain: Box | None) -> CubePair | str:
    """The index pair of the cubes [lower, upper] (k, dim), filled up within a few cubes around them; or why there is none."""
    found: CubePair | str = ""
    for finer in (False, True):
        grid = _grid(potential, (lower, upper), domain, finer)
        found = grid if isinstance(grid, str) else _filled(grid)
        if isinstance(found, CubePair):
            break
    return found


def _filled(grid: CubeGrid) -> CubePair | str:
    """The pair of S filled up, or why it cannot be."""
    given = int(grid.mask.sum())
    while not grid.is_at_edge:
        if not _filled_across_faces(grid) and not _filled_at_vertices(grid):
            return _groups(grid, given)
    return "filled up, the cubes reach the edge of a grid around them: the flow crosses sides both ways all along"


def _grid(
    potential: Potential, boxes: tuple[np.ndarray, np.ndarray], domain: Box | None, finer: bool
) -> CubeGrid | str:
    """A grid of which the boxes are cubes, up to rounding, or a finer one whose cubes cover them; with a collar."""
    lower, upper = boxes
    dim, low, high = lower.shape[1], lower.min(axis=0), upper.max(axis=0)
    size = (upper - lower).min(axis=0)
    counts = np.round((high - low) / size).astype(np.int64)
    first, last = (lower - low) / size, (upper - low) / size
    is_grid = all(np.abs(end - np.round(end)).max() < SHARE_OF_CUBE for end in (first, last))
    if finer or not is_grid or (np.prod((counts + 2 * COLLAR).astype(np.float64)) > MOST_CUBES):
        counts = np.full(dim, PIECES if dim < 3 else PIECES // 2)
        size = (high - low) / counts
        first, last = np.floor((lower - low) / size), np.ceil((upper - low) / size)
    first, last = np.round(first).astype(np.int64), np.round(last).astype(np.int64)
    below, above = np.full(dim, COLLAR), np.full(dim, COLLAR)
    if domain is not None:
        below = np.minimum(below, np.floor((low - domain.lower) / size + SHARE_OF_CUBE).astype(np.int64))
        above = np.minimum(above, np.floor((domain.upper - high) / size + SHARE_OF_CUBE).astype(np.int64))
    if min(below.min(), above.min()) < 1:
        return "the cubes reach the edge of the domain"
    mask = np.zeros(tuple(counts + below + above), dtype=bool)
    for a, b in zip(first + below, last + below, strict=True):
        mask[tuple(slice(int(i), int(j)) for i, j in zip(a, b, strict=True))] = True
    edges = tuple(low[k] + size[k] * np.arange(-below[k], counts[k] + above[k] + 1) for k in range(dim))
    if any((np.diff(edge) <= 0).any() for edge in edges):
        return "the cubes are as small as rounding"
    return CubeGrid(potential, edges, mask)


def _filled_across_faces(grid: CubeGrid) -> bool:
    """Add the cubes across boundary faces whose sign is not proved; whether there were any."""
    grown = False
    for axis in range(grid.mask.ndim):
        mixed = grid.boundary(axis) & (grid.look_across(axis) == MIXED)
        if mixed.any():
            grown = True
            for part in (slice(None, -1), slice(1, None)):
                _along(grid.mask, axis, part)[mixed] = True
    return grown


def _filled_at_vertices(grid: CubeGrid) -> bool:
    """Add the cubes between two of S in the order of the field at a vertex; whether there were any.

    An axis along which no boundary face meets the vertex needs no order: there S is the same on both sides.
    """
    dim, mask = grid.mask.ndim, grid.mask
    inner = tuple(n - 1 for n in mask.shape)  # vertices with 2^dim cubes around them
    corners = list(itertools.product((0, 1), repeat=dim))
    around = np.stack([_shifted(mask, corner, inner) for corner in corners], axis=-1).reshape(*inner, *(2,) * dim)
    up, down = around.copy(), around.copy()
    for axis in range(dim):
        sign = _signs_at_vertices(grid, axis, inner)
        for direction in (1, -1):
            here = sign == direction
            first, second = (0, 1) if direction > 0 else (1, 0)
            low, high = (tuple([slice(None)] * (dim + axis) + [end]) for end in (first, second))
            wide = here.reshape(*inner, *(1,) * (dim - 1))
            up[high] |= up[low] & wide
            down[low] |= down[high] & wide
    missing = (up & down & ~around).reshape(*inner, -1)
    if not missing.any():
        return False
    for k, corner in enumerate(corners):
        _shifted(mask, corner, inner)[missing[..., k]] = True
    return True


def _shifted(mask: np.ndarray, corner: tuple[int, ...], inner: tuple[int, ...]) -> np.ndarray:
    return mask[tuple(slice(c, c + n) for c, n in zip(corner, inner, strict=True))]


def _signs_at_vertices(grid: CubeGrid, axis: int, inner: tuple[int, ...]) -> np.ndarray:
    """The sign of the field's component along ``axis`` at the inner vertices that a boundary face across it meets, else 0."""
    sign = np.where(grid.boundary(axis), grid.signs[axis], 0)
    found = np.zeros(inner, dtype=np.int8)
    for corner in itertools.product((0, 1), repeat=len(inner)):
        if corner[axis] == 0:
            part = _shifted(sign, corner, inner)
            found = np.where(part != 0, part, found)
    return found


def _groups(grid: CubeGrid, given: int) -> CubePair:
    """Homology of (|S|, exit faces)."""
    mask = grid.mask
    bitmap = np.zeros(tuple(2 * n + 1 for n in mask.shape), dtype=bool)
    lower, upper = [np.zeros((0, mask.ndim))], [np.zeros((0, mask.ndim))]
    for axis in range(mask.ndim):
        from_below = _along(mask, axis, slice(None, -1))
        outward = np.where(from_below, grid.signs[axis], -grid.signs[axis])
        places = np.argwhere(grid.boundary(axis) & (outward == 1))
        low, high = grid.faces(axis, places)
        lower.append(low)
        upper.append(high)
        middle = 2 * places + 1
        middle[:, axis] += 1
        for step in itertools.product((-1, 0, 1), repeat=mask.ndim):
            if step[axis] == 0:
                bitmap[tuple((middle + np.array(step)).T)] = True
    complex_ = CubicalComplex(mask)
    masks = [bitmap[tuple(complex_.cells(k).T)] for k in range(complex_.dim + 1)]
    exits = complex_.subcomplex(masks)
    homology = complex_.homology(relative_to=exits)
    block = complex_.homology().betti
    exit_betti = exits.homology().betti if masks[0].any() else ()
    exit_betti = (*exit_betti, *[0] * (len(block) - len(exit_betti)))
    if not sequence_holds(block, exit_betti, homology.betti):
        raise SeparatrixError(f"cube_pair: ranks {exit_betti}, {block}, {homology.betti} admit no exact sequence")
    places = np.argwhere(mask)
    hull = [np.array([grid.edges[k][end] for k, end in enumerate(ends)]) for ends in (places.min(0), places.max(0) + 1)]
    return CubePair(
        homology, np.concatenate(lower), np.concatenate(upper), hull[0], hull[1], block, exit_betti,
        int(mask.sum()), int(mask.sum()) - given, grid.edges, mask,
    )  # fmt: skip
