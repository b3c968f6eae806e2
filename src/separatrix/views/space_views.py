"""A surface in space as a picture: triangles seen from a fixed side, shaded by the light; scripts may turn it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from separatrix.study.surface_portrait import SurfacePortrait

SHADES = 12
MOST_TRIANGLES = 8_000
TURN, TILT = 0.6, 0.45
SIZE = 420.0


@dataclass(frozen=True)
class Space:
    """A picture of a surface in space: ``triangles`` from back to front as (shade, path), ``cycles`` and the box's ``edges``
    as paths; ``mesh``: vertices, triangles, cycle edges and box as JSON, from which scripts draw other views."""

    triangles: tuple[tuple[int, str], ...]
    cycles: tuple[str, ...]
    edges: str
    mesh: str
    size: float = SIZE


def space_view(portrait: SurfacePortrait) -> Space | None:
    """The picture of a surface in a box of three dimensions; None where it is too large or empty."""
    drawing, box = portrait.drawing, portrait.domain
    if not 0 < len(drawing.simplices) <= MOST_TRIANGLES:
        return None
    middle, half = 0.5 * (box.lower + box.upper), 0.5 * float(box.width.max())
    points = (drawing.vertices - middle) / half
    corners = (np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)]) - 0.5) * box.width / half
    frame = [(i, i | bit) for i in range(8) for bit in (1, 2, 4) if not i & bit]
    turned = points @ rotation(TURN, TILT).T
    triangles = drawing.simplices
    sides = turned[triangles]
    normal = np.cross(sides[:, 1] - sides[:, 0], sides[:, 2] - sides[:, 0])
    length = np.linalg.norm(normal, axis=1)
    light = np.abs(normal[:, 2]) / np.where(length > 0, length, 1.0)
    shade = np.clip((SHADES * light).astype(int), 0, SHADES - 1)
    order = np.argsort(sides[:, :, 2].mean(axis=1), kind="stable")
    places = _places(turned)
    drawn = tuple((int(shade[t]), _closed(places[triangles[t]])) for t in order)
    seen = _places(corners @ rotation(TURN, TILT).T)
    return Space(drawn, _cycles(places, portrait), "".join(_open(seen[[a, b]]) for a, b in frame),
                 _mesh(points, portrait, corners, frame))  # fmt: skip


def rotation(turn: float, tilt: float) -> np.ndarray:
    """The rotation by ``turn`` about the third axis, which then is tilted towards the eye by ``tilt`` (radians); the rows
    give right, up, and towards the eye."""
    c, s, u, v = np.cos(turn), np.sin(turn), np.cos(tilt), np.sin(tilt)
    return np.array([[c, s, 0.0], [-s * v, c * v, u], [s * u, -c * u, v]])


def _places(turned: np.ndarray) -> np.ndarray:
    scale = SIZE / 3.6
    return np.stack([SIZE / 2 + scale * turned[:, 0], SIZE / 2 - scale * turned[:, 1]], axis=1)


def _closed(corners: np.ndarray) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners) + "Z"


def _open(ends: np.ndarray) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ends)


def _cycles(places: np.ndarray, portrait: SurfacePortrait) -> tuple[str, ...]:
    cycles, owner = portrait.drawing.cycles, portrait.drawing.cycle
    return tuple(
        "".join(_open(places[edge]) for edge in cycles[owner == number])
        for number in range(int(owner.max(initial=-1)) + 1)
    )


def _mesh(points: np.ndarray, portrait: SurfacePortrait, corners: np.ndarray, frame: list[tuple[int, int]]) -> str:
    drawing = portrait.drawing
    content = {
        "points": np.round(points, 3).ravel().tolist(),
        "triangles": drawing.simplices.ravel().tolist(),
        "cycles": drawing.cycles.ravel().tolist(),
        "corners": np.round(corners, 3).ravel().tolist(),
        "frame": [end for edge in frame for end in edge],
        "turn": TURN,
        "tilt": TILT,
    }
    return json.dumps(content, separators=(",", ":"))
