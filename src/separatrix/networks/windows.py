"""Products of a kernel with all windows of images, and their transposes, in batches (§1).

The windows of one image stand as the columns of a matrix (terms, positions), so that a kernel (channels, terms) times them is
one matrix product; the transpose adds the columns back. Images go in chunks whose windows stay in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np

ENTRIES_AT_ONCE = 1 << 17
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

    @cached_property
    def _matrix(self) -> np.ndarray:
        """The kernel as (groups, channels of a group, terms)."""
        return np.ascontiguousarray(self.kernel.reshape(self.groups, self.kernel.shape[0] // self.groups, -1))

    def _chunks(self, n: int) -> list[slice]:
        each = max(1, ENTRIES_AT_ONCE // (self.shape[0] * self._window * prod(self.sizes)))
        return [slice(start, min(start + each, n)) for start in range(0, n, each)]

    def forward(self, x: Any) -> Any:
        """Rows (n, in) to rows (n, out)."""
        if not isinstance(x, np.ndarray):
            return self._torch_forward(x)
        from separatrix.networks.window_kernels import gather

        images = np.ascontiguousarray(x, np.float64).reshape(-1, *self.shape)
        out = np.empty((len(images), self.groups, self._matrix.shape[1], prod(self.sizes)))
        for chunk in self._chunks(len(images)):
            columns = np.empty((chunk.stop - chunk.start, self.shape[0], self._window, prod(self.sizes)))
            gather(images[chunk], self._geometry, columns)
            terms = columns.reshape(len(columns), self.groups, -1, prod(self.sizes))
            np.matmul(self._matrix, terms, out=out[chunk])
        return out.reshape(len(images), prod(out.shape[1:])).astype(x.dtype, copy=False)

    def backward(self, y: Any) -> Any:
        """Rows (n, out) to rows (n, in): the transpose."""
        if not isinstance(y, np.ndarray):
            return self._torch_backward(y)
        from separatrix.networks.window_kernels import add_back

        kernel, positions = np.ascontiguousarray(self._matrix.mT), prod(self.sizes)
        rows = np.ascontiguousarray(y, np.float64).reshape(len(y), *kernel.shape[::2], positions)
        images = np.empty((len(y), *self.shape))
        for chunk in self._chunks(len(y)):
            columns = kernel @ rows[chunk]
            add_back(columns.reshape(len(columns), self.shape[0], -1, positions), self._geometry, images[chunk])
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
