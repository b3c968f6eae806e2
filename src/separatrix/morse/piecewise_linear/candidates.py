"""Which cells of a complex can hold an equilibrium inside, and where: vertices, zeros on cells, cells left open (§5)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.domains import Box
from separatrix.morse.piecewise_linear.cell_gradients import CellGradients, slope_sum
from separatrix.morse.piecewise_linear.cell_tables import CellTables, chosen_rows
from separatrix.morse.piecewise_linear.charts import Chart, Places, always_rises, chart
from separatrix.morse.piecewise_linear.rising_directions import Fan
from separatrix.morse.piecewise_linear.stratum_search import Search, Zero
from separatrix.morse.piecewise_linear.vertex_values import VertexValues
from separatrix.numerics.intervals import Interval
from separatrix.potentials.head import NetworkPotential

AT_ONCE = 4096
ROUGH = 1e-8
MOST_PROGRAMMES = 200
FLAT = "f is constant, or critical along a direction, on a cell"
CROWDED = "a cell too narrow for doubles"
UNSETTLED = "boxes of a cell were not settled: a degenerate critical set, or the budget"


@dataclass(frozen=True, eq=False)
class OpenCell:
    """A k-cell that may hold equilibria which were not found: the box ``lower`` to ``upper``, and why."""

    k: int
    cell: int
    lower: np.ndarray
    upper: np.ndarray
    reason: str


@dataclass(eq=False)
class Scene:
    """A potential f = Phi(z) on the complex of its network in a box, with all that the search needs."""

    potential: NetworkPotential
    complex_: PolyhedralComplex
    values: VertexValues
    places: Places
    tables: CellTables
    gradients: CellGradients
    counts: dict[str, int] = field(default_factory=dict)
    _blocked: dict[int, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, potential: NetworkPotential, complex_: PolyhedralComplex) -> Scene:
        """The scene; vertices whose doubles are too rough are set to the nearest doubles of their rational positions."""
        values = VertexValues(complex_, potential.contrasts)
        points, spread = complex_.vertices.copy(), complex_.vertex_error.copy()
        size = 1.0 + np.abs(values.values).max(axis=1)
        rough = np.flatnonzero(~(values.errors.max(axis=1) <= ROUGH * size) | ~(spread <= ROUGH))
        values.sharpen(rough)
        for v in rough.tolist():
            points[v], spread[v] = values.rounded_position(v)
        places = Places(points, spread, values.values, values.errors)
        gradients = CellGradients.of(complex_, values.steps)
        return cls(potential, complex_, values, places, CellTables(complex_.cells), gradients)

    @property
    def box(self) -> Box:
        """The domain."""
        box = self.complex_.domain
        assert isinstance(box, Box)
        return box

    def blocked(self, k: int) -> np.ndarray:
        """Which directions the box blocks at the k-cells: -1 where x_i cannot fall, +1 where it cannot rise, (cells, n)."""
        if k not in self._blocked:
            off = self.complex_.box_signs(k)
            self._blocked[k] = (off[:, 1::2] == 0).astype(np.int8) - (off[:, 0::2] == 0).astype(np.int8)
        return self._blocked[k]

    def slopes(self, k: int, cells: np.ndarray) -> Interval:
        """grad Phi on the closed k-cells ``cells``, (cells, m)."""
        starts, vertices = chosen_rows(self.tables.vertices(k), cells)
        low = np.minimum.reduceat(self.places.z[vertices] - self.places.z_error[vertices], starts[:-1])
        high = np.maximum.reduceat(self.places.z[vertices] + self.places.z_error[vertices], starts[:-1])
        z = Interval(np.nextafter(low, -np.inf), np.nextafter(high, np.inf))
        return self.potential.head.bounds(z).gradient

    def fan(self, k: int, cells: np.ndarray, slopes: Interval) -> Fan:
        """The cells of full dimension about k-cells, for all ``slopes`` (cells, m) of Phi on them."""
        return self.gradients.fan(chosen_rows(self.tables.tops(k), cells), slopes, self.blocked(k)[cells], self.total)

    @property
    def total(self) -> float | None:
        """What the entries of grad Phi sum to, where that is known."""
        return slope_sum(self.potential.head)

    def open_cells(self, k: int) -> np.ndarray:
        """The k-cells on which no direction is proved to rise."""
        cells = np.arange(self.complex_.cells.counts[k])
        found = [np.zeros(0, dtype=np.int64)]
        for first in range(0, cells.size, AT_ONCE):
            part = cells[first : first + AT_ONCE]
            found.append(part[~self.fan(k, part, self.slopes(k, part)).rises()])
        return np.concatenate(found)

    def is_flat(self, k: int, cells: np.ndarray) -> np.ndarray:
        """On which of the k-cells z is constant as far as its errors show."""
        starts, vertices = chosen_rows(self.tables.vertices(k), cells)
        z, error = self.places.z[vertices], self.places.z_error[vertices]
        low, high = np.maximum.reduceat(z - error, starts[:-1]), np.minimum.reduceat(z + error, starts[:-1])
        return np.asarray((low <= high).all(axis=1))

    def is_on_edge(self, k: int, cell: int) -> bool:
        """Whether a k-cell lies in a face of the box."""
        return bool(self.blocked(k)[cell].any())

    def hull(self, k: int, cell: int) -> tuple[np.ndarray, np.ndarray]:
        """The bounding box of a k-cell."""
        starts, members = self.tables.vertices(k)
        x = self.places.points[members[starts[cell] : starts[cell + 1]]]
        return x.min(axis=0), x.max(axis=0)


@dataclass(frozen=True, eq=False)
class StratumZero:
    """A zero of the gradient on the hull of a k-cell, with its chart."""

    k: int
    cell: int
    chart: Chart
    zero: Zero


def search_cells(scene: Scene, k: int, cells: np.ndarray, budget: int) -> tuple[list[StratumZero], list[OpenCell]]:
    """The zeros on the hulls of k-cells, k >= 1, of which some may lie outside their cells; cells left open."""
    flat = scene.is_flat(k, cells)
    left = [OpenCell(k, cell, *scene.hull(k, cell), FLAT) for cell in _still(scene, k, cells[flat])]
    groups: dict[int, tuple[list[int], list[Chart]]] = {}
    for cell in cells[~flat].tolist():
        made = chart(scene.complex_.cells, scene.tables, scene.places, k, cell, scene.values.exact)
        if made is None:
            left.append(OpenCell(k, cell, *scene.hull(k, cell), CROWDED))
            continue
        if scene.total and always_rises(made):
            continue
        owners, charts = groups.setdefault(made.lower.size, ([], []))
        owners.append(cell)
        charts.append(made)
    zeros: list[StratumZero] = []
    for owners, charts in groups.values():
        search = _searched(scene, k, owners, charts, budget)
        zeros += [StratumZero(k, owners[zero.cell], charts[zero.cell], zero) for zero in search.zeros]
        for place in sorted(search.unsettled):
            left.append(OpenCell(k, owners[place], *scene.hull(k, owners[place]), UNSETTLED))
    return zeros, left


def _searched(scene: Scene, k: int, owners: list[int], charts: list[Chart], budget: int) -> Search:
    rows = np.array(owners)
    tops = chosen_rows(scene.tables.tops(k), rows)
    search = Search(scene.potential.head, scene.gradients, charts, tops, scene.blocked(k)[rows], budget)
    search.run()
    scene.counts["boxes"] = scene.counts.get("boxes", 0) + search.n_boxes
    return search


def _still(scene: Scene, k: int, cells: np.ndarray) -> list[int]:
    """The cells for which no linear programme finds a rising direction; at most MOST_PROGRAMMES are asked."""
    found = []
    for number, cell in enumerate(cells.tolist()):
        own = np.array([cell])
        if number >= MOST_PROGRAMMES or not scene.fan(k, own, scene.slopes(k, own)).rises_by_programme():
            found.append(cell)
    return found
