"""The whole space as a box so large that a larger one would show nothing new, and the proof that it is (§6).

While the box [-M, M]^n grows, a vertex on its faces moves with the velocity x' that solves its own zero rows: +-1 for the
faces, 0 for the neurons. If along x' every neuron and every other face keeps its sign for good (value and slope are not of
opposite signs, and a zero stays zero), for every vertex on the faces, then all larger boxes have the same cells: vertices
keep their signs, cells are the hulls of their vertices, and what touches the growing face comes from within, because the
complex near a point is the same all along the line in which its zeros stay zero. R^n has the cells that lie in no face.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from separatrix.errors import UnresolvedError
from separatrix.surface.arrangement.linear_steps import LinearStep, first_words
from separatrix.surface.arrangement.norms import gamma, norm_up, raised
from separatrix.surface.arrangement.rational_point import ExactArithmetic, RationalPoint, signs_of_words
from separatrix.surface.arrangement.refresh import Forms, Solution, forward, solve
from separatrix.surface.arrangement.step_bounds import StepBounds
from separatrix.surface.arrangement.zero_forms import unpacked

SIZES = (2.0**20, 2.0**40, 2.0**80)
ROOM_AT_ONCE = 2**22  # doubles of the Jacobians of a batch


def cut_whole_space(steps: Sequence[LinearStep], cut: Callable[[np.ndarray, np.ndarray], Any]) -> tuple[Any, float]:
    """(arrangement, M): the cells of the first box [-M, M]^n of which it is proved that no larger one has more.

    ``cut(lower, upper)`` makes an arrangement with ``vertices``, ``positive`` and ``negative``, nothing dropped. Raises
    UnresolvedError where the largest of the boxes is too small.
    """
    n = steps[0].weight.shape[1] if steps else 0
    for size in SIZES:
        upper = np.full(n, size)
        found = cut(-upper, upper)
        if is_far(steps, size, found.vertices, found.positive, found.negative):
            return found, size
    raise UnresolvedError(
        f"cells still change beyond the box of side 2 * {SIZES[-1]:g}; scale the inputs, or pass a box that holds what you need"
    )


def is_far(
    steps: Sequence[LinearStep], size: float, vertices: np.ndarray, positive: np.ndarray, negative: np.ndarray
) -> bool:
    """Whether all boxes larger than [-size, size]^n have the same cells, proved, from the vertices (V, n) and their bits."""
    n = vertices.shape[1]
    bounds, words = [StepBounds.of(step) for step in steps], first_words(steps)
    faces = np.uint64((1 << 2 * n) - 1)
    on_box = np.flatnonzero((positive[:, 0] & faces) != faces)
    box = np.full(n, -size), np.full(n, size)
    width = sum(step.bias.size for step in steps) + 1
    batch, open_ones = max(1, ROOM_AT_ONCE // (width * (n + 1))), []
    for start in range(0, on_box.size, batch):
        part = on_box[start : start + batch]
        with np.errstate(all="ignore"):
            stays, is_open = _judged(bounds, words, vertices[part], (positive[part], negative[part]), box)
        if not stays:
            return False
        open_ones += part[is_open].tolist()
    if not open_ones:
        return True
    exact = ExactArithmetic(steps, *box)
    return all(_stays(exact, positive[v], negative[v]) for v in open_ones)


def _judged(
    steps: Sequence[StepBounds],
    words: Sequence[int],
    x: np.ndarray,
    bits: tuple[np.ndarray, np.ndarray],
    box: tuple[np.ndarray, np.ndarray],
) -> tuple[bool, np.ndarray]:
    """(False where a sign is proved to change for some vertex, which vertices (V,) are left open) by doubles with bounds."""
    rows, forms = forward(steps, words, x, bits, box)
    solution = solve(rows)
    velocity, error = _velocity(solution)
    slopes, spread = np.empty((x.shape[0], 2 * x.shape[1])), error[:, None] * (1 + 2.0**-40)
    slopes[:, ::2], slopes[:, 1::2] = 1.0 + velocity, 1.0 - velocity
    inside = unpacked(bits[0][:, :1], 2 * x.shape[1])
    rounding = 2.0**-50 * (1.0 + np.abs(slopes))
    is_open = ~solution.complete | (inside & ~(slopes > spread + rounding)).any(axis=1)
    if (inside & (slopes < -spread - rounding)).any():
        return False, is_open
    for index, step in enumerate(steps):
        plus, minus = (unpacked(b[:, words[index] : words[index + 1]], step.creased.size) for b in bits)
        slope, bound = _slopes(forms[index], step, velocity, error)
        along = np.where(plus, slope, -slope)
        if ((plus | minus) & (along < -bound)).any():
            return False, is_open
        is_open |= ((plus | minus) & ~(along > bound)).any(axis=1)
    return True, is_open


def _velocity(solution: Solution) -> tuple[np.ndarray, np.ndarray]:
    """x' (V, n) and a bound of its error in the 2-norm: G x' = speed."""
    G, speed, n = solution.G, solution.speed, solution.G.shape[1]
    velocity = np.einsum("vij,vj->vi", solution.C, speed)
    size = np.abs(speed) + np.einsum("vij,vj->vi", np.abs(G), np.abs(velocity))
    off = np.abs(np.einsum("vij,vj->vi", G, velocity) - speed) + gamma(n + 2) * size
    return velocity, solution.error(raised(off + solution.e_G * norm_up(velocity)[:, None], 2 * n))


def _slopes(forms: Forms, step: StepBounds, velocity: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """J x' (V, signs) of the creased coordinates of a step and bounds of its error."""
    c = step.creased
    slope = np.einsum("vnm,vn->vm", forms.J[:, :, c], velocity)
    length, speed = norm_up(forms.J[:, :, c], axis=1), norm_up(velocity)[:, None]
    rows = forms.slope_errors(step)[:, c]
    unit, off = gamma(velocity.shape[1] + 2), error[:, None]
    return slope, (unit * length * speed + length * off + rows * (speed + off)) * (1.0 + 2.0**-40) + 2.0**-960


def _stays(exact: ExactArithmetic, positive: np.ndarray, negative: np.ndarray) -> bool:
    """Whether one vertex keeps all its signs, in rational numbers."""
    velocity = exact.velocity(positive, negative)
    if velocity is None:
        return False
    for i, p in enumerate(velocity.numerators):
        for is_upper in (0, 1):
            is_inside = int(positive[0]) >> (2 * i + is_upper) & 1
            if is_inside and velocity.denominator + (-p if is_upper else p) < 0:
                return False
    direction = RationalPoint(velocity.numerators, 0)
    for index, step in enumerate(exact.steps):
        words = slice(exact.words[index], exact.words[index + 1])
        signs = signs_of_words(positive[words], negative[words], step.n_signs)
        for sign, slope in zip(signs.tolist(), exact.values(direction, positive, negative, index), strict=True):
            if (sign == 0 and slope != 0) or sign * slope < 0:
                return False
    return True
