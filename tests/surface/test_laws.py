"""Laws of arrangements: duality, invariance, coefficients, open cells, slices."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.domains import AffineSlice, Box
from separatrix.networks.network import Network
from separatrix.surface.decision_regions import decision_regions
from separatrix.surface.decision_surface import decision_surface
from separatrix.surface.linear_regions import linear_regions
from tests.oracles.shapes import absolute, inputs, largest, network, square_loop
from tests.surface.shapes import random_network


@dataclass
class Arrays:
    """A network with two hidden layers as arrays that may be changed."""

    weights: list
    biases: list
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def random(cls, seed, n, *, quantised):
        rng = np.random.default_rng(seed)
        weights, biases = random_network(rng, [n, 4, 3, 3], 1 if quantised else None)
        if not quantised:  # dyadic, so that moves and compositions are exact
            weights, biases = ([np.round(16 * a) / 16 for a in part] for part in (weights, biases))
        return cls(weights, biases, np.full(n, -1.5), np.full(n, 1.25))

    @property
    def net(self):
        return Network.from_arrays(self.weights, self.biases)

    @property
    def box(self):
        return Box(self.lower, self.upper)

    def fingerprint(self):
        """All counts and groups."""
        surface, regions = decision_surface(self.net, self.box), decision_regions(self.net, self.box)
        return (
            linear_regions(self.net, self.box).cell_counts,
            surface.cell_counts,
            surface.ambient.cell_counts,
            surface.homology().betti,
            sorted((r.n_components, r.n_pieces, r.homology().betti, len(r.islands)) for r in regions),
            sorted(round(r.volume, 9) for r in regions),
        )

    def permuted(self, rng):
        """Neurons, classes and inputs in another order."""
        for layer in range(3):
            order = rng.permutation(self.biases[layer].size)
            self.weights[layer], self.biases[layer] = self.weights[layer][order], self.biases[layer][order]
            if layer < 2:
                self.weights[layer + 1] = self.weights[layer + 1][:, order]
        order = rng.permutation(self.lower.size)
        self.weights[0], self.lower, self.upper = self.weights[0][:, order], self.lower[order], self.upper[order]

    def scaled(self, rng):
        """Neurons scaled by powers of two, the logits too, all by one factor."""
        for layer in range(3):
            size = self.biases[layer].size
            factor = 2.0 ** (rng.integers(-40, 40, size) if layer < 2 else np.full(size, rng.integers(-40, 40)))
            self.weights[layer], self.biases[layer] = self.weights[layer] * factor[:, None], self.biases[layer] * factor
            if layer < 2:
                self.weights[layer + 1] = self.weights[layer + 1] / factor

    def moved(self, rng):
        """Another origin, and one input mirrored."""
        shift = rng.integers(-8, 8, self.lower.size) / 4
        self.biases[0] = self.biases[0] - self.weights[0] @ shift
        self.lower, self.upper = self.lower + shift, self.upper + shift
        self.weights[0] = self.weights[0] * np.r_[-1.0, np.ones(self.lower.size - 1)]
        self.lower[0], self.upper[0] = -self.upper[0], -self.lower[0]

    def shifted(self, rng):
        """The same function added to all logits: a neuron, an input and a constant."""
        self.weights[2] = self.weights[2] + rng.integers(-4, 5, 3) / 2
        self.biases[2] = self.biases[2] + rng.integers(-4, 5) / 4

    def padded(self, rng):
        """Dead, duplicate and negated neurons that no later one takes."""
        first, bias = self.weights[0], self.biases[0]
        extra = np.concatenate([np.zeros((1, first.shape[1])), first[:1], -first[1:2]])
        self.weights[0] = np.concatenate([first, extra])
        self.biases[0] = np.concatenate([bias, [-1.0], bias[:1], -bias[1:2]])
        self.weights[1] = np.concatenate([self.weights[1], np.zeros((3, 3))], axis=1)


@pytest.mark.parametrize("change", ["permuted", "scaled", "moved", "shifted", "padded"])
@pytest.mark.parametrize("quantised", [False, True])
@pytest.mark.parametrize("n", [2, 3])
def test_nothing_depends_on_order_scale_origin_or_idle_neurons(change, quantised, n):
    seed = 17 + 2 * n + quantised
    plain, other = (Arrays.random(seed, n, quantised=quantised) for _ in range(2))
    getattr(other, change)(np.random.default_rng(seed))
    assert other.fingerprint() == plain.fingerprint()


@pytest.mark.parametrize("power", [-300, 300])
def test_units_of_the_input_do_not_matter(power):
    plain, far = Arrays.random(3, 2, quantised=False), Arrays.random(3, 2, quantised=False)
    far.weights[0] = far.weights[0] * 2.0**-power
    far.lower, far.upper = far.lower * 2.0**power, far.upper * 2.0**power
    one, two = linear_regions(plain.net, plain.box), linear_regions(far.net, far.box)
    assert one.cell_counts == two.cell_counts
    assert np.allclose(two.vertices * 2.0**-power, one.vertices, rtol=1e-14, atol=1e-14)
    assert two.volumes() * 2.0**-power * 2.0**-power == pytest.approx(one.volumes(), rel=1e-12)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 3), quantised=st.booleans())
def test_boundaries_euler_and_coefficients(seed, n, quantised):
    given_ = Arrays.random(seed, n, quantised=quantised)
    surface, regions = decision_surface(given_.net, given_.box), decision_regions(given_.net, given_.box)
    parts = [surface.complex, surface.ambient, *(region.complex for region in regions)]
    for part in parts:
        for k in range(2, part.dim + 1):
            assert not (part.boundary_operator(k - 1) @ part.boundary_operator(k)).toarray().any()
        over_z = part.homology()
        for p in (2, 3):
            field = part.homology(f"Z/{p}")
            orders = [*over_z.torsion, ()]
            divided = [sum(s % p == 0 for s in orders[k]) for k in range(part.dim + 1)]
            expected = [b + divided[k] + (divided[k - 1] if k else 0) for k, b in enumerate(over_z.betti)]
            assert list(field.betti) == expected
            assert field.euler_characteristic == part.euler_characteristic
        assert part.homology("Q").betti == over_z.betti
    assert surface.ambient.homology().betti == (1, *[0] * n)  # a cube is a point, up to homotopy
    assert sum(region.volume for region in regions) >= np.prod(given_.upper - given_.lower) * (1 - 1e-12)


def boundary_masks(region):
    """The cells of a full-dimensional region that lie in a facet of one top cell only."""
    cells = region.complex.cells
    lonely = np.abs(cells.boundary_operator(cells.dim)).sum(axis=1) == 1
    masks = [np.zeros(count, dtype=bool) for count in cells.counts]
    masks[cells.dim - 1] = np.asarray(lonely).ravel()
    return cells.closure(masks)


@pytest.mark.parametrize(("seed", "n"), [(1, 2), (2, 2), (5, 3), (9, 3)])
@pytest.mark.parametrize("coefficients", ["Z/2", "Z/3"])
def test_lefschetz_duality_of_regions(seed, n, coefficients):
    """Regions of generic networks with two classes are manifolds R with boundary: H_k(R) and H_(n-k)(R, boundary)."""
    weights, biases = random_network(np.random.default_rng(seed), [n, 7, 5, 1])
    biases[-1] -= Network.from_arrays(weights, biases).logits([[0.0] * n])[0, 1]
    for region in decision_regions(Network.from_arrays(weights, biases), Box.cube(n, -2, 2)):
        own = region.homology(coefficients).betti
        pair = region.homology(coefficients, relative_to=boundary_masks(region)).betti
        assert own == pair[::-1] and own[0] > 0


@pytest.mark.parametrize("seed", range(3))
def test_kinds_of_homology_of_the_whole_plane(seed):
    """Borel-Moore groups are those of the one-point compactification, pointed at infinity; R^n becomes a sphere."""
    weights, biases = random_network(np.random.default_rng(seed), [2, 5, 3])
    net = Network.from_arrays(weights, biases)
    space, surface = linear_regions(net), decision_surface(net)
    assert space.homology().betti == (1, 0, 0) and space.homology(kind="borel-moore").betti == (0, 0, 1)
    assert space.homology(kind="one-point").betti == (1, 0, 1)
    closed, pointed = surface.homology(kind="borel-moore"), surface.homology(kind="one-point")
    assert [b - (k == 0) for k, b in enumerate(pointed.betti)] == list(closed.betti)
    assert closed.euler_characteristic == surface.euler_characteristic == pointed.euler_characteristic - 1
    rays = int((~surface.complex.is_bounded(1)).sum())
    big = decision_surface(net, Box.cube(2, -1e7, 1e7))
    ends = np.abs(surface.complex.boundary_operator(1)).sum(axis=0)
    assert int(big.on_box[0].sum()) == rays + int((ends == 0).sum())  # a line without a vertex leaves twice
    assert big.homology().betti == surface.homology().betti


@pytest.mark.parametrize("half", [3.0, 4.5, 1000.0, 2.0**40])
def test_larger_boxes_show_the_same_torus(half):
    x, y, z = inputs(3)
    surface = decision_surface(network(3, square_loop(x, y, z)), Box.cube(3, -half, half))
    assert surface.cell_counts == (64, 128, 64) and surface.homology().betti == (1, 2, 1)
    assert surface.complex.volumes().sum() == pytest.approx(
        64
    )  # four sides: 20 + 12 outside and inside, 16 above and below


@pytest.mark.parametrize("quantised", [False, True])
def test_the_slice_of_a_network_is_the_network_composed_with_the_slice(quantised):
    given_ = Arrays.random(11, 3, quantised=quantised)
    slice_ = AffineSlice([0.25, -0.5, 0.125], [[1, 0.5, 0], [0, 1, -0.25]])
    box = Box.cube(2, -1, 1)
    first = given_.weights[0]
    weights = [first @ slice_.directions.T, *given_.weights[1:]]
    biases = [first @ slice_.origin + given_.biases[0], *given_.biases[1:]]
    composed, restricted = Network.from_arrays(weights, biases), given_.net.restrict(slice_)
    one, two = (decision_surface(net, box) for net in (composed, restricted))
    assert one.cell_counts == two.cell_counts and one.ambient.cell_counts == two.ambient.cell_counts
    assert one.homology().betti == two.homology().betti
    flat, solid = linear_regions(restricted, box), linear_regions(given_.net, Box.cube(3, -4, 4))
    dimension, number = solid.carriers(slice_.point(flat.witnesses()))
    if not quantised:  # a generic plane lies in no cell of lower dimension
        assert (dimension == 3).all() and (solid.signs(3, number) == flat.signs(2)).all()


def test_a_sphere_cut_by_planes_at_all_heights():
    """{max |x_i| = 1} at height h: a square for |h| < 1, the whole face at |h| = 1, nothing above."""
    x = inputs(3)
    cube = network(3, 1.0 - largest(*map(absolute, x)))
    for height, betti, dim in [(0.0, (1, 1), 1), (0.75, (1, 1), 1), (1.0, (1, 0, 0), 2), (1 + 2.0**-50, (0, 0), 1)]:
        flat = cube.restrict(AffineSlice([0, 0, height], [[1, 0, 0], [0, 1, 0]]))
        surface = decision_surface(flat, Box.cube(2, -2, 2))
        assert surface.homology().betti == betti and surface.dim == dim
