"""Pages that are made ready ahead hold what was there, and nothing is kept longer than it is needed."""

import gc
import os
import sys
import time
import weakref

import numpy as np
import pytest

from separatrix.numerics import page_faults
from separatrix.numerics.page_faults import ReadyPages
from separatrix.surface.arrangement import lattice as lattices
from separatrix.surface.arrangement.lattice import Lattice


def test_no_value_changes_while_pages_are_made_ready():
    rows = np.zeros((1 << 14, 1 << 10))  # 128 MiB, never touched
    pages = ReadyPages()
    for used in range(0, len(rows), 512):
        pages.advance(rows, used)
        rows[used : used + 512] = used
    assert (rows[::512, 0] == np.arange(0, len(rows), 512)).all()
    assert (rows == np.repeat(rows[::512], 512, axis=0)).all()


def test_small_arrays_are_left_alone(monkeypatch):
    monkeypatch.setattr(page_faults, "_populate", lambda: pytest.fail("asked"))
    ReadyPages().advance(np.zeros(1 << 10), 0)


def test_systems_that_cannot_do_it_go_on(monkeypatch):
    monkeypatch.setattr(page_faults, "_populate", lambda: None)
    ReadyPages().advance(np.zeros(page_faults.SMALLEST // 8), 0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forks beside threads
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pages are made ready on Linux alone")
def test_a_fork_keeps_no_array():
    page_faults._thread().submit(int).result()
    reading, writing = os.pipe()
    if not (child := os.fork()):
        array = np.zeros(page_faults.SMALLEST // 8)
        alive = weakref.ref(array)
        ReadyPages().advance(array, 0)
        del array
        for _ in range(200):
            gc.collect()
            if alive() is None:
                break
            time.sleep(0.05)
        os.write(writing, b"gone" if alive() is None else b"kept")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 4) == b"gone"
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("is_free", [True, False])
def test_arrays_of_a_lattice_keep_their_rows_while_they_grow(monkeypatch, is_free):
    monkeypatch.setattr(lattices, "COSTLY", 1 << 12)
    monkeypatch.setattr(lattices, "is_address_space_free", lambda: is_free)
    grown = Lattice(2, 3)
    for count in (100, 3000, 40_000):
        grown.reserve(count - grown.n_vertices, 0, 0, 0, 0)
        grown.positive[grown.n_vertices : count] = np.arange(grown.n_vertices, count)[:, None]
        grown.n_vertices = count
    assert (grown.positive[:40_000] == np.arange(40_000)[:, None]).all()


def test_a_system_that_grants_no_large_room_gives_what_is_needed(monkeypatch):
    asked, aligned = [], lattices._aligned

    def granted(rows, like):
        asked.append(rows)
        if rows > 2000:
            raise MemoryError
        return aligned(rows, like)

    monkeypatch.setattr(lattices, "_aligned", granted)
    grown = lattices._longer(np.arange(1000.0), 1000, 1100)
    assert grown.size == 1250
    assert (grown[:1000] == np.arange(1000.0)).all()
    assert asked[-1] == 1250
