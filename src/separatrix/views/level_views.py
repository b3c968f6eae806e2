"""Level sets on the page: contours that a slider walks through, Betti numbers against the level, the events (§10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from separatrix.domains import Box
from separatrix.study.conley_portrait import ConleyPortrait, LevelDrawing
from separatrix.views.figures import Frame, nice_ticks
from separatrix.views.space_views import SHADES, SIZE, TILT, TURN, rotation
from separatrix.views.tables import number, tick

WIDTH, HEIGHT, LEFT, TOP, FOOT = 420.0, 190.0, 34.0, 10.0, 26.0
MOST_EVENTS = 60
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Contour:
    """A level: ``drawing`` of its set as (class of the stroke or fill, path) pieces; what stands beside it in words."""

    level: float
    text: str
    drawing: tuple[tuple[str, str], ...]
    above: str
    below: str
    at: str
    x: float


@dataclass(frozen=True)
class Steps:
    """A Betti number of {f >= c} as a step line over the levels."""

    degree: int
    path: str


@dataclass(frozen=True)
class EventRow:
    """An event of the table: ``x`` its place in the chart."""

    value: str
    what: str
    point: str
    gap: str
    x: float


@dataclass(frozen=True)
class LevelView:
    """What the page shows of the level sets of a potential."""

    contours: tuple[Contour, ...]
    steps: tuple[Steps, ...]
    events: tuple[EventRow, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    n_left_out: int
    dim: int
    edges: str = ""
    width: float = WIDTH
    height: float = HEIGHT + TOP + FOOT
    left: float = LEFT
    foot: float = HEIGHT + TOP

    @property
    def degrees(self) -> tuple[int, ...]:
        """Degrees that the chart has lines for."""
        return tuple(line.degree for line in self.steps)


def level_view(portrait: ConleyPortrait) -> LevelView | None:
    """The view; None where no level sets were computed."""
    drawing = portrait.levels
    if drawing is None or not len(drawing.levels):
        return None
    dim = drawing.vertices.shape[1]
    low, high = drawing.span
    span = high - low or 1.0

    def x(value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 8) * (value - low) / span, 1)

    top = max(1, int(drawing.above.max(initial=1)))

    def y(count: float) -> float:
        return round(TOP + HEIGHT * (1 - count / (top + 0.25)), 1)

    contours = tuple(_contour(portrait, drawing, i, x(float(c))) for i, c in enumerate(drawing.levels))
    rows = tuple(
        EventRow(number(e.value, 4), e.what, e.point, number(e.gap, 2) if np.isfinite(e.gap) else "", x(e.value))
        for e in portrait.events[:MOST_EVENTS]
    )
    steps = tuple(Steps(k, _steps(drawing, k, x, y)) for k in range(dim) if (drawing.above[:, k] >= 0).all())
    counts = nice_ticks(0, top, 5)
    return LevelView(
        contours, steps, rows, tuple((x(v), tick(v)) for v in nice_ticks(low, high, 6)),
        tuple((y(v), tick(v)) for v in counts if v == int(v)), max(0, len(portrait.events) - MOST_EVENTS), dim,
        _box(portrait) if dim == 3 else "",
    )  # fmt: skip


def _steps(drawing: LevelDrawing, degree: int, x: Scale, y: Scale) -> str:
    """A step line from the highest level down: numbers between events, read at the levels, change at the events."""
    low, high = drawing.span
    edges = [high, *drawing.edges, low]
    values = drawing.above[:, degree]
    path = f"M{x(high)} {y(0)}"
    for i, value in enumerate(values):
        path += f"H{x(edges[i])}V{y(int(value))}H{x(edges[i + 1])}"
    return path


def _contour(portrait: ConleyPortrait, drawing: LevelDrawing, i: int, x: float) -> Contour:
    above, below, at = (_words(numbers) for numbers in (drawing.above[i], drawing.below[i], drawing.at[i]))
    c = float(drawing.levels[i])
    simplices = drawing.simplices[drawing.starts[i] : drawing.starts[i + 1]]
    return Contour(c, number(c, 4), _pictured(portrait, drawing, simplices), above, below, at, x)


def _words(betti: np.ndarray) -> str:
    """Degrees below the dimension: in the last one a set in a box has nothing."""
    return "not known" if (betti < 0).any() else ", ".join(str(int(b)) for b in betti[:-1])


def _pictured(portrait: ConleyPortrait, drawing: LevelDrawing, simplices: np.ndarray) -> tuple[tuple[str, str], ...]:
    points, box = drawing.vertices, portrait.domain
    if not len(simplices):
        return ()
    if points.shape[1] == 2:
        places = Frame(box.lower, box.upper)(points)
        return (("line", _chains(places, simplices)),)
    if points.shape[1] == 3:
        return _shaded(points, simplices, box)
    return ()


def _chains(places: np.ndarray, edges: np.ndarray) -> str:
    """Edges joined end to end into as few strokes as simple walks give."""
    beside: dict[int, list[int]] = {}
    for a, b in edges.tolist():
        beside.setdefault(a, []).append(b)
        beside.setdefault(b, []).append(a)
    text = []
    for start in sorted(beside, key=lambda v: len(beside[v]) % 2 == 0):
        while beside[start]:
            walk, here = [start], start
            while beside[here]:
                there = beside[here].pop()
                beside[there].remove(here)
                walk.append(there)
                here = there
            text.append("M" + "L".join(f"{places[v][0]:.1f} {places[v][1]:.1f}" for v in walk))
    return "".join(text)


def _shaded(points: np.ndarray, triangles: np.ndarray, box: Box) -> tuple[tuple[str, str], ...]:
    """Triangles from back to front, neighbours in that order of one shade in one path."""
    turned, _ = _turned(points, box)
    sides = turned[triangles]
    normal = np.cross(sides[:, 1] - sides[:, 0], sides[:, 2] - sides[:, 0])
    length = np.linalg.norm(normal, axis=1)
    shade = np.clip((SHADES * np.abs(normal[:, 2]) / np.where(length > 0, length, 1.0)).astype(int), 0, SHADES - 1)
    order = np.argsort(sides[:, :, 2].mean(axis=1), kind="stable")
    places = _flat(turned)
    runs: list[tuple[int, list[str]]] = []
    for t in order:
        corners = "M" + "L".join(f"{places[v][0]:.0f} {places[v][1]:.0f}" for v in triangles[t]) + "Z"
        if runs and runs[-1][0] == shade[t]:
            runs[-1][1].append(corners)
        else:
            runs.append((int(shade[t]), [corners]))
    return tuple((f"tri s{s}", "".join(parts)) for s, parts in runs)


def _turned(points: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    lower, upper = box.lower, box.upper
    middle, half = 0.5 * (lower + upper), 0.5 * float((upper - lower).max())
    corners = (np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)]) - 0.5) * (upper - lower) / half
    matrix = rotation(TURN, TILT).T
    return (points - middle) / half @ matrix, corners @ matrix


def _flat(turned: np.ndarray) -> np.ndarray:
    scale = SIZE / 3.6
    return np.stack([SIZE / 2 + scale * turned[:, 0], SIZE / 2 - scale * turned[:, 1]], axis=1)


def _box(portrait: ConleyPortrait) -> str:
    _, corners = _turned(np.zeros((0, 3)), portrait.domain)
    seen = _flat(corners)
    pairs = [(i, i | bit) for i in range(8) for bit in (1, 2, 4) if not i & bit]
    return "".join(f"M{seen[a][0]:.0f} {seen[a][1]:.0f}L{seen[b][0]:.0f} {seen[b][1]:.0f}" for a, b in pairs)
