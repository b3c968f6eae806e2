"""Records: frozen results that say what they are as text, JSON, tables and arrays."""

import enum
import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.certainty import Certainty, Statement
from separatrix.domains import Box
from separatrix.errors import InputError
from separatrix.records import Provenance, Record, html_text, plain, versions


@dataclass(frozen=True, eq=False, kw_only=True)
class Heights(Record):
    """Three numbers, one of them unknown."""

    heights: np.ndarray
    words: tuple[Certainty, ...] = ()
    _hidden: object = field(default=None, repr=False)

    def columns(self):
        return {"height": self.heights, "name": [f"<{i}>" for i in range(len(self.heights))]}


@dataclass(frozen=True, eq=False, kw_only=True)
class Bare(Record):
    """A record with neither table nor plot."""

    number: float = 1.0


RECORD = Heights(
    heights=np.array([1.5, np.nan, -np.inf]),
    words=(Certainty.PROVED, Certainty.UNKNOWN),
    domain=Box.cube(2, 0, 1),
    certainty=Certainty.VERIFIED,
    provenance=Provenance("by hand", tolerances={"atol": 1e-6}, seed="0"),
    _hidden=object(),
)


def test_json_has_null_for_what_is_no_number():
    found = json.loads(RECORD.to_json())
    assert found["heights"] == [1.5, None, None] and found["words"] == ["proved", "unknown"]
    assert found["certainty"] == "verified" and found["domain"] == {"lower": [0.0, 0.0], "upper": [1.0, 1.0]}
    assert found["provenance"]["method"] == "by hand" and found["provenance"]["tolerances"] == {"atol": 1e-6}
    assert "_hidden" not in found and "NaN" not in RECORD.to_json()


def test_plain_values():
    class Colour(enum.Enum):
        RED = ("r", 1)

    for value, wanted in (
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.longdouble(0.25), 0.25),
        (np.clongdouble(1), "(1+0j)"),
        (np.float64("nan"), None),
        (float("inf"), None),
        (True, True),
        (None, None),
        ("a", "a"),
        (np.str_("a"), "a"),
        (10**30, 10**30),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(2.0), 2.0),
        (np.array([]), []),
        (np.array([True]), [True]),
        (np.array([1.0], dtype=np.longdouble), [1.0]),
        (Certainty.PROVED, "proved"),
        (Colour.RED, ["r", 1]),
        ({1: np.nan, "b": (1, [np.inf])}, {"1": None, "b": [1, [None]]}),
        (1j, "1j"),
        (Statement("s", Certainty.PROVED), {"text": "s", "certainty": "proved", "rests_on": ""}),
        (Certainty, repr(Certainty)),
        (Statement, repr(Statement)),
    ):
        found = plain(value)
        assert found == wanted and type(found) is type(wanted), value


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
)


@given(values)
def test_whatever_is_plain_is_strict_json(value):
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == plain(value)


def test_tables():
    table = RECORD.to_dataframe()
    assert list(table.columns) == ["height", "name"] and len(table) == 3
    with pytest.raises(InputError, match=r"Bare has no table; its fields are domain, certainty, provenance, number"):
        Bare().to_dataframe()
    with pytest.raises(InputError, match="no plot"):
        Bare().plot()


def test_html_is_escaped():
    assert html_text("<a & b>") == "&lt;a &amp; b&gt;"
    page = RECORD._repr_html_()
    assert "<table" in page and "&lt;0&gt;" in page and "<0>" not in page
    text = Bare(domain="<script>")._repr_html_()
    assert text.startswith("<pre>") and "<script>" not in text


def test_records_are_frozen_and_compared_by_identity():
    with pytest.raises(AttributeError):
        RECORD.heights = np.zeros(3)
    assert len({RECORD, RECORD, Bare(), Bare()}) == 3
    assert set(RECORD.arrays()) == {"heights"} and RECORD.arrays()["heights"] is RECORD.heights
    assert "Heights(" in repr(RECORD) and "_hidden" not in repr(RECORD)


def test_provenance_names_what_a_computation_rests_on():
    assert set(versions()) == {"separatrix", "numpy", "scipy", "python-flint"}
    assert Provenance("m").versions["numpy"] == np.__version__
    assert Bare().certainty is Certainty.UNKNOWN and Bare().provenance is None


def test_the_four_words_in_their_order():
    words = list(Certainty)
    assert [str(word) for word in words] == ["proved", "verified", "heuristic", "unknown"]
    assert [word.rank for word in words] == [0, 1, 2, 3]
    assert str(Statement("x is a sink", Certainty.PROVED, "Krawczyk")) == "[proved] x is a sink"


@given(st.lists(st.sampled_from(Certainty), min_size=1), st.lists(st.sampled_from(Certainty)))
def test_a_chain_is_as_certain_as_its_weakest_link(some, more):
    weakest = Certainty.weakest(some)
    assert weakest in some and all(member.rank <= weakest.rank for member in some)
    assert Certainty.weakest([weakest, Certainty.weakest(more)]) == Certainty.weakest(some + more)
    assert Certainty.weakest([]) is Certainty.PROVED
