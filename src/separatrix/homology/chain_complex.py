"""Chain complexes of free abelian groups: cells by degree and integer boundary operators whose product is zero (§7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from separatrix.errors import InputError, KindError, printable
from separatrix.homology.boundary_checks import check_boundary_of_boundary
from separatrix.homology.boundary_matrices import MOST_CELLS, Columns, narrowed, read_columns, read_matrix
from separatrix.homology.homology_record import Homology

PRINTED = 12


class ChainComplex:
    """A chain complex of finitely generated free abelian groups.

    ``boundaries``: the matrices [d_1, d_2, ...], d_k of shape (cells of degree k - 1, cells of degree k); scipy sparse
    matrices, numpy arrays or nested lists of integers, or, for integers of any size, arrays of dtype object or tuples
    (rows, columns, values, shape). The product of neighbours must be zero, which is verified exactly.

    Raises InputError (fractions, infinities, shapes that do not fit, a product that is not zero: the cell is named) or
    KindError (truth values, text).

    >>> circle = ChainComplex([[[-1, 1], [1, -1]]])
    >>> circle.homology()
    H_0 = Z, H_1 = Z over Z
    """

    def __init__(self, boundaries: Iterable[Any]) -> None:
        if (
            isinstance(boundaries, (str, bytes, dict))
            or not isinstance(boundaries, Iterable)
            or hasattr(boundaries, "tocoo")
        ):
            raise KindError(
                f"ChainComplex: expected a list of matrices [d_1, d_2, ...], came {type(boundaries).__name__}"
            )
        operators = [read_matrix(matrix, f"d_{k}") for k, matrix in enumerate(boundaries, start=1)]
        for k, (lower, upper) in enumerate(pairwise(operators), start=1):
            if lower.n_cells != upper.n_faces:
                raise InputError(
                    f"ChainComplex: d_{k} has {lower.n_cells} columns and d_{k + 1} has {upper.n_faces} rows; both count "
                    f"the cells of degree {k}"
                )
        first = operators[0].n_faces if operators else None
        self._set(first, operators)

    @classmethod
    def from_columns(
        cls,
        counts: Sequence[int],
        starts: Sequence[np.ndarray],
        faces: Sequence[np.ndarray],
        coefficients: Sequence[np.ndarray],
    ) -> ChainComplex:
        """A chain complex from sparse columns, degree by degree.

        ``counts``: cells of every degree; for degree k >= 1, ``faces[k][starts[k][b]:starts[k][b + 1]]`` are the cells of
        degree k - 1 in the boundary of cell b, ``coefficients[k]`` their incidence numbers; entry 0 is not looked at.
        """
        if not len(counts) == len(starts) == len(faces) == len(coefficients):
            raise InputError("ChainComplex.from_columns: expected one entry a degree in each of the four lists")
        counts = [_count(n) for n in counts]
        operators = [
            read_columns(counts[k - 1], starts[k], faces[k], coefficients[k], f"d_{k}") for k in range(1, len(counts))
        ]
        for k, operator in enumerate(operators, start=1):
            if operator.n_cells != counts[k]:
                raise InputError(
                    f"ChainComplex.from_columns: {counts[k]} cells of degree {k}, {operator.n_cells} columns"
                )
        complex_ = cls.__new__(cls)
        complex_._set(counts[0] if counts else None, operators)
        return complex_

    def _set(self, first: int | None, operators: list[Columns], verified: bool = False) -> None:
        self._columns = tuple(operators)
        self._counts = () if first is None else (first, *(operator.n_cells for operator in operators))
        if self.n_cells > MOST_CELLS:
            raise InputError(f"ChainComplex: at most {MOST_CELLS} cells can be numbered, came {self.n_cells}")
        if not verified:
            check_boundary_of_boundary(self._columns)

    @classmethod
    def _of_verified(cls, first: int, operators: list[Columns]) -> ChainComplex:
        """A complex made from a verified one by a construction under which the product stays zero."""
        complex_ = cls.__new__(cls)
        complex_._set(first, operators, verified=True)
        return complex_

    @property
    def counts(self) -> tuple[int, ...]:
        """Cells of every degree, from 0 up."""
        return self._counts

    cell_counts = counts

    @property
    def dim(self) -> int:
        """The highest degree; -1 for a complex without degrees."""
        return len(self._counts) - 1

    @property
    def n_cells(self) -> int:
        """Cells of all degrees together."""
        return sum(self._counts)

    @property
    def euler_characteristic(self) -> int:
        """The alternating sum of the numbers of cells."""
        return sum((-1) ** k * n for k, n in enumerate(self._counts))

    def columns(self, degree: int) -> Columns:
        """The boundary operator of ``degree`` from 1 to ``dim`` by columns."""
        return self._columns[degree - 1]

    def boundary_operator(self, degree: int) -> Any:
        """The matrix d_k, scipy sparse by columns, int64, of shape (cells of k - 1, cells of k).

        Degrees 0 and dim + 1 give matrices without rows or columns. InputError for other degrees, and where an entry is
        beyond int64 (``boundary_matrix`` gives these as Python integers).
        """
        from scipy.sparse import csc_array

        self._check_degree(degree)
        if degree in (0, self.dim + 1):
            return csc_array(self._shape(degree), dtype=np.int64)
        columns = self.columns(degree)
        if columns.coefficients.dtype == object:
            raise InputError(f"ChainComplex: d_{degree} has entries beyond int64; boundary_matrix({degree}) gives them")
        data = (columns.coefficients.copy(), columns.faces.copy(), columns.starts.copy())
        return csc_array(data, shape=self._shape(degree))

    def boundary_matrix(self, degree: int) -> np.ndarray:
        """The matrix d_k, dense, of Python integers (dtype object)."""
        self._check_degree(degree)
        dense = np.zeros(self._shape(degree), dtype=object)
        if 1 <= degree <= self.dim:
            columns = self.columns(degree)
            owner = np.repeat(np.arange(columns.n_cells), np.diff(columns.starts))
            dense[columns.faces, owner] = columns.coefficients.astype(object)
        return dense

    def boundary(self, degree: int, chain: Any) -> np.ndarray:
        """The boundary of a chain given as a vector over the cells of ``degree``, exactly; int64, or dtype object."""
        self._check_degree(degree)
        values = [int(value) for value in np.asarray(chain).tolist()]
        if degree not in range(len(self._counts)) or len(values) != self._counts[degree]:
            raise InputError(f"ChainComplex.boundary: expected one number for each cell of degree {degree}")
        if degree == 0:
            return np.zeros(0, dtype=np.int64)
        result, columns = [0] * self._counts[degree - 1], self.columns(degree)
        for b, value in enumerate(values):
            if value:
                span = slice(columns.starts[b], columns.starts[b + 1])
                for face, coefficient in zip(
                    columns.faces[span].tolist(), columns.coefficients[span].tolist(), strict=True
                ):
                    result[face] += value * coefficient
        return narrowed(result)

    def homology(
        self, coefficients: str = "Z", relative_to: Any = None, kind: str | None = None, **options: Any
    ) -> Homology:
        """Homology groups with generators; see :func:`separatrix.homology.groups.homology`."""
        from separatrix.homology.groups import homology

        return homology(self, coefficients, relative_to, kind, **options)

    def _shape(self, degree: int) -> tuple[int, int]:
        below = self._counts[degree - 1] if 1 <= degree <= self.dim + 1 else 0
        return below, (self._counts[degree] if degree <= self.dim else 0)

    def _check_degree(self, degree: Any) -> None:
        if isinstance(degree, bool) or not isinstance(degree, (int, np.integer)) or not 0 <= degree <= self.dim + 1:
            raise InputError(f"ChainComplex: expected a degree from 0 to {self.dim + 1}, came {degree!r}")

    def __repr__(self) -> str:
        shown = ", ".join(str(n) for n in self._counts[:PRINTED]) + (", …" if len(self._counts) > PRINTED else "")
        return f"ChainComplex(cells by degree: {shown})"


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise InputError(f"ChainComplex.from_columns: expected numbers of cells from 0 up, came {printable(value)}")
    return int(value)
