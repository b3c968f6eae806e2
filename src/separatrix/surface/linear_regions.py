"""The linear regions of a piecewise linear network as a complex of cells of all dimensions (§6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.domains import WholeSpace, as_domain
from separatrix.errors import InputError, KindError, printable
from separatrix.networks.network import Network


def linear_regions(
    net: Network,
    box: Any = None,
    *,
    max_cells: int = 50_000_000,
    progress: Callable[[str, int, int], object] | None = None,
) -> PolyhedralComplex:
    """Cells of all dimensions on which every hidden neuron has one sign, the box's faces included (§6).

    ``box``: a Box or a pair (lower, upper); None is the whole space with its unbounded cells. 1 to 10 inputs. The outputs
    are not neurons: they cut nothing. Signs are proved: doubles with rounding bounds, rational numbers where a bound
    straddles zero. Raises InputError for networks that are not piecewise linear, for too many inputs and for boxes of
    another dimension, KindError for what is no network, UnresolvedError for more than ``max_cells`` cells and where no
    box is proved to hold all vertices. ``progress("neurons", done, total)`` is called after every neuron.

    >>> import numpy as np
    >>> net = Network.from_arrays([np.eye(2), np.ones((1, 2))], [np.zeros(2), np.zeros(1)], "relu")
    >>> linear_regions(net, ([-1, -1], [1, 1])).cell_counts
    (9, 12, 4)
    """
    from separatrix.surface.arrangement.arranged_complex import arranged_complex
    from separatrix.surface.arrangement.linear_steps import linear_steps

    if not isinstance(net, Network):
        raise KindError(f"expected a Network, came {type(net).__name__}; read one with separatrix.load")
    if isinstance(max_cells, bool) or not isinstance(max_cells, (int, np.integer)) or max_cells < 1:
        raise InputError(f"max_cells: expected a positive integer, came {printable(repr(max_cells))}")
    if progress is not None and not callable(progress):
        raise KindError(f"progress: expected a function (stage, done, total), came {type(progress).__name__}")
    domain = WholeSpace(net.n_inputs) if box is None else as_domain(box, net.n_inputs)
    return arranged_complex(net, domain, linear_steps(net), cuts_outputs=False, max_cells=max_cells, progress=progress)
