"""Parts of kernels without machine code of their own: optimised once, within the kernels that they are linked into.

numba optimises every compiled function by itself with all that it calls, and makes machine code of it: what lies d calls
below a kernel is optimised d + 1 times. A part keeps its code as it was translated, for the kernel to optimise.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, Flags

ENVIRONMENT = "_ZN08NumbaEnv"
NEEDED = ("_optimize_final_module", "_finalize_final_module", "_get_module_for_linking", "enable_object_caching")


class PartLibrary(JITCodeLibrary):
    """The code of a part, to be linked into other code and not to be run."""

    def _optimize_final_module(self) -> None:
        """Nothing: the kernel does it."""

    def _finalize_final_module(self) -> None:
        """Keep the code for linking; of machine code there is only the place that numba fills with the environment."""
        whole, self._finalized = self._final_module, True
        self._get_module_for_linking()
        rest = self._codegen._create_empty_module(self.name)
        for variable in whole.global_variables:
            if variable.name.startswith(ENVIRONMENT):
                place: Any = ir.GlobalVariable(rest, cgutils.voidptr_t, name=variable.name)
                place.linkage, place.initializer = "common", ir.Constant(cgutils.voidptr_t, None)
        self._final_module = llvm.parse_assembly(cgutils.normalize_ir_text(str(rest)))
        super()._finalize_final_module()


class PartFlags(Flags):
    """numba's options of a compilation, compared quickly: every function that is called is looked up by them.

    Where all options that were set agree, so do the rest, which have their defaults.
    """

    def __eq__(self, other: object) -> Any:
        if isinstance(other, Flags) and self._values == other._values:
            return True
        return super().__eq__(other)

    def __hash__(self) -> int:
        """That of numba's own: of the names of the options alone."""
        return OPTIONS


OPTIONS = hash(Flags())


class PartCompiler(Compiler):
    """numba's compiler, with a :class:`PartLibrary` for the code."""

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        """``func`` compiled, as numba's own does it."""
        library = PartLibrary(self.state.targetctx.codegen(), func.__qualname__)
        library.enable_object_caching()
        self.state.library = library
        if hash(Flags(self.state.flags)) == OPTIONS:
            self.state.flags = PartFlags(self.state.flags)
        with _without_collection():
            return super().compile_extra(func)


@contextmanager
def _without_collection() -> Iterator[None]:
    """The search for cycles put off: a compiler makes many objects, and few of them are garbage before it is done."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def is_known() -> bool:
    """Whether this numba has all that is replaced and used here."""
    return (
        all(hasattr(JITCodeLibrary, name) for name in NEEDED)
        and hasattr(Compiler, "compile_extra")
        and hasattr(Flags(), "_values")
    )
