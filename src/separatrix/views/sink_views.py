"""What the page shows of each sink: pictures, probabilities, place among the data, face, proof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.study.portrait import Portrait
from separatrix.views.canvas import Canvas
from separatrix.views.manifold_views import MOST_STRIPS, FilmStrip, film_strips
from separatrix.views.sprites import Sprite
from separatrix.views.tables import number, percent, percent_range, probability

MOST_COORDINATES = 6
__all__ = ["MOST_STRIPS", "SinkCard", "by_class", "coordinates", "sink_cards"]


@dataclass(frozen=True)
class SinkCard:
    """A sink as it is drawn. Texts are ready to print; ``distance`` and the other plain numbers sort the table."""

    anchor: str
    name: str
    k: int
    certainty: Certainty
    evidence: str
    picture: Sprite | None
    nearest: Sprite | None
    nearest_label: int
    mean: Sprite | None
    coordinates: str
    probabilities: tuple[float, ...]
    probability: str
    runner_up: int
    value: float
    hits: int
    n_starts: int
    share: float | None
    share_range: str
    distance: float | None
    score: float | None
    quantile: float | None
    at_lower: int
    free: int
    at_upper: int
    least_multiplier: float
    bottom: float
    top: float
    radius: float
    error: float
    strips: tuple[FilmStrip, ...]

    @property
    def quantile_text(self) -> str:
        """The share of data that are nearer to their own nearest neighbour."""
        return "" if self.quantile is None else percent(self.quantile)

    @property
    def spread_text(self) -> str:
        """Where that distance stands among those between data."""
        if self.quantile is None or not np.isfinite(self.quantile):
            return ""
        if self.quantile >= 1.0:
            return "every datum measured is nearer to its own neighbour"
        return f"{percent(self.quantile)} of data are nearer to their own neighbour"

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        away = "" if self.distance is None else f", at distance {number(self.distance)} from the nearest datum"
        return f"sink {self.name} of class {self.k}, probability {self.probability}{away}"


def sink_cards(portrait: Portrait, canvas: Canvas, place: int) -> tuple[SinkCard, ...]:
    """A card for each sink, in the record's order."""
    pictures = canvas.pictures(portrait.sinks.points)
    near = canvas.pictures(portrait.off_data.nearest_point) if portrait.off_data is not None else [None] * len(pictures)
    return tuple(_card(portrait, canvas, place, i, pictures[i], near[i]) for i in range(len(portrait.sinks)))


def _card(
    portrait: Portrait, canvas: Canvas, place: int, i: int, picture: Sprite | None, near: Sprite | None
) -> SinkCard:
    sinks, k, p = portrait.sinks, int(portrait.sink_class[i]), portrait.probabilities[i]
    spectrum, active, multipliers = sinks.spectra[i], sinks.active[i], sinks.multipliers[i]
    basins, off = portrait.basins, portrait.off_data
    others = np.delete(np.arange(p.size), k) if 0 <= k < p.size else np.arange(p.size)
    return SinkCard(
        anchor=f"flow{place}-s{i}",
        name=f"s{i}",
        k=k,
        certainty=sinks.certainty[i],
        evidence=sinks.evidence[i],
        picture=picture,
        nearest=near,
        nearest_label=int(off.nearest_label[i]) if off is not None else -1,
        mean=canvas.class_mean(k),
        coordinates=coordinates(sinks.points[i]),
        probabilities=tuple(float(v) for v in p),
        probability=probability(float(p[k])) if 0 <= k < p.size else "–",
        runner_up=int(others[np.argmax(p[others])]) if others.size else -1,
        value=float(sinks.values[i]),
        hits=int(sinks.hits[i]) if sinks.label.size else 0,
        n_starts=int(sinks.label.size),
        share=float(basins.shares[i]) if basins is not None else None,
        share_range=percent_range(*basins.intervals[i]) if basins is not None else "",
        distance=float(off.nearest_distance[i]) if off is not None else None,
        score=float(off.score[i]) if off is not None else None,
        quantile=float(off.quantile[i]) if off is not None else None,
        at_lower=int((active < 0).sum()),
        free=int((active == 0).sum()),
        at_upper=int((active > 0).sum()),
        least_multiplier=float(multipliers[active != 0].min()) if (active != 0).any() else np.nan,
        bottom=float(spectrum[0]) if len(spectrum) else np.nan,
        top=float(spectrum[-1]) if len(spectrum) else np.nan,
        radius=float(sinks.radius[i]),
        error=float(sinks.error[i]),
        strips=film_strips(portrait, canvas, i),
    )


def coordinates(x: np.ndarray) -> str:
    """A point in words, cut after a few coordinates.

    >>> coordinates(np.array([1.0, -0.5]))
    '(1.00, −0.500)'
    """
    shown = ", ".join(number(float(v)) for v in x[:MOST_COORDINATES])
    return f"({shown}{', …' if x.size > MOST_COORDINATES else ''})"


def by_class(cards: tuple[SinkCard, ...]) -> dict[int, list[SinkCard]]:
    """The cards of each class, classes ascending, sinks that most points lead to first."""
    groups: dict[int, list[SinkCard]] = {}
    for card in sorted(cards, key=lambda card: (-(card.share or 0.0), -card.hits)):
        groups.setdefault(card.k, []).append(card)
    return dict(sorted(groups.items()))
