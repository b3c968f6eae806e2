"""Networks in .npz and .safetensors files: nothing is unpickled, only layers are read.

A .safetensors file with the metadata ``graph`` holds any graph (:mod:`separatrix.networks.graph_files`), every other file a
multilayer perceptron.

Keys are ``W0, b0, W1, b1, …`` or those of a torch state dict (:mod:`separatrix.networks.layer_keys`). The hidden
layers' function stands in the metadata ``activation`` (a string array of that name in an .npz), the left slope of a
leaky ReLU in ``slope``; ``activation=`` of :func:`separatrix.load` says it for files that do not.
"""

from __future__ import annotations

import math
import os
import secrets
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from separatrix.errors import InputError, KindError, ReadingWarning, UnreadableFileError, printable
from separatrix.networks.activations import ACTIVATIONS, activation_function
from separatrix.networks.array_files import NpzFile, SafetensorsFile
from separatrix.networks.layer_keys import LayerKey, is_layer_like, layer_order
from separatrix.networks.layers import Activation, Affine, Layer
from separatrix.networks.network import Network, Reading, affine

DEFAULT_SLOPE = 0.01
EXACT_INTEGER = 2**53


@dataclass
class Stated:
    """What a file says of its activations, and the file's other metadata."""

    activation: list[str] | None = None
    slope: float | None = None
    metadata: dict[str, str] = field(default_factory=dict)


def read_npz(path: str, activation: str | Sequence[str] | None = None, allow_pickle: bool = False) -> Network:
    """The network in an .npz file; see :func:`separatrix.load`."""
    source = printable(path)
    with NpzFile(path, allow_pickle) as file:
        stated = Stated()
        if "activation" in file.keys:
            stated.activation = _texts(file.array("activation"), f"{source}: activation")
        if "slope" in file.keys:
            stated.slope = _slope(file.array("slope"), f"{source}: slope")
        shapes = {key: file.shape(key) for key in file.keys if is_layer_like(key)}
        layers, notes = layer_order(shapes, source)
        arrays = {key: file.array(key) for layer in layers for key in (layer.weight, layer.bias) if key is not None}
    return network_from_arrays(arrays, layers, notes, source, activation, stated)


def read_safetensors(path: str, activation: str | Sequence[str] | None = None) -> Network:
    """The network in a .safetensors file; see :func:`separatrix.load`."""
    source = printable(path)
    with SafetensorsFile(path) as file:
        if "graph" in file.metadata:
            return _graph(file, source)
        stated = Stated(metadata=dict(file.metadata))
        if "activation" in file.metadata:
            stated.activation = [name.strip() for name in file.metadata["activation"].split(",")]
        if "slope" in file.metadata:
            stated.slope = _slope(file.metadata["slope"], f"{source}: metadata slope")
        shapes = {key: file.shape(key) for key in file.keys if is_layer_like(key)}
        layers, notes = layer_order(shapes, source)
        arrays = {key: file.array(key) for layer in layers for key in (layer.weight, layer.bias) if key is not None}
    return network_from_arrays(arrays, layers, notes, source, activation, stated)


def _graph(file: SafetensorsFile, source: str) -> Network:
    """The network whose layers the metadata ``graph`` describe."""
    from separatrix.networks.graph_files import read_graph

    known = set(file.keys)

    def array(key: str) -> np.ndarray:
        if key not in known:
            if key.endswith("_radius"):
                raise KeyError(key)
            raise InputError(f"its graph needs the array {printable(key, 60)}; is the file complete?")
        found = file.array(key)
        return found.astype(np.int64) if found.dtype.kind in "iu" else real_array(found, printable(key, 60))

    metadata = {key: value for key, value in file.metadata.items() if key != "graph"}
    return read_graph(file.metadata["graph"], array, source, metadata)


def network_from_arrays(
    arrays: Mapping[str, np.ndarray],
    keys: Sequence[LayerKey],
    notes: Sequence[str],
    source: str,
    activation: str | Sequence[str] | None = None,
    stated: Stated | None = None,
) -> Network:
    """The perceptron of named arrays whose layers and their order are known."""
    stated, said = stated or Stated(), list(notes)
    names, more = _activations(activation, stated, len(keys) - 1, source)
    slope = DEFAULT_SLOPE if stated.slope is None else stated.slope
    layers: list[Layer] = []
    for index, key in enumerate(keys):
        weight = real_array(arrays[key.weight], f"{source}: {printable(key.weight, 60)}")
        bias = np.zeros(weight.shape[0])
        if key.bias is not None:
            bias = real_array(arrays[key.bias], f"{source}: {printable(key.bias, 60)}")
        where = printable(key.weight, 60) + (f", {printable(key.bias, 60)}" if key.bias is not None else "")
        layers.append(affine(weight, bias, f"{source}: {where}"))
        if index < len(names):
            layers.append(Activation(names[index], slope))
    if any(note.startswith("the file has no biases") for note in notes):
        warnings.warn(f"{source}: the file has no biases; zero was assumed", ReadingWarning, stacklevel=4)
    first = layers[0]
    assert isinstance(first, Affine)
    if "leaky_relu" in names and stated.slope is None:
        more.append(f"the slope of leaky_relu is not said: {DEFAULT_SLOPE} was taken")
    if layers and isinstance(layers[-1], Affine) and layers[-1].weight.shape[0] == 1:
        more.append("one output: read as the logit of class 1, logits (0, t)")
    reading = Reading(source, None, (*said, *more), metadata=stated.metadata)
    return Network.chain(layers, first.weight.shape[1], reading)


def real_array(array: Any, where: str) -> np.ndarray:
    """Float16, float32, float64 or exactly representable integers as float64; InputError for anything else."""
    array = np.asarray(array)
    if array.dtype.kind in "iu":
        if array.size and max(abs(int(array.max())), abs(int(array.min()))) > EXACT_INTEGER:
            raise InputError(f"{where}: integers above 2^53 are not exact in float64; store floating-point numbers")
        return array.astype(np.float64)
    if array.dtype.kind == "O":
        try:
            return np.array(array.tolist(), dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(f"{where}: an array of objects that are no numbers") from None
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise InputError(
            f"{where}: expected float16, float32 or float64, came {printable(array.dtype, 60)}; store real numbers"
        )
    return array.astype(np.float64)


def activation_list(activation: str | Sequence[str], where: str) -> list[str]:
    """Names of activations, checked; one name stands for all hidden layers."""
    names = [activation] if isinstance(activation, str) else activation
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise KindError(f"{where}: activation must be a name or a list of names, came {type(activation).__name__}")
    checked = []
    for name in names:
        try:
            checked.append(activation_function(name.strip().lower()).name)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    return checked


def _activations(
    given: str | Sequence[str] | None, stated: Stated, n_hidden: int, source: str
) -> tuple[list[str], list[str]]:
    """Names for the hidden layers, what is given before what is stated, and notes."""
    notes: list[str] = []
    names = None if given is None else activation_list(given, source)
    if names is None and n_hidden and stated.activation is None:
        raise InputError(
            f"{source}: has {n_hidden} hidden layer{'s' * (n_hidden > 1)}, and the file does not say their "
            f"activation; pass activation= one of {', '.join(sorted(ACTIVATIONS))}"
        )
    if names is None:
        names = activation_list(stated.activation or [], source)
    elif stated.activation is not None and set(names) != {name.strip().lower() for name in stated.activation}:
        notes.append(
            f"the file says activation {printable(','.join(stated.activation), 80)}, {','.join(names)} was asked for "
            "and used"
        )
        warnings.warn(f"{source}: {notes[-1]}", ReadingWarning, stacklevel=5)
    if len(names) == 1:
        names *= n_hidden
    if len(names) != n_hidden and n_hidden:
        raise InputError(
            f"{source}: expected one activation or one for each of the {n_hidden} hidden layers, came {len(names)}"
        )
    return names[:n_hidden], notes


def _texts(array: np.ndarray, where: str) -> list[str]:
    if array.dtype.kind not in "US" or array.ndim > 1 or not 1 <= array.size <= 10_000:
        raise InputError(
            f"{where}: expected a string or a list of strings, came {printable(array.dtype, 40)} {array.shape}"
        )
    return [
        item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in array.ravel().tolist()
    ]


def _slope(value: Any, where: str) -> float:
    try:
        slope = float(value.item() if isinstance(value, np.ndarray) else value)
    except (TypeError, ValueError):
        raise InputError(f"{where}: expected one number") from None
    if not math.isfinite(slope):
        raise InputError(f"{where}: expected a finite number, came {slope}")
    return slope


def save_safetensors(network: Network, path: Any) -> None:
    """Write a network as safetensors: a perceptron as ``W0, b0, …`` with metadata ``activation``, any other graph with its
    layers in the metadata ``graph`` (:mod:`separatrix.networks.graph_files`).

    Weights come back bit for bit. A one-logit network is written with its two logits (0, t). Raises InputError for another
    suffix than .safetensors, UnreadableFileError where the file cannot be written.

    >>> import tempfile, separatrix as sx
    >>> net = Network.from_arrays([[[1.0, -1.0]], [[2.0], [0.0]]], [[0.0], [0.5, 1.0]], "tanh")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.save(f"{folder}/net.safetensors")
    ...     sx.load(f"{folder}/net.safetensors").logits([[1.0, 1.0]])
    array([[0.5, 1. ]])
    """
    from safetensors.numpy import save

    from separatrix.networks.graph_files import written

    target = Path(os.fspath(path))
    if target.suffix.lower() not in ("", ".safetensors"):
        raise InputError(
            f"save: the file is safetensors; name it {printable(target.stem)}.safetensors, came "
            f"{printable(target.name)}"
        )
    metadata = {
        str(key): str(value)
        for key, value in network.reading.metadata.items()
        if key not in ("activation", "slope", "graph")
    }
    perceptron = _perceptron(network)
    if perceptron is not None:
        arrays, stated = perceptron
        metadata |= stated
    else:
        arrays, metadata["graph"] = written(network)
    _write_whole(target, save(arrays, metadata=metadata or None))


def _perceptron(network: Network) -> tuple[dict[str, np.ndarray], dict[str, str]] | None:
    """Arrays by key and the metadata of activations (identity between adjacent affine layers); None for another graph."""
    layers = [node.layer for node in network.nodes[1:]]
    fits = network.is_chain and isinstance(layers[0], Affine) and isinstance(layers[-1], Affine)
    arrays: dict[str, np.ndarray] = {}
    names: list[str] = []
    slopes: set[float] = set()
    for before, layer in zip([None, *layers], layers, strict=False):
        if isinstance(layer, Affine):
            fits = fits and layer.weight_radius is None and layer.bias_radius is None
            if isinstance(before, Affine):
                names.append("identity")
            index = len(arrays) // 2
            arrays[f"W{index}"] = np.ascontiguousarray(layer.weight)
            arrays[f"b{index}"] = np.ascontiguousarray(layer.bias)
        elif isinstance(layer, Activation):
            fits = fits and isinstance(before, Affine)
            names.append(layer.name)
            slopes |= {layer.slope} if layer.name == "leaky_relu" else set()
        else:
            return None
    if not fits or len(slopes) > 1:
        return None
    stated = {"activation": names[0] if len(set(names)) == 1 else ",".join(names)} if names else {}
    return arrays, stated | ({"slope": repr(slopes.pop())} if slopes else {})


def _write_whole(target: Path, content: bytes) -> None:
    """Write a file at once or not at all."""
    draft = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with open(draft, "xb") as file:
            file.write(content)
        os.replace(draft, target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UnreadableFileError(f"{printable(target)}: cannot be written: {error.strerror}") from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
