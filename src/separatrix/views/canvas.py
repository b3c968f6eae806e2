"""How points are drawn as pictures: one sheet for the whole page, or none where inputs are no images."""

from __future__ import annotations

import numpy as np

from separatrix.study.analysis import Analysis
from separatrix.views.colours import diverging
from separatrix.views.sprites import Sprite, SpriteSheet

MOST_CHANGES = 1_000_000
SIZES = {"tiny": 28, "small": 56, "medium": 84, "large": 140}


class Canvas:
    """The pictures of a page. Sinks come first, so that a full sheet leaves out the least important ones."""

    def __init__(self, analysis: Analysis) -> None:
        self.shape = analysis.data.image_shape if analysis.data is not None else ()
        self.is_image = len(self.shape) in (2, 3) and int(np.prod(self.shape)) == analysis.network.n_inputs
        self.sheet: SpriteSheet | None = None
        self.changes: SpriteSheet | None = None
        self._means: list[Sprite | None] = []
        if self.is_image:
            points = analysis.flow[0].sinks.points if analysis.flow else np.zeros((0, 1))
            self.sheet = SpriteSheet.of(tuple(self.shape), analysis.domain, points)
            self.changes = SpriteSheet((self.sheet.height, self.sheet.width, 3), 0.0, 1.0, MOST_CHANGES)
            for portrait in analysis.flow:
                self.pictures(portrait.sinks.points)
            if analysis.data is not None:
                self._means = self.pictures(analysis.data.class_means)

    def pictures(self, points: np.ndarray) -> list[Sprite | None]:
        """A picture for each row of ``points`` (n, dim); None where there is none."""
        if self.sheet is None:
            return [None] * len(points)
        return self.sheet.add(points)

    def change(self, first: np.ndarray, last: np.ndarray) -> Sprite | None:
        """What is brighter in ``last`` than in ``first`` and what darker, scaled to the largest difference."""
        if self.sheet is None or self.changes is None or self.sheet.is_colour:
            return None
        step = (last - first).reshape(self.sheet.height, self.sheet.width)
        largest = float(np.abs(step).max())
        return self.changes.add(diverging(step / largest).reshape(1, -1))[0] if largest > 0 else None

    def class_mean(self, k: int) -> Sprite | None:
        """The mean of the data of class ``k``."""
        return self._means[k] if 0 <= k < len(self._means) else None

    def zooms(self) -> dict[str, float]:
        """Magnification of each size; ``frame``: of a film strip, ``narrow``: of a large picture in a narrow window."""
        if self.sheet is None:
            return {}
        zooms = {name: self.sheet.zoom(size) for name, size in SIZES.items()}
        return zooms | {"frame": 1.5 * zooms["tiny"], "narrow": self.sheet.zoom(112)}
