"""Conley indices and Morse graphs on disk: what is read back is what was written, generators too."""

import dataclasses

import numpy as np
import pytest

from separatrix.certainty import Certainty
from separatrix.conley.conley_index import conley_index
from separatrix.conley.conley_record import ConleyIndex
from separatrix.conley.morse_graph import morse_graph
from separatrix.conley.morse_graph_record import MorseGraph
from separatrix.conley.stored_index import StoredCycle, StoredIndex
from separatrix.data.known_flows import known_flow
from separatrix.domains import Box
from separatrix.errors import InputError, UnreadableFileError
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.potentials.expression import expression
from separatrix.study.storage import load_piece, load_record, save_piece, save_record


def monkey() -> ConleyIndex:
    flow = GradientFlow(expression("x**3 - 3*x*y**2", "x y"), Box.cube(2, -2, 2), "exit")
    return conley_index(flow, Box.cube(2, -0.5, 0.6))


def test_an_index_comes_back_with_its_generators(tmp_path):
    index = monkey()
    back = load_record(save_record(index, tmp_path / "index"), ConleyIndex)
    assert back.groups == index.groups == "H_1 = Z^2" and back.certainty is Certainty.PROVED
    assert back.columns() == index.columns() and repr(back) == repr(index) and back.domain == index.domain
    for field in dataclasses.fields(ConleyIndex):
        value = getattr(index, field.name)
        if isinstance(value, np.ndarray):
            assert np.array_equal(value, getattr(back, field.name)), field.name
    for degree in range(3):
        first, second = index.generators(degree), back.generators(degree)
        assert len(first) == len(second) == (0, 2, 0)[degree]
        for one, other in zip(first, second, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    again = load_record(save_record(back, tmp_path / "again"), ConleyIndex)  # a second time, from what was read
    assert len(again.generators(1)) == 2
    with pytest.raises(InputError, match="no chain complex"):
        _ = back.homology.chain_complex  # pyright: ignore[reportOptionalMemberAccess]


def test_indices_without_cells_or_groups(tmp_path):
    known = known_flow("double well")
    flow = GradientFlow(known.potential, known.box, "exit")
    graph = morse_graph(flow, n_boxes=256)
    point = conley_index(flow, 0, points=graph.points)
    save_piece(point, tmp_path / "point.npz")
    back = load_piece(tmp_path / "point.npz", ConleyIndex)
    assert back.groups == point.groups and back.morse_index == point.morse_index and back.method == "spectrum"
    with pytest.raises(InputError, match="without cubes"):
        back.generators(0)
    nothing = ConleyIndex(verdict="not computed", reason="a test")
    save_piece(nothing, tmp_path / "nothing.npz")
    assert load_piece(tmp_path / "nothing.npz", ConleyIndex).groups == "not computed"
    save_record(graph, tmp_path / "graph")
    read = load_record(tmp_path / "graph", MorseGraph)
    assert (read.order == graph.order).all() and read.names == graph.names and repr(read) == repr(graph)
    assert read.to_dataframe().equals(graph.to_dataframe()) and read.method == "faces" and read.time is None


def test_damaged_numbers_are_refused():
    stored = StoredIndex.of(monkey())
    assert isinstance(stored, StoredIndex) and stored.restored().groups == "H_1 = Z^2"
    cycle = stored.cycles[0]
    for wrong in (
        {"betti": (0, 2)},
        {"betti": (0, -2, 0)},
        {"cells": stored.cells[:-1]},
        {"cells": tuple(part + 10**6 for part in stored.cells)},
        {"cycles": (dataclasses.replace(cycle, cells=cycle.cells + 10**6),)},
        {"cycles": (dataclasses.replace(cycle, degree=7),)},
        {"cycles": (StoredCycle(1, 0, cycle.cells, (1,)),)},
    ):
        with pytest.raises(UnreadableFileError, match="damaged"):
            dataclasses.replace(stored, **wrong).restored()
