"""One colour, one number and one shape a class, the same in every figure: Okabe and Ito (2008), extended by pattern.

The eighth colour of the palette is black; here it is the ink of the page, so that it turns with the colour scheme. From
the ninth class on the colours come again, hatched: a class is never told by its colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
MIDDLE = "#f7f7f7"
INK = "#1a1a1a"
PAPER = "#ffffff"
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "<", "p", "*")
UNRESOLVED = "#8a8a8a"
NEUTRAL = "#0072B2"
N_COLOURS = len(PALETTE) + 1


@dataclass(frozen=True)
class ClassStyle:
    """How a class is drawn: ``colour`` (hex), ``text`` on it (hex), ``shape`` (a matplotlib marker), ``is_hatched``;
    ``is_ink``: the colour is that of the page's text."""

    colour: str
    text: str
    shape: str
    is_hatched: bool
    is_ink: bool


def class_style(k: int) -> ClassStyle:
    """The style of class ``k``; -1 and below: unresolved.

    >>> class_style(0).colour, class_style(8).colour, class_style(8).is_hatched
    ('#E69F00', '#E69F00', True)
    """
    if k < 0:
        return ClassStyle(UNRESOLVED, INK, ".", False, False)
    turn, hue = divmod(k, N_COLOURS)
    colour = PALETTE[hue] if hue < len(PALETTE) else INK
    return ClassStyle(colour, _text_on(colour), SHAPES[k % len(SHAPES)], turn > 0, hue == len(PALETTE))


def diverging(values: np.ndarray) -> np.ndarray:
    """Colours (…, 3) in [0, 1] of ``values`` in [-1, 1]: blue below 0, nearly white at 0, vermilion above.

    >>> diverging(np.array([0.0])).round(2).tolist()
    [[0.97, 0.97, 0.97]]
    """
    ends = np.array([_rgb(PALETTE[4]), _rgb(PALETTE[5])])
    weight = np.clip(np.abs(values), 0.0, 1.0)[..., None]
    return (1 - weight) * np.array(_rgb(MIDDLE)) + weight * ends[(values > 0).astype(int)]


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.1."""
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in _rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two hex colours by WCAG 2.1, from 1 to 21.

    >>> round(contrast("#000000", "#ffffff"))
    21
    """
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _text_on(colour: str) -> str:
    return max((INK, PAPER), key=lambda text: contrast(text, colour))
