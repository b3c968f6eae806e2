"""Basins: known ones, those of a fine reference, and that what is unresolved stays so."""

import warnings

import numpy as np
import pytest
from scipy.stats import binomtest
from threadpoolctl import threadpool_limits

import separatrix as sx
from separatrix.flow.basins import wilson_intervals
from tests.flow import known, reference
from tests.oracles.blueprints import random_mlp

CUBE = sx.Box.cube(2, -2, 2)


def flow(f, domain=CUBE, boundary="project"):
    return sx.GradientFlow(f, domain, boundary)


def uniform(box, n, seed=0):
    return box.uniform(n, np.random.default_rng(seed))


def assert_is_sound(found, n):
    """Bookkeeping: labels, reasons, shares, intervals."""
    assert found.label.shape == (n,) and len(found.reason) == n and found.steps.shape == (n,)
    assert found.label.min(initial=0) >= -1 and found.label.max(initial=-1) < len(found.sinks)
    assert all(found.reason)
    resolved = found.label >= 0
    assert [("arrived" in r or "settled" in r) for r in found.reason] == resolved.tolist()
    assert found.counts.sum() + found.n_unresolved == n
    np.testing.assert_allclose(found.shares.sum() + found.n_unresolved / max(n, 1), 1.0 if n else 0.0, atol=1e-12)
    assert found.intervals.shape == (len(found.sinks), 2)
    for count, (low, high) in zip(found.counts, found.intervals, strict=True):
        if n:
            expected = binomtest(int(count), n).proportion_ci(found.level, method="wilson")
            np.testing.assert_allclose([low, high], expected, atol=1e-12)
    assert len(found.to_dataframe()) == len(found.sinks) and str(n) in repr(found)


def ends(found):
    """The sink's point of every row, NaN where there is none."""
    points = np.vstack([found.sinks.points, np.full((1, found.sinks.points.shape[1]), np.nan)])
    return points[found.label]


# -- known basins


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    "domain", [CUBE, sx.WholeSpace(2), sx.Box([-0.5, 0.25], [0.5, 1.0]), sx.Box([-1.5, -0.1], [0.75, 3.0])]
)
def test_the_double_well_is_split_at_zero(domain, full):
    box = domain if isinstance(domain, sx.Box) else sx.Box.cube(2, -3, 3)
    samples = uniform(box, 200)
    found = flow(known.double_well(), domain).basins(samples, full=full)
    assert_is_sound(found, 200)
    assert len(found.sinks) == 2 and found.n_unresolved == 0
    np.testing.assert_array_equal(np.sign(ends(found)[:, 0]), np.sign(samples[:, 0]))
    if full:
        assert not any("settled" in r for r in found.reason)
        assert found.certainty is sx.Certainty.VERIFIED


@pytest.mark.parametrize("full", [False, True])
def test_starts_beside_the_separatrix_go_to_their_side(full):
    samples = np.array([[s * d, y] for d in (1e-1, 1e-3, 1e-6, 1e-12) for s in (-1, 1) for y in (-1.9, 0.0, 0.4)])
    found = flow(known.double_well()).basins(samples, full=full)
    assert found.n_unresolved == 0
    np.testing.assert_array_equal(np.sign(ends(found)[:, 0]), np.sign(samples[:, 0]))


@pytest.mark.parametrize("full", [False, True])
def test_starts_on_the_separatrix_stay_unresolved(full):
    samples = np.array([[0.0, y] for y in np.linspace(-2, 2, 9)])
    run = flow(known.double_well())
    found = run.basins(samples, run.sinks([[0.5, 0.0], [-0.5, 0.0]]), full=full)
    assert_is_sound(found, 9)
    assert (found.label == -1).all() and found.n_unresolved == 9 and (found.shares == 0).all()


def test_starts_on_the_separatrix_are_not_settled_while_they_move():
    """A stiff third direction keeps the steps small: early checks see the row far from the saddle, where f rises,
    concave, along the segments to both sinks."""
    f = known.Formula(lambda x, y, z: -(x.square() - 1.0).square() - 0.3 * y.square() - 500.0 * z.square(), 3)
    run = flow(f, sx.Box.cube(3, -4, 4))
    sinks = run.sinks([[0.5, 0.0, 0.0], [-0.5, 0.0, 0.0]])
    found = run.basins([[0.0, 3.5, 0.5], [0.0, -3.5, 0.1]], sinks)
    assert found.label.tolist() == [-1, -1], found.reason


def test_a_stiff_row_is_not_settled_on_the_wrong_side():
    """Sheared wells: the nearer sink lies on the other side of the separatrix x = 0.3 y."""
    f = known.Formula(
        lambda x, y, z: -((x - 0.3 * y).square() - 1.0).square() - 0.5 * y.square() - 500.0 * z.square(), 3
    )
    run = flow(f, sx.Box.cube(3, -4, 4))
    sinks = run.sinks([[0.5, 0.0, 0.0], [-0.5, 0.0, 0.0]])
    samples = np.array([[0.6, 3.0, 0.3], [0.7, 3.2, 0.1], [-0.6, -3.0, 0.3], [0.8, 3.6, -0.2]])
    true = np.sign(run.trajectories(samples, 5.0, rtol=1e-8, atol=1e-8).end[:, 0])
    for full in (True, False):
        found = run.basins(samples, sinks, full=full)
        reached = ends(found)[:, 0]
        assert all(np.isnan(a) or np.sign(a) == b for a, b in zip(reached, true, strict=True)), (
            full,
            reached,
            true,
            found.reason,
        )


def test_passing_by_a_sink_is_not_arriving():
    """Sinks at x = 0 and 1, the pass at 1e-4: what starts at 5e-4 goes to 1, however slowly."""
    f = known.Formula(
        lambda x, z: (
            -0.25 * x.square().square() + (1.0001 / 3) * (x * x.square()) - 0.5e-4 * x.square() - 500.0 * z.square()
        ),
        2,
    )
    slope = f.gradient(np.array([[1e-4, 0.0], [5e-5, 0.0], [5e-4, 0.0], [1.0, 0.0]]))[:, 0]
    assert abs(slope[0]) < 1e-16 and slope[1] < 0 < slope[2] and abs(slope[3]) < 1e-15
    run = flow(f, sx.Box.cube(2, -1, 2))
    sinks = run.sinks([[2e-5, 0.0], [0.9, 0.0]])
    assert len(sinks) == 2
    for full in (True, False):
        found = run.basins([[5e-4, 0.5], [5e-4, 0.0], [-0.01, 0.5], [2e-4, 0.9]], sinks, full=full)
        reached = ends(found)[:, 0]
        expected = [1.0, 1.0, 0.0, 1.0]
        assert all(np.isnan(a) or abs(a - b) < 1e-3 for a, b in zip(reached, expected, strict=True)), (full, reached)


def test_himmelblau_against_trajectories():
    run = flow(known.himmelblau(), sx.Box.cube(2, -5, 5))
    samples = uniform(run.domain, 60)
    found = run.basins(samples)
    assert_is_sound(found, 60)
    assert len(found.sinks) == 4 and found.n_unresolved == 0
    assert count_wrong(run, samples, found, 4.0) <= 1


def count_wrong(run, samples, found, t_max=50.0):
    """Labels that differ from those of trajectories at 1e-8, which other tests compare with a reference.

    Only a row within a hundredth of the box of a basin's boundary may differ: a nudge must lead to its label."""
    near, rng, wrong = 0.01 * float(run.domain.width.max()), np.random.default_rng(0), 0
    expected = labels_by_trajectories(run, samples, found.sinks, t_max)
    assert (expected >= 0).mean() > 0.8
    for row in np.flatnonzero((expected >= 0) & (found.label >= 0) & (expected != found.label)):
        wrong += 1
        nudged = run.domain.clip(samples[row] + near * rng.uniform(-1, 1, (12, run.potential.dim)))
        labels = labels_by_trajectories(run, nudged, found.sinks, t_max)
        assert found.label[row] in labels, (samples[row], expected[row], found.label[row], found.reason[row])
    return wrong


def labels_by_trajectories(run, samples, sinks, t_max):
    """The sink within 0.01 of where each row's trajectory ends, -1 for none."""
    end = run.trajectories(samples, t_max, rtol=1e-8, atol=1e-8, max_steps=3000).end
    gaps = np.abs(end[:, None, :] - sinks.points).max(axis=2)
    return np.where(gaps.min(axis=1) < 1e-2, gaps.argmin(axis=1), -1)


@pytest.mark.parametrize("seed", range(4))
def test_random_networks_against_trajectories(seed):
    rng = np.random.default_rng(seed)
    dim = 2 + seed % 2
    f = random_mlp(rng, (dim, 8, 3), "tanh", scale=4.0).library_potential(
        *[("log_density",), ("log_odds", 0)][seed // 2]
    )
    box = sx.Box.cube(dim, -1, 1)
    run, samples = flow(f, box), uniform(box, 40, seed)
    full = run.basins(samples, full=True)
    early = run.basins(samples, full.sinks)
    for found in (full, early):
        assert_is_sound(found, 40)
        assert found.n_unresolved <= 1
        assert count_wrong(run, samples, found) <= 2
    assert (full.label == early.label).mean() >= 0.97
    assert all(v is sx.Certainty.PROVED for v in full.sinks.certainty)


@pytest.mark.parametrize("name", ["spirals-tanh", "circles-tanh"])
def test_labels_on_embedded_networks(name):
    """Narrow basins: at a hundredth of the box a step, a tenth of the labels on the spirals were wrong."""
    f, box = sx.log_density(sx.data.network(name)), sx.Box.cube(2, -1.5, 1.5)
    samples = uniform(box, 100)
    run = flow(f, box)
    full = run.basins(samples, full=True)
    early = run.basins(samples, full.sinks)
    assert_is_sound(full, 100)
    assert_is_sound(early, 100)
    both = (full.label >= 0) & (early.label >= 0)
    assert both.mean() > 0.95 and (full.label == early.label)[both].mean() > 0.97
    assert early.steps.sum() <= full.steps.sum()
    assert count_wrong(run, samples, full) <= 2 and count_wrong(run, samples, early) <= 4


# -- what is unresolved, what is added


def test_a_circle_of_maxima_leaves_rows_unresolved():
    samples = uniform(CUBE, 20)
    found = flow(known.ring()).basins(samples)
    assert_is_sound(found, 20)
    assert len(found.sinks) == 0 and found.n_unresolved == 20


def test_a_plateau_leaves_rows_unresolved():
    found = flow(known.plateau(), sx.Box.cube(2, -3, 3)).basins([[0.1, 0.1], [2.0, 2.0], [-1.0, 0.5]])
    assert (found.label == -1).all() and len(found.sinks) == 0


def test_sinks_that_rows_meet_are_added_at_the_end():
    run = flow(known.double_well())
    one = run.sinks([[0.5, 0.5]])
    samples = uniform(CUBE, 60)
    for full in (False, True):
        found = run.basins(samples, one, full=full)
        assert_is_sound(found, 60)
        assert len(found.sinks) == 2 and found.n_unresolved == 0
        np.testing.assert_array_equal(found.sinks.points[0], one.points[0])
        np.testing.assert_array_equal(np.sign(ends(found)[:, 0]), np.sign(samples[:, 0]))
        assert found.sinks.n_proved == 2 and len(found.sinks.spectra) == 2 and found.sinks.radius.shape == (2,)
        np.testing.assert_array_equal(found.sinks.label, one.label)


def test_no_sinks_given_are_all_found():
    run = flow(known.himmelblau(), sx.Box.cube(2, -5, 5))
    none = run.sinks(np.zeros((0, 2)))
    found = run.basins(uniform(run.domain, 40), none)
    assert_is_sound(found, 40)
    assert len(found.sinks) == 4 and found.n_unresolved == 0


@pytest.mark.parametrize("name", ["blobs-tanh", "moons-tanh"])
def test_rows_that_rest_on_a_vertex_that_is_not_listed(name):
    """Their steps grow for as long as they are watched, in the single precision of networks, too."""
    net = sx.data.network(name)
    run = flow(sx.log_odds(net, 0), sx.Box.cube(2, -0.3, 0.3))
    vertices = np.array([[x, y] for x in (-0.3, 0.3) for y in (-0.3, 0.3)])
    none = run.sinks(np.zeros((0, 2)))
    found = run.basins(np.concatenate([vertices, uniform(run.domain, 20)]), none, full=True)
    assert found.n_unresolved == 0 and found.sinks.n_proved == len(found.sinks) > 0


def test_exit_leaves_what_leaves_unresolved():
    box = sx.Box([-0.5, -1], [2, 1])
    samples = uniform(box, 60)
    found = flow(known.double_well(), box, "exit").basins(samples)
    assert_is_sound(found, 60)
    stays = samples[:, 0] > 0
    assert (found.label[stays] == 0).all() and (found.label[~stays] == -1).all()
    assert all("left the box" in found.reason[row] for row in np.flatnonzero(~stays))
    assert found.sinks.boundary == "exit"


@pytest.mark.parametrize("full", [False, True])
def test_exit_sees_an_orbit_that_would_come_back(full):
    """A skew quadratic: its orbit overshoots the side x = 1 on the way to the sink at x = 0.8."""
    f = known.Quadratic([[-1.0, 1.2], [1.2, -2.0]], [0.8, 0.0])
    box = sx.Box([-2, -3], [1, 3])
    start = np.array([0.9, 2.0])
    t, end, _, left = reference.solve(reference.gradient_of(f), box, start, 50.0, "exit")
    assert left and t < 5 and end[0] == 1.0
    run = flow(f, box, "exit")
    found = run.basins([start, [0.0, -1.0]], run.sinks([[0.8, 0.0]]), full=full)
    assert found.label.tolist() == [-1, 0], found.reason


def test_rows_that_run_off_to_infinity_are_unresolved():
    run = flow(known.Quadratic(np.diag([1.0, -1.0]), [0.0, 0.0]), sx.WholeSpace(2))
    found = run.basins([[0.5, 0.5], [-1.0, 2.0]])
    assert (found.label == -1).all() and all("infinity" in r for r in found.reason), found.reason


def test_a_constant_function_leaves_rows_where_they_are():
    f = known.Formula(lambda x, y: 0.0 * x + 0.0 * y, 2)
    found = flow(f).basins([[0.0, 0.0], [2.0, 2.0]])
    assert (found.label == -1).all()


# -- input and reproducibility


def test_wilson_intervals_by_another_formula():
    for n in (1, 7, 1000):
        counts = np.unique([0, 1, n // 2, n])
        for level in (0.5, 0.95, 0.999):
            found = wilson_intervals(counts, n, level)
            expected = [binomtest(int(k), n).proportion_ci(level, method="wilson") for k in counts]
            np.testing.assert_allclose(found, expected, atol=1e-12)
            assert (found[:, 0] >= 0).all() and (found[:, 1] <= 1).all()
    np.testing.assert_array_equal(wilson_intervals(np.array([0, 0]), 0), [[0, 1], [0, 1]])


def test_the_level_is_used():
    run = flow(known.double_well())
    samples = uniform(CUBE, 20)
    wide, narrow = run.basins(samples, level=0.99), run.basins(samples, level=0.5)
    assert (np.diff(wide.intervals, axis=1) > np.diff(narrow.intervals, axis=1)).all()
    for level in (0.0, 1.0, -1.0, 2.0, np.nan):
        with pytest.raises(sx.InputError):
            run.basins(samples, level=level)


def test_no_samples():
    run = flow(known.double_well())
    for sinks in (None, run.sinks([[0.5, 0.5]])):
        found = run.basins(np.zeros((0, 2)), sinks)
        assert found.label.shape == (0,) and found.reason == () and found.n_unresolved == 0
        assert found.shares.shape == (len(found.sinks),) and (found.intervals == [0, 1]).all()


@pytest.mark.parametrize("bad", [[[0.0, 3.0]], [[np.nan, 0.0]], [[1.0, 2.0, 3.0]], "x"])
def test_bad_samples_are_errors_of_ours(bad):
    with pytest.raises((sx.InputError, sx.KindError)):
        flow(known.double_well()).basins(bad)


def test_sinks_of_another_dimension_are_an_error_of_ours():
    other = flow(known.Quadratic(-np.eye(3), np.zeros(3)), sx.Box.cube(3, -1, 1)).sinks([[0.1, 0.1, 0.1]])
    with pytest.raises((sx.InputError, sx.KindError)):
        flow(known.double_well()).basins([[0.5, 0.5]], other)


def test_samples_are_left_as_they_were():
    samples = uniform(CUBE, 10)
    before = samples.copy()
    flow(known.double_well()).basins(samples)
    np.testing.assert_array_equal(samples, before)


def test_the_same_numbers_whatever_the_workers_the_threads_and_the_turn():
    """Bit for bit: one worker and two, one BLAS thread and two, and the same call again."""
    net = sx.data.network("blobs-tanh")
    run = flow(sx.log_density(net), sx.Box.cube(2, -2, 2))
    samples = uniform(run.domain, 300)
    first = run.basins(samples, workers=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # loky's own, about forks and leaked semaphores
        second = run.basins(samples, workers=2)
    with threadpool_limits(2):
        third = run.basins(samples)
    for other in (second, third, run.basins(samples)):
        np.testing.assert_array_equal(first.label, other.label)
        np.testing.assert_array_equal(first.steps, other.steps)
        assert first.reason == other.reason
        for name in ("points", "values", "radius", "error", "multipliers", "label"):
            np.testing.assert_array_equal(getattr(first.sinks, name), getattr(other.sinks, name))


def test_rng_is_the_only_chance():
    """More samples than are searched: one seed, the same starts; with all sinks found labels do not depend on it."""
    run = flow(known.double_well())
    samples = uniform(CUBE, 500)
    first, second, other = (run.basins(samples, rng=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.label, second.label)
    np.testing.assert_array_equal(first.sinks.label, second.sinks.label)
    np.testing.assert_allclose(ends(first), ends(other), atol=1e-9)


def test_progress_counts_every_sample_once():
    seen = []
    run = flow(known.double_well())
    run.basins(uniform(CUBE, 300), run.sinks([[0.5, 0], [-0.5, 0]]), progress=lambda *state: seen.append(state))
    assert seen[0][1:] == (0, 300) and seen[-1][1:] == (300, 300)
    assert [s[1] for s in seen] == sorted(s[1] for s in seen)
