"""Torch modules traced by torch.export, and what is said where they cannot be (§1)."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from separatrix.errors import UnsupportedLayerError, printable
from separatrix.networks.torch_copies import OneByOne
from separatrix.networks.torch_graph import changes_views, read_graph
from separatrix.networks.torch_outputs import is_narrowed
from separatrix.networks.traced_network import TracedNetwork, refusal

ROWS = 7
NOT_THE_USERS = tuple(
    os.path.dirname(os.path.abspath(str(place))) + os.sep for place in (torch.__file__, contextlib.__file__, __file__)
)
UNREADABLE_LEAVES = (
    "ELU", "SELU", "CELU", "Hardswish", "Hardshrink", "Softsign", "GLU", "LayerNorm", "GroupNorm", "RMSNorm",
    "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LocalResponseNorm", "RNN", "LSTM", "GRU", "RNNCell", "LSTMCell",
    "GRUCell", "Embedding", "EmbeddingBag", "MultiheadAttention", "Transformer", "TransformerEncoder",
    "TransformerEncoderLayer", "TransformerDecoder", "TransformerDecoderLayer", "LPPool1d", "LPPool2d", "MaxPool3d",
    "Bilinear", "CosineSimilarity", "PairwiseDistance",
)  # fmt: skip


def foreign_leaves(module: torch.nn.Module) -> list[tuple[str, str, str]]:
    """Modules of torch that have no counterpart here: name, path, reason."""
    return [
        (type(part).__name__, path, "")
        for path, part in module.named_modules()
        if type(part).__module__.startswith("torch.nn.modules.") and type(part).__name__ in UNREADABLE_LEAVES
    ]


def traced_module(module: torch.nn.Module, shape: tuple[int, ...], dtype: torch.dtype, source: str) -> TracedNetwork:
    """The exported graph as nodes of ours; UnsupportedLayerError where there is none."""
    example, notes = torch.zeros((ROWS, *shape), dtype=dtype), []
    try:
        with _quiet():
            program = torch.export.export(module, (example,), strict=False)
            regions = [node for node in program.graph.nodes if "wrap_with_" in str(node.target)]
            if any("autocast" in str(node.target) and node.args[2] for node in regions):
                notes.append("autocast, which rounds to half precision inside the module, was left out")
            if isinstance(module, OneByOne) or regions or changes_views(program.graph):
                program = program.run_decompositions({})
    except Exception as error:
        leaves = foreign_leaves(module)
        listed = " " + refusal(leaves, "modules without counterpart") if leaves else ""
        raise UnsupportedLayerError(f"{source}: {_why_not(error)}.{listed}") from error
    signature = program.graph_signature
    bound: dict[str, Any] = {str(name): shape for name in signature.user_inputs}
    for names in (signature.inputs_to_parameters, signature.inputs_to_buffers):
        for placeholder, name in names.items():
            tensor: Any = program.state_dict[name] if name in program.state_dict else program.constants[name]
            tensor = tensor.detach()
            bound[placeholder] = tensor.double() if tensor.is_floating_point() else tensor
    for placeholder, name in signature.inputs_to_lifted_tensor_constants.items():  # may be the user's own tensors
        constant: Any = program.constants[name]
        tensor = constant.detach()
        bound[placeholder] = tensor.to("cpu", torch.float64 if tensor.is_floating_point() else tensor.dtype, copy=True)
    traced = read_graph(program.graph, bound, ROWS, source, [str(name) for name in signature.user_outputs])
    return replace(traced, is_narrowed=is_narrowed(program.graph), notes=[*traced.notes, *notes])


def _why_not(error: Exception) -> str:
    """Why a module cannot be traced, with the line of the user's own code."""
    lines = [
        f" at line {frame.lineno} of {printable(os.path.basename(frame.filename), 60)}"
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((*NOT_THE_USERS, "<"))
    ]
    where = lines[-1] if lines else ""
    if "data-dependent" in str(error) or "DataDependent" in type(error).__name__:
        return (
            f"cannot be traced by torch.export, for its control flow depends on the data{where}; remove checks of the input's "
            "values, keep settings in Python numbers and not in tensors, and choose without if, such as by torch.where"
        )
    return (
        f"cannot be traced by torch.export, for example because its control flow depends on the data or it leaves torch{where}: "
        f"{_first_line(error)}"
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return printable(lines[0].rstrip(".") if lines else type(error).__name__, 400)


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
