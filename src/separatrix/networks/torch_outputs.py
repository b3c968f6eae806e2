"""A module's own output, by torch's own operators, in little memory (§1).

In double precision torch writes out all windows of all images of a batch for a convolution. Here it convolves one image and a
few of its channels at a time, so that a comparison takes less memory than the weights.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from itertools import product
from math import prod
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves  # as torch.export flattens results

from separatrix.errors import InputError, printable
from separatrix.networks.comparison import checked_points, portions, random_points
from separatrix.networks.memory_pages import SLACK, give_back
from separatrix.networks.network import Network

ENTRIES_AT_ONCE = 1 << 18  # of windows, 2 MiB


class InParts(TorchDispatchMode):
    """Convolutions of many windows in double precision are computed image by image, a few channels at a time."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The result of an operator."""
        if func is torch.ops.aten.convolution.default and len(args) == 9 and not kwargs:
            x, kernel, _, _, _, _, is_transposed, _, groups = args
            known = type(x) is torch.Tensor and x.dtype == torch.float64 and x.ndim == kernel.ndim
            if known and not is_transposed and _windows(x, kernel) > ENTRIES_AT_ONCE:
                return _convolved(func, args, groups)
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.numel() > ENTRIES_AT_ONCE // 8:
            give_back(SLACK)
        return result


def _windows(x: torch.Tensor, kernel: torch.Tensor) -> int:
    """At most so many entries in all windows, strides and pads apart."""
    return x.numel() * prod(kernel.shape[2:])


def _convolved(convolve: Any, args: Any, groups: int) -> torch.Tensor:
    """The convolution, put together from those of images and channels."""
    x, kernel, bias, *rest = args
    channels, out = x.shape[1], None
    each = channels if groups > 1 else max(1, channels * ENTRIES_AT_ONCE // _windows(x[:1], kernel))
    for row, start in product(range(x.shape[0]), range(0, channels, each)):
        part = slice(start, start + each)
        own = kernel if each >= channels else kernel[:, part]
        found = convolve(x[row : row + 1, part], own, bias if start == 0 else None, *rest)
        if out is None:
            out = found.new_empty((x.shape[0], *found.shape[1:]))
        if start == 0:
            out[row] = found[0]
        else:
            out[row] += found[0]
        del found
        give_back(SLACK)
    assert out is not None
    return out


def run(module: torch.nn.Module, x: torch.Tensor) -> Any:
    """What the module returns, one tensor where it returns one in any container; whatever it raises is passed on."""
    silent = io.StringIO()
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(silent),
        contextlib.redirect_stderr(silent),
        InParts(),
    ):
        warnings.simplefilter("ignore")
        result = module(x)
    give_back()
    leaves = tree_leaves(result)
    return leaves[0] if len(leaves) == 1 else result


def own_output(
    traced: Network, module: torch.nn.Module, shape: tuple[int, ...], dtype: torch.dtype, source: str
) -> tuple[np.ndarray, np.ndarray, float]:
    """Random points (n, inputs), numbers of ``dtype``; the module's output there, (n, width); and how far its output at the first
    of them alone is from that, 0 where it takes no point alone. Raises InputError where it does not run.
    """
    count, found = checked_points(traced), []
    points = torch.from_numpy(random_points(traced.n_inputs, count)).to(dtype)
    for start, stop in portions(traced, count):
        try:
            own = run(module, points[start:stop].clone().reshape(-1, *shape))
            found.append(own.double().reshape(stop - start, -1).numpy())
        except Exception as error:
            raise InputError(f"{source}: does not run on a batch of {stop - start}: {printable(error)}") from error
    try:
        single = run(module, points[:1].clone().reshape(1, *shape)).double().reshape(-1).numpy()
        alone = float(np.abs(single - found[0][0]).max()) if single.size == found[0][0].size else 0.0
    except Exception:  # noqa: BLE001 -- the module's own code may raise anything
        alone = 0.0
    return points.double().numpy(), np.concatenate(found), alone


def runs(module: torch.nn.Module, shape: tuple[int, ...], dtype: torch.dtype) -> bool:
    """Whether the module takes two points of this shape."""
    try:
        run(module, torch.zeros((2, *shape), dtype=dtype))
    except Exception:  # noqa: BLE001 -- the module's own code may raise anything
        return False
    return True


def is_narrowed(graph: Any) -> bool:
    """Whether a node of an exported graph turns double precision into single precision."""

    def kind(node: Any) -> Any:
        return getattr(node.meta.get("val"), "dtype", None)

    return any(
        kind(node) == torch.float32 and any(kind(parent) == torch.float64 for parent in node.all_input_nodes)
        for node in graph.nodes
    )
