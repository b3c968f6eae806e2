"""Degenerate sets of equilibria by their Hessian's kernel: the splitting lemma for boxes, with bounds (9.14).

Let B = C x W in coordinates (c, w_+, w_-) of :mod:`separatrix.conley.kernel_function`: on B f is strictly convex in w_+ and
strictly concave in w_-, and its slopes along w point outwards on the faces of W across w_+ and inwards on those across w_-. If a
level block (9.11) of h in C has the levels a < b, and f > b on the faces across w_+ wherever h < b, then
H_*({f >= a}, {f >= b}) in B is H_*({h >= a}, {h >= b}) in C, moved up by the number of coordinates w_+.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.conley_record import COMPUTED
from separatrix.conley.equilibrium_cells import EquilibriumCells, equilibrium_cells
from separatrix.conley.kernel_function import Frame, KernelFunction
from separatrix.conley.level_blocks import Gaps, LevelBlock, level_block
from separatrix.conley.level_grid import cubes_of
from separatrix.conley.matrix_bounds import norm
from separatrix.conley.outcomes import Found
from separatrix.domains import Box
from separatrix.flow.critical_points import CriticalPoints
from separatrix.morse.morse_complex import known_homology
from separatrix.numerics.intervals import Interval
from separatrix.numerics.spectra import orthogonality_defect
from separatrix.potentials.base import Potential

REACHES = (0.1, 0.2, 0.05, 0.3, 0.02, 0.007, 0.002)  # of the domain's least side
THICKNESS = (1.0, 0.5, 0.25, 0.12)  # of the box along w, against that along c
SKEW = ((1.0, 0.94), (1.07, 0.91), (0.97, 1.05), (0.9, 1.02))  # symmetric systems have ties on symmetric boxes
PIECES = {1: 24, 2: 10}  # along c, for bounds on all of the box
ACROSS = 3
GAP, MOST_KERNEL, LARGEST_HULL = 4.0, 2, 0.3
TRIES, MOST_CELLS = 3, 600
MOST_DEFECT = 1e-10  # of the frame's orthogonality: lengths are taken as if it were exact, with factors that leave 1e-3


@dataclass(frozen=True, eq=False)
class Split:
    """A box C x W on which f splits: ``function`` h, ``box`` C, ``up`` the number of coordinates w_+, and bounds: ``slope`` l of
    |H_++| and |H_--| from below, ``twist`` of |H_cw| and ``steepest`` of |H_ww| from above, ``depth`` the least distance of w(c)
    to the faces of W."""

    function: KernelFunction
    box: Box
    up: int
    slope: float
    twist: float
    steepest: float
    depth: float

    @property
    def slack(self) -> float:
        """|grad f(c, w)| is at least |grad h(c)| by this: the least of max(l u, |grad h| - t u) over u = |w - w(c)|. By as much u
        may grow faster than the way."""
        return (1.0 + self.twist / self.slope) * (1.0 + 1e-9)

    @property
    def off(self) -> float:
        """By how many times its gain g an orbit may come to |f - h|: l u^2 / 2 <= slack g, |f - h| <= |H_ww| u^2 / 2."""
        return self.slack * self.steepest / self.slope


def split_index(
    potential: Potential, hull: np.ndarray, domain: Box | None, points: CriticalPoints | None = None
) -> Found | None:
    """The index of the equilibria about a small hull (2, dim) by their reduction to one or two coordinates; None: not found."""
    side = float(domain.width.min()) if domain is not None else 4.0
    frame = _frame(potential, hull)
    if frame is None or float((hull[1] - hull[0]).max()) > LARGEST_HULL * side:
        return None
    tried = 0
    for reach in REACHES:
        split = _split(*frame, hull, domain, reach * side)
        if split is None:
            continue
        found = _of_split(split, hull, points)
        tried += 1
        if found is not None or tried >= TRIES:
            return found
    return None


def _frame(potential: Potential, hull: np.ndarray) -> tuple[Frame, int, int] | None:
    """The Hessian's frame in the middle of a hull: kernel first, then the directions that go up, then the others; (frame, size of
    the kernel, number of the others that go up)."""
    dim, origin = hull.shape[1], np.clip(0.5 * hull[0] + 0.5 * hull[1], hull[0], hull[1])
    hessian = potential.enclose_batch(origin[None], origin[None])[1].midpoint[0]
    if dim < 2 or not np.isfinite(hessian).all():
        return None
    rates, axes = np.linalg.eigh(0.5 * hessian + 0.5 * hessian.T)
    order = np.argsort(np.abs(rates))
    sizes = np.abs(rates)[order]
    ratios = [sizes[k] / max(sizes[k - 1], 1e-9 * sizes[-1], 1e-300) for k in range(1, min(MOST_KERNEL, dim - 1) + 1)]
    k = int(np.argmax(ratios)) + 1
    if ratios[k - 1] < GAP:
        return None
    rest = order[k:][np.argsort(-rates[order[k:]])]
    columns = np.concatenate([order[:k], rest])
    found = axes[:, columns]
    if not orthogonality_defect(found) < MOST_DEFECT:
        return None
    return Frame(potential, origin, found), k, int((rates[rest] > 0).sum())


def _split(frame: Frame, k: int, up: int, hull: np.ndarray, domain: Box | None, reach: float) -> Split | None:
    """A box of size ``reach`` about the hull on which f is proved to split."""
    spread = np.abs(frame.axes).T @ (0.5 * (hull[1] - hull[0])) * (1.0 + 1e-9)
    skew = np.array([SKEW[i % len(SKEW)] for i in range(len(spread))]).T
    for thick in THICKNESS:
        size = reach * np.where(np.arange(len(spread)) < k, 1.0, thick)
        low, high = -spread - size * skew[0], spread + size * skew[1]
        if domain is not None and not _is_in(frame, low, high, domain):
            continue
        bounds = _bounds(frame, k, up, (low, high))
        if bounds is None:
            continue
        function, box = KernelFunction(frame, k, low[k:], high[k:]), Box(low[:k], high[:k])
        w = function.reduced(*cubes_of(box, PIECES[k])).w
        depth = float(np.minimum(w.lower - low[k:], high[k:] - w.upper).min()) * (1.0 - 1e-12)
        if depth > 0:
            return Split(function, box, up, *bounds, depth)
    return None


def _is_in(frame: Frame, low: np.ndarray, high: np.ndarray, domain: Box) -> bool:
    x = frame.places(Interval(low[None], high[None]))
    return bool((x.lower > domain.lower).all() and (x.upper < domain.upper).all())


def _bounds(frame: Frame, k: int, up: int, ends: tuple[np.ndarray, np.ndarray]) -> tuple[float, float, float] | None:
    """(slope, twist, steepest) of a :class:`Split`, None where it is not proved that f splits on the box [low, high]."""
    low, high = ends
    dim = len(low)
    shape = tuple(PIECES[k] if axis < k else ACROSS for axis in range(dim))
    lower, upper = cubes_of(Box(low, high), shape)
    hessian = frame.derivatives(Interval(lower, upper))[1]
    if not np.isfinite(hessian.magnitude).all():
        return None
    turn = np.where(np.arange(k, dim) < k + up, 1.0, -1.0)
    across, slope = hessian[:, k:, k:], np.inf
    for own in (np.arange(up), np.arange(up, dim - k)):
        block = across[:, own[:, None], own] * turn[own][None, :, None]
        size = block.magnitude.copy()
        size[:, np.arange(own.size), np.arange(own.size)] = 0.0
        least = block.lower[:, np.arange(own.size), np.arange(own.size)] - size.sum(axis=2) * (1.0 + 1e-12)
        slope = min(slope, float(least.min(initial=np.inf)))
    if not slope > 0:
        return None
    for axis in range(k, dim):
        for end, outward in ((low, -1.0), (high, 1.0)):
            here = (lower[:, axis] == end[axis]) | (upper[:, axis] == end[axis])
            first, last = lower[here].copy(), upper[here].copy()
            first[:, axis] = last[:, axis] = end[axis]
            if not (
                frame.centred_gradient(Interval(first, last))[:, axis] * (outward * turn[axis - k])
            ).is_positive.all():
                return None
    twist, steepest = (float(norm(hessian.magnitude[:, rows, k:]).max()) for rows in (slice(None, k), slice(k, None)))
    return slope * (1.0 - 1e-12), twist, steepest


def _of_split(split: Split, hull: np.ndarray, points: CriticalPoints | None) -> Found | None:
    """The index from a level block of h, if all that (9.14) asks for holds."""
    function, box = split.function, split.box
    cells = equilibrium_cells(function, box, most=MOST_CELLS)
    meant = _meant(split, cells, hull)
    if meant is None or not cells.is_inner[meant].all():
        return None
    low, high = cells.lower[meant], cells.upper[meant]
    gaps = Gaps.of(cells, meant)
    if (
        (low <= box.lower).any()
        or (high >= box.upper).any()
        or gaps is None
        or _holds_a_point(split, low, high, points)
    ):
        return None
    if (
        not 0.25 * split.slope * split.depth**2 / split.slack > gaps.high - gaps.low
    ):  # else orbits may come to the faces of W
        return None
    block = level_block(function, box, cells, meant, slack=(split.slack, split.off))
    if not isinstance(block, LevelBlock) or not block.stays_inside:
        return None
    values = block.grid.values
    top = min(block.levels[1], float(values.upper.max()))
    if split.up and not top - float(values.lower.min()) < 0.499 * split.slope * split.depth**2:
        return None
    return _written(split, cells, meant, block)


def _meant(split: Split, cells: EquilibriumCells, hull: np.ndarray) -> np.ndarray | None:
    """The cells of the clusters that come to the hull (2, dim), None where there are none."""
    if not len(cells):
        return None
    x = _places(split, cells.lower, cells.upper)
    meets = ((x.lower <= hull[1]) & (x.upper >= hull[0])).all(axis=1)
    meant = np.isin(cells.cluster, np.unique(cells.cluster[meets]))
    return meant if meant.any() else None


def _places(split: Split, lower: np.ndarray, upper: np.ndarray) -> Interval:
    """Boxes (n, dim) in space around the points (c, w(c)) with c in boxes (n, k)."""
    w = split.function.reduced(lower, upper).w
    return split.function.frame.places(
        Interval(np.concatenate([lower, w.lower], axis=1), np.concatenate([upper, w.upper], axis=1))
    )


def _holds_a_point(split: Split, low: np.ndarray, high: np.ndarray, points: CriticalPoints | None) -> bool:
    """Whether cells (n, k) come to a proved point of the list: that is asked for by its id."""
    if points is None:
        return False
    x = _places(split, low, high)
    proved = np.array([verdict is Certainty.PROVED for verdict in points.certainty], dtype=bool)
    places, room = points.points[proved][:, None], 1e-9 + np.asarray(points.error)[proved][:, None, None]
    return bool(((places >= x.lower - room) & (places <= x.upper + room)).all(axis=2).any())


def _written(split: Split, cells: EquilibriumCells, meant: np.ndarray, block: LevelBlock) -> Found:
    frame, function, dim = split.function.frame, split.function, len(split.function.frame.origin)
    found, betti = block.groups.homology.betti, [0] * (dim + 1)
    betti[split.up : split.up + len(found)] = found
    whole = Interval(
        np.concatenate([split.box.lower, function.low])[None], np.concatenate([split.box.upper, function.high])[None]
    )
    x, near = frame.places(whole), _places(split, cells.lower[meant], cells.upper[meant])
    levels = block.levels
    if split.up:  # just above all values of h, where none of its equilibria lies higher: those of f go on up
        levels = levels[0], min(levels[1], float(np.nextafter(block.grid.values.upper.max(), np.inf)))
    region = Box(x.lower[0], x.upper[0])
    return {
        "verdict": COMPUTED,
        "method": "splitting",
        "certainty": Certainty.PROVED,
        "homology": known_homology(tuple(betti), is_relative=True, domain=region, certainty=Certainty.PROVED),
        "lower": region.lower,
        "upper": region.upper,
        "levels": levels,
        "equilibria": np.stack([near.lower.min(axis=0), near.upper.max(axis=0)])[None],
        "n_cells": cells.asked + block.grid.values.size,
        "notes": (
            f"f splits about these equilibria: reduced to {function.dim} of {dim} coordinates, {split.up} of the others go up",
        ),
    }
