"""Starts for the search of sinks, from the data where there are any: every class has its share.

In high dimension nearly all uniform points climb to one sink; data of every class, the class means and blends of two
data find the others. Rounds are fixed before the search begins, so that they depend on nothing but the seed.
"""

from __future__ import annotations

import zlib

import numpy as np

from separatrix.domains import Box, WholeSpace
from separatrix.potentials.base import Potential
from separatrix.study.question import Question, class_of, drawing_box, is_costly

CLASS_DATA, UNIFORM = 20, 10
FIRST_ROUND, LATER_ROUNDS, BLENDS = 40, 20, 50
MOST_ROUNDS = 6
COSTLY_SHARE = 0.25

Rounds = tuple[np.ndarray, ...]


def start_rounds(question: Question, potential: Potential, scale: float = 1.0) -> Rounds | None:
    """Rounds of starts (n, dim) for one potential; None where the flow makes its own. ``scale`` shrinks every share."""
    scale = starts_scale(question, scale)
    data = question.data
    rng = np.random.default_rng(piece_seed(question.seed, f"starts of {potential.name}"))
    box = drawing_box(question.domain, (data, question.samples))
    if data is None or not len(data):
        return (box.uniform(64, rng),) if isinstance(question.domain, WholeSpace) else None
    one_class = class_of(potential.name)
    if one_class is not None:
        chosen = _of_each_class(data.x, data.classes, [one_class], _share(CLASS_DATA, scale), rng)
        return (_inside(question, np.concatenate([chosen, box.uniform(_share(UNIFORM, scale), rng)])),)
    classes, labels = list(range(question.net.n_classes)), data.classes
    rounds = []
    for turn in range(MOST_ROUNDS):
        share = _share(FIRST_ROUND if turn == 0 else LATER_ROUNDS, scale)
        own = _of_each_class(data.x, labels, classes, share, rng)
        parts = [own, _blends(own, _share(BLENDS, scale), rng)]
        if turn == 0:
            parts += [class_means(data.x, labels, len(classes), present=True), box.uniform(UNIFORM, rng)]
        rounds.append(_inside(question, np.concatenate(parts)))
    return tuple(rounds)


def starts_scale(question: Question, effort: float = 1.0) -> float:
    """What every share of starts is multiplied by: less where a climb takes half a second."""
    return effort * (COSTLY_SHARE if is_costly(question.net) else 1.0)


def piece_seed(seed: int, name: str) -> int:
    """A seed for one piece of work, by its name: pieces do not depend on each other's order."""
    return int(np.random.SeedSequence([seed, zlib.crc32(name.encode())]).generate_state(1)[0])


def class_means(x: np.ndarray, classes: np.ndarray, n_classes: int, present: bool = False) -> np.ndarray:
    """Mean of each class, (n_classes, dim); NaN rows for classes without points, or only the ``present`` ones."""
    means = np.full((n_classes, x.shape[1]), np.nan)
    for k in range(n_classes):
        if (classes == k).any():
            means[k] = x[classes == k].mean(axis=0)
    return means[~np.isnan(means[:, 0])] if present else means


def _share(count: int, scale: float) -> int:
    return max(2, round(count * scale))


def _of_each_class(
    x: np.ndarray, classes: np.ndarray, wanted: list[int], count: int, rng: np.random.Generator
) -> np.ndarray:
    """Up to ``count`` points of each wanted class; of any class where those have none."""
    rows = []
    for k in wanted:
        members = np.flatnonzero(classes == k)
        rows.append(rng.choice(members, min(count, len(members)), replace=False) if len(members) else members)
    chosen = np.concatenate(rows)
    if not len(chosen):
        chosen = rng.choice(len(x), min(count, len(x)), replace=False)
    return x[chosen]


def _blends(own: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    first, second = rng.integers(0, len(own), (2, count))
    share = rng.uniform(0.2, 0.8, (count, 1))
    return share * own[first] + (1.0 - share) * own[second]


def _inside(question: Question, starts: np.ndarray) -> np.ndarray:
    """Means and blends may leave the box by rounding."""
    return question.domain.clip(starts) if isinstance(question.domain, Box) else starts
