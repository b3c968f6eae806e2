"""The exact vertex next to a stratum: weights of doubles are rationals, and so is where their creases meet (§5)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from separatrix.flow.piecewise_linear.stratum import Frame, Stratum
from separatrix.flow.piecewise_linear.stratum_system import locally_constant
from separatrix.networks.layers import AffineMap

MOST_WEIGHTS = 100_000


@dataclass(frozen=True, eq=False)
class Exact:
    """A point in rational numbers: ``x`` (dim,), its ``faces``, the exact ``signs`` of all creased neurons, and the leaders
    of the ``creases`` through it, without those that are constant near by.
    """

    x: list[Fraction]
    faces: np.ndarray
    signs: np.ndarray
    creases: np.ndarray


def exact_vertex(frame: Frame, stratum: Stratum) -> Exact | str:
    """Where the independent creases of ``stratum`` meet, if they fix a point of the box, or why there is none."""
    network = frame.potential.network
    layers = [node.layer for node in network.nodes[1:] if isinstance(node.layer, AffineMap)]
    if any(layer.weight_radius is not None or layer.bias_radius is not None for layer in layers):
        return "the weights are known up to rounding only"
    if sum(layer.weight.size for layer in layers) > MOST_WEIGHTS:
        return f"rational numbers are used for up to {MOST_WEIGHTS} weights"
    if stratum.creases.size != stratum.free.size:
        return "creases of several layers whose normals depend on one another meet in no vertex"
    x = _solved(frame, stratum)
    if x is None:
        return "the creases through the point do not fix it"
    faces = stratum.faces.copy()
    for i in stratum.free.tolist():
        for bound, side in ((float(frame.bounds.lower[i]), -1), (float(frame.bounds.upper[i]), 1)):
            if np.isfinite(bound):
                if (x[i] - Fraction(bound)) * side > 0:
                    return "the vertex lies outside the box"
                faces[i] = side if x[i] == Fraction(bound) else faces[i]
    signs = _signs(frame, x)
    still = locally_constant(frame, signs)
    creases = frame.groups.leaders_of(np.flatnonzero((signs == 0) & ~still))
    signs = np.where((signs == 0) & (still | (frame.groups.leader < 0)), -1, signs).astype(np.int8)
    return Exact(x, faces, signs, creases)


def _solved(frame: Frame, stratum: Stratum) -> list[Fraction] | None:
    """The point of the face where u_j = 0 for the stratum's creases, with its pattern of slopes, 0 on the creases."""
    from flint import fmpq, fmpq_mat

    groups = frame.groups
    signs = stratum.signs.copy()
    signs[groups.members(np.union1d(stratum.creases, stratum.tied))] = 0
    slopes = np.where(signs > 0, 1.0, np.where(signs < 0, groups.left, 0.0))
    x, free = stratum.point.copy(), stratum.free.tolist()
    x[free] = 0.0
    start = [[_rational(v)] + [fmpq(int(i == j)) for j in free] for i, v in enumerate(x.tolist())]
    found = _passed(frame, fmpq_mat(start), lambda part, _: slopes[part])
    table = [found[j] for j in stratum.creases.tolist()]
    if free:
        try:
            shift = fmpq_mat([row[1:] for row in table]).solve(fmpq_mat([[-row[0]] for row in table])).entries()
        except ZeroDivisionError:
            return None
        exact = [_rational(v) for v in x.tolist()]
        for i, v in zip(free, shift, strict=True):
            exact[i] = v
        return [Fraction(int(v.p), int(v.q)) for v in exact]
    return [Fraction(v) for v in x.tolist()]


def _signs(frame: Frame, x: list[Fraction]) -> np.ndarray:
    """The signs of all creased neurons of the network at ``x``."""
    from flint import fmpq, fmpq_mat

    left = frame.groups.left

    def own(part: slice, values: list[Any]) -> np.ndarray:
        return np.where([v > 0 for v in values], 1.0, left[part])

    start = fmpq_mat([[fmpq(v.numerator, v.denominator)] for v in x])
    levels = [row[0] for row in _passed(frame, start, own)]
    return np.array([(u > 0) - (u < 0) for u in levels], dtype=np.int8)


def _passed(frame: Frame, start: Any, rule: Any) -> list[list[Any]]:
    """The rows of all creased neurons before their activation; the first column is a value, the others are derivatives.

    ``rule(part, values)``: the slopes of the neurons ``part``.
    """
    from flint import fmpq_mat

    network, groups = frame.potential.network, frame.groups
    found, levels = [start], []
    for index, node in enumerate(network.nodes[1:], 1):
        here = found[node.parents[0]]
        if isinstance(node.layer, AffineMap):
            here = (_matrix(node.layer.weight) * here).tolist()
            for row, bias in zip(here, node.layer.bias.tolist(), strict=True):
                row[0] = row[0] + _rational(bias)
            here = fmpq_mat(here)
        elif index in groups.nodes:
            levels += here.tolist()
            slopes = rule(groups.part(index), [row[0] for row in here.tolist()])
            scaled = [[_rational(s) * v for v in row] for s, row in zip(slopes.tolist(), here.tolist(), strict=True)]
            here = fmpq_mat(scaled)
        for parent in node.parents[1:]:
            here = here + found[parent]
        found.append(here)
    return levels


def _matrix(array: np.ndarray) -> Any:
    from flint import fmpq_mat

    return fmpq_mat(array.shape[0], array.shape[1], [_rational(v) for v in array.ravel().tolist()])


def _rational(value: float) -> Any:
    from flint import fmpq

    return fmpq(*value.as_integer_ratio())
