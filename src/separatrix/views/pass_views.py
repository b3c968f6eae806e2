"""The tree of passes on the page: leaves are sinks, joins stand at the pass heights, strips lead over the passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.morse.merge_tree import MergeTree
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.study.morse_words import class_passes
from separatrix.views.canvas import Canvas
from separatrix.views.figures import nice_ticks
from separatrix.views.sprites import Sprite
from separatrix.views.tables import number, tick
from separatrix.views.tree_layout import TreeLayout, tree_layout

COLUMN, HEIGHT, LEFT, TOP = 46.0, 330.0, 52.0, 12.0
MOST_LEAVES = 120
Height = Callable[[float], float]


@dataclass(frozen=True)
class Leaf:
    """A sink under the tree: its name, class, picture, column and height in the figure."""

    name: str
    k: int
    picture: Sprite | None
    x: float
    y: float
    value: str
    certainty: Certainty


@dataclass(frozen=True)
class Pass:
    """A join of the tree: the saddle's name and picture, its place in the figure, and the strip over it."""

    name: str
    picture: Sprite | None
    x: float
    y: float
    value: str
    depth: str
    between: tuple[str, str]
    classes: tuple[int, int]
    frames: tuple[Sprite, ...]
    certainty: Certainty
    is_between_classes: bool


@dataclass(frozen=True)
class PassView:
    """The tree of one potential. ``lines``: SVG path of stems and bars; ``table``: depths between classes as texts."""

    portrait: MorsePortrait
    width: float
    leaves: tuple[Leaf, ...]
    passes: tuple[Pass, ...]
    lines: str
    ticks: tuple[tuple[float, str], ...]
    classes: tuple[int, ...]
    table: tuple[tuple[int, tuple[str, ...]], ...]
    has_films: bool
    left_out: int
    height: float = HEIGHT + 2 * TOP
    left: float = LEFT
    column: float = COLUMN

    @property
    def tree(self) -> MergeTree:
        """The record that is drawn."""
        assert self.portrait.tree is not None
        return self.portrait.tree


def pass_view(portrait: MorsePortrait, canvas: Canvas) -> PassView | None:
    """The view of a portrait's tree; None where nothing joins."""
    tree = portrait.tree
    if tree is None or not tree.joins or len(tree.sinks) > MOST_LEAVES:
        return None
    layout = tree_layout(tree)
    low, high = layout.span
    scale = HEIGHT / (high - low or 1.0)

    def y(value: float) -> float:
        return round(TOP + (high - value) * scale, 1)

    passes = tuple(_pass(portrait, canvas, layout, number, y) for number in range(len(tree.joins)))
    return PassView(
        portrait, LEFT + COLUMN * len(tree.sinks), _leaves(tree, canvas, layout, y), passes, _lines(layout, y),
        tuple((y(v), tick(v)) for v in nice_ticks(low, high, 7)), *_table(portrait), any(p.frames for p in passes),
        canvas.sheet.n_left_out if canvas.sheet is not None else 0,
    )  # fmt: skip


def _x(place: float) -> float:
    return round(LEFT + COLUMN * (place + 0.5), 1)


def _lines(layout: TreeLayout, y: Height) -> str:
    stems = "".join(f"M{_x(a)} {y(up)}V{y(down)}" for a, up, down in layout.stems)
    return stems + "".join(f"M{_x(a)} {y(v)}H{_x(b)}" for a, b, v in layout.bars)


def _leaves(tree: MergeTree, canvas: Canvas, layout: TreeLayout, y: Height) -> tuple[Leaf, ...]:
    pictures = canvas.pictures(tree.sinks.points)
    return tuple(
        Leaf(
            f"s{i}", int(tree.sink_class[i]) if tree.sink_class is not None else -1, pictures[i], _x(float(layout.place[i])),
            y(float(tree.sinks.values[i])), number(float(tree.sinks.values[i])), tree.sinks.certainty[i],
        )
        for i in layout.order
    )  # fmt: skip


def _pass(portrait: MorsePortrait, canvas: Canvas, layout: TreeLayout, row: int, y: Height) -> Pass:
    assert portrait.tree is not None
    tree, join = portrait.tree, portrait.tree.joins[row]
    classes = tuple(int(tree.sink_class[i]) if tree.sink_class is not None else -1 for i in join.ends)
    depth = min(float(tree.sinks.values[list(side)].max()) for side in (join.left, join.right)) - join.value
    groups = [
        {int(tree.sink_class[i]) for i in side} if tree.sink_class is not None else set()
        for side in (join.left, join.right)
    ]
    return Pass(
        f"p{join.saddle}", canvas.pictures(tree.saddles.points[join.saddle][None])[0], _x(layout.middle[row]), y(join.value),
        number(join.value), number(depth), (f"s{join.ends[0]}", f"s{join.ends[1]}"), (classes[0], classes[1]),
        _frames(portrait, canvas, join.saddle), tree.saddles.certainty[join.saddle], groups[0] != groups[1],
    )  # fmt: skip


def _frames(portrait: MorsePortrait, canvas: Canvas, saddle: int) -> tuple[Sprite, ...]:
    films = portrait.films
    if films is None or canvas.sheet is None or saddle not in films.saddle:
        return ()
    row = int(np.flatnonzero(films.saddle == saddle)[0])
    pictures = canvas.pictures(films.frames[row])
    return tuple(p for p in pictures if p is not None) if all(p is not None for p in pictures) else ()


def _table(portrait: MorsePortrait) -> tuple[tuple[int, ...], tuple[tuple[int, tuple[str, ...]], ...]]:
    """Classes, and for each a row of depths below the lower of the two best sinks, up to its own column."""
    pairs = {(a, b): depth for a, b, _, depth in class_passes(portrait)}
    classes = tuple(sorted({k for pair in pairs for k in pair}))
    rows = tuple(
        (b, tuple(number(pairs[a, b]) if (a, b) in pairs else "" for a in classes[:place]))
        for place, b in enumerate(classes)
        if place
    )
    return classes, rows
