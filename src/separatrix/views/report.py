"""The page that people show to others: one offline HTML file with every number beside it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from separatrix.certainty import Certainty
from separatrix.errors import InputError, printable
from separatrix.study.analysis import Analysis
from separatrix.study.portrait import Portrait
from separatrix.views import tables
from separatrix.views.basin_views import BasinView, basin_view
from separatrix.views.canvas import Canvas
from separatrix.views.colours import N_COLOURS, class_style
from separatrix.views.equation_views import equation_view
from separatrix.views.figures import Density, Plane, density, marker
from separatrix.views.glossary import TERMS, Linker
from separatrix.views.morse_views import morse_view
from separatrix.views.notation import box_ends, domain_words, sentence
from separatrix.views.pass_views import pass_view
from separatrix.views.plane_views import plane_view
from separatrix.views.sink_views import MOST_STRIPS, SinkCard, by_class, sink_cards
from separatrix.views.sprites import Sprite
from separatrix.views.surface_views import surface_view

MOST_IN_STRIP = 10
MOST_CARDS = 12
TEMPLATES = resources.files("separatrix.views") / "templates"
MEANINGS = {
    Certainty.PROVED: "outward-rounded or exact arithmetic, or a theorem whose hypotheses were proved so",
    Certainty.VERIFIED: "consistent floating-point tests",
    Certainty.HEURISTIC: "a good method's answer without a check",
    Certainty.UNKNOWN: "not decided",
}


@dataclass(frozen=True)
class Chapter:
    """A chapter of the page: ``anchor`` is also the name of its template."""

    anchor: str
    title: str


@dataclass(frozen=True)
class FlowView:
    """What is shown of one portrait; ``place`` is its row in ``analysis.flow``."""

    portrait: Portrait
    place: int
    cards: tuple[SinkCard, ...]
    spread: Density | None
    plane: Plane | None
    basins: BasinView | None

    @cached_property
    def groups(self) -> dict[int, list[SinkCard]]:
        """Cards by class."""
        return by_class(self.cards)

    @property
    def most_cards(self) -> int:
        """How many cards a class has at the most; the table has all."""
        return MOST_CARDS if len(self.cards) > 2 * MOST_IN_STRIP else len(self.cards)

    @cached_property
    def carded(self) -> set[str]:
        """Anchors of the sinks that have a card."""
        return {card.anchor for group in self.groups.values() for card in group[: self.most_cards]}

    @property
    def shown(self) -> list[SinkCard]:
        """The sinks of the picture strip: all where they are few, else that of each class which most points lead to."""
        if len(self.cards) <= MOST_IN_STRIP:
            return [card for group in self.groups.values() for card in group]
        return [group[0] for group in self.groups.values()]


class Page:
    """Everything that the templates read."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.canvas = Canvas(analysis)
        main = main_portrait(analysis)
        order = sorted(range(len(analysis.flow)), key=lambda i: (analysis.flow[i] is not main, i))
        self.flows = tuple(self._flow(analysis.flow[i], i) for i in order)
        self.equations = tuple(equation_view(equation) for equation in analysis.equations)
        views = (pass_view(portrait, self.canvas) for portrait in analysis.morse)
        self.passes = tuple(view for view in views if view is not None)
        whole = {portrait.potential: portrait for portrait in analysis.conley}
        self.morse = tuple(morse_view(p, whole.get(p.potential)) for p in analysis.morse if not p.is_search)
        self.meetings = tuple(meeting for portrait in analysis.conley for meeting in portrait.meetings)
        self.surfaces = tuple(surface_view(portrait, self.canvas) for portrait in analysis.surface)
        self.chapters = tuple(chapter for chapter, is_there in self._chapters() if is_there)

    def _flow(self, portrait: Portrait, place: int) -> FlowView:
        cards = sink_cards(portrait, self.canvas, place)
        off = portrait.off_data
        spread = density(off.neighbour_distances, off.nearest_distance) if off is not None else None
        return FlowView(
            portrait, place, cards, spread, plane_view(portrait, cards), basin_view(portrait, cards, self.canvas)
        )

    def _chapters(self) -> list[tuple[Chapter, bool]]:
        analysis = self.analysis
        return [
            (Chapter("findings", "Findings"), bool(analysis.findings or self.flows)),
            (Chapter("sinks", "Sinks"), any(flow.cards for flow in self.flows)),
            (Chapter("basins", "Basins"), any(flow.basins for flow in self.flows)),
            (Chapter("passes", "Passes"), bool(self.passes)),
            (Chapter("surface", "Decision surface"), bool(self.surfaces)),
            (Chapter("homology", "Homology by hand"), any(s.portrait.computation for s in self.surfaces)),
            (Chapter("morse", "Morse and Conley"), bool(self.morse)),
            (Chapter("equation", "The equation"), bool(self.equations)),
            (Chapter("theorems", "Theorems"), bool(analysis.theorems)),
            (Chapter("consistency", "Consistency"), bool(analysis.consistency)),
            (Chapter("programme", "The programme"), bool(analysis.claims)),
            (Chapter("computed", "How this was computed"), True),
            (Chapter("glossary", "Glossary"), True),
        ]

    @property
    def main(self) -> FlowView | None:
        """The flow that the first chapters speak of."""
        return self.flows[0] if self.flows else None

    @property
    def methods(self) -> list[tuple[str, str, tuple[tuple[str, float], ...], float]]:
        """What was computed, its method, tolerances and seconds; potentials treated alike share a row."""
        rows: dict[tuple[str, str, tuple[tuple[str, float], ...]], list[tuple[str, float]]] = {}
        for flow in self.flows:
            for what, record in (("sinks", flow.portrait.sinks), ("basins", flow.portrait.basins)):
                made = record.provenance if record is not None else None
                if made is not None:
                    key = (what, made.method, tuple(made.tolerances.items()))
                    rows.setdefault(key, []).append((flow.portrait.potential, made.seconds))
        return [
            (_of(what, [name for name, _ in members]), method, tolerances, sum(t for _, t in members))
            for (what, method, tolerances), members in rows.items()
        ]

    @property
    def left_out(self) -> list[str]:
        """What the page does not show, in words."""
        lines = []
        for flow in self.flows:
            name, view = flow.portrait.potential, flow.basins
            if view is not None and view.n_changed > len(view.changed):
                lines.append(
                    f"{name}: {view.n_changed - len(view.changed)} of {view.n_changed} samples that change sides"
                )
            if flow.portrait.slow is not None and len(flow.cards) > MOST_STRIPS:
                lines.append(f"{name}: the manifolds of {len(flow.cards) - MOST_STRIPS} of {len(flow.cards)} sinks")
        if self.canvas.sheet is not None and self.canvas.sheet.n_left_out:
            lines.append(f"{self.canvas.sheet.n_left_out} pictures")
        return lines


def main_portrait(analysis: Analysis) -> Portrait | None:
    """The portrait of the log-density, else the first with basins, else the first."""
    named = [p for p in analysis.flow if p.potential == "log-density"]
    return next(iter([*named, *(p for p in analysis.flow if p.basins is not None), *analysis.flow]), None)


def _of(what: str, names: list[str]) -> str:
    """What was computed of which potentials."""
    if len(names) < 4:
        return f"{what} of the {' and the '.join(names)}"
    return f"{what} of {len(names)} potentials, {names[0]} to {names[-1]}"


def write_report(analysis: Analysis, path: str | Path) -> Path:
    """Write the page and, beside it, ``analysis.json`` and ``arrays.npz``; the page's path.

    ``path``: an .html file, or a folder for ``report.html``; folders that are absent are made.
    """
    from separatrix.study.storage import ESCAPED, replace_file, save_record

    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        target = target / "report.html"
    text = render(analysis)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, text.encode(errors=ESCAPED))
    except OSError as error:
        raise InputError(f"{printable(target)}: cannot be written: {error.strerror or error}") from None
    save_record(analysis, target.parent)
    return target


def render(analysis: Analysis) -> str:
    """The page as text."""
    script = _read("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    page = Page(analysis)
    return (
        _environment()
        .get_template("page.html")
        .render(
            page=page,
            analysis=analysis,
            canvas=page.canvas,
            style=Markup(_read("style.css")),
            script=Markup(script),
            digest=digest,
            meanings=MEANINGS,
            ends=box_ends(analysis.domain),
            linker=Linker(),
        )
    )


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _environment() -> jinja2.Environment:
    """Templates with escaping on for every one of them: names and metadata of a user's file are hostile text."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    environment.filters.update(
        number=tables.number,
        count=tables.count,
        percent=tables.percent,
        plural=tables.plural,
        seconds=tables.seconds,
        sprite=sprite_style,
        words=words,
        sentence=sentence,
        domain=domain_words,
    )
    environment.globals.update(
        style_of=class_style, n_colours=N_COLOURS, marker=marker, terms=TERMS, MINUS=tables.MINUS
    )
    return environment


@jinja2.pass_context
def words(context: jinja2.runtime.Context, text: object) -> Markup:
    """``text`` escaped, its formulas set, the first use of each term on the page linked to the glossary."""
    return context["linker"](text)


def sprite_style(sprite: Sprite) -> str:
    """Style of an element that shows a picture of the sheet."""
    return f"--x:{sprite.x};--y:{sprite.y}"
