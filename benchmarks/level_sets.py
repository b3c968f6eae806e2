"""Level sets on grids: seconds beside gudhi's cubical persistence on the same grid, Betti numbers equal, events matched.

python benchmarks/level_sets.py
"""

import time

import gudhi
from machine import claim, facts, write

import separatrix as sx
from separatrix.data.known_flows import known_flow
from separatrix.morse.critical_points import critical_points
from separatrix.morse.levels.level_record import LevelSets
from separatrix.morse.levels.level_sets import level_sets
from separatrix.morse.levels.negated import negated
from separatrix.potentials.base import Potential

GOALS = {2: 1.0, 3: 10.0}
GRIDS = {2: 512, 3: 128}


def cases() -> list[tuple[str, Potential, sx.Box]]:
    """Formulas and networks in two and three dimensions."""
    found = [
        (name, known_flow(name).potential, known_flow(name).box)
        for name in ("himmelblau", "mueller-brown", "eight wells")
    ]
    for name in ("moons-tanh", "ring-tanh", "ball-tanh"):
        net = sx.data.network(name)
        found.append((name, sx.log_odds(net, 0), sx.Box.cube(net.n_inputs, -2, 2)))
    return found


def measured(name: str, potential: Potential, box: sx.Box) -> dict:
    """One function on the grid of its dimension, the lists of critical points given."""
    lists = [critical_points(f, box, "project") for f in (potential, negated(potential))]
    resolution = GRIDS[box.dim]
    level_sets(potential, box, 16, points=lists[0], negative=lists[1])  # compiled before
    begun = time.perf_counter()
    found = level_sets(potential, box, resolution, points=lists[0], negative=lists[1])
    seconds = time.perf_counter() - begun
    peer_seconds, equal = beside_gudhi(found)
    unmatched = len(found.unmatched) + sum(not event.matched for event in found.events)
    size = f"{resolution}^{box.dim}"
    return {
        "function": name, "grid": size, "seconds": round(seconds, 3), "gudhi_seconds": round(peer_seconds, 3),
        "tolerance": found.tolerance, "events": len(found.events),
        "claims": [
            claim(f"{name}, {size}: seconds", seconds, GOALS[box.dim], "s"),
            claim(f"{name}, {size}: times faster than gudhi", peer_seconds / seconds, 1.0, at_least=True),
            claim(f"{name}, {size}: Betti numbers as gudhi's", float(equal), 1.0, at_least=True),
            claim(f"{name}, {size}: events and points without a partner", unmatched, 0.0),
        ],
    }  # fmt: skip


def beside_gudhi(found: LevelSets) -> tuple[float, bool]:
    """Seconds of gudhi's persistence of {f >= c} on the same vertices, and whether it counts the same at all levels."""
    values = -found.values.reshape([n + 1 for n in found.shape])
    begun = time.perf_counter()
    peer = gudhi.CubicalComplex(vertices=values)
    peer.compute_persistence(homology_coeff_field=2)
    seconds = time.perf_counter() - begun
    equal = True
    for c in found.levels():
        theirs = peer.persistent_betti_numbers(-float(c), -float(c))
        equal &= tuple(theirs) == found.betti(float(c))[: len(theirs)]
    return seconds, equal


def main() -> None:
    """Measure and write."""
    machine = facts()
    write("level_sets", [measured(*case) for case in cases()], machine)


if __name__ == "__main__":
    main()
