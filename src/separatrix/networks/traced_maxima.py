"""Largest entries and softmaxes as networks of simpler layers, by identities (§1).

max(a, b) = a + relu(b - a) and log(e^a + e^b) = a + softplus(b - a), in a tree over each window; pairs that several windows
share are taken once. A softmax in the middle is sigmoid(z_i - log of the sum of the other exponentials). A monotone
activation that feeds a pooling alone is taken behind it, which is the same function with fewer neurons, and without the
differences of two zeros that a pooling of ReLUs has on whole regions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.networks.layers import Activation, Node, Sum
from separatrix.networks.memory_pages import SLACK, give_back
from separatrix.networks.structured_layers import SparseAffine
from separatrix.networks.traced_layers import Pool, Scale, Selection, Softmax

INCREASING = ("relu", "sigmoid", "tanh", "softplus", "identity")


def pools_first(nodes: Sequence[Node]) -> list[Node]:
    """The graph with every monotone activation that feeds only a pooling behind that pooling."""
    graph = list(nodes)
    n_users = [0] * len(graph)
    for node in graph:
        for parent in node.parents:
            n_users[parent] += 1
    for index in range(1, len(graph)):
        pool = index  # the activation takes the pooling's number, so that a pooling behind this one is next
        while (swapped := _swapped(graph, pool, n_users)) is not None:
            before = graph[pool].parents[0]
            graph[before], graph[pool] = swapped
            pool = before
    return graph


def _swapped(graph: list[Node], index: int, n_users: list[int]) -> tuple[Node, Node] | None:
    """The pooling ``index`` in front of its parent, and the parent behind it; None where that is another function."""
    node = graph[index]
    if not isinstance(node.layer, Pool) or n_users[node.parents[0]] > 1:
        return None
    pool, before = node.layer, graph[node.parents[0]]
    if isinstance(before.layer, Activation) and _is_increasing(before.layer):
        return Node(pool, before.parents), Node(before.layer, (node.parents[0],))
    if isinstance(before.layer, Scale) and isinstance(graph[before.parents[0]].layer, Activation):
        first = pool.windows[:, 0]
        scale, shift = before.layer.scale[first], before.layer.shift[first]
        inside = pool.windows >= 0
        same = (before.layer.scale[pool.windows] == scale[:, None]) & (
            before.layer.shift[pool.windows] == shift[:, None]
        )
        if (same | ~inside).all():
            signs = np.where(scale < 0, -pool.signs, pool.signs)
            moved = Pool(pool.windows, signs, pool.n_inputs)
            return Node(moved, before.parents), Node(Scale(scale, shift), (node.parents[0],))
    return None


def _is_increasing(layer: Activation) -> bool:
    return layer.name in INCREASING or (layer.name == "leaky_relu" and layer.slope >= 0)


def expanded(nodes: Sequence[Node]) -> list[Node]:
    """The graph without poolings and softmaxes."""
    found: list[Node] = []
    number: list[int] = []
    for node in nodes:
        parents = tuple(number[parent] for parent in node.parents)
        if isinstance(node.layer, Pool):
            number.append(_tree(found, parents[0], node.layer, "relu"))
        elif isinstance(node.layer, Softmax):
            number.append(_softmax(found, parents[0], node.layer))
        else:
            found.append(Node(node.layer, parents))
            number.append(len(found) - 1)
    return found


def _append(nodes: list[Node], layer: object, *parents: int) -> int:
    nodes.append(Node(layer, parents))  # pyright: ignore[reportArgumentType]
    give_back(SLACK)
    return len(nodes) - 1


def _tree(nodes: list[Node], x: int, pool: Pool, activation: str) -> int:
    """The node of the largest entries (relu), or of the logarithms of the sums of exponentials (softplus)."""
    windows, signs, width = pool.windows, pool.signs, pool.n_inputs
    while windows.shape[1] > 1:
        if windows.shape[1] % 2:
            windows = np.hstack([windows, np.full((windows.shape[0], 1), -1)])
        pairs = windows.reshape(-1, 2)
        is_above = np.repeat(signs > 0, windows.shape[1] // 2)
        is_used = pairs[:, 0] >= 0
        keys = 2 * (pairs[:, 0] * (width + 1) + pairs[:, 1] + 1) + is_above  # a whole number for each pair and sign
        unique, places = np.unique(keys[is_used], return_inverse=True)
        rest, above = np.divmod(unique, 2)
        first, second = np.divmod(rest, width + 1)
        x = _joined_pairs(nodes, x, np.column_stack([first, second - 1, 2 * above - 1]), width, activation)
        windows = np.full(pairs.shape[0], -1)
        windows[is_used] = places.ravel()
        windows, width = windows.reshape(signs.size, -1), unique.shape[0]
        del pairs, is_above, is_used, keys, unique, places, rest, above, first, second
        give_back(SLACK)
    return _append(nodes, Selection(windows[:, 0], width), x)


def _joined_pairs(nodes: list[Node], x: int, pairs: np.ndarray, width: int, activation: str) -> int:
    """For every row (a, b, sign) the entry a joined with the entry b, or a alone where b is -1."""
    from scipy.sparse import csr_array

    first, second, signs = pairs.T
    base = _append(nodes, Selection(first, width), x)
    real = np.flatnonzero(second >= 0)
    if real.size == 0:
        return base
    rows, signs = np.arange(real.size), signs[real].astype(np.float64)
    coordinates = (np.tile(rows, 2), np.concatenate([second[real], first[real]]))
    differences = csr_array((np.concatenate([signs, -signs]), coordinates), shape=(real.size, width))
    above = _append(nodes, Activation(activation), _append(nodes, SparseAffine.of(differences), x))
    if real.size < first.size or (signs != 1).any():
        spread = csr_array((signs, (real, rows)), shape=(first.size, real.size))
        above = _append(nodes, SparseAffine.of(spread), above)
    return _append(nodes, Sum(), base, above)


def _softmax(nodes: list[Node], x: int, layer: Softmax) -> int:
    """The node of a softmax or log-softmax."""
    m, k = layer.groups.shape
    width = m * k
    group_of = np.empty(width, np.int64)
    group_of[layer.groups] = np.arange(m)[:, None]
    if k == 1:  # one class alone: probability 1, logarithm 0
        return _append(nodes, Scale(np.zeros(width), np.full(width, 0.0 if layer.is_log else 1.0)), x)
    if layer.is_log:
        total = _tree(nodes, x, Pool(layer.groups, np.ones(m, np.int64), width), "softplus")
        others = _append(nodes, Selection(group_of, m), total)
    else:
        cyclic = layer.groups[:, (np.arange(k)[:, None] + np.arange(1, k)) % k].reshape(width, k - 1)
        windows = np.empty_like(cyclic)
        windows[layer.groups.ravel()] = cyclic
        others = _tree(nodes, x, Pool(windows, np.ones(width, np.int64), width), "softplus")
    negated = _append(nodes, Scale(-np.ones(width), np.zeros(width)), others)
    rest = _append(nodes, Sum(), x, negated)
    return rest if layer.is_log else _append(nodes, Activation("sigmoid"), rest)
