"""Affine layers with a structure: convolutions, and sparse maps for pooling, padding and transposes (§1).

Values are flat, channels first and then the spatial axes in C order. No matrix is stored; where a method asks for ``weight``
the matrix is written down once, if it is small enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.networks.sparse_products import parts_of, stored_once, times_rows
from separatrix.networks.structured_map import StructuredMap
from separatrix.networks.windows import WindowProducts, output_sizes

Pads = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Convolution(StructuredMap):
    """The cross-correlation of machine learning, in one or two spatial dimensions.

    ``kernel`` (out channels, in channels / groups, *window), ``channel_bias`` (out channels,), float64; ``shape``: of the
    input, (in channels, *sizes); ``stride``, ``dilation`` one number an axis; ``padding`` (zeros before, after) an axis;
    ``groups``. Raises InputError for shapes that do not fit.
    """

    kernel: np.ndarray
    channel_bias: np.ndarray
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Pads
    dilation: tuple[int, ...]
    groups: int = 1

    def __post_init__(self) -> None:
        kernel, axes = self.kernel, len(self.shape) - 1
        parts = (self.stride, self.padding, self.dilation)
        if axes not in (1, 2) or kernel.ndim != axes + 2 or any(len(part) != axes for part in parts):
            raise InputError(
                f"expected a convolution in 1 or 2 dimensions, came a kernel of shape {kernel.shape} on {self.shape}"
            )
        whole = min(self.groups, *self.stride, *self.dilation, *kernel.shape, *self.shape)
        if whole < 1 or min(min(pads) for pads in self.padding) < 0:
            raise InputError(
                "a convolution needs sizes, strides, dilations and groups of at least 1 and pads of at least 0"
            )
        if kernel.shape[0] % self.groups or kernel.shape[1] * self.groups != self.shape[0]:
            raise InputError(
                f"a kernel of shape {kernel.shape} in {self.groups} groups does not fit {self.shape[0]} channels"
            )
        if self.channel_bias.shape != kernel.shape[:1]:
            raise InputError(f"expected {kernel.shape[0]} biases, one a channel, came {self.channel_bias.shape}")
        if min(self.output_shape) < 1:
            raise InputError(f"a window of {kernel.shape[2:]} does not fit into an image of shape {self.shape[1:]}")
        for name in ("kernel", "channel_bias"):
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @cached_property
    def output_shape(self) -> tuple[int, ...]:
        """(out channels, *sizes)."""
        window = self.kernel.shape[2:]
        return (self.kernel.shape[0], *output_sizes(self.shape[1:], window, self.stride, self.padding, self.dilation))

    @property
    def n_inputs(self) -> int:
        """Entries of the input."""
        return prod(self.shape)

    @property
    def n_outputs(self) -> int:
        """Entries of the output."""
        return prod(self.output_shape)

    @property
    def terms(self) -> int:
        """Entries of one channel's kernel."""
        return prod(self.kernel.shape[1:])

    @property
    def pull_terms(self) -> int:
        """Entries of the kernel that one channel meets."""
        return self.kernel.size * self.groups // self.shape[0]

    @property
    def n_parameters(self) -> int:
        """Entries of the kernel and the bias; 0 for average pooling."""
        return 0 if self.is_averaging else self.kernel.size + self.channel_bias.size

    @property
    def short_name(self) -> str:
        """``8c5x5``: channels and window; ``mean2x2`` for average pooling."""
        window = "x".join(map(str, self.kernel.shape[2:]))
        return f"mean{window}" if self.is_averaging else f"{self.kernel.shape[0]}c{window}"

    @property
    def is_averaging(self) -> bool:
        """Whether this is a mean (or sum) over windows, channel by channel."""
        alone = self.groups == self.shape[0] == self.kernel.shape[0]
        return alone and bool((self.kernel == self.kernel.flat[0]).all()) and not self.channel_bias.any()

    @cached_property
    def bias(self) -> np.ndarray:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The channels' biases at every position, flat."""
        found = np.repeat(self.channel_bias, prod(self.output_shape[1:]))
        found.flags.writeable = False
        return found

    @cached_property
    def _products(self) -> WindowProducts:
        return self._in_the_plane(self.kernel)

    @cached_property
    def _magnitudes(self) -> WindowProducts:
        return self._in_the_plane(np.abs(self.kernel))

    def _in_the_plane(self, kernel: np.ndarray) -> WindowProducts:
        """The products with this kernel, one spatial axis being the second of two."""
        lacking = 3 - len(self.shape)
        options: Any = (
            (self.shape[0], *(1,) * lacking, *self.shape[1:]),
            (1,) * lacking + self.stride,
            ((0, 0),) * lacking + self.padding,
            (1,) * lacking + self.dilation,
            self.groups,
        )
        return WindowProducts(kernel.reshape(*kernel.shape[:2], *(1,) * lacking, *kernel.shape[2:]), *options)

    def linear(self, x: Any) -> Any:
        """W x for rows (n, in), numpy or torch."""
        return self._products.forward(x)

    def pull(self, y: Any) -> Any:
        """W^T y for rows (n, out), numpy or torch."""
        return self._products.backward(y)

    def magnitude(self, r: np.ndarray) -> np.ndarray:
        """|W| r."""
        return self._magnitudes.forward(r)

    def pull_magnitude(self, r: np.ndarray) -> np.ndarray:
        """|W|^T r."""
        return self._magnitudes.backward(r)

    def scaled(self, scale: np.ndarray, shift: np.ndarray, own: np.ndarray | None = None) -> Convolution:
        """This map, then scale * y + shift with one number a channel, each (out channels,). ``own``: room for the kernel."""
        kernel = np.multiply(self.kernel, scale.reshape(-1, *(1,) * (self.kernel.ndim - 1)), out=own)
        return Convolution(
            kernel, scale * self.channel_bias + shift, self.shape, self.stride, self.padding, self.dilation, self.groups
        )

    def _rows(self) -> Any:
        from scipy.sparse import csr_array

        places = self._products.places()  # (positions, groups, terms): numbers of the inputs, -1 in the padding
        n_positions, groups, terms = places.shape
        channels = self.kernel.shape[0] // groups
        columns = np.broadcast_to(places.transpose(1, 0, 2)[:, None], (groups, channels, n_positions, terms))
        entries = np.broadcast_to(self.kernel.reshape(groups, channels, 1, terms), columns.shape)
        used = (columns >= 0) & (entries != 0)
        counts = used.reshape(-1, terms).sum(axis=1)
        starts = np.concatenate([[0], np.cumsum(counts)])
        return csr_array((entries[used], columns[used], starts), shape=(self.n_outputs, self.n_inputs))


@dataclass(frozen=True, eq=False)
class SparseAffine(StructuredMap):
    """x -> W x + b with W given by its entries that are not zero.

    ``starts`` (out + 1,), ``columns`` and ``entries`` (k,): the rows of W as in CSR; ``bias`` (out,); ``n_inputs`` given as
    ``width``. Raises InputError for numbers out of range.
    """

    starts: np.ndarray
    columns: np.ndarray
    entries: np.ndarray
    bias: np.ndarray
    width: int

    def __post_init__(self) -> None:
        starts, columns = self.starts, self.columns
        fits = (
            starts.ndim == columns.ndim == self.entries.ndim == self.bias.ndim == 1
            and starts.size == self.bias.size + 1
            and self.bias.size > 0
            and columns.size == self.entries.size
            and starts[0] == 0
            and starts[-1] == columns.size
            and (np.diff(starts) >= 0).all()
        )
        if not fits or (columns.size and (int(columns.min()) < 0 or int(columns.max()) >= self.width)):
            raise InputError("the rows of a sparse layer do not fit its width: is the network complete?")
        for name in ("starts", "columns", "entries", "bias"):
            view = stored_once(getattr(self, name)) if name in ("entries", "bias") else getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @classmethod
    def of(cls, matrix: Any, bias: np.ndarray | None = None) -> SparseAffine:
        """The map of a scipy sparse array, duplicate entries added up and zeros dropped."""
        from scipy.sparse import csr_array

        matrix = csr_array(matrix, dtype=np.float64)
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        bias = np.zeros(matrix.shape[0]) if bias is None else np.asarray(bias, np.float64)
        return cls(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data, bias, matrix.shape[1])

    @classmethod
    def picking(cls, index: Sequence[int] | np.ndarray, width: int) -> SparseAffine:
        """x -> (x[index[0]], x[index[1]], …), 0 where the index is -1."""
        index = np.asarray(index, np.int64).ravel()
        used = index >= 0
        starts = np.concatenate([[0], np.cumsum(used)])
        return cls(starts, index[used], np.ones(int(used.sum())), np.zeros(index.size), width)

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return self.width

    @property
    def n_outputs(self) -> int:
        """Number of rows."""
        return self.bias.size

    @property
    def terms(self) -> int:
        """Entries of the fullest row."""
        return max(int(np.diff(self.starts).max()), 1)

    @property
    def pull_terms(self) -> int:
        """Entries of the fullest column."""
        return max(int(np.bincount(self.columns, minlength=1).max()), 1)

    @property
    def short_name(self) -> str:
        """Not shown: pads, pooling and the like."""
        return ""

    @property
    def n_parameters(self) -> int:
        """0: pooling and the like have none."""
        return 0

    def _rows(self) -> Any:
        from scipy.sparse import csr_array

        parts = (np.array(self.entries), self.columns, self.starts)
        return csr_array(parts, shape=(self.n_outputs, self.n_inputs))

    @cached_property
    def _transposed(self) -> Any:
        return self._matrix.T.tocsr()

    def linear(self, x: Any) -> Any:
        """W x for rows (n, in), numpy or torch."""
        return times_rows(self.starts, self.columns, self.entries, x)

    def pull(self, y: Any) -> Any:
        """W^T y for rows (n, out), numpy or torch."""
        return times_rows(*parts_of(self._transposed), y)

    def magnitude(self, r: np.ndarray) -> np.ndarray:
        """|W| r."""
        return times_rows(self.starts, self.columns, np.abs(self.entries), r)

    def pull_magnitude(self, r: np.ndarray) -> np.ndarray:
        """|W|^T r."""
        return times_rows(*parts_of(abs(self._transposed)), r)
