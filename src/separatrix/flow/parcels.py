"""Calls packed for other processes without the weights of their networks: a layer travels once to a process and stays there.

What a call holds is pickled as ever, but for large affine layers, in whose place a name goes; networks that are made of each
other share layers. On this machine a worker reads a layer from an unnamed file of the process that sends; on a cluster the
scheduler hands it to every worker, to those that come late, too.
"""

from __future__ import annotations

import io
import os
import pickle
import secrets
import tempfile
import weakref
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from separatrix.networks.layers import AffineMap

SMALL, MOST_READ = 1 << 16, 200
OPEN_FILES = Path("/proc/self/fd")
Told = Callable[[AffineMap], tuple[str, str] | None]
_names: weakref.WeakKeyDictionary[AffineMap, str] = weakref.WeakKeyDictionary()
_files: weakref.WeakKeyDictionary[AffineMap, str] = weakref.WeakKeyDictionary()
_given: dict[str, AffineMap] = {}
_read: dict[str, AffineMap] = {}


def name_of(layer: AffineMap) -> str:
    """A name that no other layer has, in this process or elsewhere."""
    if layer not in _names:
        _names[layer] = secrets.token_hex(16)
    return _names[layer]


def packed(call: Any, told: Told) -> bytes:
    """A call as bytes. ``told(layer)``: name of a large layer and the file that holds it ("": it is given), None where it goes
    along."""

    class Pickler(_cloud_pickler()):
        def persistent_id(self, obj: Any) -> Any:
            return told(obj) if isinstance(obj, AffineMap) and _size(obj) >= SMALL else None

    buffer = io.BytesIO()
    Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(call)
    return buffer.getvalue()


@cache
def _cloud_pickler() -> Any:
    """The pickler that joblib and Dask use, which takes functions of scripts, too."""
    try:
        from cloudpickle import CloudPickler
    except ImportError:  # joblib before 1.6 brings its own
        from joblib.externals.cloudpickle import CloudPickler  # pyright: ignore[reportMissingImports]
    return CloudPickler


def unpacked(parcel: bytes) -> Any:
    """The call again, with the layers that this process has."""

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, pid: Any) -> AffineMap:
            name, path = pid
            return _from_file(name, path) if path else _given[name]

    return Unpickler(io.BytesIO(parcel)).load()


def give(name: str, layer: AffineMap | None) -> None:
    """Have a layer in this process under its name, or no longer (None)."""
    if layer is None:
        _given.pop(name, None)
    else:
        _given[name] = layer


def filed(layer: AffineMap) -> tuple[str, str] | None:
    """Name and file of a layer, for processes of this machine; None where files have no such places.

    The file has no name on the disk, so that nothing of it is left however this process ends.
    """
    if layer not in _files:
        if not OPEN_FILES.exists():
            return None
        file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the layer is in use
        weakref.finalize(layer, file.close)
        try:
            pickle.dump(layer, file, pickle.HIGHEST_PROTOCOL)
            file.flush()
        except OSError:  # no room for it
            return None
        _files[layer] = f"/proc/{os.getpid()}/fd/{file.fileno()}"
    return name_of(layer), _files[layer]


def _size(layer: AffineMap) -> int:
    """Bytes of its arrays."""
    return sum(part.nbytes for part in vars(layer).values() if isinstance(part, np.ndarray))


def _from_file(name: str, path: str) -> AffineMap:
    """The layer of that name, read where it is new; the oldest of many are let go."""
    if name not in _read:
        with open(path, "rb") as file:
            _read[name] = pickle.load(file)  # noqa: S301 - written by filed
        while len(_read) > MOST_READ:
            del _read[next(iter(_read))]
    return _read[name]
