"""What every check shares: one thread a process, no windows, repeatable random examples, executed documents."""

import os

# Before numpy is imported: processes of pytest-xdist share the cores, and answers must not depend on thread counts.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[_name] = "1"
os.environ["MPLBACKEND"] = "Agg"

import shlex
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sybil import Example, Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

hypothesis.settings.register_profile("checks", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "checks"))

collect_ignore = ["docs/conf.py", "docs/reference"]
LONG_FILES = (  # ten seconds of work and more, longest first; neighbours compile different kernels
    "docs/tutorial.md",
    "tests/flow/test_trajectories.py",
    "tests/study/test_analyze.py",
    "tests/flow/equations/test_exact_solutions.py",
    "tests/flow/test_basins.py",
    "tests/flow/test_sinks.py",
    "tests/flow/test_networks.py",
    "tests/flow/test_tensors.py",
    "docs/gallery.md",
    "tests/surface/test_degenerate.py",
    "tests/potentials/test_enclosures.py",
    "tests/potentials/test_point_bounds.py",
    "tests/flow/test_proof.py",
    "tests/potentials/test_batches.py",
    "docs/how-to.md",
    "tests/flow/equations/test_closed_form.py",
    "tests/cli/test_cli.py",
    "README.md",
    "tests/flow/manifolds/test_curves.py",
    "tests/flow/infinity/test_escapes.py",
    "tests/flow/complete/test_search.py",
    "tests/surface/test_decision_surface.py",
    "tests/flow/piecewise_linear/test_trajectories.py",
    "tests/flow/piecewise_linear/test_proof.py",
    "tests/flow/free/test_free_flow.py",
)
SHELL_LANGUAGES = ("bash", "sh", "shell", "console")


def separatrix_commands(block: str) -> Iterator[list[str]]:
    """Yield the arguments of every line that calls ``separatrix``, with or without a ``$`` before it."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line.strip().removeprefix("$ "), comments=True)
        if words and words[0] == "separatrix":
            yield words[1:]


def run_shell_block(example: Example) -> str | None:
    """Run the ``separatrix`` lines of a shell block with this environment's entry point; others are not ours to run."""
    program = Path(sysconfig.get_path("scripts")) / "separatrix"
    for arguments in separatrix_commands(example.parsed):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            return f"separatrix {shlex.join(arguments)}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
    return None


def enter_folder(namespace: dict[str, Any]) -> None:
    """Give a document a folder of its own to write into, where it finds the files of benchmarks as from the repository's root."""
    namespace["_home"] = os.getcwd()
    namespace["_folder"] = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    os.chdir(namespace["_folder"].name)
    Path("benchmarks").symlink_to(Path(namespace["_home"]) / "benchmarks")


def leave_folder(namespace: dict[str, Any]) -> None:
    os.chdir(namespace["_home"])
    namespace["_folder"].cleanup()


pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(),
        *(CodeBlockParser(language=language, evaluator=run_shell_block) for language in SHELL_LANGUAGES),
        SkipParser(),
    ],
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
    setup=enter_folder,
    teardown=leave_folder,
).pytest()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; report a file that a document leaves open, no more.

    A file is the work of one process: a long one at the end would keep all others waiting. Sybil cannot show an error from
    outside its examples.
    """
    rank = {name: place for place, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: rank.get(item.nodeid.split("::")[0], len(rank)))
    for item in items:
        if isinstance(item, SybilItem):
            item.add_marker(pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning"))
