"""What a step takes at vertices: from the values of the step before it, or from a walk; and its values between two steps (§6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from separatrix.surface.arrangement.cell_walk import mask_of
from separatrix.surface.arrangement.dense_steps import behind_crease
from separatrix.surface.arrangement.narrow_steps import values_behind
from separatrix.surface.arrangement.norms import raised
from separatrix.surface.arrangement.threads import in_threads
from separatrix.surface.arrangement.walk_plan import Block

ROWS_AT_ONCE = 2048
FEWEST_BLOCKS = 16  # in threads: fewer do not pay for them

Work = Callable[[tuple[Any, np.ndarray, np.ndarray, np.ndarray]], object]


def next_values(signs: Any, lattice: Any, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Between two steps: values (V, m) of the next step at ``vertices`` (V,) and bounds (V, m) of their errors."""
    bounds = signs.next_bounds()
    order = np.argsort(vertices)
    found, errors = np.empty((2, vertices.size, bounds.bias.size))

    def put(ids: Any, values: np.ndarray, numbers: tuple[np.ndarray, ...], rows: np.ndarray) -> None:
        at, (s, g, d) = order[np.searchsorted(vertices, ids, sorter=order)], numbers
        found[at], errors[at] = values, raised(np.outer(s, rows[0]) + np.outer(g, rows[1]) + rows[2] + d[:, None])
        errors[at[s < 0.0]] = bounds.exact_bias

    def product(inputs: tuple[Any, np.ndarray, np.ndarray, np.ndarray]) -> None:
        ids, h, lengths, e = inputs
        size = np.abs(lengths)
        s = np.where(lengths < 0.0, -1.0, e + bounds.norms[0] * size)
        put(ids, bounds.times(h) + bounds.bias, (s, size + e, np.zeros(size.size)), bounds.rows)

    with np.errstate(all="ignore"):
        if signs.plan is None or not signs.plan.gives_values:
            each_input(signs, lattice, vertices, product)
        else:
            walk = signs.walk_now(lattice)

            def walked(block: Block) -> None:
                ids, A, numbers = values_behind(walk.plan, signs.words, lattice, block)
                put(ids, A, tuple(numbers[:, [0, 1, 4]].T), walk.plan.rows(walk.plan.index))

            walk.rows(mask_of(lattice.n_vertices, vertices), walked)
    return found, errors


def each_input(signs: Any, lattice: Any, vertices: np.ndarray | None, work: Work) -> None:
    """``work`` on blocks of vertices (a slice or ids), their h, a bound of |h| (-1: exactly 0) and of |h - exact|.

    In threads where there are many.
    """
    if signs.plan is not None:
        wanted = mask_of(lattice.n_vertices, vertices)

        def behind(block: Block) -> None:
            ids, A, numbers = values_behind(signs.plan, signs.words, lattice, block)
            before, word = signs.bounds[signs.index], signs.words[signs.index]
            work((ids, *behind_crease(before, word, lattice, ids, A, numbers[:, 2])))

        signs.walk_now(lattice).rows(wanted, behind)
        return
    count = lattice.n_vertices if vertices is None else vertices.size
    blocks: list[Any] = [slice(start, min(start + ROWS_AT_ONCE, count)) for start in range(0, count, ROWS_AT_ONCE)]

    def one(block: slice) -> None:
        here = block if vertices is None else vertices[block]
        work((here, *_inputs(signs, lattice, here)))

    if len(blocks) < FEWEST_BLOCKS:
        for block in blocks:
            one(block)
    else:
        in_threads(one, blocks)


def _inputs(signs: Any, lattice: Any, block: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """h of the vertices ``block`` from the values of the step, and the bounds of ``each_input``."""
    if signs.index < 0:
        x = np.array(lattice.x[block])
        lengths = raised(np.sqrt((x**2).sum(axis=1)), x.shape[1]) + 2.0**-490
        return x, np.asarray(lengths), np.array(lattice.error[block])
    from separatrix.surface.arrangement.activation_kernels import rows_of

    values = signs.values
    rows = np.arange(block.start, block.stop) if isinstance(block, slice) else block
    rows = signs.kept[rows] if signs.kept is not None else rows
    h = np.empty((rows.size, signs.bounds[signs.index].bias.size))
    rows_of(rows, values.values, values.support, values.weights, values.own, values.own_values, h)
    errors = np.empty(rows.size)
    is_old = rows < values.old
    errors[is_old], errors[~is_old] = (values.numbers[rows[is_old], 2], values.errors[rows[~is_old] - values.old])
    ids = np.arange(block.start, block.stop) if isinstance(block, slice) else block
    return behind_crease(signs.bounds[signs.index], signs.words[signs.index], lattice, ids, h, errors)
