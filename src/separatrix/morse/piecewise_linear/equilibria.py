"""Equilibria of f = Phi(z) on creases and faces: every cell of the complex settled, or left open with the reason (§5).

A point x inside a cell is an equilibrium when 0 lies in (Clarke gradient of f) - (normal cone of the box). Then no direction
rises on all cells about x (5.10), and f has a critical point on the cell at x. What passes both gets the groups of its upper
link (5.12): one Z in degree k makes it a critical point of index k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.morse.piecewise_linear.candidates import FLAT, OpenCell, Scene, StratumZero, search_cells
from separatrix.morse.piecewise_linear.local_chains import Groups
from separatrix.morse.piecewise_linear.normal_links import link_groups, upper_star
from separatrix.morse.piecewise_linear.vertex_values import bounded_layers
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import UNIT
from separatrix.numerics.spectra import inertia

NEUTRAL = "f neither rises nor falls, to first order, into a neighbouring cell"
ON_EDGE = "a critical point of f on a cell lies within rounding of the edge of the cell"
SINGULAR = "the index on a cell is not decided"
WITHOUT_INDEX = "0 lies in the Clarke gradient as far as is known, but the topology of {f >= c} does not change"
MULTIPLE = "a degenerate equilibrium, H_k({f >= c}, {f >= c} - x): "
BITS = 160


@dataclass(frozen=True, eq=False)
class Place:
    """A point inside a k-cell at which f may be at rest: ``x`` (n,) with ``error`` (2-norm), ``slope`` of Phi (m,) there,
    ``rising``: positive eigenvalues on the cell; ``zero``: its chart's, None for a vertex.
    """

    k: int
    cell: int
    x: np.ndarray
    error: float
    slope: Interval
    rising: int
    zero: StratumZero | None


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """A place with its ``groups``, shifted by the positive eigenvalues; its index is their degree where they are one Z."""

    place: Place
    groups: Groups
    index: int


@dataclass(frozen=True, eq=False)
class Equilibria:
    """``found``; ``multiple``: those whose groups are not one Z; ``left``: cells that are open, with reasons."""

    found: list[Equilibrium]
    multiple: list[Equilibrium]
    left: list[OpenCell]


def equilibria(scene: Scene, budget: int) -> Equilibria:
    """All equilibria of the scene, at most ``budget`` boxes a dimension of cells."""
    places: list[Place] = []
    left: list[OpenCell] = []
    for k in range(scene.complex_.dim + 1):
        cells = scene.open_cells(k)
        scene.counts[f"open {k}-cells"] = cells.size
        if not cells.size:
            continue
        if k == 0:
            slopes = scene.slopes(0, cells)
            places += [_vertex(scene, v, slopes[i]) for i, v in enumerate(cells.tolist())]
            continue
        zeros, unsettled = search_cells(scene, k, cells, budget)
        left += unsettled
        for zero in zeros:
            here = _inside(scene, zero)
            if isinstance(here, Place):
                places.append(here)
            elif here:
                left.append(here)
    return _judged(scene, places, left)


def _vertex(scene: Scene, v: int, slope: Interval) -> Place:
    return Place(0, v, scene.places.points[v], float(scene.places.spread[v]), slope, 0, None)


def _inside(scene: Scene, found: StratumZero) -> Place | OpenCell | None:
    """The zero as a place in its cell; None where it is proved to lie outside, or a direction rises there."""
    if found.chart.is_flat:
        return _set_inside(scene, found)
    x, error = position(scene, found)
    layers = bounded_layers(scene.values.steps[:-1], x[None], np.array([error]))
    layout, own = scene.complex_.layout, scene.complex_.signs(found.k, [found.cell])[0]
    signs = [np.zeros(0, dtype=np.int8)]
    for index, (value, bound) in enumerate(layers):
        sure = np.abs(value[0]) > bound[0]
        signs.append(np.where(sure, np.sign(value[0]), 0.0)[layout.coordinates[index]].astype(np.int8))
    here, free = np.concatenate(signs), scene.blocked(found.k)[found.cell] == 0
    low, high = x - scene.box.lower, scene.box.upper - x
    if (here * own < 0).any() or (np.minimum(low, high)[free] < -error).any():
        return None
    place_error = np.full(x.size, error)
    if ((own != 0) & (here == 0)).any() or (np.minimum(low, high)[free] <= error).any():
        return OpenCell(found.k, found.cell, x - place_error, x + place_error, ON_EDGE)
    cells = np.array([found.cell])
    slope = found.zero.slope
    if scene.fan(found.k, cells, slope.reshape(1, -1)).rises()[0]:
        return None
    counted = inertia(found.zero.hessian)
    if counted is None:
        return OpenCell(found.k, found.cell, x - place_error, x + place_error, SINGULAR)
    return Place(found.k, found.cell, x, error, slope, counted[1], found)


def _set_inside(scene: Scene, found: StratumZero) -> OpenCell | None:
    """The cell that holds a set of critical points on it, None where it is proved to hold none of rest."""
    made, zero = found.chart, found.zero
    most = np.maximum(made.facets * zero.lower, made.facets * zero.upper).sum(axis=1)
    size = np.abs(made.facets) @ np.maximum(np.abs(zero.lower), np.abs(zero.upper))
    if (most + 1e-14 * size < made.least).any():
        return None
    fan = scene.fan(found.k, np.array([found.cell]), zero.slope.reshape(1, -1))
    if fan.rises()[0] or fan.rises_by_programme():
        return None
    return OpenCell(found.k, found.cell, *scene.hull(found.k, found.cell), FLAT)


def position(scene: Scene, found: StratumZero) -> tuple[np.ndarray, float]:
    """The point of a chart's zero in doubles, faces exact, and a bound on its distance (2-norm) to the zero."""
    zero, made = found.zero, found.chart
    t = 0.5 * (zero.lower + zero.upper)
    reach = np.maximum(zero.upper - t, t - zero.lower) + UNIT * np.abs(t)
    x = scene.places.points[made.base] + made.frame @ t
    on = scene.blocked(found.k)[found.cell]
    x = np.where(on < 0, scene.box.lower, np.where(on > 0, scene.box.upper, x))
    size = np.abs(made.frame) @ (np.abs(t) + reach) + np.abs(scene.places.points[made.base])
    error = float(np.linalg.norm(np.abs(made.frame) @ reach + (t.size + 4) * UNIT * size))
    error += float(scene.places.spread[made.base]) + made.frame_error * t.size * float(
        (np.abs(t) + reach).max(initial=0.0)
    )
    return x, error * (1.0 + 1e-9) + 1e-300


def _judged(scene: Scene, places: list[Place], left: list[OpenCell]) -> Equilibria:
    stars, kept = [], []
    for place in places:
        star = upper_star(scene.complex_.cells, place.k, place.cell, _Climbing(scene, place).side)
        if star is None:
            if not _rises_anywhere(scene, place):
                left.append(_open(place, NEUTRAL))
            continue
        stars.append((place.k, star))
        kept.append(place)
    groups = link_groups(scene.complex_.cells, stars)
    found, multiple = [], []
    for number, place in enumerate(kept):
        own = groups.get(number)
        if own is None:
            if not _rises_anywhere(scene, place):
                left.append(_open(place, WITHOUT_INDEX))
            continue
        size = scene.complex_.dim + 1
        shifted = Groups((*(0,) * place.rising, *own.betti)[:size], (*((),) * place.rising, *own.torsion)[:size])
        into = found if own.is_lone else multiple
        into.append(Equilibrium(place, shifted, place.rising + own.degree))
    return Equilibria(found, multiple, left)


def _open(place: Place, reason: str) -> OpenCell:
    return OpenCell(place.k, place.cell, place.x - place.error, place.x + place.error, reason)


def _rises_anywhere(scene: Scene, place: Place) -> bool:
    """Whether a linear programme finds a direction that is proved to rise."""
    return scene.fan(place.k, np.array([place.cell]), place.slope.reshape(1, -1)).rises_by_programme()


class _Climbing:
    """Whether f climbs from a place into the cells of one dimension more: the sign of y . (z_w - z_v), w a vertex there and
    v one of the place's own cell.
    """

    def __init__(self, scene: Scene, place: Place) -> None:
        self.scene, self.place = scene, place
        starts, members = scene.tables.vertices(place.k)
        self.own = members[starts[place.cell] : starts[place.cell + 1]]
        self.base = int(self.own[0])

    def ahead(self, cell: int) -> int:
        """A vertex of the (k+1)-cell that is not of the place's own: the one towards which f changes most."""
        starts, members = self.scene.tables.vertices(self.place.k + 1)
        others = np.setdiff1d(members[starts[cell] : starts[cell + 1]], self.own, assume_unique=True)
        z = self.scene.places.z
        return int(others[np.abs((z[others] - z[self.base]) @ self.place.slope.midpoint).argmax()])

    def side(self, cell: int) -> int:
        """1, -1, or 0 where it is not decided."""
        w, places = self.ahead(cell), self.scene.places
        change = Interval.around(places.z[w], places.z_error[w]) - Interval.around(
            places.z[self.base], places.z_error[self.base]
        )
        rate = (self.place.slope * change).sum(axis=0)
        if rate.lower > 0 or rate.upper < 0:
            return 1 if rate.lower > 0 else -1
        return self._exact_side(w) if self.place.k == 0 else 0

    def _exact_side(self, w: int) -> int:
        """The same at a vertex, from rational values and grad Phi in balls."""
        from flint import arb, ctx, fmpq

        here, there = self.scene.values.exact(self.base), self.scene.values.exact(w)
        with ctx.workprec(BITS):
            z = [arb(fmpq(v.numerator, v.denominator)) for v in here]
            change = [b - a for a, b in zip(here, there, strict=True)]
            rate: Any = arb(0)
            for y, d in zip(self.scene.potential.head.ball_gradient(z), change, strict=True):
                rate = rate + y * arb(fmpq(d.numerator, d.denominator))
            return int(rate > 0) - int(rate < 0)
