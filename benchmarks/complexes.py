"""Exact complexes of ReLU networks: cells a second, growth, memory, the surface alone, and peers on the same networks.

    python benchmarks/complexes.py [--peers FOLDER] [--short]

One thread. Networks: ``networks/`` (their README says what they are), the output inserted as a neuron. FOLDER: the peers'
virtual environment, by default ``out/peers_of_complexes``, made here from ``peers_of_complexes_requirements.txt`` if it is
not there; equal counts are checked before any ratio. ``--short``: no peers, no network of more than 3 million cells.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from machine import Usage, claim, exponent, facts, median_seconds, timed, write
from threadpoolctl import threadpool_limits

import separatrix as sx
from separatrix.networks.layers import Affine
from separatrix.surface.arrangement.cut import cut
from separatrix.surface.arrangement.linear_steps import linear_steps
from separatrix.surface.arrangement.pruning import first_row_vanishes
from separatrix.surface.linear_regions import linear_regions

HERE = Path(__file__).parent
ROW, REPEATS, PATIENCE = [[-1, 1]], 3, 120
# vertices and edges that two other programs count (float64), and goals: seconds, cells a second
NETWORKS: dict[str, tuple[int | None, int | None, float | None, float | None]] = {
    "r2_128x3": (22_881, 45_468, 0.15, None),
    "r2_256x3": (96_411, 192_220, 1.0, None),
    "r3_64x3": (None, None, None, 1e6),
    "r4_32x2": (167_270, 637_272, 2.0, 1e6),
    "r5_16x2": (31_329, 134_513, None, 1e6),
    "r6_12x2": (58_499, 288_185, None, 1e6),
    "r8_10x1": (None, None, 20.0, None),
}
LARGE, MEMORY = "r8_10x1", 6.0
# vertices and edges a second of relu_edge_subdivision, measured on a machine of this kind (it has no public wheel)
VERTICES_AND_EDGES = {"r4_32x2": 536e3, "r5_16x2": 1.51e6, "r6_12x2": 1.65e6}
GROWTH_WIDTHS = (8, 18, 44)


def network(name: str) -> tuple[sx.Network, np.ndarray, np.ndarray]:
    """A network of ``networks/`` with its box."""
    content = np.load(HERE / "networks" / f"{name}.npz")
    layers = range(sum(key.startswith("W") for key in content.files))
    net = sx.Network.from_arrays([content[f"W{i}"] for i in layers], [content[f"b{i}"] for i in layers])
    return net, content["lo"], content["hi"]


def random_network(widths: tuple[int, ...], seed: int) -> sx.Network:
    """Default initialisation of torch's Linear: uniform in +-1 / sqrt(inputs)."""
    rng, pairs = np.random.default_rng(seed), list(zip(widths, widths[1:], strict=False))
    weights = [rng.uniform(-1, 1, (out, n)) / np.sqrt(n) for n, out in pairs]
    return sx.Network.from_arrays(weights, [rng.uniform(-1, 1, out) / np.sqrt(n) for n, out in pairs])


def lattice(name: str) -> dict[str, Any]:
    """All cells of one network, and the surface alone."""
    net, lower, upper = network(name)
    steps = linear_steps(net, ROW)
    with Usage() as usage:
        found, seconds = timed(lambda: cut(steps, lower, upper))
    counts, exact = found.cells.counts, found.n_exact_decisions
    del found
    if name != LARGE:
        seconds = median_seconds(lambda: cut(steps, lower, upper), REPEATS)
    pruned, surface_seconds = timed(lambda: cut(steps, lower, upper, keep=first_row_vanishes))
    vertices, edges, most_seconds, least_rate = NETWORKS[name]
    if vertices is not None and counts[:2] != (vertices, edges):
        raise AssertionError(f"{name}: {counts[:2]} vertices and edges, expected {(vertices, edges)}")
    total, claims = sum(counts), []
    if most_seconds is not None:
        claims.append(claim(f"{name}: seconds for all {total:,} cells", seconds, most_seconds, "s"))
    if least_rate is not None:
        claims.append(claim(f"{name}: cells a second", total / seconds, least_rate, at_least=True))
    if name in VERTICES_AND_EDGES:
        text = f"{name}: cells a second against the vertices and edges of relu_edge_subdivision (figure)"
        claims.append(claim(text, total / seconds / VERTICES_AND_EDGES[name], 1.0, at_least=True))
    if name == LARGE and usage.gigabytes is not None:
        claims.append(claim(f"{name}: gigabytes at most", usage.gigabytes, MEMORY, "GB"))
    return {
        "network": name, "counts": counts, "cells": total, "seconds": round(seconds, 3),
        "cells_a_second": round(total / seconds), "exact_decisions": exact, "memory_gb": usage.gigabytes,
        "cells_with_surface_alone": sum(pruned.cells.counts), "seconds_surface_alone": round(surface_seconds, 3),
        "claims": claims,
    }  # fmt: skip


def growth() -> dict[str, Any]:
    """Seconds against cells: 4 inputs, two hidden layers, at three widths."""
    cells, seconds = [], []
    for width in GROWTH_WIDTHS:
        steps = linear_steps(random_network((4, width, width, 1), 0), ROW)
        found, once = timed(lambda steps=steps: cut(steps, -np.ones(4), np.ones(4)))
        cells.append(float(sum(found.cells.counts)))
        del found
        repeats = REPEATS if once < 5 else 1
        again = [timed(lambda steps=steps: cut(steps, -np.ones(4), np.ones(4)))[1] for _ in range(repeats)]
        seconds.append(float(np.median(again)))
    rates = [n / s for n, s in zip(cells, seconds, strict=True)]
    return {
        "what": "4-W-W-1", "widths": GROWTH_WIDTHS, "cells": cells, "seconds": [round(s, 3) for s in seconds],
        "cells_a_second": [round(rate) for rate in rates], "exponent": exponent(cells, seconds),
        "claims": [
            claim("exponent of the seconds in the number of cells", exponent(cells, seconds), 1.15),
            claim("largest over smallest time a cell from 10^4 to 10^7 cells", max(rates) / min(rates), 2.0),
        ],
    }  # fmt: skip


def environment(folder: Path) -> Path:
    """The Python of the peers' environment, made if it is not there."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        wanted = HERE / "peers_of_complexes_requirements.txt"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", wanted], check=True)
    return python


def peer(python: Path, name: str, net: sx.Network, repeats: int) -> dict[str, Any] | None:
    """Counts and seconds of a peer; None where it does not finish in time."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "net.npz", Path(folder) / "result.json"
        layers = [node.layer for node in net.nodes[1:] if isinstance(node.layer, Affine)]
        arrays = {f"W{i}": layer.weight for i, layer in enumerate(layers)}
        np.savez(source, **arrays, **{f"b{i}": layer.bias for i, layer in enumerate(layers)})
        call = [python, HERE / "peers_of_complexes.py", name, source, target, str(repeats)]
        try:
            subprocess.run(call, check=True, timeout=PATIENCE, stdout=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return None
        return json.loads(target.read_text(encoding="utf-8"))


def beside_regioncam(python: Path) -> list[dict[str, Any]]:
    """The plane: about 5,000, 22,588 and 95,810 regions, the same cells."""
    results = []
    for name, net, goal in (
        ("2-60-60-60-1", random_network((2, 60, 60, 60, 1), 1), 1.0),
        ("r2_128x3", network("r2_128x3")[0], None),
        ("r2_256x3", network("r2_256x3")[0], 5.0),
    ):
        steps = linear_steps(net, ROW)
        found = cut(steps, -np.ones(2), np.ones(2))
        seconds = median_seconds(lambda steps=steps: cut(steps, -np.ones(2), np.ones(2)), REPEATS)
        theirs = peer(python, "regioncam", net, REPEATS)
        if theirs is None or tuple(theirs["counts"]) != found.cells.counts:
            raise AssertionError(f"{name}: regioncam has {theirs}, we have {found.cells.counts}")
        ratio, regions = theirs["seconds"] / seconds, found.cells.counts[2]
        text = f"{name}: how many times as fast as regioncam, {regions:,} regions"
        results.append({
            "network": name, "regions": regions, "seconds": round(seconds, 4), "regioncam": theirs,
            "claims": [] if goal is None else [claim(text, ratio, goal, at_least=True)],
        })  # fmt: skip
    return results


def beside_relucent(python: Path) -> list[dict[str, Any]]:
    """Linear regions of the whole space with all their cells, on networks that relucent finishes."""
    results = []
    for widths, seed in (((2, 10, 5, 1), 0), ((2, 20, 10, 1), 0), ((3, 8, 5, 1), 0)):
        net, name = random_network(widths, seed), "-".join(map(str, widths))
        seconds = median_seconds(lambda net=net: linear_regions(net), REPEATS)
        counts, theirs = linear_regions(net).cell_counts, peer(python, "relucent", net, 1)
        if theirs is not None and tuple(theirs["counts"]) != counts:
            raise AssertionError(f"{name}: relucent has {theirs}, we have {counts}")
        text = f"{name}: how many times as many regions a second as relucent, {counts[-1]:,} regions"
        results.append({
            "network": name, "counts": counts, "seconds": round(seconds, 4), "relucent": theirs or "not finished",
            "claims": [] if theirs is None else [claim(text, theirs["seconds"] / seconds, 500.0, at_least=True)],
        })  # fmt: skip
    return results


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Exact complexes of ReLU networks.")
    parser.add_argument("--peers", type=Path, default=HERE.parent / "out" / "peers_of_complexes")
    parser.add_argument("--short", action="store_true")
    chosen, machine = parser.parse_args(), facts()
    with threadpool_limits(limits=1):
        cut(linear_steps(network("r5_16x2")[0], ROW), -np.ones(5), np.ones(5), keep=first_row_vanishes)
        names = [name for name in NETWORKS if not (chosen.short and name == LARGE)]
        results = [lattice(name) for name in names]
        if not chosen.short:
            python = environment(chosen.peers)
            results += [growth(), *beside_regioncam(python), *beside_relucent(python)]
    print(write("complexes", results, machine))


if __name__ == "__main__":
    main()
