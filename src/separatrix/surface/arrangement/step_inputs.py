"""What a step takes at vertices: from the values of the step before it, or from a walk; and its values between two steps (§6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from separatrix.surface.arrangement.cell_walk import mask_of
from separatrix.surface.arrangement.norms import TINIEST, raised

ROWS_AT_ONCE = 2048

Work = Callable[[tuple[Any, np.ndarray, np.ndarray, np.ndarray]], object]


def next_values(signs: Any, lattice: Any, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Between two steps: values (V, m) of the next step at ``vertices`` (V,) and bounds (V, m) of their errors."""
    bounds = signs.next_bounds()
    order = np.argsort(vertices)
    found, errors = np.empty((2, vertices.size, bounds.bias.size))

    def put(ids: Any, values: np.ndarray, numbers: tuple[np.ndarray, ...], rows: np.ndarray) -> np.ndarray:
        at, (s, g, d) = order[np.searchsorted(vertices, ids, sorter=order)], numbers
        found[at], errors[at] = values, raised(np.outer(s, rows[0]) + np.outer(g, rows[1]) + rows[2] + d[:, None])
        return at

    def product(inputs: tuple[Any, np.ndarray, np.ndarray, np.ndarray]) -> None:
        ids, h, lengths, e = inputs
        size = np.abs(lengths)
        numbers = (e + bounds.norms[0] * size, size + e, np.zeros(size.size))
        at = put(ids, bounds.times(h) + bounds.bias, numbers, bounds.rows)
        errors[at[lengths < 0.0]] = bounds.exact_bias

    with np.errstate(all="ignore"):
        if signs.plan is None or signs.plan.gives_inputs:
            each_input(signs, lattice, vertices, product)
        else:
            walk = signs.walk_now(lattice)
            walk.rows(
                mask_of(lattice.n_vertices, vertices),
                lambda ids, A, numbers: put(ids, A, tuple(numbers[:, [0, 1, 4]].T), walk.bounds.rows[-1]),
            )
    return found, errors


def each_input(signs: Any, lattice: Any, vertices: np.ndarray | None, work: Work) -> None:
    """``work`` on blocks of vertices (a slice or ids), their h, a bound of |h| (-1: exactly 0) and of |h - exact|."""
    if signs.plan is not None:
        wanted = mask_of(lattice.n_vertices, vertices)

        def behind(ids: np.ndarray, A: np.ndarray, numbers: np.ndarray) -> None:
            work((ids, *_activated(signs, lattice, ids, A, numbers[:, 2])))

        signs.walk_now(lattice).rows(wanted, behind)
        return
    blocks: Any = range(0, lattice.n_vertices if vertices is None else vertices.size, ROWS_AT_ONCE)
    for start in blocks:
        block: Any = slice(start, min(start + ROWS_AT_ONCE, lattice.n_vertices))
        if vertices is not None:
            block = vertices[start : start + ROWS_AT_ONCE]
        work((block, *_inputs(signs, lattice, block)))


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
    return _activated(signs, lattice, block, h, errors)


def _activated(
    signs: Any, lattice: Any, block: Any, h: np.ndarray, errors: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values ``h`` of the step taken behind its crease, with the bounds of ``each_input``."""
    from separatrix.surface.arrangement.activation_kernels import activated

    before, lengths = signs.bounds[signs.index], np.empty(h.shape[0])
    word, last = signs.words[signs.index : signs.index + 2]
    activated(
        h, *(np.ascontiguousarray(bits[block, word:last]) for bits in (lattice.positive, lattice.negative)), 0,
        before.creased, before.left, lengths,
    )  # fmt: skip
    if ((before.left != 0.0) & (before.left != 1.0)).any():
        errors = before.growth * errors + 2.0**-52 * np.abs(lengths)
    return h, lengths, np.asarray(raised(errors + np.sqrt(float(h.shape[1])) * TINIEST))
