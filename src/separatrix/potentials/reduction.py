"""A potential of few directions as a function of few coordinates, exactly (§4, (4.1), (4.13)).

Let f(x) = g(W x + b) with W (r, n) of rank r. With W^T = Q R take the doubles L near R^T and y = L^-1 W x: f(x) = g(L y + b) for
every x, with no error. Along the flow y' = M grad_y, M = L^-1 W W^T L^-T, which differs from the identity by rounding alone; if f
uses r inputs only, y are those inputs, L = W there and M = I.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from separatrix.domains import Box
from separatrix.errors import InputError, KindError, printable
from separatrix.networks.layers import Affine, AffineMap, Node
from separatrix.networks.network import INPUT, Network
from separatrix.numerics.balls import MidRad, product
from separatrix.numerics.rank import exact_rank
from separatrix.potentials.head import NetworkPotential
from separatrix.potentials.log_odds import LogSumExp
from separatrix.potentials.point_rows import point_rows

MOST_COORDINATES, MOST_RANKED = 4, 64
WHAT = "reduced"


@dataclass(frozen=True, eq=False, repr=False)
class Reduction:
    """f on R^n as a potential of r coordinates y, exactly: f(x) = h(from_x(x)).

    - ``potential``: h; ``source``: f; ``weight`` (r, n), ``factor`` (r, r): W and L, y = L^-1 W x
    - ``metric_error``: a proved bound of |M - I|: the flow of f is y' = M grad h(y). 0: y are inputs, the others are not used
    - ``theorem``: (4.1) for f, in words

    Values, level sets of all of R^n (up to the factor ker W), equilibria and their Morse indices are those of h. A box in y
    stands for the cylinder of all x above it, which no box of x is: take ``boundary="exit"``.
    """

    source: NetworkPotential
    potential: NetworkPotential
    weight: np.ndarray
    factor: np.ndarray
    metric_error: float
    theorem: str = field(default="")

    @property
    def dim(self) -> int:
        """The number r of coordinates."""
        return self.factor.shape[0]

    def from_x(self, x: Any) -> np.ndarray:
        """The coordinates y (n, r) of the rows of ``x`` (n, dim), rounded."""
        return np.linalg.solve(self.factor, (point_rows(x, self.source.dim, WHAT) @ self.weight.T).T).T

    def to_x(self, y: Any) -> np.ndarray:
        """The points (n, dim) nearest to 0 among those with the coordinates ``y`` (n, r), rounded."""
        rows = point_rows(y, self.dim, WHAT)
        return np.linalg.lstsq(self.weight, (rows @ self.factor.T).T, rcond=None)[0].T

    def box_around(self, x: Any, margin: float = 0.1) -> Box:
        """A box of coordinates that holds those of the rows of ``x`` (n, dim), wider by the share ``margin`` on each side."""
        y = self.from_x(x)
        if not len(y):
            raise InputError("box_around: expected at least one point, came none")
        low, high = y.min(axis=0), y.max(axis=0)
        room = margin * np.maximum(high - low, 1e-6 * (1.0 + np.abs(low) + np.abs(high)))
        return Box(low - room, high + room)

    def __repr__(self) -> str:
        return f"Reduction({printable(self.source.name, 60)}: {self.source.dim} inputs to {self.dim} coordinates)"


def reduced(potential: Any) -> Reduction:
    """The exact reduction of a network's potential to the few coordinates on which its first layer depends (4.1).

    For potentials of networks whose first affine layer has at most 4 rows that are not zero, linearly independent, or uses
    at most 4 inputs. The result's ``potential`` goes wherever potentials of few inputs go: ``critical_points``, ``morse_graph``,
    ``conley_index``, ``level_sets``; what they find holds of the free flow on R^n, and their notes say by what.

    Raises KindError for what is no network's potential or has another beginning than one affine layer, InputError where more
    than 4 coordinates are needed.

    >>> import numpy as np
    >>> from separatrix import Network, log_odds
    >>> net = Network.from_arrays([np.ones((1, 50)), [[1.0], [-2.0]]], [[0.5], [0.0, 0.0]], "tanh")
    >>> found = reduced(log_odds(net, 0))
    >>> x = np.linspace(0.0, 1.0, 50)[None]
    >>> found.dim, bool(abs(found.potential.value(found.from_x(x)) - found.source.value(x)) < 1e-12)
    (1, True)
    """
    if not isinstance(potential, NetworkPotential):
        raise KindError(f"{WHAT}: expected the potential of a network, came {printable(type(potential).__name__, 40)}")
    first = _first_layer(potential.network)
    weight, used = np.array(first.weight), np.flatnonzero((first.weight != 0).any(axis=0))
    if 1 <= used.size <= MOST_COORDINATES:
        rows, factor, layer, error = np.eye(potential.dim)[used], np.eye(used.size), weight[:, used], 0.0
    else:
        rows, factor, layer, error = _of_rows(weight)
    nodes = (INPUT, Node(Affine(np.ascontiguousarray(layer), first.bias), (0,)), *potential.network.nodes[2:])
    net = Network(nodes, factor.shape[0], potential.network.reading)
    made = NetworkPotential(net, potential.head, potential.contrasts, potential.name)
    if potential.companion is not None:
        made.companion = NetworkPotential(net, LogSumExp(-1.0), potential.contrasts, potential.companion.name)
    text = _text(potential, factor.shape[0], error)
    for one in (made, made.companion):
        if one is not None:
            one.rests_on = text
    return Reduction(potential, made, rows, factor, error, text)


def _first_layer(net: Network) -> AffineMap:
    """The one affine layer that the input feeds."""
    readers = [node for node in net.nodes[1:] if 0 in node.parents]
    layer = net.nodes[1].layer
    if len(readers) != 1 or net.nodes[1].parents != (0,) or not isinstance(layer, AffineMap):
        raise KindError(
            f"{WHAT}: the input must feed one affine layer and nothing else (4.1); here it feeds {len(readers)} layers"
        )
    if layer.weight_radius is not None or layer.bias_radius is not None:
        raise KindError(f"{WHAT}: the first layer's weights are known up to rounding only, and so is its rank")
    return layer


def _of_rows(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """(W, L, the layer in y, bound of |M - I|) of the rows that are not zero."""
    alive = np.flatnonzero((weight != 0).any(axis=1))
    rows = weight[alive]
    if not 1 <= alive.size <= MOST_COORDINATES or exact_rank(rows) < alive.size:
        rank = str(exact_rank(rows)) if alive.size <= MOST_RANKED else "not computed"
        raise InputError(
            f"{WHAT}: expected a first layer with 1 to {MOST_COORDINATES} rows that are not zero, linearly independent, or with "
            f"as many inputs in use; this one has {alive.size} rows of {weight.shape[1]} inputs, of rank {rank}; restrict the "
            "network to an AffineSlice of 2 or 3 directions (net.restrict) instead"
        )
    factor = np.linalg.qr(rows.T)[1].T
    factor = np.ascontiguousarray(np.tril(factor * np.sign(np.where(np.diag(factor) == 0, 1.0, np.diag(factor)))))
    layer = np.zeros((len(weight), alive.size))
    layer[alive] = factor
    return rows, factor, layer, _metric_error(rows, factor)


def _metric_error(rows: np.ndarray, factor: np.ndarray) -> float:
    """A proved bound of |L^-1 (W W^T - L L^T) L^-T|; |L^-1| <= |B| / (1 - |I - B L|) for the approximate inverse B."""
    inverse = np.linalg.inv(factor)
    rest = _size(product(inverse, factor) - np.eye(len(factor)))
    gap = _size(product(rows, rows.T) - product(factor, factor.T))
    if not rest < 0.5:
        raise InputError(
            f"{WHAT}: the rows of the first layer are too nearly dependent for a reduction in double precision"
        )
    return float(gap * (_size(MidRad(inverse, np.zeros_like(inverse))) / (1.0 - rest)) ** 2 * (1.0 + 1e-9))


def _size(matrix: MidRad) -> float:
    """An upper bound of Frobenius' norm."""
    return float(np.sqrt((np.asarray(matrix.magnitude) ** 2).sum()) * (1.0 + 1e-12))


def _text(potential: NetworkPotential, rank: int, error: float) -> str:
    held = f"holds of {potential.name} on R^{potential.dim}, reduced exactly to {rank} coordinates by (4.1)"
    if error == 0.0:
        return f"{held}: it uses no other inputs"
    return f"{held}; orbits are those of a metric that differs from the Euclidean one by at most {error:.1e} (4.13)"
