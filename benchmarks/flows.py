"""The free flow of networks against diffrax, torchode and torchdiffeq, and how its cost grows with the number of rows.

1,000 uniform starts in [0, 1]^784, t = 50, tolerance 1e-6, float64; the log-odds and the probability of one class, of a
trained 784-256-10 tanh network, ``mnist-tanh``, and of an untrained one with PyTorch's default weights. Every tool gets the
same potential, starts and processors: one, then two, to which its process is bound. Our runs stand before and after each
peer's, so that a change of the machine's load meets both; the ratio is that of the medians (and, as
``processor_time_ratio``, of the processor times, which other work on the machine changes less). The error in x of the first
rows' end points is taken against our own integration at 1e-11, of which diffrax's Dopri8 is the independent check.

    python benchmarks/flows.py [--peers FOLDER] [--short]

FOLDER: the peers' virtual environment, by default ``out/peers``, made here if it is not there from
``peers_requirements.txt``. ``--short``: one thread, log-odds of the default network, fewer rows in the growth.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import Usage, claim, exponent, facts, write

import separatrix as sx

HERE = Path(__file__).parent
PEERS = ("diffrax Tsit5", "diffrax Dopri8", "torchode Tsit5", "torchdiffeq dopri5")
ROWS, CLASS, T_MAX, TOLERANCE, CHECKED, REPEATS = 1000, 3, 50.0, 1e-6, 200, 3
LIMIT = 200
GROWTH_ROWS = (100, 1_000, 10_000, 100_000, 1_000_000)


def environment(folder: Path) -> Path:
    """The Python of the peers' environment, made if it is not there."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        requirements = HERE / "peers_requirements.txt"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", requirements], check=True)
    return python


def default_network() -> sx.Network:
    """784-256-10 tanh with the weights that PyTorch's Linear starts from, uniform in +-1 / sqrt(inputs)."""
    rng, widths = np.random.default_rng(0), (784, 256, 10)
    pairs = list(zip(widths, widths[1:], strict=False))
    weights = [rng.uniform(-1, 1, (out, n)) / np.sqrt(n) for n, out in pairs]
    return sx.Network.from_arrays(weights, [rng.uniform(-1, 1, out) / np.sqrt(n) for n, out in pairs], "tanh")


class Problem:
    """One potential with its starts, the file that peers read, and the reference at the first rows."""

    def __init__(self, name: str, net: sx.Network, power: int, folder: Path) -> None:
        self.name = f"{'probability' if power else 'log-odds'}, {name}"
        potential = (sx.class_probability if power else sx.log_odds)(net, CLASS)
        self.flow = sx.GradientFlow(potential, sx.WholeSpace(net.n_inputs))
        self.starts = np.random.default_rng(1).random((ROWS, net.n_inputs))
        self.file, self.result = folder / "problem.npz", folder / "result.npz"
        first, last = net.affine_layers
        others = np.delete(np.arange(net.n_classes), CLASS)
        np.savez(
            self.file, W0=first.weight, b0=first.bias, D=last.weight[others] - last.weight[CLASS],
            d=last.bias[others] - last.bias[CLASS], starts=self.starts, t_max=T_MAX, tolerance=TOLERANCE, power=power,
        )  # fmt: skip
        self.reference = self.solve(1, 1e-11, self.starts[:CHECKED]).end

    def solve(self, threads: int, tolerance: float = TOLERANCE, starts: np.ndarray | None = None) -> sx.Trajectories:
        """Our integration."""
        rows = self.starts if starts is None else starts
        return self.flow.trajectories(rows, T_MAX, tolerance, tolerance, keep_paths=False, workers=threads)

    def errors(self, ends: np.ndarray) -> dict[str, float]:
        """Of the first rows' end points: the largest coordinate, and the median row's largest."""
        found = np.abs(ends[:CHECKED] - self.reference).max(axis=1)
        return {"largest": float(f"{found.max():.3g}"), "median_row": float(f"{np.median(found):.3g}")}


def ours(problem: Problem, threads: int) -> dict[str, Any]:
    """A run of the library in this process, on ``threads`` processors."""
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if before is not None:
        os.sched_setaffinity(0, sorted(before)[-threads:])
    try:
        begun, spent = time.perf_counter(), time.process_time()
        found = problem.solve(threads)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - spent
    finally:
        if before is not None:
            os.sched_setaffinity(0, before)
    return {"seconds": seconds, "cpu": cpu, "evaluations": float(found.n_evaluations.mean()), "end": found.end}


def peer(python: Path, name: str, problem: Problem, threads: int) -> dict[str, Any]:
    """A peer's run in its own process; None for seconds where it took more than LIMIT."""
    call = [python, HERE / "peers_of_flows.py", name, problem.file, problem.result, str(threads), "1"]
    try:
        subprocess.run(call, check=True, timeout=LIMIT, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return {"seconds": None}
    with np.load(problem.result) as file:
        return {
            "seconds": float(file["median"]),
            "cpu": float(file["cpu"]),
            "steps": float(file["steps"].mean()),
            "end": file["ends"],
        }


def compared(python: Path, problem: Problem, threads: int) -> dict[str, Any]:
    """Medians of ours and of every peer, errors, and the ratio to the fastest."""
    own, peers = [ours(problem, threads)], {name: [] for name in PEERS}
    for name in PEERS:
        for _ in range(REPEATS if name.startswith("diffrax Tsit5") else 1):
            peers[name].append(peer(python, name, problem, threads))
            own.extend(ours(problem, threads) for _ in range(2))
    table = {}
    for name, runs in peers.items():
        if runs[0]["seconds"] is None:
            table[name] = {"seconds": None, "limit": LIMIT}
            continue
        seconds = statistics.median(run["seconds"] for run in runs)
        cpu = statistics.median(run["cpu"] for run in runs)
        table[name] = {"seconds": round(seconds, 3), "cpu_seconds": round(cpu, 3), **problem.errors(runs[0]["end"])}
        if runs[0]["steps"]:
            table[name]["steps"] = round(runs[0]["steps"], 1)
    median, spent = (statistics.median(run[key] for run in own) for key in ("seconds", "cpu"))
    fastest = min((row["seconds"], name) for name, row in table.items() if row["seconds"] is not None)
    error, theirs = problem.errors(own[0]["end"]), table[fastest[1]]["largest"]
    where = f"{problem.name}, {threads} thread{'s' * (threads > 1)}"
    return {
        "what": where, "rows": ROWS, "threads": threads, "seconds": round(median, 3),
        "cpu_seconds": round(spent, 3),
        "processor_time_ratio": round(min(row["cpu_seconds"] for row in table.values() if row["seconds"]) / spent, 2),
        "evaluations_a_row": round(own[0]["evaluations"], 1), "error": error, "peers": table, "fastest_peer": fastest[1],
        "claims": [
            claim(f"{where}: times faster than the fastest peer ({fastest[1]})", fastest[0] / median, 3.0, "x", True),
            claim(f"{where}: largest error in x over that peer's", error["largest"] / theirs, 1.0, "x"),
        ],
    }  # fmt: skip


def growth(rows: tuple[int, ...]) -> dict[str, Any]:
    """Microseconds a row and peak memory of a 16-8-3 network's log-odds against the number of rows, one thread."""
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((8, 16)) / 2.0, rng.standard_normal((3, 8))]
    flow = sx.GradientFlow(sx.log_odds(sx.Network.from_arrays(weights, [np.zeros(8), np.zeros(3)], "tanh"), 0),
                           sx.WholeSpace(16))  # fmt: skip
    flow.trajectories(rng.random((10, 16)), 5.0)
    seconds, memory, held = [], [], []
    for n in rows:
        starts = rng.random((n, 16))
        with Usage() as usage:
            time.sleep(0.3)
            before, begun = usage.gigabytes, time.perf_counter()
            found = flow.trajectories(starts, 5.0, TOLERANCE, TOLERANCE, keep_paths=False)
            seconds.append(time.perf_counter() - begun)
        memory.append(None if before is None else round(1e3 * ((usage.gigabytes or before) - before)))
        held.append(round((found.end.nbytes + found.time.nbytes + found.n_evaluations.nbytes + 8 * n) / 1e6))
    slope = exponent([float(n) for n in rows], seconds)
    return {
        "what": "log-odds of a 16-8-3 tanh network to t = 5, one thread", "rows": rows,
        "microseconds_a_row": [round(1e6 * s / n, 2) for s, n in zip(seconds, rows, strict=True)],
        "megabytes_more_at_the_peak": memory, "megabytes_of_the_result": held, "exponent": slope,
        "claims": [claim("free flow: exponent of the cost in the number of rows", slope, 1.05)],
    }  # fmt: skip


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="The free flow against its peers.")
    parser.add_argument("--peers", type=Path, default=HERE.parent / "out" / "peers")
    parser.add_argument("--short", action="store_true")
    chosen = parser.parse_args()
    python, machine = environment(chosen.peers), facts()
    listed = subprocess.run([python, "-m", "pip", "list", "--format=json"], check=True, capture_output=True, text=True)
    wanted = ("diffrax", "jax", "torch", "torchode", "torchdiffeq")
    machine["peers"] = {line["name"]: line["version"] for line in json.loads(listed.stdout) if line["name"] in wanted}
    results = [growth(GROWTH_ROWS[:3] if chosen.short else GROWTH_ROWS)]
    networks = {"default weights": default_network(), "mnist-tanh": sx.data.network("mnist-tanh")}
    cases = [(name, power, threads) for name in networks for power in (0, 1) for threads in (1, 2)]
    with tempfile.TemporaryDirectory() as folder:
        for name, power, threads in cases[:1] if chosen.short else cases:
            results.append(compared(python, Problem(name, networks[name], power, Path(folder)), threads))
            write("flows", results, machine)


if __name__ == "__main__":
    main()
