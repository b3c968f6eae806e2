"""The surface chapter of a study: the decision surface, its regions, neurons and homology at each place (§6, §7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Domain
from separatrix.errors import SeparatrixError
from separatrix.study.stages import LOGGER, Stages
from separatrix.study.surface_drawing import drawing_of
from separatrix.study.surface_places import MOST_INPUTS, Place, places_of
from separatrix.study.surface_portrait import NeuronSummary, RegionSummary, SurfacePortrait
from separatrix.study.wording import counted
from separatrix.surface.decision_regions import decision_regions
from separatrix.surface.decision_surface import decision_surface

if TYPE_CHECKING:  # the shell's surface command needs neither, and they load the flow
    from separatrix.study.pieces import Pieces
    from separatrix.study.question import Question

MOST_CELLS = 2_000_000
MOST_SHOWN_NEURONS = 12
MOST_WRITTEN_CELLS = 60


@dataclass(eq=False)
class SurfaceChapter:
    """The surfaces of a question, filled place by place; ``note``: why there is none."""

    question: Question
    pieces: Pieces
    stages: Stages
    through: Any = None
    found: list[SurfacePortrait] = field(default_factory=list)
    note: str = ""

    @property
    def takes_long(self) -> bool:
        """Whether nobody asked for a slice and it takes minutes, as enclosures of smooth convolutional networks do."""
        net = self.question.net
        return self.through is None and net.is_structured and net.n_inputs > MOST_INPUTS and not net.is_piecewise_linear

    def run(self) -> None:
        """Every place, each as one stage; a place that cannot be settled leaves its reason in ``note``."""
        places, self.note = places_of(self.question, self.through)
        for place in places:
            with self.stages.stage("the decision surface") as finding:
                key = self.pieces.key("surface", place.net, place.box, None if place.data is None else place.data.x,
                                      place.anchors, place.points, place.labels, MOST_CELLS)  # fmt: skip
                try:
                    portrait = self.pieces.made(
                        f"surface on {place.words}",
                        key,
                        SurfacePortrait,
                        lambda place=place: surface_portrait(place, self.question.domain),
                    )
                except SeparatrixError as error:
                    self.note = str(error)
                    LOGGER.info("the decision surface on %s is left out: %s", place.words, error)
                    continue
                self.found.append(portrait)
                finding.say(in_short(portrait))


def surface_portrait(place: Place, domain: Domain, classes: tuple[int, int] | None = None) -> SurfacePortrait:
    """What is known of the decision surface at a place."""
    regions = decision_regions(place.net, place.box, None if place.data is None else place.data.x, **_limits(place))
    surface = regions.surface if classes is None else None
    if surface is None:
        surface = decision_surface(place.net, place.box, classes, **_limits(place))
    groups = surface.homology()
    neurons, n_neurons, nerve = _neurons(surface)
    ambient = surface.ambient
    return SurfacePortrait(
        place=place.words, dim=place.box.dim, is_slice=place.slice is not None, is_exact=place.net.is_piecewise_linear,
        anchors=place.anchors,
        anchor_points=place.points, anchor_labels=place.labels, cell_counts=surface.cell_counts,
        ambient_counts=tuple(ambient.cell_counts), betti=groups.betti, torsion=groups.torsion,
        regions=_regions(regions, place), regions_certainty=regions.certainty, triple_points=len(regions.triple_points),
        neurons=neurons, n_neurons=n_neurons, nerve_betti=nerve, computation=groups.explain("text"),
        computed="the decision surface", n_exact=int(getattr(ambient, "n_exact_decisions", 0)),
        n_unsettled=len(getattr(surface, "unsettled", ())), drawing=drawing_of(surface, groups, place, domain),
        domain=place.box, certainty=Certainty.weakest([surface.certainty, groups.certainty]), provenance=surface.provenance,
    )  # fmt: skip


def _regions(regions: Any, place: Place) -> tuple[RegionSummary, ...]:
    with np.errstate(over="ignore", under="ignore"):
        total = float(np.prod(place.box.width))
        shares = [
            0.5 * (region.volume + region.volume_upper) / total if 0 < total < np.inf else np.nan for region in regions
        ]
    found = []
    for k in range(place.net.n_classes):
        region = regions[k]
        if not region.n_components:
            continue
        n_data = -1 if place.data is None else sum(component.n_data or 0 for component in region.components)
        found.append(
            RegionSummary(
                k,
                region.n_components,
                len(region.islands),
                tuple(region.homology().betti),
                shares[k],
                n_data,
                "; ".join(region.notes),
            )
        )
    return tuple(found)


def _neurons(surface: Any) -> tuple[tuple[NeuronSummary, ...], int, tuple[int, ...]]:
    """The neurons that dominate most cells, how many dominate any, and the Betti numbers of the nerve."""
    if surface.is_empty or surface.dim != surface.network.n_inputs - 1:
        return (), 0, ()
    cover = surface.neurons
    ids, counts = np.unique(cover.dominant, return_counts=True)
    order = np.lexsort([ids, -counts])
    rows = [
        NeuronSummary(int(ids[i]), int(counts[i]), float(cover.shares[cover.dominant == ids[i], ids[i]].mean()))
        for i in order[:MOST_SHOWN_NEURONS]
    ]
    return tuple(rows), len(ids), tuple(cover.nerve.homology().betti)


def in_short(portrait: SurfacePortrait) -> str:
    """A surface in one line."""
    cells = " + ".join(f"{n:,}" for n in portrait.cell_counts)
    parts = f"{cells} cells, {counted(portrait.n_components, 'component')}"
    return f"{parts}, {counted(portrait.n_islands, 'island')} on {portrait.place}"


def _limits(place: Place) -> dict[str, Any]:
    """How much work one surface may be."""
    return {"max_cells" if place.net.is_piecewise_linear else "max_simplices": MOST_CELLS}
