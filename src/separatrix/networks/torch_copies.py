"""Copies of torch modules that can be traced: plain, in evaluation mode, in one precision (§1).

The module that is handed over stays as it is.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from separatrix.errors import InputError, KindError, ReadingWarning, UnsupportedLayerError, printable
from separatrix.networks.memory_pages import room
from separatrix.networks.torch_hooks import KINDS, Hook, apart, copied_hooks, is_of_torch


class OneByOne(torch.nn.Module):
    """A module run on the rows of a batch one at a time, so that the batch may stand at any axis inside it."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> Any:
        """Results of batches of one."""
        return torch.vmap(lambda row: self.module(row.unsqueeze(0)))(x)


def plain_module(module: Any) -> torch.nn.Module:
    """The nn.Module itself, out of torch.compile and DataParallel; KindError for what cannot be exported."""
    name = printable(type(module).__name__, 80)
    if isinstance(module, (torch.jit.ScriptModule, torch.jit.ScriptFunction)) or not isinstance(
        module, torch.nn.Module
    ):
        raise KindError(
            f"load: {name} is compiled by TorchScript or no module; give the torch.nn.Module that it was made from"
        )
    if "_parameters" not in vars(module):
        raise InputError(f"load: {name} is no finished module; call super().__init__() first in its __init__")
    bases = [base.__module__.split(".")[0] for base in type(module).__mro__]
    if any(base in ("lightning", "pytorch_lightning", "lightning_fabric") for base in bases):
        raise KindError(
            f"load: {name} is a Lightning module; give the torch.nn.Module inside it (often .model or .net)"
        )
    wrappers = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
    inner = module.module if isinstance(module, wrappers) else getattr(module, "_orig_mod", None)
    if not isinstance(inner, torch.nn.Module):
        return module
    if any(not is_of_torch(hook) for kind in KINDS for hook in getattr(module, kind).values()):
        advice = "register them on the module inside"
        warnings.warn(f"load: forward hooks of the wrapper {name} were not run; {advice}", ReadingWarning, stacklevel=5)
    return plain_module(inner)


def floats(module: torch.nn.Module) -> list[torch.Tensor]:
    """Real parameters and buffers."""
    return [tensor for tensor in (*module.parameters(), *module.buffers()) if tensor.is_floating_point()]


def check_parameters(module: torch.nn.Module, source: str) -> None:
    """Parameters that are there, and real."""
    lazy = [name for name, p in module.named_parameters() if isinstance(p, torch.nn.parameter.UninitializedParameter)]
    if lazy:
        raise InputError(f"{source}: {printable(', '.join(lazy))} not initialised yet; run the module once on a batch")
    tensors = [*module.named_parameters(), *module.named_buffers()]
    if bare := [name for name, tensor in tensors if tensor.is_meta]:
        raise InputError(
            f"{source}: {printable(', '.join(bare), 200)} on the meta device, without numbers; load weights"
        )
    if any(tensor.is_complex() for _, tensor in tensors):
        raise UnsupportedLayerError(f"{source}: has complex parameters; expected real ones")


def check_inputs(module: torch.nn.Module, source: str) -> None:
    """One input, as far as the forward method says it, of a module that has one and is not quantised."""
    if type(module).forward is torch.nn.Module.forward and "forward" not in vars(module):
        raise InputError(f"{source}: has no forward method; give a module with one, such as nn.Sequential(*layers)")
    names = {path: f"{type(part).__module__}.{type(part).__name__}" for path, part in module.named_modules()}
    quantised = [path for path, name in names.items() if ".nn.quantized." in name and not name.endswith("Functional")]
    if quantised:
        where = printable(", ".join(quantised[:6]), 100)
        raise UnsupportedLayerError(f"{source}: quantised in {where}; give the module before it was quantised")
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [
        p.name for p in parameters if p.default is p.empty and p.kind in (*positional, inspect.Parameter.KEYWORD_ONLY)
    ]
    if len(needed) > 1:
        raise UnsupportedLayerError(
            f"{source}: its forward takes {len(needed)} inputs ({printable(', '.join(needed), 100)}); expected one tensor; "
            "wrap the module in one that fixes the others"
        )


def evaluation_copy(module: torch.nn.Module, source: str, dtype: torch.dtype) -> tuple[torch.nn.Module, list[Hook]]:
    """A copy on the CPU in evaluation mode, its real numbers of this type, and the copies of the user's hooks on it."""
    memo: dict[int, Any] = {}
    for part in module.modules():
        for tensor in (*part._parameters.values(), *part._buffers.values(), *vars(part).values()):
            if isinstance(tensor, torch.Tensor) and type(tensor) in (torch.Tensor, torch.nn.Parameter):
                memo.setdefault(id(tensor), _converted(tensor, dtype))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about its own exported programs
            apart(module, memo)
            twin = copy.deepcopy(module, memo)
            _check_apart(module, twin, source)
            hooks = copied_hooks(module, twin, memo, lambda tensor: _converted(tensor, dtype))
            twin = twin.cpu()
        torch.nn.Module.eval(twin)
        if any(tensor.dtype != dtype for tensor in floats(twin)):  # parameters of other classes
            twin = twin.to(dtype)
    except (InputError, RecursionError):
        raise
    except Exception as error:
        raise InputError(
            f"{source}: cannot be copied: {printable(error)}; detach its tensors or remove what cannot be copied"
        ) from error
    return twin, hooks


def _check_apart(module: torch.nn.Module, twin: torch.nn.Module, source: str) -> None:
    """InputError where the copy shares a part or numbers with the module, which a reader would change."""
    parts = {id(part) for part in module.modules()}
    tensors = [*module.parameters(), *module.buffers()]
    own, rooms = {id(tensor) for tensor in tensors}, {_room_of(tensor) for tensor in tensors} - {None}
    shared = [path or type(part).__name__ for path, part in twin.named_modules() if id(part) in parts]
    for name, tensor in (*twin.named_parameters(), *twin.named_buffers()):
        shared += [name] if id(tensor) in own or _room_of(tensor) in rooms else []
    if shared:
        raise InputError(
            f"{source}: {printable(', '.join(shared[:5]), 200)} cannot be copied: its __deepcopy__ gives itself, and the copy "
            "would be changed; give a module whose parts can be copied"
        )


def _room_of(tensor: torch.Tensor) -> int | None:
    """Where the numbers of an ordinary tensor stand; None where there are none."""
    try:
        return tensor.untyped_storage().data_ptr() or None
    except (NotImplementedError, RuntimeError):  # sparse tensors and others without a storage
        return None


@contextlib.contextmanager
def evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode for the module itself, which a copy may reach by a closure, and its own modes again behind it."""
    modes = [(part, part.training) for part in module.modules()]
    try:
        for part, _ in modes:
            part.training = False
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _converted(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """An own copy of a parameter, buffer or other tensor of a module, its numbers exact."""
    if tensor.is_floating_point() and tensor.layout == torch.strided:
        own = torch.from_numpy(room(tuple(tensor.shape), np.float64 if dtype == torch.float64 else np.float32))
        own.copy_(tensor.detach())
    else:
        own = tensor.detach().to("cpu", dtype if tensor.is_floating_point() else tensor.dtype, copy=True)
    return (
        torch.nn.Parameter(own, requires_grad=tensor.requires_grad) if isinstance(tensor, torch.nn.Parameter) else own
    )


def let_go(module: torch.nn.Module) -> None:
    """Takes the numbers of parameters and buffers away from a module that is needed no more, for references to it stay."""
    for tensor in (*module.parameters(), *module.buffers()):
        if type(tensor) in (torch.Tensor, torch.nn.Parameter):
            tensor.data = tensor.new_empty(0)
