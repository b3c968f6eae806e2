"""Figures of surfaces and regions: what is drawn is what is there."""

import matplotlib as mpl
import numpy as np
import pytest

from separatrix.domains import Box
from separatrix.errors import InputError
from separatrix.networks.network import Network
from separatrix.surface.decision_regions import decision_regions
from separatrix.surface.decision_surface import decision_surface
from separatrix.views.surface_plots import plot_regions
from tests.surface.shapes import around_circle, cross_polytope, three_sectors, two_discs

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


def test_surface_in_the_plane_with_its_cycles():
    surface = decision_surface(two_discs(), Box.cube(2, -4, 4))
    cycles = surface.homology().generators(1)
    ax = surface.plot(chains=cycles)
    assert len(ax.collections[0].get_segments()) == surface.cell_counts[1] == 8
    assert len(ax.lines) == sum(len(cycle.cells) for cycle in cycles)
    assert ax.get_xlim() == (-4, 4) and len(ax.images) == 1
    assert surface.plot(ax=ax, colour_by="neurons") is ax


def test_surface_on_a_line_and_in_space():
    line = decision_surface(cross_polytope(1), ([-2], [2])).plot()
    assert sorted(line.lines[0].get_xdata()) == [-1, 1]
    torus = decision_surface(around_circle(3), Box.cube(3, -4, 4))
    ax = torus.plot(chains=torus.homology().generators(1))
    assert len(ax.collections) == 1 and ax.get_zlim() == (-4, 4)
    assert torus.plot(colour_by="neurons") is not ax
    with pytest.raises(InputError, match="3d"):
        torus.plot(ax=line)


def test_regions_mark_their_islands():
    regions = decision_regions(two_discs(), Box.cube(2, -4, 4))
    ax = regions.plot()
    marks = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert len(marks) == len(regions.islands) == 2 and len(ax.texts) == 2
    assert not plot_regions(regions, numbers=False).texts
    space = decision_regions(around_circle(3), Box.cube(3, -4, 4)).plot()
    assert len(space.collections) == 1
    assert len(decision_regions(three_sectors(), Box.cube(2, -1, 1)).plot().collections[0].get_segments()) >= 3


def test_set_with_full_cells_the_whole_plane_and_nothing():
    flat = decision_surface(Network.from_arrays([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]]), Box.cube(2, -1, 1))
    assert len(flat.plot().collections) == 2  # the half where relu(x) = 0, and its lines
    assert len(decision_surface(cross_polytope(2)).plot().collections[0].get_segments()) == 4
    empty = decision_surface(Network.from_arrays([np.zeros((1, 2))], [[1.0]]), Box.cube(2, -1, 1))
    assert "no decision surface" in empty.plot().get_title()
    four = decision_surface(cross_polytope(4), Box.cube(4, -2, 2))
    with pytest.raises(InputError, match="slice"):
        four.plot()
    with pytest.raises(InputError, match="colour_by"):
        empty.plot(colour_by="mood")
