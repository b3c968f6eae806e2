"""Complexes from files: facets line by line, or boundary matrices. Nothing is unpickled, nothing is rounded."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.errors import InputError, KindError, UnreadableFileError, printable
from separatrix.homology.chain_complex import ChainComplex
from separatrix.networks.array_files import NpzFile, first_bytes, regular_file

EXPECTED = "expected facets, one a line (.txt, .csv) or as lists (.json), or boundary matrices d1, d2, … (.npz, .json)"
LONGEST_NUMBER = 4_000
"""Digits that Python's own reader of integers takes."""
MOST_CELLS, MOST_TEXT = 50_000_000, 1 << 24
BETWEEN, INTEGER = re.compile(r"[\s,;]+").split, re.compile(r"[+-]?[0-9]{1,18}", re.ASCII).fullmatch
TRIPLES = ("rows", "columns", "values", "shape")


def load_complex(path: str | os.PathLike[str]) -> SimplicialComplex | ChainComplex:
    """A complex from a file.

    - ``.txt``, ``.csv``: one simplex a line, its vertices (integers or words) with spaces or commas between; ``#`` begins a
      comment.
    - ``.json``: a list of simplices, ``{"facets": [...]}``, or matrices, ``{"d1": [[...]], "d2": ...}`` or
      ``{"boundaries": [...]}``; a matrix is nested lists or ``{"rows": …, "columns": …, "values": …, "shape": …}``, its
      integers of any size.
    - ``.npz``: arrays ``d1``, ``d2``, … or, sparse, ``d1_rows``, ``d1_columns``, ``d1_values``, ``d1_shape``, …; or
      ``facets``.

    Raises UnreadableFileError for what is missing, torn, or of another kind, InputError and KindError for contents that
    are no complex.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(f"{folder}/circle.txt").write_text("0 1\\n1 2\\n0 2\\n")
    ...     load_complex(f"{folder}/circle.txt")
    SimplicialComplex(dim=1, cell_counts=(3, 3))
    """
    text, content = _content(path)
    matrices = {} if isinstance(content, list) else content
    if isinstance(content, list) or set(content) == {"facets"}:
        facets = matrices["facets"] if matrices else content
        return _made(text, lambda given: SimplicialComplex(_simplices(given)), facets)
    if set(matrices) == {"boundaries"}:
        if not isinstance(matrices["boundaries"], list):
            raise InputError(f"{printable(text)}: boundaries must be a list of matrices [d1, d2, …]")
        return _made(text, lambda given: ChainComplex([_matrix(matrix) for matrix in given]), matrices["boundaries"])
    return _made(text, lambda given: ChainComplex(_numbered_matrices(given)), matrices)


def load_subcomplex(path: str | os.PathLike[str], whole: SimplicialComplex | ChainComplex) -> Any:
    """A subcomplex of ``whole`` from a file, for ``relative_to``.

    Of a simplicial complex: simplices as in :func:`load_complex`, whose faces come along. Of a chain complex: the numbers of
    its cells by degree, closed under faces: ``{"cells": [[0, 1], [0]]}`` (.json) or arrays ``cells0``, ``cells1``, …
    (.npz). Raises as :func:`load_complex`, and InputError for what ``whole`` does not have.
    """
    text, content = _content(path)
    if isinstance(whole, SimplicialComplex):
        facets = content if isinstance(content, list) else content.get("facets")
        if facets is None:
            raise InputError(f"{printable(text)}: expected simplices of the complex, as facets")
        return _made(text, lambda given: whole.subcomplex(_simplices(given)), facets)
    return _made(text, lambda rows: _masks(rows, whole.counts), _cell_numbers(text, content, len(whole.counts)))


def _made(path: str, maker: Callable[[Any], Any], given: Any) -> Any:
    """What ``maker`` makes, its complaints with the name of the file."""
    try:
        return maker(given)
    except (InputError, KindError) as error:
        raise type(error)(f"{printable(path)}: {error}") from None
    except (ValueError, MemoryError, OverflowError) as error:  # numpy's and Python's own, of rows or numbers of no use
        raise InputError(f"{printable(path)}: {EXPECTED}; {printable(error, 120)}") from None


def _content(path: str | os.PathLike[str]) -> tuple[str, Any]:
    """The path as text, and a list of facets or a dict of arrays and lists."""
    text = os.fsdecode(path)
    if os.path.isdir(text):
        raise UnreadableFileError(f"{printable(text)}: is a folder; {EXPECTED}")
    text = regular_file(path, "a file with facets or boundary matrices (.txt, .csv, .json, .npz)")
    readers = {".txt": _read_lines, ".csv": _read_lines, ".json": _read_json, ".npz": _read_npz}
    suffix = Path(text).suffix.lower()
    if suffix not in readers:
        raise UnreadableFileError(
            f"{printable(text)}: the ending {printable(suffix or '(none)', 20)} is not known; {EXPECTED}"
        )
    if not os.path.getsize(text):
        raise UnreadableFileError(f"{printable(text)}: is empty; {EXPECTED}")
    if suffix != ".npz" and os.path.getsize(text) > MOST_TEXT:
        raise UnreadableFileError(
            f"{printable(text)}: more than {MOST_TEXT:,} bytes of text are not read; store the facets or matrices as .npz"
        )
    return text, readers[suffix](text)


def _read_lines(path: str) -> list[tuple[Any, ...]]:
    name, rows = printable(path), []
    try:
        with open(path, encoding="utf-8-sig") as file:
            for line in file:
                words = BETWEEN(line.partition("#")[0].strip(" \t\r\n,;"))
                if words != [""]:
                    rows.append(tuple(words))
    except UnicodeDecodeError:
        raise UnreadableFileError(f"{name}: is no text in UTF-8; {EXPECTED}") from None
    except OSError as error:
        raise UnreadableFileError(f"{name}: cannot be read: {printable(error.strerror)}") from None
    if not rows:
        raise InputError(f"{name}: holds no simplex; {EXPECTED}")
    numeric = [all(map(INTEGER, row)) for row in rows]
    if all(numeric):
        return [tuple(int(word) for word in row) for row in rows]
    if not numeric[0] and len(rows) > 1 and all(numeric[1:]):
        raise InputError(
            f"{name}: the first line has words and all others integers; if it is a header, take it out; expected one "
            "simplex a line"
        )
    return rows


def _read_json(path: str) -> Any:
    name = printable(path)
    try:
        with open(path, encoding="utf-8-sig") as file:
            content = json.load(file, parse_int=_integer, object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise UnreadableFileError(f"{name}: is no text in UTF-8; {EXPECTED}") from None
    except OSError as error:
        raise UnreadableFileError(f"{name}: cannot be read: {printable(error.strerror)}") from None
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError(f"{name}: is no JSON, or torn: {printable(error)}") from None
    if not isinstance(content, (list, dict)):
        raise InputError(f"{name}: {EXPECTED}, came a {type(content).__name__}")
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dict; of a name that stands twice Python would take the last without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _integer(digits: str) -> int:
    if len(digits) <= LONGEST_NUMBER:
        return int(digits)
    from flint import fmpz

    return int(fmpz(digits))


def _read_npz(path: str) -> dict[str, np.ndarray]:
    first_bytes(path, 8)
    with NpzFile(path, expected="facets, or boundary matrices d1, d2, …,") as file:
        return {key: file.array(key) for key in file.keys}


def _simplices(facets: Any) -> Any:
    if isinstance(facets, np.ndarray):
        return facets
    if not isinstance(facets, list) or not all(isinstance(facet, (list, tuple)) for facet in facets):
        raise InputError("facets must be a list of lists of vertices, such as [[0, 1, 2], [1, 2, 3]]")
    return facets


def _matrix(matrix: Any) -> Any:
    """Nested lists as they are, a dict of triples as a tuple."""
    if not isinstance(matrix, dict):
        return matrix
    if set(matrix) != set(TRIPLES):
        raise InputError(
            f"a sparse matrix has {', '.join(TRIPLES)}, came {', '.join(printable(k, 20) for k in matrix)}"
        )
    shape = matrix["shape"].tolist() if isinstance(matrix["shape"], np.ndarray) else matrix["shape"]
    if (
        not isinstance(shape, list)
        or len(shape) != 2
        or not all(isinstance(n, int) and 0 <= n <= MOST_CELLS for n in shape)
    ):
        raise InputError(f"the shape of a sparse matrix is a pair of numbers up to {MOST_CELLS:,}, came "
                         f"{printable(repr(shape), 60)}")  # fmt: skip
    return matrix["rows"], matrix["columns"], matrix["values"], tuple(shape)


def _numbered_matrices(content: dict[str, Any]) -> list[Any]:
    """The matrices d1, d2, … in their order."""
    found: dict[int, Any] = {}
    for key, value in content.items():
        match = re.fullmatch(r"d([0-9]{1,3})(?:_(rows|columns|values|shape))?", key, re.ASCII)
        if not match:
            raise InputError(f"{EXPECTED}, came the name {printable(key, 40)}")
        degree = int(match[1])
        if match[2]:
            found.setdefault(degree, {})[match[2]] = value
        else:
            found[degree] = value
    if sorted(found) != list(range(1, len(found) + 1)):
        names = ", ".join(f"d{k}" for k in sorted(found)) or "none"
        raise InputError(f"expected matrices d1, d2, … without a gap, came {names}")
    return [_matrix(found[k]) for k in sorted(found)]


def _cell_numbers(path: str, content: Any, n_degrees: int) -> list[Any]:
    rows = content
    if isinstance(content, dict):
        rows = (
            content["cells"] if set(content) == {"cells"} else [content.get(f"cells{k}", []) for k in range(n_degrees)]
        )
        unknown = set(content) - {"cells", *(f"cells{k}" for k in range(n_degrees))}
        if unknown:
            raise InputError(f"{printable(path)}: expected cells0, cells1, …, came {printable(sorted(unknown)[0], 40)}")
    if not isinstance(rows, list) or len(rows) > n_degrees:
        raise InputError(f"{printable(path)}: expected numbers of cells, a list for each of {n_degrees} degrees")
    return rows + [[]] * (n_degrees - len(rows))


def _masks(rows: list[Any], counts: tuple[int, ...]) -> list[np.ndarray]:
    masks = []
    for k, (row, n) in enumerate(zip(rows, counts, strict=True)):
        numbers = row.ravel().tolist() if isinstance(row, np.ndarray) else row
        if not isinstance(numbers, (list, tuple)):
            raise InputError(f"degree {k}: expected a list of numbers of cells")
        bad = [i for i in numbers if isinstance(i, bool) or not isinstance(i, int) or not 0 <= i < n]
        if bad:
            raise InputError(
                f"degree {k}: expected numbers of cells from 0 to {n - 1}, came {printable(repr(bad[0]), 40)}"
            )
        mask = np.zeros(n, dtype=bool)
        mask[list(numbers)] = True
        masks.append(mask)
    return masks
