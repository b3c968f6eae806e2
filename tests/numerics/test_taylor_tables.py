"""Taylor tables against flint balls; ranges from them hold values, ends, critical points and cell borders included."""

import math

import numpy as np
import pytest
from flint import arb, ctx

from separatrix.errors import InputError
from separatrix.numerics.activation_ranges import activation_range
from separatrix.numerics.critical_points import critical_points, derivative_ball
from separatrix.numerics.kernels.table_ranges import table_ranges
from separatrix.numerics.taylor_tables import BLOCK, DEGREE, REACH, coefficient_bound, taylor_table


def ranges(name, left, right):
    low, high = np.empty((3, len(left))), np.empty((3, len(left)))
    table = taylor_table(name)
    table_ranges(table.rows, table.meta, left, right, low, high)
    return low, high


@pytest.mark.parametrize("name", sorted(REACH))
def test_values_are_held_by_balls(name):
    """Exact: both ends of the reach, borders and centres of cells, their neighbours, critical points, random places."""
    rng, reach = np.random.default_rng(60), REACH[name]
    borders = np.array([-reach, reach, 0.0, 1 / 32, -3 / 32, 5 / 64, 1e-300, -5e-324, reach - 1 / 32])
    found = [point.left for order in range(3) for point in critical_points(name, order)]
    u = np.concatenate(
        [borders, np.nextafter(borders, 0.0), np.nextafter(borders, 1.0), found, rng.uniform(-reach, reach, 150)]
    )
    u = np.clip(u, -reach, reach)
    low, high = ranges(name, u, u)
    with ctx.workprec(400):
        for q, x in enumerate(u):
            for order in range(3):
                exact = derivative_ball(name, order, arb(float(x)))
                assert arb(float(low[order, q])) <= exact <= arb(float(high[order, q])), (x, order)


@pytest.mark.parametrize("name", sorted(REACH))
def test_ranges_are_those_of_the_elementary_kernels(name):
    rng, reach = np.random.default_rng(61), REACH[name]
    left = rng.uniform(-reach, reach, 4000) * rng.choice([1.0, 0.1], 4000)
    right = np.minimum(left + 10.0 ** rng.uniform(-8, 1, 4000), reach)
    low, high = ranges(name, left, right)
    for order in range(3):
        plain_low, plain_high = activation_range(name, order, left, right)
        slack = (1e-12 if name == "gelu_tanh" else 1e-14) * (1 + np.abs(plain_low) + np.abs(plain_high))
        assert (np.abs(low[order] - plain_low) <= slack).all() and (np.abs(high[order] - plain_high) <= slack).all()


@pytest.mark.parametrize("name", sorted(REACH))
def test_the_bounds_of_coefficients_that_carry_the_remainder(name):
    """|s^(n)|/n! by balls at edges and middle of cells is below the bound, n the first one left out for s and s''."""
    reach = REACH[name]
    centres = -reach + (np.arange(0, int(64 * reach), 7) + 0.5) / 32
    for n in (DEGREE + 1, DEGREE + 3):
        bounds = coefficient_bound(name, n, centres)
        cap = ctx.cap
        ctx.cap = n + 2
        try:
            with ctx.workprec(300):
                for c, bound in zip(centres, bounds, strict=True):
                    for u in (c - 1 / 63, c, c + 1 / 63):
                        exact = derivative_ball(name, n, arb(float(u))) / math.factorial(n)
                        assert abs(exact) <= arb(float(bound)), u
        finally:
            ctx.cap = cap


def test_a_table_and_its_name():
    table = taylor_table("tanh")
    assert table.rows.shape == (1280, 3 * BLOCK) and not table.rows.flags.writeable
    with pytest.raises(InputError, match="not a smooth activation"):
        taylor_table("relu")
