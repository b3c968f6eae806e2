"""Rows that the event kernel hands back: starts on convex creases, corners where creases meet, points of rest (§5).

Whether the orbit goes on, and where, is decided by the predicate of the general flow, so that all engines say the same. What
it says of a corner is remembered: many rows come to the same one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from separatrix.flow.piecewise_linear.general_field import Field
from separatrix.flow.piecewise_linear.one_layer import OneLayer
from separatrix.flow.piecewise_linear.orbit import Limits, Orbit
from separatrix.flow.piecewise_linear.reasons import TIME

SAME, ALONG = 1e-9, 1e-13


@dataclass(eq=False)
class Handed:
    """A row as the kernel left it: at ``x`` (dim,) after ``time``, come with ``velocity`` (dim,) or at a start.

    ``on`` (m,): how every crease passes x, in the words of the kernel. ``n_events`` and ``n_steps`` were spent.
    """

    x: np.ndarray
    velocity: np.ndarray
    on: np.ndarray
    time: float
    n_events: int
    n_steps: int


@dataclass(eq=False)
class Corners:
    """The general flow of the potential of ``form``, for single rows, up to ``limits``; ``keep``: with the paths."""

    flow: Field
    form: OneLayer
    limits: Limits
    keep: bool = False
    known: dict[bytes, str] = field(default_factory=dict)
    ways: dict[bytes, np.ndarray | None] = field(default_factory=dict)

    def sides(self, row: Handed) -> np.ndarray | None:
        """How the only orbit from a row's place leaves the creases there, as the kernel wants it: (m,), -1 for other creases.

        None where there is no only one, or where it stays: :meth:`go_on` then says why.
        """
        from separatrix.flow.piecewise_linear.event_kernel import CONVEX_ON, OFF

        key = self._key(row)
        if key not in self.ways:
            found, _ = self._orbit(row).departure()
            sides = None
            if found is not None and found.v.any():
                across, size = self.form.weight @ found.v, np.abs(self.form.weight) @ np.abs(found.v)
                chosen = np.where(row.on == CONVEX_ON, np.where(across > ALONG * size, 1.0, 0.0), 2.0)
                sides = np.where(row.on == OFF, -1.0, chosen)
            self.ways[key] = sides
        return self.ways[key]

    def follow(self, start: np.ndarray) -> Orbit:
        """The orbit from ``start`` by the general flow alone."""
        return Orbit(self.flow, start, self.limits, keep=self.keep).run()

    def go_on(self, row: Handed) -> Orbit:
        """The orbit of a row from its corner on, or its end there."""
        orbit, key = self._orbit(row), self._key(row)
        on = orbit.creases
        if key in self.known:
            orbit.reason = self.known[key]
            if orbit.reason == TIME:
                orbit.end(self.limits.t_max, TIME)
            return orbit
        orbit.run()
        if orbit.n_events == row.n_events and np.abs(orbit.x - row.x).max() <= SAME * _reach(row.x[None])[0]:
            self.known[key], orbit.creases = orbit.reason, on
        return orbit

    def _orbit(self, row: Handed) -> Orbit:
        """The orbit of a row at its corner."""
        from separatrix.flow.piecewise_linear.event_kernel import MEMBER_ON, OFF

        slid, on = self.neurons(row.on == MEMBER_ON), self.neurons(row.on != OFF)
        orbit = Orbit(self.flow, row.x, self.limits, keep=self.keep, time=row.time)
        if row.n_steps:
            orbit.arrive(row.velocity, slid, np.setdiff1d(on, slid))
        orbit.n_events, orbit.n_steps, orbit.creases = row.n_events, row.n_steps, on
        return orbit

    def neurons(self, chosen: np.ndarray) -> np.ndarray:
        """The network's neurons of the creases of a mask (m,), ascending."""
        found = [self.form.neurons[crease] for crease in np.flatnonzero(chosen)]
        return np.sort(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)

    def _key(self, row: Handed) -> bytes:
        return keys_of(row.x[None], row.velocity[None], row.on[None], np.array([row.n_events]))[0]


def keys_of(x: np.ndarray, velocity: np.ndarray, on: np.ndarray, n_events: np.ndarray) -> list[bytes]:
    """What the answers depend on for rows as they were handed: the place (r, dim), its creases (r, m), whether the row moved
    at all and, where a crease is convex, the velocity (r, dim) with which it came."""
    from separatrix.flow.piecewise_linear.event_kernel import CONVEX_ON

    fastest = np.abs(velocity).max(axis=1)
    counts = (fastest > 0) & (on == CONVEX_ON).any(axis=1)
    unit = SAME * np.where(counts, fastest, 1.0)
    came = np.where(counts[:, None], np.round(velocity / unit[:, None]), 0.0)
    place = np.round(x / (SAME * _reach(x))[:, None])
    numbers = np.column_stack([place, on, n_events > 0, came]) + 0.0  # no negative zeros
    return [row.tobytes() for row in numbers]


def _reach(x: np.ndarray) -> np.ndarray:
    return 1.0 + np.abs(x).max(axis=1)
