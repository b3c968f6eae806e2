"""Lists of critical points on the page: the plane with its separatrices, tables by index, the Morse complex (§3, §9)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from separatrix.certainty import Certainty
from separatrix.study.conley_portrait import ConleyPortrait
from separatrix.study.conley_words import level_sentences
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.study.morse_words import kinds
from separatrix.views.figures import Frame, Mark, marker
from separatrix.views.graph_views import GraphView, graph_view
from separatrix.views.level_views import LevelView, level_view
from separatrix.views.plane_views import label_place
from separatrix.views.tables import number, plural

SHAPES = {"s": "o", "p": "X", "r": "^"}
MOST_ROWS = 200
MOST_LINES = 400
MOST_ENTRIES = 12


@dataclass(frozen=True)
class PointRow:
    """A critical point in the table, its numbers ready to print."""

    name: str
    index: int
    k: int
    value: float
    place: str
    faces: str
    eigenvalues: str
    multiplier: float
    radius: float
    certainty: Certainty
    evidence: str


@dataclass(frozen=True)
class MorsePlane:
    """Critical points and the branches of the saddles in the plane: paths of unstable and of stable branches."""

    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    points: tuple[Mark, ...]
    unstable: tuple[str, ...]
    stable: tuple[str, ...]
    size: float = 420.0
    margin: float = 34.0


@dataclass(frozen=True)
class Matrix:
    """A boundary operator: names of the rows and columns, entries."""

    degree: int
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    entries: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class MorseView:
    """What the page shows of one list of critical points."""

    portrait: MorsePortrait
    plane: MorsePlane | None
    rows: tuple[PointRow, ...]
    matrices: tuple[Matrix, ...]
    sentences: tuple[str, ...]
    n_left_out: int
    graph: GraphView | None = None
    levels: LevelView | None = None
    level_sentences: tuple[str, ...] = ()
    levels_certainty: Certainty = Certainty.UNKNOWN

    @property
    def kinds(self) -> str:
        """Numbers of points by index, in words."""
        return kinds(self.portrait)


def morse_view(portrait: MorsePortrait, whole: ConleyPortrait | None = None) -> MorseView:
    """The view of a portrait; ``whole``: the Morse graph and the level sets of the same potential."""
    points = portrait.points
    rows = tuple(_row(portrait, i) for i in range(min(len(points), MOST_ROWS)))
    plane = _plane(portrait) if points.points.shape[1] == 2 and len(points) else None
    view = MorseView(portrait, plane, rows, _matrices(portrait), tuple(_sentences(portrait)), len(points) - len(rows))
    if whole is None:
        return view
    graph = graph_view(whole.graph, portrait) if whole.graph is not None else None
    return replace(view, graph=graph, levels=level_view(whole), level_sentences=tuple(level_sentences(whole)),
                   levels_certainty=whole.levels_certainty)  # fmt: skip


def _row(portrait: MorsePortrait, i: int) -> PointRow:
    points = portrait.points
    x, active, spectrum = points.points[i], points.active[i], points.spectra[i]
    held = active != 0
    place = "(" + ", ".join(number(float(c), 4) for c in x) + ")" if x.size <= 3 else ""
    ends = ", ".join(number(float(v)) for v in (spectrum if len(spectrum) <= 3 else spectrum[[0, -1]]))
    return PointRow(
        points.ids[i], int(points.indices[i]), int(portrait.point_class[i]), float(points.values[i]), place,
        f"{int(held.sum())} of {x.size}" if held.any() else "", ends if len(spectrum) <= 3 else f"{ends} (least, greatest)",
        float(points.multipliers[i][held].min()) if held.any() else np.nan, float(points.radius[i]), points.certainty[i],
        points.evidence[i],
    )  # fmt: skip


def _plane(portrait: MorsePortrait) -> MorsePlane:
    points, box = portrait.points, portrait.domain
    frame = Frame(box.lower, box.upper)
    marks = []
    for i, (x, y) in enumerate(frame(points.points)):
        name, k = points.ids[i], int(portrait.point_class[i])
        title = f"{name}: index {points.indices[i]}, value {number(float(points.values[i]))}, {points.certainty[i]}"
        size = 7.5 if name[0] == "s" else 6.0
        marks.append(Mark(marker(SHAPES[name[0]], x, y, size), k, title, name, *label_place(frame, x, y)))
    drawn = [orbit for orbit in portrait.orbits if len(orbit.path) > 1][:MOST_LINES]
    return MorsePlane(
        frame.ticks(0), frame.ticks(1), tuple(marks),
        tuple(frame.line(orbit.path) for orbit in drawn if orbit.saddle == orbit.source),
        tuple(frame.line(orbit.path) for orbit in drawn if orbit.saddle != orbit.source),
    )  # fmt: skip


def _matrices(portrait: MorsePortrait) -> tuple[Matrix, ...]:
    """Boundary operators that are small enough to be read."""
    made = portrait.complex
    if made is None or made.missing:
        return ()
    names = [
        tuple(name for name, index in zip(portrait.points.ids, portrait.points.indices, strict=True) if index == k)
        for k in range(len(made.counts))
    ]
    return tuple(
        Matrix(k, names[k - 1], names[k], tuple(tuple(int(entry) for entry in row) for row in operator))
        for k, operator in enumerate(made.boundaries, 1)
        if 0 < operator.shape[0] <= MOST_ENTRIES and 0 < operator.shape[1] <= MOST_ENTRIES
    )


def _sentences(portrait: MorsePortrait) -> list[str]:
    points, made, found = portrait.points, portrait.complex, []
    n_proved = sum(orbit.certainty is Certainty.PROVED for orbit in portrait.orbits)
    if portrait.orbits:
        found.append(
            f"{plural(len(portrait.orbits), 'branch', 'branches')} of saddles were followed, {n_proved} of them enclosed "
            "in tubes from the saddle to a proved end."
        )
    if made is not None and made.missing:
        found.append(f"The Morse complex is not known in full: {made.missing[0]}.")
    elif made is not None and made.betti:
        agrees = {True: ", those of the box", False: ", other than those of the box", None: ""}[made.agrees]
        found.append(
            f"The homology of the Morse complex has the Betti numbers {', '.join(map(str, made.betti))}{agrees}."
        )
    found += [f"{law}." for law in points.laws[:3]]
    if points.unresolved:
        reasons = dict.fromkeys(points.unresolved_reasons)
        found.append(
            f"Not settled: {plural(len(points.unresolved), 'part')} of the box ({'; '.join(list(reasons)[:2])})."
        )
    return found
