"""The decision surface of a study in matplotlib: regions tinted, the surface, its cycles and the slice's points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.errors import InputError
from separatrix.study.surface_portrait import SurfacePortrait
from separatrix.views.colours import INK, NEUTRAL, PALETTE, class_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CYCLE = PALETTE[5]
TINT = 0.3


def plot_surface_portrait(record: SurfacePortrait, ax: Axes | None = None) -> Axes:
    """The decision surface at its place, in one to three dimensions; in space ``ax`` needs a 3-D projection."""
    if record.dim > 3:
        raise InputError(
            f"decision surfaces are drawn in up to 3 dimensions, this one lies in {record.dim}; take a slice"
        )
    axes = _axes(ax, record.dim)
    {1: _line, 2: _plane, 3: _space}[record.dim](axes, record)
    axes.set_title(f"decision surface on {record.place}", fontsize=11)
    return axes


def _axes(ax: Any, dim: int) -> Any:
    if ax is None:
        from matplotlib import pyplot as plt

        projection = {"projection": "3d"} if dim == 3 else {}
        return plt.subplots(figsize=(7.5, 6), layout="constrained", subplot_kw=projection)[1]
    if dim == 3 and not hasattr(ax, "add_collection3d"):
        raise InputError("a surface in space needs axes with projection='3d'")
    return ax


def _line(ax: Any, record: SurfacePortrait) -> None:
    points = record.drawing.vertices[:, 0]
    ax.axhline(0.0, color=INK, linewidth=0.8)
    ax.plot(points, np.zeros_like(points), "|", color=INK, markersize=18, label="decision surface")
    ax.set_xlim(record.domain.lower[0], record.domain.upper[0])
    ax.set_yticks([])
    ax.set_xlabel("x₁ (units of the input)")


def _plane(ax: Any, record: SurfacePortrait) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Patch

    drawing, box = record.drawing, record.domain
    extent = (box.lower[0], box.upper[0], box.lower[1], box.upper[1])
    if drawing.raster.size:
        ax.imshow(_tints(drawing.raster), extent=extent, origin="upper", interpolation="nearest", aspect="auto")
    if len(drawing.creases):
        ax.add_collection(LineCollection(list(drawing.creases), colors="#777777", linewidths=0.4, alpha=0.6))
    if len(drawing.outline):
        closed = np.vstack([drawing.outline, drawing.outline[:1]])
        ax.plot(*closed.T, color=INK, linestyle="--", linewidth=1)
    if len(drawing.cycles):
        ax.add_collection(LineCollection(list(drawing.vertices[drawing.cycles]), colors=CYCLE, linewidths=5, alpha=0.4))
    ax.add_collection(LineCollection(list(drawing.vertices[drawing.simplices]), colors=INK, linewidths=1.4))
    for i, point in enumerate(record.anchors):
        ax.plot(*point, "o", color="white", markeredgecolor=INK, markersize=7)
        ax.annotate(chr(ord("A") + i), point, xytext=(6, 6), textcoords="offset points", weight="bold")
    names = ("t", "along the slice's directions") if record.is_slice else ("x", "units of the input")
    ax.set_xlim(extent[:2])
    ax.set_ylim(extent[2:])
    ax.set_aspect("equal", adjustable="box")
    ax.set_xlabel(f"{names[0]}₁ ({names[1]})")
    ax.set_ylabel(f"{names[0]}₂")
    handles = [Patch(color=class_style(row.k).colour, alpha=TINT, label=f"class {row.k}") for row in record.regions]
    ax.legend(handles=handles, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _tints(raster: np.ndarray) -> np.ndarray:
    from matplotlib.colors import to_rgb

    table = np.array([to_rgb(class_style(k).colour) for k in range(int(raster.max()) + 1)])
    return 1 - TINT * (1 - table[raster])


def _space(ax: Any, record: SurfacePortrait) -> None:
    from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection

    drawing, box = record.drawing, record.domain
    if len(drawing.simplices):
        mesh = Poly3DCollection(list(drawing.vertices[drawing.simplices]), facecolors=NEUTRAL, edgecolors="white",
                                linewidths=0.15, alpha=0.75, shade=True)  # fmt: skip
        ax.add_collection3d(mesh)
    if len(drawing.cycles):
        ax.add_collection3d(Line3DCollection(list(drawing.vertices[drawing.cycles]), colors=CYCLE, linewidths=2.5))
    ax.set_xlim(box.lower[0], box.upper[0])
    ax.set_ylim(box.lower[1], box.upper[1])
    ax.set_zlim(box.lower[2], box.upper[2])
    ax.set_box_aspect(box.width)
    for name, axis in zip(("x₁", "x₂", "x₃"), (ax.set_xlabel, ax.set_ylabel, ax.set_zlabel), strict=True):
        axis(name)
