"""Surfaces and other gluings of a polygon's sides, with their homology."""

from __future__ import annotations

import re
from collections.abc import Sequence

from separatrix.data.complexes.facet_lists import PROJECTIVE_PLANE, digits
from separatrix.data.complexes.known_complex import KnownComplex
from separatrix.errors import InputError, KindError, printable

Facets = list[tuple[int, ...]]
SIDE_LIMIT = 100_000


def glued_polygon(word: str | Sequence[int]) -> KnownComplex:
    """A polygon whose sides are glued as a word says: a presentation complex with one relation.

    ``word``: letters, capital where a side runs backwards (``"abAB"`` is the torus), or a list of integers ±1, ±2, …,
    negative where a side runs backwards. Sides with one name are glued together. Every side is cut in three, so that the
    result is a simplicial complex. H_1 is computed from the word alone: with the corners' classes it has g = names + 1 -
    corners generators and one relation.

    Raises InputError for an empty word and other signs.

    >>> glued_polygon("aaa").known_torsion, glued_polygon("abAB").known_betti
    (((), (3,), ()), (1, 2, 1))
    """
    sides = _sides(word)
    names = sorted({abs(side) for side in sides})
    corner = _corners(sides)
    n_corners = len(set(corner))
    ring = _boundary(sides, names, corner, n_corners)
    n_outer = n_corners + 2 * len(names)
    n = len(ring)
    facets: Facets = []
    for i in range(n):
        a, b, inner, after = ring[i], ring[(i + 1) % n], n_outer + i, n_outer + (i + 1) % n
        facets += [(a, b, inner), (b, inner, after), (inner, after, n_outer + n)]
    betti, torsion = _groups(sides, names, n_corners)
    return KnownComplex(facets, f"polygon glued by {_written(sides)}", betti, torsion, "cellular homology of the word")


def torus_of_genus(genus: int) -> KnownComplex:
    """The closed orientable surface of a genus: Z, Z^2g, Z.

    >>> torus_of_genus(2).known_betti
    (1, 4, 1)
    """
    g = _count(genus, "genus", 0)
    word = [s for i in range(g) for s in (2 * i + 1, 2 * i + 2, -2 * i - 1, -2 * i - 2)] or [1, -1]
    return KnownComplex(
        glued_polygon(word), f"orientable surface of genus {g}", (1, 2 * g, 1), {}, "Hatcher, Example 2.36"
    )


def crosscap_surface(crosscaps: int) -> KnownComplex:
    """The closed non-orientable surface with n crosscaps: Z, Z^(n-1) + Z/2, 0."""
    n = _count(crosscaps, "crosscaps", 1)
    word = [s for i in range(n) for s in (i + 1, i + 1)]
    name = f"non-orientable surface with {n} crosscaps"
    return KnownComplex(glued_polygon(word), name, (1, n - 1, 0), {1: (2,)}, "Hatcher, Example 2.37")


def klein_bottle() -> KnownComplex:
    """The Klein bottle: Z, Z + Z/2, 0."""
    return KnownComplex(glued_polygon("abAb"), "Klein bottle", (1, 1, 0), {1: (2,)}, "Hatcher, Example 2.37")


def projective_plane() -> KnownComplex:
    """The projective plane with 6 vertices: Z, Z/2, 0."""
    name = "projective plane"
    return KnownComplex(digits(PROJECTIVE_PLANE), name, (1, 0, 0), {1: (2,)}, "icosahedron modulo the antipodal map")


def dunce_hat() -> KnownComplex:
    """A triangle with its sides glued as a a a^-1: contractible, but no face is free. Z, 0, 0."""
    return KnownComplex(glued_polygon("aaA"), "dunce hat", (1, 0, 0), {}, "E. C. Zeeman, Topology 2 (1963), 341-358")


def moebius_band() -> KnownComplex:
    """The Möbius band with 5 vertices: Z, Z."""
    facets = [(i, (i + 1) % 5, (i + 2) % 5) for i in range(5)]
    return KnownComplex(facets, "Möbius band", (1, 1, 0), {}, "retracts to its central circle")


def _sides(word: str | Sequence[int]) -> list[int]:
    if isinstance(word, str):
        if not re.fullmatch(r"[A-Za-z]+", word, re.ASCII):
            raise InputError(
                f"glued polygon: expected a word of letters such as 'abAB', came {printable(repr(word), 60)}"
            )
        return [ord(c) - 96 if c.islower() else -(ord(c) - 64) for c in word]
    if not isinstance(word, (list, tuple)) or not all(isinstance(s, int) and not isinstance(s, bool) for s in word):
        raise KindError(f"glued polygon: expected a word or a list of integers, came {printable(repr(word), 60)}")
    if not word or 0 in word or len(word) > SIDE_LIMIT:
        raise InputError("glued polygon: expected 1 to 100,000 integers, none of them 0")
    return list(word)


def _corners(sides: list[int]) -> list[int]:
    """Classes of the corners: where side i begins lies corner i. Sides of one name glue their beginnings and ends."""
    n = len(sides)
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    ends: dict[int, tuple[int, int]] = {}
    for i, side in enumerate(sides):
        here = (i, (i + 1) % n) if side > 0 else ((i + 1) % n, i)
        for own, other in zip(here, ends.setdefault(abs(side), here), strict=True):
            parent[root(own)] = root(other)
    roots = sorted({root(i) for i in range(n)})
    number = {r: k for k, r in enumerate(roots)}
    return [number[root(i)] for i in range(n)]


def _boundary(sides: list[int], names: list[int], corner: list[int], n_corners: int) -> list[int]:
    """The polygon's boundary in vertices: a corner and two points of a side in turn."""
    ring = []
    for i, side in enumerate(sides):
        first = n_corners + 2 * names.index(abs(side))
        ring += [corner[i], *((first, first + 1) if side > 0 else (first + 1, first))]
    return ring


def _groups(sides: list[int], names: list[int], n_corners: int) -> tuple[tuple[int, ...], dict[int, tuple[int, ...]]]:
    """H_1 = Z^g / (the word's exponents); the exponents form a cycle, and dividing by their gcd d leaves Z/d.

    The graph of sides is connected, so its cycles have rank names - corners + 1; the exponent vector is d times a
    primitive cycle.
    """
    from math import gcd

    exponents = [sum((side > 0) - (side < 0) for side in sides if abs(side) == name) for name in names]
    d, rank = gcd(*exponents), len(names) - n_corners + 1
    if d == 0:
        return (1, rank, 1), {}
    return (1, rank - 1, 0), ({1: (d,)} if d > 1 else {})


def _written(sides: list[int]) -> str:
    shown = "".join(chr(96 + s) if s > 0 else chr(64 - s) for s in sides) if max(map(abs, sides)) <= 26 else str(sides)
    return shown if len(shown) <= 40 else f"{shown[:40]}… ({len(sides)} sides)"


def _count(value: int, what: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise KindError(f"{what}: expected an integer, came {type(value).__name__}")
    if value < least:
        raise InputError(f"{what}: expected an integer from {least} up, came {value}")
    return value
