"""The output of an ONNX file itself by onnxruntime, where that is installed and onnx's reference evaluator does not run it.

onnxruntime computes in the file's own precision. It is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from separatrix.networks.onnx.files import FileModel
from separatrix.networks.onnx.ports import Asked

TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


def runtime_output(model: FileModel, asked: Asked, x: np.ndarray) -> np.ndarray | None:
    """The file's output on the rows of ``x``, (n, width); None where it is not installed or does not run the file."""
    try:
        import onnxruntime  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.path, options, providers=["CPUExecutionProvider"])
        kinds = {port.name: port.type for port in session.get_inputs()}
        rows = x.astype(TYPES[kinds[asked.input]])
        own = [_run(session, asked, part) for part in _parts(asked, rows)]
        return np.concatenate(own).astype(np.float64)
    except Exception:  # noqa: BLE001 -- it may raise anything on what it does not know
        return None


def _parts(asked: Asked, x: np.ndarray) -> Sequence[np.ndarray]:
    """As many rows as the file takes at once."""
    if asked.rows is None:
        return [x.reshape(-1, *(asked.shape[1:] if asked.is_free_row else asked.shape))]
    return [part.reshape(-1, *asked.shape) if asked.batch else part.reshape(asked.shape) for part in
            np.split(x, len(x) // asked.rows)]  # fmt: skip


def _run(session: Any, asked: Asked, part: np.ndarray) -> np.ndarray:
    found = np.asarray(session.run([asked.output], {asked.input: part})[0])
    return found.reshape(len(part) if asked.rows is None else asked.rows, -1)
