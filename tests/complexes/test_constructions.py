"""Product, join, suspension, subdivision and connected sum: the theorems about their homology."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.complexes.constructions import connected_sum, product
from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.data import complexes as known
from separatrix.errors import InputError, KindError

SMALL = st.lists(st.sets(st.integers(0, 5), min_size=1, max_size=3), min_size=1, max_size=5)


@settings(max_examples=20, deadline=None)
@given(SMALL, SMALL)
def test_kuenneth_over_the_rationals_for_product_and_join(left: list[set[int]], right: list[set[int]]) -> None:
    first, second = SimplicialComplex(left), SimplicialComplex(right)
    a, b = first.homology("Q").betti, second.homology("Q").betti
    assert first.product(second).homology("Q").betti == tuple(np.convolve(a, b).tolist())
    reduced = np.convolve([a[0] - 1, *a[1:]], [b[0] - 1, *b[1:]])
    joined = (first.join(second)).homology("Q").betti
    assert (joined[0] - 1, *joined[1:]) == (0, *reduced.tolist())
    assert first.join(second).euler_characteristic == (
        first.euler_characteristic
        + second.euler_characteristic
        - first.euler_characteristic * second.euler_characteristic
    )


@settings(max_examples=20, deadline=None)
@given(SMALL)
def test_subdivision_keeps_the_homology_and_suspension_shifts_it(facets: list[set[int]]) -> None:
    complex_ = SimplicialComplex(facets)
    fine, up = complex_.barycentric_subdivision(), complex_.suspension()
    assert fine.homology().betti == complex_.homology().betti
    assert fine.counts[0] == sum(complex_.counts)
    betti = complex_.homology().betti
    assert up.homology().betti == (1, betti[0] - 1, *betti[1:])


def test_torsion_goes_through_product_and_suspension() -> None:
    plane = known.projective_plane()
    turned = plane.product(known.sphere(1)).homology()
    assert turned.betti == (1, 1, 0, 0)
    assert turned.torsion == ((), (2,), (2,), ())  # Künneth: Z/2 times both groups of the circle
    assert plane.suspension().homology().torsion == ((), (), (2,), ())


def test_a_prism_is_cut_into_staircases() -> None:
    prism = SimplicialComplex([(0, 1, 2)]).product(SimplicialComplex([(0, 1)]))
    assert prism.counts == (6, 12, 10, 3)
    cube = SimplicialComplex([tuple(range(4))]).product(SimplicialComplex([tuple(range(3))]))
    assert cube.counts[5] == comb(5, 2)


def test_positions_follow() -> None:
    edge = SimplicialComplex([(0, 1)], positions=[[0.0], [1.0]])
    square = product(edge, edge)
    assert square.positions is not None and square.positions.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    middle = edge.barycentric_subdivision()
    assert middle.positions is not None and middle.positions.tolist() == [[0], [1], [0.5]]


def test_the_sum_with_a_sphere_and_of_two_planes() -> None:
    sphere, plane = known.sphere(2), known.projective_plane()
    same = connected_sum(plane, sphere)
    assert (same.homology().betti, same.homology().torsion) == (plane.known_betti, plane.known_torsion)
    bottle = connected_sum(plane, plane).homology()
    assert (bottle.betti, bottle.torsion) == ((1, 1, 0), ((), (2,), ()))
    with pytest.raises(InputError):
        connected_sum(sphere, known.sphere(3))
    with pytest.raises(KindError):
        sphere.product("circle")  # type: ignore[arg-type]


def test_joins_with_nothing() -> None:
    circle = known.sphere(1)
    nothing = SimplicialComplex([])
    assert circle.join(nothing).counts == nothing.join(circle).counts == circle.counts
    assert nothing.suspension().homology().betti == (2,)
    assert circle.product(nothing).counts == ()
