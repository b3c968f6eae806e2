"""Which keys of a file of arrays are the layers of a multilayer perceptron, and in which order.

Two styles: ``W0, b0, W1, b1, …`` with ``W`` of shape (out, in), and the state dict of torch, ``….weight`` and
``….bias``. Only names and shapes are looked at, so that nothing else of a file has to be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from separatrix.errors import InputError, UnsupportedLayerError, printable

LISTED = 12
ORDER_STEPS = 20_000
PLAIN = re.compile(r"(?P<kind>[Wb])(?P<index>0|[1-9][0-9]{0,5})")
STATE = re.compile(r"(?:(?P<module>.*)\.)?(?P<kind>weight|bias)", re.DOTALL)
LAYER_LIKE = re.compile(
    r"(?:w|b|weights?|bias(?:es)?|kernel|gamma|beta|running_(?:mean|var)|num_batches_tracked)[-_:]?[0-9]*"
    r"|(?:in_proj_)?(?:weight|bias)(?:_\w*)?"
    r"|(?:layer|fc|linear|dense|conv|bn|norm|coefs?|intercepts?)[-_]?[0-9]+",
    re.IGNORECASE,
)
PARAMETRISED = "parametrizations."  # torch's own word for weights that are computed from others, such as weight norms
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class LayerKey:
    """The keys of one affine layer; ``bias`` is None where the file has none."""

    weight: str
    bias: str | None


def is_layer_like(key: str) -> bool:
    """Whether a key looks like a part of a network, understood or not.

    >>> [key for key in ("W0", "1.running_mean", "lo", "hi", "head.weight") if is_layer_like(key)]
    ['W0', '1.running_mean', 'head.weight']
    """
    last = re.split(r"[./]", key)[-1]
    return PARAMETRISED in key or bool(LAYER_LIKE.fullmatch(last[:200]))


def listed(keys: Iterable[str], limit: int = LISTED) -> str:
    """Keys for a message: escaped, the first few, and how many more."""
    names = list(keys)
    shown = ", ".join(printable(key, 60) for key in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def layer_order(shapes: Shapes, source: str, has_module_order: bool = False) -> tuple[list[LayerKey], list[str]]:
    """The layers in the order of evaluation, with notes on what was assumed.

    ``shapes``: shape of every layer-like key, in the file's order; ``source``: name for messages; ``has_module_order``:
    whether the file's order is known to be the order of the modules.

    Raises UnsupportedLayerError, which names every layer-like key that is not understood, and InputError for shapes
    that do not chain or an order that cannot be told.
    """
    plain = {key: match for key in shapes if (match := PLAIN.fullmatch(key))}
    state = {key: match for key in shapes if key not in plain and (match := STATE.fullmatch(key))}
    _refuse_foreign(shapes, [*plain, *state], source)
    if plain and state:
        raise InputError(
            f"{source}: holds layers in two styles, {listed(plain, 4)} and {listed(state, 4)}; keep W0, b0, W1, b1, … "
            "or the ….weight/.bias keys of one network"
        )
    if not plain and not state:
        raise InputError(
            f"{source}: holds no layers; expected W0, b0, W1, b1, … with W of shape (out, in), or the ….weight and "
            "….bias keys of a torch state dict"
        )
    layers, notes = _plain_layers(shapes, source) if plain else _state_layers(shapes, state, source, has_module_order)
    _check_chain(layers, shapes, source)
    return layers, notes


def _refuse_foreign(shapes: Shapes, known: list[str], source: str) -> None:
    understood = set(known)
    foreign = [
        f"{printable(key, 60)} ({'parametrised, such as by weight_norm' if PARAMETRISED in key else 'not understood'})"
        for key in shapes
        if key not in understood
    ]
    for key in known:
        dims = 2 if key.endswith("weight") or (key[0] == "W" and PLAIN.fullmatch(key)) else 1
        if len(shapes[key]) != dims:
            came = f"{len(shapes[key])}-D, expected {dims}-D" if len(shapes[key]) != 4 else "4-D, a convolution"
            foreign.append(f"{printable(key, 60)} ({came})")
    if foreign:
        rest = f" and {len(foreign) - LISTED} more" if len(foreign) > LISTED else ""
        raise UnsupportedLayerError(
            f"{source}: {len(foreign)} keys look like layers that cannot be read: "
            f"{', '.join(foreign[:LISTED])}{rest}; keys alone tell dense layers only (2-D weights, 1-D biases). Give "
            "sx.load the torch module itself, or rename keys that are no layers"
        )


def _plain_layers(shapes: Shapes, source: str) -> tuple[list[LayerKey], list[str]]:
    weights = {int(key[1:]) for key in shapes if key[0] == "W"}
    biases = {int(key[1:]) for key in shapes if key[0] == "b"}
    n_layers = max(weights | biases) + 1
    missing = [f"W{index}" for index in range(min(n_layers, 2 * len(shapes) + 2)) if index not in weights]
    missing += [f"b{index}" for index in sorted(weights - biases)] if biases else []
    if missing:
        raise InputError(
            f"{source}: {listed(missing)} missing beside {listed(shapes)}; expected W0, b0, W1, b1, … without gaps (a "
            "layer without bias: store zeros)"
        )
    if not biases:
        return [LayerKey(f"W{i}", None) for i in range(n_layers)], ["the file has no biases: zero was assumed"]
    return [LayerKey(f"W{i}", f"b{i}") for i in range(n_layers)], []


def _state_layers(
    shapes: Shapes, matches: Mapping[str, re.Match[str]], source: str, has_module_order: bool
) -> tuple[list[LayerKey], list[str]]:
    weights = {match["module"]: key for key, match in matches.items() if match["kind"] == "weight"}
    biases = {match["module"]: key for key, match in matches.items() if match["kind"] == "bias"}
    if alone := [key for module, key in biases.items() if module not in weights]:
        raise InputError(f"{source}: {listed(alone)} without the weight of the same name; is the file complete?")
    modules = _module_order({module: shapes[key] for module, key in weights.items()}, source, has_module_order)
    layers = [LayerKey(weights[module], biases.get(module)) for module in modules]
    without = [layer.weight for layer in layers if layer.bias is None]
    return layers, [f"no bias beside {listed(without)}: zero was taken"] if without else []


def _template(module: str | None) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Text parts and numbers of a name: ``layers.10`` is (("layers.", ""), (10,))."""
    parts = re.split(r"([0-9]{1,9})", module or "")
    return tuple(parts[::2]), tuple(int(number) for number in parts[1::2])


def _module_order(
    shapes: Mapping[str | None, tuple[int, ...]], source: str, has_module_order: bool
) -> list[str | None]:
    """Numbers decide among names that differ in their numbers only; between such groups the shapes must decide."""
    groups: dict[tuple[str, ...], list[str | None]] = {}
    for module in shapes:
        groups.setdefault(_template(module)[0], []).append(module)
    for group in groups.values():
        group.sort(key=lambda module: _template(module)[1])
    has_ties = any(len({_template(module)[1] for module in group}) < len(group) for group in groups.values())
    orders = [] if has_ties else list(_merges(list(groups.values()), shapes))
    if len(groups) == 1 and not has_ties:
        return next(iter(groups.values()))
    if len(orders) == 1:
        return orders[0]
    if has_module_order:
        return list(shapes)
    names = [str(module) for module in shapes]
    if not orders and not has_ties:
        raise InputError(
            f"{source}: the layers {_with_shapes(names, shapes)} do not chain in any order; weights are (out, in)"
        )
    raise InputError(
        f"{source}: the order of the layers {_with_shapes(names, shapes)} is ambiguous: neither their names nor their "
        "shapes tell it; store them as W0, b0, W1, b1, …"
    )


def _merges(groups: list[list[str | None]], shapes: Mapping[str | None, tuple[int, ...]]) -> Iterator[list[str | None]]:
    """Up to two orders that keep every group's own and chain; two as well where the search is too long."""
    total, steps, found = sum(map(len, groups)), 0, 0
    stack: list[tuple[tuple[int, ...], tuple[str | None, ...]]] = [((0,) * len(groups), ())]
    while stack:
        taken, path = stack.pop()
        steps += 1
        if len(path) == total or steps > ORDER_STEPS // len(groups):
            found += 1
            yield list(path)
            if found == 2:
                return
            continue
        for index, group in enumerate(groups):
            if taken[index] < len(group):
                module = group[taken[index]]
                if not path or shapes[module][1] == shapes[path[-1]][0]:
                    stack.append((tuple(n + (i == index) for i, n in enumerate(taken)), (*path, module)))


def _with_shapes(names: list[str], shapes: Mapping[str | None, tuple[int, ...]]) -> str:
    return listed([f"{printable(name, 50)} {shapes.get(name, shapes.get(None))}" for name in names])


def _check_chain(layers: list[LayerKey], shapes: Shapes, source: str) -> None:
    wrong = []
    for before, after in zip(layers, layers[1:], strict=False):
        out, needed = shapes[before.weight][0], shapes[after.weight][1]
        if out != needed:
            wrong.append(
                f"{printable(after.weight, 60)} needs {needed} inputs, {printable(before.weight, 60)} gives {out}"
            )
    for layer in layers:
        out = shapes[layer.weight][0]
        if layer.bias is not None and shapes[layer.bias][0] != out:
            came = shapes[layer.bias][0]
            wrong.append(f"{printable(layer.bias, 60)} has {came} entries, {printable(layer.weight, 60)} gives {out}")
    if wrong:
        rest = f"; and {len(wrong) - 6} more" if len(wrong) > 6 else ""
        raise InputError(
            f"{source}: layers do not chain: {'; '.join(wrong[:6])}{rest}; weights are (out, in), check for a "
            "transposed matrix"
        )
