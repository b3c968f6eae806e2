"""What is asked for ahead of its use changes no result, wherever it lies."""

import numpy as np

from separatrix.numerics.compilation import compiled_in_place
from separatrix.numerics.prefetching import prefetch


@compiled_in_place
def total(table, rows, ahead):  # type: ignore[no-untyped-def]
    """The sum of some entries of ``table`` (r, c), each row asked for ``ahead`` rows before it, which may be none of its own."""
    found = 0
    for i in range(rows.shape[0]):
        prefetch(table, rows[i] + ahead)
        prefetch(rows, i + ahead)
        found += table[rows[i], 0]
    return found


def test_rows_that_are_there_or_not_may_be_asked_for() -> None:
    rng = np.random.default_rng(0)
    table, rows = rng.integers(0, 100, (50, 3)).astype(np.int32), rng.permutation(50).astype(np.int32)
    for ahead in (0, 8, -1000, 10**9):
        assert total(table, rows, ahead) == table[:, 0].sum()
