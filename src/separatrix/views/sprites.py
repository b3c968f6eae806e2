"""Many small pictures in one PNG: thousands of data URLs would make a page slow and large."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.domains import Box

COLUMNS = 32
GAP = 1
MOST_BYTES = 5_000_000


@dataclass(frozen=True)
class Sprite:
    """Place of a picture in the sheet: column ``x``, row ``y``."""

    x: int
    y: int


class SpriteSheet:
    """Pictures of one shape, each kept once. ``shape``: (h, w), or (h, w) with a leading or trailing axis of 1 or 3.

    ``low``, ``high``: the values drawn as black and as white. Beyond ``most_bytes`` nothing more is taken in, and
    ``n_left_out`` counts what was not.
    """

    def __init__(self, shape: tuple[int, ...], low: float, high: float, most_bytes: int = MOST_BYTES) -> None:
        self.shape, self.low, self.high, self.most_bytes = tuple(shape), low, high, most_bytes
        self.is_colour = len(shape) == 3 and 3 in (shape[0], shape[-1])
        self.is_channel_first = len(shape) == 3 and shape[-1] not in (1, 3)
        sides = shape if len(shape) == 2 else shape[1:] if self.is_channel_first else shape[:2]
        self.height, self.width = int(sides[0]), int(sides[1])
        self.n_left_out = 0
        self._tiles: list[np.ndarray] = []
        self._places: dict[bytes, Sprite] = {}

    @classmethod
    def of(cls, shape: tuple[int, ...], domain: Any, points: np.ndarray) -> SpriteSheet:
        """A sheet whose black and white are the ends of the box, or of the points where there is no box."""
        if isinstance(domain, Box):
            return cls(shape, float(domain.lower.min()), float(domain.upper.max()))
        return cls(shape, float(points.min(initial=0.0)), float(points.max(initial=1.0)))

    def add(self, points: np.ndarray) -> list[Sprite | None]:
        """Where each row of ``points`` (n, dim) is drawn; None for NaN rows and where the sheet is full."""
        return [self._add(row) for row in points]

    def _add(self, point: np.ndarray) -> Sprite | None:
        if not np.isfinite(point).all():
            return None
        tile = self._tile(point)
        key = tile.tobytes()
        if key not in self._places:
            if (len(self._tiles) + 1) * tile.size > self.most_bytes:
                self.n_left_out += 1
                return None
            self._places[key] = Sprite(len(self._tiles) % COLUMNS, len(self._tiles) // COLUMNS)
            self._tiles.append(tile)
        return self._places[key]

    def _tile(self, point: np.ndarray) -> np.ndarray:
        picture = np.asarray(point).reshape(self.shape)
        if self.is_channel_first:
            picture = np.moveaxis(picture, 0, -1)
        picture = picture.reshape(self.height, self.width, -1)
        picture = picture if self.is_colour else picture[:, :, :1]
        span = self.high - self.low or 1.0
        return np.round(255 * np.clip((picture - self.low) / span, 0, 1)).astype(np.uint8)

    @property
    def n_tiles(self) -> int:
        """Different pictures on the sheet."""
        return len(self._tiles)

    @property
    def n_columns(self) -> int:
        """Columns of the sheet."""
        return min(COLUMNS, max(1, len(self._tiles)))

    @property
    def n_rows(self) -> int:
        """Rows of the sheet."""
        return max(1, math.ceil(len(self._tiles) / COLUMNS))

    def zoom(self, size: int) -> float:
        """Whole magnification that makes a picture about ``size`` CSS pixels wide; a fraction for large pictures."""
        side = max(self.height, self.width)
        return max(1, size // side) if side <= size else round(size / side, 3)

    def sheet(self) -> np.ndarray:
        """The sheet as an array (height, width, channels) uint8, a gap of one pixel after every picture."""
        tall, wide = self.height + GAP, self.width + GAP
        sheet = np.zeros((self.n_rows * tall, self.n_columns * wide, 3 if self.is_colour else 1), dtype=np.uint8)
        for i, tile in enumerate(self._tiles):
            top, left = (i // COLUMNS) * tall, (i % COLUMNS) * wide
            sheet[top : top + self.height, left : left + self.width] = tile
        return sheet

    def data_url(self) -> str:
        """The sheet as a PNG in a data URL."""
        return "data:image/png;base64," + base64.b64encode(png(self.sheet())).decode("ascii")


def png(pixels: np.ndarray) -> bytes:
    """8-bit PNG of ``pixels`` (height, width, 1 or 3).

    >>> png(np.zeros((2, 3, 1), dtype=np.uint8))[:4]
    b'\\x89PNG'
    """
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )
