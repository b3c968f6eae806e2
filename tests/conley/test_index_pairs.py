"""Cubical index pairs: the flow crosses every face as told, sets are filled up, and the index is that of known sets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from separatrix import Box, expression
from separatrix.complexes.cubical_complex import CubicalComplex
from separatrix.conley.cubical_pairs import is_acyclic, pair_groups, sequence_holds
from separatrix.conley.index_pairs import CubePair, cube_pair
from separatrix.conley.level_grid import cubes_of
from separatrix.data import known_flow


def cubes_within(low: list[float], high: list[float], n: int, keep) -> tuple[np.ndarray, np.ndarray]:
    lower, upper = cubes_of(Box(low, high), n)
    kept = keep(0.5 * (lower + upper))
    return lower[kept], upper[kept]


def test_cubes_about_a_sink():
    """The flow enters a square of cubes about a sink of Himmelblau's function, and the filled set has no exit."""
    flow = known_flow("himmelblau")
    lower, upper = cubes_within([1, 0], [5, 4], 24, lambda x: np.abs(x - [3.0, 2.0]).max(axis=1) < 0.5)
    found = cube_pair(flow.potential, lower, upper, Box.cube(2, -8, 8))
    assert isinstance(found, CubePair) and found.homology.betti == (1, 0, 0) and not len(found.exit_lower)


def test_an_annulus_that_repels_on_both_sides():
    """The square annulus about the ring of minima: all of its boundary is exit, H_1 = H_2 = Z."""
    ring = expression("(x**2 + y**2 - 1)**2", "x y")
    square = cubes_within([-1.5, -1.5], [1.5, 1.5], 30, lambda x: np.abs(x).max(axis=1) > 0.45)
    found = cube_pair(ring, *square, Box.cube(2, -3, 3))
    assert isinstance(found, CubePair), found
    assert found.homology.betti == (0, 1, 1) and found.block_betti == (1, 1, 0) and found.exit_betti == (2, 2, 0)
    middle = 0.5 * (found.exit_lower + found.exit_upper)
    slope, thin = ring.gradient(middle), found.exit_lower == found.exit_upper
    outward = np.where(np.linalg.norm(middle, axis=1) > 1, 1, -1) * (slope * np.sign(middle) * thin).sum(axis=1)
    assert thin.sum() == len(middle) and (outward > 0).all()


def test_a_hole_that_the_flow_passes_is_filled():
    """A gap that is entered and left is between cubes of the set in the order of the flow."""
    stream = expression("x + y/3 - y**2/50", "x y")
    lower, upper = cubes_within([-1, -1], [1, 1], 6, lambda x: ~((np.abs(x[:, 0]) < 0.4) & (np.abs(x[:, 1]) < 0.2)))
    found = cube_pair(stream, lower, upper, None)
    assert isinstance(found, CubePair) and found.n_added and found.homology.betti == (0, 0, 0)
    lower = np.array(
        [[0.0, 0.0], [1.0, 1.0]]
    )  # they meet in a corner, one before the other: (9.10) asks for the two between
    diagonal = cube_pair(expression("x + y", "x y"), lower, lower + 1, None)
    assert isinstance(diagonal, CubePair) and diagonal.n_added == 2 and diagonal.block_betti == (1, 0, 0)


def test_a_saddle_off_the_axes_cannot_be_kept_in_cubes():
    """Along the nullclines of a turned monkey saddle faces are crossed both ways up to the edge of any grid."""
    found = cube_pair(expression("x**3 - 3*x*y**2", "x y"), np.array([[-0.1, -0.1]]), np.array([[0.1, 0.1]]), None)
    assert isinstance(found, str) and "edge" in found


@pytest.mark.parametrize("seed", range(3))
def test_pairs_after_excision(seed):
    """Cutting out cubes away from the difference changes no group; the sequence of the pair is exact."""
    rng = np.random.default_rng(seed)
    whole = rng.random((5, 5, 5) if seed else (9, 9)) < 0.6
    part = whole & (rng.random(whole.shape) < 0.5)
    complex_ = CubicalComplex(whole)
    known = complex_.homology(relative_to=complex_.subcomplex(part))
    found = pair_groups(whole, part)
    assert found.homology.betti == known.betti and found.homology.torsion == known.torsion
    assert is_acyclic(whole, part) == (not any(known.betti) and not any(known.torsion))
    assert sequence_holds(found.block_betti, found.exit_betti, found.homology.betti)


def test_ranks_that_no_exact_sequence_has():
    ranks = [r for r in itertools.product(range(2), repeat=6) if sequence_holds(r[:2], r[2:4], r[4:])]
    chi = [block[0] - block[1] for block in ((r[0] - r[2] - r[4], r[1] - r[3] - r[5]) for r in ranks)]
    assert ranks and not any(chi) and ((1, 0), (0, 0), (0, 0)) not in [(r[:2], r[2:4], r[4:]) for r in ranks]
