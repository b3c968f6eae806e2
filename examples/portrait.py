"""The picture of the README: the flow of a classifier in the plane, and sinks of one that reads digits.

Left: which sink of the log-density each point of the plane climbs to, for the embedded network ``spirals-tanh``, with
level lines and some trajectories. Right: for every digit the sink of the log-density of ``mnist-sigmoid`` that most
starts led to, on the box of all images, over the training digit that lies nearest to it.

    python examples/portrait.py [picture.png]
"""

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np

import separatrix as sx
from separatrix.views.colours import INK, class_style

SIDE = 121
PER_CLASS = 30
GREY = "#555555"


def plane(ax) -> None:
    """Basins, level lines, trajectories and sinks of a network with two inputs."""
    net, box = sx.data.network("spirals-tanh"), sx.data.network_box("spirals-tanh")
    potential = sx.log_density(net)
    flow = sx.GradientFlow(potential, box)
    sinks = flow.sinks()
    predicted = net.predict(sinks.points)
    sides = [np.linspace(low, high, SIDE) for low, high in zip(box.lower, box.upper, strict=True)]
    grid = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    ends = flow.trajectories(grid, t_max=1e4, keep_paths=False).end
    label = np.abs(ends[:, None] - sinks.points).max(axis=2).argmin(axis=1)
    colours = np.array([tint(int(k), turn) for k, turn in zip(predicted, turns(predicted), strict=True)])
    extent = (box.lower[0], box.upper[0], box.lower[1], box.upper[1])
    ax.imshow(colours[label].reshape(SIDE, SIDE, 3), origin="lower", extent=extent, interpolation="nearest")
    values = potential.value(grid).reshape(SIDE, SIDE)
    ax.contour(*sides, values, levels=16, colors=INK, linewidths=0.4, alpha=0.4)
    paths = flow.trajectories(box.uniform(70, np.random.default_rng(3)), t_max=1e4)
    for row in range(len(paths.end)):
        ax.plot(*paths.path(row)[1].T, color="white", linewidth=1.0)
    for point, k in zip(sinks.points, predicted, strict=True):
        style = class_style(int(k))
        ax.plot(*point, marker=style.shape, color=style.colour, markeredgecolor=INK, markeredgewidth=1.3,
                markersize=11, linestyle="none", clip_on=False, zorder=5, label=f"sink of class {k}")  # fmt: skip
    handles = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    ax.legend([handles[name] for name in sorted(handles)], sorted(handles), frameon=False, ncols=2, fontsize=10,
              loc="upper center", bbox_to_anchor=(0.5, -0.05))  # fmt: skip
    ax.set(xlim=extent[:2], ylim=extent[2:], xticks=(-2, 0, 2), yticks=(-2, 0, 2), aspect="equal")
    ax.tick_params(length=0, labelcolor=GREY, pad=9)
    ax.spines[:].set_visible(False)
    ax.get_figure(root=False).suptitle(
        f"Two spirals, network 2-32-32-2\n{len(sinks)} sinks, {worth(sinks)}, and their basins", fontsize=12, y=0.975
    )


def worth(sinks: sx.CriticalPoints) -> str:
    """How many of the sinks are proved."""
    return "all proved" if sinks.n_proved == len(sinks) else f"{sinks.n_proved} of them proved"


def turns(classes: np.ndarray) -> np.ndarray:
    """How many members of its class stand before each one."""
    return np.array([(classes[:i] == k).sum() for i, k in enumerate(classes)])


def tint(k: int, turn: int) -> tuple[float, ...]:
    """The colour of class ``k``, lighter and darker by turns, so that basins of one class are told apart."""
    share = (0.2, 0.5, 0.35, 0.65, 0.05)[turn % 5]
    return tuple((1 - share) * c + share for c in mpl.colors.to_rgb(class_style(k).colour))


def digits(figure) -> None:
    """A sink of every class over the nearest digit."""
    net, data = sx.data.network("mnist-sigmoid"), sx.data.mnist()
    x, y = data.x_train.reshape(-1, 784) / 255.0, data.y_train
    starts = np.concatenate([x[y == k][:PER_CLASS] for k in range(10)])
    sinks = sx.GradientFlow(sx.log_density(net), sx.Box.cube(784, 0, 1)).sinks(starts, workers=2)
    predicted = net.predict(sinks.points)
    cells = figure.subplots(4, 5, gridspec_kw={
        "wspace": 0.1, "hspace": 0.16, "left": 0.09, "right": 0.98, "top": 0.85, "bottom": 0.1,
    })  # fmt: skip
    for k in range(10):
        members = np.flatnonzero(predicted == k)
        sink = sinks.points[members[sinks.hits[members].argmax()]]
        distance = np.sqrt(((x - sink) ** 2).sum(axis=1))
        for row, image in enumerate((sink, x[distance.argmin()])):
            ax = cells[2 * (k // 5) + row, k % 5]
            ax.imshow(image.reshape(28, 28), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set(color=class_style(k).colour if row == 0 else "#cccccc", linewidth=2.5 if row == 0 else 1)
            if k % 5 == 0:
                ax.set_ylabel("sink" if row == 0 else "nearest digit", color=GREY)
        cells[2 * (k // 5), k % 5].set_title(str(k), fontsize=11, pad=4)
    figure.suptitle(f"Handwritten digits, network 784-256-10\n{len(sinks)} sinks, {worth(sinks)}: one of each class",
                    fontsize=12, y=0.975)  # fmt: skip


def draw(path: Path) -> None:
    """Both halves in one file."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(12.4, 6.4), facecolor="white")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1))
    plane(left.add_axes((0.1, 0.11, 0.84, 0.74)))
    digits(right)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    here = Path(__file__).resolve().parents[1] / "docs" / "images" / "portrait.png"
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else here)
