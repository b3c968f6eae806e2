"""The programme's claims C1 to C10 against one run; claims of chapters that this version lacks are absent."""

from __future__ import annotations

import numpy as np

from separatrix.networks.theorem_record import Theorem
from separatrix.study.analysis import Claim, NetworkSummary
from separatrix.study.conley_portrait import ConleyPortrait
from separatrix.study.conley_words import conley_claims
from separatrix.study.equations import Equation
from separatrix.study.findings import main_portraits
from separatrix.study.manifold_words import far_lengths, measured_strips
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.study.morse_words import morse_claims
from separatrix.study.portrait import Portrait
from separatrix.study.surface_portrait import SurfacePortrait
from separatrix.study.surface_words import surface_claims
from separatrix.study.wording import class_list, counted, domain_name, percent

TEXTS = {
    "C3": "the gradient of the learned probability is a dynamical system",
    "C4": "the differential equation is solved analytically for one hidden layer",
    "C5": "every class has a sink and a basin of attraction",
    "C6": "sinks and strong attracting manifolds lie away from the data",
}
SHOWN, PARTLY, IMPOSSIBLE = "shown", "partly shown", "not possible here"


def claims_of(
    network: NetworkSummary, flow: tuple[Portrait, ...], theorems: tuple[Theorem, ...], flow_note: str = "",
    equations: tuple[Equation, ...] = (), surface: tuple[tuple[SurfacePortrait, ...], str] = ((), ""),
    morse: tuple[tuple[MorsePortrait, ...], str] = ((), ""), conley: tuple[ConleyPortrait, ...] = (),
) -> tuple[Claim, ...]:  # fmt: skip
    """C1 to C10, as far as this run speaks to them."""
    of_surfaces = surface_claims(*surface)
    first = next(iter(flow), None)
    if first is None:
        reason = flow_note or "the run ended before any sink was found"
        return (*of_surfaces, Claim("C3", TEXTS["C3"], IMPOSSIBLE, reason), *_reductions(theorems, equations))
    names = f"{len(flow)} potentials" if len(flow) > 1 else f"the {first.potential}"
    followed = Claim(
        "C3", TEXTS["C3"], SHOWN, f"the gradient flow of {names} was followed on {domain_name(first.domain)}"
    )
    found = (
        *of_surfaces,
        followed,
        *_reductions(theorems, equations),
        _sinks_and_basins(network, flow),
        *_away(flow),
        *morse_claims(*morse),
        *conley_claims(conley, morse[0], theorems, morse[1]),
    )
    return tuple(sorted(found, key=lambda claim: int(claim.number[1:])))


def _reductions(theorems: tuple[Theorem, ...], equations: tuple[Equation, ...]) -> list[Claim]:
    """C4: the equation written out, its reductions, and its exact solution where there is one."""
    applied = [theorem for theorem in theorems if theorem.number in ("4.1", "4.2") and theorem.applies]
    parts = []
    if equations:
        names = ", ".join(f"the {equation.potential}" for equation in equations)
        parts.append(f"the equation in closed form for {names}")
        differences = [e.largest_difference for e in equations if e.largest_difference is not None]
        if differences:
            parts.append(f"evaluated, it is the library's gradient up to {max(differences):.1g} of its size")
    if applied:
        parts.append("exact reductions: " + "; ".join(f"({t.number}) {t.conclusion}" for t in applied))
    solved = [equation.potential for equation in equations if equation.solution]
    if equations:
        parts.append(f"solved exactly for the {' and the '.join(solved)}" if solved else
                     "no formula for its solution is known here, it is followed numerically")  # fmt: skip
    if not parts:
        return []
    return [
        Claim("C4", TEXTS["C4"], SHOWN if equations and len(solved) == len(equations) else PARTLY, "; ".join(parts))
    ]


def _sinks_and_basins(network: NetworkSummary, flow: tuple[Portrait, ...]) -> Claim:
    parts, complete = [], []
    own = [p for p in flow if p.potential.startswith("log-odds of class")]
    if len(own) == network.n_classes:
        without = [int(p.potential.rsplit(" ", 1)[1]) for p in own if not len(p.sinks)]
        complete.append(not without)
        parts.append("the log-odds of every class has a sink" if not without else
                     f"no sink of the log-odds was found for {class_list(without)}")  # fmt: skip
    for portrait in flow:
        if portrait.potential.startswith("log-odds"):
            continue
        counts = np.bincount(portrait.sink_class, minlength=network.n_classes)
        empty = np.flatnonzero(counts == 0)
        complete.append(not len(empty))
        parts.append(f"the {portrait.potential} has {counted(len(portrait.sinks), 'sink')}" + (
            f", none of class {class_list(empty)}" if len(empty) else ", of every class"))  # fmt: skip
    with_basins = [p for p in flow if p.basins is not None]
    for portrait in with_basins[:2]:
        assert portrait.basins is not None
        parts.append(f"basins of the {portrait.potential} from {portrait.basins.label.size:,} samples, "
                     f"{portrait.basins.n_unresolved:,} unresolved")  # fmt: skip
    shown = bool(complete) and all(complete) and bool(with_basins)
    return Claim("C5", TEXTS["C5"], SHOWN if shown else PARTLY, "; ".join(parts) or "no sinks were sought")


def _away(flow: tuple[Portrait, ...]) -> list[Claim]:
    measured = [p for p in main_portraits(flow) if p.off_data is not None and len(p.sinks)] or [
        p for p in flow if p.off_data is not None and len(p.sinks)
    ]
    if not measured:
        return [Claim("C6", TEXTS["C6"], IMPOSSIBLE, "no data were given to measure distances from")]
    quantile = np.concatenate([p.off_data.quantile for p in measured if p.off_data is not None])
    if np.isnan(quantile).all():
        return [Claim("C6", TEXTS["C6"], IMPOSSIBLE, "there are too few data to measure their own spread")]
    far, n = int((quantile >= 0.95).sum()), quantile.size
    lie = "lies" if far == 1 else "lie"
    how = (f"{far} of {counted(n, 'sink')} {lie} farther from the data than 95 % of data from their own neighbour "
           f"(the nearest: farther than {percent(float(quantile.min()), 0)})")  # fmt: skip
    strips = measured_strips(measured)
    along = True
    if strips:
        share, least, largest = far_lengths(strips)
        bounds = "" if largest - least < 0.005 else f" (between {percent(least, 0)} and {percent(largest, 0)})"
        how += (f"; {percent(share, 0)}{bounds} of the length of their slow and strong manifolds is farther from the data than "
                "99 % of data from their own neighbour")  # fmt: skip
        along = least >= 1 - 1e-9
    return [Claim("C6", TEXTS["C6"], SHOWN if far == n and along else PARTLY, how)]
