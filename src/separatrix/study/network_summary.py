"""What is said of the network and the data at the head of a study."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np

from separatrix.errors import printable
from separatrix.networks.network import Network
from separatrix.study.analysis import DataSummary, NetworkSummary
from separatrix.study.question import Question
from separatrix.study.starts import class_means


def network_name(net: Network) -> str:
    """The name in the network's file, else the file's own, else its architecture."""
    name = net.reading.metadata.get("name")
    if name:
        return printable(name, 80)
    source = net.reading.source
    if source.lower().endswith((".npz", ".safetensors", ".onnx", ".pt", ".pth")):
        return printable(PurePath(source).stem, 80)
    return f"{net.architecture} ({printable(source, 60)})"


def n_parameters(net: Network) -> int:
    """Entries of all weights and biases."""
    return sum(layer.n_parameters for layer in net.affine_layers)


def summary_of(net: Network, question: Question) -> NetworkSummary:
    """The network, with its accuracy on the labelled samples or, without those, on the labelled data."""
    accuracy, where = None, ""
    for cloud in (question.samples, question.data):
        if cloud is not None and cloud.accuracy is not None:
            count = f"{cloud.n_labelled:,} "
            is_counted = cloud.description.startswith(count)  # as a part of a larger set
            accuracy, where = (
                cloud.accuracy,
                cloud.description if is_counted else f"{count}labelled {cloud.description}",
            )
            break
    reading = net.reading
    return NetworkSummary(
        name=network_name(net), architecture=net.architecture, activations=net.activations, n_inputs=net.n_inputs,
        n_classes=net.n_classes, n_parameters=n_parameters(net), is_piecewise_linear=net.is_piecewise_linear,
        source=reading.source, largest_difference=reading.largest_difference, notes=tuple(reading.notes),
        metadata=dict(reading.metadata), accuracy=accuracy, accuracy_on=where,
    )  # fmt: skip


def data_summary(question: Question) -> DataSummary | None:
    """The data, or None without any; samples are counted beside them."""
    data, samples = question.data, question.samples
    if data is None:
        return None
    means = class_means(data.x, data.classes, question.net.n_classes) if len(data) else np.full(
        (question.net.n_classes, question.net.n_inputs), np.nan)  # fmt: skip
    return DataSummary(
        n=len(data), n_labelled=data.n_labelled, n_outside=data.n_outside,
        n_samples=0 if samples is None else len(samples), description=data.description, class_means=means,
        image_shape=data.image_shape,
    )  # fmt: skip
