"""Rows of a piecewise linear flow brought to rest: the event kernel for one hidden layer, the general flow otherwise (§5)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.flow.pieces import Progress
from separatrix.flow.piecewise_linear.creases import Ends
from separatrix.flow.piecewise_linear.one_layer import OneLayer
from separatrix.flow.projection import Arena


def to_rest(
    arena: Arena,
    starts: np.ndarray,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Ends:
    """Where every row of ``starts`` (n_rows, dim) comes to rest, or why it does not; no row is dropped.

    ``options``: ``budget``, the events and steps allowed a row.

    >>> import separatrix as sx
    >>> net = sx.Network.from_arrays([[[1.0], [-1.0]], [[-1.0, -1.0], [0.0, 0.0]]], [[0.0, 0.0], [1.0, 0.0]])
    >>> arena = Arena.of(sx.margin(net, 0, 1), sx.WholeSpace(1), "project")
    >>> to_rest(arena, np.array([[-0.5], [0.0]])).points.tolist()
    [[0.0], [0.0]]
    """
    form = OneLayer.of(arena.potential)
    if form is not None:
        from separatrix.flow.piecewise_linear import event_flow

        return event_flow.to_rest(arena, form, starts, workers=workers, progress=progress, **options)
    from separatrix.flow.piecewise_linear import general_flow

    return general_flow.to_rest(arena, starts, workers=workers, progress=progress, **options)
