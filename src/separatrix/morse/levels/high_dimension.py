"""What theorem (4.3) says of the level sets of a potential in any dimension (§4, §10)."""

from __future__ import annotations

from separatrix.certainty import Certainty, Statement
from separatrix.errors import KindError
from separatrix.networks.theorems import theorems
from separatrix.potentials.base import Potential
from separatrix.potentials.class_probability import LogisticOfLogOdds
from separatrix.potentials.head import NetworkPotential
from separatrix.potentials.log_density import LogSumExp
from separatrix.potentials.margin import Coordinate


def level_statement(potential: Potential) -> Statement:
    """Whether every superlevel or sublevel set in R^n is contractible or empty, as far as (4.3) knows.

    Raises KindError for what is no potential.

    >>> import separatrix as sx
    >>> net = sx.Network.from_arrays([[[1.0, 0.0], [0.0, 2.0]], [[1.0, 2.0], [0.0, 1.0]]], [[0, 0], [0, 0]], "tanh")
    >>> print(level_statement(sx.log_odds(net, 0)))
    [proved] every set {log-odds of class 0 >= c} in R^2 is contractible or empty
    """
    if not isinstance(potential, Potential):
        raise KindError(f"level_statement: expected a Potential, came {type(potential).__name__}")
    unknown = Statement(f"no theorem speaks of the level sets of {potential.name}", Certainty.UNKNOWN)
    if not isinstance(potential, NetworkPotential) or potential.net is None:
        return unknown
    theorem = next(found for found in theorems(potential.net) if found.number == "4.3")
    side = _side(potential)
    if not side:
        return unknown
    if not theorem.applies:
        return Statement(f"(4.3) {theorem.conclusion}", Certainty.UNKNOWN, theorem.statement)
    text = f"every set {{{potential.name} {side} c}} in R^{potential.dim} is contractible or empty"
    return Statement(text, theorem.certainty, f"(4.3): {theorem.statement}")


def _side(potential: NetworkPotential) -> str:
    """On which side the sets are preimages of convex sets of logits; "" where on neither, or that is not known."""
    head = potential.head
    if isinstance(head, (Coordinate, LogisticOfLogOdds)):
        return ">="
    if isinstance(head, LogSumExp):
        return ">=" if head.sign < 0 else "<="
    return ""
