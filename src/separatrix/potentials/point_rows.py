"""Points as potentials take them: tensors stay tensors, anything else becomes float64 rows; checked once, here."""

from __future__ import annotations

from typing import Any

from separatrix.domains import points
from separatrix.errors import InputError
from separatrix.networks.propagation import namespace


def point_rows(x: Any, dim: int, what: str) -> Any:
    """``x`` as rows (n, dim): tensors of floating-point numbers stay what they are, anything else becomes float64.

    Raises InputError for other shapes and for NaN or infinite entries, KindError for what is no array of numbers.

    >>> point_rows([1.0, 2.0], 2, "points").tolist()
    [[1.0, 2.0]]
    """
    if not hasattr(x, "requires_grad"):
        return points(x, dim, what)
    if x.ndim == 1 and x.shape[0] == dim:
        x = x[None]
    if x.ndim != 2 or x.shape[1] != dim or not x.is_floating_point():
        raise InputError(
            f"{what}: expected a floating-point tensor of shape (n, {dim}), came {x.dtype} of shape {tuple(x.shape)}"
        )
    lost = ~namespace(x).isfinite(x.detach()).all(1)
    try:
        is_lost = bool(lost.any())
    except RuntimeError:  # inside a transformation such as vmap, where no value can be asked for
        return x
    if is_lost:
        row = int(lost.to(int).argmax())
        raise InputError(f"{what}: expected finite numbers, row {row} has NaN or infinity; remove or repair it")
    return x
