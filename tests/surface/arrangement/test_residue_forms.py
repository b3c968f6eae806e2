"""Exact forms by residues: those of Python's integers, and the same arrangement whichever of the two decides."""

from collections.abc import Callable
from fractions import Fraction
from math import prod
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from separatrix.domains import AffineSlice
from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT, Network
from separatrix.networks.structured_layers import Convolution, SparseAffine
from separatrix.surface.arrangement.arrangement import Arrangement
from separatrix.surface.arrangement.bounded_signs import BoundedSigns
from separatrix.surface.arrangement.cut import cut
from separatrix.surface.arrangement.exact_decisions import ExactDecisions
from separatrix.surface.arrangement.exact_maps import integer_rows
from separatrix.surface.arrangement.linear_steps import LinearStep, linear_steps
from separatrix.surface.arrangement.rational_point import ExactArithmetic, RationalPoint
from separatrix.surface.arrangement.rational_signs import words_of_signs
from separatrix.surface.arrangement.residue_forms import ResidueForms
from separatrix.surface.arrangement.residue_kernels import residue_rows
from separatrix.surface.arrangement.residue_numbers import integers, lanes_for, offsets, primes, residues_of_integers
from separatrix.surface.arrangement.residue_points import values_of
from separatrix.surface.arrangement.sparse_rows import rows_behind
from separatrix.surface.arrangement.step_composition import composed
from separatrix.surface.arrangement.vanishing_kernel import group_sights


def unit(n: int) -> list[list[int]]:
    return [[int(i == j) for j in range(n + 1)] for i in range(n + 1)]


def linear_step(factors: list, slope: np.ndarray, *, is_last: bool = False) -> LinearStep:
    with np.errstate(all="ignore"):
        return LinearStep(*composed(factors), slope, tuple(factors), is_last)


def random_steps(rng: np.random.Generator, n: int, reach: int) -> list[LinearStep]:
    """Sparse and dense factors with entries of size 2^-reach to 2^reach, empty rows and columns, and slopes of all kinds."""

    def drawn(*shape: int) -> np.ndarray:
        sizes = np.ldexp(rng.standard_normal(shape), rng.integers(-reach, reach + 1, shape))
        return np.where(rng.random(shape) < 0.5, 0.0, sizes)

    steps, width = [], n
    for depth in range(4):
        factors = []
        for _ in range(rng.integers(1, 3)):
            size = int(rng.integers(2, 7))
            weight = drawn(size, width)
            is_sparse = depth == 1 or rng.random() < 0.7
            factors.append((csr_array(weight) if is_sparse else weight, drawn(size)))
            width = size
        slope = rng.choice([0.0, 1.0, 0.01, -1.5, 2.0**-40, 0.1], width)
        steps.append(linear_step(factors, slope, is_last=depth == 3))
    return steps


@pytest.mark.parametrize(
    ("n", "reach", "seed"), [(2, 0, 0), (2, 3, 1), (1, 40, 2), (3, 20, 3), (10, 6, 4), (2, 200, 5)]
)
def test_forms_are_those_of_integers(n: int, reach: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(6):
        steps = random_steps(rng, n, reach)
        residues = ResidueForms(steps, n)
        assert residues.reaches(3) or residues.bits[-1] > 4096
        signs = [rng.integers(-1, 2, step.n_signs).astype(np.int8) for step in steps]
        wanted = [np.flatnonzero(rng.random(step.bias.size) < 0.6) for step in steps[: len(residues.bits)]]
        while residues.bits[len(wanted) - 1] > 4096:
            wanted.pop()
        for k, found in enumerate(residues.forms(signs, wanted)):
            *rows, last = rows_behind(steps[: k + 1], signs, wanted[k].tolist(), unit(n))
            forms = integers(found, residues.bits[k])
            assert last == [0] * n + [last[-1]]
            assert len(forms) == len(rows)
            for form, row in zip(forms, rows, strict=True):  # equal but for what a step is multiplied by
                assert max(map(abs, form)) <= 1 << residues.bits[k]
                assert [entry * last[-1] for entry in form] == [entry * residues.scales[k] for entry in row]
            assert found.any(axis=(1, 2)).tolist() == [any(row) for row in rows]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4096), st.integers(-3, 3), st.sampled_from([-1, 0, 1]))
def test_integers_are_known_from_their_residues(bits: int, near: int, side: int) -> None:
    number = side * ((1 << bits) - abs(near)) if side else near
    number = max(min(number, 1 << bits), -(1 << bits))
    count = lanes_for(bits)
    blocks = [residues_of_integers([number], block) for block in range(-(-count // 8))]
    assert integers(np.concatenate(blocks, axis=1), bits) == [number]
    assert prod(primes(count)) > 2 << bits
    assert prod(primes(count - 1)) <= 2 << bits


@given(st.integers(2, 300), st.integers(1, 300), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_values_that_are_zero_modulo_primes_are_zero_and_the_others_are_integers(
    bits: int, size: int, seed: int
) -> None:
    """Forms that vanish at a point, such that do not, and such whose values are multiples of the first prime."""
    random = Random(seed)
    p = primes(1)[0]
    point = [random.randrange(-(1 << size), 1 << size) for _ in range(2)] + [random.randrange(1, 1 << size)]
    rows = [[random.randrange(-(1 << bits - 1), 1 << bits - 1) for _ in range(3)] for _ in range(6)]
    rows += [[k * point[2], 0, -k * point[0]] for k in (1, -3)] + [[p, 0, 0]]
    top = max(abs(entry) for row in rows for entry in row).bit_length()
    flat = [entry for row in rows for entry in row]
    lanes = [residues_of_integers(flat, block) for block in range(-(-lanes_for(top) // 8))]
    forms = np.concatenate(lanes, axis=1).reshape(len(rows), 3, -1)
    found = values_of(SimpleNamespace(bits=[top]), 0, forms, point)  # pyright: ignore[reportArgumentType]
    assert found == [sum(a * b for a, b in zip(row, point, strict=True)) for row in rows]


def test_moduli_are_primes_that_two_words_hold() -> None:
    from flint import fmpz

    found = primes(152)
    assert all(fmpz(p).is_prime() for p in found)
    assert len(set(found)) == 152
    assert max((1 << 28) - p for p in found) < 1 << 12  # what the foldings of the kernel rest on


@pytest.mark.parametrize("terms", [1, 125, 126, 127, 1000])
def test_the_largest_sums_do_not_overflow(terms: int) -> None:
    off = offsets(18)  # of the last block: the largest
    p = (1 << 28) - off.astype(np.int64)
    largest = (p - 1).astype(np.uint32)
    x = np.broadcast_to(largest, (1, 2, 8)).copy()
    out, sums = np.empty((1, 2, 8), dtype=np.uint32), np.empty((2, 8), dtype=np.uint64)
    residue_rows(
        np.zeros(1, dtype=np.int64), np.array([0, terms]), np.zeros(terms, dtype=np.int32),
        np.zeros(terms, dtype=np.int32), largest[None], largest[None], x, off, sums, out,
    )  # fmt: skip
    assert np.array_equal(out[0, 0], terms % p)  # (-1) (-1), so many times
    assert np.array_equal(out[0, 1], (terms - 1) % p)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6))
def test_doubles_are_integers_times_a_power_of_two(entries: list[float]) -> None:
    rows, exponent = integer_rows(np.array([entries]))
    assert [Fraction(entry) * Fraction(2) ** exponent for entry in rows[0]] == [Fraction(x) for x in entries]
    assert not any(entries) or any(entry % 2 for entry in rows[0])


def pooled_network(rng: np.random.Generator, quantum: float) -> Network:
    """Convolution, batch normalisation, leaky ReLU, maximum of neighbours, average of neighbours with a skip, ReLU, dense.

    Weights are multiples of ``quantum``.
    """

    def drawn(*shape: int) -> np.ndarray:
        return np.rint(rng.standard_normal(shape) / quantum) * quantum

    def sparse(rows: list[dict[int, float]], bias: np.ndarray, width: int) -> SparseAffine:
        starts = np.cumsum([0, *(len(row) for row in rows)])
        columns = np.array([column for row in rows for column in row])
        return SparseAffine(starts, columns, np.array([w for row in rows for w in row.values()]), bias, width)

    one, no = (1, 1), ((0, 0), (0, 0))
    first = Convolution(drawn(2, 1, 3, 3), drawn(2), (1, 6, 6), one, no, one)  # (2, 4, 4)
    scale = sparse([{i: 0.75 if i < 16 else 1.25} for i in range(32)], np.repeat([0.125, -0.25], 16), 32)
    left = [2 * i for i in range(16)]
    difference, kept = (
        sparse([{i: -1.0, i + 1: 1.0} for i in left], np.zeros(16), 32),
        SparseAffine.picking(np.array(left), 32),
    )
    mean = sparse([{i: 0.5, i ^ 1: 0.5} for i in range(16)], np.zeros(16), 16)
    nodes = (
        INPUT, Node(first, (0,)), Node(scale, (1,)), Node(Activation("leaky_relu", 0.1), (2,)), Node(difference, (3,)),
        Node(Activation("relu"), (4,)), Node(kept, (3,)), Node(Sum(), (5, 6)), Node(mean, (7,)), Node(Sum(), (8, 7)),
        Node(Activation("relu"), (9,)), Node(Affine(drawn(3, 16), drawn(3)), (10,)), Node(Activation("relu"), (11,)),
        Node(Affine(drawn(2, 3), drawn(2)), (12,)),
    )  # fmt: skip
    return Network.graph(nodes, 36)


def sliced_steps(seed: int, monkeypatch: pytest.MonkeyPatch) -> list[LinearStep]:
    monkeypatch.setattr("separatrix.surface.arrangement.linear_steps.DENSE", 0)  # as if the images were large
    rng = np.random.default_rng(seed)
    points = np.zeros((3, 6, 6))
    points[:, 1:4, 2:5] = rng.integers(0, 3, (3, 3, 3))
    return linear_steps(pooled_network(rng, 0.5).restrict(AffineSlice.through(points.reshape(3, 36))))


def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's integers alone decide."""
    monkeypatch.setattr(ResidueForms, "reaches", lambda self, index: False)


@pytest.mark.parametrize("seed", [0, 1])
def test_an_arrangement_is_the_same_whichever_arithmetic_decides(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, box = sliced_steps(seed, monkeypatch), (np.full(2, -0.5), np.full(2, 1.0))
    signs = BoundedSigns(steps, *box)
    quick = cut(steps, *box, signs)
    assert signs.n_exact_decisions > 20
    with monkeypatch.context() as patch:
        slow(patch)
        other = cut(steps, *box, BoundedSigns(steps, *box))
    for name in ("positive", "negative", "vertices", "vertex_error"):
        assert np.array_equal(getattr(quick, name), getattr(other, name)), name
    check_vertices(steps, box, quick, monkeypatch)


def check_vertices(steps: list[LinearStep], box: tuple, found: Arrangement, monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions, velocities and values of vertices in rational numbers: as reduced fractions, or up to a positive factor."""
    asked: list[Callable[[ExactArithmetic, np.ndarray, np.ndarray], object]] = [
        lambda exact, p, q: fractions(exact.vertex(p, q, len(steps))),
        lambda exact, p, q: fractions(exact.velocity(p, q)),
        lambda exact, p, q: fractions(exact.coordinates(exact.vertex(p, q, len(steps)), p, q, 3)),
        lambda exact, p, q: [v > 0 for v in exact.values(RationalPoint((3, -5), 0), p, q, 2)],
    ]
    vertices = range(0, found.positive.shape[0], 41)
    answers = []
    for is_slow in (False, True):
        with monkeypatch.context() as patch:
            if is_slow:
                slow(patch)
            exact = ExactArithmetic(steps, *box)
            answers.append([ask(exact, found.positive[v], found.negative[v]) for ask in asked for v in vertices])
    assert answers[0] == answers[1]


def fractions(point: RationalPoint | None) -> list[Fraction] | None:
    return None if point is None else [Fraction(p, point.denominator) for p in point.numerators]


def test_vertices_are_settled_together_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = sliced_steps(3, monkeypatch)
    rng, box = np.random.default_rng(0), (np.full(2, -0.5), np.full(2, 1.0))
    known = cut(steps[:1], *box, BoundedSigns(steps[:1], *box))
    decisions = ExactDecisions(steps, *box)
    assert decisions.is_structured[1]
    count, words = known.positive.shape[0], decisions.exact.words[-1]
    bits = [np.zeros((count, words), dtype=np.uint64) for _ in range(2)]
    is_open = rng.random((count, steps[1].n_signs)) < 0.7
    for both, before in zip(bits, (known.positive, known.negative), strict=True):
        both[:, : before.shape[1]] = before
        for v in range(count):
            both[v, decisions.exact.words[1] : decisions.exact.words[2]] = words_of_signs(is_open[v] * np.int8(2))[1]
    lattice = SimpleNamespace(positive=bits[0], negative=bits[1])
    expected = []
    for v in range(count):
        earlier = decisions.exact.earlier_signs(1, lattice.positive[v], lattice.negative[v])
        forms = rows_behind(steps[:2], earlier, steps[1].creased.tolist(), unit(2))[:-1]
        vanish = is_open[v] & np.array([not any(form) for form in forms])
        expected.append(np.where(vanish, 0, np.where(is_open[v], 2, 0)))
    still = decisions.settle_vanishing(lattice, np.arange(count), 1)
    found = [decisions.exact.signs(1, lattice.positive[v], lattice.negative[v]) for v in range(count)]
    assert np.array_equal(found, expected)
    assert still.tolist() == [v for v in range(count) if (expected[v] == 2).any()]
    assert still.size > 0
    assert decisions.count == sum(int((is_open[v] & (expected[v] == 0)).sum()) for v in range(count)) > 0


def test_sights_are_grouped_in_a_table_that_is_almost_full() -> None:
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 4, (2, 60, 3)).astype(np.uint64) << np.uint64(62)  # the last bits of three words
    sights = [np.array(places, dtype=np.int64) for places in ([], [], [62], [63, 126, 191], *[[62, 126]] * 5)]
    starts = np.cumsum([0, *(places.size for places in sights)])
    vertices, neurons = rng.integers(0, 60, 255), rng.integers(0, 9, 255)
    group = np.empty(255, dtype=np.int64)
    group_sights(vertices, neurons, starts, np.concatenate(sights), *bits, np.full(256, -1), group)
    first: dict[tuple, int] = {}
    for k, (v, i) in enumerate(zip(vertices.tolist(), neurons.tolist(), strict=True)):
        seen = (int(words[v, place // 64]) >> place % 64 & 1 for place in sights[i].tolist() for words in bits)
        assert group[k] == first.setdefault((i, *seen), k)
    assert 80 < len(first) < 255  # many of them differ in the neuron alone
