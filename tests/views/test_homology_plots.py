"""Pictures of small complexes and of persistence diagrams."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from separatrix.complexes.cubical_complex import CubicalComplex
from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.errors import InputError, KindError
from separatrix.homology.persistence import persistence


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_a_cycle_is_drawn_along_its_edges() -> None:
    mask = np.ones((3, 3), dtype=bool)
    mask[1, 1] = False
    complex_ = CubicalComplex(mask)
    cycle = complex_.homology().generators(1)[0]
    ax = complex_.plot(chains=[cycle])
    thick = ax.collections[-1].get_segments()
    assert len(thick) == len(cycle.cells)
    ends = np.concatenate(thick).round(6)
    assert all((ends == end).all(axis=1).sum() == 2 for end in ends)  # every vertex of a simple cycle twice
    assert ax.get_legend() is not None


def test_simplices_need_positions_and_carry_their_labels() -> None:
    triangle = SimplicialComplex([("p", "q", "r")], positions={"p": (0, 0), "q": (1, 0), "r": (0, 1)})
    ax = triangle.plot()
    assert {text.get_text() for text in ax.texts} == {"p", "q", "r"}
    with pytest.raises(InputError, match="no positions"):
        SimplicialComplex([(0, 1)]).plot()
    with pytest.raises(KindError):
        triangle.plot(chains=3)


@pytest.mark.parametrize("shape", [(3,), (2, 2), (2, 1, 2)])
def test_grids_in_one_two_and_three_dimensions(shape: tuple[int, ...]) -> None:
    ax = CubicalComplex(shape).plot()
    assert (ax.name == "3d") == (len(shape) == 3)
    ax.figure.canvas.draw()


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InputError):
        CubicalComplex((1, 1, 1, 1)).plot()
    with pytest.raises(InputError):
        CubicalComplex((300, 300)).plot()
    solid = CubicalComplex((1, 1, 1), periodic=True)
    with pytest.raises(InputError, match="degree 3"):
        solid.plot(chains=solid.homology().generators(3))


@pytest.mark.parametrize("superlevel", [False, True])
def test_a_diagram_shows_every_class_that_lives(superlevel: bool) -> None:
    complex_ = CubicalComplex((6, 6), periodic=True)
    found = persistence(complex_, np.random.default_rng(0).random((6, 6)), superlevel=superlevel)
    ax = found.plot()
    shown = sum(len(line.get_xdata()) for line in ax.lines[2:])
    assert shown == sum(len(found.pairs(k)) for k in range(3)) > 4
    persistence(complex_, np.zeros(36)).plot(least=1.0)
