"""All equilibria of known systems and of the embedded smooth networks: counts, proofs, seconds; Lennard-Jones; enclosures a box.

python benchmarks/critical_points.py
"""

import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from lennard_jones import lennard_jones
from machine import claim, facts, write

import separatrix as sx
from separatrix.data.known_flows import KnownFlow, known_flow, known_flows
from separatrix.morse.critical_points import critical_points
from separatrix.potentials.base import Potential

SMALL, ROTATED, FIRST_CALL = 2.0, 60.0, 20.0
POLYNOMIAL, NETWORK, BOXES = 1.0, 20.0, 4096
FIRST = """
import time; begun = time.perf_counter()
from separatrix.data.known_flows import known_flow
from separatrix.morse.critical_points import critical_points
system = known_flow("himmelblau")
critical_points(system.potential, system.box)
print(time.perf_counter() - begun)
"""


def system(known: KnownFlow) -> dict:
    """All points of a known system, compiled before; its counts and completeness against what is known."""
    begun = time.perf_counter()
    found = critical_points(known.potential, known.box)
    seconds = time.perf_counter() - begun
    counts = tuple(np.bincount(found.indices, minlength=known.potential.dim + 1).tolist())
    proved = found.n_proved == len(found)
    right = counts == known.counts and found.is_complete and proved
    claims = [claim(f"{known.name}: all points, proved, complete", float(right), 1.0, at_least=True)]
    if known.potential.dim <= 3:
        claims.append(claim(f"{known.name}: seconds", seconds, SMALL, "s"))
    elif known.name == "rotated wells in 4-D":
        claims.append(claim(f"{known.name}: seconds", seconds, ROTATED, "s"))
    return {
        "system": known.name,
        "counts": counts,
        "seconds": round(seconds, 3),
        "boxes": boxes_of(found),
        "claims": claims,
    }


def boxes_of(found: sx.CriticalPoints) -> int:
    """Boxes that the search asked."""
    return int(found.provenance.tolerances["boxes"])


def embedded(name: str) -> dict:
    """The interior equilibria of the log-odds of class 0 of an embedded smooth network on its box."""
    net = sx.data.network(name)
    begun = time.perf_counter()
    found = critical_points(sx.log_odds(net, 0), sx.data.network_box(name))
    seconds = time.perf_counter() - begun
    counts = np.bincount(found.indices, minlength=net.n_inputs + 1).tolist()
    claims = [claim(f"{name}: complete", float(found.is_complete), 1.0, at_least=True)]
    if net.n_inputs == 2:
        claims.append(claim(f"{name}: seconds", seconds, SMALL, "s"))
    return {"network": name, "widths": net.architecture, "counts": counts, "seconds": round(seconds, 3),
            "boxes": boxes_of(found), "claims": claims}  # fmt: skip


def microseconds(potential: Potential, box: sx.Box) -> float:
    """Process time a box of gradient and Hessian on random boxes, the best of five."""
    rng = np.random.default_rng(0)
    lower, upper = (np.broadcast_to(side, potential.dim) for side in (box.lower, box.upper))
    low = lower + 0.8 * (upper - lower) * rng.random((BOXES, potential.dim))
    high = low + (upper - lower) * 10.0 ** rng.uniform(-5.0, -1.0, (BOXES, 1))
    potential.enclose_batch(low, high)
    spent = []
    for _ in range(5):
        begun = time.process_time()
        potential.enclose_batch(low, high)
        spent.append(time.process_time() - begun)
    return 1e6 * min(spent) / BOXES


def enclosures() -> dict:
    """What enclosures cost a box."""
    himmelblau, moons = known_flow("himmelblau"), sx.log_odds(sx.data.network("moons-tanh"), 0)
    polynomial, network = microseconds(himmelblau.potential, himmelblau.box), microseconds(moons, sx.Box.cube(2, -2, 2))
    return {
        "himmelblau_us": round(polynomial, 3), "moons_tanh_us": round(network, 2),
        "claims": [claim("enclosures of a polynomial, a box", polynomial, POLYNOMIAL, "us"),
                   claim("enclosures of a 2-16-16-2 network, a box", network, NETWORK, "us")],
    }  # fmt: skip


def first_call() -> dict:
    """A process with empty caches, compilation included, and the one after it."""
    with tempfile.TemporaryDirectory() as folder:
        found = [
            float(subprocess.run([sys.executable, "-c", FIRST], env=os.environ | {"NUMBA_CACHE_DIR": folder},
                                 capture_output=True, text=True, check=True).stdout)
            for _ in range(2)
        ]  # fmt: skip
    return {
        "first_seconds": round(found[0], 2), "later_seconds": round(found[1], 2),
        "claims": [claim("first list of a fresh environment", found[0], FIRST_CALL, "s")],
    }  # fmt: skip


def smooth_networks() -> list[str]:
    """The embedded smooth networks with two or three inputs."""
    names = [name for name in sx.data.networks() if sx.data.network(name).n_inputs <= 3]
    return [name for name in names if not sx.data.network(name).is_piecewise_linear]


def main() -> None:
    """Measure and write."""
    machine, results = facts(), [first_call(), enclosures()]
    critical_points(known_flow("double well").potential, known_flow("double well").box)
    results += [system(known_flow(name)) for name in known_flows()]
    results += [embedded(name) for name in smooth_networks()]
    results.append(lennard_jones())
    write("critical_points", results, machine)


if __name__ == "__main__":
    main()
