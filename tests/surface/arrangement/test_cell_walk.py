"""Affine forms carried from cell to cell: their values and bounds against rational numbers, and the complexes that they give."""

from fractions import Fraction

import numpy as np
import pytest

from separatrix import Box, Network, linear_regions
from separatrix.complexes.sign_layout import SignLayout
from separatrix.surface.arrangement import cell_walk
from separatrix.surface.arrangement.bounded_signs import BoundedSigns
from separatrix.surface.arrangement.box_lattice import box_lattice
from separatrix.surface.arrangement.cell_walk import CellWalk
from separatrix.surface.arrangement.insertion import insert_step
from separatrix.surface.arrangement.linear_steps import linear_steps
from separatrix.surface.arrangement.rational_point import ExactArithmetic
from separatrix.surface.arrangement.step_bounds import StepBounds
from separatrix.surface.arrangement.step_values import refine
from separatrix.surface.arrangement.walk_bounds import WalkBounds

CORNERS = {2: (np.array([-1.0, -0.75]), np.array([1.0, 1.25])), 3: (np.full(3, -0.5), np.full(3, 0.75))}


@pytest.fixture
def always(monkeypatch):
    """Every step is walked to, thin or not."""
    for name, value in (("LARGE", 0), ("THIN", 1.0), ("FEWEST_VERTICES", 0)):
        monkeypatch.setattr(cell_walk, name, value)


def network(seed, widths, slope=None, *, quantised=False):
    rng = np.random.default_rng(seed)
    pairs = list(zip(widths, widths[1:], strict=False))
    weights = [rng.normal(size=(m, k)) * (rng.random((m, k)) < 0.7) for k, m in pairs]
    biases = [0.4 * rng.normal(size=m) for _, m in pairs]
    if quantised:
        weights, biases = [np.rint(w) for w in weights], [np.rint(2 * b) for b in biases]
    name = "relu" if slope is None else "leaky_relu"
    return Network.from_arrays(weights, biases, activation=name, slope=slope or 0.01)


def cut_before(steps, index, n):
    """The lattice before step ``index``, and its signs."""
    lower, upper = CORNERS[n]
    signs = BoundedSigns(steps, lower, upper)
    layout = SignLayout.of(n, [step.creased for step in steps], has_rows=False)
    lattice, _ = box_lattice(lower, upper, layout.n_words), signs.begin(None)
    for step, word in zip(steps[:index], layout.first_words, strict=False):
        insert_step(lattice, step, word, signs)
    return lattice, signs


def exact_vertex(lattice, steps, v, index):
    """The exact position of vertex v and the exact values of step ``index`` there."""
    exact = ExactArithmetic(steps, *CORNERS[lattice.n])
    bits = lattice.positive[v], lattice.negative[v]
    point = exact.vertex(*bits, index)
    values = exact.coordinates(point, *bits, index)
    return tuple(
        np.array([Fraction(int(p), int(part.denominator)) for p in part.numerators], dtype=object)
        for part in (point, values)
    )


def walk_before(lattice, steps, index):
    bounds = [StepBounds.of(step) for step in steps[: index + 1]]
    lower, upper = CORNERS[lattice.n]
    forms = WalkBounds.of(steps[: index + 1], bounds, np.append(np.maximum(np.abs(lower), np.abs(upper)), 1.0))
    assert forms.are_finite
    return CellWalk(lattice, steps[: index + 1], (bounds, forms))


@pytest.mark.parametrize(
    ("seed", "widths", "slope"), [(0, (2, 9, 8, 6, 3), None), (1, (2, 9, 8, 6, 3), 0.1), (2, (3, 6, 5, 4, 2), None)]
)
def test_values_are_within_their_bounds_of_rational_ones(seed, widths, slope):
    n, index = widths[0], 2
    steps = linear_steps(network(seed, widths, slope))
    lattice, signs = cut_before(steps, index, n)
    walk = walk_before(lattice, steps, index)
    out = np.full((lattice.n_vertices, steps[index].bias.size), np.nan)
    blocks = [(ids.copy(), lengths.copy()) for ids, lengths in walk.values(out)]
    ids = np.concatenate([block[0] for block in blocks])
    assert sorted(ids.tolist()) == list(range(lattice.n_vertices))  # each vertex once
    s, g, norm = walk.bounds_of_values(np.arange(lattice.n_vertices), signs.lipschitz)
    p, q, c = walk.bounds.rows[-1]
    for v in range(0, lattice.n_vertices, 7):
        _, values = exact_vertex(lattice, steps, v, index)
        off = np.array([float(abs(Fraction(float(a)) - e)) for a, e in zip(out[v], values, strict=True)])
        assert (off <= p * s[v] + q * g[v] + c).all()
        assert np.sqrt((off**2).sum()) <= norm[v]
        assert (p * s[v]).max() < 1e-10  # bounds that decide something


@pytest.mark.parametrize("n", [2, 3])
def test_vertices_that_are_not_known_are_placed_again(n):
    steps = linear_steps(network(5, (n, 7, 6, 4, 2)))
    lattice, _ = cut_before(steps, 2, n)
    rng = np.random.default_rng(0)
    lost = np.arange(0, lattice.n_vertices, 3)
    lattice.x[lost] += rng.uniform(-0.2, 0.2, (lost.size, n))
    lattice.error[lost] = np.inf
    walk = walk_before(lattice, steps, 2)
    refine(walk, lattice, CORNERS[n], 1e-8)
    for v in lost.tolist():
        x, _ = exact_vertex(lattice, steps, v, 2)
        off = [float(abs(Fraction(float(a)) - e)) for a, e in zip(lattice.x[v], x, strict=True)]
        assert np.sqrt((np.array(off) ** 2).sum()) <= lattice.error[v] <= 1e-8


@pytest.mark.parametrize("quantised", [False, True])
@pytest.mark.parametrize(("n", "widths"), [(2, (8, 7, 6)), (3, (5, 5, 4))])
def test_the_complex_is_the_same(always, monkeypatch, n, widths, quantised):
    net = network(
        11 + n, (n, *widths, 2), quantised=quantised
    )  # equal and concurrent neurons, values that are exactly 0
    box = Box(*CORNERS[n])
    walked = linear_regions(net, box)
    monkeypatch.setattr(cell_walk, "FEWEST_VERTICES", 10**9)
    plain = linear_regions(net, box)
    assert walked.cell_counts == plain.cell_counts
    for k in (0, n):
        rows = [
            {row.tobytes() for row in np.asarray(found.signs(k, np.arange(found.cell_counts[k])))}
            for found in (walked, plain)
        ]
        assert rows[0] == rows[1]


def test_layers_that_are_zero_are_walked_over(always):
    rng = np.random.default_rng(0)
    widths = (2, 8, 6, 6, 5, 3)
    weights = [rng.normal(size=(m, k)) for k, m in zip(widths, widths[1:], strict=False)]
    weights[1], weights[2] = np.zeros_like(weights[1]), np.zeros_like(weights[2])
    net = Network.from_arrays(weights, [rng.normal(size=w.shape[0]) for w in weights])
    assert linear_regions(net, Box(*CORNERS[2])).cell_counts[-1] > 10


def test_biases_alone_need_no_rational_numbers(always):
    rng = np.random.default_rng(3)
    weights = [rng.normal(size=(m, k)) for k, m in ((2, 12), (12, 12), (12, 10), (10, 3))]
    biases = [rng.normal(size=12), *(np.zeros(len(w)) for w in weights[1:])]
    assert linear_regions(Network.from_arrays(weights, biases), Box(*CORNERS[2])).n_exact_decisions == 0
