"""Hostile files of every format that is read, each known by a format and a number, always the same for both."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.hostile_bytes import Files, Rng
from tests.fuzz.hostile_data import (
    complex_json,
    complex_npz,
    complex_txt,
    points_csv,
    points_npy,
    points_npz,
    saved_record,
)
from tests.fuzz.hostile_graphs import network_external, network_graph, network_pickles
from tests.fuzz.hostile_networks import network_npz, network_onnx, network_safetensors

FORMATS: dict[str, Callable[[Rng], Files]] = {
    "npz": network_npz,
    "safetensors": network_safetensors,
    "graph": network_graph,
    "onnx": network_onnx,
    "onnx external": network_external,
    "pickles": network_pickles,
    "points npy": points_npy,
    "points npz": points_npz,
    "points csv": points_csv,
    "facets": complex_txt,
    "complex json": complex_json,
    "complex npz": complex_npz,
    "record": saved_record,
}


def hostile_file(kind: str, number: int, folder: Path) -> tuple[str, Callable[[], Any]]:
    """Writes the files of one input into an empty folder; the name that a message gives, and the call to be judged."""
    rng = random.Random(f"{kind} {number}")
    files = FORMATS[kind](rng)
    name = next(iter(files))
    if rng.random() < 0.02:  # another format under that name
        files = {name: next(iter(FORMATS[rng.choice(list(FORMATS))](rng).values()))}
    for place, content in files.items():
        (folder / place).write_bytes(content)
    odd = 0.1 if kind == "onnx external" else 0.02
    if rng.random() < odd:
        _odd_place(folder / rng.choice(list(files)), rng)
    return _named(kind, name), _reading(kind, folder / name)


def _odd_place(path: Path, rng: Rng) -> None:
    """A folder, a pipe, a device or a link to nowhere in place of the file."""
    path.unlink()
    kind = rng.randrange(6)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        os.mkfifo(path)
    else:
        outside = path.parents[1] / "secret" / "w.bin" if path.name == "w.bin" else path.parent / "absent"
        path.symlink_to(("/dev/zero", "/dev/tty", path.parent / path.name, outside)[kind - 2])


def _named(kind: str, name: str) -> str:
    return "" if kind == "record" else name


def _reading(kind: str, path: Path) -> Callable[[], Any]:
    import separatrix as sx
    from separatrix.data.complex_files import load_complex
    from separatrix.data.point_files import load_points

    if kind in ("npz", "safetensors", "graph", "onnx", "onnx external", "pickles"):
        return lambda: _finite(sx.load(path, activation=None))
    if kind.startswith("points"):
        return lambda: load_points(path).rows(2, 2)
    if kind == "record":
        return lambda: sx.Analysis.load(path.parent)
    return lambda: load_complex(path)


def _finite(net: Any) -> None:
    """A network that was read gives numbers."""
    found = net.logits(np.full((2, net.n_inputs), 0.25)) if net.n_inputs < 10**6 else np.zeros(1)
    assert all(np.isfinite(layer.bias).all() for layer in net.affine_layers), "weights that are no numbers"
    assert found.shape[0] == 2, "logits of another shape"
