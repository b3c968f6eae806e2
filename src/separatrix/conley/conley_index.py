"""conley_index: the homological Conley index of a box, a set of cubes, or an equilibrium of a gradient flow (§9)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.conley_record import COMPUTED, NOT_COMPUTED, ConleyIndex
from separatrix.conley.morse_graph_record import MorseSet
from separatrix.domains import Box, real_array
from separatrix.errors import InputError, KindError, SeparatrixError, printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.piecewise_linear.creases import has_creases
from separatrix.morse.exit_set import exit_set
from separatrix.morse.matching import require_potential_of
from separatrix.morse.morse_complex import known_homology
from separatrix.records import Provenance

METHODS = (
    "spectrum of proved points; isolating blocks; cubes and levels of f, also reduced to the Hessian's kernel, by enclosures, "
    "homology over Z"
)
KNOWN = (Certainty.PROVED, Certainty.VERIFIED)


def conley_index(flow: GradientFlow, neighbourhood: Any, *, points: CriticalPoints | None = None) -> ConleyIndex:
    """The homological Conley index over Z of the largest invariant set of a gradient flow in a neighbourhood (§9).

    ``neighbourhood``:

    - a Box or a pair (lower, upper): as an isolating block where its sides allow it, else between two levels of f
    - boxes: a list of Box, or a pair of arrays (k, dim), the cubes of a set; filled up, or taken between levels around them
    - an equilibrium: its id or row in ``points``, or a CriticalPoints of one row. Non-degenerate and proved: Z in the degree
      of its Morse index, in any dimension
    - "u0", "u1", …: the equilibria about an unresolved box of ``points`` that are no proved points
    - a Morse set of a Morse graph, with the graph's ``points``: its point, or the equilibria about its unresolved box

    ``verdict``: "computed" (the index may be trivial), "not isolated" or "not computed", with the reason. Boxes are taken in
    1 to 4 dimensions, beyond that where the flow crosses every side in one direction. Under "project" a box must keep off the
    domain's sides or be all of it. For piecewise linear potentials: proved points, and boxes whose sides are
    crossed in one direction.

    Raises InputError for an unknown id, row or dimension, KindError for other kinds.

    >>> import separatrix as sx
    >>> flow = sx.GradientFlow(sx.expression("x**3 - 3*x*y**2", "x y"), ([-2, -2], [2, 2]))
    >>> conley_index(flow, ([-1, -1.1], [1, 1.1])).groups
    'H_1 = Z^2'
    """
    begun = time.perf_counter()
    if not isinstance(flow, GradientFlow):
        raise KindError(f"conley_index: expected a GradientFlow, came {type(flow).__name__}")
    asked = _read(flow, neighbourhood, points)
    try:
        with np.errstate(all="ignore"):
            found = _found(flow, asked, points)
    except (InputError, KindError) as error:
        raise error from None
    except SeparatrixError as error:
        found = {"verdict": NOT_COMPUTED, "certainty": Certainty.UNKNOWN, "reason": str(error)}
    return ConleyIndex(
        neighbourhood=_name(asked, points),
        domain=asked if isinstance(asked, Box) else flow.domain,
        provenance=Provenance(METHODS, seconds=time.perf_counter() - begun),
        **found,
    )


@dataclass(frozen=True, eq=False)
class Cluster:
    """The equilibria near a hull (2, dim) that are no proved points; ``name``: in words."""

    hull: np.ndarray
    name: str


Asked = Box | int | Cluster | tuple[np.ndarray, np.ndarray]


def _read(flow: GradientFlow, given: Any, points: CriticalPoints | None) -> Asked:
    """A Box, the row of a point, or corners of cubes (k, dim), checked."""
    if points is not None and not isinstance(points, CriticalPoints):
        raise KindError(f"conley_index: points must be CriticalPoints, came {type(points).__name__}")
    if points is not None and points.points.shape[1] != flow.potential.dim:
        raise InputError(
            f"conley_index: the points have {points.points.shape[1]} coordinates, the flow {flow.potential.dim}"
        )
    if isinstance(given, (str, int, np.integer)) and not isinstance(given, bool):
        return _row(given, points)
    if isinstance(given, MorseSet):
        if len(given.point_ids) == 1 and points is not None:
            return _row(given.point_ids[0], points)
        if not given.point_ids:
            return _unresolved(points, *_corners(flow, given.lower, given.upper), str(given.name))
        given = (given.lower, given.upper)
    if isinstance(given, Box):
        return _inside(flow, *_corners(flow, given.lower[None], given.upper[None]))
    if isinstance(given, Sequence) and len(given) and all(isinstance(box, Box) for box in given):
        dims = {box.dim for box in given}
        if dims != {flow.potential.dim}:
            raise InputError(f"conley_index: expected boxes of dimension {flow.potential.dim}, came {sorted(dims)}")
        given = (np.array([box.lower for box in given]), np.array([box.upper for box in given]))
        return _corners(flow, *given)
    if isinstance(given, (tuple, list)) and len(given) == 2:
        lower, upper = (real_array(end) for end in given)
        if lower.ndim == 1:
            return _inside(flow, *_corners(flow, lower[None], upper[None] if upper.ndim == 1 else upper))
        return _corners(flow, lower, upper)
    raise KindError(
        "conley_index: expected a Box, a list of boxes, a pair (lower, upper), a Morse set, or the id or row of a point, came "
        f"{type(given).__name__}"
    )


def _row(given: Any, points: CriticalPoints | None) -> int | Cluster:
    if points is None:
        raise InputError("conley_index: an id or a row belongs to a list of points; give points=critical_points(…)")
    if isinstance(given, str):
        unresolved = {f"u{k}": box for k, box in enumerate(points.unresolved)}
        if given in unresolved:
            return Cluster(np.array([unresolved[given].lower, unresolved[given].upper]), given)
        if given not in points.ids:
            raise InputError(f"conley_index: no point is called {printable(given, 20)!r}; its ids are {_shown(points)}")
        return points.ids.index(given)
    if not 0 <= int(given) < len(points):
        raise InputError(f"conley_index: expected a row from 0 to {len(points) - 1}, came {int(given)}")
    return int(given)


def _unresolved(points: CriticalPoints | None, lower: np.ndarray, upper: np.ndarray, name: str) -> Cluster:
    """The unresolved boxes of the points that meet the cubes of a Morse set without points, or these cubes."""
    for box in points.unresolved if points is not None else ():
        if ((box.lower <= upper) & (box.upper >= lower)).all(axis=1).any():
            return Cluster(np.array([box.lower, box.upper]), name)
    return Cluster(np.array([lower.min(axis=0), upper.max(axis=0)]), name)


def _shown(points: CriticalPoints) -> str:
    ids = [*points.ids, *(f"u{k}" for k in range(len(points.unresolved)))]
    return ", ".join(ids[:12]) + (", …" if len(ids) > 12 else "")


def _corners(flow: GradientFlow, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners (k, dim) of boxes in the domain, checked."""
    dim = flow.potential.dim
    if lower.shape != upper.shape or lower.ndim != 2 or lower.shape[1] != dim or not len(lower):
        raise InputError(f"conley_index: expected corners of shape (k, {dim}), came {lower.shape} and {upper.shape}")
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()) or not (lower < upper).all():
        raise InputError("conley_index: boxes must be finite, with lower below upper in every coordinate")
    return np.array(lower), np.array(upper)


def _inside(flow: GradientFlow, lower: np.ndarray, upper: np.ndarray) -> Box:
    box = Box(lower[0], upper[0])
    if isinstance(flow.domain, Box) and ((box.lower < flow.domain.lower) | (box.upper > flow.domain.upper)).any():
        raise InputError(f"conley_index: {box!r} is not inside the flow's domain {flow.domain!r}; clip it")
    return box


def _name(asked: Asked, points: CriticalPoints | None) -> str:
    if isinstance(asked, Box):
        return repr(asked)
    if isinstance(asked, tuple):
        return f"{len(asked[0])} boxes"
    if isinstance(asked, Cluster):
        return asked.name
    assert points is not None
    return points.ids[asked]


def _found(flow: GradientFlow, asked: Asked, points: CriticalPoints | None) -> dict[str, Any]:
    from separatrix.conley.smooth_index import box_index, cluster_index, cubes_index

    if isinstance(asked, int):
        assert points is not None
        _require_point_of(flow, points, asked)
        return _of_point(points, asked)
    potential = flow.arena.potential
    domain = flow.domain if isinstance(flow.domain, Box) else None
    if flow.boundary == "project" and domain is not None and _shares_a_side(hull := _hull(asked), domain):
        return _held(hull, domain, isinstance(asked, Box))
    if has_creases(potential):
        return _of_creased(flow, asked)
    if isinstance(asked, Box):
        return box_index(potential, asked)
    if isinstance(asked, Cluster):
        return cluster_index(potential, asked.hull, domain, points)
    return cubes_index(potential, *asked, domain)


def _shares_a_side(box: Box, domain: Box) -> bool:
    return bool((box.lower <= domain.lower).any() or (box.upper >= domain.upper).any())


def _hull(asked: Box | Cluster | tuple[np.ndarray, np.ndarray]) -> Box:
    """The least box that holds what was asked about."""
    if isinstance(asked, Box):
        return asked
    lower, upper = asked.hull if isinstance(asked, Cluster) else (asked[0].min(axis=0), asked[1].max(axis=0))
    return Box(lower, np.where(upper > lower, upper, np.nextafter(lower, np.inf)))


def _require_point_of(flow: GradientFlow, points: CriticalPoints, row: int) -> None:
    """Raise InputError where a point is no equilibrium of this flow: of another potential, or held by other sides."""
    require_potential_of(flow, points, "conley_index: points")
    held = bool((points.active[row] != 0).any())
    inside = not isinstance(flow.domain, Box) or not flow.arena.outside(points.points[row : row + 1])[0]
    if inside and not held:
        return
    if not inside or flow.boundary != "project" or (points.domain, points.boundary) != (flow.domain, "project"):
        raise InputError(
            f"conley_index: the point {points.ids[row]} of the list on {points.domain!r} with boundary {points.boundary!r} is no "
            f"equilibrium of this flow, on {flow.domain!r} with boundary {flow.boundary!r}; give critical_points of this flow"
        )


def _held(box: Box, domain: Box, is_box: bool) -> dict[str, Any]:
    """A box at whose sides the projected flow is held: known for the whole domain, which nothing leaves."""
    if box != domain or not is_box:
        reason = (
            'it shares a side with the domain, where the flow is held; use a flow with boundary="exit", or another box'
        )
        return {"verdict": NOT_COMPUTED, "certainty": Certainty.UNKNOWN, "reason": reason}
    betti = (1, *[0] * box.dim)
    return {
        "verdict": COMPUTED,
        "method": "block",
        "certainty": Certainty.PROVED,
        "homology": known_homology(betti, is_relative=True, domain=box, certainty=Certainty.PROVED),
        "lower": box.lower,
        "upper": box.upper,
        "notes": ("the projected flow leaves its box nowhere: the exit set is empty",),
    }


def _of_point(points: CriticalPoints, row: int) -> dict[str, Any]:
    """A non-degenerate point of index m: Z in degree m. On sides with outward multipliers the flow only enters them."""
    certainty, index, dim = points.certainty[row], int(points.indices[row]), points.points.shape[1]
    if certainty not in KNOWN or index < 0:
        reason = f"the point is not proved to be non-degenerate: {points.evidence[row]}"
        return {"verdict": NOT_COMPUTED, "certainty": Certainty.UNKNOWN, "reason": reason}
    betti = tuple(int(k == index) for k in range(dim + 1))
    error = np.nan_to_num(points.error[row], nan=0.0)
    return {
        "verdict": COMPUTED,
        "method": "spectrum",
        "certainty": certainty,
        "homology": known_homology(betti, is_relative=True, domain=points.domain, certainty=certainty),
        "lower": points.points[row] - error,
        "upper": points.points[row] + error,
    }


def _of_creased(flow: GradientFlow, asked: Asked) -> dict[str, Any]:
    """Piecewise linear potentials: the sides of a box, where enclosures of all one-sided gradients show one direction each."""
    if isinstance(asked, Box):
        found = exit_set(flow.arena.potential, asked)
        if found.is_isolating and found.betti is not None:
            return {
                "verdict": COMPUTED,
                "method": "block",
                "certainty": Certainty.PROVED,
                "is_block": True,
                "homology": known_homology(found.betti, is_relative=True, domain=asked, certainty=Certainty.PROVED),
                "lower": asked.lower,
                "upper": asked.upper,
                "notes": ("of the flow of all one-sided gradients (Clarke's), which has several branches on creases",),
            }
    reason = (
        "for piecewise linear potentials the index is taken of listed points, and of boxes whose sides the flow crosses in one "
        "direction"
    )
    return {"verdict": NOT_COMPUTED, "certainty": Certainty.UNKNOWN, "reason": reason}
