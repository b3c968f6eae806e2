"""Coordinates that have one sign on all of a box, found before the box is cut (§6).

Bounds of all coordinates on parts of the box, halved again where one of them is left open that no other part has shown to take
both signs. A ReLU that is positive on the box is a coordinate that passes on, one that is negative or 0 none at all: the network
in the box is a smaller one, whose neurons need fewer bits at every vertex.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from separatrix.complexes.sign_layout import VARIES
from separatrix.numerics.rounding import ieee_arithmetic_holds
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.part_forms import PartForms
from separatrix.surface.arrangement.step_bounds import StepBounds
from separatrix.surface.arrangement.threads import in_threads

FEWEST_SIGNS, MOST_INPUTS = 512, 3  # neurons that make it worth while, inputs of a box that has few enough parts
PARTS_AT_ONCE, MOST_PARTS = 32, 6000
MOST_WORK, MOST_ROOM = 1e10, 1 << 28  # products of numbers in all parts, and parts times neurons
COARSEST, FINEST = 4, 32  # parts along an axis, powers of two
MOST_OPEN = 6  # times parts along an axis to the power n - 1: parts where a coordinate may be open for it to be asked about again
LEAST_SHARE = 0.25  # of neurons that have shown one sign only, for the next parts to be tried


def fixed_signs(steps: Sequence[LinearStep], lower: np.ndarray, upper: np.ndarray) -> list[np.ndarray] | None:
    """For each step (creased,) int8: 1 where a coordinate is proved to be positive at every point of the box, -1 where it is
    proved to be negative and 0 behind the crease, 0 where it is 0 everywhere, else 2; None where it is not worth while to ask.
    """
    hidden = [step for step in steps if not step.is_last]
    if not hidden or sum(step.n_signs for step in hidden) < FEWEST_SIGNS or lower.size > MOST_INPUTS:
        return None
    if not ieee_arithmetic_holds():  # the bounds are proved of no other arithmetic
        return None
    if not all(((step.slope >= 0) & (step.slope <= 1)).all() for step in hidden):
        return None
    with np.errstate(all="ignore"):
        edges = [np.linspace(a, b, FINEST + 1) for a, b in zip(lower, upper, strict=True)]
    if not all((edge[1:] > edge[:-1]).all() for edge in edges):  # a box too thin or too wide to be cut into parts
        return None
    found = _Search(hidden).run(edges)
    if found is None:
        return None
    starts = np.cumsum([0, *(step.n_signs for step in hidden)])
    parts = [found[a:b] for a, b in zip(starts[:-1], starts[1:], strict=True)]
    return parts + [np.full(step.n_signs, VARIES, dtype=np.int8) for step in steps[len(hidden) :]]


class _Search:
    """What the parts that were looked at have shown of the creased coordinates of all steps, one after the other."""

    def __init__(self, steps: Sequence[LinearStep]) -> None:
        self.steps = list(steps)
        self.bounds = in_threads(StepBounds.of, self.steps)
        self.is_zero = np.concatenate([_vanishing(step) for step in steps])
        self.is_hopeless = np.zeros(self.is_zero.size, dtype=bool)
        self.seen = np.zeros((2, self.is_zero.size), dtype=bool)  # a part's centre where it is positive, negative

    def run(self, edges: list[np.ndarray]) -> np.ndarray | None:
        """Signs of all of them, ``edges`` (FINEST + 1,) of the finest parts along each axis; None where too few have one."""
        n, done, most = len(edges), 0, self._most_parts(len(edges))
        corners = np.array(list(product((0, 1), repeat=n)), dtype=np.int64)
        cells, size = np.array(list(product(range(COARSEST), repeat=n)), dtype=np.int64), COARSEST
        while True:
            open_ = self._looked_at(cells, [edge[:: FINEST // size] for edge in edges])
            done += len(cells)
            wanted = open_ & ~self.seen.all(axis=0)
            wanted[:, self.is_zero | self.is_hopeless] = False
            if (~self.seen.all(axis=0)).sum() < LEAST_SHARE * self.is_zero.size:
                return None
            self.is_hopeless |= wanted.sum(axis=0) > MOST_OPEN * size ** (n - 1)
            again = cells[(wanted & ~self.is_hopeless).any(axis=1)]
            if not len(again) or size >= FINEST or done + len(again) * len(corners) > most:
                break
            cells, size = (2 * again[:, None] + corners).reshape(-1, n), 2 * size
        found = np.where(self.seen[0], 1, -1).astype(np.int8)
        found[wanted.any(axis=0) | self.is_hopeless | self.seen.all(axis=0)] = VARIES
        found[self.is_zero] = 0
        found[(found == -1) & ~np.concatenate([step.slope[step.creased] == 0 for step in self.steps])] = VARIES
        return found

    def _most_parts(self, n: int) -> int:
        """As many parts as cost little beside cutting the box."""
        products = sum(part.nnz if hasattr(part, "nnz") else part.size for b in self.bounds for part in b.parts)
        return int(min(MOST_PARTS, MOST_WORK / ((n + 2) * products), MOST_ROOM / self.is_zero.size))

    def _looked_at(self, cells: np.ndarray, edges: list[np.ndarray]) -> np.ndarray:
        """(cells, coordinates): where the sign in a part is open; ``cells``: places among the ``edges`` of each axis."""
        a, b = (np.stack([edge[cells[:, i] + k] for i, edge in enumerate(edges)], axis=1) for k in (0, 1))
        centers = a / 2 + b / 2
        halves = np.nextafter(np.maximum(b - centers, centers - a), np.inf)
        pieces = [slice(start, start + PARTS_AT_ONCE) for start in range(0, len(cells), PARTS_AT_ONCE)]
        found = in_threads(lambda piece: self._piece(centers[piece], halves[piece]), pieces)
        self.seen |= np.logical_or.reduce([seen for seen, _ in found])
        return np.concatenate([open_ for _, open_ in found])

    def _piece(self, centers: np.ndarray, halves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(2, coordinates) whether a centre is proved positive, negative; (cells, coordinates) whether the sign is open."""
        forms, seen, is_open = PartForms.of_boxes(centers, halves), [], []
        for step, bounds in zip(self.steps, self.bounds, strict=True):
            forms = forms.mapped(bounds)
            low, high = forms.ranges()
            values, rest = forms.values[0][:, step.creased], forms.rest[:, step.creased]
            seen.append(np.stack([(values > rest).any(axis=0), (values < -rest).any(axis=0)]))
            is_open.append(~(((low > 0) | (high < 0))[:, step.creased] & np.isfinite(values)))
            forms = forms.creased(step.slope, (low, high))
        return np.concatenate(seen, axis=1), np.concatenate(is_open, axis=1)


def _vanishing(step: LinearStep) -> np.ndarray:
    """(creased,): whether a coordinate is 0 whatever the input."""
    is_zero = ~step.weight.any(axis=1) & (step.bias == 0) & (step.weight_radius == 0) & (step.bias_radius == 0)
    return is_zero[step.creased]
