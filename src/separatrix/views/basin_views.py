"""What the page shows of basins: shares as bars, classes against classes, and the images that change sides."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from separatrix.study.portrait import Portrait
from separatrix.views.canvas import Canvas
from separatrix.views.figures import nice_ticks
from separatrix.views.sink_views import SinkCard, coordinates
from separatrix.views.sprites import Sprite
from separatrix.views.tables import count, percent, plural, tick

MOST_CHANGED = 60
MOST_BARS = 40
MOST_CLASSES = 30


@dataclass(frozen=True)
class Bar:
    """A sink's share: ``share``, ``low``, ``high`` in per cent of the axis' length."""

    card: SinkCard
    count: int
    share: float
    length: float
    low: float
    high: float


@dataclass(frozen=True)
class Changed:
    """A sample that flows to a sink of another class than the predicted one."""

    number: int
    picture: Sprite | None
    coordinates: str
    predicted: int
    true_label: int
    sink: SinkCard


@dataclass(frozen=True)
class BasinView:
    """The chapter's content. ``matrix`` rows: predicted class; columns: class of the sink, the last one unresolved."""

    n: int
    n_unresolved: int
    level: float
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    classes: tuple[int, ...]
    matrix: tuple[tuple[int, ...], ...]
    n_agree: int
    changed: tuple[Changed, ...]
    n_changed: int
    sentences: tuple[str, ...]
    reasons: tuple[tuple[str, int], ...]
    n_hidden_classes: int = 0
    n_other: int = 0
    n_in_other: int = 0

    @property
    def largest(self) -> int:
        """The largest count of the matrix."""
        return max((n for row in self.matrix for n in row), default=1) or 1


def basin_view(portrait: Portrait, cards: tuple[SinkCard, ...], canvas: Canvas) -> BasinView | None:
    """What is shown of a portrait's basins; None where there are none."""
    basins = portrait.basins
    if basins is None or not basins.label.size:
        return None
    top = max(float(basins.intervals[:, 1].max(initial=0.0)), 0.01) * 1.03
    scale = 100.0 / top
    largest = np.argsort(-basins.counts, kind="stable")[:MOST_BARS]
    order = sorted((int(i) for i in largest), key=lambda i: (cards[i].k, -basins.counts[i]))
    bars = tuple(
        Bar(
            cards[i],
            int(basins.counts[i]),
            float(basins.shares[i]),
            *(round(scale * float(v), 2) for v in (basins.shares[i], *basins.intervals[i])),
        )
        for i in order
    )
    ticks = tuple((round(v * scale / 100, 2), tick(v)) for v in nice_ticks(0.0, 100 * top, 5))
    matrix, classes, hidden = _matrix(portrait)
    n_agree = int(sum(row[classes.index(k)] for k, row in zip(classes, matrix, strict=True)))
    changed, n_changed = _changed(portrait, cards, canvas)
    reasons = tuple(Counter(basins.reason).most_common(20))
    return BasinView(
        n=basins.label.size,
        n_unresolved=basins.n_unresolved,
        level=basins.level,
        bars=bars,
        ticks=ticks,
        classes=classes,
        matrix=matrix,
        n_agree=n_agree,
        changed=changed,
        n_changed=n_changed,
        sentences=_sentences(portrait, n_changed),
        reasons=reasons,
        n_hidden_classes=hidden,
        n_other=len(cards) - len(order),
        n_in_other=int(basins.counts.sum() - basins.counts[largest].sum()),
    )


def _matrix(portrait: Portrait) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...], int]:
    """Counts, the classes of rows and columns, and the number of classes that are not shown."""
    counts = portrait.sink_shares_by_class
    if counts is None or portrait.changed is None:
        return (), (), 0
    seen = np.flatnonzero(counts.sum(axis=1) + counts[:, :-1].sum(axis=0))
    if len(counts) <= MOST_CLASSES:
        seen = np.arange(len(counts))
    kept = seen[:MOST_CLASSES]
    table = counts[np.ix_(kept, [*kept, counts.shape[1] - 1])]
    return tuple(tuple(int(n) for n in row) for row in table), tuple(int(k) for k in kept), len(seen) - len(kept)


def _changed(portrait: Portrait, cards: tuple[SinkCard, ...], canvas: Canvas) -> tuple[tuple[Changed, ...], int]:
    basins, changed, points = portrait.basins, portrait.changed, portrait.changed_points
    if basins is None or changed is None or points is None or portrait.predicted is None:
        return (), 0
    shown = changed[: min(MOST_CHANGED, len(points))]
    truth = portrait.true_label if portrait.true_label is not None else np.full(basins.label.shape, -1)
    rows = portrait.sample_index if portrait.sample_index is not None else np.arange(basins.label.size)
    pictures = canvas.pictures(points[: len(shown)])
    predicted = portrait.predicted
    items = tuple(
        Changed(int(rows[j]), picture, coordinates(x), int(predicted[j]), int(truth[j]), cards[basins.label[j]])
        for j, picture, x in zip(shown, pictures, points, strict=False)
    )
    return items, len(changed)


def _sentences(portrait: Portrait, n_changed: int) -> tuple[str, ...]:
    """What the chapter says before its figures."""
    basins, predicted = portrait.basins, portrait.predicted
    assert basins is not None
    n, resolved = basins.label.size, basins.label >= 0
    n_arrived = int(resolved.sum())
    arrived = f"{count(n_arrived)} reached a known sink" if n_arrived < n else "all reached a known sink"
    if n_arrived < n:
        arrived += f", {count(n - n_arrived)} stayed unresolved ({percent(1 - n_arrived / n, 2)})"
    first = f"{plural(n, 'sample')} followed the {portrait.potential} to rest; {arrived}."
    if predicted is None or portrait.changed is None or not n_arrived:
        return (first,)
    second = (
        f"{percent(1 - n_changed / n_arrived, 2)} of those that arrived flow to a sink of the class that the network "
        f"predicts for them; {count(n_changed)} {'changes' if n_changed == 1 else 'change'} sides."
    )
    if not n_changed:
        second = "Every one flows to a sink of the class that the network predicts for it."
    return first, second, *_against_labels(portrait, predicted, resolved)


def _against_labels(portrait: Portrait, predicted: np.ndarray, resolved: np.ndarray) -> tuple[str, ...]:
    """The class reached and the prediction, held against the labels."""
    truth, basins = portrait.true_label, portrait.basins
    if truth is None or basins is None or not (known := resolved & (truth >= 0)).any():
        return ()
    reached = portrait.sink_class[basins.label]
    sentence = (
        f"Where labels are known, the class of the sink is the label for "
        f"{percent((reached == truth)[known].mean(), 2)}, "
        f"the prediction for {percent((predicted == truth)[known].mean(), 2)}."
    )
    moved = known & (reached != predicted)
    if not moved.any():
        return (sentence,)
    there, away = (moved & (reached == truth)).sum(), (moved & (predicted == truth)).sum()
    return sentence, (
        f"Of the {plural(moved.sum(), 'labelled sample')} that change sides {count(there)} flow to the class of their "
        f"label and {count(away)} away from it."
    )
