"""The browser in which the report page is tried."""

import subprocess
import sys
from pathlib import Path

import pytest

FINDER = Path(__file__).parents[1] / "scripts" / "ensure_browser.py"


@pytest.fixture(scope="session")
def browser() -> str:
    """The path of a Chromium, Chrome or Edge; without one the test is skipped, in continuous integration it fails."""
    done = subprocess.run([sys.executable, FINDER], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(done.stderr.strip(), pytrace=False)
    if not done.stdout.strip():
        pytest.skip(done.stderr.strip())
    return done.stdout.strip()
