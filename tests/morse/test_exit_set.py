"""Exit sets of boxes: quadratic forms, arcs counted on a fine boundary, orbits that touch from inside."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix import Box, Potential, expression
from separatrix.morse.exit_set import exit_set


@pytest.mark.parametrize(
    "signs", [(1,), (-1,), (1, -1), (1, 1, -1), (-1, 1, -1), (1, 1, 1), (-1, -1, -1), (1, -1, 1, 1, -1)]
)
def test_a_point_of_index_m_has_homology_in_degree_m(signs):
    names = [f"x{i}" for i in range(len(signs))]
    text = " + ".join(f"({s})*{name}**2" for s, name in zip(signs, names, strict=True)) + f" + {names[0]}/5"
    found = exit_set(expression(text, names), Box.cube(len(signs), -1, 1.1))
    index = signs.count(1)
    assert found.is_isolating is True and found.euler_characteristic == (-1) ** index
    assert found.betti == tuple(int(k == index) for k in range(len(signs) + 1))


def test_mixed_sides_in_space():
    coupled = expression("x*y + y*z/5 - z**2", "x y z")  # a saddle of index 1 whose cone crosses the sides
    assert exit_set(coupled, Box([-1, -1, -1], [1, 1.2, 1.1])).betti == (0, 1, 0, 0)


def test_three_arms_of_a_monkey_saddle():
    found = exit_set(expression("x**3 - 3*x*y**2", "x y"), Box([-1, -1.1], [1, 1.1]))
    assert found.betti == (0, 2, 0)


@pytest.mark.parametrize("seed", range(6))
def test_arcs_as_counted_on_a_fine_boundary(seed):
    """Whatever is decided about a random cubic agrees with the signs of the outward slope at 4,000 places."""
    rng = np.random.default_rng(seed)
    powers = [(i, j) for i in range(4) for j in range(4 - i) if i + j]
    text = " + ".join(f"({rng.normal():.6f})*x**{i}*y**{j}" for i, j in powers)
    potential, box = expression(text, "x y"), Box([-1, -1], [1, 1.3])
    found = exit_set(potential, box)
    share = (np.arange(1000) + 0.5) / 1000
    corners = np.array([[-1, -1], [1, -1], [1, 1.3], [-1, 1.3]])
    signs, touches = [], []
    for k, normal in enumerate(np.array([[0, -1], [1, 0], [0, 1], [-1, 0]])):
        line = corners[k] + share[:, None] * (corners[(k + 1) % 4] - corners[k])
        slope = potential.gradient(line) @ normal
        along = np.einsum("mij,mj->mi", potential.hessian(line), potential.gradient(line)) @ normal
        signs += list(slope > 0)
        touches += list(along[:-1][(slope[1:] > 0) != (slope[:-1] > 0)])
    arcs = int(sum(signs[i] and not signs[i - 1] for i in range(len(signs))))
    if found.is_isolating is False:
        assert min(touches) < 0
    elif found.is_isolating:
        assert all(touch > 0 for touch in touches)
        assert found.betti == ((0, 0, 1) if all(signs) else (1, 0, 0) if not any(signs) else (0, arcs - 1, 0))


def test_what_is_not_decided_says_so():
    flat = exit_set(expression("x**2 + 0*y", "x y"), Box([-1, -1], [1, 1]))
    assert flat.is_isolating is None and flat.betti is None and "not decided" in flat.reason
    silent = Potential.custom(lambda x: -(x**2).sum(axis=1), lambda x: -2 * x, dim=2)
    assert exit_set(silent, Box.cube(2, -1, 1)).is_isolating is None


def test_an_orbit_that_touches_from_inside_is_shown():
    """On x = 1 the velocity is (-y, 2): x grows up to 1 while y < 0 and falls again."""
    found = exit_set(expression("3*y - x*y", "x y"), Box([-1, -1], [1, 1]))
    assert found.is_isolating is False and "upper side of coordinate 0" in found.reason
