"""The words of a formula with their places, and errors that point at a place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from separatrix.errors import InputError, printable

FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh")
ALLOWED = f"numbers, the variables, + - * / **, parentheses and {', '.join(FUNCTIONS)}"
LONGEST = 100_000
SHOWN = 30
_NUMBER = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NAME = re.compile(r"[^\W\d]\w*")
_SIGNS = ("**", "+", "-", "*", "/", "(", ")")


@dataclass(frozen=True)
class Token:
    """A word of the text: ``kind`` is "number", "name", "end" or the sign itself; text[start:end] is ``text``."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where the word ends in the text."""
        return self.start + len(self.text)

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f"'{printable(self.text, 40)}'"


def error_at(text: str, place: int, message: str) -> InputError:
    """An InputError with the surroundings of ``place`` and a caret below it.

    >>> print(error_at("x + )", 4, "expected a number"))
    expression, column 5: expected a number
        x + )
            ^
    """
    start = max(0, place - SHOWN)
    before, after = (_one_line(part) for part in (text[start:place], text[place : place + SHOWN]))
    before = ("…" if start else "") + before
    more = "…" if place + SHOWN < len(text) else ""
    return InputError(f"expression, column {place + 1}: {message}\n    {before}{after}{more}\n    {' ' * len(before)}^")


def _one_line(part: str) -> str:
    return printable("".join(" " if c.isspace() else c for c in part), 10 * SHOWN)


def tokens(text: str) -> list[Token]:
    """The words of ``text``, an "end" last.

    Raises InputError for a character that no formula has.

    >>> [token.text for token in tokens("2*x**2")]
    ['2', '*', 'x', '**', '2', '']
    """
    if len(text) > LONGEST:
        raise InputError(f"expression: the text has {len(text)} characters, expected at most {LONGEST}")
    found: list[Token] = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        token = _token(text, place)
        found.append(token)
        place = token.end
    return [*found, Token("end", "", len(text.rstrip()))]


def _token(text: str, place: int) -> Token:
    for kind, pattern in (("number", _NUMBER), ("name", _NAME)):
        if match := pattern.match(text, place):
            return Token(kind, match.group(), place)
    for sign in _SIGNS:
        if text.startswith(sign, place):
            return Token(sign, sign, place)
    if text[place] == "^":
        raise error_at(text, place, "'^' is not a power here; write ** (x**2)")
    raise error_at(text, place, f"'{printable(text[place])}' is not part of a formula; allowed are {ALLOWED}")
