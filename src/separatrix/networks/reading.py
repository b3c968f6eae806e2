"""``load``: a network from a file, a torch module or an sklearn classifier (§1)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from math import prod
from typing import Any

import numpy as np

from separatrix.errors import (
    InputError,
    KindError,
    MissingExtraError,
    UnreadableFileError,
    UnsupportedLayerError,
    printable,
)
from separatrix.networks.array_files import PICKLE_ADVICE, first_bytes, regular_file
from separatrix.networks.network import Network
from separatrix.networks.plain_files import activation_list, read_npz, read_safetensors

MOST_SIDES = 12
TORCH_PICKLES = (".pt", ".pth", ".ckpt", ".bin")
OTHER_PICKLES = (".pkl", ".pickle", ".joblib", ".sav")
READABLE = (
    "a path to .npz, .safetensors or .onnx, a torch.nn.Module, or a fitted sklearn MLPClassifier (alone or behind affine "
    "steps in a Pipeline)"
)


def load(
    source: Any,
    *,
    activation: str | Sequence[str] | None = None,
    input_shape: int | Sequence[int] | None = None,
    allow_pickle: bool = False,
) -> Network:
    """The network in a file, a torch module or an sklearn classifier; the source is left unchanged.

    Modules are read as in evaluation mode. ``source``: a path (.onnx; .npz or .safetensors with a state dict's keys,
    or ``W0, b0, W1, b1, …`` with W of shape (out, in)), a ``torch.nn.Module`` or a fitted ``MLPClassifier``.
    ``activation``: the hidden layers' function (one name, or one a layer) for files that do not say it.
    ``input_shape``: shape of one input without the batch. ``allow_pickle``: whether pickles in files may be run, which
    executes any code they contain.

    What was assumed, folded or taken off stands in ``Network.reading``; ``reading.largest_difference`` compares with
    the source's own output on random points.

    Raises UnreadableFileError for missing, torn or refused files, UnsupportedLayerError that names everything that
    cannot be read, MissingExtraError for .onnx without the package onnx, InputError for weights, shapes or names that
    do not fit, KindError for other objects.

    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/net.npz", W0=np.eye(2), b0=np.zeros(2), W1=np.eye(2), b1=np.ones(2))
    ...     net = load(f"{folder}/net.npz", activation="relu")
    >>> net.architecture, net.logits([[1.0, -1.0]])
    ('2-2-2', array([[2., 1.]]))
    """
    shape = _shape(input_shape)
    if isinstance(source, (str, bytes, os.PathLike)):
        network = _load_file(source, activation, shape, allow_pickle)
    else:
        network = _load_object(source, activation, shape)
    if shape is not None and prod(shape) != network.n_inputs:
        raise InputError(
            f"{printable(network.reading.source)}: input_shape {shape} has {prod(shape)} entries, the network takes "
            f"{network.n_inputs}; give the shape of one input without the batch"
        )
    return network


def _shape(input_shape: Any) -> tuple[int, ...] | None:
    if input_shape is None:
        return None
    sides = (input_shape,) if isinstance(input_shape, (int, np.integer)) else input_shape
    try:
        sides = tuple(islice(iter(sides), MOST_SIDES + 1))
    except TypeError:
        raise KindError(f"input_shape: expected integers, came {type(input_shape).__name__}") from None
    if not 1 <= len(sides) <= MOST_SIDES or not all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n > 0 for n in sides
    ):
        raise InputError(f"input_shape: expected positive integers such as (1, 28, 28), came {printable(input_shape)}")
    return tuple(int(n) for n in sides)


def _load_file(path: Any, activation: Any, shape: tuple[int, ...] | None, allow_pickle: bool) -> Network:
    text = regular_file(path)
    suffix = os.path.splitext(text)[1].lower()
    if suffix in (*TORCH_PICKLES, *OTHER_PICKLES):
        if not allow_pickle:
            raise UnreadableFileError(f"{printable(text)}: {PICKLE_ADVICE}")
        first_bytes(text, 1)
        return _unpickled(text, suffix, activation, shape)
    if suffix == ".onnx":
        return _checked_activation(_onnx_network(text, shape), activation)
    if suffix == ".pt2":
        raise UnsupportedLayerError(
            f"{printable(text)}: a PT2 file holds pickles and expressions that torch evaluates, so it is not opened; if you "
            "trust it, give sx.load the module torch.export.load(path).module(), or export the model to ONNX"
        )
    start = first_bytes(text, 9)
    if suffix == ".npz" or (suffix != ".safetensors" and start[:2] == b"PK"):
        return read_npz(text, activation, allow_pickle)
    if suffix == ".safetensors" or start[8:9] == b"{":
        return read_safetensors(text, activation)
    raise UnreadableFileError(
        f"{printable(text)}: the kind of file is not known (ending {printable(suffix or 'none', 40)}); expected "
        ".npz, .safetensors or .onnx"
    )


def _onnx_network(path: str, shape: tuple[int, ...] | None) -> Network:
    first_bytes(path, 1)
    try:
        from separatrix.networks.onnx.reading import read_onnx
    except ModuleNotFoundError as error:
        if str(error.name).startswith("separatrix"):
            raise
        raise MissingExtraError(
            f"{printable(path)}: reading ONNX files needs the package onnx: pip install separatrix[onnx]"
        ) from None
    return read_onnx(path, shape)


def _unpickled(path: str, suffix: str, activation: Any, shape: tuple[int, ...] | None) -> Network:
    """A network from a pickle that the user asked for in words."""
    if suffix in TORCH_PICKLES:
        from separatrix.networks.torch_module import read_torch_file

        return read_torch_file(path, activation, shape)
    import joblib

    try:
        content = joblib.load(path)
    except Exception as error:
        raise UnreadableFileError(f"{printable(path)}: cannot be unpickled: {printable(error)}") from error
    return _load_object(content, activation, shape)


def _load_object(source: Any, activation: Any, shape: tuple[int, ...] | None) -> Network:
    if isinstance(source, Network):
        network = source
    elif isinstance(source, type):
        raise KindError(
            f"load: came the class {printable(source.__name__)}; pass an instance of it, "
            f"{printable(source.__name__)}(…)"
        )
    elif _has_base(source, "torch.nn.modules.", "torch.jit."):
        from separatrix.networks.torch_module import read_module

        network = read_module(source, shape)
    elif _has_base(source, "torch.export.") and hasattr(source, "module"):
        from separatrix.networks.torch_module import read_program

        network = read_program(source, shape)
    elif _has_base(source, "sklearn."):
        from separatrix.networks.sklearn_mlp import read_estimator

        network = read_estimator(source)
    else:
        raise KindError(_advice(source))
    return _checked_activation(network, activation)


def _checked_activation(network: Network, activation: Any) -> Network:
    """The network, if ``activation`` says nothing else than its source."""
    if activation is not None:
        names = activation_list(activation, "load")
        if set(names) != set(network.activations):
            raise InputError(
                f"load: activation={printable(activation, 80)!s} was given, but {printable(network.reading.source)} "
                f"has {', '.join(sorted(set(network.activations))) or 'none'}; activation= is for files only "
                "that do not say it; leave it out"
            )
    return network


def _has_base(source: Any, *prefixes: str) -> bool:
    """Whether a base class comes from one of these modules; the framework need not be imported for this."""
    return any(f"{base.__module__}.".startswith(prefixes) for base in type(source).__mro__)


def _advice(source: Any) -> str:
    kind = printable(f"{type(source).__module__}.{type(source).__qualname__}", 100)
    text = f"load: cannot read an object of kind {kind}; expected {READABLE}"
    if isinstance(source, dict):
        return text + "; a dict of arrays: save it with safetensors or numpy.savez, or use Network.from_arrays"
    if kind.startswith(("torch.Tensor", "torch.nn.parameter", "numpy.ndarray")):
        return text + "; arrays: use Network.from_arrays(weights, biases, activation)"
    if callable(source):
        return text + "; a function: put it into the forward method of a torch.nn.Module"
    return text
