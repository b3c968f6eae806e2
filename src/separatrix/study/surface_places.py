"""Where a study looks at the decision surface: the whole domain for few inputs, else the plane through three data (§6)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.data.point_files import data_points
from separatrix.domains import AffineSlice, Box
from separatrix.errors import InputError
from separatrix.networks.network import Network
from separatrix.study.question import Cloud, Question
from separatrix.study.wording import class_list, domain_name

MOST_INPUTS, MOST_SMOOTH_INPUTS = 6, 3
MARGIN = 0.5
MOST_FOR_MEANS = 20_000


@dataclass(frozen=True, eq=False)
class Place:
    """A network with few inputs and a box: the question's own, or restricted to a slice; ``words`` say which.

    ``anchors`` (m, dim): the slice's points in its coordinates, ``points`` (m, n_inputs), ``labels`` (m,) their classes.
    """

    words: str
    net: Network
    box: Box
    data: Cloud | None
    slice: AffineSlice | None
    anchors: np.ndarray
    points: np.ndarray
    labels: np.ndarray


def places_of(question: Question, through: Any = None) -> tuple[list[Place], str]:
    """The places of a question, and why there are none ("" where there are).

    ``through``: points (2 to 4, n_inputs) that span the slice; None: the domain itself where the network has few inputs,
    else three data of classes that lie close together.
    """
    net = question.net
    if through is not None:
        points = data_points(through, "points of the slice").rows(net.n_inputs, net.n_classes)
        if not 2 <= len(points) <= 4:
            raise InputError(f"a slice goes through 2 to 4 points (a line, a plane, a space), came {len(points)}")
        return [_slice(question, points, net.predict(points), "points that were given")], ""
    most = MOST_INPUTS if net.is_piecewise_linear else MOST_SMOOTH_INPUTS
    if net.n_inputs <= most:
        if not isinstance(question.domain, Box):
            return [], "on the whole space it is not part of a study: decision_surface(net) computes it"
        nothing = np.zeros((0, net.n_inputs))
        place = Place(domain_name(question.domain), net, question.domain, question.data, None, nothing, nothing,
                      np.zeros(0, dtype=np.int64))  # fmt: skip
        return [place], ""
    chosen = None if question.data is None else _three_of_them(question.data, net.n_classes)
    if chosen is None:
        return [], f"with {net.n_inputs} inputs it is looked at on a slice through data, and there are too few of them"
    points, labels = question.data.x[chosen], question.data.classes[chosen]  # type: ignore[union-attr]
    what = "digits" if question.net.reading.metadata.get("task") == "mnist" else "data points"
    return [_slice(question, points, labels, f"{what} of the classes {class_list(labels)}")], ""


def _slice(question: Question, points: np.ndarray, labels: np.ndarray, what: str) -> Place:
    cut = AffineSlice.through(points)
    kinds = {1: "line", 2: "plane", 3: "space"}
    n = len(points)
    anchors = np.vstack([np.zeros(n - 1), np.eye(n - 1)])
    number = {2: "two", 3: "three", 4: "four"}[n]
    words = f"the {kinds[n - 1]} through {number} {what}"
    return Place(words, question.net.restrict(cut), cut.box(MARGIN), None, cut, anchors, points, np.asarray(labels))


def _three_of_them(data: Cloud, n_classes: int) -> np.ndarray | None:
    """Rows of three data: of the three classes whose means lie closest together, each the datum next to its mean.

    With two classes two of the first. Only data that the network classifies as labelled are chosen.
    """
    right = np.flatnonzero(data.predicted == data.classes)[:MOST_FOR_MEANS]
    classes = data.classes[right]
    present = [k for k in range(n_classes) if (classes == k).sum() >= 2]
    if len(present) < 2:
        return None
    means = {k: data.x[right[classes == k]].mean(axis=0) for k in present}
    if len(present) == 2:
        wanted = (present[0], present[0], present[1])
    else:
        wanted = min(itertools.combinations(present[:12], 3), key=lambda triple: _spread([means[k] for k in triple]))
    rows: list[int] = []
    for k in wanted:
        own = right[classes == k]
        near = own[np.argsort(np.linalg.norm(data.x[own] - means[k], axis=1), kind="stable")]
        rows.append(int(next(row for row in near if row not in rows)))
    found = np.array(rows)
    spanned = np.linalg.matrix_rank(data.x[found[1:]] - data.x[found[0]]) == 2
    return found if spanned else None


def _spread(means: list[np.ndarray]) -> float:
    return float(sum(np.linalg.norm(a - b) for a, b in itertools.combinations(means, 2)))
