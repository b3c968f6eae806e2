"""Batches of orbits of a face, followed at unit speed for given lengths, and where they end (§3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.flow import dormand_prince
from separatrix.flow.manifolds.free_face import FreeFace

TOLERANCE = 1e-9  # of a step, over the width
MOST_ROUNDS = 400
SHORTEST = 1e-9
BISECTIONS = 50
NEWTON = 8
GRAZING = 0.05
EQUILIBRIUM = "equilibrium"
AT_POINT = 1e-4  # over the edge length: an orbit that comes so near to a saddle ends there
MET = 1.1  # and to a place that attracts it: the next step would end there


@dataclass(frozen=True, eq=False)
class Arrival:
    """Where rows of a batch are after a step: points (m, k), path length (m,) of the step, ``reason`` "" for those that go on."""

    points: np.ndarray
    lengths: np.ndarray
    reasons: list[str]


@dataclass(frozen=True, eq=False)
class Orbits:
    """Orbits of -grad f on a face (for a reversed face: of grad f), at unit speed; ``edge``: the length of a step."""

    face: FreeFace
    edge: float

    def field(self, y: np.ndarray) -> np.ndarray:
        """Unit vectors against the gradient of the face, (m, k); 0 where it vanishes."""
        slope = self.face.gradient(y)
        size = np.linalg.norm(slope, axis=1, keepdims=True)
        return np.where(size > 0, -slope / np.where(size > 0, size, 1.0), 0.0)

    def advance(self, y: np.ndarray, length: np.ndarray) -> np.ndarray:
        """The points (m, k) at path ``length`` (m,) further on, by Dormand-Prince 5(4) with a step length a row."""
        tolerance = TOLERANCE * self.face.arena.width
        now, left, h = y.copy(), length.astype(np.float64).copy(), np.minimum(length, 0.5 * self.edge)
        first = self.field(y)
        for _ in range(MOST_ROUNDS):
            rows = np.flatnonzero(left > 1e-12 * self.edge)
            if not rows.size:
                break
            step = np.minimum(h[rows], left[rows])
            new, error, slopes = dormand_prince.step(self.field, now[rows], first[rows], step)
            size = np.abs(error).max(axis=1) / tolerance
            good = (size <= 1.0) | (step <= SHORTEST * self.edge)
            good &= np.isfinite(new).all(axis=1)
            now[rows[good]], first[rows[good]] = new[good], slopes[-1][good]
            left[rows[good]] -= step[good]
            bad = ~np.isfinite(size)
            h[rows] = np.where(bad, 0.1 * step, dormand_prince.next_length(step, np.where(bad, 1.0, size)))
        return now

    def step(self, y: np.ndarray, length: np.ndarray) -> Arrival:
        """One step of every row, which ends it at a wall, at an equilibrium, or where a held coordinate is let go."""
        new, lengths, reasons = self.advance(y, length), length.copy(), [""] * len(y)
        self._stop_at_walls(y, new, lengths, reasons)
        self._stop_at_rest(new, lengths, reasons)
        if self.face.held.size:
            for row in np.flatnonzero((self.face.gradients(new)[1] < 0).any(axis=1)):
                reasons[row] = reasons[row] or "places where a held coordinate is let go"
        return Arrival(new, lengths, reasons)

    def outside(self, y: np.ndarray) -> np.ndarray:
        """Which rows are beyond a wall, (m,)."""
        return np.asarray(~((y > self.face.lower) & (y < self.face.upper)).all(axis=1))

    def _stop_at_walls(self, y: np.ndarray, new: np.ndarray, lengths: np.ndarray, reasons: list[str]) -> None:
        """Where the cubic through both ends meets the wall; from there the orbit itself, put exactly on the wall."""
        rows = np.flatnonzero(self.outside(new))
        if not rows.size:
            return
        start, end = y[rows], new[rows]
        first, last = (self.field(p) * lengths[rows, None] for p in (start, end))
        nearest, first_out = np.zeros(rows.size), np.ones(rows.size)
        for _ in range(BISECTIONS):
            t = 0.5 * (nearest + first_out)
            out = self.outside(hermite(start, end, first, last, t))
            nearest, first_out = np.where(out, nearest, t), np.where(out, t, first_out)
        lengths[rows] *= first_out
        at = self.advance(start, lengths[rows])
        lower, upper = self.face.lower, self.face.upper
        walls = np.minimum(at - lower, upper - at).argmin(axis=1)
        own = np.arange(rows.size), walls
        is_low = at[own] - lower[walls] < upper[walls] - at[own]
        rest = np.where(is_low, lower[walls], upper[walls]) - at[own]
        ahead = self.field(at)
        along = (
            np.abs(ahead[own]) > GRAZING
        )  # then the last bit is gone with the flow, which leaves the point on its orbit
        share = np.where(along, rest / np.where(along, ahead[own], 1.0), 0.0)
        at += share[:, None] * ahead
        lengths[rows] += share
        at[own] = np.where(is_low, lower[walls], upper[walls])
        for row, wall, low in zip(rows, walls, is_low, strict=True):
            reasons[row] = f"{'lower' if low else 'upper'} side of coordinate {int(self.face.free[wall])}"
        new[rows] = np.clip(at, self.face.lower, self.face.upper)

    def _stop_at_rest(self, new: np.ndarray, lengths: np.ndarray, reasons: list[str]) -> None:
        """Rows within reach of an equilibrium that attracts them, or next to one that does not, end in it."""
        rows = np.array([row for row, reason in enumerate(reasons) if not reason], dtype=int)
        if not rows.size:
            return
        y = new[rows]
        hessians = self.hessians(y)
        slope = self.face.gradient(y)
        move = -np.einsum("mij,mj->mi", np.linalg.pinv(hessians), slope)
        near = np.flatnonzero(np.linalg.norm(move, axis=1) <= MET * self.edge)
        if not near.size:
            return
        ends, values = self.equilibria(y[near] + move[near])
        away = np.linalg.norm(ends - y[near], axis=1)
        attracts = values[:, 0] > 0
        for place in np.flatnonzero(away <= np.where(attracts, MET, AT_POINT) * self.edge):
            new[rows[near[place]]] = ends[place]
            lengths[rows[near[place]]] += away[place]
            reasons[rows[near[place]]] = EQUILIBRIUM

    def hessians(self, y: np.ndarray) -> np.ndarray:
        """Hessians of the face's function at the rows, (m, k, k)."""
        free = self.face.free
        with np.errstate(all="ignore"):
            whole = self.face.arena.potential.hessian(self.face.lift(y))
        return np.nan_to_num(self.face.sign * whole[:, free[:, None], free[None]], posinf=0.0, neginf=0.0)

    def equilibria(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(ends of Newton's method from the rows of y (m, k), eigenvalues there (m, k), NaN where it is no equilibrium).

        Orbits are attracted along eigenvectors with positive eigenvalues.
        """
        width = self.face.arena.width
        hessians, move = self.hessians(y), np.zeros_like(y)
        for _ in range(NEWTON):
            move = -np.einsum("mij,mj->mi", np.linalg.pinv(hessians), self.face.gradient(y))
            move = np.nan_to_num(move) * np.minimum(
                1.0, width / np.maximum(np.linalg.norm(move, axis=1, keepdims=True), 1e-300)
            )
            y = y + move
            hessians = self.hessians(y)
            if np.abs(move).max() <= 1e-13 * width:
                break
        is_rest = np.linalg.norm(move, axis=1) <= 1e-9 * width
        return y, np.where(is_rest[:, None], np.linalg.eigvalsh(hessians), np.nan)

    def divide(self, saddle: np.ndarray, first: np.ndarray, second: np.ndarray) -> bool:
        """Whether an equilibrium with one repelling direction parts the orbits through two points (k,) near it."""
        values, vectors = np.linalg.eigh(self.hessians(saddle[None])[0])
        if not (values[0] < 0 and (values[1:] > 0).all()):
            return False
        return bool(((first - saddle) @ vectors[:, 0]) * ((second - saddle) @ vectors[:, 0]) < 0)


def hermite(start: np.ndarray, end: np.ndarray, first: np.ndarray, last: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Cubics (m, k) with these ends and end slopes at the parameters ``t`` (m,) in [0, 1]."""
    t = t[:, None]
    value = start + t * (first + t * ((3 * (end - start) - 2 * first - last) + t * (2 * (start - end) + first + last)))
    return np.asarray(value)


def cubic_middle(four: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(points (m, k) half way between the second and the third of four (m, 4, k) on the cubic through them, is it usable)."""
    chords = np.linalg.norm(np.diff(four, axis=1), axis=2)
    usable = (chords.min(axis=1) > 0) & (chords.max(axis=1) < 4.0 * chords[:, 1])
    chords = np.where(usable[:, None], chords, 1.0)
    knots = np.concatenate([np.zeros((len(four), 1)), np.cumsum(chords, axis=1)], axis=1)
    t = 0.5 * (knots[:, 1] + knots[:, 2])
    total = np.zeros((len(four), four.shape[2]))
    for i in range(4):
        others = [j for j in range(4) if j != i]
        weight = np.prod([(t - knots[:, j]) / (knots[:, i] - knots[:, j]) for j in others], axis=0)
        total += weight[:, None] * four[:, i]
    return total, usable
