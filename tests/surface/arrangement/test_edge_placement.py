"""Weights of a vertex on an edge: exact ones, for any values within the errors, lie within d, and values within their bounds."""

import math

import numpy as np
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from separatrix.surface.arrangement.edge_placement import along_edge, edge_weights, norm_along_edge

VALUES = st.floats(-1e3, 1e3, allow_subnormal=False)
SIZES = st.floats(1e-12, 1e3)
PARTS = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0])
ERRORS = st.sampled_from([0.0, 1e-300, 1e-16, 1e-9, 0.1])
SCALES = st.sampled_from([1e-200, 1e-20, 1.0, 1e200])


def rational(value: float) -> fmpq:
    numerator, denominator = float(value).as_integer_ratio()
    return fmpq(numerator, denominator)


@given(SIZES, SIZES, st.tuples(ERRORS, ERRORS, PARTS, PARTS), SCALES, VALUES, VALUES)
def test_exact_weights_and_values_lie_within_their_bounds(f0, f1, off, scale, a0, a1) -> None:
    f0, f1 = f0 * scale, -f1 * scale
    e0, e1 = (f0 - f1) * off[0], (f0 - f1) * off[1]
    lam0, lam1, d = edge_weights.py_func(f0, e0, f1, e1)
    exact0, exact1 = rational(f0) + rational(e0 * off[2]), rational(f1) + rational(e1 * off[3])
    if exact0 <= 0 or exact1 >= 0 or not d < 1.0:
        return  # the neuron does not vanish on the edge, or nothing is claimed
    weights = -exact1 / (exact0 - exact1), exact0 / (exact0 - exact1)
    assert abs(weights[0] - rational(lam0)) <= rational(d)
    assert abs(weights[1] - rational(lam1)) <= rational(d)
    value, bound = along_edge.py_func(a0, off[0], a1, off[1], lam0, lam1, d)
    exact = weights[0] * (rational(a0) + rational(off[0] * off[2])) + weights[1] * (
        rational(a1) + rational(off[1] * off[3])
    )
    assert abs(exact - rational(value)) <= rational(bound)
    numbers = np.array([[0.0, 0.0, off[0], abs(a0)], [0.0, 0.0, off[1], abs(a1)]])
    bound = norm_along_edge.py_func(numbers, 0, 1, abs(a1 - a0), lam0, lam1, d)
    assert abs(exact - rational(value)) <= rational(bound)


def test_a_well_conditioned_vertex_is_known_to_a_few_units_and_a_lost_one_to_nothing() -> None:
    lam0, lam1, d = edge_weights.py_func(1.0, 1e-16, -3.0, 1e-16)
    assert (lam0, lam1) == (0.75, 0.25)
    assert d < 1e-14
    for f0, e0, f1, e1 in (
        (1.0, 1.0, -1.0, 1.0),
        (0.0, 0.0, 0.0, 0.0),
        (1e300, 0.0, -1e300, 0.0),
        (1e-300, 0.0, -1e-300, 0.0),
    ):
        assert math.isinf(edge_weights.py_func(f0, e0, f1, e1)[2])
    assert math.isinf(edge_weights.py_func(math.nan, 0.0, -1.0, 0.0)[2])
    assert math.isinf(edge_weights.py_func(1.0, math.inf, -1.0, 0.0)[2])
