"""Coordinates to which a network hardly answers: a decayed pixel has weights of 1e-38, an unused one zeros."""

from __future__ import annotations

import numpy as np

from separatrix.potentials.base import Potential

TINY = 1e-6


def input_weights(potential: Potential) -> np.ndarray | None:
    """Largest absolute weight from every input, (dim,); None where inputs do not enter by affine layers alone."""
    net = potential.net
    if net is None:
        return None
    found = np.zeros(potential.dim)
    for node in net.nodes[1:]:
        if 0 in node.parents:
            weight = getattr(node.layer, "weight", None)
            if weight is None:
                return None
            found = np.maximum(found, np.abs(weight).max(axis=0))
    return found


def ignored_coordinates(potential: Potential) -> np.ndarray:
    """Coordinates on which the potential does not depend: all weights from them are zero, (dim,)."""
    weights = input_weights(potential)
    return np.zeros(potential.dim, dtype=bool) if weights is None else weights == 0


def faint_coordinates(potential: Potential) -> np.ndarray:
    """Coordinates whose weights are below TINY of the largest: they move after everything else has come to rest, (dim,)."""
    weights = input_weights(potential)
    return np.zeros(potential.dim, dtype=bool) if weights is None else weights <= TINY * weights.max(initial=0.0)
