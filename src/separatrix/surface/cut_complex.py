"""The complex of a network's linear regions, cut by contrasts of its logits as well (§6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.domains import Domain, WholeSpace, as_domain
from separatrix.errors import InputError, KindError, printable
from separatrix.networks.network import Network
from separatrix.surface.top_classes import Contrasts


def as_surface_domain(network: Network, box: Any) -> Domain:
    """``box`` as a domain of the network's inputs; None stands for the whole space."""
    return WholeSpace(network.n_inputs) if box is None else as_domain(box, network.n_inputs)


CELL_OPTIONS = ("max_cells", "progress")
MESH_OPTIONS = ("halvings", "max_simplices", "resolution")


def as_limits(network: Network, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a surface, checked: those of cells for piecewise linear networks, of meshes for smooth ones.

    ``max_cells`` is a limit of either; a mesh of simplices shows no progress. Raises InputError and KindError.
    """
    known = CELL_OPTIONS + (() if network.is_piecewise_linear else MESH_OPTIONS)
    unknown = sorted(set(options) - set(known))
    if unknown:
        kind = "piecewise linear" if network.is_piecewise_linear else "smooth"
        raise InputError(
            f"unknown option {printable(unknown[0])}; the surface of a {kind} network takes {', '.join(known)}"
        )
    most, progress = options.get("max_cells"), options.get("progress")
    if most is not None and (isinstance(most, (bool, float)) or not isinstance(most, (int, np.integer)) or most < 1):
        raise InputError(f"max_cells: expected a positive integer, came {printable(repr(most))}")
    if progress is not None and not callable(progress):
        raise KindError(f"progress: expected a function (stage, done, total), came {type(progress).__name__}")
    found = {name: value for name, value in options.items() if value is not None}
    if not network.is_piecewise_linear:
        found.pop("progress", None)
        if "max_cells" in found:
            found.setdefault("max_simplices", found.pop("max_cells"))
            found.pop("max_cells", None)
    return found


def cut_complex(
    network: Network, domain: Domain, contrasts: Contrasts, *, surface_only: bool = False, **limits: Any
) -> PolyhedralComplex:
    """Cells of constant signs of all hidden neurons and of the rows of ``contrasts``, in a box or in the whole space.

    ``surface_only``: linear regions may be dropped on which the classes asked for are proved not to tie at the top.
    Raises InputError for networks that are not piecewise linear and for more inputs than an arrangement takes.
    """
    from separatrix.surface.arrangement.arranged_complex import arranged_complex
    from separatrix.surface.arrangement.linear_steps import linear_steps
    from separatrix.surface.arrangement.pruning import first_row_vanishes, top_tie

    rule = None
    if surface_only and not isinstance(domain, WholeSpace):
        rule = top_tie(contrasts.n_classes) if contrasts.cuts_below else first_row_vanishes
    return arranged_complex(network, domain, linear_steps(network, contrasts.rows), rule, **limits)
