"""How long ``import separatrix`` takes in a fresh interpreter, and what it must not load.

python benchmarks/import_time.py
"""

import statistics
import subprocess
import sys

from machine import claim, facts, write

REPEATS, GOAL = 9, 0.5
PROGRAM = """
import sys, time
begun = time.perf_counter()
import separatrix
print(time.perf_counter() - begun)
print(*sorted({"torch", "sklearn", "matplotlib", "pandas", "scipy", "numpy"} & set(sys.modules)))
"""


def main() -> None:
    """Measure and write."""
    machine = facts()
    runs = []
    for _ in range(REPEATS):
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
        runs.append(done.stdout.splitlines())
    seconds = [float(run[0]) for run in runs]
    loaded = runs[0][1] if len(runs[0]) > 1 else ""
    result = {
        "seconds": [round(s, 4) for s in seconds], "loaded": loaded.split(),
        "claims": [claim("seconds for import separatrix", statistics.median(seconds), GOAL, "s"),
                   claim("heavy packages loaded by it", len(loaded.split()), 0)],
    }  # fmt: skip
    write("import_time", [result], machine)


if __name__ == "__main__":
    main()
