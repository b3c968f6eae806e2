"""The base of every result: a frozen record with its domain, certainty and provenance."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import json
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any, ClassVar

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError, KindError

PACKAGES = ("separatrix", "numpy", "scipy", "python-flint")


@cache
def _version(name: str) -> str:
    return metadata.version(name)


def versions() -> dict[str, str]:
    """Versions of what a computation rests on."""
    return {name: _version(name) for name in PACKAGES}


@dataclass(frozen=True)
class Provenance:
    """How a result was made: method, tolerances, seed, versions, seconds, and warnings met on the way."""

    method: str
    tolerances: dict[str, float] = field(default_factory=dict)
    seed: str = ""
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=versions)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Record:
    """A result. Subclasses are frozen dataclasses; ``drawer`` names the function that draws them.

    ``domain``: where the result holds; ``certainty``: of the record as a whole; ``provenance``: how it was made.
    """

    domain: Any = None
    certainty: Certainty = Certainty.UNKNOWN
    provenance: Provenance | None = None

    drawer: ClassVar[str] = ""

    def columns(self) -> dict[str, Any]:
        """The table of the record: column names and sequences of one length."""
        raise InputError(f"{type(self).__name__} has no table; its fields are {', '.join(self._names())}")

    def to_dataframe(self) -> Any:
        """The record's table as a pandas DataFrame with stable columns."""
        import pandas as pd

        return pd.DataFrame(self.columns())

    def to_json(self) -> str:
        """The record as JSON text; NaN and infinities as null."""
        return json.dumps(plain(self), allow_nan=False)

    def arrays(self) -> dict[str, np.ndarray]:
        """The record's own arrays by field name, as they go into an npz file."""
        return {name: getattr(self, name) for name in self._names() if isinstance(getattr(self, name), np.ndarray)}

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw on matplotlib axes ``ax`` (made if absent) and return them."""
        if not self.drawer:
            raise InputError(f"{type(self).__name__} has no plot")
        if ax is not None and not hasattr(ax, "figure"):
            raise KindError(f"plot: ax must be matplotlib axes or None, came {type(ax).__name__}")
        module, _, function = self.drawer.rpartition(":")
        return getattr(importlib.import_module(f"separatrix.views.{module}"), function)(self, ax=ax, **options)

    def _names(self) -> list[str]:
        return [f.name for f in dataclasses.fields(self)]

    def _repr_html_(self) -> str:
        try:
            return self.to_dataframe().head(20).to_html(border=0)
        except InputError:
            return f"<pre>{html_text(repr(self))}</pre>"


def html_text(text: str) -> str:
    """Text with the three characters that HTML reads as markup replaced."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(value: Any) -> Any:
    """``value`` as what JSON knows: dataclasses to objects, arrays to lists, NaN and infinities to null."""
    if hasattr(value, "summary") and not isinstance(value, type):  # complexes: counts, not all their cells
        return plain(value.summary())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if not f.name.startswith("_")}
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.inexact):  # a long double's item is a long double
        return plain(float(value)) if isinstance(value, np.floating) else repr(complex(value))
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (str, int, bool)) else repr(value)
