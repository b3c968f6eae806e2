"""Lists of critical points and connections made by hand, for tests of what is built from them."""

from __future__ import annotations

import numpy as np

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.flow.critical_points import CriticalPoints, joined
from separatrix.morse.connection_record import Connections, Orbit
from tests.flow import known

FLOW = sx.GradientFlow(known.linear([1.0, 0.0]), sx.Box.cube(2, -1000, 1000))


def points_of(values, indices, dim=2, complete=False):
    """What is taken for critical points of FLOW's f = x, with these values and indices."""
    n = len(values)
    points = np.zeros((n, dim))
    points[:, 0], points[:, 1] = values, np.arange(n) + 100.0 * np.asarray(indices, dtype=float)
    return CriticalPoints(
        points=points,
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


def connections_of(sinks, saddles, ends, certainty=Certainty.VERIFIED, flow=FLOW):
    """Both branches of every saddle: ``ends`` (n_saddles, 2) rows of sinks, -1 where a branch leaves the box."""
    points, orbits = joined(sinks, saddles), []
    for row, pair in enumerate(ends):
        source = len(sinks) + row
        for side, end in zip((1, -1), pair, strict=True):
            path = np.stack([saddles.points[row], sinks.points[end] if end >= 0 else saddles.points[row] + 50.0])
            direction = np.array([float(side)] + [0.0] * (sinks.points.shape[1] - 1))
            reason = "sink" if end >= 0 else "left the box"
            orbits.append(Orbit(source, int(end), side, direction, source, reason, certainty, "by hand", path))
    return Connections(
        points=points,
        orbits=tuple(orbits),
        potential=flow.potential.name,
        boundary=flow.boundary,
        domain=flow.domain,
        certainty=certainty,
    )
