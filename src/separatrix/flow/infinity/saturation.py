"""Sinks at infinity of networks whose first hidden layer saturates (§4).

Let f(x) = F(s(W x + b)) with s = sigmoid or tanh and F twice continuously differentiable on the closed cube Q of values of s.
A trajectory that goes to infinity with s(W x + b) -> s* in the boundary of Q, f -> F(s*), has reached the *sink at infinity* s*
if all near it do so. S: the coordinates of s* at a limit of s, sigma their signs, y = grad F(s*).

(4.6) If all coordinates are in S, sigma_j y_j > 0 for all j, and some direction d has sigma_j w_j . d > 0 for all j, then
there is an open set of starts, every trajectory of which goes to infinity with f -> F(s*). Proof. On a box K in Q about s*, F
rises towards s* in every coordinate. Let L = F(s*). On the faces of K away from s*, F <= L - h for some h > 0. U = {x: s in K,
f > L - h} is open, holds far points along d, and no trajectory leaves it, since f rises. In U, d . grad f = sum_j (w_j . d)
s'_j dF/ds_j is a sum of positive terms: no equilibrium. Were the limit of f along a trajectory in U below L, at every time
some |u_j| would be below a bound (L - f <= const max |s_j - s*_j|), |grad f| >= d . grad f / |d| bounded below, and f, which
is bounded, would grow without bound. So f -> L, s -> s*, and x goes to infinity. Neurons with w_j = 0 are constants, left out.

(4.7) If W has full row rank and s* is a non-degenerate sink of F on Q (multipliers of S strict, the Hessian on the other
coordinates negative definite) with S not empty, then the same holds. Proof. K: a neighbourhood of s* in Q in which the
multipliers keep their signs, the other coordinates stay away from the limits of s, and grad F vanishes on the face of S at s*
only; F < L elsewhere in K and F <= L - h on its edge. U as before; it is not empty, as W x + b takes all values. Along a
trajectory in U the integral of |grad f|^2 is finite, so grad f -> 0 at some times t_k, and with it D y, since |grad f| =
|W^T D y| >= const |D y|. Of the limits s' of s(t_k): j in S has y_j not 0, so s'_j is a limit of s, s*_j; j not in S has s'_j
away from the limits of s, so y_j(s') = 0. Hence s' = s*, f -> L, s -> s*, and u_j, j in S, goes to infinity.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from separatrix.domains import Box
from separatrix.flow.infinity.recession import Recession
from separatrix.networks.activations import activation_function
from separatrix.networks.bounds import BoundPropagation
from separatrix.networks.layers import Activation, AffineMap, Node
from separatrix.networks.network import INPUT, Network
from separatrix.networks.structure import full_row_rank
from separatrix.numerics.activation_ranges import activation_range
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Potential
from separatrix.potentials.head import NetworkPotential

LIMITS = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}


@dataclass(frozen=True, eq=False)
class SaturatingLayer:
    """A first hidden layer s(W x + b) and ``cube``, the potential F of its values."""

    weight: np.ndarray
    bias: np.ndarray
    activation: str
    cube: NetworkPotential

    @classmethod
    def of(cls, potential: Potential) -> SaturatingLayer | None:
        """The layer where the network is a chain affine, sigmoid or tanh, smooth layers, its weights exact; else None."""
        if not isinstance(potential, NetworkPotential) or not potential.network.is_chain:
            return None
        nodes = potential.network.nodes
        if len(nodes) < 4:
            return None
        first, second = nodes[1].layer, nodes[2].layer
        if not isinstance(first, AffineMap) or not isinstance(second, Activation) or second.name not in LIMITS:
            return None
        if first.weight_radius is not None or first.bias_radius is not None:
            return None
        if any(isinstance(node.layer, Activation) and node.layer.function.is_piecewise_linear for node in nodes[3:]):
            return None
        after = (INPUT, *(Node(node.layer, tuple(i - 2 for i in node.parents)) for node in nodes[3:]))
        tail = Network(after, first.n_outputs, potential.network.reading)
        cube = NetworkPotential(
            tail, potential.head, potential.contrasts, f"{potential.name} of the first layer's values"
        )
        return cls(first.weight, first.bias, second.name, cube)

    @cached_property
    def is_onto(self) -> bool:
        """Whether W has full row rank, exactly."""
        return full_row_rank(self.weight)

    @property
    def box(self) -> Box:
        """The closed cube of the values of s."""
        return Box.cube(self.weight.shape[0], *LIMITS[self.activation])

    def image(self, x: np.ndarray) -> np.ndarray:
        """s(W x + b) at one point, (width,), in the cube."""
        return self.box.clip(activation_function(self.activation).value(np, self.weight @ x + self.bias, 0.0))

    def way(self, values: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(base, direction) of a ray on which s tends to about ``values``, at its limits where ``faces`` is not 0."""
        low, high = LIMITS[self.activation]
        share = np.clip((values - low) / (high - low), 1e-15, 1.0 - 1e-15)
        inverse = (np.log(share) - np.log1p(-share)) / (
            high - low
        )  # of sigmoid(u), and of tanh(u) = 2 sigmoid(2 u) - 1
        return self._inverse @ (np.where(faces != 0, 0.0, inverse) - self.bias), self._inverse @ faces.astype(
            np.float64
        )

    def directions(self, x: np.ndarray) -> list[np.ndarray]:
        """A direction to the corner on whose side ``x`` is: W d is next to the corner's signs."""
        return [self._inverse @ np.sign(self.weight @ x + self.bias)]

    @cached_property
    def _inverse(self) -> np.ndarray:
        return np.linalg.pinv(self.weight)

    def is_sink(self, behaviour: Recession) -> bool:
        """Whether (4.6) is proved for the corner of a ray."""
        signs = behaviour.signs[: self.weight.shape[0]]
        acts = (self.weight != 0).any(axis=1)
        if not behaviour.is_decided or not acts.any() or not (signs[acts] != 0).all():
            return False
        corner = np.where(signs > 0, LIMITS[self.activation][1], LIMITS[self.activation][0])
        still = activation_range(self.activation, 0, self.bias, self.bias)  # of neurons that x does not move
        box = Interval(np.where(acts, corner, still[0])[None], np.where(acts, corner, still[1])[None])
        state = BoundPropagation(self.cube.graph, box)
        pulls = state.cotangents(self.cube.head.bounds(state.output).gradient)[0]
        assert pulls is not None
        return bool((pulls[0] * signs.astype(np.float64)).is_positive[acts].all())
