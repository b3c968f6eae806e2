"""The record of basins of attraction: which samples flow to which sink, and the shares with intervals (§3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from separatrix.flow.critical_points import CriticalPoints
from separatrix.records import Record


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Basins(Record):
    """Where samples flow.

    - ``sinks``: the sinks; ``label`` (n,): row of the sink that each sample flows to, -1 = unresolved
    - ``reason`` (n,): how each label was found, or why there is none
    - ``shares`` (n_sinks,): fraction of all samples; ``intervals`` (n_sinks, 2): Wilson intervals at ``level``
    - ``steps`` (n,): integration steps of each sample
    - ``accepted`` (n,): value of f where a sample was given to its sink before it arrived, NaN where it was followed to its
      end; a pass out of that sink that lies higher, found later, asks for another look (``previous`` of
      :meth:`~separatrix.GradientFlow.basins`). Empty where every sample was followed to its end
    """

    sinks: CriticalPoints
    label: np.ndarray
    reason: tuple[str, ...]
    steps: np.ndarray
    level: float = 0.95
    accepted: np.ndarray = field(default_factory=lambda: np.zeros(0))

    drawer: ClassVar[str] = "flow_plots:plot_basins"

    @property
    def counts(self) -> np.ndarray:
        """Number of samples of each sink, (n_sinks,)."""
        return np.bincount(self.label[self.label >= 0], minlength=len(self.sinks))

    @property
    def shares(self) -> np.ndarray:
        """Fraction of all samples of each sink, (n_sinks,)."""
        return self.counts / max(1, self.label.shape[0])

    @property
    def intervals(self) -> np.ndarray:
        """Wilson score intervals of the shares, (n_sinks, 2)."""
        return wilson_intervals(self.counts, self.label.shape[0], self.level)

    @property
    def n_unresolved(self) -> int:
        """Number of samples without a sink."""
        return int((self.label < 0).sum())

    def columns(self) -> dict[str, Any]:
        """One row a sink."""
        low, high = self.intervals.T
        return {
            "id": [f"s{i}" for i in range(len(self.sinks))],
            "count": self.counts,
            "share": self.shares,
            "share_low": low,
            "share_high": high,
        }

    def __repr__(self) -> str:
        n = self.label.shape[0]
        return f"Basins({n} samples to {int((self.counts > 0).sum())} of {len(self.sinks)} sinks, {self.n_unresolved} unresolved)"


def wilson_intervals(counts: np.ndarray, n: int, level: float = 0.95) -> np.ndarray:
    """Wilson (1927) score intervals for ``counts`` out of ``n``, (k, 2).

    >>> wilson_intervals(np.array([5]), 10).round(3).tolist()
    [[0.237, 0.763]]
    """
    from scipy.special import ndtri  # scipy.stats has the same and takes half a second to load

    if n == 0:
        return np.tile([0.0, 1.0], (len(counts), 1))
    z = float(ndtri(0.5 + level / 2.0))
    p = counts / n
    center = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return np.stack([np.maximum(center - half, 0.0), np.minimum(center + half, 1.0)], axis=1)
