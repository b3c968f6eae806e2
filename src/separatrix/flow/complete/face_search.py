"""The search on all faces with one set of free coordinates: candidates, branch and bound, and what was not settled (§8)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from separatrix.flow.complete.branch import Branching
from separatrix.flow.complete.clusters import Boxes, Unsettled, clusters, gathered, looks_degenerate
from separatrix.flow.complete.field import Budget, Field
from separatrix.flow.complete.zeros import INSIDE, ON_EDGE, Zeros

Array = np.ndarray
STARTS = 20
FIRST_WIDTH = {1: 2.0**-8, 2: 2.0**-6, 3: 2.0**-5, 4: 2.0**-4, 5: 2.0**-3}
# the share of all boxes that a growing cluster may hold before it is taken for a degenerate set
CLUSTER_SHARE = {1: 0.0005, 2: 0.003, 3: 0.015, 4: 0.06, 5: 0.2}
GROWS = 1.5
PATIENCE = 16.0


class FaceSearch:
    """The zeros on the faces ``boxes`` (m, dim) of one field, and the boxes that could not be settled."""

    def __init__(
        self, field: Field, budget: Budget, min_width: float, tell: Callable[[float], None] = lambda share: None
    ) -> None:
        self.field, self.budget, self.min_width = field, budget, min_width
        self.zeros = Zeros(field)
        self.unsettled: list[Unsettled] = []
        self.branching = Branching(field, self.zeros, budget, tell)

    def run(self, boxes: Boxes, generator: np.random.Generator | None = None) -> None:
        """Search the faces; with a ``generator`` from some random candidates first."""
        k = self.field.free.size
        if generator is not None:
            draws = generator.random((STARTS * k, k)) * (boxes[1] - boxes[0])[0, self.field.free]
            starts = np.tile(boxes[0][0], (len(draws), 1))
            starts[:, self.field.free] += draws
            self.zeros.seek(starts)
        self._narrow(self.branching.refine(boxes, FIRST_WIDTH[k]))
        if self.branching.waiting:
            self._give_up()
        self._undecided_zeros()

    @property
    def inside(self) -> Array:
        """Rows of the zeros that lie in the faces with all multipliers proved outward."""
        return np.flatnonzero((self.zeros.place == INSIDE) & (self.zeros.strict == 1))

    def _narrow(self, small: Boxes) -> None:
        """Halve the open boxes together, round after round; sets whose number of boxes keeps growing are taken out."""
        width, history = FIRST_WIDTH[self.field.free.size], [len(small[0])]
        most = max(64.0, CLUSTER_SHARE[self.field.free.size] * self.budget.limit)
        while len(small[0]) and width > self.min_width:
            width = max(0.5 * width, self.min_width)
            small = self.branching.refine(small, width)
            history.append(len(small[0]))
            if history[-1] > most and history[-1] > GROWS * history[-2]:
                small = self._without_degenerate(small, width, 0.25 * most)
        self.unsettled += gathered(self.field, small, width)

    def _without_degenerate(self, boxes: Boxes, width: float, most: float) -> Boxes:
        """The boxes without the large clusters that look degenerate, and without the very large ones that do not."""
        label = clusters(self.field, boxes, width)
        stays = np.ones(len(label), dtype=bool)
        for number in np.flatnonzero(np.bincount(label) > most):
            mine = label == number
            own = boxes[0][mine], boxes[1][mine]
            if mine.sum() > PATIENCE * most or looks_degenerate(self.field, own):
                self.unsettled += gathered(self.field, own, width)
                stays[mine] = False
        return boxes[0][stays], boxes[1][stays]

    def _give_up(self) -> None:
        lower = np.concatenate([part[0] for part in self.branching.waiting])
        upper = np.concatenate([part[1] for part in self.branching.waiting])
        self.branching.waiting.clear()
        width = float(((upper - lower)[:, self.field.free] / self.field.side).max())
        self.unsettled += gathered(
            self.field,
            (lower, upper),
            width,
            f"the budget of max_boxes={self.budget.limit} boxes was used up; give more, or a smaller box",
        )

    def _undecided_zeros(self) -> None:
        """Zeros within their error of an edge of the face, and zeros with a multiplier that is not decided."""
        zeros = self.zeros
        for row in np.flatnonzero((zeros.place == ON_EDGE) & (zeros.strict >= 0)):
            self._leave(int(row), "an equilibrium within its error of the edge of the box: neither in nor out")
        for row in np.flatnonzero((zeros.place == INSIDE) & (zeros.strict == 0)):
            self._leave(
                int(row), "an equilibrium of the face with a multiplier that may vanish: perhaps none of the box"
            )

    def _leave(self, row: int, reason: str) -> None:
        x, error = self.zeros.points[row], self.zeros.error[row]
        self.unsettled.append(Unsettled(x - error, x + error, reason))
