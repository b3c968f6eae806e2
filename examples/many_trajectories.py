"""A million trajectories on a cluster, and on again after a kill: ``python examples/many_trajectories.py [options]``.

Uniform points of the box flow up the log-density of an embedded network; every point is told its sink. The work goes to a
Dask cluster (``--cluster tcp://host:8786``, its workers started with ``dask worker tcp://host:8786 --nthreads 1``) or to
processes of this machine (``--workers N``). What is finished is kept in ``--folder`` every ten seconds; the same command goes
on from there, with as many workers as there are then, and the answer is the same to the last bit.
"""

import argparse
import time

import numpy as np

import separatrix as sx
from separatrix.cli.progress import shown_progress


def main(arguments: list[str] | None = None) -> sx.Analysis:
    """Follow the trajectories and print which share of the box flows to which sink."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000, help="trajectories")
    parser.add_argument("--network", default="blobs-tanh")
    parser.add_argument("--cluster", default=None, help="address of a Dask scheduler")
    parser.add_argument("--workers", type=int, default=-1)
    parser.add_argument("--folder", default="out/many-trajectories")
    asked = parser.parse_args(arguments)
    net, box = sx.data.network(asked.network), sx.Box.cube(2, -2, 2)
    samples, begun = box.uniform(asked.count, np.random.default_rng(0)), time.perf_counter()
    with shown_progress(False) as progress:
        found = sx.analyze(
            net, box, samples=samples, potential="log-density", surface=False, passes=False, cluster=asked.cluster,
            workers=asked.workers, resume=asked.folder, progress=progress,
        )  # fmt: skip
    basins = found.flow[0].basins if found.flow else None
    if not found.is_finished or basins is None:
        print("interrupted; the same command goes on")
        return found
    print(f"{asked.count:,} trajectories in {time.perf_counter() - begun:.0f} s, {basins.n_unresolved:,} unresolved")
    for number, (point, share) in enumerate(zip(basins.sinks.points, basins.shares, strict=True)):
        print(f"sink {number} at {np.round(point, 3)}: {100 * share:.2f} % of the box")
    return found


if __name__ == "__main__":
    main()
