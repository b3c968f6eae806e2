"""The whole space: boxes are accepted exactly where larger ones show nothing new."""

from math import comb

import numpy as np
import pytest

from separatrix.errors import UnresolvedError
from separatrix.networks.network import Network
from separatrix.surface.arrangement import far_box
from separatrix.surface.arrangement.arrangement import Arrangement
from separatrix.surface.arrangement.cut import cut
from separatrix.surface.arrangement.far_box import cut_whole_space, is_far
from separatrix.surface.arrangement.linear_steps import LinearStep, linear_steps


def in_box(steps: list[LinearStep], size: float) -> Arrangement:
    n = steps[0].weight.shape[1]
    return cut(steps, np.full(n, -size), np.full(n, size))


def accepts(steps: list[LinearStep], size: float) -> bool:
    found = in_box(steps, size)
    return is_far(steps, size, found.vertices, found.positive, found.negative)


def open_cells(found: Arrangement) -> list[int]:
    """Numbers of cells that lie in no face of the box."""
    faces = np.uint64((1 << 2 * found.vertices.shape[1]) - 1)
    bits = found.positive[:, 0]
    counts = [int((bits == faces).sum())]
    for k in range(1, found.cells.dim + 1):
        bits = np.bitwise_or.reduceat(bits[found.cells.faces[k]], found.cells.starts[k][:-1])
        counts.append(int((bits == faces).sum()))
    return counts


def line(*creases: float) -> list[LinearStep]:
    """Neurons x - c on the line."""
    weights = [np.ones((len(creases), 1)), np.ones((2, len(creases)))]
    return linear_steps(Network.from_arrays(weights, [-np.array(creases), np.zeros(2)]))[:1]


@pytest.mark.parametrize(("n", "m"), [(1, 5), (2, 7), (3, 6), (4, 5)])
def test_hyperplanes_in_general_position(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    net = Network.from_arrays([rng.standard_normal((m, n)), np.ones((2, m))], [rng.standard_normal(m), np.zeros(2)])
    found, size = cut_whole_space(linear_steps(net)[:1], lambda lower, upper: cut(linear_steps(net)[:1], lower, upper))
    assert size == 2.0**20
    # faces of dimension k lie on n - k hyperplanes: C(m, n - k) flats, each cut by the other m - n + k hyperplanes
    expected = [comb(m, n - k) * sum(comb(m - n + k, i) for i in range(k + 1)) for k in range(n + 1)]
    assert open_cells(found) == expected


def test_a_crease_on_the_face_or_beyond_it_is_noticed_where_it_shows() -> None:
    assert accepts(line(3.0), 8.0)
    assert not accepts(line(8.0), 8.0)  # in the face: a box that is a little larger has one cell more


def test_boxes_that_are_too_small_are_refused_in_the_plane() -> None:
    # the lines y = x / 1024 and y = 1 meet at x = 1024
    weights = [np.array([[-1.0, 1024.0], [0.0, 1.0]]), np.ones((2, 2))]
    steps = linear_steps(Network.from_arrays(weights, [np.array([0.0, -1.0]), np.zeros(2)]))[:1]
    assert not accepts(steps, 512.0)
    assert not accepts(steps, 1024.0)  # they meet in the face
    assert accepts(steps, 1025.0)


def test_neurons_along_the_axes_are_decided_in_rational_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    inner = far_box._stays
    monkeypatch.setattr(far_box, "_stays", lambda *args: asked.append(1) or inner(*args))
    weights = [np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 3.0]]), np.ones((2, 3))]
    steps = linear_steps(Network.from_arrays(weights, [np.array([0.5, 0.25, 1.0]), np.zeros(2)]))[:1]
    assert accepts(steps, 16.0)
    assert asked  # slopes along the faces are exactly 0


@pytest.mark.parametrize("seed", range(12))
def test_what_is_accepted_has_the_cells_of_a_much_larger_box(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    widths = [n, 4, 3, 2] if n < 3 else [n, 3, 2, 2]
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights, biases = [rng.standard_normal(s) for s in shapes], [rng.standard_normal(s[0]) for s in shapes]
    if seed % 3 == 0:
        weights, biases = [np.rint(w) for w in weights], [np.rint(b) for b in biases]
    steps = linear_steps(Network.from_arrays(weights, biases), [[1, -1]])
    truth = open_cells(in_box(steps, 2.0**60))
    verdicts = []
    for size in (1.0, 2.0, 8.0, 64.0, 2.0**12, 2.0**30):
        verdicts.append(accepts(steps, size))
        if verdicts[-1]:
            assert open_cells(in_box(steps, size)) == truth
    assert verdicts == sorted(verdicts)  # once large enough, always large enough
    assert verdicts[-1]


def test_larger_boxes_are_tried_and_the_last_one_may_be_too_small() -> None:
    found, size = cut_whole_space(line(-1.0, 2.0**20), lambda lower, upper: cut(line(-1.0, 2.0**20), lower, upper))
    assert size == 2.0**40
    assert open_cells(found) == [2, 3]
    steps = line(2.0**80)
    with pytest.raises(UnresolvedError, match="scale the inputs"):
        cut_whole_space(steps, lambda lower, upper: cut(steps, lower, upper))
