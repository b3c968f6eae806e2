"""Complexes whose homology is known: the groups, and that the spaces are what they are called."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.data import complexes as known
from separatrix.errors import InputError, KindError

SPACES: list[Callable[[], known.KnownComplex]] = [
    lambda: known.sphere(0),
    lambda: known.sphere(1),
    lambda: known.sphere(4),
    lambda: known.torus(1),
    lambda: known.torus(),
    lambda: known.torus(3),
    lambda: known.sphere_product(1, 2),
    lambda: known.sphere_product(2, 2),
    lambda: known.projective_space(1),
    lambda: known.projective_space(2),
    lambda: known.projective_space(3),
    lambda: known.complex_projective_plane(),
    lambda: known.poincare_sphere(),
    lambda: known.moore_space(1),
    lambda: known.moore_space(12, 2),
    lambda: known.moore_space(35),
    lambda: known.lens_space(1),
    lambda: known.lens_space(5, 2),
    lambda: known.lens_space(6, -1),
    lambda: known.torus_of_genus(0),
    lambda: known.torus_of_genus(3),
    lambda: known.crosscap_surface(1),
    lambda: known.crosscap_surface(4),
    lambda: known.klein_bottle(),
    lambda: known.dunce_hat(),
    lambda: known.moebius_band(),
    lambda: known.glued_polygon("abcabc"),
]


@pytest.mark.parametrize("space", SPACES)
def test_the_groups_are_those_of_the_theory(space: Callable[[], known.KnownComplex]) -> None:
    complex_ = space()
    found = complex_.homology()
    assert (found.betti, found.torsion) == (complex_.known_betti, complex_.known_torsion), complex_.name
    assert complex_.euler_characteristic == sum((-1) ** k * b for k, b in enumerate(complex_.known_betti))


def link(complex_: SimplicialComplex, vertex: int) -> SimplicialComplex:
    top = complex_.cells(complex_.dim)
    rows = top[(top == vertex).any(axis=1)]
    return SimplicialComplex(rows[rows != vertex].reshape(len(rows), -1))


@pytest.mark.parametrize(
    "manifold",
    [
        known.torus(3), known.sphere_product(1, 2), known.projective_space(3), known.complex_projective_plane(),
        known.poincare_sphere(), known.lens_space(5, 2), known.torus_of_genus(2), known.klein_bottle(), known.torus(2),
    ],
    ids=lambda m: m.name,
)  # fmt: skip
def test_manifolds_have_two_cells_at_every_wall_and_spheres_as_links(manifold: known.KnownComplex) -> None:
    assert (np.bincount(manifold.faces[manifold.dim]) == 2).all()
    sphere = (1, *(0,) * (manifold.dim - 2), 1) if manifold.dim > 1 else (2,)
    for vertex in range(0, len(manifold.vertices), max(1, len(manifold.vertices) // 20)):
        assert link(manifold, vertex).homology().betti == sphere


def test_lens_spaces_with_one_group_differ_by_their_linking_form() -> None:
    """L(5,1) and L(5,2) have the same groups; both are of order 5 in degree 1 and closed orientable."""
    for q in (1, 2):
        lens = known.lens_space(5, q)
        assert lens.homology("Z/5").betti == (1, 1, 1, 1) and lens.homology("Z/3").betti == (1, 0, 0, 1)


def test_the_dunce_hat_has_no_free_face() -> None:
    hat = known.dunce_hat()
    assert np.bincount(hat.faces[2]).min() == 2 and np.bincount(hat.faces[2]).max() == 3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([1, -1, 2, -2, 3, -3]), min_size=1, max_size=8))
def test_any_word_gives_the_group_that_it_presents(word: list[int]) -> None:
    made = known.glued_polygon(word)
    found = made.homology()
    assert (found.betti, found.torsion) == (made.known_betti, made.known_torsion)


def test_random_complexes_repeat_and_have_their_cells() -> None:
    made = known.random_two_complex(12, 40, rng=3)
    assert made.counts == (12, 66, 40)
    assert np.array_equal(made.cells(2), known.random_two_complex(12, 40, rng=3).cells(2))
    assert not np.array_equal(made.cells(2), known.random_two_complex(12, 40, rng=4).cells(2))
    assert known.random_two_complex(5, 10).homology().betti == (1, 0, 4)  # all triangles on 5 points
    assert known.random_two_complex(4, 0).counts == (4, 6)


def test_universal_coefficients_near_the_torsion_burst() -> None:
    for n_triangles in (649, 651, 652):  # with this seed (2, 30) and (2, 30) among the groups, and no two alike
        made = known.random_two_complex(40, n_triangles)
        whole = made.homology()
        for p in (2, 3, 5):
            even = [sum(order % p == 0 for order in orders) for orders in (*whole.torsion, ())]
            expected = tuple(b + even[k] + even[k - 1] for k, b in enumerate(whole.betti))
            assert made.homology(f"Z/{p}").betti == expected


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: known.sphere(-1), InputError),
        (lambda: known.sphere(2.0), KindError),  # type: ignore[arg-type]
        (lambda: known.torus(0), InputError),
        (lambda: known.projective_space(99), InputError),
        (lambda: known.lens_space(4, 2), InputError),
        (lambda: known.lens_space(0), InputError),
        (lambda: known.lens_space("5"), KindError),  # type: ignore[arg-type]
        (lambda: known.moore_space(0), InputError),
        (lambda: known.moore_space(True), KindError),
        (lambda: known.glued_polygon(""), InputError),
        (lambda: known.glued_polygon("a1"), InputError),
        (lambda: known.glued_polygon([0]), InputError),
        (lambda: known.glued_polygon(5), KindError),  # type: ignore[arg-type]
        (lambda: known.crosscap_surface(0), InputError),
        (lambda: known.random_two_complex(4, 5), InputError),
    ],
)
def test_parameters_that_name_no_space_are_refused(make: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        make()
