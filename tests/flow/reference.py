"""A fine reference integrator of the projected flow: DOP853 at 1e-11 from event to event, one coordinate an event.

Which coordinates are held is a state of its own here, changed by events only; nothing is taken from the library.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp


def solve(gradient, box, start, t_max, boundary="project", pieces=100, tolerance=1e-11):
    """(time reached, point, number of events, whether it left) of the flow of ``gradient`` ((dim,) -> (dim,))."""
    lower, upper = (np.full(len(start), side) for side in (-np.inf, np.inf)) if box is None else (box.lower, box.upper)
    x, t, events = np.array(start, dtype=float), 0.0, 0
    slope = gradient(x)
    held = np.where((x <= lower) & (slope <= 0), -1, np.where((x >= upper) & (slope >= 0), 1, 0))
    if boundary == "exit" and (held * slope != 0).any():
        return 0.0, x, 0, True
    if boundary == "exit":
        held[:] = 0
    while t < t_max:
        field = lambda _, y, held=held: np.where(held != 0, 0.0, gradient(y))  # noqa: E731
        crossings = [
            Crossing(i, side, int(held[i]), gradient, (lower, upper)[side > 0][i])
            for i in range(len(x))
            for side in (-1, 1)
            if held[i] == side or (not held[i] and np.isfinite((lower, upper)[side > 0][i]))
        ]
        done = solve_ivp(
            field,
            (t, t_max),
            x,
            "DOP853",
            events=crossings or None,
            rtol=tolerance,
            atol=0.01 * tolerance,
            max_step=t_max / pieces,
        )
        assert done.success
        t, x = float(done.t[-1]), done.y[:, -1].copy()
        x = np.where(held < 0, lower, np.where(held > 0, upper, x))
        if done.status == 0:
            break
        events += 1
        for event, times in zip(crossings, done.t_events, strict=True):
            if len(times):
                if held[event.coordinate]:
                    held[event.coordinate] = 0
                else:
                    x[event.coordinate] = (lower, upper)[event.side > 0][event.coordinate]
                    held[event.coordinate] = event.side
                    if boundary == "exit":
                        return t, x, events, True
        x = np.clip(x, lower, upper)
    return t, x, events, False


class Crossing:
    """Falls through zero where a free coordinate meets a side, or where a held one's gradient turns inward."""

    terminal, direction = True, -1

    def __init__(self, coordinate, side, held, gradient, wall):
        self.coordinate, self.side, self.held, self.gradient, self.wall = coordinate, side, held, gradient, wall

    def __call__(self, t, y):
        if self.held:
            return self.held * self.gradient(y)[self.coordinate]
        return self.side * (self.wall - y[self.coordinate])


def gradient_of(potential):
    """The gradient at one point."""
    return lambda x: potential.gradient(x[None])[0]
