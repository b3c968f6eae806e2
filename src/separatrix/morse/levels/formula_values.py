"""Values of a formula at many points, enclosed by the machine that encloses its derivatives (§8)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from separatrix.numerics.intervals import Interval
from separatrix.potentials.expression import Expression
from separatrix.potentials.expressions.batches import (
    LEAST_BOXES,
    MOST_BOXES,
    REGISTERS_AT_ONCE,
    TAN,
    BatchEnclosure,
    Layout,
)
from separatrix.potentials.expressions.jets import jets
from separatrix.potentials.expressions.recording import GUARDS, Recorder, between

Array = np.ndarray


class FormulaValues(BatchEnclosure):
    """Enclosures of f on batches of boxes; the whole line where f may not be defined."""

    def __init__(self, potential: Expression) -> None:
        self.dim, self.free = potential.dim, ()
        recorder = Recorder(self.dim)
        value = jets(potential.program, potential.root, recorder, list(recorder.inputs), 0)[potential.root].value
        self.value = between(value) if isinstance(value, Fraction) else None
        kept: list[int] = [] if isinstance(value, Fraction) else [value.place]
        guards = {k for k, step in enumerate(recorder.steps) if step.operation in (*GUARDS, TAN)}
        layout = Layout(recorder, set(kept), guards)
        self.outputs = [((), layout.register[place]) for place in kept]
        self.inputs, self.segments, self.n_registers = layout.inputs, layout.segments, layout.n_registers
        self.fixed, self.constants = layout.fixed, np.array(recorder.constants).reshape(-1, 2)
        self.n_boxes = int(np.clip(REGISTERS_AT_ONCE // max(1, 2 * self.n_registers), LEAST_BOXES, MOST_BOXES))

    def over(self, lower: Array, upper: Array) -> Interval:
        """f on the boxes [lower, upper], (n,)."""
        least, most = self.value or (0.0, 0.0)
        low, high = np.full(len(lower), least), np.full(len(lower), most)
        for start in range(0, len(lower), self.n_boxes):
            rows = slice(start, min(start + self.n_boxes, len(lower)))
            low_registers, high_registers, bad = self._run(lower[rows], upper[rows])
            for _place, register in self.outputs:
                low[rows], high[rows] = low_registers[register], high_registers[register]
            low[rows][bad > 0], high[rows][bad > 0] = -np.inf, np.inf
        return Interval(low, high)
