"""Plots take and return axes, and change nothing else."""

import dataclasses
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from separatrix import Analysis, Box, GradientFlow, InputError, log_density
from separatrix.networks.reading import load
from separatrix.records import Record
from separatrix.views.flow_plots import save_plot
from tests.views.embedded import DATA


def records(analysis: Analysis) -> list[Record]:
    portrait = analysis.flow[0]
    assert portrait.basins is not None
    return [portrait, portrait.sinks, portrait.basins]


def test_plots_draw_on_the_axes_they_are_given_and_change_no_settings(images: Analysis, plane: Analysis) -> None:
    settings, figures = dict(mpl.rcParams), plt.get_fignums()
    for record in [*records(images), *records(plane)]:
        axes = Figure().subplots()
        assert record.plot(ax=axes) is axes
        assert axes.has_data()
    assert dict(mpl.rcParams) == settings
    assert plt.get_fignums() == figures


def test_plots_make_axes_where_none_are_given(plane: Analysis) -> None:
    axes = plane.flow[0].plot()
    assert axes.get_xlabel().startswith("x₁")
    plt.close(axes.figure)


def test_other_dimensions_are_drawn_by_value(images: Analysis) -> None:
    sinks = images.flow[0].sinks
    cut = dataclasses.replace(sinks, points=sinks.points[:, :3], active=sinks.active[:, :3], domain=Box.cube(3, 0, 1))
    assert cut.plot(ax=Figure().subplots()).get_xlabel() == "log-density"


def test_trajectories_in_the_plane_start_and_end_where_the_record_says() -> None:
    net, box = load(DATA / "networks" / "blobs-tanh.safetensors"), Box.cube(2, -2, 2)
    found = GradientFlow(log_density(net), box).trajectories(box.uniform(5, np.random.default_rng(0)), t_max=3.0)
    axes = found.plot(ax=Figure().subplots())
    lines = {line.get_label(): line.get_xydata() for line in axes.get_lines()}
    assert np.array_equal(lines["start"], found.starts)
    assert np.array_equal(lines["end"], found.end)


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_plot_goes_into_a_file_the_same_each_time(images: Analysis, tmp_path: Path, suffix: str) -> None:
    one, two = (save_plot(images, tmp_path / f"{name}.{suffix}").read_bytes() for name in "ab")
    assert one == two
    assert one.startswith(b"<?xml" if suffix == "svg" else b"\x89PNG")


def test_an_unknown_suffix_is_an_error_that_names_the_known(images: Analysis, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="svg"):
        save_plot(images, tmp_path / "plot.gif")
