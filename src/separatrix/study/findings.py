"""The findings of a study: sentences with numbers that claim no more than was shown, each with its certainty."""

from __future__ import annotations

import numpy as np

from separatrix.certainty import Certainty, Statement
from separatrix.domains import Box, Domain
from separatrix.flow.basins import wilson_intervals
from separatrix.flow.unseen import unseen_share
from separatrix.networks.theorem_record import Theorem
from separatrix.study.analysis import Check, NetworkSummary
from separatrix.study.conley_portrait import ConleyPortrait
from separatrix.study.conley_words import conley_findings
from separatrix.study.manifold_words import of_manifolds
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.study.morse_words import morse_findings
from separatrix.study.portrait import Portrait
from separatrix.study.question import class_of
from separatrix.study.surface_portrait import SurfacePortrait
from separatrix.study.surface_words import surface_findings
from separatrix.study.wording import class_list, counted, domain_name, number, percent

PROOF = ("Krawczyk's test in interval arithmetic: one equilibrium in a stated box, multipliers strictly outward, "
         "Hessian negative definite on the free face")  # fmt: skip
ON_RIDGES = ("interval arithmetic: one point on stated creases and faces, the gradient there strictly inside the hull that "
             "holds it, the Hessian negative definite along them")  # fmt: skip
SEARCH = "a search from starts; that there are no others is not shown"
INTEGRATED = ("trajectories integrated in floating point; most end early, by a test; the checks hold a sample of them "
              "against full integration")  # fmt: skip
FOLLOWED = "trajectories followed from event to event in floating point, each up to its rest"
FEW_HITS, FEWEST_STARTS = 0.001, 100
MOST_FINDINGS = 8
NEIGHBOURS = "nearest neighbours in floating point; a sample of the data for their own distances"


def findings_of(
    network: NetworkSummary, domain: Domain, flow: tuple[Portrait, ...], theorems: tuple[Theorem, ...],
    checks: tuple[Check, ...], flow_note: str = "", surface: tuple[SurfacePortrait, ...] = (),
    morse: tuple[MorsePortrait, ...] = (), conley: tuple[ConleyPortrait, ...] = (),
) -> tuple[Statement, ...]:  # fmt: skip
    """Five to eight sentences, the most important first; a law that is broken stands before everything else."""
    broken = [Statement(f"Disagreement: {c.statement} does not hold: {c.detail}.", Certainty.VERIFIED, c.name)
              for c in checks if c.holds is False]  # fmt: skip
    found = [*broken]
    for portrait in main_portraits(flow):
        found += _of_sinks(portrait, domain)
    found += morse_findings(morse)
    found += conley_findings(conley)
    found += surface_findings(surface)
    found += _of_all_log_odds(flow, network.n_classes)
    found += _of_distance(main_portraits(flow))
    for portrait in main_portraits(flow):
        found += _of_basins(portrait)
    if flow_note:
        found.append(Statement(f"Sinks and basins were not sought: {flow_note}", Certainty.UNKNOWN, "the activations"))
    found += _of_theorems(theorems, domain, flow)
    if network.accuracy is not None:
        text = f"The network classifies {percent(network.accuracy, 2)} of {network.accuracy_on} as they are labelled."
        found.append(Statement(text, Certainty.VERIFIED, "evaluated in double precision"))
    return tuple(found[: len(broken) + MOST_FINDINGS])


def main_portraits(flow: tuple[Portrait, ...]) -> list[Portrait]:
    """The portraits that carry the story: the log-density; else those with basins; else the only one."""
    named = [p for p in flow if p.potential == "log-density"]
    return named or [p for p in flow if p.basins is not None][:2] or (list(flow) if len(flow) == 1 else [])


def _of_sinks(portrait: Portrait, domain: Domain) -> list[Statement]:
    sinks, n_starts = portrait.sinks, portrait.sinks.label.size
    if sinks.at_infinity and not len(sinks):
        return _of_infinity(portrait)
    where = f"of the {portrait.potential} on {domain_name(domain)}"
    if not len(sinks):
        reasons = ", ".join(sorted(set(sinks.reasons))[:2]) or "none was given"
        text = f"{n_starts:,} starts led to no sink {where} (reasons: {reasons})."
        return [Statement(text, Certainty.HEURISTIC, SEARCH)]
    proved = "each proved to exist" if sinks.n_proved == len(sinks) else f"{sinks.n_proved} of them proved to exist"
    proved = "proved to exist" if sinks.n_proved == len(sinks) == 1 else proved
    led = np.flatnonzero(sinks.hits) if n_starts else np.arange(len(sinks))
    text = f"{n_starts:,} starts led to {counted(len(led), 'sink')} {where}, {proved}; {_classes(portrait)}."
    lost, met = int((sinks.label < 0).sum()), len(sinks) - len(led)
    if met:
        text += f" {counted(met, 'more sink').capitalize()} {'was' if met == 1 else 'were'} met on the way by samples."
    if lost:
        text += f" {counted(lost, 'start').capitalize()} led to none."
    of_classes = Certainty.PROVED if portrait.classes_proved else Certainty.VERIFIED
    proof = ON_RIDGES if sinks.creases else PROOF
    found = [Statement(text, Certainty.weakest([*sinks.certainty, of_classes]), f"{proof}. The list: {SEARCH}")]
    return found + _of_infinity(portrait) + _of_the_unseen(portrait)


def _of_infinity(portrait: Portrait) -> list[Statement]:
    """Ways to infinity that starts were led to, and what f does along them."""
    ways = portrait.sinks.at_infinity
    if not ways:
        return []
    limits = sorted(way.limit for way in ways if way.is_bounded)
    n_free = len(ways) - len(limits)
    ends = (
        "" if not limits else f"{limits[0]:.6g}" if limits[0] == limits[-1] else f"{limits[0]:.6g} to {limits[-1]:.6g}"
    )
    rises = f"it tends to {ends}" if limits else "it grows without bound"
    if limits and n_free:
        rises += f" or, along {number(n_free)} of them, grows without bound"
    text = (
        f"{counted(sum(way.hits for way in ways), 'start').capitalize()} of the {portrait.potential} led to "
        f"{counted(len(ways), 'sink')} at infinity, along which {rises}."
    )
    if all(way.no_equilibrium is Certainty.PROVED for way in ways):
        text += " There is no equilibrium at finite distance (theorem 4.2): every trajectory goes to infinity."
    # the limit along a ray may be proved where it is not that trajectories take this way
    attracting = all(way.attracts is Certainty.PROVED for way in ways)
    verdicts = [*(way.certainty for way in ways), Certainty.PROVED if attracting else Certainty.HEURISTIC]
    return [Statement(text, Certainty.weakest(verdicts), ways[0].evidence)]


def _of_the_unseen(portrait: Portrait) -> list[Statement]:
    """How much of the starts' mass flows to sinks that no start met, by Good and Turing, where it is worth a word."""
    unseen = unseen_share(portrait.sinks.hits)
    if unseen.n_starts < FEWEST_STARTS or unseen.share < FEW_HITS:
        return []
    met = "was" if unseen.n_once == 1 else "were"
    low, high = (percent(end, 1) for end in unseen.interval)
    text = (
        f"{counted(unseen.n_once, 'sink').capitalize()} of the {portrait.potential} {met} met by one start only: by Good "
        f"and Turing's estimate about {percent(unseen.share, 1)} of such starts (95 % interval {low} to {high}) lead to "
        "sinks that none of them met."
    )
    return [Statement(text, Certainty.HEURISTIC, "Good (1953); starts are drawn by class and blended, not independent")]


def _classes(portrait: Portrait) -> str:
    counts = np.bincount(portrait.sink_class, minlength=portrait.probabilities.shape[1])
    empty, own = np.flatnonzero(counts == 0), class_of(portrait.potential)
    meaning = "(a sink's class is the prediction there)"
    if own is not None and counts[own] == counts.sum():
        return f"class {own} is predicted at {'it' if counts[own] == 1 else 'each'}"
    if own is not None:
        return f"class {own} is predicted at {counts[own]} of them"
    if not len(empty):
        return f"every class has at least one {meaning}"
    if len(empty) <= len(counts) // 2:
        return f"every class but {class_list(empty)} has at least one {meaning}"
    held = np.flatnonzero(counts)
    return f"only {'class' if len(held) == 1 else 'the classes'} {class_list(held)} of {len(counts)} have any {meaning}"


def _of_all_log_odds(flow: tuple[Portrait, ...], n_classes: int) -> list[Statement]:
    members = [p for p in flow if p.potential.startswith("log-odds of class")]
    if len(members) < 2 or n_classes == 2:
        return []
    total, proved = sum(len(p.sinks) for p in members), sum(p.sinks.n_proved for p in members)
    without = [int(p.potential.rsplit(" ", 1)[1]) for p in members if not len(p.sinks)]
    starts = sum(p.sinks.label.size for p in members)
    worth = "each proved" if proved == total else f"{proved} of them proved"
    text = f"Climbing the log-odds of one class at a time, {starts:,} starts led to {counted(total, 'sink')}, {worth}"
    text += f"; none was found for {class_list(np.array(without))}." if without else ", at least one for every class."
    verdicts = [verdict for p in members for verdict in p.sinks.certainty]
    return [Statement(text, Certainty.weakest(verdicts), f"{PROOF}. The list: {SEARCH}")]


def _of_distance(portraits: list[Portrait]) -> list[Statement]:
    measured = [p for p in portraits if p.off_data is not None and len(p.sinks) and p.off_data.neighbour_distances.size]
    if not measured or measured[0].off_data is None:
        return []
    own = measured[0].off_data.neighbour_distances
    distance = np.concatenate([p.off_data.nearest_distance for p in measured if p.off_data is not None])
    quantile = np.concatenate([p.off_data.quantile for p in measured if p.off_data is not None])
    n, low, high = len(distance), distance.min(), distance.max()
    span = f"{low:.3g} to {high:.3g}" if n > 1 else f"{low:.3g}"
    tail = f"(distance {span}; between neighbouring data typically {np.median(own):.3g})"
    if quantile.min() >= 0.5:
        which = "The sink lies" if n == 1 else "Both sinks lie" if n == 2 else f"All {number(n)} sinks lie"
        text = (
            f"{which} farther from the nearest datum than {_share(quantile.min(), own)} from its own neighbour {tail}."
        )
    else:
        far, all_of_them = int((quantile >= 0.95).sum()), counted(n, "sink")
        lie = "lies" if far == 1 else "lie"
        text = (
            f"{number(far).capitalize()} of {all_of_them} {lie} farther from the nearest datum than 95 % of the data "
            f"from their own neighbour {tail}."
        )
    return [Statement(text, Certainty.VERIFIED, NEIGHBOURS), *of_manifolds(measured)]


def _share(quantile: float, own: np.ndarray) -> str:
    """A share of the data whose own distances were measured, rounded down."""
    if quantile >= 1.0:
        return f"each of the {own.size:,} data measured"
    return f"{np.floor(100 * quantile):.0f} % of the data"


def _of_basins(portrait: Portrait) -> list[Statement]:
    basins = portrait.basins
    if basins is None or not basins.label.size:
        return []
    if portrait.changed is not None:
        return [_of_changes(portrait, portrait.changed)]
    if len(basins.sinks) < 2:
        return []
    top = int(basins.counts.argmax())
    share, (low, high) = basins.shares[top], basins.intervals[top]
    text = (
        f"The largest basin of the {portrait.potential} is that of s{top}: {percent(share, 1)} of "
        f"{basins.label.size:,} samples ({100 * basins.level:g} % interval {percent(low, 1)} to {percent(high, 1)}); "
        f"{_ends(basins.n_unresolved)}."
    )
    return [Statement(text, _worth_of(portrait), _followed(portrait))]


def _followed(portrait: Portrait) -> str:
    return FOLLOWED if portrait.sinks.creases else INTEGRATED


def _ends(lost: int) -> str:
    return f"{lost:,} reached no known sink" if lost else "every one reached a known sink"


def _of_changes(portrait: Portrait, changed: np.ndarray) -> Statement:
    """Samples that flow to a sink of another class than the predicted one."""
    basins, predicted = portrait.basins, portrait.predicted
    assert basins is not None and predicted is not None
    n, m = basins.label.size, len(changed)
    low, high = wilson_intervals(np.array([m]), n, basins.level)[0]
    interval = f"{percent(m / n, 2)}, {100 * basins.level:g} % interval {percent(low, 2)} to {percent(high, 2)}"
    who = f"Of {n:,} samples, {m:,} flow" if m > 1 else f"{'One' if m else 'None'} of {n:,} samples flows"
    text = (
        f"{who} up the {portrait.potential} to a sink of another class than the network predicts for "
        f"{'them' if m > 1 else 'it'} ({interval}); {_ends(basins.n_unresolved)}."
    )
    if portrait.true_label is not None and m and (portrait.true_label[changed] >= 0).all():
        label, reached = portrait.true_label[changed], portrait.sink_class[basins.label[changed]]
        right, was = int((reached == label).sum()), int((predicted[changed] == label).sum())
        text += (
            f" The prediction was right for {was:,} of them, the sink's class for {right:,}."
            if m > 1
            else (
                " The prediction was right for it." if was else " The sink's class was right for it." if right else ""
            )
        )
    return Statement(text, _worth_of(portrait), _followed(portrait))


def _worth_of(portrait: Portrait) -> Certainty:
    verdict = Certainty.UNKNOWN if portrait.basins is None else portrait.basins.certainty
    return Certainty.VERIFIED if verdict in (Certainty.PROVED, Certainty.UNKNOWN) else verdict


def _of_theorems(theorems: tuple[Theorem, ...], domain: Domain, flow: tuple[Portrait, ...]) -> list[Statement]:
    found = []
    for theorem in theorems:
        rests = f"theorem ({theorem.number}), every hypothesis {theorem.certainty}; {theorem.reference}"
        if not theorem.applies:
            continue
        if theorem.number == "4.2":
            names = ", ".join(theorem.potentials)
            text = f"On all of R^{domain.dim} the flow has no equilibrium (theorem 4.2, hypotheses {theorem.certainty}; {names})"
            here = isinstance(domain, Box) and any(len(p.sinks) for p in flow)
            text += ": the sinks exist because of the box." if here else "."
            found.append(Statement(text, theorem.certainty, rests))
        elif theorem.number in ("4.3", "4.4") or (theorem.number == "4.5" and len(found) < 2):
            text = f"{theorem.conclusion[0].upper()}{theorem.conclusion[1:]} (theorem {theorem.number})"
            if isinstance(domain, Box) and theorem.number == "4.5":
                text += "; in the box every component touches the boundary"
            elif isinstance(domain, Box):
                text += "; for the parts inside the box nothing follows"
            found.append(Statement(f"{text}.", theorem.certainty, rests))
    return found[:2]
