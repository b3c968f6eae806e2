"""Many small chain complexes side by side: pairs of cells taken away, then the homology of what is left (§7).

Taking away a pair of cells (c, f), f the only face of c that is left, or c the only coface of f that is left, changes no
homology group, and the incidence numbers of the rest stay as they are (coreduction and reduction pairs: Mrozek & Batko
2009; Kaczynski, Mrozek & Slusarek 1998). All complexes lose such pairs at once, degree by degree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.homology.notation import TextNotation


@dataclass(frozen=True, eq=False)
class Degree:
    """The cells of one degree: ``owner`` (cells,), the number of the complex that each belongs to; its faces in rows:
    entry e says that cell ``cell[e]`` has the face ``face[e]``, of the degree below and the same owner, with ``sign[e]``.
    """

    owner: np.ndarray
    cell: np.ndarray
    face: np.ndarray
    sign: np.ndarray


@dataclass(frozen=True)
class Groups:
    """Homology groups: ``betti`` by degree, ``torsion`` by degree."""

    betti: tuple[int, ...]
    torsion: tuple[tuple[int, ...], ...]

    @property
    def is_lone(self) -> bool:
        """Whether the only group that is not zero is one Z."""
        return sum(self.betti) == 1 and not any(self.torsion)

    @property
    def degree(self) -> int:
        """The lowest degree whose group is not zero."""
        return next(k for k, (b, t) in enumerate(zip(self.betti, self.torsion, strict=True)) if b or t)

    def __str__(self) -> str:
        parts = [
            f"H_{k} = {TextNotation().group('Z', b, t)}"
            for k, (b, t) in enumerate(zip(self.betti, self.torsion, strict=True))
            if b or t
        ]
        return ", ".join(parts) or "0"


def local_groups(degrees: list[Degree]) -> dict[int, Groups]:
    """The homology groups of every complex that has any, by its number."""
    left = _without_pairs(degrees)
    owners = np.unique(np.concatenate([degree.owner for degree in left])) if left else np.zeros(0, dtype=np.int64)
    counts = np.zeros((owners.size, len(left)), dtype=np.int64)
    bound = np.zeros(owners.size, dtype=bool)
    for k, degree in enumerate(left):
        counts[:, k] = np.bincount(np.searchsorted(owners, degree.owner), minlength=owners.size)
        bound[np.searchsorted(owners, degree.owner[degree.cell])] = True
    found = {}
    for row, owner in enumerate(owners.tolist()):
        groups = _computed(left, owner) if bound[row] else Groups(tuple(counts[row].tolist()), ((),) * len(left))
        if any(groups.betti) or any(groups.torsion):
            found[owner] = groups
    return found


def _without_pairs(degrees: list[Degree]) -> list[Degree]:
    found = list(degrees)
    while True:
        before = sum(degree.owner.size for degree in found)
        for k in range(1, len(found)):
            for by_face in (True, False):
                while True:
                    cells, faces = _pairs(found[k], by_face)
                    if not cells.size:
                        break
                    _take_away(found, k, cells, faces)
        if sum(degree.owner.size for degree in found) == before:
            return found


def _pairs(degree: Degree, by_face: bool) -> tuple[np.ndarray, np.ndarray]:
    """Cells and faces, each at most once, of which one is the only neighbour of the other."""
    deciding, other = (degree.cell, degree.face) if by_face else (degree.face, degree.cell)
    if not deciding.size:
        return deciding, other
    entries = np.flatnonzero(np.bincount(deciding)[deciding] == 1)
    entries = entries[np.unique(other[entries], return_index=True)[1]]
    return degree.cell[entries], degree.face[entries]


def _take_away(degrees: list[Degree], k: int, cells: np.ndarray, faces: np.ndarray) -> None:
    for at, gone in ((k, cells), (k - 1, faces)):
        degree = degrees[at]
        keep = np.ones(degree.owner.size, dtype=bool)
        keep[gone] = False
        number = np.cumsum(keep) - 1
        stay = keep[degree.cell]
        degrees[at] = Degree(degree.owner[keep], number[degree.cell[stay]], degree.face[stay], degree.sign[stay])
        if at + 1 < len(degrees):
            above = degrees[at + 1]
            stay = keep[above.face]
            degrees[at + 1] = Degree(above.owner, above.cell[stay], number[above.face[stay]], above.sign[stay])


def _computed(degrees: list[Degree], owner: int) -> Groups:
    """The groups of one complex by elimination."""
    from separatrix.homology.chain_complex import ChainComplex

    members = [np.flatnonzero(degree.owner == owner) for degree in degrees]
    starts, faces, signs = [np.zeros(members[0].size + 1, dtype=np.int64)], [members[0]], [members[0]]
    for k in range(1, len(degrees)):
        degree = degrees[k]
        entries = np.flatnonzero(degree.owner[degree.cell] == owner)
        entries = entries[np.argsort(degree.cell[entries], kind="stable")]
        lengths = np.bincount(np.searchsorted(members[k], degree.cell[entries]), minlength=members[k].size)
        starts.append(np.concatenate([[0], np.cumsum(lengths)]))
        faces.append(np.searchsorted(members[k - 1], degree.face[entries]))
        signs.append(degree.sign[entries].astype(np.int64))
    chains = ChainComplex.from_columns([m.size for m in members], starts, faces, signs)
    homology = chains.homology()
    torsion = tuple(tuple(int(t) for t in orders) for orders in homology.torsion)
    return Groups(tuple(int(b) for b in homology.betti), torsion)
