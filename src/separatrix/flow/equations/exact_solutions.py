"""Solutions of a flow in closed form, where they exist (§4, (4.8) to (4.12); §5).

Two classes with affine logits, or affine on the linear region of the start: the point moves on a straight line by a scalar
law (the log-density: in a plane). One neuron, or a first layer of rank 1: on a line as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box, Domain, points
from separatrix.errors import InputError, printable
from separatrix.flow.equations.equation_latex import aligned
from separatrix.flow.equations.equation_parts import Gradient
from separatrix.flow.equations.exact_formulas import formulas_of, kind_of
from separatrix.flow.equations.exact_laws import Constant, HyperbolicTangent, Law, Logistic, Mixture, Quadrature, Tanh
from separatrix.flow.equations.exact_motions import (
    Clipped,
    Line,
    Plane,
    end_in_plane,
    inward,
    preactivations,
    reach_of_box,
    reach_of_creases,
)
from separatrix.networks.propagation import Propagation
from separatrix.potentials.base import Potential
from separatrix.potentials.head import NetworkPotential
from separatrix.records import Provenance, Record

Path = Line | Plane | Clipped
SLACK = 1e-12


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ExactSolution(Record):
    """The solution of a flow from any start, by a formula.

    ``lines``: the formula in LaTeX; ``evidence``: on what it rests. ``certainty`` is that of the formula; its numbers
    are rounded. It holds until the first event: a side of the box, or a crease of a piecewise linear network.
    """

    potential: str
    lines: tuple[str, ...]
    evidence: str
    _path: Callable[[np.ndarray], Path]

    @property
    def latex(self) -> str:
        """The formula in LaTeX, one ``aligned`` block."""
        return aligned(self.lines)

    def at(self, t: Any, x0: Any) -> np.ndarray:
        """x(t) from the start ``x0`` (dim,) at times t >= 0: (dim,) for one time, (n_times, dim) for an array.

        Raises InputError for times after the first event, which :meth:`valid_until` gives.
        """
        times = np.asarray(t, dtype=np.float64)
        if times.ndim > 1 or not np.isfinite(times).all() or (times < 0).any():
            raise InputError(f"at: expected one finite time >= 0 or an array of them, came {t!r}")
        path = self._path(self._start(x0))
        latest = float(times.max(initial=0.0))
        if latest > path.end * (1.0 + SLACK):
            raise InputError(
                f"at: from this start the formula holds until t = {path.end:.6g} ({path.event}), t = {latest:.6g} came; "
                "go on from there with a new start, or use trajectories"
            )
        found = np.array([path.at(float(time)) for time in times.ravel()]).reshape(*times.shape, -1)
        return found.reshape(*times.shape, path.start.size)

    def valid_until(self, x0: Any) -> float:
        """The time of the first event after the start ``x0`` (dim,): inf where there is none, 0 on a crease."""
        return self._path(self._start(x0)).end

    def first_event(self, x0: Any) -> str:
        """What ends the formula from ``x0`` (dim,): "a side of the box", "a crease", or "" for nothing."""
        path = self._path(self._start(x0))
        return path.event if math.isfinite(path.end) else ""

    def _start(self, x0: Any) -> np.ndarray:
        rows = points(x0, self.domain.dim, "x0")
        if rows.shape[0] != 1:
            raise InputError(f"x0: expected one start of shape ({self.domain.dim},), came {rows.shape[0]}")
        if isinstance(self.domain, Box) and not self.domain.contains(rows)[0]:
            raise InputError(f"x0: the start lies outside the box {self.domain!r}; give one inside")
        return rows[0]

    def __repr__(self) -> str:
        return f"ExactSolution({printable(self.potential, 60)}: {self.lines[0]})"


def exact_solution(potential: Potential, domain: Domain, boundary: str = "project") -> ExactSolution | None:
    """The exact solution of the flow of ``potential``, None where none is known here.

    - two classes, affine logits or a piecewise linear network: log-odds and margins by straight lines at constant speed,
      class probability (4.8), confidence (4.11), log-density (4.10), negative entropy by quadrature
    - margins of any two classes of such a network
    - one hidden neuron, two classes, log-odds or a margin: sigmoid (4.8), tanh (4.9), softplus (4.10)
    - any smooth network whose first layer has rank 1 (exactly), or with one input: by quadrature (4.12)

    >>> from separatrix import Network, WholeSpace, class_probability
    >>> net = Network.from_arrays([[[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0]])
    >>> solution = exact_solution(class_probability(net, 0), WholeSpace(2))
    >>> solution.lines[0]
    'x(t) = x(0) + \\\\frac{l(t) - l(0)}{|g|^2}\\\\, g'
    >>> solution.at(2.0, [0.0, 0.0]).round(6).tolist()
    [0.465005, -0.465005]
    """
    gradient = Gradient.of(potential)
    assert isinstance(potential, NetworkPotential)
    kind = kind_of(gradient)
    if not kind:
        return None
    maker = Maker(potential, gradient, domain, boundary)
    path = {"region": maker.on_region, "neuron": maker.of_neuron, "rank one": maker.on_row}[kind]
    lines, evidence = formulas_of(gradient, kind, domain, boundary)
    return ExactSolution(
        potential=potential.name, lines=tuple(lines), evidence=evidence, domain=domain, certainty=Certainty.PROVED,
        provenance=Provenance("separation of variables"), _path=path,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Maker:
    """Makes the path from a start, for one potential on one domain."""

    potential: NetworkPotential
    gradient: Gradient
    domain: Domain
    boundary: str

    def on_region(self, x0: np.ndarray) -> Path:
        """Affine logits, everywhere or on the region of ``x0``."""
        graph, kind = self.potential.graph, self.gradient.kind
        state = Propagation(graph.nodes, graph.parameters, np.repeat(x0[None], graph.widths[-1], axis=0))
        rows, v = state.cotangents(np.eye(graph.widths[-1]))[0], state.output[0]
        if kind == "log-density":
            return self._in_plane(x0, rows[1], rows[0] - rows[1], float(v[0] - v[1]))
        if graph.widths[-1] == 2:
            g, level = rows[0] - rows[1], float(v[0] - v[1])
        else:
            sign = 1.0 if kind == "margin" else -1.0
            g, level = sign * rows[0], sign * float(v[0])
        if not self.gradient.activations and kind in ("log-odds", "margin") and self.boundary == "project":
            return Clipped(x0, g, self.domain if isinstance(self.domain, Box) else None)
        laws: dict[str, Callable[[], Law]] = {
            "log-odds": lambda: Constant(1.0), "margin": lambda: Constant(1.0), "class probability": lambda: Logistic(1.0),
            "confidence": lambda: Tanh(1.0), "negative entropy": lambda: Quadrature(entropy_rate),
        }  # fmt: skip
        return self._line(x0, g, laws[kind](), level)

    def of_neuron(self, x0: np.ndarray) -> Path:
        """One hidden neuron u = w . x + b, f an affine function of s(u)."""
        first, last = self.gradient.affine
        i = self.gradient.classes[0]
        j = self.gradient.classes[1] if self.gradient.kind == "margin" else 1 - i
        c = float(last.weight[i, 0] - last.weight[j, 0])
        name = self.gradient.activations[0].name
        w, u = first.weight[0], float(first.weight[0] @ x0 + first.bias[0])
        if name == "softplus" and c < 0:  # the law of -u, whose gradient is -w
            return self._line(x0, -w, Mixture(-c, 0.0), -u)
        laws: dict[str, Callable[[float], Law]] = {
            "sigmoid": Logistic, "tanh": HyperbolicTangent, "softplus": lambda high: Mixture(0.0, high),
        }  # fmt: skip
        return self._line(x0, w, laws[name](c), u)

    def on_row(self, x0: np.ndarray) -> Path:
        """f is a function of w . x alone; the rate is its slope along w."""
        layer = self.gradient.input_layer
        weight = layer.weight if layer is not None else np.ones((1, 1))
        w = weight[int(np.abs(weight).max(axis=1).argmax())]
        square = float(w @ w)
        if square == 0.0:
            return Line(x0, np.zeros_like(x0), Constant(0.0), 0.0, 1.0, 1.0, math.inf, "")
        up = self.potential.gradient(x0[None])[0] @ w
        direction = inward(self.domain, self.boundary, x0, math.copysign(1.0, up) * w) * math.copysign(1.0, up)

        def rates(way: np.ndarray) -> np.ndarray:
            return self.potential.gradient(x0 + way[:, None] * direction) @ w / square

        law = Quadrature(rates)
        reach = reach_of_box(self.domain, x0, math.copysign(1.0, law.rate(0.0)) * direction)
        return Line(x0, direction, law, 0.0, 1.0, 1.0, math.copysign(reach, law.rate(0.0)), "a side of the box")

    def _line(self, x0: np.ndarray, g: np.ndarray, law: Law, v0: float) -> Path:
        """grad f = rho(v) g with grad v = g: along the part d of g that the box lets through, v' = |d|^2 rho(v)."""
        sign = math.copysign(1.0, law.rate(v0))
        direction = inward(self.domain, self.boundary, x0, sign * g)
        square = float(direction @ direction)
        walls = reach_of_box(self.domain, x0, direction)
        creases = math.inf
        if self.potential.network.is_piecewise_linear:
            creases = reach_of_creases(self.potential, x0, direction)
        event = "a crease" if creases <= walls else "a side of the box"
        return Line(x0, sign * direction, law, v0, square, square, sign * min(walls, creases), event)

    def _in_plane(self, x0: np.ndarray, slope: np.ndarray, difference: np.ndarray, v0: float) -> Path:
        low, high = float(difference @ slope), float(difference @ (slope + difference))
        law = Mixture(low, high)
        plane = Plane(x0, slope, difference, law, v0)
        found = preactivations(self.potential, x0, slope, difference)
        if found is None:
            return Plane(x0, slope, difference, law, v0, 0.0, "a crease")
        ends = []
        if found.shape[1]:
            sides = np.where(found[0] > 0, 0.0, -math.inf), np.where(found[0] > 0, math.inf, 0.0)
            ends.append((end_in_plane(plane, found, *sides), "a crease"))
        if isinstance(self.domain, Box):
            rows = np.stack([x0, slope, difference])
            ends.append((end_in_plane(plane, rows, self.domain.lower, self.domain.upper), "a side of the box"))
        end, event = min(ends, default=(math.inf, ""))
        return Plane(x0, slope, difference, law, v0, end, event)


def entropy_rate(level: np.ndarray) -> np.ndarray:
    """d(sum p log p) / dl = l p (1 - p) of two classes."""
    e = np.exp(-np.abs(level))
    return level * e / ((1.0 + e) * (1.0 + e))
