"""Numbers, classes and domains as sentences say them."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.domains import Box, Domain

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def number(n: int) -> str:
    """Small numbers in words.

    >>> number(12), number(1300)
    ('twelve', '1,300')
    """
    return WORDS[n] if 0 <= n < len(WORDS) else f"{n:,}"


def counted(n: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "sink"), counted(3, "class"), counted(0, "sink")
    ('one sink', 'three classes', 'no sinks')
    """
    plural = noun + ("es" if noun.endswith(("s", "ch", "x")) else "s")
    return f"{number(n)} {noun if n == 1 else plural}"


def percent(share: float, digits: int) -> str:
    """A share in percent.

    >>> percent(0.98051, 2)
    '98.05 %'
    """
    return f"{100 * share:.{digits}f} %"


def class_list(classes: Any) -> str:
    """Class numbers in a row.

    >>> class_list([1]), class_list([1, 4, 7])
    ('1', '1, 4 and 7')
    """
    names = [str(int(k)) for k in np.asarray(classes)]
    if len(names) > 8:
        return f"{', '.join(names[:7])} and {len(names) - 7} more"
    return " and ".join(([", ".join(names[:-1])] if len(names) > 1 else []) + names[-1:])


def domain_name(domain: Domain) -> str:
    """A domain in a sentence.

    >>> domain_name(Box.cube(784, 0, 1))
    'the box [0, 1]^784'
    """
    if not isinstance(domain, Box):
        return f"R^{domain.dim}"
    return f"the box {repr(domain).split(', ', 1)[1].removesuffix(')')}"
