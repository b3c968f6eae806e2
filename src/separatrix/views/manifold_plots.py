"""Two-dimensional stable and unstable manifolds in matplotlib: triangles in the plane and in space (§3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.domains import Box
from separatrix.errors import InputError, printable
from separatrix.flow.manifolds.mesh_record import ManifoldMesh
from separatrix.views.colours import INK, NEUTRAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_mesh(record: ManifoldMesh, ax: Axes | None = None, **options: Any) -> Axes:
    """The mesh, darker where orbits are longer, with its point and the equilibria on its edge.

    Of more than three coordinates those of ``coordinates=(i, j, k)``, by default the three that change most. Raises
    InputError for coordinates that do not exist.
    """
    chosen = _coordinates(record, options.get("coordinates"))
    is_space = len(chosen) == 3
    if ax is None:
        from matplotlib import pyplot as plt

        keywords = {"projection": "3d"} if is_space else {}
        ax = plt.subplots(figsize=(7.5, 6), layout="constrained", subplot_kw=keywords)[1]
    place: Any = record.vertices[:, chosen]
    far = record.distance[record.triangles].mean(axis=1) / max(float(record.distance.max(initial=0.0)), 1e-300)
    _draw(ax, place, record.triangles, far)
    others = place[record.equilibria]
    ax.plot(*place[:1].T, marker="X", color=INK, markersize=9, linestyle="none", label=record.id, zorder=5)
    if len(others):
        ax.plot(
            *others.T, marker="o", color=INK, markersize=6, linestyle="none", label="equilibria on its edge", zorder=5
        )
    for name, axis in zip("xyz", chosen, strict=False):
        getattr(ax, f"set_{name}label")(f"x{axis + 1} (units of the input)")
    if isinstance(record.domain, Box):
        for name, axis in zip("xyz", chosen, strict=False):
            getattr(ax, f"set_{name}lim")(record.domain.lower[axis], record.domain.upper[axis])
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=None if is_space else (1.0, 1.0))
    ax.set_title(f"{record.kind} manifold of {record.id}\n{printable(record.potential, 60)}", fontsize=11)
    return ax


def _draw(ax: Any, place: np.ndarray, triangles: np.ndarray, far: np.ndarray) -> None:
    """Triangles in space or in the plane."""
    from matplotlib.colors import to_rgb

    shade = np.clip(0.35 + 0.6 * (1.0 - far), 0.0, 1.0)[:, None]
    colours = shade * np.array(to_rgb(NEUTRAL)) + (1.0 - shade) * 0.15
    if place.shape[1] == 3:
        from mpl_toolkits.mplot3d.art3d import Poly3DCollection

        ax.add_collection3d(Poly3DCollection(place[triangles], facecolors=colours, edgecolors="none", alpha=0.75))
        ax.auto_scale_xyz(*place.T)
        return
    from matplotlib.collections import PolyCollection

    ax.add_collection(PolyCollection(list(place[triangles]), facecolors=colours, edgecolors="none"))
    ax.autoscale_view()


def _coordinates(record: ManifoldMesh, asked: Any) -> list[int]:
    dim = record.vertices.shape[1]
    if asked is not None:
        found = [int(c) for c in asked]
        if len(set(found)) != len(found) or not 2 <= len(found) <= 3 or not all(0 <= c < dim for c in found):
            raise InputError(f"coordinates: expected two or three different numbers below {dim}, came {asked!r}")
        return found
    if dim <= 3:
        return list(range(dim))
    return sorted(np.argsort(-np.ptp(record.vertices, axis=0), kind="stable")[:3].tolist())
