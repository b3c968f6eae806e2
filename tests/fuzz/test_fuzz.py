"""A fixed number of hostile inputs of every kind, in a process of its own; ``make fuzz`` tries more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INPUTS = 80


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured as Linux tells it")
def test_hostile_inputs_break_no_promise() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", ROOT / "scripts" / "fuzz.py", "300", "--inputs", str(INPUTS)],
        capture_output=True, text=True, check=False, env=dict(os.environ, OMP_NUM_THREADS="1", COLUMNS="100"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert f"{15 * INPUTS:,} hostile inputs" in done.stdout and "0 broke a promise" in done.stdout
