"""The first-order condition where normals depend on one another or creases are convex, one choice of sides at a time (§5).

One hidden layer. Of the neurons Z at zero some have independent normals (on the free coordinates) and fix the stratum; that
the others vanish on all of it is checked in rational numbers. With tau_j the share of the upper slope of crease j,

    grad f = g + sum_j (kappa_j + bend_j tau_j) w_j,   tau_j in (0, 1) where bend_j < 0,                       (5.6)

and for every choice of sides of the convex creases tau_j > 1 (upper side) or tau_j < 0 (lower). If every choice has such
tau with grad f = 0 on the free coordinates and strictly outward on faces, and the Hessian is negative definite on the
stratum, x is a strict maximum. The search for tau is a linear programme in doubles; what it finds is corrected and checked
in balls, and only that counts.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from separatrix.flow.piecewise_linear.ball_piece import Ball, Cotangent, column, rows
from separatrix.flow.piecewise_linear.first_order import independent
from separatrix.flow.piecewise_linear.isolation import first_layer, in_words, isolation_radius
from separatrix.flow.piecewise_linear.proof import BITS, RidgeProof
from separatrix.flow.piecewise_linear.stratum import Frame, Stratum
from separatrix.flow.piecewise_linear.stratum_system import Region, System, outward_on_faces
from separatrix.numerics.linear_programs import solve_linear_program

MOST_CONVEX, MOST_CREASES = 8, 64
SETTLING = 4


def prove_tied(frame: Frame, stratum: Stratum, bits: int = BITS) -> RidgeProof:
    """Try to prove by (5.6) that the point on all creases of ``stratum``, tied ones included, is a sink."""
    from flint import ctx

    first = first_layer(frame)
    if first is None:
        text = "creases of deeper layers pass through the point whose normals depend on one another"
        return RidgeProof(False, text, stratum.point)
    with ctx.workprec(bits):
        found = _settled(frame, stratum)
        if isinstance(found, str):
            return RidgeProof(False, found, stratum.point)
        system, region = found
        fan = Fan.of(system, region, first)
        if isinstance(fan, str):
            return RidgeProof(False, fan, stratum.point)
        reason, refuted = fan.decide()
        if not reason and not system.has_room(region):
            reason = "a free coordinate is not proved to lie inside the box"
        if not reason and not system.is_maximal_within(region):
            reason = "the Hessian on the stratum is not proved negative definite"
        if reason:
            return RidgeProof(False, reason, stratum.point, refuted=refuted)
        point, error = system.rounded(region)
        radius = isolation_radius(system, region, point, error)
    n_convex = len(fan.convex)
    text = (
        f"{len(fan.creases)} creases and {int((stratum.faces != 0).sum())} faces, their dependence exact in rational numbers; "
        f"first-order condition on {2**n_convex} choice{'s' * (n_convex > 0)} of sides of {n_convex} convex creases in balls "
        f"of {bits} bits; Krawczyk's test; {in_words(radius)}"
    )
    return RidgeProof(True, text, point, error, radius)


def _settled(frame: Frame, stratum: Stratum) -> tuple[System, Region] | str:
    """The system whose tied creases are those that a region of 160 bits cannot tell from zero, and the region."""
    groups = frame.groups
    tied = stratum.tied
    for _ in range(SETTLING):
        signs = stratum.signs.copy()
        signs[groups.members(tied)] = 0
        system = System.of(frame, dataclasses.replace(stratum, signs=signs, tied=tied))
        region = system.krawczyk()
        if isinstance(region, str):
            return region
        sides = np.array([(u > 0) - (u < 0) for u in system.levels(region)], dtype=np.int8)
        at_zero = np.setdiff1d(groups.leaders_of(np.flatnonzero(sides == 0)), stratum.creases)
        on = groups.members(np.union1d(at_zero, stratum.creases))
        wrong = (sides != signs) & (groups.leader >= 0)
        wrong[on] = False
        if np.array_equal(at_zero, tied) and not wrong.any():
            return system, region
        stratum = dataclasses.replace(stratum, signs=np.where(sides != 0, sides, signs).astype(np.int8))
        tied = at_zero
    return "which creases pass through the point was not settled"


def coordinates(
    first: tuple[np.ndarray, np.ndarray], stratum: Stratum, x: np.ndarray
) -> tuple[np.ndarray, list[list[Any]]] | str:
    """(creases, R): each crease's normal on the free coordinates is R times those of ``stratum.creases``, in rationals.

    A sentence where a tied crease does not contain the stratum.
    """
    from flint import fmpq_mat

    (weight, bias), free, kept = first, stratum.free, stratum.creases
    fixed = np.setdiff1d(np.arange(x.size), free)
    zeros = np.concatenate([kept, stratum.tied]).astype(np.int64)
    if zeros.size > MOST_CREASES:
        return f"{zeros.size} creases meet at the point, more than the {MOST_CREASES} that are examined"
    normals = _matrix(weight[np.ix_(zeros, free)])
    levels = _matrix(weight[np.ix_(zeros, fixed)]) * _matrix(x[fixed, None]) + _matrix(bias[zeros, None])
    if not kept.size:
        found = [[] for _ in zeros]
        return (zeros, found) if not any(normals.entries()) and not any(levels.entries()) else NOT_CONTAINED
    columns = independent(weight[np.ix_(kept, free)].T)
    square = fmpq_mat([[normals[i, int(c)] for c in columns] for i in range(kept.size)])
    try:
        inverse = square.inv()
    except ZeroDivisionError:
        return "the normals of the creases are dependent"
    found = fmpq_mat([[normals[i, int(c)] for c in columns] for i in range(zeros.size)]) * inverse
    basis = fmpq_mat([[normals[i, c] for c in range(free.size)] for i in range(kept.size)])
    heights = fmpq_mat([[levels[i, 0]] for i in range(kept.size)])
    if found * basis != normals or found * heights != levels:
        return NOT_CONTAINED
    return zeros, found.tolist()


NOT_CONTAINED = "a crease within rounding of the point does not contain its stratum exactly"


def _matrix(array: np.ndarray) -> Any:
    from flint import fmpq, fmpq_mat

    rationals = [fmpq(*value.as_integer_ratio()) for value in array.ravel().tolist()]
    return fmpq_mat(array.shape[0], array.shape[1], rationals)


@dataclass(frozen=True, eq=False)
class Fan:
    """The cells about the point: ``creases`` with the jump ``bend`` and constant ``kappa`` of each, ``coordinates`` of their
    normals, ``concave`` and ``convex`` (places in ``creases``).
    """

    system: System
    region: Region
    y: Any
    creases: list[int]
    coordinates: list[list[Ball]]
    normals: np.ndarray
    bend: list[Ball]
    kappa: list[Ball]
    concave: list[int]
    convex: list[int]

    @classmethod
    def of(cls, system: System, region: Region, first: tuple[np.ndarray, np.ndarray]) -> Fan | str:
        """The fan, or why it is not known."""
        from flint import arb

        frame, stratum, groups = system.frame, system.stratum, system.frame.groups
        found = coordinates(first, stratum, stratum.point)
        if isinstance(found, str):
            return found
        creases, shares = found[0].tolist(), [[arb(r) for r in row] for row in found[1]]
        y = column(frame.potential.head.ball_gradient(region.v))
        slopes = system.piece.slopes
        _, at_creases = system.piece.cotangents(y, lambda node, _: slopes[node])
        effect = [c for node in groups.nodes for c in at_creases[node]]
        bend, kappa = [], []
        for j in creases:
            a, total, turned = arb(float(groups.left[j])), arb(0), arb(0)
            for k in groups.members(np.array([j])).tolist():
                r = arb(groups.ratio[k].numerator) / arb(groups.ratio[k].denominator)
                total = total + effect[k] * abs(r)
                turned = turned + effect[k] * r if groups.ratio[k] < 0 else turned
            bend.append(total * (1 - a))
            kappa.append(a * total + (1 + a) * turned)
        if not all(b < 0 or b > 0 or b.is_zero() for b in bend):
            return "whether f is concave or convex across a crease of the point is not decided"
        concave, convex = ([p for p, b in enumerate(bend) if test(b)] for test in (lambda b: b < 0, lambda b: b > 0))
        if len(convex) > MOST_CONVEX:
            return f"{len(convex)} convex creases meet at the point, more than the {MOST_CONVEX} that are examined"
        return cls(system, region, y, creases, shares, first[0][found[0]], bend, kappa, concave, convex)

    def decide(self) -> tuple[str, bool]:
        """(why the point is not proved a sink, whether a linear programme denies it); ("", False) where it is proved."""
        for sides in itertools.product((1, -1), repeat=len(self.convex)):
            chosen: dict[int, int] = dict(zip(self.convex, sides, strict=True))
            guess = self._programme(chosen)
            if guess is None:
                return "for a choice of sides of the convex creases no strict first-order condition holds", True
            if not self._holds(guess, chosen):
                return "for a choice of sides of the convex creases the first-order condition was not proved", False
        return "", False

    @property
    def active(self) -> list[int]:
        """The creases (places) that bend f."""
        return sorted([*self.concave, *self.convex])

    def gradient(self, share: dict[int, Ball]) -> Cotangent:
        """grad f over the region with these shares of the upper slopes, 0 where none is given."""
        from flint import arb

        groups = self.system.frame.groups
        slopes = {node: list(found) for node, found in self.system.piece.slopes.items()}
        for place, j in enumerate(self.creases):
            left = arb(float(groups.left[j]))
            theta = left + (1 - left) * share.get(place, arb(0))
            for k in groups.members(np.array([j])).tolist():
                node, unit = groups.node_of(k)
                slopes[node][unit] = theta if groups.ratio[k] > 0 else 1 + left - theta
        return self.system.piece.cotangents(self.y, lambda node, _: slopes[node])[0]

    def rest(self, share: dict[int, Ball]) -> list[Ball]:
        """beta - sum_j (kappa_j + bend_j tau_j) R_j: what is missing to balance the gradient, one ball a kept crease."""
        missing = list(self.region.beta)
        for place, row in enumerate(self.coordinates):
            weight = self.kappa[place]
            if place in share:
                weight = weight + self.bend[place] * share[place]
            missing = [m - weight * r for m, r in zip(missing, row, strict=True)]
        return missing

    def _holds(self, guess: np.ndarray, sides: dict[int, int]) -> bool:
        from flint import arb

        active, size = self.active, len(self.region.beta)
        share = {place: arb(value) for place, value in zip(active, guess.tolist(), strict=True)}
        if size:
            basis = self._basis(active, size)
            if basis is None:
                return False
            columns = [[self.bend[place] * self.coordinates[place][i] for place in basis] for i in range(size)]
            try:
                change = rows(columns, size).solve(column(self.rest(share))).entries()
            except ZeroDivisionError:
                return False
            share |= {place: share[place] + d for place, d in zip(basis, change, strict=True)}
        within = all(0 < share[place] < 1 for place in self.concave)
        beyond = all((share[place] > 1) if side > 0 else (share[place] < 0) for place, side in sides.items())
        frame, faces = self.system.frame, self.system.stratum.faces
        return bool(within and beyond and outward_on_faces(self.gradient(share), np.where(frame.ignored, 0, faces)))

    def _basis(self, active: list[int], size: int) -> list[int] | None:
        matrix = self._columns(active)
        if matrix.shape[1] < size:
            return None
        found: Any = scipy.linalg.qr(matrix / np.linalg.norm(matrix, axis=0).clip(1e-300), mode="r", pivoting=True)
        return [active[i] for i in found[1][:size].tolist()]

    def _columns(self, active: list[int]) -> np.ndarray:
        """bend_j R_j as columns in doubles."""
        size = len(self.region.beta)
        found = [[float((self.bend[p] * r).mid()) for r in self.coordinates[p]] for p in active]
        return np.array(found).reshape(len(active), size).T

    def _programme(self, sides: dict[int, int]) -> np.ndarray | None:
        """Shares of the active creases with the largest slack t in doubles, or None where there is none with t > 0."""
        active = self.active
        enclosed = self.gradient({}).enclosed()
        base = 0.5 * (enclosed.lower + enclosed.upper)
        faces = np.where(self.system.frame.ignored, 0, self.system.stratum.faces)
        held = np.flatnonzero(faces)
        bend = np.array([float(self.bend[p].mid()) for p in active])
        across = self.normals[active][:, held].T * bend
        size = max(float(np.abs(across).max(initial=0.0)), float(np.abs(base[held]).max(initial=0.0)), 1e-300)
        upper = np.column_stack([-faces[held, None] * across / size, np.ones(held.size)])
        limit = faces[held] * base[held] / size
        for place, p in enumerate(active):
            for sign, bound in _limits(sides.get(p, 0)):
                row = np.zeros(len(active) + 1)
                row[place], row[-1] = sign, 1.0
                upper, limit = np.vstack([upper, row]), np.append(limit, bound)
        columns, right = self._columns(active), np.array([float(m.mid()) for m in self.rest({})])
        scale = np.maximum(np.abs(columns).max(axis=1, initial=0.0), 1e-300)
        equal = np.column_stack([columns / scale[:, None], np.zeros(right.size)])
        goal, free = np.append(np.zeros(len(active)), -1.0), (None, None)
        bounds = [*([free] * len(active)), (None, 1.0)]
        found = solve_linear_program(goal, A_ub=upper, b_ub=limit, A_eq=equal, b_eq=right / scale, bounds=bounds)
        return found.x[:-1] if found.status == 0 and found.x[-1] > 0 else None


def _limits(side: int) -> list[tuple[float, float]]:
    """(sign, bound) with sign tau + t <= bound: t <= tau <= 1 - t (0), tau >= 1 + t (1), tau <= -t (-1)."""
    if side == 0:
        return [(-1.0, 0.0), (1.0, 1.0)]
    return [(-1.0, -1.0)] if side > 0 else [(1.0, 0.0)]
