"""connection_matrix: the boundary operator between the Conley indices of all Morse sets, over Z or Z/p (§9)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.connection_matrix_record import ConnectionMatrix
from separatrix.conley.graded_reduction import matched, morse_boundaries, rank_modulo, without_units
from separatrix.conley.morse_graph_record import MorseGraph
from separatrix.domains import Box
from separatrix.errors import InputError, KindError, SeparatrixError, printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.piecewise_linear.creases import has_creases
from separatrix.homology.coefficients import Coefficients
from separatrix.homology.homology_record import Homology
from separatrix.morse.connection_record import Connections
from separatrix.morse.morse_complex import MorseComplex, morse_complex
from separatrix.records import Provenance

MOST_DIM, LARGEST_PRIME = 3, 2**31
METHODS = ("Morse complex", "superlevel filtration")
Fields = dict[str, Any]


def connection_matrix(
    flow: GradientFlow,
    sets: MorseGraph | CriticalPoints,
    p: int = 2,
    *,
    connections: Connections | None = None,
    method: str | None = None,
) -> ConnectionMatrix:
    """The connection matrix of the Morse sets of a flow over Z/p, or over Z with ``p`` = 0 where all are points. f is climbed.

    ``sets``: a Morse graph of this flow, or its critical points; ``connections``: the orbits between the points, where they
    are known. Where all sets are non-degenerate points and the orbits between them are counted, the matrix is the boundary
    operator of the Morse complex. Elsewhere (``method`` "superlevel filtration"; dimensions 1 to 3, p prime) it is read off
    the box filtered by superlevel sets between the values of the equilibria, (9.12): an admissible order is that of heights.
    Its homology is compared with H_*(B, exit set).

    Raises InputError where p is not 0 or a prime, KindError for other kinds. What cannot be computed is a record that says so
    in ``missing``.

    >>> import separatrix as sx
    >>> flow = sx.GradientFlow(sx.expression("-(x**2 - 1)**2 - y**2", "x y"), ([-2, -2], [2, 2]), "exit")
    >>> found = connection_matrix(flow, sx.critical_points(flow.potential, flow.domain))
    >>> found.sets, found.matrix.tolist(), found.agrees
    (('s0', 's1', 'p0'), [[0, 0, 1], [0, 0, 1], [0, 0, 0]], True)
    """
    begun = time.perf_counter()
    points, graph, ring = _asked(flow, sets, p, method)
    found: Fields | None = None
    reasons: list[str] = []
    if method in (None, METHODS[0]):
        found, reasons = _from_orbits(flow, points, graph, connections, ring)
    if found is None and method in (None, METHODS[1]):
        found, more = _from_levels(flow, points, graph, ring)
        reasons += more
    if found is None:
        found = {"sets": (), "grades": np.zeros(0, dtype=np.int64), "degrees": np.zeros(0, dtype=np.int64)}
        found |= {"matrix": np.zeros((0, 0), dtype=np.int64), "missing": tuple(reasons), "certainty": Certainty.UNKNOWN}
    return ConnectionMatrix(
        coefficients=ring.name,
        domain=flow.domain,
        provenance=Provenance("signed counts of orbits; superlevel sets in cubes", seconds=time.perf_counter() - begun),
        **found,
    )


def _asked(flow: Any, sets: Any, p: Any, method: Any) -> tuple[CriticalPoints, MorseGraph | None, Coefficients]:
    if not isinstance(flow, GradientFlow):
        raise KindError(f"connection_matrix: expected a GradientFlow, came {type(flow).__name__}")
    graph = sets if isinstance(sets, MorseGraph) else None
    points = sets.points if graph is not None else sets
    if not isinstance(points, CriticalPoints):
        raise KindError(f"connection_matrix: expected a MorseGraph or CriticalPoints, came {type(points).__name__}")
    if isinstance(p, bool) or not isinstance(p, (int, np.integer)) or p < 0:
        raise InputError(f"connection_matrix: p must be a prime, or 0 for the integers, came {printable(repr(p), 40)}")
    if p >= LARGEST_PRIME:
        raise InputError(f"connection_matrix: p must lie below 2^31, came {printable(p, 40)}")
    if method is not None and method not in METHODS:
        raise InputError(f"connection_matrix: method must be one of {', '.join(METHODS)} or None, came {method!r}")
    return points, graph, Coefficients.read("Z" if int(p) == 0 else f"Z/{int(p)}")


def _from_orbits(
    flow: GradientFlow,
    points: CriticalPoints,
    graph: MorseGraph | None,
    connections: Connections | None,
    ring: Coefficients,
) -> tuple[Fields | None, list[str]]:
    """The boundary operator of the Morse complex, where that is complete."""
    if has_creases(flow.potential):
        return None, ["orbits of piecewise linear flows are not counted"]
    if points.unresolved:
        return None, [f"{len(points.unresolved)} sets are no points, so that the Morse complex has no place for them"]
    complex_ = morse_complex(flow, points, connections)
    if complex_.missing:
        return None, [f"the Morse complex is not complete: {complex_.missing[0]}"]
    names = _names(points, graph)
    order = np.lexsort((-complex_.points.values, complex_.points.indices))
    matrix = _whole(complex_, len(points))[np.ix_(order, order)]
    if ring.modulus:
        matrix = matrix % ring.modulus
    degrees = complex_.points.indices[order]
    homology = _over(complex_.homology(ring.name), ring)
    expected = None if complex_.expected is None else _over(complex_.expected, ring)
    return {
        "sets": tuple(names[row] for row in order),
        "grades": np.arange(len(order)),
        "degrees": degrees,
        "matrix": matrix,
        "method": METHODS[0],
        "homology": homology,
        "expected": expected,
        "agrees": None if expected is None else homology.betti == expected.betti,
        "certainty": complex_.certainty,
    }, []


def _names(points: CriticalPoints, graph: MorseGraph | None) -> list[str]:
    names = list(points.ids)
    for one in graph.sets if graph is not None else ():
        if len(one.rows) == 1:
            continue
        for row in one.rows:
            names[row] = one.name
    return names


def _whole(complex_: MorseComplex, n: int) -> np.ndarray:
    """All operators as one matrix over the rows of the points."""
    matrix = np.zeros((n, n), dtype=np.int64)
    for k, operator in enumerate(complex_.operators, 1):
        matrix[np.ix_(complex_.generators[k - 1], complex_.generators[k])] = operator
    return matrix


def _over(homology: Homology, ring: Coefficients) -> Homology:
    """The groups as a record without cells; those of the domain have no torsion and the same ranks over any coefficients."""
    return Homology(
        betti=homology.betti,
        torsion=homology.torsion,
        cell_counts=homology.cell_counts,
        coefficients=ring.name,
        is_relative=homology.is_relative,
        certainty=homology.certainty,
        domain=homology.domain,
    )


def _from_levels(
    flow: GradientFlow, points: CriticalPoints, graph: MorseGraph | None, ring: Coefficients
) -> tuple[Fields | None, list[str]]:
    """The matrix of the superlevel filtration, in dimensions 1 to 3."""
    from separatrix.conley.level_filtration import level_filtration

    if not ring.modulus:
        return None, ["over Z a connection matrix is made only of points whose orbits are counted; take a prime p"]
    if not isinstance(flow.domain, Box) or flow.potential.dim > MOST_DIM or has_creases(flow.potential):
        return None, [f"superlevel sets are taken for smooth potentials on boxes of 1 to {MOST_DIM} dimensions"]
    try:
        with np.errstate(all="ignore"):
            filtration = level_filtration(flow.arena.potential, flow.domain, flow.boundary)
    except SeparatrixError as error:
        return None, [str(error)]
    if isinstance(filtration, str):
        return None, [filtration]
    return _reduced(flow.domain, filtration, (points, graph), ring), []


def _reduced(box: Box, filtration: Any, sets: tuple[CriticalPoints, MorseGraph | None], ring: Coefficients) -> Fields:
    """Generators and entries of the filtered complex after reduction within grades."""
    from separatrix.conley.graded_cubes import graded_cubes

    graded = graded_cubes(filtration)
    pairs = matched(graded.complex)
    columns = morse_boundaries(graded.complex, pairs, ring.modulus)
    cells, columns = without_units(columns, pairs.critical, graded.complex.grade, ring.modulus)
    degree, grade = graded.complex.degree, graded.complex.grade
    cells = sorted(cells, key=lambda cell: (int(grade[cell]), int(degree[cell]), cell))
    place = {cell: i for i, cell in enumerate(cells)}
    matrix = np.zeros((len(cells), len(cells)), dtype=np.int64)
    for b, column in columns.items():
        for a, value in column.items():
            matrix[place[a], place[b]] = value
    degrees = np.array([degree[cell] for cell in cells], dtype=np.int64)
    grades = np.unique(np.array([grade[cell] for cell in cells], dtype=np.int64), return_inverse=True)[1]
    homology = _homology(matrix, degrees, box, ring, filtration.exits is not None)
    expected = _expected(box, filtration, ring)
    names = graded.names(*sets)
    agrees = homology.betti == expected.betti
    return {
        "sets": tuple(names[int(grade[cell])] for cell in cells),
        "grades": grades.reshape(-1).astype(np.int64),
        "degrees": degrees,
        "matrix": matrix,
        "method": METHODS[1],
        "homology": homology,
        "expected": expected,
        "agrees": agrees,
        "certainty": _certainty(agrees, filtration.is_sharp),
        "notes": ("entries over a filtration depend on bases; the order is that of heights",),
    }


def _certainty(agrees: bool, is_sharp: bool) -> Certainty:
    if not agrees:
        return Certainty.UNKNOWN
    return Certainty.PROVED if is_sharp else Certainty.VERIFIED


def _homology(matrix: np.ndarray, degrees: np.ndarray, box: Box, ring: Coefficients, is_relative: bool) -> Homology:
    """Ranks over Z/p of a matrix whose square is zero."""
    exact = matrix.astype(object)
    if ((exact @ exact) % ring.modulus).any():
        raise SeparatrixError("connection_matrix: the boundary of the boundary is not zero, which is a defect")
    counts = [int((degrees == k).sum()) for k in range(box.dim + 1)]
    ranks = [rank_modulo(matrix[np.ix_(degrees == k - 1, degrees == k)], ring.modulus) for k in range(1, box.dim + 1)]
    betti = tuple(n - below - above for n, below, above in zip(counts, [0, *ranks], [*ranks, 0], strict=True))
    return Homology(
        betti=betti,
        torsion=((),) * len(betti),
        cell_counts=tuple(counts),
        coefficients=ring.name,
        is_relative=is_relative,
        domain=box,
        certainty=Certainty.PROVED,
    )


def _expected(box: Box, filtration: Any, ring: Coefficients) -> Homology:
    """That of a point, or of (B, exit set)."""
    exits = filtration.exits
    betti = (1, *[0] * box.dim) if exits is None else exits.betti
    return Homology(
        betti=betti,
        torsion=((),) * len(betti),
        cell_counts=(0,) * len(betti),
        coefficients=ring.name,
        is_relative=exits is not None,
        domain=box,
        certainty=Certainty.PROVED,
    )
