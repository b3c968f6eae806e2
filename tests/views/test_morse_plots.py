"""Pictures of critical points, complexes, ties and manifolds."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import separatrix as sx

WELL = sx.expression("-(x**2 - 1)**2 - y**2", "x y")
BOX = sx.Box.cube(2, -2, 2)


def names_of(ax: plt.Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_points_and_orbits_stand_where_they_are_with_their_names() -> None:
    points = sx.critical_points(WELL, BOX)
    flow = sx.GradientFlow(WELL, BOX, boundary="exit")
    orbits = sx.connections(flow, points)
    ax = orbits.plot()
    assert sorted(names_of(ax)) == ["p0", "s0", "s1"]
    drawn = [line for line in ax.lines if len(line.get_xdata()) > 2]
    assert len(drawn) == len(orbits) and any(line.get_linestyle() == "--" for line in drawn)
    assert sorted(names_of(points.plot())) == ["p0", "s0", "s1"]
    made = sx.morse_complex(flow, points, orbits).plot()
    assert sorted(t for t in names_of(made)) == ["-1", "1"]
    plt.close("all")


def test_lists_on_a_line_and_in_space_are_drawn() -> None:
    line, space = sx.expression("-(x**2 - 1)**2", "x"), sx.expression("-x**2 - y**2 + z**2", "x y z")
    for potential, box in ((line, sx.Box.cube(1, -2, 2)), (space, sx.Box.cube(3, -1, 1))):
        points = sx.critical_points(potential, box)
        ax = sx.connections(sx.GradientFlow(potential, box, boundary="exit"), points).plot()
        assert len(names_of(ax)) == len(points)
    mesh = sx.stable_manifold(sx.GradientFlow(space, sx.Box.cube(3, -1, 1), "exit"), [0.0, 0.0, 0.0])
    assert "stable manifold" in mesh.plot().get_title() and len(mesh) > 100
    with pytest.raises(sx.InputError, match="coordinates"):
        mesh.plot(coordinates=(0, 7))
    plt.close("all")


def test_events_of_a_margin_and_ties_are_drawn() -> None:
    net = sx.Network.from_arrays([[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[-1.0] * 4]], [[0.0] * 4, [1.0]])
    found = sx.piecewise_linear_morse(sx.margin(net, 1, 0), BOX)
    ax = found.plot()
    assert np.allclose(np.sort(ax.lines[0].get_xdata()), np.sort(found.values))
    smooth = sx.data.network("blobs-tanh")
    potential, box = sx.confidence(smooth), sx.data.network_box("blobs-tanh")
    ties = sx.tied_passes(potential, box, sx.GradientFlow(potential, box).sinks())
    assert len(ties.plot().patches) == len(ties) == 3
    plt.close("all")
