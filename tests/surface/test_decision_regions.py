"""Decision regions: components, volumes, witnesses, islands and data, against brute force and by known shapes."""

import json

import numpy as np
import pytest

from separatrix.certainty import Certainty
from separatrix.domains import Box, WholeSpace
from separatrix.errors import InputError, KindError
from separatrix.networks.network import Network
from separatrix.surface.decision_regions import decision_regions
from separatrix.surface.decision_surface import decision_surface
from tests.surface.shapes import (
    around_circle,
    beside_brute_force,
    cross_polytope,
    figure_eight,
    linked_circles,
    random_network,
    three_sectors,
    two_discs,
)

CASES = [
    ([1, 5, 4, 3], None),
    ([2, 5, 1], None),
    ([2, 4, 4], None),
    ([3, 3, 3], None),
    ([2, 4, 1], 1),
    ([2, 4, 4], 1),
    ([3, 3, 2], 2),
]


@pytest.mark.parametrize(("widths", "largest"), CASES)
def test_regions_are_those_of_brute_force(widths, largest):
    n = widths[0]
    truth, net = beside_brute_force(widths, largest, sum(widths))
    regions = decision_regions(net, Box.cube(n, -1, 1))
    for k, region in enumerate(regions):
        assert region.homology("Z/2").betti == truth.region(k).betti
        assert region.n_components == len(region.components) == truth.region(k).betti[0]
        assert region.n_pieces == truth.pieces(k)
        if n < 3:
            assert region.volume == pytest.approx(float(truth.volume(k)), rel=1e-13, abs=1e-15)
        for component in region.components:
            logits = net.logits(component.witness[None])[0]
            assert logits[k] == pytest.approx(logits.max(), abs=1e-12)


def test_volumes_fill_the_box_and_characteristics_add_up():
    """Closed regions of two classes meet in the surface: chi(R_0) + chi(R_1) - chi(S) = chi(box) = 1."""
    for seed, n in [(0, 2), (1, 3), (2, 4)]:
        weights, biases = random_network(np.random.default_rng(seed), [n, 6, 4, 1])
        net, box = Network.from_arrays(weights, biases), Box.cube(n, -1, 2)
        regions, surface = decision_regions(net, box), decision_surface(net, box)
        assert sum(region.volume for region in regions) == pytest.approx(3.0**n, rel=1e-12)
        assert sum(r.complex.euler_characteristic for r in regions) - surface.euler_characteristic == 1
        shares = np.bincount(net.predict(box.uniform(4000, np.random.default_rng(1))), minlength=2) / 4000
        assert [region.volume / 3.0**n for region in regions] == pytest.approx(shares, abs=0.04)


@pytest.mark.parametrize(
    ("net", "half", "inside", "outside"),
    [
        (cross_polytope(3), 2, (1, 0, 0, 0), (1, 0, 1, 0)),
        (two_discs(), 4, (2, 0, 0), (1, 2, 0)),
        (around_circle(2), 4, (1, 1, 0), (2, 1, 0)),
        (around_circle(3), 4, (1, 1, 0, 0), (1, 1, 1, 0)),
        (figure_eight(), 5, (1, 2, 0, 0), (1, 2, 1, 0)),
        (linked_circles(), 5, (2, 2, 0, 0), (1, 2, 2, 0)),
    ],
)
def test_known_shapes(net, half, inside, outside):
    regions = decision_regions(net, Box.cube(net.n_inputs, -half, half))
    assert regions[1].homology().betti == inside and regions[0].homology().betti == outside
    assert regions[1].n_components == inside[0] and regions[0].n_components == outside[0]
    assert len(regions[1].islands) == inside[0]  # they do not touch the boundary
    assert all(component.certainty is Certainty.PROVED for component in regions.components)
    assert all(net.predict(c.witness[None])[0] == c.class_number for c in regions.components)


def test_volumes_of_cross_polytopes():
    for n, volume in [(1, 2.0), (2, 2.0), (3, 4 / 3), (4, 2 / 3)]:
        regions = decision_regions(cross_polytope(n), Box.cube(n, -1.5, 1.5))
        assert regions[1].volume == pytest.approx(volume, rel=1e-14)


def test_islands_and_data():
    net, box = two_discs(), Box.cube(2, -4, 4)
    x = np.array([[-2.0, 0.0], [-2.1, 0.1], [0.0, 3.0], [9.0, 0.0], [1.0, 0.0]])  # the last one on the surface
    regions = decision_regions(net, box, (x, np.array([1, 1, 0, 0, 1])))
    assert regions.n_data == 5 and regions.n_data_outside == 1 and "outside the box" in " ".join(regions.notes)
    by_place = {np.sign(c.witness[0]): c for c in regions[1].components}
    assert by_place[-1].n_data == 2 and by_place[1].n_data == 0
    assert regions.islands == (by_place[1],) and not by_place[1].touches_boundary
    assert regions[0].components[0].n_data == 2 and regions[0].components[0].touches_boundary
    assert sorted(decision_regions(net, box, x).columns()["n_data"]) == [0, 2, 2]
    frame = regions.to_dataframe()
    assert (
        list(frame["is_island"] & (frame["n_data"] == 0)) == list(frame["is_island"]) and frame["is_island"].sum() == 1
    )


def test_pieces_that_meet_in_a_point_are_told():
    """|x| > |y| and its complement: two wedges each, which meet in the origin alone."""
    weights = [[[1.0, 0], [-1, 0], [0, 1], [0, -1]], [[1.0, 1, -1, -1]]]
    regions = decision_regions(Network.from_arrays(weights, [[0.0] * 4, [0.0]]), Box.cube(2, -1, 1))
    for region in regions:
        assert region.n_components == 1 and region.n_pieces == 2 and region.volume == 2.0
    assert sum("codimension 2" in note for note in regions.notes) == 2


def test_ties_without_inner_points_and_on_full_cells():
    tent = Network.from_arrays([[[1.0], [-1.0]], [[-1.0, -1.0]]], [[0.0, 0.0], [0.0]])  # -|x| reaches 0 at 0 only
    regions = decision_regions(tent, ([-1], [1]))
    assert regions[1].components[0].n_pieces == 0 and regions[1].volume == 0 and "inner point" in regions.notes[-1]
    flat = Network.from_arrays([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]])  # relu(x)
    regions = decision_regions(flat, Box.cube(2, -1, 1))
    assert [region.volume for region in regions] == [2.0, 4.0] and "tie at the top" in regions.notes[0]


def test_triple_points():
    regions = decision_regions(three_sectors(), Box.cube(2, -1, 1))
    assert regions.triple_points.tolist() == [[0.0, 0.0]] and regions.triple_classes == ((0, 1, 2),)
    assert [region.volume for region in regions] == [1.0, 1.5, 1.5]
    space = Network.from_arrays([np.eye(4, 3)], [[0.0] * 4])  # logits x, y, z, 0: ties of three along four rays
    regions = decision_regions(space, Box.cube(3, -1, 1))
    assert sorted(len(c) for c in regions.triple_classes) == [3, 3, 3, 3, 4]


def test_one_class_that_never_wins():
    net = Network.from_arrays([[[1.0], [-1.0], [0.0]]], [[0.0, 0.0, -1.0]])
    regions = decision_regions(net, ([-1], [2]))
    assert [region.n_components for region in regions] == [1, 1, 0] and regions[2].homology().betti == (0, 0)
    assert [region.volume for region in regions] == [2.0, 1.0, 0.0] and not regions[2].islands


def test_bad_questions_are_refused():
    net, box = three_sectors(), Box.cube(2, -1, 1)
    with pytest.raises(KindError, match="Network"):
        decision_regions(None, box)
    for domain in (None, WholeSpace(2)):
        with pytest.raises(InputError, match="box"):
            decision_regions(net, domain)
    with pytest.raises(InputError, match="shape"):
        decision_regions(net, box, np.zeros((3, 5)))
    with pytest.raises(InputError, match="finite"):
        decision_regions(net, box, [[np.nan, 0.0]])
    with pytest.raises(InputError, match="labels"):
        decision_regions(net, box, (np.zeros((3, 2)), np.zeros(2)))
    regions = decision_regions(net, box)
    with pytest.raises(InputError, match="class number"):
        regions[3]
    with pytest.raises(KindError, match="class number"):
        regions["a"]


def test_records_go_into_files_without_the_cells():
    net, box = two_discs(), Box.cube(2, -4, 4)
    regions, surface = decision_regions(net, box), decision_surface(net, box)
    told = json.loads(regions.to_json())
    assert [len(region["components"]) for region in told["regions"]] == [1, 2] and len(regions.to_json()) < 10_000
    assert json.loads(surface.to_json())["cell_counts"] == [8, 8] and surface.arrays()["faces_1"].size == 16
    assert json.loads(surface.neurons.to_json())["active"] == surface.neurons.active.tolist()
    assert (
        list(surface.to_dataframe()["cells"]) == [8, 8] and "proved" in repr(surface) and "2 islands" in repr(regions)
    )
