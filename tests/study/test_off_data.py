"""Distances to the data against a slow oracle."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from separatrix.study import off_data as room
from separatrix.study.off_data import distances_to, far_share, nearest_rows, off_data, spread
from separatrix.study.question import Cloud


def cloud(x: np.ndarray, y: np.ndarray) -> Cloud:
    return Cloud(x, 10 + np.arange(len(x)), y, np.zeros(len(x), dtype=np.int64), 0, "points")


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setattr(room, "BLOCK", 37)
    rng = np.random.default_rng(0)
    return cloud(1e4 + rng.random((300, 5)), rng.integers(0, 3, 300))


def test_nearest_rows_agree_with_all_distances_far_from_the_origin(data: Cloud) -> None:
    queries = 1e4 + np.random.default_rng(1).random((20, 5))
    distances = cdist(queries, data.x)
    classes = np.arange(20) % 3
    row, same = nearest_rows(queries, data.x, classes=(classes, data.y))
    assert np.allclose(distances[np.arange(20), row], distances.min(axis=1), rtol=1e-3)
    masked = np.where(classes[:, None] == data.y[None], distances, np.inf)
    assert np.allclose(distances[np.arange(20), same], masked.min(axis=1), rtol=1e-3)
    assert np.allclose(distances_to(queries, data.x), distances.min(axis=1), rtol=1e-3)


def test_the_spread_leaves_each_point_itself_out(data: Cloud) -> None:
    distances = cdist(data.x, data.x)
    np.fill_diagonal(distances, np.inf)
    own = spread(data, 4, np.random.default_rng(0))
    assert np.allclose(own.distances, np.sort(distances.min(axis=1)), rtol=1e-3)
    masked = np.where(data.y[:, None] == data.y[None], distances, np.inf).min(axis=1)
    expected = [np.median(masked[data.y == k]) for k in range(3)]
    assert np.allclose(own.class_median[:3], expected, rtol=1e-3) and np.isnan(own.class_median[3])


def test_score_and_quantile(data: Cloud) -> None:
    own = spread(data, 3, np.random.default_rng(0))
    points = np.stack([data.x[7], data.x[7] + 100.0])
    found = off_data(points, np.array([0, 2]), data, own)
    assert found.nearest_index.tolist()[0] == 17 and found.nearest_label[0] == data.y[7]
    assert found.nearest_distance[0] == 0 and found.quantile.tolist() == [0.0, 1.0]
    assert np.isclose(found.score[1], found.nearest_distance[1] / own.class_median[2])
    assert len(off_data(np.zeros((0, 5)), np.zeros(0, dtype=np.int64), data, own).score) == 0


def test_copies_of_one_point_have_no_spread() -> None:
    data = cloud(np.zeros((4, 2)), np.zeros(4, dtype=np.int64))
    own = spread(data, 1, np.random.default_rng(0))
    found = off_data(np.array([[3.0, 4.0]]), np.array([0]), data, own)
    assert own.distances.tolist() == [0] * 4 and found.nearest_distance[0] == 5 and np.isinf(found.score[0])


def test_the_far_share_of_a_curve_is_measured_and_bounded() -> None:
    """Along a line past one datum at distance 1 the share beyond 2 is known: |s| > sqrt(3)."""
    places = np.linspace(-4, 4, 65)
    distance = np.hypot(1.0, places)
    share, least, largest = far_share(places, distance, 2.0, (-4.0, 4.0))
    exact = 1 - np.sqrt(3) / 4
    assert least <= exact <= largest and abs(share - exact) < 1e-3 and largest - least < 0.05
    assert far_share(places, distance, 2.0, (-1.0, 1.0)) == (0.0, 0.0, 0.0)
    assert far_share(places, distance, 0.5, (-3.3, 2.7)) == (1.0, 1.0, 1.0)
    assert far_share(places, distance, 1.5, (2.0, 2.0)) == (1.0, 1.0, 1.0)


def test_the_bounds_hold_for_random_curves_and_data() -> None:
    rng = np.random.default_rng(4)
    for _ in range(50):
        points = np.cumsum(rng.standard_normal((400, 3)), axis=0)
        arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        distance = cdist(points, 8 * rng.standard_normal((30, 3))).min(axis=1)
        threshold, chosen = np.quantile(distance, rng.random()), np.unique([0, *rng.integers(0, 400, 12), 399])
        fine = far_share(arc, distance, threshold, (arc[0], arc[-1]))
        share, least, largest = far_share(arc[chosen], distance[chosen], threshold, (arc[0], arc[-1]))
        assert 0 <= least <= share + 1e-12 and share <= largest + 1e-12 <= 1 + 2e-12
        assert least <= fine[2] and fine[1] <= largest


def test_the_threshold_is_the_99th_percentile_and_samples_are_seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_MEASURED", 60)
    monkeypatch.setattr(room, "MOST_BY_CLASS", 40)
    x = np.random.default_rng(2).random((500, 4))
    own = spread(cloud(x, np.zeros(500, dtype=np.int64)), 1, np.random.default_rng(7))
    again = spread(cloud(x, np.zeros(500, dtype=np.int64)), 1, np.random.default_rng(7))
    assert own.distances.size == 60 and (own.distances == again.distances).all()
    assert own.threshold == np.quantile(own.distances, 0.99)
    assert np.isnan(spread(cloud(x[:1], np.zeros(1, dtype=np.int64)), 1, np.random.default_rng(0)).threshold)
