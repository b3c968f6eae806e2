"""Slow and strong manifolds of sinks as curves, and frames along them (§3, C6)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError, KindError
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.manifolds.curve_ends import Branch
from separatrix.flow.manifolds.curves import ManifoldCurves
from separatrix.flow.manifolds.free_face import FreeFace, sink_of
from separatrix.flow.manifolds.invariant_curve import resonances
from separatrix.flow.manifolds.slow_manifold import USABLE, slow_branches
from separatrix.flow.manifolds.strong_manifold import LOOSE, TOLERANCE, strong_branches
from separatrix.records import Provenance

KINDS = ("slow", "strong")
LONGEST = 8.0  # widths of the domain, where nothing else ends a branch
NEARLY = 0.005
AGREED = 1e-3  # an error estimate below this share of the width counts as a check passed
METHODS = {
    "slow": "analytic invariant curve through the sink, Chebyshev collocation in arc length, two degrees compared",
    "strong": "polynomial near the sink, then backwards by Dormand-Prince 8(5,3), two runs compared",
}


def slow_manifold(
    flow: GradientFlow, point: Any, *, row: int | None = None, length: float | None = None, whole_face: bool = False
) -> ManifoldCurves:
    """The slow manifold of a sink: the invariant curve along the eigenvector of the smallest |eigenvalue|. f is climbed.

    Nearly every orbit arrives tangent to that eigenvector, so the curve is not the only invariant one; meant is the one that
    is smooth through the sink, the curve of the formal expansion, and ``error`` estimates the distance to it (3.6).

    - ``point``: a CriticalPoints, with ``row`` where it lists several; or an array (dim,) that lies at a sink
    - ``length``: arc length at which a branch is cut, by default 8 widths of the domain
    - ``whole_face``: go on where a held coordinate would be let go: a curve of the flow on the sink's face, which from
      ``released`` on is no longer one of the projected flow

    A branch ends at a side of the box, where the multiplier of a held coordinate turns inward, at another equilibrium, where
    f is no longer greatest across the curve, or where the error estimate passes 0.002 of the width: ``reasons`` says which.

    Raises InputError where the point is no sink, or the network piecewise linear; KindError for what is no flow.

    >>> from separatrix import Box, Network, log_odds
    >>> net = Network.from_arrays([[[1.0, 0.5], [-1.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0, 0], [0, 0]], "tanh")
    >>> curves = slow_manifold(GradientFlow(log_odds(net, 0), Box.cube(2, -1, 1)), [1.0, -0.294])
    >>> curves.lengths.round(3).tolist(), curves.reasons[1]
    ([1.294, 0.706], 'coordinate 1 meets its lower side of the box')
    """
    return _curves(flow, point, "slow", row, length, whole_face)


def strong_manifold(
    flow: GradientFlow, point: Any, *, row: int | None = None, length: float | None = None, whole_face: bool = False
) -> ManifoldCurves:
    """The strong manifold of a sink: the one invariant curve along the eigenvector of the largest |eigenvalue|.

    Arguments, ends of branches and errors as for :func:`slow_manifold`; f is climbed, and orbits on the curve arrive
    fastest. It is followed backwards in time, where it draws its neighbours in.

    >>> from separatrix import Box, Network, log_odds
    >>> net = Network.from_arrays([[[1.0, 0.5], [-1.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0, 0], [0, 0]], "tanh")
    >>> curves = strong_manifold(GradientFlow(log_odds(net, 0), Box.cube(2, -1, 1)), [1.0, -0.294])
    >>> round(curves.eigenvalue, 3), curves.largest_error < 1e-9
    (-0.628, True)
    """
    return _curves(flow, point, "strong", row, length, whole_face)


def _curves(
    flow: GradientFlow, point: Any, kind: str, row: int | None, length: float | None, whole_face: bool
) -> ManifoldCurves:
    if not isinstance(flow, GradientFlow):
        raise KindError(f"{kind}_manifold: expected a GradientFlow, came {type(flow).__name__}")
    if length is not None and not (isinstance(length, (int, float, np.number)) and 0 < length < np.inf):
        raise InputError(f"{kind}_manifold: length must be a positive number, came {length!r}")
    sink, name = sink_of(flow, point, row)
    face = FreeFace.at(flow.arena, sink)
    if not face.is_attracting:
        raise InputError(f"{kind}_manifold: {face.chosen(kind)[1]}; give a sink of this flow")
    return curves_at(flow, sink, kind, name, length, whole_face)


def curves_at(
    flow: GradientFlow, sink: np.ndarray, kind: str, name: str, length: float | None = None, whole_face: bool = False
) -> ManifoldCurves:
    """The curves of one kind at a sink (dim,) of ``flow`` that is called ``name``."""
    begun = time.perf_counter()
    face = FreeFace.at(flow.arena, sink)
    column, nothing = face.chosen(kind)
    most = LONGEST * flow.arena.width if length is None else float(length)
    follow = slow_branches if kind == "slow" else strong_branches
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        branches = [Branch.none(face, nothing)] * 2 if nothing else follow(face, column, most, whole_face)
    value, gap = (np.nan, np.nan) if nothing else _rates(face, column, kind)
    largest = max(float(branch.error.max()) for branch in branches)
    is_agreed = not nothing and largest <= AGREED * flow.arena.width and all(len(branch.arc) > 1 for branch in branches)
    return ManifoldCurves(
        kind=kind,
        id=name,
        points=tuple(face.lift(branch.points) for branch in branches),
        parameter=tuple(branch.arc for branch in branches),
        error=tuple(branch.error for branch in branches),
        reasons=tuple(branch.reason for branch in branches),
        released=tuple(branch.released for branch in branches),
        eigenvalue=value,
        gap=gap,
        sink=sink,
        potential=flow.potential.name,
        notes=_notes(flow, face, column, kind),
        domain=flow.domain,
        certainty=Certainty.VERIFIED if is_agreed else Certainty.UNKNOWN if nothing else Certainty.HEURISTIC,
        provenance=Provenance(METHODS[kind], _tolerances(kind), seconds=time.perf_counter() - begun),
    )


def _rates(face: FreeFace, column: int, kind: str) -> tuple[float, float]:
    """(eigenvalue, the next one over it)."""
    value = float(face.spectrum[column])
    if face.dim == 1:
        return value, np.nan
    return value, float(face.spectrum[column - 1 if kind == "slow" else 1]) / value


def _tolerances(kind: str) -> dict[str, float]:
    return {"usable error over width": USABLE} if kind == "slow" else {"atol": TOLERANCE, "atol of the check": LOOSE}


def _notes(flow: GradientFlow, face: FreeFace, column: int, kind: str) -> tuple[str, ...]:
    notes = []
    if flow.potential.companion is not None:
        notes.append(f"eigenvalues are those of the {flow.arena.potential.name}, whose orbits are the same")
    if column >= 0 and kind == "slow":
        value, exact = face.spectrum[column], resonances(face.spectrum, column)
        notes += [
            f"resonance: the eigenvalue {face.spectrum[j]:.6g} is {m} times the slow one; of the curves that differ by a "
            f"term of order {m} the plainest is given"
            for j, m in exact
        ]
        notes += [
            f"near a resonance: the eigenvalue {other:.6g} is {other / value:.4f} times the slow one, and the curve bends "
            "sharply towards its direction"
            for other in face.spectrum
            if 0 < abs(other / value - 2.0) < NEARLY and not exact
        ]
    return tuple(notes)


def manifold_frames(
    flow: Any, sinks: CriticalPoints, kind: str = "slow", n_frames: int = 9
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(frames (n_sinks, n_frames, dim), parameter (n_sinks, n_frames), eigenvalue (n_sinks,)).

    ``kind``: "slow" or "strong"; the middle frame is the sink, ``parameter`` the signed arc length from it, spaced evenly on
    each side. Sinks without free coordinates have constant frames and a NaN eigenvalue. ``n_frames`` is odd.
    """
    if kind not in KINDS:
        raise InputError(f"manifold_frames: kind must be 'slow' or 'strong', came {kind!r}")
    if n_frames < 3 or n_frames % 2 == 0:
        raise InputError(f"manifold_frames: n_frames must be odd and at least 3, came {n_frames}")
    frames = np.repeat(sinks.points[:, None, :], n_frames, axis=1)
    parameter, eigenvalue = np.zeros((len(sinks), n_frames)), np.full(len(sinks), np.nan)
    for row, sink in enumerate(sinks.points):
        curves = curves_at(flow, sink, kind, f"s{row}", whole_face=True)
        parameter[row], (frames[row], _) = frames_of(curves, n_frames)
        eigenvalue[row] = curves.eigenvalue
    return frames, parameter, eigenvalue


def frames_of(curves: ManifoldCurves, n_frames: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """(signed arc lengths (n_frames,), (points (n_frames, dim), errors (n_frames,))): as many on each side of the sink."""
    half, (ahead, behind) = n_frames // 2, curves.lengths
    places = np.concatenate([-np.linspace(behind, 0.0, half + 1)[:-1], np.linspace(0.0, ahead, half + 1)])
    return places, curves.at(places)
