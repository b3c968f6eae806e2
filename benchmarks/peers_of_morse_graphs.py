"""CMGDB on one system of ``morse_graphs.py``: run by it in the peer's own environment.

    python peers_of_morse_graphs.py SYSTEM RESULT.json REPEATS [NETWORK.npz]

The map is the flow at a fixed time by classical Runge-Kutta steps at the corners of boxes, all boxes in one batch, with images
widened by a box. Times and depths are the fastest of those tried that gave the right nodes; for the Gaussians and for
networks, where none did, a middling one.
"""

import json
import os
import statistics
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import CMGDB  # noqa: E402
import numpy as np  # noqa: E402

Array = np.ndarray
# name: lower, upper, time, steps, (first, last) depth of bisection
SETTINGS: dict[str, tuple[list[float], list[float], float, int, tuple[int, int]]] = {
    "double well": ([-2, -2], [2, 2], 0.5, 10, (8, 10)),
    "four wells": ([-2, -2], [2, 2], 0.3, 10, (12, 14)),
    "tilted hat": ([-2, -2], [2, 2], 1.0, 40, (10, 12)),
    "tilted hat in 3-D": ([-2, -2, -2], [2, 2, 2], 1.0, 40, (15, 18)),
    "himmelblau": ([-6, -6], [6, 6], 0.05, 20, (14, 16)),
    "mueller-brown": ([-1.75, -0.75], [1.25, 2.25], 0.005, 80, (12, 16)),
    "eight wells": ([-2, -2, -2], [2, 2, 2], 0.5, 10, (15, 18)),
    "three gaussians": ([-2, -2], [2, 2], 3.0, 40, (10, 12)),
    "network": ([-2, -2], [2, 2], 0.5, 20, (12, 16)),
}
MUELLER_BROWN = np.array([[-200, -1, 0, -10, 1, 0], [-100, -1, 0, -10, 0, 0.5], [-170, -6.5, 11, -6.5, -0.5, 1.5],
                          [15, 0.7, 0.6, 0.7, -1, 1]])  # fmt: skip
GAUSSIANS = np.array([[1.0, 1.0, 0.0], [0.9, -0.5, 0.9], [0.8, -0.6, -0.8]])


def wells(x: Array) -> Array:
    """Of a sum of double wells."""
    return -4 * x * (x**2 - 1)


def double_well(x: Array) -> Array:
    """One double well, one parabola."""
    return np.stack([-4 * x[:, 0] * (x[:, 0] ** 2 - 1), -2 * x[:, 1]], axis=1)


def tilted_hat(x: Array) -> Array:
    """In any dimension."""
    slope = -4 * x * ((x**2).sum(axis=1, keepdims=True) - 1)
    slope[:, 0] -= 0.2
    return slope


def himmelblau(x: Array) -> Array:
    """Minus its gradient."""
    a, b = x[:, 0] ** 2 + x[:, 1] - 11, x[:, 0] + x[:, 1] ** 2 - 7
    return -np.stack([4 * a * x[:, 0] + 2 * b, 2 * a + 4 * b * x[:, 1]], axis=1)


def mueller_brown(x: Array) -> Array:
    """Minus its gradient."""
    total = np.zeros_like(x)
    for factor, a, b, c, x0, y0 in MUELLER_BROWN:
        dx, dy = x[:, 0] - x0, x[:, 1] - y0
        term = factor * np.exp(a * dx**2 + b * dx * dy + c * dy**2)
        total -= term[:, None] * np.stack([2 * a * dx + b * dy, b * dx + 2 * c * dy], axis=1)
    return total


def gaussians(x: Array) -> Array:
    """Of three bumps."""
    total = np.zeros_like(x)
    for height, a, b in GAUSSIANS:
        shift = x - np.array([a, b])
        total -= 4 * height * shift * np.exp(-2 * (shift**2).sum(axis=1, keepdims=True))
    return total


class LogOdds:
    """The gradient of the log-odds of class 0 of a tanh network, by hand."""

    def __init__(self, path: str) -> None:
        content = np.load(path)
        n = sum(key.startswith("W") for key in content.files)
        self.layers = [(content[f"W{i}"], content[f"b{i}"]) for i in range(n)]

    def __call__(self, x: Array) -> Array:
        """At the rows of x."""
        values, slopes = x, []
        for weight, bias in self.layers[:-1]:
            values = np.tanh(values @ weight.T + bias)
            slopes.append(1 - values**2)
        logits = values @ self.layers[-1][0].T + self.layers[-1][1]
        rest = np.exp(logits[:, 1:] - logits[:, 1:].max(axis=1, keepdims=True))
        back = np.concatenate([np.ones((len(x), 1)), -rest / rest.sum(axis=1, keepdims=True)], axis=1)
        for (weight, _), slope in zip(self.layers[:0:-1], slopes[::-1], strict=True):
            back = (back @ weight) * slope
        return back @ self.layers[0][0]


FIELDS = {
    "double well": double_well, "four wells": wells, "eight wells": wells, "tilted hat": tilted_hat,
    "tilted hat in 3-D": tilted_hat, "himmelblau": himmelblau, "mueller-brown": mueller_brown,
    "three gaussians": gaussians,
}  # fmt: skip


def run(name: str, field) -> dict:
    """Morse sets with a non-trivial index, all of them, pairs of the order, seconds."""
    lower, upper, duration, steps, (first, last) = SETTINGS[name]
    h = duration / steps

    def flow(x: Array) -> Array:
        for _ in range(steps):
            k1 = field(x)
            k2 = field(x + h / 2 * k1)
            k3 = field(x + h / 2 * k2)
            x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + field(x + h * k3))
            x = np.clip(x, -1e3, 1e3)
        return x

    def batch(rectangles: Array) -> Array:
        return CMGDB.BoxMapBatch(flow, rectangles, padding=True)

    def one(rectangle):
        return batch(np.array([rectangle]))[0].tolist()

    begun = time.perf_counter()
    model = CMGDB.Model(first, last, [float(v) for v in lower], [float(v) for v in upper], one)
    model.set_batch_map(batch)
    graph, _ = CMGDB.ComputeConleyMorseGraph(model)
    seconds = time.perf_counter() - begun
    nodes = range(graph.num_vertices())
    indexed = sum(any(word.strip() != "0" for word in graph.annotations(node)) for node in nodes)
    pairs = {(a, b) for a in nodes for b in graph.adjacencies(a)}
    for k in nodes:
        pairs |= {(a, b) for a in nodes for b in nodes if (a, k) in pairs and (k, b) in pairs}
    return {"sets": len(nodes), "with_index": indexed, "pairs": len(pairs), "seconds": seconds}


def main(name: str, target: str, repeats: int, source: str = "") -> None:
    """Run and write, with the least of the seconds."""
    field = LogOdds(source) if source else FIELDS[name]
    runs = [run(name, field) for _ in range(repeats)]
    found = {**runs[0], "seconds": min(one["seconds"] for one in runs),
             "median": statistics.median(one["seconds"] for one in runs)}  # fmt: skip
    with open(target, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
