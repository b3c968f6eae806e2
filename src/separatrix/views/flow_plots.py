"""Sinks, basins, portraits and trajectories in matplotlib, with the colours and ids of the report."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.domains import Box
from separatrix.errors import InputError, printable
from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.trajectories import Trajectories
from separatrix.study.portrait import Portrait, Strips
from separatrix.views.colours import INK, NEUTRAL, UNRESOLVED, class_style
from separatrix.views.morse_plots import plot_points
from separatrix.views.plane_views import plane_limits, reached_class, sample_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PICTURES = 64
MOST_LINES = 400
FORMATS = (".svg", ".png", ".pdf")


def plot_critical_points(record: CriticalPoints, ax: Axes | None = None, **options: Any) -> Axes:
    """Critical points: pictures where the dimension is a square, places in the plane, else values by id."""
    ax = _axes(ax)
    names, dim = list(record.ids), record.points.shape[1]
    if not len(record):
        return _nothing(ax, "no critical points were found")
    if dim == 2:
        _plane(ax, *_limits(record.domain, record.points))
        ax.set_title(f"critical points of the {printable(record.potential, 60)}")
        return plot_points(record, ax)
    if _side(dim):
        verdicts = [f"{name}\n{verdict}" for name, verdict in zip(names, record.certainty, strict=True)]
        return _pictures(
            ax,
            record.points,
            verdicts,
            record.domain,
            f"critical points of the {printable(record.potential, 60)}",
            **options,
        )
    return _values(ax, record, names, [NEUTRAL] * len(names))


def plot_basins(record: Basins, ax: Axes | None = None, **options: Any) -> Axes:
    """Shares of the samples as bars with their intervals, the unresolved share last."""
    ax = _axes(ax)
    n = record.label.size
    low, high = 100 * record.intervals.T
    shares = 100 * record.shares
    place = np.arange(len(shares))
    colours = options.get("colours", [NEUTRAL] * len(shares))
    ax.barh(place, shares, color=colours, height=0.7)
    error = np.maximum(np.stack([shares - low, high - shares]), 0.0)
    ax.errorbar(shares, place, xerr=error, fmt="none", ecolor=INK, elinewidth=1.2, capsize=3)
    names = [f"s{i}" for i in place]
    if record.n_unresolved:
        ax.barh(
            len(shares), 100 * record.n_unresolved / n, color=UNRESOLVED, height=0.7, hatch="///", edgecolor="white"
        )
        names.append("unresolved")
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlim(left=0)
    ax.set_xlabel(f"share of {n:,} samples in %, with {100 * record.level:g} % Wilson intervals")
    ax.set_ylabel("sink")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_portrait(record: Portrait, ax: Axes | None = None, **options: Any) -> Axes:
    """The sinks of a potential, by class: pictures, or the phase portrait in the plane, else values by id."""
    ax = _axes(ax)
    sinks = record.sinks
    if not len(sinks):
        return _nothing(ax, f"no sinks of the {printable(record.potential, 60)} were found")
    dim = sinks.points.shape[1]
    order = np.argsort(record.sink_class, kind="stable")
    styles = [class_style(int(k)) for k in record.sink_class]
    if dim == 2:
        return _phase_portrait(ax, record)
    title = f"sinks of the {printable(record.potential, 60)}, by class"
    if _side(dim):
        names = [f"s{i}, class {record.sink_class[i]}" for i in order]
        frames = [styles[i].colour for i in order]
        return _pictures(ax, sinks.points[order], names, sinks.domain, title, frames=frames, **options)
    return _values(ax, sinks, [f"s{i}, class {k}" for i, k in enumerate(record.sink_class)], [s.colour for s in styles])


def plot_trajectories(record: Trajectories, ax: Axes | None = None, **options: Any) -> Axes:
    """Trajectories in the plane: starts as dots, ends as squares. In other dimensions the first two coordinates."""
    ax = _axes(ax)
    n = min(len(record.end), int(options.get("most", MOST_LINES)))
    if record.end.shape[1] < 2:
        raise InputError("trajectories are drawn in two dimensions or more; this flow has one")
    paths = [record.path(i)[1][:, :2] for i in range(n)]
    limits = _limits(record.domain, np.concatenate([*paths, record.end[:, :2]])) if n else (np.zeros(2), np.ones(2))
    _plane(ax, limits[0][:2], limits[1][:2])
    for path in paths:
        ax.plot(*path.T, color=NEUTRAL, linewidth=0.9, alpha=0.7)
    ax.plot(*record.starts[:n, :2].T, linestyle="none", marker=".", color=UNRESOLVED, markersize=4, label="start")
    ax.plot(*record.end[:n, :2].T, linestyle="none", marker="s", color=INK, markersize=4, label="end", clip_on=False)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def save_plot(record: Any, path: str | Path, **options: Any) -> Path:
    """Draw a record into a file, its format by the suffix (.svg, .png, .pdf); the path. No window, no global settings.

    An analysis draws the portrait that its report speaks of.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    target = Path(path)
    if target.suffix.lower() not in FORMATS:
        raise InputError(
            f"{target.name}: a plot is written as {', '.join(FORMATS)}; give the file one of these suffixes"
        )
    if hasattr(record, "flow") and hasattr(record, "findings"):
        from separatrix.views.report import main_portrait

        record = main_portrait(record)
    if record is None:
        raise InputError("there is nothing to draw: this analysis has no flow")
    figure = Figure(figsize=(7.5, 6), layout="constrained")
    record.plot(ax=figure.subplots(subplot_kw={"projection": getattr(record, "projection", None)}), **options)
    metadata = {"Date": None} if target.suffix.lower() == ".svg" else None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with rc_context({"svg.hashsalt": "separatrix", "svg.fonttype": "none"}):
            figure.savefig(target, dpi=150, bbox_inches="tight", metadata=metadata)
    except OSError as error:
        raise InputError(f"{printable(target)}: cannot be written: {error.strerror or error}") from None
    return target


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(7.5, 6), layout="constrained")[1]


def _nothing(ax: Axes, text: str) -> Axes:
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
    return ax


def _side(dim: int) -> int:
    """Side of the square picture of ``dim`` pixels; 0 where there is none."""
    side = math.isqrt(dim)
    return side if side >= 5 and side * side == dim else 0


def _limits(domain: Any, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(domain, Box):
        return domain.lower, domain.upper
    room = 0.08 * np.maximum(np.ptp(points, axis=0), 1e-6)
    return points.min(axis=0) - room, points.max(axis=0) + room


def _plane(ax: Axes, low: np.ndarray, high: np.ndarray) -> None:
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    ax.set_aspect("equal", adjustable="box")
    ax.set_xlabel("x₁ (units of the input)")
    ax.set_ylabel("x₂ (units of the input)")


def _name(ax: Axes, name: str, point: np.ndarray) -> None:
    """Write a name beside a point, on the side where there is room."""
    x, y = float(point[0]), float(point[1])
    right = x < np.mean(ax.get_xlim()) + 0.3 * np.ptp(ax.get_xlim())
    above = y < ax.get_ylim()[1] - 0.05 * np.ptp(ax.get_ylim())
    ax.annotate(
        name,
        (x, y),
        xytext=(7 if right else -7, 7 if above else -12),
        textcoords="offset points",
        ha="left" if right else "right",
        weight="bold",
        fontsize=9,
    )


def _pictures(
    ax: Axes,
    points: np.ndarray,
    names: list[str],
    domain: Any,
    title: str,
    frames: list[str] | None = None,
    most: int = MOST_PICTURES,
) -> Axes:
    """A grid of square pictures with a name under each."""
    side, n = _side(points.shape[1]), min(len(points), most)
    gap, foot = 4, 12 if any("\n" in name for name in names) else 7
    columns = min(n, max(4, math.ceil(math.sqrt(1.4 * n))))
    rows = -(-n // columns)
    low, high = _limits(domain, points)
    ax.set_xlim(-gap, columns * (side + gap))
    ax.set_ylim(rows * (side + foot), -gap)
    for i in range(n):
        left, top = (i % columns) * (side + gap), (i // columns) * (side + foot)
        extent = (left, left + side, top + side, top)
        ax.imshow(
            points[i].reshape(side, side),
            cmap="gray",
            vmin=float(low.min()),
            vmax=float(high.max()),
            extent=extent,
            interpolation="nearest",
        )
        ax.text(left + side / 2, top + side + 1, names[i], ha="center", va="top", fontsize=8)
        if frames is not None:
            ax.plot([left, left + side], [top - 1, top - 1], color=frames[i], linewidth=3, solid_capstyle="butt")
    ax.set_xlim(-gap, columns * (side + gap))
    ax.set_ylim(rows * (side + foot), -gap)
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_title(title if n == len(points) else f"{title} ({n} of {len(points)} shown)", fontsize=11)
    return ax


def _values(ax: Axes, record: CriticalPoints, names: list[str], colours: list[str]) -> Axes:
    """Values of the potential, one row a point."""
    place = np.arange(len(names))
    ax.scatter(record.values, place, c=colours, s=42, zorder=2)
    ax.set_yticks(place, names)
    ax.invert_yaxis()
    ax.grid(axis="x", color="#dddddd", zorder=0)
    ax.set_axisbelow(True)
    ax.set_xlabel(record.potential)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _phase_portrait(ax: Axes, record: Portrait) -> Axes:
    _plane(ax, *plane_limits(record))
    _samples(ax, record)
    for strips, style in ((record.strong, ":"), (record.slow, "-")):
        _curves(ax, strips, style)
    for k in np.unique(record.sink_class):
        style = class_style(int(k))
        ax.plot(
            *record.sinks.points[record.sink_class == k].T,
            marker=style.shape,
            color=style.colour,
            markeredgecolor=INK,
            markersize=11,
            linestyle="none",
            clip_on=False,
            zorder=4,
            label=f"class {k}",
        )
    for i, point in enumerate(record.sinks.points):
        _name(ax, f"s{i}", point)
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), title="sinks")
    ax.set_title(f"phase portrait of the {printable(record.potential, 60)}", fontsize=11, pad=12)
    return ax


def _samples(ax: Axes, record: Portrait) -> None:
    points, reached = sample_points(record), reached_class(record)
    if points is None or len(points) != len(reached):
        return
    for k in np.unique(reached):
        style = class_style(int(k))
        ax.plot(
            *points[reached == k].T, linestyle="none", marker=style.shape, color=style.colour, markersize=3, alpha=0.7
        )


def _curves(ax: Axes, strips: Strips | None, style: str) -> None:
    if strips is not None:
        for frames in strips.frames:
            ax.plot(*frames.T, color=INK, linestyle=style, linewidth=1.1, zorder=3)
