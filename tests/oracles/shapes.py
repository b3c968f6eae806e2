"""Networks written down as formulas, so that their decision regions are known by theorem.

A formula is an affine combination of inputs and neurons; absolute values, maxima and minima are one or two neurons each. A
set such as {min(F(x, y), 1 - |z|) > 0} is then a product or a thickened complex whose homology and volume anyone can check.
The networks have skip connections: every neuron may take all earlier ones.
"""

from __future__ import annotations

from functools import reduce
from itertools import combinations

import numpy as np

from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT, Network


class Formula:
    """``constant`` + sum of coefficients times sources; a source is (0, i) for input i or (level, neuron)."""

    def __init__(self, terms: dict, constant: float = 0.0) -> None:
        self.terms, self.constant = {source: c for source, c in terms.items() if c}, float(constant)

    @property
    def level(self) -> int:
        """The number of layers of neurons below."""
        return max((source[0] for source in self.terms), default=0)

    def __add__(self, other):
        other = other if isinstance(other, Formula) else Formula({}, other)
        sources = {**self.terms, **other.terms}
        terms = {source: self.terms.get(source, 0.0) + other.terms.get(source, 0.0) for source in sources}
        return Formula(terms, self.constant + other.constant)

    def __mul__(self, factor):
        return Formula({source: factor * c for source, c in self.terms.items()}, factor * self.constant)

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    __radd__, __rmul__ = __add__, __mul__


def inputs(dim):
    """The coordinates x_1, …, x_n as formulas."""
    return [Formula({(0, i): 1.0}) for i in range(dim)]


def relu(formula):
    """A neuron; the same formula twice gives the same neuron."""
    key = (tuple(sorted(formula.terms.items(), key=repr)), formula.constant)
    return Formula({(formula.level + 1, key): 1.0})


def absolute(formula):
    """|f|, two neurons."""
    return relu(formula) + relu(-formula)


def largest(*formulas):
    """The maximum, one neuron for each formula but the first, in a balanced tree."""
    if len(formulas) <= 2:
        return reduce(lambda f, g: f + relu(g - f), formulas)
    half = len(formulas) // 2
    return largest(largest(*formulas[:half]), largest(*formulas[half:]))


def least(*formulas):
    """The minimum."""
    return -largest(*(-f for f in formulas))


def network(dim, *outputs):
    """The network of ``dim`` inputs whose logits are the formulas; one formula t means the logits (0, t)."""
    levels, todo = {0: list(range(dim))}, list(outputs)
    while todo:
        for level, key in todo.pop().terms:
            if level and key not in levels.setdefault(level, []):
                levels[level].append(key)
                todo.append(Formula(dict(key[0]), key[1]))
    nodes, place = [INPUT], {0: 0}
    for level in sorted(levels)[1:]:
        rows = [Formula(dict(terms), constant) for terms, constant in levels[level]]
        _append(nodes, place, levels, rows)
        nodes.append(Node(Activation("relu"), (len(nodes) - 1,)))
        place[level] = len(nodes) - 1
    _append(nodes, place, levels, outputs)
    return Network.graph(nodes, dim)


def _append(nodes, place, levels, rows):
    """Nodes that sum up the rows from all levels that they use."""
    bias, parts = np.array([row.constant for row in rows]), []
    for level, known in place.items():
        weight = np.array([[row.terms.get((level, source), 0.0) for source in levels[level]] for row in rows])
        if weight.any() or (level == max(place) and not parts):
            nodes.append(Node(Affine(weight, bias if not parts else np.zeros(len(rows))), (known,)))
            parts.append(len(nodes) - 1)
    if len(parts) > 1:
        nodes.append(Node(Sum(), tuple(parts)))


def from_square(x, y, centre=(0.0, 0.0), sides=(1.0, 1.0)):
    """max(|x - a| / s, |y - b| / t): below 1 in a rectangle."""
    return largest(absolute((x - centre[0]) * (1 / sides[0])), absolute((y - centre[1]) * (1 / sides[1])))


def square_loop(x, y, *rest, centre=(0.0, 0.0), width=0.5):
    """Positive within ``width`` (in maxima of coordinates) of the square loop |max(|x|, |y|)| = 2, rest = 0."""
    away = absolute(from_square(x, y, centre) - 2.0)
    return width - largest(away, *(absolute(z) for z in rest))


def plate(x, y, holes):
    """Positive in the rectangle [-4, 4] x [-2, 2] without squares of side 1 around the points (a, 0) for a in ``holes``."""
    return least(
        1.0 - from_square(x, y, sides=(4.0, 2.0)), *(from_square(x, y, (a, 0.0), (0.5, 0.5)) - 1.0 for a in holes)
    )


def handlebody(holes):
    """A plate times [-1, 1]: its boundary is the closed orientable surface whose genus is the number of holes."""
    x, y, z = inputs(3)
    return network(3, least(plate(x, y, holes), 1.0 - absolute(z)))


def two_loops(gap):
    """Classes 1 and 2: thick square loops, the second in the plane y = 0 around (gap, 0, 0); class 0 the rest."""
    x, y, z = inputs(3)
    return network(3, x * 0.0, square_loop(x, y, z), square_loop(x - gap, z, y))


def thick_complex(n_vertices, nonfaces, width):
    """A neighbourhood of a simplicial complex K in the simplex with barycentric coordinates x and 1 - sum x.

    A point of the simplex is in K exactly where over every set of vertices that is no simplex the least coordinate is 0.
    ``nonfaces``: the minimal sets that are no simplexes.
    """
    x = inputs(n_vertices - 1)
    coordinates = [*x, 1.0 - sum(x[1:], x[0])]
    away = largest(*(least(*(coordinates[i] for i in face)) for face in nonfaces))
    return network(n_vertices - 1, least(width - away, coordinates[-1]))


def thick_projective_plane(width=0.125):
    """A neighbourhood of the projective plane with 6 vertices in the 5-simplex."""
    triangles = [
        {0, 1, 2},
        {0, 2, 3},
        {0, 3, 4},
        {0, 4, 5},
        {0, 1, 5},
        {1, 2, 4},
        {2, 3, 5},
        {1, 3, 4},
        {2, 4, 5},
        {1, 3, 5},
    ]
    return thick_complex(6, [t for t in map(set, combinations(range(6), 3)) if t not in triangles], width)
