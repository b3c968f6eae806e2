"""Certified surfaces: shapes known by calculus, traps, tangency, grids, laws (§6)."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix import Network
from separatrix.certainty import Certainty
from separatrix.domains import Box, WholeSpace
from separatrix.errors import InputError, KindError, SeparatrixError
from separatrix.surface.smooth.decision_surface_smooth import smooth_decision_surface

from .random_networks import SMOOTH, random_network
from .shapes import bowl, count_pieces


def _proved(net: Network, box: Box) -> tuple[int, ...]:
    surface = smooth_decision_surface(net, box)
    assert surface.certainty is Certainty.PROVED and not surface.unsettled
    return surface.homology().betti


@pytest.mark.parametrize(("dim", "betti"), [(1, (2,)), (2, (1, 1)), (3, (1, 0, 1))])
def test_spheres(dim: int, betti: tuple[int, ...]) -> None:
    assert _proved(bowl(dim, 0.1), Box.cube(dim, -1.0, 1.5)) == betti


def test_cylinder_and_its_boundary_circles() -> None:
    surface = smooth_decision_surface(bowl(3, 0.05, curved=2), Box.cube(3, -1.0, 1.0))
    assert surface.homology().betti == (1, 1, 0)
    complex_ = surface.complex
    on_side = np.isin(complex_.positions[:, 2], (-1.0, 1.0))
    masks = [
        on_side[rows].all(axis=1) & (np.ptp(complex_.positions[rows, 2], axis=1) == 0) for rows in complex_.simplices
    ]
    assert complex_.homology(relative_to=masks).betti == (0, 1, 1)


def test_tilted_pair_of_arcs_with_four_positive_corners() -> None:
    """x^2 - c + small y: one component of grad m is positive everywhere, and yet there are two arcs."""
    net = bowl(2, 0.01, tilt=np.array([0.0, 0.001]), curved=1)
    assert (np.diff(net.logits([[-1, -1], [-1, 1], [1, -1], [1, 1]])) > 0).all()
    assert _proved(net, Box.cube(2, -1.0, 1.0)) == (2, 0)


def test_arc_that_leaves_and_enters_through_one_side() -> None:
    """y = c - x^2: the derivative by y is positive everywhere; what counts is the side y = 0."""
    net = bowl(2, 0.025, tilt=np.array([0.0, 1.0]), curved=1)
    assert _proved(net, Box([-0.45, 0.0], [0.45, 1.0])) == (1, 0)
    assert _proved(net, Box([-0.45, 0.03], [0.45, 1.0])) == (0, 0)
    assert _proved(net, Box([-0.2, 0.0], [0.2, 1.0])) == (1, 0)


def test_tangency_to_a_side_is_listed_and_not_proved() -> None:
    net = bowl(2, 0.0, tilt=np.array([0.0, 1.0]), curved=1)  # the curve y = -q(x) has its top at the origin
    surface = smooth_decision_surface(net, Box([-1.0, 0.0], [1.3, 1.0]))
    assert surface.certainty is not Certainty.PROVED
    assert 0 < len(surface.unsettled) < 20
    assert all(box.contains([[0.0, 0.0]])[0] or np.abs(box.lower).max() < 1e-2 for box in surface.unsettled)
    assert all("tangent to a side" in reason for reason in surface.unsettled_reasons)
    assert _proved(net, Box([-1.0, 1e-4], [1.3, 1.0])) == (0, 0)
    assert _proved(net, Box([-1.0, -1e-4], [1.3, 1.0])) == (1, 0)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_surface_that_lies_in_a_side_is_given_up_early(dim: int) -> None:
    """tanh x = 0 on a box with the side x = 0: no halving settles it, and the undecided simplices would fill the budget."""
    net = Network.from_arrays([np.eye(dim)[:1], [[1.0]]], [[0.0], [0.0]], "tanh")
    surface = smooth_decision_surface(net, (np.zeros(dim), np.ones(dim)))
    assert not surface.is_settled and surface.certainty is not Certainty.PROVED and surface.n_tested < 30_000
    assert all("tangent to a side of the box (coordinate 0" in reason for reason in surface.unsettled_reasons[:-1])


def test_a_singular_point_is_listed() -> None:
    """q(x) - q(y) = 0 is a cross: its centre is no regular point."""
    weights = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    net = Network.from_arrays([weights, [[1.0, 1, -1, -1]]], [np.zeros(4), [0.0]], "softplus")
    surface = smooth_decision_surface(net, Box([-1.0, -0.7], [0.9, 0.8]))
    assert surface.certainty is not Certainty.PROVED
    assert any(box.contains([[0.0, 0.0]])[0] for box in surface.unsettled)


def test_vertices_lie_within_their_errors_of_the_surface() -> None:
    net = bowl(2, 0.1)
    surface = smooth_decision_surface(net, Box.cube(2, -1.0, 1.5))
    assert surface.vertex_error.max() < 1e-6
    gap = np.abs(np.diff(net.logits(surface.vertices))[:, 0])
    assert (gap <= 1.0 * surface.vertex_error + 1e-15).all()  # |grad m| < 1 in the box
    middle = surface.vertices[surface.facets].mean(axis=1)
    normal = np.diff(surface.vertices[surface.facets], axis=1)[:, 0] @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    sides = np.diff(net.logits(middle + 0.3 * normal)) - np.diff(net.logits(middle - 0.3 * normal))
    assert (sides > 0).all() or (sides < 0).all()


def _components(net: Network, box: Box, n: int) -> tuple[int, int]:
    """Components of {m > 0} and {m < 0} on a fine grid, neighbours along axes."""
    axes = [np.linspace(low, high, n) for low, high in zip(box.lower, box.upper, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, box.dim)
    m = np.diff(net.logits(points))[:, 0].reshape([n] * box.dim)
    return count_pieces(m > 0), count_pieces(m < 0)


@pytest.mark.parametrize("activation", SMOOTH)
def test_random_networks_in_the_plane_agree_with_a_grid(activation: str) -> None:
    from separatrix.surface.smooth.decision_regions_smooth import smooth_decision_regions

    box = Box.cube(2, -1.5, 1.5)
    for seed in range(4):
        net = random_network((2, 8, 8, 2), activation, 100 + seed, gain=1.5)
        regions = smooth_decision_regions(net, box)
        assert regions.certainty is Certainty.PROVED
        counts = (regions[1].n_components, regions[0].n_components)
        assert counts == _components(net, box, 241)
        area = 9.0 * (np.diff(net.logits(box.uniform(40_000, np.random.default_rng(0)))) > 0).mean()
        assert regions[1].volume - 0.08 < area < regions[1].volume_upper + 0.08
        assert abs(regions[1].volume + regions[0].volume_upper - 9.0) < 1e-9
        betti = regions.surface.homology().betti
        free = sum(not component.touches_boundary for component in regions.components)
        assert betti[1] == free  # a closed curve a region that misses the side of the box


def test_random_networks_in_space_agree_with_a_grid() -> None:
    box = Box.cube(3, -1.0, 1.0)
    for seed in (0, 3):
        net = random_network((3, 6, 2), "tanh", 40 + seed, gain=2.0)
        surface = smooth_decision_surface(net, box)
        assert surface.certainty is Certainty.PROVED
        from separatrix.surface.smooth.decision_regions_smooth import smooth_decision_regions

        regions = smooth_decision_regions(net, box)
        assert (regions[1].n_components, regions[0].n_components) == _components(net, box, 61)


def test_saturated_networks_are_settled() -> None:
    for gain in (4.0, 16.0):
        net = random_network((2, 8, 8, 2), "tanh", 7, gain=gain)
        surface = smooth_decision_surface(net, Box.cube(2, -1.0, 1.0))
        assert surface.certainty is Certainty.PROVED and surface.n_tested > 500


def test_scaling_a_network_down_to_the_smallest_doubles_keeps_the_proof() -> None:
    scaled = random_network((2, 5, 2), "tanh", 3)
    tiny = Network.from_arrays(
        [scaled.affine_layers[0].weight, np.ldexp(scaled.affine_layers[1].weight, -1000)],
        [scaled.affine_layers[0].bias, np.ldexp(scaled.affine_layers[1].bias, -1000)],
        "tanh",
    )
    box = Box.cube(2, -1.0, 1.0)
    assert _proved(tiny, box) == _proved(scaled, box)


def test_overflow_is_refused() -> None:
    net = Network.from_arrays([[[1e200, 0.0]], [[1e200]]], [[0.0], [0.0]], "softplus")
    with pytest.raises(InputError, match="overflow"):
        smooth_decision_surface(net, Box.cube(2, -1e200, 1e200))


def test_a_surface_through_vertices_of_the_mesh_has_errors_inside_the_box() -> None:
    net = Network.from_arrays([np.eye(2), [[1.0, 0.0]]], [[0.0, 0.0], [0.0]], "tanh")  # the line x_1 = 0
    surface = smooth_decision_surface(net, Box.cube(2, -1.0, 1.0))
    inner = np.abs(surface.vertices[:, 1]) < 1.0
    assert inner.sum() > 50 and surface.vertex_error[inner].max() < 1e-11
    assert (np.abs(surface.vertices[inner, 0]) <= surface.vertex_error[inner]).all()


def test_finer_cells_keep_the_topology_and_follow_the_surface() -> None:
    net, box = bowl(2, 0.1), Box.cube(2, -1.0, 1.5)
    coarse, fine = (smooth_decision_surface(net, box, resolution=r) for r in (1, 256))
    assert coarse.homology().betti == fine.homology().betti == (1, 1)
    longest = [np.linalg.norm(np.diff(s.vertices[s.facets], axis=1), axis=2).max() for s in (coarse, fine)]
    assert longest[1] <= np.sqrt(2.0) * 2.5 / 256 < longest[0]
    assert fine.certainty is Certainty.PROVED


def test_shares_of_neurons_on_a_smooth_surface_sum_to_one() -> None:
    surface = smooth_decision_surface(random_network((2, 6, 2), "tanh", 1), Box.cube(2, -1.0, 1.0))
    cover = surface.neurons
    assert cover.shares.shape == (len(surface.facets), 6)
    assert np.allclose(cover.shares.sum(axis=1), 1.0)
    assert cover.nerve.homology().betti[0] == 1


def test_what_is_no_question_for_smooth_surfaces() -> None:
    net = bowl(2, 0.1)
    with pytest.raises(InputError, match="bounded box"):
        smooth_decision_surface(net, None)
    with pytest.raises(InputError, match="bounded box"):
        smooth_decision_surface(net, WholeSpace(2))
    with pytest.raises(InputError, match="AffineSlice"):
        smooth_decision_surface(random_network((4, 3, 2), "tanh", 0), Box.cube(4, -1, 1))
    with pytest.raises(InputError, match="not a smooth activation"):
        smooth_decision_surface(random_network((2, 3, 2), "relu", 0), Box.cube(2, -1, 1))
    for options in ({"halvings": 0}, {"max_simplices": 0}, {"resolution": -1}):
        with pytest.raises(InputError, match="expected 1 to"):
            smooth_decision_surface(net, Box.cube(2, -1, 1), **options)
    with pytest.raises(KindError, match="whole number"):
        smooth_decision_surface(net, Box.cube(2, -1, 1), halvings=2.5)  # pyright: ignore[reportArgumentType]
    same = Network.from_arrays([np.eye(2), np.ones((2, 2))], [np.zeros(2), np.zeros(2)], "tanh")
    with pytest.raises(SeparatrixError, match="vanishes"):
        smooth_decision_surface(same, Box.cube(2, -1, 1))


def test_an_empty_surface_has_zeros_in_its_counts() -> None:
    surface = smooth_decision_surface(bowl(2, -1.0), Box.cube(2, -1.0, 1.0))
    assert surface.cell_counts == (0, 0) and surface.dim == 1 and surface.is_empty
    assert surface.homology().betti == (0, 0)


def test_a_budget_of_simplices_ends_in_a_list() -> None:
    surface = smooth_decision_surface(bowl(2, 0.1), Box.cube(2, -1.0, 1.5), max_simplices=40)
    assert surface.certainty is not Certainty.PROVED and surface.unsettled
    assert "budget" in surface.unsettled_reasons[0]


def test_one_logit_stands_for_two_classes() -> None:
    net = Network.from_arrays([[[2.0], [-3.0]], [[1.0, 1.0]]], [[0.5, 0.2], [0.1]], "sigmoid")
    surface = smooth_decision_surface(net, Box([-3.0], [3.0]))
    roots = np.sort(surface.vertices[:, 0])
    grid = np.linspace(-3, 3, 100_001)
    m = net.logits(grid[:, None])[:, 1]
    assert len(roots) == (np.diff(np.sign(m)) != 0).sum()
