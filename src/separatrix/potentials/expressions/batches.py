"""Gradient and Hessian of a formula on thousands of boxes: recorded once, then run on registers of intervals (§8)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from separatrix.numerics import circular_ranges, interval_functions
from separatrix.numerics.activation_ranges import activation_range
from separatrix.numerics.intervals import Interval
from separatrix.potentials.expressions.jets import jets
from separatrix.potentials.expressions.program import Program
from separatrix.potentials.expressions.recording import CONSTANT, GUARDS, INPUT, OPERATIONS, Recorder, between

REGISTERS_AT_ONCE = 2**17  # numbers that stay in the cache
LEAST_BOXES, MOST_BOXES = 16, 2048
TAN = "tan"


class BatchEnclosure:
    """Enclosures of the gradient of a program's node ``root`` and of its Hessian's columns ``free`` on batches of boxes.

    Everywhere the whole line on boxes that may hold a point where the program is not defined or not differentiable.
    """

    def __init__(self, program: Program, root: int, free: tuple[int, ...]) -> None:
        self.dim, self.free = program.n_variables, free
        recorder = Recorder(self.dim)
        found = jets(program, root, recorder, list(recorder.inputs), 2 if free else 1)[root]
        self.rationals: list[tuple[tuple[int, ...], float, float]] = []
        wanted: list[tuple[tuple[int, ...], int]] = []
        for place, entry in _entries(found, self.dim, free):
            if isinstance(entry, Fraction):
                self.rationals.append((place, *between(entry)))
            else:
                wanted.append((place, entry.place))
        # they say where nothing is known, even where their values are not needed
        guards = {k for k, step in enumerate(recorder.steps) if step.operation in (*GUARDS, TAN)}
        layout = Layout(recorder, {k for _, k in wanted}, guards)
        self.outputs = [(place, layout.register[k]) for place, k in wanted]
        self.inputs, self.segments, self.n_registers = layout.inputs, layout.segments, layout.n_registers
        self.fixed = layout.fixed
        self.constants = np.array(recorder.constants).reshape(-1, 2)
        self.n_boxes = int(np.clip(REGISTERS_AT_ONCE // max(1, 2 * self.n_registers), LEAST_BOXES, MOST_BOXES))

    def __call__(self, lower: np.ndarray, upper: np.ndarray) -> tuple[Interval, Interval]:
        """Gradient (n, dim) and Hessian's columns (n, dim, k) on the boxes ``lower``, ``upper`` (n, dim)."""
        n = lower.shape[0]
        ends = [(np.zeros((n, self.dim)), np.zeros((n, self.dim, len(self.free)))) for _ in range(2)]
        for place, low, high in self.rationals:
            for end, value in zip(ends, (low, high), strict=True):
                end[len(place) - 1][(slice(None), *place)] = value
        for start in range(0, n, self.n_boxes):
            rows = slice(start, min(start + self.n_boxes, n))
            low, high, bad = self._run(lower[rows], upper[rows])
            for place, register in self.outputs:
                for end, values in zip(ends, (low, high), strict=True):
                    end[len(place) - 1][(rows, *place)] = values[register]
            if bad.any():
                lost = start + np.flatnonzero(bad)
                for part in range(2):
                    ends[0][part][lost], ends[1][part][lost] = -np.inf, np.inf
        return Interval(ends[0][0], ends[1][0]), Interval(ends[0][1], ends[1][1])

    def _run(self, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        from separatrix.numerics.kernels.interval_machine import run

        n = lower.shape[0]
        low, high = np.empty((self.n_registers, n)), np.empty((self.n_registers, n))
        bad = np.zeros(n, dtype=np.int64)
        for register, i in self.inputs:
            low[register], high[register] = lower[:, i], upper[:, i]
        for register, number in self.fixed:
            low[register], high[register] = self.constants[number]
        for code, function in self.segments:
            if code.size:
                run(code, self.constants, low, high, bad)
            if function is not None:
                name, out, operand = function
                found = self._function(name, Interval(low[operand], high[operand]), bad)
                low[out], high[out] = found.lower, found.upper
        return low, high, bad

    def _function(self, name: str, u: Interval, bad: np.ndarray) -> Interval:
        if name == TAN:
            found, has_pole = circular_ranges.tan(u)
            bad[has_pole] = 1
            return found
        if name.endswith("of tanh"):
            return Interval(*activation_range("tanh", 1 if name.startswith("slope") else 2, u.lower, u.upper))
        return getattr(circular_ranges if name in ("sin", "cos", "atan", "sinh", "cosh") else interval_functions, name)(
            u
        )


def _entries(jet: Any, dim: int, free: tuple[int, ...]) -> list[tuple[tuple[int, ...], Any]]:
    """Entries that can differ from 0, with their places in the results."""
    found: list[tuple[tuple[int, ...], Any]] = [((i,), entry) for i, entry in jet.gradient.items()]
    if free:
        for i in range(dim):
            for column, j in enumerate(free):
                entry = jet.hessian.get((min(i, j), max(i, j)))
                if entry is not None:
                    found.append(((i, column), entry))
    return found


class Layout:
    """Registers of the needed steps, used again after their last use, and the code between two functions."""

    def __init__(self, recorder: Recorder, kept: set[int], guards: set[int]) -> None:
        steps = recorder.steps
        last: dict[int, int] = {}
        for k in range(len(steps) - 1, -1, -1):
            if k in kept or k in last or k in guards:
                last.setdefault(k, k)
                for operand in steps[k].operands:
                    last.setdefault(operand, k)
        self.register: dict[int, int] = {}
        self.inputs: list[tuple[int, int]] = []
        self.fixed: list[tuple[int, int]] = []
        self.segments: list[tuple[np.ndarray, tuple[str, int, int] | None]] = []
        self.n_registers = 0
        free: list[int] = []
        code: list[tuple[int, int, int, int]] = []
        for k, step in enumerate(steps):
            if k not in last:
                continue
            if step.operation in (INPUT, CONSTANT) or not free:
                out, self.n_registers = self.n_registers, self.n_registers + 1
            else:
                out = free.pop()
            self.register[k] = out
            operands = [self.register[operand] for operand in step.operands]
            if step.operation in (INPUT, CONSTANT):
                (self.inputs if step.operation == INPUT else self.fixed).append((out, step.number))
            elif step.operation in OPERATIONS:
                second = operands[1] if len(operands) > 1 else step.number
                code.append((OPERATIONS.index(step.operation), out, operands[0], second))
            else:
                self._close(code, (step.operation, out, operands[0]))
                code = []
            # inputs and constants are filled before the code runs: their registers are theirs alone
            done = {operand for operand in (*step.operands, k) if last[operand] == k and operand not in kept}
            free += [self.register[i] for i in sorted(done) if steps[i].operation not in (INPUT, CONSTANT)]
        self._close(code, None)

    def _close(self, code: list[tuple[int, int, int, int]], function: tuple[str, int, int] | None) -> None:
        self.segments.append((np.array(code, dtype=np.int64).reshape(-1, 4), function))
