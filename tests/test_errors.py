"""One root for what the library raises, the built-in kinds that callers expect, and messages that are safe to print."""

import inspect
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import separatrix as sx
from separatrix import errors
from separatrix.errors import MESSAGE_LIMIT, InputError, ReadingWarning, SeparatrixError, printable

KINDS = {
    "InputError": (ValueError,),
    "KindError": (TypeError,),
    "UnreadableFileError": (ValueError, OSError, InputError),
    "UnsupportedLayerError": (ValueError, InputError),
    "MissingExtraError": (ImportError,),
    "UnresolvedError": (Exception,),
}


def test_every_error_has_the_root_and_the_kind_that_callers_expect():
    found = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SeparatrixError)}
    assert found == {*KINDS, "SeparatrixError"}
    for name, parents in KINDS.items():
        kind = getattr(errors, name)
        assert issubclass(kind, SeparatrixError) and all(issubclass(kind, parent) for parent in parents)
        assert getattr(sx, name) is kind
    assert issubclass(ReadingWarning, UserWarning)


@pytest.mark.parametrize("name", KINDS)
def test_messages_are_kept_and_limited(name):
    kind = getattr(errors, name)
    assert str(kind("expected this, came that")) == "expected this, came that"
    assert len(str(kind("x" * 10**6))) <= MESSAGE_LIMIT
    assert str(pickle.loads(pickle.dumps(kind("told once")))) == "told once"  # noqa: S301
    assert str(kind()) == ""


anything = st.text(st.characters(exclude_categories=[]))  # surrogates and control characters included


@given(anything, st.integers(1, 300))
def test_text_from_outside_is_safe_to_print(text, limit):
    shown = printable(text, limit)
    assert len(shown) <= limit and all(c.isprintable() for c in shown)
    shown.encode("utf-8")


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_printable_text_stays_as_it_is(text):
    assert printable(text, len(text) + 1) == text


def test_control_characters_are_shown():
    assert printable("a\x1b[31m\n\t\u202e") == "a\\x1b[31m\\n\\t\\u202e"
    assert printable("abcdef", 4) == "abc…" and printable(12) == "12"
