"""Which arithmetic decides the signs: bounded doubles where the machine rounds as IEEE-754 says, else rational numbers (§6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.numerics.rounding import ieee_arithmetic_holds
from separatrix.surface.arrangement.bounded_signs import BoundedSigns
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.rational_signs import RationalSigns


def exact_signs(steps: Sequence[LinearStep], lower: np.ndarray, upper: np.ndarray) -> BoundedSigns | RationalSigns:
    """The signs of ``steps`` at the vertices of a lattice in the box [lower, upper], exact either way."""
    kind = BoundedSigns if ieee_arithmetic_holds() else RationalSigns
    return kind(steps, lower, upper)
