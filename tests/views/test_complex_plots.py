"""Figures of complexes: what is drawn, cycles on it, and what is refused."""

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection

from separatrix.domains import Box
from separatrix.errors import InputError, KindError
from separatrix.views.clipping import clipped_polygon, clipped_segments
from separatrix.views.flow_plots import save_plot
from tests.complexes.arrangements import crossed_square, hyperplanes, random_network, regions, whole_space

mpl.use("agg")


def flat():
    return Figure().subplots()


def in_space():
    return Figure().add_subplot(projection="3d")


def drawn(ax, kind):
    return [artist for artist in ax.collections if type(artist) is kind]


def test_a_plane_complex_is_drawn_polygon_by_polygon():
    square = crossed_square()
    ax = flat()
    assert square.plot(ax) is ax
    (polygons,), (lines,) = drawn(ax, PolyCollection), drawn(ax, LineCollection)
    corners = {tuple(sorted(map(tuple, path.vertices[:4].tolist()))) for path in polygons.get_paths()}
    assert corners == {
        tuple(sorted((x + i, y + j) for i in (0.0, 1.0) for j in (0.0, 1.0))) for x in (-1.0, 0.0) for y in (-1.0, 0.0)
    }
    assert len(lines.get_segments()) == 12 and len(ax.lines[0].get_xdata()) == 9
    assert ax.get_xlim() == (-1, 1) and "units of the input" in ax.get_xlabel()


def test_colours_and_values():
    square = crossed_square()
    given = ["#ff0000", "#00ff00", "#0000ff", "#ffffff"]
    faces = drawn(square.plot(flat(), colours=given), PolyCollection)[0].get_facecolor()
    assert faces[:, :3].tolist() == [list(to_rgba(colour)[:3]) for colour in given]
    ax = square.plot(flat(), values=[0, 1, 2, 2])
    faces = drawn(ax, PolyCollection)[0].get_facecolor()
    assert (faces[2] == faces[3]).all() and (faces[0] != faces[1]).any() and len(ax.figure.axes) == 2
    for wrong in ({"values": [1, 2]}, {"colours": ["red"] * 3}):
        with pytest.raises(InputError, match="one a top cell"):
            square.plot(flat(), **wrong)


def test_cycles_are_drawn_along_their_edges():
    square = regions(hyperplanes([[1, 0], [1, 0], [0, 1], [0, 1]], [0.5, -0.5, 0.5, -0.5]), Box.cube(2, -1, 1))
    masks = [np.ones(n, dtype=bool) for n in square.cell_counts]
    masks[2][square.locate([[0.0, 0.0]])[0]] = False
    annulus = square.subcomplex(masks)
    cycle, point = annulus.homology().generators(1)[0], annulus.homology().generators(0)[0]
    ax = annulus.plot(flat(), chains=[cycle, point])
    thick = drawn(ax, LineCollection)[-1]
    assert len(thick.get_segments()) == len(cycle.cells) and thick.get_linewidth()[0] > 2
    ends, counts = np.unique(np.concatenate(thick.get_segments()), axis=0, return_counts=True)
    assert (counts == 2).all() and len(ends) == len(cycle.cells)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["cycle 1", "points 2"]
    with pytest.raises(KindError, match="list of chains"):
        annulus.plot(flat(), chains=cycle)


def test_surfaces_curves_and_solids_in_space():
    cube = regions(hyperplanes(np.eye(3), [0.5, 0, 0.25]), Box.cube(3, -1, 1))
    (solid,) = drawn(cube.plot(in_space()), Poly3DCollection)
    assert len(solid._faces) == cube.cell_counts[2]
    skin = cube.subcomplex([(cube.box_signs(k) == 0).any(axis=1) for k in range(4)])
    (sphere,) = skin.homology().generators(2)
    faces = drawn(skin.plot(in_space(), chains=[sphere]), Poly3DCollection)
    assert [len(one._faces) for one in faces] == [24, 24]
    frame = skin.subcomplex([np.ones(skin.cell_counts[0], dtype=bool), np.ones(skin.cell_counts[1], dtype=bool)])
    (lines,) = drawn(frame.plot(in_space()), Line3DCollection)
    assert len(lines._segments3d) == frame.cell_counts[1]


def test_a_complex_on_a_line():
    line = regions(hyperplanes([[1.0], [1.0]], [0.5, -0.25]), Box([-2.0], [1.0]))
    ax = line.plot(flat())
    assert len(drawn(ax, LineCollection)[0].get_segments()) == 3 and ax.get_xlim() == (-2, 1)


def test_unbounded_cells_reach_over_the_edge_of_the_figure():
    plane = whole_space(hyperplanes([[1, 1], [1, -2]], [0, 1]))
    ax = plane.plot(flat())
    (polygons,), (lines,) = drawn(ax, PolyCollection), drawn(ax, LineCollection)
    corners = np.concatenate([path.vertices for path in polygons.get_paths()])
    low, high = np.transpose([ax.get_xlim(), ax.get_ylim()])
    assert len(polygons.get_paths()) == 4 and (high - low < 10).all()
    assert (corners.min(axis=0) < low).all() and (corners.max(axis=0) > high).all() and np.abs(corners).max() < 10
    assert len(lines.get_segments()) == 4 and np.abs(lines.get_segments()).max() < 10
    assert ((plane.vertices > low) & (plane.vertices < high)).all()


@given(st.integers(0, 2**32))
def test_clipping_keeps_what_lies_in_the_rectangle(seed):
    """Points of the clipped shape are those of the shape and of the rectangle, by sampling its edge and inside."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 5))
    polygon = rng.normal(size=2) + rng.uniform(0.2, 4) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    low, high = -np.ones(2), np.ones(2)
    part = clipped_polygon(polygon, low, high)

    def holds(corners, x):
        after = np.roll(corners, -1, axis=0)
        side = np.cross(np.append(after - corners, np.zeros((len(corners), 1)), axis=1)[None], np.append(
            x[:, None] - corners, np.zeros((len(x), len(corners), 1)), axis=2))[..., 2]  # fmt: skip
        return (side >= -1e-12).all(axis=1)

    x = rng.uniform(-1, 1, (200, 2))
    assert (holds(polygon, x) == (holds(part, x) if len(part) else False)).all()
    assert len(part) == 0 or (np.abs(part) <= 1 + 1e-12).all()
    segment = rng.normal(size=(1, 2, 2)) * 2
    t = np.linspace(0, 1, 400)[:, None]
    line = segment[0, 0] + t * (segment[0, 1] - segment[0, 0])
    inside = line[(np.abs(line) <= 1).all(axis=1)]
    kept = clipped_segments(segment, low, high)
    assert len(kept) == 1 or len(inside) <= 1
    if len(inside) > 1:
        reach = np.linalg.norm(segment[0, 1] - segment[0, 0]) / 300
        assert np.linalg.norm(kept[0, 0] - inside[0]) < reach and np.linalg.norm(kept[0, 1] - inside[-1]) < reach


def test_a_surface_without_cells_is_drawn_as_nothing():
    square = crossed_square()
    empty = square.subcomplex([np.zeros(n, dtype=bool) for n in square.cell_counts], dim=1)
    assert not drawn(empty.plot(flat()), LineCollection)[0].get_segments()


def test_axes_are_made_and_files_are_written(tmp_path):
    from matplotlib import pyplot as plt

    for network, n in (
        (random_network(0, 1, 3, 2), 1),
        (random_network(0, 2, 3, 2), 2),
        (random_network(0, 3, 3, 2), 3),
    ):
        ax = regions(network, Box.cube(n, -1, 1)).plot()
        assert (ax.name == "3d") == (n == 3)
        plt.close(ax.figure)
    assert save_plot(crossed_square(), tmp_path / "square.svg").read_text().startswith("<?xml")
    cube = regions(random_network(0, 3, 3, 2), Box.cube(3, -1, 1))
    assert save_plot(cube, tmp_path / "cube.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_refused(monkeypatch):
    in_four = regions(random_network(5, 4, 2, 2), Box.cube(4, -1, 1))
    cube = regions(random_network(5, 3, 2, 2), Box.cube(3, -1, 1))
    with pytest.raises(InputError, match="slice"):
        in_four.plot(flat())
    with pytest.raises(InputError, match="three-dimensional axes"):
        cube.plot(flat())
    with pytest.raises(InputError, match="flat axes"):
        crossed_square().plot(in_space())
    monkeypatch.setattr("separatrix.views.complex_plots.MOST_CELLS", 10)
    with pytest.raises(InputError, match="more than the 10"):
        crossed_square().plot(flat())
