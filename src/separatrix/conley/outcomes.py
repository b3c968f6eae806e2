"""What a Conley index of a smooth potential came to, as the fields of its record: one function a method (§9)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.blocks import BoxBlock
from separatrix.conley.conley_record import COMPUTED, NOT_COMPUTED
from separatrix.conley.equilibrium_cells import EquilibriumCells
from separatrix.conley.index_pairs import CubePair
from separatrix.conley.level_blocks import LevelBlock
from separatrix.domains import Box
from separatrix.morse.morse_complex import known_homology

Found = dict[str, Any]


def sides(block: BoxBlock) -> Found:
    """Which sides of a box the flow crosses outwards, inwards and both ways, and whether the box is a block."""
    return {
        "is_block": block.found.is_isolating,
        "exit_sides": block.exit_sides,
        "entry_sides": block.entry_sides,
        "mixed_sides": block.mixed_sides,
    }


def _edges(box: Box, shape: tuple[int, ...], more: int) -> tuple[np.ndarray, ...]:
    """Edges of a uniform grid, with ``more`` cubes around the box."""
    return tuple(
        low + (high - low) * np.arange(-more, n + more + 1) / n
        for low, high, n in zip(box.lower, box.upper, shape, strict=True)
    )


def of_block(block: BoxBlock, box: Box) -> Found:
    """An isolating block (8.9)."""
    betti = block.found.betti
    assert betti is not None
    groups = block.groups
    known = known_homology(betti, is_relative=True, domain=box, certainty=Certainty.PROVED)
    found: Found = {
        "verdict": COMPUTED,
        "method": "block",
        "certainty": Certainty.PROVED,
        "homology": known if groups is None else groups.homology,
        "lower": box.lower,
        "upper": box.upper,
        "exit_lower": block.exit_lower,
        "exit_upper": block.exit_upper,
    }
    if groups is not None:
        found |= {"block_betti": groups.block_betti, "exit_betti": groups.exit_betti, "n_cells": groups.block.size}
        found["edges"] = _edges(box, tuple(n - 2 for n in groups.block.shape), 1)
    return found


def of_levels(found: LevelBlock, box: Box, cells: EquilibriumCells, meant: np.ndarray) -> Found:
    """Sets between two levels of f (9.11)."""
    groups, (lower, upper) = found.groups, found.grid.cubes
    block, exits = groups.block.ravel(), groups.exits.ravel()
    return {
        "verdict": COMPUTED,
        "method": "level block",
        "certainty": Certainty.PROVED,
        "homology": groups.homology,
        "lower": lower[block].min(axis=0) if block.any() else box.lower,
        "upper": upper[block].max(axis=0) if block.any() else box.upper,
        "levels": found.levels,
        "exit_lower": lower[exits],
        "exit_upper": upper[exits],
        "equilibria": cells.hulls()[np.unique(cells.cluster[meant])],
        "n_cells": cells.asked + len(lower),
        "edges": _edges(box, found.grid.shape, 0),
        "block_betti": groups.block_betti,
        "exit_betti": groups.exit_betti,
    }


def of_cubes(pair: CubePair) -> Found:
    """Cubes that the flow crosses strictly (9.10)."""
    notes = (
        () if not pair.n_added else (f"{pair.n_added} cubes were added, so that the flow crosses every side strictly",)
    )
    return {
        "verdict": COMPUTED,
        "method": "grid index pair",
        "certainty": Certainty.PROVED,
        "homology": pair.homology,
        "lower": pair.lower,
        "upper": pair.upper,
        "exit_lower": pair.exit_lower,
        "exit_upper": pair.exit_upper,
        "n_cells": pair.n_cubes,
        "edges": pair.edges,
        "block_betti": pair.block_betti,
        "exit_betti": pair.exit_betti,
        "notes": notes,
    }


def empty(box: Box, cells: EquilibriumCells) -> Found:
    """No equilibrium: along an orbit that stays, f would grow without a limit set."""
    zero = (0,) * (box.dim + 1)
    return {
        "verdict": COMPUTED,
        "method": "no equilibrium",
        "certainty": Certainty.PROVED,
        "homology": known_homology(zero, is_relative=True, domain=box, certainty=Certainty.PROVED),
        "lower": box.lower,
        "upper": box.upper,
        "n_cells": cells.asked,
        "notes": ("there is no equilibrium, so that the invariant set of a gradient flow is empty",),
    }


def unknown(reason: str) -> Found:
    """Nothing was computed, for a ``reason``."""
    return {"verdict": NOT_COMPUTED, "certainty": Certainty.UNKNOWN, "reason": reason}
