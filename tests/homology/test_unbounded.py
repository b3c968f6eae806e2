"""Ordinary, Borel-Moore and one-point homology of complexes with unbounded cells."""

import numpy as np
import pytest

from separatrix.errors import InputError
from separatrix.homology.chain_complex import ChainComplex
from tests.oracles import homology_elimination as oracle

# The plane cut by two crossing lines: a vertex, four rays out of it, four quadrants between neighbours.
RAYS = [[-1, -1, -1, -1]]
QUADRANTS = [[-1, 0, 0, 1], [1, -1, 0, 0], [0, 1, -1, 0], [0, 0, 1, -1]]
PLANE = ChainComplex([RAYS, QUADRANTS])
FAR = [np.zeros(1, bool), np.ones(4, bool), np.ones(4, bool)]

# The plane cut by two parallel lines: no vertices.
STRIPS = ChainComplex([np.zeros((0, 2), int), [[1, -1, 0], [0, 1, -1]]])
STRIPS_FAR = [np.zeros(0, bool), np.ones(2, bool), np.ones(3, bool)]


@pytest.mark.parametrize(
    ("kind", "betti"),
    [("ordinary", (1, 0, 0)), ("borel-moore", (0, 0, 1)), ("one-point", (1, 0, 1)), (None, (0, 0, 1))],
)
def test_a_plane(kind, betti):
    homology = PLANE.homology(kind=kind, unbounded=FAR)
    assert homology.betti == betti and homology.kind == (kind or "")


@pytest.mark.parametrize(("kind", "betti"), [("borel-moore", (0, 0, 1)), ("one-point", (1, 0, 1))])
def test_a_plane_of_strips(kind, betti):
    assert STRIPS.homology(kind=kind, unbounded=STRIPS_FAR).betti == betti


def test_cells_that_contain_a_line_have_no_ordinary_homology_here():
    with pytest.raises(InputError, match="cell 0 of degree 1 has none"):
        STRIPS.homology(kind="ordinary", unbounded=STRIPS_FAR)


def test_the_generator_of_a_sphere_names_the_cells_asked_about():
    (sphere,) = PLANE.homology(kind="one-point").generators(2)
    assert sorted(sphere.cells) == [0, 1, 2, 3] and set(np.abs(sphere.coefficients)) == {1}
    (point,) = PLANE.homology(kind="ordinary", unbounded=FAR).generators(0)
    assert point.n_cells == 1 and point.cells.tolist() == [0]


def test_pairs():
    """The plane relative to two opposite rays with their vertex; and relative to the vertex."""
    line = [np.ones(1, bool), np.array([True, False, True, False]), np.zeros(4, bool)]
    for kind in ("borel-moore", "one-point"):
        pair = PLANE.homology(relative_to=line, kind=kind, unbounded=FAR)
        assert pair.betti == (0, 0, 2)
        for chain in pair.generators(2):
            edges = PLANE.boundary(2, chain.to_array())
            assert not edges[[1, 3]].any()
    vertex = [np.ones(1, bool), np.zeros(4, bool), np.zeros(4, bool)]
    assert PLANE.homology(relative_to=vertex, kind="borel-moore").betti == (0, 1, 1)
    assert PLANE.homology(relative_to=vertex, kind="one-point", unbounded=FAR).betti == (0, 0, 1)
    assert PLANE.homology(relative_to=vertex, kind="ordinary", unbounded=FAR).betti == (0, 0, 0)


def test_a_compact_complex_gets_an_isolated_point():
    circle = ChainComplex([[[-1, 1], [1, -1]]])
    assert circle.homology(kind="one-point").betti == (2, 1)


def test_one_point_closure_against_the_closed_complex_written_out():
    rng = np.random.default_rng(0)
    edges = np.zeros((6, 9), dtype=int)
    for j in range(9):
        ends = rng.choice(6, 2, replace=False)
        edges[ends[0], j] = -1
        if j % 2:
            edges[ends[1], j] = 1
    closed = np.vstack([edges, -edges.sum(axis=0)])
    homology = ChainComplex([edges]).homology(kind="one-point")
    assert (homology.betti, homology.torsion) == oracle.groups([7, 9], [closed.tolist()])


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "ordinary"},
        {"kind": "closed"},
        {"kind": 3},
        {"kind": "ordinary", "unbounded": [np.ones(1, bool), np.zeros(4, bool), np.zeros(4, bool)]},
        {"kind": "one-point", "relative_to": [np.ones(1, bool), np.zeros(4, bool), np.zeros(4, bool)]},
    ],
)
def test_refusals(options):
    with pytest.raises(InputError):
        PLANE.homology(**options)
