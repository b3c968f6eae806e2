"""The sheet of pictures: what is put in can be cut out again."""

import io

import numpy as np
import pytest
from matplotlib import image

from separatrix.views.sprites import SpriteSheet, png


@pytest.mark.parametrize("shape", [(6, 5), (1, 6, 5), (6, 5, 1), (3, 6, 5), (6, 5, 3)])
def test_every_picture_is_where_its_sprite_says(shape: tuple[int, ...]) -> None:
    points = np.random.default_rng(0).integers(0, 256, (70, int(np.prod(shape)))) / 255.0
    sheet = SpriteSheet(shape, 0.0, 1.0)
    sprites = sheet.add(points)
    pixels = np.round(255 * np.atleast_3d(image.imread(io.BytesIO(png(sheet.sheet())))))
    for point, sprite in zip(points, sprites, strict=True):
        assert sprite is not None
        picture = pixels[7 * sprite.y : 7 * sprite.y + 6, 6 * sprite.x : 6 * sprite.x + 5]
        expected = np.round(255 * point.reshape(shape))
        expected = np.moveaxis(expected, 0, -1) if shape[0] in (1, 3) else np.atleast_3d(expected)
        assert np.array_equal(picture[:, :, : expected.shape[2]], expected)


def test_a_picture_is_kept_once_and_a_full_sheet_counts_the_rest() -> None:
    sheet = SpriteSheet((4, 4), -1.0, 1.0, most_bytes=32)
    points = np.linspace(-1, 1, 64).reshape(4, 16)
    assert sheet.add(points[[0, 0]]) == sheet.add(points[:1]) * 2
    assert [sprite is None for sprite in sheet.add(points)] == [False, False, True, True]
    assert sheet.n_left_out == 2
    assert sheet.add(np.full((1, 16), np.nan)) == [None]
