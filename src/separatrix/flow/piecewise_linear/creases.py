"""Creases: the hyperplanes, bent in deeper layers, on which a neuron of a piecewise linear network changes its slope (§5).

A neuron is known by its number: hidden units of piecewise linear activations counted through the graph, first layer first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.errors import InputError
from separatrix.networks.activations import activation_function
from separatrix.networks.layers import Activation
from separatrix.networks.network import Network
from separatrix.potentials.base import Potential


@dataclass(frozen=True, eq=False)
class Ends:
    """Where rows came to rest, or why they did not.

    ``points`` (n, dim), coordinates on faces exact; ``creases``: the numbers of the neurons at zero at each end;
    ``reason``: "sink" (at rest) or the cause; ``time`` (n,) reached; ``n_events`` (n,).
    """

    points: np.ndarray
    creases: tuple[np.ndarray, ...]
    reason: tuple[str, ...]
    time: np.ndarray
    n_events: np.ndarray


def crease_nodes(graph: Network) -> list[int]:
    """Nodes of the graph whose activation has a crease (ReLU, leaky ReLU), in order."""
    return [
        index
        for index, node in enumerate(graph.nodes)
        if isinstance(node.layer, Activation)
        and activation_function(node.layer.name).is_piecewise_linear
        and node.layer.name != "identity"
    ]


def n_creases(graph: Network) -> int:
    """How many neurons have a crease."""
    return sum(graph.widths[index] for index in crease_nodes(graph))


def is_mixed(net: Network) -> bool:
    """Whether a network has creases and smooth activations, too."""
    return bool(crease_nodes(net)) and not net.is_piecewise_linear


def has_creases(potential: Potential) -> bool:
    """Whether the gradient of ``potential`` jumps: a network in which every activation is piecewise linear.

    Raises InputError for a network that mixes creased and smooth activations: its flow is neither of the two kinds.
    """
    net = potential.net
    if net is None or not crease_nodes(net):
        return False
    if is_mixed(net):
        raise InputError(
            f"the network mixes piecewise linear and smooth activations ({', '.join(sorted(set(net.activations)))}); its "
            "gradient jumps along curved creases, which no flow here follows. Networks of one kind are followed."
        )
    return True
