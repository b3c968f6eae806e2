"""Products of a kernel with all windows of images, and their transposes, in batches (§1).

The windows of one image stand as the columns of a matrix (terms, positions), so that a kernel (channels, terms) times them is
one matrix product; the transpose adds the columns back. Images go in chunks whose windows stay in the cache, large ones in
bands of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np

ENTRIES_AT_ONCE, BAND_AT_ONCE = 1 << 16, 1 << 19
Pair = tuple[int, int]


def output_sizes(
    sizes: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[Sequence[int]],
    dilation: Sequence[int],
) -> tuple[int, ...]:
    """How many windows fit along every axis; less than 1 where none does."""
    return tuple(
        (size + sum(pads) - gap * (width - 1) - 1) // step + 1
        for size, width, step, pads, gap in zip(sizes, window, stride, padding, dilation, strict=True)
    )


def with_channels(y: Any, bias: Any) -> Any:
    """Rows y (n, channels * positions), numpy or torch, plus one number a channel (channels,); numpy rows are written over."""
    images = y.reshape(y.shape[0], bias.shape[0], y.shape[1] // bias.shape[0])
    if isinstance(y, np.ndarray):
        images += bias[:, None]
        return y
    return (images + bias[:, None]).reshape(y.shape)


def _precision(x: np.ndarray) -> Any:
    """Single precision for numbers of single precision, else double."""
    return np.float32 if x.dtype == np.float32 else np.float64


@dataclass(frozen=True, eq=False)
class WindowProducts:
    """``kernel`` (out channels, in channels / groups, height, width) on images of ``shape`` (in channels, height, width)."""

    kernel: np.ndarray
    shape: tuple[int, int, int]
    stride: Pair
    padding: tuple[Pair, Pair]
    dilation: Pair
    groups: int

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Height and width of the output."""
        return output_sizes(self.shape[1:], self.kernel.shape[2:], self.stride, self.padding, self.dilation)

    @cached_property
    def padded(self) -> tuple[int, ...]:
        """Height and width of the images with their padding."""
        return tuple(size + sum(pads) for size, pads in zip(self.shape[1:], self.padding, strict=True))

    @cached_property
    def _inside(self) -> tuple[slice, ...]:
        rows, columns = (slice(pads[0], pads[0] + n) for n, pads in zip(self.shape[1:], self.padding, strict=True))
        return slice(None), slice(None), rows, columns

    @cached_property
    def _window(self) -> int:
        return prod(self.kernel.shape[2:])

    @property
    def _geometry(self) -> tuple[int, ...]:
        """As the kernels take it."""
        before = (self.padding[0][0], self.padding[1][0])
        return (*self.kernel.shape[2:], *self.stride, *before, *self.dilation, *self.sizes)

    @cached_property
    def _matrices(self) -> dict[Any, Any]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def _matrix(self, precision: Any) -> np.ndarray:
        """The kernel as (groups, channels of a group, terms), in this precision."""
        if precision not in self._matrices:
            shape = (self.groups, self.kernel.shape[0] // self.groups, -1)
            self._matrices[precision] = np.ascontiguousarray(self.kernel.reshape(shape), precision)
        return self._matrices[precision]

    def _chunks(self, n: int) -> list[slice]:
        each = max(1, ENTRIES_AT_ONCE // (self.shape[0] * self._window * prod(self.sizes)))
        return [slice(start, min(start + each, n)) for start in range(0, n, each)]

    @cached_property
    def _bands(self) -> list[tuple[tuple[int, ...], slice]]:
        """The rows of the output in bands whose windows take little room: geometries, and the positions of each."""
        (rows, width), (high, wide, step, pace, above, *rest) = self.sizes, self._geometry[:8]
        each, found = max(1, BAND_AT_ONCE // (self.shape[0] * self._window * width)), []
        for start in range(0, rows, each):
            count = min(each, rows - start)
            geometry = (high, wide, step, pace, above - start * step, *rest, count, width)
            found.append((geometry, slice(start * width, (start + count) * width)))
        return found

    def forward(self, x: Any) -> Any:
        """Rows (n, in) to rows (n, out), single precision staying single."""
        if not isinstance(x, np.ndarray):
            return self._torch_forward(x)
        if self._mean is not None:
            return self._means(x)
        from separatrix.networks.window_kernels import channel_by_channel, gather

        precision, positions = _precision(x), prod(self.sizes)
        matrix, images = self._matrix(precision), np.ascontiguousarray(x, precision).reshape(-1, *self.shape)
        out = np.empty((len(images), self.groups, matrix.shape[1], positions), precision)
        if self._is_each_alone:
            channel_by_channel(images, *self._alone(precision), out.reshape(*out.shape[:3], *self.sizes))
            return out.reshape(len(images), prod(out.shape[1:])).astype(x.dtype, copy=False)
        if self._is_pointwise:
            np.matmul(matrix, images.reshape(len(images), self.groups, matrix.shape[2], positions), out=out)
            return out.reshape(len(images), prod(out.shape[1:])).astype(x.dtype, copy=False)
        for chunk, (geometry, band) in product(self._chunks(len(images)), self._bands):
            columns = np.empty(
                (chunk.stop - chunk.start, self.shape[0], self._window, band.stop - band.start), precision
            )
            gather(images[chunk], geometry, columns)
            windows = columns.reshape(len(columns), self.groups, -1, columns.shape[-1])
            np.matmul(matrix, windows, out=out[chunk, :, :, band])
        return out.reshape(len(images), prod(out.shape[1:])).astype(x.dtype, copy=False)

    def backward(self, y: Any) -> Any:
        """Rows (n, out) to rows (n, in): the transpose."""
        if not isinstance(y, np.ndarray):
            return self._torch_backward(y)
        if self._mean is not None:
            return self._spread(y)
        from separatrix.networks.window_kernels import add_back, add_channel_by_channel

        precision, positions = _precision(y), prod(self.sizes)
        matrix = self._matrix(precision)
        rows = np.ascontiguousarray(y, precision).reshape(len(y), *matrix.shape[:2], positions)
        images = np.empty((len(y), *self.shape), precision)
        if self._is_each_alone:
            add_channel_by_channel(rows.reshape(*rows.shape[:3], *self.sizes), *self._alone(precision), images)
        elif self._is_pointwise:
            np.matmul(matrix.mT, rows, out=images.reshape(len(y), self.groups, matrix.shape[2], positions))
        else:
            for chunk in self._chunks(len(y)):
                columns = matrix.mT @ rows[chunk]
                add_back(columns.reshape(len(columns), self.shape[0], -1, positions), self._geometry, images[chunk])
        return images.reshape(len(y), prod(self.shape)).astype(y.dtype, copy=False)

    @cached_property
    def _is_each_alone(self) -> bool:
        """Whether every window lies in one of several channels, next to its neighbours: products with single rows are slow."""
        return self.groups == self.shape[0] > 1 and self.stride == (1, 1) and self._window > 1

    def _alone(self, precision: Any) -> tuple[Any, ...]:
        """The kernel, the geometry and the room that windows on single channels take."""
        kernel = self._matrix(precision).reshape(self.groups, -1, *self.kernel.shape[2:])
        padded = np.zeros(self.padded, precision)
        wide = np.zeros((self.sizes[0] - 1) * self.padded[1] + self.sizes[1], precision)
        return kernel, (self.padding[0][0], self.padding[1][0], *self.dilation), padded, wide

    @cached_property
    def _is_pointwise(self) -> bool:
        """Whether the windows are the pixels themselves."""
        return self._window == 1 and self.padded == self.shape[1:] == self.sizes

    @cached_property
    def _mean(self) -> float | None:
        """The one weight of sums over windows, channel by channel and without padding; None for other kernels."""
        alone = self.groups == self.shape[0] == self.kernel.shape[0] and self.padded == self.shape[1:]
        return float(self.kernel.flat[0]) if alone and (self.kernel == self.kernel.flat[0]).all() else None

    def _shifted(self, images: np.ndarray) -> list[np.ndarray]:
        """For every place in the window what all windows have there, views (n, channels, height, width) of ``images``."""
        (step, pace), (high, wide), (gap, space) = self.stride, self.sizes, self.dilation
        offsets = product(*map(range, self.kernel.shape[2:]))
        return [
            images[:, :, i * gap : i * gap + step * high : step, j * space : j * space + pace * wide : pace]
            for i, j in offsets
        ]

    def _means(self, x: np.ndarray) -> np.ndarray:
        parts = self._shifted(np.ascontiguousarray(x, _precision(x)).reshape(-1, *self.shape))
        total = parts[0].copy()
        for part in parts[1:]:
            total += part
        total *= self._mean
        return total.reshape(len(x), prod(total.shape[1:])).astype(x.dtype, copy=False)

    def _spread(self, y: np.ndarray) -> np.ndarray:
        rows = np.ascontiguousarray(y, _precision(y)).reshape(len(y), self.shape[0], *self.sizes) * self._mean
        images = np.zeros((len(y), *self.shape), rows.dtype)
        for part in self._shifted(images):
            part += rows
        return images.reshape(len(y), prod(self.shape)).astype(y.dtype, copy=False)

    def places(self) -> np.ndarray:
        """Numbers of the inputs in every window, -1 in the padding: (positions, groups, terms)."""
        image = np.full((1, self.shape[0], *self.padded), -1, dtype=np.int64)
        image[self._inside] = np.arange(prod(self.shape)).reshape(1, *self.shape)
        (rows, columns), (height, width) = self.stride, self.sizes
        offsets = product(
            *(range(0, gap * n, gap) for gap, n in zip(self.dilation, self.kernel.shape[2:], strict=True))
        )
        found = [image[0, :, i:, j:][:, ::rows, ::columns][:, :height, :width] for i, j in offsets]
        stacked = np.stack(found, axis=1).reshape(self.groups, -1, prod(self.sizes))
        return np.ascontiguousarray(stacked.transpose(2, 0, 1))

    def _torch_kernel(self, like: Any) -> Any:
        import torch

        key = (str(like.dtype), str(like.device))
        if key not in self._matrices:
            self._matrices[key] = torch.as_tensor(np.array(self.kernel), dtype=like.dtype, device=like.device)
        return self._matrices[key]

    def _torch_forward(self, x: Any) -> Any:
        from torch.nn import functional

        pads = [n for before_after in reversed(self.padding) for n in before_after]
        images = functional.pad(x.reshape(-1, *self.shape), pads)
        found = functional.conv2d(
            images, self._torch_kernel(x), stride=self.stride, dilation=self.dilation, groups=self.groups
        )
        return found.reshape(x.shape[0], -1)

    def _torch_backward(self, y: Any) -> Any:
        from torch.nn import grad

        n = y.shape[0]
        cotangent = y.reshape(n, self.kernel.shape[0], *self.sizes)
        options: dict[str, Any] = {"stride": self.stride, "dilation": self.dilation, "groups": self.groups}
        images = grad.conv2d_input((n, self.shape[0], *self.padded), self._torch_kernel(y), cotangent, **options)
        return images[self._inside].reshape(n, -1)
