"""Level sets in matplotlib: contours between the events in the plane, a surface in space, Betti numbers on a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.domains import Box
from separatrix.errors import printable
from separatrix.morse.levels.level_record import LevelSets
from separatrix.views.colours import INK, PALETTE, UNRESOLVED
from separatrix.views.morse_plots import plot_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LEVELS, MOST_TRIANGLES = 14, 60_000
NAMES = ("b₀", "b₁", "b₂")


def plot_levels(record: LevelSets, ax: Axes | None = None, *, level: float | None = None, **options: Any) -> Axes:
    """The level sets of a function: in the plane {f = c} between all events, in space {f = ``level``}, on a line b₀ against c.

    ``level``: that one alone; by default in space the middle one of :meth:`LevelSets.levels`.
    """
    if record.dim == 1:
        return plot_betti_numbers(record, ax)
    chosen = record.levels(MOST_LEVELS) if level is None else np.array([float(level)])
    ax = ax if ax is not None else _axes(record.dim)
    if record.dim == 2:
        _contours(record, chosen, ax)
    else:
        _surface(record, float(chosen[len(chosen) // 2]) if len(chosen) else 0.0, ax)
    if record.points is not None and len(record.points):
        plot_points(record.points, ax)
    _frame(record, ax)
    return ax


def plot_betti_numbers(record: LevelSets, ax: Axes | None = None) -> Axes:
    """Betti numbers of {f >= c} as steps over c, with the events as thin lines."""
    ax = ax if ax is not None else _axes(1)
    levels = record.levels(1_000)
    events = np.array(sorted({event.value for event in record.events}, reverse=True))
    spread = record.values[np.isfinite(record.values)]
    between = [events[(events < a) & (events > b)] for a, b in zip(levels, levels[1:], strict=False)]
    edges = np.array(
        [spread.max(), *(e.max() if e.size else 0.5 * (a + b) for e, a, b in zip(between, levels, levels[1:], strict=False)),
         spread.min()]
    )  # fmt: skip
    rows = np.array([record.betti(float(c)) for c in levels])
    for degree in range(record.dim) if len(rows) else ():
        ax.stairs(rows[::-1, degree], edges[::-1], color=PALETTE[(4, 5, 2)[degree]], label=NAMES[degree], baseline=None)
    for value in events:
        ax.axvline(value, color=UNRESOLVED, linewidth=0.5, zorder=0)
    ax.set_xlabel(f"level c of the {printable(record.potential, 60)}")
    ax.set_ylabel("Betti numbers of {f ≥ c}")
    ax.legend(frameon=False)
    return ax


def _contours(record: LevelSets, levels: np.ndarray, ax: Any) -> None:
    from matplotlib.collections import LineCollection

    low, high = (float(levels.min()), float(levels.max())) if len(levels) else (0.0, 1.0)
    for c in levels:
        mesh = record.mesh(float(c))
        shade = 0.25 + 0.75 * (float(c) - low) / ((high - low) or 1.0)
        ax.add_collection(
            LineCollection(list(mesh.vertices[mesh.simplices]), colors=[(*_rgb(PALETTE[4]), shade)], linewidths=1.2)
        )


def _rgb(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def _surface(record: LevelSets, level: float, ax: Any) -> None:
    mesh = record.mesh(level)
    if len(mesh.simplices):
        step = -(-len(mesh.simplices) // MOST_TRIANGLES)
        ax.plot_trisurf(*mesh.vertices.T, triangles=mesh.simplices[::step], color=PALETTE[4], alpha=0.6, linewidth=0)


def _frame(record: LevelSets, ax: Any) -> None:
    box = record.domain
    if isinstance(box, Box):
        setters = (ax.set_xlim, ax.set_ylim, *([ax.set_zlim] if record.dim == 3 else []))
        for axis, limit in enumerate(setters):
            limit(box.lower[axis], box.upper[axis])
    ax.set_xlabel("x₁")
    ax.set_ylabel("x₂")
    if record.dim == 2:
        ax.set_aspect("equal", adjustable="box")
        for spine in ax.spines.values():
            spine.set_edgecolor(INK)
    ax.set_title(f"level sets of the {printable(record.potential, 60)}", fontsize=11)


def _axes(dim: int) -> Axes:
    from matplotlib import pyplot as plt

    projection = {"projection": "3d"} if dim == 3 else {}
    return plt.subplots(figsize=(7, 6), layout="constrained", subplot_kw=projection)[1]
