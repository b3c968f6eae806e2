"""Train the networks embedded in `separatrix.data`, all of them or one, and write the table that lists them.

    python scripts/train_networks.py                      # every network, into src/separatrix/data/networks
    python scripts/train_networks.py --only moons-tanh    # one network (may be given several times)
    python scripts/train_networks.py --out DIR            # elsewhere

Every network is one row of RECIPES: a plain multilayer perceptron, or convolutions of 5 x 5 with average pooling before one
dense layer, trained with softmax cross-entropy, Adam, an L2 penalty and a learning rate that falls to zero along a half
cosine. The test points play no part in training. The learning rate and the penalty for MNIST were chosen on 10,000 of the
training images, set aside for that.

What "reproduces" means: torch runs on one thread with deterministic algorithms and every random number comes from the
recipe's seed. The same recipe, torch version and kind of CPU give the same file, byte for byte. Another torch version
or another CPU may sum in another order: the accuracy is then the same up to a few tenths of a percent, and rounding,
amplified over thousands of steps, makes the weights differ.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save

import separatrix
from separatrix.data.toy_problems import toy
from separatrix.networks.graph_files import written

DATA = Path(__file__).resolve().parents[1] / "src" / "separatrix" / "data"
TRAIN_SEED, HELD_OUT_SEED, N_HELD_OUT = 0, 1, 10_000

ACTIVATIONS = {
    "relu": torch.nn.ReLU,
    "sigmoid": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
    "softplus": torch.nn.Softplus,
    "silu": torch.nn.SiLU,
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How one network is made. `problem` is "mnist" or a name that `separatrix.data.toy` knows."""

    name: str
    problem: str
    activation: str
    widths: tuple[int, ...]
    description: str
    n_train: int = 6_000
    epochs: int = 100
    batch: int = 100
    learning_rate: float = 1e-2
    weight_decay: float = 1e-4
    decoupled: bool = False
    seed: int = 0
    channels: tuple[int, ...] = ()

    @property
    def architecture(self) -> str:
        convolutions = [part for n in self.channels for part in (f"{n}c5x5", "mean2x2")]
        return "-".join(map(str, [self.widths[0], *convolutions, *self.widths[1:]]))

    @property
    def trained(self) -> str:
        """One sentence for the file's metadata."""
        data = f"{self.n_train:,} training images" if self.problem == "mnist" else f"{self.n_train:,} points"
        return (
            f"Softmax cross-entropy on {data}, {'AdamW' if self.decoupled else 'Adam'} for {self.epochs} epochs in batches of "
            f"{self.batch}, learning rate {self.learning_rate:g} falling to 0 along a half cosine, weight decay "
            f"{self.weight_decay:g} ({'decoupled' if self.decoupled else 'as an L2 penalty'}), no augmentation, "
            "no early stopping."
        )


def digits(name: str, activation: str, *hidden: int, text: str, rate: float = 2e-3, decay: float = 0.1) -> Recipe:
    """A recipe for MNIST: 20 epochs in batches of 100.

    The decay is decoupled: an L2 penalty under Adam drives the weights of the pixels that are black in every image to
    denormal numbers (1e-38), and then no pixel of the rim has a gradient.
    """
    return Recipe(name, "mnist", activation, (784, *hidden, 10), text, 60_000, 20, 100, rate, decay, decoupled=True)


ONE_LAYER, TWO_LAYERS = "Handwritten digits, one hidden layer.", "Handwritten digits, two hidden layers."
RECIPES = (
    digits("mnist-sigmoid", "sigmoid", 256, text=ONE_LAYER),
    digits("mnist-tanh", "tanh", 256, text=ONE_LAYER),
    digits("mnist-relu", "relu", 256, text=ONE_LAYER),
    digits("mnist-deep-tanh", "tanh", 64, 32, text=TWO_LAYERS, decay=0.3),
    Recipe(
        "mnist-conv-tanh",
        "mnist",
        "tanh",
        (784, 10),
        "Handwritten digits, two convolutions.",
        60_000,
        8,
        100,
        3e-3,
        0.05,
        decoupled=True,
        channels=(8, 16),
    ),
    Recipe("moons-tanh", "moons", "tanh", (2, 16, 16, 2), "Two half circles that hook into each other."),
    Recipe("moons-silu", "moons", "silu", (2, 16, 2), "Two half circles that hook into each other."),
    Recipe("circles-tanh", "circles", "tanh", (2, 10, 2), "A small circle (class 1) inside a large one."),
    Recipe("circles-relu", "circles", "relu", (2, 16, 2), "A small circle (class 1) inside a large one."),
    Recipe("spirals-tanh", "spirals", "tanh", (2, 32, 32, 2), "Two spiral arms wound into each other.", epochs=200),
    Recipe("blobs-tanh", "blobs", "tanh", (2, 8, 3), "Three round clusters at the corners of a triangle."),
    Recipe("blobs-sigmoid", "blobs", "sigmoid", (2, 8, 3), "Three round clusters at the corners of a triangle."),
    Recipe("ring-tanh", "ring", "tanh", (2, 16, 2), "A ring (class 1) against its hole and the outside."),
    Recipe("ring-relu", "ring", "relu", (2, 24, 2), "A ring (class 1) against its hole and the outside."),
    Recipe("ball-tanh", "ball", "tanh", (3, 16, 2), "A ball in space (class 1) against the outside."),
    Recipe("torus-tanh", "torus", "tanh", (3, 16, 16, 2), "A solid torus in space (class 1) against the outside."),
    Recipe("torus-relu", "torus", "relu", (3, 16, 16, 2), "A solid torus in space (class 1) against the outside."),
    Recipe("blobs3d-softplus", "blobs3d", "softplus", (3, 8, 3), "Three round clusters in space."),
)


@dataclasses.dataclass(frozen=True)
class Problem:
    """Samples of a problem and what a user must know of its inputs."""

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    task: str
    input: str
    box: tuple[list[float], list[float]]


def problem(recipe: Recipe) -> Problem:
    """The training and test points of a recipe: MNIST's own split, or two samples with different seeds."""
    dim = recipe.widths[0]
    if recipe.problem == "mnist":
        with np.load(DATA / "mnist.npz") as mnist:
            train = mnist["x_train"].reshape(-1, dim) / 255.0, mnist["y_train"].astype(np.int64)
            test = mnist["x_test"].reshape(-1, dim) / 255.0, mnist["y_test"].astype(np.int64)
        return Problem(train, test, "mnist", "pixels / 255", ([0.0] * dim, [1.0] * dim))
    train = toy(recipe.problem, recipe.n_train, TRAIN_SEED)
    test = toy(recipe.problem, N_HELD_OUT, HELD_OUT_SEED)
    return Problem(train, test, recipe.problem, f"[-2, 2]^{dim}", ([-2.0] * dim, [2.0] * dim))


def perceptron(recipe: Recipe) -> torch.nn.Sequential:
    """Linear layers with torch's default initialisation, the activation between them."""
    layers: list[torch.nn.Module] = []
    for n_in, n_out in zip(recipe.widths[:-1], recipe.widths[1:], strict=True):
        layers += [torch.nn.Linear(n_in, n_out), ACTIVATIONS[recipe.activation]()]
    return torch.nn.Sequential(*layers[:-1])


def convolutional(recipe: Recipe) -> torch.nn.Sequential:
    """Convolutions of 5 x 5, each with the activation and means over 2 x 2 behind it, then one dense layer."""
    layers: list[torch.nn.Module] = [torch.nn.Unflatten(1, (1, 28, 28))]
    side = 28
    for n_in, n_out in zip((1, *recipe.channels[:-1]), recipe.channels, strict=True):
        layers += [torch.nn.Conv2d(n_in, n_out, 5), ACTIVATIONS[recipe.activation](), torch.nn.AvgPool2d(2)]
        side = (side - 4) // 2
    n_features = recipe.channels[-1] * side * side
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(n_features, recipe.widths[-1]))


def train(recipe: Recipe, x: np.ndarray, y: np.ndarray) -> torch.nn.Sequential:
    """Train a recipe's network on the points x with labels y."""
    torch.manual_seed(recipe.seed)
    net = convolutional(recipe) if recipe.channels else perceptron(recipe)
    inputs, labels = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    method = torch.optim.AdamW if recipe.decoupled else torch.optim.Adam
    optimiser = method(net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    n_steps = recipe.epochs * -(-len(labels) // recipe.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)
    for _ in range(recipe.epochs):
        for rows in torch.randperm(len(labels)).split(recipe.batch):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[rows]), labels[rows]).backward()
            optimiser.step()
            schedule.step()
    return net


def accuracy(net: torch.nn.Sequential, x: np.ndarray, y: np.ndarray) -> float:
    """Share of the points classified as labelled; evaluated in float64 on the float32 weights."""
    with torch.no_grad():
        predicted = net.double()(torch.tensor(x)).argmax(dim=1).numpy()
    net.float()
    return float(np.mean(predicted == y))


def arrays(net: torch.nn.Sequential) -> dict[str, np.ndarray]:
    """W0, b0, W1, b1, … with W of shape (out, in)."""
    linear = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
    weights = {f"W{k}": layer.weight.detach().numpy() for k, layer in enumerate(linear)}
    return weights | {f"b{k}": layer.bias.detach().numpy() for k, layer in enumerate(linear)}


def with_sorted_metadata(file: bytes) -> bytes:
    """A safetensors file with its metadata in alphabetical order: the library writes them in a random one."""
    n_header = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + n_header])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + file[8 + n_header :]


def make(recipe: Recipe, out: Path) -> float:
    """Train, measure and write one network; return its accuracy."""
    data = problem(recipe)
    net = train(recipe, *data.train)
    score = accuracy(net, *data.test)
    is_mnist = recipe.problem == "mnist"
    held_out = "the 10,000 MNIST test images" if is_mnist else f"toy({recipe.problem!r}, {N_HELD_OUT}, {HELD_OUT_SEED})"
    metadata = {
        "activation": recipe.activation,
        "architecture": recipe.architecture,
        "task": data.task,
        "trained": recipe.trained,
        "seed": str(recipe.seed),
        "accuracy": f"{score:.4f}",
        "held_out": held_out,
        "torch": str(torch.__version__),
        "input": data.input,
        "box": json.dumps(data.box),
        "description": recipe.description,
    }
    weights = arrays(net)
    if recipe.channels:
        weights, metadata["graph"] = written(separatrix.load(net, input_shape=(784,)))
        weights = {key: array.astype(np.float32) for key, array in weights.items()}  # which they are
    (out / f"{recipe.name}.safetensors").write_bytes(with_sorted_metadata(save(weights, metadata)))
    return score


def table(out: Path) -> str:
    """The README of the folder, from the metadata of the files that lie in it."""
    lines = [
        "# Embedded networks",
        "",
        "Written by `scripts/train_networks.py`; do not edit. float32 weights under `W0, b0, W1, b1, …`, W of shape",
        "(out, in), those of convolutions by the number of their layer; the rest is in each file's metadata. Accuracy: on",
        f"the 10,000 MNIST test images, or on the held-out points `toy(task, {N_HELD_OUT}, {HELD_OUT_SEED})` of",
        "`separatrix.data.toy`.",
        "",
        "| name | architecture | activation | accuracy | box | what |",
        "|---|---|---|---|---|---|",
    ]
    for recipe in RECIPES:
        path = out / f"{recipe.name}.safetensors"
        if not path.exists():
            continue
        with safe_open(path, framework="numpy") as file:
            about = file.metadata()
        lower, upper = json.loads(about["box"])
        box = f"[{lower[0]:g}, {upper[0]:g}]^{len(lower)}"
        share = f"{100 * float(about['accuracy']):.2f} %"
        cells = (recipe.name, about["architecture"], about["activation"], share, box, about["description"])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read the command line and train what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [recipe.name for recipe in RECIPES]
    parser.add_argument("--only", metavar="NAME", action="append", choices=names, help=f"one of: {', '.join(names)}")
    parser.add_argument("--out", metavar="DIR", type=Path, default=DATA / "networks", help="default: %(default)s")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for recipe in RECIPES:
        if arguments.only and recipe.name not in arguments.only:
            continue
        start = time.perf_counter()
        score = make(recipe, arguments.out)
        seconds = time.perf_counter() - start
        size = (arguments.out / f"{recipe.name}.safetensors").stat().st_size
        print(f"{recipe.name:18s} accuracy {score:.4f}  {size:8,d} bytes  {seconds:6.1f} s", flush=True)
    (arguments.out / "README.md").write_text(table(arguments.out), encoding="utf-8")


if __name__ == "__main__":
    main()
