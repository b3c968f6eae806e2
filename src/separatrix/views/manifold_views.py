"""What is shown of slow and strong manifolds: film strips with the nearest data on the page, curves in matplotlib."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.domains import Box
from separatrix.errors import InputError, printable
from separatrix.flow.manifolds.curves import ManifoldCurves
from separatrix.study.portrait import Portrait, Strips
from separatrix.views.canvas import Canvas
from separatrix.views.colours import INK, NEUTRAL
from separatrix.views.sprites import Sprite
from separatrix.views.tables import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_FRAMES = 7
MOST_STRIPS = 80
MOST_NEIGHBOURS = 3
LEAST_CHANGE = 0.5 / 255  # of the domain's width: below it no pixel of an 8-bit picture changes


@dataclass(frozen=True)
class Neighbour:
    """The datum nearest to some frames in a row: its picture, label (-1 unknown), which frames, at what distance."""

    picture: Sprite | None
    label: int
    where: str
    distance: str


@dataclass(frozen=True)
class FilmStrip:
    """A strip through a sink: ``frames`` in order, the shown ones marked; ``places``: signed arc length of each.

    The other fields are sentences and numbers ready to print, "" where there is nothing to say.
    """

    kind: str
    frames: tuple[Sprite, ...]
    shown: tuple[int, ...]
    places: tuple[str, ...]
    middle: int
    eigenvalue: str
    length: str
    error: str
    nearest: str
    far: str
    ends: str
    released: str
    neighbours: tuple[Neighbour, ...]
    change: Sprite | None


def film_strips(portrait: Portrait, canvas: Canvas, i: int) -> tuple[FilmStrip, ...]:
    """The strips of sink ``i``, slow before strong; none where inputs are no images, or after the first eighty sinks."""
    if i >= MOST_STRIPS or not canvas.is_image:
        return ()
    found = (_strip(strips, canvas, i) for strips in (portrait.slow, portrait.strong) if strips is not None)
    return tuple(strip for strip in found if strip is not None)


def _strip(strips: Strips, canvas: Canvas, i: int) -> FilmStrip | None:
    frames = canvas.pictures(strips.frames[i])
    if not np.isfinite(strips.eigenvalue[i]) or any(frame is None for frame in frames):
        return None
    middle, n = len(frames) // 2, len(frames)
    shown = {middle + round(offset) for offset in np.linspace(-middle, n - 1 - middle, min(n, SHOWN_FRAMES))}
    first, last = strips.frames[i, 0], strips.frames[i, -1]
    width = float(strips.domain.width.max()) if isinstance(strips.domain, Box) else 1.0
    return FilmStrip(
        kind=strips.kind,
        frames=tuple(frame for frame in frames if frame is not None),
        shown=tuple(sorted(shown | {middle})),
        places=tuple(number(float(t), 2) for t in strips.parameter[i]),
        middle=middle,
        eigenvalue=number(float(strips.eigenvalue[i])),
        length=number(float(strips.length[i].sum())) if strips.length is not None else "",
        error=number(float(strips.error[i].max()), 1) if strips.error is not None else "",
        nearest=_span(strips.nearest_distance[i]) if strips.nearest_distance is not None else "",
        far=_far(strips, i),
        ends=_ends(strips, i),
        released=_released(strips, i),
        neighbours=_neighbours(strips, canvas, i),
        change=canvas.change(first, last) if float(np.abs(last - first).max()) > LEAST_CHANGE * width else None,
    )


def _span(values: np.ndarray) -> str:
    low, high = number(float(np.nanmin(values))), number(float(np.nanmax(values)))
    return low if low == high else f"{low} to {high}"


def _far(strips: Strips, i: int) -> str:
    """How much of the strip is far from the data."""
    if strips.far_share is None:
        return ""
    share, least, largest = strips.far_share[i]
    if least >= 1.0 - 1e-12:
        return "All of it"
    if largest <= 1e-12:
        return "None of it"
    return f"{percent(float(share), 0)} of its length"


def _ends(strips: Strips, i: int) -> str:
    if not strips.ends:
        return ""
    behind, ahead = (_in_pixels(text) for text in strips.ends[2 * i : 2 * i + 2])
    if behind == ahead:
        return f"Both ends: {ahead}."
    return f"First frame: {behind}. Last frame: {ahead}."


def _in_pixels(text: str) -> str:
    text = re.sub(r"\bcoordinate (\d+) meets its lower side of the box", r"pixel \1 turns black", text)
    text = re.sub(r"\bcoordinate (\d+) meets its upper side of the box", r"pixel \1 turns white", text)
    return re.sub(r"\bcoordinate (\d+)", r"pixel \1", text)


def _released(strips: Strips, i: int) -> str:
    if strips.released is None or not np.isfinite(strips.released[i]).any():
        return ""
    behind, ahead = (number(float(s), 2) if np.isfinite(s) else "" for s in strips.released[i])
    places = " and ".join(place for place in (f"−{behind}" if behind else "", ahead) if place)
    return f"From arc length {places} on the flow in the box would let go of a held pixel: there the strip keeps to the face."


def _neighbours(strips: Strips, canvas: Canvas, i: int) -> tuple[Neighbour, ...]:
    """The data next to the strip, each with the frames that it is nearest to; of many, those of both ends and the sink."""
    if strips.nearest_row is None or strips.nearest_data is None or strips.nearest_distance is None:
        return ()
    rows, distance, n = strips.nearest_row[i], strips.nearest_distance[i], strips.nearest_row.shape[1]
    starts = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
    runs = [(int(a), int(b)) for a, b in zip(starts, [*starts[1:], n], strict=True)]
    if len(runs) > MOST_NEIGHBOURS:
        runs = [(0, 1), (n // 2, n // 2 + 1), (n - 1, n)]
    found = []
    for first, end in runs:
        row = int(rows[first])
        label = int(strips.nearest_label[row]) if strips.nearest_label is not None else -1
        where = _frames(first, end, n)
        picture = canvas.pictures(strips.nearest_data[row][None])[0]
        found.append(Neighbour(picture, label, where, _span(distance[first:end])))
    return tuple(found)


def _frames(first: int, end: int, n: int) -> str:
    """Which frames, in words."""
    if (first, end) == (0, n):
        return "every frame"
    names = {0: "the first frame", n // 2: "the sink", n - 1: "the last frame"}
    if end - first == 1:
        return names.get(first, f"frame {first + 1}")
    return f"frames {first + 1} to {end}"


def plot_manifold(record: ManifoldCurves, ax: Axes | None = None, **options: Any) -> Axes:
    """The curves in the plane, or in two coordinates of ``coordinates=(i, j)`` (by default those that change most).

    A band about each curve shows the error estimate where it is wide enough to be seen.
    """
    if ax is None:
        from matplotlib import pyplot as plt

        ax = plt.subplots(figsize=(7.5, 6), layout="constrained")[1]
    i, j = _coordinates(record, options.get("coordinates"))
    colour = options.get("colour", NEUTRAL)
    for name, points, error, style in zip(record.ids, record.points, record.error, ("-", "--"), strict=False):
        place = _place(points, i, j)
        ax.plot(*place.T, color=colour, linestyle=style, linewidth=1.8, label=name)
        if len(place) > 1 and np.isfinite(error).all():
            slope = np.gradient(place, axis=0)
            normal = np.stack([-slope[:, 1], slope[:, 0]], axis=1)
            normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
            band = np.concatenate([place + error[:, None] * normal, (place - error[:, None] * normal)[::-1]])
            ax.fill(*band.T, color=colour, alpha=0.2, linewidth=0)
    ax.plot(*_place(record.sink[None], i, j).T, marker="o", color=INK, markersize=7, linestyle="none", label="sink")
    ax.set_xlabel(f"x{i + 1} (units of the input)")
    ax.set_ylabel(f"x{j + 1} (units of the input)" if j is not None else "")
    if j is None:
        ax.set_yticks([])
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    ax.set_title(f"{record.kind} manifold of {record.id}, {printable(record.potential, 60)}", fontsize=11)
    return ax


def _coordinates(record: ManifoldCurves, asked: Any) -> tuple[int, int | None]:
    dim = record.sink.size
    if asked is not None:
        i, j = (int(c) for c in asked)
        if not (0 <= i < dim and 0 <= j < dim and i != j):
            raise InputError(f"coordinates: expected two different numbers below {dim}, came {asked!r}")
        return i, j
    if dim == 1:
        return 0, None
    if dim == 2:
        return 0, 1
    spread = np.ptp(np.concatenate(record.points), axis=0)
    i, j = sorted(np.argsort(-spread, kind="stable")[:2].tolist())
    return i, j


def _place(points: np.ndarray, i: int, j: int | None) -> np.ndarray:
    return np.stack([points[:, i], points[:, j] if j is not None else np.zeros(len(points))], axis=1)
