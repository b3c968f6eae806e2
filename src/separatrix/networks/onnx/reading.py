"""``read_onnx``: the network in an ONNX file, compared with the file's own output (§1)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import prod

import numpy as np

from separatrix.errors import InputError, ReadingWarning, UnreadableFileError, UnsupportedLayerError, printable
from separatrix.networks.comparison import advice_on_probabilities, checked_points, difference, portions, random_points
from separatrix.networks.network import Network, Reading
from separatrix.networks.onnx.files import FileModel, FileNode, read_file
from separatrix.networks.onnx.graph import read_graph
from separatrix.networks.onnx.ports import Asked, needed_nodes, points_input, readings, scores_output
from separatrix.networks.onnx.reference import fault, own_output
from separatrix.networks.onnx.runtime import runtime_output
from separatrix.networks.traced_network import TracedNetwork

TOLERANCE, ROUNDED_TOLERANCE, SINGLE_TOLERANCE = 1e-9, 1e-5, 1e-4
MIXED = (
    "[mixes the rows", "[with the matrix on the left of a batch", "[moves the batch", "[of shapes that do not fit",
    "[differs between the rows", "[picks rows", "[adds rows",
)  # fmt: skip
VALUES_LIMIT, RUNS_LIMIT = 1 << 24, 50_000


def read_onnx(path: str, input_shape: tuple[int, ...] | None = None) -> Network:
    """The network in an ONNX file; nothing is opened but the file and the data that it names in its own folder.

    ``input_shape``: shape of one input without the batch, where the file does not say it. Raises UnreadableFileError for
    torn or hostile files, UnsupportedLayerError that names every node that cannot be read, InputError where the file's
    own output is not reproduced.
    """
    try:
        return _network(read_file(path), input_shape)
    except MemoryError:
        raise UnreadableFileError(f"{printable(path)}: needs more memory than there is") from None


def _network(model: FileModel, input_shape: tuple[int, ...] | None) -> Network:
    output, notes, metadata = scores_output(model)
    nodes = needed_nodes(model, output)
    port = points_input(model, nodes, output)
    asked, traced, network, (difference, more, advice) = _read(
        model, nodes, readings(model, nodes, port, output, input_shape)
    )
    if advice is not None:
        warnings.warn(f"{model.source}: {advice}", ReadingWarning, stacklevel=6)
        more.append(advice)
    if asked.rows is not None and asked.batch == 0:
        notes.append("the file takes one point at a time, without a batch")
    elif asked.rows is not None:
        notes.append(f"the file's batch of {asked.rows} was read as any number of points")
    reading = Reading(model.source, difference, (*notes, *traced.notes, *more), metadata=metadata)
    return Network(network.nodes, network.n_inputs, reading)


Found = tuple[Asked, TracedNetwork, Network, tuple[float | None, list[str], str | None]]


def _read(model: FileModel, nodes: Sequence[FileNode], ways: Sequence[Asked]) -> Found:
    """The first way to read the input that works; the next is tried where the rows of a batch are mixed."""
    first: UnsupportedLayerError | None = None
    for number, asked in enumerate(ways):
        try:
            traced = read_graph(model, nodes, asked)
            draft = Network(tuple(traced.nodes), prod(asked.shape))
            x, own, more = _own_output(draft, model, nodes, asked)
            del draft
            model.forget()
            network = Network.graph(traced.folded(model.source), prod(asked.shape))
            advice = None if own is None else advice_on_probabilities(network, traced.tail, x, own)
            return asked, traced, network, (_difference(network, traced, model, x, own, more), more, advice)
        except UnsupportedLayerError as error:
            first = first or error
            if number + 1 < len(ways) and any(reason in str(error) for reason in MIXED):
                continue
            raise (first if asked.is_free_row else error) from None
        except InputError as error:
            raise (first if asked.is_free_row and first is not None else error) from None
    raise AssertionError


def _own_output(
    traced: Network, model: FileModel, nodes: Sequence[FileNode], asked: Asked
) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """Random points (n, inputs), the file's own output there, (n, width), None where it cannot be run, and notes."""
    _check_size(traced, model)
    count = checked_points(traced, evaluator=True)
    if asked.rows is not None:  # a file that takes few points at once is run many times
        count = max(2, min(count, RUNS_LIMIT // len(traced.nodes)))
    x = random_points(traced.n_inputs, count if asked.rows is None else -(-count // asked.rows) * asked.rows)
    try:
        at_once = [stop - start for start, stop in portions(traced, len(x))]
        mean = sum(traced.widths) / len(traced.widths)
        return x, own_output(model, nodes, asked, x, at_once, mean), []
    except (UnreadableFileError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 -- the evaluator may raise anything on what it does not know
        if (wrong := fault(model, nodes)) is not None:
            raise UnreadableFileError(f"{model.source}: {wrong}; write the file again with a newer exporter") from None
        own = runtime_output(model, asked, x)
        if own is not None:
            note = "compared with onnxruntime in single precision; onnx's reference evaluator does not run the file"
            return x, own, [note]
        note = f"onnx's reference evaluator does not run the file, nothing was compared: {printable(error)}"
        warnings.warn(f"{model.source}: {note}", ReadingWarning, stacklevel=7)
        return x, None, [note]


def _check_size(network: Network, model: FileModel) -> None:
    if sum(network.widths) > VALUES_LIMIT:
        raise InputError(f"{model.source}: has more than {VALUES_LIMIT} values a point; it is refused as too large")


def _difference(
    network: Network, traced: TracedNetwork, model: FileModel, x: np.ndarray, own: np.ndarray | None, notes: list[str]
) -> float | None:
    """Largest difference on random points from the file's own output; InputError where it is too large."""
    _check_size(network, model)
    if own is None:
        return None
    largest, scale = difference(network, traced.tail, x, own)
    tolerance = SINGLE_TOLERANCE if notes else ROUNDED_TOLERANCE if traced.has_rounded_patterns else TOLERANCE
    if not largest <= tolerance * scale:
        raise InputError(
            f"{model.source}: the network read differs from the file's own output by {largest:.3g} on random points, "
            f"more than {tolerance * scale:.3g}; the file may depend on the batch or on data in a way that is not read"
        )
    return largest
