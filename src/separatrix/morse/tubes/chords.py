"""Chords along a traced branch, and what one batch of enclosures says of the field across each of them (§8).

Slab i is {c + s t + q(s) + z: z orthogonal to t, |z| <= room}, with t the chord's unit vector, q(s) = kappa (tau^2 - h^2/4) / 2,
tau = s - h/2, its sagitta (kappa orthogonal to t), and m = c + (h/2) t + q(h/2) its middle. For the field G = sign grad f, with
H its Hessian on a box that holds the slab, H_m the middle of that enclosure, rho a bound of |H - H_m|, g = G(m),
P = 1 - t t^T, T = h/2 + the overlap with the neighbours, and alpha = t.g:

    t.G   in  alpha -+ (T |t.H_m t| + T^2/2 |t.H_m kappa| + |P H_m t| room + rho (T + |kappa| T^2 / 2 + room))
    |(P - kappa tau t^T) G(c + s t + q)|  <=  |P g| + T |P H_m t - kappa alpha| + T^2 |P H_m kappa / 2 - kappa t.H_m t|
          + T^3/2 |kappa| |t.H_m kappa| + rho (1 + |kappa| T) (T + |kappa| T^2 / 2)
    growth of |z|:  lambda_max(P H_m P on the complement of t) + rho + T |kappa| (|P H_m t| + rho).

So d|z|/ds <= delta + mu |z|: the radii follow by recursion (radii.py). The sagitta makes delta of second order in h.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from separatrix.flow.projection import Arena
from separatrix.morse.tubes.traces import Trace
from separatrix.numerics.intervals import Interval

MARGIN, NOISE = 1.0 + 1e-9, 1e-12
SHARPEST = 0.3


@dataclass(frozen=True, eq=False)
class Chords:
    """A partition of one branch: arc lengths ``s`` (m + 1,), ``nodes`` (m + 1, dim); a chord: unit vectors ``t`` (m, dim),
    lengths ``h`` (m,), ``kappa`` (m, dim), ``turn`` (m,): |t_(i+1) - t_i|, 0 at the last, ``room`` (m,): largest radius that
    is allowed."""

    s: np.ndarray
    nodes: np.ndarray
    t: np.ndarray
    h: np.ndarray
    kappa: np.ndarray
    turn: np.ndarray
    room: np.ndarray

    def __len__(self) -> int:
        return len(self.h)

    @classmethod
    def along(cls, trace: Trace, s: np.ndarray, room: np.ndarray) -> Chords:
        """The chords between the points of ``trace`` at ascending arc lengths ``s``."""
        nodes, tangents = trace.at(s)
        chord = np.diff(nodes, axis=0)
        h = np.linalg.norm(chord, axis=1)
        t = chord / np.maximum(h, 1e-300)[:, None]
        bend = np.diff(tangents, axis=0) / np.maximum(h, 1e-300)[:, None]
        kappa = bend - (bend * t).sum(axis=1, keepdims=True) * t
        turn = np.append(np.linalg.norm(np.diff(t, axis=0), axis=1), 0.0)
        return cls(s, nodes, t, h, kappa, turn, room)

    @property
    def overlap(self) -> np.ndarray:
        """How far beyond its ends each slab is needed, (m,): room times the tangent of the turn, up to SHARPEST."""
        return 1.05 * self.turn * self.room


@dataclass(frozen=True, eq=False)
class Slabs:
    """What is proved a chord (m,): ``lowest`` and ``highest`` speed along it, ``drift`` across, ``growth`` of the radius
    (all of one scale), ``sagitta``; ``presses``: held coordinates have a strictly outward gradient; ``inside``: the slab
    lies in the domain, or no orbit of the flow leaves the domain in it; ``over`` (m, dim): +1 or -1 where it reaches over an
    upper or lower side, 2 over both; ``pushes`` (m, dim): the sign of the flow's field over the slab, ``at_side`` (m, dim): on
    the part of the slab in the side that it reaches over, ``bends`` (m, dim): of the field's derivative along the flow, 0 where
    it has none; ``pressing`` (m, dim): held coordinates with a strictly outward gradient; ``lower``, ``upper`` (m, dim): the
    slab's hull."""

    lowest: np.ndarray
    highest: np.ndarray
    drift: np.ndarray
    growth: np.ndarray
    sagitta: np.ndarray
    presses: np.ndarray
    inside: np.ndarray
    over: np.ndarray
    pushes: np.ndarray
    at_side: np.ndarray
    bends: np.ndarray
    pressing: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def part(self, rows: slice) -> Slabs:
        """The slabs ``rows`` alone."""
        return Slabs(*(getattr(self, f.name)[rows] for f in fields(self)))


def enclosed(
    arena: Arena, branches: list[tuple[Chords, float]], free: np.ndarray, outward: np.ndarray, signs: list[float]
) -> list[Slabs]:
    """The slabs' bounds of several branches of one face, from one batch of enclosures.

    ``branches``: the chords with how far before its beginning the first slab of each is needed; ``free`` (dim,) mask,
    ``outward`` (dim,) signs of held coordinates; ``signs``: of f, a branch.
    """
    counts = [len(chords) for chords, _ in branches]
    begin = np.concatenate([chords.nodes[:-1] for chords, _ in branches])
    t, h, bend, room = (np.concatenate([getattr(c, n) for c, _ in branches]) for n in ("t", "h", "kappa", "room"))
    sign = np.repeat(signs, counts)
    half = 0.5 * h
    reach = half + np.concatenate([chords.overlap for chords, _ in branches])
    heads = np.cumsum([0, *counts[:-1]])
    reach[heads] = np.maximum(reach[heads], half[heads] + np.array([first for _, first in branches]))
    kappa = np.linalg.norm(bend, axis=1) * MARGIN
    middle = begin + half[:, None] * t - 0.125 * (h**2)[:, None] * bend
    blur = NOISE * (np.abs(begin).max(axis=1) + h)  # rounding of the middle and of the nodes
    spread = _spread((t, bend), (reach, room, blur), free)
    lower, upper = middle - spread, middle + spread
    gradient, hessian = arena.potential.enclose_batch(lower, upper)
    at_middle = arena.potential.gradient_batch(middle, middle)
    pressing = (outward != 0) & (np.where(outward > 0, gradient.lower, -gradient.upper) > 0)
    presses = pressing[:, ~free].all(axis=1)
    over, at_side = _over_sides(arena, lower, upper)
    pushes, at_side = sign[:, None] * _sign(gradient), sign[:, None] * at_side
    with np.errstate(all="ignore"):  # (grad f)' = H grad f, for both signs of the flow
        bends = _sign((hessian[:, :, free] * gradient[:, None, free]).sum(axis=2))
    inside = ((over == 0) | (over == -at_side))[:, free].all(axis=1)  # where the field points inward, none goes out
    with np.errstate(all="ignore"):
        mid, rho = _symmetric(hessian, np.flatnonzero(free))
        slope, slope_rad = at_middle.midpoint[:, free], _norm(at_middle.radius[:, free]) * MARGIN
        bounds = _bounds(
            (t[:, free], bend[:, free], kappa),
            (sign[:, None] * slope, slope_rad),
            (sign[:, None, None] * mid, rho),
            (reach, room, blur),
        )
    whole = Slabs(
        *bounds, 0.125 * h**2 * kappa * MARGIN, presses, inside, over, pushes, at_side, bends, pressing, lower, upper
    )
    return [whole.part(slice(head, head + count)) for head, count in zip(heads, counts, strict=True)]


def _over_sides(arena: Arena, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(which sides the boxes reach over, the sign of the gradient's component on the part in that side), each (m, dim)."""
    limits = arena.limits
    above, below = upper > limits.upper, lower < limits.lower
    over = np.where(above & below, 2, above.astype(np.int8) - below.astype(np.int8))
    row, axis = np.nonzero((over == 1) | (over == -1))
    found = np.zeros(lower.shape)
    if row.size:
        at = np.where(over[row, axis] > 0, np.broadcast_to(limits.upper, lower.shape)[row, axis], 0.0)
        at = np.where(over[row, axis] < 0, np.broadcast_to(limits.lower, lower.shape)[row, axis], at)
        low, high = lower[row], upper[row]
        low[np.arange(row.size), axis] = high[np.arange(row.size), axis] = at
        found[row, axis] = _sign(arena.potential.gradient_batch(low, high))[np.arange(row.size), axis]
    return over, found


def _sign(x: Interval) -> np.ndarray:
    """1 where an enclosure is positive, -1 where it is negative, else 0."""
    return np.where(x.lower > 0, 1.0, np.where(x.upper < 0, -1.0, 0.0))


def _spread(
    chord: tuple[np.ndarray, np.ndarray], sizes: tuple[np.ndarray, np.ndarray, np.ndarray], free: np.ndarray
) -> np.ndarray:
    """Half sides (m, dim) of boxes about the middles that hold the slabs; held coordinates stay points."""
    (t, bend), (reach, room, blur) = chord, sizes
    across = np.sqrt(np.maximum(1.0 - t**2, 0.0) + 1e-12)
    spread = np.abs(t) * reach[:, None] + 0.5 * np.abs(bend) * (reach**2)[:, None]
    spread = (spread + across * room[:, None]) * MARGIN + 4.0 * blur[:, None]
    spread[:, ~free] = 0.0
    return spread


def _symmetric(hessian: Interval, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(middles (m, k, k), row-sum bound of the deviation (m,)) of H on the free coordinates, inf where unknown."""
    lower, upper = (side[:, free[:, None], free] for side in (hessian.lower, hessian.upper))
    lower, upper = np.maximum(lower, lower.mT), np.minimum(upper, upper.mT)
    mid = 0.5 * lower + 0.5 * upper
    rad = np.maximum(upper - mid, mid - lower) * MARGIN + 1e-15 * np.abs(mid)
    lost = ~(np.isfinite(mid) & np.isfinite(rad) & (lower <= upper)).all(axis=(1, 2))
    mid[lost], rad[lost] = 0.0, np.inf
    by_rows = rad.sum(axis=2).max(axis=1)
    by_squares = np.sqrt((rad * rad).sum(axis=(1, 2)))
    return mid, np.minimum(by_rows, by_squares) * MARGIN + 1e-300


def _bounds(
    chord: tuple[np.ndarray, np.ndarray, np.ndarray],
    slope: tuple[np.ndarray, np.ndarray],
    hessian: tuple[np.ndarray, np.ndarray],
    sizes: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(lowest, highest, drift, growth) of the module's head; NOISE times the sizes of the terms covers their rounding."""
    (t, bend, kappa), (g, g_rad), (mid, rho), (reach, room, blur) = chord, slope, hessian, sizes
    along = np.einsum("mij,mj->mi", mid, t)
    bent = np.einsum("mij,mj->mi", mid, bend)
    alpha, stretch, shear = _dot(t, g), _dot(t, along), _dot(t, bent)
    across = along - stretch[:, None] * t
    total = (np.sqrt((mid * mid).sum(axis=(1, 2))) + rho) * MARGIN
    speed = np.linalg.norm(g, axis=1) * MARGIN + g_rad
    noise = NOISE * (speed + total * (reach + room + kappa * reach**2)) * (1.0 + kappa * reach)
    bow = 0.5 * kappa * reach**2
    off = blur * total * (1.0 + kappa * reach) * 4.0
    vary = reach * np.abs(stretch) + 0.5 * reach**2 * np.abs(shear) + _norm(across) * room
    vary = (vary + rho * (reach + bow + room)) * MARGIN + g_rad + noise + off
    first = _norm(across - alpha[:, None] * bend)
    second = _norm(0.5 * (bent - shear[:, None] * t) - stretch[:, None] * bend)
    drift = _norm(g - alpha[:, None] * t) + reach * first + reach**2 * second + 0.5 * reach**3 * kappa * np.abs(shear)
    drift = (drift + (g_rad + rho * (reach + bow)) * (1.0 + kappa * reach)) * MARGIN + noise + off
    growth = _largest_across(mid, t) + (rho + reach * kappa * (_norm(across) + rho)) * MARGIN + NOISE * total
    return alpha - vary, alpha + vary, drift, growth


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1)


def _norm(a: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a, axis=1)


def _largest_across(mid: np.ndarray, t: np.ndarray) -> np.ndarray:
    """An upper bound (m,) of z^T H z over unit vectors z orthogonal to t; -inf in one dimension.

    In coordinates of approximate eigenvectors Q of P H P orthogonal to t, by Gershgorin's discs; that [t, Q] is orthogonal
    only up to ``defect`` is paid with 4 k defect |H|.
    """
    m, k = t.shape
    if k == 1:
        return np.full(m, -np.inf)
    size = np.sqrt((mid * mid).sum(axis=(1, 2)))
    project = np.eye(k) - t[:, :, None] * t[:, None, :]
    # the eigenvalue of t is put below all others, so that its vector comes first
    shifted = project @ mid @ project - (4.0 * size + 1e-300)[:, None, None] * (t[:, :, None] * t[:, None, :])
    _, vectors = np.linalg.eigh(np.where(np.isfinite(shifted), shifted, 0.0))
    q = vectors[:, :, 1:]
    whole = np.concatenate([t[:, :, None], q], axis=2)
    defect = np.abs(whole.mT @ whole - np.eye(k)).sum(axis=2).max(axis=1) + 1e-15 * k
    bent = np.abs(q.mT @ mid @ q)
    diagonal = np.einsum("mij,mik,mkj->mj", q, mid, q)
    off = bent.sum(axis=2) - np.einsum("mii->mi", bent)
    bound = (diagonal + off).max(axis=1) + 4.0 * k * defect * size + 1e-13 * k * size
    return np.where(defect < 1e-6, bound, np.inf)
