"""Homology groups: known spaces, an independent elimination, laws; every route of the computation."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.errors import InputError, UnresolvedError
from separatrix.homology import groups
from separatrix.homology.chain_complex import ChainComplex
from tests.homology import spaces
from tests.oracles import homology_elimination as oracle

HUGE = 3 * 10**80

KNOWN = {
    "point": ([np.zeros((1, 0), dtype=int)], (1, 0), ((), ())),
    "circle": (spaces.circle(5), (1, 1), ((), ())),
    "loop": (spaces.circle(1), (1, 1), ((), ())),
    "RP2": (spaces.projective_space(2), (1, 0, 0), ((), (2,), ())),
    "RP3": (spaces.projective_space(3), (1, 0, 0, 1), ((), (2,), (), ())),
    "RP6": (spaces.projective_space(6), (1, 0, 0, 0, 0, 0, 0), ((), (2,), (), (2,), (), (2,), ())),
    "RP2 of 6 vertices": (spaces.simplicial(spaces.PROJECTIVE_PLANE), (1, 0, 0), ((), (2,), ())),
    "Klein bottle": (spaces.klein_bottle(), (1, 1, 0), ((), (2,), ())),
    "Klein bottle of triangles": (spaces.simplicial(spaces.grid_surface(4, 5, True)), (1, 1, 0), ((), (2,), ())),
    "torus": (spaces.simplicial(spaces.grid_surface(4, 3, False)), (1, 2, 1), ((), (), ())),
    "L(7, q)": (spaces.lens_space(7), (1, 0, 0, 1), ((), (7,), (), ())),
    "Moore": (spaces.moore_space(HUGE, 3), (1, 0, 0, 0, 0), ((), (), (), (HUGE,), ())),
    "RP2 x RP2": (
        spaces.product(spaces.projective_space(2), spaces.projective_space(2)),
        (1, 0, 0, 0, 0),
        ((), (2, 2), (2,), (2,), ()),
    ),
    "L(4, q) x L(6, q)": (
        spaces.product(spaces.lens_space(4), spaces.lens_space(6)),
        (1, 0, 0, 2, 0, 0, 1),
        ((), (2, 12), (2,), (2,), (2, 12), (), ()),
    ),
    "T3": (
        spaces.product(spaces.circle(2), spaces.product(spaces.circle(3), spaces.circle(1))),
        (1, 3, 3, 1),
        ((), (), (), ()),
    ),
    "orders 2, 36, 3, 10^40 together": (
        spaces.together(*(spaces.moore_space(s, 1) for s in (2, 36, 3, 10**40))),
        (4, 0, 0),
        ((), (2, 12, 9 * 10**40), ()),
    ),
    "torsion in degree 0": ([[[2, 0], [0, 6]]], (0, 0), ((2, 6), ())),
    "column (2, -1)": ([[[2], [-1]]], (1, 0), ((), ())),
    "empty degrees": ([np.zeros((0, 0), int), np.zeros((0, 2), int)], (0, 0, 2), ((), (), ())),
}


@pytest.fixture(params=["elimination", "matching"])
def route(request, monkeypatch):
    """Both ways through: small complexes go through elimination alone, large ones are matched first."""
    monkeypatch.setattr(groups, "SMALL", -1 if request.param == "matching" else 10**9)
    return request.param


def is_generated(complex_: ChainComplex, homology) -> None:
    """Cycles; s g = d y; and coning the generators off leaves no homology, so they generate."""
    for k in range(homology.dim + 1):
        chains = homology.generators(k)
        assert [chain.order for chain in chains] == [0] * homology.betti[k] + list(homology.torsion[k])
        matrices = [complex_.boundary_matrix(i) for i in range(1, complex_.dim + 1)]
        if not matrices:
            matrices = [np.zeros((complex_.counts[0], 0), dtype=object)]
        if k == len(matrices):
            matrices.append(np.zeros((complex_.counts[k], 0), dtype=object))
        for chain in chains:
            assert chain.degree == k and chain.n_cells == complex_.counts[k]
            assert (np.diff(chain.cells) > 0).all() and (chain.coefficients != 0).all()
            assert not complex_.boundary(k, chain.to_array()).any()
            if chain.order:
                multiple = chain.order * chain.to_array().astype(object)
                assert (complex_.boundary(k + 1, chain.bounding().to_array()) == multiple).all()
        cone = np.array([chain.to_array() for chain in chains], dtype=object).reshape(len(chains), complex_.counts[k]).T
        matrices[k] = np.hstack([matrices[k], cone])
        factors = oracle.smith_diagonal(matrices[k].tolist())
        rank_below = len(oracle.smith_diagonal(matrices[k - 1].tolist())) if k else 0
        assert len(factors) == complex_.counts[k] - rank_below and set(factors) <= {1}


@pytest.mark.parametrize("name", KNOWN)
def test_known_spaces(name, route):
    boundaries, betti, torsion = KNOWN[name]
    complex_ = ChainComplex(spaces.arrays(boundaries) if isinstance(boundaries[0], list) else boundaries)
    homology = complex_.homology()
    assert (homology.betti, homology.torsion) == (betti, torsion)
    assert homology.euler_characteristic == complex_.euler_characteristic
    is_generated(complex_, homology)


def test_complex_without_degrees():
    homology = ChainComplex([]).homology()
    assert homology.betti == () and homology.dim == -1 and homology.euler_characteristic == 0


@st.composite
def complexes(draw):
    """Sums of pairs Z --s--> Z and of cells without boundary, in other bases: the groups are known."""
    dim = draw(st.integers(1, 4))
    orders = [
        draw(st.lists(st.sampled_from([1, 1, 1, 2, 3, 4, 6, 5, 2**40, 10**25]), min_size=0, max_size=4))
        for _ in range(dim)
    ]
    free = [draw(st.integers(0, 2)) for _ in range(dim + 1)]
    counts = [free[k] + len(orders[k] if k < dim else []) + (len(orders[k - 1]) if k else 0) for k in range(dim + 1)]
    matrices = []
    for k in range(1, dim + 1):
        matrix = np.zeros((counts[k - 1], counts[k]), dtype=object)
        for i, s in enumerate(orders[k - 1]):
            matrix[counts[k - 1] - len(orders[k - 1]) + i, i] = s
        matrices.append(matrix)
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return counts, spaces.scrambled(matrices, rng, draw(st.integers(0, 3)))


@settings(max_examples=40, deadline=None)
@given(complexes(), st.sampled_from([2, 3, 5, 2**61 - 1, 10**25 + 13]))
def test_random_complexes_agree_with_plain_elimination(given_complex, p):
    counts, matrices = given_complex
    complex_ = ChainComplex(matrices)
    homology = complex_.homology()
    lists = [matrix.tolist() for matrix in matrices]
    assert (homology.betti, homology.torsion) == oracle.groups(counts, lists)
    assert complex_.homology(f"Z/{p}").betti == oracle.betti_modulo(counts, lists, p)
    assert complex_.homology("Q").betti == homology.betti
    is_generated(complex_, homology)


@pytest.mark.parametrize("seed", range(4))
def test_random_two_complexes(seed, route):
    rng = np.random.default_rng(seed)
    matrices = spaces.random_two_complex(14, (60, 78, 90, 200)[seed], rng)
    complex_ = ChainComplex(matrices)
    homology = complex_.homology()
    assert (homology.betti, homology.torsion) == oracle.groups(list(complex_.counts), [m.tolist() for m in matrices])
    is_generated(complex_, homology)


@pytest.mark.parametrize(
    "name", ["RP6", "Klein bottle of triangles", "L(4, q) x L(6, q)", "orders 2, 36, 3, 10^40 together"]
)
@pytest.mark.parametrize("p", [2, 3, 5, 2**127 - 1])
def test_universal_coefficients(name, p, route):
    boundaries = KNOWN[name][0]
    complex_ = ChainComplex(spaces.arrays(boundaries) if isinstance(boundaries[0], list) else boundaries)
    over_z, over_p = complex_.homology(), complex_.homology(f"Z/{p}")
    divided = [sum(s % p == 0 for s in orders) for orders in over_z.torsion]
    below = [0, *divided[:-1]]
    assert over_p.betti == tuple(b + d + e for b, d, e in zip(over_z.betti, divided, below, strict=True))
    assert over_p.torsion == tuple(() for _ in over_p.betti)
    for k in range(over_p.dim + 1):
        cycles = [chain.to_array().astype(object) for chain in over_p.generators(k)]
        for chain, cycle in zip(over_p.generators(k), cycles, strict=True):
            assert chain.order == 0 and (np.abs(2 * chain.coefficients) <= p).all()
            assert not (complex_.boundary(k, cycle).astype(object) % p).any()
        boundary = complex_.boundary_matrix(k + 1).T.tolist()
        assert oracle.rank_modulo(boundary + cycles, p) == oracle.rank_modulo(boundary, p) + over_p.betti[k]


def test_generators_over_q_are_the_free_ones():
    complex_ = ChainComplex(spaces.klein_bottle())
    over_q = complex_.homology("Q")
    assert over_q.betti == (1, 1, 0) and [chain.order for chain in over_q.generators(1)] == [0]


def test_permuting_cells_changes_nothing(route):
    rng = np.random.default_rng(5)
    matrices = spaces.simplicial(spaces.grid_surface(5, 4, True))
    orders = [rng.permutation(matrices[0].shape[0]), *(rng.permutation(matrix.shape[1]) for matrix in matrices)]
    signs = [rng.choice([-1, 1], len(order)) for order in orders]
    permuted = [
        (signs[k][:, None] * matrix * signs[k + 1])[orders[k]][:, orders[k + 1]] for k, matrix in enumerate(matrices)
    ]
    one, other = ChainComplex(matrices).homology(), ChainComplex(permuted).homology()
    assert (one.betti, one.torsion) == (other.betti, other.torsion) == ((1, 1, 0), ((), (2,), ()))


def test_numbers_beyond_every_machine_integer(route):
    """Edges glued in a circle by maps of degree 3: the Morse boundary of the last face is 3^61 - 1, found through 3^60."""
    n = 61
    faces = np.zeros((n, n), dtype=int)
    for j in range(n):
        faces[j, j], faces[(j + 1) % n, j] = 3, -1
    complex_ = ChainComplex([np.zeros((1, n), dtype=int), faces])
    homology = complex_.homology()
    assert homology.torsion == ((), (3**n - 1,), ())
    is_generated(complex_, homology)
    assert complex_.homology("Z/2").betti == (1, 1, 1)


def test_pairs_of_an_annulus():
    """An annulus and its two boundary circles: H_1 and H_2 of the pair are Z (Lefschetz duality)."""
    complex_ = ChainComplex(spaces.arrays(spaces.product(spaces.circle(4), [[[-1], [1]]])))
    edges = complex_.boundary_matrix(2)
    rim = [np.ones(8, bool), (np.abs(edges).sum(axis=1) == 1), np.zeros(4, bool)]
    pair = complex_.homology(relative_to=rim)
    assert pair.betti == (0, 1, 1) and pair.is_relative and pair.cell_counts == (0, 4, 4)
    for chain in pair.generators(1) + pair.generators(2):
        rest = complex_.boundary(chain.degree, chain.to_array())
        assert not rest[~rim[chain.degree - 1]].any()
    assert complex_.homology(relative_to=[np.ones(n, bool) for n in complex_.counts]).betti == (0, 0, 0)


def test_limit_says_what_is_left():
    complex_ = ChainComplex(spaces.arrays(spaces.together(*[spaces.moore_space(2, 1)] * 3)))
    assert complex_.homology(limit=0).torsion[1] == (2, 2, 2)
    rng = np.random.default_rng(0)
    matrix = rng.choice([4, 6, 9, 10, 14, 15], (12, 12))
    with pytest.raises(UnresolvedError, match="12 x 12"):
        ChainComplex([matrix]).homology(limit=11)
    for coefficients, p in (("Q", 2**61 - 1), ("Z/2", 2)):
        rank = oracle.rank_modulo(matrix.tolist(), p)
        assert ChainComplex([matrix]).homology(coefficients, limit=11).betti == (12 - rank, 12 - rank)


@pytest.mark.parametrize("is_twisted", [False, True])
def test_a_surface_of_many_triangles(is_twisted):
    """Coning off the generators kills the group; the torsion generator's double is the boundary that it names."""
    counts, starts, faces, signs = spaces.triangle_columns(np.array(spaces.grid_surface(70, 60, is_twisted)))
    complex_ = ChainComplex.from_columns(counts, starts, faces, signs)
    homology = complex_.homology()
    assert homology.betti == ((1, 1, 0) if is_twisted else (1, 2, 1))
    assert homology.torsion == ((), (2,) if is_twisted else (), ())
    chains = homology.generators(1)
    for chain in chains:
        assert not complex_.boundary(1, chain.to_array()).any()
        if chain.order:
            assert (complex_.boundary(2, chain.bounding().to_array()) == 2 * chain.to_array()).all()
    coned = ChainComplex.from_columns(
        [*counts[:2], counts[2] + len(chains)],
        [*starts[:2], np.concatenate([starts[2], starts[2][-1] + np.cumsum([len(chain.cells) for chain in chains])])],
        [*faces[:2], np.concatenate([faces[2], *(chain.cells for chain in chains)])],
        [*signs[:2], np.concatenate([signs[2], *(chain.coefficients for chain in chains)])],
    )
    assert coned.homology().betti[:2] == (1, 0) and coned.homology().torsion == ((), (), ())
    if not is_twisted:
        (whole,) = homology.generators(2)
        assert len(whole.cells) == counts[2] and set(np.abs(whole.coefficients)) == {1}


def test_many_critical_cells_are_swept():
    """All triangles on 40 vertices: H_2 of the 2-skeleton of a simplex is free of rank C(39, 3)."""
    rng = np.random.default_rng(0)
    triangles = np.array(list(itertools.combinations(range(40), 3)))
    complex_ = ChainComplex.from_columns(*spaces.triangle_columns(triangles[rng.permutation(len(triangles))]))
    homology = complex_.homology()
    assert homology.betti == (1, 0, 9139)
    for chain in homology.generators(2)[::500]:
        assert not complex_.boundary(2, chain.to_array()).any()
    assert len(np.unique(np.concatenate([chain.cells for chain in homology.generators(2)]))) > 9139


def test_large_complexes_without_faces_and_with_long_coefficients():
    """Cells with no boundary are cycles; entries past the sweep's range go through the exact lift."""
    free = ChainComplex([np.zeros((3, 3000), dtype=int)])
    assert free.homology().betti == (3, 3000) and len(free.homology().generators(1)) == 3000
    n = 1200
    rows, columns = np.r_[np.arange(n), np.arange(n)], np.r_[np.arange(n), np.full(n, n)]
    values = np.r_[np.ones(n, int), np.full(n, 2**40)]
    wide = ChainComplex([([0], [0], [0], (1, n)), (rows, columns, values, (n, n + 1))])
    homology = wide.homology()
    assert homology.betti == (1, 0, 1)
    (cycle,) = homology.generators(2)
    assert not wide.boundary(2, cycle.to_array()).any() and abs(cycle.coefficients).max() == 2**40


@pytest.mark.parametrize("degree", ["1", 1.0, None, True])
def test_a_group_of_what_is_no_degree(degree):
    with pytest.raises(InputError, match="degree"):
        ChainComplex([[[2]]]).homology().group(degree)
