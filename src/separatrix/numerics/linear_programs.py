"""Linear programmes by scipy's HiGHS, with a result of a declared type.

scipy has no annotations: a check of the types infers what its ``linprog`` gives back from the source of all its solvers, which
takes longer than any of our rooms. The call is therefore made in one place, where nothing is inferred.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np


def solve_linear_program(cost: np.ndarray, **conditions: Any) -> Any:
    """Minimise ``cost`` (n,) . x under ``conditions``, those of :func:`scipy.optimize.linprog`, by HiGHS; its result.

    >>> round(float(solve_linear_program(np.array([1.0]), bounds=(-2.0, None)).fun), 9)
    -2.0
    """
    from scipy.optimize import linprog

    return cast("Any", linprog)(cost, method="highs", **conditions)
