r"""Formulas as MathML, which browsers draw without scripts: from the part of LaTeX that the library's equations use.

Letters, numbers, ``_``, ``^``, ``'``, ``\frac``, ``\dot``, ``\sqrt``, ``\text``, ``\operatorname``, ``\mathbb``, ``\big``,
``\left … \right``, ``cases``, Greek letters and signs. Anything else is an error of ours, not of a reader's.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[A-Za-z]|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\s+|.", re.DOTALL)
LETTERS = {
    "Phi": "Φ", "alpha": "α", "beta": "β", "gamma": "γ", "lambda": "λ", "pi": "π", "rho": "ρ", "sigma": "σ", "varphi": "φ",
    "infty": "∞", "nabla": "∇", "partial": "∂",
}  # fmt: skip
SIGNS = {
    "cdot": "⋅", "dots": "…", "ge": "≥", "in": "∈", "int": "∫", "le": "≤", "mapsto": "↦", "ne": "≠", "odot": "⊙", "prod": "∏",
    "sum": "∑", "times": "×", "top": "⊤",
}  # fmt: skip
NAMES = ("cosh", "exp", "log", "max", "min", "sinh", "tanh")
SPACES = {",": "0.17em", ";": "0.28em", "quad": "1em", " ": "0.3em", "!": "0"}
UNDERNEATH = ("∑", "∏")


def mathml(latex: str, display: bool = True) -> Markup:
    r"""A formula as one ``math`` element; ``display`` sets it on a line of its own.

    >>> mathml("u = W_1 x", display=False)
    Markup('<math><mrow><mi>u</mi><mo>=</mo><msub><mi>W</mi><mn>1</mn></msub><mi>x</mi></mrow></math>')
    """
    kind = Markup(' display="block"') if display else Markup("")
    return Markup("<math{}>{}</math>").format(kind, Reader(latex).formula())


def _element(tag: str, *parts: Markup | str, attributes: str = "") -> Markup:
    inside = Markup("").join(parts)
    return Markup(f"<{tag}{attributes}>") + inside + Markup(f"</{tag}>")


THIN = _element("mspace", attributes=' width="0.17em"')


class Reader:
    """Reads one formula from left to right."""

    def __init__(self, latex: str) -> None:
        self.tokens = TOKEN.findall(latex)
        self.place = 0

    def formula(self) -> Markup:
        """The whole as a row. Raises ValueError for what is not known."""
        found = self._row(())
        if self.place < len(self.tokens):
            raise ValueError(f"cannot set {self.tokens[self.place]!r}")
        return found

    def _peek(self) -> str:
        while self.place < len(self.tokens) and self.tokens[self.place].isspace():
            self.place += 1
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self.place += 1
        return token

    def _row(self, ends: tuple[str, ...]) -> Markup:
        parts: list[Markup] = []
        while (token := self._peek()) and token not in ends:
            parts.append(self._scripted())
            if token[1:] in NAMES and self._peek() != "(":
                parts.append(THIN)
        return parts[0] if len(parts) == 1 else _element("mrow", *parts)

    def _scripted(self) -> Markup:
        """An atom with what hangs on it."""
        token = self._peek()
        base, lower, upper = self._atom(), None, None
        while (mark := self._peek()) in ("_", "^", "'"):
            self.place += 1
            if mark == "'":  # the sign itself stands high, a superscript would raise it twice
                base = _element("mrow", base, _element("mo", "′", attributes=' lspace="0" rspace="0"'))
            elif mark == "_":
                lower = self._argument()
            else:
                upper = self._argument()
        if lower is None and upper is None:
            return base
        over = SIGNS.get(token[1:], "") in UNDERNEATH
        if upper is None:
            return _element("munder" if over else "msub", base, lower or "")
        if lower is None:
            return _element("mover" if over else "msup", base, upper)
        return _element("munderover" if over else "msubsup", base, lower, upper)

    def _argument(self) -> Markup:
        """A group in braces, or one atom."""
        if self._peek() != "{":
            return self._atom()
        self.place += 1
        found = self._row(("}",))
        self.place += 1
        return found

    def _braced(self) -> str:
        """The letters between braces, as they are."""
        start = self.place + 1
        end = self.tokens.index("}", start)
        self.place = end + 1
        return "".join(self.tokens[start:end])

    def _atom(self) -> Markup:
        token = self._take()
        if token.startswith("\\"):
            return self._command(token[1:])
        if token == "{":
            self.place -= 1
            return self._argument()
        if token.isalpha():
            return _element("mi", token)
        if token in ("", "}", "&", "_", "^"):
            raise ValueError(f"cannot set {token!r} here")
        if token[0].isdigit():
            return _element("mn", token)
        stretchy = (
            ' stretchy="false"' if token in "()[]" else ' stretchy="false" lspace="0" rspace="0"' * (token == "|")
        )
        return _element("mo", "−" if token == "-" else escape(token), attributes=stretchy)

    def _command(self, name: str) -> Markup:
        if name in LETTERS:
            return _element("mi", LETTERS[name])
        if name in SIGNS:
            return _element("mo", SIGNS[name])
        if name in NAMES:
            return _element("mi", name)
        if name in SPACES:
            return _element("mspace", attributes=f' width="{SPACES[name]}"')
        if name in ("big", "left", "right"):
            token = self._take()
            side = "prefix" if token in "([{" else "postfix"
            return _element("mo", escape(token), attributes=f' form="{side}" stretchy="{str(name != "big").lower()}"')
        if name == "frac":
            return _element("mfrac", self._argument(), self._argument())
        if name == "sqrt":
            return _element("msqrt", self._argument())
        if name == "dot":
            return _element("mover", self._argument(), _element("mo", "˙"), attributes=' accent="true"')
        if name == "text":
            return _element("mtext", escape(self._braced().replace(" ", "\N{NO-BREAK SPACE}")))
        if name == "operatorname":
            return _element("mi", escape(self._braced()))
        if name == "mathbb":
            return _element("mi", {"R": "ℝ"}[self._braced()])
        if name == "begin" and self._braced() == "cases":
            return self._cases()
        raise ValueError(f"cannot set \\{name}")

    def _cases(self) -> Markup:
        rows, cells = [], []
        while True:
            cells.append(_element("mtd", self._row(("&", "\\\\", "\\end"))))
            token = self._take()
            if token == "&":
                continue
            rows.append(_element("mtr", *cells))
            cells = []
            if token == "\\end":
                self._braced()
                table = _element("mtable", *rows, attributes=' columnalign="left"')
                return _element("mrow", _element("mo", "{", attributes=' form="prefix" stretchy="true"'), table)
