"""Lists of critical points and connections made by hand, for tests of what is built from them."""

from __future__ import annotations

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.critical_points import CriticalPoints
from separatrix.morse.connection_record import Connections, Orbit


def points_of(values, indices, dim=2, complete=False):
    """Critical points with these values and indices, at places of no meaning."""
    n = len(values)
    return CriticalPoints(
        points=np.arange(n * dim, dtype=float).reshape(n, dim) + 100.0 * np.asarray(indices, dtype=float).reshape(n, 1),
        values=np.asarray(values, dtype=float),
        indices=np.asarray(indices, dtype=np.int64),
        certainty=(Certainty.PROVED,) * n,
        evidence=("made by hand",) * n,
        spectra=(np.array([-1.0, 1.0]),) * n,
        active=np.zeros((n, dim), dtype=np.int8),
        multipliers=np.zeros((n, dim)),
        radius=np.full(n, 0.01),
        error=np.full(n, 1e-12),
        label=np.zeros(0, dtype=np.int64),
        is_complete=complete,
    )


def connections_of(sinks, saddles, ends, certainty=Certainty.VERIFIED):
    """Both branches of every saddle: ``ends`` (n_saddles, 2) rows of sinks, -1 where a branch leaves the box."""
    from separatrix.flow.critical_points import joined

    points, orbits = joined(sinks, saddles), []
    for row, pair in enumerate(ends):
        source = len(sinks) + row
        for side, end in zip((1, -1), pair, strict=True):
            path = np.stack([saddles.points[row], sinks.points[end] if end >= 0 else saddles.points[row] + 50.0])
            direction = np.array([float(side)] + [0.0] * (sinks.points.shape[1] - 1))
            reason = "sink" if end >= 0 else "left the box"
            orbits.append(Orbit(source, int(end), side, direction, source, reason, certainty, "by hand", path))
    return Connections(points=points, orbits=tuple(orbits), potential="by hand", certainty=certainty)
