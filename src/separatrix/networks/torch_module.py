"""Torch modules, read through torch.export, so that functional and reused activations come out right (§1).

The module is copied, put in evaluation mode, traced, and compared with the network read from the trace on random
points. torch is imported in this file only.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
import torch

from separatrix.errors import (
    InputError,
    KindError,
    ReadingWarning,
    UnreadableFileError,
    UnsupportedLayerError,
    printable,
)
from separatrix.networks.comparison import advice_on_probabilities, difference
from separatrix.networks.layer_keys import is_layer_like, layer_order
from separatrix.networks.memory_pages import give_back
from separatrix.networks.network import Network, Reading
from separatrix.networks.plain_files import network_from_arrays
from separatrix.networks.torch_copies import (
    OneByOne,
    check_inputs,
    check_parameters,
    evaluating,
    evaluation_copy,
    floats,
    let_go,
    plain_module,
)
from separatrix.networks.torch_hooks import Hook, places, turn, without_idle_hooks
from separatrix.networks.torch_outputs import own_output, run, runs
from separatrix.networks.torch_tracing import ROWS, foreign_leaves, traced_module
from separatrix.networks.traced_network import TracedNetwork, refusal

FEW_ROWS, SMALL, MIXED = 2, 1 << 10, "mixes the rows of a batch"
HALVES, INPUTS_LIMIT = (torch.float16, torch.bfloat16), 1 << 22
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}


class _NotDouble(Exception):
    """The module does not run in double precision."""


def read_module(module: Any, input_shape: tuple[int, ...] | None = None) -> Network:
    """The network of a torch module in evaluation mode; the module is left unchanged.

    ``input_shape``: shape of one input without the batch; None: guessed from the first dense layer.

    Raises KindError for what is no plain module, UnsupportedLayerError that names everything that cannot be read, and
    InputError where the module does not take such inputs or its output is not reproduced.

    >>> import torch
    >>> net = read_module(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)))
    >>> net.architecture, net.activations, net.reading.largest_difference < 1e-6
    ('2-3-2', ('tanh',), True)
    """
    plain = plain_module(module)
    source = f"torch module {printable(type(plain).__name__, 80)}"
    try:
        check_parameters(plain, source)
        check_inputs(plain, source)
        with torch.no_grad(), torch.random.fork_rng(devices=[]), evaluating(plain):
            try:
                return _read(plain, input_shape, source, torch.float64)
            except _NotDouble:
                return _read(plain, input_shape, source, torch.float32)
    except RecursionError as error:
        raise InputError(f"{source}: its modules are nested too deeply; make one Sequential of them") from error


def read_program(program: Any, input_shape: tuple[int, ...] | None = None) -> Network:
    """The network of an exported program, as of its module; errors as there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about its own exported programs
        module = program.module()
    return read_module(module, input_shape)


def _read(plain: torch.nn.Module, input_shape: tuple[int, ...] | None, source: str, dtype: torch.dtype) -> Network:
    """The network of a copy of the module with parameters of this type; _NotDouble where it does not run so."""
    if input_shape is not None and prod(input_shape) > INPUTS_LIMIT:
        raise InputError(
            f"{source}: input_shape {input_shape} has more than {INPUTS_LIMIT} entries, which are not read"
        )
    twin, hooks = evaluation_copy(plain, source, dtype)
    shape, notes = _fitting_shape(twin, input_shape, dtype, source, hooks), []
    if input_shape is None and runs(twin, (shape[0] + 1,), dtype):
        notes.append(f"inputs of shape {shape} were guessed from its layers, it takes others too; pass input_shape=")
    kept = _hooks_that_matter(twin, hooks, shape, dtype, source, notes)
    try:
        network, traced, largest = _compared_somehow(twin, shape, dtype, source)
    except (InputError, UnsupportedLayerError) as error:
        if not kept:
            raise
        raise type(error)(
            f"{error}; its output depends on the forward hooks of {places(kept)}, which were traced with it: write what they "
            "do into a forward method, or remove them"
        ) from error
    if any(tensor.dtype in HALVES for tensor in floats(plain)):
        notes.append("half precision was converted to double precision, which is exact")
    if dtype != torch.float64:
        notes.append("the module fixes its precision and was compared in single precision")
    return Network(network.nodes, network.n_inputs, Reading(source, largest, (*notes, *traced.notes)))


def _hooks_that_matter(
    twin: torch.nn.Module, hooks: list[Hook], shape: tuple[int, ...], dtype: torch.dtype, source: str, notes: list[str]
) -> list[Hook]:
    """The user's hooks that change the output of the copy; the others are taken away, and ``notes`` says so."""
    if not hooks:
        return []
    kept = without_idle_hooks(hooks, twin, shape, dtype)
    failed = [hook for hook in hooks if hook.reason]
    if dtype == torch.float64 and any(hook.call is not None for hook in failed):
        raise _NotDouble
    if failed:
        text = f"forward hooks of {places(failed)} were not run: {failed[-1].reason}"
        advice = "if they change outputs, the network read is without them; remove hooks that record from the module"
        warnings.warn(f"{source}: {text}; {advice}", ReadingWarning, stacklevel=7)
        notes.append(text)
    if idle := len(hooks) - len(kept) - len(failed):
        notes.append(f"{idle} forward hooks of the user, which change no output at random points, were left out")
    if kept:
        notes.append(f"forward hooks of {places(kept)} change outputs and are part of the network")
    return kept


def _compared_somehow(
    twin: torch.nn.Module, shape: tuple[int, ...], dtype: torch.dtype, source: str
) -> tuple[Network, TracedNetwork, float]:
    """As of :func:`_compared`, of a trace of single rows where one of a batch mixes its rows."""
    try:
        return _compared(twin, shape, dtype, source)
    except UnsupportedLayerError as error:
        if MIXED not in str(error):
            raise
        try:
            return _compared(twin, shape, dtype, source, is_one_by_one=True)
        except (InputError, UnsupportedLayerError) as second:
            if isinstance(second, UnsupportedLayerError) and MIXED not in str(second):  # names the cause
                raise UnsupportedLayerError(str(second).replace("module.", "")) from None
            raise error from None


def _compared(
    module: torch.nn.Module, shape: tuple[int, ...], dtype: torch.dtype, source: str, is_one_by_one: bool = False
) -> tuple[Network, TracedNetwork, float]:
    """The network of a trace, and how far it is from the module itself; ``is_one_by_one``: of a trace of single rows.

    ``module``, a copy, lets go of its numbers before constants are folded, so that weights stand in memory once.
    """
    traced = traced_module(OneByOne(module) if is_one_by_one else module, shape, dtype, source)
    give_back()
    points, own, alone = own_output(Network(tuple(traced.nodes), prod(shape)), module, shape, dtype, source)
    let_go(module)
    give_back()
    network = Network.graph(traced.folded(source), prod(shape), Reading(source))
    largest, scale = difference(network, traced.tail, points, own)
    rounding = 1e-5 if traced.has_rounded_patterns else 1e-7 if traced.has_cut_softplus else 0.0
    tolerance = max(TOLERANCE[torch.float32 if traced.is_narrowed else dtype], rounding) * scale
    if not largest <= tolerance:
        raise InputError(
            f"{source}: the network read differs from the module's own output by {largest:.3g} on random points, "
            f"more than {tolerance:.3g}; the module may depend on the batch, on chance or on data in a way that a "
            "trace does not show"
        )
    if not alone <= tolerance:
        raise InputError(
            f"{source}: gives for a point alone another output than for the same point in a batch, by {alone:.3g}; it depends "
            "on how many points there are, or changes whenever it is called, such as by a counter or a buffer that it writes"
        )
    advice = advice_on_probabilities(network, traced.tail, points, own)
    if advice is not None:
        traced.notes.append(advice)
        warnings.warn(f"{source}: {advice}", ReadingWarning, stacklevel=7)
    return network, traced, largest


def read_torch_file(path: str, activation: str | Sequence[str] | None, input_shape: tuple[int, ...] | None) -> Network:
    """A module or state dict from a file of torch.save, unpickled because the user asked for it in words."""
    source = printable(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:
        raise UnreadableFileError(f"{source}: cannot be unpickled by torch.load: {printable(error)}") from error
    if isinstance(content, torch.nn.Module):
        return read_module(content, input_shape)
    if isinstance(content, Mapping):
        for name in ("state_dict", "model_state_dict", "model"):
            content = content[name] if isinstance(content.get(name), Mapping) else content
        tensors = {str(key): value for key, value in content.items() if isinstance(value, torch.Tensor)}
        shapes = {key: tuple(value.shape) for key, value in tensors.items() if is_layer_like(key)}
        layers, notes = layer_order(shapes, source, has_module_order=True)
        arrays = {key: _numpy(tensors[key]) for key in shapes}
        return network_from_arrays(arrays, layers, notes, source, activation)
    raise KindError(
        f"{source}: holds a {printable(type(content).__name__, 80)}; expected a torch.nn.Module or a state dict"
    )


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _fitting_shape(
    module: torch.nn.Module, given: tuple[int, ...] | None, dtype: torch.dtype, source: str, hooks: Sequence[Hook]
) -> tuple[int, ...]:
    """The given shape, or one guessed from the parameters, on which the module runs, with its hooks or without."""
    failure: Exception | None = None
    shapes = [given] if given is not None else _guesses(module)
    for has_hooks, shape in product((True, False) if hooks else (True,), shapes):
        turn(hooks, has_hooks)
        try:
            run(module, torch.zeros((ROWS if prod(shape) <= SMALL else FEW_ROWS, *shape), dtype=dtype))
            return shape
        except Exception as error:  # noqa: BLE001 -- the module's own code may raise anything
            failure = failure or error
    if dtype == torch.float64 and failure is not None:
        raise _NotDouble
    if foreign := foreign_leaves(module):
        raise UnsupportedLayerError(refusal(foreign, source)) from failure
    if given is None and (channels := _channels(module)) is not None:
        raise InputError(
            f"{source}: the size of its images cannot be guessed; pass input_shape=, the shape of one input without the "
            f"batch, such as ({channels}, height, width), or ({channels}, length) for convolutions in 1 dimension"
        )
    tried = f"on inputs of shape {given}" if given else "on inputs of a shape guessed from its parameters"
    advice = "input_shape= is the shape of one input without the batch; is it right?"
    raise InputError(
        f"{source}: does not run {tried}: {printable(failure or 'it has no parameters')}; "
        f"{advice if given else 'pass input_shape=, the shape of one input without the batch'} "
        "(a program exported for one batch size: give the module it was made from)"
    ) from failure


def _channels(module: torch.nn.Module) -> int | None:
    """Input channels of the first convolution."""
    found = (
        part.in_channels for part in module.modules() if hasattr(part, "in_channels") and hasattr(part, "kernel_size")
    )
    return next((n for n in found if isinstance(n, int)), None)


def _guesses(module: torch.nn.Module) -> list[tuple[int, ...]]:
    """Input widths of dense layers in the order of registration, then widths of other parameters."""
    found: list[int] = []
    for part in module.modules():
        for name in ("in_features", "num_features"):
            with contextlib.suppress(Exception):  # a property of the user's may raise anything
                if isinstance(width := getattr(part, name, None), int):
                    found.append(width)
    found += [width for p in module.parameters() if p.ndim == 2 for width in (p.shape[1], p.shape[0])]
    return [(width,) for width in dict.fromkeys(found)][:20]
