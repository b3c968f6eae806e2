"""Hostile input of every format, one after the other, each judged: ``python scripts/fuzz.py [SECONDS] [options]``.

Prints how many inputs of each format were tried and what came of them; inputs that break a promise are kept under
``out/fuzz`` and told. Exit status 1: there were some. ``--inputs N``: N of each format instead of a time; ``--first K``:
begin at number K; ``--only FORMAT``.
"""

import argparse
import importlib
import os
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.fuzz.hostile_calls import CALLS, hostile_call  # noqa: E402
from tests.fuzz.hostile_files import FORMATS, hostile_file  # noqa: E402
from tests.fuzz.watch import Watch  # noqa: E402

ADDRESSES = 6 << 30


def tried(kind: str, number: int, watch: Watch) -> tuple[str, str]:
    """One input in a fresh folder: its outcome, and what is wrong or ""."""
    shutil.rmtree(watch.folder, ignore_errors=True)
    watch.folder.mkdir()
    os.chdir(watch.folder)
    name, call = (hostile_file if kind in FORMATS else hostile_call)(kind, number, watch.folder)
    return watch.judge(name, call)


def main(arguments: list[str] | None = None) -> int:
    """Fuzz and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=600.0)
    parser.add_argument("--inputs", type=int, default=None)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", choices=[*FORMATS, *CALLS], default=None)
    asked = parser.parse_args(arguments)
    kinds = [asked.only] if asked.only else [*FORMATS, *CALLS]
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    importlib.import_module("separatrix.study.analyze")  # loaded before the clock runs
    outcomes: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    n_wrong, begun, number = 0, time.perf_counter(), asked.first
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "secret").mkdir()
        (Path(root) / "secret" / "w.bin").write_bytes(bytes(4096))
        watch = Watch(Path(root) / "case")
        while (
            asked.inputs is None or number < asked.first + asked.inputs
        ) and time.perf_counter() - begun < asked.seconds:
            for kind in kinds:
                outcome, wrong = tried(kind, number, watch)
                outcomes[kind][outcome] += 1
                if wrong:
                    n_wrong += 1
                    print(f"{kind} {number}: {wrong}", flush=True)
                    shutil.copytree(
                        watch.folder, ROOT / "out" / "fuzz" / f"{kind} {number}", dirs_exist_ok=True, symlinks=True
                    )
            number += 1
    for kind, counts in outcomes.items():
        print(f"{kind}: {counts.total():,} inputs: " + ", ".join(f"{n:,} {what}" for what, n in counts.most_common()))
    total = sum(counts.total() for counts in outcomes.values())
    print(f"{total:,} hostile inputs in {time.perf_counter() - begun:.0f} s, {n_wrong} broke a promise")
    return int(n_wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
