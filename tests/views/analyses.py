"""Analyses to draw: plausible records on real digits and real weights, made in a second instead of minutes."""

from typing import Any

import numpy as np

from separatrix import Box, Certainty, Network, log_density, log_odds, theorems
from separatrix.certainty import Statement
from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints
from separatrix.networks.reading import load
from separatrix.potentials.base import Potential
from separatrix.records import Provenance
from separatrix.study.analysis import Analysis, Check, Claim, DataSummary, NetworkSummary
from separatrix.study.portrait import OffData, Portrait, Strips
from tests.views.embedded import DATA, digits

CERTAINTIES = (Certainty.PROVED, Certainty.PROVED, Certainty.VERIFIED, Certainty.PROVED, Certainty.UNKNOWN)
FRAMES = 13


def climb(potential: Potential, box: Box, x: np.ndarray, steps: int) -> np.ndarray:
    """Ends of a projected gradient ascent with normalised steps."""
    for i in range(steps):
        g = potential.gradient(x)
        g[((x <= box.lower) & (g < 0)) | ((x >= box.upper) & (g > 0))] = 0.0
        size = np.abs(g).max(axis=1, keepdims=True)
        x = box.clip(x + 0.3 * 0.97**i * g / np.maximum(size, 1e-9))
    return x


def distinct(x: np.ndarray, most: int) -> np.ndarray:
    kept: list[np.ndarray] = []
    for row in x:
        if len(kept) < most and all(np.abs(row - other).max() > 0.5 for other in kept):
            kept.append(row)
    return np.array(kept)


def critical_points(potential: Potential, box: Box, x: np.ndarray, rng: np.random.Generator) -> CriticalPoints:
    gradient = potential.gradient(x)
    active = np.where(x <= box.lower, -1, np.where(x >= box.upper, 1, 0)).astype(np.int8)
    spectra = []
    for row, faces in zip(x, active, strict=True):
        free = faces == 0
        hessian = potential.hessian(row[None])[0][np.ix_(free, free)]
        spectra.append(-np.sort(-np.linalg.eigvalsh(-hessian)) if free.any() else np.zeros(0))
    n = len(x)
    certainty = tuple(CERTAINTIES[i % len(CERTAINTIES)] if n > 4 else Certainty.PROVED for i in range(n))
    evidence = tuple(
        "Krawczyk's test in eigencoordinates, all multipliers strictly outward, in rounded arithmetic"
        if c is Certainty.PROVED
        else "residual 3.1e-09, Newton step 2.2e-06; not proved"
        for c in certainty
    )
    radius = np.where([c is Certainty.PROVED for c in certainty], 10.0 ** rng.uniform(-8, -5, n), np.nan)
    return CriticalPoints(
        points=x,
        values=potential.value(x),
        indices=np.zeros(n, dtype=np.int64),
        certainty=certainty,
        evidence=evidence,
        spectra=tuple(-np.abs(s)[np.argsort(-np.abs(s))] for s in spectra),
        active=active,
        multipliers=np.where(active != 0, np.abs(gradient), 0.0),
        radius=radius,
        error=radius / 50,
        label=rng.integers(-1, n, 300),
        reasons=("sink",) * 300,
        potential=potential.name,
        domain=box,
        provenance=Provenance(
            "spectral projected gradient, trust-region Newton, Krawczyk", {"residual": 1e-15}, "0", 9.1
        ),
    )


def strips(points: CriticalPoints, potential: Potential, box: Box, kind: str) -> Strips:
    """Straight strips along the extreme eigenvector of the free face."""
    t = np.linspace(-3, 3, FRAMES)
    frames, eigenvalues = [], []
    for x, faces in zip(points.points, points.active, strict=True):
        free = np.flatnonzero(faces == 0)
        direction, value = np.zeros_like(x), np.nan
        if free.size:
            values, vectors = np.linalg.eigh(potential.hessian(x[None])[0][np.ix_(free, free)])
            pick = -1 if kind == "slow" else 0
            direction[free], value = vectors[:, pick], -abs(values[pick])
        frames.append(box.clip(x + t[:, None] * direction))
        eigenvalues.append(value)
    return Strips(
        kind=kind,
        frames=np.array(frames),
        parameter=np.tile(t, (len(frames), 1)),
        eigenvalue=np.array(eigenvalues),
        nearest_distance=7.0 + np.abs(np.tile(t, (len(frames), 1))),
    )


def off_data(x: np.ndarray, sink_class: np.ndarray, data: np.ndarray, labels: np.ndarray) -> OffData:
    def distances(a: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum((a**2).sum(1)[:, None] - 2 * a @ data.T + (data**2).sum(1), 0))

    m = min(600, len(data))
    to_sinks, own = distances(x), distances(data[:m])
    own[np.arange(m), np.arange(m)] = np.inf
    nearest, spread = to_sinks.argmin(axis=1), own.min(axis=1)
    distance = to_sinks.min(axis=1)
    return OffData(
        nearest_index=nearest,
        nearest_distance=distance,
        nearest_label=labels[nearest],
        nearest_point=data[nearest],
        score=distance / np.median(spread),
        neighbour_distances=spread,
        quantile=(spread[:, None] < distance).mean(axis=0) + 0 * sink_class,
    )


def basins(points: CriticalPoints, sink_class: np.ndarray, predicted: np.ndarray, rng: np.random.Generator) -> Basins:
    label = np.array([rng.choice(np.flatnonzero(sink_class == k)) if (sink_class == k).any() else 0 for k in predicted])
    moved = rng.random(len(label)) < 0.02
    label[moved] = rng.integers(0, len(points), moved.sum())
    label[rng.random(len(label)) < 0.004] = -1
    reason = tuple("settled in the proved region of the sink" if i >= 0 else "budget of 1,000 steps" for i in label)
    return Basins(
        sinks=points,
        label=label,
        reason=reason,
        steps=rng.integers(6, 400, len(label)),
        domain=points.domain,
        certainty=Certainty.HEURISTIC,
        provenance=Provenance("Bogacki-Shampine 3(2), then exponential Euler", {"rtol": 1e-2}, "0", 61.0),
    )


def portrait(
    net: Network,
    potential: Potential,
    box: Box,
    x: np.ndarray,
    data: np.ndarray,
    labels: np.ndarray,
    is_drawn_out: bool,
) -> Portrait:
    rng = np.random.default_rng(1)
    points = critical_points(potential, box, x, rng)
    found = {
        "potential": potential.name,
        "sinks": points,
        "sink_class": net.predict(x),
        "probabilities": net.probabilities(x),
        "domain": box,
    }
    if not is_drawn_out:
        return Portrait(**found)
    chosen = np.flatnonzero(np.isin(net.predict(data), net.predict(x)) | (np.arange(len(data)) % 60 == 0))
    data, labels, predicted = data[chosen], labels[chosen], net.predict(data[chosen])
    flowed = basins(points, net.predict(x), predicted, rng)
    reached = np.where(flowed.label >= 0, net.predict(x)[flowed.label], predicted)
    changed = np.flatnonzero(reached != predicted)
    return Portrait(
        **found,
        basins=flowed,
        sample_index=chosen,
        predicted=predicted,
        true_label=labels,
        changed=changed,
        changed_points=data[changed[:60]],
        off_data=off_data(x, net.predict(x), data, labels),
        slow=strips(points, potential, box, "slow"),
        strong=strips(points, potential, box, "strong"),
    )


def claims() -> tuple[Claim, ...]:
    return (
        Claim("C3", "the gradient of the learned probability is a dynamical system", "shown", "flows of 11 potentials"),
        Claim(
            "C5", "a sink and a basin of attraction for each of the ten classes", "partly shown", "every class but 1"
        ),
        Claim("C7", "index theory implies saddles", "not possible here", "saddles are searched in a later version"),
    )


def analysis(name: str, net: Network, box: Box, flow: tuple[Portrait, ...], data: DataSummary, **more: Any) -> Analysis:
    summary = NetworkSummary(
        name=name,
        architecture=net.architecture,
        activations=net.activations,
        n_inputs=net.n_inputs,
        n_classes=net.n_classes,
        n_parameters=203530,
        is_piecewise_linear=False,
        source=f"{name}.safetensors",
        largest_difference=2.4e-7,
        notes=(),
        metadata={"trained": "Adam, 20 epochs", "seed": "0"},
        accuracy=0.9805,
        accuracy_on="10,000 test images",
    )
    n = len(flow[0].sinks)
    found = (
        Statement(
            f"300 starts led to {n} sinks of the log-density on the box; every class but 1 has at least one (a sink's "
            "class is the network's prediction there).",
            Certainty.PROVED,
            "Krawczyk's test at each of them",
        ),
        Statement(
            "All of them are farther from the nearest datum than 99.2 % of data are from their own nearest neighbour.",
            Certainty.VERIFIED,
            "distances in float64 to all data",
        ),
        Statement(
            "98.9 % of the samples flow to a sink of the class that the network predicts; 23 change sides.",
            Certainty.HEURISTIC,
            "integration at tolerance 1e-2, without a proof of the steps",
        ),
        Statement(
            "Whether there are further sinks is not known: no search in this dimension is complete.",
            Certainty.UNKNOWN,
            "a search from starts",
        ),
    )
    checks = (
        Check("mean of basin shares", "the shares and the unresolved share add up to 1", True, "difference 0"),
        Check("Poincaré–Hopf (3.1)", "the signed count of critical points is 1", None, "saddles are not searched here"),
    )
    return Analysis(
        network=summary,
        data=data,
        flow=flow,
        theorems=tuple(theorems(net, box)),
        findings=found,
        consistency=checks,
        claims=claims(),
        command="separatrix demo --out out/demo",
        domain=box,
        notes=("12 points lie outside the box",),
        timings={"sinks": 9.1, "basins": 61.0, "off-data": 2.2},
        provenance=Provenance("analyze", {"atol": 1e-2}, "0", 92.5, warnings=("nothing serious",)),
        **more,
    )


def digit_analysis(n_sinks: int = 12, name: str = "mnist-sigmoid", n_odds: int = 3) -> Analysis:
    """The 784-256-10 sigmoid network on the image box."""
    net, box = load(DATA / "networks" / "mnist-sigmoid.safetensors"), Box.cube(784, 0, 1)
    images, labels = digits(2000)
    rng = np.random.default_rng(0)
    starts = np.concatenate(
        [images[:60], rng.random((max(0, n_sinks - 30), 784)) * images[60 : 60 + max(0, n_sinks - 30)]]
    )
    potentials = [log_density(net), *(log_odds(net, k) for k in range(n_odds))]
    flow = [
        portrait(
            net, potentials[0], box, distinct(climb(potentials[0], box, starts, 60), n_sinks), images, labels, True
        )
    ]
    flow += [
        portrait(net, p, box, distinct(climb(p, box, images[:12], 60), 3), images, labels, False)
        for p in potentials[1:]
    ]
    means = np.stack([images[labels == k].mean(axis=0) for k in range(10)])
    data = DataSummary(2000, 2000, 0, 2000, "MNIST test images", means, (28, 28))
    return analysis(name, net, box, tuple(flow), data)


def plane_analysis() -> Analysis:
    """A classifier of points in the plane."""
    net, box = load(DATA / "networks" / "blobs-tanh.safetensors"), Box.cube(2, -2, 2)
    points = box.uniform(400, np.random.default_rng(0))
    flow = tuple(
        portrait(net, p, box, distinct(climb(p, box, points[:60], 80), 8), points, net.predict(points), i == 0)
        for i, p in enumerate([log_density(net), log_odds(net, 0), log_odds(net, 1)])
    )
    means = np.stack([points[net.predict(points) == k].mean(axis=0) for k in range(3)])
    return analysis("blobs-tanh", net, box, flow, DataSummary(400, 400, 0, 400, "400 points", means))
