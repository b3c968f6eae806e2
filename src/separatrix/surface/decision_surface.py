"""The decision surface of a piecewise linear network as an exact polyhedral complex (§6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.errors import InputError, KindError, printable
from separatrix.networks.network import Network
from separatrix.surface.argmax_complex import argmax_complex, class_words
from separatrix.surface.cut_complex import as_limits, as_surface_domain, cut_complex
from separatrix.surface.surface_record import DecisionSurface
from separatrix.surface.top_classes import Contrasts, as_classes, surface_masks


def decision_surface(
    net: Network, box: Any = None, classes: Any = None, method: str = "exact", **options: Any
) -> DecisionSurface:
    """Where the winning class changes: {z_i = z_j >= z_l} of a pair, or where any two classes tie at the top.

    ``net``: a piecewise linear network gives the exact complex, all cells of all dimensions, with proved counts; a smooth
    one, with up to 3 inputs, a certified simplicial surface. ``box``: a Box or a pair (lower, upper); None is the whole
    space. ``classes``: a pair (i, j), or None for all classes. ``options``: ``max_cells`` of the arrangement, beyond which it
    is given up; for smooth networks ``halvings`` and ``max_simplices`` of the mesh. Returns a :class:`DecisionSurface`. Where
    the difference of the logits vanishes (is zero) on a full cell, the surface is that set, of dimension n. Raises
    InputError and KindError for what is none of these, UnresolvedError where a limit is reached.

    >>> net = Network.from_arrays([[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[-1.0] * 4]], [[0.0] * 4, [1.0]])
    >>> surface = decision_surface(net, ([-2, -2], [2, 2]))  # 1 = |x| + |y|
    >>> surface.cell_counts, surface.homology().betti
    ((4, 4), (1, 1))
    """
    if not isinstance(net, Network):
        raise KindError(f"expected a Network, came {type(net).__name__}; separatrix.load reads one")
    if method != "exact":
        raise InputError(f"method: expected 'exact', came {printable(repr(method))}")
    pair, domain = as_classes(net, classes), as_surface_domain(net, box)
    if not net.is_piecewise_linear:
        from separatrix.surface.smooth.decision_surface_smooth import smooth_decision_surface

        return smooth_decision_surface(net, domain, pair, **as_limits(net, options))
    contrasts = Contrasts.of(net.n_classes, pair)
    fine = cut_complex(net, domain, contrasts, surface_only=True, **as_limits(net, options))
    found = surface_complex(fine, contrasts)
    return PolyhedralSurface(
        complex=found,
        network=net,
        classes=pair,
        domain=domain,
        certainty=found.certainty,
        provenance=found.provenance,
    )


def surface_complex(fine: PolyhedralComplex, contrasts: Contrasts) -> PolyhedralComplex:
    """The surface as a complex of its own, from a complex cut by the rows of ``contrasts``; at least of dimension n - 1."""
    masks = [mask[:count] for mask, count in zip(surface_masks(fine, contrasts), fine.cell_counts, strict=True)]
    highest = max((k for k, mask in enumerate(masks) if mask.any()), default=0)
    part = fine.subcomplex(masks, dim=max(highest, fine.ambient_dim - 1))
    if contrasts.n_classes > 2:
        part = argmax_complex(part, contrasts) if contrasts.cuts_below else class_words(part, contrasts)
    return replace(part, inclusion=None)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PolyhedralSurface(DecisionSurface):
    """The decision surface of a piecewise linear network: cells of constant hidden signs and constant classes at the top.

    ``complex`` has, after the hidden neurons, rows of signs: of z_i - z_j with two classes, else of max z - z_k, one a
    class. Its counts are proved.
    """

    @property
    def ambient(self) -> PolyhedralComplex:
        """The linear regions cut by the surface: by {z_i = z_j} with two classes or a pair, else the argmax complex."""
        return self._ambient

    @cached_property
    def _ambient(self) -> PolyhedralComplex:
        n_classes = self.network.n_classes
        if self.classes is not None and n_classes > 2:
            return cut_complex(self.network, self.domain, Contrasts(n_classes, (self.classes,), self.classes))
        contrasts = Contrasts.of(n_classes, self.classes)
        fine = cut_complex(self.network, self.domain, contrasts)
        return argmax_complex(fine, contrasts) if contrasts.cuts_below else fine

    def top_classes(self, k: int) -> np.ndarray:
        """Which classes are at the top on every k-cell of the surface, (cells, n_classes) boolean."""
        n_classes = self.network.n_classes
        if n_classes == 2:
            return np.ones((self.cell_counts[self.complex.cells.dimension(k)], 2), dtype=bool)
        return self.complex.top_classes(k)

    @property
    def on_box(self) -> tuple[np.ndarray, ...]:
        """Masks by dimension of the surface's cells in the faces of the box, for ``homology(relative_to=surface.on_box)``."""
        found = self.complex
        return tuple((found.box_signs(k) == 0).any(axis=1) for k in range(found.dim + 1))

    def triangulate(self, method: str = "pulling") -> Any:
        """The surface as a simplicial complex: ``"pulling"`` (no new vertices) or ``"barycentric"``."""
        return self.complex.triangulate(method)

    def neuron_cover(self, layer: int = 0) -> Any:
        """The cover of the surface by the neurons of a hidden layer (0: the first), a NeuronCover."""
        from separatrix.surface.surface_neurons import polyhedral_neuron_cover

        return polyhedral_neuron_cover(self, layer)

    def piecewise_linear_approximation(self, **options: Any) -> Any:
        """Only smooth networks have one: this surface is piecewise linear. Raises InputError."""
        raise InputError("this network is piecewise linear: its surface is exact and needs no approximation")
