"""The Lennard-Jones cluster of 7 atoms: 4 minima and 12 transition states, through Potential.custom.

    python benchmarks/lennard_jones.py

f = -V is climbed, V = 4 sum_{i<j} (r^-12 - r^-6). Atom 0 is the origin, atom 1 on the first axis, atom 2 in the first plane,
which fixes rotations and translations: 15 coordinates. Copies under permutation and reflection count once: energies and
moments of inertia tell points apart. Eleven transition states lie within 1 of the highest minimum; the twelfth, at -12.549, is
a bent hexagon about an atom. It is a minimum among clusters with a centre of symmetry, and what rests among these rests among
all: their minima are tried as starts.
pele needs 37 s for the transition states on a machine of the same kind. Without an enclosure points are verified, not proved.
"""

from __future__ import annotations

import time

import numpy as np
from machine import claim, facts, write

import separatrix as sx
from separatrix.flow.saddles.saddles import saddles

N_ATOMS = 7
FREE = (3, 6, 7, *range(9, 3 * N_ATOMS))  # places of the 15 coordinates among the 21 of the atoms
# atoms 1, 2, 3 and their opposites from the six coordinates of the former
OPPOSITE = np.vstack([np.eye(6), np.zeros((9, 6))])
OPPOSITE[6, 0] = OPPOSITE[9, 1] = OPPOSITE[10, 2] = -1.0
OPPOSITE[12:, 3:] = -np.eye(3)
FIRST, SECOND = np.triu_indices(N_ATOMS, 1)
MINIMA, TRANSITION_STATES = 4, 12
PELE_SECONDS, GOAL = 37.0, 20.0
CLUSTERS, ATTEMPTS, WORKERS = 64, 72, 2
SYMMETRIC = 16
SAME_ENERGY, SAME_MOMENT = 1e-6, 1e-4


def positions(x: np.ndarray) -> np.ndarray:
    """Atoms (n, 7, 3) of the rows of ``x`` (n, 15)."""
    full = np.zeros((x.shape[0], 3 * N_ATOMS))
    full[:, FREE] = x
    return full.reshape(-1, N_ATOMS, 3)


def pairs(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (n, 21, 3) between all pairs of atoms and 1 / r^2 (n, 21)."""
    atoms = positions(x)
    apart = atoms[:, FIRST] - atoms[:, SECOND]
    return apart, 1.0 / np.square(apart).sum(axis=2)


def value(x: np.ndarray) -> np.ndarray:
    """f = -V, (n,)."""
    s = pairs(x)[1] ** 3
    return -4.0 * (s * s - s).sum(axis=1)


def gradient(x: np.ndarray) -> np.ndarray:
    """grad f, (n, 15)."""
    apart, inverse = pairs(x)
    s = inverse**3
    pull = (24.0 * inverse * (2.0 * s * s - s))[:, :, None] * apart
    found = np.zeros((x.shape[0], N_ATOMS, 3))
    for pair, (i, j) in enumerate(zip(FIRST, SECOND, strict=True)):
        found[:, i] += pull[:, pair]
        found[:, j] -= pull[:, pair]
    return found.reshape(x.shape[0], -1)[:, FREE]


def hessian(x: np.ndarray) -> np.ndarray:
    """Hess f, (n, 15, 15)."""
    apart, inverse = pairs(x)
    s = inverse**3
    along = -4.0 * inverse * inverse * (168.0 * s * s - 48.0 * s)
    across = 24.0 * inverse * (2.0 * s * s - s)
    blocks = along[:, :, None, None] * apart[:, :, :, None] * apart[:, :, None, :]
    blocks += across[:, :, None, None] * np.eye(3)
    full = np.zeros((x.shape[0], N_ATOMS, 3, N_ATOMS, 3))
    for pair, (i, j) in enumerate(zip(FIRST, SECOND, strict=True)):
        full[:, i, :, i] += blocks[:, pair]
        full[:, j, :, j] += blocks[:, pair]
        full[:, i, :, j] -= blocks[:, pair]
        full[:, j, :, i] -= blocks[:, pair]
    return full.reshape(x.shape[0], 21, 21)[:, FREE][:, :, FREE]


def potential() -> sx.Potential:
    """The cluster's potential, climbed."""
    return sx.Potential.custom(value, gradient, hessian, dim=len(FREE), name="Lennard-Jones 7")


def symmetric_potential() -> sx.Potential:
    """The same for clusters that a point reflection at atom 0 maps to themselves: atoms 4, 5, 6 stand opposite to 1, 2, 3."""
    return sx.Potential.custom(
        lambda x: value(x @ OPPOSITE.T),
        lambda x: gradient(x @ OPPOSITE.T) @ OPPOSITE,
        lambda x: OPPOSITE.T @ hessian(x @ OPPOSITE.T) @ OPPOSITE,
        dim=OPPOSITE.shape[1],
        name="symmetric Lennard-Jones 7",
    )


def random_clusters(
    n: int, rng: np.random.Generator, sides: tuple[float, float, float] = (1.2, 1.2, 1.2)
) -> np.ndarray:
    """Coordinates (n, 15) of loose clusters in a box of these half sides, turned so that the fixed coordinates are 0."""
    found = []
    while len(found) < n:
        atoms = rng.uniform(-1.0, 1.0, (N_ATOMS, 3)) * sides
        gaps = np.linalg.norm(atoms[FIRST] - atoms[SECOND], axis=1)
        if gaps.min() < 0.7:
            continue
        frame = np.linalg.qr((atoms[1:] - atoms[0]).T)[0]
        found.append(((atoms - atoms[0]) @ frame).reshape(-1)[list(FREE)])
    return np.array(found)


def moments(x: np.ndarray) -> np.ndarray:
    """Moments of inertia of the rows of ``x``, ascending, (n, 3)."""
    atoms = positions(x)
    atoms = atoms - atoms.mean(axis=1, keepdims=True)
    spread = np.einsum("nai,naj->nij", atoms, atoms)
    return np.linalg.eigvalsh(np.trace(spread, axis1=1, axis2=2)[:, None, None] * np.eye(3) - spread)


def distinct(x: np.ndarray, energies: np.ndarray) -> np.ndarray:
    """Rows of the clusters that differ in energy or in a moment of inertia, from the lowest energy up."""
    turning, kept = moments(x), []
    for row in np.argsort(energies, kind="stable"):
        alike = np.abs(energies[kept] - energies[row]) <= SAME_ENERGY
        alike &= (np.abs(turning[kept] - turning[row]) <= SAME_MOMENT).all(axis=1)
        if not alike.any():
            kept.append(int(row))
    return np.array(kept, dtype=np.int64)


def is_regular(x: np.ndarray) -> np.ndarray:
    """Where the coordinates fix rotations: atom 1 off the origin, atom 2 off the first axis (else a zero may be none)."""
    return (np.abs(x[:, 0]) > 1e-6) & (np.abs(x[:, 2]) > 1e-6)


def lennard_jones() -> dict:
    """Minima from random clusters, then searches about these and from symmetric clusters; seconds of all together."""
    f, space = potential(), sx.WholeSpace(len(FREE))
    begun = time.perf_counter()
    rng = np.random.default_rng(0)
    sinks = sx.GradientFlow(f, space).sinks(random_clusters(CLUSTERS, rng), workers=WORKERS)
    rows = distinct(sinks.points, -sinks.values)
    halves = random_clusters(SYMMETRIC, rng)[:, :6]
    symmetric = sx.GradientFlow(symmetric_potential(), sx.WholeSpace(6)).sinks(halves)
    starts = symmetric.points @ OPPOSITE.T
    starts = starts[distinct(starts, -symmetric.values)]
    options = {"pairs": [], "attempts": ATTEMPTS, "starts": starts, "workers": WORKERS}
    found = saddles(f, space, sinks.points[rows], **options)
    regular = is_regular(found.points)
    energies = -found.values[regular]
    passes = energies[distinct(found.points[regular], energies)]
    seconds = time.perf_counter() - begun
    return {
        "system": "Lennard-Jones 7", "workers": WORKERS, "seconds": round(seconds, 2), "pele_seconds": PELE_SECONDS,
        "minima": np.round(-sinks.values[rows], 6).tolist(), "transition_states": np.round(passes, 6).tolist(),
        "points_of_index_1": len(found), "certainty": sorted({str(verdict) for verdict in found.certainty}),
        "claims": [claim("Lennard-Jones 7: minima", len(rows), MINIMA, at_least=True),
                   claim("Lennard-Jones 7: transition states", len(passes), TRANSITION_STATES, at_least=True),
                   claim("Lennard-Jones 7: seconds", seconds, GOAL, "s")],
    }  # fmt: skip


if __name__ == "__main__":
    write("lennard_jones", [lennard_jones()], facts())
