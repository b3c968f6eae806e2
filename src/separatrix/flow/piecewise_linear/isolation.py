"""A cube in which a proved sink is the only equilibrium, for one hidden layer and a concave head (§5).

Let no crease that does not pass through the sink x meet the cube. For x + d in it the segment from x stays in one cell, so
phi(t) = f(x + t d) is smooth on (0, 1], phi'(0) = f'(x; d) <= 0, and phi'' = (A d)^T Hess Phi (A d) <= 0 where Phi is
concave (log-odds, margins). One of the two is strict at t = 0, by (5.5) or (5.6): phi'(1) < 0. At x + d f rises towards x,
which the tangent cone of the box contains: no equilibrium is there.                                          (5.7)
"""

from __future__ import annotations

import numpy as np

from separatrix.flow.piecewise_linear.ball_piece import interval
from separatrix.flow.piecewise_linear.stratum import Frame
from separatrix.flow.piecewise_linear.stratum_system import Region, System
from separatrix.networks.layers import AffineMap
from separatrix.numerics.rounding import up
from separatrix.potentials.log_density import LogSumExp
from separatrix.potentials.margin import Coordinate

WITHOUT_CREASES = 1.0


def isolation_radius(system: System, region: Region, point: np.ndarray, error: float) -> float:
    """Half side of a cube about ``point`` (dim,), which is within ``error`` of the proved sink, or NaN where (5.7) does not
    apply. Call with the precision of ``region``.
    """
    frame, groups = system.frame, system.frame.groups
    head = frame.potential.head
    is_concave = isinstance(head, Coordinate) or (isinstance(head, LogSumExp) and head.sign < 0)
    first = first_layer(frame)
    if first is None or not is_concave or frame.ignored.any():
        return np.nan
    at_creases = system.slopes(region)[1]
    bends = np.array([not c.is_zero() for node in groups.nodes for c in at_creases[node]], dtype=bool)
    numbers, away = np.arange(len(groups)), interval(system.levels(region)).mignitude
    through = np.isin(numbers, groups.members(system.stratum.creases))
    through |= np.isin(numbers, groups.members(system.stratum.tied)) & (away == 0)
    others = bends & ~through & (groups.leader >= 0)
    lengths = up(np.abs(first[0][others]).sum(axis=1) * (1.0 + 2.0**-50 * first[0].shape[1]))
    distances = away[others] / lengths
    radius = float(distances.min(initial=WITHOUT_CREASES)) * (1.0 - 2.0**-50) - 2.0 * error
    return radius if radius > error else np.nan


def first_layer(frame: Frame) -> tuple[np.ndarray, np.ndarray] | None:
    """(weight, bias) of all creased neurons where each is affine in the inputs with exact weights, else None."""
    network = frame.potential.network
    sources = [network.nodes[network.nodes[node].parents[0]] for node in frame.groups.nodes]
    layers = [source.layer for source in sources if source.parents == (0,) and isinstance(source.layer, AffineMap)]
    exact = [layer for layer in layers if layer.weight_radius is None and layer.bias_radius is None]
    if len(exact) < len(sources):
        return None
    return np.concatenate([layer.weight for layer in exact]), np.concatenate([layer.bias for layer in exact])


def in_words(radius: float) -> str:
    """The end of a sentence of evidence."""
    if np.isnan(radius):
        return "no cube in which it is the only equilibrium is claimed"
    return f"the only equilibrium within {radius:.1e}"
