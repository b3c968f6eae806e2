"""Boxes in eigencoordinates that are proved to flow into their sink (§8).

With p the sink, V its eigenvectors and xi = V^T (x - p), the flow of the signed gradient is xi' = A xi, where A lies in
V^T H(X) V (I + E), X any convex set that holds x and p, and V^-T = V (I + E). If over X the box |xi_i| <= r_i has

    A_ii r_i + sum_{j != i} |A_ij| r_j < 0   for all i,

then max_i |xi_i| / r_i decreases exponentially along every orbit in it: the box is never left, and all of it flows into p.

On a side of the domain the box may have a depth d: xi' gets V^T H_FA (x_A - p_A) added, |H_FA| d summed over the held
coordinates A on the left of the test, and where the gradient is strictly outward on A over all of the box, the projected flow
comes to rest on the face of p in finite time and stays there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.flow.projection import Arena
from separatrix.morse.tubes.eigenframes import Eigenframe
from separatrix.numerics.balls import MidRad

SHAPES = (0.0, 0.5, 1.0)
SIZES = 0.25 * 0.5 ** np.arange(13)
MARGIN = 1.0 + 1e-9
SMALL = 0.01
DEPTHS = (0.5, 0.1)


@dataclass(frozen=True, eq=False)
class AttractingBox:
    """{x: |V^T (x - p)|_i <= reach_i on the free coordinates of the critical point ``row``, |x - p| <= ``depth`` on its held
    ones}, within the domain, proved to flow into it."""

    row: int
    frame: Eigenframe
    reach: np.ndarray
    depth: float = 0.0

    def serves(self, free: np.ndarray) -> bool:
        """Whether it can end a branch that moves in the coordinates ``free`` (dim,): on its own face, or one around it."""
        own = self.frame.outward == 0
        return bool((own == free).all() if self.depth == 0 else (own <= free).all())

    def slack(self, x: np.ndarray, free: np.ndarray) -> np.ndarray:
        """Radii (m,) of balls about the rows of ``x`` (m, dim), in the face of the coordinates ``free`` (dim,), whose part in
        the domain lies in the box; negative outside."""
        shift = x - self.frame.center
        # fl errors of x - m and of the products are below 1e-14 of the sizes of the coordinates
        noise = 1e-13 * (np.abs(x).max(axis=1) + float(np.abs(self.frame.center).max()))
        away = np.abs(shift[:, self.frame.free] @ self.frame.vectors) * MARGIN
        room = (self.reach - away - self.frame.doubt).min(axis=1, initial=np.inf)
        held = self.frame.outward != 0
        room = np.minimum(room, (self.depth - np.abs(shift[:, held & free]) * MARGIN).min(axis=1, initial=np.inf))
        room = (room - noise) / (MARGIN + self.frame.defect) - 1e-300
        return np.where((shift[:, ~free] == 0).all(axis=1), room, -np.inf)


def attracting_boxes(arena: Arena, frames: list[Eigenframe], sign: float) -> list[AttractingBox]:
    """For each frame the largest proved box of each of a few shapes, flat on its face and with depth; ``sign`` -1 for the
    flow of -f."""
    found: list[AttractingBox] = []
    for frame in frames:
        if frame.free.size:
            found += _of_shape(arena, frame, sign, None)
        if (frame.outward != 0).any() and sign > 0:
            found += [box for share in DEPTHS for box in _of_shape(arena, frame, sign, share)]
    return found


def _of_shape(arena: Arena, frame: Eigenframe, sign: float, share: float | None) -> list[AttractingBox]:
    """Boxes whose depth is a ``share`` of their longest side, flat ones for None."""
    sizes, reaches = _candidates(arena, frame)
    depths = np.zeros(len(reaches))
    if share is not None:
        depths = share * (reaches.max(axis=1) if frame.free.size else SIZES * arena.width)
    lower, upper = frame.hull(reaches, depths)
    inside = ((lower >= arena.limits.lower) & (upper <= arena.limits.upper)).all(axis=1)
    sizes, reaches, depths, lower, upper = (part[inside] for part in (sizes, reaches, depths, lower, upper))
    if not len(reaches):
        return []
    gradient, hessian = arena.potential.enclose_batch(lower, upper)
    presses = frame.presses_outward(gradient)
    pull = frame.pull(hessian, depths)
    passed = _contracts(frame.in_coordinates(hessian, sign), reaches, pull) & presses
    if share is None and frame.is_stretched and not (passed & (reaches.max(axis=1) > SMALL * arena.width)).any():
        passed |= _sharply(arena, frame, (reaches, lower, upper), sign, sizes) & presses
    found: dict[int, AttractingBox] = {}
    for place in np.flatnonzero(passed):  # from the largest on
        found.setdefault(int(sizes[place]), AttractingBox(frame.row, frame, reaches[place], float(depths[place])))
    return list(found.values())


def _candidates(arena: Arena, frame: Eigenframe) -> tuple[np.ndarray, np.ndarray]:
    """(shape number (m,), reaches (m, k)) to try, larger ones first."""
    if not frame.free.size:
        return np.zeros(SIZES.size, dtype=np.int64), np.zeros((SIZES.size, 0))
    speed = np.abs(frame.spectrum)
    slowest = max(float(speed.min()), 1e-300)
    shapes = [np.clip(slowest / np.maximum(speed, 1e-300), 1e-4, 1.0) ** power for power in SHAPES]
    if np.ptp(shapes[-1]) < 0.3:
        shapes = shapes[:1]
    reaches = [size * arena.width * shape for size in SIZES for shape in shapes]
    return np.tile(np.arange(len(shapes)), SIZES.size), np.array(reaches)


def _sharply(
    arena: Arena, frame: Eigenframe, tried: tuple[np.ndarray, np.ndarray, np.ndarray], sign: float, shapes: np.ndarray
) -> np.ndarray:
    """As :func:`_contracts` with enclosures made in eigencoordinates one by one: a mask of the largest of each shape that
    passes, found by bisection over the sizes."""
    reaches, lower, upper = tried
    passed = np.zeros(len(reaches), dtype=bool)
    for shape in np.unique(shapes):
        places = np.flatnonzero(shapes == shape)
        low, high = 0, places.size  # those from `high` on pass, as far as is known
        while low < high:
            middle = (low + high) // 2
            part = slice(places[middle], places[middle] + 1)
            matrix = frame.sharp(arena.potential, lower[part], upper[part], sign)
            if _contracts(matrix, reaches[part], np.zeros_like(reaches[part]))[0]:
                high, passed[places[middle]] = middle, True
            else:
                low = middle + 1
    return passed


def _contracts(matrix: MidRad, reaches: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Which boxes (m,) with their enclosures A (m, k, k) pass the test of the module's head; ``pull`` (m, k): |H_FA| d."""
    interval = matrix.to_interval()
    diagonal = np.einsum("mii->mi", interval.upper)
    size = interval.magnitude.copy()
    np.einsum("mii->mi", size)[...] = 0.0
    off = (size * reaches[:, None, :]).sum(axis=2)  # sums of non-negative terms: the margin covers their rounding
    with np.errstate(invalid="ignore"):
        drift = diagonal * reaches / MARGIN + (off + pull) * MARGIN
    return np.asarray((np.isfinite(drift) & (drift < 0) & (diagonal < 0)).all(axis=1))
