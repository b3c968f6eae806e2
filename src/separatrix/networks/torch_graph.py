"""The ATen graph of an exported torch module as a graph of our layers (§1).

Values that depend on the input become nodes; everything that depends on parameters alone is evaluated once, in float64,
by torch's own operators. In-place operations rebind every alias of the tensor they change.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from separatrix.errors import printable
from separatrix.networks.layers import Node
from separatrix.networks.torch_moves import LINEAR, MOVES, like_a_value, moved, probed
from separatrix.networks.torch_operators import RULES
from separatrix.networks.traced_labels import check_labels, check_probability, check_softmaxes
from separatrix.networks.traced_layers import Pending
from separatrix.networks.traced_network import READABLE, UNREAD, TracedNetwork, finished
from separatrix.networks.traced_values import Building, Unknown, Unsupported, Value

COMPARISONS = ("gt", "ge", "lt", "le", "greater", "less", "bitwise_not", "logical_not")
CONSTANT_LIKE = frozenset((
    "zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty", "new_tensor",
    "rand_like", "randn_like", "randint_like",
))  # fmt: skip
REFUSED = {
    **dict.fromkeys(("argmax", "argmin", "topk", "sort", "argsort", "one_hot"), "a step; return the logits before it"),
    **dict.fromkeys(("embedding", "embedding_bag"), "of integer tokens, which are no points of a space"),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), "recurrent, with products of computed values"),
    **dict.fromkeys(("scaled_dot_product_attention", "_native_multi_head_attention"), "of two computed values"),
}
READABLE_HERE = READABLE + "; replace the operations that are not, or give the part of the module without them"


def changes_views(graph: Any) -> bool:
    """Whether the graph changes a tensor in place and takes parts of tensors, so that it must be made functional first."""
    names = [_operator(node) for node in graph.nodes if node.op == "call_function"]
    changes = any(name.endswith("_") and not name.startswith("_") for name in names)
    return changes and any(name.rstrip("_") in MOVES for name in names)


def read_graph(
    graph: Any, bound: Mapping[str, Any], batch: int, source: str, outputs: Sequence[str] = ()
) -> TracedNetwork:
    """The network of an exported graph.

    ``graph``: nodes of torch.fx; ``bound``: what each placeholder stands for, a tensor, or a tuple of ints, the shape
    of the input without the batch; ``batch``: the number of rows it was traced with; ``outputs``: names of the nodes that
    the module returns, where the graph gives changed buffers and inputs too.

    Raises UnsupportedLayerError that names every operation that cannot be read.
    """
    building, refused = Building(batch, source, owns_constants=True), []
    values: dict[Any, Any] = {}
    output: Any = None
    needed = _needed(graph)
    for node in graph.nodes:
        building.place = _place(node)
        if node.op == "placeholder":
            bound_value = bound.get(node.name)
            values[node] = Value([0], bound_value) if isinstance(bound_value, tuple) else bound_value
        elif node.op == "output":
            leaves = [
                leaf for leaf in _flat(node.args[0]) if not outputs or str(getattr(leaf, "name", leaf)) in outputs
            ]
            output = _looked_up(leaves, values)
        else:
            try:
                values[node] = _call(node, values, building)
            except Unsupported as why:
                refused += [(_operator(node), building.place, str(why))] if node in needed else []
                values[node] = _stand_in(node, building)
    traced = _finished(building, _flat(output), refused)
    return replace(traced, has_cut_softplus=building.has_cut_softplus)


def _finished(building: Building, outputs: list[Any], refused: list[tuple[str, str, str]]) -> TracedNetwork:
    """The network, its outputs looked at: whether they can be scores of the classes of one classification."""
    value = outputs[0] if len(outputs) == 1 and isinstance(outputs[0], Value) else None
    width = 0 if value is None else prod(value.shape)
    if value is not None and width and not refused:
        check_labels(building.nodes, value.index, width, building.source)
        check_softmaxes(building.nodes, value.index, building.source)
        if len([n for n in value.shape if n > 1]) > 1:
            building.note(f"outputs of shape {value.shape} were read as the {width} classes of one classification")
    traced = finished(building, outputs, READABLE_HERE, refused)
    if width == 1 and traced.tail is None:
        check_probability(traced.nodes, building.source)
    return traced


def _needed(graph: Any) -> set[Any]:
    """The nodes that the result may depend on: its ancestors and those of changes in place."""
    changes = [node for node in graph.nodes if node.op == "call_function" and _operator(node).endswith("_")]
    needed, waiting = set(), [*changes, *(node for node in graph.nodes if node.op == "output")]
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting += node.all_input_nodes
    return needed


def _stand_in(node: Any, building: Building) -> Any:
    """A value in the place of one that cannot be read, so that what comes behind it is looked at too."""
    out = node.meta.get("val")
    if isinstance(out, (list, tuple)):
        return Unknown()
    shape = tuple(getattr(out, "shape", ()))
    if not shape or not _is_fixed(shape) or shape[0] != building.batch or not out.is_floating_point():
        return Unknown()
    building.nodes.append(Node(Pending(UNREAD, building.place), (0,)))
    return Value([len(building.nodes) - 1], shape[1:])


def _is_fixed(shape: Sequence[Any]) -> bool:
    """Whether no size depends on the data."""
    return all(isinstance(size, int) for size in shape)


def _place(node: Any) -> str:
    """Path of the module in which the operation stands, or the line of the module's own code."""
    stack = node.meta.get("nn_module_stack") or {}
    paths = [entry[0] if isinstance(entry, tuple) else str(entry) for entry in stack.values()]
    found = next((str(path) for path in reversed(paths) if path), "")
    if found:
        return found
    lines = re.findall(r'File "([^"]*)", line (\d+), in', str(node.meta.get("stack_trace") or ""))
    return f"line {lines[-1][1]} of {os.path.basename(lines[-1][0])}" if lines else ""


def _operator(node: Any) -> str:
    """``relu_`` for aten::relu_, ``library::name`` for operators that are not torch's own."""
    if node.op == "get_attr":
        return "sub-graph (control flow)"
    name = str(node.target) if hasattr(node.target, "namespace") else getattr(node.target, "__name__", str(node.target))
    parts = name.split(".")
    return parts[1] if parts[0] == "aten" and len(parts) > 1 else "::".join(parts[:2])


def _looked_up(argument: Any, values: Mapping[Any, Any]) -> Any:
    if isinstance(argument, (list, tuple)):
        return type(argument)(_looked_up(item, values) for item in argument)
    if isinstance(argument, dict):
        return {key: _looked_up(item, values) for key, item in argument.items()}
    return values[argument] if type(argument).__name__ == "Node" else argument


def _flat(argument: Any) -> list[Any]:
    if isinstance(argument, (list, tuple)):
        return [leaf for item in argument for leaf in _flat(item)]
    return [argument]


def _call(node: Any, values: Mapping[Any, Any], building: Building) -> Any:
    name = _operator(node)
    if node.op != "call_function":
        raise Unsupported("")
    if "fake_quantize" in name or "quantized" in name:
        raise Unsupported("quantised; give the module before it was quantised")
    if name.startswith("_assert"):
        return None
    args, kwargs = list(_looked_up(node.args, values)), _looked_up(node.kwargs, values)
    leaves = _flat([*args, *kwargs.values()])
    base, changes_argument = (name.rstrip("_"), True) if name.endswith("_") else (name, False)
    if name == "getitem" and isinstance(args[0], (list, tuple, Unknown)):
        return Unknown() if isinstance(args[0], Unknown) else args[0][args[1]]
    if name == "getitem" and isinstance(args[0], Value):
        return args[0] if args[1] == 0 else Unknown()  # further results, such as a batch norm's, are not followed
    if not any(isinstance(leaf, (Value, Unknown)) for leaf in leaves):
        return _constant(node, name, args, kwargs)
    if base in REFUSED:
        raise Unsupported(REFUSED[base])
    if base not in RULES and base not in MOVES and base not in LINEAR and base not in CONSTANT_LIKE:
        raise Unsupported("")
    if any(isinstance(leaf, Unknown) for leaf in leaves):
        return Unknown()
    if base in CONSTANT_LIKE:
        if base.startswith("rand"):
            raise Unsupported("draws random numbers")
        made = _doubled(like_a_value(building, node.target, args, kwargs))
        return made.zero_() if "empty" in base else made
    return _applied(base, node, args, kwargs, building, changes_argument)


def _applied(
    base: str,
    node: Any,
    args: list[Any],
    kwargs: dict[str, Any],
    building: Building,
    changes_argument: bool,
) -> Any:
    out = node.meta.get("val")
    out = out[0] if isinstance(out, (list, tuple)) else out
    shape = tuple(out.shape)
    if not _is_fixed(shape):
        raise Unsupported("gives as many entries as the data say")
    if not out.is_floating_point() and base not in COMPARISONS:
        raise Unsupported(f"gives {printable(out.dtype, 30)}")
    if not shape or shape[0] != building.batch:
        raise Unsupported("mixes the rows of a batch")
    value = _followed(base, node.target, tuple(int(n) for n in shape[1:]), args, kwargs, building)
    if changes_argument:
        if not isinstance(args[0], Value):
            raise Unsupported("changes a parameter or buffer")
        args[0].cell[0] = value.index
        return Value(args[0].cell, value.shape)
    return value


def _followed(
    base: str, target: Any, shape: tuple[int, ...], args: list[Any], kwargs: dict[str, Any], building: Building
) -> Any:
    """The result of an operator by its own rule, by moving entries, or on the unit vectors."""
    if base in RULES:
        try:
            return RULES[base](building, shape, *args, **kwargs)
        except TypeError:
            raise Unsupported("with these arguments") from None
        except NotImplementedError:  # the rule is for other arguments
            pass
    if base in MOVES:
        return moved(building, base, target, args, kwargs)
    return probed(building, target, args, kwargs, shape)


def _constant(node: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """An operation on parameters alone, evaluated in float64."""
    target = node.target
    if any(getattr(tag, "name", "") == "nondeterministic_seeded" for tag in getattr(target, "tags", ())):
        raise Unsupported("draws random numbers")
    if name.endswith("_") and name != "detach_":
        raise Unsupported("changes a parameter or buffer")
    try:
        result = target(*args, **kwargs)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise Unsupported(f"on parameters: {printable(error, 100)}") from None
    return _doubled(
        result.zero_() if name.startswith("empty") else result
    )  # what was there before is no number of the module


def _doubled(result: Any) -> Any:
    if isinstance(result, (list, tuple)):
        return type(result)(_doubled(item) for item in result)
    return result.double() if hasattr(result, "is_floating_point") and result.is_floating_point() else result
