"""The judge of equilibria: Newton in 50 digits, and the enumeration of all faces for quadratics."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np

import separatrix as sx
from tests.oracles import jets
from tests.oracles.blueprints import of_logits

DIGITS = 50


def of_formula(potential):
    """x (list of mpmath numbers) -> (gradient list, Hessian as an mpmath matrix) of a known potential."""
    return lambda x: potential.digits(x)[1:]


def of_blueprint(blueprint, name, *classes):
    """The same of a network's potential, by forward jets."""

    def exact(x):
        _, gradient, hessian = of_logits(blueprint.logits(jets.Digits(), np.array([x], dtype=object)), name, *classes)
        return list(gradient[0]), mpmath.matrix(hessian[0].tolist())

    return exact


def true_zero(exact, start, free):
    """The zero of the gradient on the coordinates ``free`` near ``start``, the others fixed.

    AssertionError where Newton does not find one.
    """
    x = [mpmath.mpf(float(c)) for c in start]
    if not len(free):
        return x
    for _ in range(60):
        gradient, hessian = exact(x)
        block = mpmath.matrix([[hessian[int(i), int(j)] for j in free] for i in free])
        step = mpmath.lu_solve(block, mpmath.matrix([-gradient[int(i)] for i in free]))
        for i, d in zip(free, step, strict=True):
            x[int(i)] += d
        size = max(abs(d) for d in step)
        assert size <= 1, "Newton in many digits leaves the start"
        if size < mpmath.mpf(10) ** (5 - DIGITS):
            return x
    raise AssertionError("Newton in many digits does not converge")


def assert_sinks_are_true(found, exact, box, tolerance=1e-9):
    """Every proved sink of ``found`` is one, at the place and with the numbers that it states."""
    for row, verdict in enumerate(found.certainty):
        if verdict is not sx.Certainty.PROVED:
            continue
        point, active = found.points[row], found.active[row]
        if isinstance(box, sx.Box):
            np.testing.assert_array_equal(active, np.where(point >= box.upper, 1, np.where(point <= box.lower, -1, 0)))
            assert box.contains(point).all()
        else:
            assert not active.any()
        free = np.flatnonzero(active == 0)
        with mpmath.workdps(DIGITS):
            zero = true_zero(exact, point, free)
            distance = max((abs(zero[i] - mpmath.mpf(float(point[i]))) for i in free), default=mpmath.mpf(0))
            assert distance <= mpmath.mpf(float(found.error[row])), (float(distance), found.error[row])
            assert np.isnan(found.radius[row]) or found.radius[row] >= found.error[row]
            gradient, hessian = exact(zero)
            outward = [int(active[i]) * gradient[i] for i in np.flatnonzero(active)]
            assert all(m > 0 for m in outward)
            stated = found.multipliers[row][active != 0]
            assert (stated > 0).all() and (found.multipliers[row][free] == 0).all()
            np.testing.assert_allclose(stated, [float(m) for m in outward], rtol=1e-6, atol=tolerance)
            values = eigenvalues(hessian, free)
            assert all(v < 0 for v in values)
            np.testing.assert_allclose(found.spectra[row], [float(v) for v in values], rtol=1e-6, atol=tolerance)
        assert found.indices[row] == 0


def eigenvalues(hessian, free):
    if not len(free):
        return []
    block = mpmath.matrix([[hessian[int(i), int(j)] for j in free] for i in free])
    return sorted(mpmath.eigsy(block, eigvals_only=True))


def equilibria_of_quadratic(matrix, center, box):
    """All non-degenerate equilibria of (x - c)^T A (x - c) / 2 on a box, face by face: (points, Morse indices)."""
    matrix, center = np.asarray(matrix, dtype=float), np.asarray(center, dtype=float)
    points, indices = [], []
    for face in itertools.product((-1, 0, 1), repeat=box.dim):
        sides = np.array(face)
        free, fixed = np.flatnonzero(sides == 0), np.flatnonzero(sides)
        x = np.where(sides > 0, box.upper, np.where(sides < 0, box.lower, 0.0))
        block = matrix[np.ix_(free, free)]
        if free.size:
            x[free] = center[free] - np.linalg.solve(block, matrix[np.ix_(free, fixed)] @ (x - center)[fixed])
        inside = (x[free] > box.lower[free]).all() and (x[free] < box.upper[free]).all()
        if inside and (sides[fixed] * (matrix @ (x - center))[fixed] > 0).all():
            points.append(x)
            indices.append(int((np.linalg.eigvalsh(block) > 0).sum()) if free.size else 0)
    return np.array(points).reshape(-1, box.dim), np.array(indices, dtype=int)


def matched(points, others, tolerance):
    """The permutation p with points[i] near others[p[i]], each once; AssertionError where there is none."""
    assert len(points) == len(others), (points, others)
    rows = []
    for point in points:
        gaps = np.abs(others - point).max(axis=1)
        assert gaps.min() <= tolerance, (point, others)
        rows.append(int(gaps.argmin()))
    assert sorted(rows) == list(range(len(rows)))
    return np.array(rows, dtype=int)
