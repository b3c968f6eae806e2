"""Objects of the wrong kind and command lines that make no sense, each known by a kind and a number."""

import contextlib
import io
import os
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.hostile_bytes import EVIL, SIDES
from tests.fuzz.hostile_files import FORMATS, hostile_file
from tests.fuzz.watch import faults_of

Rng = random.Random


@cache
def _net() -> Any:
    import separatrix as sx

    return sx.Network.from_arrays([np.eye(2), np.eye(2)], [np.zeros(2), np.ones(2)], "tanh")


class Liar:
    """An array by its word."""

    shape, ndim, dtype = (1 << 40, 2), 2, np.dtype(np.float64)

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        return EVIL * 3000


def _object(rng: Rng) -> Any:
    """Something that is hardly what was asked for."""
    huge = np.broadcast_to(np.float64(0.5), (1 << 40, 2))
    return rng.choice(
        [
            None,
            True,
            0,
            -1,
            2**80,
            1.5,
            float("nan"),
            "",
            EVIL,
            "mnist",
            b"\xff",
            b"net.npz\0",
            [],
            [[]],
            {},
            set(),
            object(),
            type,
            print,
            [[1, 2], [3]],
            [[1, "a"]],
            [[None, 1]],
            [[1j, 2]],
            (1, 2, 3),
            ([[0, 1]], [0.5]),
            ([[0, 1]], [[0]]),
            ([[0, 1]], ["a"]),
            np.zeros(3),
            np.zeros((2, 3)),
            np.zeros((0, 2)),
            np.zeros((2, 2, 2)),
            np.zeros((2, 2), "c16"),
            np.zeros((2, 2), "O"),
            np.zeros((2, 2), "U3"),
            np.zeros((2, 2), "M8[s]"),
            np.zeros((2, 2), [("a", "f8")]),
            np.full((2, 2), np.nan),
            np.array(1.0),
            np.full((2, 2), np.inf),
            np.zeros((2, 2), np.float16),
            np.full((2, 2), 1e308),
            np.full((3, 2), 2**63, "u8"),
            huge,
            huge[:, :1],
            np.ma.masked_array(np.zeros((2, 2)), True),
            Liar(),
            range(2**40),
            memoryview(b"ab"),
            np.zeros((1, 2)),
            np.zeros((2, 2))[::-1, ::-1].T,
            os.devnull,
            Path("/dev/zero"),
            "/proc/self/mem",
            (rng.choice(SIDES), rng.choice(SIDES)),
            [rng.choice(SIDES)] * 2,
            [float(rng.choice(SIDES))] * 2,
            lambda: 1 / 0,
            Exception,
            np.datetime64("2020-01-01"),
            np.bool_(True),
            np.float32(3),
            frozenset({1}),
            iter([1]),
            (i for i in [[0, 1]]),
            "x" * 100_000,
        ]
    )


def wrong_object(rng: Rng, folder: Path) -> Callable[[], Any]:
    """One of the entry points with such a thing."""
    import separatrix as sx

    thing, other, net = _object(rng), _object(rng), _net()
    calls: list[Callable[[], Any]] = [
        lambda: sx.load(thing),
        lambda: sx.load("blobs-tanh.npz", input_shape=thing),
        lambda: net.logits(thing),
        lambda: net.predict(thing),
        lambda: net.restrict(thing),
        lambda: sx.Box(thing, other),
        lambda: sx.Box.cube(thing, other, 1),
        lambda: sx.WholeSpace(thing),
        lambda: sx.log_odds(net, thing),
        lambda: sx.log_odds(thing, 0),
        lambda: sx.log_density(net).value(thing),
        lambda: sx.log_odds(net, 1).gradient(thing),
        lambda: sx.Network.from_arrays(thing, other, "tanh"),
        lambda: sx.Network.from_arrays([np.eye(2)], [np.zeros(2)], thing),
        lambda: sx.estimate(net, thing),
        lambda: sx.estimate(net, None, thing),
        lambda: sx.analyze(thing, potential=object()),
        lambda: sx.analyze(net, thing, potential=object()),
        lambda: sx.analyze(net, ([0, 0], [1, 1]), rng=thing, potential=object()),
        lambda: sx.analyze(net, potential=thing, data=other, domain=object()),
        lambda: sx.GradientFlow(sx.log_odds(net, 0), thing),
        lambda: sx.theorems(net, thing),
        lambda: sx.data.network(thing),
        lambda: sx.analyze(net, resume=thing, workers=0),
        lambda: sx.analyze(net, workers=thing, potential=object()),
        lambda: sx.analyze(net, effort=thing, potential=object()),
    ]
    return rng.choice(calls)


WORDS = (
    "info",
    "analyze",
    "equation",
    "surface",
    "homology",
    "critical-points",
    "saddles",
    "tree",
    "morse-graph",
    "conley",
    "levels",
    "demo",
    "blobs-tanh",
    "--box",
    "--box=",
    "0",
    "1",
    "-1",
    "1e400",
    "nan",
    "--potential",
    "log-odds:9",
    "log-odds:" + "9" * 300,
    "margin:0:0",
    "--out",
    "--json",
    "--plot",
    "x.svg",
    "absent/x.json",
    "--seed",
    "-5",
    "9" * 50,
    "--workers",
    "--cluster",
    "tcp://x",
    "--data",
    "--samples",
    "--through",
    "--resume",
    "--quiet",
    "--expression",
    "x**2",
    "__import__('os').system('x')",
    "x**x**x**9**9",
    "(" * 400,
    "--variables",
    "x y",
    "x x",
    "--activation",
    "relu",
    "--allow-pickle=1",
    EVIL.replace("\0", ""),
    "",
    "-",
    "--",
    "é",
    "/dev/zero",
    ".",
    "..",
    "--max-boxes",
    "--coefficients",
    "4",
    "Z/0",
    "--levels",
    "--grid",
    "--unknown",
    "--help",
    "-h",
)
QUICK = ("--help", "-h")


def command_line(rng: Rng, folder: Path) -> Callable[[], Any]:
    """The program with words that do not fit, or with a hostile file."""
    if rng.random() < 0.4:
        kind = rng.choice(list(FORMATS))
        hostile_file(kind, rng.randrange(10**6), folder)
        name = sorted(os.listdir(folder))[0]
        command = "homology" if kind in ("facets", "complex json", "complex npz") else "info"
        words = [command, str(folder / name)]
        if kind.startswith("points"):
            words = ["analyze", "blobs-tanh", "--box", "-2", "2", "--data", str(folder / name), "--potential", "none"]
    else:
        words = [rng.choice(WORDS[:12]), *(rng.choice(WORDS[12:]) for _ in range(rng.randrange(5)))]
        if words[0] in WORDS[1:12]:
            words.append(
                rng.choice(("--unknown", "--seed=-1", "--help", "--box=1", "--json=absent/x.json", "--plot=a.xyz"))
            )
    return lambda: _run(words)


def _run(words: list[str]) -> None:
    from separatrix.cli import main

    said, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(told):
        status = main(words)
    lines = [line for line in said.getvalue().splitlines() if not line.startswith("note:")]
    text = " ".join(line.strip() for line in lines)
    assert status in (0, 2), f"{words}: status {status}"
    assert status == 0 or (lines and len(lines) <= 12 and not faults_of(text, "")), (
        f"{words}: {faults_of(text, '')}: {text:.300}"
    )


CALLS = {"objects": wrong_object, "command lines": command_line}


def hostile_call(kind: str, number: int, folder: Path) -> tuple[str, Callable[[], Any]]:
    """One call; no file has to be named."""
    return "", CALLS[kind](random.Random(f"{kind} {number}"), folder)
