"""The door of chain complexes: what is read, what is refused and in which words."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from separatrix.errors import InputError, KindError
from separatrix.homology.chain_complex import ChainComplex
from tests.homology import spaces

CIRCLE = [[-1, 0, 1], [1, -1, 0], [0, 1, -1]]


@pytest.mark.parametrize(
    "matrix",
    [
        CIRCLE,
        np.array(CIRCLE),
        np.array(CIRCLE, dtype=np.int8),
        np.array(CIRCLE, dtype=float),
        np.array(CIRCLE, dtype=object),
        sparse.coo_matrix(CIRCLE),
        sparse.csr_array(np.array(CIRCLE, dtype=np.int8)),
        sparse.lil_matrix(CIRCLE),
        ([0, 1, 1, 2, 2, 0], [0, 0, 1, 1, 2, 2], [-1, 1, -1, 1, -1, 1], (3, 3)),
    ],
)
def test_a_circle_in_every_form(matrix):
    complex_ = ChainComplex([matrix])
    assert complex_.counts == (3, 3) and complex_.euler_characteristic == 0
    assert complex_.boundary_operator(1).toarray().tolist() == CIRCLE
    assert complex_.boundary_operator(0).shape == (0, 3) and complex_.boundary_operator(2).shape == (3, 0)
    assert complex_.homology().betti == (1, 1)


def test_columns_are_the_same_complex():
    starts = [np.zeros(4, np.int64), np.array([0, 2, 4, 6])]
    faces = [np.zeros(0, np.int32), np.array([1, 0, 1, 2, 2, 0], dtype=np.int32)]
    signs = [np.zeros(0, np.int8), np.array([1, -1, -1, 1, -1, 1], dtype=np.int8)]
    complex_ = ChainComplex.from_columns((3, 3), starts, faces, signs)
    assert complex_.boundary_matrix(1).tolist() == CIRCLE
    faces[1][0] = 3
    with pytest.raises(InputError, match="0 to 2"):
        ChainComplex.from_columns((3, 3), starts, faces, signs)


def test_repeated_entries_are_added_without_wrapping():
    entries = sparse.coo_array(
        (np.full(200, 100, dtype=np.int8), (np.zeros(200, int), np.zeros(200, int))), shape=(1, 1)
    )
    assert ChainComplex([entries]).homology().torsion == ((20_000,), ())
    large = ([0, 0, 0], [0, 0, 1], [2**62, 2**62, 0], (1, 2))
    complex_ = ChainComplex([large])
    assert complex_.homology().torsion == ((2**63,), ()) and complex_.boundary_matrix(1).tolist() == [[2**63, 0]]
    with pytest.raises(InputError, match="int64"):
        complex_.boundary_operator(1)
    cancelling = ([0, 0], [0, 0], [1, -1], (1, 1))
    assert ChainComplex([cancelling]).homology().betti == (1, 1)


@pytest.mark.parametrize(
    ("boundaries", "words"),
    [
        ([CIRCLE, [[1], [1], [2]]], "cell 0 of degree 2"),
        ([np.abs(CIRCLE), np.ones((3, 1), int)], "signs seem to be missing"),
        ([[[2**32]], [[2**32]]], "18446744073709551616"),
        ([np.array([[2**32]]), np.array([[2**32]])], "cell 0 of degree 2"),
        ([[[2**63]], [[2]]], "18446744073709551616"),
        ([[[0.5]]], "0.5"),
        ([[[Fraction(1, 2)]]], "1/2"),
        ([np.array([[1e300]])], "not exact"),
        ([[[float("nan")]]], "nan"),
        ([np.array([[np.inf]])], "inf"),
        ([CIRCLE, [[1], [1]]], "3 columns and d_2 has 2 rows"),
        ([[[1, 2], [3]]], "one length"),
        ([[]], r"numpy\.zeros"),
        ([np.ones(3, int)], "two axes"),
        ([([0], [5], [1], (1, 3))], "column numbers from 0 to 2, came 5"),
        ([([0, 1], [0], [1], (2, 1))], "do not go together"),
        ([([0], [0], [1], (1, 2**40))], "cells"),
    ],
)
def test_refused_values(boundaries, words):
    with pytest.raises(InputError, match=words):
        ChainComplex(boundaries)


@pytest.mark.parametrize(
    "boundaries",
    [
        [np.array(CIRCLE) != 0],
        [[[True]]],
        [sparse.csr_array(np.eye(2, dtype=bool))],
        ["one"],
        "text",
        [[["a"]]],
        [np.array([[1j]])],
        [None],
        sparse.eye_array(3),
        [np.ma.masked_array([[1]], mask=[[True]])],
    ],
)
def test_refused_kinds(boundaries):
    with pytest.raises(KindError):
        ChainComplex(boundaries)


@pytest.mark.parametrize("where", [0, 7000])
def test_a_wrong_sign_in_a_large_complex_is_found(where):
    counts, starts, faces, signs = spaces.triangle_columns(np.array(spaces.grid_surface(60, 60, False)))
    signs[2][3 * where] *= -1
    with pytest.raises(InputError, match=f"cell {where} of degree 2"):
        ChainComplex.from_columns(counts, starts, faces, signs)


def test_a_face_twice_in_a_large_complex_is_added():
    counts, starts, faces, signs = spaces.triangle_columns(np.array(spaces.grid_surface(70, 61, False)))
    halves = [np.tile(signs[k], 2) if k == 2 else signs[k] for k in range(3)]
    order = np.argsort(np.tile(np.arange(len(faces[2])) // 3, 2), kind="stable")
    doubled = ChainComplex.from_columns(
        counts, [*starts[:2], 2 * starts[2]], [*faces[:2], np.tile(faces[2], 2)[order]], [*halves[:2], halves[2][order]]
    )
    assert (
        doubled.boundary_operator(2) != 2 * ChainComplex.from_columns(counts, starts, faces, signs).boundary_operator(2)
    ).nnz == 0
    assert doubled.homology().torsion[1] == (2,) * (counts[2] - 1)


@pytest.mark.parametrize("coefficients", ["Z/4", "Z/1", "Z/0", "R", "Z/-3", "Z/2.0", "", "Z/" + "7" * 400, "Z/٢"])
def test_refused_coefficients(coefficients):
    with pytest.raises(InputError):
        ChainComplex([CIRCLE]).homology(coefficients)


def test_coefficients_are_text():
    with pytest.raises(KindError):
        ChainComplex([CIRCLE]).homology(2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        ([np.zeros(3, bool), np.ones(3, bool)], "closed under faces"),
        ([np.zeros(3, bool)], "one mask a degree"),
        ([np.zeros(3, int), np.zeros(3, bool)], "truth values"),
        ([np.zeros(2, bool), np.zeros(3, bool)], "truth values"),
    ],
)
def test_refused_masks(masks, words):
    with pytest.raises(InputError, match=words):
        ChainComplex([CIRCLE]).homology(relative_to=masks)


def test_boundary_of_a_chain_is_exact():
    complex_ = ChainComplex([[[2**62, 1]]])
    assert complex_.boundary(1, [4, 1]).tolist() == [2**64 + 1]
    with pytest.raises(InputError):
        complex_.boundary(1, [1])
    with pytest.raises(InputError):
        complex_.boundary(3, [1])


def test_the_record_reads_well_and_survives_a_pickle():
    boundaries = spaces.product(spaces.klein_bottle(), spaces.moore_space(10**80, 1))
    homology = ChainComplex(spaces.arrays(boundaries)).homology()
    assert repr(ChainComplex(spaces.klein_bottle()).homology()) == "H_0 = Z, H_1 = Z + Z/2, H_2 = 0 over Z"
    assert "digits" in repr(homology) and str(10**80) in homology.to_json()
    copy = pickle.loads(pickle.dumps(homology))  # noqa: S301  our own bytes
    assert copy.torsion == homology.torsion and len(copy.generators(1)) == len(homology.generators(1))
    assert list(homology.to_dataframe().columns) == ["degree", "cells", "betti", "torsion", "group"]
    with pytest.raises(InputError):
        homology.generators(-1)
    assert homology.generators(9) == []
    with pytest.raises(InputError, match="free"):
        homology.generators(0)[0].bounding()


def test_orders_of_any_length_can_be_printed():
    homology = ChainComplex([[[7**6000]]]).homology()
    assert "5071 digits" in repr(homology) and hex(7**6000) in homology.to_json()
    assert homology.columns()["torsion"][0].endswith("(5071 digits)")
