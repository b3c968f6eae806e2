"""Convolutional networks: gradient batches beside torch's own, and the exact regions of slices through three digits.

    python benchmarks/convolutions.py [--peers FOLDER] [--short]

FOLDER: the environment of the peers, as for ``complexes.py``: regioncam on the part of a slice that it has the memory for.
``--short``: the gradients alone.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from complexes import HERE, environment, peer
from machine import claim, facts, write
from threadpoolctl import threadpool_limits

import separatrix as sx
from separatrix.surface.arrangement.linear_steps import linear_steps

RATIO, SECONDS = 1.5, 30.0
REPEATS = 7
SHARE = 0.2  # of the sides of the square, for regioncam: 10 GB


def smooth() -> torch.nn.Sequential:
    """The embedded convolutional network's architecture, with random weights."""
    layers = (
        torch.nn.Conv2d(1, 8, 5),
        torch.nn.Tanh(),
        torch.nn.AvgPool2d(2),
        torch.nn.Conv2d(8, 16, 5),
        torch.nn.Tanh(),
    )
    return torch.nn.Sequential(*layers, torch.nn.AvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(256, 10)).double()


def small() -> torch.nn.Sequential:
    """A small network on images of 8 x 8."""
    layers = (torch.nn.Conv2d(1, 4, 3), torch.nn.Tanh(), torch.nn.AvgPool2d(2), torch.nn.Flatten())
    return torch.nn.Sequential(*layers, torch.nn.Linear(36, 3)).double()


def lenet(pooling: type[torch.nn.Module]) -> torch.nn.Sequential:
    """LeNet-5 with ReLU, trained for two epochs on the embedded digits."""
    data = sx.data.mnist()
    images = torch.tensor(data.x_train[:, None] / 255.0, dtype=torch.float32)
    labels = torch.tensor(data.y_train.astype(np.int64))
    torch.manual_seed(0)
    convolutions = (
        torch.nn.Conv2d(1, 6, 5), torch.nn.ReLU(), pooling(2),
        torch.nn.Conv2d(6, 16, 5), torch.nn.ReLU(), pooling(2), torch.nn.Flatten(),
    )  # fmt: skip
    dense = (
        torch.nn.Linear(256, 120),
        torch.nn.ReLU(),
        torch.nn.Linear(120, 84),
        torch.nn.ReLU(),
        torch.nn.Linear(84, 10),
    )
    net = torch.nn.Sequential(*convolutions, *dense)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3)
    for _ in range(2):
        for rows in torch.randperm(len(labels)).split(100):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(images[rows]), labels[rows]).backward()
            optimiser.step()
    return net


def pooled(pooling: torch.nn.Module, widths: tuple[int, int]) -> torch.nn.Sequential:
    """Two convolutions with ReLU and max pooling, and dense layers, with random weights."""
    first, second = widths
    layers = (
        torch.nn.Conv2d(1, first, 5),
        torch.nn.ReLU(),
        pooling,
        torch.nn.Conv2d(first, second, 5),
        torch.nn.ReLU(),
        pooling,
    )
    return torch.nn.Sequential(
        *layers, torch.nn.Flatten(), torch.nn.LazyLinear(120), torch.nn.ReLU(), torch.nn.Linear(120, 10)
    )


def least(call: Callable[[], object]) -> float:
    """CPU seconds of the fastest of REPEATS calls."""
    call()
    seconds = []
    for _ in range(REPEATS):
        begun = time.process_time()
        call()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def gradients(name: str, module: torch.nn.Module, shape: tuple[int, ...], n: int) -> dict:
    """Values and gradients of log sum_c exp z_c: ours beside torch's forward and backward, equal first."""
    torch.manual_seed(1)
    module(torch.zeros(1, *shape, dtype=next(module.parameters()).dtype))
    module = module.double()
    potential = sx.log_density(sx.load(module, input_shape=shape))
    x = np.random.default_rng(0).uniform(size=(n, int(np.prod(shape))))

    def theirs() -> torch.Tensor:
        images = torch.tensor(x).reshape(n, *shape).requires_grad_(True)
        torch.logsumexp(module(images), 1).sum().backward()
        assert images.grad is not None
        return images.grad.reshape(n, -1)

    def ours() -> np.ndarray:
        return potential.value_and_gradient(x)[1]

    apart = float(np.abs(ours() - theirs().numpy()).max())
    mine, its = least(ours), least(theirs)
    goal = 1.0 if name == "small" else RATIO
    return {
        "network": name, "rows": n, "milliseconds": round(1e3 * mine, 2), "torch_milliseconds": round(1e3 * its, 2),
        "claims": [
            claim(f"{name}, {n} rows: largest difference of a gradient from torch's", apart, 1e-10),
            claim(f"{name}, {n} rows: seconds over torch's own forward and backward", mine / its, goal),
        ],
    }  # fmt: skip


def plane_of_digits(net: sx.Network) -> tuple[sx.Network, np.ndarray, np.ndarray]:
    """The network on the plane through three test images, and the square that holds these."""
    images = sx.data.mnist().x_test.reshape(-1, 784) / 255.0
    part = sx.AffineSlice.through(images[:3])
    corners = part.coordinates(images[:3])
    return net.restrict(part), corners.min(axis=0), corners.max(axis=0)


def whole_square(name: str, pooling: type[torch.nn.Module]) -> dict:
    """All cells of a LeNet in the square that holds three test images."""
    net, lower, upper = plane_of_digits(sx.load(lenet(pooling), input_shape=(1, 28, 28)))
    sx.linear_regions(net, sx.Box(lower, lower + 0.05 * (upper - lower)))  # compiled
    begun, processor = time.perf_counter(), time.process_time()
    regions = sx.linear_regions(net, sx.Box(lower, upper))
    seconds = time.perf_counter() - begun
    text = f"exact regions of a LeNet's plane through three images, {name}, {sum(regions.cell_counts):,} cells"
    return {
        "network": f"LeNet-5, {name}", "cells": list(regions.cell_counts),
        "exact_decisions": regions.n_exact_decisions, "seconds": round(seconds, 1),
        "seconds_of_processors": round(time.process_time() - processor, 1),
        "claims": [claim(text, seconds, SECONDS, "s")],
    }  # fmt: skip


def beside_regioncam(python: Path) -> dict:
    """A part of the plane: seconds over those of regioncam, which keeps all activations, in single precision."""
    net, lower, upper = plane_of_digits(sx.load(lenet(torch.nn.AvgPool2d), input_shape=(1, 28, 28)))
    box = sx.Box(lower, lower + SHARE * (upper - lower))
    steps = linear_steps(net)[:-1]
    weights, biases = [step.weight for step in steps], [step.bias for step in steps]
    middle, half = (box.lower + box.upper) / 2, (box.upper - box.lower) / 2
    weights[0], biases[0] = weights[0] * half, biases[0] + weights[0] @ middle  # regioncam's square is [-1, 1]^2
    theirs = peer(python, "regioncam", sx.Network.from_arrays(weights, biases), 1)
    with threadpool_limits(limits=1):
        begun = time.perf_counter()
        mine = sx.linear_regions(net, box)
        seconds = time.perf_counter() - begun
    claims = (
        [claim("seconds over regioncam's on a fifth of the sides", seconds / theirs["seconds"], 1.0)] if theirs else []
    )
    return {
        "network": "LeNet-5, average pooling", "share_of_the_sides": SHARE, "cells": list(mine.cell_counts),
        "seconds": round(seconds, 1), "regioncam": theirs, "claims": claims,
    }  # fmt: skip


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Convolutional networks.")
    parser.add_argument("--peers", type=Path, default=HERE.parent / "out" / "peers_of_complexes")
    parser.add_argument("--short", action="store_true")
    chosen, machine = parser.parse_args(), facts()
    torch.set_num_threads(1)
    results = [
        gradients("digits", smooth(), (1, 28, 28), 256), gradients("small", small(), (1, 8, 8), 16),
        gradients("small", small(), (1, 8, 8), 256),
        gradients("LeNet, max pooling", pooled(torch.nn.MaxPool2d(2), (6, 16)), (1, 28, 28), 64),
        gradients("overlapping max pooling", pooled(torch.nn.MaxPool2d(3, 2, 1), (6, 16)), (1, 28, 28), 64),
    ]  # fmt: skip
    if not chosen.short:
        results.append(whole_square("average pooling", torch.nn.AvgPool2d))
        results.append(whole_square("max pooling", torch.nn.MaxPool2d))
        results.append(beside_regioncam(environment(chosen.peers)))
    write("convolutions", results, machine)


if __name__ == "__main__":
    main()
