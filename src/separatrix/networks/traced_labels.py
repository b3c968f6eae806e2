"""Outputs that are no scores of the classes of one classification: independent labels, or one probability (§1).

Every entry of the output is followed back, through layers that take each entry by itself, to the sigmoid or the softmax that it
is a function of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.errors import UnsupportedLayerError, printable
from separatrix.networks.layers import Activation, Node, Sum
from separatrix.networks.traced_layers import Scale, Selection, Softmax

CONSTANT, OTHER = 0, -1  # labels of entries; those that are functions of one probability have a positive one
ENTRIES_LIMIT, PAIRS_LIMIT, PROBABILITIES = 1 << 24, 1 << 20, 65


def check_labels(nodes: Sequence[Node], last: int, width: int, source: str) -> None:
    """UnsupportedLayerError where each of the ``width`` entries of node ``last`` is a function of one of several sigmoids or
    softmaxes.
    """
    widths = _followed(nodes, last, width)
    labels = _labels(nodes, widths, last, False)
    count = len(np.unique(labels[labels != CONSTANT]))
    if OTHER in labels or count < 2:
        return
    if any(isinstance(nodes[i].layer, Softmax) for i in widths):
        raise UnsupportedLayerError(
            f"{source}: ends in {count} softmaxes side by side, not over the classes of one classification; give the module "
            "without its last softmax if its outputs are logits of classes"
        )
    raise UnsupportedLayerError(
        f"{source}: ends in {count} sigmoids, independent labels (multi-label), which are no classes of one classification; "
        "give the module without its last sigmoid if its outputs are logits of classes"
    )


def check_probability(nodes: Sequence[Node], source: str) -> None:
    """UnsupportedLayerError where the last node, the one output, is a function of one probability and never above 0 or never
    below it: as a logit it would give all points to one class.
    """
    last = len(nodes) - 1
    widths = _followed(nodes, last, 1)
    if sum(widths.values()) > ENTRIES_LIMIT // PROBABILITIES or _labels(nodes, widths, last, True)[0] <= CONSTANT:
        return
    values: dict[int, np.ndarray] = {}
    for i in sorted(widths):
        values[i] = _value(nodes[i], widths[i], [values[parent] for parent in nodes[i].parents if parent in values])
    slack = 1e-9 * np.abs(values[last]).max()
    if values[last].min() >= -slack or values[last].max() <= slack:
        raise UnsupportedLayerError(
            f"{source}: its one output is a probability or a function of one that never changes its sign; as a logit it would "
            "give all points to one class; export the logit before it"
        )


def check_softmaxes(nodes: Sequence[Node], last: int, source: str) -> None:
    """UnsupportedLayerError for a softmax before node ``last`` over so many classes that their differences would take long."""
    for i, node in enumerate(nodes):
        if isinstance(node.layer, Softmax) and not node.layer.is_log and i != last:
            groups, classes = node.layer.groups.shape
            if groups * classes * classes > PAIRS_LIMIT:
                raise UnsupportedLayerError(
                    f"{source}: has a softmax over {classes} classes in '{printable(node.layer.place, 60)}', before its end; at "
                    f"most {PAIRS_LIMIT} pairs of classes are compared"
                )


def _is_probability(node: Node) -> bool:
    return isinstance(node.layer, Softmax) or (isinstance(node.layer, Activation) and node.layer.name == "sigmoid")


def _is_elementwise(node: Node) -> bool:
    is_clip = isinstance(node.layer, Activation) and node.layer.name == "relu"  # clips are sums of these
    return is_clip or isinstance(node.layer, (Selection, Scale, Sum))


def _followed(nodes: Sequence[Node], last: int, width: int) -> dict[int, int]:
    """The widths of node ``last`` and of those before it, as far as probabilities and layers that mix entries; not followed
    where they have too many entries.
    """
    widths, waiting, entries = {last: width}, [last], width
    while waiting and entries <= ENTRIES_LIMIT:
        node = nodes[i := waiting.pop()]
        inner = node.layer.n_inputs if isinstance(node.layer, Selection) else widths[i]
        for parent in node.parents if _is_elementwise(node) else ():
            if parent not in widths:
                widths[parent] = inner
                waiting.append(parent)
                entries += inner
    return widths


def _labels(nodes: Sequence[Node], widths: dict[int, int], last: int, by_class: bool) -> np.ndarray:
    """The probability of which every entry of node ``last`` is a function; a softmax's classes are one or several of them."""
    labels: dict[int, np.ndarray] = {}
    sigmoids: dict[int, int] = {}  # by the node that they are taken of: one that is computed twice is one
    count = 0
    for i in sorted(widths):
        layer, parents = nodes[i].layer, nodes[i].parents
        if isinstance(layer, Activation) and layer.name == "sigmoid" and sigmoids.setdefault(parents[0], i) != i:
            labels[i] = labels[sigmoids[parents[0]]]
        elif _is_probability(nodes[i]):
            labels[i] = count + 1 + np.arange(widths[i])
            if isinstance(layer, Softmax) and not by_class:
                labels[i][layer.groups] = count + 1 + np.arange(len(layer.groups))[:, None]
            count += widths[i]
        elif not _is_elementwise(nodes[i]) or any(parent not in labels for parent in parents):
            labels[i] = np.full(widths[i], OTHER)
        elif isinstance(layer, Selection):
            labels[i] = np.where(layer.index >= 0, labels[parents[0]][layer.index], CONSTANT)
        else:
            labels[i] = labels[parents[0]]
            for parent in parents[1:]:
                labels[i] = _together(labels[i], labels[parent])
    return labels[last]


def _together(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Labels of sums."""
    one = np.where(first == CONSTANT, second, first)
    return np.where((second == CONSTANT) | (second == one), one, OTHER)


def _value(node: Node, width: int, parents: Sequence[np.ndarray]) -> np.ndarray:
    """The entries of a node, (width, n), while the probability goes from 0 to 1."""
    layer = node.layer
    if isinstance(layer, Selection):
        return np.where((layer.index >= 0)[:, None], parents[0][layer.index], 0.0)
    if isinstance(layer, Scale):
        return layer.scale[:, None] * parents[0] + layer.shift[:, None]
    if isinstance(layer, Sum):
        return sum(parents[1:], parents[0])
    if isinstance(layer, Activation) and not _is_probability(node):
        return layer.function.value(np, parents[0], layer.slope)
    p = np.linspace(0.0, 1.0, PROBABILITIES)
    return np.tile(np.log(np.maximum(p, 1e-300)) if isinstance(layer, Softmax) and layer.is_log else p, (width, 1))
