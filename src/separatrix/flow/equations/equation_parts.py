"""What the equation of a flow is made of: the graph of the network, its numbered layers, the kind of potential (§2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.errors import InputError
from separatrix.networks.layers import Activation, AffineMap, Node
from separatrix.networks.network import INPUT, Network
from separatrix.potentials.base import Potential
from separatrix.potentials.class_probability import LogisticOfLogOdds
from separatrix.potentials.confidence import LogSumOfOdds
from separatrix.potentials.head import NetworkPotential
from separatrix.potentials.log_density import LogSumExp
from separatrix.potentials.margin import Coordinate
from separatrix.potentials.neg_entropy import NegativeEntropy


@dataclass(frozen=True, eq=False)
class Gradient:
    """``nodes``: the network's graph without identities; ``affine``: its layers W_1, W_2, … in order; ``kind`` of the
    potential with the ``classes`` that it names."""

    nodes: tuple[Node, ...]
    affine: tuple[AffineMap, ...]
    kind: str
    classes: tuple[int, ...]
    n_inputs: int
    n_classes: int

    @classmethod
    def of(cls, potential: Potential) -> Gradient:
        """Raises InputError for a potential that is no function of a network's logits known here."""
        if not isinstance(potential, NetworkPotential):
            raise InputError(
                f"closed_form: expected a potential of a network such as log_odds(net, 0), or an expression, came "
                f"{potential!r}; of others nothing but numbers is known"
            )
        net = potential.network
        kind, classes = _kind(potential)
        nodes = without_identities(net)
        layers = [node.layer for node in nodes[1:] if isinstance(node.layer, AffineMap)]
        affine = tuple({id(layer): layer for layer in layers}.values())
        return cls(nodes, affine, kind, classes, net.n_inputs, net.n_classes)

    @property
    def numbers(self) -> dict[int, int]:
        """The number of each affine layer, by identity: a layer that is used twice has one."""
        return {id(layer): number for number, layer in enumerate(self.affine, 1)}

    @property
    def activations(self) -> list[Activation]:
        """The activation layers in the order of the graph."""
        return [node.layer for node in self.nodes[1:] if isinstance(node.layer, Activation)]

    @property
    def is_chain(self) -> bool:
        """Whether every node feeds the next one only."""
        return all(node.parents == (i,) for i, node in enumerate(self.nodes[1:]))

    @property
    def input_layer(self) -> AffineMap | None:
        """The affine layer through which alone the input acts, or None."""
        users = [node.layer for node in self.nodes[1:] if 0 in node.parents]
        return users[0] if len(users) == 1 and isinstance(users[0], AffineMap) else None

    @property
    def tail(self) -> tuple[Node, ...]:
        """The graph after ``input_layer``, with its output u as the input."""
        first = next(i for i, node in enumerate(self.nodes[1:], 1) if 0 in node.parents)
        assert first == 1
        return (INPUT, *(Node(node.layer, tuple(i - 1 for i in node.parents)) for node in self.nodes[2:]))

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """W_1 (out, in), b_1 (out, 1), W_2, … by name; a bias is a column."""
        found: dict[str, np.ndarray] = {}
        for number, layer in enumerate(self.affine, 1):
            found |= {f"W_{number}": layer.weight, f"b_{number}": layer.bias[:, None]}
        return found


def without_identities(net: Network) -> tuple[Node, ...]:
    """The graph of a network with identity activations and nodes that nothing uses taken out."""
    place, kept = {0: 0}, [net.nodes[0]]
    used = _used(net)
    for index, node in enumerate(net.nodes[1:], 1):
        if isinstance(node.layer, Activation) and node.layer.name == "identity":
            place[index] = place[node.parents[0]]
        elif index in used:
            place[index] = len(kept)
            kept.append(Node(node.layer, tuple(place[i] for i in node.parents)))
    if place[len(net.nodes) - 1] != len(kept) - 1 or len(kept) == 1:
        raise InputError("closed_form: this network has no layer between its input and its logits; nothing was learned")
    return tuple(kept)


def _used(net: Network) -> set[int]:
    used, waiting = set(), [len(net.nodes) - 1]
    while waiting:
        index = waiting.pop()
        if index not in used:
            used.add(index)
            waiting += net.nodes[index].parents
    return used


def _kind(potential: NetworkPotential) -> tuple[str, tuple[int, ...]]:
    """The kind of a potential, read from its head and contrasts, and its classes."""
    head, contrasts = potential.head, potential.contrasts
    size = contrasts.shape[1]
    eye = np.eye(size)
    whole = contrasts.shape == eye.shape and (contrasts == eye).all()
    if whole and isinstance(head, LogSumOfOdds):
        return "confidence", ()
    if whole and isinstance(head, NegativeEntropy):
        return "negative entropy", ()
    if whole and isinstance(head, LogSumExp) and head.sign == 1.0:
        return "log-density", ()
    if isinstance(head, Coordinate) and contrasts.shape[0] == 1:
        i, j = int(contrasts[0].argmax()), int(contrasts[0].argmin())
        if (contrasts[0] == eye[i] - eye[j]).all():
            return "margin", (i, j)
    for k in range(size):
        if contrasts.shape[0] == size - 1 and (contrasts == np.delete(eye - eye[k], k, axis=0)).all():
            if isinstance(head, LogisticOfLogOdds):
                return "class probability", (k,)
            if isinstance(head, LogSumExp) and head.sign == -1.0:
                return "log-odds", (k,)
    raise InputError(
        f"closed_form: the potential {potential.name} has a head {type(head).__name__} whose gradient is not known here; "
        "known are log-density, log-odds, class probability, margin, confidence and negative entropy"
    )
