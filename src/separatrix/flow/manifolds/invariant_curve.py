"""The analytic invariant curve of a sink along one eigenvector, as a polynomial in arc length, by collocation (§3).

A curve is invariant when the field is tangent to it. With arc length s, eigenvector v and eigenvalue lambda,

    x(s) = x* + s v + s^2 p(s),    grad f(x(s)) = s (lambda + s q(s)) x'(s),    |x'(s)| = 1,               (3.6)

p (k components) and q unknown polynomials. At s = 0 this is (2 lambda - H) p(0) + ... = T(v, v) / 2, and order by order the
formal expansion, whose operators m lambda - H are invertible unless m lambda is an eigenvalue (a resonance). Demanding (3.6)
at as many Chebyshev points as there are coefficients picks the one solution that is smooth through the sink: the other
curves tangent to v differ from it by s^(mu / lambda), which no polynomial follows unless mu / lambda is a whole number.

X. Cabre, E. Fontich, R. de la Llave, J. Differential Equations 218 (2005); G. Haller, S. Ponsioen, Nonlinear Dynamics 86 (2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from separatrix.flow.manifolds.free_face import FreeFace

ROUNDS = 14
HALVINGS = 5
NOISE, SINGULAR_NOISE = 1e-5, 1e-3
RESONANT = 1e-7
ROUNDING = 4e-16


@dataclass(frozen=True, eq=False)
class InvariantCurve:
    """A solution of (3.6) on [low, high] about 0: ``nodes`` (n,), ``p`` (n, k), ``q`` (n,) there."""

    start: np.ndarray
    direction: np.ndarray
    eigenvalue: float
    low: float
    high: float
    nodes: np.ndarray
    p: np.ndarray
    q: np.ndarray

    def points(self, s: np.ndarray) -> np.ndarray:
        """Points (m, k) at arc lengths ``s`` (m,)."""
        bent = barycentric(self.nodes, s) @ self.p
        return self.start + s[:, None] * (self.direction + s[:, None] * bent)

    def tangents(self, s: np.ndarray) -> np.ndarray:
        """x'(s), (m, k)."""
        to = barycentric(self.nodes, s)
        slope = to @ (differentiation(self.nodes) @ self.p)
        return self.direction + s[:, None] * (2.0 * (to @ self.p) + s[:, None] * slope)

    def values_at(self, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(p, q) at other nodes: a first guess on another interval or of another degree."""
        to = barycentric(self.nodes, nodes)
        return to @ self.p, to @ self.q


def chebyshev_nodes(low: float, high: float, n: int) -> np.ndarray:
    """The n Chebyshev points of [low, high], ascending, none of them at 0."""
    unit = -np.cos(np.pi * (np.arange(n) + 0.5) / n)
    nodes = 0.5 * (low + high) + 0.5 * (high - low) * unit
    least = 1e-3 * (high - low)
    return np.where(np.abs(nodes) < least, np.where(nodes < 0, -least, least), nodes)


def _weights(nodes: np.ndarray) -> np.ndarray:
    gaps = (nodes[:, None] - nodes[None]) / (0.25 * (nodes[-1] - nodes[0]))
    np.fill_diagonal(gaps, 1.0)
    return 1.0 / gaps.prod(axis=1)


def barycentric(nodes: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Interpolation (m, n) from values at ``nodes`` (n,) to values at ``s`` (m,)."""
    gaps = s[:, None] - nodes[None]
    hit = gaps == 0
    terms = _weights(nodes) / np.where(hit, 1.0, gaps)
    matrix = terms / terms.sum(axis=1, keepdims=True)
    on = hit.any(axis=1)
    matrix[on] = hit[on]
    return matrix


def differentiation(nodes: np.ndarray) -> np.ndarray:
    """Derivatives (n, n) at the nodes of the polynomial through values there."""
    weights, gaps = _weights(nodes), nodes[:, None] - nodes[None]
    np.fill_diagonal(gaps, 1.0)
    matrix = weights[None] / weights[:, None] / gaps
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix


@dataclass(frozen=True, eq=False)
class Frame:
    """Where a curve starts: the sink ``start`` (k,), its eigenvector ``v`` (k,) and ``value``, the ``nodes`` (n,) with their
    differentiation ``d`` (n, n), and ``resonances``: (eigenvector (k,), order m) with mu = m lambda."""

    face: FreeFace
    start: np.ndarray
    v: np.ndarray
    value: float
    nodes: np.ndarray
    d: np.ndarray
    resonances: tuple[tuple[np.ndarray, int], ...]

    @classmethod
    def at(cls, face: FreeFace, column: int, nodes: np.ndarray) -> Frame:
        """The frame of the curve along eigenvector ``column``."""
        resonant = tuple((face.vectors[:, j], m) for j, m in resonances(face.spectrum, column) if m <= nodes.size + 1)
        start, value = face.sink[face.free], float(face.spectrum[column])
        return cls(face, start, face.vectors[:, column], value, nodes, differentiation(nodes), resonant)

    def resonant_rows(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(values (r,), derivatives by p (r, n, k)) of the conditions that choose one curve of a resonant family.

        Over the eigenvector's line the family is w + C sigma^m. Chosen is the curve whose w has no share of sigma^m beyond
        what lower powers explain at the nodes.
        """
        size = np.abs(self.nodes).max()
        sigma = (self.nodes + self.nodes**2 * (p @ self.v)) / size
        values, rows = np.zeros(len(self.resonances)), np.zeros((len(self.resonances), *p.shape))
        for row, (vector, m) in enumerate(self.resonances):
            weights = abs(self.value) * beyond_lower_powers(sigma, range(2, m), m) * (self.nodes / size) ** 2
            rows[row] = weights[:, None] * vector
            values[row] = weights @ (p @ vector)
        return values, rows


def beyond_lower_powers(x: np.ndarray, powers: range, m: int) -> np.ndarray:
    """Weights (n,) whose product with values at ``x`` (n,) is the coefficient of x^m beyond what the lower ``powers`` explain."""
    extra = x**m
    if len(powers):
        lower = x[:, None] ** np.array(powers)
        extra = extra - lower @ np.linalg.lstsq(lower, extra, rcond=None)[0]
    return extra / (extra @ extra)


def resonances(spectrum: np.ndarray, column: int, most: int = 40) -> list[tuple[int, int]]:
    """(j, m): eigenvalues j that equal m times the chosen one to rounding, 2 <= m <= ``most``.

    >>> resonances(np.array([-7.5, -3.0, -1.0]), 2)
    [(1, 3)]
    """
    ratio = spectrum / spectrum[column]
    found = []
    for j, value in enumerate(ratio):
        m = round(float(min(value, most + 1)))
        if j != column and 2 <= m <= most and abs(value - m) <= RESONANT * m:
            found.append((j, m))
    return found


def solve(
    face: FreeFace, column: int, ends: tuple[float, float], n: int, guess: InvariantCurve | None = None
) -> InvariantCurve | None:
    """The invariant curve along eigenvector ``column`` for s in ``ends`` with n coefficients; None where Newton fails."""
    nodes = chebyshev_nodes(*ends, n)
    frame = Frame.at(face, column, nodes)
    p, q = (np.zeros((n, face.dim)), np.zeros(n)) if guess is None else guess.values_at(nodes)
    size = float(np.abs(nodes).max())
    close = 1e-12 * size + ROUNDING * float(np.abs(frame.start).max(initial=0.0)) * 10
    noise = (NOISE if not frame.resonances else SINGULAR_NOISE) * size
    residual, slopes = _residual(frame, p, q)
    if not np.isfinite(residual).all():
        return None
    last = np.inf
    for _ in range(ROUNDS):
        step = _step(frame, p, q, residual, slopes)
        if step is None:
            return None
        length, share = float(np.abs(nodes[:, None] ** 2 * step[:, :-1]).max()), 0.0
        is_noise = length <= noise and length >= 0.5 * last  # rounding, along what the equations hardly decide
        taken = _searched(frame, (p, q), step, float(np.linalg.norm(residual)))
        if taken is None and length > noise:
            return None
        if taken is not None:
            share, p, q, residual, slopes = taken
        if taken is None or is_noise or length * share <= close:
            return InvariantCurve(frame.start, frame.v, frame.value, ends[0], ends[1], nodes, p, q)
        last = length
    return None


def _searched(
    frame: Frame, now: tuple[np.ndarray, np.ndarray], step: np.ndarray, size: float
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """(share of the step, p, q, residual, tangents) at which the residual falls enough below ``size``; None at no share."""
    share = 1.0
    for _ in range(HALVINGS):
        p, q = now[0] + share * step[:, :-1], now[1] + share * step[:, -1]
        residual, tangents = _residual(frame, p, q)
        if np.isfinite(residual).all() and np.linalg.norm(residual) <= (1 - 0.1 * share) * size:
            return share, p, q, residual, tangents
        share *= 0.5
    return None


def _residual(frame: Frame, p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(defects: of (3.6) over s^2 and of |x'|^2 = 1 over s, n (k + 1) of them, and of the resonances; tangents (n, k))."""
    nodes, s = frame.nodes, frame.nodes[:, None]
    bent = 2.0 * p + s * (frame.d @ p)
    tangents = frame.v + s * bent
    gradient = frame.face.gradient(frame.start + s * (frame.v + s * p))
    field = gradient / s**2 - (frame.value / nodes + q)[:, None] * tangents
    unit = 2.0 * (bent @ frame.v) + nodes * (bent * bent).sum(axis=1)
    defects = np.concatenate([field, abs(frame.value) * unit[:, None]], axis=1).ravel()
    return np.concatenate([defects, frame.resonant_rows(p)[0]]), tangents


def _step(frame: Frame, p: np.ndarray, q: np.ndarray, residual: np.ndarray, tangents: np.ndarray) -> np.ndarray | None:
    """Newton's step (n, k + 1) for p and q."""
    nodes, n, k = frame.nodes, frame.nodes.size, frame.face.dim
    points = frame.start + nodes[:, None] * (frame.v + nodes[:, None] * p)
    speed = frame.value + nodes * q
    jacobian = np.zeros((n, k + 1, n, k + 1))
    every = np.arange(k)
    bend = 2.0 * np.eye(n) + nodes[:, None] * frame.d  # takes p to 2 p + s p'
    for i in range(n):
        jacobian[i, every, :, every] = -speed[i] * bend[i]
        jacobian[i, :k, i, :k] += frame.face.hessian(points[i])
        jacobian[i, :k, i, k] = -tangents[i]
        jacobian[i, k, :, :k] = 2.0 * abs(frame.value) * bend[i][:, None] * tangents[i]
    matrix = jacobian.reshape(n * (k + 1), n * (k + 1))
    if not np.isfinite(matrix).all():
        return None
    if frame.resonances:
        rows = np.zeros((len(frame.resonances), n, k + 1))
        rows[:, :, :k] = frame.resonant_rows(p)[1]
        matrix = np.concatenate([matrix, rows.reshape(len(rows), -1)])
        found = scipy.linalg.lstsq(matrix, -residual, cond=1e-14, lapack_driver="gelsy")
        return np.asarray(found[0] if found is not None else np.nan).reshape(n, k + 1)
    try:
        return np.linalg.solve(matrix, -residual).reshape(n, k + 1)
    except np.linalg.LinAlgError:
        return None
