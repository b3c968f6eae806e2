"""Phase portraits of classifiers in the plane."""

from __future__ import annotations

import numpy as np

from separatrix.domains import Box
from separatrix.study.portrait import Portrait
from separatrix.views.colours import class_style
from separatrix.views.figures import Frame, Mark, Plane, marker
from separatrix.views.sink_views import SinkCard

MOST_SAMPLES = 1500


def plane_view(portrait: Portrait, cards: tuple[SinkCard, ...]) -> Plane | None:
    """The phase portrait of a flow in the plane: sinks, their slow and strong manifolds, samples by their sink."""
    points = portrait.sinks.points
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        return None
    frame = Frame(*plane_limits(portrait))
    places = frame(points)
    sinks = tuple(
        Mark(
            marker(class_style(card.k).shape, x, y, 7.5),
            card.k,
            f"{card.alt}, at {card.coordinates}",
            card.name,
            *label_place(frame, x, y),
        )
        for card, (x, y) in zip(cards, places, strict=True)
    )
    samples, what = _samples(portrait, frame)
    classes = tuple(sorted({mark.k for mark in (*sinks, *samples)}))
    curves = {
        strips.kind: tuple(frame.line(frames) for frames in strips.frames if np.isfinite(frames).all())
        for strips in (portrait.slow, portrait.strong)
        if strips is not None
    }
    return Plane(
        frame.ticks(0), frame.ticks(1), sinks, samples, what, curves.get("slow", ()), curves.get("strong", ()), classes
    )


def plane_limits(portrait: Portrait) -> tuple[np.ndarray, np.ndarray]:
    """Lower left and upper right corner of what is drawn: the box, else what holds the points."""
    domain = portrait.domain if portrait.domain is not None else portrait.sinks.domain
    if isinstance(domain, Box):
        return domain.lower, domain.upper
    held = [
        portrait.sinks.points,
        *(strips.frames.reshape(-1, 2) for strips in (portrait.slow, portrait.strong) if strips),
    ]
    points = np.concatenate(held)
    room = 0.08 * np.maximum(np.ptp(points, axis=0), 1e-6)
    return points.min(axis=0) - room, points.max(axis=0) + room


def sample_points(portrait: Portrait) -> np.ndarray | None:
    """The samples themselves, where the record keeps them."""
    points = getattr(portrait, "sample_points", None)
    return points if isinstance(points, np.ndarray) and points.ndim == 2 and points.shape[1] == 2 else None


def reached_class(portrait: Portrait) -> np.ndarray:
    """Class of the sink that each sample flows to, -1 = unresolved."""
    if portrait.basins is None or not len(portrait.sinks):
        return np.zeros(0, dtype=np.int64)
    return np.where(portrait.basins.label >= 0, portrait.sink_class[portrait.basins.label], -1)


def label_place(frame: Frame, x: float, y: float) -> tuple[float, float]:
    """Where the name of a sink at (x, y) is written: beside it, inside the frame."""
    return float(x + 11 if x < frame.size - 60 else x - 34), float(y + 4 if y > frame.edge + 14 else y + 16)


def _samples(portrait: Portrait, frame: Frame) -> tuple[tuple[Mark, ...], str]:
    points, reached = sample_points(portrait), reached_class(portrait)
    if points is not None and len(points) == len(reached):
        step = -(-len(points) // MOST_SAMPLES)
        chosen, classes, what = points[::step], reached[::step], "samples"
    elif portrait.changed_points is not None and portrait.changed is not None:
        chosen = portrait.changed_points[:MOST_SAMPLES]
        classes, what = reached[portrait.changed[: len(chosen)]], "samples that change sides"
    else:
        return (), ""
    return tuple(
        Mark(marker(class_style(int(k)).shape, x, y, 2.6), int(k), "")
        for k, (x, y) in zip(classes, frame(chosen), strict=True)
    ), what
