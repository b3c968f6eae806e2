"""Pairs of the order that the homology of attracting sets of cubes proves, without following a branch (9.13).

The cubes that can be reached from those of a point p make an isolating block, if the flow crosses every part that it has of the
sides of the box in one direction; where it leaves the box is the exit set. The homology of this pair is that of a complex with
one generator a point in it, whose boundary operator joins only points that the order joins (R. Franzosa's connection matrix).
Where the numbers leave one boundary of p, or several with common entries, these entries are pairs of the order. The same
backwards in time, with all indices and pairs turned round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.conley.morse_sets import Placed
from separatrix.conley.outer_approximation import OuterApproximation

MOST_FREE = 10  # dimensions of a space of boundaries that is looked through
PLANE, SPACE = 2, 3


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks of n points: ``members`` (n, n), whether the block of a row holds the point of a column; ``is_block`` (n,):
    whether it is one and connected; ``cavities`` (n,): bounded components of the complement; ``has_exit``, ``has_entry`` (n,):
    whether orbits leave it, and come into it, somewhere; ``indices`` (n,): dimensions in which the flow (or the one backwards)
    leaves the points; ``dim``."""

    members: np.ndarray
    is_block: np.ndarray
    cavities: np.ndarray
    has_exit: np.ndarray
    has_entry: np.ndarray
    indices: np.ndarray
    dim: int

    @classmethod
    def of(cls, placed: Placed, indices: np.ndarray, is_free: np.ndarray, backwards: bool) -> Blocks:
        """The blocks of all points in the direction of time that is asked for; those held by a side are no equilibria here."""
        approximation, n = placed.approximation, len(indices)
        whole, some = np.zeros((n, n), dtype=bool), np.zeros((n, n), dtype=bool)
        (enters, leaves, is_open), pairs = _sides(approximation, backwards), _neighbours(approximation)
        cavities, (is_block, has_exit, has_entry) = np.zeros(n, dtype=np.int64), np.zeros((3, n), dtype=bool)
        masks = placed.behind if backwards else placed.ahead
        at_edge = approximation.grid.at_edge
        for row, mask in enumerate(masks):
            some[row] = [bool(mask[seeds].any()) for seeds in placed.seeds]
            whole[row] = [bool(mask[seeds].all()) for seeds in placed.seeds]
            has_exit[row], has_entry[row] = leaves[mask].any(), enters[mask].any() or not mask.all()
            if is_free[row] and not is_open[mask].any() and (whole[row] == some[row]).all():
                n_parts, cavities[row] = _components(mask, pairs, at_edge)
                is_block[row] = n_parts == 1
        dim = approximation.grid.dim
        turned = dim - indices if backwards else indices
        return cls(some & is_free, is_block, cavities, has_exit, has_entry, turned, dim)

    def betti(self, row: int, degree: int) -> int | None:
        """A Betti number of a block and its exit set, reduced where that is empty; the block is connected. None where components
        and the Euler number, the sum of the points' signs, do not tell it."""
        if degree == 0:
            return 0
        euler = int(((-1) ** self.indices[self.members[row]]).sum())
        if self.has_exit[row]:  # b_2 is 1 where orbits come in nowhere (Lefschetz), else 0
            return int(not self.has_entry[row]) - euler if (self.dim, degree) == (PLANE, 1) else None
        if degree == self.dim - 1:
            return int(self.cavities[row])
        return 1 + int(self.cavities[row]) - euler if (self.dim, degree) == (SPACE, 1) else None

    def forced(self, order: np.ndarray, known: dict[int, int]) -> np.ndarray:
        """Entries (n, n) that every connection matrix over Z/2 has. Chains are integers whose bits are points, and bit n the
        class of a connected set without exits: an attracting point goes to it, as the complex is augmented."""
        n, found = len(self.indices), np.zeros_like(order)
        boundary = {**known, **{row: 1 << n for row in range(n) if self.indices[row] == 0}}
        for row in sorted(range(n), key=lambda row: (int(self.indices[row]), int(self.members[row].sum()))):
            chains = [boundary[row] & ~(1 << n)] if row in boundary else self.boundaries(row, order, boundary)
            if not chains:
                continue
            if len(chains) == 1:
                boundary.setdefault(row, chains[0])
            common = chains[0]
            for chain in chains[1:]:
                common &= chain
            found[row] = [(common >> column) & 1 == 1 for column in range(n)]
        return found

    def boundaries(self, row: int, order: np.ndarray, boundary: dict[int, int]) -> list[int]:
        """All chains that the boundary of a point can be, none where too little is known.

        Without the point its block's points make a smaller block, and the point takes a class of it away if and only if its
        boundary is no boundary there.
        """
        degree = int(self.indices[row])
        others = self.members[row].copy()
        others[row] = False
        if not self.is_block[row] or self.members[others, row].any():
            return []
        below, beside = (np.flatnonzero(others & (self.indices == k)).tolist() for k in (degree - 1, degree))
        after = self.betti(row, degree - 1)
        if after is None or any(point not in boundary for point in (*below, *beside)):
            return []
        seen = (1 << len(others)) - 1 if self.has_exit[row] else -1
        image = _reduced([boundary[point] for point in beside])
        before = len(below) - len(_reduced([boundary[point] & seen for point in below])) - len(image)
        if before - after not in (0, 1):
            return []
        cycles = _kernel([(1 << point, boundary[point] & seen) for point in below if order[row, point]])
        if len(cycles) > MOST_FREE:
            return []
        return [chain for chain in _span(cycles) if _is_in(chain, image) == (before == after)]


class HomologyOrder:
    """The blocks of all points of a flow, forwards and backwards, made when they are asked for.

    ``indices`` (n,): Morse indices of all equilibria, proved, none degenerate; ``is_free`` (n,): whether no side of the box holds
    them. The cubes are those of (9.2), not of a time-T map.
    """

    def __init__(self, placed: Placed, indices: np.ndarray, is_free: np.ndarray) -> None:
        self.placed, self.indices, self.is_free = placed, indices, is_free
        self._blocks: dict[bool, Blocks] = {}

    def pairs(self, order: np.ndarray, known: tuple[dict[int, int], dict[int, int]]) -> np.ndarray:
        """(n, n): pairs that are proved to be in the order of the flow. ``order`` (n, n): a transitive relation that holds it;
        ``known``: boundaries that branches show, forwards and backwards, by point, as integers whose bits are points."""
        found = np.zeros_like(order)
        for backwards in (False, True):
            if (order & ~found).any():
                more = self._blocks_of(backwards).forced(order.T if backwards else order, known[backwards])
                found |= more.T if backwards else more
        return found

    def _blocks_of(self, backwards: bool) -> Blocks:
        if backwards not in self._blocks:
            self._blocks[backwards] = Blocks.of(self.placed, self.indices, self.is_free, backwards)
        return self._blocks[backwards]


def _reduced(chains: list[int]) -> list[int]:
    """A basis of the span of chains, each with a highest bit of its own, the highest first."""
    basis: list[int] = []
    for chain in chains:
        rest = _rest(chain, basis)
        if rest:
            basis = sorted([*basis, rest], reverse=True)
    return basis


def _rest(chain: int, basis: list[int]) -> int:
    for one in basis:
        chain = min(chain, chain ^ one)
    return chain


def _is_in(chain: int, basis: list[int]) -> bool:
    return _rest(chain, basis) == 0


def _kernel(pairs: list[tuple[int, int]]) -> list[int]:
    """A basis of the chains without boundary, from pairs (chain, boundary)."""
    pivots: dict[int, tuple[int, int]] = {}
    found = []
    for pair in pairs:
        chain, image = pair
        while image and image.bit_length() in pivots:
            other, its = pivots[image.bit_length()]
            chain, image = chain ^ other, image ^ its
        if image:
            pivots[image.bit_length()] = chain, image
        else:
            found.append(chain)
    return found


def _span(basis: list[int]) -> list[int]:
    found = [0]
    for one in basis:
        found += [chain ^ one for chain in found]
    return found


def _sides(approximation: OuterApproximation, backwards: bool) -> np.ndarray:
    """(3, m): whether cubes have parts of sides of the box that the flow is proved to cross strictly inwards, or outwards, or
    that are open questions. Where sides hold the flow, it may not press on them."""
    grid, found = approximation.grid, np.zeros((3, len(approximation)), dtype=bool)
    for axis in range(grid.dim):
        for touches, inward in ((grid.at_lower[:, axis], 1), (grid.at_upper[:, axis], -1)):
            rows = np.flatnonzero(touches)
            sign = approximation.signs[rows, axis] * inward
            weak = np.flatnonzero(sign == 0)
            lower, upper = grid.ends(rows[weak])
            lower[:, axis] = upper[:, axis] = lower[:, axis] if inward > 0 else upper[:, axis]
            sign[weak] = approximation.signs_between(lower, upper)[:, axis] * inward
            is_held = approximation.boundary == "project" and not backwards
            kinds = (-sign if backwards else sign) > 0, (sign > 0 if backwards else sign < 0) & (not is_held)
            found[0, rows] |= kinds[0]
            found[1, rows] |= kinds[1]
            found[2, rows] |= ~(kinds[0] | kinds[1])
    return found


def _neighbours(approximation: OuterApproximation) -> np.ndarray:
    """All pairs (2, k) of cubes with a common face."""
    grid = approximation.grid
    found = [np.stack([low, high]) for axis in range(grid.dim) for low, high, _ in grid.neighbours(axis)]
    return np.concatenate(found, axis=1)


def _components(mask: np.ndarray, pairs: np.ndarray, at_edge: np.ndarray) -> tuple[int, int]:
    """Of the cubes of ``mask`` (m,) the number of components; of the others, that of those that do not reach the box's sides."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    tail, head = pairs[:, mask[pairs[0]] == mask[pairs[1]]]
    joined = coo_array((np.ones(tail.size), (tail, head)), shape=(mask.size, mask.size))
    labels = connected_components(joined, directed=False)[1]
    enclosed = np.setdiff1d(labels[~mask], labels[~mask & at_edge])
    return len(np.unique(labels[mask])), len(enclosed)
