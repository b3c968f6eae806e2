"""Random generators from the seeds of users."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.errors import InputError, KindError, printable


def generator_of(rng: Any) -> np.random.Generator:
    """The generator of a seed: an integer from 0 up, a sequence of these, a SeedSequence, a Generator, or None.

    Raises InputError for negative numbers, KindError for other kinds.
    """
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        kind = InputError if isinstance(error, ValueError) else KindError
        came = printable(repr(rng), 60)
        raise kind(f"rng: expected an integer from 0 up, a SeedSequence or a Generator, came {came}") from None
