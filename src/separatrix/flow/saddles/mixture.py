"""Starts at the saddle of a mixture of two classes, for the log-density (§3).

log(e^{z_i} + e^{z_j}) = max over t of Phi_t(x) = t z_i + (1 - t) z_j - t log t - (1 - t) log(1 - t). Between the classes i and j
the pass is near max over x, min over t of Phi_t(x). In the logit y of t the derivative of the upper envelope by t has the sign
of z_i - z_j - y, so t is bisected while x climbs Phi_t, all pairs in one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.flow.projection import Arena, Bounds
from separatrix.potentials.base import Potential
from separatrix.potentials.head import NetworkPotential
from separatrix.potentials.log_density import LogSumExp

if TYPE_CHECKING:
    from separatrix.flow.saddles.starts import Start

LOGIT = 12.0
HALVINGS, FIRST_STEPS, STEPS = 12, 40, 12
SHORTEST, LONGEST = 1e-3, 1e5
SLACK = 1e-13


def classes_of(potential: Potential, points: np.ndarray) -> np.ndarray | None:
    """The predicted class of every row, (n,); None unless the potential is the log-density of a network."""
    if not is_log_density(potential):
        return None
    return np.asarray(potential.graph.propagate(points).output.argmax(axis=1))  # pyright: ignore


def is_log_density(potential: Potential) -> bool:
    """Whether f = LSE(z) of a network's logits."""
    return (
        isinstance(potential, NetworkPotential)
        and isinstance(potential.head, LogSumExp)
        and potential.head.sign > 0
        and np.array_equal(potential.contrasts, np.eye(potential.contrasts.shape[0]))
    )


def mixture_starts(
    arena: Arena,
    labels: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    least: Sequence[Start],
    third: int | None = None,
) -> list[Start]:
    """For pairs of sinks of two classes the saddle of their mixture, from the starts ``least`` on their segments.

    The direction to descend along is grad(z_i - z_j). ``third``: mix class i with the class that many further on instead.
    """
    from separatrix.flow.saddles.starts import Start

    n_classes = arena.potential.contrasts.shape[0]  # pyright: ignore[reportAttributeAccessIssue]
    classes = np.array([(labels[i], labels[j]) for i, j in pairs]).reshape(-1, 2)
    if third is not None:
        classes[:, 1] = (classes[:, 0] + 1 + third) % n_classes
    rows = np.flatnonzero(classes[:, 0] != classes[:, 1])
    found = [Start(start.x, None, "the two sinks are of one class: there is no mixture") for start in least]
    if not rows.size:
        return found
    x, axes = mixtures(arena, np.array([least[int(row)].x for row in rows]), classes[rows])
    for place, row in enumerate(int(row) for row in rows):
        found[row] = Start(x[place], axes[place] if axes[place].any() else None, "")
    return found


def mixtures(arena: Arena, x: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, dim) near the saddles of the mixtures of ``classes`` (n, 2), and grad(z_i - z_j) there (n, dim)."""
    graph = arena.potential.graph  # pyright: ignore[reportAttributeAccessIssue]
    rows = np.arange(x.shape[0])
    low, high = np.full(x.shape[0], -LOGIT), np.full(x.shape[0], LOGIT)
    lengths = np.full(x.shape[0], 0.1 * arena.width)
    for turn in range(HALVINGS):
        logit = 0.5 * (low + high)
        share = 1.0 / (1.0 + np.exp(-logit))
        weights = np.zeros((x.shape[0], graph.nodes[-1].layer.n_outputs))
        weights[rows, classes[:, 0]], weights[rows, classes[:, 1]] = share, 1.0 - share

        def climbed(y: np.ndarray, chosen: np.ndarray, weights: np.ndarray = weights) -> tuple[Any, Any]:
            state = graph.propagate(y)
            return (weights[chosen] * state.output).sum(axis=1), state.cotangents(weights[chosen])[0]

        x, lengths = ascend_rows(climbed, arena.search_bounds, x, lengths, FIRST_STEPS if turn == 0 else STEPS)
        z = graph.propagate(x).output
        above = z[rows, classes[:, 0]] - z[rows, classes[:, 1]] > logit
        low, high = np.where(above, low, logit), np.where(above, logit, high)
    state = graph.propagate(x)
    contrast = np.zeros((x.shape[0], state.output.shape[1]))
    contrast[rows, classes[:, 0]], contrast[rows, classes[:, 1]] = 1.0, -1.0
    return x, state.cotangents(contrast)[0]


def ascend_rows(
    climbed: Callable[[np.ndarray, np.ndarray], tuple[Any, Any]],
    bounds: Bounds,
    x: np.ndarray,
    lengths: np.ndarray,
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Monotone spectral projected gradient steps on functions that differ from row to row; (ends, step lengths).

    ``climbed(y, rows)`` gives values and gradients of the functions of ``rows`` at y.
    """
    x, lengths = x.copy(), lengths.copy()
    alive = np.arange(x.shape[0])
    value, g = climbed(x, alive)
    for _ in range(steps):
        if not alive.size:
            break
        new = bounds.clip(np, x[alive] + lengths[alive, None] * g[alive])
        new_value, new_g = climbed(new, alive)
        better = new_value >= value[alive] - SLACK * (1.0 + np.abs(value[alive]))
        shift, bend = new - x[alive], new_g - g[alive]
        curvature, square = -(shift * bend).sum(axis=1), (shift * shift).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            spectral = np.where(curvature > 0, (square / curvature).clip(SHORTEST, LONGEST), LONGEST)
        lengths[alive] = np.where(better, spectral, lengths[alive] / 4.0)
        moved = alive[better]
        x[moved], value[moved], g[moved] = new[better], new_value[better], new_g[better]
        alive = alive[square > 0]
    return x, lengths
