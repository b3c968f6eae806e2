"""Decision surfaces and decision regions in one, two and three dimensions in matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.complexes.polygons import polygons
from separatrix.domains import Box
from separatrix.errors import InputError, printable
from separatrix.surface.decision_regions import PolyhedralRegion
from separatrix.surface.decision_surface import decision_surface
from separatrix.surface.regions_record import DecisionRegions
from separatrix.surface.surface_record import DecisionSurface
from separatrix.views.colours import INK, PALETTE, PAPER, class_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PIXELS = 320
MOST_POLYGONS = 60_000
CYCLES = tuple(PALETTE[i] for i in (5, 6, 2, 4, 0, 3))
ISLAND_SIZE = 9
LONGEST_LEGEND = 20


def plot_surface(
    record: DecisionSurface, ax: Axes | None = None, *, chains: Sequence[Any] = (), colour_by: str = "classes"
) -> Axes:
    """A decision surface with 1 to 3 inputs; ``chains``: cycles or other chains of its complex, drawn on it.

    ``colour_by``: in the plane the regions beneath are tinted by ``"classes"``, cells of a surface in space too; with
    ``"neurons"`` every top cell has the colour of the neuron that dominates it.
    """
    if colour_by not in ("classes", "neurons"):
        raise InputError(f"colour_by: expected 'classes' or 'neurons', came {printable(repr(colour_by))}")
    n = record.network.n_inputs
    shape = Shape.of(record.complex)
    ax = _axes(ax, n)
    low, high = _limits(record.domain, shape.points)
    colours = _neuron_colours(record) if colour_by == "neurons" else None
    if n == 3:
        _patches(ax, shape, colours)
    else:
        _background(ax, record.network, low, high)
        _lines(ax, shape, colours)
    for number, chain in enumerate(chains):
        _chain(ax, shape, chain, number)
    _frame(ax, low, high)
    who = "all classes" if record.classes is None else f"classes {record.classes[0]} and {record.classes[1]}"
    ax.set_title(
        f"decision surface of {who}" if not record.is_empty else f"no decision surface of {who} here", fontsize=11
    )
    return ax


def plot_regions(record: DecisionRegions, ax: Axes | None = None, *, numbers: bool = True) -> Axes:
    """Decision regions with 1 to 3 inputs: regions tinted by class, islands marked at their witnesses.

    ``numbers``: write the number of the component beside the mark of an island.
    """
    n = record.network.n_inputs
    ax = _axes(ax, n)
    low, high = _limits(record.domain, np.zeros((0, n)))
    if n == 3:
        if isinstance(record.regions[0], PolyhedralRegion):
            shape, classes = _boundaries(record)
            _patches(ax, shape, [class_style(k).colour for k in classes])
        else:
            surface = record.surface or decision_surface(record.network, record.domain)
            _patches(ax, Shape.of(surface.complex), None)
    else:
        _background(ax, record.network, low, high)
        if isinstance(record.regions[0], PolyhedralRegion):
            _lines(ax, _boundaries(record)[0], None)
    for region in record:
        for number, component in enumerate(region.components):
            if component.is_island:
                _island(ax, component.witness, region.class_number, str(number) if numbers else "")
    _frame(ax, low, high)
    ax.set_title(f"decision regions: {len(record.components)} components, {len(record.islands)} islands", fontsize=11)
    return ax


class Shape:
    """What is drawn of a complex: ``points`` (V, n), ``edges`` (E, 2) and ``polygons``, lists of vertex numbers."""

    def __init__(self, points: np.ndarray, edges: np.ndarray, polygons: list[np.ndarray], dim: int) -> None:
        self.points, self.edges, self.polygons, self.dim = points, edges, polygons, dim

    @classmethod
    def of(cls, complex_: Any) -> Shape:
        """The cells of a polyhedral or simplicial complex with positions."""
        cells = getattr(complex_, "incidence", None) or complex_.cells
        points = complex_.positions if hasattr(complex_, "positions") else complex_.points
        if points is None:
            raise InputError("this complex has no positions and cannot be drawn")
        own = tuple(complex_.cell_counts)
        edges = cells.faces[1].reshape(-1, 2)[: own[1]] if cells.dim >= 1 else np.zeros((0, 2), dtype=np.int64)
        polygons = loops(cells, own[2]) if cells.dim >= 2 else []
        return cls(np.asarray(points), edges, polygons, cells.dim)


def loops(cells: Cells, count: int) -> list[np.ndarray]:
    """The corners of the first ``count`` 2-cells in cyclic order."""
    starts, corners = polygons(cells, count)
    return np.split(corners, starts[1:-1]) if count else []


def _boundaries(record: DecisionRegions) -> tuple[Shape, list[int]]:
    """Where two or more classes tie at the top, and the smallest class at each polygon."""
    regions = [region for region in record if isinstance(region, PolyhedralRegion)]
    parent = regions[0].parent
    ties = [np.sum([region.masks[k] for region in regions], axis=0) >= 2 for k in range(parent.dim + 1)]
    part = parent.subcomplex(ties, dim=parent.dim - 1) if not ties[parent.dim].any() else parent.subcomplex(ties)
    shape = Shape.of(part)
    assert part.inclusion is not None
    top = part.inclusion.ids[2] if part.dim >= 2 else np.zeros(0, dtype=np.int64)
    classes = np.argmax([region.masks[2][top] for region in regions], axis=0) if top.size else top
    return shape, classes.tolist()


def _axes(ax: Axes | None, n: int) -> Axes:
    if n > 3:
        raise InputError(f"surfaces are drawn with 1 to 3 inputs, this network has {n}; restrict it to a slice")
    if ax is None:
        import matplotlib.pyplot as plt

        size = (6.0, 1.8) if n == 1 else (6.0, 5.5)
        _, ax = plt.subplots(figsize=size, subplot_kw={"projection": "3d"} if n == 3 else {})
    if n == 3 and not hasattr(ax, "add_collection3d"):
        raise InputError("a surface in space needs axes with projection='3d'")
    return ax  # pyright: ignore[reportReturnType]


def _limits(domain: Any, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(domain, Box):
        return domain.lower, domain.upper
    if not len(points):
        return -np.ones(points.shape[1]), np.ones(points.shape[1])
    room = 0.1 * np.maximum(np.ptp(points, axis=0), 1e-6)
    return points.min(axis=0) - room, points.max(axis=0) + room


def _background(ax: Axes, network: Any, low: np.ndarray, high: np.ndarray) -> None:
    """The predicted class at the middle of every pixel, tinted."""
    from matplotlib.colors import to_rgb

    steps = [a + (b - a) * (np.arange(PIXELS) + 0.5) / PIXELS for a, b in zip(low, high, strict=True)]
    rows = steps[1] if len(low) == 2 else np.zeros(1)
    x, y = np.meshgrid(steps[0], rows)
    at = np.stack([x.ravel(), y.ravel()], axis=1)[:, : len(low)]
    classes = network.predict(at).reshape(x.shape)
    colours = np.array([to_rgb(class_style(k).colour) for k in range(network.n_classes)])
    tinted = 0.55 * np.array(to_rgb(PAPER)) + 0.45 * colours
    bottom, top = (low[1], high[1]) if len(low) == 2 else (-0.5, 0.5)
    from matplotlib.patches import Patch

    if 2 < network.n_classes <= LONGEST_LEGEND:
        patches = [Patch(color=tuple(tinted[k].tolist()), label=f"class {k}") for k in np.unique(classes)]
        ax.legend(handles=patches, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    ax.imshow(
        tinted[classes], extent=(low[0], high[0], bottom, top), origin="lower", interpolation="nearest", aspect="auto"
    )


def _flat(points: np.ndarray) -> np.ndarray:
    return points if points.shape[1] == 2 else np.concatenate([points, np.zeros_like(points)], axis=1)


def _lines(ax: Axes, shape: Shape, colours: list[str] | None) -> None:
    from matplotlib.collections import LineCollection, PolyCollection

    points = _flat(shape.points)
    if shape.points.shape[1] == 1:
        ax.plot(points[:, 0], points[:, 1], linestyle="none", marker="|", markersize=28, color=INK, zorder=3)
    if shape.polygons:
        ax.add_collection(PolyCollection([points[loop] for loop in shape.polygons], facecolor=INK, alpha=0.5))
    lines = points[shape.edges]
    ax.add_collection(
        LineCollection(list(lines), colors=colours or INK, linewidths=1.6 if colours is None else 2.6, zorder=3)
    )


def _patches(ax: Any, shape: Shape, colours: list[str] | None) -> None:
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    if len(shape.polygons) > MOST_POLYGONS:
        raise InputError(f"{len(shape.polygons):,} polygons are too many to draw; take a smaller box or a plane")
    patches = Poly3DCollection(_even(shape.points, shape.polygons), linewidths=0.3, edgecolors=INK, alpha=0.75)
    patches.set_facecolor(colours or class_style(1).colour)
    ax.add_collection3d(patches)


def _even(points: np.ndarray, loops: Sequence[np.ndarray]) -> np.ndarray:
    """(polygons, most corners, 3): corners, the last one repeated: matplotlib scales axes by what it finds behind short rows."""
    if not loops:
        return np.zeros((0, 3, 3))
    most = max(len(loop) for loop in loops)
    return points[np.array([[*loop, *[loop[-1]] * (most - len(loop))] for loop in loops])]


def _neuron_colours(record: DecisionSurface) -> list[str]:
    return [class_style(int(neuron)).colour for neuron in record.neurons.dominant]


def _chain(ax: Any, shape: Shape, chain: Any, number: int) -> None:
    """A chain of degree 0 as points, of degree 1 as thick lines, of degree 2 as filled polygons."""
    colour = CYCLES[number % len(CYCLES)]
    cells, points = np.asarray(chain.cells), shape.points if shape.points.shape[1] == 3 else _flat(shape.points)
    if chain.degree == 0:
        ax.plot(*points[cells].T, linestyle="none", marker="o", markersize=7, color=colour, zorder=5)
    elif chain.degree == 1:
        for pair in shape.edges[cells]:
            ax.plot(*points[pair].T, color=colour, linewidth=3.2, zorder=5, solid_capstyle="round")
    elif chain.degree == 2 and points.shape[1] == 3:
        from mpl_toolkits.mplot3d.art3d import Poly3DCollection

        ax.add_collection3d(
            Poly3DCollection(_even(points, [shape.polygons[c] for c in cells]), facecolors=colour, alpha=0.6)
        )


def _island(ax: Any, point: np.ndarray, k: int, text: str) -> None:
    style = class_style(k)
    place = point if point.size == 3 else _flat(point[None])[0]
    ax.plot(
        *place[:, None], marker=style.shape, color=style.colour, markeredgecolor=INK, markersize=ISLAND_SIZE, zorder=6
    )
    if text and point.size < 3:
        ax.annotate(text, place, xytext=(6, 6), textcoords="offset points", fontsize=8, color=INK)


def _frame(ax: Any, low: np.ndarray, high: np.ndarray) -> None:
    ax.set_xlim(low[0], high[0])
    ax.set_xlabel("x1")
    if len(low) == 1:
        ax.set_yticks([])
        ax.set_ylim(-0.5, 0.5)
        return
    ax.set_ylim(low[1], high[1])
    ax.set_ylabel("x2")
    if len(low) == 3:
        ax.set_zlim(low[2], high[2])
        ax.set_zlabel("x3")
