"""SIGKILL at any moment of a store's writing: whole pieces or none, and the same answers when the run goes on."""

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from separatrix.study.pieces import Pieces
from separatrix.study.portrait import Strips

N_PIECES, SEEDS = 15, 25


def piece(number: int) -> Strips:
    rng = np.random.default_rng(number)
    return Strips(
        kind="slow", frames=rng.random((20, 30, 10)), parameter=rng.random((20, 30)), eigenvalue=rng.random(20)
    )


def run(folder: Path) -> tuple[list[bytes], int]:
    store = Pieces(folder)
    with store.held({"seed": "0"}):
        made = [
            store.made(f"strips {n}", store.key("strips", n), Strips, lambda n=n: piece(n)) for n in range(N_PIECES)
        ]
    return [strips.frames.tobytes() + strips.parameter.tobytes() for strips in made], store.n_resumed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_killed_at_any_moment_it_goes_on_with_the_same_answer(tmp_path: Path) -> None:
    whole, _ = run(tmp_path / "whole")
    begun = time.perf_counter()
    run(tmp_path / "timed")
    usual, resumed = time.perf_counter() - begun, []
    for seed in range(SEEDS):
        folder = tmp_path / str(seed)
        child = os.fork()
        if child == 0:
            run(folder)
            os._exit(0)
        time.sleep(random.Random(seed).random() * usual)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found, n_resumed = run(folder)
        resumed.append(n_resumed)
        assert found == whole
        assert {path.suffix for path in folder.iterdir() if path.name != ".lock"} == {".npz", ".json"}
        assert len(list(folder.glob("*.piece.npz"))) == N_PIECES
    assert len(set(resumed)) > 3  # they were killed at different moments
