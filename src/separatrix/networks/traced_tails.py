"""The last step of a network that was read, a softmax or a sigmoid in any of the ways in which they are written (§1)."""

from __future__ import annotations

import numpy as np

from separatrix.errors import UnsupportedLayerError
from separatrix.networks.layers import Activation, Affine, Layer, Node, Sum
from separatrix.networks.traced_layers import Scale, Selection, Softmax, pruned
from separatrix.networks.traced_patterns import Coefficients, polynomials
from separatrix.networks.traced_values import Building

SIGMOIDS: dict[tuple[str, Coefficients], float] = {
    ("sigmoid", (1.0, -1.0)): -1.0,
    ("tanh", (0.5, 0.5)): 2.0,
    ("tanh", (0.5, -0.5)): -2.0,
}


def without_last_step(building: Building, nodes: list[Node], width: int) -> tuple[list[Node], str | None]:
    """The graph up to the logits, and the name of the step that was taken off: softmax, log_softmax, sigmoid, log_sigmoid, or
    None.
    """
    source, nodes = building.source, _with_step_at_the_end(nodes)
    last = nodes[-1]
    if isinstance(last.layer, Softmax):
        if width == 1:
            raise UnsupportedLayerError(
                f"{source}: ends in a softmax over one output, which is constant; end it in a sigmoid"
            )
        if last.layer.groups.shape[0] > 1:
            raise UnsupportedLayerError(
                f"{source}: ends in {last.layer.groups.shape[0]} softmaxes side by side, not over the classes of one "
                "classification; give the module without its last softmax if its outputs are logits of classes"
            )
        tail = "log_softmax" if last.layer.is_log else "softmax"
        building.note(f"the {tail} at the end was taken off: logits are right up to a constant a point")
        return pruned(nodes, last.parents[0]), tail
    if isinstance(last.layer, Activation) and last.layer.name == "sigmoid":
        if width > 1:
            raise UnsupportedLayerError(
                f"{source}: ends in {width} sigmoids, independent labels (multi-label), which are no classes of one "
                "classification; give the module without its last sigmoid if its outputs are logits of classes"
            )
        building.note("the sigmoid at the end was taken off: one logit t, classes with logits (0, t)")
        return pruned(nodes, last.parents[0]), "sigmoid"
    below = [u for u, line in _lines_of(nodes, len(nodes) - 1, "softplus").items() if line == (0.0, -1.0)]
    if width == 1 and below:  # -softplus(u) is the logarithm of sigmoid(-u)
        building.note("the logarithm of a sigmoid at the end was taken off: one logit t, classes with logits (0, t)")
        return _with(pruned(nodes, below[0]), Scale(-np.ones(1), np.zeros(1))), "log_sigmoid"
    if (found := _logit_of_two(nodes)) is not None:
        logit, is_reversed = found
        building.note(
            f"the probabilities {'(p, 1 - p)' if is_reversed else '(1 - p, p)'} at the end were taken off: one logit t, "
            "classes with logits (0, t)"
        )
        kept = pruned(nodes, logit)
        return _with(kept, Scale(-np.ones(1), np.zeros(1))) if is_reversed else kept, "sigmoid"
    return nodes, None


def _with(nodes: list[Node], *layers: Layer) -> list[Node]:
    """The graph with layers behind its last node."""
    for layer in layers:
        nodes = [*nodes, Node(layer, (len(nodes) - 1,))]
    return nodes


def _with_step_at_the_end(nodes: list[Node]) -> list[Node]:
    """The same function with its softmax or sigmoid as the last node, where classes of a softmax were put into another order or
    one of two was picked, or where a sigmoid is written as 1 - sigmoid(u) or (1 + tanh(u)) / 2.
    """
    last = nodes[-1]
    before = nodes[last.parents[0]] if last.parents else last
    if isinstance(last.layer, Selection) and isinstance(before.layer, Softmax) and len(before.layer.groups) == 1:
        index, softmax = last.layer.index, before.layer
        scores, n = pruned(nodes, before.parents[0]), softmax.groups.size
        if np.array_equal(np.sort(index), np.arange(n)):
            own = Softmax(softmax.is_log, np.arange(n)[None], softmax.place)
            return _with(scores, Selection(index, n), own)
        if n == 2 and index.size == 1 and index[0] >= 0 and not softmax.is_log:
            contrast = np.array([[-1.0, 1.0]]) if index[0] == 1 else np.array([[1.0, -1.0]])
            return _with(scores, Affine(contrast, np.zeros(1)), Activation("sigmoid"))
        return nodes
    for base, line in polynomials(nodes, len(nodes) - 1).items():
        layer = nodes[base].layer
        factor = SIGMOIDS.get((layer.name, line)) if isinstance(layer, Activation) else None
        if factor is not None:
            u = pruned(nodes, nodes[base].parents[0])
            return _with(u, Scale(np.full(1, factor), np.zeros(1), _width(nodes)), Activation("sigmoid"))
    return nodes


def _width(nodes: list[Node]) -> int:
    """Width of the last node, a sum or a multiple of one value."""
    layer = nodes[-1].layer
    return layer.n_outputs if isinstance(layer, Scale) else 1


def _logit_of_two(nodes: list[Node]) -> tuple[int, bool] | None:
    """The node t where the graph ends in (1 - p, p) or, the second result, (p, 1 - p), p the sigmoid of t."""
    if not isinstance(nodes[-1].layer, Sum) or len(nodes[-1].parents) != 2:
        return None
    parts = [nodes[parent] for parent in nodes[-1].parents]
    picked = [part.layer.index.tolist() if isinstance(part.layer, Selection) else None for part in parts]
    if picked != [[0, -1], [-1, 0]]:
        return None
    first, second = (_lines_of(nodes, part.parents[0], "sigmoid") for part in parts)
    for logit, line in first.items():
        if {line, second.get(logit)} == {(0.0, 1.0), (1.0, -1.0)}:
            return logit, line == (0.0, 1.0)
    return None


def _lines_of(nodes: list[Node], index: int, name: str) -> dict[int, tuple[float, ...]]:
    """The nodes u for which node ``index`` is c_0 + c_1 s(u), s the activation ``name``, with their c."""
    return {
        nodes[base].parents[0]: line
        for base, line in polynomials(nodes, index).items()
        if isinstance(layer := nodes[base].layer, Activation) and layer.name == name
    }
