"""What a study found of one potential: sinks, their classes and distances to the data, basins, manifolds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints
from separatrix.records import Record


@dataclass(frozen=True, eq=False, kw_only=True)
class OffData(Record):
    """How far sinks lie from the data (§3, C6). Distances are Euclidean, in units of the input.

    - ``nearest_index`` (n_sinks,), ``nearest_distance`` (n_sinks,), ``nearest_label`` (n_sinks,; -1 without labels),
      ``nearest_point`` (n_sinks, dim): the datum next to each sink
    - ``score`` (n_sinks,): that distance over the median nearest-neighbour distance within the sink's class
    - ``neighbour_distances`` (m,): distance of each datum of a random sample to its own nearest neighbour
    - ``quantile`` (n_sinks,): share of ``neighbour_distances`` below the sink's distance
    """

    nearest_index: np.ndarray
    nearest_distance: np.ndarray
    nearest_label: np.ndarray
    nearest_point: np.ndarray
    score: np.ndarray
    neighbour_distances: np.ndarray
    quantile: np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True)
class Strips(Record):
    """Points along the slow and the strong manifold of each sink, from one end over the sink to the other (C6).

    ``frames`` (n_sinks, n_frames, dim), ``parameter`` (n_sinks, n_frames): signed arc length from the sink (the middle
    frame); ``eigenvalue`` (n_sinks,): of the direction followed; ``kind``: "slow" or "strong"; sinks without free
    coordinates have constant strips and NaN eigenvalues. ``nearest_distance`` (n_sinks, n_frames): of each frame to the
    nearest datum, None without data.

    Of the curves: ``error`` (n_sinks, n_frames): estimated distance to the invariant curve; ``length`` (n_sinks, 2): arc
    length of the branches behind and ahead; ``released`` (n_sinks, 2): arc length from which on a held coordinate would be
    let go (the strip goes on along the sink's face), infinite if none is; ``ends``: why each branch ends, behind and ahead.

    Of the data: ``nearest_data`` (m, dim) with ``nearest_row`` (n_sinks, n_frames) into it: the datum nearest to each frame,
    with its ``nearest_label`` (m,); ``threshold``: the distance that 99 % of the data are within of their own nearest
    neighbour; ``far_share`` (n_sinks, 3): share of the curve's length that is farther than that from the nearest datum,
    as measured, and its least and largest value that the distances measured allow; ``far_share_held``: the same up to
    where a coordinate would be let go.
    """

    kind: str
    frames: np.ndarray
    parameter: np.ndarray
    eigenvalue: np.ndarray
    nearest_distance: np.ndarray | None = None
    error: np.ndarray | None = None
    length: np.ndarray | None = None
    released: np.ndarray | None = None
    ends: tuple[str, ...] = ()
    nearest_data: np.ndarray | None = None
    nearest_row: np.ndarray | None = None
    nearest_label: np.ndarray | None = None
    threshold: float | None = None
    far_share: np.ndarray | None = None
    far_share_held: np.ndarray | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Portrait(Record):
    """The flow of one potential.

    - ``potential``: its name; ``sinks``; ``sink_class`` (n_sinks,): the network's prediction at each sink;
      ``probabilities`` (n_sinks, n_classes); ``classes_proved``: the predictions hold over every sink's proved error
    - ``basins``: of the samples, None where they were not asked for; ``sample_index`` (n,): rows of the samples
      (or data) given, -1 for uniform points;
      ``predicted`` (n,) and ``true_label`` (n,; -1 unknown) of the samples
    - ``changed`` (m,): positions (in the sample) of resolved samples that flow to a sink of another class than the
      predicted one, None for potentials of one class only; ``changed_points`` (m, dim), the first few of them;
      ``sample_points`` (n, dim): the samples themselves, kept for up to three inputs
    - ``off_data``, ``slow``, ``strong``: None where there are no data, or for potentials that are not drawn out
    """

    potential: str
    sinks: CriticalPoints
    sink_class: np.ndarray
    probabilities: np.ndarray
    basins: Basins | None = None
    classes_proved: bool = False
    sample_index: np.ndarray | None = None
    predicted: np.ndarray | None = None
    true_label: np.ndarray | None = None
    changed: np.ndarray | None = None
    changed_points: np.ndarray | None = None
    sample_points: np.ndarray | None = None
    off_data: OffData | None = None
    slow: Strips | None = None
    strong: Strips | None = None

    drawer: ClassVar[str] = "flow_plots:plot_portrait"

    def columns(self) -> dict[str, Any]:
        """One row a sink: the table of the sinks, with class, and distances and shares where they are known."""
        table = {
            **self.sinks.columns(),
            "class": self.sink_class,
            "probability": self.probabilities.max(axis=1, initial=0.0),
        }
        if self.off_data is not None:
            table |= {
                "distance": self.off_data.nearest_distance,
                "off_data_score": self.off_data.score,
                "off_data_quantile": self.off_data.quantile,
            }
        for strips in (self.slow, self.strong):
            if strips is not None and strips.length is not None and strips.error is not None:
                table |= {
                    f"{strips.kind}_length": strips.length.sum(axis=1),
                    f"{strips.kind}_error": strips.error.max(axis=1, initial=0.0),
                }
                if strips.far_share is not None:
                    table |= {f"{strips.kind}_far_share": strips.far_share[:, 0]}
        if self.basins is not None:
            table |= {key: value for key, value in self.basins.columns().items() if key != "id"}
        return table

    @property
    def sink_shares_by_class(self) -> np.ndarray | None:
        """Counts (n_classes, n_classes + 1): rows predicted class, columns class of the sink, last unresolved."""
        if self.basins is None or self.predicted is None:
            return None
        n = self.probabilities.shape[1]
        reached = (
            np.where(self.basins.label >= 0, self.sink_class[self.basins.label], n)
            if len(self.sinks)
            else np.full(self.predicted.shape, n)
        )
        counts = np.zeros((n, n + 1), dtype=np.int64)
        np.add.at(counts, (self.predicted, reached), 1)
        return counts
