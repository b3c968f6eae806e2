"""Small complexes with cycles drawn on them, and persistence diagrams, in matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.complexes.cubical_complex import CubicalComplex
from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.errors import InputError, KindError, printable
from separatrix.homology.persistence_diagram import PersistenceDiagram
from separatrix.views.colours import INK, NEUTRAL, PALETTE, SHAPES
from separatrix.views.complex_plots import complex_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CELLS = 50_000
MOST_NAMES = 60
CYCLE_COLOURS = (5, 4, 2, 6, 0, 1, 3)


def plot_cell_complex(
    complex_: SimplicialComplex | CubicalComplex, ax: Axes | None = None, chains: Sequence[Any] = ()
) -> Axes:
    """A simplicial complex with positions, or a cubical one on its grid, in one to three dimensions.

    ``chains``: chains of the complex drawn thick, such as ``complex.homology().generators(1)``. Vertices of small
    complexes carry their labels. Raises InputError for what cannot be drawn.
    """
    if sum(complex_.counts) > MOST_CELLS:
        raise InputError(f"{sum(complex_.counts):,} cells are more than the {MOST_CELLS:,} that are drawn")
    if not isinstance(chains, (list, tuple)):
        raise KindError(f"chains: expected a list of chains, came {type(chains).__name__}")
    corners = [_corners(complex_, k) for k in range(min(complex_.dim, 2) + 1)]
    n = corners[0].shape[2] if corners else 1
    if not 1 <= n <= 3:
        raise InputError(f"a complex in {n} dimensions cannot be drawn; expected positions in 1, 2 or 3")
    ax = complex_axes(ax, n)
    for k in range(len(corners) - 1, -1, -1):
        style = (
            {"color": INK, "markersize": 4},
            {"color": INK, "linewidth": 0.8},
            {"facecolor": NEUTRAL, "alpha": 0.2},
        )[k]
        _draw(ax, corners[k], k, zorder=3 - k, **style)
    for i, chain in enumerate(chains):
        if chain.degree >= len(corners):
            raise InputError(f"chains of degree {chain.degree} cannot be drawn; expected degree 0, 1 or 2")
        colour = PALETTE[CYCLE_COLOURS[i % len(CYCLE_COLOURS)]]
        style = (
            {"color": colour, "markersize": 9},
            {"color": colour, "linewidth": 3.0},
            {"facecolor": colour, "alpha": 0.6},
        )
        order = f", order {chain.order}" if chain.order else ""
        _draw(ax, corners[chain.degree][chain.cells], chain.degree, zorder=5, label=f"cycle {i + 1}{order}",
              **style[chain.degree])  # fmt: skip
    if isinstance(complex_, SimplicialComplex) and corners and len(corners[0]) <= MOST_NAMES:
        _label_vertices(ax, complex_, corners[0][:, 0, :])
    if chains:
        ax.legend(frameon=False)
    if n > 1:
        ax.set_aspect("equal")
    return ax


def plot_persistence(record: PersistenceDiagram, ax: Axes | None = None, least: float = 0.0) -> Axes:
    """Births against deaths, one shape and colour a degree; classes that never die stand on a line at the edge.

    ``least``: leave out what lives no longer than this.
    """
    if ax is None:
        from matplotlib import pyplot as plt

        ax = plt.subplots(figsize=(5.5, 5), layout="constrained")[1]
    pairs = [record.pairs(k, least) for k in range(record.dim + 1)]
    finite = np.concatenate([np.zeros(0), *(p[np.isfinite(p)] for p in pairs)])
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    margin = 0.08 * (high - low or 1.0)
    low, high = low - margin, high + margin
    never = low if record.superlevel else high
    ax.plot([low, high], [low, high], color=INK, linewidth=0.8)
    ax.axhline(never, color=INK, linewidth=0.8, linestyle=":")
    for k, rows in enumerate(pairs):
        if len(rows):
            deaths = np.where(np.isfinite(rows[:, 1]), rows[:, 1], never)
            ax.plot(rows[:, 0], deaths, linestyle="none", marker=SHAPES[k % len(SHAPES)], markersize=5,
                    color=PALETTE[CYCLE_COLOURS[k % len(CYCLE_COLOURS)]], label=f"degree {k}")  # fmt: skip
    ax.set_xlabel("birth")
    ax.set_ylabel("death (dotted: never)")
    if any(len(rows) for rows in pairs):
        ax.legend(frameon=False)
    return ax


def _corners(complex_: SimplicialComplex | CubicalComplex, k: int) -> np.ndarray:
    """Corners of the k-cells in cyclic order, (m, corners, n)."""
    if isinstance(complex_, CubicalComplex):
        return _cube_corners(complex_.cells(k), k)
    if complex_.positions is None:
        raise InputError("this complex has no positions; give SimplicialComplex(facets, positions=…) to draw it")
    return complex_.positions[complex_.cells(k)]


def _cube_corners(cells: np.ndarray, k: int) -> np.ndarray:
    """A cell with doubled coordinate 2i + 1 on an axis runs from i to i + 1 there, also where the axis is periodic."""
    low = cells // 2
    if k == 0:
        return low[:, None, :].astype(np.float64)
    axes = np.argsort(cells % 2 == 0, axis=1, kind="stable")[:, :k]  # the axes along which the cell extends
    turns = ((0,), (1,)) if k == 1 else ((0, 0), (1, 0), (1, 1), (0, 1))
    found = np.repeat(low[:, None, :], len(turns), axis=1).astype(np.float64)
    rows = np.arange(len(cells))
    for corner, steps in enumerate(turns):
        for axis, step in enumerate(steps):
            found[rows, corner, axes[:, axis]] += step
    return found


def _draw(ax: Axes, corners: np.ndarray, k: int, **style: Any) -> None:
    """Points, lines or filled polygons."""
    n = corners.shape[2]
    flat: Any = np.concatenate([corners, np.zeros((*corners.shape[:2], 1))], axis=2) if n == 1 else corners
    if k == 0:
        ax.plot(*flat[:, 0, :].T, linestyle="none", marker="o", **style)
        return
    if n == 3:
        from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection

        made: Any = Line3DCollection(flat, **style) if k == 1 else Poly3DCollection(flat, **style)
        ax.add_collection(made)
        return
    from matplotlib.collections import LineCollection, PolyCollection

    ax.add_collection(LineCollection(flat, **style) if k == 1 else PolyCollection(flat, **style))
    ax.autoscale_view()


def _label_vertices(ax: Axes, complex_: SimplicialComplex, points: np.ndarray) -> None:
    """The labels beside the vertices."""
    shift = 0.015 * float(np.ptp(points, axis=0).max() or 1.0)
    for v, point in enumerate(points):
        place = (*(point + shift), *((0.0,) if len(point) == 1 else ()))
        text: Any = ax.text
        text(*place, printable(complex_.simplex(0, v)[0], 20), color=INK, fontsize=9)
