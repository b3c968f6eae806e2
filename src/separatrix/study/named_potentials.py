"""Potentials by the names that a user types, and the ones that a study takes when none is named."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any

from separatrix.errors import InputError, KindError, printable
from separatrix.networks.network import Network
from separatrix.potentials.base import Potential
from separatrix.potentials.class_probability import class_probability
from separatrix.potentials.confidence import confidence
from separatrix.potentials.log_density import log_density
from separatrix.potentials.log_odds import log_odds
from separatrix.potentials.margin import margin
from separatrix.potentials.neg_entropy import neg_entropy
from separatrix.study.fingerprints import are_alike

MAKERS: dict[str, tuple[int, Callable[..., Potential]]] = {
    "log-density": (0, log_density),
    "log-odds": (1, log_odds),
    "probability": (1, class_probability),
    "margin": (2, margin),
    "confidence": (0, confidence),
    "negative-entropy": (0, neg_entropy),
}
OTHER_NAMES = {"logdensity": "log-density", "logodds": "log-odds", "class-probability": "probability",
               "neg-entropy": "negative-entropy", "entropy": "negative-entropy"}  # fmt: skip
FORMS = "log-density, log-odds (all classes), log-odds:3, probability:3, margin:3:5 (or margin:3,5), confidence, negative-entropy"


def chosen_potentials(net: Network, potential: Any, notes: list[str]) -> tuple[Potential, ...]:
    """The potentials that ``potential`` names: a name, a Potential, a list of them, or None for the usual ones."""
    if potential is None:
        return _usual(net, notes)
    members = [potential] if isinstance(potential, (str, Potential)) else potential
    if not isinstance(members, Iterable):
        raise KindError(f"potential: expected names or Potentials, came {type(potential).__name__}; names: {FORMS}")
    found: list[Potential] = []
    for member in members:
        if isinstance(member, str):
            found += named_potentials(net, member)
        elif isinstance(member, Potential):
            if member.dim != net.n_inputs:
                raise InputError(f"potential {member.name}: has {member.dim} inputs, the network {net.n_inputs}")
            found.append(member)
        else:
            raise KindError(f"potential: expected a name or a Potential, came {type(member).__name__}; names: {FORMS}")
    if not found:
        raise InputError(f"potential: none is named; names: {FORMS}")
    first: dict[str, Potential] = {}
    for member in found:
        if not are_alike(first.setdefault(member.name, member), member):
            raise InputError(
                f"potential: two different ones have the name {printable(member.name, 60)!r}; give each a name of its own, as "
                "Potential.custom(…, name=)"
            )
    return tuple(first.values())


def named_potentials(net: Network, name: str) -> list[Potential]:
    """The potentials of one name, such as "log-odds:3"; "log-odds" alone stands for all classes.

    >>> net = Network.from_arrays([[[1.0], [0.0], [2.0]]], [[0.0, 0.0, 0.0]])
    >>> named_potentials(net, "log-odds:2"), len(named_potentials(net, "log-odds"))
    ([<log-odds of class 2, dim=1>], 3)
    """
    text = re.sub(r"\b(of|class|over)\b", " ", name.strip().lower().replace("_", "-"))
    kind, *numbers = re.split(r"[\s:,]+", text.replace("log ", "log-").replace("negative ", "negative-").strip(" :,"))
    kind = OTHER_NAMES.get(kind, kind)
    if kind not in MAKERS or not all(number.isdecimal() for number in numbers):
        close = difflib.get_close_matches(kind, MAKERS, 1, 0.5)
        hint = f"did you mean {close[0]}? " if close and close[0] != kind else ""
        raise InputError(f"potential: {printable(name, 60)!r} is not known; {hint}known: {FORMS}")
    count, make = MAKERS[kind]
    if count == 1 and not numbers:
        return [make(net, k) for k in range(net.n_classes)]
    if len(numbers) != count:
        raise InputError(f"potential: {kind} takes {count} class numbers, came {printable(name, 60)!r}; known: {FORMS}")
    return [make(net, *(int(number) for number in numbers))]


def _usual(net: Network, notes: list[str]) -> tuple[Potential, ...]:
    """All log-odds and, for three classes or more, the log-density before them."""
    found: list[Potential] = []
    if net.n_classes > 2:
        try:
            found.append(log_density(net))
        except InputError as error:
            notes.append(f"no log-density: {error}")
    return (*found, *(log_odds(net, k) for k in range(net.n_classes)))
