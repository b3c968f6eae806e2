"""A made-up torch device, so that code for accelerators is tried where there is none.

Its tensors keep their numbers in the memory of the CPU, but refuse what an accelerator refuses: to be read as numpy arrays
without being brought to the CPU, and to be combined with tensors of the CPU. Run as a script it compares flows there with
flows of numpy arrays.
"""

import numpy as np
import torch
from torch.utils._pytree import tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "elsewhere"
MAY_MIX = {"_to_copy", "copy_", "index", "index_put_", "_index_put_impl_"}
COUNTS = {"operations": 0}


class Distant(torch.Tensor):
    """A tensor of the made-up device; ``numbers``: what it holds, a tensor of the CPU."""

    @staticmethod
    def __new__(cls, numbers):
        """A tensor with the shape and strides of ``numbers``."""
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            numbers.size(),
            strides=numbers.stride(),
            storage_offset=numbers.storage_offset(),
            dtype=numbers.dtype,
            device=torch.device(NAME, 0),
        )
        made.numbers = numbers
        return made

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return carry_out(operation, args, kwargs or {})


def numbers_of(part):
    """The numbers of a tensor of either device."""
    return part.numbers if isinstance(part, Distant) else part


def carry_out(operation, args, kwargs):
    """``operation`` on the numbers behind the tensors, its results on the device of its arguments or the one asked for."""
    COUNTS["operations"] += 1
    name, seen = operation.overloadpacket.__name__, []
    tree_map_only(torch.Tensor, seen.append, (args, kwargs))
    if name not in MAY_MIX and any(not isinstance(part, Distant) and part.ndim for part in seen):
        raise RuntimeError(f"{name}: tensors of two devices")
    comes_back = "device" in kwargs and torch.device(kwargs["device"]).type == "cpu"
    if "device" in kwargs:
        kwargs = {**kwargs, "device": "cpu"}
    args_here, kwargs_here = tree_map_only(torch.Tensor, numbers_of, (args, kwargs))
    result = operation(*args_here, **kwargs_here)
    if operation._schema.is_mutable:
        return args[0]
    return result if comes_back else tree_map_only(torch.Tensor, Distant, result)


def ranged(start, end, step=1, *, dtype=None, **_):
    """torch.arange, whose own kernel gives an empty tensor its size, which a wrapper does not notice."""
    return Distant(torch.arange(start, end, step, dtype=dtype))


def made() -> tuple[torch.library.Library, ...]:
    """Register the device; it lives as long as what is returned."""
    _setup_privateuseone_for_python_backend(NAME)
    everything, single = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    everything.fallback(lambda operation, *args, **kwargs: carry_out(operation, args, kwargs), "PrivateUse1")
    single.impl("arange.start_step", ranged, "PrivateUse1")
    return everything, single


def main() -> None:
    """Compare, and say how many operations the device has seen."""
    from tests.flow.tensor_agreement import assert_all_agree

    libraries = made()
    assert_all_agree(lambda rows: torch.asarray(np.array(rows), device=NAME))
    del libraries
    print(COUNTS["operations"])


if __name__ == "__main__":
    main()
