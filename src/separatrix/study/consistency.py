"""Laws and cross-checks: what a study found, held against independent computations and theorems."""

from __future__ import annotations

import numpy as np

from separatrix.domains import Box
from separatrix.flow.projection import Bounds
from separatrix.potentials.base import Potential
from separatrix.study.analysis import Check, NetworkSummary
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.study.portrait import Portrait
from separatrix.study.question import Question
from separatrix.study.recheck import Recheck
from separatrix.study.wording import counted

AT_REST, SLACK = 1e-6, 1e-11
NEIGHBOURS, REACHES = 8, (1e-2, 1e-4)
LEAST_ALIKE, FEWEST_ALIKE = 0.98, 0.9


def checks_of(
    question: Question,
    network: NetworkSummary,
    flow: tuple[Portrait, ...],
    rechecked: dict[str, Recheck],
    morse: tuple[MorsePortrait, ...] = (),
) -> tuple[Check, ...]:
    """All checks that this study allows; ``holds`` is None where the law cannot be decided."""
    potentials = {potential.name: potential for potential in question.potentials}
    pairs = [(potentials[portrait.potential], portrait) for portrait in flow]
    found = [_accuracy(question, network)]
    if any(len(portrait.sinks) for portrait in flow):
        smooth = [(potential, portrait) for potential, portrait in pairs if not portrait.sinks.creases]
        found += [_equilibria(question, smooth)] if smooth else []
        found += [_maxima(question, pairs), _values(question, pairs), _apart(flow)]
    found += [_shares(portrait) for portrait in flow if portrait.basins is not None]
    found += [_labels(p, rechecked[p.potential]) for p in flow if p.potential in rechecked]
    known = {portrait.potential for portrait in morse}
    found += [_index_sum(question, p) for p in flow if p.potential == "log-density" and p.potential not in known]
    return tuple(check for check in found if check is not None)


def _accuracy(question: Question, network: NetworkSummary) -> Check | None:
    stated = network.metadata.get("accuracy")
    try:
        expected = float(stated or "")
    except ValueError:
        return None
    if network.accuracy is None:
        return None
    gap = abs(network.accuracy - expected)
    detail = f"{network.accuracy:.4f} on {network.accuracy_on}; the file says {expected:.4f}"
    where = network.metadata.get("held_out")
    if where:
        detail += f" on {where}"
    statement = "the accuracy is what the network's file says"
    return Check("accuracy", statement, True if gap <= 5.1e-5 else None,
                 detail if gap <= 5.1e-5 else f"{detail}; other points give another number")  # fmt: skip


def _equilibria(question: Question, pairs: list[tuple[Potential, Portrait]]) -> Check:
    bounds = Bounds.of(question.domain)
    worst, scale, inward = 0.0, 1.0, 0
    for potential, portrait in pairs:
        if len(portrait.sinks):
            x = portrait.sinks.points
            g = np.asarray(potential.gradient(x))
            worst = max(worst, float(np.abs(bounds.project(np, x, g)).max()))
            scale = max(scale, float(np.abs(g).max()))
            inward += int(((portrait.sinks.active * g) < 0).sum())
    detail = f"largest projected gradient {worst:.1e}, {inward} multipliers of the wrong sign"
    statement = "at every sink the projected gradient vanishes and multipliers point outward"
    return Check("equilibria", statement, bool(worst <= AT_REST * scale), detail)


def _maxima(question: Question, pairs: list[tuple[Potential, Portrait]]) -> Check:
    """f at random points near each sink, inside the domain, is no higher."""
    rng = np.random.default_rng([question.seed, 2])
    higher, tried = 0, 0
    for potential, portrait in pairs:
        for x, value in zip(portrait.sinks.points, portrait.sinks.values, strict=True):
            radius = np.repeat(REACHES, NEIGHBOURS)[:, None]
            step = radius * rng.standard_normal((len(radius), x.size)) * _width(question)
            near = x + step * (rng.random((len(radius), x.size)) < max(0.1, 2.0 / x.size))
            near = question.domain.clip(near) if isinstance(question.domain, Box) else near
            higher += int((np.asarray(potential.value(near)) > value + SLACK * (1.0 + abs(value))).sum())
            tried += len(near)
    text = f"{higher} of {tried:,} random points about the sinks are higher"
    # A sink may have a small neighbourhood: a higher point farther off is no contradiction, and none decides nothing.
    return Check("maxima", "points near a sink are not higher than the sink", True if not higher else None, text)


def _width(question: Question) -> np.ndarray | float:
    return question.domain.width if isinstance(question.domain, Box) else 1.0


def _values(question: Question, pairs: list[tuple[Potential, Portrait]]) -> Check | None:
    gap, scale, count = 0.0, 1.0, 0
    for potential, portrait in pairs:
        kind, _, last = potential.name.partition(" of class ")
        if kind not in ("log-density", "log-odds") or not len(portrait.sinks):
            continue
        z = question.net.logits(portrait.sinks.points)
        if kind == "log-density":
            expected = np.logaddexp.reduce(z, axis=1)
        else:
            k = int(last)
            expected = z[:, k] - np.logaddexp.reduce(np.delete(z, k, axis=1), axis=1)
        gap = max(gap, float(np.abs(expected - portrait.sinks.values).max()))
        scale, count = max(scale, float(np.abs(z).max())), count + len(expected)
    if not count:
        return None
    return Check("values", "values at sinks agree with the network's own logits", bool(gap <= 1e-10 * scale),
                 f"largest difference {gap:.1e} at {count} sinks")  # fmt: skip


def _apart(flow: tuple[Portrait, ...]) -> Check:
    least, close = np.inf, 0
    for portrait in flow:
        x, error = portrait.sinks.points, np.nan_to_num(portrait.sinks.error, nan=0.0, posinf=0.0)
        for i in range(1, len(x)):
            gap = np.abs(x[:i] - x[i]).max(axis=1)
            least = min(least, float(gap.min()))
            close += int((gap <= error[:i] + error[i]).sum())
    if not np.isfinite(least):
        return Check("distinct", "sinks of one potential are different points", True, "no potential has two")
    return Check("distinct", "sinks of one potential are different points", close == 0,
                 f"least distance {least:.2g} (largest coordinate difference)")  # fmt: skip


def _shares(portrait: Portrait) -> Check:
    basins = portrait.basins
    assert basins is not None
    n = basins.label.size
    total = int(basins.counts.sum()) + basins.n_unresolved
    return Check(f"shares of the {portrait.potential}", "basin counts and unresolved samples add up to all samples",
                 total == n, f"{int(basins.counts.sum()):,} + {basins.n_unresolved:,} = {n:,}")  # fmt: skip


def _labels(portrait: Portrait, recheck: Recheck) -> Check:
    n, both = recheck.label.size, int(recheck.both.sum())
    alike, same_class = recheck.n_alike, recheck.n_same_class(portrait.sink_class)
    enough = alike >= LEAST_ALIKE * n and same_class >= LEAST_ALIKE * both
    holds = True if enough else False if same_class < FEWEST_ALIKE * both else None
    detail = f"{alike} of {n} samples lead to the same sink, {same_class} of {both} to the same class"
    statement = f"basins of the {portrait.potential} are those of full integration on a sample"
    return Check(f"labels of the {portrait.potential}", statement, holds, detail)


def _index_sum(question: Question, portrait: Portrait) -> Check | None:
    n = len(portrait.sinks)
    if not isinstance(question.domain, Box) or not n:
        return None
    missing = counted(n - 1, "saddle")
    detail = f"the sinks alone give {n}; " + (
        "one sink satisfies it"
        if n == 1
        else f"then, by (3.2), there are at least {missing} of index 1, not sought here"
    )
    return Check("index sum (3.1)", "the alternating sum over all equilibria of the box is 1 if all are non-degenerate",
                 None, detail)  # fmt: skip
