"""What a study says of slow and strong manifolds against the data (claim C6), in sentences."""

from __future__ import annotations

import numpy as np

from separatrix.certainty import Certainty, Statement
from separatrix.study.portrait import Portrait, Strips
from separatrix.study.wording import counted, percent

RESTS = (
    "curves computed in floating point with an error estimate, along the face of each sink; distances measured at points of "
    "each and bounded between them; the data's own distances from a random sample of at most 10,000, each against all data"
)


def measured_strips(portraits: list[Portrait]) -> list[Strips]:
    """The strips with shares measured against data, slow before strong."""
    found = [strips for kind in ("slow", "strong") for p in portraits if (strips := getattr(p, kind)) is not None]
    return [strips for strips in found if strips.far_share is not None and moving(strips).any()]


def moving(strips: Strips) -> np.ndarray:
    """Which sinks have a curve of that kind, (n_sinks,)."""
    return np.isfinite(strips.eigenvalue) & (strips.length.sum(axis=1) > 0 if strips.length is not None else False)


def far_lengths(strips: list[Strips]) -> tuple[float, float, float]:
    """(share of the summed length far from the data as measured, the least and the largest that it can be)."""
    lengths = np.concatenate([s.length.sum(axis=1) for s in strips if s.length is not None])
    shares = np.concatenate([s.far_share for s in strips if s.far_share is not None])
    share, least, largest = lengths @ shares / lengths.sum()
    return float(share), float(least), float(largest)


def of_manifolds(portraits: list[Portrait]) -> list[Statement]:
    """C6's statement, measured: how much of the manifolds' length is far from the data; no statement without curves."""
    strips = measured_strips(portraits)
    if not strips:
        return []
    kinds = [kind for kind in ("slow", "strong") if any(s.kind == kind for s in strips)]
    share, least, largest = far_lengths(strips)
    threshold = strips[0].threshold or 0.0
    far = f"farther from the nearest datum than 99 % of the data are from their own neighbour ({threshold:.3g})"
    names = " and ".join(_named(strips, kind) for kind in kinds)
    nearest = min(float(s.nearest_distance.min()) for s in strips if s.nearest_distance is not None)
    if least >= 1 - 1e-9:
        text = f"Along {names} every point is {far}: {nearest:.3g} at the nearest."
    elif largest <= 1e-9:
        text = f"Along {names} no point is {far}."
    else:
        span = "" if largest - least < 0.005 else f" (between {percent(least, 0)} and {percent(largest, 0)})"
        text = f"Of the length of {names}, {percent(share, 0)}{span} is {far}; the data come as near as {nearest:.3g}."
    errors = max(float(s.error.max()) for s in strips if s.error is not None)
    text += f" The error of the curves is estimated at {errors:.1g} or less." if np.isfinite(errors) else ""
    # an error of the curve moves a distance by no more than itself
    is_clear = errors < 0.01 * threshold
    return [Statement(text, Certainty.VERIFIED if is_clear else Certainty.HEURISTIC, RESTS)]


def _named(strips: list[Strips], kind: str) -> str:
    """The curves of one kind, how many and how long."""
    lengths = np.concatenate(
        [s.length.sum(axis=1)[moving(s)] for s in strips if s.kind == kind and s.length is not None]
    )
    if lengths.size == 1:
        return f"the {kind} manifold of a sink (length {lengths[0]:.2g})"
    return f"the {kind} manifolds of {counted(lengths.size, 'sink')} (median length {np.median(lengths):.2g})"
