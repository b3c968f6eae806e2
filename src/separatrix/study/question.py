"""What a study asks: the network, the domain, the data and samples inside it, the potentials, the seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.data.embedded_networks import box_of
from separatrix.data.point_files import DataPoints, data_points
from separatrix.domains import Box, Domain, WholeSpace, as_domain
from separatrix.errors import InputError, printable
from separatrix.flow.piecewise_linear.creases import crease_nodes, is_mixed
from separatrix.networks.network import Network
from separatrix.potentials.base import Potential
from separatrix.study.named_potentials import chosen_potentials

MOST_SAMPLES, UNIFORM_SAMPLES, FEW_INPUTS = 10_000, 2_000, 32
COSTLY_SAMPLES = 200
PIXELS = "pixels / 255"


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points inside the domain: ``x`` (n, dim), ``row`` (n,) in what the user gave, ``y`` (n,) labels (-1 unknown),
    ``predicted`` (n,); ``n_outside``: how many were left out; ``description``; ``image_shape``, () for no picture."""

    x: np.ndarray
    row: np.ndarray
    y: np.ndarray
    predicted: np.ndarray
    n_outside: int
    description: str
    image_shape: tuple[int, ...] = ()

    def __len__(self) -> int:
        return self.x.shape[0]

    @property
    def classes(self) -> np.ndarray:
        """The label where there is one, else the prediction, (n,)."""
        return np.where(self.y >= 0, self.y, self.predicted)

    @property
    def n_labelled(self) -> int:
        """How many points have a label."""
        return int((self.y >= 0).sum())

    @property
    def accuracy(self) -> float | None:
        """Share of the labelled points predicted as labelled; None without labels."""
        known = self.y >= 0
        return float((self.predicted[known] == self.y[known]).mean()) if known.any() else None

    def spaced(self, most: int) -> Cloud:
        """At most ``most`` of the points, evenly spaced."""
        if len(self) <= most:
            return self
        chosen = np.linspace(0, len(self) - 1, most).round().astype(np.int64)
        return Cloud(
            self.x[chosen], self.row[chosen], self.y[chosen], self.predicted[chosen], self.n_outside,
            f"{most:,} of the {len(self):,} {self.description}", self.image_shape,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Question:
    """Everything that the answers depend on. ``drawn`` and ``followed``: which potentials get basins, and manifolds."""

    net: Network
    domain: Domain
    data: Cloud | None
    samples: Cloud | None
    potentials: tuple[Potential, ...]
    drawn: tuple[bool, ...]
    followed: tuple[bool, ...]
    seed: int
    notes: tuple[str, ...]


def asked(
    net: Network, domain: Any, data: Any, *, potential: Any = None, samples: Any = None, basins: bool | None = None,
    rng: Any = 0,
) -> Question:  # fmt: skip
    """The question that the arguments of :func:`separatrix.analyze` put, checked; ``notes`` says what is assumed."""
    notes: list[str] = []
    seed = seed_of(rng)
    given = None if data is None else data_points(data, "data points")
    rows = None if given is None else given.rows(net.n_inputs, net.n_classes)
    where = _domain(net, domain, rows, notes)
    cloud = None if given is None or rows is None else _cloud(net, where, given, rows, notes)
    potentials = chosen_potentials(net, potential, notes)
    has_flow = not is_mixed(net)
    usual = tuple(has_flow and _is_drawn(p, net) for p in potentials)
    drawn = usual if basins is None else (has_flow and bool(basins),) * len(potentials)
    # a sink on ridges has no slow and no strong manifold of a Hessian
    followed = tuple((a or b) and not crease_nodes(net) for a, b in zip(usual, drawn, strict=True))
    points = _samples(net, where, samples, cloud, seed, notes) if any(drawn) or samples is not None else None
    return Question(net, where, cloud, points, potentials, drawn, followed, seed, tuple(notes))


def is_costly(net: Network) -> bool:
    """Whether a flow takes about a second a row: convolutions of many inputs, whose log-densities have very many sinks."""
    return net.is_structured and net.n_inputs > FEW_INPUTS


def seed_of(rng: Any) -> int:
    """One number from an int, a SeedSequence or a Generator."""
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**63))
    if isinstance(rng, np.random.SeedSequence):
        return int(rng.generate_state(1, np.uint64)[0])
    if isinstance(rng, bool) or not isinstance(rng, (int, np.integer)) or rng < 0:
        raise InputError(
            f"rng: expected a non-negative int, a SeedSequence or a Generator, came {printable(repr(rng), 60)}"
        )
    return int(rng)


def _is_drawn(potential: Potential, net: Network) -> bool:
    """Basins by default of all but the potentials of one class among several, which ask about that class only."""
    return net.n_classes == 2 or class_of(potential.name) is None


def class_of(name: str) -> int | None:
    """The class of a potential of one class among others, by its name; None for the others.

    >>> class_of("log-odds of class 3"), class_of("log-density"), class_of("margin of class 1 over 2")
    (3, None, None)
    """
    words = name.rsplit(" of class ", 1)
    return int(words[1]) if len(words) == 2 and words[1].isdecimal() else None


def _domain(net: Network, domain: Any, rows: np.ndarray | None, notes: list[str]) -> Domain:
    n = net.n_inputs
    if domain is not None:
        return as_domain(domain, n)
    unit = Box.cube(n, 0, 1)
    if rows is None or len(rows) == 0:
        advised = box_of(net.reading.metadata)
        advice = f"; the network's file recommends {advised}" if advised is not None and advised != unit else ""
        notes.append(f"no domain was given: the study is on [0, 1]^{n}{advice}")
        return unit
    lower, upper = rows.min(axis=0), rows.max(axis=0)
    if (lower >= 0).all() and (upper <= 1).all():
        notes.append(f"no domain was given: the study is on [0, 1]^{n}, which holds all data")
        return unit
    width = upper - lower
    flat = width <= 1e-9 * (1.0 + np.abs(upper))
    side = float(np.median(width[~flat])) if (~flat).any() else 1.0
    text = "no domain was given: the study is on the smallest box that holds all data"
    if flat.any():
        lower, upper = np.where(flat, lower - 0.5 * side, lower), np.where(flat, upper + 0.5 * side, upper)
        text += f"; {int(flat.sum())} coordinates are the same in all data and got a side of {side:g}"
    notes.append(text)
    return Box(lower, upper)


def _cloud(net: Network, domain: Domain, given: DataPoints, rows: np.ndarray, notes: list[str]) -> Cloud:
    inside = domain.contains(rows) if isinstance(domain, Box) and len(rows) else np.ones(len(rows), dtype=bool)
    n_outside, name = int((~inside).sum()), given.description or "data points"
    hint = ""
    if net.reading.metadata.get("input") == PIXELS and len(rows) and rows.max() > 2.0:
        hint = f"; the network takes {PIXELS} and these reach {rows.max():g}: divide them by 255"
    if n_outside == len(rows) and n_outside:
        raise InputError(
            f"{name}: all {len(rows)} points lie outside the domain {domain}{hint}. Give points in the units of the "
            "network's input, or another domain"
        )
    if n_outside:
        notes.append(f"{name}: {n_outside} of {len(rows)} points lie outside the domain and were left out{hint}")
    elif hint:
        notes.append(f"{name}: the points look like pixels from 0 to 255{hint}")
    x = rows if not n_outside else rows[inside]
    y = np.full(len(rows), -1) if given.y is None else given.y
    return Cloud(x, np.flatnonzero(inside), y[inside], net.predict(x), n_outside, name, image_shape(net, given))


def image_shape(net: Network, given: DataPoints | None = None) -> tuple[int, ...]:
    """How an input is drawn as a picture: the data's own shape, or a square of at least 8 x 8; () where it is none."""
    if given is not None and given.x.ndim >= 3:
        shape = tuple(side for side in given.x.shape[1:] if side > 1)
        if len(shape) == 2:
            return shape
    side = math.isqrt(net.n_inputs)
    return (side, side) if side * side == net.n_inputs and side >= 8 else ()


def _samples(
    net: Network, domain: Domain, samples: Any, data: Cloud | None, seed: int, notes: list[str]
) -> Cloud | None:
    if samples is not None:
        given = data_points(samples, "samples")
        return _cloud(net, domain, given, given.rows(net.n_inputs, net.n_classes), notes)
    if data is not None:
        if is_costly(net) and len(data) > COSTLY_SAMPLES:
            notes.append(
                f"basins are sought of {COSTLY_SAMPLES} of the {len(data):,} {data.description}: the flow of a convolutional "
                "network takes about a second each; give samples for more"
            )
            return data.spaced(COSTLY_SAMPLES)
        return data.spaced(MOST_SAMPLES)
    if isinstance(domain, WholeSpace):
        notes.append("no basins: on the whole space give data or samples")
        return None
    if net.n_inputs > FEW_INPUTS:
        notes.append(f"no basins: uniform points say little in {net.n_inputs} dimensions; give data or samples")
        return None
    x = domain.uniform(UNIFORM_SAMPLES, np.random.default_rng([seed, 1]))
    notes.append(f"no data were given: basins are those of {UNIFORM_SAMPLES:,} uniform points, shares those of volume")
    nowhere = np.full(UNIFORM_SAMPLES, -1)
    return Cloud(x, nowhere, nowhere, net.predict(x), 0, "uniform points of the box")


def drawing_box(domain: Domain, data: Sequence[Cloud | None]) -> Box:
    """Where uniform starts are drawn: the domain, or on the whole space a box about the data (or [-1, 1]^n)."""
    if isinstance(domain, Box):
        return domain
    for cloud in data:
        if cloud is not None and len(cloud):
            lower, upper = cloud.x.min(axis=0), cloud.x.max(axis=0)
            pad = 0.1 * (upper - lower) + 1e-3
            return Box(lower - pad, upper + pad)
    return Box.cube(domain.dim, -1, 1)
