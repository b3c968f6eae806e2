"""The equation of a flow in LaTeX: the parts that follow from the layers, the activations and the potential (§2, §4).

A line is one formula; only a small part of LaTeX is used, which :mod:`separatrix.views.mathml` reads as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from separatrix.flow.equations.equation_parts import Gradient
from separatrix.networks.layers import Activation, Affine, AffineMap

Lines = list[str]
LOGISTIC = r"\frac{1}{1 + e^{-t}}"
GELU_INNER = r"\sqrt{2/\pi}\,(t + 0.044715\,t^3)"
SHAPES: dict[str, tuple[str, ...]] = {
    "sigmoid": (rf"s(t) = {LOGISTIC}", r"s'(t) = s(t)\,(1 - s(t))"),
    "tanh": (r"s(t) = \tanh t", r"s'(t) = 1 - \tanh^2 t"),
    "softplus": (r"s(t) = \log(1 + e^t)", rf"s'(t) = {LOGISTIC}"),
    "gelu": (
        r"s(t) = t\,\Phi(t)",
        r"s'(t) = \Phi(t) + t\,\varphi(t)",
        r"\varphi(t) = \frac{1}{\sqrt{2\pi}}\,e^{-t^2/2}",
        r"\Phi(t) = \int_{-\infty}^{t} \varphi(v)\,dv",
    ),
    "gelu_tanh": (
        r"s(t) = \frac{t}{2}\,(1 + \tanh h(t))",
        r"s'(t) = \frac{1 + \tanh h(t)}{2} + \frac{t\,h'(t)}{2 \cosh^2 h(t)}",
        rf"h(t) = {GELU_INNER}",
    ),
    "silu": (
        r"s(t) = t\,\sigma(t)",
        r"s'(t) = \sigma(t) + t\,\sigma(t)\,(1 - \sigma(t))",
        rf"\sigma(t) = {LOGISTIC}",
    ),
    "mish": (
        r"s(t) = t\,g(t)",
        r"s'(t) = g(t) + \frac{t\,(1 - g(t)^2)}{1 + e^{-t}}",
        r"g(t) = \tanh \log(1 + e^t)",
    ),
}


def indexed(name: str, number: int) -> str:
    """``name`` with an index.

    >>> indexed("W", 3), indexed("W", 12)
    ('W_3', 'W_{12}')
    """
    return f"{name}_{number}" if number < 10 else f"{name}_{{{number}}}"


def shape_lines(layer: Activation, name: str = "s") -> Lines:
    """s and s' of an activation, written out; ``name`` stands for s."""
    if layer.name in ("relu", "leaky_relu"):
        left = "0" if layer.name == "relu" else f"{layer.slope:g}"
        value = r"s(t) = \max(0, t)" if layer.name == "relu" else rf"s(t) = \max(0, t) + {left}\,\min(0, t)"
        ends = sorted([float(left), 1.0])
        slope = (rf"s'(t) = \begin{{cases}} {left} & t < 0 \\ "
                 rf"\text{{in }} [{ends[0]:g}, {ends[1]:g}] & t = 0 \\ 1 & t > 0 \end{{cases}}")  # fmt: skip
        found: Lines = [value, slope]
    else:
        found = list(SHAPES[layer.name])
    return found if name == "s" else [line.replace("s(t)", f"{name}(t)").replace("s'(t)", f"{name}'(t)")
                                      for line in found]  # fmt: skip


def softmax_lines(gradient: Gradient) -> Lines:
    """The probabilities that the head needs, written out."""
    p = r"p_j = \frac{e^{z_j}}{\sum_i e^{z_i}}"
    if gradient.kind == "margin":
        return []
    if gradient.kind == "log-density":
        return [p]
    if gradient.kind == "negative entropy":
        return [p, r"a_j = \log p_j - \sum_i p_i \log p_i"]
    if gradient.kind == "confidence":
        q = r"q^{(k)}_j = \frac{e^{z_j}}{\sum_{i \ne k} e^{z_i}} \;\; (j \ne k),\quad q^{(k)}_k = 0"
        return [r"w_k = \frac{e^{l_k}}{\sum_j e^{l_j}},\quad l_k = \log \frac{p_k}{1 - p_k}", q, p]
    (k,) = gradient.classes
    lines = [p]
    if gradient.n_classes == 2:
        return lines
    return [
        rf"q_j = \frac{{e^{{z_j}}}}{{\sum_{{i \ne {k}}} e^{{z_i}}}} \;\; (j \ne {k}),\quad {indexed('q', k)} = 0",
        *lines,
    ]


def definition(gradient: Gradient) -> str:
    """The potential as a function of the logits."""
    kind, numbers = gradient.kind, [indexed("", number)[1:] for number in gradient.classes]
    if kind == "margin":
        return f"f(x) = z_{numbers[0]} - z_{numbers[1]}"
    if kind == "log-odds":
        k = numbers[0]
        return rf"f(x) = l_{k} = \log \frac{{p_{k}}}{{1 - p_{k}}}"
    formulas = {
        "log-density": r"\log \sum_j e^{z_j}",
        "negative entropy": r"\sum_j p_j \log p_j",
        "confidence": r"\log \sum_k e^{l_k}",
        "class probability": "p_" + "".join(numbers),
    }
    return f"f(x) = {formulas[kind]}"


def head_factor(gradient: Gradient) -> tuple[str, str]:
    """A scalar factor, and the vector grad Phi without it."""
    kind = gradient.kind
    if kind == "log-density":
        return "", "p"
    if kind == "margin":
        return "", "({} - {})".format(*(indexed("e", k) for k in gradient.classes))
    if kind == "negative entropy":
        return "", r"(p \odot a)"
    if kind == "confidence":
        return "", r"\sum_k w_k\,(e_k - q^{(k)})"
    (k,) = gradient.classes
    vector = f"({indexed('e', k)} - {'q' if gradient.n_classes > 2 else indexed('e', 1 - k)})"
    p = indexed("p", k)
    return ("" if kind == "log-odds" else rf"{p} (1 - {p})\,"), vector


class Chain:
    """A chain in which every activation follows an affine layer: one product of matrices."""

    def __init__(self, gradient: Gradient) -> None:
        self.gradient = gradient
        self.layers = [node.layer for node in gradient.nodes[1:]]
        self.is_shallow = len(gradient.activations) == 1
        self.has_one_shape = len({(layer.name, layer.slope) for layer in gradient.activations}) <= 1

    @staticmethod
    def fits(gradient: Gradient) -> bool:
        """Whether the graph is such a chain, with a layer of its own at every place."""
        layers = [node.layer for node in gradient.nodes[1:]]
        kinds = [isinstance(layer, AffineMap) for layer in layers]
        follows = all(a or b for a, b in zip(kinds[1:], kinds[:-1], strict=True))
        return gradient.is_chain and kinds[0] and follows and sum(kinds) == len(gradient.affine)

    def _places(self) -> list[tuple[AffineMap | Activation, int]]:
        """The layers, each with its number among its own kind."""
        counts, found = {Affine: 0, Activation: 0}, []
        for layer in self.layers:
            kind = Affine if isinstance(layer, AffineMap) else Activation
            counts[kind] += 1
            found.append((layer, counts[kind]))
        return found

    def _shape(self, number: int) -> str:
        return "s" if self.has_one_shape else indexed("s", number)

    def _slope(self, number: int) -> str:
        return "D" if self.is_shallow else indexed("D", number)

    def _u(self, number: int) -> str:
        return "u" if self.is_shallow and len(self.gradient.affine) <= 2 else indexed("u", number)

    def forward(self) -> Lines:
        """u_1 = W_1 x + b_1 and so on up to z."""
        lines, here = [], "x"
        for layer, number in self._places():
            if isinstance(layer, AffineMap):
                name = "z" if layer is self.layers[-1] else self._u(number)
                lines.append(f"{name} = {indexed('W', number)} {here} + {indexed('b', number)}")
                here = name
            else:
                here = f"{self._shape(number)}({here})"
        return lines if isinstance(self.layers[-1], AffineMap) else [*lines, f"z = {here}"]

    @property
    def first(self) -> str:
        """The name of the output of the first affine layer."""
        return "z" if len(self.layers) == 1 else self._u(1)

    def factors(self) -> list[str]:
        """The factors of the transposed Jacobian, from the input to the logits."""
        return [rf"{indexed('W', number)}^\top" if isinstance(layer, AffineMap) else self._slope(number)
                for layer, number in self._places()]  # fmt: skip

    def slopes(self) -> Lines:
        """D = diag s'(u) for every activation."""
        lines, before = [], 0
        for layer, number in self._places():
            if isinstance(layer, AffineMap):
                before = number
            else:
                slope = rf"\operatorname{{diag}}\, {self._shape(number)}'({self._u(before)})"
                lines.append(f"{self._slope(number)} = {slope}")
        return lines

    def shapes(self) -> Lines:
        """Every activation function, written out once."""
        layers = self.gradient.activations
        if self.has_one_shape:
            return shape_lines(layers[0]) if layers else []
        return [line for i, layer in enumerate(layers, 1) for line in shape_lines(layer, indexed("s", i))]


def sizes(gradient: Gradient) -> Lines:
    """The spaces of the input and of the matrices."""
    found = [rf"x \in \mathbb{{R}}^{{{gradient.n_inputs}}}"]
    for number, layer in enumerate(gradient.affine, 1):
        rows, columns = layer.weight.shape
        found.append(rf"{indexed('W', number)} \in \mathbb{{R}}^{{{rows} \times {columns}}}")
    return found


def aligned(lines: Sequence[str]) -> str:
    """Formulas as one block, aligned at their first sign of equality or membership."""
    rows = []
    for line in lines:
        sign = next((sign for sign in (" = ", r" \in ") if sign in line), "")
        left, _, right = line.partition(sign) if sign else (line, "", "")
        rows.append(f"{left} &{sign.rstrip()} {right}" if sign else f"& {line}")
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"
