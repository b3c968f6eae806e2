"""Kernels of several parts: the numbers of Python, from the cache too, and by numba's own compiler where ours does not fit."""

import gc
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from separatrix.numerics import compilation, part_compiler

SOURCE = """
import numpy as np
from separatrix.numerics.compilation import compiled, compiled_part, compiled_part_in_place, written_in_place

@compiled_part_in_place
def root(x, i):
    if x[i] < 0.0:
        raise ValueError("a root of a negative number")
    x[i] += 1.0
    return np.sqrt(x[i])

@written_in_place
def scaled(x, factor):
    return factor * total(x)

@compiled_part
def total(x):
    y = x.copy()
    s = 0.0
    for i in range(y.shape[0]):
        s += root(y, i)
    return s

@compiled
def kernel(x):
    return scaled(x, 3.0) + total(x) + root(x, 0)
"""


def load(folder: Path, source: str = SOURCE):
    """The kernel and a part of it from a file in ``folder``, anew."""
    path = folder / "some_kernel.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("some_kernel", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.kernel, module.total


def expected(x: np.ndarray) -> float:
    return float(4.0 * np.sqrt(x + 1.0).sum() + np.sqrt(x[0] + 1.0))


def kinds(part) -> list[bool]:
    """For every compilation of a part whether it is only linked."""
    return [isinstance(found.library, part_compiler.PartLibrary) for found in part.overloads.values()]


def test_a_kernel_of_parts_has_the_numbers_of_python_and_comes_back_from_the_cache(tmp_path: Path) -> None:
    x = np.arange(5.0)
    for hits in (0, 1):
        kernel, part = load(tmp_path)
        assert kernel(x.copy()) == pytest.approx(expected(x), rel=1e-15)
        assert sum(kernel.stats.cache_hits.values()) == hits
        assert kinds(part) == ([] if hits else [True])  # a kernel from the cache needs none of its parts
    with pytest.raises(ValueError, match="root of a negative number"):
        kernel(-x)


def test_a_part_that_changes_is_compiled_anew(tmp_path: Path) -> None:
    x = np.arange(5.0)
    load(tmp_path)[0](x.copy())
    # one character longer: Python keeps bytecode by the file's size and second of change
    kernel, _ = load(tmp_path, SOURCE.replace("x[i] += 1.0", "x[i] += 2.00"))
    assert kernel(x.copy()) == pytest.approx(expected(x + 1.0), rel=1e-15)


def test_another_numba_compiles_parts_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_compiler, "is_known", lambda: False)
    compilation._only_linked.cache_clear()
    try:
        kernel, part = load(tmp_path)
        x = np.arange(5.0)
        assert kernel(x.copy()) == pytest.approx(expected(x), rel=1e-15) and kinds(part) == [False]
    finally:
        compilation._only_linked.cache_clear()


def test_options_of_parts_are_compared_as_those_of_numba() -> None:
    plain, other = part_compiler.Flags(), part_compiler.Flags()
    other.nrt = not plain.nrt
    quick = part_compiler.PartFlags(plain)
    assert quick == plain and plain == quick and hash(quick) == hash(plain)
    assert quick != other and other != quick and quick != "options"
    told = part_compiler.PartFlags(plain)
    told.nrt = plain.nrt  # set to its default: not written the same way, and the same all the same
    assert told == quick


def test_a_compilation_leaves_the_collector_as_it_was(tmp_path: Path) -> None:
    assert gc.isenabled()
    kernel, _ = load(tmp_path)
    kernel(np.arange(3.0))
    assert gc.isenabled()
