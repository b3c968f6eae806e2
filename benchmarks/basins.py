"""The flow of the log-density from all 10,000 test images to proved sinks, and how far its labels can be trusted.

Two checks: full integration (no row settles early) of a sample of 300, and for 40 of these a finer start
(Dormand-Prince at tolerance 1e-6 up to t = 2, then full integration).

    python benchmarks/basins.py [network …]
"""

import sys

import numpy as np
from machine import Usage, claim, facts, timed, write
from threadpoolctl import threadpool_limits

import separatrix as sx

GOALS = {"mnist-sigmoid": (120.0, 0.005), "mnist-tanh": (240.0, 0.01)}
SAMPLE, WORKERS, MEMORY, AGREEMENT = 300, 2, 4.0, 0.99
FINE_SAMPLE, FINE, FINE_TIME = 40, 1e-6, 2.0
FIRST, LATER, BLENDS, ROUNDS, QUIET = 40, 20, 50, 6, 2


def searched(flow: sx.GradientFlow, x: np.ndarray, y: np.ndarray) -> sx.CriticalPoints:
    """Sinks from digits of every class and blends of two digits, in rounds, until two of them bring nothing new."""
    rng, search, quiet = np.random.default_rng(0), flow.search(), 0
    for turn in range(ROUNDS):
        count = LATER if turn else FIRST
        own = np.concatenate([x[rng.choice(np.flatnonzero(y == k), count, replace=False)] for k in range(10)])
        first, second = rng.integers(0, len(own), (2, BLENDS))
        share = rng.random((BLENDS, 1))
        starts = np.concatenate([own, np.clip(share * own[first] + (1 - share) * own[second], 0, 1)])
        quiet = 0 if search.add(starts, WORKERS) else quiet + 1
        if quiet == QUIET:
            break
    return flow.named(search.record())


def same(one: sx.Basins, other: sx.Basins) -> np.ndarray:
    """Which rows reach the same sink in both records, whose lists of sinks may differ at their ends."""
    both = (one.label >= 0) & (other.label >= 0)
    gap = np.abs(one.sinks.points[one.label] - other.sinks.points[other.label]).max(axis=1)
    return both & (gap < 1e-4)


def same_class(net: sx.Network, one: sx.Basins, other: sx.Basins) -> np.ndarray:
    """Which rows reach sinks of the same class."""
    reached = [np.where(found.label >= 0, net.predict(found.sinks.points)[found.label], -1) for found in (one, other)]
    return (reached[0] == reached[1]) & (reached[0] >= 0)


def rows_of(basins: sx.Basins, rows: np.ndarray) -> sx.Basins:
    """The record of some of the rows."""
    import dataclasses

    return dataclasses.replace(basins, label=basins.label[rows], steps=basins.steps[rows],
                               reason=tuple(basins.reason[row] for row in rows))  # fmt: skip


def measured(name: str) -> dict:
    """Seconds, memory, unresolved share, agreement."""
    data, net = sx.data.mnist(), sx.data.network(name)
    x_train, x_test = (images.reshape(-1, 784) / 255.0 for images in (data.x_train, data.x_test))
    flow = sx.GradientFlow(sx.log_density(net), sx.Box.cube(784, 0, 1))
    sinks, search_seconds = timed(lambda: searched(flow, x_train, data.y_train))
    with Usage() as usage:
        basins, seconds = timed(lambda: flow.basins(x_test, sinks, workers=WORKERS))
    unresolved = basins.n_unresolved / len(x_test)
    rows = np.sort(np.random.default_rng(1).choice(len(x_test), SAMPLE, replace=False))
    part = rows_of(basins, rows)
    full, full_seconds = timed(lambda: flow.basins(x_test[rows], basins.sinks, full=True, workers=WORKERS))
    few = rows[:: SAMPLE // FINE_SAMPLE][:FINE_SAMPLE]
    with threadpool_limits(limits=1):
        begun = flow.trajectories(x_test[few], FINE_TIME, FINE, FINE, keep_paths=False)
    fine, few_labels = flow.basins(begun.end, basins.sinks, full=True), rows_of(basins, few)
    seconds_goal, share_goal = GOALS.get(name, GOALS["mnist-tanh"])
    return {
        "network": name, "workers": WORKERS, "images": len(x_test), "seconds": round(seconds, 1),
        "memory_gb": usage.gigabytes, "cpu_seconds": usage.cpu_seconds, "unresolved": basins.n_unresolved,
        "sinks_searched": len(sinks), "search_seconds": round(search_seconds, 1), "sinks_after": len(basins.sinks),
        "proved": basins.sinks.n_proved, "settled_early": sum(why.startswith("settled") for why in basins.reason),
        "full_seconds_for_sample": round(full_seconds, 1), "full_unresolved": full.n_unresolved,
        "same_sink_as_full": float(same(part, full).mean()),
        "same_class_as_full": float(same_class(net, part, full).mean()),
        "same_sink_as_fine": float(same(few_labels, fine).mean()),
        "same_class_as_fine": float(same_class(net, few_labels, fine).mean()),
        "claims": [
            claim(f"{name}: seconds for the flow of 10,000 test images", seconds, seconds_goal, "s"),
            claim(f"{name}: share unresolved", unresolved, share_goal),
            claim(f"{name}: share of sinks proved", basins.sinks.n_proved / len(basins.sinks), 1.0, at_least=True),
            claim(f"{name}: labels equal to full integration, sample of {SAMPLE}", same(part, full).mean(), AGREEMENT,
                  at_least=True),
            *([claim(f"{name}: peak memory", usage.gigabytes, MEMORY, "GB")] if usage.gigabytes else []),
        ],
    }  # fmt: skip


def main(names: list[str]) -> None:
    """Measure and write."""
    machine = facts()
    write("basins", [measured(name) for name in names or GOALS], machine)


if __name__ == "__main__":
    main(sys.argv[1:])
