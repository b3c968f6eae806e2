"""A network's cells in a box or in the whole space as the record that a person sees."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.complexes.sign_layout import SignLayout
from separatrix.domains import Domain, WholeSpace
from separatrix.networks.network import Network
from separatrix.records import Provenance
from separatrix.surface.arrangement.arrangement import Arrangement
from separatrix.surface.arrangement.cut import cut
from separatrix.surface.arrangement.fixed_signs import fixed_signs
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.pruning import Rule
from separatrix.surface.arrangement.reduced_steps import reduced


def arranged_complex(
    network: Network,
    domain: Domain,
    steps: Sequence[LinearStep],
    keep: Rule | None = None,
    *,
    cuts_outputs: bool = True,
    **limits: Any,
) -> PolyhedralComplex:
    """The cells of ``domain`` cut by all coordinates of ``steps`` that have signs; ``keep`` (on boxes) and
    ``max_cells`` and ``progress`` (in ``limits``) as in :func:`cut`.

    ``cuts_outputs=False``: the last step, which holds the outputs, cuts nothing. The signs are proved, and so are the
    counts. Raises InputError for more than 10 inputs, UnresolvedError for too many cells and where the whole space shows new
    cells beyond every box that is tried.
    """
    begun, far = time.perf_counter(), None
    cutting = steps if cuts_outputs else steps[:-1]
    method = "insertion of neurons, signs proved"
    if isinstance(domain, WholeSpace):
        arrangement, size = _in_whole_space(cutting, domain.dim, limits)
        faces = np.uint64((1 << 2 * domain.dim) - 1)
        far = (arrangement.positive[:, 0] & faces) != faces
        method += f"; whole space: the box [-{size:g}, {size:g}]^{domain.dim} is proved to be large enough"
    else:
        arrangement = _in_box(cutting, domain.lower, domain.upper, keep=keep, **limits)
    fields: dict[str, Any] = {
        name: getattr(arrangement, name)
        for name in ("vertex_error", "positive", "negative", "layout", "n_exact_decisions")
    }
    return PolyhedralComplex.of(
        arrangement.cells,
        arrangement.vertices,
        far=far,
        network=network,
        steps=tuple(steps),
        domain=domain,
        certainty=Certainty.PROVED,
        provenance=Provenance(method, seconds=time.perf_counter() - begun),
        **fields,
    )


def _in_box(steps: Sequence[LinearStep], lower: np.ndarray, upper: np.ndarray, **options: Any) -> Arrangement:
    """The arrangement, made without the neurons that are found to have one sign in the box."""
    fixed = fixed_signs(steps, lower, upper)
    if fixed is None:
        return cut(steps, lower, upper, **options)
    found = cut(reduced(steps, fixed), lower, upper, **options)
    coordinates = tuple(step.creased.astype(np.int64) for step in steps)
    return replace(found, layout=SignLayout(lower.size, coordinates, found.layout.has_rows, tuple(fixed)))


def _in_whole_space(steps: Sequence[LinearStep], dim: int, limits: dict[str, Any]) -> tuple[Arrangement, float]:
    """The arrangement in a box that is large enough, and its half width; without neurons any box is."""
    from separatrix.surface.arrangement.far_box import cut_whole_space

    if not steps:
        return cut(steps, -np.ones(dim), np.ones(dim)), 1.0
    return cut_whole_space(steps, lambda lower, upper: cut(steps, lower, upper, **limits))
