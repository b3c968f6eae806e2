"""Signs of a step by a walk, and of the steps behind it as far as the same forms lead to them (§6).

A vertex keeps its signs: where one walk comes to it, the signs of all narrow and dense steps behind are found from the same
values. Walks that follow come to the new vertices only, and once more to those where a neuron cuts, for its values where
they were not kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.surface.arrangement.cell_walk import CellWalk, mask_of
from separatrix.surface.arrangement.lattice import Lattice
from separatrix.surface.arrangement.narrow_steps import next_block, prove_signs, values_behind
from separatrix.surface.arrangement.near_values import NearValues
from separatrix.surface.arrangement.walk_plan import Block, WalkPlan


def walked_signs_of(
    lattice: Lattice, walk: CellWalk, vertices: np.ndarray, words: Sequence[int], ahead: WalkPlan, near: NearValues
) -> tuple[np.ndarray, np.ndarray]:
    """The bits at ``vertices`` (ascending) of the plan's step and of those behind it, until one is open.

    ``ahead``: the plan of the last of these; ``words``: where the bits of all steps begin; ``near``: keeps values of the dense
    ones. The vertices where a sign of the plan's step is open, and (V,) the last step whose bits are known, that before the
    plan's where one is open.
    """
    index, reached = walk.plan.index, np.full(lattice.n_vertices, walk.plan.index - 1, dtype=np.int32)
    reach = walk.reaches() if ahead.dense else np.zeros(0)
    rows, carried = [ahead.rows(k) for k in range(index, ahead.index + 1)], len(ahead.steps) - 1

    def settle(block: Block) -> None:
        for k in range(carried, ahead.index + 1):
            proves = k >= index
            if k > carried:
                block = next_block(ahead, k, words, lattice, block, proves=proves)
            if not proves:
                continue
            ids, values, numbers = block
            if k < ahead.first_dense:
                is_open = prove_signs(rows[k - index], ahead.bound(k).creased, words[k], lattice, block)
            else:
                last = words[k] + ahead.dense[k - ahead.first_dense].words
                is_open = (lattice.positive[ids, words[k] : last] & lattice.negative[ids, words[k] : last]).any(axis=1)
            if k >= ahead.first_dense:
                near.add(k, lattice.x, reach, ahead.bound(k), block)
            if is_open.any():
                block = ids[~is_open], values[~is_open], numbers[~is_open]
            reached[block[0]] = k
            if not block[0].size:
                return

    walk.rows(mask_of(lattice.n_vertices, vertices), settle)
    return vertices[reached[vertices] < index], reached


def dense_pairs(
    lattice: Lattice,
    walk: CellWalk,
    words: Sequence[int],
    near: NearValues,
    pairs: np.ndarray,
    places: np.ndarray,
    out: np.ndarray,
) -> None:
    """What ``CellWalk.pairs`` gives where the plan's step is dense: its values at the pairs (V, words), bounds of errors,
    bits in ``out`` (3, number), those of vertex v from ``places[v]`` on. A walk comes to the vertices of which ``near`` has not
    kept them all.
    """
    from separatrix.surface.arrangement.pair_kernels import pick_pairs

    plan = walk.plan
    bound = plan.bound(plan.index)

    def pick(block: Block) -> None:
        ids, values, numbers = values_behind(plan, words, lattice, block)
        pick_pairs(ids, values, numbers, bound.rows, bound.exact_bias, bound.creased, pairs, places, out)

    walk.rows(near.fill(plan.index, pairs, places, out), pick)
