"""What is said of decision surfaces: findings, claims C1 and C2, and laws (§6, §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from separatrix.certainty import Certainty, Statement
from separatrix.study.surface_portrait import SurfacePortrait
from separatrix.study.wording import counted, number

if TYPE_CHECKING:
    from separatrix.study.analysis import Check, Claim

TEXTS = {
    "C1": "neurons correspond to simplexes of a complex that approximates the decision surface",
    "C2": "its homology groups are topological invariants of what was learned",
}
EXACT = "signs of every neuron at every vertex decided by error bounds or rational arithmetic; integer homology"
CERTIFIED = "interval arithmetic on every simplex; integer homology"
SHOWN, PARTLY, IMPOSSIBLE = "shown", "partly shown", "not possible here"


def surface_findings(surfaces: tuple[SurfacePortrait, ...]) -> list[Statement]:
    """What the surface is made of, its groups, and the islands of the regions."""
    found = []
    for portrait in surfaces:
        rests_on = EXACT if portrait.is_exact else CERTIFIED
        found.append(Statement(_of_the_surface(portrait), portrait.certainty, rests_on))
        if portrait.n_islands:
            found.append(Statement(_of_islands(portrait), portrait.regions_certainty, rests_on))
    return found


def _of_the_surface(portrait: SurfacePortrait) -> str:
    where = f"On {portrait.place}"
    if not any(portrait.cell_counts):
        return f"{where} there is no decision surface: one class wins everywhere."
    names = ", ".join(
        f"{count:,} {name}" for count, name in zip(portrait.cell_counts, _names(portrait.dim), strict=False)
    )
    text = f"{where} the decision surface is a complex of {names}: {counted(portrait.n_components, 'component')}"
    text = text.replace("one component", "one connected piece").replace("components", "separate pieces")
    groups = group_words(portrait)
    unsettled = (
        "" if not portrait.n_unsettled else f" {portrait.n_unsettled:,} small parts of the box stayed undecided."
    )
    return f"{text}, with homology {groups}.{unsettled}"


def _names(dim: int) -> tuple[str, ...]:
    return ("vertices", "edges", "polygons", "3-cells", "4-cells", "5-cells")[:dim]


def group_words(portrait: SurfacePortrait) -> str:
    """The homology groups in one line.

    >>> from types import SimpleNamespace
    >>> group_words(SimpleNamespace(betti=(1, 1), torsion=((), (2,))))
    'H0 = Z, H1 = Z + Z/2'
    """
    return ", ".join(
        f"H{k} = {group(b, t)}" for k, (b, t) in enumerate(zip(portrait.betti, portrait.torsion, strict=True))
    )


def group(betti: int, torsion: tuple[int, ...]) -> str:
    """A finitely generated group.

    >>> group(2, (3,)), group(0, ())
    ('Z^2 + Z/3', '0')
    """
    free = [] if not betti else ["Z" if betti == 1 else f"Z^{betti}"]
    return " + ".join([*free, *(f"Z/{order}" for order in torsion)]) or "0"


def _of_islands(portrait: SurfacePortrait) -> str:
    owners = [region for region in portrait.regions if region.n_islands]
    parts = [f"{number(region.n_islands)} of class {region.k}" for region in owners]
    meaning = "components of a decision region that hold no data" if owners[0].n_data >= 0 else (
        "components of a decision region that do not touch the edge")  # fmt: skip
    listed = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
    there = "is" if portrait.n_islands == 1 else "are"
    return f"On {portrait.place} there {there} {counted(portrait.n_islands, 'island')} ({meaning}): {listed}."


def surface_claims(surfaces: tuple[SurfacePortrait, ...], note: str) -> list[Claim]:
    """C1 and C2, as far as this run speaks to them."""
    from separatrix.study.analysis import Claim

    if not surfaces:
        return [Claim(name, text, IMPOSSIBLE, note) for name, text in TEXTS.items()] if note else []
    made, groups = [], []
    for portrait in surfaces:
        cells = " + ".join(f"{n:,}" for n in portrait.cell_counts)
        made.append(
            f"on {portrait.place} a complex of {cells} cells, made by {counted(portrait.n_neurons, 'neuron')} (each dominates "
            f"at least one cell)"
            + (
                f"; the nerve of their cover has Betti numbers {portrait.nerve_betti}, the surface {portrait.betti}"
                if portrait.nerve_betti
                else ""
            )
        )
        groups.append(f"on {portrait.place}: {group_words(portrait)} over Z, {portrait.certainty}")
    partly = any(portrait.is_slice for portrait in surfaces)
    return [
        Claim("C1", TEXTS["C1"], PARTLY if partly else SHOWN, "; ".join(made)),
        Claim("C2", TEXTS["C2"], PARTLY if partly else SHOWN, "; ".join(groups)),
    ]


def surface_checks(surfaces: tuple[SurfacePortrait, ...]) -> list[Check]:
    """Euler characteristic two ways; the box's cells; duality in the plane and in space."""
    from separatrix.study.analysis import Check

    found = []
    for portrait in surfaces:
        by_cells = sum((-1) ** k * n for k, n in enumerate(portrait.cell_counts))
        by_groups = sum((-1) ** k * b for k, b in enumerate(portrait.betti))
        found.append(
            Check(
                "Euler characteristic",
                f"cells and Betti numbers of the surface on {portrait.place} give one Euler number",
                by_cells == by_groups,
                f"{by_cells} by cells, {by_groups} by groups",
            )
        )
        if portrait.ambient_counts:
            total = sum((-1) ** k * n for k, n in enumerate(portrait.ambient_counts))
            signed = [f"{'-+'[k % 2 == 0]} {n:,}" for k, n in enumerate(portrait.ambient_counts)]
            cells = " ".join(signed).removeprefix("+ ")
            found.append(
                Check(
                    "cells of the box",
                    "the alternating sum of the cells of a box is 1",
                    total == 1,
                    f"{cells} = {total}",
                )
            )
        found += _torsion(portrait)
    return found


def _torsion(portrait: SurfacePortrait) -> list[Check]:
    """A subcomplex of codimension one in R^n has no torsion in its two highest degrees (Alexander duality)."""
    from separatrix.study.analysis import Check

    if portrait.dim < 2 or len(portrait.betti) != portrait.dim:
        return []
    high = portrait.torsion[portrait.dim - 2 :]
    return [
        Check(
            "torsion",
            "a subset of space has no torsion in codimensions one and two",
            not any(high),
            f"{len(high)} degrees",
        )
    ]


def weakest_certainty(surfaces: tuple[SurfacePortrait, ...]) -> Certainty:
    """That of all surfaces together."""
    return Certainty.weakest(portrait.certainty for portrait in surfaces)
