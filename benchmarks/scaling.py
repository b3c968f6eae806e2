"""How the cost of gradients and of trajectories grows, each at three sizes: time a row, and the exponent.

One thread. Gradients: value and gradient of a log-odds of n-256-10 tanh networks with random weights. Trajectories: a
log-odds of ``mnist-tanh`` from uniform points at tolerance 1e-6: up to t = 50 in the whole space, reduced to the row
space of the first layer, and up to t = 2 on the box, where most steps end at one of the 1,568 sides.

    python benchmarks/scaling.py
"""

import numpy as np
from machine import claim, exponent, facts, median_seconds, timed, write
from threadpoolctl import threadpool_limits

import separatrix as sx

INPUTS, HIDDEN, CLASSES, BATCH, REPEATS = (196, 784, 3136), 256, 10, 512, 5
TOLERANCE = 1e-6


def gradients() -> dict:
    """Microseconds a row against the number of inputs."""
    rng, seconds = np.random.default_rng(0), []
    for n in INPUTS:
        weights = [rng.standard_normal((HIDDEN, n)) / np.sqrt(n), rng.standard_normal((CLASSES, HIDDEN)) / 16.0]
        net = sx.Network.from_arrays(weights, [np.zeros(HIDDEN), np.zeros(CLASSES)], "tanh")
        potential, x = sx.log_odds(net, 0), rng.random((BATCH, n))
        seconds.append(
            median_seconds(lambda potential=potential, x=x: potential.value_and_gradient(x), REPEATS) / BATCH
        )
    growth = exponent([float(n) for n in INPUTS], seconds)
    return {
        "what": "value and gradient of a log-odds, n-256-10 tanh", "inputs": INPUTS,
        "microseconds_a_row": [round(1e6 * s, 2) for s in seconds], "exponent": growth,
        "claims": [claim("exponent of the cost of a gradient in the number of inputs", growth, 1.15)],
    }  # fmt: skip


def trajectories(where: str, domain: sx.Box | sx.WholeSpace, t_max: float, rows: tuple[int, ...]) -> dict:
    """Seconds and evaluations a row against the number of rows."""
    flow = sx.GradientFlow(sx.log_odds(sx.data.network("mnist-tanh"), 3), domain)
    starts = np.random.default_rng(1).random((rows[-1], 784))
    flow.trajectories(starts[:4], 0.1)
    seconds, evaluations, reasons = [], [], []
    for n in rows:
        found, took = timed(lambda n=n: flow.trajectories(starts[:n], t_max, TOLERANCE, TOLERANCE, keep_paths=False))
        seconds.append(took)
        evaluations.append(float(found.n_evaluations.mean()))
        reasons.append(sorted(set(found.reason)))
    growth = exponent([float(n) for n in rows], seconds)
    return {
        "what": f"trajectories of a log-odds of mnist-tanh to t = {t_max:g}, {where}", "rows": rows,
        "milliseconds_a_row": [round(1e3 * s / n, 3) for s, n in zip(seconds, rows, strict=True)],
        "evaluations_a_row": [round(count, 1) for count in evaluations],
        "microseconds_an_evaluation": [
            round(1e6 * s / (n * count), 2) for s, n, count in zip(seconds, rows, evaluations, strict=True)
        ],
        "reasons": reasons[-1], "exponent": growth,
        "claims": [claim(f"exponent of the cost of trajectories in the number of rows, {where}", growth, 1.15)],
    }  # fmt: skip


def main() -> None:
    """Measure and write."""
    machine = facts()
    with threadpool_limits(limits=1):
        results = [
            gradients(),
            trajectories("whole space", sx.WholeSpace(784), 50.0, (50, 150, 450)),
            trajectories("on the box", sx.Box.cube(784, 0, 1), 2.0, (10, 40, 160)),
        ]
    write("scaling", results, machine)


if __name__ == "__main__":
    main()
