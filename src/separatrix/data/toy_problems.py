"""Small classification problems in the plane and in space: the data of the embedded toy networks.

Every sample lies in the box [-2, 2]^d. Normal noise is cut at three standard deviations, so that this holds for every
sample of every size. Class sizes differ by at most one point.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["toy", "toys"]

Points = NDArray[np.float64]
Sampler = Callable[[int, np.random.Generator], Points]

HALF_WIDTH = 2.0
GAP = 0.1
"""Width of the empty band on either side of the true boundary of ring, ball and torus."""


def toy(
    name: str, n: int, rng: int | np.random.SeedSequence | np.random.Generator = 0
) -> tuple[Points, NDArray[np.int64]]:
    """A labelled sample of a small classification problem.

    Args:
        name: `"moons"`, `"circles"`, `"spirals"`, `"blobs"`, `"ring"` (in the plane), `"ball"`, `"torus"`, `"blobs3d"`
            (in space).
        n: number of points.
        rng: a seed, a `SeedSequence` or a `Generator`. The same seed gives the same sample.

    Returns:
        The points, float64 of shape (n, 2) or (n, 3), inside the box [-2, 2]^d, and the labels, int64 of shape (n,),
        in random order. In ring, ball and torus class 1 is the solid body and class 0 the rest of the box.

    Raises:
        ValueError: the name is unknown, or n is negative.

    Example:
        >>> x, y = toy("torus", 200, rng=0)
        >>> x.shape, np.bincount(y).tolist()
        ((200, 3), [100, 100])
    """
    if name not in _CLASSES:
        raise ValueError(f"unknown toy problem {name!r}; expected one of: {', '.join(_CLASSES)}")
    if n < 0:
        raise ValueError(f"n is the number of points and cannot be negative, got {n}")
    generator = np.random.default_rng(rng)
    samplers = _CLASSES[name]
    sizes = [len(range(k, n, len(samplers))) for k in range(len(samplers))]
    x = np.concatenate([sample(size, generator) for sample, size in zip(samplers, sizes, strict=True)])
    y = np.repeat(np.arange(len(samplers), dtype=np.int64), sizes)
    order = generator.permutation(n)
    return x[order], y[order]


def toys() -> tuple[str, ...]:
    """Names of the toy problems.

    Example:
        >>> toys()
        ('moons', 'circles', 'spirals', 'blobs', 'ring', 'ball', 'torus', 'blobs3d')
    """
    return tuple(_CLASSES)


def _noise(shape: tuple[int, ...], scale: float, rng: np.random.Generator) -> Points:
    return scale * np.clip(rng.standard_normal(shape), -3.0, 3.0)


def _moon(upper: bool) -> Sampler:
    """Half a circle of radius 1; the two halves hook into each other."""

    def sample(n: int, rng: np.random.Generator) -> Points:
        angle = np.pi * rng.random(n)
        arc = np.stack([np.cos(angle) - 0.5, np.sin(angle) - 0.25], axis=1)
        return (arc if upper else -arc) + _noise((n, 2), 0.1, rng)

    return sample


def _circle(radius: float) -> Sampler:
    def sample(n: int, rng: np.random.Generator) -> Points:
        angle = 2.0 * np.pi * rng.random(n)
        return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1) + _noise((n, 2), 0.1, rng)

    return sample


def _spiral(start: float) -> Sampler:
    """An Archimedean arm of one turn and a quarter, from radius 0.3 to radius 1.8."""

    def sample(n: int, rng: np.random.Generator) -> Points:
        t = np.sqrt(rng.random(n))
        angle = start + 2.5 * np.pi * t
        arm = (0.3 + 1.5 * t)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return arm + _noise((n, 2), 0.05, rng)

    return sample


def _blob(*centre: float) -> Sampler:
    def sample(n: int, rng: np.random.Generator) -> Points:
        return np.array(centre) + _noise((n, len(centre)), 0.25, rng)

    return sample


def _where(dim: int, signed_distance: Callable[[Points], NDArray[np.float64]], inside: bool) -> Sampler:
    """Uniform on the part of the box that lies at least GAP inside (or outside) of a body."""

    def sample(n: int, rng: np.random.Generator) -> Points:
        kept, missing = [np.empty((0, dim))], n
        while missing > 0:
            x = rng.uniform(-HALF_WIDTH, HALF_WIDTH, (4096, dim))
            distance = signed_distance(x)
            kept.append(x[distance < -GAP if inside else distance > GAP][:missing])
            missing -= len(kept[-1])
        return np.concatenate(kept)

    return sample


def _ring(x: Points) -> NDArray[np.float64]:
    """Signed distance to the ring 0.7 < |x| < 1.4 (negative inside)."""
    return np.abs(np.linalg.norm(x, axis=1) - 1.05) - 0.35


def _ball(x: Points) -> NDArray[np.float64]:
    """Signed distance to the ball of radius 1.2 (negative inside)."""
    return np.linalg.norm(x, axis=1) - 1.2


def _torus(x: Points) -> NDArray[np.float64]:
    """Signed distance to the solid torus around the third axis with radii 1.2 and 0.55 (negative inside)."""
    return np.hypot(np.linalg.norm(x[:, :2], axis=1) - 1.2, x[:, 2]) - 0.55


_CLASSES: dict[str, tuple[Sampler, ...]] = {
    "moons": (_moon(upper=True), _moon(upper=False)),
    "circles": (_circle(1.5), _circle(0.6)),
    "spirals": (_spiral(0.0), _spiral(np.pi)),
    "blobs": (_blob(0.0, 1.0), _blob(-0.9, -0.5), _blob(0.9, -0.5)),
    "ring": (_where(2, _ring, inside=False), _where(2, _ring, inside=True)),
    "ball": (_where(3, _ball, inside=False), _where(3, _ball, inside=True)),
    "torus": (_where(3, _torus, inside=False), _where(3, _torus, inside=True)),
    "blobs3d": (_blob(0.9, 0.0, -0.6), _blob(-0.9, 0.0, -0.6), _blob(0.0, 0.0, 0.9)),
}
