"""The Morse complex over Z: critical points by index, signed counts of the orbits between them, and its homology (§9)."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import InputError, KindError, UnresolvedError, printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.piecewise_linear.creases import crease_nodes
from separatrix.homology.chain_complex import ChainComplex
from separatrix.homology.homology_record import Homology
from separatrix.morse.boundary_counts import BoundaryCounts
from separatrix.morse.connection_record import Connections
from separatrix.morse.exit_set import exit_set
from separatrix.morse.inequalities import MorseInequality, morse_inequalities
from separatrix.morse.matching import is_list_of, require_orbits_of, require_potential_of
from separatrix.records import Provenance, Record

METHOD = "signed counts of connecting orbits, orientations carried by the linearised flow"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class MorseComplex(Record):
    """The chain complex of the critical points of a gradient flow. f is climbed: d_k leads from index k to index k - 1.

    - ``points``: the critical points; ``generators``: their rows by index, one array a degree; ``counts``: how many
    - ``operators``: d_1, d_2, …, one int64 matrix (points of index k - 1, points of index k) a degree; entries count the
      orbits between two points, with signs
    - ``is_chain_complex``: whether d_(k-1) d_k = 0 in all degrees; ``known_up_to``: the largest K such that d_1, …, d_K are
      all known
    - ``expected``: the homology of (B, exit set) that must come out, or None where no law applies; ``agrees``: whether it does,
      None where something is missing; ``inequalities``: the strong Morse inequalities (3.2)
    - ``missing``: what is not known, in words; where anything is, no homology is claimed
    - ``certainty``: of the weakest point and orbit; UNKNOWN where something is missing
    """

    points: CriticalPoints
    generators: tuple[np.ndarray, ...]
    operators: tuple[np.ndarray, ...]
    is_chain_complex: bool
    known_up_to: int
    expected: Homology | None = None
    agrees: bool | None = None
    inequalities: tuple[MorseInequality, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    potential: str = ""
    boundary: str = "project"

    drawer: ClassVar[str] = "morse_plots:plot_morse_complex"

    @property
    def counts(self) -> tuple[int, ...]:
        """Numbers of critical points by index, from 0 up to the dimension."""
        return tuple(rows.size for rows in self.generators)

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return len(self.generators) - 1

    def boundary_operator(self, degree: int) -> np.ndarray:
        """The matrix d_k, int64, (points of index k - 1, points of index k); InputError for degrees beyond 1 … dim."""
        if isinstance(degree, bool) or not isinstance(degree, (int, np.integer)) or not 1 <= degree <= self.dim:
            raise InputError(f"boundary_operator: expected a degree from 1 to {self.dim}, came {degree!r}")
        return self.operators[int(degree) - 1].copy()

    def chain_complex(self, *, partial: bool = False) -> ChainComplex:
        """The chain complex; ``partial``: only up to the degree ``known_up_to``.

        Raises UnresolvedError where something is missing, unless it is partial, and where d d is not zero.
        """
        if self.missing and not partial:
            shown = "; ".join(self.missing[:3])
            raise UnresolvedError(
                f"the Morse complex is not complete, {len(self.missing)} of its parts are missing: {shown}; partial=True takes "
                f"degrees up to {self.known_up_to} as they are known"
            )
        if not self.is_chain_complex:
            raise UnresolvedError("the boundary of the boundary is not zero: an orbit is missing or its sign is wrong")
        top = self.known_up_to if self.missing else self.dim
        if not top:
            return ChainComplex([np.zeros((self.counts[0], 0), dtype=np.int64)])
        return ChainComplex(list(self.operators[:top]))

    def homology(self, coefficients: str = "Z", *, partial: bool = False) -> Homology:
        """The homology of the Morse complex, by signed counts over Z or with the ``coefficients`` of homology().

        Raises UnresolvedError where something is missing: then no homology is claimed. ``partial=True`` gives that of the
        known part all the same, which says nothing of the domain, with certainty unknown.
        """
        found = self.chain_complex(partial=partial).homology(coefficients)
        return dataclasses.replace(
            found,
            domain=self.domain,
            certainty=self.certainty,
            is_relative=bool(self.expected is not None and self.expected.is_relative),
        )

    def columns(self) -> dict[str, Any]:
        """One row for every entry of an operator that is not zero."""
        ids = self.points.ids
        rows = [
            (k, ids[self.generators[k][j]], ids[self.generators[k - 1][i]], int(operator[i, j]))
            for k, operator in enumerate(self.operators, 1)
            for i, j in np.argwhere(operator)
        ]
        names = ("degree", "from", "to", "coefficient")
        return {name: [row[i] for row in rows] for i, name in enumerate(names)}

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} of index {k}" for k, n in enumerate(self.counts) if n) or "no points"
        if self.missing:
            n = len(self.missing)
            outcome = f"{n} part{'s' * (n != 1)} missing: no homology is claimed"
        else:
            outcome = str(self.homology())
            if self.expected is not None:
                outcome += ", as the domain demands" if self.agrees else f", but the domain demands {self.expected}"
        return f"MorseComplex({printable(self.potential, 60)}: {counts}; {outcome}; {self.certainty})"


def morse_complex(
    flow: GradientFlow, points: CriticalPoints, connections: Connections | None = None, *, orientations: Any = None
) -> MorseComplex:
    """The Morse complex of a flow from its critical points and the orbits between them. f is climbed.

    - ``points``: all critical points in the domain, of :func:`critical_points` under the flow's boundary
    - ``connections``: the orbits between them; None computes them
    - ``orientations`` (n_points,): +1 or -1, the orientation of each point's unstable manifold against the library's choice;
      it changes signs, never the homology

    Index 1: the two ends of the unstable branches, +1 and -1. Index n in dimension n: the stable branches of points of index
    n - 1, whose sign is that of (direction of travel, their unstable frame) against the orientation of space. In between the
    frame is carried along the orbit. The hypothesis is Morse-Smale: no orbit between points of one index; a branch that ends
    in such a point is reported in ``missing``. The homology is compared with that of (B, exit set): of the box for
    "project", relative to the exit set for "exit" where the box is isolating; elsewhere no law applies.

    Raises KindError for other kinds, InputError for points or connections of another flow.
    """
    begun = time.perf_counter()
    links = _checked(flow, points, connections)
    signs = _orientations(orientations, len(points))
    counts = BoundaryCounts.of(flow.arena, links.points, links, signs)
    operators = tuple(counts.operators)
    squares = [not (lower @ upper).any() for lower, upper in zip(operators, operators[1:], strict=False)]
    expected, note = _expected(flow)
    missing = [
        *_not_shown(flow, links.points),
        *links.missing,
        *(what for k in counts.unknown for what in counts.unknown[k]),
    ]
    if not all(squares):
        at = squares.index(False) + 2
        missing.append(f"d_{at - 1} d_{at} is not zero: a point or an orbit is missing, or a sign is wrong")
    laws = morse_inequalities([r.size for r in counts.generators], expected.betti) if expected is not None else ()
    missing += [f"the Morse inequality {law}: points are missing" for law in laws if not law.holds]
    known = next((k - 1 for k in range(1, len(operators) + 1) if counts.unknown.get(k)), len(operators))
    found = MorseComplex(
        points=links.points,
        generators=counts.generators,
        operators=operators,
        is_chain_complex=all(squares),
        known_up_to=known,
        expected=expected,
        inequalities=laws,
        missing=tuple(dict.fromkeys(missing)),
        notes=(note,) if note else (),
        potential=flow.potential.name,
        boundary=flow.boundary,
        domain=flow.domain,
        certainty=Certainty.UNKNOWN if missing else Certainty.weakest([counts.certainty, *links.points.certainty]),
        provenance=Provenance(METHOD, seconds=time.perf_counter() - begun),
    )
    return found if missing or expected is None else _compared(found, expected)


def _compared(found: MorseComplex, expected: Homology) -> MorseComplex:
    """The complex with its verdict against the homology that the domain demands."""
    own = found.homology()
    if own.betti == expected.betti and own.torsion == expected.torsion:
        return dataclasses.replace(found, agrees=True)
    note = f"its homology is {own}, that of the domain {expected}: a point or an orbit is missing, or a sign is wrong"
    return dataclasses.replace(found, agrees=False, certainty=Certainty.UNKNOWN, missing=(note,))


def _checked(flow: Any, points: Any, connections: Any) -> Connections:
    """The connections, sought where none are given."""
    if not isinstance(flow, GradientFlow):
        raise KindError(f"morse_complex: expected a GradientFlow, came {type(flow).__name__}")
    if flow.potential.net is not None and crease_nodes(flow.potential.net):
        raise InputError(
            "morse_complex: unstable manifolds are oriented by eigenvectors of a Hessian; this network is piecewise linear. Its "
            "margins have a Morse theory of their own: piecewise_linear_morse"
        )
    if not isinstance(points, CriticalPoints):
        raise KindError(f"morse_complex: expected the CriticalPoints of the flow, came {type(points).__name__}")
    if points.points.ndim != 2 or points.points.shape[1] != flow.potential.dim:
        raise InputError(
            f"morse_complex: the points have dimension {points.points.shape[-1]}, the flow {flow.potential.dim}"
        )
    require_potential_of(flow, points, "morse_complex")
    if connections is None:
        from separatrix.morse.connections import connections as find_connections

        return find_connections(flow, points)
    if not isinstance(connections, Connections):
        raise KindError(f"morse_complex: expected Connections, came {type(connections).__name__}")
    if not np.array_equal(connections.points.points, points.points):
        raise InputError(
            "morse_complex: these are connections of other points; give connections(flow, points) of this list"
        )
    require_orbits_of(flow, connections, "morse_complex")
    return dataclasses.replace(connections, points=points)


def _orientations(orientations: Any, n: int) -> np.ndarray:
    signs = np.ones(n) if orientations is None else np.asarray(orientations, dtype=np.float64)
    if signs.shape != (n,) or not np.isin(signs, (-1.0, 1.0)).all():
        raise InputError(f"morse_complex: orientations must be {n} numbers +1 or -1, one a point")
    return signs


def _not_shown(flow: GradientFlow, points: CriticalPoints) -> list[str]:
    """What is not known of the list of points itself."""
    found = []
    if not points.is_complete:
        reason = f", {len(points.unresolved)} boxes are unresolved" if points.unresolved else ""
        found.append(f"the list of critical points is not proved complete{reason}")
    elif not is_list_of(flow, points):
        found.append(
            f"the list of critical points is complete for {points.domain!r} with boundary {points.boundary!r}, the flow is one "
            f"on {flow.domain!r} with boundary {flow.boundary!r}"
        )
    unproved = [
        name for name, verdict in zip(points.ids, points.certainty, strict=True) if verdict is not Certainty.PROVED
    ]
    if unproved:
        found.append(f"{len(unproved)} critical points are not proved: {', '.join(unproved[:5])}")
    return found


def _expected(flow: GradientFlow) -> tuple[Homology | None, str]:
    """(the homology that the domain demands, or None; what was found about the boundary)."""
    dim = flow.potential.dim
    if not isinstance(flow.domain, Box):
        return None, "on the whole space no law is used: nothing is known of what comes from infinity"
    if flow.boundary == "project":
        return known_homology((1, *[0] * dim), domain=flow.domain, certainty=Certainty.PROVED), ""
    found = exit_set(flow.arena.potential, flow.domain)
    if found.betti is None:
        return None, f"no law applies: {found.reason}"
    groups = known_homology(found.betti, domain=flow.domain, certainty=found.certainty, is_relative=True)
    return groups, found.reason


def known_homology(betti: tuple[int, ...], **fields: Any) -> Homology:
    """Groups without torsion that are known from a theorem, without cells."""
    return Homology(betti=betti, torsion=((),) * len(betti), cell_counts=(0,) * len(betti), **fields)
