"""What a measurement was made on, how it is timed, and how it is written down."""

import json
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")
PACKAGES = ("separatrix", "numpy", "scipy", "python-flint", "joblib")


def facts() -> dict[str, Any]:
    """Processor, cores, memory, load, versions, BLAS."""
    import threadpoolctl

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": processor(), "cores": cores, "memory_gb": memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None, "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "blas": [f"{pool['internal_api']} {pool['version']}" for pool in threadpoolctl.threadpool_info()],
    }  # fmt: skip


def processor() -> str:
    """The model's name."""
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def memory_gb() -> float | None:
    """Physical memory."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """(what ``work`` returns, seconds)."""
    begun = time.perf_counter()
    found = work()
    return found, time.perf_counter() - begun


def median_seconds(work: Callable[[], Any], repeats: int) -> float:
    """Median of several runs, after one that is not counted."""
    work()
    return statistics.median(timed(work)[1] for _ in range(repeats))


def exponent(sizes: list[float], seconds: list[float]) -> float:
    """Slope of log seconds against log size, by least squares."""
    import numpy as np

    return round(float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]), 2)


class Usage:
    """What a block takes from the machine, this process and its children together; None without psutil.

    ``gigabytes``: peak of the resident memory; ``cpu_seconds``: processor time, which other work on the machine hardly
    changes.
    """

    def __init__(self) -> None:
        self.gigabytes: float | None = None
        self.cpu_seconds: float | None = None
        self._done = threading.Event()

    def __enter__(self) -> "Usage":
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        try:
            import psutil
        except ImportError:
            return
        own, peak = psutil.Process(), 0
        before: dict[int, float] = {}
        after: dict[int, float] = {}
        while True:
            total = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    total += process.memory_info().rss
                    spent = process.cpu_times()
                except psutil.Error:
                    continue
                after[process.pid] = spent.user + spent.system
            # processes that are started later have spent nothing before
            before = before or {**after}
            peak = max(peak, total)
            self.gigabytes = round(peak / 1e9, 2)
            self.cpu_seconds = round(sum(spent - before.get(pid, 0.0) for pid, spent in after.items()), 1)
            if self._done.wait(0.2):
                break


def write(name: str, results: list[dict[str, Any]], machine: dict[str, Any]) -> Path:
    """Write ``results/NAME.json``; its path. ``machine`` are the facts from before the measurement."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {"benchmark": name, "date": time.strftime("%Y-%m-%d"), "machine": machine, "results": results}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def claim(text: str, value: float, goal: float, unit: str = "", at_least: bool = False) -> dict[str, Any]:
    """A measured number against its goal."""
    met = value >= goal if at_least else value <= goal
    return {
        "claim": text,
        "value": round(float(value), 4),
        "goal": goal,
        "unit": unit,
        "at_least": at_least,
        "met": bool(met),
    }
