"""Film strips and plots of slow and strong manifolds: what a reader is told, and what is drawn."""

import dataclasses

import numpy as np
import pytest
from matplotlib.figure import Figure

import separatrix as sx
from separatrix.study.portrait import Strips
from separatrix.views.canvas import Canvas
from separatrix.views.manifold_views import film_strips, plot_manifold
from separatrix.views.report import render
from tests.flow import known
from tests.flow.manifolds.known_curves import Circle
from tests.views.analyses import digit_analysis


@pytest.fixture(scope="module")
def analysis() -> sx.Analysis:
    """Digits whose slow strips carry everything that is measured of them."""
    found = digit_analysis(4, n_odds=0)
    portrait = found.flow[0]
    slow = portrait.slow
    assert slow is not None and portrait.off_data is not None
    n, frames = slow.parameter.shape
    row = np.zeros((n, frames), dtype=np.int64)
    row[1, frames // 2 :] = 1
    row[2] = np.arange(frames)
    full = dataclasses.replace(
        slow, error=np.full((n, frames), 2e-7), length=np.full((n, 2), 3.0), domain=portrait.domain,
        released=np.array([[np.inf, np.inf], [0.5, np.inf], [np.inf, 0.25], [0.5, 0.25]]),
        ends=("coordinate 7 meets its lower side of the box", "coordinate 9 meets its upper side of the box") * n,
        nearest_data=portrait.off_data.nearest_point[np.arange(frames) % n], nearest_row=row,
        nearest_label=np.arange(frames) % 10, threshold=5.0,
        far_share=np.array([[1.0, 1.0, 1.0], [0.25, 0.2, 0.3], [0.0, 0.0, 0.0], [0.754, 0.75, 0.76]]),
    )  # fmt: skip
    return dataclasses.replace(found, flow=(dataclasses.replace(portrait, slow=full),))


def test_a_strip_says_length_error_ends_and_neighbours(analysis: sx.Analysis) -> None:
    canvas, portrait = Canvas(analysis), analysis.flow[0]
    slow = [film_strips(portrait, canvas, i)[0] for i in range(4)]
    assert slow[0].length == "6.00" and "10⁻⁷" in slow[0].error and slow[0].released == ""
    assert slow[0].ends == "First frame: pixel 7 turns black. Last frame: pixel 9 turns white."
    assert [near.where for near in slow[0].neighbours] == ["every frame"]
    assert [near.where for near in slow[1].neighbours] == ["frames 1 to 6", "frames 7 to 13"]
    assert [near.where for near in slow[2].neighbours] == ["the first frame", "the sink", "the last frame"]
    assert [strip.far for strip in slow] == ["All of it", "25 % of its length", "None of it", "75 % of its length"]
    assert "−0.50" in slow[1].released and "0.25" not in slow[1].released and "−0.50 and 0.25" in slow[3].released


def test_the_page_shows_them(analysis: sx.Analysis) -> None:
    text = render(analysis)
    assert text.count('class="neighbours"') == 4 and "farther from the data than 99&nbsp;%" in text
    assert "nearest to every frame" in text and "pixel 7 turns black" in text


def test_strips_without_measurements_are_drawn_as_before(analysis: sx.Analysis) -> None:
    old = analysis.flow[0].strong
    assert isinstance(old, Strips) and old.error is None
    strong = film_strips(analysis.flow[0], Canvas(analysis), 0)[1]
    assert strong.length == strong.error == strong.far == strong.ends == "" and strong.neighbours == ()


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_curves_are_plotted_in_any_dimension(dim: int) -> None:
    potential = {
        1: known.Formula(lambda x: -x.square(), 1),
        2: Circle(1.0, 1.0, 3.3),
        4: Circle(1.0, 1.0, 3.3, (5.2, 6.1)),
    }[dim]
    curves = sx.slow_manifold(sx.GradientFlow(potential, sx.Box.cube(dim, -0.5, 0.5)), np.zeros(dim))
    ax = Figure().subplots()
    assert curves.plot(ax=ax) is ax and "slow manifold of s0" in ax.get_title()
    labels = {line.get_label() for line in ax.get_lines()}
    assert {"s0-slow+", "s0-slow-", "sink"} <= labels and ax.get_xlabel() == "x1 (units of the input)"
    if dim == 4:
        plot_manifold(curves, Figure().subplots(), coordinates=(1, 3))
        with pytest.raises(sx.InputError):
            plot_manifold(curves, Figure().subplots(), coordinates=(1, 4))
