"""An explanation of a homology computation as a document: its sections, written in a notation, framed for a format."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from separatrix.homology.coefficients import Coefficients
from separatrix.homology.explain import Explanation, Lifted, signed
from separatrix.homology.hand_computation import Step, Vector
from separatrix.homology.homology_record import short
from separatrix.homology.notation import LatexNotation, TextNotation

WIDTH = 116
OPERATIONS_SHOWN = 24
TIE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Heading:
    """The title of a section."""

    text: str


@dataclass(frozen=True)
class Sentence:
    """A sentence with formulas in it."""

    text: str


@dataclass(frozen=True)
class Matrix:
    """A matrix with names of its rows and columns; ``name`` as a formula."""

    name: str
    rows: Sequence[str]
    columns: Sequence[str]
    entries: Sequence[Sequence[int]]


Block = Heading | Sentence | Matrix


def rendered(explanation: Explanation, format: str) -> str:
    """The document in a format: text, markdown or latex."""
    if format == "text":
        return "\n".join(_text(block) for block in _Writer(explanation, TextNotation()).blocks()).strip() + "\n"
    if format == "markdown":
        blocks = _Writer(explanation, LatexNotation("$", "$")).blocks()
        return "\n\n".join(_markdown(block) for block in blocks) + "\n"
    return "\n\n".join(_latex(block) for block in _Writer(explanation, LatexNotation(r"\(", r"\)")).blocks()) + "\n"


class _Writer:
    """Writes the sections of an explanation in a notation."""

    def __init__(self, explanation: Explanation, notation: TextNotation) -> None:
        self.given, self.homology, self.write = explanation, explanation.homology, notation
        self.ring = explanation.homology.coefficients
        self.modulus = Coefficients.read(self.ring).modulus
        self.names = [[notation.name(name) for name in row] for row in explanation.names]

    def blocks(self) -> Iterator[Block]:
        """All sections in their order."""
        yield from self.opening()
        if self.given.steps:
            yield from self.chain_groups()
            for step in self.given.steps[:-1]:
                yield from self.smith_form(step)
            yield Heading("Homology")
            yield from (Sentence(self.group_line(step)) for step in self.given.steps)
        else:
            yield Heading("Homology")
            yield from (Sentence(self.m(f"{self.h(k)} = {self.known_group(k)}")) for k in range(self.homology.dim + 1))
        if self.given.lifted:
            yield Heading("Generators in the cells of the whole complex")
            yield from (Sentence(self.lifted_line(one)) for one in self.given.lifted)
        yield Sentence(self.euler())

    def opening(self) -> Iterator[Block]:
        """What is computed, and what was reduced before."""
        homology = self.homology
        what = {"borel-moore": "Borel-Moore homology", "one-point": "Homology of the one-point compactification"}
        pair = " of a pair (the cells outside the subcomplex)" if homology.is_relative else ""
        cells = ", ".join(f"{n:,}" for n in homology.cell_counts) or "no"
        yield Heading(f"{what.get(homology.kind, 'Homology')}{pair} over {homology.coefficients}")
        yield Sentence(f"The complex has {cells} cells in the degrees 0 to {homology.dim}.")
        if self.given.is_reduced:
            left = ", ".join(f"{n:,}" for n in self.given.counts)
            pairs = (sum(homology.cell_counts) - sum(self.given.counts)) // 2
            units = "1 or -1" if not self.modulus else "a number prime to p"
            yield Sentence(
                f"Reduction: where a face a occurs in the boundary of a cell b with the incidence number {units}, the pair "
                "splits off as an acyclic part: every other cell that has the face a gets the multiple of b added that "
                "makes a vanish from its boundary, and a and b are left out. This changes no homology group. "
                f"{pairs:,} pairs were left out; {left} cells are left, each standing for the chain that it has become."
            )
        elif not self.given.steps:
            yield Sentence("There is nothing to compute.")
        if self.given.counts and not self.given.steps:
            yield Sentence("That is too much to write out; the groups are those that exact elimination has found.")

    def chain_groups(self) -> Iterator[Block]:
        """The chain groups with their bases, and the boundary matrices."""
        dim = len(self.given.counts) - 1
        yield Heading("Chain groups and boundary operators")
        parts = [f"{self.write.symbol('C', k)} = {self.write.span(self.ring, self.names[k])}" for k in range(dim + 1)]
        arrows = "".join(part + self.write.arrow(k) for k, part in reversed([*enumerate(parts)][1:]))
        yield Sentence(self.m(arrows + parts[0]))
        for k, matrix in enumerate(self.given.matrices, start=1):
            yield self.operator(k, self.names[k - 1], self.names[k], matrix.tolist())
        for k in range(2, dim + 1):
            lower, upper = self.given.matrices[k - 2], self.given.matrices[k - 1]
            zero = not np.any(self.residues(lower @ upper)) if lower.size and upper.size else True
            product = f"{self.d(k - 1)} {self.d(k)} = 0"
            yield Sentence(f"{self.m(product)}: {'yes' if zero else 'no'}")

    def smith_form(self, step: Step) -> Iterator[Block]:
        """The steps that bring a boundary operator to Smith form, and what they show."""
        k = step.degree
        yield Heading(f"Smith form of {self.m(self.d(k))}")
        cycles = (
            self.names[k - 1] if step.is_whole else [self.write.symbol("z", i + 1) for i in range(len(step.cycles))]
        )
        if not step.is_whole and step.cycles:
            basis = ", ".join(f"{name} = {self.chain(k - 1, z)}" for name, z in zip(cycles, step.cycles, strict=True))
            yield Sentence(f"The cycles {self.m(self.write.symbol('Z', k - 1))} have the basis {self.m(basis)}.")
        if not step.is_whole and step.images:
            yield self.operator(k, cycles, self.names[k], step.matrix)
        if step.operations:
            yield Sentence(f"Steps: {self.operations(step, cycles, self.names[k])}.")
        if step.images:
            factors = ", ".join(short(image.factor) for image in step.images)
            yield Sentence(f"Factors: {factors}. In the new bases:")
        for image in step.images:
            value = self.write.multiple(image.factor, self.chain(k - 1, image.cycle))
            yield Sentence(self.m(f"{self.d(k)}({self.chain(k, image.chain)}) = {value}"))
        yield from (Sentence(self.m(f"{self.d(k)}({self.chain(k, z)}) = 0")) for z in step.kernel)
        image = self.m(f"{self.write.symbol('B', k - 1)} = {self.boundaries(step)}")
        kernel = self.m(f"{self.write.symbol('Z', k)} = {self.span(k, step.kernel)}")
        yield Sentence(f"Image {image}, kernel {kernel}.")

    def operations(self, step: Step, rows: Sequence[str], columns: Sequence[str]) -> str:
        """The operations on rows and columns, in words."""
        told = []
        for op in step.operations[:OPERATIONS_SHOWN]:
            line, kind = (columns if op.is_column else rows), ("column" if op.is_column else "row")
            target = line[op.target]
            if op.source >= 0:
                changed = self.write.chain([(1, target), (self.least(op.factor), line[op.source])])
                told.append(f"{kind} {self.m(changed)} for {self.m(target)}")
            elif op.factor == -1:
                told.append(f"sign of {kind} {self.m(target)}")
            else:
                told.append(f"{kind} {self.m(target)} times {self.least(op.factor)}")
        hidden = len(step.operations) - len(told)
        return ", ".join(told) + (f", and {hidden} more" if hidden else "")

    def group_line(self, step: Step) -> str:
        """H_{k-1} as a quotient, its group, its generators, and why torsion generators have their orders."""
        degree = step.degree - 1
        torsion = step.torsion if self.ring == "Z" else []
        cycles = [*step.free, *(image.cycle for image in step.images)]
        quotient = self.span(degree, cycles)
        if step.images:
            quotient = self.write.quotient(f"{quotient} ", f" {self.boundaries(step)}")
        group = self.write.group(self.ring, len(step.free), [image.factor for image in torsion])
        over = self.write.quotient(self.write.symbol("Z", degree) + " ", " " + self.write.symbol("B", degree))
        line = " = ".join(dict.fromkeys([self.h(degree), over, quotient, group]))
        made = [*step.free, *(image.cycle for image in torsion)]
        if not made:
            return self.m(line)
        reasons = ", ".join(
            self.m(f"{self.d(degree + 1)}({self.chain(degree + 1, image.chain)}) = "
                   f"{self.write.multiple(image.factor, self.chain(degree, image.cycle))}") for image in torsion
        )  # fmt: skip
        told = ", ".join(self.m(self.chain(degree, z)) for z in made)
        return f"{self.m(line)}: generator{'s' * (len(made) > 1)} {told}" + (f", since {reasons}" if reasons else "")

    def lifted_line(self, one: Lifted) -> str:
        """A generator in all cells, shortened where it has many."""
        chain = self.write.chain([(c, self.write.name(name)) for c, name in one.terms])
        more = one.n_cells - len(one.terms)
        order = f" of order {short(one.order)}" if one.order else ""
        rest = f" + … ({one.n_cells:,} cells)" if more else ""
        return f"{self.m(self.h(one.degree))}{order}: {self.m(chain)}{rest}"

    def euler(self) -> str:
        """The Euler characteristic from cells and from Betti numbers."""
        cells, betti = (_alternating(numbers) for numbers in (self.given.counts, self.homology.betti))
        return f"Euler characteristic: {self.m(f'{cells} = {self.homology.euler_characteristic} = {betti}')}."

    def boundaries(self, step: Step) -> str:
        """The image of d_k as a span of multiples of cycles."""
        members = [self.write.multiple(i.factor, self.chain(step.degree - 1, i.cycle)) for i in step.images]
        return self.write.span(self.ring if self.ring != "Q" else "Q", members)

    def span(self, degree: int, chains: Sequence[Vector]) -> str:
        """The module that chains span."""
        return self.write.span(self.ring, [self.chain(degree, chain) for chain in chains])

    def chain(self, degree: int, vector: Vector) -> str:
        """A chain in the names of its cells."""
        values = signed(vector, self.modulus)
        return self.write.chain([(value, self.names[degree][i]) for i, value in enumerate(values) if value])

    def operator(self, k: int, rows: Sequence[str], columns: Sequence[str], entries: Sequence[Sequence[int]]) -> Block:
        """A matrix of d_k, or a sentence where it has no rows or columns."""
        if not rows or not columns:
            return Sentence(
                f"{self.m(f'{self.d(k)} = 0')}, for there are no cells of degree {k if not columns else k - 1}."
            )
        return Matrix(
            self.d(k), rows, columns, [signed([self.residues(v) for v in row], self.modulus) for row in entries]
        )

    def residues(self, values):
        """Values modulo p."""
        return values % self.modulus if self.modulus else values

    def least(self, factor: int) -> int:
        """A factor by its representative of least absolute value."""
        return signed([self.residues(factor)], self.modulus)[0]

    def known_group(self, k: int) -> str:
        """The group of degree k as the record has it."""
        return self.write.group(self.ring, self.homology.betti[k], self.homology.torsion[k])

    def d(self, k: int) -> str:
        """The boundary operator."""
        return self.write.differential(k)

    def h(self, k: int) -> str:
        """The homology group's symbol."""
        return self.write.symbol("H", k)

    def m(self, formula: str) -> str:
        """A formula in a sentence."""
        return self.write.math(formula)


def _alternating(numbers: Sequence[int]) -> str:
    signs = ["", *(" - " if k % 2 else " + " for k in range(1, len(numbers)))]
    return "".join(f"{sign}{n}" for sign, n in zip_longest(signs, numbers, fillvalue=0)) or "0"


def _text(block: Block) -> str:
    if isinstance(block, Heading):
        return f"\n{block.text}"
    if isinstance(block, Sentence):
        bound = re.sub(r"([+-]|\d) (?=\S)", r"\1" + TIE, block.text)  # a sign stays with its term
        filled = textwrap.fill(
            bound, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
        )
        return filled.replace(TIE, " ")
    cells = [
        ["", *block.columns],
        *([row, *map(short, line)] for row, line in zip(block.rows, block.entries, strict=True)),
    ]
    widths = [max(len(line[j]) for line in cells) for j in range(len(cells[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    lead = f"  {block.name} = "
    return "\n".join((lead if i == 0 else " " * len(lead)) + line for i, line in enumerate(lines))


def _array(block: Matrix) -> str:
    head = " & ".join(["", *block.columns])
    rows = [" & ".join([row, *map(short, line)]) for row, line in zip(block.rows, block.entries, strict=True)]
    body = " \\\\\n".join(rows)
    return (
        f"{block.name} = \\begin{{array}}{{r|{'r' * len(block.columns)}}}\n{head} \\\\ \\hline\n{body}\n\\end{{array}}"
    )


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"### {block.text}"
    return block.text if isinstance(block, Sentence) else f"$$\n{_array(block)}\n$$"


def _latex(block: Block) -> str:
    if isinstance(block, Heading):
        return f"\\paragraph{{{block.text}}}"
    return block.text if isinstance(block, Sentence) else f"\\[\n{_array(block)}\n\\]"
