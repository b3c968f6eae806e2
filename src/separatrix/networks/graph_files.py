"""Any network graph in a .safetensors file: the layers in JSON, their arrays by node (§1).

The metadata ``graph`` holds ``{"inputs": n, "nodes": [...]}``, one entry a node from node 1 on: ``kind``, ``parents`` (numbers of
earlier nodes, 0 the input) and what the kind needs. Arrays are ``3.weight`` and so on, 3 the number of the node:

    affine        weight, bias, and weight_radius, bias_radius where the numbers are rounded
    convolution   weight (the kernel), bias (a channel); ``shape``, ``stride``, ``padding``, ``dilation``, ``groups``
    sparse        starts, columns, entries, bias; ``width``
    activation    ``name``, ``slope``
    sum           -
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from separatrix.errors import InputError, SeparatrixError, printable
from separatrix.networks.layers import Activation, Affine, AffineMap, Layer, Node, Sum
from separatrix.networks.network import INPUT, Network, Reading, affine
from separatrix.networks.structured_layers import Convolution, SparseAffine

MOST_NODES, WIDEST, LONGEST = 100_000, 1 << 24, 1 << 24
MOST_VALUES, MOST_PRODUCTS = 1 << 25, 10**10
Array = Callable[[str], np.ndarray]


def written(network: Network) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of a network by key, and the JSON of its graph; InputError for a kind of layer that has no form here."""
    arrays: dict[str, np.ndarray] = {}
    nodes = []
    for number, node in enumerate(network.nodes[1:], 1):
        entry, parts = _entry(node.layer)
        nodes.append({**entry, "parents": list(node.parents)})
        arrays |= {f"{number}.{name}": np.ascontiguousarray(part) for name, part in parts.items() if part is not None}
    return arrays, json.dumps({"inputs": network.n_inputs, "nodes": nodes}, separators=(",", ":"))


def _entry(layer: Layer) -> tuple[dict[str, Any], dict[str, np.ndarray | None]]:
    if isinstance(layer, Affine):
        return {"kind": "affine"}, {
            "weight": layer.weight, "bias": layer.bias,
            "weight_radius": layer.weight_radius, "bias_radius": layer.bias_radius,
        }  # fmt: skip
    if isinstance(layer, Convolution):
        entry = {name: getattr(layer, name) for name in ("shape", "stride", "padding", "dilation", "groups")}
        return {"kind": "convolution", **entry}, {"weight": layer.kernel, "bias": layer.channel_bias}
    if isinstance(layer, SparseAffine):
        names = ("starts", "columns", "entries", "bias")
        return {"kind": "sparse", "width": layer.width}, {
            name: np.ascontiguousarray(getattr(layer, name)) for name in names
        }
    if isinstance(layer, Activation):
        return {"kind": "activation", "name": layer.name, "slope": layer.slope}, {}
    if isinstance(layer, Sum):
        return {"kind": "sum"}, {}
    raise InputError(f"save: a layer of kind {type(layer).__name__} cannot be written")


def read_graph(text: str, array: Array, source: str, metadata: Mapping[str, str]) -> Network:
    """The network that ``text`` describes; ``array`` gives the arrays of the file as float64 or int64 by key.

    Raises InputError for what is no such description, names of layers that are not known, or arrays that do not fit.
    """
    inputs, entries = _parsed(text, source)
    nodes, widths, total, products = [INPUT], [inputs], inputs, 0
    for number, entry in enumerate(entries, 1):
        where = f"{source}: node {number} of its graph"
        try:
            parents = tuple(_whole(parent, "a parent", number - 1) for parent in _list(entry, "parents"))
            layer = _layer(entry, lambda name, number=number: array(f"{number}.{name}"), where)
            widths.append(layer.output_width([widths[parent] for parent in parents]))
        except SeparatrixError as error:
            raise InputError(f"{where}: {str(error).removeprefix(f'{where}: ')}") from None
        total += widths[-1]
        products += widths[-1] * (layer.terms if isinstance(layer, AffineMap) else len(parents))
        if widths[-1] > WIDEST or total > MOST_VALUES or products > MOST_PRODUCTS:
            raise InputError(
                f"{where}: needs more values or products a point than are read ({MOST_VALUES} and {MOST_PRODUCTS}); "
                "it is refused as too large"
            )
        nodes.append(Node(layer, parents))
    return Network.graph(nodes, inputs, Reading(source, metadata=dict(metadata)))


def _parsed(text: str, source: str) -> tuple[int, list[dict[str, Any]]]:
    if len(text) > LONGEST:
        raise InputError(f"{source}: its metadata 'graph' has {len(text)} characters; at most {LONGEST} are read")
    try:
        graph = json.loads(text)
        inputs, nodes = graph["inputs"], graph["nodes"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"{source}: its metadata 'graph' is not the JSON of a network; was it written by save?"
        ) from None
    if not isinstance(nodes, list) or not 1 <= len(nodes) <= MOST_NODES or not all(isinstance(n, dict) for n in nodes):
        raise InputError(f"{source}: its graph must have 1 to {MOST_NODES} nodes")
    if not isinstance(inputs, int) or isinstance(inputs, bool) or not 1 <= inputs <= WIDEST:
        raise InputError(f"{source}: its graph must have 1 to {WIDEST} inputs, came {printable(inputs, 40)}")
    return inputs, nodes


def _layer(entry: Mapping[str, Any], array: Array, where: str) -> Layer:
    kind = entry.get("kind")
    if kind == "affine":
        dense = affine(array("weight"), array("bias"), where)
        radii = [
            _radius(array, name, like) for name, like in (("weight_radius", dense.weight), ("bias_radius", dense.bias))
        ]
        return Affine(dense.weight, dense.bias, *radii)
    if kind == "convolution":
        shape, stride, dilation = (_sizes(entry, name) for name in ("shape", "stride", "dilation"))
        padding = tuple(_pair(pads) for pads in _list(entry, "padding"))
        kernel, bias = _finite(array("weight"), "weight"), _finite(array("bias"), "bias")
        return Convolution(kernel, bias, shape, stride, padding, dilation, _whole(entry.get("groups"), "groups"))
    if kind == "sparse":
        starts, columns = array("starts"), array("columns")
        if starts.dtype != np.int64 or columns.dtype != np.int64:
            raise InputError("starts and columns must be integers")
        entries, bias = _finite(array("entries"), "entries"), _finite(array("bias"), "bias")
        return SparseAffine(starts, columns, entries, bias, _whole(entry.get("width"), "width"))
    if kind == "activation":
        return Activation(str(entry.get("name")), entry.get("slope", 0.01))
    if kind == "sum":
        return Sum()
    raise InputError(f"a layer of kind {printable(kind, 40)} is not known; was the file written by a later version?")


def _radius(array: Array, name: str, like: np.ndarray) -> np.ndarray | None:
    try:
        radius = array(name)
    except KeyError:
        return None
    if radius.shape != like.shape or not (radius >= 0).all():
        raise InputError(f"{name} must be non-negative and have the shape {like.shape}")
    return np.ascontiguousarray(radius, np.float64)


def _finite(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype != np.float64 or not np.isfinite(array).all():
        raise InputError(f"the {name} must be finite real numbers")
    return np.ascontiguousarray(array)


def _list(entry: Mapping[str, Any], name: str) -> list[Any]:
    found = entry.get(name)
    if not isinstance(found, list) or len(found) > MOST_NODES:
        raise InputError(f"expected a list as {name}, came {printable(found, 40)}")
    return found


def _sizes(entry: Mapping[str, Any], name: str) -> tuple[int, ...]:
    return tuple(_whole(size, name) for size in _list(entry, name))


def _pair(pads: Any) -> tuple[int, int]:
    if not isinstance(pads, Sequence) or len(pads) != 2:
        raise InputError(f"expected two pads an axis, came {printable(pads, 40)}")
    return _whole(pads[0], "padding"), _whole(pads[1], "padding")


def _whole(value: Any, name: str, most: int = WIDEST) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise InputError(f"expected a whole number from 0 to {most} as {name}, came {printable(value, 40)}")
    return value
