"""Lower bounds of the length of the gradient on cells, looked at along the axes of the Hessian (§9).

Beside a steep valley that is askew every component of the gradient may vanish somewhere on a cell, while the component along the
valley does not: in the frame V of the Hessian's eigenvectors V^T grad f is enclosed about the middle, and |V^T g| <= |V| |g|.
"""

from __future__ import annotations

import numpy as np

from separatrix.conley.matrix_bounds import ROUNDING, norm
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import down

MOST_DEFECT = 1e-10


def least_slope(centre: Interval, hessian: Interval, offset: Interval) -> np.ndarray:
    """Lower bounds (n,) of |grad f|: ``centre`` the gradient (n, dim) in the middle of cells, ``hessian`` (n, dim, dim) on
    them, ``offset`` (n, dim) the cells less their middles. 0 where nothing is known."""
    middle = hessian.midpoint
    is_known = np.asarray(np.isfinite(hessian.magnitude.reshape(len(middle), -1)).all(axis=1))
    middle = np.where(is_known[:, None, None], 0.5 * middle + 0.5 * middle.mT, 0.0)
    frame = np.linalg.eigh(middle)[1]
    is_frame = np.asarray(norm(frame.mT @ frame - np.eye(frame.shape[1])) + ROUNDING < MOST_DEFECT)
    axes = Interval.point(np.where(is_frame[:, None, None], frame.mT, 0.0))
    at = (axes * centre[:, None, :]).sum(axis=2)
    change = (axes[:, :, :, None] * hessian[:, None, :, :]).sum(axis=2)
    found = (at + (change * offset[:, None, :]).sum(axis=2)).mignitude
    return np.sqrt(np.maximum(down(found**2), 0.0).sum(axis=1)) * (1.0 - 1e-9)
