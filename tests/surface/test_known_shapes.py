"""Surfaces and regions known by theorem: groups over Z and Z/2, generators, duality, components, volumes."""

from dataclasses import dataclass
from functools import cache
from math import comb

import numpy as np
import pytest
from scipy.sparse import csc_array, hstack

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.homology.chain_complex import ChainComplex
from separatrix.networks.network import Network
from separatrix.surface.decision_regions import decision_regions
from separatrix.surface.decision_surface import decision_surface
from separatrix.surface.linear_regions import linear_regions
from tests.oracles.shapes import (
    absolute,
    from_square,
    handlebody,
    inputs,
    largest,
    least,
    network,
    plate,
    square_loop,
    thick_projective_plane,
    two_loops,
)


@dataclass(frozen=True)
class Shape:
    """What class 1 looks like inside the box [-half, half]^n: Betti numbers of its boundary and its own, its volume."""

    net: Network
    half: float
    surface: tuple[int, ...]
    inside: tuple[int, ...]
    volume: float


def cube(n):
    return network(n, 1.0 - largest(*map(absolute, inputs(n))))


def both(f, g):
    return network(3, -least(-f, -g))


def shapes():
    x, y, z, w = inputs(4)
    torus = 0.5 - largest(absolute(from_square(x, y) - 2.0), absolute(from_square(z, w) - 2.0))
    return {
        "interval": Shape(cube(1), 2, (2,), (1, 0), 2),
        "circle": Shape(cube(2), 2, (1, 1), (1, 0, 0), 4),
        "two discs": Shape(network(2, 1.0 - from_square(absolute(x) - 2.0, y)), 4, (2, 2), (2, 0, 0), 8),
        "annulus": Shape(network(2, square_loop(x, y)), 4, (2, 2), (1, 1, 0), 16),
        "three holes": Shape(network(2, plate(x, y, (-2.5, 0.0, 2.5))), 5, (4, 4), (1, 3, 0), 29),
        "sphere": Shape(cube(3), 2, (1, 0, 1), (1, 0, 0, 0), 8),
        "sphere in sphere": Shape(
            network(3, 0.5 - absolute(largest(*map(absolute, inputs(3))) - 1.0)), 2, (2, 0, 2), (1, 0, 1, 0), 26
        ),
        "torus": Shape(network(3, square_loop(x, y, z)), 3, (1, 2, 1), (1, 1, 0, 0), 16),
        "genus 2": Shape(handlebody((-2.0, 2.0)), 5, (1, 4, 1), (1, 2, 0, 0), 60),
        "genus 3": Shape(handlebody((-2.5, 0.0, 2.5)), 5, (1, 6, 1), (1, 3, 0, 0), 58),
        "linked tori": Shape(both(square_loop(x, y, z), square_loop(x - 2, z, y)), 5, (2, 4, 2), (2, 2, 0, 0), 32),
        "S^3": Shape(cube(4), 2, (1, 0, 0, 1), (1, 0, 0, 0, 0), 16),
        "S^1 x S^2": Shape(network(4, square_loop(x, y, z, w)), 3, (1, 1, 1, 1), (1, 1, 0, 0, 0), 16),
        "S^1 x S^1 x S^1": Shape(network(4, torus), 3, (1, 3, 3, 1), (1, 2, 1, 0, 0), 256),
    }


SHAPES = shapes()


@cache
def surface_of(name):
    shape = SHAPES[name]
    return decision_surface(shape.net, Box.cube(shape.net.n_inputs, -shape.half, shape.half))


@cache
def regions_of(name):
    shape = SHAPES[name]
    return decision_regions(shape.net, Box.cube(shape.net.n_inputs, -shape.half, shape.half))


def with_cones(complex_, groups, degree):
    """The chain complex with one more cell on every generator of one degree."""
    boundaries = [complex_.boundary_operator(k) for k in range(1, complex_.dim + 1)]
    columns = csc_array(np.stack([g.to_array() for g in groups.generators(degree)], axis=1))
    if degree == complex_.dim:
        return ChainComplex([*boundaries, columns])
    zeros = csc_array((columns.shape[1], boundaries[degree + 1].shape[1])) if degree + 1 < complex_.dim else None
    boundaries[degree] = hstack([boundaries[degree], columns], format="csc")
    if zeros is not None:
        dense = np.vstack([boundaries[degree + 1].toarray(), zeros.toarray()])
        boundaries[degree + 1] = csc_array(dense.astype(np.int64))
    return ChainComplex(boundaries)


@pytest.mark.parametrize("name", SHAPES)
def test_the_surface_is_a_closed_manifold_with_the_groups_of_the_shape(name):
    expected, surface = SHAPES[name].surface, surface_of(name)
    over_z = surface.homology()
    assert surface.certainty is over_z.certainty is Certainty.PROVED
    assert over_z.betti == expected and not any(over_z.torsion)
    assert surface.homology("Z/2").betti == expected == expected[::-1]  # Poincaré duality
    counted = sum((-1) ** k * n for k, n in enumerate(surface.cell_counts))
    assert counted == surface.euler_characteristic == sum((-1) ** k * b for k, b in enumerate(expected))
    found = surface.complex
    assert not surface.on_box[0].any()
    if found.dim:
        facets = np.abs(found.boundary_operator(found.dim)).sum(axis=1)
        assert (facets == 2).all()  # every ridge lies in two cells: no boundary
    for k in range(2, found.dim + 1):
        product = found.boundary_operator(k - 1) @ found.boundary_operator(k)
        assert product.nnz == 0 or not product.toarray().any()


@pytest.mark.parametrize("name", SHAPES)
def test_generators_are_cycles_and_kill_the_group_that_they_generate(name):
    complex_, groups = surface_of(name).complex, surface_of(name).homology()
    for k in range(1, complex_.dim + 1):
        generators = groups.generators(k)
        assert len(generators) == SHAPES[name].surface[k] and all(g.order == 0 for g in generators)
        assert not any((complex_.boundary_operator(k) @ g.to_array()).any() for g in generators)
        if generators and sum(complex_.cell_counts) < 1500:
            coned = with_cones(complex_, groups, k).homology()
            assert coned.betti[k] == 0 and not coned.torsion[k]


@pytest.mark.parametrize("name", SHAPES)
def test_regions_are_dual_to_each_other(name):
    """Alexander duality in the ball: H_k(outside) = H^(n-1-k)(inside), up to the degrees 0 and n - 1."""
    shape, regions = SHAPES[name], regions_of(name)
    n = shape.net.n_inputs
    inside, outside = regions[1].homology(), regions[0].homology()
    assert inside.betti == shape.inside and not any(inside.torsion) and not any(outside.torsion)
    dual = [shape.inside[n - 1 - k] for k in range(n)] + [0]
    dual[0] += 1  # reduced groups leave out one component in degree 0
    if n == 1:
        dual = [2, 0]  # an interval cuts a line in two
    assert list(outside.betti) == dual
    assert regions[1].n_components == regions[1].n_pieces == shape.inside[0]
    assert regions[0].n_components == outside.betti[0]
    assert len(regions[1].islands) == shape.inside[0] and len(regions[0].islands) == outside.betti[0] - (
        2 if n == 1 else 1
    )


@pytest.mark.parametrize("name", SHAPES)
def test_volumes_and_witnesses(name):
    shape, regions = SHAPES[name], regions_of(name)
    whole = (2 * shape.half) ** shape.net.n_inputs
    assert regions[1].volume == pytest.approx(shape.volume, rel=1e-11)
    assert regions[0].volume == pytest.approx(whole - shape.volume, rel=1e-11)
    solid = regions[1].complex
    assert abs(solid.volumes().sum() - shape.volume) <= solid.volume_errors().sum() < 1e-7 * shape.volume
    witnesses = np.stack([c.witness for c in regions.components])
    assert shape.net.predict(witnesses).tolist() == [c.class_number for c in regions.components]
    assert all(c.certainty is Certainty.PROVED for c in regions.components)


@pytest.mark.parametrize(("gap", "group"), [(2.0, "0"), (7.0, "Z")])
def test_two_loops_are_linked_or_not(gap, group):
    """H_1 of (all but the second loop, the first loop) is Z over the linking number."""
    regions = decision_regions(two_loops(gap), ([-5, -5, -5], [12, 5, 5]))
    parent = regions[0].parent
    rest, loop = ([np.asarray(mask) for mask in regions[k].masks] for k in (0, 1))
    union = [a | b for a, b in zip(rest, loop, strict=True)]
    complement = parent.subcomplex(union)
    relative = [b[u] for b, u in zip(loop, union, strict=True)]
    assert complement.homology().betti == (1, 1, 1, 0)
    assert complement.homology(relative_to=relative).group(1) == group
    assert regions[1].volume == pytest.approx(16) == regions[2].volume


def test_torsion_of_a_region():
    """A network of 5 inputs whose class 1 is a thick projective plane: H_1 = Z/2, and only Z/2 sees it in degree 2."""
    box = [0.0] * 5, [1.0] * 5
    regions = decision_regions(thick_projective_plane(), box)
    groups = regions[1].homology()
    assert groups.betti == (1, 0, 0, 0, 0, 0) and groups.torsion == ((), (2,), (), (), (), ())
    assert regions[1].homology("Z/2").betti == (1, 1, 1, 0, 0, 0)
    assert regions[1].homology("Z/3").betti == (1, 0, 0, 0, 0, 0)
    (loop,) = groups.generators(1)
    chain, solid = loop.bounding(), regions[1].complex
    assert loop.order == 2 and not (solid.boundary_operator(1) @ loop.to_array()).any()
    assert (solid.boundary_operator(2) @ chain.to_array() == 2 * loop.to_array()).all()
    assert regions[0].homology().betti[0] == 1 and regions[0].volume + regions[1].volume == pytest.approx(1)


@pytest.mark.parametrize("n", [5, 6])
def test_cross_polytopes_in_five_and_six_dimensions(n):
    """The boundary of {sum |x_i| <= 1} has 2^(k+1) C(n, k+1) faces of dimension k; creases cut none of them."""
    surface = decision_surface(network(n, 1.0 - sum(map(absolute, inputs(n)))), Box.cube(n, -2, 2))
    assert surface.cell_counts == tuple(2 ** (k + 1) * comb(n, k + 1) for k in range(n))
    assert surface.homology().betti == (1, *[0] * (n - 2), 1)
    assert surface.complex.volumes().sum() == pytest.approx(2**n * np.sqrt(n) / np.prod(range(1, n)))


@pytest.mark.parametrize("n", range(1, 7))
def test_coordinate_planes_cut_a_cube_into_a_product(n):
    """Each side is cut into 2 edges by 3 vertices: the counts are the coefficients of (3 + 2 t)^n."""
    net = Network.from_arrays([np.eye(n), np.ones((1, n))], [np.zeros(n), np.zeros(1)])
    cells = linear_regions(net, Box.cube(n, -1, 1))
    assert cells.cell_counts == tuple(3 ** (n - k) * 2**k * comb(n, k) for k in range(n + 1))
    assert cells.euler_characteristic == 1 and cells.homology("Z/2").betti == (1, *[0] * n)
    assert cells.volumes() == pytest.approx(1, rel=1e-14)
    whole = linear_regions(net)
    assert whole.cell_counts == tuple(2**k * comb(n, k) for k in range(n + 1))


def test_many_intervals_on_a_line():
    (x,) = inputs(1)
    waves = sum((absolute(x - float(a)) * (-1.0) ** a for a in range(9)), 0.5 * x)
    points = decision_surface(network(1, waves - 3.25), ([-10], [20]))
    grid = np.linspace(-10, 20, 30001)
    values = network(1, waves - 3.25).logits(grid[:, None])[:, 1]
    assert points.cell_counts == (int((np.diff(np.sign(values)) != 0).sum()),) and points.dim == 0
    assert points.homology().betti == points.cell_counts
