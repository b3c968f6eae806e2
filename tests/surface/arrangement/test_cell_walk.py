"""Affine forms carried from cell to cell: their values and bounds against rational numbers, and the complexes that they give."""

import functools
from fractions import Fraction

import numpy as np
import pytest

from separatrix import Box, Network, linear_regions
from separatrix.complexes.sign_layout import SignLayout
from separatrix.surface.arrangement import (
    bounded_signs,
    cell_walk,
    near_values,
    new_vertex_kernel,
    sign_walk,
    threads,
    walk_places,
    walk_plan,
)
from separatrix.surface.arrangement.bounded_signs import BoundedSigns
from separatrix.surface.arrangement.box_lattice import box_lattice
from separatrix.surface.arrangement.cell_walk import CellWalk, refine
from separatrix.surface.arrangement.insertion import insert_step
from separatrix.surface.arrangement.linear_steps import linear_steps
from separatrix.surface.arrangement.narrow_steps import values_behind
from separatrix.surface.arrangement.near_values import NearValues
from separatrix.surface.arrangement.rational_point import ExactArithmetic
from separatrix.surface.arrangement.refresh import refresh
from separatrix.surface.arrangement.sign_walk import dense_pairs, walked_signs_of
from separatrix.surface.arrangement.step_bounds import StepBounds
from separatrix.surface.arrangement.step_values import StepValues
from separatrix.surface.arrangement.walk_bounds import WalkBounds
from separatrix.surface.arrangement.walk_plan import WalkPlan

CORNERS = {2: (np.array([-1.0, -0.75]), np.array([1.0, 1.25])), 3: (np.full(3, -0.5), np.full(3, 0.75))}


def force(monkeypatch, is_thin, cells_at_once=5):
    monkeypatch.setattr(bounded_signs, "FEWEST_VERTICES", 0)
    monkeypatch.setattr(cell_walk, "CELLS_AT_ONCE", cells_at_once)  # many pieces, in threads
    monkeypatch.setattr(walk_plan, "is_thin", is_thin)
    monkeypatch.setattr(walk_plan, "is_narrow", lambda step: False)


@pytest.fixture(
    params=[
        ("to the end", 4),
        ("to the last but one", 0),
        ("to the second", 0),
        ("to the second", 1),
        ("to the second", 4),
        ("narrow to the end", 4),
        ("narrow to the last but one", 0),
        ("narrow to the last but one", 4),
    ],
    ids="{0[0]}, {0[1]} dense".format,
)
def always(request, monkeypatch):
    """Every step is walked to, thin or not; or dense ones follow at some step, so many of them walked to as well; steps behind
    the first may be narrow.
    """
    kind, most_dense = request.param
    n_thin = {"end": 99, "one": 2, "second": 1}[kind.split()[-1]]
    plans = walk_plan.walk_plans
    monkeypatch.setattr(walk_plan, "MOST_DENSE", most_dense)

    def planned(steps, box):
        thin = list(steps[1 : 1 + n_thin])
        monkeypatch.setattr(walk_plan, "is_thin", lambda step: any(step is other for other in thin))
        return plans(steps, box)

    force(monkeypatch, lambda step: True)
    monkeypatch.setattr(walk_plan, "is_narrow", lambda step: kind.startswith("narrow"))
    monkeypatch.setattr(bounded_signs, "walk_plans", planned)


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


def walk_before(lattice, steps, index, top=None, *, is_dense=False):
    """A walk to step ``index``; the steps behind ``top`` are taken for narrow ones, or for dense ones."""
    top = index if top is None else top
    bounds = tuple(StepBounds.of(step) for step in steps[: index + 1])
    lower, upper = CORNERS[lattice.n]
    carried, reach = tuple(steps[: top + 1]), np.append(np.maximum(np.abs(lower), np.abs(upper)), 1.0)
    forms = WalkBounds.of(carried, bounds[: top + 1], reach)
    assert forms.are_finite
    if is_dense:
        return CellWalk(lattice, WalkPlan(carried, bounds[: top + 1], forms, (), tuple(steps[top + 1 : index + 1])))
    return CellWalk(lattice, WalkPlan(carried, bounds[: top + 1], forms, bounds[top + 1 :]))


def put(walk, out):
    """All values of the walk's last step."""

    def take(block):
        ids, values, _ = block
        out[ids] = values

    walk.rows(np.ones(walk.lattice.n_vertices, dtype=bool), take)


@pytest.mark.parametrize("top", [0, 1, 2])
@pytest.mark.parametrize(
    ("seed", "widths", "slope"), [(0, (2, 9, 8, 6, 3), None), (1, (2, 9, 8, 6, 3), 0.1), (2, (3, 6, 5, 4, 2), None)]
)
def test_values_are_within_their_bounds_of_rational_ones(seed, widths, slope, top):
    n, index = widths[0], 2
    steps = linear_steps(network(seed, widths, slope))
    lattice, signs = cut_before(steps, index, n)
    walk = walk_before(lattice, steps, index, top)
    out = np.full((lattice.n_vertices, steps[index].bias.size), np.nan)
    numbers, seen = np.empty((lattice.n_vertices, 5)), []

    def take(block):
        ids, values, bounds = values_behind(walk.plan, signs.words, lattice, block)
        seen.extend(ids.tolist())
        out[ids], numbers[ids] = values, bounds

    walk.rows(np.ones(lattice.n_vertices, dtype=bool), take)
    assert sorted(seen) == list(range(lattice.n_vertices))  # each vertex once
    s, g, norm, _, d = numbers.T
    p, q, c = walk.plan.rows(index)
    for v in range(0, lattice.n_vertices, 7):
        _, values = exact_vertex(lattice, steps, v, index)
        off = np.array([float(abs(Fraction(float(a)) - e)) for a, e in zip(out[v], values, strict=True)])
        assert (off <= p * s[v] + q * g[v] + c + d[v]).all()
        assert np.sqrt((off**2).sum()) <= norm[v]
        assert (p * s[v] + q * g[v] + c + d[v]).max() < 1e-10  # bounds that decide something


@pytest.mark.parametrize("top", [0, 1, 2])
@pytest.mark.parametrize("n", [2, 3])
def test_vertices_that_are_not_known_are_placed_again(n, top):
    steps = linear_steps(network(5, (n, 7, 6, 4, 2)))
    lattice, _ = cut_before(steps, 2, n)
    rng = np.random.default_rng(0)
    lost = np.arange(0, lattice.n_vertices, 3)
    lattice.x[lost] += rng.uniform(-0.2, 0.2, (lost.size, n))
    lattice.error[lost] = np.inf
    walk = walk_before(lattice, steps, 2, top)
    refine(walk, CORNERS[n], 1e-8, 2)
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
    monkeypatch.setattr(bounded_signs, "FEWEST_VERTICES", 10**9)
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


def test_vertices_that_forms_do_not_place_are_placed_behind_the_last_walk(always, monkeypatch):
    monkeypatch.setattr(walk_places, "refine", lambda *_: None)
    lattice, _ = cut_before(linear_steps(network(5, (2, 14, 10, 9, 3)))[:-1], 3, 2)
    assert (lattice.error[: lattice.n_vertices] <= bounded_signs.FAR).all()
    place_all = new_vertex_kernel.place_vertices

    def lost(*arrays):
        place_all(*arrays)
        rows, first, error = arrays[0], arrays[1], arrays[7]
        error[first : first + len(rows)] = np.inf  # the worst that a bound can be

    monkeypatch.setattr(new_vertex_kernel, "place_vertices", lost)
    lattice, _ = cut_before(linear_steps(network(5, (2, 14, 10, 9, 3)))[:-1], 3, 2)
    assert (lattice.error[: lattice.n_vertices] <= bounded_signs.FAR).all()


def test_values_do_not_depend_on_pieces_and_threads(monkeypatch):
    steps = linear_steps(network(3, (2, 9, 8, 6, 3)))
    lattice, _ = cut_before(steps, 2, 2)
    found = []
    for cells, most in ((10**6, 1), (7, 1), (7, 3)):
        monkeypatch.setattr(cell_walk, "CELLS_AT_ONCE", cells)
        monkeypatch.setattr(threads, "MOST_THREADS", most)
        out = np.full((lattice.n_vertices, steps[2].bias.size), np.nan)
        put(walk_before(lattice, steps, 2), out)
        found.append(out)
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


@pytest.mark.parametrize("slope", [None, 0.1])
@pytest.mark.parametrize(("top", "is_dense"), [(0, False), (1, False), (2, False), (0, True), (1, True)])
def test_pairs_are_the_values_of_the_neurons_that_cut(top, is_dense, slope):
    steps = linear_steps(network(3, (2, 9, 8, 70, 3), slope))
    lattice, signs = cut_before(steps, 2, 2)
    walk, word = walk_before(lattice, steps, 2, top, is_dense=is_dense), signs.words[2]
    every = np.arange(lattice.n_vertices)
    values = StepValues(2, lattice.n_vertices, StepBounds.of(steps[2]), keeps_pairs=True)
    near = NearValues()
    walked_signs_of(lattice, walk, every, signs.words, walk.plan, near)
    lattice.error[1::2][: lattice.n_vertices // 2] += 1e-6  # which is true of a position that is off by less
    lattice.x[1 : lattice.n_vertices : 2] += 5e-7
    dense = functools.partial(dense_pairs, lattice, walk, signs.words, near)
    values.keep_pairs(lattice, walk, word, dense if is_dense else walk.pairs)
    exact = {v: exact_vertex(lattice, steps, v, 2)[1] for v in range(0, lattice.n_vertices, 5)}
    n_checked = 0
    for ends in np.split(walk.corners, walk.starts[1:-1]):
        positive, negative = (
            np.unpackbits(bits[ends][:, word : word + 2].view(np.uint8), axis=1, count=70, bitorder="little")
            for bits in (lattice.positive, lattice.negative)
        )
        for v in set(ends.tolist()) & set(exact):
            first, last = values.pairs[v : v + 2]
            kept = {int(j): pair for *pair, j in values.values[:, first:last].T}
            for j in np.flatnonzero(positive.any(axis=0) & negative.any(axis=0)).tolist():
                value, error = kept[j]
                assert abs(Fraction(value) - exact[v][j]) <= Fraction(error)
                assert error < (1e-4 if v % 2 and not is_dense else 1e-9)  # of dense steps they are kept from before
                n_checked += 1
    assert n_checked > 300


@pytest.mark.parametrize(("factor", "missing"), [(0.0, (60, 99)), (0.4, (5, 70)), (1e9, (0, 0))])
def test_values_that_were_not_kept_are_found_by_a_walk(factor, missing, monkeypatch):
    """The same pairs and values; the same cells."""
    monkeypatch.setattr(near_values, "FACTOR", factor)
    steps = linear_steps(network(3, (2, 9, 8, 70, 3)))
    lattice, signs = cut_before(steps, 2, 2)
    walk, found, near = walk_before(lattice, steps, 2, 1, is_dense=True), [], NearValues()
    walked_signs_of(lattice, walk, np.arange(lattice.n_vertices), signs.words, walk.plan, near)
    fill = NearValues.fill
    monkeypatch.setattr(NearValues, "fill", lambda *args: found.append(fill(*args)) or found[-1])
    pairs = []
    for kept in (near, NearValues()):
        values = StepValues(2, lattice.n_vertices, StepBounds.of(steps[2]), keeps_pairs=True)
        values.keep_pairs(
            lattice, walk, signs.words[2], functools.partial(dense_pairs, lattice, walk, signs.words, kept)
        )
        pairs.append(values.values)
    assert missing[0] <= found[0].sum() <= missing[1] and found[0].sum() <= found[1].sum() > 60
    assert (pairs[0][2] == pairs[1][2]).all() and np.abs(pairs[0][:2] - pairs[1][:2]).max() < 1e-12
    net, box = network(5, (2, 14, 10, 9, 6, 3)), Box(*CORNERS[2])
    plain = linear_regions(net, box)
    force(monkeypatch, lambda step: step.bias.size != 6)  # the fifth is dense
    walked = linear_regions(net, box)
    assert walked.cell_counts == plain.cell_counts and len(found) > 2
    assert sorted(walked.signs(2).tolist()) == sorted(plain.signs(2).tolist())


def test_signs_that_stay_open_for_a_while_change_nothing(monkeypatch):
    """Where a bound decides no sign at one step, the signs of later ones are not found with it."""
    net = network(5, (2, 14, 10, 9, 6, 3))
    box, rng = Box(*CORNERS[2]), np.random.default_rng(0)
    plain = linear_regions(net, box)
    force(monkeypatch, lambda step: step.bias.size != 6)  # the fifth is dense
    monkeypatch.setattr(walk_plan, "is_narrow", lambda step: True)
    prove, opened = sign_walk.prove_signs, []

    def proved(rows, creased, word, lattice, block):
        some, extra = prove(rows, creased, word, lattice, block), rng.random(block[0].size) < 0.3
        lattice.positive[block[0][extra], word] |= np.uint64(1)
        lattice.negative[block[0][extra], word] |= np.uint64(1)
        opened.append(int(extra.sum()))
        return some | extra

    monkeypatch.setattr(sign_walk, "prove_signs", proved)
    walked = linear_regions(net, box)
    assert sum(opened) > 50
    assert walked.cell_counts == plain.cell_counts
    found = [{row.tobytes() for row in np.asarray(c.signs(2, np.arange(c.cell_counts[2])))} for c in (walked, plain)]
    assert found[0] == found[1]


def test_a_line_of_many_neurons_leaves_room_for_the_others():
    rng = np.random.default_rng(2)
    first = np.vstack([np.column_stack([rng.uniform(0.5, 2.0, 60), np.zeros(60)]), rng.normal(size=(6, 2))])
    biases = [np.append(np.zeros(60), rng.normal(size=6)), rng.normal(size=5), np.zeros(2)]
    weights = [first, rng.normal(size=(5, 66)), rng.normal(size=(2, 5))]
    steps = linear_steps(Network.from_arrays(weights, biases))
    lattice, signs = cut_before(steps, 2, 2)
    on_line = np.flatnonzero(np.abs(lattice.x[: lattice.n_vertices, 0]) < 1e-12)
    assert on_line.size > 4
    exact = [exact_vertex(lattice, steps, v, 2)[0] for v in on_line.tolist()]
    lattice.x[on_line] += 1e-3
    bits = lattice.positive[on_line], lattice.negative[on_line]
    again = refresh([StepBounds.of(step) for step in steps[:2]], signs.words, lattice.x[on_line], bits, CORNERS[2])
    lattice.error[on_line] = np.inf
    refine(walk_before(lattice, steps, 2), CORNERS[2], 1e-8, 2)
    for x, error in ((lattice.x[on_line], lattice.error[on_line]), (again.x, again.radius)):
        off = np.array(
            [
                [float(abs(Fraction(float(a)) - e)) for a, e in zip(*pair, strict=True)]
                for pair in zip(x, exact, strict=True)
            ]
        )
        assert (np.sqrt((off**2).sum(axis=1)) <= error).all()
        assert (error < 1e-8).all()


def test_large_boxes_go_without_a_walk(monkeypatch):
    monkeypatch.setattr(walk_plan, "is_thin", lambda step: True)
    steps = linear_steps(network(3, (2, 9, 8, 6, 3)))
    for half, is_planned in ((2.0**20, True), (2.0**21, False), (np.inf, False)):
        plans = walk_plan.walk_plans(steps, (np.full(2, -half), np.full(2, half)))
        assert (plans[1] is not None) == is_planned
