"""The cells of networks: against an independent exact oracle, counting formulas, and laws that every subdivision obeys."""

from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.complexes.sign_layout import words_over_facets
from separatrix.domains import WholeSpace
from separatrix.errors import InputError, KindError
from separatrix.networks.network import Network
from separatrix.surface.arrangement.arrangement import Arrangement
from separatrix.surface.arrangement.cut import cut
from separatrix.surface.arrangement.linear_steps import linear_steps
from separatrix.surface.linear_regions import linear_regions
from tests.oracles.rational_arrangement import RationalArrangement

NETWORKS = Path(__file__).parents[3] / "benchmarks" / "networks"


def sign_vectors(found: Arrangement) -> dict[tuple[int, ...], int]:
    """Box faces' and neurons' signs of every cell, with its dimension."""
    positive, negative, by_signs = found.positive, found.negative, {}
    for k in range(found.cells.dim + 1):
        if k:
            positive, negative = (words_over_facets(found.cells, k, words) for words in (positive, negative))
        rows = np.hstack([found.layout.box_signs(positive), found.layout.unpacked(positive, negative)])
        by_signs.update({tuple(row): k for row in rows.tolist()})
    assert len(by_signs) == sum(found.cells.counts)
    return by_signs


def small_network(rng: np.random.Generator) -> tuple[int, list[np.ndarray], list[np.ndarray]]:
    """Small integers as weights: dead, equal, negated and concurrent neurons, and zero sets that contain cells."""
    n = int(rng.integers(1, 4))
    widths = [int(w) for w in rng.integers(1, 3 if n == 3 else 4, size=rng.integers(1, 3))]
    weights, biases, k = [], [], n
    for m in (*widths, 1):
        w, b = rng.integers(-2, 3, (m, k)).astype(float), rng.integers(-1, 2, m).astype(float)
        if m > 1 and rng.random() < 0.2:
            w[1], b[1] = -w[0], -b[0]
        weights.append(w)
        biases.append(b)
        k = m
    return n, weights, biases


@pytest.mark.parametrize("seed", range(40))
def test_cells_are_those_of_the_exact_oracle(seed: int) -> None:
    n, weights, biases = small_network(np.random.default_rng(seed))
    lower, upper = -np.ones(n), np.ones(n)
    net = Network.from_arrays(weights, biases, "relu")
    found = cut(linear_steps(net, [[-1, 1]]), lower, upper)
    expected = RationalArrangement(weights, biases, lower, upper).cells([[-1, 1]])
    assert sign_vectors(found) == {tuple(int(s) for s in key): d for key, d in expected.dims.items()}
    found.cells.verify()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_a_box_has_its_faces(n: int) -> None:
    net = Network.from_arrays([np.ones((1, n))], [np.zeros(1)], "relu")
    region = linear_regions(net, (np.zeros(n), np.arange(1.0, n + 1)))
    assert region.cell_counts == tuple(comb(n, k) * 2 ** (n - k) for k in range(n + 1))
    region.cells.verify()


@pytest.mark.parametrize(("n", "m"), [(1, 7), (2, 9), (3, 7), (4, 6), (5, 6)])
def test_hyperplanes_in_general_position_have_the_cells_that_buck_counted(n: int, m: int) -> None:
    """f_k = C(m, n - k) sum_i C(m - n + k, i), i <= k (Buck 1943)."""
    rng = np.random.default_rng(m)
    net = Network.from_arrays(
        [rng.standard_normal((m, n)), np.ones((1, m))], [rng.standard_normal(m), np.zeros(1)], "relu"
    )
    expected = tuple(comb(m, n - k) * sum(comb(m - n + k, i) for i in range(k + 1)) for k in range(n + 1))
    whole = linear_regions(net)
    assert whole.cell_counts == expected
    assert whole.euler_characteristic == (-1) ** n
    assert whole.domain == WholeSpace(n)


@pytest.mark.parametrize("m", [1, 4, 9])
def test_lines_through_one_point_make_sectors(m: int) -> None:
    angles = np.pi * (np.arange(m) + 0.3) / m
    net = Network.from_arrays(
        [np.column_stack([np.cos(angles), np.sin(angles)]), np.ones((1, m))], [np.zeros(m), np.zeros(1)], "relu"
    )
    # the point, the ends of the lines and the corners; the lines' halves and the pieces of the sides; the sectors
    counts = (1 if m > 1 else 0, (2 if m > 1 else 1) * m, 2 * m)
    assert linear_regions(net, ([-1, -1], [1, 1])).cell_counts == (
        counts[0] + 2 * m + 4,
        counts[1] + 2 * m + 4,
        counts[2],
    )
    assert linear_regions(net).cell_counts == counts


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 3))
def test_the_order_and_the_scale_of_neurons_do_not_matter(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    w, b = rng.integers(-3, 4, (5, n)) / 4.0, rng.integers(-2, 3, 5) / 4.0
    v, c = rng.integers(-3, 4, (3, 5)) / 4.0, rng.integers(-2, 3, 3) / 4.0
    box, last = (-np.ones(n), np.ones(n)), (np.ones((1, 3)), np.zeros(1))
    order, scale = rng.permutation(5), 2.0 ** rng.integers(-3, 4, 5)
    moved = [(scale * w.T).T[order], (v / scale)[:, order], last[0]], [(scale * b)[order], c, last[1]]
    first = linear_regions(Network.from_arrays([w, v, last[0]], [b, c, last[1]], "relu"), box)
    second = linear_regions(Network.from_arrays(*moved, "relu"), box)
    assert first.cell_counts == second.cell_counts
    assert first.euler_characteristic == second.euler_characteristic == 1


def test_a_cell_lies_on_two_facets_of_every_cell_of_which_it_is_a_ridge() -> None:
    rng = np.random.default_rng(5)
    weights = [rng.integers(-2, 3, (5, 4)).astype(float), rng.integers(-2, 3, (4, 5)).astype(float), np.ones((1, 4))]
    net = Network.from_arrays(weights, [rng.integers(-1, 2, len(w)).astype(float) for w in weights], "relu")
    cells = linear_regions(net, (-np.ones(4), np.ones(4))).cells
    assert sum(cells.counts) > 500
    for k in range(2, 5):
        above, below = (abs(cells.boundary_operator(d)) for d in (k, k - 1))
        assert set(np.unique((below @ above).data).tolist()) == {2}


@pytest.mark.parametrize(
    ("name", "vertices", "edges", "n_cells"),
    [("r5_16x2", 31_329, 134_513, 692_423), ("r2_128x3", 22_881, 45_468, 90_937)],
)
def test_counts_of_benchmark_networks_are_those_of_other_programs(
    name: str, vertices: int, edges: int, n_cells: int
) -> None:
    content = np.load(NETWORKS / f"{name}.npz")
    layers = range(sum(key.startswith("W") for key in content.files))
    net = Network.from_arrays([content[f"W{i}"] for i in layers], [content[f"b{i}"] for i in layers], "relu")
    found = cut(linear_steps(net, [[-1, 1]]), content["lo"], content["hi"])
    assert (found.cells.counts[0], found.cells.counts[1], sum(found.cells.counts)) == (vertices, edges, n_cells)
    assert found.n_exact_decisions == 0


def test_input_that_has_no_linear_regions_is_refused() -> None:
    tanh = Network.from_arrays([np.ones((2, 2)), np.ones((1, 2))], [np.zeros(2), np.zeros(1)], "tanh")
    with pytest.raises(InputError, match="piecewise linear"):
        linear_regions(tanh, ([0, 0], [1, 1]))
    wide = Network.from_arrays([np.ones((2, 11)), np.ones((1, 2))], [np.zeros(2), np.zeros(1)], "relu")
    with pytest.raises(InputError, match="slice"):
        linear_regions(wide, (np.zeros(11), np.ones(11)))
    with pytest.raises(InputError, match="dimension"):
        linear_regions(wide, ([0, 0], [1, 1]))
    with pytest.raises(KindError, match="Network"):
        linear_regions("net.npz", ([0, 0], [1, 1]))  # type: ignore[arg-type]
