"""Fingerprints of what answers depend on: equal for equal contents on every machine, and none for what cannot be compared.

A network is its arrays, a formula its text. Functions in Python cannot be compared between two runs, however many of their
values are: they have no fingerprint, unless their potential carries a ``version``, a user's word for exactly these functions.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from separatrix._version import __version__
from separatrix.domains import Box
from separatrix.errors import SeparatrixError
from separatrix.potentials.base import Potential
from separatrix.potentials.expression import Expression
from separatrix.potentials.head import Head, NetworkPotential

NO_ANSWERS = ("cli", "views", "data")  # rooms from which no answer comes
UNFED = ("reading", "parameters", "provenance")  # fields on which no answer depends
PLAIN = (str, bytes, int, float, bool, type(None), enum.Enum, np.generic)
PROBES, DIGITS = 64, 6


class Unidentified(Exception):
    """Contents that cannot be told from others in a later run."""


def fingerprint(*parts: Any) -> str:
    """A hash of values, arrays, records, networks and potentials, and of this version's code.

    Raises Unidentified for functions without a version, and for what else has no contents that could be compared.
    """
    return _digest(code(), parts)


def short(part: Any) -> str:
    """A few digits that tell contents apart, whatever the version. Raises Unidentified as :func:`fingerprint`."""
    return _digest(b"", (part,))[:12]


def is_identified(potential: Potential) -> bool:
    """Whether a later run can tell that it has the same potential."""
    try:
        _identity(potential)
    except Unidentified:
        return False
    return True


def are_alike(one: Potential, other: Potential) -> bool:
    """Whether two potentials are known to be the same function."""
    return one is other or (is_identified(one) and is_identified(other) and short(one) == short(other))


def described(potential: Potential, box: Box) -> tuple[Any, ...]:
    """What a plan says of a potential: its identity; of functions with a version also their values and gradients at points
    of ``box``, which catches most changes that were forgotten; of functions without one the name."""
    if not is_identified(potential):
        return "functions", potential.name, potential.dim
    is_exact = not potential.version or type(potential) in (NetworkPotential, Expression)
    return (potential,) if is_exact else (potential, *_probed(potential, box))


@cache
def code() -> bytes:
    """A hash of the version and of the files that answers come from, so that no piece outlives a change of them."""
    digest, package = hashlib.sha256(__version__.encode()), Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] not in NO_ANSWERS:
            digest.update(path.name.encode() + path.read_bytes())
    return digest.digest()


def _digest(begin: bytes, parts: Any) -> str:
    digest = hashlib.sha256(begin)
    for part in parts:
        _feed(digest, part)
    return digest.hexdigest()


def _feed(digest: Any, part: Any) -> None:
    digest.update(f"<{type(part).__name__}>".encode())
    if isinstance(part, np.ndarray):
        if part.dtype.hasobject:
            raise Unidentified
        digest.update(f"{part.dtype.str}{part.shape}".encode())
        digest.update(np.ascontiguousarray(part).data)
    elif isinstance(part, Potential):
        _feed(digest, (part.name, part.dim, *_identity(part)))
    elif isinstance(part, Head):
        _feed(digest, [item for pair in sorted(vars(part).items()) for item in pair])
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            if field.name not in UNFED:
                _feed(digest, getattr(part, field.name))
    elif isinstance(part, (tuple, list)):
        for item in part:
            _feed(digest, item)
    elif isinstance(part, PLAIN):
        digest.update(repr(part).encode())
    else:
        raise Unidentified  # whose text may hide what it holds
    digest.update(b";")


def _identity(potential: Potential) -> tuple[Any, ...]:
    """What tells a potential from every other one: network, contrasts and head, the formula, or the user's word."""
    if type(potential) is NetworkPotential and type(potential.head).__module__.startswith("separatrix."):
        return potential.net, potential.contrasts, potential.head
    if type(potential) is Expression:
        return potential.text, potential.variables
    if not isinstance(potential.version, str) or not potential.version:
        raise Unidentified
    return type(potential).__qualname__, potential.version, potential.net


def _probed(potential: Potential, box: Box) -> tuple[Any, ...]:
    """Values and gradients at points of a box, to some digits of the largest."""
    x = box.uniform(PROBES, np.random.default_rng(0))
    try:
        parts = [np.asarray(part, dtype=np.float64) for part in potential.value_and_gradient(x)]
    except SeparatrixError:
        return ("not defined",)
    found: list[Any] = []
    for part in parts:
        size = float(np.abs(part[np.isfinite(part)]).max(initial=0.0))
        scale = 10.0**DIGITS / size if 1e-200 < size < 1e200 else 1.0
        found += [f"{size:.5e}", np.nan_to_num(np.round(part * scale), nan=-0.5) + 0.0]
    return tuple(found)
