"""Sinks at infinity: where starts go that run off, on the whole space (§4).

A trajectory of a gradient flow that stays bounded has an equilibrium among its limits. Where (4.2) proves that there is none,
every trajectory leaves every bounded set, and f, which rises along it, has a limit or grows without bound. Elsewhere a start
is taken to run off when f goes on rising along a ray from where its ascent stands, as far as doubles reach (heuristic). For
networks the limit of f along that ray is proved, by :mod:`~separatrix.flow.infinity.recession`. The ray is one way to
infinity; that a trajectory takes this direction and no other is not proved. Where the first hidden layer saturates and its
matrix has full row rank, sinks at infinity are the sinks of f as a function of the layer's values, on the cube of these
values, and are proved there (4.7); which start goes to which is told by a climb on the cube, which is no trajectory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import WholeSpace
from separatrix.flow.infinity.rays import (
    NOISE,
    Ray,
    flat_directions,
    gain,
    is_joined,
    is_same,
    leads_up,
    ray_along,
    rises,
)
from separatrix.flow.infinity.saturation import SaturatingLayer
from separatrix.flow.pieces import Progress
from separatrix.flow.projection import Arena
from separatrix.networks.theorems import theorems
from separatrix.numerics.interval_functions import sigmoid
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Potential
from separatrix.potentials.class_probability import LogisticOfLogOdds
from separatrix.potentials.head import NetworkPotential
from separatrix.potentials.log_density import LogSumExp
from separatrix.potentials.margin import Coordinate

if TYPE_CHECKING:
    from separatrix.flow.sinks import SinkSearch

CURVED_DIM = 64


@dataclass(frozen=True, eq=False)
class SinkAtInfinity:
    """A way to infinity along which f rises.

    - ``base``, ``direction`` (dim,): the ray base + t direction, a unit vector up to rounding
    - ``limit``: of f along the ray, inf where it grows without bound; ``bounds``: the two ends between which it is proved to
      lie, or the estimate twice; ``is_bounded``: whether it is finite
    - ``certainty``: of the limit, along the ray or, where ``attracts`` is proved, along the trajectories that it speaks of
    - ``attracts``: proved where (4.6) or (4.7) shows an open set of starts whose trajectories all go to infinity with this
      limit of f, else unknown. ``no_equilibrium``: proved where (4.2) excludes every equilibrium, so that all trajectories go to
      infinity, else unknown
    - ``evidence``: in words; ``hits``: how many starts were led this way
    """

    base: np.ndarray
    direction: np.ndarray
    limit: float
    bounds: tuple[float, float]
    is_bounded: bool
    certainty: Certainty
    attracts: Certainty
    no_equilibrium: Certainty
    evidence: str
    hits: int = 1

    def __repr__(self) -> str:
        kind = f"f tends to {self.limit:.6g}" if self.is_bounded else "f grows without bound"
        return f"SinkAtInfinity({kind} along the ray, {self.certainty}; {self.hits} starts)"


class Escapes:
    """The ways to infinity that the starts of one search find; :meth:`add` judges an end that is no sink."""

    def __init__(self, arena: Arena) -> None:
        self.arena, self.potential = arena, arena.potential
        self.is_free = isinstance(arena.domain, WholeSpace)
        self.rays: list[Ray] = []
        self.hits: list[int] = []
        self._on_cube: dict[bytes, int] = {}

    @cached_property
    def excludes_equilibria(self) -> bool:
        """Whether (4.2) proves on the whole space that there is no equilibrium."""
        return self.is_free and has_no_equilibrium(self.potential)

    @cached_property
    def layer(self) -> SaturatingLayer | None:
        """The network's first layer, where it saturates."""
        return SaturatingLayer.of(self.potential) if self.is_free else None

    @cached_property
    def cube(self) -> SinkSearch | None:
        """A search for the sinks of F on the cube of the first layer's values, where (4.7) applies to them."""
        from separatrix.flow.sinks import SinkSearch

        if self.layer is None or not self.layer.is_onto:
            return None
        return SinkSearch(Arena.of(self.layer.cube, self.layer.box, "project"))

    def add(self, start: np.ndarray, end: np.ndarray, hits: int = 1) -> str | None:
        """The reason of ``hits`` starts that ran off to infinity through ``end``, or None where they did not."""
        if not self.is_free:
            return None
        ray = self._sink_on_cube(start if self.excludes_equilibria else end)
        if ray is None or not leads_up(ray, float(self.potential.value_and_gradient(end[None])[0][0])):
            ray = self._best(start, end)
        if ray is None:
            return None
        row = self._row(ray)
        if row == len(self.rays):
            self.rays.append(ray)
            self.hits.append(0)
        self.hits[row] += hits
        why = "f goes on rising along a ray"
        if self.excludes_equilibria:
            why = "there is no equilibrium (4.2)"
        elif ray.attracts:
            why = "where the ascent stands f is not above the limit of a proved sink at infinity (4.6), (4.7)"
        return f"at infinity: {why}; at_infinity[{row}]"

    def _row(self, ray: Ray) -> int:
        """The number of the way that ``ray`` belongs to, one more than the last for a new one."""
        for i, known in enumerate(self.rays):
            if is_same(known, ray) or is_joined(self.potential, known, ray):
                return i
        return len(self.rays)

    def prepare(self, x: np.ndarray, workers: int | None = None, progress: Progress | None = None) -> None:
        """Climb F on the cube from the values at the rows of ``x`` together."""
        assert self.cube is not None and self.layer is not None
        self.cube.add(np.stack([self.layer.image(row) for row in x]), workers, progress)
        self._on_cube |= dict(zip((row.tobytes() for row in x), self.cube.label[-x.shape[0] :], strict=True))

    def _sink_on_cube(self, x: np.ndarray) -> Ray | None:
        """The sink at infinity (4.7) that F climbs to from the first layer's values at ``x``."""
        search, layer = self.cube, self.layer
        if search is None or layer is None:
            return None
        if x.tobytes() not in self._on_cube:
            self.prepare(x[None])
        label = self._on_cube[x.tobytes()]
        if label < 0:
            return None
        sink = search.sinks[label]
        faces = search.arena.bounds.faces(sink.point)
        if not faces.any() or sink.verdict is not Certainty.PROVED:
            return None
        around = Interval.around(sink.point, np.where(faces != 0, 0.0, sink.proof.error))
        value = search.potential.enclose(around.lower, around.upper).value
        base, direction = layer.way(sink.point, faces)
        text = f"f tends to the value of a sink of the first layer's values, {int((faces != 0).sum())} of {faces.size} saturated"
        return Ray(
            base,
            direction / np.linalg.norm(direction),
            (float(value.lower), float(value.upper)),
            Certainty.PROVED,
            f"{text}: {sink.proof.evidence}",
            b"cube" + np.int64(label).tobytes(),
            attracts=True,
        )

    def _best(self, start: np.ndarray, end: np.ndarray) -> Ray | None:
        """Of the rays through ``end`` along which f rises an attracting one, then the highest; with (4.2) any will do."""
        values = self.potential.value_and_gradient(np.stack([start, end]))[0]
        rose = bool(values[1] > values[0])
        rays = [ray_along(self.potential, end, direction, self.layer) for direction in self._directions(start, end)]
        rising = [ray for ray in rays if leads_up(ray, float(values[1])) or rises(self.potential, ray, rose)]
        if not rising and self.excludes_equilibria:
            rising = rays
        best = max(rising, key=lambda ray: (ray.attracts, ray.limit, gain(self.potential, ray)), default=None)
        return None if best is None else _not_below(best, float(values[1]))

    def _directions(self, start: np.ndarray, end: np.ndarray) -> list[np.ndarray]:
        """The slope, the place and the way there; without what lies across f's flat directions; towards a corner."""
        vectors = [self.potential.value_and_gradient(end[None])[1][0], end, end - start]
        if self.potential.dim <= CURVED_DIM:
            flat = flat_directions(self.potential, end)
            vectors += [flat @ (flat.T @ vector) for vector in (end, end - start)]
        if self.layer is not None:
            vectors += self.layer.directions(end)
        sizes = [float(np.abs(vector).max()) for vector in vectors]  # tiny slopes have squares that underflow
        scaled = [v / size for v, size in zip(vectors, sizes, strict=True) if np.isfinite(size) and size > 0]
        return [vector / np.linalg.norm(vector) for vector in scaled]

    def records(self) -> tuple[SinkAtInfinity, ...]:
        """What is known of every way found, in the order of discovery."""
        excluded = Certainty.PROVED if self.excludes_equilibria else Certainty.UNKNOWN
        return tuple(
            SinkAtInfinity(
                base=ray.base,
                direction=ray.direction,
                limit=ray.limit,
                bounds=ray.bounds,
                is_bounded=bool(np.isfinite(ray.limit)),
                certainty=ray.certainty,
                attracts=Certainty.PROVED if ray.attracts else Certainty.UNKNOWN,
                no_equilibrium=excluded,
                evidence=f"{self._why(ray)}; {ray.text}",
                hits=hits,
            )
            for ray, hits in zip(self.rays, self.hits, strict=True)
        )

    def _why(self, ray: Ray) -> str:
        """What speaks for the way as such, before what is known of the limit."""
        reasons = []
        if self.excludes_equilibria:
            reasons.append("(4.2) proves that f has no equilibrium, so every trajectory goes to infinity")
        if ray.attracts:
            reasons.append("(4.6), (4.7) prove that an open set of starts goes this way")
        return ", and ".join(reasons) or "f rises along the ray as far as doubles reach"


def _not_below(ray: Ray, value: float) -> Ray:
    """The ray, or, where f along it falls below its ``value`` at the end of the ascent, with that value for a limit: f rises
    along trajectories, so that the ray is not their way."""
    if ray.limit >= value - NOISE * (1.0 + abs(value)):
        return ray
    text = (
        "f at the end of the ascent; far along the ray itself f falls below it, so that trajectories take another way"
    )
    return dataclasses.replace(ray, bounds=(value, value), certainty=Certainty.HEURISTIC, text=text, attracts=False)


def probability_limits(found: Sequence[SinkAtInfinity]) -> tuple[SinkAtInfinity, ...]:
    """Ways to infinity of the log-odds l with the limits of the probability 1 / (1 + exp(-l)), which has the same orbits."""
    renewed = []
    for way in found:
        if way.is_bounded:
            p = sigmoid(Interval(*way.bounds))
            bounds = float(p.lower), float(p.upper)
        else:
            bounds = (1.0, 1.0) if way.limit > 0 else (0.0, 0.0)
        renewed.append(dataclasses.replace(way, limit=0.5 * (bounds[0] + bounds[1]), bounds=bounds, is_bounded=True))
    return tuple(renewed)


def has_no_equilibrium(potential: Potential) -> bool:
    """Whether theorem (4.2) proves that ``potential`` has no equilibrium in R^n."""
    if not isinstance(potential, NetworkPotential):
        return False
    head = potential.head
    if isinstance(head, LogSumExp):
        kind = "log-odds" if head.sign < 0 else "log-density"
    elif isinstance(head, LogisticOfLogOdds):
        kind = "class probability"
    elif isinstance(head, Coordinate):
        kind = "margin"
    else:
        return False
    theorem = next(theorem for theorem in theorems(potential.network) if theorem.number == "4.2")
    return theorem.certainty is Certainty.PROVED and kind in theorem.potentials
