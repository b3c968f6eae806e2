"""Polyhedral complexes for the tests of this room: by hand, and of networks by the exact engine."""

from __future__ import annotations

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.complexes.sign_layout import SignLayout
from separatrix.domains import Box, WholeSpace
from separatrix.networks.network import Network
from separatrix.surface.arrangement.cut import cut
from separatrix.surface.arrangement.linear_steps import linear_steps


def random_network(seed, *widths):
    rng = np.random.default_rng(seed)
    pairs = list(zip(widths, widths[1:], strict=False))
    return Network.from_arrays([rng.normal(size=(b, a)) for a, b in pairs], [rng.normal(size=b) for _, b in pairs])


def hyperplanes(normals, offsets):
    """A network whose neurons are n . x + b; the logits are (0, sum of the neurons)."""
    normals = np.array(normals, dtype=float)
    return Network.from_arrays([normals, np.ones((1, len(normals)))], [np.array(offsets, dtype=float), np.zeros(1)])


def regions(network, box, rows=None):
    """The box cut by the hidden neurons, and by combinations ``rows`` of the logits."""
    steps = linear_steps(network, rows)
    found = cut(steps if rows is not None else steps[:-1], box.lower, box.upper)
    return of_arrangement(found, network, steps, box)


def whole_space(network, reach=2.0**20):
    """R^n cut by the hidden neurons, with a far box that is large enough for them."""
    steps, n = linear_steps(network), network.n_inputs
    found = cut(steps[:-1], np.full(n, -reach), np.full(n, reach))
    far = (np.abs(found.vertices) == reach).any(axis=1)
    return of_arrangement(found, network, steps, WholeSpace(n), far)


def of_arrangement(found, network, steps, domain, far=None):
    return PolyhedralComplex.of(
        found.cells,
        found.vertices,
        far=far,
        vertex_error=found.vertex_error,
        positive=found.positive,
        negative=found.negative,
        layout=found.layout,
        network=network,
        steps=tuple(steps),
        domain=domain,
    )


def crossed_square():
    """[-1, 1]^2 cut by the axes, written down: vertices row by row, edges along x then along y, squares row by row."""
    points = np.array([(x, y) for y in (-1.0, 0.0, 1.0) for x in (-1.0, 0.0, 1.0)])
    along_x = [[3 * r + c, 3 * r + c + 1] for r in range(3) for c in range(2)]
    along_y = [[3 * r + c, 3 * r + c + 3] for r in range(2) for c in range(3)]
    squares = [[2 * r + c, 6 + 3 * r + c + 1, 2 * r + 2 + c, 6 + 3 * r + c] for r in range(2) for c in range(2)]
    cells = Cells.from_facets([9, 12, 4], [along_x + along_y, squares], [[[-1, 1]] * 12, [[1, 1, -1, -1]] * 4])
    layout = SignLayout.of(2, [2])
    box = np.stack([points[:, 0] > -1, points[:, 0] < 1, points[:, 1] > -1, points[:, 1] < 1], axis=1)
    positive, negative = layout.packed(np.sign(points).astype(np.int8), box.astype(np.int8))
    steps = tuple(linear_steps(hyperplanes(np.eye(2), [0, 0])))
    return PolyhedralComplex.of(
        cells,
        points,
        vertex_error=np.zeros(9),
        positive=positive,
        negative=negative,
        layout=layout,
        steps=steps,
        domain=Box.cube(2, -1, 1),
    )
