"""What became of the rows of a basin search, and which of them the passes that are known by now send back (§3)."""

from __future__ import annotations

import dataclasses

import numpy as np

from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.projection import Arena

NEAR = 1e-5
NOT_REACHED = "no sink reached within the budget of steps"
SETTLED = "settled: f rises, concave, along the segment to the sink"
ABOVE_PASSES = "settled: above the highest known pass out of the sink, along the segment to it"


@dataclasses.dataclass(eq=False)
class PieceResult:
    """Labels, reasons, step counts, ends, and values of f where rows settled (NaN elsewhere), of one piece of samples."""

    label: np.ndarray
    reason: list[str]
    steps: np.ndarray
    end: np.ndarray
    accepted: np.ndarray

    @classmethod
    def empty(cls, samples: np.ndarray) -> PieceResult:
        """Of samples (n, dim) of which nothing is known yet."""
        n = samples.shape[0]
        return cls(
            np.full(n, -1), [NOT_REACHED] * n, np.zeros(n, dtype=np.int64), np.array(samples), np.full(n, np.nan)
        )

    def note_rows(self, rows: np.ndarray, x: np.ndarray, label: np.ndarray, reason: str, steps: int) -> None:
        """Write down what became of several rows."""
        self.label[rows], self.steps[rows], self.end[rows] = label, steps, x
        for row in rows:
            self.reason[row] = reason

    def note(self, row: int, x: np.ndarray, label: int, reason: str, steps: int) -> None:
        """Write down what became of a row."""
        self.label[row], self.reason[row], self.steps[row], self.end[row] = label, reason, steps, x

    def put(self, rows: np.ndarray, part: PieceResult) -> None:
        """Write down what became of ``rows`` when they were followed further."""
        self.label[rows], self.end[rows], self.accepted[rows] = part.label, part.end, part.accepted
        self.steps[rows] += part.steps
        for row, reason in zip(rows, part.reason, strict=True):
            self.reason[row] = reason


def highest_passes(pass_heights: np.ndarray) -> np.ndarray:
    """The highest known pass out of each sink to another, -inf where none is known, (n_sinks,)."""
    others = pass_heights.copy()
    np.fill_diagonal(others, -np.inf)
    return others.max(axis=1, initial=-np.inf)


def begin_with(previous: Basins | None, sinks: CriticalPoints, samples: np.ndarray) -> PieceResult:
    """What an earlier record says of the samples: rows of a sink that is no longer listed and unresolved ones are open."""
    result = PieceResult.empty(samples)
    if previous is None:
        return result
    place = np.full(len(previous.sinks) + 1, -1)
    for row, point in enumerate(previous.sinks.points):
        gaps = np.abs(sinks.points - point).max(axis=1, initial=0.0)
        if gaps.size and gaps.min() <= NEAR:
            place[row] = gaps.argmin()
    result.label, result.steps = place[previous.label], previous.steps.copy()
    result.reason = list(previous.reason)
    if previous.accepted.size:
        result.accepted = np.where(result.label >= 0, previous.accepted, np.nan)
    return result


def settled_below(arena: Arena, result: PieceResult, height: np.ndarray) -> np.ndarray:
    """Rows that settled no higher than a pass out of their sink that is known by now; ``accepted`` is brought up to date."""
    early = np.array([reason in (SETTLED, ABOVE_PASSES) for reason in result.reason], dtype=bool)
    fresh = np.flatnonzero(early & np.isnan(result.accepted))
    if fresh.size:
        result.accepted[fresh] = arena.potential.value_and_gradient(result.end[fresh])[0]
    rows = np.flatnonzero(early)
    return rows[result.accepted[rows] <= height[result.label[rows]]]
