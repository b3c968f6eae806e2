"""Convolutional networks: gradient batches beside torch's own, and the exact regions of slices through three digits.

python benchmarks/convolutions.py
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from machine import claim, facts, write

import separatrix as sx

RATIO, SECONDS = 1.5, 30.0
REPEATS = 7


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
    goal = RATIO if name == "digits" else 1.0
    return {
        "network": name, "rows": n, "milliseconds": round(1e3 * mine, 2), "torch_milliseconds": round(1e3 * its, 2),
        "claims": [
            claim(f"{name}, {n} rows: largest difference of a gradient from torch's", apart, 1e-10),
            claim(f"{name}, {n} rows: seconds over torch's own forward and backward", mine / its, goal),
        ],
    }  # fmt: skip


def slice_through_digits(name: str, pooling: type[torch.nn.Module], share: float) -> dict:
    """All cells of a LeNet on the plane through three test images, in the square that holds them, or a ``share`` of its sides."""
    net = sx.load(lenet(pooling), input_shape=(1, 28, 28))
    images = sx.data.mnist().x_test.reshape(-1, 784) / 255.0
    part = sx.AffineSlice.through(images[:3])
    corners = part.coordinates(images[:3])
    lower, upper = corners.min(axis=0), corners.max(axis=0)
    begun = time.perf_counter()
    regions = sx.linear_regions(net.restrict(part), sx.Box(lower, lower + share * (upper - lower)))
    seconds = time.perf_counter() - begun
    text = f"exact regions of a LeNet's plane through three images, {name}"
    return {
        "network": f"LeNet-5, {name}", "share_of_the_sides": share, "cells": list(regions.cell_counts),
        "exact_decisions": regions.n_exact_decisions, "seconds": round(seconds, 1),
        "seconds_per_million_cells": round(1e6 * seconds / sum(regions.cell_counts), 1),
        "claims": [claim(text, seconds, SECONDS, "s")] if share == 1.0 else [],
    }  # fmt: skip


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    machine = facts()
    results = [
        gradients("digits", smooth(), (1, 28, 28), 256), gradients("small", small(), (1, 8, 8), 16),
        gradients("small", small(), (1, 8, 8), 256),
    ]  # fmt: skip
    if "--short" not in sys.argv:
        results.append(slice_through_digits("average pooling", torch.nn.AvgPool2d, 1.0))
        results.append(slice_through_digits("max pooling", torch.nn.MaxPool2d, 0.2))
    write("convolutions", results, machine)


if __name__ == "__main__":
    main()
