"""How points move where a flow is solved exactly: along a straight line, by a scalar law, up to the first event (§4, §5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from separatrix.domains import Box, Domain
from separatrix.flow.equations.exact_laws import Law, Mixture
from separatrix.networks.layers import Activation
from separatrix.networks.propagation import Propagation
from separatrix.potentials.head import NetworkPotential


@dataclass(frozen=True, eq=False)
class Line:
    """x(t) = start + direction * lambda(t), lambda' = law's rate at v0 + scale * lambda, times ``pace``.

    ``scale``: dv / d lambda; ``pace``: factor between the law's time and t. ``reach``: lambda at the first event, a side of
    the box or a crease, with ``event`` its name.
    """

    start: np.ndarray
    direction: np.ndarray
    law: Law
    v0: float
    scale: float
    pace: float
    reach: float
    event: str

    @property
    def end(self) -> float:
        """The time of the first event."""
        if self.reach == 0.0:
            return 0.0
        if not math.isfinite(self.reach) or not self.direction.any() or self.law.rate(self.v0) == 0.0:
            return math.inf
        return abs(self.law.elapsed(self.v0, self.scale * self.reach)) / self.pace

    def at(self, time: float) -> np.ndarray:
        """x(time)."""
        if not self.direction.any():
            return self.start.copy()
        shift = self.law.shift(self.v0, self.pace * time) / self.scale
        return self.start + shift * self.direction


@dataclass(frozen=True, eq=False)
class Clipped:
    """A constant velocity on a box: every coordinate runs on its own and stays at the side that it meets, for ever."""

    start: np.ndarray
    velocity: np.ndarray
    box: Box | None
    end: float = math.inf
    event: str = ""

    def at(self, time: float) -> np.ndarray:
        """x(time)."""
        free = self.start + time * self.velocity
        return free if self.box is None else self.box.clip(free)


@dataclass(frozen=True, eq=False)
class Plane:
    """The log-density of two affine logits: x = start + t w_1 + w * integral of p_0, w = w_0 - w_1 (4.10)."""

    start: np.ndarray
    slope: np.ndarray
    difference: np.ndarray
    law: Mixture
    v0: float
    end: float = math.inf
    event: str = ""

    def at(self, time: float) -> np.ndarray:
        """x(time); the integral follows from that of the law, (v - v0 - low t) / (high - low)."""
        return self.start + time * self.slope + self.difference * self.share(time)

    def share(self, time: float) -> float:
        """The integral of p_0 up to ``time``."""
        square = float(self.difference @ self.difference)
        if square == 0.0:
            return time * float(1.0 / (1.0 + np.exp(-self.v0)))
        return (self.law.shift(self.v0, time) - self.law.low * time) / square


def inward(domain: Domain, boundary: str, x: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """``direction`` without the components that would leave a box on whose sides x stands."""
    if not isinstance(domain, Box) or boundary != "project":
        return direction
    held = ((x <= domain.lower) & (direction < 0)) | ((x >= domain.upper) & (direction > 0))
    return np.where(held, 0.0, direction)


def reach_of_box(domain: Domain, x: np.ndarray, direction: np.ndarray) -> float:
    """The first lambda > 0 (or 0) at which x + lambda * direction meets a side of the box it moves towards."""
    if not isinstance(domain, Box):
        return math.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        to_sides = np.where(direction > 0, domain.upper - x, domain.lower - x) / direction
    return float(np.min(to_sides[direction != 0], initial=math.inf))


def preactivations(potential: NetworkPotential, x: np.ndarray, *directions: np.ndarray) -> np.ndarray | None:
    """The inputs u of all neurons at x and their derivatives along ``directions``, (1 + n_directions, n_neurons).

    None for a start on a crease, where the velocity is not that of one region. Neurons that nothing moves are left out.
    """
    graph = potential.graph
    state = Propagation(graph.nodes, graph.parameters, x[None])
    along = [state.tangents(direction[None]) for direction in directions]
    found = [np.zeros((1 + len(directions), 0))]
    for node in graph.nodes[1:]:
        if not isinstance(node.layer, Activation) or node.layer.name == "identity":
            continue
        parent = node.parents[0]
        value = state.values[parent][0]
        zero = value == 0.0
        if zero.any() and (state.jacobians(np.arange(x.size))[parent][0][zero] != 0.0).any():
            return None
        found.append(np.stack([value, *(tangents[parent][0] for tangents in along)])[:, ~zero])
    return np.concatenate(found, axis=1)


def reach_of_creases(potential: NetworkPotential, x: np.ndarray, direction: np.ndarray) -> float:
    """The first lambda at which a neuron of a piecewise linear network changes its sign along x + lambda * direction.

    0 for a start on a crease.
    """
    found = preactivations(potential, x, direction)
    if found is None:
        return 0.0
    value, rate = found
    towards = value * rate < 0.0
    return float(np.min(-value[towards] / rate[towards], initial=math.inf))


def end_in_plane(plane: Plane, functionals: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> float:
    """The first time at which a functional leaves [lower, upper]; rows: value, change along ``slope`` and ``difference``.

    Along the motion each is convex or concave, so it is monotone between the times at which one of them turns.
    """
    value, along, across = functionals

    def is_outside(time: float) -> bool:
        now = value + time * along + plane.share(time) * across
        return bool(((now < lower) | (now > upper)).any())

    with np.errstate(divide="ignore", invalid="ignore"):
        share = -along / across
        turns = np.log(share / (1.0 - share)) - plane.v0
    ahead = turns[np.isfinite(turns) & (turns * plane.law.rate(plane.v0) > 0.0)]
    times = np.unique([plane.law.elapsed(plane.v0, float(turn)) for turn in ahead])
    near = 0.0
    for far in (*times.tolist(), *(2.0**k for k in range(-40, 60))):
        if far <= near:
            continue
        if is_outside(far):
            return _first(is_outside, near, far)
        near = far
    return math.inf


def _first(is_outside: Callable[[float], bool], near: float, far: float) -> float:
    """The last time that is inside, by bisection."""
    while True:
        middle = near + (far - near) / 2.0
        if middle in (near, far):
            return near
        if is_outside(middle):
            far = middle
        else:
            near = middle
