"""Slow and strong manifolds of a study's sinks as strips, and how much of each lies far from the data (§3, claim C6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.manifolds.curves import ManifoldCurves
from separatrix.flow.manifolds.frames import METHODS, curves_at, frames_of
from separatrix.flow.pieces import Progress
from separatrix.records import Provenance
from separatrix.study.off_data import far_share, nearest_rows
from separatrix.study.portrait import Strips
from separatrix.study.question import FEW_INPUTS, Cloud
from separatrix.study.wording import counted

FRAMES = 9
MEASURED, MEASURED_IN_FEW = 17, 129  # places on a curve at which the distance to the data is measured; with few inputs


def strips_of(
    flow: GradientFlow, sinks: CriticalPoints, kind: str, data: Cloud | None, threshold: float = np.nan,
    progress: Progress | None = None,
) -> Strips:  # fmt: skip
    """The strips of one kind for all sinks; distances to ``data`` and shares beyond ``threshold`` where there are data."""
    curves = []
    for row, sink in enumerate(sinks.points):
        curves.append(curves_at(flow, sink, kind, f"s{row}", whole_face=True))
        if progress is not None:
            progress("slow and strong manifolds", row + 1, len(sinks))
    shape = (len(sinks), FRAMES)
    frames, parameter, error = np.zeros((*shape, flow.potential.dim)), np.zeros(shape), np.zeros(shape)
    for row, curve in enumerate(curves):
        parameter[row], (frames[row], error[row]) = frames_of(curve, FRAMES)
    measured = _against(curves, frames, parameter, data, threshold) if data is not None and len(data) else {}
    return Strips(
        kind=kind, frames=frames, parameter=parameter, error=error,
        eigenvalue=np.array([curve.eigenvalue for curve in curves]),
        length=np.array([curve.lengths[::-1] for curve in curves]).reshape(-1, 2),
        released=np.array([curve.released[::-1] for curve in curves]).reshape(-1, 2),
        ends=tuple(reason for curve in curves for reason in curve.reasons[::-1]), domain=flow.domain,
        certainty=Certainty.weakest(curve.certainty for curve in curves), provenance=Provenance(METHODS[kind]), **measured,
    )  # fmt: skip


def _against(
    curves: list[ManifoldCurves], frames: np.ndarray, parameter: np.ndarray, data: Cloud, threshold: float
) -> dict[str, Any]:
    """The fields of Strips that are measured against the data."""
    n_sinks, n_frames, dim = frames.shape
    count = MEASURED_IN_FEW if dim <= FEW_INPUTS else MEASURED
    places = np.zeros((n_sinks, count))
    points = np.zeros((n_sinks, count, dim))
    for row, curve in enumerate(curves):
        places[row], (points[row], _) = frames_of(curve, count)
    rows = nearest_rows(points.reshape(-1, dim), data.x)[0].reshape(n_sinks, count)
    distance = np.linalg.norm(points - data.x[rows], axis=2)
    shown = np.linspace(0, count - 1, n_frames).round().astype(np.int64)  # frames are among the places measured
    kept, which = np.unique(rows[:, shown], return_inverse=True)
    found = {
        "nearest_distance": distance[:, shown],
        "nearest_data": data.x[kept],
        "nearest_row": which.reshape(n_sinks, n_frames),
        "nearest_label": data.y[kept],
    }
    if np.isfinite(threshold):
        ends = [(-curve.lengths[1], curve.lengths[0]) for curve in curves]
        held = [(-min(low, curve.released[1]), min(high, curve.released[0]))
                for curve, (high, low) in zip(curves, (curve.lengths for curve in curves), strict=True)]  # fmt: skip
        found |= {
            "threshold": threshold,
            "far_share": _shares(places, distance, threshold, ends),
            "far_share_held": _shares(places, distance, threshold, held),
        }
    return found


def _shares(places: np.ndarray, distance: np.ndarray, threshold: float, ends: list[tuple[float, float]]) -> np.ndarray:
    return np.array(
        [far_share(s, d, threshold, end) for s, d, end in zip(places, distance, ends, strict=True)]
    ).reshape(-1, 3)


def in_brief(*strips: Strips) -> str:
    """What was followed, in one line."""
    parts = []
    for kind in ("slow", "strong"):
        found = [s for s in strips if s.kind == kind and s.length is not None and s.error is not None]
        lengths = (
            np.concatenate([s.length.sum(axis=1) for s in found if s.length is not None]) if found else np.zeros(0)
        )
        if lengths.size:
            largest = max(float(s.error.max(initial=0.0)) for s in found if s.error is not None)
            error = f"error at most about {largest:.0e}" if np.isfinite(largest) else "the error of some not known"
            parts.append(
                f"{counted(lengths.size, kind + ' manifold')} of median length {np.median(lengths):.2g}, {error}"
            )
    return "; ".join(parts) or "none"
