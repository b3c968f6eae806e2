"""The picture of the README: the flow of a classifier in the plane, and the sinks of one that reads digits.

Left: the basins of the log-density of the embedded network ``spirals-tanh``, with its level lines and sinks.
Right: the sinks of the log-density of ``mnist-sigmoid`` on the box of all images, found from digits of every class.

    python examples/portrait.py [picture.png]
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np

import separatrix as sx
from separatrix.views.colours import INK, class_style

SIDE = 151
PER_CLASS = 30
COLUMNS = 8


def plane(ax) -> None:
    """Basins, level lines and sinks of a network with two inputs."""
    net, box = sx.data.network("spirals-tanh"), sx.data.network_box("spirals-tanh")
    potential = sx.log_density(net)
    flow = sx.GradientFlow(potential, box)
    sinks = flow.sinks()
    sides = [np.linspace(low, high, SIDE) for low, high in zip(box.lower, box.upper, strict=True)]
    grid = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    label = flow.basins(grid, sinks).label
    predicted = net.predict(sinks.points)
    colours = np.array([tint(int(k), turn) for k, turn in zip(predicted, turns(predicted), strict=True)])
    picture = np.where((label >= 0)[:, None], colours[label], 0.85).reshape(SIDE, SIDE, 3)
    extent = (box.lower[0], box.upper[0], box.lower[1], box.upper[1])
    ax.imshow(picture, origin="lower", extent=extent, interpolation="nearest")
    values = potential.value(grid).reshape(SIDE, SIDE)
    ax.contour(*sides, values, levels=18, colors=INK, linewidths=0.35, alpha=0.55)
    ax.contour(*sides, label.reshape(SIDE, SIDE), levels=np.arange(len(sinks)) + 0.5, colors="white", linewidths=0.0)
    starts = np.random.default_rng(3).uniform(box.lower, box.upper, (60, 2))
    paths = flow.trajectories(starts, t_max=50.0, stop=sinks)
    for row in range(len(starts)):
        ax.plot(*paths.path(row)[1].T, color="white", linewidth=0.9, alpha=0.9)
    for point, k in zip(sinks.points, predicted, strict=True):
        style = class_style(int(k))
        ax.plot(*point, marker=style.shape, color=style.colour, markeredgecolor=INK, markeredgewidth=1.2,
                markersize=10, linestyle="none", clip_on=False, zorder=5, label=f"class {k}")  # fmt: skip
    handles = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    ax.legend([handles[name] for name in sorted(handles)], sorted(handles), frameon=False, ncols=2,
              loc="upper center", bbox_to_anchor=(0.5, -0.06))  # fmt: skip
    ax.set(xlim=extent[:2], ylim=extent[2:], xticks=(-2, 0, 2), yticks=(-2, 0, 2), aspect="equal")
    ax.tick_params(length=0, labelcolor="#555555")
    ax.spines[:].set_visible(False)
    proved = "all proved" if sinks.n_proved == len(sinks) else f"{sinks.n_proved} proved"
    ax.set_title(f"two spirals, 2-32-32-2: {len(sinks)} sinks, {proved}", fontsize=12, pad=10)


def turns(classes: np.ndarray) -> np.ndarray:
    """How many members of its class stand before each one."""
    return np.array([(classes[:i] == k).sum() for i, k in enumerate(classes)])


def tint(k: int, turn: int) -> tuple[float, ...]:
    """The colour of class ``k``, lighter and darker by turns, so that basins of one class are told apart."""
    share = (0.25, 0.55, 0.4, 0.7, 0.12)[turn % 5]
    return tuple((1 - share) * c + share for c in matplotlib.colors.to_rgb(class_style(k).colour))


def digits(figure) -> None:
    """The sinks of the digit classifier as pictures, by class."""
    net, data = sx.data.network("mnist-sigmoid"), sx.data.mnist()
    x, y = data.x_train.reshape(-1, 784) / 255.0, data.y_train
    starts = np.concatenate([x[y == k][:PER_CLASS] for k in range(10)])
    sinks = sx.GradientFlow(sx.log_density(net), sx.Box.cube(784, 0, 1)).sinks(starts, workers=2)
    predicted, sure = net.predict(sinks.points), net.probabilities(sinks.points).max(axis=1)
    order = np.lexsort((-sinks.values, predicted))
    rows = -(-len(sinks) // COLUMNS)
    cells = figure.subplots(rows, COLUMNS, gridspec_kw={"wspace": 0.12, "hspace": 0.34, "top": 0.88, "bottom": 0.06})
    for ax in cells.flat:
        ax.set_axis_off()
    for ax, i in zip(cells.flat, order, strict=False):
        ax.set_axis_on()
        ax.imshow(sinks.points[i].reshape(28, 28), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(color=class_style(int(predicted[i])).colour, linewidth=2.2)
        ax.set_xlabel(f"{predicted[i]}  p = {sure[i]:.3f}", fontsize=8, labelpad=2, color="#333333")
    proved = "all proved" if sinks.n_proved == len(sinks) else f"{sinks.n_proved} proved"
    figure.suptitle(f"handwritten digits, 784-256-10: {len(sinks)} sinks, {proved}", fontsize=12, y=0.975)


def draw(path: Path) -> None:
    """Both halves in one file."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(12.6, 5.9), facecolor="white")
    left, right = figure.subfigures(1, 2, width_ratios=(0.83, 1))
    plane(left.add_axes((0.1, 0.14, 0.84, 0.74)))
    digits(right)
    figure.savefig(path, dpi=110, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    here = Path(__file__).resolve().parents[1] / "docs" / "images" / "portrait.png"
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else here)
