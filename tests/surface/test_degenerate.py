"""Networks that are not generic: right counts, or a refusal that says why."""

import numpy as np
import pytest

from separatrix.domains import Box
from separatrix.errors import InputError, KindError, UnresolvedError
from separatrix.networks.network import Network
from separatrix.surface.decision_regions import decision_regions
from separatrix.surface.decision_surface import decision_surface
from separatrix.surface.linear_regions import linear_regions
from tests.oracles.rational_arrangement import RationalArrangement
from tests.surface.shapes import three_sectors, two_discs

TINY = 2.0**-1000


def agree(weights, biases, box, slope=None):
    """Counts, groups and pieces of everything, against brute force."""
    options = {} if slope is None else {"activation": "leaky_relu", "slope": slope}
    net = Network.from_arrays(weights, biases, **options)
    truth = RationalArrangement(weights, biases, *box, slope=slope or 0.0)
    assert linear_regions(net, box).cell_counts == truth.cells().counts
    surface = decision_surface(net, box)
    assert surface.cell_counts == truth.surface().counts and surface.ambient.cell_counts == truth.argmax.counts
    assert surface.homology("Z/2").betti == truth.surface().betti
    for k, region in enumerate(decision_regions(net, box)):
        assert region.homology("Z/2").betti == truth.region(k).betti and region.n_pieces == truth.pieces(k)


FIRST, BIAS = np.array([[1.0, 0.5], [-0.25, 1.0], [0.75, -1.0], [1.0, 1.0]]), np.array([0.25, -0.125, 0.0, 0.5])
SECOND, NEXT = np.array([[1.0, -1.0, 0.5, -1.5], [-0.5, 1.0, 1.0, -0.25]]), np.array([-0.25, 0.125])
LAST, END = np.array([[1.0, -1.0], [-1.0, 0.5], [0.25, 0.25]]), np.array([0.0, 0.125, -0.125])
SQUARE = [-1.0, -1.0], [1.0, 1.0]


def dead(w, b):
    w[0][1], b[0][1] = 0, -1


def zero(w, b):
    w[0][1], b[0][1] = 0, 0  # a neuron that is zero everywhere


def constant(w, b):
    w[0][1], b[0][1] = 0, 0.5


def duplicate(w, b):
    w[0][1], b[0][1] = w[0][0], b[0][0]


def negated(w, b):
    w[0][1], b[0][1] = -w[0][0], -b[0][0]


def thrice(w, b):
    w[0][1], b[0][1] = 3 * w[0][0], 3 * b[0][0]


def concurrent(w, b):
    w[0][0], w[0][1], b[0][:] = [1, 0], [0, 1], 0


def no_biases(w, b):
    for part in b:
        part[:] = 0


def close(power):
    def change(w, b):
        w[0][1], b[0][1] = w[0][0], b[0][0] + 2.0**-power

    change.__name__ = f"2^-{power} apart"
    return change


def almost_parallel(w, b):
    w[0][1], b[0][1] = w[0][0] * (1 + 2.0**-52) + [0, 2.0**-50], b[0][0]


def on_a_side(w, b):
    w[0][1], b[0][1] = [1, 0], -1  # vanishes on the side x = 1


def at_a_corner(w, b):
    w[0][1], b[0][1] = [1, 1], -2


def equal_logits(w, b):
    w[2][1], b[2][1] = w[2][0], b[2][0]


def all_logits_equal(w, b):
    w[2][:], b[2][:] = w[2][0], b[2][0]


def one_class_never(w, b):
    w[2][1], b[2][1] = w[2][0], b[2][0] - 1


def constant_logits(w, b):
    w[2][:], b[2][:] = 0, [0, 1, 0.5]


def quantised(w, b):
    for part in (*w, *b):
        part[:] = np.round(part)


def dead_layer(w, b):
    w[1][:], b[1][:] = 0, -1


def copies_in_the_second_layer(w, b):
    w[1][1], b[1][1] = -2 * w[1][0], -2 * b[1][0]


CHANGES = [
    dead, zero, constant, duplicate, negated, thrice, concurrent, no_biases, close(45), close(52), close(70), close(1000),
    almost_parallel, on_a_side, at_a_corner, equal_logits, all_logits_equal, one_class_never, constant_logits, quantised,
    dead_layer, copies_in_the_second_layer,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_cells_are_those_of_brute_force(change):
    weights, biases = [FIRST.copy(), SECOND.copy(), LAST.copy()], [BIAS.copy(), NEXT.copy(), END.copy()]
    change(weights, biases)
    agree(weights, biases, SQUARE)


@pytest.mark.parametrize("slope", [0.0, 1e-300, 0.5, 3.0, -1.0, -1e-3, 1e300])
def test_leaky_slopes(slope):
    agree([FIRST, SECOND, LAST], [BIAS, NEXT, END], SQUARE, slope)


def test_slope_one_has_no_crease():
    net = Network.from_arrays([FIRST, SECOND, LAST], [BIAS, NEXT, END], "leaky_relu", slope=1.0)
    plain = Network.from_arrays([LAST @ SECOND @ FIRST], [LAST @ (SECOND @ BIAS + NEXT) + END])
    assert linear_regions(net, SQUARE).cell_counts == (4, 4, 1)
    assert decision_surface(net, SQUARE).cell_counts == decision_surface(plain, SQUARE).cell_counts


@pytest.mark.parametrize("factor", [TINY, 2.0**-600, 2.0**600])
def test_scales_that_leave_the_doubles_in_between(factor):
    """Layers scaled by powers of two of which products and values overflow or underflow; the cells are the same."""
    plain = linear_regions(Network.from_arrays([FIRST, SECOND, LAST], [BIAS, NEXT, END]), SQUARE)
    surface = decision_surface(Network.from_arrays([FIRST, SECOND, LAST], [BIAS, NEXT, END]), SQUARE)
    net = Network.from_arrays([FIRST * factor, SECOND / factor, LAST * factor], [BIAS * factor, NEXT, END * factor])
    assert linear_regions(net, SQUARE).cell_counts == plain.cell_counts
    found = decision_surface(net, SQUARE)
    assert found.cell_counts == surface.cell_counts and found.homology().betti == surface.homology().betti
    bare = [BIAS, np.zeros(2), np.zeros(3)]
    plain = linear_regions(Network.from_arrays([FIRST, SECOND, LAST], bare), SQUARE)
    bare[0] = BIAS * factor
    squared = Network.from_arrays([FIRST * factor, SECOND * factor, LAST], bare)  # values beyond the doubles
    assert linear_regions(squared, SQUARE).cell_counts == plain.cell_counts


@pytest.mark.parametrize("m", [3, 8, 40])
def test_many_lines_through_one_point(m):
    """m lines through the origin: 2 m sectors, the corners of the square and one vertex in the middle."""
    angle = np.arange(m) * np.pi / m + 0.1
    rows = np.round(np.stack([np.cos(angle), np.sin(angle)], axis=1) * 2**20)
    net = Network.from_arrays([rows, np.ones((1, m))], [np.zeros(m), [0.0]])
    cells = linear_regions(net, SQUARE)
    assert cells.cell_counts == (2 * m + 5, 4 * m + 4, 2 * m)
    assert linear_regions(net).cell_counts == (1, 2 * m, 2 * m)
    x = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    assert (cells.signs(2, cells.locate(x)) == np.sign(x @ rows.T)).all()
    assert cells.carriers([[0.0, 0.0]])[0].tolist() == [0]


@pytest.mark.parametrize("power", [45, 70, 300])
def test_planes_closer_than_any_float_can_tell(power):
    """x = 0 and x = 2^-p in a cube cut by y = 0: three slabs times two."""
    rows = np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]])
    net = Network.from_arrays([rows, np.ones((1, 3))], [[0.0, -(2.0**-power), 0.0], [0.0]])
    cells = linear_regions(net, Box.cube(3, -1, 1))
    assert cells.cell_counts == (4 * 3 * 2, 3 * 3 * 2 + 4 * 2 * 2 + 4 * 3, 3 * 2 * 2 + 3 * 3 + 4 * 2, 6)
    thin = cells.locate([[2.0 ** -(power + 1), 0.5, 0.5]])[0]
    assert cells.volumes()[thin] == pytest.approx(2.0 ** (1 - power), rel=1e-6, abs=2.0**-52)


@pytest.mark.parametrize("half", [1e-310, 1e-150, 1e-20, 1e20, 1e150, 1e300, 1.7e308])
def test_boxes_of_any_size(half):
    """Three sectors around the origin look the same at every scale; volumes leave the doubles without a warning."""
    net, box = three_sectors(), ([-half] * 2, [half] * 2)
    regions = decision_regions(net, box)
    assert decision_surface(net, box).cell_counts == (4, 3)
    assert [region.n_components for region in regions] == [1, 1, 1]
    shares = np.array([1.0, 1.5, 1.5])
    with np.errstate(over="ignore", under="ignore"):
        expected = shares * np.float64(half) * np.float64(half)
    found = np.array([region.volume for region in regions])
    assert (
        (found == expected).all() if half > 1e200 or half < 1e-200 else np.allclose(found, expected, rtol=1e-12, atol=0)
    )


def test_witnesses_on_lower_cells_are_told():
    """Strips of width 2^-100 along a diagonal: rounded witnesses lie on their sides, which have larger numbers than cells."""
    first, shift = [[1.0, 0.0], [1.0, -1.0], [3.0, -3.0], [1.0, -1.0]], [-0.5, 0.0, 0.0, 2.0**-100]
    net = Network.from_arrays([first, [[1.0, 1.0, 1.0, 0.0]] * 3], [shift, [0.5] * 3], "leaky_relu", slope=2.0)
    regions = decision_regions(net, ([0, 0], [1, 1]))  # three equal logits: every region is the square
    assert [(region.n_components, region.volume) for region in regions] == [(1, 1.0)] * 3
    inside = np.stack([c.witness for c in regions.components])
    assert ((inside >= 0) & (inside <= 1)).all()


def test_limits_are_said():
    net, box = two_discs(), Box.cube(2, -3, 3)
    for call in (decision_surface, decision_regions):
        with pytest.raises(UnresolvedError, match="max_cells"):
            call(net, box, max_cells=5)
    wide = Network.from_arrays([np.ones((1, 12))], [[0.0]])
    for call in (linear_regions, decision_surface, decision_regions):
        with pytest.raises(InputError, match="inputs"):
            call(wide, Box.cube(12, -1, 1))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_smooth_and_mixed_networks_are_not_taken_for_piecewise_linear_ones(n):
    rng, box = np.random.default_rng(0), Box.cube(n, -1, 1)
    smooth = Network.from_arrays([rng.normal(size=(3, n)), rng.normal(size=(1, 3))], [np.zeros(3), [0.1]], "tanh")
    mixed = Network.from_arrays(
        [rng.normal(size=(3, n)), rng.normal(size=(3, 3)), np.ones((1, 3))],
        [np.zeros(3)] * 2 + [[0.0]],
        ["relu", "tanh"],
    )
    for net in (smooth, mixed):
        with pytest.raises(InputError, match="piecewise linear"):
            linear_regions(net, box)
    for call in (decision_surface, decision_regions):
        with pytest.raises(InputError, match="relu is not a smooth" if n < 4 else "at most 3 inputs"):
            call(mixed, box)
    if n > 3:
        with pytest.raises(InputError, match="restrict"):
            decision_surface(smooth, box)


@pytest.mark.parametrize(
    ("box", "error"),
    [
        (([1, 1], [-1, -1]), InputError),
        (([0, 0], [0, 1]), InputError),
        (([np.nan, 0], [1, 1]), InputError),
        (([-np.inf, 0], [1, 1]), InputError),
        (([0], [1]), InputError),
        (([0, 0], [1]), InputError),
        (([], []), InputError),
        ((0, 1), InputError),
        ("box", KindError),
        (3, KindError),
        (([0j, 0], [1, 1]), KindError),
        (([None, 0], [1, 1]), KindError),
    ],
)
def test_bad_boxes_are_refused(box, error):
    for call in (linear_regions, decision_surface, decision_regions):
        with pytest.raises(error):
            call(two_discs(), box)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ([[np.nan, 0.0]], InputError),
        ([[np.inf, 0.0]], InputError),
        (np.zeros((3, 3)), InputError),
        (3.0, InputError),
        ((np.zeros((3, 2)), np.zeros(4)), InputError),
        ((np.zeros((3, 2)), np.zeros((3, 1))), InputError),
        ((np.zeros((2, 2)), ["cat", "dog"]), KindError),
        ((np.zeros((2, 2)), [0.0, np.nan]), InputError),
        ((np.zeros((2, 2)), [0, 2]), InputError),
        ((np.zeros((2, 2)), [0, [1, 1]]), InputError),
        (["a", "b"], KindError),
        (np.zeros((2, 2), dtype=complex), KindError),
        ({}, KindError),
        ((i for i in range(3)), KindError),
    ],
)
def test_bad_data_are_refused(data, error):
    with pytest.raises(error, match="data"):
        decision_regions(two_discs(), Box.cube(2, -3, 3), data)


def test_many_points_on_dead_neurons_are_counted():
    """Most points have neurons that are exactly zero behind neurons that are off: no rational number is needed."""
    net, box = two_discs(), Box.cube(2, -3, 3)
    x = np.random.default_rng(0).uniform(-3, 3, (20_000, 2))
    regions = decision_regions(net, box, x)
    assert [sum(c.n_data for c in region.components) for region in regions] == np.bincount(net.predict(x)).tolist()


def test_volumes_that_doubles_lose_are_enclosed():
    """Two discs of area 4 each in a box that no double can square."""
    for half in (1e200, 1e308):
        outside, inside = decision_regions(two_discs(), ([-half] * 2, [half] * 2))
        assert [c.volume <= 2.0 <= c.volume_upper for c in inside.components] == [True, True]
        assert outside.volume_upper == np.inf
