"""From the text of a formula to its program, by recursive descent; nothing is ever evaluated as code.

sum      = product {("+" | "-") product}
product  = signed {("*" | "/") signed}
signed   = {"+" | "-"} power
power    = atom ["**" signed]                  (binds to the right, and before a sign on its left, as in Python)
atom     = number | variable | function "(" sum ")" | "(" sum ")"
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from separatrix.errors import InputError, printable
from separatrix.potentials.expressions.program import MOST_NODES, Program
from separatrix.potentials.expressions.tokens import ALLOWED, FUNCTIONS, Token, error_at, tokens

DEEPEST = 60
MOST_DIGITS = 1000
LARGEST_EXPONENT = 330  # of ten: beyond, no double is near
LARGEST_POWER = 2**31


def parse(text: str, variables: Sequence[str]) -> tuple[Program, int]:
    """The program of ``text`` and the number of its last node.

    Raises InputError that points at the place of what is no formula.

    >>> program, root = parse("x*x + exp(x*x)", ["x"])
    >>> [node.kind for node in program.nodes]
    ['variable', 'power', 'exp', 'sum']
    """
    parser = _Parser(text, variables)
    root = parser.sum()
    parser.expect_end()
    return parser.program, root


class _Parser:
    def __init__(self, text: str, variables: Sequence[str]) -> None:
        self.text, self.words, self.at, self.depth = text, tokens(text), 0, 0
        self.variables = {name: index for index, name in enumerate(variables)}
        self.program = Program(len(variables))
        if self.word.kind == "end":
            raise InputError("expression: the text is empty; write a formula such as '-(x**2 + y**2)'")

    @property
    def word(self) -> Token:
        return self.words[self.at]

    def take(self) -> Token:
        self.at += 1
        return self.words[self.at - 1]

    def error(self, message: str, token: Token | None = None) -> InputError:
        return error_at(self.text, (token or self.word).start, message)

    def place(self, start: int) -> tuple[int, int]:
        """From ``start`` to the end of the last word taken."""
        if len(self.program.nodes) > MOST_NODES:
            raise InputError(f"expression: more than {MOST_NODES} operations; split the formula")
        return start, self.words[self.at - 1].end

    def expect_end(self) -> None:
        if self.word.kind == "end":
            return
        if self.word.kind in ("name", "number", "("):
            raise self.error(f"expected an operator, came {self.word}; a product is written with *")
        raise self.error(f"expected an operator or the end, came {self.word}")

    def sum(self) -> int:
        start, terms = self.word.start, [(Fraction(1), self.product())]
        while self.word.kind in ("+", "-"):
            sign = Fraction(1 if self.take().kind == "+" else -1)
            terms.append((sign, self.product()))
        return terms[0][1] if len(terms) == 1 else self.program.sum(terms, self.place(start))

    def product(self) -> int:
        start, found = self.word.start, self.signed()
        while self.word.kind in ("*", "/"):
            operation, at = self.take().kind, self.word
            factor = self.signed()
            if operation == "*":
                found = self.program.product(found, factor, self.place(start))
                continue
            if self.program.constant_of(factor) == 0:
                raise self.error("division by the number 0", at)
            found = self.program.quotient(found, factor, self.place(start))
        return found

    def signed(self) -> int:
        start, sign = self.word.start, 1
        while self.word.kind in ("+", "-"):
            sign = sign if self.take().kind == "+" else -sign
        found = self.power()
        return found if sign > 0 else self.program.sum([(Fraction(-1), found)], self.place(start))

    def power(self) -> int:
        start = self.word
        base = self.atom()
        if self.word.kind != "**":
            return base
        operator = self.take()
        self.deeper(operator)
        exponent = self.signed()
        self.depth -= 1
        place, number = self.place(start.start), self.program.constant_of(exponent)
        base_number = self.program.constant_of(base)
        if number is not None and number.denominator == 1:
            if abs(number) > LARGEST_POWER:
                raise self.error(f"expected an exponent of at most {LARGEST_POWER} in size", operator)
            if number < 0 and base_number == 0:
                raise self.error("division by the number 0", start)
            return self.program.power(base, int(number), place)
        if base_number is not None and base_number <= 0:
            raise self.error("a power with an exponent that is no integer needs a base above 0", start)
        logarithm = self.program.function("log", base, place)
        return self.program.function("exp", self.program.product(exponent, logarithm, place), place)

    def atom(self) -> int:
        word = self.word
        if word.kind == "number":
            return self.program.number(self.number(self.take()), self.place(word.start))
        if word.kind == "name":
            return self.name(self.take())
        if word.kind == "(":
            self.take()
            return self.parenthesis(word)
        raise self.error(f"expected a number, a variable, a function or '(', came {word}")

    def name(self, word: Token) -> int:
        if word.text in self.variables:
            if self.word.kind == "(":
                raise self.error(f"{word} is a variable, not a function; a product is written with *")
            return self.program.variable(self.variables[word.text], self.place(word.start))
        if word.text not in FUNCTIONS:
            known = printable(", ".join(self.variables), 100)
            raise self.error(f"{word} is not known; the variables are {known}; allowed are {ALLOWED}", word)
        if self.word.kind != "(":
            raise self.error(f"expected '(' after {word}, came {self.word}")
        inner = self.parenthesis(self.take())
        return self.program.function(word.text, inner, self.place(word.start))

    def parenthesis(self, opening: Token) -> int:
        self.deeper(opening)
        found = self.sum()
        if self.word.kind != ")":
            if self.word.kind == "end":
                raise self.error("this parenthesis is not closed", opening)
            raise self.error(f"expected an operator or ')', came {self.word}")
        self.take()
        self.depth -= 1
        return found

    def deeper(self, word: Token) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(f"parentheses and powers are nested more than {DEEPEST} deep", word)

    def number(self, word: Token) -> Fraction:
        """The rational that a literal denotes."""
        exponent = word.text.lower().partition("e")[2]
        if len(word.text) > MOST_DIGITS or len(exponent) > 6 or abs(int(exponent or "0")) > LARGEST_EXPONENT:
            raise self.error("this number has too many digits or is out of the range of doubles", word)
        return Fraction(word.text)
