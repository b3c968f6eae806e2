"""Batches through trees of pairs as single steps: the same functions as the trees node by node, ties and all."""

from collections.abc import Callable

import numpy as np
import pytest

import separatrix as sx
from separatrix.networks.graph_folding import folded
from separatrix.networks.joined_pairs import Joined, joined
from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT, Network
from separatrix.networks.propagation import Propagation
from separatrix.networks.structured_layers import SparseAffine
from separatrix.networks.traced_layers import Pool, Softmax

rng = np.random.default_rng(0)


def behind(layer: object, width: int, weights: Callable[..., np.ndarray]) -> Network:
    """Affine, ``layer`` of ``width`` values and affine again."""
    n = layer.windows.shape[0] if isinstance(layer, Pool) else width
    nodes = [INPUT, Node(Affine(weights((width, 5)), weights(width)), (0,)), Node(layer, (1,))]  # pyright: ignore
    return Network.graph(folded([*nodes, Node(Affine(weights((3, n)), weights(3)), (2,))]), 5)


def normal(shape: object) -> np.ndarray:
    return rng.normal(size=shape)  # pyright: ignore[reportCallIssue, reportArgumentType]


def whole(shape: object) -> np.ndarray:
    return rng.integers(-2, 3, size=shape).astype(float)  # pyright: ignore[reportCallIssue, reportArgumentType]


WINDOWS = np.array([[0, 1, 2, 3], [2, 3, 4, -1], [5, -1, -1, -1], [6, 4, 0, 1], [7, 5, -1, -1]])
SIGNS = np.array([1, 1, 1, -1, -1])
GROUPS = np.array([[0, 3, 4, 7], [1, 2, 6, 5]])
LAYERS: dict[str, tuple[object, int]] = {
    "pool": (Pool(WINDOWS, SIGNS, 8), 8),
    "softmax": (Softmax(False, GROUPS, ""), 8),
    "log_softmax": (Softmax(True, GROUPS, ""), 8),
}


def three(net: Network, plain: bool, x: np.ndarray, y: np.ndarray, v: np.ndarray) -> list[np.ndarray]:
    """Outputs, gradients and the products with the Hessian of y . output."""
    state = Propagation(net.nodes, net.parameters, x) if plain else net.propagate_rows(x)
    cotangents, tangents = state.cotangents(y), state.tangents(v)
    return [state.output, cotangents[0], state.second_cotangents(cotangents, tangents, np.zeros_like(y))]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("scale", [1.0, 300.0])  # entries far below the largest have their own exponentials
def test_a_tree_as_one_step_is_the_same_function(name: str, scale: float):
    net = behind(*LAYERS[name], normal)
    steps = [node.layer for node in joined(net.nodes) if isinstance(node.layer, Joined)]
    assert len(steps) == 1 and len(joined(net.nodes)) < len(net.nodes)
    x, y, v = scale * normal((40, 5)), normal((40, 3)), normal((40, 5))
    for mine, its in zip(three(net, False, x, y, v), three(net, True, x, y, v), strict=True):
        assert np.abs(mine - its).max() <= 1e-12 * max(1.0, np.abs(its).max())
    one = three(net, False, x[:1], y[:1], v[:1])
    for mine, its in zip(one, three(net, False, x, y, v), strict=True):
        assert np.array_equal(mine[0], its[0])


def test_ties_go_to_the_first_of_a_window_as_in_the_tree():
    """With whole numbers all sums are exact, and many entries are equal."""
    n_ties = 0
    for _ in range(20):
        net = behind(*LAYERS["pool"], whole)
        x, y, v = whole((30, 5)), whole((30, 3)), whole((30, 5))
        for mine, its in zip(three(net, False, x, y, v), three(net, True, x, y, v), strict=True):
            assert np.array_equal(mine, its)
        units = net.propagate(x).values[1]
        n_ties += int((units[:, 0] == units[:, 1]).sum())
    assert n_ties > 20


def test_convolutional_networks_with_overlapping_windows():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layers = (torch.nn.Conv2d(2, 4, 3, padding=1, groups=2), torch.nn.GELU(), torch.nn.MaxPool2d(3, 2, 1))
    last = (torch.nn.Conv2d(4, 3, 1), torch.nn.LeakyReLU(0.2), torch.nn.MaxPool2d(2), torch.nn.Flatten())
    module = torch.nn.Sequential(*layers, *last, torch.nn.Linear(12, 3)).double()
    potential = sx.log_density(sx.load(module, input_shape=(2, 8, 8)))
    graph = potential.graph
    assert sum(isinstance(node.layer, Joined) for node in joined(graph.nodes)) == 2
    x, v = rng.normal(size=(11, 128)), rng.normal(size=(11, 128))
    images = torch.tensor(x).reshape(11, 2, 8, 8).requires_grad_(True)
    torch.logsumexp(module(images), 1).sum().backward()
    value, gradient = potential.value_and_gradient(x)
    assert np.abs(gradient - images.grad.reshape(11, -1).numpy()).max() < 1e-13
    bent = potential.hessian_vector(x, v)
    full = potential.hessian(x[:2])  # by the nodes of the network
    assert np.abs(bent[:2] - np.einsum("nij,nj->ni", full, v[:2])).max() < 1e-12
    assert np.abs(potential.hessian_vector(x, v[:1])[0] - bent[0]).max() < 1e-15
    for i in range(11):
        alone = potential.value_and_gradient(x[i : i + 1])
        assert np.array_equal(alone[0][0], value[i]) and np.array_equal(alone[1][0], gradient[i])
        assert np.array_equal(potential.hessian_vector(x[i : i + 1], v[i : i + 1])[0], bent[i])


def pair(second: float, above: str = "relu", shared: bool = False) -> Network:
    """x_0 + s(second x_1 - x_0), its parts used elsewhere, too, where they are ``shared``."""
    base = SparseAffine.picking([0], 2)
    difference = SparseAffine.of(np.array([[-1.0, second]]))
    nodes = [INPUT, Node(base, (0,)), Node(difference, (0,)), Node(Activation(above), (2,)), Node(Sum(), (1, 3))]
    if shared:
        nodes.append(Node(Sum(), (4, 3)))
    return Network.graph([*nodes, Node(Affine(np.array([[1.0], [2.0]]), np.zeros(2)), (len(nodes) - 1,))], 2)


def test_what_only_looks_like_a_pair_stays():
    assert len(joined(pair(1.0).nodes)) == 3
    others = (pair(2.0), pair(-1.0), pair(1.0, "tanh"), pair(1.0, shared=True))
    for net in others:
        assert not any(isinstance(node.layer, Joined) for node in joined(net.nodes))
        x = rng.normal(size=(5, 2))
        assert np.array_equal(net.propagate_rows(x).output, net.propagate(x).output)


def test_what_is_no_number_stays_seen():
    net = pair(1.0)
    with np.errstate(invalid="ignore"):
        found = net.propagate_rows(np.array([[np.nan, 1.0], [1.0, np.nan], [1.0, 2.0]])).output
    assert np.isnan(found[:2]).all() and found[2, 0] == 2.0


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "sigmoid", "relu", "leaky_relu"])
def test_slopes_of_arrays_are_those_of_tensors(name: str):
    torch = pytest.importorskip("torch")
    u = np.concatenate([np.linspace(-45.0, 45.0, 2001), [0.0, -0.0, 1e-300, -5e-324, 1e-29, -800.0, 800.0]])
    function = Activation(name, 0.2).function
    t = torch.from_numpy(u)
    value = function.value(np, u, 0.2)
    mine, its = function.first(np, u, value, 0.2), function.first(torch, t, function.value(torch, t, 0.2), 0.2).numpy()
    assert np.allclose(value, function.value(torch, t, 0.2).numpy(), rtol=1e-13, atol=1e-300)
    assert np.allclose(mine, its, rtol=1e-12, atol=1e-16)
