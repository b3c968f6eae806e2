"""The decision surface on the page: pictures of the plane and of space as SVG, tables of regions and neurons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.study.surface_portrait import SurfacePortrait
from separatrix.study.surface_words import group, group_words
from separatrix.views.canvas import Canvas
from separatrix.views.figures import Frame
from separatrix.views.space_views import Space, space_view
from separatrix.views.sprites import Sprite
from separatrix.views.tables import percent, plural

MOST_LINES = 12_000
COLOURED_NEURONS = 6
OPEN_LINES = 40
DIMENSIONS = ("vertices", "edges", "polygons", "3-cells", "4-cells", "5-cells", "6-cells")


@dataclass(frozen=True)
class Anchor:
    """A point that spans the slice: its letter, class, picture, and place in the figure (and in per cent of it)."""

    name: str
    k: int
    picture: Sprite | None
    x: float
    y: float


@dataclass(frozen=True)
class PlaneSurface:
    """A decision surface in the plane. Paths: ``regions`` by class, ``creases``, ``surface``, ``cycles`` (one a generator),
    ``neurons`` by rank of the dominant neuron (the last: all others), ``outline``."""

    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    regions: tuple[tuple[int, str], ...]
    creases: str
    surface: str
    cycles: tuple[str, ...]
    neurons: tuple[tuple[str, str], ...]
    outline: str
    anchors: tuple[Anchor, ...]
    size: float = 420.0
    margin: float = 34.0


@dataclass(frozen=True)
class SurfaceView:
    """What the page shows of one surface."""

    portrait: SurfacePortrait
    plane: PlaneSurface | None
    space: Space | None
    cells: tuple[tuple[str, int | None, int | None], ...]
    groups: tuple[tuple[int, str, int], ...]
    anchors: tuple[Anchor, ...]
    regions: tuple[tuple[int, str], ...]
    sentences: tuple[str, ...]

    @property
    def classes(self) -> list[int]:
        """The classes that win somewhere."""
        return [row.k for row in self.portrait.regions]

    @property
    def has_data(self) -> bool:
        """Whether data were counted in the regions."""
        return any(row.n_data >= 0 for row in self.portrait.regions)

    @property
    def group_words(self) -> str:
        """The groups in one line."""
        return group_words(self.portrait)

    @property
    def is_small(self) -> bool:
        """Whether the computation is short enough to be read at once."""
        return self.portrait.computation.count("\n") < OPEN_LINES


def surface_view(portrait: SurfacePortrait, canvas: Canvas) -> SurfaceView:
    """The view of a portrait; pictures of the slice's points go to the page's sheet."""
    plane = _plane(portrait, canvas) if portrait.dim == 2 else None
    return SurfaceView(
        portrait=portrait, plane=plane, space=space_view(portrait) if portrait.dim == 3 else None, cells=_cells(portrait),
        groups=tuple((k, group(b, t), b) for k, (b, t) in enumerate(zip(portrait.betti, portrait.torsion, strict=True))),
        anchors=plane.anchors if plane else (), sentences=tuple(_sentences(portrait)),
        regions=tuple((row.k, percent(row.share, 2)) for row in portrait.regions),
    )  # fmt: skip


def _plane(portrait: SurfacePortrait, canvas: Canvas) -> PlaneSurface | None:
    drawing, box = portrait.drawing, portrait.domain
    frame = Frame(box.lower, box.upper)
    lines = drawing.vertices[drawing.simplices] if len(drawing.simplices) <= MOST_LINES else np.zeros((0, 2, 2))
    cycles = tuple(
        _segments(frame, drawing.vertices[drawing.cycles[drawing.cycle == number]])
        for number in range(int(drawing.cycle.max(initial=-1)) + 1)
    )
    return PlaneSurface(
        frame.ticks(0), frame.ticks(1), _regions(frame, drawing.raster), _segments(frame, drawing.creases),
        _segments(frame, lines), cycles, _by_neuron(frame, portrait, lines),
        frame.line(drawing.outline) + "Z" if len(drawing.outline) > 2 else "", _anchors(frame, portrait, canvas),
    )  # fmt: skip


def _segments(frame: Frame, lines: np.ndarray) -> str:
    """One path of separate segments (m, 2, 2)."""
    if not len(lines):
        return ""
    places = frame(lines.reshape(-1, 2)).reshape(-1, 4)
    return "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for a, b, c, d in places)


def _regions(frame: Frame, raster: np.ndarray) -> tuple[tuple[int, str], ...]:
    """One path a class: the runs of equal pixels, row by row."""
    if not raster.size:
        return ()
    inner = frame.size - frame.margin - frame.edge
    wide, high = inner / raster.shape[1], inner / raster.shape[0]
    paths: dict[int, list[str]] = {}
    for i, row in enumerate(raster):
        ends = np.flatnonzero(np.diff(row)) + 1
        for a, b in zip([0, *ends], [*ends, len(row)], strict=True):
            box = f"M{frame.margin + wide * a:.1f} {frame.edge + high * i:.1f}h{wide * (b - a):.1f}v{high + 0.3:.1f}"
            paths.setdefault(int(row[a]), []).append(f"{box}h{-wide * (b - a):.1f}z")
    return tuple((k, "".join(paths[k])) for k in sorted(paths))


def _by_neuron(frame: Frame, portrait: SurfacePortrait, lines: np.ndarray) -> tuple[tuple[str, str], ...]:
    """Paths of the cells that the foremost neurons dominate, each with its name, and of all others."""
    if not len(lines) or not portrait.neurons:
        return ()
    owner, found, rest = portrait.drawing.neuron, [], np.ones(len(lines), dtype=bool)
    for row in portrait.neurons[:COLOURED_NEURONS]:
        own = owner == row.neuron
        rest &= ~own
        found.append((f"neuron {row.neuron}", _segments(frame, lines[own])))
    return (*found, ("other neurons", _segments(frame, lines[rest])))


def _anchors(frame: Frame, portrait: SurfacePortrait, canvas: Canvas) -> tuple[Anchor, ...]:
    if not len(portrait.anchors):
        return ()
    pictures = canvas.pictures(portrait.anchor_points)
    return tuple(
        Anchor(chr(ord("A") + i), int(portrait.anchor_labels[i]), pictures[i], float(x), float(y))
        for i, (x, y) in enumerate(frame(portrait.anchors))
    )


def _cells(portrait: SurfacePortrait) -> tuple[tuple[str, int | None, int | None], ...]:
    """Rows of the table of cells: dimension, of the surface, of what it divides."""
    rows = max(len(portrait.cell_counts), len(portrait.ambient_counts))

    def of(counts: tuple[int, ...], k: int) -> int | None:
        return counts[k] if k < len(counts) else None

    return tuple((DIMENSIONS[k], of(portrait.cell_counts, k), of(portrait.ambient_counts, k)) for k in range(rows))


def _sentences(portrait: SurfacePortrait) -> list[str]:
    """What the numbers mean, in words."""
    found = []
    if portrait.n_neurons:
        found.append(
            f"Every cell is made by neurons: the normal of the surface there is a sum with one term a neuron of the first layer. "
            f"{plural(portrait.n_neurons, 'neuron')} {'has' if portrait.n_neurons == 1 else 'have'} the largest share somewhere."
        )
    if portrait.nerve_betti:
        length = max(len(portrait.nerve_betti), len(portrait.betti))
        padded = [(*betti, *[0] * (length - len(betti))) for betti in (portrait.nerve_betti, portrait.betti)]
        same = "the same as" if padded[0] == padded[1] else "other than"
        found.append(
            f"The nerve of the cover by dominating neurons has the Betti numbers {_listed(portrait.nerve_betti)}, {same} the "
            f"surface's {_listed(portrait.betti)}."
        )
    if portrait.n_exact:
        was = "was" if portrait.n_exact == 1 else "were"
        found.append(
            f"{plural(portrait.n_exact, 'sign')} of neurons {was} too close to zero for doubles and {was} decided in rational "
            "numbers."
        )
    if portrait.triple_points:
        found.append(f"Three classes meet in {plural(portrait.triple_points, 'place')}.")
    return found


def _listed(betti: tuple[int, ...]) -> str:
    return ", ".join(map(str, betti))
