"""The tree of classes of the embedded image networks: sinks and saddles of the log-density, proved, in one tree.

Known passes give rows to sinks sooner, or send them on that would settle below a pass. Both must be as full integration has it:
checked on a sample of 300 rows and on every row whose sink the passes change.

python benchmarks/landscape.py [network …]
"""

import sys

import numpy as np
from basins import rows_of, same, searched
from machine import Usage, claim, facts, timed, write

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.morse.landscape import landscape

NETWORKS = ("mnist-sigmoid", "mnist-tanh")
WORKERS, SECONDS = 2, 300.0
SAME = 0.99
ROWS, SAMPLE = 2000, 300


def measured(name: str) -> dict:
    """Seconds, what is proved, whether there is one tree, and what its passes do for basins."""
    data, net = sx.data.mnist(), sx.data.network(name)
    flow = sx.GradientFlow(sx.log_density(net), sx.Box.cube(784, 0, 1))
    x_train, x_test = (images.reshape(-1, 784) / 255.0 for images in (data.x_train, data.x_test))
    with Usage() as usage:
        sinks, first = timed(lambda: searched(flow, x_train, data.y_train))
        found, then = timed(lambda: landscape(flow, sinks=sinks, workers=WORKERS))
    points = len(found.sinks) + len(found.saddles)
    proved = (found.sinks.n_proved + found.saddles.n_proved) / points
    verified = np.mean(
        [orbit.certainty in (Certainty.PROVED, Certainty.VERIFIED) for orbit in found.connections.orbits]
    )
    passes = found.tree.class_passes()
    options = {"sinks": found.sinks, "workers": WORKERS}
    plain, plain_seconds = timed(lambda: flow.basins(x_test[:ROWS], **options))
    above, above_seconds = timed(lambda: flow.basins(x_test[:ROWS], pass_heights=found.tree.pass_heights, **options))
    changed = np.flatnonzero(~same(plain, above))
    rows = np.union1d(changed, np.random.default_rng(1).choice(ROWS, SAMPLE, replace=False))
    full = flow.basins(x_test[rows], above.sinks, full=True, workers=WORKERS)
    right = same(rows_of(above, rows), full)
    before = same(rows_of(plain, rows), full)
    return {
        "network": name, "workers": WORKERS, "seconds_sinks": round(first, 1), "seconds_landscape": round(then, 1),
        "cpu_seconds": usage.cpu_seconds, "sinks": len(found.sinks), "saddles": len(found.saddles),
        "rounds": [f"{turn.kind}: {turn.n_pairs} pairs, {turn.new_saddles} saddles, {turn.new_sinks} sinks, "
                   f"{turn.moved_joins} joins moved" for turn in found.rounds],
        "groups": len(found.tree.groups), "classes": len(passes.classes),
        "basins_seconds": [round(plain_seconds, 1), round(above_seconds, 1)], "rows_changed_by_passes": len(changed),
        "changed_rows_as_in_full": {"with_passes": int(right[np.isin(rows, changed)].sum()),
                                    "without": int(before[np.isin(rows, changed)].sum())},
        "claims": [
            claim(f"{name}: seconds for sinks, saddles, branches and tree", first + then, SECONDS, "s"),
            claim(f"{name}: share of sinks and saddles proved", proved, 1.0, at_least=True),
            claim(f"{name}: share of branches verified", float(verified), 1.0, at_least=True),
            claim(f"{name}: groups of sinks", len(found.tree.groups), 1),
            claim(f"{name}: pairs of classes with a known pass", float(np.isfinite(passes.heights).mean()), 1.0,
                  at_least=True),
            claim(f"{name}: labels with passes equal to full integration, {SAMPLE} images and all that passes change",
                  float(right.mean()), SAME, at_least=True),
        ],
    }  # fmt: skip


def main(names: list[str]) -> None:
    """Measure and write."""
    machine = facts()
    write("landscape", [measured(name) for name in names or NETWORKS], machine)


if __name__ == "__main__":
    main(sys.argv[1:])
