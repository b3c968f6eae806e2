"""The gradient flow of a potential on a domain: trajectories, sinks, basins (§3)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.domains import Box, Domain, as_domain
from separatrix.errors import InputError, KindError, printable
from separatrix.flow.arrays import beside, on_host, rows
from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.engines import Search, Smooth, engine_of
from separatrix.flow.event_stepper import Settings
from separatrix.flow.infinity.escapes import probability_limits
from separatrix.flow.pieces import Progress
from separatrix.flow.projection import Arena, Bounds
from separatrix.flow.starts import search_from_own_starts
from separatrix.flow.trajectories import Trajectories
from separatrix.numerics.generators import generator_of
from separatrix.potentials.base import Potential
from separatrix.potentials.head import NetworkPotential

if TYPE_CHECKING:
    from separatrix.flow.equations.closed_form import ClosedForm

BOUNDARIES = ("project", "exit")
SEARCHED = 400


class GradientFlow:
    """dx/dt = grad f(x) on ``domain``: f is climbed.

    ``boundary="project"``: the projected flow on a box, which stays inside by dropping the outward part of the gradient;
    ``"exit"``: trajectories end where they leave the box. On WholeSpace there is no boundary.

    >>> from separatrix import Box, Network, log_odds
    >>> net = Network.from_arrays([[[1.0, 0.5], [-1.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0, 0], [0, 0]], "tanh")
    >>> flow = GradientFlow(log_odds(net, 0), Box.cube(2, -1, 1))
    >>> flow.sinks([[0.0, 0.0]]).points.round(3).tolist()
    [[1.0, -0.294]]

    Points may be numpy arrays, lists or torch tensors of any device and precision; they are computed with in float64, and
    records hold numpy arrays. Tensors on an accelerator stay there for the parts that are done in batches: the ascent
    of :meth:`sinks`, most steps of :meth:`basins`; what goes row by row, trajectories, and the events of piecewise linear
    networks run on the CPU.
    """

    def __init__(self, potential: Potential, domain: Any, boundary: str = "project") -> None:
        if not isinstance(potential, Potential):
            raise KindError(
                f"GradientFlow: expected a Potential such as log_density(net), came {type(potential).__name__}"
            )
        if boundary not in BOUNDARIES:
            raise InputError(f"GradientFlow: boundary must be 'project' or 'exit', came {boundary!r}")
        self.engine = engine_of(potential)
        self.potential, self.boundary = potential, boundary
        self.domain: Domain = as_domain(domain, potential.dim)
        self.arena = Arena.of(potential.companion or potential, self.domain, boundary)

    def trajectories(
        self,
        x0: Any,
        t_max: float,
        rtol: float = 1e-6,
        atol: float = 1e-6,
        *,
        max_steps: int = 10_000,
        stop: CriticalPoints | None = None,
        keep_paths: bool | None = None,
        workers: int | None = None,
    ) -> Trajectories:
        """Solutions from the rows of ``x0`` (n, dim) up to time ``t_max``, each with its reason for ending.

        Dormand-Prince 5(4), steps a row, faces of the box met and left by located events; on the whole space, for one hidden
        layer, Tsitouras 5(4) in the row space (4.1); piecewise linear networks from event to event (§5). A row ends with the
        reason "sink" (at rest, Hessian negative definite on the free face, or in the proved region of a sink of ``stop``),
        "time", "left the box" or "budget" (``max_steps``), or another in words. Paths are kept where they are small, or with
        ``keep_paths``. ``workers``: threads or processes, -1 for all cores; they change no answer.

        Raises InputError for starts outside the box, NaN, or tolerances that are not positive.
        """
        starts = self._inside(x0, "x0", in_batches=False)
        for name, value in (("t_max", t_max), ("rtol", rtol), ("atol", atol)):
            if not (isinstance(value, (int, float, np.number)) and np.isfinite(value) and value > 0):
                raise InputError(f"trajectories: {name} must be a positive number, came {value!r}")
        if isinstance(max_steps, bool) or not isinstance(max_steps, (int, np.integer)) or max_steps < 1:
            raise InputError(f"trajectories: max_steps must be a positive integer, came {max_steps!r}")
        settings = Settings(float(t_max), float(rtol), float(atol), int(max_steps))
        return self.engine.integrate(
            self.potential,
            self.domain,
            self.boundary,
            starts,
            settings,
            stop=stop,
            keep_paths=keep_paths,
            workers=workers,
        )

    def sinks(
        self,
        starts: Any = None,
        rng: Any = 0,
        *,
        strict: bool = False,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> CriticalPoints:
        """The distinct sinks that ``starts`` (n, dim) climb to, each proved or marked; ``label`` says which start led where.

        Without starts the flow makes its own until two rounds bring nothing new: in a box uniform points, and points climbed
        towards every class; on the whole space normal ones about the origin. Starts that run off to infinity are reported in
        ``at_infinity``. A list of sinks is never called complete here. ``strict=True`` raises UnresolvedError where a
        sink is not proved or a start led nowhere.
        """
        generator = generator_of(rng)
        if starts is None:
            search = self.search()
            search_from_own_starts(search, generator, workers=workers, progress=progress)
        else:
            search = self.search()
            search.add(self._inside(starts, "starts"), workers, progress)
        found = self.named(search.record(), str(rng))
        return found.require() if strict else found

    def search(self) -> Search:
        """A search for sinks that can be given starts in several rounds; finish it with :meth:`named`."""
        return self.engine.search(self.arena)

    def named(self, found: CriticalPoints, seed: str = "") -> CriticalPoints:
        """A search's record with this flow's potential and values.

        The flow of a class probability is searched on its log-odds, which have the same orbits and equilibria and do not
        vanish to rounding where the network is sure.
        """
        assert found.provenance is not None
        found = dataclasses.replace(found, provenance=dataclasses.replace(found.provenance, seed=seed))
        if self.potential.companion is None:
            return found
        note = f"spectra, multipliers and proofs are those of the {found.potential}, whose equilibria are the same"
        return dataclasses.replace(
            found,
            potential=self.potential.name,
            notes=(*found.notes, note),
            values=self.potential.value(found.points),
            at_infinity=probability_limits(found.at_infinity),
        )

    def basins(
        self,
        samples: Any,
        sinks: CriticalPoints | None = None,
        rng: Any = 0,
        *,
        level: float = 0.95,
        full: bool = False,
        pass_heights: Any = None,
        previous: Basins | None = None,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> Basins:
        """Which sink each row of ``samples`` (n, dim) flows to, and the shares with Wilson intervals.

        The flow's own basins, integrated; a row that reaches no known sink within its budget is unresolved. ``sinks=None``
        searches them first, from at most SEARCHED of the samples; sinks that rows meet on the way are proved and added at
        the end of the list. ``full=True`` integrates every row up to its sink; otherwise a row is given to a sink as soon
        as f rises, concave, along the segment to it at three checks in a row.

        ``pass_heights`` (n_sinks, n_sinks): the values of the best passes known between the sinks, as in
        :func:`~separatrix.class_tree`. Then a row is given to a sink as soon as f lies above the highest known pass out of it
        at the row and along the segment (a label as certain as the passes are), and none that settled below that pass
        keeps its label unseen: it is integrated in full. ``previous``: an earlier record of the same samples; only rows
        without a sink and rows that settled below a pass that is known now are followed again. Flows of piecewise linear
        networks are always followed to their ends and need neither.

        Raises InputError for samples outside the box and for pass heights or a record that fit neither sinks nor samples.
        """
        inside = self._inside(samples, "samples")
        if not 0.0 < level < 1.0:
            raise InputError(f"basins: level must lie between 0 and 1, came {level!r}")
        if sinks is not None and sinks.points.shape[1] != self.potential.dim:
            raise InputError(
                f"basins: the sinks have dimension {sinks.points.shape[1]}, the flow {self.potential.dim}; give sinks of "
                "this flow, or none"
            )
        if previous is not None:
            sinks = _checked_earlier(previous, sinks, inside.shape[0])
        heights = None if pass_heights is None else _checked_passes(pass_heights, sinks)
        if sinks is None:
            chosen = np.sort(generator_of(rng).permutation(inside.shape[0])[:SEARCHED])
            sinks = self.sinks(inside[beside(chosen, inside)], rng, workers=workers, progress=progress)
        options: dict[str, Any] = {"level": level, "full": full, "workers": workers, "progress": progress}
        if isinstance(self.engine, Smooth):
            options |= {"pass_heights": heights, "previous": previous}
        return self.engine.find_basins(self.arena, inside, sinks, **options)

    def _inside(self, x: Any, what: str, *, in_batches: bool = True) -> Any:
        """The rows of ``x``, checked: numpy's, or a tensor on its accelerator where the work is done in batches there."""
        on_device = isinstance(self.engine, Smooth) and isinstance(self.arena.potential, NetworkPotential)
        found = rows(x, self.potential.dim, what, on_device=in_batches and on_device)
        if isinstance(self.domain, Box):
            outside = on_host(Bounds(self.domain.lower, self.domain.upper).like(found).passed(found))
            if outside.any():
                row = int(np.flatnonzero(outside)[0])
                raise InputError(
                    f"{what}: {int(outside.sum())} of {found.shape[0]} points lie outside the box {self.domain!r}, "
                    f"row {row} first; clip or drop them"
                )
        self.potential.require_defined(found, what)
        return found

    def closed_form(self) -> ClosedForm:
        """The differential equation of this flow in LaTeX and as a sympy object, with its exact reduction (4.1).

        Raises InputError for a potential that is neither a function of a network's logits nor an expression.
        """
        from separatrix.flow.equations.closed_form import closed_form

        return closed_form(self.potential, self.domain, self.boundary)

    def __repr__(self) -> str:
        return f"GradientFlow({printable(self.potential.name, 60)}, {self.domain!r}, boundary={self.boundary!r})"


def _checked_passes(pass_heights: Any, sinks: CriticalPoints | None) -> np.ndarray:
    """The pass heights as a float64 array (n_sinks, n_sinks) without NaN and inf."""
    if sinks is None:
        raise InputError("basins: pass_heights belong to a list of sinks; give the sinks, too")
    try:
        heights = np.array(pass_heights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise KindError(
            f"basins: pass_heights must be an array of numbers, came {type(pass_heights).__name__}"
        ) from error
    if heights.shape != (len(sinks), len(sinks)):
        raise InputError(
            f"basins: expected pass_heights of shape ({len(sinks)}, {len(sinks)}) for {len(sinks)} sinks, came "
            f"{heights.shape}; use the sinks and pass_heights of one tree"
        )
    if np.isnan(heights).any() or (heights == np.inf).any():
        raise InputError("basins: pass_heights must be numbers, or -inf where no pass is known; came NaN or inf")
    return heights


def _checked_earlier(previous: Any, sinks: CriticalPoints | None, n: int) -> CriticalPoints:
    """The sinks to go on with after an earlier record of ``n`` samples."""
    if not isinstance(previous, Basins):
        raise KindError(f"basins: previous must be the Basins of an earlier call, came {type(previous).__name__}")
    if previous.label.shape != (n,):
        raise InputError(
            f"basins: the earlier record is of {previous.label.size} samples, there are {n}; give the same samples"
        )
    return previous.sinks if sinks is None else sinks
