"""Piecewise linear networks with known sinks, random and degenerate ones, and judges that know nothing of the library's."""

import numpy as np

import separatrix as sx
from separatrix.flow.piecewise_linear.creases import Ends
from separatrix.flow.piecewise_linear.linear_condition import prove_tied
from separatrix.flow.piecewise_linear.proof import prove
from separatrix.flow.piecewise_linear.sinks import frame_of
from separatrix.flow.piecewise_linear.stratum import polish
from separatrix.flow.projection import Arena
from separatrix.networks.network import Network

NONE = np.zeros(0, dtype=np.int64)
POTENTIALS = {
    "log-density": sx.log_density,
    "log-odds": lambda net: sx.log_odds(net, 0),
    "margin": lambda net: sx.margin(net, 0, 1),
    "confidence": sx.confidence,
    "negative entropy": sx.neg_entropy,
}


def margin_of(normals, biases, outputs, constant=0.0, activation="relu"):
    """f(x) = constant + sum_j outputs_j relu(normals_j x + biases_j) as a margin."""
    outputs = np.array([outputs, np.zeros(len(outputs))], dtype=float)
    return sx.margin(Network.from_arrays([normals, outputs], [biases, [constant, 0.0]], activation), 0, 1)


def absolute(normals, sizes, biases=None):
    """f(x) = sum_j sizes_j |normals_j x + biases_j|: two neurons a ridge."""
    normals = np.array(normals, dtype=float)
    biases = np.zeros(len(normals)) if biases is None else np.array(biases, dtype=float)
    return margin_of(np.vstack([normals, -normals]), np.concatenate([biases, -biases]), [*sizes, *sizes])


def random_network(widths, rng, activation="relu", slope=0.1):
    """Normal weights of the usual size, biases of half of it."""
    weights = [1.4 * rng.normal(size=(b, a)) / np.sqrt(a) for a, b in zip(widths, widths[1:], strict=False)]
    return Network.from_arrays(weights, [0.5 * rng.normal(size=b) for b in widths[1:]], activation, slope)


def degenerate_network(kind, widths, rng, activation="relu"):
    """One hidden layer whose neurons are repeated, opposite, dead, without bias, quantised, or without effect."""
    n, m, c = widths
    weight, bias, out, shift = (
        rng.normal(size=(m, n)),
        rng.normal(size=m) / 2,
        rng.normal(size=(c, m)),
        rng.normal(size=c) / 10,
    )
    half = m // 2
    if kind == "repeated":
        weight[half:], bias[half:] = weight[: m - half], bias[: m - half]
    elif kind == "opposite":
        weight[half:], bias[half:] = -2 * weight[: m - half], -2 * bias[: m - half]
    elif kind == "dead":
        bias[: m // 3], weight[-1], bias[-1], out[:, 1] = -100.0, 0.0, 0.0, 0.0
    elif kind == "no bias":
        bias[:], shift[:] = 0.0, 0.0
    elif kind == "quantised":
        weight, bias, out = np.round(weight * 2) / 2, np.round(bias * 2) / 2, np.round(out * 2) / 2
    elif kind == "no effect":
        out[:, 0], out[:, 2] = 1.0, -0.5
    return Network.from_arrays([weight, out], [bias, shift], activation, 0.1)


def arena_of(potential, half_side=2.0, boundary="project"):
    """The box [-half_side, half_side]^dim, or the whole space for None."""
    dim = potential.dim
    domain = sx.WholeSpace(dim) if half_side is None else sx.Box.cube(dim, -half_side, half_side)
    return Arena.of(potential, domain, boundary)


def climbed(arena, starts):
    """Ends of an ascent along strata from no crease at all, as a stand-in for the flow's own ends."""
    frame = frame_of(arena)
    strata = [polish(frame, x, NONE) for x in np.asarray(starts, dtype=float)]
    return Ends(
        np.array([s.point for s in strata]),
        tuple(frame.groups.members(s.creases) for s in strata),
        tuple(s.reason or "sink" for s in strata),
        np.zeros(len(strata)),
        np.zeros(len(strata), dtype=np.int64),
    )


def climbed_to(potential, x, half_side=2.0, creases=NONE):
    """(frame, stratum) of the ascent from ``x`` along the strata on ``creases``."""
    frame = frame_of(arena_of(potential, half_side))
    return frame, polish(frame, np.array(x, dtype=float), np.array(creases, dtype=np.int64))


def proof_of(potential, x, half_side=2.0, creases=NONE):
    """By strict first order or, where that fails, by the choice of sides."""
    frame, stratum = climbed_to(potential, x, half_side, creases)
    proof = prove(frame, stratum)
    return proof if proof.holds else prove_tied(frame, stratum)


def greatest_rise(potential, x, rng, bounds, n=4000):
    """max f(y) - f(x) over random y in the box, 1e-7 to 1e-5 away, in units of the rounding of f."""
    step = rng.normal(size=(n, x.size)) * 10.0 ** rng.uniform(-7, -5, (n, 1))
    y = np.clip(x + step, bounds.lower, bounds.upper)
    value = float(potential.value(x[None])[0])
    return float((potential.value(y) - value).max()) / (1e-14 * (1.0 + abs(value)))
