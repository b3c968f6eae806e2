"""Geometry of the page's drawings: numbers to places in a view box. The templates draw them as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from separatrix.views.tables import tick

MARKERS: dict[str, Sequence[tuple[float, float]]] = {
    "s": ((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)),
    "^": ((0, -1.1), (1, 0.8), (-1, 0.8)),
    "v": ((0, 1.1), (1, -0.8), (-1, -0.8)),
    "<": ((-1.1, 0), (0.8, -1), (0.8, 1)),
    "D": ((0, -1.15), (1.15, 0), (0, 1.15), (-1.15, 0)),
    "p": tuple((math.sin(2 * math.pi * i / 5), -math.cos(2 * math.pi * i / 5)) for i in range(5)),
    "*": tuple((r * math.sin(math.pi * i / 5), -r * math.cos(math.pi * i / 5)) for i, r in enumerate([1.25, 0.55] * 5)),
    "P": (
        (-0.4, -1),
        (0.4, -1),
        (0.4, -0.4),
        (1, -0.4),
        (1, 0.4),
        (0.4, 0.4),
        (0.4, 1),
        (-0.4, 1),
        (-0.4, 0.4),
        (-1, 0.4),
        (-1, -0.4),
        (-0.4, -0.4),
    ),
    "X": (
        (-1, -0.5),
        (-0.5, -1),
        (0, -0.5),
        (0.5, -1),
        (1, -0.5),
        (0.5, 0),
        (1, 0.5),
        (0.5, 1),
        (0, 0.5),
        (-0.5, 1),
        (-1, 0.5),
        (-0.5, 0),
    ),
}


def marker(shape: str, x: float, y: float, size: float) -> str:
    """SVG path of a class's shape about (x, y)."""
    if shape in MARKERS:
        return "M" + "L".join(f"{x + size * a:.1f} {y + size * b:.1f}" for a, b in MARKERS[shape]) + "Z"
    r = size if shape == "o" else size / 2
    return f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0Z"


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers in [low, high], at most ``most`` of them.

    >>> nice_ticks(0.0, 10.0), nice_ticks(-2, 2)
    ([0.0, 5.0, 10.0], [-2.0, -1.0, 0.0, 1.0, 2.0])
    """
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (1, 2, 5, 10, 20):
        first, last = math.ceil(low / (step * power) - 1e-9), math.floor(high / (step * power) + 1e-9)
        if last - first < most:
            return [i * step * power for i in range(first, last + 1)]
    return [low, high]


@dataclass(frozen=True)
class Density:
    """A smoothed histogram in a view box ``width`` x ``height``: the closed ``path``, ``ticks`` as (place, text)."""

    path: str
    ticks: tuple[tuple[float, str], ...]
    top: float
    width: float = 210.0
    height: float = 44.0

    def place(self, x: float) -> float:
        """Where the value ``x`` stands."""
        return round(self.width * min(1.0, max(0.0, x / self.top)), 1)


def density(values: np.ndarray, marks: np.ndarray) -> Density | None:
    """The density of ``values`` (all >= 0) on an axis from 0 that also holds ``marks``."""
    values, marks = values[np.isfinite(values)], marks[np.isfinite(marks)]
    if values.size < 2 or not values.max() > 0:
        return None
    top = 1.08 * max(float(np.quantile(values, 0.999)), float(marks.max(initial=0.0)))
    grid = np.linspace(0, top, 90)
    spread = min(float(values.std()), float(np.subtract(*np.quantile(values, [0.75, 0.25]))) / 1.34) or float(
        values.std()
    )
    band = max(0.9 * spread * values.size**-0.2, top / 300)
    heights = np.exp(-0.5 * ((grid[:, None] - values[None, :]) / band) ** 2).sum(axis=1)
    shape = Density("", (), top)
    line = [
        (shape.place(x), round(shape.height * (1 - 0.94 * h), 1))
        for x, h in zip(grid, heights / heights.max(), strict=True)
    ]
    path = f"M0 {shape.height}" + "".join(f"L{x} {y}" for x, y in line) + f"L{shape.width} {shape.height}Z"
    return Density(path, tuple((shape.place(t), tick(t)) for t in nice_ticks(0, top, 5)), top)


@dataclass(frozen=True)
class Mark:
    """A marker of the phase portrait: its ``path``, class ``k``, ``title``, and where its ``label`` stands."""

    path: str
    k: int
    title: str
    label: str = ""
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Plane:
    """A phase portrait in the plane, in a square view box of side ``size`` with ``margin`` on the left and below."""

    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    sinks: tuple[Mark, ...] = ()
    samples: tuple[Mark, ...] = ()
    samples_are: str = ""
    slow: tuple[str, ...] = ()
    strong: tuple[str, ...] = ()
    classes: tuple[int, ...] = ()
    size: float = 420.0
    margin: float = 34.0


@dataclass(frozen=True)
class Frame:
    """Maps the rectangle [low, high] of the plane to the inside of a :class:`Plane`."""

    low: np.ndarray
    high: np.ndarray
    size: float = 420.0
    margin: float = 34.0
    edge: float = field(default=8.0)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Places (n, 2) of ``points`` (n, 2)."""
        unit = (np.atleast_2d(points)[:, :2] - self.low) / np.where(self.high > self.low, self.high - self.low, 1.0)
        inner = self.size - self.margin - self.edge
        return np.stack([self.margin + inner * unit[:, 0], self.edge + inner * (1 - unit[:, 1])], axis=1)

    def ticks(self, axis: int) -> tuple[tuple[float, str], ...]:
        """Ticks of an axis as (place, text)."""
        values = nice_ticks(float(self.low[axis]), float(self.high[axis]), 6)
        at = np.tile(self.low, (len(values), 1)).astype(float)
        at[:, axis] = values
        return tuple((round(float(p), 1), tick(v)) for p, v in zip(self(at)[:, axis], values, strict=True))

    def line(self, points: np.ndarray) -> str:
        """SVG path through ``points``."""
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in self(points))
