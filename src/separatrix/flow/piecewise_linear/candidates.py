"""All directions along which an orbit may leave a point: is the forward orbit unique (§5)?

Across a convex crease an orbit may leave to either side, or along the crease. The consistent directions are listed by
going through the signs {-, 0, +} of the creases at the point; where there are too many creases, by cutting planes from
many cells, which finds every direction that leaves all convex creases if enough cells are tried.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import scipy.optimize

from separatrix.flow.piecewise_linear.directions import USED, Corner, Velocity, same_direction
from separatrix.flow.piecewise_linear.least_norm import Touched, span_basis
from separatrix.flow.piecewise_linear.reasons import MEETS_REPELLED, STARTS_REPELLED, STUCK
from separatrix.flow.piecewise_linear.sliding import Sliding, tied_creases

ENUMERATED = 5
LISTED_DIM = 16
STARTS, FEWER_STARTS = 96, 16
AROUND = 24
HULL = 1e-9


def consistent_directions(corner: Corner, *arrivals: np.ndarray) -> list[Velocity]:
    """The distinct consistent directions at ``corner``; ``arrivals``: velocities of orbits that arrive there."""
    creases = corner.creases
    found: list[Velocity] = []
    for first in (corner.generic, *arrivals):
        _add(found, _verified(corner, corner.settle(first)))
    if creases.size <= ENUMERATED and corner.model.dim <= LISTED_DIM:
        for choice in product((-1, 0, 1), repeat=creases.size):
            _add(found, _on_stratum(corner, creases, np.array(choice, dtype=np.int8)))
    else:
        rng = np.random.default_rng(corner.model.dim)
        for first in rng.normal(size=(STARTS if corner.model.dim <= LISTED_DIM else FEWER_STARTS, corner.model.dim)):
            first[corner.touched.coordinates] = np.abs(first[corner.touched.coordinates]) * -corner.touched.outward
            fixed = np.where(corner.signs == 0, corner.cell(first).signs, corner.signs)
            for signs in (None, _convex_fixed(corner, fixed)):
                _add(found, _verified(corner, corner.settle(first, signs)))
    return found


def _add(found: list[Velocity], new: Velocity | None) -> None:
    if new is not None and not any(same_direction(new.v, old.v) for old in found):
        found.append(new)


def _convex_fixed(corner: Corner, sides: np.ndarray) -> np.ndarray:
    """The signs of ``corner`` with its convex creases put on ``sides``."""
    convex = corner.creases[corner.kinks()[1] > 0]
    return np.where(np.isin(corner.model.group, convex), sides, corner.signs)


def _on_stratum(corner: Corner, creases: np.ndarray, choice: np.ndarray) -> Velocity | None:
    """The direction that stays at zero on the creases of choice 0 and takes the chosen sides elsewhere, if consistent."""
    model = corner.model
    side = np.zeros(model.n_neurons, dtype=np.int8)
    side[corner.zero] = choice[np.searchsorted(creases, model.group[corner.zero])]
    side[corner.zero] *= np.where(model.scale[corner.zero] < 0, -1, 1).astype(np.int8)
    signs = np.where(corner.signs == 0, side, corner.signs).astype(np.int8)
    sliding = Sliding(model, signs, creases[choice == 0], corner.touched)
    v = sliding.velocity(corner.y)
    if v is None:
        return None
    found = Velocity(v, corner.cell(v))
    wanted = side[corner.zero]
    tied = found.cell.tied[corner.zero]
    if (tied != (wanted == 0)).any() or (np.sign(found.cell.rates[corner.zero])[~tied] != wanted[~tied]).any():
        return None
    if sliding.is_regular:
        return found if (sliding.margins(corner.y) >= -HULL * sliding.size(corner.y)).all() else None
    return found if in_hull_around(corner, found) else None


def _verified(corner: Corner, found: Velocity | None) -> Velocity | None:
    """``found`` if, where the normals are independent, its thetas lie between the slopes of their neurons.

    In deeper networks the hull of the gradients around a corner is larger than the set of gradients with such thetas.
    """
    if found is None:
        return None
    creases, _ = tied_creases(corner.model, corner.zero, found.cell)
    signs = found.cell.signs.copy()
    signs[corner.zero[np.isin(corner.model.group[corner.zero], creases)]] = 0
    held = found.v[corner.touched.coordinates] == 0
    sliding = Sliding(corner.model, signs, creases, corner.touched, held)
    if not sliding.is_regular:
        return found
    return found if (sliding.margins(corner.y) >= -HULL * sliding.size(corner.y)).all() else None


def in_hull_around(corner: Corner, found: Velocity) -> bool:
    """Whether ``found`` is in the hull of the gradients of the cells around it, minus the normal cone: by sampling cells."""
    model, v = corner.model, found.v
    rng = np.random.default_rng(model.dim)
    held = corner.touched.without(v[corner.touched.coordinates] != 0)
    neurons = tied_creases(model, corner.zero, found.cell)[1]
    normals = model.backward(model.slopes(found.cell.signs), np.zeros((0, model.n_outputs)), neurons)[0]
    across = np.zeros((held.coordinates.size, v.size))
    across[np.arange(held.coordinates.size), held.coordinates] = 1.0
    basis = span_basis(np.vstack([normals, across]))
    tries = rng.normal(size=(AROUND * 2 ** min(basis.shape[0], 6), basis.shape[0])) @ basis
    tries = np.vstack([tries, basis, -basis, corner.generic[None]])
    tries[:, held.coordinates] = -held.outward * np.abs(tries[:, held.coordinates])  # cells inside the box
    patterns = {}
    for d in tries:
        cell = model.along(np.stack([v, d, corner.generic, corner.inward]), corner.signs)
        patterns.setdefault(cell.signs.tobytes(), cell)
    gradients = np.array([corner.gradient(cell) for cell in patterns.values()])
    return hull_distance(gradients, held, v) <= HULL * float(np.abs(gradients).max(initial=1e-300))


def hull_distance(gradients: np.ndarray, held: Touched, v: np.ndarray) -> float:
    """The distance of ``v`` from the hull of ``gradients`` minus the cone of the held sides' normals."""
    size = float(np.abs(gradients).max(initial=0.0)) or 1.0
    normals = np.zeros((held.coordinates.size, v.size))
    normals[np.arange(held.coordinates.size), held.coordinates] = -held.outward
    columns = np.vstack(
        [np.pad((gradients - v) / size, ((0, 0), (0, 1)), constant_values=1.0), np.pad(normals, ((0, 0), (0, 1)))]
    ).T
    target = np.zeros(v.size + 1)
    target[-1] = 1.0
    weights = scipy.optimize.nnls(columns, target, maxiter=100 * columns.shape[1])[0]
    total = weights[: gradients.shape[0]].sum()
    return float(size * np.linalg.norm((columns @ weights)[:-1]) / total) if total > 0 else np.inf


def departure(corner: Corner, arrival: np.ndarray | None, n_new: int = 1) -> tuple[Velocity | None, str]:
    """The velocity (and ""), or None and why there is none.

    ``arrival``: the velocity with which an orbit arrives, None at a start; ``n_new``: creases that it has just met. Where
    f is locally concave the direction is unique; so it is where an orbit meets one crease alone, and in a network with
    one hidden layer where it meets one convex crease while it slides along concave ones: with c the kink across it and w
    its normal, w . v grows with c, so that the orbit that came from the side of c = 0 goes on to the other. In more than
    LISTED_DIM dimensions the directions are listed only where the orbit is repelled from a crease that it slid along.
    """
    creases = corner.creases
    if creases.size == 0 or (creases.size == 1 and arrival is not None):
        found = corner.settle(corner.generic if arrival is None else arrival)
        if found is not None:
            return found, ""
    elif not (convex := corner.kinks()[1] > 0).any():
        found = corner.settle(corner.generic if arrival is None else arrival)
        if found is not None:
            return found, ""
    elif arrival is not None and (
        (many := corner.model.dim > LISTED_DIM) or (corner.model.n_layers == 1 and n_new == 1)
    ):
        found = _verified(corner, corner.settle(arrival, _sent_across(corner, creases[convex], arrival)))
        if found is not None and not (many and _is_repelled(corner, found, arrival)):
            return found, ""
    several = consistent_directions(corner, *(() if arrival is None else (arrival,)))
    if len(several) == 1:
        return several[0], ""
    return None, STUCK if not several else (STARTS_REPELLED if arrival is None else MEETS_REPELLED)


def _sent_across(corner: Corner, convex: np.ndarray, arrival: np.ndarray) -> np.ndarray:
    """The signs of ``corner`` with its convex creases put on the side that ``arrival`` leads to."""
    ahead = corner.cell(arrival)
    crossed = np.isin(corner.model.group, convex) & (corner.signs == 0) & ~ahead.tied
    return np.where(crossed, ahead.signs, corner.signs).astype(np.int8)


def _is_repelled(corner: Corner, found: Velocity, arrival: np.ndarray) -> bool:
    """Whether a crease that the orbit slid along, or slides along now, is convex in the cell behind the point."""
    model = corner.model
    inputs = model.backward(model.slopes(found.cell.signs), corner.y[None])[1][0]
    bend = np.bincount(model.group, inputs * model.kink * np.abs(model.scale))[model.group]
    slid = corner.cell(arrival).tied | found.cell.tied
    return bool((bend[corner.zero] > USED * np.abs(inputs).max(initial=0.0))[slid[corner.zero]].any())
