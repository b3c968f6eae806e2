"""The end of reading a graph, whatever it came from: outputs checked, a last softmax taken off, refusals told at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from separatrix.errors import InputError, UnsupportedLayerError, printable
from separatrix.networks.graph_folding import folded
from separatrix.networks.layers import Affine, AffineMap, Node
from separatrix.networks.structured_layers import Convolution, SparseAffine
from separatrix.networks.traced_layers import Pending, Pool, Scale, Selection, Softmax, pruned
from separatrix.networks.traced_tails import without_last_step
from separatrix.networks.traced_values import Building, Unknown, Value

KINDS_LISTED, PLACES_LISTED = 25, 6
ACTIVATION_NAMES = ("relu", "leaky_relu", "prelu with one slope", "sigmoid", "tanh", "softplus", "gelu", "silu", "mish")
READABLE = (
    "dense layers, convolutions in 1 and 2 dimensions, pooling, batch norm, skip connections, concatenations, "
    f"{', '.join(ACTIVATION_NAMES)}, clips, maxima, reshapes and other moves that keep the batch, and a softmax or one "
    "sigmoid at the end"
)

UNREAD = "unread"
PENDING_NAMES = {
    "product": ("mul", "of two computed values"),
    "quotient": ("div", "by a computed value"),
    "sign": ("sign", "a step; export the scores before it"),
    "positive": ("comparison", "such as gt or lt"),
}


@dataclass
class TracedNetwork:
    """Nodes with the logits last, notes, and what was taken off the end: softmax, log_softmax, sigmoid or nothing.

    The nodes are those of the source; :meth:`folded` makes a network's of them. ``has_rounded_patterns``: whether an
    activation was recognised whose constants are those of the theory up to rounding; ``has_cut_softplus``: whether the source
    returns its argument for the softplus of large numbers; ``is_narrowed``: whether the source rounds values to
    single precision on the way.
    """

    nodes: list[Node]
    notes: list[str]
    tail: str | None
    has_rounded_patterns: bool = False
    has_cut_softplus: bool = False
    is_narrowed: bool = False

    def folded(self, source: str) -> list[Node]:
        """The nodes of a network: affine maps, activations and sums. ``nodes`` is emptied on the way, so that weights stand
        in memory once. Raises InputError where folding overflows.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return _finite(folded(self.nodes), source)


def finished(
    building: Building, outputs: Sequence[Any], readable: str = READABLE, refused: Sequence[tuple[str, str, str]] = ()
) -> TracedNetwork:
    """The network of a graph that has been read: one output, its softmax or one-output sigmoid taken off. ``building`` lets
    go of its nodes.

    ``refused``: operations that could not be read, name, place and reason. Raises UnsupportedLayerError for them, for
    patterns that were not recognised, all in one message, and for outputs that are no logits.
    """
    source = building.source
    if refused:
        ends = [value.index for value in outputs if isinstance(value, Value)]
        left = _unread(pruned(building.nodes, ends[0])) if len(ends) == 1 else []
        raise UnsupportedLayerError(refusal([*refused, *left], source, readable))
    if len(outputs) != 1 or not isinstance(outputs[0], Value):
        kind = "that cannot be followed" if isinstance(outputs[0], Unknown) else "that does not depend on its input"
        what = f"{len(outputs)} results" if len(outputs) != 1 else f"a result {kind}"
        raise UnsupportedLayerError(
            f"{source}: returns {what}; expected one tensor of logits, (n, classes); wrap the module"
        )
    width = prod(outputs[0].shape)
    if not width:
        raise UnsupportedLayerError(f"{source}: returns a tensor without entries; expected logits, (n, classes)")
    nodes, tail = without_last_step(building, pruned(building.nodes, outputs[0].index), width)
    if inner := _unread(nodes):
        raise UnsupportedLayerError(refusal(inner, source, readable))
    if len(nodes) == 1:
        nodes.append(Node(Scale(np.ones(width), np.zeros(width)), (0,)))
    if any(isinstance(node.layer, Scale) and not _is_bias(nodes, node) for node in nodes):
        building.note("constants and normalisations were folded into affine layers in float64")
    if any(isinstance(node.layer, Selection) for node in nodes):
        building.note("coordinates picked or joined were folded into affine layers")
    if width == 1 and tail is None:
        building.note("one output: read as the logit of class 1, logits (0, t)")
    if any(isinstance(node.layer, Pool) for node in nodes):
        building.note("max pooling was read as max(a, b) = a + relu(b - a) in a tree, which is the same function")
    if any(isinstance(node.layer, Softmax) for node in nodes):
        building.note(
            "a softmax in the middle was read as sigmoids and softplus of differences, which is the same function"
        )
    building.nodes.clear()
    return TracedNetwork(nodes, building.notes, tail, building.has_rounded_patterns)


def _is_bias(nodes: Sequence[Node], node: Node) -> bool:
    """Whether a Scale node only adds the bias of a dense layer that has none, which is exact."""
    before = nodes[node.parents[0]]
    if not (isinstance(node.layer, Scale) and isinstance(before.layer, (Affine, Convolution)) and before.parents):
        return False
    bias = before.layer.channel_bias if isinstance(before.layer, Convolution) else before.layer.bias
    return not bias.any() and bool((node.layer.factors == 1.0).all())


def _unread(nodes: list[Node]) -> list[tuple[str, str, str]]:
    """Name, place and reason of what may stand in a pattern only."""
    found = []
    for node in nodes:
        if isinstance(node.layer, Pending) and node.layer.kind != UNREAD:
            name, why = PENDING_NAMES.get(node.layer.kind, (node.layer.kind, ""))
            found.append((name, node.layer.place, f"{why}, in no pattern that is known".lstrip(", ")))
    return found


def _finite(nodes: list[Node], source: str) -> list[Node]:
    """Arrays of folded layers, read-only like all others; InputError where folding overflowed."""
    for node in nodes[1:]:
        for array in _numbers(node.layer):
            if not np.isfinite(array).all():
                raise InputError(f"{source}: constants overflow float64 when they are folded into an affine layer")
            array.flags.writeable = False
    return nodes


def _numbers(layer: object) -> tuple[np.ndarray, ...]:
    if isinstance(layer, Convolution):
        return layer.kernel, layer.channel_bias
    if isinstance(layer, SparseAffine):
        return layer.entries, layer.bias
    return (layer.weight, layer.bias) if isinstance(layer, AffineMap) else ()


def refusal(refused: Sequence[tuple[str, str, str]], source: str, readable: str = READABLE) -> str:
    """One message for all operations (name, place, reason) that cannot be read."""
    groups: dict[str, Counter[str]] = {}
    for name, place, why in refused:
        groups.setdefault(printable(name, 60) + (f" [{printable(why, 120)}]" if why else ""), Counter())[
            printable(place, 50)
        ] += 1
    parts = []
    for title, places in list(groups.items())[:KINDS_LISTED]:
        shown = [place for place in places if place][:PLACES_LISTED]
        where = f" in {', '.join(shown)}{', …' if len(places) > PLACES_LISTED else ''}" if shown else ""
        parts.append(f"{title} x{places.total()}{where}")
    rest = f"; and {len(groups) - KINDS_LISTED} more kinds" if len(groups) > KINDS_LISTED else ""
    return f"{source}: {len(refused)} operations cannot be read: {'; '.join(parts)}{rest}. Readable are {readable}"
