"""Flows of ReLU networks from event to event: all 10,000 test images to rest, and polygons of small networks.

python benchmarks/relu_flow.py
"""

import time
from collections import Counter

import numpy as np
from machine import Usage, claim, facts, timed, write

import separatrix as sx
from separatrix.flow.piecewise_linear.rest import to_rest
from separatrix.flow.projection import Arena
from separatrix.potentials.head import NetworkPotential

WORKERS, SECONDS, EVENTS_A_SECOND = 2, 300.0, 1e5
SAMPLE, ROWS, FOREVER = 20, 20_000, 1e9
SMALL = ((2, 16), (2, 64))


def images() -> np.ndarray:
    """The test images, (10000, 784) in [0, 1]."""
    return sx.data.mnist().x_test.reshape(-1, 784) / 255.0


def at_rest(potential: NetworkPotential, starts: np.ndarray) -> dict:
    """Rows of images to rest with WORKERS processes; compiled before."""
    arena = Arena.of(potential, sx.Box.cube(784, 0, 1), "project")
    to_rest(arena, starts[:2])
    with Usage() as usage:
        ends, seconds = timed(lambda: to_rest(arena, starts, workers=WORKERS))
    return {
        "potential": potential.name, "workers": WORKERS, "rows": len(starts), "seconds": round(seconds, 1),
        "cpu_seconds": usage.cpu_seconds, "memory_gb": usage.gigabytes, "reasons": dict(Counter(ends.reason)),
        "events": int(ends.n_events.sum()), "events_a_row": round(float(ends.n_events.mean()), 1),
        "events_a_second": round(float(ends.n_events.sum() / seconds)),
        "median_time": round(float(np.median(ends.time)), 1),
    }  # fmt: skip


def random_margin(n: int, m: int, rng: np.random.Generator) -> NetworkPotential:
    """The margin of a random n-m-2 network."""
    weights = [rng.normal(size=(m, n)), rng.normal(size=(2, m)) / np.sqrt(m)]
    return sx.margin(sx.Network.from_arrays(weights, [rng.normal(size=m), np.zeros(2)]), 0, 1)


def polygons(n: int, m: int, domain: sx.Box | sx.WholeSpace) -> dict:
    """Events a second to rest of the margin of a random n-m-2 network, one thread; compiled before."""
    rng = np.random.default_rng(m)
    arena = Arena.of(random_margin(n, m, rng), domain, "project")
    starts = sx.Box.cube(n, -2, 2).uniform(ROWS, rng)
    to_rest(arena, starts[:2])
    begun, cpu = time.perf_counter(), time.process_time()
    ends = to_rest(arena, starts)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return {
        "network": f"{n}-{m}-2", "domain": repr(domain), "rows": ROWS, "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2), "events": int(ends.n_events.sum()), "reasons": dict(Counter(ends.reason)),
        "claims": [
            claim(f"{n}-{m}-2, {type(domain).__name__}: events a second", ends.n_events.sum() / seconds,
                  EVENTS_A_SECOND, at_least=True),
        ],
    }  # fmt: skip


def trajectories(n: int, m: int, domain: sx.Box | sx.WholeSpace, *, keep_paths: bool) -> dict:
    """The same as trajectories with their records, with and without the paths, one thread."""
    rng = np.random.default_rng(m)
    flow = sx.GradientFlow(random_margin(n, m, rng), domain)
    starts = sx.Box.cube(n, -2, 2).uniform(ROWS, rng)
    flow.trajectories(starts[:2], FOREVER, workers=1)
    begun, cpu = time.perf_counter(), time.process_time()
    found = flow.trajectories(starts, FOREVER, keep_paths=keep_paths, workers=1)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    events, kept = int(found.n_events.sum()), "paths kept" if keep_paths else "ends alone"
    return {
        "network": f"{n}-{m}-2", "domain": repr(domain), "trajectories": kept, "rows": ROWS, "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2), "events": events, "reasons": dict(Counter(found.reason)),
        "claims": [
            claim(f"trajectories of {n}-{m}-2, {type(domain).__name__}, {kept}: events a second", events / seconds,
                  EVENTS_A_SECOND, at_least=True),
        ],
    }  # fmt: skip


def main() -> None:
    """Measure and write."""
    machine, net, x = facts(), sx.data.network("mnist-relu"), images()
    whole = at_rest(sx.log_density(net), x)
    resting = whole["reasons"].get("sink", 0) / len(x)
    whole["claims"] = [
        claim("mnist-relu, log-density: seconds for 10,000 test images to rest", whole["seconds"], SECONDS, "s"),
        claim("mnist-relu, log-density: share of images at rest", resting, 1.0, at_least=True),
    ]
    odds = [at_rest(sx.log_odds(net, k), x[k * SAMPLE : (k + 1) * SAMPLE]) | {"claims": []} for k in range(10)]
    small = [polygons(n, m, domain) for n, m in SMALL for domain in (sx.Box.cube(n, -2, 2), sx.WholeSpace(n))]
    paths = [
        trajectories(n, m, domain, keep_paths=keep_paths)
        for n, m in SMALL
        for domain in (sx.Box.cube(n, -2, 2), sx.WholeSpace(n))
        for keep_paths in (False, True)
    ]
    write("relu_flow", [whole, *odds, *small, *paths], machine)


if __name__ == "__main__":
    main()
