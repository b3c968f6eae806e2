"""All sinks of the ten log-odds on [0, 1]^784, from 20 digits and 10 uniform points a class, every one proved.

python benchmarks/sinks.py [network …]
"""

import statistics
import sys

import numpy as np
from machine import claim, facts, timed, write

import separatrix as sx

NETWORKS = ("mnist-sigmoid", "mnist-tanh")
DIGITS, REPEATS, WORKERS, GOAL = 20, 3, 2, 20.0


def digits() -> tuple[np.ndarray, np.ndarray]:
    """The first 20 training digits of every class, pixels / 255, with labels."""
    data = sx.data.mnist()
    rows = np.concatenate([np.flatnonzero(data.y_train == k)[:DIGITS] for k in range(10)])
    return data.x_train[rows].reshape(-1, 784) / 255.0, data.y_train[rows].astype(np.int64)


def measured(name: str) -> dict:
    """Seconds with two processes (median, start of the processes included), and what was found."""
    net, data, box = sx.data.network(name), digits(), sx.Box.cube(784, 0, 1)
    runs = [
        timed(lambda: sx.analyze(net, box, data, potential="log-odds", basins=False, workers=WORKERS))
        for _ in range(REPEATS)
    ]
    analysis, seconds = runs[-1][0], [run[1] for run in runs]
    sinks = [portrait.sinks for portrait in analysis.flow]
    starts = sum(found.label.size for found in sinks)
    led = sum(int((found.label >= 0).sum()) for found in sinks)
    total, proved = sum(len(found) for found in sinks), sum(found.n_proved for found in sinks)
    return {
        "network": name, "workers": WORKERS, "seconds": [round(s, 2) for s in seconds], "starts": starts,
        "starts_that_led_to_a_sink": led, "sinks": total, "proved": proved,
        "sinks_a_class": [len(found) for found in sinks],
        "claims": [claim(f"{name}: seconds for the sinks of ten log-odds", statistics.median(seconds), GOAL, "s"),
                   claim(f"{name}: share of sinks proved", proved / max(total, 1), 1.0, at_least=True),
                   claim(f"{name}: share of starts that led to a sink", led / starts, 1.0, at_least=True)],
    }  # fmt: skip


def main(names: list[str]) -> None:
    """Measure and write."""
    machine = facts()
    write("sinks", [measured(name) for name in names or NETWORKS], machine)


if __name__ == "__main__":
    main(sys.argv[1:])
