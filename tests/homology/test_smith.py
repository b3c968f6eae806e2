"""Kernels, preimages and forms of integer matrices, against plain elimination."""

import numpy as np
import pytest

from separatrix.homology import cycles
from separatrix.homology.dense_rest import merged_torsion
from separatrix.homology.smith import image_of, invariant_factors, matrix_of, nearby, preimage, smith_with_basis
from tests.oracles import homology_elimination as oracle

PRIME = 2**61 - 1


def matrices() -> dict[str, np.ndarray]:
    """Rows with many relations: generic; with a quotient that is not cyclic; of small rank modulo the library's prime."""
    rng = np.random.default_rng(0)
    generic = rng.integers(-9, 10, (24, 8)).astype(object)
    split = np.vstack([6 * np.eye(8, dtype=object), rng.integers(-9, 10, (16, 8)).astype(object)])
    split[:, 4:] = split[:, :4]
    few = np.vstack([generic[:9], generic[:2] * 10**20])
    return {"generic": generic, "split": split, "few": few, "divided": generic * PRIME, "zero": generic * 0}


@pytest.mark.parametrize("name", matrices())
def test_cycles_are_all_of_the_kernel(name):
    matrix = matrices()[name]
    rank = len(oracle.smith_diagonal(matrix.tolist()))
    basis = np.array(cycles.cycles_of(matrix_of(matrix.tolist(), matrix.shape[1]), rank).table(), dtype=object)
    assert basis.shape == (matrix.shape[0] - rank, matrix.shape[0])
    assert not (basis.astype(object) @ matrix).any()
    factors = oracle.smith_diagonal([[int(value) for value in row] for row in basis])
    assert factors == [1] * len(basis)


def test_one_congruence_is_enough_for_the_generic_matrix_only():
    for name, is_enough in (("generic", True), ("divided", False)):
        matrix = matrices()[name]
        assert (cycles._by_congruence(matrix_of(matrix.tolist(), 8), 8) is not None) == is_enough


@pytest.mark.parametrize("seed", range(6))
def test_forms_of_random_matrices(seed):
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(1, 7, 2)
    matrix = [[int(x) for x in row] for row in rng.integers(-6, 7, (rows, columns)) * int(rng.integers(1, 4))]
    expected = oracle.smith_diagonal(matrix)
    image = image_of(matrix_of(matrix, int(columns)))
    assert image.nrows() == len(expected)
    assert invariant_factors(image) == [factor for factor in expected if factor > 1]
    factors, basis = smith_with_basis(matrix, int(columns))
    assert factors == expected
    # the first r new generators times their factors span the rows
    spanned = [[factor * x for x in row] for factor, row in zip(factors, basis, strict=False)]
    assert image_of(matrix_of(spanned, int(columns))) == image
    assert oracle.smith_diagonal(basis) == [1] * int(columns)


def test_preimages_and_short_representatives():
    rng = np.random.default_rng(1)
    matrix = rng.integers(-9, 10, (9, 6)).astype(object)
    target = rng.integers(-5, 6, 9).astype(object) @ matrix
    found = np.array(preimage(matrix_of(matrix.tolist(), 6), target.tolist()).table()[0], dtype=object)
    assert (found @ matrix == target).all()
    far = matrix_of([(10**30 * matrix[0] + 1).tolist()], 6)
    lattice = matrix_of(matrix.tolist(), 6)
    near = nearby(far, lattice)
    assert max(abs(int(value)) for value in near.entries()) < 100
    assert image_of(matrix_of([*lattice.table(), (far - near).table()[0]], 6)) == image_of(lattice)


def test_sums_of_cyclic_groups():
    merged = merged_torsion([4, 6, 9, 5])
    assert [order for order, _ in merged] == [6, 180]
    orders = [4, 6, 9, 5]
    for order, parts in merged:
        least = int(np.lcm.reduce([orders[i] // np.gcd(orders[i], factor) for i, factor in parts.items()]))
        assert least == order
