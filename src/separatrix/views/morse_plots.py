"""Critical points with their separatrices in matplotlib: phase portraits in the plane and in space (§3, §9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.domains import Box
from separatrix.errors import printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.saddles.tied_passes import TiedPasses
from separatrix.morse.connection_record import Connections, Orbit
from separatrix.morse.morse_complex import MorseComplex
from separatrix.morse.piecewise_linear.margin_record import PiecewiseLinearMorse
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.views.colours import INK, NEUTRAL, UNRESOLVED, class_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED = 80
FEW = 40
KINDS = (("s", "sink", "o"), ("p", "saddle", "X"), ("r", "source", "^"))


def plot_morse_portrait(record: MorsePortrait, ax: Axes | None = None, **options: Any) -> Axes:
    """The critical points with the branches of the saddles; in many dimensions the tree of passes."""
    if record.points.points.shape[1] > 3 and record.tree is not None:
        return record.tree.plot(ax=ax, **options)
    return _portrait(record.points, record.orbits, ax, record.potential, record.point_class)


def plot_connections(record: Connections, ax: Axes | None = None, **options: Any) -> Axes:
    """The critical points and the orbits between them: unstable branches firm, stable ones dashed."""
    return _portrait(record.points, record.orbits, ax, record.potential or record.points.potential, None)


def plot_morse_complex(record: MorseComplex, ax: Axes | None = None, **options: Any) -> Axes:
    """The boundary operators as one picture: generators by index in rows and columns, entries by colour and number."""
    ids, sizes = record.points.ids, record.counts
    order = np.concatenate(list(record.generators) or [np.zeros(0, dtype=int)]).astype(int)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    whole = np.zeros((len(order), len(order)))
    for k in range(1, len(sizes)):
        whole[starts[k - 1] : starts[k], starts[k] : starts[k + 1]] = record.boundary_operator(k)
    ax = ax if ax is not None else _axes(2)
    reach = max(1.0, float(np.abs(whole).max(initial=0.0)))
    ax.imshow(whole, cmap="RdBu_r", vmin=-reach, vmax=reach, interpolation="nearest")
    for row, column in zip(*np.nonzero(whole), strict=True) if len(order) <= FEW else ():
        ax.text(column, row, f"{whole[row, column]:g}", ha="center", va="center", fontsize=8)
    names = [ids[row] for row in order] if len(order) <= FEW else []
    ax.set_xticks(range(len(names)), names, fontsize=8, rotation=90)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    for edge in starts[1:-1]:
        ax.axhline(edge - 0.5, color=UNRESOLVED, linewidth=0.7)
        ax.axvline(edge - 0.5, color=UNRESOLVED, linewidth=0.7)
    ax.set_title(f"boundary of the column's point\n{printable(record.potential, 60)}", fontsize=11)
    return ax


def plot_margin_events(record: PiecewiseLinearMorse, ax: Axes | None = None, **options: Any) -> Axes:
    """Critical values of a margin by index; places without one index stand at the foot."""
    ax = ax if ax is not None else _axes(2)
    ax.plot(record.values, record.indices, linestyle="none", marker="o", color=NEUTRAL, markeredgecolor=INK)
    low, high = int(record.indices.min(initial=0)), int(record.indices.max(initial=0))
    ax.set_yticks(range(low, high + 1), [str(i) if i >= 0 else "more than one group" for i in range(low, high + 1)])
    ax.set_xlabel(f"{printable(record.potential, 60)}")
    ax.set_ylabel("index")
    ax.grid(axis="x", color="#dddddd")
    ax.set_title("critical values by index", fontsize=11)
    return ax


def plot_tied_passes(record: TiedPasses, ax: Axes | None = None, **options: Any) -> Axes:
    """log 2 - L at the best tie of every two classes, as bars."""
    ax = ax if ax is not None else _axes(2)
    names = [f"{i} and {j}" for i, j in record.classes]
    ax.barh(range(len(names)), record.below, color=NEUTRAL)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlabel("log 2 - L at the tie")
    ax.set_ylabel("classes")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_points(record: CriticalPoints, ax: Axes, classes: np.ndarray | None = None) -> Axes:
    """Critical points in one to three dimensions: sinks as discs, saddles as crosses, sources as triangles."""
    place, ids = _places(record.points), record.ids
    for letter, name, shape in KINDS:
        rows = np.array([row for row, own in enumerate(ids) if own[0] == letter], dtype=int)
        for k in np.unique(classes[rows]) if classes is not None and len(rows) else [-1] * min(1, len(rows)):
            chosen = rows if classes is None else rows[classes[rows] == k]
            colour = class_style(int(k)).colour if k >= 0 else NEUTRAL
            ax.plot(
                *place[chosen].T,
                linestyle="none",
                marker=shape,
                color=colour,
                markeredgecolor=INK,
                markersize=9,
                zorder=4,
                clip_on=False,
                label=f"{name}, class {k}" if k >= 0 else name,
            )
    if len(record) <= NAMED:
        _names(ax, place, ids)
    return ax


def _portrait(
    points: CriticalPoints, orbits: Sequence[Orbit], ax: Axes | None, name: str, classes: np.ndarray | None
) -> Axes:
    dim = points.points.shape[1]
    ax = ax if ax is not None else _axes(dim)
    _limits(ax, points, dim)
    for orbit in orbits:
        if dim <= 3 and len(orbit.path) > 1:
            stable = orbit.saddle != orbit.source
            lines = {"linestyle": "--" if stable else "-", "linewidth": 1.2, "zorder": 2}
            ax.plot(*_places(orbit.path).T, color=UNRESOLVED if stable else INK, **lines)
    plot_points(points, ax, classes)
    left = f", {len(points.unresolved)} parts of the box not settled" if points.unresolved else ""
    between = "\n" if dim == 3 else " "
    ax.set_title(f"critical points of the{between}{printable(name, 60)}{left}", fontsize=11, pad=12)
    if len(points):
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=None if dim == 3 else (1.0, 1.0))
    return ax


def _axes(dim: int) -> Axes:
    from matplotlib import pyplot as plt

    return plt.subplots(
        figsize=(7.5, 6), layout="constrained", subplot_kw={"projection": "3d"} if dim == 3 else {}
    )[1]  # fmt: skip


def _places(points: np.ndarray) -> np.ndarray:
    """What is drawn of points (n, dim): a line lies at height 0, of more than three coordinates the first two."""
    if points.shape[1] == 1:
        return np.concatenate([points, np.zeros_like(points)], axis=1)
    return points if points.shape[1] <= 3 else points[:, :2]


def _limits(ax: Any, points: CriticalPoints, dim: int) -> None:
    box = points.domain
    if isinstance(box, Box):
        room = 0.02 * box.width
        low, high = box.lower - room, box.upper + room
        ax.set_xlim(low[0], high[0])
        if dim > 1:
            ax.set_ylim(low[1], high[1])
        if dim == 3:
            ax.set_zlim(low[2], high[2])
    names = [f"x{'₁₂₃'[i]} (units of the input)" for i in range(min(dim, 3))]
    ax.set_xlabel(names[0])
    if dim == 1:
        ax.set_yticks([])
        return
    ax.set_ylabel(names[1])
    if dim == 3:
        ax.set_zlabel(names[2])
    else:
        ax.set_aspect("equal", adjustable="box")


def _names(ax: Any, place: np.ndarray, ids: Sequence[str]) -> None:
    if place.shape[1] == 3:
        for name, point in zip(ids, place, strict=True):
            ax.text(*point, f" {name}", fontsize=8).set_in_layout(False)
        return
    for name, (x, y) in zip(ids, place, strict=True):
        ax.annotate(name, (x, y), xytext=(6, 5), textcoords="offset points", fontsize=8, weight="bold")
