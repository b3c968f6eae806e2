"""Rays to infinity: the limit of f along one, proved or read off, and whether f goes on rising there (§4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError
from separatrix.flow.infinity.recession import limit_along
from separatrix.flow.infinity.saturation import SaturatingLayer
from separatrix.potentials.base import Potential
from separatrix.potentials.head import NetworkPotential

DECADES = 10.0 ** np.arange(9)
NOISE, ENORMOUS = 1e-13, 1e50
FLAT = 1e-6
SETTLED = 0.5
ONE_WAY = 0.99
SAME_LIMIT = 1e-6
OPPOSITE = 0.1


@dataclass(frozen=True, eq=False)
class Ray:
    """A ray with what f does along it; ``pattern``: the signs of a network's slopes, empty for other potentials;
    ``attracts``: (4.6) is proved."""

    base: np.ndarray
    direction: np.ndarray
    bounds: tuple[float, float]
    certainty: Certainty
    text: str
    pattern: bytes = b""
    attracts: bool = False

    @property
    def limit(self) -> float:
        """The middle of the bounds."""
        return self.bounds[0] if np.isinf(self.bounds[0]) else 0.5 * (self.bounds[0] + self.bounds[1])


def ray_along(
    potential: Potential, base: np.ndarray, direction: np.ndarray, layer: SaturatingLayer | None = None
) -> Ray:
    """What f does along ``base`` + t ``direction``: proved for networks where all signs are, else read off in doubles.

    ``layer``: with it (4.6) is tried."""
    if isinstance(potential, NetworkPotential):
        bounds, behaviour = limit_along(potential, base, direction)
        if bounds is not None:
            certainty = Certainty.PROVED if behaviour.is_decided else Certainty.HEURISTIC
            how = (
                "proved in interval arithmetic" if behaviour.is_decided else "in floating point, a sign is not decided"
            )
            return Ray(
                base, direction, bounds, certainty,
                f"its limit along the ray by the signs of the neurons' slopes, {how}", behaviour.signs.tobytes(),
                layer is not None and np.isfinite(bounds[0]) and layer.is_sink(behaviour),
            )  # fmt: skip
    limit = _estimated_limit(potential, base, direction)
    return Ray(base, direction, (limit, limit), Certainty.HEURISTIC, "its limit along the ray read off in doubles")


def leads_up(ray: Ray, value: float) -> bool:
    """Whether a ray leads to a proved sink at infinity that is not below ``value``."""
    return ray.attracts and ray.limit >= value - NOISE * (1.0 + abs(value))


def rises(potential: Potential, ray: Ray, rose: bool) -> bool:
    """Whether f goes on rising along the ray in doubles: it never falls and it gains; or it is level to the last bit, as
    where neurons are saturated, and the ascent ``rose`` to there."""
    size = 1.0 + float(np.linalg.norm(ray.base))
    t = np.concatenate([[0.0], size * np.concatenate([[0.1, 0.3], DECADES])])
    values, slopes = _along(potential, ray.base, ray.direction, t)
    if values.size < 3 or ray.limit == -np.inf:
        return bool(values.size and values[0] > ENORMOUS and slopes[0] > 0)
    noise = NOISE * (1.0 + np.abs(values).max())
    # a network's slopes are sums of few terms and keep their sign in the tails; a formula's may cancel
    slack = 0.0 if ray.pattern else noise
    falls = (slopes * (size + t[: slopes.size]) < -slack).any() or (np.diff(values) < -noise).any()
    if falls or ray.limit < values[0] - noise:
        return False
    return bool(slopes[0] > 0 or values[-1] > values[0] + noise or rose)


def gain(potential: Potential, ray: Ray) -> float:
    """How much f gains on the next piece of the ray, as long as ten times the way to its base."""
    values = _along(
        potential, ray.base, ray.direction, np.array([0.0, 10.0 * (1.0 + float(np.linalg.norm(ray.base)))])
    )[0]
    return float(values[-1] - values[0]) if values.size == 2 else 0.0


def flat_directions(potential: Potential, x: np.ndarray) -> np.ndarray:
    """Eigenvectors (dim, k) of the Hessian with the smallest eigenvalues, those below FLAT of the largest."""
    if not np.isfinite(potential.value_and_gradient(x[None])[0][0]):
        return np.zeros((x.size, 0))
    try:
        spectrum, vectors = np.linalg.eigh(potential.hessian_on(x, np.arange(x.size)))
    except InputError:  # at the edge of where f is defined there may be no Hessian
        return np.zeros((x.size, 0))
    return vectors[:, np.abs(spectrum) <= FLAT * np.abs(spectrum).max(initial=0.0)]


def _along(
    potential: Potential, base: np.ndarray, direction: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values and slopes at base + t direction, up to the first that is not finite."""
    with np.errstate(all="ignore"):
        values, gradients = potential.value_and_gradient(base + t[:, None] * direction)
        slopes = gradients @ direction
    lost = ~(np.isfinite(values) & np.isfinite(slopes))
    stop = int(lost.argmax()) if lost.any() else t.size
    return values[:stop], slopes[:stop]


def _estimated_limit(potential: Potential, base: np.ndarray, direction: np.ndarray) -> float:
    """The limit that the increments a decade point to: inf unless they shrink, NaN where nothing can be evaluated."""
    t = (1.0 + float(np.linalg.norm(base))) * np.concatenate([[0.0], DECADES])
    values, slopes = _along(potential, base, direction, t)
    if values.size < 3:
        return np.nan if not values.size else np.inf if slopes[0] > 0 else -np.inf
    last, before = values[-1] - values[-2], values[-2] - values[-3]
    if abs(last) <= 1e-12 * (1.0 + abs(values[-1])):
        return float(values[-1])
    ratio = last / before if before else np.inf
    if not 0.0 <= ratio < SETTLED:
        return np.inf if last > 0 else -np.inf
    return float(values[-1] + last * ratio / (1.0 - ratio))


def is_same(a: Ray, b: Ray) -> bool:
    """One way to infinity: nearly one direction where f grows without bound; else the same neurons on the same sides or,
    without neurons, nearly one direction with one limit."""
    if np.isinf(a.limit) or np.isinf(b.limit):
        return a.limit == b.limit and bool(a.direction @ b.direction > ONE_WAY)
    if a.pattern or b.pattern:
        return a.pattern == b.pattern
    return _is_level(a.limit, b.limit) and bool(a.direction @ b.direction > ONE_WAY)


def is_joined(potential: Potential, a: Ray, b: Ray) -> bool:
    """Whether f has one finite limit along both rays, to rounding, and along the ray half-way between them, too: a whole
    fan of rays on which f levels out counts as one way. Proved sinks at infinity are told apart by their proofs."""
    if (a.attracts and b.attracts) or not np.isfinite(a.limit) or not _is_level(a.limit, b.limit):
        return False
    middle = a.direction + b.direction
    length = float(np.linalg.norm(middle))
    if length < OPPOSITE:
        return False
    between = ray_along(potential, 0.5 * a.base + 0.5 * b.base, middle / length)
    return bool(np.isfinite(between.limit)) and _is_level(a.limit, between.limit)


def _is_level(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_LIMIT * (1.0 + abs(one))
