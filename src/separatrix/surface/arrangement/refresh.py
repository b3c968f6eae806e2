"""Vertices solved again from their own hyperplanes: an error bound without history (§6).

A vertex is given by its bits. Under its masks (a neuron that is 0 counts as off) every step is an affine map, so a forward
pass at the double point x with the Jacobian gives F, G of n well-conditioned forms that vanish at the exact vertex x*, with
bounds e_F, e_G. For C ~ G^-1 and dx = -C F, rho = |F + G dx| + e_F + e_G |dx|, q = || |I - C G| + |C| e_G ||_F < 1/4:

    |x* - (x + dx)|_2 <= r = | |C| rho |_2 / (1 - q),
    |A_i + J_i dx - f_i(x*)| <= e_i + e_J,i (|dx| + r) + sum_j |(J_i C)_j| rho_j + |J_i| q r + rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.surface.arrangement.norms import TINIEST, gamma, norm_up, raised
from separatrix.surface.arrangement.step_bounds import StepBounds
from separatrix.surface.arrangement.zero_forms import Rows, add_faces, unpacked

ROOM = 1.0 + 2.0**-40


@dataclass(frozen=True, eq=False)
class Forms:
    """The forms of step ``index`` at points x (V, n): values A (V, m), Jacobians J (V, n, m), bounds of their errors.

    ``errors`` (V,): |A - exact|_2; ``s``, ``g`` (V,): A_i is off by p_i s + q_i g + c_i; ``js``, ``jg`` (V,): row i of J by
    p_i js + q_i jg in the 2-norm; ``j_errors`` (V,): all of J in the Frobenius norm.
    """

    A: np.ndarray
    J: np.ndarray
    errors: np.ndarray
    s: np.ndarray
    g: np.ndarray
    js: np.ndarray
    jg: np.ndarray
    j_errors: np.ndarray

    def slope_errors(self, bounds: StepBounds) -> np.ndarray:
        """(V, m): bounds of the 2-norm of the error of every row of J."""
        return (
            np.outer(self.js, bounds.rows[0]) + np.outer(self.jg, bounds.rows[1]) + self.J.shape[1] * bounds.lost
        ) * ROOM


@dataclass(frozen=True, eq=False)
class Solution:
    """n independent ones of the forms of every vertex, each scaled by a power of two: values F, gradients G, errors e_F, e_G,
    speeds; C ~ G^-1 and q of the module's text, inf where it proves nothing; ``complete``: no other form vanishes.
    """

    F: np.ndarray
    G: np.ndarray
    e_F: np.ndarray
    e_G: np.ndarray
    speed: np.ndarray
    C: np.ndarray
    q: np.ndarray
    complete: np.ndarray

    def error(self, rho: np.ndarray) -> np.ndarray:
        """A bound of the 2-norm of the exact G^-1 applied to vectors that are at most ``rho`` (V, n); inf: none."""
        n = rho.shape[1]
        error = raised(norm_up(raised(np.einsum("vij,vj->vi", np.abs(self.C), rho), n)) / (1.0 - self.q), 8)
        return np.where((self.q < 0.25) & np.isfinite(error), error, np.inf)


@dataclass(frozen=True, eq=False)
class Refreshed:
    """Vertices after :func:`refresh`: ``x`` (V, n) within ``radius`` (V,) of the exact ones (inf: not solved), values at the
    step ``A`` (V, m) within ``errors`` (V,) in the 2-norm, and what the bound of a single value needs.
    """

    x: np.ndarray
    radius: np.ndarray
    A: np.ndarray
    errors: np.ndarray
    forms: Forms
    bounds: StepBounds
    solution: Solution
    rho: np.ndarray
    r: np.ndarray
    step: np.ndarray

    def proved_signs(self, v: np.ndarray, i: np.ndarray) -> np.ndarray:
        """int8 signs of the coordinates i at the vertices v, pair by pair, 2 where the bound does not decide."""
        f, p = self.forms, self.bounds.rows[:, i]
        with np.errstate(all="ignore"):
            J = f.J[v, :, i]
            length, step = norm_up(J), self.step[v]
            own = p[0] * f.s[v] + p[1] * f.g[v] + p[2]
            slopes = (p[0] * f.js[v] + p[1] * f.jg[v] + J.shape[1] * self.bounds.lost) * (step + self.r[v])
            C = self.solution.C[v]
            small = gamma(J.shape[1]) * np.einsum("vn,vnj->vj", np.abs(J), np.abs(C))
            along = (np.abs(np.einsum("vn,vnj->vj", J, C)) + small) * self.rho[v]
            spread = length * self.solution.q[v] * self.r[v]
            rounding = gamma(J.shape[1] + 2) * (np.abs(f.A[v, i]) + length * step)
            bound = (own + slopes + along.sum(axis=1) + spread + rounding) * ROOM + 2.0**-960
            value = self.A[v, i]
            return np.where(value > bound, 1, np.where(-value > bound, -1, 2)).astype(np.int8)


def refresh(
    steps: Sequence[StepBounds],
    words: Sequence[int],
    x: np.ndarray,
    bits: tuple[np.ndarray, np.ndarray],
    box: tuple[np.ndarray, np.ndarray],
) -> Refreshed:
    """The vertices near ``x`` (V, n) with these ``bits`` (positive, negative), solved again; values are those of the last of
    ``steps``. Open signs (both bits) of the last step count as not zero.
    """
    with np.errstate(all="ignore"):
        rows, forms = forward(steps, words, x, bits, box)
        return _moved(solve(rows), x, forms[-1], steps[-1])


def forward(
    steps: Sequence[StepBounds],
    words: Sequence[int],
    x: np.ndarray,
    bits: tuple[np.ndarray, np.ndarray],
    box: tuple[np.ndarray, np.ndarray],
) -> tuple[Rows, list[Forms]]:
    """The forms that vanish at the vertices with these ``bits``, evaluated at ``x`` (V, n), and the forms of every step."""
    rows, found = Rows(*x.shape), []
    add_faces(rows, x, bits[0], box)
    for index, bounds in enumerate(steps):
        forms = _forms(bounds, *_inputs(steps, words, index, x, bits, found[-1] if found else None))
        plus, minus = (unpacked(b[:, words[index] : words[index + 1]], bounds.creased.size) for b in bits)
        c = bounds.creased
        e_F = np.outer(forms.s, bounds.rows[0, c]) + np.outer(forms.g, bounds.rows[1, c]) + bounds.rows[2, c]
        e_G = forms.slope_errors(bounds)[:, c]
        rows.add(~(plus | minus), forms.A[:, c], forms.J[:, :, c], e_F * ROOM, e_G)
        found.append(forms)
    return rows, found


def _inputs(
    steps: Sequence[StepBounds],
    words: Sequence[int],
    index: int,
    x: np.ndarray,
    bits: tuple[np.ndarray, np.ndarray],
    forms: Forms | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """h, its Jacobian and the bounds of both, behind the crease of the step before ``index``."""
    if forms is None:
        points, n = x.shape
        return x, np.broadcast_to(np.eye(n), (points, n, n)), np.zeros(points), np.zeros(points)
    before = steps[index - 1]
    plus, minus = (unpacked(b[:, words[index - 1] : words[index]], before.creased.size) for b in bits)
    slope = np.ones_like(forms.A)
    slope[:, before.creased] = np.where(plus, 1.0, np.where(minus, before.left[before.creased], 0.0))
    off = slope == 0.0
    h = np.where(off, 0.0, forms.A * slope)
    J = np.where(off[:, None, :], 0.0, forms.J * slope[:, None, :])
    if np.isin(before.left, (0.0, 1.0)).all():  # nothing is rounded
        return h, J, forms.errors, forms.j_errors
    lost = np.sqrt(float(h.shape[1])) * TINIEST
    h_error = raised(before.growth * forms.errors + 2.0**-52 * norm_up(h) + lost)
    J_error = raised(before.growth * forms.j_errors + 2.0**-52 * norm_up(J.reshape(J.shape[0], -1)) + J.shape[1] * lost)
    return h, J, h_error, J_error


def _forms(bounds: StepBounds, h: np.ndarray, J: np.ndarray, h_error: np.ndarray, J_error: np.ndarray) -> Forms:
    """The step's map at h and along J, with (1) and (2) of ``step_bounds`` for both."""
    unit, spectral, weak, radius, constant = bounds.norms[:5]
    length, j_length = norm_up(h), norm_up(np.ascontiguousarray(J).reshape(J.shape[0], -1))
    s, g = raised(h_error + unit * length), raised(length + h_error)
    js, jg = raised(J_error + unit * j_length + TINIEST), raised(j_length + J_error)
    lost = np.sqrt(float(bounds.bias.size * J.shape[1])) * bounds.lost
    return Forms(
        bounds.times(h) + bounds.bias,
        bounds.times(J),
        raised(spectral * h_error + weak * length + radius * g + constant),
        s,
        g,
        js,
        jg,
        raised(spectral * J_error + weak * j_length + radius * jg + lost),
    )


def solve(rows: Rows) -> Solution:
    """Choose n independent forms of every vertex and invert their gradients."""
    points, _, n = rows.G.shape
    chosen, singular = _independent(rows.G[:, : max(n, int(rows.count.max(initial=0)))])
    at = np.arange(points)[:, None]
    F, G, e_F, e_G = rows.F[at, chosen], rows.G[at, chosen], rows.e_F[at, chosen], rows.e_G[at, chosen]
    scale = np.ldexp(1.0, np.clip(-np.frexp(np.abs(G).max(axis=2))[1], -900, 900))
    F, G, e_F, e_G = F * scale, G * scale[:, :, None], e_F * scale + 2.0**-960, e_G * scale + 2.0**-960
    singular |= ~np.isfinite(G).all(axis=(1, 2))
    G[singular] = np.eye(n)
    C, singular = _inverse(G, singular)
    product = np.abs(C) @ np.abs(G)
    spread = np.einsum("vij,vj->vi", np.abs(C), e_G)[:, :, None]
    off = np.abs(np.eye(n) - C @ G) + gamma(n + 2) * (product + 1.0) + spread
    q = np.where(singular, np.inf, raised(norm_up(off.reshape(points, n * n)), 2 * n))
    return Solution(F, G, e_F, e_G, rows.speed[at, chosen] * scale, C, q, rows.total == n)


def _moved(solution: Solution, x: np.ndarray, forms: Forms, bounds: StepBounds) -> Refreshed:
    points, n = x.shape
    F, G, C = solution.F, solution.G, solution.C
    unit = gamma(n + 2)
    dx = -np.einsum("vij,vj->vi", C, F)
    new, step = x + dx, norm_up(dx)
    size = np.abs(F) + np.einsum("vij,vj->vi", np.abs(G), np.abs(dx))
    off = np.abs(F + np.einsum("vij,vj->vi", G, dx)) + unit * size
    rho = raised(off + solution.e_F + solution.e_G * step[:, None], 2 * n)
    r = solution.error(rho)
    radius = raised(r + norm_up(new) * 2.0**-52)
    A = forms.A + np.einsum("vn,vnm->vm", dx, forms.J)
    j_length = norm_up(np.ascontiguousarray(forms.J).reshape(points, -1))
    rounding = unit * (norm_up(forms.A) + j_length * step)
    errors = raised(forms.errors + forms.j_errors * (step + r) + j_length * r + rounding)
    return Refreshed(new, radius, A, errors, forms, bounds, solution, rho, r, step)


def _independent(G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """n of the rows of each G (V, rows, n), by Gram-Schmidt with the longest remainder next; where they are dependent."""
    points, _, n = G.shape
    at = np.arange(points)
    largest = np.abs(G).max(axis=2, keepdims=True)
    rest = np.where(largest > 0, G / np.where(largest > 0, largest, 1.0), 0.0)
    rest = np.where(np.isfinite(rest), rest, 0.0)
    rest /= np.maximum(np.sqrt((rest**2).sum(axis=2, keepdims=True)), 1.0)
    chosen, singular = np.zeros((points, n), dtype=np.int64), np.zeros(points, dtype=bool)
    for step in range(n):
        lengths = (rest**2).sum(axis=2)
        chosen[:, step] = lengths.argmax(axis=1)
        longest = np.sqrt(lengths[at, chosen[:, step]])
        singular |= ~(longest > 1e-14)
        unit = rest[at, chosen[:, step]] / np.where(longest > 0, longest, 1.0)[:, None]
        rest = rest - np.einsum("vrn,vn->vr", rest, unit)[:, :, None] * unit[:, None, :]
        rest[at, chosen[:, step]] = 0.0
    return chosen, singular


def _inverse(G: np.ndarray, singular: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    try:
        return np.linalg.inv(G), singular
    except np.linalg.LinAlgError:
        bad = ~(np.abs(np.linalg.det(G)) > 0)
        G[bad] = np.eye(G.shape[1])
        return np.linalg.inv(G), singular | bad
