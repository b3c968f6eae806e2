"""The shell as a user meets it: results, files, exit statuses, and messages of a few lines."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import separatrix as sx
from separatrix.cli import main
from separatrix.cli.progress import ProgressLines

RUN = [sys.executable, "-m", "separatrix"]


@pytest.fixture
def blobs(tmp_path: Path) -> Path:
    x, y = sx.data.toy("blobs", 60)
    np.savez(tmp_path / "blobs.npz", x=x, y=y)
    return tmp_path / "blobs.npz"


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = """
import sys
from separatrix.cli import main
assert main(["--help"]) == 0 and main(["analyze", "--help"]) == 0
assert not {"numpy", "scipy", "joblib", "matplotlib", "jinja2"} & set(sys.modules)
"""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - begun < 2
    assert "analyze" in done.stdout and "--no-resume" in done.stdout


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert sx.__version__ in capsys.readouterr().out


def test_info_of_files_and_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    assert "mnist-sigmoid" in capsys.readouterr().out
    assert main(["info", "mnist-sigmoid"]) == 0
    told = capsys.readouterr().out
    assert "784-256-10, sigmoid" in told and "(4.2) no equilibria: applies, proved" in told and "[0, 1]^784" in told
    sx.Network.from_arrays([np.eye(2), np.eye(2)], [np.zeros(2)] * 2, "tanh").save(tmp_path / "mine.safetensors")
    assert main(["info", str(tmp_path / "mine.safetensors")]) == 0
    assert "mine: 2-2-2, tanh" in capsys.readouterr().out


def test_analyze_prints_a_screen_and_writes_its_files(
    blobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    status = main([
        "analyze", "blobs-tanh", "--box", "-2", "2", "--data", str(blobs), "--out", str(out), "--seed", "3",
        "--json", str(tmp_path / "all.json"), "--plot", str(tmp_path / "plot.svg"),
    ])  # fmt: skip
    told = capsys.readouterr()
    assert status == 0
    assert "sinks of the log-density" in told.out and str(out / "report.html") in told.out
    assert "sinks of the log-density: " in told.err and " s\n" in told.err
    assert {"report.html", "analysis.json", "arrays.npz"} == set(os.listdir(out))
    found = sx.Analysis.load(out)
    assert found.domain == sx.Box.cube(2, -2, 2) and found.provenance is not None and found.provenance.seed == "3"
    assert found.command.startswith("separatrix analyze blobs-tanh --box -2 2 --data ")
    assert json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["network"]["n_classes"] == 3
    assert ET.parse(tmp_path / "plot.svg").getroot().tag.endswith("svg")
    assert os.listdir(temporary) == []


def test_analyze_takes_embedded_data_by_name(tmp_path: Path) -> None:
    out = tmp_path / "out"
    little = ["--no-basins", "--no-surface", "--no-passes", "--quiet"]
    assert main(["analyze", "moons-tanh", "--data", "moons-test:300", "--out", str(out), *little]) == 0
    data = sx.Analysis.load(out).data
    assert data is not None and "300 of the 10,000 test points of the toy problem moons" in data.description


def test_an_interrupted_run_goes_on_and_a_finished_one_leaves_three_files(
    blobs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["analyze", "blobs-tanh", "--data", str(blobs), "--box", "-2", "2", "--out", str(tmp_path / "out")]
    arguments += ["--no-passes", "--no-surface"]

    def interrupt(*anything: object) -> None:
        raise KeyboardInterrupt

    for extra, resumed in ([], True), (["--no-resume"], False):
        with monkeypatch.context() as patch:
            patch.setattr("separatrix.study.flow_chapter.FlowChapter._find_basins", interrupt)
            assert main([*arguments, "--quiet"]) == 130
            assert "interrupted" in capsys.readouterr().out
        assert main([*arguments, "--quiet", *extra]) == 0
        assert capsys.readouterr().err == ""
        notes = sx.Analysis.load(tmp_path / "out").notes
        assert any("taken up" in note for note in notes) == resumed
        assert sorted(os.listdir(tmp_path / "out")) == ["analysis.json", "arrays.npz", "report.html"]


def test_the_demo_of_a_small_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--network", "blobs-sigmoid", "--quick", "--out", str(tmp_path / "demo")]) == 0
    assert "log-density" in capsys.readouterr().out
    assert (tmp_path / "demo" / "report.html").exists()
    found = sx.Analysis.load(tmp_path / "demo")
    assert found.data is not None and found.data.n == 6000 and found.data.n_samples == 300


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["analyze"], "Missing argument"),
        (["analyse", "x"], "No such command"),
        (["analyze", "mnist_sigmoid"], "did you mean mnist-sigmoid"),
        (["analyze", "absent.npz"], "no such file"),
        (["analyze", "blobs-tanh", "--box", "1", "0"], "lower must be below upper"),
        (["analyze", "blobs-tanh", "--box", "nan", "0"], "finite"),
        (["analyze", "blobs-tanh", "--potential", "density"], "did you mean log-density"),
        (["analyze", "blobs-tanh", "--data", "absent.npy"], "no such file"),
        (["analyze", "blobs-tanh", "--data", "blbs"], "did you mean blobs"),
        (["analyze", "blobs-tanh", "--plot", "a.xyz"], "--plot"),
        (["analyze", "blobs-tanh", "--workers", "0"], "workers"),
        (["analyze", "blobs-tanh", "--seed", "-1"], "--seed"),
        (["analyze", "blobs-tanh", "--json", "absent/a.json"], "absent"),
        (["analyze", "blobs-tanh", "--activation", "relu"], "activation"),
        (["analyze", "blobs-tanh", "--out", ""], "name of a folder"),
        (["conley", "mnist-conv-tanh"], "one to 4 inputs, this flow has 784"),
        (["saddles", "mnist-relu"], "piecewise linear"),
        (["demo", "--network", "mnist"], "did you mean mnist-"),
        (["info", "\x1b[31mx.npz"], "\\x1b"),
    ],
)
def test_bad_input_is_said_in_a_few_lines(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    told = capsys.readouterr()
    said = [line for line in told.err.splitlines() if not line.startswith("note:")]
    assert words in " ".join(line.strip() for line in said) and "Traceback" not in told.err and len(said) <= 8
    assert os.listdir(tmp_path) == []


def test_a_console_without_our_characters_ends_nothing(tmp_path: Path) -> None:
    net = sx.Network.from_arrays([np.eye(2), np.eye(2)], [np.zeros(2)] * 2, "tanh")
    net.save(tmp_path / "σ.safetensors")
    done = subprocess.run([*RUN, "info", str(tmp_path / "σ.safetensors")], capture_output=True, check=False,
                          env={**os.environ, "PYTHONIOENCODING": "latin-1"})  # fmt: skip
    assert done.returncode == 0 and rb"\u03c3: 2-2-2, tanh" in done.stdout, done.stderr


def test_a_pickle_is_refused_and_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "net.npz", W0=np.array([print], dtype=object), b0=np.zeros(1))
    assert main(["info", str(tmp_path / "net.npz")]) == 2
    assert "pickle" in capsys.readouterr().err


def heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process there")
def test_an_interrupt_keeps_what_is_finished(tmp_path: Path) -> None:
    x, y = sx.data.toy("blobs", 10_000)
    np.savez(tmp_path / "many.npz", x=x, y=y)
    files = ["--data", str(tmp_path / "many.npz"), "--out", str(tmp_path / "out")]
    command = [*RUN, "analyze", "blobs-tanh", "--box", "-2", "2", "--workers", "2", *files]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
    # A shell's background jobs ignore SIGINT, and so would what the checks start.
    with subprocess.Popen(command, text=True, preexec_fn=heed_interrupts, **pipes) as run:
        assert run.stderr is not None
        lines = []
        for line in run.stderr:
            lines.append(line)
            if line.startswith("sinks of the log-density"):
                run.send_signal(signal.SIGINT)
                break
        _, rest = run.communicate(timeout=60)
    assert run.returncode == 130, "".join(lines) + rest
    assert "Traceback" not in rest and "the same command goes on from here" in rest
    found = sx.Analysis.load(tmp_path / "out")
    assert not found.is_finished and [p.potential for p in found.flow][:1] == ["log-density"]


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*RUN, "info"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert "Traceback" not in done.stderr and done.returncode in (0, 1, 141)


def test_progress_in_a_terminal_is_one_line_with_counts_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(np.arange(0.0, 100.0, 2.0))
    monkeypatch.setattr("separatrix.cli.progress.time.monotonic", lambda: next(now))
    lines = ProgressLines()
    lines.is_terminal = True
    for done in (0, 5, 10):
        lines("sinks", done, 20)
    lines.say("sinks: 3 distinct")
    told = capsys.readouterr().err
    assert "sinks: 5 of 20, about 6 s left" in told and told.count("\n") == 1
    assert told.split("\r")[-1] == "sinks: 3 distinct\n"
