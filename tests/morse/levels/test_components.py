"""Components and holes of functions on grids: against the column algorithm on the same simplices, ties included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from separatrix import SimplicialComplex, persistence
from separatrix.morse.levels.components import Links
from separatrix.morse.levels.diagrams import filtrations
from separatrix.morse.levels.grid import cube_simplices, star

SHAPES = [(9,), (5, 4), (3, 6), (3, 3, 3), (2, 4, 3)]


def triangulated(shape: tuple[int, ...]) -> SimplicialComplex:
    """Kuhn's triangulation of a grid of vertices, numbered row by row."""
    numbers, rows = np.arange(np.prod(shape)).reshape(shape), []
    for cube in np.ndindex(*(n - 1 for n in shape)):
        rows += [tuple(numbers[tuple(p)] for p in simplex + np.array(cube)) for simplex in cube_simplices(len(shape))]
    return SimplicialComplex([tuple(int(v) for v in row) for row in rows])


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_pairs_are_those_of_the_column_algorithm(shape, data):
    values = data.draw(arrays(np.float64, shape, elements=st.integers(0, 6).map(float)))
    complex_ = triangulated(shape)
    for found, superlevel in zip(filtrations(values), (True, False), strict=True):
        every = persistence(complex_, values.ravel(), superlevel=superlevel)
        for degree in range(len(shape)):
            assert np.array_equal(found.diagram.pairs(degree), every.pairs(degree))
        for c in range(7):
            sign = 1 if superlevel else -1
            euler = found.euler_steps[sign * found.euler_values >= sign * c].sum()
            assert euler == sum((-1) ** k * b for k, b in enumerate(every.betti(float(c))))


def test_many_special_vertices_take_the_compiled_way():
    values = np.random.default_rng(0).random((90, 90))
    found = filtrations(values)[0].diagram
    from separatrix.morse.levels import components

    few, components.FEW = components.FEW, 10**9
    try:
        slowly = filtrations(values)[0].diagram
    finally:
        components.FEW = few
    assert np.array_equal(found.birth, slowly.birth) and np.array_equal(found.death_cell, slowly.death_cell)
    assert (found.degree == 0).sum() > 500  # so many that the loop was compiled


@pytest.mark.parametrize(("dim", "count"), [(1, 2), (2, 6), (3, 14)])
def test_links_are_spheres(dim, count):
    found = star(dim)
    assert found.steps.shape == (count, dim)
    assert found.euler[-1] == 1 - (1 + (-1) ** (dim - 1))  # the whole link: a sphere of dimension dim - 1
    assert found.euler[0] == 1 and found.n_parts[0] == 0 and found.n_parts[-1] == (2 if dim == 1 else 1)


def test_nothing_is_above_the_highest_vertex():
    values = np.array([[0.0, 1.0], [2.0, 3.0]])
    links = Links(values)
    assert links.above[1, 1] == 0
    assert links.joins(upper=True, outside=False).first == 3
