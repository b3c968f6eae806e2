"""A vertex of a network of any depth, cell by cell: f'(x; d) < 0 on every cell about x, with a certificate a cell (§5).

x is solved in rational numbers and the network evaluated there exactly, so that the neurons Z at zero are known. On the cell
with the signs sigma, {d : sigma_j n_j . d >= 0}, n_j the gradient of u_j there, f'(x; d) = g . d; with

    g + sum_j lambda_j sigma_j n_j - sum_i nu_i o_i = 0,   lambda, nu > 0,   n_j and o_i spanning the space,       (5.8)

o_i the outward normals of faces, g . d < 0 for all d != 0 of the cell in the tangent cone. All 2^|Z| choices of sigma are
examined, those of no cell too. Linear programmes find lambda and nu in doubles; a square system in balls checks them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.linalg

from separatrix.flow.piecewise_linear.ball_piece import BallPiece, column, rows
from separatrix.flow.piecewise_linear.proof import BITS, RidgeProof
from separatrix.flow.piecewise_linear.rational import Exact, exact_vertex
from separatrix.flow.piecewise_linear.stratum import Frame, Stratum
from separatrix.numerics.linear_programs import solve_linear_program
from separatrix.numerics.rounding import ieee_arithmetic_holds

MOST_CREASES = 10
MOST_INPUTS = 12


def prove_by_cells(frame: Frame, stratum: Stratum, bits: int = BITS) -> RidgeProof:
    """Try to prove by (5.8) that the vertex next to ``stratum`` is a sink."""
    from flint import ctx

    dim = int((~frame.ignored).sum())
    if dim > MOST_INPUTS or not ieee_arithmetic_holds():
        return RidgeProof(False, f"cells are examined in up to {MOST_INPUTS} inputs only", stratum.point)
    vertex = exact_vertex(frame, stratum)
    if isinstance(vertex, str):
        return RidgeProof(False, vertex, stratum.point)
    if vertex.creases.size > MOST_CREASES:
        text = f"{vertex.creases.size} creases of several layers meet, more than the {MOST_CREASES} that are examined"
        return RidgeProof(False, text, stratum.point)
    with ctx.workprec(bits):
        for sides in itertools.product((1, -1), repeat=vertex.creases.size):
            cell = _Cell.of(frame, vertex, np.array(sides, dtype=np.int8))
            multipliers = cell.programme()
            if multipliers is None:
                text = "f does not fall along every direction of a cell about the vertex"
                return RidgeProof(False, text, stratum.point, refuted=True)
            if not cell.holds(multipliers):
                return RidgeProof(False, "the first-order condition of a cell was not proved", stratum.point)
    point = np.array([float(v) for v in vertex.x])
    gap = max(abs(Fraction(p) - v) for p, v in zip(point.tolist(), vertex.x, strict=True))
    text = (
        f"exact vertex of {vertex.creases.size} creases in rational numbers; first-order condition on all "
        f"{2**vertex.creases.size} choices of sides in balls of {bits} bits; no cube in which it is the only equilibrium "
        "is claimed"
    )
    return RidgeProof(True, text, point, float(np.nextafter(float(gap), np.inf)) if gap else 0.0)


@dataclass(frozen=True, eq=False)
class _Cell:
    """The columns sigma_j n_j and -o_i (|F| + |A| rows) and the gradient g, in balls, over the coordinates that f sees."""

    slope: list[Any]
    columns: list[list[Any]]

    @classmethod
    def of(cls, frame: Frame, vertex: Exact, sides: np.ndarray) -> _Cell:
        from flint import arb, fmpq

        groups = frame.groups
        signs = vertex.signs.copy()
        for j, side in zip(vertex.creases.tolist(), sides.tolist(), strict=True):
            members = groups.members(np.array([j]))
            signs[members] = side * groups.direction[members]
        slopes = {
            node: [arb(1.0 if sign > 0 else left) for sign, left in _pairs(signs, groups.left, groups.part(node))]
            for node in groups.nodes
        }
        seen = np.flatnonzero(~frame.ignored)
        x = [arb(fmpq(v.numerator, v.denominator)) for v in vertex.x]
        piece = BallPiece.at(frame.potential.network, frame.potential.contrasts, slopes, x, seen)
        y = column(frame.potential.head.ball_gradient(piece.values[-1].entries()))
        normals = piece.preactivations(groups)[1]
        columns = [
            [side * e for e in normals[j]] for j, side in zip(vertex.creases.tolist(), sides.tolist(), strict=True)
        ]
        for place, i in enumerate(seen.tolist()):
            if vertex.faces[i]:
                columns.append([arb(-int(vertex.faces[i]) if p == place else 0) for p in range(seen.size)])
        return cls((piece.normals[-1].transpose() * y).entries(), columns)

    def programme(self) -> np.ndarray | None:
        """Multipliers whose least is as large as possible, in doubles; None where that is not > 0."""
        matrix, right = self._doubles()
        n = matrix.shape[1]
        if not n:
            return None
        upper = np.column_stack([-np.eye(n), np.ones(n)])
        equal = np.column_stack([matrix, np.zeros(matrix.shape[0])])
        found = solve_linear_program(
            np.append(np.zeros(n), -1.0),
            A_ub=upper,
            b_ub=np.zeros(n),
            A_eq=equal,
            b_eq=right,
            bounds=[*([(None, None)] * n), (None, 1.0)],
        )
        return found.x[:-1] if found.status == 0 and found.x[-1] > 0 else None

    def holds(self, multipliers: np.ndarray) -> bool:
        """Whether exact multipliers next to these are proved to be there and positive."""
        from flint import arb

        size = len(self.slope)
        values = [arb(v) for v in multipliers.tolist()]
        found: Any = scipy.linalg.qr(self._doubles()[0], mode="r", pivoting=True)
        basis = found[1][:size].tolist()
        if len(basis) < size:
            return False
        rest = [
            -(g + sum((v * c[r] for v, c in zip(values, self.columns, strict=True)), start=arb(0)))
            for r, g in enumerate(self.slope)
        ]
        try:
            square = rows([[self.columns[p][r] for p in basis] for r in range(size)], size)
            change = square.solve(column(rest)).entries()
        except ZeroDivisionError:
            return False
        for place, d in zip(basis, change, strict=True):
            values[place] = values[place] + d
        return all(v > 0 for v in values)

    def _doubles(self) -> tuple[np.ndarray, np.ndarray]:
        matrix = np.array([[float(e.mid()) for e in c] for c in self.columns]).reshape(-1, len(self.slope)).T
        return matrix, np.array([-float(g.mid()) for g in self.slope])


def _pairs(signs: np.ndarray, left: np.ndarray, part: slice) -> Any:
    return zip(signs[part].tolist(), left[part].tolist(), strict=True)
