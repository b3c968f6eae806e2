"""The oracle of arrangements on what can be counted by hand."""

from tests.oracles.rational_arrangement import RationalArrangement


def test_square_cut_by_two_lines():
    arrangement = RationalArrangement([[[1, 0], [0, 1]], [[1, -1]]], [[0, 0], [0]], [-1, -1], [1, 1])
    assert arrangement.cells().counts == (9, 12, 4)
    assert arrangement.cells().betti == (1, 0, 0)


def test_zero_on_a_full_cell_and_concurrent_lines():
    arrangement = RationalArrangement(
        [[[1, 0], [0, 1], [1, 1], [-2, 0]], [[1, 0, 0, 0]]], [[0] * 4, [0]], [-1, -1], [1, 1]
    )
    cells = arrangement.cells([[-1, 1]])
    assert cells.counts == (9, 14, 6)  # three lines through 0; the logit relu(x) is 0 on the left half
    surface = arrangement.surface()
    assert surface.counts == (6, 8, 3) and surface.dim == 2 and surface.betti == (1, 0, 0)
    assert arrangement.volume(0) == 2 and arrangement.volume(1) == 4


def test_circle_of_a_diamond():
    weights = [[[1, 0], [-1, 0], [0, 1], [0, -1]], [[-1, -1, -1, -1]]]
    arrangement = RationalArrangement(weights, [[0, 0, 0, 0], [1]], [-2, -2], [2, 2])  # logit 1 - |x| - |y|
    assert arrangement.surface().counts == (4, 4) and arrangement.surface().betti == (1, 1)
    assert arrangement.region(0).betti == (1, 1, 0) and arrangement.region(1).betti == (1, 0, 0)
    assert arrangement.pieces(0) == arrangement.pieces(1) == 1
    assert arrangement.volume(1) == 2
