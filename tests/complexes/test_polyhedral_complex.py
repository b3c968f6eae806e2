"""Polyhedral complexes: counts, signs, maps, places of points, parts, homology on boxes and on the whole space."""

import json
from fractions import Fraction

import numpy as np
import pytest

from separatrix.complexes.cells import Cells
from separatrix.domains import Box
from separatrix.errors import InputError, KindError
from separatrix.networks.network import Network
from tests.complexes.arrangements import crossed_square, hyperplanes, random_network, regions, whole_space

SHAPES = [(0, (1, 5, 4, 2)), (1, (2, 6, 5, 2)), (2, (2, 4, 4, 4, 3)), (3, (3, 5, 3, 2)), (4, (4, 4, 2))]


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: "-".join(map(str, shape[1])))
def cut_box(request):
    seed, widths = request.param
    return regions(random_network(seed, *widths), Box.cube(widths[0], -1, 1))


def test_a_square_cut_by_its_axes():
    square = crossed_square()
    assert square.dim == 2 and square.cell_counts == (9, 12, 4) and square.euler_characteristic == 1
    assert square.signs(2).tolist() == [[-1, -1], [1, -1], [-1, 1], [1, 1]]
    assert square.signs(1, [6]).tolist() == [[-1, -1]] and square.signs(0)[4].tolist() == [0, 0]
    assert square.box_signs(2).all() and (square.box_signs(0)[0] == [0, 1, 0, 1]).all()
    assert not (square.boundary_operator(1) @ square.boundary_operator(2)).toarray().any()
    assert square.boundary_operator(0).shape == (0, 9)
    assert square.volumes().tolist() == [1, 1, 1, 1] and square.volumes(1).tolist() == [1] * 12
    assert square.homology().betti == (1, 0, 0)
    assert square.locate([[-0.5, -0.5], [0.5, 0.5], [2.0, 0.0], [0.0, 0.5], [0.0, 0.0], [1.0, 1.0]]).tolist() == [
        0, 3, -1, 2, 0, 3,
    ]  # fmt: skip
    assert [part.tolist() for part in square.carriers([[0.0, 0.5], [0.0, 0.0], [0.5, 1.0], [0.5, 1.5]])] == [
        [1, 0, 1, -1], [10, 4, 5, -1],
    ]  # fmt: skip
    assert square.to_dataframe()["cells"].tolist() == [9, 12, 4]
    assert repr(square) == "PolyhedralComplex(dim=2 in R^2, cells 9 + 12 + 4 by dimension, unknown)"


def test_a_complex_is_a_record():
    square = crossed_square()
    found = json.loads(square.to_json())
    assert found["cell_counts"] == [9, 12, 4] and found["domain"] == {"lower": [-1, -1], "upper": [1, 1]}
    arrays = square.arrays()
    rebuilt = Cells(
        (9, 12, 4),
        *(
            [getattr(square.cells, name)[0], arrays[f"{name}_1"], arrays[f"{name}_2"]]
            for name in ("starts", "faces", "signs")
        ),
    )
    assert (rebuilt.boundary_operator(2) != square.boundary_operator(2)).nnz == 0
    assert (arrays["points"] == square.vertices).all() and square._repr_html_().count("<tr") == 4


def test_the_engine_and_the_hand_agree():
    ours, engine = crossed_square(), regions(hyperplanes(np.eye(2), [0, 0]), Box.cube(2, -1, 1))
    assert engine.cell_counts == ours.cell_counts
    for k in range(3):
        one, other = (np.hstack([c.signs(k), c.box_signs(k)]) for c in (ours, engine))
        assert sorted(map(tuple, one.tolist())) == sorted(map(tuple, other.tolist()))


def test_laws_of_a_cut_box(cut_box):
    n = cut_box.ambient_dim
    assert cut_box.dim == n and cut_box.euler_characteristic == 1
    homology = cut_box.homology()
    assert homology.betti == (1,) + (0,) * n and homology.euler_characteristic == cut_box.euler_characteristic
    for k in range(2, n + 1):
        assert (cut_box.boundary_operator(k - 1) @ cut_box.boundary_operator(k)).count_nonzero() == 0
    assert cut_box.volumes().sum() == pytest.approx(2.0**n, rel=1e-12)
    faces = (cut_box.box_signs(n - 1) == 0).any(axis=1)
    assert cut_box.volumes(n - 1)[faces].sum() == pytest.approx(2 * n * 2.0 ** (n - 1), rel=1e-12)
    for k in range(n + 1):
        assert cut_box.is_bounded(k).all()
        assert len(np.unique(np.hstack([cut_box.signs(k), cut_box.box_signs(k)]), axis=0)) == cut_box.cell_counts[k]


def test_a_box_and_its_boundary(cut_box):
    n = cut_box.dim
    sphere = cut_box.subcomplex([(cut_box.box_signs(k) == 0).any(axis=1) for k in range(n + 1)])
    assert sphere.dim == n - 1 and sphere.euler_characteristic == 1 + (-1) ** (n - 1)
    assert sphere.homology().betti == ((1,) + (0,) * (n - 2) + (1,) if n > 1 else (2,))
    assert cut_box.homology(relative_to=sphere).betti == (0,) * n + (1,)
    for k, ids in enumerate(sphere.inclusion.ids):
        assert (cut_box.signs(k)[ids] == sphere.signs(k)).all()
        assert (sphere.masks[k].nonzero()[0] == ids).all()


def test_regions_hold_their_witnesses_and_are_affine(cut_box):
    network, inside = cut_box.network, cut_box.witnesses()
    assert (cut_box.locate(inside) == np.arange(len(inside))).all()
    x = np.random.default_rng(5).uniform(-1, 1, (60, cut_box.dim))
    for point, region in zip(x, cut_box.locate(x), strict=True):
        weight, bias = cut_box.affine_map(region)
        np.testing.assert_allclose(weight @ point + bias, network.logits([point])[0], rtol=1e-10, atol=1e-10)
    exact_weight, exact_bias = cut_box.affine_map(0, exact=True)
    weight, bias = cut_box.affine_map(0)
    np.testing.assert_allclose(exact_weight.astype(float), weight, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(exact_bias.astype(float), bias, rtol=1e-10, atol=1e-12)


def test_signs_are_those_of_the_neurons(cut_box):
    """The signs of a region's interior point, by the network's own forward pass in fractions."""
    for region, point in enumerate(cut_box.witnesses()[:20]):
        values, signs = [Fraction(v) for v in point], []
        layers = cut_box.network.affine_layers
        for layer in layers[:-1]:
            values = _affine(layer, values)
            signs += [(v > 0) - (v < 0) for v in values]
            values = [max(v, Fraction(0)) for v in values]
        assert cut_box.signs(cut_box.dim, [region])[0].tolist() == signs


def _affine(layer, values):
    rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
    return [sum((Fraction(w) * v for w, v in zip(row, values, strict=True)), Fraction(b)) for row, b in rows]


def test_neighbours(cut_box):
    """Regions are adjacent where their sign vectors, those of the box aside, differ at neurons of a common facet."""
    graph = cut_box.adjacency()
    assert graph.number_of_nodes() == cut_box.cell_counts[-1]
    facets = cut_box.cell_counts[-2] - int((cut_box.box_signs(cut_box.dim - 1) == 0).any(axis=1).sum())
    assert graph.number_of_edges() == facets
    signs, walls = cut_box.signs(cut_box.dim), cut_box.signs(cut_box.dim - 1)
    for a, b, facet in graph.edges(data="facet"):
        assert (signs[a][walls[facet] != 0] == signs[b][walls[facet] != 0]).all() and (signs[a] != signs[b]).any()
    edges = cut_box.adjacency(0)
    assert edges.number_of_edges() == cut_box.cell_counts[1]
    assert {d["cell"] for _, _, d in edges.edges(data=True)} == set(range(cut_box.cell_counts[1]))


def test_exact_vertices_are_located_at_themselves():
    network = hyperplanes([[1, 0], [0, 1], [1, 1], [2, -1]], [0, 0, -0.5, 0.25])
    cut_square = regions(network, Box.cube(2, -1, 1))
    exact = (cut_square.vertices * 2**20 == np.round(cut_square.vertices * 2**20)).all(axis=1)
    assert exact.sum() > 8
    dimension, number = cut_square.carriers(cut_square.vertices[exact])
    assert (dimension == 0).all() and (number == np.flatnonzero(exact)).all()


def test_points_beside_a_crease_are_told_apart():
    """x + 2^60 y - 2^60 at points where doubles cancel to nothing."""
    network = hyperplanes([[1.0, 2.0**60]], [-(2.0**60)])
    halves = regions(network, Box.cube(2, -2, 2))
    signs = halves.signs(2)[halves.locate([[2.0**-40, 1.0], [-(2.0**-40), 1.0], [1.0, 1.0 - 2.0**-53]]), 0]
    assert signs.tolist() == [1, -1, -1]
    dimension, number = halves.carriers([[0.0, 1.0]])
    assert dimension.tolist() == [1] and halves.signs(1, number).tolist() == [[0]]


def test_a_vertex_of_many_regions_belongs_to_the_first():
    star = regions(hyperplanes([[1, 0], [0, 1], [1, 1], [1, -1]], [0] * 4), Box.cube(2, -1, 1))
    assert star.cell_counts[2] == 8 and star.locate([[0.0, 0.0]]).tolist() == [0]


def test_leaky_regions_are_affine():
    rng = np.random.default_rng(8)
    weights = [rng.normal(size=(5, 2)), rng.normal(size=(4, 5)), rng.normal(size=(3, 4))]
    network = Network.from_arrays(weights, [rng.normal(size=len(w)) for w in weights], "leaky_relu", slope=-0.5)
    cut_square = regions(network, Box.cube(2, -1, 1))
    x = rng.uniform(-1, 1, (40, 2))
    for point, region in zip(x, cut_square.locate(x), strict=True):
        weight, bias = cut_square.affine_map(region)
        np.testing.assert_allclose(weight @ point + bias, network.logits([point])[0], atol=1e-12)


def test_the_logits_are_kept_where_their_difference_cuts():
    network = random_network(3, 2, 5, 3)
    cut_square = regions(network, Box.cube(2, -1, 1), rows=[[1, -1, 0], [0, 1, -1]])
    assert cut_square.layout.n_rows == 2 and cut_square.signs(2).shape[1] == 7
    x = np.random.default_rng(1).uniform(-1, 1, (50, 2))
    found = cut_square.locate(x)
    logits = network.logits(x)
    assert (cut_square.signs(2)[found, 5] == np.sign(logits[:, 0] - logits[:, 1])).all()
    weight, bias = cut_square.affine_map(found[0])
    np.testing.assert_allclose(weight @ x[0] + bias, logits[0], atol=1e-12)


def test_a_surface_without_cells():
    square = crossed_square()
    empty = square.subcomplex([np.zeros(n, dtype=bool) for n in square.cell_counts], dim=1)
    assert empty.cell_counts == (0, 0) and empty.dim == 1 and empty.euler_characteristic == 0
    assert empty.homology().betti == (0, 0) and empty.volumes().size == 0 and empty.witnesses().shape == (0, 2)
    assert empty.triangulate().euler_characteristic == 0 and empty.locate([[0.0, 0.0]]).tolist() == [-1]


def test_two_crossing_lines_in_the_plane():
    plane = whole_space(hyperplanes([[1, 1], [1, -2]], [0, 1]))
    assert plane.cell_counts == (1, 4, 4) and plane.euler_characteristic == 1 and not plane.is_closed
    assert plane.vertices.shape == (1, 2)
    assert [plane.is_bounded(k).sum() for k in range(3)] == [1, 0, 0]
    assert plane.boundary_operator(1).shape == (1, 4) and plane.boundary_operator(2).shape == (4, 4)
    assert not (plane.boundary_operator(1) @ plane.boundary_operator(2)).toarray().any()
    assert np.isinf(plane.volumes()).all()
    assert plane.homology().betti == (1, 0, 0) and plane.homology().kind == "ordinary"
    assert plane.homology(kind="borel-moore").betti == (0, 0, 1)
    assert plane.homology(kind="one-point").betti == (1, 0, 1)
    assert (plane.locate(plane.witnesses()) == np.arange(4)).all()
    assert np.abs(plane.witnesses()).max() < 10
    far = np.array([[1e300, 0], [-1e300, 0], [0, 1e300], [0, -1e300]])
    assert sorted(plane.locate(far)) == [0, 1, 2, 3]
    lines = plane.subcomplex([np.array([True]), np.ones(4, dtype=bool), np.zeros(4, dtype=bool)])
    assert lines.cell_counts == (1, 4) and [lines.is_bounded(k).sum() for k in (0, 1)] == [1, 0]
    kinds = ("ordinary", "borel-moore", "one-point")
    assert [lines.homology(kind=kind).betti for kind in kinds] == [(1, 0), (0, 3), (1, 3)]
    assert plane.homology(relative_to=lines, kind="borel-moore").betti == (0, 0, 4)
    assert plane.homology(relative_to=lines).betti == (0, 0, 0)
    with pytest.raises(InputError, match="unbounded"):
        plane.triangulate()


def test_parallel_lines_have_no_vertices():
    strips = whole_space(hyperplanes([[1, 2], [1, 2], [1, 2]], [0, 1, 3]))
    assert strips.cell_counts == (0, 3, 4) and strips.euler_characteristic == 1
    assert strips.homology().betti == (1, 0, 0) and strips.homology(kind="borel-moore").betti == (0, 0, 1)
    assert strips.homology(kind="one-point").betti == (1, 0, 1)
    lines = strips.subcomplex([np.zeros(0, dtype=bool), np.ones(3, dtype=bool), np.zeros(4, dtype=bool)])
    assert lines.homology().betti == (3, 0) and lines.homology(kind="borel-moore").betti == (0, 3)
    assert lines.homology(kind="one-point").betti == (1, 3)


@pytest.mark.parametrize("widths", [(2, 6, 4, 2), (3, 5, 3, 2)])
def test_the_whole_space_is_a_ball_without_its_sphere(widths):
    space = whole_space(random_network(7, *widths), 2.0**40)
    n = widths[0]
    assert space.euler_characteristic == (-1) ** n
    assert space.homology().betti == (1,) + (0,) * n
    assert space.homology(kind="borel-moore").betti == (0,) * n + (1,)
    assert space.homology(kind="one-point").betti == (1,) + (0,) * (n - 1) + (1,)
    bounded = space.subcomplex([space.is_bounded(k) for k in range(n + 1)])
    assert bounded.is_closed and bounded.homology().betti[: n + 1] == (1,) + (0,) * bounded.dim
    assert np.isfinite(bounded.volumes()).all() and np.isfinite(space.volumes()[space.is_bounded(n)]).all()


def test_a_cycle_around_a_hole():
    square = regions(hyperplanes([[1, 0], [1, 0], [0, 1], [0, 1]], [0.5, -0.5, 0.5, -0.5]), Box.cube(2, -1, 1))
    hole = square.locate([[0.0, 0.0]])[0]
    masks = [np.ones(n, dtype=bool) for n in square.cell_counts]
    masks[2][hole] = False
    annulus = square.subcomplex(masks)
    homology = annulus.homology()
    assert homology.betti == (1, 1, 0)
    (cycle,) = homology.generators(1)
    assert not (annulus.boundary_operator(1) @ cycle.to_array()).any()
    assert annulus.volumes().sum() == pytest.approx(3)


def test_what_is_refused():
    square = crossed_square()
    open_ = [np.zeros(n, dtype=bool) for n in square.cell_counts]
    open_[2][1] = True
    with pytest.raises(InputError, match="must hold the faces"):
        square.subcomplex(open_)
    with pytest.raises(InputError, match="must hold the faces"):
        square.homology(relative_to=open_)
    assert square.subcomplex(square.cells.closure(open_)).cell_counts == (4, 4, 1)
    with pytest.raises(InputError, match="mask 1"):
        square.subcomplex([np.ones(9, dtype=bool), np.ones(5, dtype=bool)])
    with pytest.raises(InputError, match="booleans"):
        square.subcomplex([np.ones(9)])
    for odd in ("all", 3, np.ones(9, dtype=bool)):
        with pytest.raises(KindError):
            square.subcomplex(odd)
    for k in (-1, 3):
        with pytest.raises(InputError, match="dimension"):
            square.signs(k)
    for k in (1.0, "1", True):
        with pytest.raises(KindError):
            square.boundary_operator(k)
    for region in (4, -1, [0, 1], 0.5):
        with pytest.raises(InputError):
            square.affine_map(region)
    for kind in ("singular", "Z", 3):
        with pytest.raises(InputError, match="kind"):
            square.homology(kind=kind)
    with pytest.raises(InputError, match="shape"):
        square.locate([[0.0, 0.0, 0.0]])
    with pytest.raises(InputError, match="finite"):
        square.locate([[np.nan, 0.0]])
