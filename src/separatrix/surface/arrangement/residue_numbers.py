"""Integers of bounded size by their residues modulo primes just below 2^28 (§6).

An integer |a| <= 2^bits is known from its residues modulo primes whose product is larger than 2^(bits + 1): it is 0 where they
all are, and Chinese remaindering gives it back.
"""

from __future__ import annotations

from functools import cache
from operator import mul
from typing import Any

import numpy as np

LANES = 8  # primes of one block
WIDTH = 28
MOST_BITS = 4096
_SMALL = np.arange(3, 1 << WIDTH // 2, 2)
_found: list[int] = []


def primes(count: int) -> list[int]:
    """The ``count`` largest primes below 2^28: odd numbers with no odd divisor up to 2^14."""
    candidate = _found[-1] - 2 if _found else (1 << WIDTH) - 1
    while len(_found) < count:
        if (candidate % _SMALL).all():
            _found.append(candidate)
        candidate -= 2
    return _found[:count]


@cache
def blocks_for(bits: int) -> int:
    """How many blocks of primes tell integers up to 2^bits apart."""
    return -(-lanes_for(bits) // LANES)


@cache
def lanes_for(bits: int) -> int:
    """How many primes have a product above 2^(bits + 1)."""
    count, product = 0, 1
    while product <= 1 << (bits + 1):
        count += 1
        product *= primes(count)[-1]
    return count


@cache
def offsets(block: int) -> np.ndarray:
    """2^28 - p of the primes of a block, uint64 (8,)."""
    return np.array([(1 << WIDTH) - p for p in block_primes(block)], dtype=np.uint64)


def block_primes(block: int) -> list[int]:
    """The primes of a block."""
    return primes(LANES * (block + 1))[-LANES:]


def residues_of_products(mantissa: np.ndarray, shift: np.ndarray, block: int) -> np.ndarray:
    """uint32 residues (u, 8) of the integers mantissa 2^shift, int64 arrays (u,), shift >= 0."""
    shifts, place = np.unique(shift, return_inverse=True)
    found = np.empty((mantissa.size, LANES), dtype=np.uint32)
    for lane, p in enumerate(block_primes(block)):
        powers = np.array([pow(2, s, p) for s in shifts.tolist()], dtype=np.int64)
        found[:, lane] = mantissa % p * powers[place.ravel()] % p
    return found


def residues_of_integers(numbers: list[int], block: int) -> np.ndarray:
    """uint32 residues (u, 8) of Python integers."""
    ps = block_primes(block)
    return np.array([[number % p for p in ps] for number in numbers], dtype=np.uint32).reshape(-1, LANES)


def integers(residues: np.ndarray, bits: int) -> list[Any]:
    """The integers up to 2^bits in absolute value with these residues (..., lanes), as nested lists of Python integers."""
    count = lanes_for(bits)
    product, factors = _remaindering(count)
    half, flat = product >> 1, []
    for row in residues[..., :count].reshape(-1, count).tolist():
        value = sum(map(mul, row, factors)) % product
        flat.append(value - product if value > half else value)
    return _nested(flat, residues.shape[:-1])


def _nested(flat: list[int], shape: tuple[int, ...]) -> list[Any]:
    if len(shape) <= 1:
        return flat
    size = len(flat) // shape[0] if shape[0] else 0
    return [_nested(flat[i * size : (i + 1) * size], shape[1:]) for i in range(shape[0])]


@cache
def _remaindering(count: int) -> tuple[int, list[int]]:
    """The product of the first primes and, for each of them, the multiple of the others that is 1 modulo it."""
    product = 1
    for p in primes(count):
        product *= p
    return product, [product // p * pow(product // p, -1, p) for p in primes(count)]
