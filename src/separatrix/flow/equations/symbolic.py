"""The equation of a flow as a sympy object: in symbols for whole matrices, or written out in x1, …, xn (§2, §4).

With :mod:`~separatrix.flow.equations.symbolic_shapes` the only file that imports sympy. The forward pass gives the logits z,
the head grad Phi(z), and the chain rule is applied layer by layer from behind, once for both kinds of object:
:class:`MatrixForm` and :class:`ScalarForm` say what a layer is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from separatrix.errors import MissingExtraError
from separatrix.flow.equations.equation_parts import Gradient
from separatrix.networks.layers import Activation, AffineMap, Node

try:
    import sympy as sp
    from sympy.codegen.cfunctions import log1p
    from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

    from separatrix.flow.equations.symbolic_shapes import LOGISTIC_SLOPE, T, shape_of
except ImportError as _error:
    raise MissingExtraError(
        "the equation as a sympy object needs sympy; install separatrix[symbolic]. Its LaTeX needs nothing"
    ) from _error

FUNCTIONS = "separatrix.flow.equations.symbolic_functions"


class Elementwise(ElementwiseApplyFunction):
    """A scalar function applied to every entry of a matrix expression, printed for numpy as well."""

    def __new__(cls, function: Any, expr: Any) -> Any:
        """A matrix of one entry stays a matrix: sympy's own class would put it into the function, as a number."""
        return sp.MatrixExpr.__new__(cls, function, expr)

    def doit(self, **hints: Any) -> Any:
        """Functions of functions stay what they are, so that they can be printed."""
        return type(self)(self.function, self.expr.doit(**hints))

    def _numpycode(self, printer: Any) -> str:
        function: Any = self.function
        (t,) = function.variables
        return f"(lambda {t}: {printer._print(function.expr)})({printer._print(self.expr)})"


class OfLogits(sp.MatrixExpr):
    """A function of a column of logits; subclasses give the entries and the name of the numerical function."""

    code = ""

    def __new__(cls, z: Any) -> Any:
        return super().__new__(cls, z)

    logits = property(lambda self: self.args[0], doc="The column z.")

    @property
    def shape(self) -> tuple[Any, Any]:
        """That of z, a column."""
        return self.logits.shape

    def _numpycode(self, printer: Any) -> str:
        return f"{printer._module_format(f'{FUNCTIONS}.{self.code}')}({printer._print(self.logits)})"

    def _sympystr(self, printer: Any) -> str:
        return f"{self.code}({printer._print(self.logits)})"

    def _latex(self, printer: Any) -> str:
        return rf"\operatorname{{{self.code.replace('_', ' ')}}}\left({printer._print(self.logits)}\right)"

    def _others(self, i: Any) -> Any:
        return sum(sp.exp(self.logits[j, 0] - self.logits[i, 0]) for j in range(int(self.logits.shape[0])) if j != i)


class Softmax(OfLogits):
    """p_i = exp z_i / sum_j exp z_j."""

    code = "softmax"

    def _entry(self, i: Any, j: Any = 0, **_: Any) -> Any:
        return 1 / (1 + self._others(i))


class LogSoftmax(OfLogits):
    """log p_i."""

    code = "log_softmax"

    def _entry(self, i: Any, j: Any = 0, **_: Any) -> Any:
        found: Any = log1p(self._others(i))
        return -found


class LogOdds(OfLogits):
    """l_k = log p_k / (1 - p_k)."""

    code = "log_odds"

    def _entry(self, i: Any, j: Any = 0, **_: Any) -> Any:
        if self.logits.shape[0] == 2:
            return self.logits[i, 0] - self.logits[1 - i, 0]
        return -sp.log(self._others(i))


class SoftmaxOfOthers(OfLogits):
    """The matrix whose row k is q: the softmax over the classes other than k, 0 at k."""

    code = "softmax_of_others"

    @property
    def shape(self) -> tuple[Any, Any]:
        """Square."""
        return self.logits.shape[0], self.logits.shape[0]

    def _entry(self, i: Any, j: Any = 0, **_: Any) -> Any:
        if i == j:
            return sp.Integer(0)
        z = self.logits
        others = (sp.exp(z[m, 0] - z[j, 0]) for m in range(int(z.shape[0])) if m not in (i, j))
        return 1 / (1 + sum(others, start=sp.Integer(0)))


class MatrixForm:
    """Layers as symbols W_1, b_1, W_2, …; vectors are columns."""

    def weight(self, number: int, layer: AffineMap) -> Any:
        """W_number."""
        return sp.MatrixSymbol(f"W_{number}", *layer.weight.shape)

    def bias(self, number: int, layer: AffineMap) -> Any:
        """b_number."""
        return sp.MatrixSymbol(f"b_{number}", layer.bias.shape[0], 1)

    def apply(self, body: Any, v: Any) -> Any:
        """The expression ``body`` in t at every entry."""
        return Elementwise(sp.Lambda(T, body), v)

    def scaled(self, body: Any, v: Any, y: Any) -> Any:
        """diag(body(v)) y."""
        return sp.DiagMatrix(self.apply(body, v)) * y

    def product(self, v: Any, y: Any) -> Any:
        """Entry by entry."""
        return sp.HadamardProduct(v, y)

    def function(self, kind: type[OfLogits], z: Any) -> Any:
        """A function of the logits."""
        return kind(z)


class ScalarForm:
    """Layers as matrices of numbers: doubles, or with ``exact`` the rational numbers that they are."""

    def __init__(self, exact: bool) -> None:
        self._number: Callable[[float], Any] = sp.Rational if exact else sp.Float

    def _numbers(self, array: np.ndarray) -> Any:
        rows, columns = array.shape
        return sp.ImmutableDenseMatrix(
            rows, columns, [self._number(v) if v else sp.Integer(0) for v in array.ravel().tolist()]
        )

    def weight(self, number: int, layer: AffineMap) -> Any:
        """The numbers of W."""
        return self._numbers(layer.weight)

    def bias(self, number: int, layer: AffineMap) -> Any:
        """The numbers of b."""
        return self._numbers(layer.bias[:, None])

    def apply(self, body: Any, v: Any) -> Any:
        """The expression ``body`` in t at every entry."""
        return v.applyfunc(lambda entry: body.xreplace({T: entry}))

    def scaled(self, body: Any, v: Any, y: Any) -> Any:
        """diag(body(v)) y."""
        return self.product(self.apply(body, v), y)

    def product(self, v: Any, y: Any) -> Any:
        """Entry by entry."""
        return v.multiply_elementwise(y)

    def function(self, kind: type[OfLogits], z: Any) -> Any:
        """A function of the logits, entry by entry."""
        symbols = sp.MatrixSymbol("z", z.shape[0], 1)
        node = kind(symbols)
        values = {symbols[i, 0]: z[i, 0] for i in range(z.shape[0])}
        rows, columns = (int(side) for side in node.shape)
        entries = [node._entry(i, j).xreplace(values) for i in range(rows) for j in range(columns)]
        return sp.ImmutableDenseMatrix(rows, columns, entries)


Form = MatrixForm | ScalarForm


def gradient_expression(gradient: Gradient, nodes: Sequence[Node], form: Form, start: Any) -> Any:
    """grad f by the chain rule at the input ``start`` (a column of ``form``) of the graph ``nodes``."""
    numbers = gradient.numbers
    values: list[Any] = [start]
    for node in nodes[1:]:
        parents = [values[i] for i in node.parents]
        if isinstance(node.layer, AffineMap):
            number = numbers[id(node.layer)]
            values.append(form.weight(number, node.layer) * parents[0] + form.bias(number, node.layer))
        elif isinstance(node.layer, Activation):
            values.append(form.apply(shape_of(node.layer, 0), parents[0]))
        else:
            values.append(sum(parents[1:], start=parents[0]))
    found: list[Any] = [None] * (len(nodes) - 1) + [_head(gradient, form, values[-1])]
    for index in range(len(nodes) - 1, 0, -1):
        if found[index] is None:
            continue
        for parent, part in _pulled(nodes[index], form, numbers, values, found[index]):
            found[parent] = part if found[parent] is None else found[parent] + part
    return found[0]


def _pulled(node: Node, form: Form, numbers: dict[int, int], values: list[Any], y: Any) -> list[tuple[int, Any]]:
    """What a node hands back to its parents."""
    if isinstance(node.layer, AffineMap):
        return [(node.parents[0], form.weight(numbers[id(node.layer)], node.layer).T * y)]
    if isinstance(node.layer, Activation):
        parent = node.parents[0]
        return [(parent, form.scaled(shape_of(node.layer, 1), values[parent], y))]
    return [(parent, y) for parent in node.parents]


def _head(gradient: Gradient, form: Form, z: Any) -> Any:
    """grad Phi at the logits z, a column."""
    size, kind = int(z.shape[0]), gradient.kind
    unit: list[Any] = [sp.ImmutableDenseMatrix([int(i == k) for i in range(size)]) for k in range(size)]
    if kind == "log-density":
        return form.function(Softmax, z)
    if kind == "margin":
        return unit[gradient.classes[0]] - unit[gradient.classes[1]]
    if kind == "negative entropy":
        p, log_p = form.function(Softmax, z), form.function(LogSoftmax, z)
        return form.product(p, log_p - sp.ones(size, 1).as_immutable() * (p.T * log_p))
    others = form.function(SoftmaxOfOthers, z)
    if kind == "confidence":
        w = form.function(Softmax, form.function(LogOdds, z))
        return w - others.T * w
    e = unit[gradient.classes[0]]
    slope = e - others.T * e
    if kind == "log-odds":
        return slope
    return slope * form.apply(LOGISTIC_SLOPE, e.T * form.function(LogOdds, z))


def explicit_gradient(gradient: Gradient, exact: bool) -> Any:
    """grad f written out in x1, …, xn."""
    unknowns = sp.ImmutableDenseMatrix([sp.Symbol(f"x{i + 1}") for i in range(gradient.n_inputs)])
    return gradient_expression(gradient, gradient.nodes, ScalarForm(exact), unknowns)


def matrix_gradient(gradient: Gradient, first: AffineMap | None = None) -> Any:
    """grad f in the matrix symbols x, W_1, b_1, …; after the layer ``first``: y(u), the gradient by u, in u, W_2, …"""
    form = MatrixForm()
    if first is None:
        return gradient_expression(gradient, gradient.nodes, form, sp.MatrixSymbol("x", gradient.n_inputs, 1))
    return gradient_expression(gradient, gradient.tail, form, sp.MatrixSymbol("u", first.n_outputs, 1))


def reduced_field(gradient: Gradient, first: AffineMap) -> Any:
    """W_1 W_1^T y(u)."""
    weight = MatrixForm().weight(1, first)
    return weight * weight.T * matrix_gradient(gradient, first)


def compiled(expression: Any, unknown: str, size: int) -> tuple[Callable[..., Any], list[str]]:
    """A numpy function of the column ``unknown`` and of the matrices whose names come with it."""
    symbols = {symbol.name: symbol for symbol in sorted(expression.atoms(sp.MatrixSymbol), key=str)}
    start = symbols.pop(unknown, sp.MatrixSymbol(unknown, size, 1))
    return sp.lambdify([start, *symbols.values()], expression, modules=["numpy", "scipy"]), list(symbols)
