"""``read_onnx``: the network in an ONNX file, compared with the file's own output (§1)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import prod

import numpy as np

from separatrix.errors import InputError, ReadingWarning, UnreadableFileError, UnsupportedLayerError, printable
from separatrix.networks.comparison import checked_points, last_step, portions, random_points
from separatrix.networks.network import Network, Reading
from separatrix.networks.onnx.files import FileModel, FileNode, read_file
from separatrix.networks.onnx.graph import read_graph
from separatrix.networks.onnx.ports import Asked, needed_nodes, points_input, readings, scores_output
from separatrix.networks.onnx.reference import fault, own_output
from separatrix.networks.onnx.runtime import runtime_output
from separatrix.networks.traced_network import TracedNetwork

TOLERANCE, ROUNDED_TOLERANCE, SINGLE_TOLERANCE = 1e-9, 1e-5, 1e-4
MIXED = ("[mixes the rows", "[with the matrix on the left of a batch", "[moves the batch", "[of shapes that do not fit")
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
    asked, traced, network, (difference, more) = _read(model, nodes, readings(model, nodes, port, output, input_shape))
    if asked.rows is not None and asked.batch == 0:
        notes.append("the file takes one point at a time, without a batch")
    elif asked.rows is not None:
        notes.append(f"the file's batch of {asked.rows} was read as any number of points")
    reading = Reading(model.source, difference, (*notes, *traced.notes, *more), metadata=metadata)
    return Network(network.nodes, network.n_inputs, reading)


Found = tuple[Asked, TracedNetwork, Network, tuple[float | None, list[str]]]


def _read(model: FileModel, nodes: Sequence[FileNode], ways: Sequence[Asked]) -> Found:
    """The first way to read the input that works; the next is tried where the rows of a batch are mixed."""
    first: UnsupportedLayerError | None = None
    for number, asked in enumerate(ways):
        try:
            traced = read_graph(model, nodes, asked)
            network = Network.graph(traced.nodes, prod(asked.shape))
            return asked, traced, network, _difference(network, traced, model, nodes, asked)
        except UnsupportedLayerError as error:
            first = first or error
            if number + 1 < len(ways) and any(reason in str(error) for reason in MIXED):
                continue
            raise (first if asked.is_free_row else error) from None
        except InputError as error:
            raise (first if asked.is_free_row and first is not None else error) from None
    raise AssertionError


def _difference(
    network: Network,
    traced: TracedNetwork,
    model: FileModel,
    nodes: Sequence[FileNode],
    asked: Asked,
) -> tuple[float | None, list[str]]:
    """Largest difference on random points from the file's own output, and notes; InputError where it is too large."""
    if sum(network.widths) > VALUES_LIMIT:
        raise InputError(f"{model.source}: has more than {VALUES_LIMIT} values a point; it is refused as too large")
    count = checked_points(network, evaluator=True)
    if asked.rows is not None:  # a file that takes few points at once is run many times
        count = max(2, min(count, RUNS_LIMIT // len(network.nodes)))
    x = random_points(network.n_inputs, count if asked.rows is None else -(-count // asked.rows) * asked.rows)
    more: list[str] = []
    try:
        at_once = [stop - start for start, stop in portions(network, len(x))]
        own = own_output(model, nodes, asked, x, at_once)
    except (UnreadableFileError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 -- the evaluator may raise anything on what it does not know
        if (wrong := fault(model, nodes)) is not None:
            raise UnreadableFileError(f"{model.source}: {wrong}; write the file again with a newer exporter") from None
        own = runtime_output(model, asked, x)
        if own is None:
            note = f"onnx's reference evaluator does not run the file, nothing was compared: {printable(error)}"
            warnings.warn(f"{model.source}: {note}", ReadingWarning, stacklevel=6)
            return None, [note]
        more.append("compared with onnxruntime in single precision; onnx's reference evaluator does not run the file")
    scale, difference = 1.0, 0.0
    for start, stop in portions(network, len(x)):
        passed = network.propagate(x[start:stop])
        ours = last_step(passed.output, traced.tail, own.shape[1])
        scale = max(scale, *(float(np.abs(values).max()) for values in passed.values))
        fits = own[start:stop].shape == ours.shape
        difference = max(difference, float(np.abs(own[start:stop] - ours).max()) if fits else np.inf)
    tolerance = SINGLE_TOLERANCE if more else ROUNDED_TOLERANCE if traced.has_rounded_patterns else TOLERANCE
    tolerance *= scale
    if not difference <= tolerance:
        raise InputError(
            f"{model.source}: the network read differs from the file's own output by {difference:.3g} on random points, "
            f"more than {tolerance:.3g}; the file may depend on the batch or on data in a way that is not read"
        )
    return difference, more
