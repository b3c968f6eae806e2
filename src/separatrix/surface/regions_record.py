"""The records of decision regions: classes, their components, islands (§6)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from separatrix.errors import InputError, KindError
from separatrix.networks.network import Network
from separatrix.records import Record, plain


@dataclass(frozen=True, eq=False, kw_only=True)
class RegionComponent(Record):
    """One connected component of a closed decision region.

    - ``class_number``; ``volume``: in the units of the input, exact up to rounding, a lower bound where ``volume_upper`` is
      larger (smooth networks)
    - ``witness`` (dim,): a point inside; ``certainty`` says whether it is proved to lie there
    - ``touches_boundary``: whether the component reaches the boundary of the box
    - ``n_data``: data points inside, None without data
    - ``n_pieces``: pieces that hang together through facets; 2 and more: they meet only in faces of codimension 2 or more;
      0: the component has no inner point (an isolated tie)
    """

    class_number: int
    volume: float
    volume_upper: float
    witness: np.ndarray
    touches_boundary: bool
    n_data: int | None = None
    n_pieces: int = 1

    @property
    def is_island(self) -> bool:
        """Without data inside; where no data were given, away from the boundary of the box."""
        return self.n_data == 0 if self.n_data is not None else not self.touches_boundary


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class DecisionRegion(Record):
    """The closed region {z_k >= z_l for all l} of one class in a box.

    ``class_number``: k; ``components``: largest volume first; ``notes``: what the numbers do not say.
    """

    class_number: int
    components: tuple[RegionComponent, ...]
    notes: tuple[str, ...] = ()

    @property
    def n_components(self) -> int:
        """Number of connected components of the closed region."""
        return len(self.components)

    @property
    def n_pieces(self) -> int:
        """Number of pieces that hang together through facets: components that meet in lower faces only are told apart."""
        return sum(component.n_pieces for component in self.components)

    @property
    def volume(self) -> float:
        """Volume of the region; see :class:`RegionComponent`."""
        return float(sum(component.volume for component in self.components))

    @property
    def volume_upper(self) -> float:
        """Upper bound of the volume where it is an enclosure, else the volume."""
        return float(sum(component.volume_upper for component in self.components))

    @property
    def islands(self) -> tuple[RegionComponent, ...]:
        """Components without data; where no data were given, those that do not touch the boundary of the box."""
        return tuple(component for component in self.components if component.is_island)

    @property
    def complex(self) -> Any:
        """The closed region as a complex."""
        raise InputError("this record was made without the region's complex")

    def homology(self, coefficients: str = "Z", relative_to: Any = None, **options: Any) -> Any:
        """Homology of the closed region, or relative to a subcomplex or masks of ``complex``."""
        return self.complex.homology(coefficients, relative_to=relative_to, **options)

    def columns(self) -> dict[str, Any]:
        """One row a component."""
        return component_columns(self.components)

    def __repr__(self) -> str:
        return (
            f"DecisionRegion(class {self.class_number}, {self.n_components} components, volume {self.volume:.6g}, "
            f"{self.certainty})"
        )


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class DecisionRegions(Record):
    """The decision regions of a network in a box, by class: ``regions[k]``.

    - ``regions``: one :class:`DecisionRegion` a class
    - ``triple_points`` (m, dim): vertices of the set where three or more classes tie at the top (in the plane: its points);
      ``triple_classes``: the classes at each
    - ``n_data``, ``n_data_outside``: data points given, and those outside the box, which lie in no region; None without data
    - ``notes``: what is remarkable, in sentences
    """

    network: Network
    regions: tuple[DecisionRegion, ...]
    triple_points: np.ndarray
    triple_classes: tuple[tuple[int, ...], ...] = ()
    n_data: int | None = None
    n_data_outside: int | None = None
    notes: tuple[str, ...] = ()
    surface: Any = field(default=None, repr=False)

    drawer: ClassVar[str] = "surface_plots:plot_regions"

    @property
    def projection(self) -> str | None:
        """Of the axes that :meth:`plot` needs: "3d" with three inputs."""
        return "3d" if self.network.n_inputs == 3 else None

    def __getitem__(self, k: Any) -> DecisionRegion:
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
            raise KindError(f"expected a class number, came {type(k).__name__}")
        if not 0 <= k < len(self.regions):
            raise InputError(f"expected a class number from 0 to {len(self.regions) - 1}, came {int(k)}")
        return self.regions[k]

    def __len__(self) -> int:
        return len(self.regions)

    def __iter__(self) -> Iterator[DecisionRegion]:
        return iter(self.regions)

    @cached_property
    def components(self) -> tuple[RegionComponent, ...]:
        """All components, class by class."""
        return tuple(component for region in self.regions for component in region.components)

    @property
    def islands(self) -> tuple[RegionComponent, ...]:
        """Components without data; where no data were given, those that do not touch the boundary of the box."""
        return tuple(component for component in self.components if component.is_island)

    def columns(self) -> dict[str, Any]:
        """One row a component."""
        return component_columns(self.components)

    def to_json(self) -> str:
        """Everything but the network and the cells as JSON text."""
        names = (f.name for f in fields(self) if f.name not in ("network", "surface"))
        return json.dumps({name: plain(getattr(self, name)) for name in names}, allow_nan=False)

    def __repr__(self) -> str:
        counts = ", ".join(str(region.n_components) for region in self.regions)
        return f"DecisionRegions({len(self.regions)} classes, components {counts}, {len(self.islands)} islands, {self.certainty})"


def component_columns(components: tuple[RegionComponent, ...]) -> dict[str, Any]:
    """The table of components."""
    return {
        "class": [c.class_number for c in components],
        "volume": [c.volume for c in components],
        "volume_upper": [c.volume_upper for c in components],
        "touches_boundary": [c.touches_boundary for c in components],
        "n_data": [c.n_data for c in components],
        "n_pieces": [c.n_pieces for c in components],
        "is_island": [c.is_island for c in components],
        "witness": [c.witness.tolist() for c in components],
        "certainty": [str(c.certainty) for c in components],
    }
