"""Signs that neurons have on all of a box: bounds hold, the smaller network is the same one, and so are its cells."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq

import separatrix as sx
from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.morse.piecewise_linear.vertex_values import VertexValues
from separatrix.networks.network import Network
from separatrix.surface.arrangement import arranged_complex, fixed_signs
from separatrix.surface.arrangement.linear_steps import LinearStep, linear_steps
from separatrix.surface.arrangement.part_forms import PartForms
from separatrix.surface.arrangement.reduced_steps import reduced
from separatrix.surface.arrangement.step_bounds import StepBounds

Rationals = list[fmpq]


@pytest.fixture(autouse=True)
def small_networks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_signs, "FEWEST_SIGNS", 0)
    monkeypatch.setattr(fixed_signs, "LEAST_SHARE", 0.0)


def rational(x: float) -> fmpq:
    return fmpq(*float(x).as_integer_ratio())


def exact_values(steps: Sequence[LinearStep], x: Rationals) -> list[Rationals]:
    """The coordinates of every step before its crease at a rational point."""
    found = []
    for step in steps:
        for weight, bias in step.factors:
            rows = weight if isinstance(weight, np.ndarray) else weight.toarray()
            terms = zip(rows.tolist(), bias.tolist(), strict=True)
            x = [sum((rational(w) * y for w, y in zip(row, x, strict=True) if w), rational(b)) for row, b in terms]
        found.append(x)
        if not step.is_last:
            x = [y if y > 0 else rational(a) * y for y, a in zip(x, step.slope, strict=True)]
    return found


def random_network(seed: int, n: int, activation: str = "relu") -> Network:
    """Integer weights in every other one: neurons that repeat others, vanish on a face or in a corner, or everywhere."""
    rng = np.random.default_rng(seed)
    sizes = [n, *rng.integers(3, 3 + 30 // n**2, rng.integers(1, 4)), 3]
    scale = float(rng.choice([1.0, 2.0**-300, 2.0**200])) if seed % 4 == 3 else 1.0
    weights, biases = [], []
    for k, m in zip(sizes[:-1], sizes[1:], strict=True):
        whole = seed % 2 == 0
        weights.append(rng.integers(-2, 3, (m, k)) * 1.0 if whole else rng.standard_normal((m, k)) * scale)
        biases.append(rng.integers(-3, 4, m) * 1.0 if whole else rng.standard_normal(m) * scale)
    return Network.from_arrays(weights, biases, activation)


@pytest.mark.parametrize("seed", range(24))
def test_values_on_a_box_lie_in_their_bounds(seed: int) -> None:
    rng, n = np.random.default_rng(seed), 1 + seed % 3
    activation = "leaky_relu" if seed % 5 == 0 else "relu"
    steps = linear_steps(random_network(seed, n, activation))
    centers, halves = rng.standard_normal((4, n)), rng.choice([1e-9, 1e-2, 1.0], (4, n))
    forms, ranges = PartForms.of_boxes(centers, halves), []
    found = []
    for step in steps:
        forms = forms.mapped(StepBounds.of(step))
        low, high = forms.ranges()
        found.append(forms)
        ranges.append((low, high))
        forms = forms.creased(step.slope, (low, high))
    for part in range(len(centers)):
        for e in (np.zeros(n), np.ones(n), -np.ones(n), rng.uniform(-1, 1, n)):
            place = [
                rational(c) + rational(h) * rational(t) for c, h, t in zip(centers[part], halves[part], e, strict=True)
            ]
            for values, form, (low, high) in zip(exact_values(steps, place), found, ranges, strict=True):
                for i, value in enumerate(values):
                    near = [rational(a) for a in form.values[:, part, i]]
                    off = value - near[0] - sum((g * rational(t) for g, t in zip(near[1:], e, strict=True)), fmpq(0))
                    assert abs(off) <= rational(form.rest[part, i])
                    assert rational(low[part, i]) <= value <= rational(high[part, i])


def test_what_is_not_finite_proves_nothing() -> None:
    weights = [np.array([[1e200], [1e300]]), np.array([[1e200, 1e300], [1.0, 0.0]]), np.eye(2)]
    steps = linear_steps(Network.from_arrays(weights, [np.array([1e300, 1e308]), np.ones(2), np.zeros(2)]))
    with np.errstate(all="ignore"):
        found = fixed_signs.fixed_signs(steps[:-1], np.array([1.0]), np.array([1e10]))
    assert found is not None and found[0].tolist() == [1, 2] and found[1].tolist() == [2, 2]


@pytest.mark.parametrize("seed", range(16))
def test_the_smaller_network_is_the_same_one_in_the_box(seed: int) -> None:
    n = 1 + seed % 3
    steps, rng = linear_steps(random_network(seed, n)), np.random.default_rng(seed)
    lower, upper = np.full(n, -0.5), np.full(n, 1.0)
    found = fixed_signs.fixed_signs(steps, lower, upper)
    assert found is not None
    smaller = reduced(steps, found)
    assert (found[-1] == 2).all() and sum(s.n_signs for s in smaller[:-1]) == sum(
        int((f == 2).sum()) for f in found[:-1]
    )
    for t in [np.zeros(n), np.ones(n), *rng.integers(0, 17, (4, n)) / 16]:
        x = [rational(a) for a in lower + t * (upper - lower)]
        values = exact_values(steps, x)
        assert exact_values(smaller, x)[-1] == values[-1]
        for signs, step, row in zip(found, steps, values, strict=True):
            for sign, i in zip(signs.tolist(), step.creased.tolist(), strict=True):
                assert sign == 2 or sign == (row[i] > 0) - (row[i] < 0)


def sorted_signs(found: PolyhedralComplex, k: int) -> list[list[int]]:
    return sorted(np.hstack([found.box_signs(k), found.signs(k)]).tolist())


@pytest.mark.parametrize("seed", range(30))
def test_cells_and_their_signs_do_not_depend_on_it(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    n, rng = 1 + seed % 3, np.random.default_rng(seed)
    net = random_network(2 * seed, n, "leaky_relu" if seed % 5 == 0 else "relu")
    box = sx.Box(np.full(n, -0.5), np.full(n, 1.0))
    found = sx.linear_regions(net, box)
    monkeypatch.setattr(arranged_complex, "fixed_signs", lambda *_: None)
    plain = sx.linear_regions(net, box)
    assert found.cell_counts == plain.cell_counts and not plain.layout.fixed
    assert all(sorted_signs(found, k) == sorted_signs(plain, k) for k in range(n + 1))
    x = box.lower + rng.random((20, n)) * (box.upper - box.lower)
    here, there = found.locate(x), plain.locate(x)
    assert (here >= 0).all() and (found.signs(n, here) == plain.signs(n, there)).all()
    for a, b in zip(here[:3].tolist(), there[:3].tolist(), strict=True):
        assert (found.affine_map(a, exact=True)[0] == plain.affine_map(b, exact=True)[0]).all()


@pytest.mark.parametrize(
    ("first", "second", "fixed"),
    [
        ("on", "on", [6, 5]),
        ("off", "on", [6, 5]),
        ("off", "off", [6, 5]),
        ("cut", "off", [0, 5]),
        ("on", "cut", [6, 0]),
    ],
)
def test_layers_of_one_sign(first: str, second: str, fixed: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """All neurons of a layer are left out: it goes into the next one, or what is behind is constant."""
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape) for shape in ((6, 2), (5, 6), (3, 5))]
    biases = [{"on": 50.0, "off": -50.0, "cut": 0.01}[first] * np.ones(6), {"on": 500.0, "off": -500.0}.get(second)]
    biases[1] = -weights[1] @ biases[0] if biases[1] is None else biases[1] * np.ones(5)
    net, box = Network.from_arrays(weights, [*biases, np.zeros(3)]), sx.Box([-1.0, -1.0], [1.0, 1.0])
    found = sx.linear_regions(net, box)
    assert [int((signs != 2).sum()) for signs in found.layout.fixed] == fixed
    regions = sx.decision_regions(net, box)
    monkeypatch.setattr(arranged_complex, "fixed_signs", lambda *_: None)
    plain = sx.linear_regions(net, box)
    assert found.cell_counts == plain.cell_counts and sorted_signs(found, 2) == sorted_signs(plain, 2)
    assert repr(regions) == repr(sx.decision_regions(net, box))


def test_regions_of_classes_and_surfaces_do_not_depend_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    net, box = random_network(9, 2), sx.Box([-1.0, -1.0], [1.0, 1.0])
    regions, surface = sx.decision_regions(net, box), sx.decision_surface(net, box, classes=(0, 1))
    assert any((signs != 2).any() for signs in surface.complex.layout.fixed)
    monkeypatch.setattr(arranged_complex, "fixed_signs", lambda *_: None)
    assert repr(sx.decision_regions(net, box)) == repr(regions)
    plain = sx.decision_surface(net, box, classes=(0, 1))
    assert plain.complex.cell_counts == surface.complex.cell_counts
    assert all(sorted_signs(surface.complex, k) == sorted_signs(plain.complex, k) for k in range(2))


@pytest.mark.parametrize("seed", [2, 5])
def test_vertices_are_known_exactly_without_all_bits(seed: int) -> None:
    net = random_network(seed, 2)
    found = sx.linear_regions(net, sx.Box([-1.0, -1.0], [1.0, 1.0]))
    assert any((signs != 2).any() for signs in found.layout.fixed)
    values, steps = VertexValues(found, np.array([[1, -1, 0]])), linear_steps(net)
    for v in range(found.cell_counts[0]):
        place = values.position(v)
        z = exact_values(steps, [fmpq(p.numerator, p.denominator) for p in place])[-1]
        assert values.exact(v) == (Fraction(int((z[0] - z[1]).p), int((z[0] - z[1]).q)),)
        assert np.abs(np.array([float(p) for p in place]) - found.vertices[v]).max() <= found.vertex_error[v] + 1e-12


def test_large_shares_only_are_worth_while(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = linear_steps(random_network(1, 2))[:-1]
    box = np.array([-9.0, -9.0]), np.array([9.0, 9.0])
    monkeypatch.setattr(fixed_signs, "LEAST_SHARE", 1.0)
    assert fixed_signs.fixed_signs(steps, *box) is None
    assert fixed_signs.fixed_signs(linear_steps(random_network(1, 4)), np.zeros(4), np.ones(4)) is None


def test_parts_run_out_without_a_wrong_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """x - 1/128 takes both signs in [0, 1], the negative one in a part that only the finest cut away; 3 - x is positive."""
    net = Network.from_arrays([np.array([[1.0], [-1.0]]), np.ones((2, 2))], [np.array([-1 / 128, 3.0]), np.zeros(2)])
    steps = linear_steps(net)[:-1]
    for finest in (4, 8, 64):
        monkeypatch.setattr(fixed_signs, "FINEST", finest)
        found = fixed_signs.fixed_signs(steps, np.zeros(1), np.ones(1))
        assert found is not None and found[0].tolist() == [2, 1]


def test_boxes_that_have_no_parts_are_left_alone() -> None:
    steps = linear_steps(random_network(2, 1))[:-1]
    for lower, upper in ((0.0, 20 * 2.0**-1074), (-1.7e308, 1.7e308), (1.0, 1.0 + 2.0**-48)):
        assert fixed_signs.fixed_signs(steps, np.array([lower]), np.array([upper])) is None
    assert fixed_signs.fixed_signs(steps, np.array([-1e300]), np.array([1e300])) is not None
    assert fixed_signs.fixed_signs([], np.zeros(1), np.ones(1)) is None


def test_no_bound_is_trusted_where_doubles_do_not_round_as_they_should(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, box = linear_steps(random_network(2, 2))[:-1], (np.zeros(2), np.ones(2))
    assert fixed_signs.fixed_signs(steps, *box) is not None
    monkeypatch.setattr(fixed_signs, "ieee_arithmetic_holds", lambda: False)
    assert fixed_signs.fixed_signs(steps, *box) is None
