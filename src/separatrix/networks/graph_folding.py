"""Constants, normalisations and selections of a read graph, folded into its affine layers in float64 (§1).

A reader appends the layers of ``traced_layers``; :func:`folded` leaves affine maps, activations and sums only. Poolings become
sums of ReLUs, reorderings are moved behind what does not mind the order, and scales and selections join the affine maps
beside them, which keep their structure.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import numpy as np

from separatrix.networks.layers import Affine, AffineMap, Node
from separatrix.networks.memory_pages import LARGE, SLACK, give_back, room_again
from separatrix.networks.structured_layers import Convolution, SparseAffine
from separatrix.networks.traced_layers import Scale, Selection, pruned
from separatrix.networks.traced_maxima import expanded, pools_first
from separatrix.networks.traced_permutations import reordered

DENSE_LIMIT = 1 << 14

__all__ = ["folded", "pruned"]


def folded(nodes: list[Node]) -> list[Node]:
    """The graph of affine maps, activations and sums with the same values; ``nodes`` is emptied.

    Each Scale and Selection joins the affine map before it or those after it, or becomes one. A map that was joined is let go
    at once, and the room of its weights is written again where the reader made it and no other node holds it: the weights of a
    large network stand in memory once. Whoever calls this needs the nodes' arrays no more.
    """
    graph = list(nodes)
    nodes.clear()
    for step in (_joined, reordered, pools_first, _joined, expanded, _joined):
        graph = step(graph)
    users = _users(graph)
    is_structured = any(isinstance(node.layer, (Convolution, SparseAffine)) for node in graph)
    for index in reversed(range(1, len(graph))):  # what stands behind has its map first
        layer = graph[index].layer
        if isinstance(layer, (Scale, Selection)) and not _into_users(graph, index, users):
            graph[index] = Node(_map(layer, is_structured), graph[index].parents)
            give_back(SLACK)
    return pruned(graph, len(graph) - 1)


def _joined(graph: list[Node]) -> list[Node]:
    """Every Scale and Selection joined to what stands before it, where that serves it alone."""
    n_users = [len(users) for users in _users(graph)]
    for index in range(1, len(graph)):
        parent, joined = graph[index].parents[0], _after_parent(graph, index, n_users)
        if joined is not graph[index]:
            graph[parent] = graph[0]  # it served this node alone, and is let go
        graph[index] = joined
    return pruned(_without_identities(graph), len(graph) - 1)


def _without_identities(graph: Sequence[Node]) -> list[Node]:
    """The graph in which no node takes the value of a node that changes nothing."""
    known = list(range(len(graph)))
    nodes: list[Node] = []
    for index, node in enumerate(graph):
        nodes.append(Node(node.layer, tuple(known[parent] for parent in node.parents)))
        if _changes_nothing(node.layer):
            known[index] = nodes[index].parents[0]
    return nodes


def _changes_nothing(layer: object) -> bool:
    if isinstance(layer, Scale):
        return bool((layer.factors == 1.0).all()) and not layer.shifts.any()
    if isinstance(layer, Selection):
        return layer.index.size == layer.n_inputs and np.array_equal(layer.index, np.arange(layer.n_inputs))
    return False


def _users(graph: Sequence[Node]) -> list[list[int]]:
    """For every node the nodes that take its value."""
    users: list[list[int]] = [[] for _ in graph]
    for index, node in enumerate(graph):
        for parent in set(node.parents):
            users[parent].append(index)
    return users


def _after_parent(graph: list[Node], index: int, n_users: list[int]) -> Node:
    """Node ``index`` with its parent folded in, where the parent serves this node alone."""
    node = graph[index]
    if not isinstance(node.layer, (Scale, Selection)) or n_users[node.parents[0]] > 1:
        return node
    layer, before = node.layer, graph[node.parents[0]]
    if isinstance(before.layer, AffineMap) and before.parents:
        joined = after(layer, before.layer, _own_room(graph, before.layer) if isinstance(layer, Scale) else None)
        return node if joined is None else Node(joined, before.parents)
    if isinstance(layer, Scale) and isinstance(before.layer, Scale):
        return Node(_one_scale(before.layer, layer), before.parents)
    if isinstance(layer, Selection) and isinstance(before.layer, Selection):
        picked = np.full(layer.index.size, -1)
        picked[layer.index >= 0] = before.layer.index[layer.index[layer.index >= 0]]
        return Node(Selection(picked, before.layer.n_inputs), before.parents)
    return node


def _one_scale(first: Scale, second: Scale) -> Scale:
    """``first``, then ``second``."""
    repeat = gcd(first.repeat, second.repeat)
    (a, b), (c, d) = (
        [np.repeat(part, layer.repeat // repeat) for part in (layer.factors, layer.shifts)] for layer in (first, second)
    )
    return Scale(c * a, c * b + d, repeat)


def _own_room(graph: Sequence[Node], layer: AffineMap) -> np.ndarray | None:
    """The room of a layer's weights, to be written again; None where anybody else may hold them."""
    if not isinstance(layer, (Affine, Convolution)) or sum(node.layer is layer for node in graph) > 1:
        return None
    own = _weights(layer)[0]
    if own.nbytes < LARGE:
        return None
    layers = {id(node.layer): node.layer for node in graph if node.layer is not layer}
    return room_again(own, (array for other in layers.values() for array in _weights(other)))


def _weights(layer: object) -> list[np.ndarray]:
    """Arrays of a layer, the matrix or kernel first."""
    return [array for array in vars(layer).values() if isinstance(array, np.ndarray)]


def after(layer: Scale | Selection, affine: AffineMap, own: np.ndarray | None = None) -> AffineMap | None:
    """The affine map ``affine``, then ``layer``; None where that has no structure of its own. ``own``: room for its weights."""
    if isinstance(affine, Affine):
        return _dense_after(layer, affine, own)
    if isinstance(affine, SparseAffine):
        matrix = _matrix(layer) @ affine.rows()
        bias = _matrix(layer) @ affine.bias
        return SparseAffine.of(matrix, bias + layer.shift if isinstance(layer, Scale) else bias)
    if isinstance(affine, Convolution) and isinstance(layer, Scale):
        channels = affine.kernel.shape[0]
        (scale, shift) = (_by_channel(part, layer.repeat, channels) for part in (layer.factors, layer.shifts))
        if scale is not None and shift is not None:
            return affine.scaled(scale, shift, own)
    return None


def _by_channel(values: np.ndarray, repeat: int, channels: int) -> np.ndarray | None:
    """One number a channel, where all numbers of a channel are the same; each of ``values`` stands for ``repeat``."""
    if channels % values.size == 0:
        return np.repeat(values, channels // values.size)
    if values.size % channels:
        values = np.repeat(values, repeat)
    table = values.reshape(channels, -1)
    return table[:, 0].copy() if (table == table[:, :1]).all() else None


def _is_too_large(layer: Scale | Selection, rows: int, columns: int, entries: int) -> bool:
    """Whether a selection would blow up a dense matrix instead of picking from it."""
    return isinstance(layer, Selection) and rows * columns > max(2 * entries, DENSE_LIMIT)


def _dense_after(layer: Scale | Selection, affine: Affine, own: np.ndarray | None) -> Affine | None:
    if _is_too_large(layer, layer.n_outputs, affine.n_inputs, affine.weight.size):
        return None
    if isinstance(layer, Scale):
        scales = not (layer.scale == 1.0).all()  # a bias alone leaves the weight as it is, without a copy
        weight = np.multiply(layer.scale[:, None], affine.weight, out=own) if scales else affine.weight
        return Affine(weight, layer.scale * affine.bias + layer.shift)
    weight, bias = affine.weight[layer.index], affine.bias[layer.index]
    empty = layer.index < 0
    weight[empty], bias[empty] = 0.0, 0.0
    return Affine(weight, bias)


def before(affine: AffineMap, layer: Scale | Selection, own: np.ndarray | None = None) -> AffineMap | None:
    """``layer``, then the affine map ``affine``; None where that has no structure of its own. ``own``: room for its weights."""
    if isinstance(affine, Affine):
        return _dense_before(affine, layer, own)
    if isinstance(affine, SparseAffine):
        bias = affine.bias + affine.rows() @ layer.shift if isinstance(layer, Scale) else affine.bias
        return SparseAffine.of(affine.rows() @ _matrix(layer), bias)
    if isinstance(affine, Convolution):
        return _scale_then(affine, layer) if isinstance(layer, Scale) else _padding_then(affine, layer)
    return None


def _dense_before(affine: Affine, layer: Scale | Selection, own: np.ndarray | None) -> Affine | None:
    if _is_too_large(layer, affine.n_outputs, layer.n_inputs, affine.weight.size):
        return None
    if isinstance(layer, Scale):
        bias = affine.bias + affine.weight @ layer.shift
        return Affine(np.multiply(affine.weight, layer.scale, out=own), bias)
    weight = np.zeros((affine.weight.shape[0], layer.n_inputs))
    used = np.flatnonzero(layer.index >= 0)
    np.add.at(weight.T, layer.index[used], affine.weight.T[used])
    return Affine(weight, affine.bias)


def _scale_then(conv: Convolution, layer: Scale) -> Convolution | None:
    """One factor a channel joins the kernel; a shift joins the bias where no padding is left out of it."""
    channels = conv.shape[0]
    (scale, shift) = (_by_channel(part, layer.repeat, channels) for part in (layer.factors, layer.shifts))
    if scale is None or shift is None or (shift.any() and any(any(pads) for pads in conv.padding)):
        return None
    each = (conv.groups, -1, *conv.kernel.shape[1:])
    sides = (conv.groups, 1, -1, *(1,) * len(conv.stride))
    kernel = conv.kernel.reshape(each)
    added = (kernel * shift.reshape(sides)).reshape(conv.kernel.shape[0], -1).sum(axis=1)
    scaled = (kernel * scale.reshape(sides)).reshape(conv.kernel.shape)
    bias = conv.channel_bias + added if shift.any() else conv.channel_bias
    return Convolution(scaled, bias, conv.shape, conv.stride, conv.padding, conv.dilation, conv.groups)


def _padding_then(conv: Convolution, layer: Selection) -> Convolution | None:
    """Zeros around every channel join the padding."""
    index = layer.index.reshape(conv.shape)
    places = np.nonzero(index >= 0)
    if not places[0].size:
        return None
    box = tuple(slice(int(place.min()), int(place.max()) + 1) for place in places)
    inner = index[box]
    if box[0] != slice(0, conv.shape[0]) or inner.size != layer.n_inputs or (np.diff(inner.ravel()) != 1).any():
        return None
    padding = tuple(
        (begin + side.start, end + size - side.stop)
        for (begin, end), side, size in zip(conv.padding, box[1:], conv.shape[1:], strict=True)
    )
    return Convolution(conv.kernel, conv.channel_bias, inner.shape, conv.stride, padding, conv.dilation, conv.groups)


def _matrix(layer: Scale | Selection) -> object:
    """``layer`` without its shift as a sparse matrix."""
    from scipy.sparse import csr_array, dia_array

    if isinstance(layer, Scale):
        return dia_array((layer.scale[None], [0]), shape=(layer.n_outputs, layer.n_inputs)).tocsr()
    used = np.flatnonzero(layer.index >= 0)
    return csr_array((np.ones(used.size), (used, layer.index[used])), shape=(layer.n_outputs, layer.n_inputs))


def _map(layer: Scale | Selection, is_structured: bool) -> AffineMap:
    """``layer`` as an affine map of its own, dense where it is small in a network of dense layers."""
    shift = layer.shift if isinstance(layer, Scale) else np.zeros(layer.n_outputs)
    sparse = SparseAffine.of(_matrix(layer), shift)
    if is_structured or layer.n_outputs * layer.n_inputs > DENSE_LIMIT:
        return sparse
    return Affine(sparse.rows().toarray(), shift)


def _into_users(graph: list[Node], index: int, users: list[list[int]]) -> bool:
    """Folds node ``index`` into the affine maps that take its value, if all of them can take it in."""
    node = graph[index]
    layer = node.layer
    assert isinstance(layer, (Scale, Selection))
    joined: dict[int, AffineMap] = {}
    for user in users[index]:
        behind, own = graph[user].layer, None
        if isinstance(behind, Affine) and isinstance(layer, Scale) and len(users[index]) == 1:  # which cannot fail
            own = _own_room(graph, behind)
        whole = before(behind, layer, own) if isinstance(behind, AffineMap) else None
        if whole is None:
            return False
        joined[user] = whole
    if not joined:
        return False
    for user, whole in joined.items():
        graph[user] = Node(whole, node.parents)
    parent = users[node.parents[0]]
    parent[:] = [user for user in parent if user != index and user not in joined] + list(joined)
    return True
