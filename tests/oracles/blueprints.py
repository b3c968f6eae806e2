"""Networks as plain data, from which the library's networks and the oracles are built alike."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath
import numpy as np

import separatrix as sx
from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import Network
from tests.oracles import jets

PIECEWISE_LINEAR = ("identity", "relu", "leaky_relu")
SMOOTH = ("sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu", "mish")
ACTIVATIONS = (*PIECEWISE_LINEAR, *SMOOTH)
POTENTIALS = (
    ("class_probability", 1),
    ("log_odds", 0),
    ("log_density",),
    ("confidence",),
    ("margin", 0, 1),
    ("neg_entropy",),
)


@dataclass(frozen=True)
class Blueprint:
    """``nodes`` after the input (number 0), each ("affine", parent, weight, bias), ("activation", parent, name, slope)
    or ("sum", parent, parent, ...); a single output t stands for the logits (0, t)."""

    n_inputs: int
    nodes: tuple

    def network(self) -> Network:
        """The library's network."""
        nodes = [Node(Affine(np.zeros((0, 0)), np.zeros(0)), ())]
        for kind, *rest in self.nodes:
            if kind == "affine":
                nodes.append(Node(Affine(np.asarray(rest[1], float), np.asarray(rest[2], float)), (rest[0],)))
            elif kind == "activation":
                nodes.append(Node(Activation(rest[1], rest[2]), (rest[0],)))
            else:
                nodes.append(Node(Sum(), tuple(rest)))
        return Network.graph(nodes, self.n_inputs)

    def library_potential(self, name, *classes):
        """The library's potential of that name."""
        return getattr(sx, name)(self.network(), *classes)

    @property
    def potentials(self):
        """The potentials that such a network has: all, but for the log-density of a single logit or of (0, t)."""
        kind, *_, bias = self.nodes[-1]
        single = kind == "affine" and (
            len(bias) == 1 or (len(bias) == 2 and not self.nodes[-1][2][0].any() and bias[0] == 0)
        )
        return [case for case in POTENTIALS if not (single and case[0] == "log_density")]

    def logits(self, field, x) -> jets.Jet:
        """The logits as jets in the numbers of ``field``."""
        values = [jets.Jet.variables(field, x)]
        for kind, *rest in self.nodes:
            if kind == "affine":
                values.append(values[rest[0]].affine(rest[1], rest[2]))
            elif kind == "activation":
                values.append(jets.ACTIVATIONS[rest[1]](values[rest[0]], rest[2]))
            else:
                values.append(sum((values[i] for i in rest[1:]), start=values[rest[0]]))
        z = values[-1]
        return z if z.value.shape[1] > 1 else jets.concatenate([z * 0, z])

    def long(self, x, name, *classes) -> tuple:
        """(value (n,), gradient (n, d), Hessian (n, d, d)) of a potential in long doubles."""
        return of_logits(self.logits(jets.LongDoubles, x), name, *classes)

    def digits(self, x, name, *classes, digits=jets.DIGITS) -> tuple:
        """The same in mpmath numbers of so many digits."""
        with mpmath.workdps(digits):
            return of_logits(self.logits(jets.Digits(), np.atleast_2d(np.asarray(x, float))), name, *classes)


def of_logits(z, name, *classes) -> tuple:
    """(value, gradient, Hessian) of a potential from the jets of the logits."""
    f = jets.POTENTIALS[name](z, *classes)
    return f.value[:, 0], f.gradient[:, 0], f.hessian[:, 0]


def mlp(weights, biases, activation, slope=0.01) -> Blueprint:
    """A chain of affine layers with an activation (or one for each hidden layer) between them."""
    names = [activation] * (len(weights) - 1) if isinstance(activation, str) else activation
    nodes, here = [], 0
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        nodes.append(("affine", here, np.asarray(weight, float), np.asarray(bias, float)))
        here += 1
        if index < len(names):
            nodes.append(("activation", here, names[index], slope))
            here += 1
    return Blueprint(np.asarray(weights[0]).shape[1], tuple(nodes))


def doubles(numbers):
    """mpmath numbers or long doubles rounded to doubles."""
    return np.asarray(numbers).astype(float)


def random_mlp(rng, widths, activation, scale=1.5) -> Blueprint:
    """An MLP with normal weights of size ``scale`` / sqrt(inputs) and normal biases."""
    pairs = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [scale * rng.standard_normal(pair) / np.sqrt(pair[1]) for pair in pairs]
    return mlp(weights, [0.5 * rng.standard_normal(out) for out, _ in pairs], activation)


def residual(rng, n_inputs, width, n_outputs, activation) -> Blueprint:
    """Two hidden layers, a skip around the second, one from the input, and a sum of two affine maps as output."""
    w = lambda out, inputs: 1.2 * rng.standard_normal((out, inputs)) / np.sqrt(inputs)  # noqa: E731
    b = lambda out: 0.5 * rng.standard_normal(out)  # noqa: E731
    return Blueprint(
        n_inputs,
        (
            ("affine", 0, w(width, n_inputs), b(width)),
            ("activation", 1, activation, 0.1),
            ("affine", 2, w(width, width), b(width)),
            ("activation", 3, activation, 0.1),
            ("affine", 0, w(width, n_inputs), b(width)),
            ("sum", 2, 4, 5),
            ("affine", 6, w(n_outputs, width), b(n_outputs)),
            ("affine", 0, w(n_outputs, n_inputs), b(n_outputs)),
            ("sum", 7, 8),
        ),
    )


def architectures(rng, activation):
    """Three networks with three classes, skips, and a single logit, by name."""
    return {
        "chain": random_mlp(rng, (2, 5, 4, 3), activation),
        "skips": residual(rng, 3, 4, 3, activation),
        "one logit": random_mlp(rng, (2, 4, 1), activation),
    }
