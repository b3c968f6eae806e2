"""Sign bits and sign vectors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.complexes.cells import Cells
from separatrix.complexes.location import SignIndex
from separatrix.complexes.sign_layout import SignLayout, words_over_facets
from separatrix.errors import InputError


@given(st.integers(1, 32), st.lists(st.integers(0, 130), max_size=4), st.booleans(), st.integers(0, 2**32))
def test_packing_and_unpacking(dim, creased, has_rows, seed):
    layout = SignLayout.of(dim, creased, has_rows and bool(creased))
    rng = np.random.default_rng(seed)
    signs = rng.integers(-1, 2, (5, layout.n_neurons)).astype(np.int8)
    box = rng.integers(0, 2, (5, 2 * dim)).astype(np.int8)
    positive, negative = layout.packed(signs, box)
    assert positive.shape == negative.shape == (5, layout.n_words) and not (positive & negative).any()
    assert (layout.unpacked(positive, negative) == signs).all() and (layout.box_signs(positive) == box).all()
    for column, (step, coordinate) in enumerate(layout.neurons.tolist()):
        word, bit = layout.place(step, coordinate)
        assert (((positive[:, word] >> np.uint64(bit)) & np.uint64(1)) == (signs[:, column] == 1)).all()
    assert layout.n_rows == (creased[-1] if has_rows and creased else 0)


def test_steps_begin_at_new_words():
    layout = SignLayout.of(3, [64, 0, np.array([1, 5, 7]), 65])
    assert layout.first_words == (1, 2, 2, 3) and layout.n_words == 5
    assert layout.neurons[64:67].tolist() == [[2, 1], [2, 5], [2, 7]] and layout.place(3, 64) == (4, 0)
    assert layout.columns(3) == slice(67, 132)


@given(st.lists(st.integers(0, 130), min_size=1, max_size=4), st.integers(0, 2**32))
def test_signs_that_are_the_same_everywhere_take_no_bits(creased, seed):
    rng, every = np.random.default_rng(seed), SignLayout.of(2, creased)
    fixed = tuple(rng.integers(-1, 3, count).astype(np.int8) for count in creased)
    layout = SignLayout(2, every.coordinates, False, fixed)
    signs, box = rng.integers(-1, 2, (5, layout.n_neurons)).astype(np.int8), rng.integers(0, 2, (5, 4)).astype(np.int8)
    known = np.concatenate(fixed)
    signs[:, known != 2] = known[known != 2]
    words = layout.packed(signs, box)
    assert words[0].shape == (5, layout.n_words)
    assert layout.n_words == 1 + sum(-(-int((part == 2).sum()) // 64) for part in fixed)
    assert (layout.unpacked(*words) == signs).all() and (layout.box_signs(words[0]) == box).all()
    for found, expected in zip(layout.with_all_bits(*words), every.packed(signs, box), strict=True):
        assert (found == expected).all()
    for column, (step, coordinate) in enumerate(layout.neurons.tolist()):
        if known[column] != 2:
            with pytest.raises(KeyError):
                layout.place(step, coordinate)
            continue
        word, bit = layout.place(step, coordinate)
        assert (((words[0][:, word] >> np.uint64(bit)) & np.uint64(1)) == (signs[:, column] == 1)).all()


def test_fixed_signs_of_other_sizes_are_refused():
    with pytest.raises(InputError, match="as many fixed signs"):
        SignLayout(2, (np.arange(3),), False, (np.zeros(2, dtype=np.int8),))


def test_too_many_inputs():
    for dim in (0, 33):
        with pytest.raises(InputError, match="1 to 32"):
            SignLayout.of(dim, [])


def test_bits_of_a_cell_are_those_of_its_corners():
    edges = Cells.from_facets([4, 3], [[[0, 1], [1, 2], [2, 3]]], [[[-1, 1]] * 3])
    words = np.array([[1, 0], [2, 0], [2, 2**63], [0, 4]], dtype=np.uint64)
    assert words_over_facets(edges, 1, words).tolist() == [[3, 0], [2, 2**63], [2, 2**63 + 4]]


@given(st.integers(0, 60), st.integers(1, 3), st.integers(0, 2**32))
def test_rows_are_found_by_their_words(count, width, seed):
    """Rows of few different words, so that many are equal: the first equal row is found."""
    rng = np.random.default_rng(seed)
    positive, negative = (rng.integers(0, 3, (count, width)).astype(np.uint64) for _ in range(2))
    asked = rng.integers(0, 3, (20, 2 * width)).astype(np.uint64)
    found = SignIndex(positive, negative).find(asked[:, :width], asked[:, width:])
    rows = np.hstack([positive, negative]).tolist()
    assert found.tolist() == [rows.index(row) if row in rows else -1 for row in asked.tolist()]


def test_rows_of_one_hash_are_told_apart(monkeypatch):
    monkeypatch.setattr(SignIndex, "_keys", lambda self, rows: np.zeros(rows.shape[0], dtype=np.uint64))
    positive = np.arange(6, dtype=np.uint64)[:, None]
    index = SignIndex(positive, np.zeros_like(positive))
    assert index.find(positive[::-1], np.zeros_like(positive)).tolist() == [5, 4, 3, 2, 1, 0]
    assert index.find(positive + np.uint64(3), np.zeros_like(positive)).tolist() == [3, 4, 5, -1, -1, -1]
