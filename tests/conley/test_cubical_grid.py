"""Adaptive cubes: they fill the box, share their planes, and know all their neighbours."""

import numpy as np
import pytest

from separatrix.conley.cubical_grid import CubicalGrid
from separatrix.domains import Box


def random_grid(dim: int, seed: int) -> CubicalGrid:
    rng = np.random.default_rng(seed)
    box = Box(-rng.random(dim) - 0.1, rng.random(dim) + 0.1)
    grid = CubicalGrid.uniform(box, 1)
    for _ in range(3):
        grid = grid.refined(rng.random(len(grid)) < (0.5 if dim < 4 else 0.2))
    return grid


@pytest.mark.parametrize(("dim", "seed"), [(1, 0), (2, 1), (2, 2), (3, 3), (4, 4)])
def test_neighbours_are_those_that_share_a_face_and_cubes_fill_the_box(dim, seed):
    grid = random_grid(dim, seed)
    lower, upper = grid.ends()
    assert np.prod(upper - lower, axis=1).sum() == pytest.approx(np.prod(grid.box.width), rel=1e-12)
    assert (np.diff(grid.code) > 0).all()
    assert (lower[grid.at_lower] == np.broadcast_to(grid.box.lower, lower.shape)[grid.at_lower]).all()
    assert (upper[grid.at_upper] == np.broadcast_to(grid.box.upper, upper.shape)[grid.at_upper]).all()
    for axis in range(dim):
        others = [k for k in range(dim) if k != axis]
        over = (
            np.minimum(upper[:, None], upper[None])[:, :, others]
            > np.maximum(lower[:, None], lower[None])[:, :, others]
        )
        expected = (upper[:, None, axis] == lower[None, :, axis]) & over.all(axis=2)  # planes are the same doubles
        found = np.zeros_like(expected)
        for low, high, of_low in grid.neighbours(axis):
            assert not found[low, high].any()  # each pair once
            found[low, high] = True
            small = np.where(of_low, low, high)
            assert (grid.level[small] == np.maximum(grid.level[low], grid.level[high])).all()
        assert (found == expected).all()


def test_refinement_keeps_what_is_not_chosen_and_parents_hold_their_children():
    grid = random_grid(3, 7)
    chosen = np.random.default_rng(1).random(len(grid)) < 0.3
    finer, parents = grid.refined(chosen), grid.parents(chosen)
    assert len(finer) == len(grid) + 7 * int(chosen.sum())
    (low, high), (inner_low, inner_high) = grid.ends(), finer.ends()
    assert (inner_low >= low[parents]).all() and (inner_high <= high[parents]).all()
    same = ~chosen[parents]
    assert (inner_low[same] == low[parents[same]]).all() and (inner_high[same] == high[parents[same]]).all()


def test_the_cubes_that_meet_a_box_are_all_that_do():
    grid = random_grid(2, 5)
    lower, upper = grid.ends()
    rng = np.random.default_rng(0)
    corner = lower[11]
    for low, high in [
        (corner, corner),
        (grid.box.lower, grid.box.lower + 0.1),
        *np.sort(rng.uniform(-1, 1, (20, 2, 2)), 1),
    ]:
        expected = ((lower <= high) & (upper >= low)).all(axis=1)
        assert grid.meeting(np.asarray(low), np.asarray(high)).tolist() == np.flatnonzero(expected).tolist()
