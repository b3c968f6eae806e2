"""Torch modules, read through torch.export, so that functional and reused activations come out right (§1).

The module is copied, put in evaluation mode, traced, and compared with the network read from the trace on random
points. torch is imported in this file only.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
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
from separatrix.networks.comparison import CHECKED_POINTS, last_step, random_points
from separatrix.networks.layer_keys import is_layer_like, layer_order
from separatrix.networks.layers import Activation
from separatrix.networks.network import Network, Reading
from separatrix.networks.plain_files import network_from_arrays
from separatrix.networks.torch_graph import read_graph
from separatrix.networks.traced_network import TracedNetwork, refusal

ROWS = 7
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
READABLE_LEAVES = (
    "Linear", "NonDynamicallyQuantizableLinear", "Identity", "Flatten", "Unflatten", "ReLU", "LeakyReLU", "PReLU",
    "Sigmoid", "Tanh", "Softplus", "GELU", "SiLU", "Softmax", "LogSoftmax", "BatchNorm1d", "Dropout", "AlphaDropout",
    "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict",
)  # fmt: skip


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
    plain = _plain_module(module)
    source = f"torch module {printable(type(plain).__name__, 80)}"
    twin, notes = _evaluation_copy(plain, source)
    dtype = torch.float64 if any(p.dtype == torch.float64 for p in _floats(twin)) else torch.float32
    with torch.no_grad():
        shape = _fitting_shape(twin, input_shape, dtype, source)
        traced = _traced(twin, shape, dtype, source)
        network = Network.graph(traced.nodes, prod(shape), Reading(source))
        difference = _difference(network, traced, twin, shape, dtype, source)
    reading = Reading(source, difference, (*notes, *traced.notes))
    return Network(network.nodes, network.n_inputs, reading)


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


def _plain_module(module: Any) -> torch.nn.Module:
    """The nn.Module itself, out of torch.compile and DataParallel; KindError for what cannot be exported."""
    name = printable(type(module).__name__, 80)
    if isinstance(module, (torch.jit.ScriptModule, torch.jit.ScriptFunction)) or not isinstance(
        module, torch.nn.Module
    ):
        raise KindError(
            f"load: {name} is compiled by TorchScript or no module; give the torch.nn.Module that it was made from"
        )
    bases = [base.__module__.split(".")[0] for base in type(module).__mro__]
    if any(base in ("lightning", "pytorch_lightning", "lightning_fabric") for base in bases):
        raise KindError(
            f"load: {name} is a Lightning module; give the torch.nn.Module inside it (often .model or .net)"
        )
    if isinstance(getattr(module, "_orig_mod", None), torch.nn.Module):
        return _plain_module(module._orig_mod)
    if isinstance(module, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)):
        return _plain_module(module.module)
    return module


def _floats(module: torch.nn.Module) -> list[torch.Tensor]:
    return [tensor for tensor in (*module.parameters(), *module.buffers()) if tensor.is_floating_point()]


def _evaluation_copy(module: torch.nn.Module, source: str) -> tuple[torch.nn.Module, list[str]]:
    """A deep copy on the CPU in evaluation mode and at least single precision, without the user's hooks."""
    lazy = [name for name, p in module.named_parameters() if isinstance(p, torch.nn.parameter.UninitializedParameter)]
    if lazy:
        raise InputError(f"{source}: {printable(', '.join(lazy))} not initialised yet; run the module once on a batch")
    try:
        twin = copy.deepcopy(module).cpu()
    except Exception as error:
        raise InputError(
            f"{source}: cannot be copied: {printable(error)}; detach its tensors or remove what cannot be copied"
        ) from error
    notes = []
    torch.nn.Module.eval(twin)
    if any(tensor.dtype in (torch.float16, torch.bfloat16) for tensor in _floats(twin)):
        twin = twin.float()
        notes.append("half precision was converted to single precision, which is exact")
    if dropped := _without_hooks(twin):
        notes.append(f"{dropped} forward hooks of the user were not run")
        warnings.warn(
            f"{source}: {notes[-1]}; if they change outputs, the network read is without them",
            ReadingWarning,
            stacklevel=5,
        )
    if any(tensor.is_complex() for tensor in twin.parameters()):
        raise UnsupportedLayerError(f"{source}: has complex parameters; expected real ones")
    return twin, notes


def _without_hooks(module: torch.nn.Module) -> int:
    """Removes forward hooks that are not torch's own (weight norm, pruning) and says how many there were."""
    dropped = 0
    for part in module.modules():
        for hooks in (part._forward_hooks, part._forward_pre_hooks):
            for key, hook in list(hooks.items()):
                if not str(getattr(hook, "__module__", type(hook).__module__)).startswith("torch."):
                    del hooks[key]
                    dropped += 1
    return dropped


def _fitting_shape(
    module: torch.nn.Module, given: tuple[int, ...] | None, dtype: torch.dtype, source: str
) -> tuple[int, ...]:
    """The given shape, or one guessed from the parameters, on which the module runs."""
    failure: Exception | None = None
    for shape in [given] if given is not None else _guesses(module):
        try:
            _run(module, torch.zeros((ROWS, *shape), dtype=dtype))
            return shape
        except Exception as error:  # noqa: BLE001 -- the module's own code may raise anything
            failure = failure or error
    if foreign := _foreign_leaves(module):
        raise UnsupportedLayerError(refusal(foreign, source)) from failure
    tried = f"on inputs of shape {given}" if given else "on inputs of a shape guessed from its parameters"
    raise InputError(
        f"{source}: does not run {tried}: {printable(failure or 'it has no parameters')}; pass input_shape=, the "
        "shape of one input without the batch (a program exported for one batch size: give the module it was made "
        "from)"
    ) from failure


def _guesses(module: torch.nn.Module) -> list[tuple[int, ...]]:
    """Input widths of dense layers in the order of registration, then widths of other parameters."""
    found: list[int] = []
    for part in module.modules():
        for name in ("in_features", "num_features"):
            if isinstance(width := getattr(part, name, None), int):
                found.append(width)
    found += [width for p in module.parameters() if p.ndim == 2 for width in (p.shape[1], p.shape[0])]
    return [(width,) for width in dict.fromkeys(found)][:20]


def _foreign_leaves(module: torch.nn.Module) -> list[tuple[str, str, str]]:
    """Modules of torch that have no counterpart here: name, path, reason."""
    return [
        (type(part).__name__, path, "")
        for path, part in module.named_modules()
        if type(part).__module__.startswith("torch.nn.modules.") and type(part).__name__ not in READABLE_LEAVES
    ]


def _run(module: torch.nn.Module, x: torch.Tensor) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return module(x)


def _traced(module: torch.nn.Module, shape: tuple[int, ...], dtype: torch.dtype, source: str) -> TracedNetwork:
    """The exported graph as nodes of ours."""
    example = torch.zeros((ROWS, *shape), dtype=dtype)
    try:
        with _quiet():
            program = torch.export.export(module, (example,), strict=False)
    except Exception as error:
        leaves = _foreign_leaves(module)
        listed = " " + refusal(leaves, "modules without counterpart") if leaves else ""
        raise UnsupportedLayerError(
            f"{source}: cannot be traced by torch.export, for example because its control flow depends on the data or "
            f"it leaves torch: {_first_line(error)}.{listed}"
        ) from error
    signature = program.graph_signature
    bound: dict[str, Any] = {str(name): shape for name in signature.user_inputs}
    tensors = {**program.constants, **program.state_dict}
    for names in (
        signature.inputs_to_parameters,
        signature.inputs_to_buffers,
        signature.inputs_to_lifted_tensor_constants,
    ):
        for placeholder, name in names.items():
            tensor = tensors[name].detach()
            bound[placeholder] = tensor.double() if tensor.is_floating_point() else tensor
    return read_graph(program.graph, bound, ROWS, source)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return printable(lines[0] if lines else type(error).__name__, 400)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps torch.export from warning, logging and printing."""
    log = logging.getLogger("torch")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _difference(
    network: Network,
    traced: TracedNetwork,
    module: torch.nn.Module,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    source: str,
) -> float:
    """Largest difference on random points between the module's output and ours, put through the same last step."""
    rows = torch.from_numpy(random_points(network.n_inputs)).to(dtype)
    try:
        own = _run(module, rows.clone().reshape(CHECKED_POINTS, *shape)).double().reshape(CHECKED_POINTS, -1).numpy()
    except Exception as error:
        raise InputError(f"{source}: does not run on a batch of {CHECKED_POINTS}: {printable(error)}") from error
    passed = network.propagate(rows.double().numpy())
    ours = last_step(passed.output, traced.tail, own.shape[1])
    scale = max(1.0, *(float(np.abs(values).max()) for values in passed.values))
    difference = float(np.abs(own - ours).max()) if own.shape == ours.shape else np.inf
    has_cut = any(isinstance(node.layer, Activation) and node.layer.name == "softplus" for node in network.nodes)
    rounding = 1e-5 if traced.has_rounded_patterns else 1e-7 if has_cut else 0.0
    tolerance = max(TOLERANCE[dtype], rounding) * scale
    if not difference <= tolerance:
        raise InputError(
            f"{source}: the network read differs from the module's own output by {difference:.3g} on random points, "
            f"more than {tolerance:.3g}; the module may depend on the batch, on chance or on data in a way that a "
            "trace does not show"
        )
    return difference
