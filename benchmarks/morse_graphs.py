"""Morse graphs of known systems and of tanh classifiers beside CMGDB; time and memory a box of the outer approximation.

    python benchmarks/morse_graphs.py [--peers FOLDER] [--short]

FOLDER: the peer's virtual environment, by default ``out/peers_of_morse_graphs``, made here from
``peers_of_morse_graphs_requirements.txt`` if it is not there. ``--short``: no peer. One thread.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
from machine import claim, facts, median_seconds, write
from threadpoolctl import threadpool_limits

import separatrix as sx
from separatrix.conley.morse_graph import morse_graph
from separatrix.conley.outer_approximation import outer_approximation
from separatrix.data.known_flows import known_flow
from separatrix.networks.layers import Affine

HERE = Path(__file__).parent
# pairs of the order: products by counting, Himmelblau, Mueller-Brown and the Gaussians also by sampled orbits in the tests
SYSTEMS = {"double well": 2, "four wells": 16, "tilted hat": 3, "tilted hat in 3-D": 3, "himmelblau": 16, "mueller-brown": 4,
           "eight wells": 98, "three gaussians": 12}  # fmt: skip
CLASSIFIERS = ("moons-tanh", "circles-tanh", "blobs-tanh", "ring-tanh")
AT_ONCE, TIMES, CLASSIFIER_SECONDS, FIRST_CALL = 0.5, 5.0, 2.0, 20.0
REPEATS, PATIENCE = 3, 300
FIRST = """
import time; begun = time.perf_counter()
import separatrix as sx
from separatrix.conley.morse_graph import morse_graph
from separatrix.data.known_flows import known_flow
system = known_flow("himmelblau")
morse_graph(sx.GradientFlow(system.potential, system.box, "exit"))
print(time.perf_counter() - begun)
"""


def system(name: str, python: Path | None) -> dict[str, Any]:
    """One known system: nodes, indices and order against what is known, seconds beside CMGDB's."""
    known = known_flow(name)
    flow = sx.GradientFlow(known.potential, known.box, "exit")
    found = morse_graph(flow)
    counts = tuple(np.bincount(found.points.indices, minlength=known.potential.dim + 1).tolist())
    indices = [f"H_{index} = Z" for index in found.points.indices]
    right = counts == known.counts and [one.conley_index for one in found.sets] == indices and found.isolates
    exact = found.order_is_exact and found.n_pairs == SYSTEMS[name]
    seconds = median_seconds(lambda: morse_graph(flow), REPEATS)
    other = morse_graph(flow, method="time-T map")
    agrees = other.names == found.names and bool((other.order == found.order).all()) and other.order_is_exact
    time_map = {"time": other.time, "seconds": round(other.provenance.seconds, 3) if other.provenance else None}
    theirs = None if python is None else peer(python, name)
    faster = 0.0 if theirs is None else theirs["seconds"] / seconds
    text = f"{name}: under {AT_ONCE} s, or {TIMES:g} times as fast as CMGDB (1 and more: met)"
    return {
        "system": name, "counts": counts, "pairs": found.n_pairs, "order": str(found.order_certainty),
        "seconds": round(seconds, 3), "cmgdb": theirs, "times_as_fast": round(faster, 2), "time_map": time_map,
        "claims": [
            claim(f"{name}: Morse sets one to one with the equilibria, indices right", float(right), 1.0, at_least=True),
            claim(f"{name}: order exact, {SYSTEMS[name]} pairs", float(exact), 1.0, at_least=True),
            claim(f"{name}: the time-T map has the same order", float(agrees), 1.0, at_least=True),
            claim(text, max(AT_ONCE / seconds, faster / TIMES), 1.0, at_least=True),
        ],
    }  # fmt: skip


def classifier(name: str, python: Path | None) -> dict[str, Any]:
    """The log-odds of class 0 on [-2, 2]^2: complete, exact order, seconds beside CMGDB's."""
    net = sx.data.network(name)
    flow = sx.GradientFlow(sx.log_odds(net, 0), sx.Box.cube(2, -2, 2), "exit")
    found = morse_graph(flow)
    right = found.points.is_complete and found.order_is_exact and len(found) == len(found.points)
    seconds = median_seconds(lambda: morse_graph(flow), 1)
    theirs = None
    if python is not None:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "net.npz"
            layers = [node.layer for node in net.nodes[1:] if isinstance(node.layer, Affine)]
            arrays: dict[str, Any] = {f"W{i}": layer.weight for i, layer in enumerate(layers)}
            np.savez(source, **arrays, **{f"b{i}": layer.bias for i, layer in enumerate(layers)})
            theirs = peer(python, "network", str(source))
    return {
        "network": name, "counts": np.bincount(found.points.indices, minlength=3).tolist(), "pairs": found.n_pairs,
        "order": str(found.order_certainty), "seconds": round(seconds, 3), "cmgdb": theirs,
        "claims": [
            claim(f"{name}: complete, order exact", float(right), 1.0, at_least=True),
            claim(f"{name}: seconds", seconds, CLASSIFIER_SECONDS, "s"),
        ],
    }  # fmt: skip


def environment(folder: Path) -> Path:
    """The Python of the peer's environment, made if it is not there."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        wanted = HERE / "peers_of_morse_graphs_requirements.txt"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", wanted], check=True)
    return python


def peer(python: Path, name: str, *source: str) -> dict[str, Any] | None:
    """What CMGDB finds, and its best seconds; None where it does not finish in time."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "result.json"
        call = [python, HERE / "peers_of_morse_graphs.py", name, target, "1" if source else str(REPEATS), *source]
        try:
            subprocess.run(call, check=True, timeout=PATIENCE, stdout=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return None
        return json.loads(target.read_text(encoding="utf-8"))


def growth() -> dict[str, Any]:
    """Graph and components of the four wells from 10^4 to 10^6 boxes: seconds and peak memory a box."""
    known, sizes, each, bytes_each = known_flow("four wells"), [], [], []
    for depth in (7, 8, 9, 10):

        def build(depth: int = depth) -> int:
            found = outer_approximation(known.potential, known.box, depth=depth)
            return int(found.labels.size)

        sizes.append(build())
        each.append(median_seconds(build, REPEATS) / sizes[-1])
        tracemalloc.start()
        build()
        bytes_each.append(tracemalloc.get_traced_memory()[1] / sizes[-1])
        tracemalloc.stop()
    return {
        "what": "outer approximation with its components", "boxes": sizes,
        "microseconds_a_box": [round(1e6 * s, 3) for s in each], "bytes_a_box": [round(b) for b in bytes_each],
        "claims": [
            claim("largest over smallest time a box from 10^4 to 10^6 boxes", max(each) / min(each), 2.0),
            claim("peak bytes a box", max(bytes_each), 200.0, "B"),
        ],
    }  # fmt: skip


def first_call() -> dict[str, Any]:
    """A process that has compiled nothing yet."""
    with tempfile.TemporaryDirectory() as folder:
        variables = {**os.environ, "NUMBA_CACHE_DIR": folder}
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", FIRST], check=True, env=variables, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begun
    return {"what": "first call", "seconds": round(seconds, 2),
            "claims": [claim("first Morse graph of a fresh process", seconds, FIRST_CALL, "s")]}  # fmt: skip


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Morse graphs.")
    parser.add_argument("--peers", type=Path, default=HERE.parent / "out" / "peers_of_morse_graphs")
    parser.add_argument("--short", action="store_true")
    chosen, machine = parser.parse_args(), facts()
    python = None if chosen.short else environment(chosen.peers)
    with threadpool_limits(limits=1):
        results = [system(name, python) for name in SYSTEMS]
        results += [classifier(name, python) for name in CLASSIFIERS]
        results += [growth(), first_call()]
    print(write("morse_graphs", results, machine))


if __name__ == "__main__":
    main()
