"""The piecewise linear approximation that a smooth network's neurons make: chords for activations, a ReLU network (C1).

Every neuron s(w . x + b) becomes c(w . x + b), c the chords of s at knots in the range of w . x + b over the box: the
hyperplanes w . x + b = knot cut the box into linear regions. With e_j = sup |s_j - c_j| <= max|s''| h^2 / 8 and errors
d_j of the preactivations, |s(u) - c(v)| <= Lip(s) d_j + e_j gives, layer by layer, a bound of |m - m_PL| on the box.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import InputError, KindError, printable
from separatrix.networks.bounds import BoundPropagation
from separatrix.networks.layers import Activation, Affine, AffineMap, Layer, Node, Sum
from separatrix.networks.network import INPUT, Network, Reading
from separatrix.numerics.activation_ranges import activation_range
from separatrix.numerics.intervals import Interval
from separatrix.records import Provenance, Record
from separatrix.surface.smooth.chord_functions import Chords, chords

CELLS = {1: 64, 2: 16, 3: 8}
MOST_PIECES = 4096
KNOTS = ("density", "uniform")


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PiecewiseLinearApproximation(Record):
    """The ReLU network made by chords of the neurons of a smooth network on a box.

    ``network``: the ReLU network, ``pieces`` units a neuron; ``source``: the smooth one; ``error_bound``: proved bound on
    the box of |m - m_PL| for m the difference of the two logits in question, or of any two; ``error_bounds`` (rows,): by
    difference, in the order of ``contrasts``; ``by_node``: the chords of every activation node of the source.
    """

    network: Network
    source: Network
    pieces: int
    knots: str
    error_bounds: np.ndarray
    contrasts: np.ndarray
    classes: tuple[int, int] | None = None
    by_node: dict[int, Chords] = field(default_factory=dict)

    @property
    def error_bound(self) -> float:
        """The largest of ``error_bounds``."""
        return float(self.error_bounds.max())

    @cached_property
    def surface(self) -> Any:
        """The exact decision surface of the ReLU network in the box."""
        from separatrix.surface.decision_surface import decision_surface

        return decision_surface(self.network, self.domain, self.classes)

    @cached_property
    def isotopy(self) -> Any:
        """Whether an isotopy of the box carries its surface to the smooth one's: an IsotopyVerdict."""
        from separatrix.surface.smooth.chord_isotopy import isotopy

        return isotopy(self)

    def columns(self) -> dict[str, Any]:
        """One row: pieces, knots, error bound."""
        return {"pieces": [self.pieces], "knots": [self.knots], "error_bound": [self.error_bound]}

    def __repr__(self) -> str:
        return (
            f"PiecewiseLinearApproximation({self.pieces} pieces a neuron, {self.knots} knots, "
            f"|m - m_PL| <= {self.error_bound:.3g}, {self.certainty})"
        )


def piecewise_linear_approximation(
    net: Network, box: Box, pieces: int, *, knots: str = "density", classes: tuple[int, int] | None = None
) -> PiecewiseLinearApproximation:
    """The ReLU network made by chords with ``pieces`` pieces a neuron, knots "density" or "uniform".

    Raises InputError for numbers of pieces below 1, unknown knots, and activations that are neither smooth nor linear.

    >>> net = Network.from_arrays([[[3.0, 0.0], [0.0, 3.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.25]], "tanh")
    >>> made = piecewise_linear_approximation(net, Box.cube(2, -1, 1), 8)
    >>> made.network.activations, round(made.error_bound, 2)
    (('relu',), 0.11)
    """
    begun = time.perf_counter()
    _check(pieces, knots)
    contrasts = _contrasts(net, classes)
    by_node, errors = _chords_of(net.contrasted(contrasts), box, pieces, knots)
    return PiecewiseLinearApproximation(
        network=_relu_network(net, by_node),
        source=net,
        pieces=pieces,
        knots=knots,
        error_bounds=errors,
        contrasts=contrasts,
        classes=classes,
        domain=box,
        certainty=Certainty.PROVED,
        provenance=Provenance("chords of the activations", seconds=time.perf_counter() - begun),
        by_node=by_node,
    )


def _check(pieces: Any, knots: Any) -> None:
    if isinstance(pieces, bool) or not isinstance(pieces, (int, np.integer)):
        raise KindError(f"pieces: expected a number of pieces, came {type(pieces).__name__}")
    if not 1 <= pieces <= MOST_PIECES:
        raise InputError(f"pieces: expected 1 to {MOST_PIECES}, came {int(pieces)}")
    if knots not in KNOTS:
        raise InputError(f"knots: expected 'density' or 'uniform', came {printable(repr(knots))}")


def _contrasts(net: Network, classes: tuple[int, int] | None) -> np.ndarray:
    pairs = (
        [classes]
        if classes is not None
        else [(i, j) for i in range(net.n_classes) for j in range(i + 1, net.n_classes)]
    )
    rows = np.zeros((len(pairs), net.n_classes))
    for row, (i, j) in zip(rows, pairs, strict=True):
        row[i], row[j] = -1.0, 1.0
    return rows


def sub_boxes(box: Box, count: int) -> Interval:
    """The box cut into count^n boxes that cover it."""
    sides = []
    for low, high in zip(box.lower, box.upper, strict=True):
        cuts = low + (high - low) * np.linspace(0.0, 1.0, count + 1)
        cuts[0], cuts[-1] = low, high
        sides.append(cuts)
    lower = np.stack(np.meshgrid(*[cuts[:-1] for cuts in sides], indexing="ij"), axis=-1).reshape(-1, box.dim)
    upper = np.stack(np.meshgrid(*[cuts[1:] for cuts in sides], indexing="ij"), axis=-1).reshape(-1, box.dim)
    return Interval(lower, upper)


def _chords_of(graph: Network, box: Box, pieces: int, kind: str) -> tuple[dict[int, Chords], np.ndarray]:
    """Chords by activation node, and bounds on the errors of the outputs."""
    ranges = BoundPropagation(graph, sub_boxes(box, CELLS.get(box.dim, 2))).values
    errors: list[np.ndarray] = [np.zeros(box.dim)]
    found: dict[int, Chords] = {}
    for index, node in enumerate(graph.nodes[1:], 1):
        layer, before = node.layer, [errors[i] for i in node.parents]
        if isinstance(layer, AffineMap):
            radius = 0.0 if layer.weight_radius is None else layer.weight_radius
            errors.append((np.abs(layer.weight) + radius) @ before[0] * (1.0 + 1e-9))
        elif isinstance(layer, Sum):
            errors.append(np.sum(before, axis=0) * (1.0 + 1e-9))
        else:
            assert isinstance(layer, Activation)
            if layer.name == "identity":
                errors.append(before[0])
                continue
            if layer.function.is_piecewise_linear:
                raise InputError(f"{layer.name} is piecewise linear already: chords are for smooth activations")
            u = ranges[node.parents[0]]
            low = (Interval.point(u.lower.min(axis=0)) - before[0]).lower
            high = (Interval.point(u.upper.max(axis=0)) + before[0]).upper
            if not (np.isfinite(low).all() and np.isfinite(high).all()):
                raise InputError("preactivations overflow on this box; choose a smaller box")
            found[index] = chords(layer.name, low, high, pieces, kind)
            steepest = Interval(*activation_range(layer.name, 1, low, high)).magnitude
            errors.append((steepest * before[0] + found[index].errors) * (1.0 + 1e-9))
    return found, errors[-1]


def _relu_network(net: Network, by_node: dict[int, Chords]) -> Network:
    """The graph with every activation node replaced by affine, ReLU, affine; weights are the chords' own doubles."""
    nodes: list[Node] = [INPUT]
    place = [0]
    for index, node in enumerate(net.nodes[1:], 1):
        parents = tuple(place[i] for i in node.parents)
        if index in by_node:
            part = by_node[index]
            width, pieces = part.knots.shape
            spread = np.repeat(np.eye(width), pieces, axis=0)
            gather = np.zeros((width, width * pieces))
            for j in range(width):
                gather[j, j * pieces : (j + 1) * pieces] = part.jumps[j]
            layers: list[Layer] = [Affine(spread, -part.knots.ravel()), Activation("relu"), Affine(gather, part.start)]
            for layer in layers:
                nodes.append(Node(layer, parents))
                parents = (len(nodes) - 1,)
        else:
            nodes.append(Node(node.layer, parents))
        place.append(len(nodes) - 1)
    source = f"chords of {net.reading.source}"
    return Network(tuple(nodes), net.n_inputs, Reading(source=source))
