"""The exact network on a stratum: one zero of its first-order conditions in flint balls, and the signs there (§5, §8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.flow.piecewise_linear.ball_piece import Ball, BallPiece, Cotangent, between, column, interval, rows
from separatrix.flow.piecewise_linear.first_order import set_slopes
from separatrix.flow.piecewise_linear.stratum import Frame, Stratum
from separatrix.networks.layers import Activation, AffineMap
from separatrix.numerics.balls import MidRad
from separatrix.numerics.intervals import Interval
from separatrix.numerics.spectra import inertia

REFINEMENTS = 4
WIDENINGS = 4


@dataclass(frozen=True, eq=False)
class Region:
    """Balls that hold one zero of the system: ``shift`` of x_F, ``beta``, the contrasts ``v`` there, and J over it all."""

    shift: list[Ball]
    beta: list[Ball]
    v: list[Ball]
    jacobian: Any


@dataclass(frozen=True, eq=False)
class System:
    """(T^T y(v) + W^T beta, u_Z) with v = v0 + T s and u = u0 + N s in the shift s of x_F and in beta."""

    frame: Frame
    stratum: Stratum
    piece: BallPiece
    u: list[Ball]
    normals: list[list[Ball]]
    start: Any
    out: Any
    crease: Any

    @classmethod
    def of(cls, frame: Frame, stratum: Stratum) -> System:
        piece = piece_at(frame, stratum, stratum.point.tolist(), stratum.free)
        u, normals = piece.preactivations(frame.groups)
        crease = rows([normals[j] for j in stratum.creases.tolist()], stratum.free.size)
        return cls(frame, stratum, piece, u, normals, piece.values[-1], piece.normals[-1], crease)

    def outputs(self, shift: Any) -> list[Ball]:
        return (self.start + self.out * shift).entries()

    def residual(self, m: Any) -> Any:
        k = self.stratum.free.size
        entries = m.entries()
        shift, beta = column(entries[:k]), column(entries[k:])
        y = column(self.frame.potential.head.ball_gradient(self.outputs(shift)))
        slope = self.out.transpose() * y + self.crease.transpose() * beta
        level = column([self.u[j] for j in self.stratum.creases.tolist()]) + self.crease * shift
        return column([*slope.entries(), *level.entries()])

    def jacobian(self, v: list[Ball]) -> Any:
        bounds = self.frame.potential.head.bounds(interval(v).reshape((1, len(v)))).hessian[0]
        curved = rows([[between(*pair) for pair in zip(*ends, strict=True)] for ends in _ends(bounds)], len(v))
        hessian = (self.out.transpose() * curved * self.out).tolist()
        across, down = self.crease.transpose().tolist(), self.crease.tolist()
        k, z = self.stratum.free.size, self.stratum.creases.size
        upper = [[*hessian[i], *(across[i] if z else [])] for i in range(k)]
        return rows([*upper, *([*down[i], *([0] * z)] for i in range(z))], k + z)

    def krawczyk(self) -> Region | str:
        """A region with one zero, or why there is none."""
        from flint import arb, arb_mat

        k, size = self.stratum.free.size, self.stratum.free.size + self.stratum.creases.size
        m = column([*([0] * k), *self.stratum.beta.tolist()])
        rough = self.jacobian(self.outputs(column(m.entries()[:k])))
        inverse = _inverse(rough)
        if inverse is None:
            return "the conditions on the stratum are singular"
        inverse = rows(inverse.tolist(), size)
        for _ in range(REFINEMENTS if size else 0):
            m = (m - inverse * self.residual(m)).mid()
        near = [abs(entry).upper() for entry in (inverse * self.residual(m)).entries()]
        reach = [2 * q + arb(2) ** (-120) for q in near]
        for _ in range(WIDENINGS):
            balls = [arb(c, r) for c, r in zip(m.entries(), reach, strict=True)]
            v = self.outputs(column(balls[:k]))
            jacobian = self.jacobian(v)
            eye = arb_mat([[int(i == j) for j in range(size)] for i in range(size)]) if size else arb_mat(0, 0)
            defect = [[abs(e).upper() for e in row] for row in (eye - inverse * jacobian).tolist()]
            image = [
                q + sum(e * r for e, r in zip(row, reach, strict=True)) for q, row in zip(near, defect, strict=True)
            ]
            if all(q < r for q, r in zip(image, reach, strict=True)):
                return Region(balls[:k], balls[k:], v, jacobian)
            reach = [4 * q.upper() if q.is_finite() else r for q, r in zip(image, reach, strict=True)]
        return "Krawczyk's test did not contract"

    def check(self, region: Region) -> str:
        """Why the theorem does not apply in the region; "" where it does."""
        arrived, at_creases, share, bend = self.slopes(region)
        if not all(b < 0 for b in bend):
            return "f is not proved concave across a crease of the point"
        if not all(0 < s < 1 for s in share):
            return "a slope is not proved to lie strictly between the two sides of its crease"
        wrong = self._signs(region, at_creases)
        if wrong:
            return wrong
        if not self.has_room(region):
            return "a free coordinate is not proved to lie inside the box"
        if not outward_on_faces(arrived, np.where(self.frame.ignored, 0, self.stratum.faces)):
            return "a multiplier is not proved to point outward"
        if not self.is_maximal_within(region):
            return "the Hessian on the stratum is not proved negative definite"
        return ""

    def slopes(self, region: Region) -> tuple[Cotangent, dict[int, list[Ball]], list[Ball], list[Ball]]:
        """The gradient over the region, the cotangents at creases, shares and bends of the creases (5.4)."""
        from flint import arb

        nothing = arb("nan")
        count = self.stratum.creases.size
        share, bend = [nothing] * count, [nothing] * count

        def rule(node: int, cotangent: list[Ball]) -> list[Ball]:
            slopes = list(self.piece.slopes[node])
            stratum = self.frame.groups, self.stratum.creases, region.beta
            set_slopes(node, cotangent, slopes, stratum, (share, bend), arb)
            return slopes

        y = column(self.frame.potential.head.ball_gradient(region.v))
        arrived, at_creases = self.piece.cotangents(y, rule)
        return arrived, at_creases, share, bend

    def levels(self, region: Region) -> list[Ball]:
        """The preactivations of all creased neurons over the region."""
        moved = (rows(self.normals, self.stratum.free.size) * column(region.shift)).entries()
        return [u + d for u, d in zip(self.u, moved, strict=True)]

    def has_room(self, region: Region) -> bool:
        """Whether the free coordinates are proved to lie strictly inside the box."""
        bounds = self.frame.bounds
        values = [shift + float(self.stratum.point[i]) for i, shift in self._free(region)]
        ends = [(float(bounds.lower[i]), float(bounds.upper[i])) for i in self.stratum.free.tolist()]
        return all(value > low and value < high for value, (low, high) in zip(values, ends, strict=True))

    def is_maximal_within(self, region: Region) -> bool:
        """Whether the Hessian is proved negative definite on the stratum, the normals of its creases independent."""
        wanted = self.stratum.free.size, self.stratum.creases.size
        return sum(wanted) == 0 or inertia(_mid_rad(region.jacobian, sum(wanted))) == wanted

    def _free(self, region: Region) -> list[tuple[int, Ball]]:
        return list(zip(self.stratum.free.tolist(), region.shift, strict=True))

    def _signs(self, region: Region, at_creases: dict[int, list[Ball]]) -> str:
        groups, signs, levels = self.frame.groups, self.stratum.signs, self.levels(region)
        on = np.isin(np.arange(len(groups)), groups.members(self.stratum.creases))
        effect = [c for node in groups.nodes for c in at_creases[node]]
        still = locally_constant(self.frame, signs)
        for k in np.flatnonzero(~on & (groups.left != 1.0)).tolist():
            u = levels[k]
            if (u > 0) if signs[k] > 0 else (u < 0):
                continue
            if effect[k].is_zero() or (still[k] and u.is_zero()):
                continue
            return f"neuron {k} is not proved to be off zero ({float(abs(u).upper()):.1e})"
        return ""

    def rounded(self, region: Region) -> tuple[np.ndarray, float]:
        """The nearest doubles to the sink and a bound on their distance."""
        from flint import arb

        point, error = self.stratum.point.copy(), arb(0)
        for i, shift in self._free(region):
            value = shift + float(point[i])
            point[i] = float(value.mid())
            error = error.max(abs(value - float(point[i])).upper())
        return self.frame.bounds.clip(np, point), float(np.nextafter(float(error), np.inf)) if error > 0 else 0.0


def piece_at(frame: Frame, stratum: Stratum, x: list[Any], free: np.ndarray) -> BallPiece:
    """The exact network about ``x`` with the slopes of the pattern, 0 at the neurons that are at zero."""
    from flint import arb

    groups, slopes = frame.groups, {}
    for node in groups.nodes:
        part = groups.part(node)
        sides = zip(stratum.signs[part].tolist(), groups.left[part].tolist(), strict=True)
        slopes[node] = [arb(1) if sign > 0 else arb(left) if sign < 0 else arb(0) for sign, left in sides]
    return BallPiece.at(frame.potential.network, frame.potential.contrasts, slopes, x, free)


def locally_constant(frame: Frame, signs: np.ndarray) -> np.ndarray:
    """Creased neurons whose preactivation does not change near the point whatever the slopes at zeros, (n_creases,)."""
    groups, network = frame.groups, frame.potential.network
    still = [np.zeros(network.n_inputs, dtype=bool)]
    found = np.zeros(len(groups), dtype=bool)
    for index, node in enumerate(network.nodes[1:], 1):
        parent = still[node.parents[0]]
        if isinstance(node.layer, AffineMap):
            moving = node.layer.weight != 0
            if node.layer.weight_radius is not None:
                moving |= node.layer.weight_radius != 0
            still.append(~(moving & ~parent).any(axis=1))
        elif isinstance(node.layer, Activation) and index in groups.nodes:
            part = groups.part(index)
            found[part] = parent
            still.append(parent | ((signs[part] < 0) & (groups.left[part] == 0)))
        else:
            still.append(np.logical_and.reduce([still[i] for i in node.parents]))
    return found


def outward_on_faces(arrived: Cotangent, faces: np.ndarray) -> bool:
    """Whether the gradient is proved strictly outward on all faces: in doubles and, where these do not decide, in balls."""
    gradient = arrived.enclosed()
    decided = np.where(faces > 0, gradient.lower > 0, gradient.upper < 0) | (faces == 0)
    left = np.flatnonzero(~decided)
    return all(
        (ball > 0) if face > 0 else (ball < 0)
        for ball, face in zip(arrived.entries(left), faces[left].tolist(), strict=True)
    )


def _ends(bounds: Interval) -> Any:
    return zip(bounds.lower.tolist(), bounds.upper.tolist(), strict=True)


def _inverse(jacobian: Any) -> np.ndarray | None:
    middle = np.array([[float(e.mid()) for e in row] for row in jacobian.tolist()]).reshape(
        jacobian.nrows(), jacobian.nrows()
    )
    if not np.isfinite(middle).all():
        return None
    try:
        inverse = np.linalg.inv(middle) if middle.size else np.zeros((0, 0))
    except np.linalg.LinAlgError:
        return None
    return inverse if np.isfinite(inverse).all() else None


def _mid_rad(matrix: Any, size: int) -> MidRad:
    return MidRad.from_interval(interval(matrix.entries()).reshape((size, size)))
