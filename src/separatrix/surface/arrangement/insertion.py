"""The neurons of one step inserted into the lattice, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from separatrix.errors import SeparatrixError, UnresolvedError
from separatrix.surface.arrangement.lattice import FEWEST_ROWS, Lattice
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.rational_signs import words_of_signs

MOST_CELLS = 50_000_000
MOST_INCIDENCES = 2**31 - 1
Progress = Callable[[str, int, int], object]


class Signs(Protocol):
    """Decides the signs of vertices exactly and keeps their positions."""

    @property
    def n_exact_decisions(self) -> int:
        """Signs that were decided in rational numbers."""
        ...

    def begin(self, lattice: Lattice) -> None:
        """The box's corners are made."""

    def start_step(self, lattice: Lattice, step: LinearStep) -> None:
        """Signs of all vertices for the neurons of ``step``."""

    def new_vertices(self, lattice: Lattice, edges: np.ndarray, first: int, j: int) -> None:
        """Positions, errors and open signs of the vertices ``first``, … where neuron ``j`` vanishes on ``edges``.

        They have their signs of earlier steps after ``lattice.join()``.
        """

    def end_step(self, lattice: Lattice) -> None:
        """All neurons of the step are inserted."""

    def next_values(self, lattice: Lattice, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values of the next step's rows at ``vertices`` and bounds on their errors, between two steps."""
        ...

    def keep(self, kept: np.ndarray) -> None:
        """Only the vertices ``kept`` (ascending ids) are left, numbered anew, between two steps."""


@dataclass
class Watch:
    """What is watched while neurons are inserted: the number of cells, and who is told how far it is.

    ``progress("neurons", done, total)`` is called after every neuron.
    """

    max_cells: int = MOST_CELLS
    progress: Progress | None = None
    total: int = 0
    done: int = 0

    def check(self, cells: int, incidences: int) -> None:
        """Raise UnresolvedError where the next neuron makes too many cells."""
        if cells > self.max_cells or incidences > MOST_INCIDENCES:
            raise UnresolvedError(
                f"more than {min(self.max_cells, cells):,} cells after {self.done + 1} of {self.total} neurons; take a smaller "
                "box, a slice through it (net.restrict), or a larger max_cells="
            )

    def tell(self) -> None:
        """One more neuron is done."""
        self.done += 1
        if self.progress is not None:
            self.progress("neurons", self.done, self.total)


def insert_step(lattice: Lattice, step: LinearStep, word: int, signs: Signs, watch: Watch | None = None) -> None:
    """Insert the neurons of one step, whose bits begin at ``word``; ``watch`` is asked and told after each."""
    lattice.word, lattice.creased = word, step.creased
    _Insertion(lattice, step, signs, watch or Watch(total=step.n_signs)).run()


class _Insertion:
    """The arrays that the kernels share while the neurons of a step are inserted."""

    def __init__(self, lattice: Lattice, step: LinearStep, signs: Signs, watch: Watch) -> None:
        from separatrix.surface.arrangement.facet_kinds import BLOCK

        self.lattice, self.step, self.signs, self.watch = lattice, step, signs, watch
        self.used: np.ndarray = np.array(
            [lattice.n_vertices, lattice.n_edges, lattice.n_cells, lattice.n_facets, lattice.n_cofaces, 0]
        )
        self.where: np.ndarray = np.array([0, lattice.word, lattice.word + step.words, 0], dtype=np.int64)
        self.offsets: np.ndarray = np.zeros((2, max(lattice.n, 2) + 2), dtype=np.int64)
        self.heads: np.ndarray = np.empty(64 * step.words, dtype=np.int32)
        self.seen: np.ndarray = np.zeros((3, step.words), dtype=np.uint64)
        self.live: np.ndarray = words_of_signs((step.repeats[0] == -1).astype(np.int8))[0]
        self.touching: np.ndarray = np.empty_like(self.heads)
        self.nodes: np.ndarray = np.empty((2 * lattice.n_edges + FEWEST_ROWS, 2), dtype=np.int32)
        self.room: np.ndarray = np.zeros(2, dtype=np.int64)
        self.lists: np.ndarray = np.empty((3, 0), dtype=np.int32)
        self.parts: np.ndarray = np.empty(0, dtype=np.int32)
        self.found: np.ndarray = np.empty((BLOCK * lattice.most_facets, 4), dtype=np.int32)
        self.begins: np.ndarray = np.empty(BLOCK + 1, dtype=np.int64)

    def run(self) -> None:
        """All neurons in their order."""
        from separatrix.surface.arrangement.insertion_kernels import fill_buckets

        lattice = self.lattice
        lattice.joined = lattice.n_vertices
        self.signs.start_step(lattice, self.step)
        fill_buckets(
            self.where, self.used, self.heads, self.seen, self.live, self.touching, self.nodes,
            lattice.edges, lattice.cells, lattice.positive, lattice.negative,
        )  # fmt: skip
        for neuron in range(self.step.n_signs):
            self._insert(neuron)
            self.watch.tell()
        lattice.join()
        self.signs.end_step(lattice)

    def _insert(self, neuron: int) -> None:
        """One neuron; nothing is to be done where it does not take both signs, or repeats an earlier one."""
        from separatrix.surface.arrangement.insertion_kernels import mark_cells
        from separatrix.surface.arrangement.joining_kernels import join_signs
        from separatrix.surface.arrangement.split_kernel import split_cells

        touches = bool(self.touching[neuron] >= 0)
        if not int(self.live[neuron // 64]) >> (neuron % 64) & 1 or not (touches or self.heads[neuron] >= 0):
            return
        lattice, used = self.lattice, self.used
        if self.lists.shape[1] <= lattice.n_cells:
            self.lists = np.empty((3, 2 * lattice.n_cells + 1), dtype=np.int32)
        if self.parts.size < lattice.n_cofaces:  # a coface takes a place, and the two in front of those of a cell one
            self.parts = np.empty(2 * lattice.n_cofaces, dtype=np.int32)
        split, touched, origin = self.lists
        self.where[0], self.where[3] = neuron, touches
        mark_cells(
            self.where, used, self.offsets, self.heads, self.live, self.touching, self.nodes,
            lattice.edges, lattice.cells, lattice.facets, lattice.cofaces,
            lattice.positive, lattice.negative, split, touched, self.parts, origin, self.room,
        )  # fmt: skip
        offsets, (facets, cofaces) = self.offsets[0].tolist(), self.room.tolist()
        n_edges, n_polygons, n_split = offsets[2], offsets[3], offsets[-1]
        self.watch.check(
            lattice.n_vertices + lattice.n_cells + 2 * n_split,
            max(lattice.n_facets + facets, lattice.n_cofaces + cofaces),
        )
        lattice.reserve(n_edges, n_polygons, 2 * n_split - n_edges, facets, cofaces)
        most = int(used[-1]) + 2 * n_edges + n_polygons
        if len(self.nodes) < most:
            self.nodes = np.concatenate([self.nodes, np.empty((most, 2), dtype=np.int32)])
        bits = (lattice.positive, lattice.negative)
        rows = np.empty(n_edges, dtype=np.int32)
        ends = lattice.ends[lattice.n_vertices - lattice.joined :]
        if not join_signs(self.where, used[0], lattice.edges, lattice.cells, *bits, split, rows, ends):
            raise SeparatrixError("internal check failed: an edge has ends on both sides of an earlier neuron")
        first = lattice.n_vertices
        lattice.n_vertices += n_edges
        if n_edges:
            self.signs.new_vertices(lattice, rows, first, neuron)
        if split_cells(
            self.where, used, self.offsets, self.heads, self.seen, self.live, self.touching, self.nodes,
            lattice.edges, lattice.cells, lattice.facets, lattice.cofaces, *bits, split, touched,
            self.parts, origin, self.found, self.begins,
        ):  # fmt: skip
            raise SeparatrixError("internal check failed: the zero set of a neuron does not close up")
        lattice.n_vertices, lattice.n_edges, lattice.n_cells, lattice.n_facets, lattice.n_cofaces = used[:-1].tolist()
