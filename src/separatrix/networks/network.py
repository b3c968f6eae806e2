"""The network value: a graph of layers with arrays, made once by a reader (§1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from separatrix.domains import AffineSlice, points, real_array
from separatrix.errors import InputError, KindError, printable
from separatrix.networks.activations import activation_function
from separatrix.networks.joined_pairs import joined, n_values
from separatrix.networks.joined_propagation import JoinedPropagation
from separatrix.networks.layers import Activation, Affine, AffineMap, Layer, Node
from separatrix.networks.propagation import Parameters, Propagation, chain_of
from separatrix.networks.structured_map import StructuredMap

INPUT = Node(Affine(np.zeros((0, 0)), np.zeros(0)), ())
ROWS_AT_ONCE = 4096
NUMBERS_IN_CACHE, NUMBERS_AT_ONCE = 2**18, 2**24
MOST_LAYERS = 20_000


@dataclass(frozen=True)
class Reading:
    """Where a network came from and how well it was read.

    ``source``: file or kind of object; ``largest_difference``: between the source's own output and ours on random points
    (None where the source cannot be run); ``notes``: what was assumed or taken off; ``is_normalised``: the output was a
    log-softmax or softmax that could not be taken off; ``metadata``: what the file says of itself.
    """

    source: str = "arrays"
    largest_difference: float | None = None
    notes: tuple[str, ...] = ()
    is_normalised: bool = False
    metadata: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class Network:
    """A classifier x -> logits as a graph of layers.

    ``nodes[0]`` is the input, every other node a layer applied to earlier ones, the last one the logits. A single logit t
    stands for two classes with logits (0, t). Made by :func:`separatrix.load` or :meth:`from_arrays`.

    >>> net = Network.from_arrays([[[1.0, -1.0]], [[2.0]]], [[0.0], [0.5]], "tanh")
    >>> net.n_inputs, net.n_classes, net.activations
    (2, 2, ('tanh',))
    >>> net.logits([[1.0, 1.0]])
    array([[0. , 0.5]])
    """

    nodes: tuple[Node, ...]
    n_inputs: int
    reading: Reading = field(default_factory=Reading)

    def __post_init__(self) -> None:
        if self.n_inputs < 1:
            raise InputError("a network needs at least one input")
        widths = [self.n_inputs]
        for index, node in enumerate(self.nodes[1:], 1):
            if not node.parents or not all(0 <= parent < index for parent in node.parents):
                raise InputError(
                    f"node {index} of a network has parents {node.parents}; expected earlier nodes, from 0 "
                    f"(the input) to {index - 1}"
                )
            widths.append(node.layer.output_width([widths[i] for i in node.parents]))
        if len(self.nodes) < 2 or widths[-1] < 1:
            raise InputError("a network needs at least one layer and one output")
        object.__setattr__(self, "widths", tuple(widths))
        object.__setattr__(self, "parameters", Parameters(self.is_structured))

    widths: tuple[int, ...] = field(init=False)
    parameters: Parameters = field(init=False)

    @classmethod
    def chain(cls, layers: Sequence[Layer], n_inputs: int, reading: Reading | None = None) -> Network:
        """The network that applies ``layers`` one after the other; a single output becomes the logits (0, t)."""
        nodes = (INPUT, *(Node(layer, (index,)) for index, layer in enumerate(layers)))
        return cls.graph(nodes, n_inputs, reading)

    @classmethod
    def graph(cls, nodes: Sequence[Node], n_inputs: int, reading: Reading | None = None) -> Network:
        """The network of a graph of nodes; a single output becomes the logits (0, t)."""
        network = cls(tuple(nodes), n_inputs, reading or Reading())
        if network.widths[-1] > 1:
            return network
        last = network.nodes[-1].layer
        if isinstance(last, AffineMap):
            pair = Affine(np.vstack([np.zeros_like(last.weight), last.weight]), np.concatenate([[0.0], last.bias]))
            return cls((*network.nodes[:-1], Node(pair, network.nodes[-1].parents)), n_inputs, network.reading)
        pair = Affine(np.array([[0.0], [1.0]]), np.zeros(2))
        return cls((*network.nodes, Node(pair, (len(network.nodes) - 1,))), n_inputs, network.reading)

    @classmethod
    def from_arrays(
        cls,
        weights: Sequence[Any],
        biases: Sequence[Any],
        activation: str | Sequence[str] = "relu",
        slope: float = 0.01,
        reading: Reading | None = None,
    ) -> Network:
        """A multilayer perceptron: ``weights[l]`` (out, in), ``biases[l]`` (out,), one activation or one a hidden layer.

        Raises InputError for NaN or infinite entries, shapes that do not chain, or an unknown activation.
        """
        try:
            weights, biases = (list(islice(iter(given), MOST_LAYERS)) for given in (weights, biases))
            names = (
                [activation] * (len(weights) - 1)
                if isinstance(activation, str)
                else list(islice(iter(activation), MOST_LAYERS))
            )
        except TypeError:
            raise KindError(
                "expected lists of weights and of biases, and one activation's name or a list of names, came "
                f"{type(weights).__name__}, {type(biases).__name__} and {type(activation).__name__}"
            ) from None
        if len(weights) == 0 or len(weights) != len(biases):
            raise InputError(
                f"expected as many weights as biases and at least one, came {len(weights)} and {len(biases)}"
            )
        if len(names) != len(weights) - 1:
            raise InputError(
                f"expected one activation for each of the {len(weights) - 1} hidden layers, came {len(names)}"
            )
        layers: list[Layer] = []
        for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            layers.append(affine(weight, bias, f"layer {index}"))
            if index < len(names):
                activation_function(names[index])
                layers.append(Activation(names[index], slope))
        first = layers[0]
        assert isinstance(first, AffineMap)
        return cls.chain(layers, first.n_inputs, reading)

    @property
    def n_classes(self) -> int:
        """Number of classes (two for one logit)."""
        return self.widths[-1]

    @cached_property
    def activations(self) -> tuple[str, ...]:
        """Names of the activations in the order of the graph."""
        return tuple(node.layer.name for node in self.nodes[1:] if isinstance(node.layer, Activation))

    @property
    def is_piecewise_linear(self) -> bool:
        """Whether every activation is piecewise linear."""
        return all(activation_function(name).is_piecewise_linear for name in self.activations)

    @cached_property
    def is_structured(self) -> bool:
        """Whether a layer is a convolution, a pooling or another map that stores no matrix."""
        return any(isinstance(node.layer, StructuredMap) for node in self.nodes[1:])

    @cached_property
    def rows_at_once(self) -> int:
        """Rows that go through the network together, a number that depends on the network alone.

        Dense layers are products of whole batches, whose values may be large but not without bound; convolutions take
        image after image, and are quickest where the values of all layers stay in the processor's cache.
        """
        numbers = NUMBERS_IN_CACHE if self.is_structured else NUMBERS_AT_ONCE
        return min(ROWS_AT_ONCE, max(1, numbers // (2 * n_values(self._joined_nodes, self.n_inputs))))

    @property
    def is_chain(self) -> bool:
        """Whether the graph is a chain of layers without skips."""
        return chain_of(self.nodes)

    @property
    def architecture(self) -> str:
        """Widths of the input, the affine layers and the logits, as ``784-256-10``.

        A convolution shows its channels and window, as in ``784-8c5x5-mean2x2-10``; pads and the like are left out.
        """
        shown = (node.layer.short_name for node in self.nodes[1:] if isinstance(node.layer, AffineMap))
        return "-".join([str(self.n_inputs), *(name for name in shown if name)])

    @property
    def affine_layers(self) -> list[AffineMap]:
        """The affine layers in the order of the graph."""
        return [node.layer for node in self.nodes[1:] if isinstance(node.layer, AffineMap)]

    def propagate(self, x: Any) -> Propagation:
        """A forward pass of the rows of ``x`` (n, n_inputs), numpy or torch, unchecked."""
        return Propagation(self.nodes, self.parameters, x)

    @cached_property
    def _joined_nodes(self) -> tuple[Node, ...]:
        return joined(self.nodes) if self.is_structured else self.nodes

    def propagate_rows(self, x: Any) -> Propagation:
        """The same for outputs, gradients and Hessian-vector products alone: max pooling of numpy rows is one step."""
        if len(self._joined_nodes) == len(self.nodes) or not isinstance(x, np.ndarray):
            return self.propagate(x)
        return JoinedPropagation(self._joined_nodes, self.parameters, x)

    def logits(self, x: Any) -> np.ndarray:
        """Logits of the rows of ``x`` (n, n_inputs), shape (n, n_classes), float64; n = 0 is allowed."""
        rows = points(x, self.n_inputs, "logits")
        out, step = np.empty((rows.shape[0], self.n_classes)), self.rows_at_once
        for start in range(0, rows.shape[0], step):
            out[start : start + step] = self.propagate_rows(rows[start : start + step]).output
        return out

    def probabilities(self, x: Any) -> np.ndarray:
        """Softmax of the logits, (n, n_classes)."""
        z = self.logits(x)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def predict(self, x: Any) -> np.ndarray:
        """The class with the largest logit, (n,); ties go to the smallest number."""
        return self.logits(x).argmax(axis=1)

    def contrasted(self, contrasts: np.ndarray) -> Network:
        """The network whose outputs are the combinations ``contrasts`` (m, n_classes) of the logits.

        Logits and differences of two logits are folded into the last affine layer, so that differences of logits are
        formed from differences of weights; unless those overflow.
        """
        if contrasts.ndim != 2 or contrasts.shape[1] != self.n_classes:
            raise InputError(f"expected contrasts of shape (m, {self.n_classes}), came {contrasts.shape}")
        last = self.nodes[-1]
        folded = last.layer.after(contrasts) if isinstance(last.layer, Affine) else None
        if folded is not None:
            nodes = (*self.nodes[:-1], Node(folded, last.parents))
        else:
            nodes = (*self.nodes, Node(Affine(contrasts, np.zeros(contrasts.shape[0])), (len(self.nodes) - 1,)))
        return Network(nodes, self.n_inputs, self.reading)

    def restrict(self, slice: AffineSlice) -> Network:
        """The network on an affine slice, a network of the slice's coordinates: x = origin + t directions, exactly.

        Raises KindError for what is no AffineSlice, InputError for a slice of another space.

        >>> from separatrix.domains import AffineSlice
        >>> net = Network.from_arrays([[[1.0, -1.0, 2.0]], [[2.0]]], [[0.0], [0.5]])
        >>> net.restrict(AffineSlice([0, 0, 1], [[1, 0, 0], [0, 1, 0]])).logits([[1.0, 1.0]])
        array([[0. , 4.5]])
        """
        if not isinstance(slice, AffineSlice):
            raise KindError(
                f"restrict: expected an AffineSlice, came {type(slice).__name__}; take AffineSlice.through(points)"
            )
        if slice.ambient_dim != self.n_inputs:
            raise InputError(
                f"restrict: the network has {self.n_inputs} inputs, the slice lies in R^{slice.ambient_dim}"
            )
        first = Node(Affine(np.ascontiguousarray(slice.directions.T), slice.origin), (0,))
        later = (Node(node.layer, tuple(parent + 1 for parent in node.parents)) for node in self.nodes[1:])
        notes = (*self.reading.notes, f"restricted to an affine slice of dimension {slice.dim}")
        return Network((INPUT, first, *later), slice.dim, replace(self.reading, notes=notes))

    def negated(self) -> Network:
        """The network with negated logits, for sources whose least output wins."""
        return self.contrasted(-np.eye(self.n_classes))

    def save(self, path: Any) -> None:
        """Write the network as safetensors, with its metadata; :func:`separatrix.load` reads it back bit for bit."""
        from separatrix.networks.plain_files import save_safetensors

        save_safetensors(self, path)

    def __repr__(self) -> str:
        names = ", ".join(sorted(set(self.activations))) or "no activation"
        return f"Network({self.architecture}, {names}, from {printable(self.reading.source)})"


def affine(weight: Any, bias: Any, where: str, copies: bool = True) -> AffineMap:
    """A checked affine layer; InputError names ``where`` for NaN, infinity or shapes that do not fit.

    ``copies=False``: the arrays are the reader's own and may be kept, read-only, where they are contiguous.
    """
    try:
        w, b = (np.array(real_array(x), order="C", copy=copies or None) for x in (weight, bias))
    except KindError:
        raise InputError(f"{where}: weight and bias must be arrays of real numbers") from None
    if w.ndim != 2 or b.ndim != 1 or w.shape[0] != b.shape[0]:
        raise InputError(
            f"{where}: expected a weight of shape (out, in) and a bias of shape (out,), came {w.shape} and {b.shape}"
        )
    if 0 in w.shape:
        raise InputError(f"{where}: the weight has shape {w.shape}; a layer needs at least one input and one output")
    for name, array in (("weight", w), ("bias", b)):
        if not np.isfinite(array).all():
            raise InputError(
                f"{where}: the {name} has {int((~np.isfinite(array)).sum())} NaN or infinite entries; "
                "retrain or repair the network"
            )
    w.flags.writeable = b.flags.writeable = False
    return Affine(w, b)
