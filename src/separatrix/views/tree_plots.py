"""The tree of passes in matplotlib: a disconnectivity graph, leaves coloured by class (§10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.errors import printable
from separatrix.morse.merge_tree import MergeTree
from separatrix.views.colours import INK, NEUTRAL, class_style
from separatrix.views.tree_layout import tree_layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMES = 60


def plot_merge_tree(record: MergeTree, ax: Axes | None = None, **options: Any) -> Axes:
    """Sinks as leaves at their values, joined at the heights of their best passes; saddles named at the joins."""
    if ax is None:
        from matplotlib import pyplot as plt

        ax = plt.subplots(figsize=(7.5, 6), layout="constrained")[1]
    layout = tree_layout(record)
    ax.vlines(*layout.stems.T, color=INK, linewidth=1.1)
    ax.hlines(layout.bars[:, 2], layout.bars[:, 0], layout.bars[:, 1], color=INK, linewidth=1.1)
    classes = record.sink_class if record.sink_class is not None else np.full(len(record.sinks), -1)
    for k in np.unique(classes):
        style, rows = class_style(int(k)), np.flatnonzero(classes == k)
        ax.plot(
            layout.place[rows],
            record.sinks.values[rows],
            linestyle="none",
            marker=style.shape if k >= 0 else "o",
            color=style.colour if k >= 0 else NEUTRAL,
            markeredgecolor=INK,
            markersize=8,
            zorder=3,
            label=f"class {k}" if k >= 0 else "sink",
            clip_on=False,
        )
    few = len(record.sinks) <= MOST_NAMES
    ax.set_xticks(layout.place[layout.order], [f"s{i}" for i in layout.order] if few else [""] * len(layout.order))
    ax.tick_params(axis="x", length=0, labelsize=8, rotation=0 if len(record.sinks) <= 24 else 90)
    if len(record.joins) <= 24:
        for x, join in zip(layout.middle, record.joins, strict=True):
            ax.annotate(
                f"p{join.saddle}", (x, join.value), xytext=(2, -9), textcoords="offset points", fontsize=7, color=INK
            )
    ax.set_ylabel(printable(record.sinks.potential, 60))
    ax.set_xlim(-0.7, len(record.sinks) - 0.3)
    ax.spines[["top", "right", "bottom"]].set_visible(False)
    if len(record.sinks):
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    bound = "; heights are lower bounds" if record.is_lower_bound else ""
    ax.set_title(f"sinks joined over their passes{bound}", fontsize=11)
    return ax
