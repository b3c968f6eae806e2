"""Homology of a pair of unions of cubes of one grid, cut down to where they differ, and its long exact sequence (§7, §9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.complexes.cubical_complex import CubicalComplex
from separatrix.errors import SeparatrixError
from separatrix.homology.homology_record import Homology


@dataclass(frozen=True, eq=False)
class PairGroups:
    """H_*(X, A; Z) of unions of cubes A in X, with ranks of H_*(N) and H_*(L).

    (N, L) is the pair after excision: the cubes of X that are not in A, and those of A that they touch. ``block`` and ``exits``
    are boolean masks of the cubes of N and L on the grid.
    """

    homology: Homology
    block: np.ndarray
    exits: np.ndarray
    block_betti: tuple[int, ...]
    exit_betti: tuple[int, ...]


def pair_groups(whole: np.ndarray, part: np.ndarray) -> PairGroups:
    """The groups of the pair of unions of closed cubes, boolean masks of one shape, ``part`` inside ``whole``.

    Cubes of ``part`` that touch no other cube of ``whole`` are cut out: closed cubes are subcomplexes, so that excision holds.
    Raises SeparatrixError where the ranks contradict the long exact sequence, which would be a defect.
    """
    own = whole & ~part
    exits = part & touched(own)
    block = own | exits
    homology, block_betti = _relative(block, exits)
    exit_betti = _padded(CubicalComplex(exits).homology().betti, whole.ndim) if exits.any() else (0,) * len(block_betti)
    if not sequence_holds(block_betti, exit_betti, homology.betti):
        raise SeparatrixError(
            f"pair_groups: ranks {exit_betti}, {block_betti}, {homology.betti} of L, N and (N, L) admit no exact sequence"
        )
    return PairGroups(homology, block, exits, block_betti, exit_betti)


def _relative(block: np.ndarray, exits: np.ndarray) -> tuple[Homology, tuple[int, ...]]:
    dim = block.ndim
    if not block.any():
        zero = (0,) * (dim + 1)
        return Homology(betti=zero, torsion=((),) * (dim + 1), cell_counts=zero, is_relative=True), zero
    complex_ = CubicalComplex(block)
    absolute = complex_.homology()
    if not exits.any():
        return absolute, _padded(absolute.betti, dim)
    return complex_.homology(relative_to=complex_.subcomplex(exits)), _padded(absolute.betti, dim)


def _padded(betti: tuple[int, ...], dim: int) -> tuple[int, ...]:
    return (*betti, *[0] * (dim + 1 - len(betti)))


def touched(cubes: np.ndarray) -> np.ndarray:
    """The cubes of the grid that touch a cube of ``cubes`` or are one."""
    grown = cubes.copy()
    for axis in range(cubes.ndim):
        before = grown.copy()
        low, high = ((slice(None),) * axis + (part,) for part in (slice(1, None), slice(None, -1)))
        grown[low] |= before[high]
        grown[high] |= before[low]
    return grown


def is_acyclic(whole: np.ndarray, part: np.ndarray) -> bool:
    """Whether all groups of the pair vanish: the inclusion of ``part`` in ``whole`` is an isomorphism on homology."""
    own = whole & ~part
    if not own.any():
        return True
    ring = part & touched(own)
    if not ring.any():
        return False
    homology = _relative(own | ring, ring)[0]
    return not any(homology.betti) and not any(homology.torsion)


def sequence_holds(block: tuple[int, ...], exits: tuple[int, ...], relative: tuple[int, ...]) -> bool:
    """Whether ranks of H_k(N), H_k(L) and H_k(N, L) fit into … -> H_k(L) -> H_k(N) -> H_k(N, L) -> H_(k-1)(L) -> … -> 0.

    From the top down the rank of each map follows from exactness; none may be negative, and the last must be zero. The
    alternating sum is then chi(N, L) = chi(N) - chi(L).
    """
    rank = 0
    for k in range(len(block) - 1, -1, -1):
        for group in (exits[k], block[k], relative[k]):
            rank = group - rank
            if rank < 0:
                return False
    return rank == 0
