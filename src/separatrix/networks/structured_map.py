"""What affine layers with a structure have in common: their matrix, made from its rows when it is asked for (§1)."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.errors import KindError
from separatrix.networks.layers import AffineMap

MATRIX_LIMIT = 30_000_000


class StructuredMap(AffineMap):
    """An affine map that stores no matrix; ``_rows`` gives it as a CSR array."""

    @cached_property
    def weight(self) -> np.ndarray:  # pyright: ignore[reportIncompatibleVariableOverride]
        """W (out, in), made once; KindError beyond MATRIX_LIMIT entries."""
        if self.n_outputs * self.n_inputs > MATRIX_LIMIT:
            raise KindError(
                f"the matrix of a layer from {self.n_inputs} to {self.n_outputs} values is needed here and is too large "
                f"(at most {MATRIX_LIMIT} entries); restrict the network to a slice, or take a method that follows the flow"
            )
        found = self._matrix.toarray()
        found.flags.writeable = False
        return found

    @cached_property
    def _matrix(self) -> Any:
        return self._rows()

    @abstractmethod
    def _rows(self) -> Any:
        """The matrix as a CSR array."""

    def rows(self) -> Any:
        """W as a CSR array of the exact entries, made once; do not change it."""
        return self._matrix
