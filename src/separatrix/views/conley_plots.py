"""Morse graphs and the global picture of a flow in matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.morse_graph_record import RANKS, MorseGraph
from separatrix.errors import InputError, printable
from separatrix.study.conley_portrait import ConleyPortrait
from separatrix.views.colours import INK, NEUTRAL, PALETTE, UNRESOLVED
from separatrix.views.graph_layout import graph_layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHAPES = {"s": "o", "p": "X", "r": "^"}
SURE = (Certainty.PROVED, Certainty.VERIFIED)
NAMED = 60


def plot_morse_graph(record: MorseGraph, ax: Axes | None = None, **options: Any) -> Axes:
    """Nodes in rows, sinks on top; firm lines where the pair is shown, dashed where it could not be excluded."""
    ax = ax if ax is not None else _axes()
    edges = [(int(a), int(b)) for a, b in np.argwhere(record.edges)]
    middles = np.array([0.5 * (one.lower.min(axis=0) + one.upper.max(axis=0))[0] for one in record.sets])
    at = graph_layout(len(record), edges, middles)
    for a, b in edges:
        style = "-" if RANKS[record.pairs[a, b]] in SURE else "--"
        ax.plot(at[[a, b], 0], -at[[a, b], 1], color=INK, linestyle=style, linewidth=0.9, zorder=1)
    for name, (x, row) in zip(record.names, at, strict=True):
        ax.plot(x, -row, marker=SHAPES.get(name[0], "D"), color=NEUTRAL, markeredgecolor=INK, markersize=9, zorder=3)
        if len(record) <= NAMED:
            ax.annotate(name, (x, -row), xytext=(0, 9 if row == 0 else -17), textcoords="offset points", ha="center",
                        fontsize=8, weight="bold")  # fmt: skip
    ax.set_axis_off()
    ax.margins(0.06, 0.16)
    exact = "the order is exact" if record.order_is_exact else "dashed: not excluded"
    ax.set_title(f"Morse graph of the {printable(record.potential, 60)}\nthe flow leads upwards; {exact}", fontsize=11)
    return ax


def plot_conley_portrait(record: ConleyPortrait, ax: Axes | None = None, **options: Any) -> Axes:
    """The Morse graph; where there is none, Betti numbers of the superlevel sets against the level."""
    if record.graph is not None:
        return plot_morse_graph(record.graph, ax, **options)
    if record.levels is None:
        raise InputError("this portrait holds neither a Morse graph nor level sets to plot")
    ax = ax if ax is not None else _axes()
    drawing = record.levels
    edges = np.array([drawing.span[1], *drawing.edges, drawing.span[0]])
    for degree in range(drawing.above.shape[1] - 1):
        ax.stairs(
            drawing.above[::-1, degree], edges[::-1], color=PALETTE[(4, 5, 2)[degree % 3]], label=f"b{'₀₁₂'[degree]}"
        )
    for event in record.events:
        ax.axvline(event.value, color=UNRESOLVED, linewidth=0.5, zorder=0)
    ax.set_xlabel(f"level of the {printable(record.potential, 60)}")
    ax.set_ylabel("Betti numbers of {f ≥ c}")
    ax.legend(frameon=False)
    return ax


def _axes() -> Axes:
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(7.5, 5), layout="constrained")[1]
