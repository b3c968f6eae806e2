"""The equation of a network with skips in LaTeX: node by node, forwards and backwards (§2)."""

from __future__ import annotations

from separatrix.flow.equations.equation_latex import Lines, indexed, shape_lines
from separatrix.flow.equations.equation_parts import Gradient
from separatrix.networks.layers import Activation, AffineMap


class Graph:
    """Any graph of layers: v_i is the output of node i (v_0 = x), y_i the gradient of the potential by it."""

    def __init__(self, gradient: Gradient) -> None:
        self.gradient = gradient
        keys = dict.fromkeys((layer.name, layer.slope) for layer in gradient.activations)
        self.names = {key: "s" if len(keys) == 1 else indexed("s", i) for i, key in enumerate(keys, 1)}

    def _shape(self, layer: Activation) -> str:
        return self.names[layer.name, layer.slope]

    def _v(self, index: int) -> str:
        return "x" if index == 0 else "z" if index == len(self.gradient.nodes) - 1 else indexed("v", index)

    def forward(self) -> Lines:
        """The value of every node."""
        lines = []
        for index, node in enumerate(self.gradient.nodes[1:], 1):
            here, parent = self._v(index), self._v(node.parents[0])
            if isinstance(node.layer, AffineMap):
                number = self.gradient.numbers[id(node.layer)]
                lines.append(f"{here} = {indexed('W', number)} {parent} + {indexed('b', number)}")
            elif isinstance(node.layer, Activation):
                lines.append(f"{here} = {self._shape(node.layer)}({parent})")
            else:
                lines.append(f"{here} = " + " + ".join(self._v(i) for i in node.parents))
        return lines

    def backward(self) -> Lines:
        """The gradient by every node but the logits, last first; that by the input is the equation itself."""
        terms: dict[int, list[str]] = {}
        for index, node in enumerate(self.gradient.nodes[1:], 1):
            for parent in node.parents:
                terms.setdefault(parent, []).append(self._term(index))
        return [
            f"{indexed('y', index)} = " + " + ".join(terms[index]) for index in sorted(terms, reverse=True) if index
        ]

    def input_terms(self) -> str:
        """What the nodes that use the input hand back to it."""
        users = [i for i, node in enumerate(self.gradient.nodes[1:], 1) for parent in node.parents if parent == 0]
        return " + ".join(self._term(i) for i in users)

    def _term(self, index: int) -> str:
        node, y = self.gradient.nodes[index], indexed("y", index)
        if isinstance(node.layer, AffineMap):
            return rf"{indexed('W', self.gradient.numbers[id(node.layer)])}^\top {y}"
        if isinstance(node.layer, Activation):
            return rf"{self._shape(node.layer)}'({self._v(node.parents[0])}) \odot {y}"
        return y

    def shapes(self) -> Lines:
        """Every activation function, written out once."""
        layers = {(layer.name, layer.slope): layer for layer in self.gradient.activations}
        return [line for key, layer in layers.items() for line in shape_lines(layer, self.names[key])]
