"""The Hessian on a set of coordinates by its eigenvectors, through the first layer of a network where that is narrower.

With a first affine layer u = W x + b, of width m, the Hessian on k coordinates is A^T M A, A = W on these, M the Hessian by u: of
rank at most m. With A A^T = L L^T and L^T M L = U diag(lam) U^T its eigenvectors off the kernel are V = A^T L^-T U.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from separatrix.networks.layers import AffineMap, Node
from separatrix.networks.propagation import Propagation
from separatrix.potentials.base import Potential
from separatrix.potentials.head import NetworkPotential

WIDER = 1.3  # from so many coordinates a unit of the first layer on the smaller problem is the quicker one
REGULAR = 1e-5  # of the diagonal of L, least to largest: V is orthonormal to about the square of its inverse units


@dataclass(frozen=True, eq=False)
class Curvature:
    """H = V diag(lam) V^T: eigenvalues ``lam`` (r,), ascending, and ``vectors`` (k, r); others are 0.

    ``hessian`` (k, k), or None where it was not formed.
    """

    lam: np.ndarray
    vectors: np.ndarray
    hessian: np.ndarray | None

    @classmethod
    def at(cls, potential: Potential, x: np.ndarray, free: np.ndarray) -> Curvature | None:
        """That of ``potential`` at ``x`` (dim,) on the coordinates ``free`` (k,); None where it is not finite.

        Raises SeparatrixError where a user's function is not defined.
        """
        found = _through_layer(potential, x, free)
        if found is not None:
            return found
        hessian = potential.hessian_on(x, free)
        if not np.isfinite(hessian).all():
            return None
        return cls(*np.linalg.eigh(hessian), hessian)

    def times(self, d: np.ndarray) -> np.ndarray:
        """H d, (k,)."""
        return self.vectors @ (self.lam * (self.vectors.T @ d)) if self.hessian is None else self.hessian @ d

    def metric(self, flat: float) -> np.ndarray:
        """max(|H|, flat) in the sense of eigenvalues, (k, k)."""
        size = np.maximum(np.abs(self.lam), flat)
        is_whole = self.lam.size == self.vectors.shape[0]
        # as a product of one matrix with itself, of which BLAS forms one half
        half = self.vectors * np.sqrt(size if is_whole else size - flat)
        found = half @ half.T
        if not is_whole:
            found[np.diag_indices_from(found)] += flat
        return found


def _through_layer(potential: Potential, x: np.ndarray, free: np.ndarray) -> Curvature | None:
    """From the Hessian by the first layer; None where that is no narrower or not of full rank on ``free``."""
    if not isinstance(potential, NetworkPotential):
        return None
    nodes = potential.graph.nodes
    first = nodes[1].layer
    if not isinstance(first, AffineMap) or free.size < WIDER * first.n_outputs:
        return None
    if any(0 in node.parents for node in nodes[2:]):
        return None
    inner = _hessian_by_layer(potential, first, x)
    part = first.weight[:, free]
    try:
        lower = scipy.linalg.cholesky(part @ part.T, lower=True, check_finite=False)
        sizes = np.diagonal(lower)
        if not np.isfinite(inner).all() or sizes.min() < REGULAR * sizes.max():
            return None
        lam, turned = np.linalg.eigh(lower.T @ inner @ lower)
    except np.linalg.LinAlgError:
        return None
    pulled = scipy.linalg.solve_triangular(lower, turned, trans=1, lower=True, check_finite=False)
    return Curvature(lam, part.T @ pulled, None)


def _hessian_by_layer(potential: NetworkPotential, first: AffineMap, x: np.ndarray) -> np.ndarray:
    """The Hessian of f by the values of the first layer at ``x`` (dim,), (m, m)."""
    graph, head = potential.graph, potential.head
    rest = [graph.nodes[0], *(Node(node.layer, tuple(p - 1 for p in node.parents)) for node in graph.nodes[2:])]
    state = Propagation(rest, graph.parameters, x[None] @ first.weight.T + first.bias)
    slopes = head.value_and_gradient(np, state.output)[1]
    every = np.arange(first.n_outputs)
    return state.hessians(state.cotangents(slopes), every, head.hessian(np, state.output))[0]
