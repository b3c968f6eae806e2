"""Homology over Z with generators against the number of cells, beside gudhi's Betti numbers, and near the torsion burst.

Surfaces: a torus and a Klein bottle of triangles; groups over Z and every generator lifted to cells, the boundary checks
included. Beside gudhi: Betti numbers over Z/2 of the same triangulation, ours from the sparse columns (checks included),
gudhi's from its simplex tree (insertion not counted, and reported); the runs alternate, the ratio is that of the medians.
Random 2-complexes: all edges on the vertices, random triangles, as many as make the largest torsion found in a bisection.

    python benchmarks/homology.py [--short]

One thread. Times do not count compilation, which the first line reports.
"""

import argparse
import itertools
import math
import statistics
import time
from typing import Any

import numpy as np
from machine import claim, exponent, facts, timed, write

from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.homology.chain_complex import ChainComplex
from separatrix.homology.homology_record import Homology

SIDES, SHORT_SIDES, REPEATS = (41, 130, 408, 816), (41, 130), 5
GOAL_SURFACE, GOAL_BURST = 5.0, 5.0
CUBE = 33
BURSTS = (75, 110)


def surface(n: int, is_twisted: bool) -> np.ndarray:
    """Triangles (2 n^2, 3) of a torus, or of a Klein bottle, of 6 n^2 cells."""
    i, j = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))

    def vertex(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a % n) * n + np.where(is_twisted & (a >= n), -b, b) % n

    corners = [vertex(i + a, j + b) for a in (0, 1) for b in (0, 1)]
    return np.concatenate([np.stack([corners[0], corners[k], corners[3]], axis=1) for k in (1, 2)])


def solid_cube(n: int) -> np.ndarray:
    """Tetrahedra of Freudenthal's triangulation of a cube of n^3 cubes."""
    corner = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    weights, made = np.array([(n + 1) ** 2, n + 1, 1]), []
    for order in itertools.permutations(range(3)):
        steps = np.cumsum(np.eye(3, dtype=int)[list(order)], axis=0)
        made.append(np.stack([corner @ weights, *(((corner + step) @ weights) for step in steps)], axis=1))
    return np.concatenate(made)


def columns(complex_: SimplicialComplex) -> tuple[Any, ...]:
    """What ChainComplex.from_columns takes."""
    return complex_.counts, complex_.starts, complex_.faces, complex_.signs


def with_generators(arrays: tuple[Any, ...]) -> Homology:
    """Checks, groups over Z, and the cells of every generator."""
    found = ChainComplex.from_columns(*arrays).homology()
    for degree in range(found.dim + 1):
        for chain in found.generators(degree):
            _ = chain.cells
    return found


def surfaces(sides: tuple[int, ...]) -> dict[str, Any]:
    """Seconds over Z with generators of tori and Klein bottles; the answer is checked first."""
    lines, seconds = [], []
    for n in sides:
        line: dict[str, Any] = {"cells": 6 * n * n}
        for name, twisted, betti in (("torus", False, (1, 2, 1)), ("Klein bottle", True, (1, 1, 0))):
            arrays = columns(SimplicialComplex(surface(n, twisted)))
            assert with_generators(arrays).betti == betti
            line[name] = round(statistics.median(timed(lambda a=arrays: with_generators(a))[1] for _ in range(3)), 3)
        lines.append(line)
        seconds.append(line["torus"])
    at_a_million = next((line for line in lines if line["cells"] >= 9e5), lines[-1])
    worst = max(at_a_million["torus"], at_a_million["Klein bottle"])
    return {
        "what": "surfaces over Z with generators", "sizes": lines,
        "exponent": exponent([line["cells"] for line in lines], seconds),
        "claims": [claim(f"surface of {at_a_million['cells']} cells over Z with generators", worst, GOAL_SURFACE, "s")],
    }  # fmt: skip


def beside_gudhi(name: str, facets: np.ndarray) -> dict[str, Any]:
    """Betti numbers over Z/2 of one triangulation by both, alternating."""
    import gudhi

    complex_ = SimplicialComplex(facets)
    arrays = columns(complex_)
    tree = gudhi.SimplexTree()
    _, inserted = timed(lambda: tree.insert_batch(np.ascontiguousarray(facets.T), np.zeros(len(facets))))
    ours, peers, processor = [], [], [0.0, 0.0]
    for _ in range(REPEATS):
        begun = time.process_time()
        found, seconds = timed(lambda: ChainComplex.from_columns(*arrays).homology("Z/2"))
        ours.append(seconds)
        middle = time.process_time()
        _, seconds = timed(lambda: tree.compute_persistence(homology_coeff_field=2, persistence_dim_max=True))
        peers.append(seconds)
        processor[0] += middle - begun
        processor[1] += time.process_time() - middle
        assert tuple(tree.betti_numbers()) == found.betti[: len(tree.betti_numbers())]
    ratio = statistics.median(ours) / statistics.median(peers)
    return {
        "what": f"Betti numbers over Z/2, {name}", "cells": sum(complex_.counts), "gudhi": gudhi.__version__,
        "seconds": round(statistics.median(ours), 3), "gudhi_seconds": round(statistics.median(peers), 3),
        "gudhi_insertion_seconds": round(inserted, 3), "processor_time_ratio": round(processor[0] / processor[1], 3),
        "claims": [claim(f"Betti numbers over Z/2, {name}: ours over gudhi's", ratio, 1.0)],
    }  # fmt: skip


def random_two_complex(n: int, n_triangles: int) -> tuple[Any, ...]:
    """Columns of the complete graph on n vertices with the first triangles of a shuffled list."""
    triangles = np.array(list(itertools.combinations(range(n), 3)))
    chosen = np.sort(np.random.default_rng(n).permutation(len(triangles))[:n_triangles])
    edges = np.array(list(itertools.combinations(range(n), 2)))
    number = np.zeros((n, n), dtype=np.int32)
    number[edges[:, 0], edges[:, 1]] = np.arange(len(edges))
    a, b, c = triangles[chosen].T
    faces = np.stack([number[b, c], number[a, c], number[a, b]], axis=1).ravel()
    starts = [np.zeros(n + 1, int), 2 * np.arange(len(edges) + 1), 3 * np.arange(n_triangles + 1)]
    none = np.zeros(0, dtype=np.int32)
    signs = [none, np.tile([-1, 1], len(edges)), np.tile([1, -1, 1], n_triangles)]
    return (n, len(edges), n_triangles), starts, [none, edges.ravel().astype(np.int32), faces], signs


def digits(found: Homology) -> float:
    """Decimal digits of the order of the torsion."""
    return sum(math.log10(s) for orders in found.torsion for s in orders)


def burst(n: int) -> dict[str, Any]:
    """The largest torsion met on the way to the number of triangles at which b_2 begins to grow; then its time."""
    low, high = int(0.85 * n * (n - 1) / 2), int(0.95 * n * (n - 1) / 2)
    base = ChainComplex.from_columns(*random_two_complex(n, low)).homology("Z/1000003").betti[2]
    while high - low > 1:
        middle = (low + high) // 2
        betti = ChainComplex.from_columns(*random_two_complex(n, middle)).homology("Z/1000003").betti
        low, high = (low, middle) if betti[2] > base + 1 else (middle, high)
    tried = {
        m: digits(ChainComplex.from_columns(*random_two_complex(n, m)).homology()) for m in range(low - 8, low + 5)
    }
    largest = max(tried, key=lambda m: tried[m])
    arrays = random_two_complex(n, largest)
    begun = time.process_time()
    found, seconds = timed(lambda: with_generators(arrays))
    processor = time.process_time() - begun
    torsion = [chain for chain in found.generators(1) if chain.order]
    complex_ = ChainComplex.from_columns(*arrays)
    for chain in torsion:
        multiple = chain.order * chain.to_array().astype(object)
        assert (complex_.boundary(2, chain.bounding().to_array()) == multiple).all()
    return {
        "what": "random 2-complex near the torsion burst", "vertices": n, "triangles": largest,
        "cells": complex_.n_cells, "digits": round(digits(found), 1), "seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2), "torsion": [str(chain.order) for chain in torsion],
        "claims": [claim(f"random 2-complex of {complex_.n_cells} cells, torsion of {digits(found):.0f} digits", seconds,
                         GOAL_BURST, "s")],
    }  # fmt: skip


def main(is_short: bool) -> None:
    """Measure and write."""
    machine = facts()
    _, cold = timed(lambda: with_generators(columns(SimplicialComplex(surface(41, False)))))
    results = [surfaces(SHORT_SIDES if is_short else SIDES) | {"first_call_seconds": round(cold, 2)}]
    side, cube = (130, 12) if is_short else (408, CUBE)
    results.append(beside_gudhi("torus", surface(side, False)))
    results.append(beside_gudhi("solid cube", solid_cube(cube)))
    results += [burst(n) for n in (BURSTS[:1] if is_short else BURSTS)]
    write("homology", results, machine)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="small sizes")
    main(parser.parse_args().short)
