"""The ATen graph of an exported torch module as a graph of our layers (§1).

Values that depend on the input become nodes; everything that depends on parameters alone is evaluated once, in float64,
by torch's own operators. In-place operations rebind every alias of the tensor they change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from separatrix.errors import UnsupportedLayerError, printable
from separatrix.networks.torch_operators import RULES
from separatrix.networks.traced_network import TracedNetwork, finished, refusal
from separatrix.networks.traced_values import Building, Unknown, Unsupported, Value


def read_graph(graph: Any, bound: Mapping[str, Any], batch: int, source: str) -> TracedNetwork:
    """The network of an exported graph.

    ``graph``: nodes of torch.fx; ``bound``: what each placeholder stands for, a tensor, or a tuple of ints, the shape
    of the input without the batch; ``batch``: the number of rows it was traced with.

    Raises UnsupportedLayerError that names every operation that cannot be read.
    """
    building, refused = Building(batch, source), []
    values: dict[Any, Any] = {}
    output: Any = None
    for node in graph.nodes:
        building.place = _place(node)
        if node.op == "placeholder":
            bound_value = bound.get(node.name)
            values[node] = Value([0], bound_value) if isinstance(bound_value, tuple) else bound_value
        elif node.op == "output":
            output = _looked_up(node.args[0], values)
        else:
            try:
                values[node] = _call(node, values, building)
            except Unsupported as why:
                refused.append((_operator(node), building.place, str(why)))
                values[node] = Unknown()
    if refused:
        raise UnsupportedLayerError(refusal(refused, source))
    return finished(building, _flat(output))


def _place(node: Any) -> str:
    """Path of the module in which the operation stands."""
    stack = node.meta.get("nn_module_stack") or {}
    paths = [entry[0] if isinstance(entry, tuple) else str(entry) for entry in stack.values()]
    return next((str(path) for path in reversed(paths) if path), "")


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
    if name.startswith("_assert"):
        return None
    args, kwargs = list(_looked_up(node.args, values)), _looked_up(node.kwargs, values)
    leaves = _flat([*args, *kwargs.values()])
    base, changes_argument = (name.rstrip("_"), True) if name.endswith("_") else (name, False)
    rule: Callable[..., Value] | None = RULES.get(base)
    if not any(isinstance(leaf, (Value, Unknown)) for leaf in leaves):
        return _constant(node, name, args, kwargs)
    if name == "getitem" and isinstance(args[0], (Value, Unknown)):
        return args[0] if args[1] == 0 else Unknown()  # further results, such as a batch norm's, are not followed
    if rule is None:
        raise Unsupported("")
    if any(isinstance(leaf, Unknown) for leaf in leaves):
        return Unknown()
    return _applied(rule, node, args, kwargs, building, changes_argument)


def _applied(
    rule: Callable[..., Value],
    node: Any,
    args: list[Any],
    kwargs: dict[str, Any],
    building: Building,
    changes_argument: bool,
) -> Value:
    out = node.meta.get("val")
    out = out[0] if isinstance(out, (list, tuple)) else out
    shape = tuple(out.shape)
    if not out.is_floating_point():
        raise Unsupported(f"gives {printable(out.dtype, 30)}")
    if not shape or shape[0] != building.batch:
        raise Unsupported("mixes the rows of a batch")
    try:
        value = rule(building, tuple(int(n) for n in shape[1:]), *args, **kwargs)
    except TypeError:
        raise Unsupported("with these arguments") from None
    if changes_argument:
        if not isinstance(args[0], Value):
            raise Unsupported("changes a parameter or buffer")
        args[0].cell[0] = value.index
        return Value(args[0].cell, value.shape)
    return value


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
    return _doubled(result)


def _doubled(result: Any) -> Any:
    if isinstance(result, (list, tuple)):
        return type(result)(_doubled(item) for item in result)
    return result.double() if hasattr(result, "is_floating_point") and result.is_floating_point() else result
