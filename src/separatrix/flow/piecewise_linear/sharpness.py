"""Is a point at rest a strict local maximum? The first-order condition of §5, and the second-order one on its stratum."""

from __future__ import annotations

import numpy as np

from separatrix.flow.piecewise_linear.directions import Corner
from separatrix.flow.piecewise_linear.general_field import Field
from separatrix.flow.piecewise_linear.sliding import Sliding
from separatrix.numerics.linear_programs import solve_linear_program

STRICT = 1e-10
DECIDED_DIM = 10
CUTS = 200
SAMPLES, SAMPLED_DIM = 3000, 3
NEAR_BY, ASKED_A_DIM, ASKED_DIM, RISING = 1e-6, 64, 8, 1e-3


def is_sharp(flow: Field, corner: Corner, sliding: Sliding, output: np.ndarray) -> bool:
    """Whether the point of rest of ``corner``, with the stratum ``sliding``, is a strict local maximum.

    Regular points (independent normals): every theta strictly between its slopes on concave creases, every multiplier
    strictly outward, and the Hessian negative definite on the tangent space of the stratum. Where more creases meet than
    that, f'(x; d) < 0 for all d of the tangent cone is decided by linear programs with the directional derivative as
    their oracle, if f is locally concave; otherwise by sampling directions in dimensions up to 3.
    """
    regular = sliding.is_regular and sliding.neurons.size == corner.creases.size
    if regular:
        if sliding.is_convex(corner.y).any() or not _is_strict(sliding, corner.y):
            return False
        return sliding.dimension == 0 or _bends_down(flow, sliding, output)
    free = int(sliding.free.sum())
    if (corner.kinks()[1] <= 0).all() and free <= DECIDED_DIM:
        return _no_direction_rises(corner)
    return free <= SAMPLED_DIM and _samples_fall(corner)


def rises_near_by(flow: Field, x: np.ndarray, value: float) -> bool:
    """Whether f rises, to first order, towards one of ASKED_A_DIM sampled points a dimension about ``x`` (up to ASKED_DIM).

    Where many creases meet, an orbit can arrive at a point from which others leave.
    """
    n = x.size
    if n > ASKED_DIM:
        return False
    directions = np.random.default_rng(0).standard_normal((ASKED_A_DIM * n, n))
    directions = np.concatenate([np.eye(n), -np.eye(n), directions / np.linalg.norm(directions, axis=1)[:, None]])
    reach = NEAR_BY * (1.0 + float(np.abs(x).max(initial=0.0)))
    points = (flow.inside(x + reach * d) for d in directions)
    rises = np.array([flow.value(flow.model.forward(y)[2]) - value for y in points])
    size = float(np.abs(rises).max())
    noise = 1e-9 * reach * (1.0 + abs(value))
    return bool(rises.max() > max(RISING * size, noise))


def _is_strict(sliding: Sliding, y: np.ndarray) -> bool:
    return bool((sliding.margins(y) > STRICT * sliding.size(y)).all())


def stratum_basis(sliding: Sliding) -> np.ndarray:
    """An orthonormal basis (q, dim) of the directions in the stratum along which the outputs change."""
    if not sliding.directions.any():
        return np.zeros((0, sliding.directions.shape[1]))
    _, sizes, basis = np.linalg.svd(sliding.directions, full_matrices=False)
    return basis[sizes > 1e-10 * sizes[0]]


def _bends_down(flow: Field, sliding: Sliding, output: np.ndarray) -> bool:
    basis = stratum_basis(sliding)
    if basis.shape[0] < sliding.dimension:
        return False
    inner = sliding.jacobian @ basis.T
    values = np.linalg.eigvalsh(inner.T @ flow.hessian(output) @ inner)
    return bool(values[-1] < -1e-12 * abs(values[0]))


def _derivative(corner: Corner, d: np.ndarray) -> tuple[float, np.ndarray]:
    """f'(x; d) and the gradient of the cell that d points into."""
    cell = corner.cell(d)
    return float(corner.y @ cell.output), corner.gradient(cell)


def _no_direction_rises(corner: Corner) -> bool:
    """Whether f'(x; d) < 0 for all d of the tangent cone but 0, f locally concave: maximise ± d_i where all cuts g.d >= 0."""
    n = corner.model.dim
    lower, upper = -np.ones(n), np.ones(n)
    on = corner.touched
    lower[on.coordinates[on.outward < 0]] = 0.0
    upper[on.coordinates[on.outward > 0]] = 0.0
    cuts = [corner.gradient(corner.cell(corner.generic))]
    bounds = list(zip(lower, upper, strict=True))
    for target in np.vstack([np.eye(n), -np.eye(n)]):
        for _ in range(CUTS):
            size = np.abs(np.array(cuts)).max(axis=1, keepdims=True) + 1e-300
            found = solve_linear_program(-target, A_ub=-np.array(cuts) / size, b_ub=np.zeros(len(cuts)), bounds=bounds)
            if not found.success:
                return False
            if target @ found.x <= 1e-7:
                break
            slope, gradient = _derivative(corner, found.x)
            if slope >= -1e-9 * float(np.abs(gradient).max(initial=1e-300)):
                return False
            cuts.append(gradient)
        else:
            return False
    return True


def _samples_fall(corner: Corner) -> bool:
    rng = np.random.default_rng(corner.model.dim)
    on = corner.touched
    for d in rng.normal(size=(SAMPLES, corner.model.dim)):
        d[on.coordinates] = -on.outward * np.abs(d[on.coordinates])
        d /= np.abs(d).max()
        slope, gradient = _derivative(corner, d)
        if slope >= -1e-6 * float(np.abs(gradient).max(initial=1e-300)):
            return False
    return True
