"""The record of critical points: sinks and saddles with what was proved of each (§3, §8)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import UnresolvedError, printable
from separatrix.flow.infinity.escapes import SinkAtInfinity
from separatrix.records import Record


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CriticalPoints(Record):
    """Critical points of a potential on a domain. f is climbed: a sink has Morse index 0.

    - ``points`` (n, dim), coordinates on faces exact; ``values`` (n,) of the potential
    - ``indices`` (n,): Morse index = positive eigenvalues of the Hessian on the free face
    - ``certainty``: a Certainty a point; ``evidence``: on what it rests, a sentence a point
    - ``spectra``: eigenvalues of the Hessian on the free face, ascending, one array a point
    - ``active`` (n, dim) int8: -1 on a lower, +1 on an upper side of the box, 0 free
    - ``multipliers`` (n, dim): outward component of the gradient on active coordinates (> 0: strict), 0 on free ones
    - ``radius`` (n,): half side of a max-norm box about the point in whose part of the domain it is proved the only
      equilibrium; NaN where that is not proved. ``error`` (n,): proved bound on the max-norm distance to the true point
    - ``creases``: on which neurons' creases each point lies (numbers of neurons at zero), for piecewise linear networks;
      there ``spectra`` are those of the stratum: the free face cut by these creases
    - ``label`` (n_starts,): row of the point that each start led to, -1 = none; ``reasons`` (n_starts,): in words
    - ``at_infinity``: on the whole space, the ways to infinity of starts that ran off (their reasons begin "at infinity")
    - ``is_complete``: every critical point is listed and proved. ``unresolved``: boxes that were not settled, with reasons
    - ``is_isolating``: whether the box is an isolating block of the flow (None: not decided); ``relative_betti``,
      ``relative_euler``: ranks of H_k(box, exit set) and their alternating sum, where known (3.3)
    - ``probe``: values of the potential at a few points of the box, by which a complete list is told from one of another function
    - ``laws``: which law applies to the list, and whether it holds; :meth:`checked` checks them on the list as it stands
    """

    points: np.ndarray
    values: np.ndarray
    indices: np.ndarray
    certainty: tuple[Certainty, ...]  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]
    evidence: tuple[str, ...]
    spectra: tuple[np.ndarray, ...]
    active: np.ndarray
    multipliers: np.ndarray
    radius: np.ndarray
    error: np.ndarray
    label: np.ndarray
    reasons: tuple[str, ...] = ()
    potential: str = ""
    boundary: str = "project"
    is_complete: bool = False
    unresolved: tuple[Box, ...] = ()
    unresolved_reasons: tuple[str, ...] = ()
    is_isolating: bool | None = None
    laws: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    creases: tuple[np.ndarray, ...] = field(default=())
    at_infinity: tuple[SinkAtInfinity, ...] = field(default=())
    relative_betti: tuple[int, ...] = ()
    relative_euler: int | None = None
    probe: tuple[float, ...] = ()

    drawer: ClassVar[str] = "flow_plots:plot_critical_points"

    def __len__(self) -> int:
        return self.points.shape[0]

    @property
    def n_proved(self) -> int:
        """How many of the points are proved."""
        return sum(verdict is Certainty.PROVED for verdict in self.certainty)

    @property
    def n_free(self) -> np.ndarray:
        """Number of free coordinates of each point, (n,)."""
        return (self.active == 0).sum(axis=1)

    @property
    def ids(self) -> tuple[str, ...]:
        """Names in the order of the list: sinks s0, s1, …, passes and other saddles p0, …, repellers (index = dimension) r0, …"""
        counts, found = {"s": 0, "p": 0, "r": 0}, []
        for index in self.indices.tolist():
            kind = "s" if index == 0 else "r" if index == self.points.shape[1] else "p"
            found.append(f"{kind}{counts[kind]}")
            counts[kind] += 1
        return tuple(found)

    @property
    def hits(self) -> np.ndarray:
        """How many starts led to each point, (n,)."""
        return np.bincount(self.label[self.label >= 0], minlength=len(self))

    def columns(self) -> dict[str, Any]:
        """One row a point."""
        return {
            "id": list(self.ids),
            "value": self.values,
            "index": self.indices,
            "certainty": [str(v) for v in self.certainty],
            "radius": self.radius,
            "error": self.error,
            "free": self.n_free,
            "at_lower": (self.active < 0).sum(axis=1),
            "at_upper": (self.active > 0).sum(axis=1),
            "least_multiplier": [
                float(m[a != 0].min()) if (a != 0).any() else np.nan
                for m, a in zip(self.multipliers, self.active, strict=True)
            ],
            "top_eigenvalue": [float(s[-1]) if len(s) else np.nan for s in self.spectra],
            "bottom_eigenvalue": [float(s[0]) if len(s) else np.nan for s in self.spectra],
            "hits": self.hits,
            **({"creases": [len(neurons) for neurons in self.creases]} if self.creases else {}),
        }

    def checked(self) -> CriticalPoints:
        """This record with its ``laws`` (3.1) to (3.3) checked anew; ``is_complete`` is False where one is broken."""
        from separatrix.flow.complete.laws import checked

        return checked(self)

    def require(self) -> CriticalPoints:
        """This record, or UnresolvedError where a point is not proved or a start led nowhere."""
        lost = int((self.label < 0).sum())
        if self.n_proved < len(self) or lost:
            raise UnresolvedError(
                f"{len(self) - self.n_proved} of {len(self)} points are not proved and {lost} starts led to "
                "none; their reasons are in `evidence` and `reasons`, strict=False returns them"
            )
        return self

    def __repr__(self) -> str:
        kinds = ", ".join(f"{int(n)} of index {i}" for i, n in enumerate(np.bincount(self.indices)) if n) or "none"
        starts = f" from {self.label.shape[0]} starts" if self.label.size else ""
        away = f", {len(self.at_infinity)} at infinity" if self.at_infinity else ""
        rest = ", complete" if self.is_complete else ""
        rest += f", {len(self.unresolved)} unresolved" if self.unresolved else ""
        name = printable(self.potential, 60)
        return f"CriticalPoints({name}: {kinds}{starts}, {self.n_proved} of {len(self)} proved{away}{rest})"


def joined(first: CriticalPoints, second: CriticalPoints, near: float = 1e-5) -> CriticalPoints:
    """``first`` with those points of ``second`` appended that are none of its own; labels stay those of ``first``."""
    new = [
        row
        for row, (point, error) in enumerate(zip(second.points, np.nan_to_num(second.error, nan=near), strict=True))
        if not len(first)
        or not (
            np.abs(first.points - point).max(axis=1) <= np.maximum(np.nan_to_num(first.error, nan=near) + error, 1e-9)
        ).any()
    ]
    if not new:
        return first
    stacked = {
        name: np.concatenate([getattr(first, name), getattr(second, name)[new]])
        for name in ("points", "values", "indices", "active", "multipliers", "radius", "error")
    }
    listed = {
        name: (*getattr(first, name), *(getattr(second, name)[row] for row in new))
        for name in ("certainty", "evidence", "spectra", "creases")
        if getattr(second, name)
    }
    return dataclasses.replace(first, **stacked, **listed)


def chosen(points: CriticalPoints, rows: np.ndarray) -> CriticalPoints:
    """The points of those ``rows`` (numbers or a mask) alone; of starts and unresolved boxes nothing is kept."""
    rows = np.arange(len(points))[rows]
    stacked = {
        name: getattr(points, name)[rows]
        for name in ("points", "values", "indices", "active", "multipliers", "radius", "error")
    }
    listed = {
        name: tuple(getattr(points, name)[row] for row in rows)
        for name in ("certainty", "evidence", "spectra", "creases")
        if getattr(points, name)
    }
    nothing: dict[str, Any] = {"label": np.zeros(0, dtype=np.int64), "reasons": (), "is_complete": False, "laws": ()}
    return dataclasses.replace(points, **stacked, **listed, **nothing, unresolved=(), unresolved_reasons=())
