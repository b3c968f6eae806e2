"""Homology groups of chain complexes: reduction, elimination of units, Hermite and Smith forms of the rest (§7)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError, UnresolvedError, printable
from separatrix.homology.boundary_checks import column
from separatrix.homology.coefficients import Coefficients
from separatrix.homology.dense_rest import Piece, merged_orders, pieces
from separatrix.homology.generators import Generators, Lift, NoLift
from separatrix.homology.homology_record import Homology
from separatrix.homology.reduction import reduced
from separatrix.homology.relative import asked_about
from separatrix.homology.unit_pivots import Elimination, Vector, eliminate
from separatrix.records import Provenance

if TYPE_CHECKING:
    from separatrix.homology.chain_complex import ChainComplex

SMALL = 2_000
LIMIT = 300
LIMIT_OF_RANKS = 2000
ROWS_IN_A_SECOND = 170


def homology(
    chain_complex: ChainComplex,
    coefficients: str = "Z",
    relative_to: Any = None,
    kind: str | None = None,
    *,
    unbounded: Any = None,
    limit: int = LIMIT,
) -> Homology:
    """Homology groups of a chain complex, with generators, exactly (§7).

    - ``coefficients``: "Z", "Q", or "Z/p" with a prime p of any size
    - ``relative_to``: a subcomplex A, for the groups of the pair (X, A): a list of boolean masks, one a degree, or an object
      with ``masks``; closed under faces, which is checked
    - ``kind``: None for the complex as it is; for cells of which some are unbounded, "borel-moore" (locally finite chains,
      the complex as it is), "one-point" (a vertex at infinity closes it; it is the last vertex) or "ordinary" (the bounded
      cells, which are a deformation retract where every cell has a vertex); ``unbounded``: masks of the unbounded cells
    - ``limit``: the largest number of rows of an integer matrix without units that is brought to Hermite form

    Raises InputError or KindError for what cannot be used, UnresolvedError where the rest is larger than ``limit``: the
    message says how large, how long it would take about, and what is known.
    """
    begun = time.perf_counter()
    ring = Coefficients.read(coefficients)
    limit = _checked_limit(limit)
    asked = asked_about(chain_complex, relative_to, kind, unbounded)
    critical, columns, reduction = _reduced(asked.complex, ring.modulus)
    elimination = eliminate(columns, ring.modulus)
    rest = [] if ring.modulus else pieces(elimination.columns)
    lone = _lone(critical, elimination, rest)
    _check_size(rest, max(limit, LIMIT_OF_RANKS) if ring.is_field else limit)
    betti, torsion = _groups(lone, elimination, rest, not ring.is_field)
    assert sum((-1) ** k * b for k, b in enumerate(betti)) == asked.complex.euler_characteristic, "Euler characteristic"
    maker = Generators(asked.complex, elimination, lone, rest, reduction, ring.is_field, asked.names, asked.n_cells)
    return Homology(
        betti=betti,
        torsion=torsion,
        cell_counts=asked.complex.counts,
        coefficients=ring.name,
        kind=kind or "",
        is_relative=relative_to is not None,
        certainty=Certainty.PROVED,
        provenance=Provenance(method=_method(reduction), seconds=time.perf_counter() - begun),
        _maker=maker,
    )


def _checked_limit(limit: Any) -> int:
    if isinstance(limit, bool) or not isinstance(limit, (int, np.integer)) or limit < 0:
        raise InputError(f"homology: expected a limit of 0 rows or more, came {printable(limit)}")
    return int(limit)


def _reduced(chain_complex: ChainComplex, modulus: int) -> tuple[list[np.ndarray], list[dict[int, Vector]], Lift]:
    """Critical cells by degree, the non-empty columns of their boundary operators, and the lift of their chains."""
    if chain_complex.n_cells > SMALL:
        reduction = reduced(chain_complex)
        degrees = range(chain_complex.dim + 1)
        columns = [reduction.morse_columns(k, modulus) if k else {} for k in degrees]
        return reduction.critical_cells, columns, reduction
    critical = [np.arange(n) for n in chain_complex.counts]
    columns: list[dict[int, Vector]] = [{} for _ in chain_complex.counts]
    for k in range(1, chain_complex.dim + 1):
        operator = chain_complex.columns(k)
        for cell in np.flatnonzero(np.diff(operator.starts)).tolist():
            entries = {a: value % modulus if modulus else value for a, value in column(operator, cell)}
            entries = {a: value for a, value in entries.items() if value}
            if entries:
                columns[k][cell] = entries
    return critical, columns, NoLift()


def _lone(critical: list[np.ndarray], elimination: Elimination, rest: list[Piece]) -> list[np.ndarray]:
    """Critical cells of every degree that were not split off and have no boundary or coboundary left."""
    lone = []
    for k, cells in enumerate(critical):
        gone = [*elimination.dead[k], *(cell for piece in rest for cell in piece.cells.get(k, ()))]
        lone.append(cells if not gone else cells[~np.isin(cells, gone)])
    return lone


def _groups(
    lone: list[np.ndarray], elimination: Elimination, rest: list[Piece], with_torsion: bool
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    betti, torsion = [], []
    for k, cells in enumerate(lone):
        betti.append(len(cells) + sum(piece.betti(k, with_torsion) for piece in rest))
        orders: list[int] = []
        if with_torsion:
            orders = [summand.order for summand in elimination.torsion[k]]
            orders += [s for piece in rest for s in piece.torsion(k)]
        torsion.append(tuple(merged_orders(orders)))
    return tuple(betti), tuple(torsion)


def _check_size(rest: list[Piece], limit: int) -> None:
    """Refuse what would take too long, with what is known."""
    for piece in rest:
        for degree in piece.columns:
            rows, cells = piece.size(degree)
            if min(rows, cells) > limit:
                raise UnresolvedError(_too_large(degree, rows, cells, limit))


def _too_large(degree: int, rows: int, cells: int, limit: int) -> str:
    n = min(rows, cells)
    seconds = (n / ROWS_IN_A_SECOND) ** 4
    return (
        f"homology: after reduction d_{degree} is still a matrix of {rows} x {cells} without units; over Z its Hermite form, "
        f"of {n} rows, is beyond limit={limit}. limit={n} goes on and may take {_in_words(seconds)}; coefficients 'Q' and "
        "'Z/p' need no such form and give the Betti numbers at once"
    )


def _in_words(seconds: float) -> str:
    for unit, name in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * unit:
            return f"about {seconds / unit:.0f} {name}"
    return f"about {max(1.0, seconds):.0f} seconds"


def _method(reduction: Lift) -> str:
    first = "" if isinstance(reduction, NoLift) else "collapses and coreductions, "
    return first + "elimination of units, Hermite and Smith forms of the rest"
