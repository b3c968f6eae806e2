"""The computation of homology written out as by hand: one record of its steps, read as text, Markdown or LaTeX (§7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.errors import InputError, KindError, printable
from separatrix.homology.coefficients import Coefficients
from separatrix.homology.hand_computation import Step, Vector, computed_by_hand
from separatrix.homology.pair_reduction import taken_in_pairs

if TYPE_CHECKING:
    from separatrix.homology.homology_record import Homology

BY_HAND = 12
"""Cells of a degree up to which the computation is written out."""
FORMATS = ("text", "markdown", "latex")
LETTERS = "vefc"


@dataclass(frozen=True)
class Lifted:
    """A generator of a group as a chain of the whole complex: coefficients and names; ``n_cells`` of them in all."""

    degree: int
    order: int
    terms: tuple[tuple[int, str], ...]
    n_cells: int


@dataclass(frozen=True)
class Explanation:
    """The computation of homology, step by step.

    - ``homology``: the groups; ``names[k]``: what the cells of degree k are called
    - ``matrices[k - 1]``: d_k of the complex that is computed with by hand, dense, dtype object
    - ``steps``: the Smith forms of d_1, d_2, …; empty where too much is left to write out
    - ``counts``: cells of that complex; equal to those of ``homology`` where nothing was reduced before
    - ``lifted``: generators in the cells of the whole complex, where it was reduced, the first few of every degree
    """

    homology: Homology
    names: tuple[tuple[str, ...], ...]
    counts: tuple[int, ...]
    matrices: tuple[np.ndarray, ...]
    steps: tuple[Step, ...]
    lifted: tuple[Lifted, ...] = ()

    @property
    def is_reduced(self) -> bool:
        """Whether cells were taken out in pairs before."""
        return self.counts != self.homology.cell_counts


def explain(
    homology: Any, format: str = "text", coefficients: str | None = None, names: Sequence[Sequence[str]] | None = None
) -> str:
    """The computation of homology written out as one would by hand.

    Bases of the chain groups, boundary matrices, their Smith forms with the steps and the new bases, kernels, images, and
    the quotients. A complex with more than twelve cells in a degree is reduced first, the rest written out, and the
    generators given in the cells of the whole complex.

    Args:
        homology: a Homology, or a complex that has one.
        format: ``"text"``, ``"markdown"`` or ``"latex"``.
        coefficients: for a complex, ``"Z"`` (the default), ``"Z/p"`` or ``"Q"``.
        names: what to call the cells, a list a degree; else simplices are written by their vertices, other cells v0, e0,
            f0, c0, …

    Raises:
        InputError: an unknown format, names that do not fit, coefficients that are not those of a Homology.
        KindError: what has no homology.

    Example:
        >>> from separatrix.homology.chain_complex import ChainComplex
        >>> rp2 = ChainComplex([[[-1, 1], [1, -1]], [[2], [2]]])
        >>> print(explain(rp2).splitlines()[-3])
          H_1 = Z_1 / B_1 = Z<e0 + e1> / Z<2 (e0 + e1)> = Z/2: generator e0 + e1, since d2(f0) = 2 (e0 + e1)
    """
    from separatrix.homology.explanation_text import rendered

    if format not in FORMATS:
        raise InputError(f"explain: expected a format of {', '.join(FORMATS)}, came {printable(repr(format), 60)}")
    return rendered(explanation(homology, coefficients, names), format)


def explanation(
    homology: Any, coefficients: str | None = None, names: Sequence[Sequence[str]] | None = None
) -> Explanation:
    """The record of the steps that :func:`explain` writes out; arguments as there."""
    found = _homology(homology, coefficients)
    name = _namer(found, names)
    complex_, counts = found.chain_complex, found.cell_counts
    if max(counts, default=0) > BY_HAND:
        return _of_reduced(found, name)
    matrices = tuple(complex_.boundary_matrix(k) for k in range(1, len(counts)))
    steps = tuple(computed_by_hand(list(matrices), counts, Coefficients.read(found.coefficients).modulus))
    _check(found, steps)
    called = tuple(tuple(name(k, i) for i in range(n)) for k, n in enumerate(counts))
    return Explanation(found, called, counts, matrices, steps)


def _homology(given: Any, coefficients: str | None) -> Homology:
    from separatrix.homology.homology_record import Homology

    if isinstance(given, Homology):
        if coefficients is not None and Coefficients.read(coefficients).name != given.coefficients:
            raise InputError(
                f"explain: the groups are over {given.coefficients}, not over {printable(coefficients)}; compute them "
                "anew, or give the complex"
            )
        return given
    if not callable(getattr(given, "homology", None)):
        raise KindError(f"explain: expected a Homology or a complex, came {type(given).__name__}")
    found = given.homology(coefficients or "Z")
    return (
        found if hasattr(found.domain, "cell_name") or not hasattr(given, "cell_name") else replace(found, domain=given)
    )


def cell_name(homology: Homology, degree: int, number: int) -> str:
    """What a cell of the complex asked about is called: by its complex, else v0, e0, f0, c0, c4_0, …

    >>> from separatrix.homology.chain_complex import ChainComplex
    >>> cell_name(ChainComplex([[[0]]]).homology(), 1, 0)
    'e0'
    """
    written = getattr(homology.domain, "cell_name", None)
    if written is not None:
        return str(written(degree, number))
    return f"{LETTERS[degree]}{number}" if degree < len(LETTERS) else f"c{degree}_{number}"


def _namer(homology: Homology, names: Any) -> Callable[[int, int], str]:
    """What the cell i of degree k of the chain complex is called."""
    numbers = getattr(homology._maker, "names", None)  # of a pair: its cells' numbers in the whole complex
    totals = getattr(homology._maker, "n_cells", ()) or homology.cell_counts
    if names is not None and (
        len(names) != len(totals) or any(len(row) != n for row, n in zip(names, totals, strict=True))
    ):
        raise InputError(f"explain: expected {' + '.join(map(str, totals))} names, one list a degree")

    def name(k: int, i: int) -> str:
        number = int(numbers[k][i]) if numbers is not None else i
        return cell_name(homology, k, number) if names is None else printable(names[k][number], 40)

    return name


def _of_reduced(homology: Homology, name: Callable[[int, int], str]) -> Explanation:
    """The explanation of a larger complex: what is left after cells were taken out in pairs, and generators in all cells."""
    modulus = Coefficients.read(homology.coefficients).modulus
    small = taken_in_pairs(homology.chain_complex, modulus)
    if not small.is_complete or max(small.counts) > BY_HAND:
        known = tuple(one for k in range(homology.dim + 1) for one in _known(homology, k, name))
        return Explanation(homology, (), small.counts, (), (), known)
    matrices = tuple(small.matrix(k) for k in range(1, homology.dim + 1))
    steps = tuple(computed_by_hand(list(matrices), small.counts, modulus))
    _check(homology, steps)
    called = tuple(tuple(name(k, i) for i in cells) for k, cells in enumerate(small.cells))
    lifted = []
    for step in steps:
        made = [(0, cycle) for cycle in step.free]
        made += [(image.factor, image.cycle) for image in step.torsion] if homology.coefficients == "Z" else []
        degree = step.degree - 1
        lifted += [_named(degree, order, small.lifted(degree, cycle), modulus, name) for order, cycle in made]
    return Explanation(homology, called, small.counts, matrices, steps, tuple(lifted))


def _known(homology: Homology, degree: int, name: Callable[[int, int], str]) -> list[Lifted]:
    """The first generators that the record has, where the computation is too long to write out."""
    numbers = getattr(homology._maker, "names", None)
    place: dict[int, int] = {} if numbers is None else {int(number): i for i, number in enumerate(numbers[degree])}
    found = []
    for chain in homology.generators(degree)[:BY_HAND]:
        cells = [place.get(int(cell), int(cell)) for cell in chain.cells]
        found.append(_named(degree, chain.order, [*zip(cells, chain.coefficients.tolist(), strict=True)], 0, name))
    return found


def _named(
    degree: int, order: int, chain: Sequence[tuple[int, int]], modulus: int, name: Callable[[int, int], str]
) -> Lifted:
    values = signed([value for _, value in chain[:BY_HAND]], modulus)
    terms = tuple((value, name(degree, cell)) for value, (cell, _) in zip(values, chain, strict=False))
    return Lifted(degree, order, terms, len(chain))


def _check(homology: Homology, steps: Sequence[Step]) -> None:
    """The computation by hand and the one by machine are independent, and must agree."""
    betti = tuple(len(step.free) for step in steps)
    torsion = tuple(tuple(image.factor for image in step.torsion) for step in steps)
    assert betti == homology.betti, f"Betti numbers {betti} by hand, {homology.betti} by machine"
    if homology.coefficients == "Z":
        assert torsion == homology.torsion, f"torsion {torsion} by hand, {homology.torsion} by machine"


def signed(vector: Vector, modulus: int) -> Vector:
    """The vector with representatives of least absolute value modulo p."""
    return [value - modulus if modulus and 2 * value > modulus else value for value in vector]
