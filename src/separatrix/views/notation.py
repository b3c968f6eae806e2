"""Formulas that stand in sentences: powers raised, indices lowered, relations as signs."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from separatrix.domains import Box, WholeSpace
from separatrix.views.tables import MINUS, tick

BOX = re.compile(r"(?:the box )?Box\(dim=\d+, ([^()]*)\)")
SIGNS = (("&gt;=", "≥"), ("&lt;=", "≤"), ("!=", "≠"), ("-&gt;", "→"), (" - ", " − "))
POWER = re.compile(r"(?<=[\])RnZ])\^(\d+|n)(?!\w)")
INDEX = re.compile(r"(?<![\w&#;])([pzlwx])_(\w)(?!\w)|(?<![\w&#])([WbH])(\d)(?!\w)")
EXPONENT = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-])0?(\d+)(?!\w)")
NEGATIVE = re.compile(r"(?<![\w-])-(?=\d)")
PAIR = re.compile(r"\[(\S{1,12}), (\S{1,12})\]")
TIMES = re.compile(r"(?<=[\d\]]) x (?=[\d\[])")


def formulas(text: Markup) -> Markup:
    """Escaped ``text`` with its formulas set; nothing but sub and sup is added.

    >>> formulas(escape("grad f != 0 on R^784, {p_k >= c}, W1 x"))
    Markup('grad f ≠ 0 on R<sup>784</sup>, {p<sub>k</sub> ≥ c}, W<sub>1</sub> x')
    """
    plain = BOX.sub(r"the box \1", str(text))
    for source, sign in SIGNS:
        plain = plain.replace(source, sign)
    plain = EXPONENT.sub(lambda m: f"{m[1]} × 10<sup>{MINUS if m[2] == '-' else ''}{m[3]}</sup>", plain)
    plain = NEGATIVE.sub(MINUS, plain)
    plain = PAIR.sub("[\\1,\N{NO-BREAK SPACE}\\2]", plain)
    plain = TIMES.sub(" × ", POWER.sub(r"<sup>\1</sup>", plain))
    return Markup(INDEX.sub(lambda m: f"{m[1] or m[3]}<sub>{m[2] or m[4]}</sub>", plain))


def domain_words(domain: object) -> Markup:
    r"""A domain as the page says it.

    >>> domain_words(Box.cube(784, 0, 1)), domain_words(WholeSpace(2))
    (Markup('the box [0,\xa01]<sup>784</sup>'), Markup('R<sup>2</sup>'))
    """
    return formulas(escape(domain_text(domain)))


def domain_text(domain: object) -> str:
    """A domain in plain text.

    >>> domain_text(Box([0, 0], [1, 2]))
    'the box [0, 1] x [0, 2]'
    """
    if isinstance(domain, Box):
        return "the box " + repr(domain).partition(", ")[2].removesuffix(")")
    return f"R^{domain.dim}" if isinstance(domain, WholeSpace) else str(domain)


def sentence(text: str) -> str:
    """Text as a sentence: a capital first, a full stop last.

    >>> sentence("no sink was found")
    'No sink was found.'
    """
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "!", "?", ".)")) or not whole else whole + "."


def box_ends(domain: object) -> tuple[str, str]:
    """What the two ends of a cube are called where coordinates stand on them.

    >>> box_ends(Box.cube(4, 0, 1)), box_ends(WholeSpace(2))
    (('at 0', 'at 1'), ('at the lower side', 'at the upper side'))
    """
    if isinstance(domain, Box) and (domain.lower == domain.lower[0]).all() and (domain.upper == domain.upper[0]).all():
        return f"at {tick(float(domain.lower[0]))}", f"at {tick(float(domain.upper[0]))}"
    return "at the lower side", "at the upper side"
