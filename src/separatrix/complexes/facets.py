"""Facets as users give them, checked, with their vertices numbered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from separatrix.errors import InputError, KindError, printable

Rows = dict[int, np.ndarray]
Labels = Sequence[Any] | np.ndarray
ADVICE = "expected an iterable of simplices, each a tuple of vertices, such as [(0, 1, 2), (1, 2, 3)]"


def numbered_facets(facets: Any) -> tuple[Labels, Rows]:
    """The vertex labels in the order of their numbers, and by dimension the simplices as int32 rows, ascending.

    Raises KindError for what is no iterable of simplices, InputError for empty simplices and repeated vertices.

    >>> labels, rows = numbered_facets([("b", "a"), ("c",)])
    >>> labels, rows[1].tolist(), rows[0].tolist()
    (['a', 'b', 'c'], [[0, 1]], [[2]])
    """
    if isinstance(facets, np.ndarray) and facets.dtype != object:
        tables = [_table(facets)] if facets.size else []
    else:
        tables = _integer_tables(given := _tuples(facets))
        if tables is None:
            labels, found = _labelled(given)
            return labels, _checked(found, labels)
    labels, found = _numbered(tables)
    return labels, _checked(found, labels)


def _table(array: np.ndarray) -> np.ndarray:
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(f"facets: expected an array of shape (m, d + 1), one simplex a row, came {array.shape}")
    if array.dtype.kind not in "iu":
        raise KindError(f"facets: expected an array of vertex numbers, integers, came {array.dtype}; {ADVICE}")
    if array.dtype == np.uint64 and array.max() > np.iinfo(np.int64).max:
        raise InputError("facets: vertex numbers above 2^63 - 1; number the vertices 0, 1, 2, …")
    return array.astype(np.int64, copy=False)


def _tuples(facets: Any) -> list[tuple[Any, ...]]:
    if isinstance(facets, (str, bytes)) or not isinstance(facets, Iterable):
        raise KindError(f"facets: {ADVICE}, came {type(facets).__name__}")
    found = []
    for facet in facets:
        if isinstance(facet, (str, bytes)) or not isinstance(facet, Iterable):
            raise KindError(
                f"facets: {ADVICE}, came {printable(repr(facet), 60)} as a simplex; for one simplex write [(0, 1, 2)], "
                "for a text of letters tuple(text)"
            )
        found.append(tuple(facet))
        if not found[-1]:
            raise InputError("facets: the empty simplex has no vertices; leave it out")
    return found


def _integer_tables(given: list[tuple[Any, ...]]) -> list[np.ndarray] | None:
    """Arrays of the facets by length, None where a label is no int64."""
    kinds = set(map(type, chain.from_iterable(given)))
    if not all(kind is int or issubclass(kind, np.integer) for kind in kinds):
        return None
    by_length: dict[int, list[tuple[int, ...]]] = {}
    for facet in given:
        by_length.setdefault(len(facet), []).append(facet)
    try:
        return [np.array(rows, dtype=np.int64) for rows in by_length.values()]
    except OverflowError:
        return None


def _numbered(tables: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Integer labels to numbers, in ascending order."""
    if not tables:
        return np.zeros(0, dtype=np.int64), []
    entries = np.concatenate([table.ravel() for table in tables])
    low, high = int(entries.min()), int(entries.max())
    if high - low < 4 * len(entries) + 1000:  # dense labels are numbered without sorting
        used = np.zeros(high - low + 1, dtype=bool)
        used[entries - low] = True
        labels = np.flatnonzero(used) + low
        number = np.cumsum(used, dtype=np.int32) - 1
        return labels, [number[table - low].astype(np.int32) for table in tables]
    ascending = np.sort(entries)
    labels = ascending[np.concatenate([[True], ascending[1:] != ascending[:-1]])]
    return labels, [np.searchsorted(labels, table).astype(np.int32) for table in tables]


def _labelled(given: list[tuple[Any, ...]]) -> tuple[list[Any], list[np.ndarray]]:
    """Labels of any hashable kind to numbers: sorted where they can be, else as they come."""
    try:
        labels = list(dict.fromkeys(chain.from_iterable(given)))
    except TypeError:
        raise KindError("facets: vertices must be hashable: numbers, texts, tuples, …") from None
    if any(isinstance(label, (bool, np.bool_)) for label in labels):
        raise KindError("facets: True and False cannot be vertices, for they equal 1 and 0; use numbers or texts")
    if any(label != label for label in labels):
        raise InputError("facets: NaN cannot be a vertex, for it differs from itself")
    try:
        labels.sort()
    except TypeError:
        labels = list(dict.fromkeys(chain.from_iterable(given)))
    number = {label: v for v, label in enumerate(labels)}
    by_length: dict[int, list[list[int]]] = {}
    for facet in given:
        by_length.setdefault(len(facet), []).append([number[label] for label in facet])
    return labels, [np.array(rows, dtype=np.int32) for rows in by_length.values()]


def _checked(tables: list[np.ndarray], labels: Labels) -> Rows:
    """Rows sorted, by dimension; InputError for a vertex that stands twice in a simplex."""
    found: Rows = {}
    for table in tables:
        rows = np.sort(table, axis=1)
        bad = np.flatnonzero((rows[:, 1:] == rows[:, :-1]).any(axis=1))
        if bad.size:
            simplex = tuple(labels[v].item() if isinstance(labels[v], np.generic) else labels[v] for v in table[bad[0]])
            raise InputError(
                f"facets: the simplex {printable(repr(simplex))} has a vertex twice; a simplex has different vertices"
            )
        found[rows.shape[1] - 1] = rows
    return found
