"""Eigenvector following on a box: from a start to a saddle of a given Morse index (Cerjan and Miller 1981, §3).

Every step maximises, over the box and a trust region, the concave model (V c) . d - d^T V max(|lam|, flat) V^T d / 2, with
the gradient c = V^T g mirrored along the ``index`` carried eigenvectors: f is climbed across them and descended along them.
The step is controlled by the error of the linear model of the gradient, not by f, which has no extremum at a saddle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.errors import SeparatrixError
from separatrix.flow.projection import Arena, Bounds
from separatrix.flow.saddles.box_model import maximum_on_box
from separatrix.flow.saddles.curvature import Curvature

STEPS = 60
FIRST, LARGEST, SMALLEST = 0.1, 0.5, 1e-9  # trust radii as shares of the width of the domain
FLAT = 1e-6
POSITIVE = 1e-9
KICK = 0.05
NEARLY = 1e-6
STUCK = 1e-8
BACK, APART = 1e-6, 1e-4  # a search that is within BACK of where it was, and was APART meanwhile, goes round for ever
STALLED, STAYS, FALLS = 5, 0.03, 0.5  # in so many steps within so much of the width the residual is to fall by a factor
NEAR, NEARER = (
    1e-3,
    0.1,
)  # a known saddle is met by a step that comes within NEAR of the width and NEARER of the distance before
AWAY = 6  # steps in a row beyond the limits of the domain, after which a search has left it


@dataclass(frozen=True, eq=False)
class Following:
    """Where a search ended: ``x`` (dim,), max norm of its projected gradient, steps, and whether it came to rest.

    ``axes`` (dim, index): the directions along which it descended, orthonormal as far as the free face leaves them so.
    """

    x: np.ndarray
    residual: float
    steps: int
    has_arrived: bool
    axes: np.ndarray


def follow(
    arena: Arena,
    start: np.ndarray,
    axes: np.ndarray | None = None,
    index: int = 1,
    steps: int = STEPS,
    known: np.ndarray | None = None,
) -> Following:
    """From ``start`` (dim,) towards a saddle of Morse index ``index``.

    ``axes`` (dim,) or (dim, index): directions to descend along at first; None: the top eigenvectors of the Hessian.
    ``known`` (m, dim): saddles of that index: a search whose steps converge to one of them ends at it.
    """
    state = _State(arena, start, axes, index)
    count = away = 0
    while count < steps and away < AWAY and not state.is_at_rest():
        count += 1
        away = away + 1 if arena.outside(state.x[None])[0] else 0
        if not state.step():
            break
        state.put_down()
        if state.has_come_back() or state.has_stalled():
            break
        place = state.met(known)
        if place is not None:
            return Following(place, 0.0, count, True, state.axes)
    return Following(state.x, state.residual, count, state.residual < NEARLY * state.slope_scale, state.axes)


class _State:
    """A search on its way: point, gradient, carried axes and trust radius."""

    def __init__(self, arena: Arena, start: np.ndarray, axes: np.ndarray | None, index: int) -> None:
        self.arena, self.potential, self.bounds, self.index = arena, arena.potential, arena.search_bounds, index
        self.x = self.bounds.snap(np.array(start, dtype=np.float64))
        self.g = self._gradient(self.x)
        self.axes = np.zeros((self.x.size, index)) if axes is None else _columns(axes, self.x.size, index)
        self.width = arena.width
        self.delta = FIRST * self.width
        self.slope_scale, self.is_stuck = 1.0, False
        self.way, self.reaches, self.residuals = [self.x], [self.delta], [self.residual]

    @property
    def residual(self) -> float:
        """Max norm of the projected gradient."""
        return float(np.abs(self.bounds.project(np, self.x, self.g)).max(initial=0.0))

    def is_at_rest(self) -> bool:
        """Whether the projected gradient is rounding."""
        return self.residual <= 1e-15 * (1.0 + float(np.abs(self.g).max(initial=0.0)))

    def put_down(self) -> None:
        """Note where the search is."""
        self.way.append(self.x)
        self.reaches.append(self.delta)
        self.residuals.append(self.residual)

    def has_come_back(self) -> bool:
        """Whether the search is where it was some steps ago, as free to move, and was elsewhere meanwhile."""
        gaps = np.abs(np.array(self.way[:-1]) - self.x).max(axis=1, initial=0.0)
        same = np.flatnonzero((gaps < BACK * self.width) & (np.abs(np.array(self.reaches[:-1]) - self.delta) < BACK))
        return bool(same.size and gaps[same[0] :].max() > APART * self.width)

    def has_stalled(self) -> bool:
        """Whether the search goes to and fro in one place, where faces hold it, without coming to rest."""
        if len(self.residuals) <= STALLED or self.residual <= NEARLY * self.slope_scale:
            return False
        moved = float(np.abs(self.way[-1 - STALLED] - self.x).max(initial=0.0))
        return moved < STAYS * self.width and self.residual > FALLS * self.residuals[-1 - STALLED]

    def met(self, known: np.ndarray | None) -> np.ndarray | None:
        """The one of the ``known`` saddles (m, dim) to which the last step leads at more than linear speed."""
        if known is None or not len(known):
            return None
        gaps = np.abs(known - self.x).max(axis=1, initial=0.0)
        row = int(gaps.argmin())
        before = float(np.abs(known[row] - self.way[-2]).max(initial=0.0))
        return known[row].copy() if gaps[row] <= min(NEAR * self.width, NEARER * before) else None

    def _gradient(self, x: np.ndarray) -> np.ndarray:
        return self.potential.value_and_gradient(x[None])[1][0]

    def step(self) -> bool:
        """One accepted step, the trust radius shrunk until the linear model of the gradient agrees; False: none."""
        if not np.isfinite(self.g).all():
            return False
        free = np.flatnonzero(~self.bounds.held(np, self.x, self.g))
        try:
            curvature = Curvature.at(self.potential, self.x, free)
        except SeparatrixError:  # a user's function that is not defined here
            return False
        if curvature is None:
            return False
        slope, metric = self._model(free, curvature)
        low, high = (side[free] - self.x[free] for side in _sides(self.bounds, self.x))
        size = float(np.linalg.norm(self.g[free]))
        while self.delta > SMALLEST * self.width:
            d = maximum_on_box(metric, slope, np.maximum(low, -self.delta), np.minimum(high, self.delta))
            x = self.x.copy()
            x[free] += d
            x = self.bounds.snap(x)
            if float(np.abs(x - self.x).max()) <= STUCK * self.width and not self.is_stuck and self.residual > NEARLY:
                self.is_stuck = True
                return True
            if np.array_equal(x, self.x):
                return False
            g = self._gradient(x)
            bent = curvature.times((x - self.x)[free])
            length = float(np.abs(x - self.x).max())
            ratio = float(np.linalg.norm(g[free] - self.g[free] - bent)) / max(
                float(np.linalg.norm(bent)), size, 1e-300
            )
            if ratio <= 0.5:
                self.x, self.g, self.is_stuck = x, g, False
                if length > 0.9 * self.delta:  # a step that is refused costs little beside an eigenvalue problem
                    self.delta = min(2.0 * self.delta, LARGEST * self.width)
                return True
            self.delta = min(self.delta, length) / 2.0
        return False

    def _model(self, free: np.ndarray, curvature: Curvature) -> tuple[np.ndarray, np.ndarray]:
        """Slope and metric of the concave model on the free coordinates; the carried axes are renewed."""
        lam, vectors = curvature.lam, curvature.vectors
        c = vectors.T @ self.g[free]
        count = min(self.index, lam.size)
        positive = lam > POSITIVE
        if int(positive.sum()) == count or not self.axes[free].any():
            chosen = np.arange(lam.size - count, lam.size)
        else:
            overlap = np.square(vectors.T @ self.axes[free]).sum(axis=1)
            chosen = np.argsort(overlap, kind="stable")[lam.size - count :]
        self.axes = np.zeros_like(self.axes)
        self.axes[free, :count] = vectors[:, chosen]
        inner = self._inner_axes(free, count)
        others = positive.copy()
        others[chosen] = False
        curved = float(np.abs(lam).max(initial=0.0))
        self.slope_scale = 1.0 + curved
        if others.any() and float(np.abs(c).max()) < 1e-3 * self.slope_scale * self.width:
            kick = KICK * lam * self.width * np.where(c >= 0, 1.0, -1.0)
            c = np.where(others & (np.abs(c) < np.abs(kick)), kick, c)
        slope = vectors @ c
        return slope - 2.0 * inner @ (inner.T @ self.g[free]), curvature.metric(FLAT)

    def _inner_axes(self, free: np.ndarray, count: int) -> np.ndarray:
        """The axes; after a step that led nowhere without their components on faces, orthonormal.

        There the mirrored gradient holds coordinates on faces although their own points inward: they are let go.
        """
        axes = self.axes[free, :count]
        if not self.is_stuck:
            return axes
        low, high = (side[free] for side in _sides(self.bounds, self.x))
        on_face = (self.x[free] <= low) | (self.x[free] >= high)
        inner, upper = np.linalg.qr(np.where(on_face[:, None], 0.0, axes))
        return inner * (np.abs(np.diag(upper)) > 1e-3)


def _columns(axes: np.ndarray, dim: int, index: int) -> np.ndarray:
    given = np.asarray(axes, dtype=np.float64).reshape(dim, -1)
    found = np.zeros((dim, index))
    found[:, : given.shape[1]] = given[:, :index]
    return found


def _sides(bounds: Bounds, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.broadcast_to(bounds.lower, x.shape), np.broadcast_to(bounds.upper, x.shape)
