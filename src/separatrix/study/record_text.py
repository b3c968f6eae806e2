"""Records as JSON objects and named arrays, and back: an explicit list of kinds, nothing executable (:mod:`.storage`).

A record becomes ``{"record": "Basins", "label": …}``. Arrays of at most 64 numbers stand in the text; others are named
by their place, as ``flow.0.sinks.points``, and lie in the npz file. What occurs twice is written once.
"""

from __future__ import annotations

import dataclasses
import hashlib
import types
import typing
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from separatrix.certainty import Certainty, Statement
from separatrix.conley.conley_record import ConleyIndex
from separatrix.conley.morse_graph_record import MorseGraph, MorseSet
from separatrix.conley.stored_index import StoredCycle, StoredIndex
from separatrix.domains import Box, WholeSpace
from separatrix.errors import InputError, UnreadableFileError, printable
from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.infinity.escapes import SinkAtInfinity
from separatrix.flow.saddles.tied_passes import TiedPasses
from separatrix.morse.class_passes import ClassPasses
from separatrix.morse.connection_record import Connections, Orbit, Turn
from separatrix.morse.landscape_record import Landscape, Round
from separatrix.morse.merge_tree import Join, MergeTree
from separatrix.networks.theorem_record import Hypothesis, Theorem
from separatrix.records import Provenance
from separatrix.study.analysis import Analysis, Check, Claim, DataSummary, NetworkSummary
from separatrix.study.conley_portrait import ConleyPortrait, EventSummary, LevelDrawing, Meeting, Way
from separatrix.study.equations import Equation
from separatrix.study.morse_portrait import MorsePortrait, MorseSummary, PassFilms
from separatrix.study.parts import BasinParts
from separatrix.study.portrait import OffData, Portrait, Strips
from separatrix.study.surface_portrait import NeuronSummary, RegionSummary, SurfaceDrawing, SurfacePortrait

KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Analysis, BasinParts, Basins, Box, Check, Claim, ClassPasses, ConleyIndex, ConleyPortrait, Connections, CriticalPoints,
        DataSummary, Equation, EventSummary, Hypothesis, Join, Landscape, LevelDrawing, Meeting, MergeTree,
        MorseGraph, MorsePortrait, MorseSet, MorseSummary, NetworkSummary, NeuronSummary, OffData, Orbit, PassFilms,
        Portrait, Provenance, RegionSummary, Round, SinkAtInfinity, Statement, Strips, SurfaceDrawing,
        StoredCycle, StoredIndex, SurfacePortrait, Theorem, TiedPasses, Turn, Way, WholeSpace,
    )
}  # fmt: skip
IN_THE_TEXT, REPEATED = 64, 32
Arrays = dict[str, np.ndarray]


class Writer:
    """Turns a record into plain JSON values and collects its larger arrays under their names."""

    def __init__(self) -> None:
        self.arrays: Arrays = {}
        self._seen: dict[bytes | None, str] = {}
        self._digests: dict[int, tuple[Any, bytes]] = {}  # with the objects, so that no number is given out again
        self._indices: dict[int, tuple[ConleyIndex, Any]] = {}

    def value(self, value: Any, place: str) -> Any:
        """``value`` as JSON knows it; ``place`` is its dotted name in the whole."""
        value = value.item() if isinstance(value, np.generic) else value
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return _number(value)
        if isinstance(value, Certainty):
            return {"certainty": value.value}
        if isinstance(value, (tuple, list)):
            return self._sequence(tuple(value), place)
        if isinstance(value, dict):
            return {"map": {str(key): self.value(item, f"{place}.{key}") for key, item in value.items()}}
        return self._object(value, place)

    def _object(self, value: Any, place: str) -> Any:
        if isinstance(value, ConleyIndex) and value.homology is not None:
            return self._object(self._stored(value), place)  # complexes are not stored, groups and cycles are
        key = None if isinstance(value, np.ndarray) and value.size <= IN_THE_TEXT else self._digest(value)
        if key in self._seen:
            return {"same_as": self._seen[key]}
        if isinstance(value, np.ndarray):
            written = self._array(value, place)
        elif type(value) is KINDS.get(type(value).__name__):
            fields = [field.name for field in dataclasses.fields(value)]
            written = {"record": type(value).__name__}
            written |= {name: self.value(getattr(value, name), f"{place}.{name}".lstrip(".")) for name in fields}
        else:
            raise InputError(f"{place or 'the record'}: a {type(value).__name__} cannot be stored; known kinds: "
                             f"{', '.join(KINDS)}")  # fmt: skip
        if key is not None:
            self._seen[key] = place
        return written

    def _stored(self, index: ConleyIndex) -> Any:
        if id(index) not in self._indices:
            self._indices[id(index)] = index, StoredIndex.of(index)
        return self._indices[id(index)][1]

    def _digest(self, value: Any) -> bytes:
        """What a value is known by: its content, but how long it took. A run that was taken up has copies where another has one
        object, and computes some anew.
        """
        if id(value) in self._digests:
            return self._digests[id(value)][1]
        if isinstance(value, ConleyIndex) and value.homology is not None:
            return self._digest(self._stored(value))
        value = value.item() if isinstance(value, np.generic) else tuple(value) if isinstance(value, list) else value
        found = hashlib.sha256(type(value).__name__.encode())
        if isinstance(value, np.ndarray):
            found.update(f"{value.dtype} {value.shape}".encode() + np.ascontiguousarray(value).tobytes())
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            for name in (field.name for field in dataclasses.fields(value)):
                found.update(b"" if name == "seconds" else self._digest(getattr(value, name)))
        elif isinstance(value, (tuple, dict)):
            items = [part for pair in value.items() for part in pair] if isinstance(value, dict) else value
            for item in items:
                found.update(self._digest(item))
        else:
            found.update(repr(value).encode())
        if isinstance(value, np.ndarray) or dataclasses.is_dataclass(value):
            self._digests[id(value)] = value, found.digest()
        return found.digest()

    def _array(self, array: np.ndarray, place: str) -> dict[str, Any]:
        if array.dtype.kind not in "biuf":
            raise InputError(f"{place}: an array of {array.dtype} cannot be stored; expected numbers")
        if array.size <= IN_THE_TEXT and array.dtype in (np.float64, np.int64, np.bool_, np.int8):
            numbers = [_number(number) for number in array.ravel().tolist()]
            return {"numbers": numbers, "shape": list(array.shape), "dtype": str(array.dtype)}
        self.arrays[place] = array
        return {"array": place, "shape": list(array.shape), "dtype": str(array.dtype)}

    def _sequence(self, items: tuple[Any, ...], place: str) -> Any:
        if len(items) > REPEATED and all(isinstance(item, str) for item in items):
            words = list(dict.fromkeys(items))
            if 2 * len(words) <= len(items):
                number = {word: i for i, word in enumerate(words)}
                self.arrays[place] = np.array([number[item] for item in items], dtype=np.int64)
                return {"words": words, "array": place}
        return [self.value(item, f"{place}.{i}") for i, item in enumerate(items)]


def _number(value: Any) -> Any:
    """Finite numbers as they are; the others, which JSON lacks, by name."""
    return value if np.isfinite(value) else {"number": str(float(value))}


class Reader:
    """Turns what :class:`Writer` made into the record again. Raises UnreadableFileError for anything else."""

    def __init__(self, arrays: Callable[[str], np.ndarray]) -> None:
        self._arrays = arrays
        self._seen: dict[str, Any] = {}

    def value(self, text: Any, place: str) -> Any:
        """The value at ``place`` from its JSON text."""
        if text is None or isinstance(text, (bool, int, float, str)):
            return text
        if isinstance(text, list):
            return tuple(self.value(item, f"{place}.{i}") for i, item in enumerate(text))
        for key, rule in (("record", self._record), ("array", self._array), ("numbers", self._numbers)):
            if key in text:
                self._seen[place] = found = rule(text, place)
                return found
        return self._small(text, place)

    def _small(self, text: dict[str, Any], place: str) -> Any:
        if "same_as" in text and isinstance(text["same_as"], str) and text["same_as"] in self._seen:
            return self._seen[text["same_as"]]
        if "certainty" in text and text["certainty"] in [verdict.value for verdict in Certainty]:
            return Certainty(text["certainty"])
        if "number" in text and text["number"] in ("nan", "inf", "-inf"):
            return float(text["number"])
        if isinstance(text.get("map"), dict):
            return {key: self.value(item, f"{place}.{key}") for key, item in text["map"].items()}
        raise UnreadableFileError(f"{printable(place)}: {printable(text, 80)} is not understood")

    def _array(self, text: dict[str, Any], place: str) -> Any:
        name = text["array"]
        if not isinstance(name, str):
            raise UnreadableFileError(f"{printable(place)}: the name of an array is {printable(name, 40)}")
        array = self._arrays(name)
        if "words" in text:
            words = text["words"]
            inside = array.dtype == np.int64 and array.ndim == 1 and ((array >= 0) & (array < len(words))).all()
            if not inside or not all(isinstance(word, str) for word in words):
                raise UnreadableFileError(f"{printable(place)}: the words are damaged")
            return tuple(words[i] for i in array)
        if list(array.shape) != text.get("shape") or str(array.dtype) != text.get("dtype"):
            raise UnreadableFileError(
                f"{printable(place)}: {printable(name, 60)} is {array.shape} {array.dtype}, not what the text says"
            )
        return _frozen(array)

    def _numbers(self, text: dict[str, Any], place: str) -> np.ndarray:
        if text.get("dtype") not in ("float64", "int64", "bool", "int8"):
            raise UnreadableFileError(
                f"{printable(place)}: an array of {printable(text.get('dtype'), 40)} was not expected"
            )
        numbers = [self.value(number, place) for number in text["numbers"]]
        return _frozen(np.array(numbers, dtype=text["dtype"]).reshape(text.get("shape", [-1])))

    def _record(self, text: dict[str, Any], place: str) -> Any:
        kind = KINDS.get(str(text["record"]))
        if kind is None:
            raise UnreadableFileError(
                f"{printable(place or 'the file')}: this version knows no record {printable(text['record'], 40)}"
            )
        hints = _hints(kind)
        unknown = [name for name in text if name not in hints and name != "record"]
        if unknown:
            raise UnreadableFileError(f"{printable(place or 'the file')}: {kind.__name__} has no field "
                                      f"{printable(unknown[0], 40)}; was it written by a later version?")  # fmt: skip
        values = {name: self.value(text[name], f"{place}.{name}".lstrip(".")) for name in text if name != "record"}
        for name, value in values.items():
            if not _fits(value, hints[name]):
                raise UnreadableFileError(f"{printable(place or 'the file')}: {kind.__name__}.{name} cannot be "
                                          f"{printable(repr(value), 60)}")  # fmt: skip
        made = kind(**values)
        return made.restored() if isinstance(made, StoredIndex) else made


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the kind that an annotation names."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, choice) for choice in inner)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, inner[1]) for item in value.values())
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)
