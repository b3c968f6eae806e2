"""Boxes that are not settled, gathered into few: clusters by contact, how their number grows, and what they look like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.flow.complete.field import Field
from separatrix.flow.complete.linear_tests import centred

Array = np.ndarray
Boxes = tuple[Array, Array]
MOST_CELLS = 20_000
SAMPLE = 200
NEARLY_SINGULAR = 0.05
TINY = 1e-7
MOST_PARTS = 64
LEVEL = 1.5
FEW = 64
KINDS = ("an isolated degenerate point", "a critical curve", "a critical surface", "a critical solid")


@dataclass(frozen=True, eq=False)
class Unsettled:
    """A box [lower, upper] in which something was not settled, and why."""

    lower: Array
    upper: Array
    reason: str


def clusters(field: Field, boxes: Boxes, width: float) -> Array:
    """The number of the cluster of each box, by contact on a grid of cells of ``width`` of the sides or more, (n,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    lower, upper = boxes
    if len(lower) < 2:
        return np.zeros(len(lower), dtype=np.int64)
    place = _places(field, boxes)
    size = max(width, float(((upper - lower)[:, field.free] / field.side).max()), 1e-15)
    faces = np.unique(lower[:, field.fixed], axis=0, return_inverse=True)[1].reshape(-1, 1)
    while True:
        cells, cell_of = np.unique(np.hstack([np.floor(place / size), faces]), axis=0, return_inverse=True)
        if len(cells) <= MOST_CELLS:
            break
        size *= 2.0
    cells[:, -1] *= 10.0  # faces never touch here
    pairs = KDTree(cells).query_pairs(1.5, p=np.inf, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(cells), len(cells)))
    return connected_components(links, directed=False)[1][cell_of.reshape(-1)]


def _places(field: Field, boxes: Boxes) -> Array:
    """Middles in units of the sides, (n, k)."""
    free = field.free
    return ((0.5 * boxes[0] + 0.5 * boxes[1])[:, free] - field.lower[free]) / field.side


def dimension_estimate(field: Field, boxes: Boxes, width: float) -> float:
    """Slope of log N against log 1 / w for the number N of cells of width w that the boxes meet, w = 2, 4, 8 ``width``."""
    place = _places(field, boxes)
    counts = [len(np.unique(np.floor(place / (width * scale)), axis=0)) for scale in (2.0, 4.0, 8.0)]
    return float(np.log2(counts[0] / counts[2]) / 2.0)


def looks_degenerate(field: Field, boxes: Boxes) -> bool:
    """Whether boxes look like a critical set: the Hessian nearly singular in the middle of most, and f level on them.

    About a connected critical set f varies by no more than |H| / 2 times the square of the distance, a few widths.
    """
    own = _sample(boxes)
    middle = 0.5 * own[0] + 0.5 * own[1]
    low, high = field.slopes(middle, middle)[1]
    hessian, radius = centred(low[:, field.free], high[:, field.free])
    if not np.isfinite(radius).all():
        return True
    sizes = np.abs(np.linalg.eigvalsh(hessian))
    ratio = sizes.min(axis=1) / np.maximum(sizes.max(axis=1), 1e-300)
    values = field.potential.value_and_gradient(middle)[0]
    width = float((own[1] - own[0]).max())
    level = LEVEL * field.free.size * float(np.median(sizes.max(axis=1))) * width**2
    return bool(np.median(ratio) < NEARLY_SINGULAR) and not float(values.max() - values.min()) > level


def _sample(boxes: Boxes) -> Boxes:
    step = max(1, len(boxes[0]) // SAMPLE)
    return boxes[0][::step], boxes[1][::step]


def is_unknown(field: Field, boxes: Boxes) -> Array:
    """On which boxes the enclosure of the gradient or of its slopes is not finite, (n,)."""
    gradient, slopes = field.slopes(*boxes)
    free = field.free
    known = np.isfinite(gradient[0][:, free] + gradient[1][:, free]).all(axis=1)
    return np.asarray(~(known & np.isfinite(slopes[0][:, free] + slopes[1][:, free]).all(axis=(1, 2))))


def gathered(field: Field, boxes: Boxes, width: float, reason: str = "") -> list[Unsettled]:
    """One box a cluster, with ``reason`` or with what the cluster looks like; coarser where there are many."""
    label, near = clusters(field, boxes, width), width
    while int(label.max(initial=-1)) >= MOST_PARTS and near < 1.0:
        near *= 4.0
        label = clusters(field, boxes, near)
    found = []
    for number in range(int(label.max(initial=-1)) + 1):
        mine = label == number
        own = boxes[0][mine], boxes[1][mine]
        text = reason or _appearance(field, own, width)
        found.append(Unsettled(own[0].min(axis=0), own[1].max(axis=0), text))
    return found


def _appearance(field: Field, boxes: Boxes, width: float) -> str:
    n = len(boxes[0])
    if is_unknown(field, _sample(boxes)).mean() >= 0.5:
        return (
            f"nothing is known of the gradient in {n} boxes here (f or a derivative is not defined or not finite on them, "
            "or its enclosure is not)"
        )
    estimate = round(dimension_estimate(field, boxes, width)) if n > FEW else 0
    text = f"unresolved cluster of {n} boxes, dimension estimate {estimate}: "
    if estimate and not looks_degenerate(field, boxes):
        return text + (
            f"f is not level on it ({_values(field, boxes)}), so that not all of it is critical, but the enclosures are too "
            "wide here; give more max_boxes, or a smaller box"
        )
    return (
        f"{text}it looks like {KINDS[min(estimate, 3)]}{_level(field, boxes) if estimate else ''} (heuristic; enclosures "
        "cannot prove that a point is degenerate)"
    )


def _level(field: Field, boxes: Boxes) -> str:
    """The values of f in the middle of the boxes, and what they say of ties."""
    own = _sample(boxes)
    values = field.potential.value_and_gradient(0.5 * own[0] + 0.5 * own[1])[0]
    if field.potential.name == "confidence" and float(np.abs(values - np.log(2.0)).max()) < 0.01:
        return " on which L = log 2: the decision surface, where the two leading classes tie"
    return f" on which f is {_values(field, boxes)}"


def _values(field: Field, boxes: Boxes) -> str:
    own = _sample(boxes)
    values = field.potential.value_and_gradient(0.5 * own[0] + 0.5 * own[1])[0]
    return f"{np.nanmin(values):.6g} to {np.nanmax(values):.6g}"


def met_once(parts: list[Unsettled], side: Array) -> list[Unsettled]:
    """``parts`` with those that are points to TINY of the sides and lie at one place, as seen from several faces, joined."""
    found: list[Unsettled] = []
    for part in parts:
        twin = next((i for i, other in enumerate(found) if _is_one_place(part, other, TINY * side)), None)
        if twin is None:
            found.append(part)
            continue
        other = found[twin]
        reason = other.reason if part.reason in other.reason else f"{other.reason}; {part.reason}"
        found[twin] = Unsettled(np.minimum(other.lower, part.lower), np.maximum(other.upper, part.upper), reason)
    return found


def _is_one_place(first: Unsettled, second: Unsettled, tiny: Array) -> bool:
    lower, upper = np.minimum(first.lower, second.lower), np.maximum(first.upper, second.upper)
    return bool((upper - lower <= tiny).all())
