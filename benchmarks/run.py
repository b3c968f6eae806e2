"""Every benchmark, one after the other, each in a process of its own; then a table of the claims.

    python benchmarks/run.py [name …]      # import_time, scaling, sinks, basins, flows; all by default

Results with the facts about the machine go to ``benchmarks/results/NAME.json``. Exit status 1: a goal was missed.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
NAMES = (
    "import_time",
    "scaling",
    "storage",
    "convolutions",
    "sinks",
    "basins",
    "flows",
    "relu_flow",
    "complexes",
    "homology",
    "smooth_surfaces",
    "critical_points",
    "lennard_jones",
    "landscape",
    "morse_graphs",
    "level_sets",
)


def main(names: list[str]) -> int:
    """Run the benchmarks and print what they claim."""
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    missed = 0
    for name in names or NAMES:
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, HERE / f"{name}.py"], check=False)
        print(f"{name}: {time.perf_counter() - begun:.0f} s", flush=True)
        if done.returncode:
            print(f"  failed with exit status {done.returncode}")
            missed += 1
            continue
        content = json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))
        for line in (line for result in content["results"] for line in result["claims"]):
            sign = "at least" if line["at_least"] else "at most"
            number, goal = (f"{line[key]:g} {line['unit']}".strip() for key in ("value", "goal"))
            print(f"  {'met   ' if line['met'] else 'MISSED'} {line['claim']}: {number} (goal: {sign} {goal})")
            missed += not line["met"]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
