"""What every check shares: one thread a process, no windows, repeatable random examples, executed documents."""

import os

# Before numpy is imported: processes of pytest-xdist share the cores, and answers must not depend on thread counts.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[_name] = "1"
os.environ["MPLBACKEND"] = "Agg"

import gc
import shlex
import subprocess
import sysconfig
import tempfile
from collections.abc import Generator, Iterator
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
    "tests/flow/equations/test_exact_solutions.py",
    "tests/study/test_resume.py",
    "docs/how-to.md",
    "tests/study/test_analyze.py",
    "tests/flow/test_sinks.py",
    "tests/flow/test_basins.py",
    "tests/flow/test_tensors.py",
    "tests/flow/test_networks.py",
    "docs/gallery.md",
    "docs/acas-xu.md",
    "tests/cli/test_cli.py",
    "tests/potentials/test_enclosures.py",
    "tests/potentials/test_point_bounds.py",
    "README.md",
    "tests/potentials/test_batches.py",
    "docs/surface.md",
    "tests/flow/test_proof.py",
    "tests/conley/test_morse_graph.py",
    "tests/morse/test_landscape.py",
    "docs/global-picture.md",
    "tests/flow/manifolds/test_curves.py",
    "tests/flow/equations/test_closed_form.py",
    "tests/flow/infinity/test_escapes.py",
    "tests/numerics/test_activation_ranges.py",
    "tests/flow/free/test_free_flow.py",
    "tests/flow/manifolds/test_stable_manifold.py",
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


def is_second(config: pytest.Config) -> bool:
    """Whether this is the process of every second worker of pytest-xdist."""
    return int(getattr(config, "workerinput", {"workerid": "gw0"})["workerid"].removeprefix("gw")) % 2 == 1


def pytest_configure(config: pytest.Config) -> None:
    """Every second worker collects from the end: in a fresh clone each finds half of the bytecode written by the other."""
    gc.disable()  # until all is collected: what is imported stays
    if is_second(config):
        config.args.reverse()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if isinstance(collector, pytest.Directory) and is_second(collector.config):
        report.result.reverse()
    return report


def pytest_collection_finish() -> None:
    """No search for garbage among half a million objects of libraries and tests that stay to the end."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, others by name; report a file that a document leaves open, no more.

    A file is the work of one process: a long one at the end would keep all others waiting. Sybil cannot show an error from
    outside its examples.
    """
    rank = {name: place for place, name in enumerate(LONG_FILES)}
    files = {item: item.nodeid.split("::")[0] for item in items}
    items.sort(key=lambda item: (rank.get(files[item], len(rank)), files[item]))
    for item in items:
        if isinstance(item, SybilItem):
            item.add_marker(pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning"))
