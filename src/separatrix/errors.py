"""The exceptions of the library: one root, and input errors that are also the built-in kind a caller expects."""

from __future__ import annotations

import re

MESSAGE_LIMIT = 5000
ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


def printable(text: object, limit: int = 200) -> str:
    """Text from outside, safe to print: control characters escaped, at most ``limit`` characters.

    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    escaped = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii")
        for c in str(text)[: limit + 1]
    )
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + "…"


class SeparatrixError(Exception):
    """Root of everything that the library raises on purpose."""

    def __init__(self, message: str = "") -> None:
        message = ADDRESS.sub("", message)
        if not message.isprintable():  # whatever a caller forgot; an expression's message has lines of its own
            message = "\n".join(printable(line, MESSAGE_LIMIT) for line in message.split("\n"))
        if len(message) > MESSAGE_LIMIT:
            message = message[: MESSAGE_LIMIT - 1] + "…"
        super().__init__(message)

    def __reduce__(self) -> tuple[type[SeparatrixError], tuple[str]]:
        return type(self), (str(self),)


class InputError(SeparatrixError, ValueError):
    """A value that cannot be used; the message says what was expected, what came, and what to do."""


class KindError(SeparatrixError, TypeError):
    """An object of a kind that cannot be used."""


class UnreadableFileError(InputError, OSError):
    """A file that is missing, torn, or not what its name says."""


class UnsupportedLayerError(InputError):
    """A network with layers that the library does not read; the message names all of them."""


class MissingExtraError(SeparatrixError, ImportError):
    """An optional dependency is needed; the message says which extra to install."""


class UnresolvedError(SeparatrixError):
    """Raised under ``strict=True`` where a search ended without a complete answer."""


class ReadingWarning(UserWarning):
    """Something was assumed or left out on reading a network that could surprise; it also stands in the reading's notes."""
