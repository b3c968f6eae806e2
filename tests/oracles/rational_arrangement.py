"""All cells of a small ReLU network in a box, in rational numbers and by brute force.

No lattice and no insertion: every cell is searched for by itself. Neuron after neuron the closed polytope of the signs
chosen so far is cut to {f < 0}, {f = 0} and {f > 0}; a polytope is the list of its vertices, and a cut by f has the
vertices with f >= 0 and the points where f vanishes between any two vertices of opposite sign, of which those remain whose
tight constraints have full rank. Faces are read off sign vectors, homology is counted over Z/2. No tolerance anywhere.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product

from flint import fmpq


def fractions(array):
    """Nested lists of doubles as rationals."""
    return [fractions(a) for a in array] if hasattr(array, "__len__") else fmpq(*float(array).as_integer_ratio())


def value(form, x):
    """An affine form (coefficients, constant) at x."""
    total = form[1]
    for a, b in zip(form[0], x, strict=True):
        total += a * b
    return total


def rank(rows):
    """Rank of rational rows by elimination."""
    rows, found = [list(row) for row in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(found, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for i in range(found + 1, len(rows)):
            if rows[i][column]:
                factor = rows[i][column] / rows[found][column]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[found], strict=True)]
        found += 1
    return found


def dimension(points):
    """Dimension of the affine hull of a list of points, -1 for none."""
    return rank([[a - b for a, b in zip(p, points[0], strict=True)] for p in points[1:]]) if points else -1


def rank_mod_2(columns):
    """Rank over Z/2 of columns given as integers of bits."""
    pivots = {}
    for column in columns:
        while column:
            high = column.bit_length()
            if high not in pivots:
                pivots[high] = column
                break
            column ^= pivots[high]
    return len(pivots)


@dataclass(frozen=True)
class Polytope:
    """Vertices of a closed polytope and the forms that are not negative on it."""

    points: tuple
    forms: tuple

    def cut(self, form, sign):
        """The polytope where the form has the sign (closed), None if the relatively open cell is empty."""
        if sign < 0:
            form = ([-a for a in form[0]], -form[1])
        values = [value(form, p) for p in self.points]
        above, below = any(v > 0 for v in values), any(v < 0 for v in values)
        if (sign and not above) or (not sign and above != below):
            return None
        kept = [p for p, v in zip(self.points, values, strict=True) if v == 0 or (sign and v > 0)]
        forms = (*self.forms, form) if sign else (*self.forms, form, ([-a for a in form[0]], -form[1]))
        if above and below:
            kept += self._crossings(values, forms)
        return Polytope(tuple(kept), forms)

    def _crossings(self, values, forms):
        """Points between vertices of opposite sign whose tight constraints have full rank: the new vertices."""
        found = set()
        for (p, v), (q, w) in combinations(zip(self.points, values, strict=True), 2):
            if v * w < 0:
                found.add(tuple((a * w - b * v) / (w - v) for a, b in zip(p, q, strict=True)))
        return [p for p in found if rank([f[0] for f in forms if value(f, p) == 0]) == len(p)]


@dataclass(frozen=True)
class Complex:
    """Cells by key: ``dims`` key -> dimension; ``is_face(f, c)`` decides closure; homology over Z/2."""

    dims: dict
    is_face: object
    dim: int

    @cached_property
    def by_dimension(self):
        return [sorted((k for k, d in self.dims.items() if d == degree), key=repr) for degree in range(self.dim + 1)]

    @property
    def counts(self):
        return tuple(len(cells) for cells in self.by_dimension)

    @property
    def euler_characteristic(self):
        return sum((-1) ** d for d in self.dims.values())

    @cached_property
    def betti(self):
        """Betti numbers over Z/2, degree 0 to ``dim``."""
        ranks = [0]
        for low, high in zip(self.by_dimension, self.by_dimension[1:], strict=False):
            columns = [sum(1 << i for i, f in enumerate(low) if self.is_face(f, c)) for c in high]
            ranks.append(rank_mod_2(columns))
        ranks.append(0)
        return tuple(n - ranks[k] - ranks[k + 1] for k, n in enumerate(self.counts))

    def subcomplex(self, keep, dim=None):
        """The cells whose key fulfils ``keep``, seen as a complex of dimension ``dim``."""
        return Complex({k: d for k, d in self.dims.items() if keep(k)}, self.is_face, self.dim if dim is None else dim)


def _conforms(face, cell):
    return all(f in (0, c) for f, c in zip(face, cell, strict=True))


class RationalArrangement:
    """The cells of a multilayer perceptron with ReLU (or leaky: ``slope``) in the box [lower, upper].

    ``weights``, ``biases``: as in ``Network.from_arrays``; the last layer gives the logits (one logit t: the row t, in
    ``contrasts`` the logits (0, t)). Sign vectors: box faces first (x_i - lower_i, upper_i - x_i: 0 or 1), then hidden
    neurons in order, then the rows asked for.
    """

    def __init__(self, weights, biases, lower, upper, slope=0.0):
        self.weights, self.biases = fractions(weights), fractions(biases)
        self.lower, self.upper, self.slope = fractions(lower), fractions(upper), fractions(slope)
        self.n = len(self.lower)
        if len(self.weights[-1]) == 1:
            self.weights[-1] = [[fmpq(0)] * len(self.weights[-1][0]), *self.weights[-1]]
            self.biases[-1] = [fmpq(0), *self.biases[-1]]
        self.n_classes = len(self.weights[-1])

    def _box_cells(self):
        unit = [[fmpq(int(i == j)) for j in range(self.n)] for i in range(self.n)]
        walls = []
        for i in range(self.n):
            walls += [(unit[i], -self.lower[i]), ([-a for a in unit[i]], self.upper[i])]
        for sides in product(((1, 1), (0, 1), (1, 0)), repeat=self.n):
            ends = [
                [self.lower[i]] * (side != (1, 0)) + [self.upper[i]] * (side != (0, 1)) for i, side in enumerate(sides)
            ]
            yield tuple(s for side in sides for s in side), Polytope(tuple(product(*ends)), tuple(walls))

    @cached_property
    def hidden_cells(self):
        """(sign vector, polytope, forms of the logits) of every cell of the linear regions."""
        identity = [([fmpq(int(i == j)) for j in range(self.n)], fmpq(0)) for i in range(self.n)]
        found = [(signs, polytope, identity) for signs, polytope in self._box_cells()]
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            last = layer == len(self.weights) - 1
            found = [cell for old in found for cell in self._layer(old, weight, bias, last)]
        return found

    def _layer(self, cell, weight, bias, last):
        signs, polytope, forms = cell
        applied = [_combined(row, constant, forms, self.n) for row, constant in zip(weight, bias, strict=True)]
        if last:
            return [(signs, polytope, applied)]
        open_cells = [(signs, polytope, [])]
        for form in applied:
            longer = []
            for signs, polytope, done in open_cells:
                for sign in (-1, 0, 1):
                    part = polytope.cut(form, sign)
                    if part is not None:
                        factor = fmpq(1) if sign > 0 else self.slope
                        passed = ([factor * a for a in form[0]], factor * form[1])
                        longer.append(((*signs, sign), part, [*done, passed]))
            open_cells = longer
        return open_cells

    def cells(self, contrasts=()):
        """Cells cut by the neurons and the ``contrasts`` (integer rows over the classes): a Complex keyed by signs."""
        return self._complex(self._cut(contrasts))

    def polytopes(self, contrasts=()):
        """The same cells as a dictionary: sign vector -> closed polytope."""
        return dict(self._cut(contrasts))

    def _cut(self, contrasts):
        found = []
        for signs, polytope, logits in self.hidden_cells:
            parts = [(signs, polytope)]
            for row in contrasts:
                form = _combined([fmpq(int(c)) for c in row], fmpq(0), logits, self.n)
                longer = []
                for part_signs, part in parts:
                    for sign in (-1, 0, 1):
                        smaller = part.cut(form, sign)
                        if smaller is not None:
                            longer.append(((*part_signs, sign), smaller))
                parts = longer
            found += parts
        return found

    def _complex(self, cells):
        dims = {signs: dimension(polytope.points) for signs, polytope in cells}
        assert len(dims) == len(cells)
        return Complex(dims, _conforms, self.n)

    @cached_property
    def argmax_polytopes(self):
        """(hidden signs, frozenset of top classes) -> closed polytope, for every cell of the argmax complex."""
        found = {}
        for signs, polytope, logits in self.hidden_cells:
            for size in range(1, self.n_classes + 1):
                for top in combinations(range(self.n_classes), size):
                    part = polytope
                    for other in range(self.n_classes):
                        if part is not None and other != top[0]:
                            row = [fmpq(int(c == top[0]) - int(c == other)) for c in range(self.n_classes)]
                            part = part.cut(_combined(row, fmpq(0), logits, self.n), int(other not in top))
                    if part is not None:
                        found[signs, frozenset(top)] = part
        return found

    @cached_property
    def argmax(self):
        """The argmax complex: maximal cells of constant hidden signs and constant set of top classes."""
        dims = {key: dimension(polytope.points) for key, polytope in self.argmax_polytopes.items()}
        return Complex(dims, lambda f, c: _conforms(f[0], c[0]) and f[1] >= c[1], self.n)

    def surface(self, classes=None):
        """The decision surface as a complex: of a pair, or (None) where two or more classes tie at the top."""
        if classes is None:
            part = self.argmax.subcomplex(lambda key: len(key[1]) > 1)
        else:
            part = self.argmax.subcomplex(lambda key: set(classes) <= key[1])
        top = max(part.dims.values(), default=-1)
        return Complex(part.dims, part.is_face, max(top, self.n - 1))

    def region(self, k):
        """The closed decision region of class k."""
        return self.argmax.subcomplex(lambda key: k in key[1])

    def pieces(self, k):
        """Number of pieces of region k that hang together through cells of codimension at most 1."""
        dims = self.region(k).dims
        top = [key for key, d in dims.items() if d == self.n]
        label = {key: key for key in top}

        def find(key):
            while label[key] != key:
                key = label[key]
            return key

        for facet in (key for key, d in dims.items() if d == self.n - 1):
            around = [c for c in top if self.argmax.is_face(facet, c)]
            for other in around[1:]:
                label[find(other)] = find(around[0])
        return len({find(key) for key in top})

    def volume(self, k):
        """Exact area (or length) of region k; one and two inputs."""
        keys = [key for key, d in self.region(k).dims.items() if d == self.n]
        return sum((_content(self.argmax_polytopes[key].points) for key in keys), fmpq(0))


def _combined(row, constant, forms, n):
    linear = [sum((w * f[0][i] for w, f in zip(row, forms, strict=True)), fmpq(0)) for i in range(n)]
    return linear, sum((w * f[1] for w, f in zip(row, forms, strict=True)), constant)


def _content(points):
    if len(points[0]) == 1:
        return max(points)[0] - min(points)[0]
    assert len(points[0]) == 2
    lower, upper = [], []
    for chain, ordered in ((lower, sorted(points)), (upper, sorted(points, reverse=True))):
        for p in ordered:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
    ring = lower[:-1] + upper[:-1]
    return abs(sum((p[0] * q[1] - p[1] * q[0] for p, q in zip(ring, ring[1:] + ring[:1], strict=True)), fmpq(0))) / 2


def _turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def dims_by_signs(arrangement, contrasts=()):
    """Counts of cells by (dimension, number of zero signs): a fingerprint for comparisons."""
    cells = arrangement.cells(contrasts)
    return Counter((d, sum(s == 0 for s in signs)) for signs, d in cells.dims.items())
