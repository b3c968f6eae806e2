"""Matrix products with a few columns in twice the precision, rounded at the end (§6).

Every product w v is the sum of its rounded value and an error that is a double (Dekker), and so is every sum of two doubles
(Knuth). With N terms the rounded values are added in a tree, all errors beside it in plain doubles: these are at most
gamma_(2 N) sum |w| |v| together and lose that part of themselves, so with the unit roundoff U

    |result - sum w v| <= U |sum w v| + gamma_(2 N + 2)^2 sum |w| |v|

(T. Ogita, S. M. Rump, S. Oishi, Accurate sum and dot product, SIAM J. Sci. Comput. 26, 2005, has it for sums one by one).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.surface.arrangement.norms import UNIT, gamma, raised

MOST_COLUMNS, MOST_TERMS = 16, 4096
MOST_PRODUCTS, PRODUCTS_AT_ONCE = 1 << 25, 1 << 20
SMALLEST, LARGEST = (
    2.0**-400,
    2.0**400,
)  # of factors whose products, and the errors of these, neither vanish nor overflow
SPLITTER = 2.0**27 + 1.0


def accurate_product(w: Any, v: Any, c: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """(product, bounds of the errors), each (m, k): w v with ``c`` (m,) added to the last column.

    ``w`` (m, r): an array or a CSR array; ``v`` (r, k). None where that would take long, or numbers are too large or small.

    >>> w, v = np.array([[1e16, 1.0, -1e16]]), np.ones((3, 1))
    >>> accurate_product(w, v, np.zeros(1))[0].tolist()
    [[1.0]]
    """
    if not isinstance(v, np.ndarray) or v.shape[1] > MOST_COLUMNS or not all(map(_are_plain, (_entries(w), v, c))):
        return None
    terms = w.shape[1] if isinstance(w, np.ndarray) else int(np.diff(w.indptr).max(initial=0))
    if terms > MOST_TERMS or w.shape[0] * (terms + 1) * v.shape[1] > MOST_PRODUCTS:
        return None
    size = max(1, PRODUCTS_AT_ONCE // ((terms + 1) * v.shape[1]))
    parts = [_rows(w, v, c, start, min(start + size, c.size), terms) for start in range(0, c.size, size)]
    if not parts:
        return np.zeros((0, v.shape[1])), np.zeros((0, v.shape[1]))
    product, spread = (np.concatenate(part) for part in zip(*parts, strict=True))
    most = 1.01 * (UNIT * np.abs(product) + 2.0 * gamma(2 * terms + 4) ** 2 * spread)
    return product, np.where(spread == 0.0, 0.0, raised(most, 8))


def _entries(w: Any) -> np.ndarray:
    return w if isinstance(w, np.ndarray) else w.data


def _are_plain(x: np.ndarray) -> bool:
    """Whether all numbers are 0 or of a size that neither overflows nor underflows here."""
    size = np.abs(x)
    return bool(((size <= LARGEST) & ((size >= SMALLEST) | (size == 0.0))).all())


def _rows(w: Any, v: np.ndarray, c: np.ndarray, first: int, last: int, terms: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows ``first`` to ``last`` - 1 of the product, and of |w| |v| + |c|."""
    if isinstance(w, np.ndarray):
        a, b = w[first:last, :, None], v[None]
    else:
        starts, stop = w.indptr[first : last + 1], w.indptr[last]
        at = np.arange(starts[0], stop)
        row = np.repeat(np.arange(last - first), np.diff(starts))
        a, column = np.zeros((last - first, terms)), np.zeros((last - first, terms), dtype=np.int64)
        a[row, at - starts[row]], column[row, at - starts[row]] = w.data[at], w.indices[at]
        a, b = a[:, :, None], v[column]
    product, error = _product(a, b)
    spread = np.abs(product).sum(axis=1)
    spread[:, -1] += np.abs(c[first:last])
    total, rest = _sum(product)
    rest += error.sum(axis=1)
    total[:, -1], lost = _two_sum(total[:, -1], c[first:last])
    rest[:, -1] += lost
    return total + rest, spread


def _product(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rounded product and its error."""
    (a0, a1), (b0, b1), p = _halves(a), _halves(b), a * b
    return p, a1 * b1 - (((p - a0 * b0) - a1 * b0) - a0 * b1)


def _halves(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a as the sum of two numbers of 26 bits."""
    wide = SPLITTER * a
    high = wide - (wide - a)
    return high, a - high


def _two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rounded sum and its error."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _sum(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums along axis 1 in a tree, and the sums of all their errors."""
    rest = np.zeros((x.shape[0], x.shape[2]))
    if x.shape[1] == 0:
        return rest, rest.copy()
    while x.shape[1] > 1:
        half = x.shape[1] // 2
        total, error = _two_sum(x[:, :half], x[:, half : 2 * half])
        rest += error.sum(axis=1)
        x = np.concatenate([total, x[:, 2 * half :]], axis=1)
    return x[:, 0].copy(), rest
