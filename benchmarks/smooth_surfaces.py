"""Certified surfaces of smooth networks: time a simplex, embedded networks, random and saturated ones, slices of MNIST.

python benchmarks/smooth_surfaces.py
"""

import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from machine import claim, facts, write

import separatrix as sx
from separatrix.surface.smooth.chord_isotopy import chord_topology
from separatrix.surface.smooth.decision_surface_smooth import smooth_decision_surface

MICROSECONDS, FIRST_CALL = 22.0, 20.0
RANDOM, GRID = 40, 513
FIRST = """
import time; begun = time.perf_counter()
import numpy as np, separatrix as sx
from separatrix.surface.smooth.decision_surface_smooth import smooth_decision_surface
net = sx.Network.from_arrays([np.eye(2), np.ones((1, 2))], [np.zeros(2), np.array([0.3])], "tanh")
smooth_decision_surface(net, sx.Box.cube(2, -1, 1))
print(time.perf_counter() - begun)
"""


def random_network(sizes: tuple[int, ...], activation: str, seed: int, gain: float = 1.0) -> sx.Network:
    """Normal weights."""
    rng = np.random.default_rng(seed)
    weights = [gain * 1.5 * rng.normal(size=(b, a)) / (np.sqrt(a) if i else 1.0)
               for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:], strict=True))]  # fmt: skip
    return sx.Network.from_arrays(weights, [0.5 * rng.normal(size=b) for b in sizes[1:]], activation)


def measured(name: str, net: sx.Network, box: sx.Box) -> dict:
    """One surface, compiled before."""
    begun = time.process_time()
    surface = smooth_decision_surface(net, box)
    seconds = time.process_time() - begun
    return {
        "network": name, "architecture": net.architecture, "cpu_seconds": round(seconds, 3),
        "simplices": surface.n_tested, "cells": surface.cell_counts, "unsettled": len(surface.unsettled),
        "betti": surface.homology().betti, "certainty": str(surface.certainty),
        "microseconds_a_simplex": round(1e6 * seconds / surface.n_tested, 2), "claims": [],
    }  # fmt: skip


def embedded() -> list[dict]:
    """The embedded smooth networks with two or three inputs, on their boxes."""
    found = []
    for name in sx.data.networks():
        net = sx.data.network(name)
        if net.n_inputs <= 3 and not net.is_piecewise_linear:
            found.append(measured(name, net, sx.data.network_box(name)))
    return found


def random_plane(activation: str, gain: float) -> dict:
    """Random 2-8-8-2 networks: how many are settled, and agree with a grid in components."""
    from scipy import ndimage

    from separatrix.surface.smooth.decision_regions_smooth import smooth_decision_regions

    box, axis = sx.Box.cube(2, -1, 1), np.linspace(-1, 1, GRID)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    proved, agree, tested = 0, 0, []
    for seed in range(RANDOM):
        net = random_network((2, 8, 8, 2), activation, seed, gain)
        regions = smooth_decision_regions(net, box)
        m = np.diff(net.logits(points))[:, 0].reshape(GRID, GRID)
        proved += str(regions.certainty) == "proved"
        seen = ndimage.label(m < 0)[1], ndimage.label(m > 0)[1]
        agree += tuple(region.n_components for region in regions) == seen
        tested.append(regions.surface.n_tested)
    name = f"{RANDOM} random 2-8-8-2 {activation}, weights times {gain:g}"
    return {
        "networks": name, "proved": proved, "agree_with_grid": agree, "median_simplices": float(np.median(tested)),
        "claims": [claim(f"{name}: share proved", proved / RANDOM, 1.0, at_least=True)],
    }  # fmt: skip


def first_call() -> dict:
    """A process with empty caches, compilation included."""
    with tempfile.TemporaryDirectory() as folder:
        found = [
            float(subprocess.run([sys.executable, "-c", FIRST], env=os.environ | {"NUMBA_CACHE_DIR": folder},
                                 capture_output=True, text=True, check=True).stdout)
            for _ in range(2)
        ]  # fmt: skip
    return {
        "first_seconds": round(found[0], 2), "later_seconds": round(found[1], 2),
        "claims": [claim("first surface of a fresh environment", found[0], FIRST_CALL, "s")],
    }  # fmt: skip


def main() -> None:
    """Measure and write."""
    machine, results = facts(), [first_call()]
    cube = sx.Box.cube(3, -1, 1)
    smooth_decision_surface(random_network((2, 3, 2), "tanh", 0), sx.Box.cube(2, -1, 1))
    results += embedded()
    for sizes in ((3, 16, 8, 2), (3, 24, 16, 2)):
        made = measured(f"random {sizes}", random_network(sizes, "tanh", 1), cube)
        made["claims"] = [
            claim(f"{made['architecture']}: microseconds a simplex", made["microseconds_a_simplex"], MICROSECONDS, "us")
        ]
        results.append(made)
    results += [random_plane("tanh", gain) for gain in (1.0, 4.0)] + [random_plane("softplus", 1.0)]
    x = sx.data.mnist().x_test[:3].reshape(3, -1) / 255.0
    sliced = sx.data.network("mnist-sigmoid").restrict(sx.domains.AffineSlice.through(x))
    results.append(measured("mnist-sigmoid, plane through three digits", sliced, sx.Box.cube(2, -0.25, 1.25)))
    topology = chord_topology(random_network((2, 8, 2), "tanh", 1), sx.Box.cube(2, -1, 1))
    results.append({"chords": repr(topology), "tried": topology.tried, "proved": topology.is_proved, "claims": []})
    write("smooth_surfaces", results, machine)


if __name__ == "__main__":
    main()
