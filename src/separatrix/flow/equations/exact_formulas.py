"""Which flows are solved exactly, and the formulas in LaTeX (§4, (4.8) to (4.12))."""

from __future__ import annotations

import numpy as np

from separatrix.domains import Box, Domain
from separatrix.flow.equations.equation_latex import indexed
from separatrix.flow.equations.equation_parts import Gradient

NEURONS = ("sigmoid", "tanh", "softplus")
NEURON_LINES = {
    "sigmoid": r"2 u + 2 \sinh u = c\,|w|^2\, t + C_0",
    "tanh": r"\frac{u}{2} + \frac{\sinh 2u}{4} = c\,|w|^2\, t + C_0",
    "softplus": r"u - e^{-u} = c\,|w|^2\, t + C_0",
}
ON_LINE = r"x(t) = x(0) + \frac{l(t) - l(0)}{|g|^2}\, g"
ROUNDED = ", {}; evaluated in floating point, to about {} of the way travelled"


def kind_of(gradient: Gradient) -> str:
    """ "region", "neuron", "rank one", or "" where no solution is known here."""
    layers = gradient.activations
    pairwise = gradient.n_classes == 2 or gradient.kind == "margin"
    if all(layer.function.is_piecewise_linear for layer in layers):
        return "region" if pairwise else ""
    if any(layer.function.is_piecewise_linear for layer in layers):
        return ""
    shape = [layer.weight.shape for layer in gradient.affine]
    is_neuron = gradient.is_chain and len(gradient.nodes) == 4 and len(layers) == 1 and len(shape) == 2
    is_neuron = is_neuron and shape[0][0] == 1 and gradient.input_layer is gradient.affine[0]
    if is_neuron and pairwise and gradient.kind in ("log-odds", "margin") and layers[0].name in NEURONS:
        return "neuron"
    return "rank one" if gradient.n_inputs == 1 or _has_rank_one(gradient) else ""


def _has_rank_one(gradient: Gradient) -> bool:
    """Whether the input acts through one linear form only, exactly."""
    layer = gradient.input_layer
    if layer is None:
        return False
    weight = layer.weight
    if weight.shape[0] == 1:
        return True
    top = weight[int(np.abs(weight).max(axis=1).argmax())]
    square = float(top @ top)
    near = square == 0.0 or np.allclose(np.outer(weight @ top / square, top), weight, rtol=1e-9, atol=1e-12)
    if not near or layer.weight_radius is not None:
        return False
    from separatrix.numerics.rank import exact_rank

    return exact_rank(weight) <= 1


def formulas_of(gradient: Gradient, kind: str, domain: Domain, boundary: str) -> tuple[list[str], str]:
    """The lines of the solution, and on what it rests, until when, and how well it is evaluated."""
    until = _until(gradient, domain)
    if kind == "neuron":
        i = gradient.classes[0]
        j = gradient.classes[1] if gradient.kind == "margin" else 1 - i
        lines = [r"x(t) = x(0) + \frac{u(t) - u(0)}{|w|^2}\, w", NEURON_LINES[gradient.activations[0].name],
                 r"u = w \cdot x + b_1,\quad w = W_1^\top", rf"c = (W_2)_{i} - (W_2)_{j}"]  # fmt: skip
        rests = "separation of variables in u" + ROUNDED.format(until, "1e-15")
        return [*lines, *_held(domain, boundary, "w")], rests
    if kind == "rank one":
        lines = [r"x(t) = x(0) + \lambda(t)\, w", r"t = \int_0^{\lambda(t)} \frac{d\lambda}{\rho(\lambda)}",
                 r"\rho(\lambda) = \frac{1}{|w|^2}\, w \cdot \nabla f(x(0) + \lambda w)",
                 r"w^\top = \text{a row of } W_1 \text{, to which all others are parallel}"]  # fmt: skip
        if gradient.n_inputs == 1:
            lines = [r"t = \int_{x(0)}^{x(t)} \frac{dv}{f'(v)}"]
        rests = "separation of variables, W_1 being of rank 1" if gradient.n_inputs > 1 else "separation of variables"
        return [*lines, *_held(domain, boundary, "w")], rests + " and quadrature" + ROUNDED.format(until, "1e-13")
    return _on_region(gradient, domain, boundary)


def _on_region(gradient: Gradient, domain: Domain, boundary: str) -> tuple[list[str], str]:
    laws = {
        "class probability": r"2 l + 2 \sinh l = |g|^2\, t + 2 l(0) + 2 \sinh l(0)",
        "confidence": r"\sinh l(t) = \sinh l(0)\; e^{|g|^2 t}",
        "negative entropy": r"|g|^2\, t = \int_{l(0)}^{l(t)} \frac{(1 + e^{-v})(1 + e^{v})}{v}\, dv",
    }
    if gradient.kind == "log-density":
        return _density_lines(gradient, domain)
    i = gradient.classes[0] if gradient.classes else 0
    j = gradient.classes[1] if gradient.kind == "margin" else 1 - i
    jacobian = "W_1" if not gradient.activations and len(gradient.affine) == 1 else "J"
    g = rf"g = {jacobian}^\top ({indexed('e', i)} - {indexed('e', j)})"
    known = [rf"l = {indexed('z', i)} - {indexed('z', j)}"]
    if gradient.kind in ("log-odds", "margin"):
        if not gradient.activations and isinstance(domain, Box) and boundary == "project":
            lines = [r"x_i(t) = \min(\max(x_i(0) + t\, g_i,\; a_i),\; b_i)", g, r"B = \prod_i [a_i, b_i]"]
            return lines, "a constant gradient; coordinates run on their own" + ROUNDED.format("for all times", "1e-16")
        lines, law, known = [r"x(t) = x(0) + t\, g"], "a constant gradient", []
    else:
        lines, law = [ON_LINE, laws[gradient.kind]], "separation of variables in l"
    rests = law + (" and quadrature" if gradient.kind == "negative entropy" else "")
    lines = [*lines, g, *known, *_region(gradient, jacobian), *_held(domain, boundary, "g")]
    return lines, rests + ROUNDED.format(
        _until(gradient, domain), "1e-13" if gradient.kind == "negative entropy" else "1e-15"
    )


def _density_lines(gradient: Gradient, domain: Domain) -> tuple[list[str], str]:
    jacobian = "W_1" if not gradient.activations and len(gradient.affine) == 1 else "J"
    lines = [
        r"x(t) = x(0) + t\, w_1 + \frac{d(t) - d(0) - \alpha t}{|w|^2}\, w",
        r"\frac{d}{\alpha} + \left(\frac{1}{\gamma} - \frac{1}{\alpha}\right) \log |\gamma e^{d} + \alpha| = t + C_0",
        rf"d = z_0 - z_1,\quad w_j = {jacobian}^\top e_j,\quad w = w_0 - w_1",
        r"\alpha = w \cdot w_1,\quad \gamma = w \cdot w_0",
        *_region(gradient, jacobian),
    ]
    return lines, "separation of variables in d" + ROUNDED.format(_until(gradient, domain), "1e-14")


def _until(gradient: Gradient, domain: Domain) -> str:
    """Up to when the formula holds."""
    ends = ["crease"] if gradient.activations and gradient.activations[0].function.is_piecewise_linear else []
    ends += ["side of the box"] if isinstance(domain, Box) else []
    return f"until the first {' or '.join(ends)} is met" if ends else "for all times"


def _region(gradient: Gradient, jacobian: str) -> list[str]:
    """What J is."""
    if jacobian == "W_1":
        return []
    where = r"\text{, constant on the region of } x(0)" if gradient.activations else ""
    return [rf"J = \frac{{\partial z}}{{\partial x}}{where}"]


def _held(domain: Domain, boundary: str, direction: str) -> list[str]:
    """What a box changes."""
    if not isinstance(domain, Box) or boundary != "project":
        return []
    return [rf"\text{{on a side: }} {direction} \text{{ less its outward part}}"]
