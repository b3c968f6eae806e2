"""Points on which a network is compared with its source, and the source's last step (§1)."""

from __future__ import annotations

import numpy as np

from separatrix.networks.layers import AffineMap
from separatrix.networks.memory_pages import LARGE, SLACK, give_back
from separatrix.networks.network import Network
from separatrix.networks.propagation import value_of
from separatrix.networks.structured_layers import StructuredMap

CHECKED_POINTS, FEW, FAR, NEARLY = 64, 8, 1e4, 1e-9
VALUES_LIMIT, VALUES_AT_ONCE, PRODUCTS_LIMIT = 1 << 24, 1 << 21, 4_000_000_000


def checked_points(network: Network, evaluator: bool = False) -> int:
    """How many points are compared: fewer, at least 2, where one takes many values or products.

    ``evaluator``: whether they run through onnx's reference evaluator, which is slow on images.
    """
    maps = [node.layer for node in network.nodes[1:] if isinstance(node.layer, AffineMap)]
    products = sum(float(layer.n_outputs) * layer.terms for layer in maps)
    has_images = evaluator and any(isinstance(layer, StructuredMap) for layer in maps)
    limit = PRODUCTS_LIMIT // 40 if has_images else PRODUCTS_LIMIT
    return max(2, min(CHECKED_POINTS, VALUES_LIMIT // sum(network.widths), int(limit / max(products, 1.0))))


def portions(network: Network, count: int) -> list[tuple[int, int]]:
    """Starts and ends of portions of at least 2 points whose values fit in a little memory."""
    each = max(2, VALUES_AT_ONCE // sum(network.widths))
    starts = list(range(0, count, each))
    if len(starts) > 1 and count - starts[-1] < 2:
        starts.pop()
    return list(zip(starts, [*starts[1:], count], strict=True))


def random_points(n_inputs: int, count: int = CHECKED_POINTS) -> np.ndarray:
    """The points of the comparison, (count, n_inputs), always the same.

    A third is uniform in [0, 1], where images lie, a third uniform in [-1, 1], the rest normal.
    """
    rng, third = np.random.default_rng(0), count // 3
    images, centred = rng.uniform(0, 1, (third, n_inputs)), rng.uniform(-1, 1, (third, n_inputs))
    return np.concatenate([images, centred, rng.standard_normal((count - 2 * third, n_inputs))])


def difference(network: Network, tail: str | None, x: np.ndarray, own: np.ndarray) -> tuple[float, float]:
    """Largest difference of the network's output at the rows of ``x`` from the source's ``own`` (n, width), infinite where the
    shapes differ; and the largest value in the network, at least 1.
    """
    scale, largest = 1.0, 0.0
    for start, stop in portions(network, len(x)):
        output, size = _passed(network, x[start:stop])
        ours, scale = last_step(output, tail, own.shape[1]), max(scale, size)
        fits = own[start:stop].shape == ours.shape
        largest = max(largest, float(np.abs(own[start:stop] - ours).max()) if fits else np.inf)
    return largest, scale


def _passed(network: Network, x: np.ndarray) -> tuple[np.ndarray, float]:
    """The output at rows of points and the largest value on the way; values are let go after their last use."""
    last_use = {parent: index for index, node in enumerate(network.nodes) for parent in node.parents}
    values, largest = {0: x}, float(np.abs(x).max())
    for index, node in enumerate(network.nodes[1:], 1):
        values[index] = value_of(node, [values[parent] for parent in node.parents], network.parameters)
        largest = max(largest, float(values[index].max()), -float(values[index].min()))
        for parent in {parent for parent in node.parents if last_use[parent] == index}:
            del values[parent]
        if values[index].nbytes > LARGE:
            give_back(SLACK)
    return values[len(network.nodes) - 1], largest


def last_step(z: np.ndarray, tail: str | None, n_outputs: int) -> np.ndarray:
    """Logits as the source returns them: through the softmax, sigmoid or logarithm of one that was taken off.

    >>> last_step(np.array([[0.0, 0.0]]), "softmax", 2)
    array([[0.5, 0.5]])
    """
    if n_outputs == 1 or tail == "sigmoid":
        t = z[:, 1:] - z[:, :1]
        if tail == "log_sigmoid":
            return -np.logaddexp(0.0, -t)
        p = 0.5 * (1.0 + np.tanh(0.5 * t))
        return t if tail != "sigmoid" else p if n_outputs == 1 else np.hstack([1.0 - p, p])
    if tail is None:
        return z
    log_p = z - z.max(axis=1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    return np.exp(log_p) if tail == "softmax" else log_p


def advice_on_probabilities(network: Network, tail: str | None, x: np.ndarray, own: np.ndarray) -> str | None:
    """What to say where nothing was taken off and the source's outputs ``own`` (n, width) at ``x`` are probabilities, far from
    there too.
    """
    if tail is not None or not _are_probable(own) or np.ptp(own) == 0:
        return None
    far = network.logits(FAR * x[:FEW])
    if not _are_probable(far[:, 1:] if own.shape[1] == 1 else far):
        return None
    if own.shape[1] == 1:
        return (
            "its one output lies in [0, 1] on all random points and was read as a logit, positive for class 1; if it is a "
            "probability, return the logit before it"
        )
    return (
        "its outputs lie in [0, 1] and add up to 1 on all random points and were read as logits; if they are probabilities, "
        "return the logits before them"
    )


def _are_probable(rows: np.ndarray) -> bool:
    """Whether rows are probabilities of one class or of all."""
    is_one = rows.shape[1] == 1 or np.abs(rows.sum(axis=1) - 1.0).max(initial=0.0) < 1e-6
    return bool(rows.size and rows.min() >= -NEARLY and rows.max() <= 1 + NEARLY and is_one)
