"""The theorems of §4, each held against a network: hypotheses proved, and what follows on R^n and on a box."""

from __future__ import annotations

from typing import Any

from separatrix.domains import Box, Domain, as_domain
from separatrix.errors import KindError
from separatrix.networks.network import Network
from separatrix.networks.structure import (
    EXACT,
    Structure,
    is_monotone,
    is_onto,
    is_strictly_increasing,
    is_submersive,
)
from separatrix.networks.theorem_record import Hypothesis, Theorem

OF_DIFFERENCES = ("class probability", "log-odds", "margin")
NGUYEN = (
    "Q. Nguyen, M. C. Mukkamala, M. Hein, Neural Networks Should Be Wide Enough to Learn Disconnected Decision "
    "Regions, ICML 2018, arXiv:1803.00094"
)
BEISE = (
    "H.-P. Beise, S. Dias Da Cruz, U. Schröder, On decision regions of narrow deep neural networks, "
    "arXiv:1807.01194; the condition on the number of classes is spelled out here"
)
KUEHN = "C. Kuehn, S.-V. Kuntz, Embedding capabilities of neural ODEs, arXiv:2308.01213; chain rule"


def theorems(net: Network, domain: Domain | Any = None) -> list[Theorem]:
    """The structural theorems (4.1) to (4.5) for a network and a domain (Box, pair of arrays, WholeSpace; None: R^n).

    Every hypothesis is decided exactly: ranks by exact arithmetic on the weights in the file, properties of
    activations by calculus. A theorem that does not apply says which hypothesis fails.

    >>> weights = [[[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]], [[1.0, 2.0], [0.0, 1.0]]]
    >>> net = Network.from_arrays(weights, [[0, 0], [0, 0]], "tanh")
    >>> for theorem in theorems(net):
    ...     print(theorem.number, theorem.applies, theorem.certainty)
    4.1 True proved
    4.2 True proved
    4.3 True proved
    4.4 False unknown
    4.5 True proved
    """
    if not isinstance(net, Network):
        raise KindError(f"theorems: expected a Network, came {type(net).__name__}; read it with sx.load first")
    box = None if domain is None else as_domain(domain, net.n_inputs)
    box = box if isinstance(box, Box) else None
    structure = Structure(net)
    return [rule(structure, box) for rule in (_row_space, _no_equilibria, _contractible, _connected, _no_islands)]


def _conclusion(hypotheses: tuple[Hypothesis, ...], text: str) -> str:
    """The conclusion, or what keeps the theorem from applying."""
    missing = [h for h in hypotheses if h.holds is False] or [h for h in hypotheses if h.holds is None]
    return (
        text
        if not missing
        else f"says nothing here, it needs: {'; '.join(f'{h.text} ({h.evidence})' for h in missing)}"
    )


def _theorem(
    number: str, name: str, statement: str, hypotheses: tuple[Hypothesis, ...], conclusion: str,
    potentials: tuple[str, ...], on_domain: str, reference: str,
) -> Theorem:  # fmt: skip
    applies = all(hypothesis.holds for hypothesis in hypotheses)
    return Theorem(
        number, name, statement, hypotheses, _conclusion(hypotheses, conclusion),
        potentials if applies else (), on_domain if applies else "", reference,
    )  # fmt: skip


def _row_space(structure: Structure, box: Box | None) -> Theorem:
    n, rank = structure.n_inputs, structure.input_rank
    matrix = structure.input_matrix
    through = structure.decided(
        "the input acts through one affine layer only", matrix is not None,
        "it feeds W1" if matrix is not None else "it also feeds a sum or an activation, or a rounded layer",
    )  # fmt: skip
    smaller = structure.decided(
        "the rank of W1 is below the number of inputs", None if rank is None else rank < n,
        "not computed" if rank is None or matrix is None else f"W1 is {matrix.shape[0]} x {n}, rank {rank} {EXACT}",
    )  # fmt: skip
    on_domain = "holds on all of R^n"
    if box is not None:
        on_domain = f"on {box} it holds while no coordinate is at its bound; on faces points leave the row space"
    return _theorem(
        "4.1", "row-space reduction",
        "Let f be a function of W1 x + b1. On R^n the gradient flow of f never moves the component of x in ker W1.",
        (through, smaller),
        f"on R^{n} the flow reduces from {n} to {rank} dimensions: the component of x in ker W1 (dimension "
        f"{n - (rank or 0)}) never moves",
        ("every potential of the logits",), on_domain, "the gradient of f lies in the row space of W1 (§4)",
    )  # fmt: skip


def _no_equilibria(structure: Structure, box: Box | None) -> Theorem:
    differences, positive = structure.last_matrix()
    potentials = OF_DIFFERENCES if differences else ()
    if positive and not structure.network.reading.is_normalised:
        potentials = (*potentials, "log-density")
    last = structure.decided(
        "the last layer keeps gradients of the potentials from vanishing",
        None if differences is None else bool(potentials),
        f"rows' differences {_word(differences)} (class probability, log-odds, margin); rows other than zero "
        f"{_word(positive)} (log-density), {EXACT}",
    )  # fmt: skip
    hypotheses = (
        structure.chain(),
        structure.activations_hypothesis(
            "activations are differentiable with s' > 0 everywhere",
            [is_submersive(layer) for layer in structure.activations],
        ),
        structure.full_row_ranks([*structure.before, *structure.after[:-1]]),
        last,
    )
    on_domain = f"holds on all of R^{structure.n_inputs}: there is no finite sink; flows go to infinity"
    if box is not None:
        on_domain = (
            f"on {box}: no equilibrium in the interior; every sink and every saddle of the projected flow lies on the "
            "boundary, with at least one active coordinate"
        )
    return _theorem(
        "4.2", "no equilibria",
        "If every weight matrix has full row rank and every activation has s' > 0, then x -> z is a submersion, and "
        "grad f != 0 on R^n for every f of z without critical points in z. For functions of differences of logits, "
        "the differences of the last matrix's rows suffice.",
        hypotheses, f"the network {structure.network.architecture} has no equilibrium in R^{structure.n_inputs}",
        potentials, on_domain, KUEHN,
    )  # fmt: skip


def _word(verdict: bool | None) -> str:
    return {True: "independent", False: "dependent", None: "not decided"}[verdict]


def _contractible(structure: Structure, box: Box | None) -> Theorem:
    count = len(structure.activations)
    hypotheses = (
        structure.chain(),
        structure.decided("there is one hidden layer at most", count <= 1, f"{count} layers with an activation"),
        structure.full_row_ranks(structure.before),
        structure.activations_hypothesis(
            "the activation is continuous and strictly increasing",
            [is_strictly_increasing(a) for a in structure.activations],
        ),
    )
    sublevel = (
        "" if structure.network.reading.is_normalised else "; so is every {log-density <= c}, not its superlevel sets"
    )
    on_domain = f"holds on all of R^{structure.n_inputs}"
    if box is not None:
        on_domain = f"nothing follows for the parts inside {box}: a box can cut a contractible set into pieces"
    return _theorem(
        "4.3", "contractible superlevel sets",
        "One hidden layer with W1 of full row rank and a continuous, strictly increasing activation: {p_k >= c}, "
        "{l_k >= c}, {z_i - z_j >= c} and the decision regions in R^n are contractible or empty.",
        hypotheses,
        f"in R^{structure.n_inputs} every decision region and every set {{p_k >= c}}, {{l_k >= c}}, {{z_i - z_j >= "
        f"c}} is contractible or empty{sublevel}",
        OF_DIFFERENCES, on_domain,
        "preimages of convex sets under a homeomorphism onto a convex set and an affine surjection (§4)",
    )  # fmt: skip


def _connected(structure: Structure, box: Box | None) -> Theorem:
    hypotheses = (
        structure.chain(),
        structure.full_row_ranks(structure.before),
        structure.activations_hypothesis(
            "activations are continuous, strictly increasing and onto R", [is_onto(a) for a in structure.activations]
        ),
    )
    on_domain = f"holds on all of R^{structure.n_inputs}"
    if box is not None:
        on_domain = f"nothing follows for the parts inside {box}: a box can cut a connected region into pieces"
    return _theorem(
        "4.4", "connected decision regions",
        "If the widths of the hidden layers never grow, starting from n, their weight matrices have full rank and "
        "the activations are continuous, strictly increasing and onto R, then every decision region in R^n is "
        "connected.",
        hypotheses,
        f"in R^{structure.n_inputs} every decision region of {structure.network.architecture} is connected or empty",
        ("decision regions",), on_domain, NGUYEN,
    )  # fmt: skip


def _no_islands(structure: Structure, box: Box | None) -> Theorem:
    """(4.5). Pad every hidden layer to n neurons by zeros; let the activations be strictly increasing at first.

    The layers up to the first singular matrix are a homeomorphism h of R^n onto an open set U. If there is such a
    matrix, a line in its kernel through h(x) meets U in an open interval, on whose preimage the logits are constant.
    If there is none, {z_k >= z_l} is cut out of the last hidden space by C - 1 <= n half-spaces, so it holds a ray
    from h(x), and the ray up to its exit from U has its preimage in the region. Both preimages are connected and
    closed but not compact in R^n. Monotone activations are locally uniform limits of strictly increasing ones; limits
    of continua that join x to a large sphere do so, too (for the open region: apply this to {z_k >= z_l + c} with a
    small c > 0). A closed set with unbounded components leaves a box only through its boundary (boundary bumping).
    """
    n, widths, n_classes = structure.n_inputs, structure.hidden_widths(), structure.network.n_classes
    widest = max(widths, default=0)
    narrower = [width for width in widths if width < n]
    if n_classes <= n + 1:
        why = f"{n_classes} classes, {n} inputs"
    else:
        why = f"{n_classes} classes, {n} inputs" + (f", a hidden layer of width {narrower[0]}" if narrower else "")
    hypotheses = (
        structure.chain(),
        structure.decided(
            "no hidden layer is wider than the input", widest <= n, f"widths {widths or 'none'}, {n} inputs"
        ),
        structure.activations_hypothesis(
            "activations are continuous and monotone", [is_monotone(a) for a in structure.activations]
        ),
        structure.decided(
            "there are at most n + 1 classes, or a hidden layer is narrower than n",
            n_classes <= n + 1 or bool(narrower),
            why,
        ),
    )
    on_domain = f"holds on all of R^{n}"
    if box is not None:
        on_domain = f"on {box}: every component of a closed decision region in the box touches the box's boundary"
    return _theorem(
        "4.5", "no bounded islands",
        "If no hidden layer is wider than n, the activations are continuous and monotone (ReLU included), and there "
        "are at most n + 1 classes or some hidden layer is narrower than n, then every component of a decision "
        "region in R^n is unbounded. (More classes can bound a region: four affine logits in the plane bound a "
        "triangle.)",
        hypotheses, f"in R^{n} no decision region of {structure.network.architecture} has a bounded component",
        ("decision regions",), on_domain, BEISE,
    )  # fmt: skip
