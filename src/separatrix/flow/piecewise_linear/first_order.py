"""The first-order condition at a point on creases and faces, in doubles: the slopes theta that balance the gradient (§5).

On a piece with slope 0 at the neurons Z that are at zero, let T be the derivative of their preactivations and g that of f
along the free coordinates F. Then g + T^T beta = 0 fixes beta, and beta_j = C_j theta_j gives the slopes, deepest layer
first: C_j = df/ds_j depends on the slopes behind it only.                                                  (5.3)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from separatrix.flow.piecewise_linear.crease_groups import CreaseGroups
from separatrix.flow.piecewise_linear.linear_piece import LinearPiece, preactivations
from separatrix.potentials.head import NetworkPotential

DEPENDENT = 1e-9
CONCAVE = 1e-11


@dataclass(frozen=True, eq=False)
class LocalModel:
    """f about x along the free coordinates, for given signs of the neurons.

    ``u`` (n_creases,), ``normals`` (n_creases, |F|) of the preactivations, ``slope`` (|F|,) and ``hessian`` (|F|, |F|) of f,
    ``y`` the derivative of the head, ``size`` a scale for the entries of ``slope``.
    """

    piece: LinearPiece
    u: np.ndarray
    normals: np.ndarray
    slope: np.ndarray
    hessian: np.ndarray
    y: np.ndarray
    size: float

    @classmethod
    def at(
        cls, potential: NetworkPotential, groups: CreaseGroups, x: np.ndarray, signs: np.ndarray, free: np.ndarray
    ) -> LocalModel:
        """The model at ``x`` (dim,) with the pattern ``signs``."""
        graph = potential.graph
        piece = LinearPiece.of(graph, groups, signs)
        values = piece.values(x)
        tangents = piece.tangents(np.eye(x.size)[:, free])
        out = values[-1][None]
        y = potential.head.value_and_gradient(np, out)[1][0]
        curved = potential.head.hessian(np, out)[0]
        size = float((np.abs(tangents[-1]).T @ np.abs(y)).max(initial=0.0))
        hessian = tangents[-1].T @ curved @ tangents[-1]
        u, normals = (preactivations(graph, groups, found) for found in (values, tangents))
        return cls(piece, u, normals, tangents[-1].T @ y, hessian, y, size)


def independent(normals: np.ndarray) -> np.ndarray:
    """Positions of rows of ``normals`` (k, m), ascending, that are linearly independent to rounding and span all."""
    if not normals.size:
        return np.zeros(0, dtype=np.int64)
    length = np.linalg.norm(normals, axis=1)
    unit = normals / np.where(length > 0, length, 1.0)[:, None]
    found: Any = scipy.linalg.qr(unit.T, mode="r", pivoting=True)
    triangle, order = found
    rank = int((np.abs(np.diag(triangle)) > DEPENDENT).sum())
    return np.sort(order[:rank])


@dataclass(frozen=True, eq=False)
class Step:
    """A step on the stratum: ``direction`` (|F|,), its ``reach`` (1 for Newton's, inf for an ascent without curvature),
    ``beta``, the eigenvalues ``spectrum`` of the Hessian on the stratum, whether it ``rises`` as far as nothing is met.
    """

    direction: np.ndarray
    reach: float
    beta: np.ndarray
    spectrum: np.ndarray


def newton_step(model: LocalModel, creases: np.ndarray) -> Step:
    """Newton's step for (slope + T^T beta = 0, u_Z = 0), rows of T independent; the ascent along T's kernel where f is
    not concave there.
    """
    normals = model.normals[creases]
    length = np.linalg.norm(normals, axis=1)
    unit = normals / length[:, None]
    k = creases.size
    left, singular, right = scipy.linalg.svd(unit) if k else (np.zeros((0, 0)), np.zeros(0), np.eye(model.slope.size))
    kernel = right[k:].T
    back = right[:k].T @ ((left.T @ (-model.u[creases] / length)) / singular)
    bent = kernel.T @ model.hessian @ kernel
    spectrum, vectors = np.linalg.eigh(0.5 * (bent + bent.T)) if bent.size else (np.zeros(0), np.zeros((0, 0)))
    scale = max(float(np.abs(model.hessian).max(initial=0.0)), 1e-300)
    slope = vectors.T @ (kernel.T @ (model.slope + model.hessian @ back))
    flat = spectrum >= -CONCAVE * scale
    rising = flat & (np.abs(slope) > 1e-9 * max(model.size, 1e-300))
    if rising.any():
        along, reach = np.where(rising, slope, 0.0), np.inf
        direction = kernel @ (vectors @ along)
        direction = direction / max(float(np.abs(direction).max()), 1e-300)
    else:
        along, reach = np.where(flat, 0.0, -slope / np.where(flat, 1.0, spectrum)), 1.0
        direction = back + kernel @ (vectors @ along)
    balance = model.slope + (model.hessian @ direction if reach == 1.0 else 0.0)
    beta = -(left @ ((right[:k] @ balance) / singular)) / length
    return Step(direction, reach, beta, spectrum)


@dataclass(frozen=True, eq=False)
class Balance:
    """Where the gradient stands between the sides of the creases.

    For each crease of ``creases``: ``share`` of the upper side's slope (0 to 1: between the two sides), ``bend`` = the jump
    of f's gradient over |w| (< 0: concave). ``gradient`` (dim,): that of f with these slopes.
    """

    share: np.ndarray
    bend: np.ndarray
    gradient: np.ndarray


def balance(model: LocalModel, groups: CreaseGroups, creases: np.ndarray, beta: np.ndarray) -> Balance:
    """The slopes that belong to ``beta``, deepest layer first."""
    share, bend = np.full(creases.size, np.nan), np.zeros(creases.size)

    def rule(node: int, cotangent: Any) -> Any:
        slopes = model.piece.slopes[node].copy()
        set_slopes(node, cotangent, slopes, (groups, creases, beta), (share, bend))
        return slopes

    gradient = model.piece.cotangents(model.y, rule)[0]
    return Balance(share, bend, gradient)


def set_slopes(
    node: int,
    cotangent: Any,
    slopes: Any,
    stratum: tuple[CreaseGroups, np.ndarray, Any],
    found: tuple[Any, Any],
    number: Any = float,
) -> None:
    """Set the slopes of a node's neurons on ``creases`` from beta and the node's cotangent; in doubles or balls.

    The neurons k of one crease, u_k = r_k u_j, have slopes theta (r_k > 0) and 1 + a - theta (r_k < 0); together

        beta = theta sum_k c_k |r_k| + (1 + a) sum_(r_k < 0) c_k r_k,   share = (theta - a) / (1 - a).          (5.4)
    """
    groups, creases, beta = stratum
    share, bend = found
    part = groups.part(node)
    for place, j in enumerate(creases.tolist()):
        if not part.start <= j < part.stop:
            continue
        a = number(float(groups.left[j]))
        total, turned = number(0), number(0)
        for k in np.flatnonzero(groups.leader == j).tolist():
            ratio = groups.ratio[k]
            r = number(ratio.numerator) / number(ratio.denominator) if number is not float else float(ratio)
            term = cotangent[k - part.start] * r
            total, turned = (total + term, turned) if ratio > 0 else (total - term, turned + term)
        bend[place] = total * (1 - a)
        if total == 0:
            continue
        theta = (beta[place] - (1 + a) * turned) / total
        share[place] = (theta - a) / (1 - a)
        for k in np.flatnonzero(groups.leader == j).tolist():
            slopes[k - part.start] = theta if groups.ratio[k] > 0 else 1 + a - theta
