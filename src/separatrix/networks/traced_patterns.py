"""Products of two computed values that are activations: SiLU, Mish and both GELUs, written out as exporters write them (§1).

Every node is a polynomial of nodes before it; an activation is recognised where the factors are the right polynomials
of one common node, up to the rounding of the exporters' constants.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from separatrix.networks.activations import GELU_CUBIC
from separatrix.networks.layers import Activation, Node, Sum
from separatrix.networks.traced_layers import Pending, Scale
from separatrix.networks.traced_values import Building, Unsupported, Value

STEPS, DEGREE, SOFTPLUS_CUT = 6, 3, 20.0
ROUNDING = 1e-6
BENT_AT_ZERO = "not twice differentiable at 0, which proofs about equilibria need; train with mish, silu or gelu"
TANH_SCALE = math.sqrt(2.0 / math.pi)
Coefficients = tuple[float, ...]


def product(building: Building, x: Value, y: Value) -> Value:
    """x * y: the activation that it is, or a product that must become part of one; y may be a comparison, 0 or 1."""
    for value, gate in ((x, y), (y, x)):
        if is_comparison(building, gate):
            return chosen(building, gate, value, zero_of(building, gate))
        for middle, coefficients in polynomials(building.nodes, gate.index).items():
            layer = building.nodes[middle].layer
            if isinstance(layer, (Activation, Pending)) and len(coefficients) == 2:
                found = _gated(building, value, middle, coefficients)
                if found is not None:
                    return found
    return building.append(Pending("product", building.place), x, y)


def is_comparison(building: Building, x: Value) -> bool:
    """Whether a value says where another is positive."""
    layer = building.nodes[x.index].layer
    return isinstance(layer, Pending) and layer.kind == "positive"


def zero_of(building: Building, condition: Value) -> Value:
    """Zeros, as a multiple of what a comparison compares."""
    return times(building, Value([building.nodes[condition.index].parents[0]], condition.shape), 0.0)


def reciprocal(building: Building, x: Value) -> Value:
    """1 / x where x = 1 + exp(u): the sigmoid of -u."""
    if (inner := _one_plus_exponential(building, x)) is not None:
        return building.append(Activation("sigmoid"), times(building, inner, -1.0))
    for base, coefficients in polynomials(building.nodes, x.index).items():
        if coefficients == (1.0, 1.0) and _absolute_of(building.nodes, base):
            raise Unsupported(f"by 1 + |u|, a softsign, {BENT_AT_ZERO}")
    return building.append(Pending("quotient", building.place), x)


def logarithm(building: Building, x: Value) -> Value:
    """log x where x = 1 + exp(u): the softplus of u."""
    if (inner := _one_plus_exponential(building, x)) is not None:
        return building.append(Activation("softplus"), inner)
    return building.append(Pending("log", building.place), x)


def chosen(building: Building, condition: Value, x: Value, y: Value) -> Value:
    """x where the condition holds, y elsewhere: a function that is linear on both sides of its cut and continuous there, such
    as a leaky ReLU, or the softplus that returns its argument where it is large.

    Raises Unsupported for other choices.
    """
    if not is_comparison(building, condition):
        raise Unsupported("by a computed condition")
    node = building.nodes[condition.index]
    if (shrunk := _soft_shrink(building, node.parents[0], x, y)) is not None:
        return shrunk
    for base, tested in polynomials(building.nodes, node.parents[0]).items():
        above = polynomials(building.nodes, x.index).get(base)
        below = polynomials(building.nodes, y.index).get(base)
        if len(tested) != 2 or tested[1] == 0 or above is None or len(above) != 2:
            continue
        u = Value([base], x.shape)
        if below is not None and len(below) == 2 and any(part[0] != 0 for part in (tested, above, below)):
            bent = _bent(building, u, tested, above, below)
            if bent is not None:
                return bent
        if above[0] != 0:
            continue
        if tested[0] == 0 and below is not None and len(below) == 2 and below[0] == 0:
            right, left = (above[1], below[1]) if tested[1] > 0 else (below[1], above[1])
            positive = times(building, building.append(Activation("relu"), u), right)
            negative = times(building, building.append(Activation("relu"), times(building, u, -1.0)), -left)
            if right == 0:
                return negative
            leaky = building.append(Activation("leaky_relu", left / right), u)
            return positive if left == 0 else times(building, leaky, right)
        if above[1] == 1 and tested[1] > 0 and _is_cut_softplus(building, y, base, -tested[0] / tested[1]):
            return y
    raise Unsupported("by a condition that makes no activation")


def _soft_shrink(building: Building, tested: int, x: Value, y: Value) -> Value | None:
    """relu(u - half) - relu(-u - half), written as u - half sign(u) where |u| > half, 0 elsewhere."""
    nodes = building.nodes
    is_zero = any(not any(coefficients) for coefficients in polynomials(nodes, y.index).values())
    if not is_zero or not isinstance(nodes[x.index].layer, Sum) or len(nodes[x.index].parents) != 2:
        return None
    for kept, cut in (nodes[x.index].parents, nodes[x.index].parents[::-1]):
        for step, coefficients in polynomials(nodes, cut).items():
            layer = nodes[step].layer
            if not isinstance(layer, Pending) or layer.kind != "sign" or len(coefficients) != 2 or coefficients[0] != 0:
                continue
            u, half = nodes[step].parents[0], -coefficients[1]
            over = [base for base, part in polynomials(nodes, tested).items() if part == (-half, 1.0)]
            if half > 0 and u == kept and any(_absolute_of(nodes, base) == {u} for base in over):
                return soft_shrunk(building, Value([u], x.shape), half)
    return None


def _absolute_of(nodes: Sequence[Node], index: int) -> set[int]:
    """The node u where node ``index`` is |u| as readers write it, relu(u) + relu(-u); none elsewhere."""
    parts = [nodes[parent] for parent in nodes[index].parents]
    if not isinstance(nodes[index].layer, Sum) or len(parts) != 2:
        return set()
    if not all(isinstance(part.layer, Activation) and part.layer.name == "relu" for part in parts):
        return set()
    first, second = (polynomials(nodes, part.parents[0]) for part in parts)
    inner = {(0.0, 1.0), (0.0, -1.0)}
    return {u for u in (parts[0].parents[0], parts[1].parents[0]) if {first.get(u), second.get(u)} == inner}


def soft_shrunk(building: Building, x: Value, half: float) -> Value:
    """relu(x - half) - relu(-x - half)."""
    above, below = (building.append(Activation("relu"), _line(building, x, (-half, sign))) for sign in (1.0, -1.0))
    return building.append(Sum(), above, times(building, below, -1.0))


def _bent(building: Building, u: Value, tested: Coefficients, above: Coefficients, below: Coefficients) -> Value | None:
    """above(u) where tested(u) > 0, below(u) elsewhere, as below(u) + slope relu(tested(u)); None where it jumps."""
    cut = -tested[0] / tested[1]
    if above[0] + above[1] * cut != below[0] + below[1] * cut:
        return None
    bent = building.append(Activation("relu"), _line(building, u, tested))
    return building.append(Sum(), _line(building, u, below), times(building, bent, (above[1] - below[1]) / tested[1]))


def _line(building: Building, u: Value, line: Coefficients) -> Value:
    """line[0] + line[1] u."""
    return building.append(Scale(np.full(1, line[1]), np.full(1, line[0]), math.prod(u.shape)), u)


def _is_cut_softplus(building: Building, y: Value, base: int, cut: float) -> bool:
    """Whether y = softplus(k u) / k for u = ``base``, taken up to u = ``cut`` where it is u up to rounding."""
    for middle, factor in polynomials(building.nodes, y.index).items():
        layer = building.nodes[middle].layer
        if isinstance(layer, Activation) and layer.name == "softplus" and len(factor) == 2 and factor[0] == 0:
            inner = polynomials(building.nodes, building.nodes[middle].parents[0]).get(base, ())
            if len(inner) == 2 and inner[0] == 0 and factor[1] * inner[1] == 1 and cut * inner[1] >= SOFTPLUS_CUT:
                building.note(
                    f"softplus was read as log(1 + exp(u)); the file returns u above {cut * inner[1]:g}, a difference of "
                    f"at most {factor[1] * math.exp(-cut * inner[1]):.1e}"
                )
                building.has_rounded_patterns = True
                return True
    return False


def times(building: Building, x: Value, factor: float) -> Value:
    """factor * x."""
    if factor == 1.0:
        return x
    width = math.prod(x.shape)
    building.spend(2 * width)
    return building.append(Scale(np.full(1, factor), np.zeros(1), width), x)


def polynomials(nodes: Sequence[Node], index: int, steps: int = STEPS) -> dict[int, Coefficients]:
    """Node ``index`` as polynomials (constant term first, degree at most 3) of itself and of nodes before it."""
    found: dict[int, Coefficients] = {index: (0.0, 1.0)}
    node = nodes[index]
    if steps == 0 or not node.parents:
        return found
    parts = [polynomials(nodes, parent, steps - 1) for parent in node.parents[:2]]
    for base, first in parts[0].items():
        if isinstance(node.layer, Scale):
            scale, shift = node.layer.factors, node.layer.shifts
            if (scale == scale[0]).all() and (shift == shift[0]).all():
                found[base] = (float(scale[0] * first[0] + shift[0]), *(float(scale[0] * c) for c in first[1:]))
        elif isinstance(node.layer, Pending) and node.layer.kind in ("power 2", "power 3"):
            found |= _checked(base, np.array(first), first if node.layer.kind[-1] == "2" else _times(first, first))
        elif len(node.parents) == 2 and base in parts[1]:
            if isinstance(node.layer, Sum):
                found[base] = tuple(np.polynomial.polynomial.polyadd(first, parts[1][base]).tolist())
            elif isinstance(node.layer, Pending):
                found |= _checked(base, np.array(first), parts[1][base])
    return found


def _times(first: Coefficients, second: Coefficients) -> Coefficients:
    return tuple(np.polynomial.polynomial.polymul(first, second).tolist())


def _checked(base: int, first: np.ndarray, second: Coefficients) -> dict[int, Coefficients]:
    """The product of two polynomials where its degree is small enough."""
    return {base: _times(tuple(first), second)} if len(first) + len(second) - 2 <= DEGREE else {}


def _common(building: Building, value: Value, inner: int) -> Iterator[tuple[int, float, Coefficients]]:
    """Nodes u with value = a u and ``inner`` a polynomial of u without constant term: u, a, the polynomial."""
    others = polynomials(building.nodes, inner)
    for base, own in polynomials(building.nodes, value.index).items():
        if base in others and len(own) == 2 and own[0] == 0 and own[1] != 0 and others[base][0] == 0:
            yield base, own[1], others[base]


def _gated(building: Building, value: Value, middle: int, gate: Coefficients) -> Value | None:
    """value * (gate[0] + gate[1] m) for the node m = ``middle``, a sigmoid, an error function or a tanh."""
    node, (constant, factor) = building.nodes[middle], gate
    layer = node.layer
    name = layer.name if isinstance(layer, Activation) else layer.kind if isinstance(layer, Pending) else ""
    if name == "tanh" and constant == 0:
        return _mish(building, value, node.parents[0], factor)
    if (
        factor == 0
        or (name == "sigmoid" and constant != 0)
        or (name in ("erf", "tanh") and abs(constant) != abs(factor))
    ):
        return None
    is_negated = name in ("erf", "tanh") and constant != factor  # both are odd: 1 - erf(-u), as erfc(-u) is written
    for base, a, inner in _common(building, value, node.parents[0]):
        inner, factor = (tuple(-c for c in inner), constant) if is_negated else (inner, factor)
        u = Value([base], value.shape)
        if name == "sigmoid" and len(inner) == 2:
            k = inner[1]
            return times(building, building.append(Activation("silu"), times(building, u, k)), a * factor / k)
        if name == "erf" and len(inner) == 2:
            k = _near_one(building, inner[1] * math.sqrt(2.0))
            return times(building, building.append(Activation("gelu"), times(building, u, k)), 2 * a * factor / k)
        if name == "tanh" and len(inner) == 4 and inner[2] == 0:
            k = _near_one(building, inner[1] / TANH_SCALE)
            if abs(inner[3] - TANH_SCALE * GELU_CUBIC * k**3) <= ROUNDING * abs(inner[3]):
                building.has_rounded_patterns = True
                gelu = building.append(Activation("gelu_tanh"), times(building, u, k))
                return times(building, gelu, 2 * a * factor / k)
    return None


def _mish(building: Building, value: Value, middle: int, factor: float) -> Value | None:
    """factor * value * tanh(m) for the node m = ``middle``, where that is a softplus."""
    node = building.nodes[middle]
    if not isinstance(node.layer, Activation) or node.layer.name != "softplus":
        return None
    for base, a, inner in _common(building, value, node.parents[0]):
        if len(inner) == 2 and inner[1] != 0:
            k = inner[1]
            found = building.append(Activation("mish"), times(building, Value([base], value.shape), k))
            return times(building, found, a * factor / k)
    return None


def _near_one(building: Building, k: float) -> float:
    """1 where k is 1 up to the rounding of an exporter's constants."""
    if k == 1.0 or abs(k - 1.0) > ROUNDING:
        return k
    building.has_rounded_patterns = True
    building.note("a GELU written out was read with its constants, such as sqrt(2), not rounded")
    return 1.0


def _one_plus_exponential(building: Building, x: Value) -> Value | None:
    """u where x = 1 + exp(u)."""
    for base, coefficients in polynomials(building.nodes, x.index).items():
        layer = building.nodes[base].layer
        if isinstance(layer, Pending) and layer.kind == "exp" and coefficients == (1.0, 1.0):
            return Value([building.nodes[base].parents[0]], x.shape)
    return None
