"""Polyhedral complexes in one, two and three dimensions in matplotlib, with cycles drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.domains import Box
from separatrix.errors import InputError, KindError
from separatrix.views.clipping import clipped_polygon, clipped_segments
from separatrix.views.colours import INK, NEUTRAL, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CELLS = 300_000
MOST_IN_SPACE = 60_000
VECTOR_CELLS = 5_000
AXES = ("x₁", "x₂", "x₃")


def plot_complex(
    record: PolyhedralComplex,
    ax: Axes | None = None,
    chains: Sequence[Any] = (),
    colours: Any = None,
    values: Any = None,
) -> Axes:
    """A complex in at most three dimensions; the axes, made if absent (with three dimensions where need be).

    ``chains``: chains of the complex drawn thick, such as ``complex.homology().generators(1)``; ``colours``: one colour a
    top cell, or one for all; ``values``: numbers by top cell, shown by a colour scale instead. Raises InputError for complexes
    that cannot be drawn.
    """
    n = record.ambient_dim
    if n > 3:
        raise InputError(
            f"a complex in {n} dimensions cannot be drawn; take a slice: net.restrict(AffineSlice.through(points))"
        )
    drawn = sum(record.cell_counts[1:])
    most = MOST_IN_SPACE if n == 3 else MOST_CELLS
    if drawn > most:
        raise InputError(f"{drawn:,} cells are more than the {most:,} that are drawn; take a smaller box")
    ax = complex_axes(ax, n)
    faces = _face_colours(record, ax, colours, values)
    if n == 3:
        _draw_in_space(ax, record, faces)
    else:
        _draw_flat(ax, record, faces)
    draw_chains(ax, record, chains)
    _frame(ax, record)
    return ax


def complex_axes(ax: Axes | None, n: int) -> Axes:
    """``ax``, or new axes for ``n`` dimensions; InputError for flat axes where three dimensions are needed."""
    if ax is None:
        from matplotlib import pyplot as plt

        if n == 3:
            return plt.figure(figsize=(7.5, 6.5), layout="constrained").add_subplot(projection="3d")
        return plt.subplots(figsize=(7.5, 6 if n == 2 else 2), layout="constrained")[1]
    if (n == 3) != (ax.name == "3d"):
        needed = "three-dimensional axes: plt.figure().add_subplot(projection='3d')" if n == 3 else "flat axes"
        raise InputError(f"a complex in {n} dimensions needs {needed}")
    return ax


def draw_chains(ax: Axes, record: PolyhedralComplex, chains: Sequence[Any]) -> None:
    """Draw chains of the complex, each in a colour: points, thick lines, or filled polygons by degree."""
    if not isinstance(chains, (list, tuple)):
        raise KindError(f"chains: expected a list of chains, came {type(chains).__name__}")
    for i, chain in enumerate(chains):
        colour, name = PALETTE[(5, 4, 2, 6, 0, 1, 3)[i % 7]], f"{_degree_name(chain.degree)} {i + 1}"
        cells = np.asarray(chain.cells)
        cells = cells[cells < record.cell_counts[chain.degree]]
        if chain.degree == 0:
            _points(ax, record.points[cells], marker="o", color=colour, markersize=8, zorder=6, label=name)
        elif chain.degree == 1:
            _lines(ax, _segments(record, cells), color=colour, linewidth=3.0, zorder=5, label=name)
        elif chain.degree == 2:
            _patches(ax, _corners(record, cells), facecolor=colour, alpha=0.6, zorder=4, label=name)
        else:
            raise InputError(f"chains of degree {chain.degree} cannot be drawn; expected degree 0, 1 or 2")
    if chains:
        ax.legend(frameon=False)


def _degree_name(degree: int) -> str:
    return {0: "points", 1: "cycle"}.get(degree, "surface")


def _draw_flat(ax: Axes, record: PolyhedralComplex, faces: Any) -> None:
    raster = sum(record.cell_counts) > VECTOR_CELLS
    if record.dim == 2:
        _patches(ax, _corners(record), facecolor=faces, alpha=0.45, zorder=1, rasterized=raster)
    if record.dim >= 1:
        thin = record.dim == 2
        colour = INK if thin else faces
        width = (0.3 if raster else 0.7) if thin else 2.0
        _lines(ax, _segments(record), color=colour, linewidth=width, zorder=2, rasterized=raster)
    if record.cell_counts[0] <= 200 or record.dim == 0:
        _points(ax, record.vertices, marker="o", color=INK, markersize=3, zorder=3)


def _draw_in_space(ax: Axes, record: PolyhedralComplex, faces: Any) -> None:
    if record.dim >= 2:
        cells = np.flatnonzero(record.is_bounded(2))
        solid = record.dim == 3
        colour = NEUTRAL if solid else faces[cells] if isinstance(faces, np.ndarray) else faces
        _patches(
            ax, _corners(record, cells), facecolor=colour, edgecolor=INK, linewidth=0.2, alpha=0.12 if solid else 0.55
        )
    elif record.dim == 1:
        _lines(ax, _segments(record, np.flatnonzero(record.is_bounded(1))), color=faces, linewidth=1.5)
    else:
        _points(ax, record.vertices, marker="o", color=INK, markersize=3)


def _face_colours(record: PolyhedralComplex, ax: Axes, colours: Any, values: Any) -> Any:
    """Colours of the top cells: an array (cells, 4), or one colour for all."""
    from matplotlib import colors
    from matplotlib.cm import ScalarMappable

    count = record.cell_counts[-1]
    if values is not None:
        numbers = np.asarray(values, dtype=np.float64)
        if numbers.shape != (count,):
            raise InputError(f"values: expected {count} numbers, one a top cell, came shape {numbers.shape}")
        scale = ScalarMappable(cmap="viridis")
        scale.set_array(numbers)
        ax.figure.colorbar(scale, ax=ax)
        return scale.to_rgba(numbers)
    if colours is None:
        if record.dim == 1 and record.ambient_dim > 1:
            return NEUTRAL
        table = np.array([colors.to_rgba(colour) for colour in PALETTE])
        return table[np.arange(count) % len(table)]
    if isinstance(colours, str) or count == 0:
        return colours if isinstance(colours, str) else NEUTRAL
    found = np.array([colors.to_rgba(colour) for colour in colours])
    if len(found) != count:
        raise InputError(f"colours: expected one colour or {count}, one a top cell, came {len(found)}")
    return found


def _segments(record: PolyhedralComplex, cells: Any = None) -> np.ndarray:
    """The edges as (m, 2, n); on a line the second coordinate is 0."""
    ends = record.cells.faces[1].reshape(-1, 2)
    chosen = ends[: record.cell_counts[1]] if cells is None else ends[cells]
    found = record.points[chosen]
    if not record.is_closed:
        found = clipped_segments(found, *_frame_of_clipping(record))
    if record.ambient_dim == 1:
        found = np.concatenate([found, np.zeros_like(found)], axis=2)
    return found


def _frame_of_clipping(record: PolyhedralComplex) -> tuple[np.ndarray, np.ndarray]:
    """A little more than the figure shows."""
    low, high = _limits(record)
    return low - 0.1 * (high - low), high + 0.1 * (high - low)


def _corners(record: PolyhedralComplex, cells: Any = None) -> list[np.ndarray]:
    """The polygons of 2-cells as arrays (corners, n)."""
    starts, corners = record.polygons()
    chosen = range(record.cell_counts[2]) if cells is None else np.asarray(cells).tolist()
    found = [record.points[corners[starts[c] : starts[c + 1]]] for c in chosen]
    if record.is_closed or record.ambient_dim != 2:
        return found
    frame = _frame_of_clipping(record)
    return [clipped_polygon(polygon, *frame) for polygon in found]


def _lines(ax: Axes, segments: np.ndarray, **style: Any) -> None:
    if ax.name == "3d":
        from mpl_toolkits.mplot3d.art3d import Line3DCollection

        ax.add_collection(Line3DCollection(list(segments), **style))
        return
    from matplotlib.collections import LineCollection

    ax.add_collection(LineCollection(list(segments), capstyle="round", **style))


def _patches(ax: Axes, polygons: list[np.ndarray], **style: Any) -> None:
    if ax.name == "3d":
        from mpl_toolkits.mplot3d.art3d import Poly3DCollection

        if polygons:
            ax.add_collection(Poly3DCollection(polygons, **style))
        return
    from matplotlib.collections import PolyCollection

    options: dict[str, Any] = {"edgecolor": "none"} | style
    ax.add_collection(PolyCollection(polygons, **options))


def _points(ax: Axes, points: np.ndarray, **style: Any) -> None:
    if points.shape[1] == 1:
        points = np.concatenate([points, np.zeros_like(points)], axis=1)
    ax.plot(*points.T, linestyle="none", clip_on=False, **style)


def _frame(ax: Axes, record: PolyhedralComplex) -> None:
    n = record.ambient_dim
    low, high = _limits(record)
    setters = [ax.set_xlim, ax.set_ylim, getattr(ax, "set_zlim", None)]
    labels = [ax.set_xlabel, ax.set_ylabel, getattr(ax, "set_zlabel", None)]
    for i in range(n):
        setters[i](low[i], high[i])  # pyright: ignore[reportOptionalCall]
        labels[i](f"{AXES[i]} (units of the input)")  # pyright: ignore[reportOptionalCall]
    if n == 1:
        ax.set_ylim(-1, 1)
        ax.set_yticks([])
        ax.spines[["top", "right", "left"]].set_visible(False)
    else:
        ax.set_aspect("equal")


def _limits(record: PolyhedralComplex) -> tuple[np.ndarray, np.ndarray]:
    """The box, or what holds the vertices with some room."""
    if isinstance(record.domain, Box):
        return record.domain.lower, record.domain.upper
    points = record.vertices if len(record.vertices) else np.zeros((1, record.ambient_dim))
    middle, half = (points.min(axis=0) + points.max(axis=0)) / 2, 0.6 * max(float(np.ptp(points, axis=0).max()), 2.0)
    return middle - half, middle + half
