"""The words of the page: each explained once at the foot, its first use linked there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from separatrix.views.notation import formulas


@dataclass(frozen=True)
class Term:
    """``name`` as it heads its entry, ``text`` of the entry, ``forms``: how the word appears in sentences."""

    name: str
    text: str
    forms: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """The id of the entry on the page."""
        return "term-" + re.sub(r"[^a-z]+", "-", self.name.lower())


def _term(name: str, text: str, *forms: str) -> Term:
    return Term(name, text, forms or (name, name + "s"))


TERMS = (
    _term(
        "active coordinate",
        "A coordinate that stands on a side of the box, such as a pixel that is fully black or fully "
        "white. The others are free.",
        "active coordinate",
        "active coordinates",
    ),
    _term(
        "basin",
        "All points whose trajectories end in one sink. Its share is the fraction of a sample that does, given with "
        "a Wilson confidence interval.",
        "basin",
        "basins",
        "basin of attraction",
        "basins of attraction",
    ),
    _term(
        "Betti number",
        "The rank of a homology group: b₀ counts connected components, b₁ holes or tunnels, b₂ cavities.",
        "Betti number",
        "Betti numbers",
    ),
    _term(
        "class of a sink",
        "The class that the network predicts at the sink.",
        "sink's class",
        "class of a sink",
        "class of the sink",
    ),
    _term(
        "Conley index",
        "What the boundary of a neighbourhood tells of the flow inside: the homology of the neighbourhood relative to the part "
        "where the flow leaves it. Of a non-degenerate equilibrium it is one Z in the degree of its Morse index. Small "
        "perturbations of the flow do not change it.",
        "Conley index",
        "Conley indices",
    ),
    _term(
        "critical point",
        "A point at which the flow rests: an equilibrium. It is non-degenerate when no eigenvalue on the free "
        "face and no multiplier is zero.",
    ),
    _term(
        "equilibrium",
        "A point at which the flow rests. On a box: the gradient vanishes along free coordinates and points out of "
        "the box along active ones.",
        "equilibrium",
        "equilibria",
    ),
    _term(
        "gradient flow",
        "Motion along the gradient of a potential: uphill, at a speed equal to the slope. On a box the part that "
        "would leave the box is dropped (projected flow).",
        "gradient flow",
        "gradient flows",
        "projected flow",
    ),
    _term(
        "hessian",
        "The matrix of second derivatives of the potential. At a sink all its eigenvalues on the free face are "
        "negative; one near zero is a direction in which hardly anything changes.",
        "Hessian",
    ),
    _term(
        "homology",
        "Groups that count what a space has that points have not: pieces, loops that bound nothing, cavities. Computed here over "
        "the integers, so that twists (torsion) are seen, too.",
        "homology",
    ),
    _term(
        "Krawczyk's test",
        "A computation in outward-rounded arithmetic which, when it succeeds, proves that a box holds exactly one "
        "equilibrium.",
        "Krawczyk's test",
        "Krawczyk",
    ),
    _term(
        "log-density",
        "f = log Σ exp z over the logits z: the unnormalised log-density that a classifier defines. One flow with "
        "sinks of several classes, so the potential of the global portrait.",
    ),
    _term(
        "log-odds",
        "l = log p / (1 − p) of one class. Its flow has the orbits and equilibria of the flow of the probability p, "
        "and does not vanish to rounding where the network is confident.",
        "log-odds",
    ),
    _term(
        "Morse graph",
        "The recurrent parts of a flow (here sets of equilibria) as nodes, with a line where orbits lead from one to the other.",
        "Morse graph",
    ),
    _term(
        "Morse index",
        "Number of positive eigenvalues of the Hessian on the free face: the dimension in which the potential still "
        "rises. A sink has index 0, a pass between two sinks index 1.",
        "Morse index",
    ),
    _term(
        "multiplier",
        "The outward slope of the potential on an active coordinate. Where all are positive the point is held on its "
        "face; the smallest says how firmly.",
    ),
    _term(
        "off-data score",
        "Distance of a sink to the nearest datum, over the median distance of data of its class to their own nearest "
        "neighbours. Above 1 the sink is farther from the data than they usually are from each other.",
        "off-data score",
        "off-data scores",
    ),
    _term(
        "persistence",
        "How long a component or a hole of {f ≥ c} lives while c falls: born at one critical value, gone at another.",
        "persistence",
    ),
    _term("potential", "The function that the flow climbs."),
    _term(
        "proof radius",
        "Half side of a box about the sink in which it is proved to be the only equilibrium.",
        "proof radius",
    ),
    _term(
        "saddle",
        "An equilibrium from which the potential rises in some directions and falls in others: a pass between sinks.",
    ),
    _term("separatrix", "The border between basins: the points that flow to saddles.", "separatrix", "separatrices"),
    _term("sink", "An equilibrium that attracts every trajectory that starts near: a local maximum of the potential."),
    _term(
        "slow manifold",
        "The curve through a sink along which trajectories approach it last and slowest: here the direction of the "
        "Hessian's eigenvalue nearest to zero.",
        "slow manifold",
        "slow manifolds",
    ),
    _term(
        "strong manifold",
        "The curve through a sink along which trajectories approach it fastest: the direction of the eigenvalue "
        "farthest from zero.",
        "strong manifold",
        "strong manifolds",
    ),
    _term(
        "unresolved",
        "A sample whose trajectory reached no known sink within its budget of steps. It is never given to the nearest "
        "sink.",
        "unresolved",
    ),
)


class Linker:
    """Turns text into markup, linking the first use of every term; escapes everything else."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self._terms = {form.lower(): term for term in TERMS for form in term.forms}
        forms = sorted(self._terms, key=len, reverse=True)
        self._pattern = re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, forms)) + r")(?![\w-])", re.IGNORECASE)

    def __call__(self, text: object) -> Markup:
        """``text`` escaped, formulas set, first uses linked."""
        parts: list[Markup] = []
        last, plain = 0, str(text)
        for match in self._pattern.finditer(plain):
            term = self._terms[match.group().lower()]
            if term.name in self.used:
                continue
            self.used.add(term.name)
            parts += [
                formulas(escape(plain[last : match.start()])),
                Markup('<a class="term" href="#{}">{}</a>').format(term.anchor, match.group()),
            ]
            last = match.end()
        return Markup("").join([*parts, formulas(escape(plain[last:]))])
