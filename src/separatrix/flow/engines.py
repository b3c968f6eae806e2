"""The two kinds of flow behind GradientFlow: smooth potentials, and networks whose gradient jumps along creases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np

from separatrix.domains import Domain
from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.event_stepper import Settings
from separatrix.flow.pieces import Progress
from separatrix.flow.piecewise_linear.creases import has_creases
from separatrix.flow.projection import Arena
from separatrix.flow.trajectories import Trajectories
from separatrix.potentials.base import Potential


class Search(Protocol):
    """A search for sinks that grows: more starts with :meth:`add`, what is known so far with :meth:`record`."""

    arena: Arena
    potential: Potential

    def add(self, starts: np.ndarray, workers: int | None = None, progress: Progress | None = None) -> int:
        """Climb from ``starts`` (n, dim); the number of sinks that are new."""
        ...

    def record(self) -> CriticalPoints:
        """The sinks so far, highest value first."""
        ...


class Engine(ABC):
    """How a kind of flow is integrated, searched for sinks, and cut into basins."""

    @abstractmethod
    def integrate(
        self,
        potential: Potential,
        domain: Domain,
        boundary: str,
        starts: np.ndarray,
        settings: Settings,
        *,
        stop: CriticalPoints | None = None,
        keep_paths: bool | None = None,
        workers: int | None = None,
    ) -> Trajectories:
        """Trajectories from the rows of ``starts`` (n, dim)."""

    @abstractmethod
    def search(self, arena: Arena) -> Search:
        """A new search for sinks."""

    @abstractmethod
    def find_basins(self, arena: Arena, samples: np.ndarray, sinks: CriticalPoints, **options: Any) -> Basins:
        """Basins of ``sinks`` and of those that rows meet on the way; options: level, full, workers, progress."""


class Smooth(Engine):
    """Potentials with continuous gradients: Runge-Kutta steps, Newton, Krawczyk."""

    def integrate(self, *where: Any, **options: Any) -> Trajectories:
        from separatrix.flow.trajectories import integrate

        return integrate(*where, **options)

    def search(self, arena: Arena) -> Search:
        from separatrix.flow.sinks import SinkSearch

        return SinkSearch(arena)

    def find_basins(self, arena: Arena, samples: np.ndarray, sinks: CriticalPoints, **options: Any) -> Basins:
        from separatrix.flow.basin_flow import find_basins

        return find_basins(arena, samples, sinks, **options)


class PiecewiseLinear(Engine):
    """Piecewise linear networks: exact events, sliding along creases, the first-order condition (§5)."""

    def integrate(self, *where: Any, **options: Any) -> Trajectories:
        from separatrix.flow.piecewise_linear.trajectories import integrate

        return integrate(*where, **options)

    def search(self, arena: Arena) -> Search:
        from separatrix.flow.piecewise_linear.sinks import RidgeSearch

        return RidgeSearch(arena)

    def find_basins(self, arena: Arena, samples: np.ndarray, sinks: CriticalPoints, **options: Any) -> Basins:
        from separatrix.flow.piecewise_linear.basins import find_basins

        return find_basins(arena, samples, sinks, **options)


def engine_of(potential: Potential) -> Engine:
    """The engine for ``potential``.

    Raises InputError for a network that mixes piecewise linear and smooth activations.
    """
    return PiecewiseLinear() if has_creases(potential) else Smooth()
