"""Rows asked for from memory ahead of their use: the processor goes on while they come.

``prefetch(array, row)`` in a kernel fetches the start of ``array[row]`` into the second cache. It changes no value; a row that
is not there does no harm.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

READ, IN_SECOND_CACHE, DATA = 0, 2, 1


def _prefetch(typing_context: Any, array: Any, row: Any) -> Any:
    """The types and the code of ``prefetch``, as numba asks for them."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = context.make_array(signature.args[0])(context, builder, arguments[0])
        index = context.cast(builder, arguments[1], signature.args[1], types.intp)
        offset = builder.mul(index, builder.extract_value(rows.strides, 0))
        start = builder.ptrtoint(rows.data, offset.type)
        address = builder.inttoptr(builder.add(start, offset), cgutils.voidptr_t)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch")
        builder.call(hint, [address, *(ir.Constant(number, value) for value in (READ, IN_SECOND_CACHE, DATA))])
        return context.get_dummy_value()

    return types.void(array, row), code


prefetch: Any = intrinsic(_prefetch)
