"""A simplicial complex that knows its homology."""

from __future__ import annotations

from typing import Any

from separatrix.complexes.simplicial_complex import SimplicialComplex

Torsion = tuple[tuple[int, ...], ...]


class KnownComplex(SimplicialComplex):
    """A simplicial complex of a space whose homology over Z is known by theory; nothing here is computed from the complex.

    - ``name``: the space; ``reference``: where the triangulation or the groups stand
    - ``known_betti``, ``known_torsion``: from degree 0 up to the complex's dimension, in the form of a ``Homology``'s

    Other arguments and attributes as in :class:`~separatrix.complexes.simplicial_complex.SimplicialComplex`.
    """

    def __init__(
        self, facets: Any, name: str, betti: tuple[int, ...], torsion: dict[int, tuple[int, ...]], reference: str = ""
    ) -> None:
        if isinstance(facets, SimplicialComplex):
            self.vertices, self.simplices, self.positions = facets.vertices, facets.simplices, facets.positions
            super(SimplicialComplex, self).__init__(facets.incidence)
        else:
            super().__init__(facets)
        self.name, self.reference, self.known_betti = name, reference, betti
        self.known_torsion: Torsion = tuple(torsion.get(k, ()) for k in range(len(betti)))

    def __repr__(self) -> str:
        return f"KnownComplex({self.name}: cell_counts={self.cell_counts})"


def sphere_betti(n: int) -> tuple[int, ...]:
    """Betti numbers of the sphere of dimension n.

    >>> sphere_betti(0), sphere_betti(2)
    ((2,), (1, 0, 1))
    """
    return (2,) if n == 0 else (1, *(0,) * (n - 1), 1)
