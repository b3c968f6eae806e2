"""Rows of convolutional networks in batches: the same bits in every batch, and memory that does not grow with the rows."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

import separatrix as sx

MEBIBYTE = 2**20


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(4096, 784))


@pytest.fixture(scope="module")
def net() -> sx.Network:
    return sx.data.network("mnist-conv-tanh")


def test_a_row_has_the_same_bits_in_every_batch(net: sx.Network, images: np.ndarray):
    f, x = sx.log_density(net), images[:23]
    value, gradient = f.value_and_gradient(x)
    bent, logits = f.hessian_vector(x, x[::-1]), net.logits(x)
    for size in (1, 5, 23):
        for start in range(0, 23, size):
            part = slice(start, start + size)
            here = f.value_and_gradient(x[part])
            assert np.array_equal(here[0], value[part]) and np.array_equal(here[1], gradient[part])
            assert np.array_equal(net.logits(x[part]), logits[part])
            assert np.array_equal(f.hessian_vector(x[part], x[::-1][part]), bent[part])
    single = f.value_and_gradient(x.astype(np.float32))[1]
    assert single.dtype == np.float32
    assert np.abs(single - gradient).max() < 1e-5 * np.abs(gradient).max()


def grown(call: Callable[[], object]) -> float:
    """Mebibytes that a call holds at its peak beyond what it holds at its start."""
    call()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / MEBIBYTE
    finally:
        tracemalloc.stop()


def test_memory_is_that_of_the_answer_and_of_a_few_rows(net: sx.Network, images: np.ndarray):
    """The values of all layers are 100 kilobytes a row: 4,096 rows at once would be 400 MiB."""
    f = sx.log_density(net)
    assert grown(lambda: net.logits(images)) < 16
    gradients = images.nbytes / MEBIBYTE
    assert grown(lambda: f.value_and_gradient(images[:512])) < 0.125 * gradients + 16
    few, many = (grown(lambda n=n: f.value(images[:n])) for n in (64, 512))
    assert many < few + 1


def test_wide_images_go_in_smaller_pieces():
    from separatrix.flow.pieces import rows_in_piece

    assert rows_in_piece(250, 784) == 250
    assert rows_in_piece(250, 3 * 224 * 224) == 13
    assert rows_in_piece(250, 10**9) == 1
