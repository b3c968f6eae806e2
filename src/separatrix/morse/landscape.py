"""The landscape of a potential: sinks, saddles between them, their branches, round after round until nothing new comes (§3).

A round seeks index-1 saddles between pairs of sinks and near new ones, follows both unstable branches of those that are
new, and adds the sinks that they meet; then come the pairs of new sinks. When no sink is new, the joins of the tree that
may be too low are tried again from other starts, until that moves none. Nothing here shows that a list is complete.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError, KindError, printable
from separatrix.flow.critical_points import CriticalPoints, chosen, joined
from separatrix.flow.engines import Smooth
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.judged_points import JudgedPoint
from separatrix.flow.pieces import Progress, require_progress
from separatrix.morse.branches import trace_branches
from separatrix.morse.certified_branches import with_proofs
from separatrix.morse.confidence_landscape import confidence_landscape, is_confidence
from separatrix.morse.connection_record import Connections
from separatrix.morse.landscape_record import Landscape, Round
from separatrix.morse.matching import combined, of_index, rows_in
from separatrix.morse.merge_tree import MergeTree, class_tree
from separatrix.morse.pairs import Pair, doubtful_pairs, first_pairs, missed_pairs
from separatrix.morse.saddle_rounds import mixed_pairs, saddles_between
from separatrix.numerics.generators import generator_of
from separatrix.records import Provenance

MOST_PAIRS = 1000
ROUNDS, RETRIES = 6, 3
Keep = Callable[[str, Callable[[], Any]], Any]


def made_anew(_name: str, make: Callable[[], Any]) -> Any:
    """The hook that keeps nothing: every part is made."""
    return make()


def landscape(
    flow: GradientFlow,
    starts: Any = None,
    rng: Any = 0,
    *,
    sinks: CriticalPoints | None = None,
    previous: Landscape | None = None,
    rounds: int = ROUNDS,
    retries: int = RETRIES,
    max_pairs: int = MOST_PAIRS,
    workers: int | None = None,
    progress: Progress | None = None,
    keep: Keep = made_anew,
) -> Landscape:
    """Sinks, the saddles of index 1 found between them, their branches, and the tree of classes.

    Sinks are sought from ``starts`` (n, dim) as by :meth:`GradientFlow.sinks`, or ``sinks`` are known already. Then at most
    ``rounds`` rounds of pairs of sinks and ``retries`` of doubtful joins; among more than ``max_pairs`` pairs nearest
    neighbours and the classes' highest sinks are chosen. ``previous``: an earlier landscape of this flow, whose saddles and
    branches are kept and whose sinks are joined to ``sinks``; only pairs that were not searched are. ``workers``:
    processes, which change no answer. ``keep(name, make)`` gives ``make()`` or what it gave earlier under that name, for runs
    that are taken up again. The passes of a network's confidence are ties of two classes: they are sought as such.

    Raises InputError for piecewise linear networks and for sinks of another dimension, KindError for what is no list of
    critical points or no landscape.
    """
    begun = time.perf_counter()
    _check(flow, sinks, previous)
    require_progress(progress, "landscape")
    for name, number in (("rounds", rounds), ("retries", retries), ("max_pairs", max_pairs)):
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 0:
            raise InputError(f"landscape: {name} must be an integer from 0 up, came {printable(repr(number))}")
    options = {"workers": workers, "progress": progress}
    if sinks is None and previous is None:
        sinks = keep("sinks", lambda: flow.sinks(starts, rng, **options))
    if is_confidence(flow.potential):
        return confidence_landscape(flow, _all_sinks(sinks, previous), str(rng), **options)
    search = _Rounds(flow, _all_sinks(sinks, previous), rng, options, keep)
    if previous is not None:
        search.go_on_from(previous)
    search.note("sinks", time.perf_counter() - begun, new_sinks=len(search.sinks) - search.n_known)
    for _ in range(rounds):
        pairs, left_out = search.open_pairs(max_pairs)
        if not pairs and not search.has_new_sinks:
            break
        search.seek("pairs", pairs, 0, left_out)
    for turn in range(retries):
        pairs = search.doubtful()
        if not pairs:
            break
        search.seek("retries", pairs, turn + 1, 0)
        new, left_out = search.open_pairs(max_pairs)
        if search.has_new_sinks:
            search.seek("pairs", new, 0, left_out)
    return search.record(str(rng), time.perf_counter() - begun)


def _check(flow: GradientFlow, sinks: Any, previous: Any) -> None:
    """Raise where a landscape cannot be sought, or not from these."""
    if not isinstance(flow, GradientFlow):
        raise KindError(f"landscape: expected a GradientFlow, came {type(flow).__name__}")
    if not isinstance(flow.engine, Smooth):
        raise InputError(
            f"landscape: the gradient of the {flow.potential.name} jumps along creases, where no saddle is smooth; use a smooth "
            "network or potential"
        )
    if sinks is not None and not isinstance(sinks, CriticalPoints):
        raise KindError(f"landscape: sinks must be CriticalPoints, came {type(sinks).__name__}")
    if sinks is not None and sinks.points.shape[1] != flow.potential.dim:
        raise InputError(f"landscape: the sinks have dimension {sinks.points.shape[1]}, the flow {flow.potential.dim}")
    if previous is not None and not isinstance(previous, Landscape):
        raise KindError(f"landscape: previous must be a Landscape, came {type(previous).__name__}")
    if previous is not None and previous.sinks.points.shape[1] != flow.potential.dim:
        raise InputError("landscape: the earlier landscape is of another dimension; give one of this flow")


def _all_sinks(sinks: CriticalPoints | None, previous: Landscape | None) -> CriticalPoints:
    """The sinks to begin with: those given, then those of the earlier landscape that are not among them."""
    if previous is None:
        assert sinks is not None
        return of_index(sinks, 0)
    return previous.sinks if sinks is None else joined(of_index(sinks, 0), previous.sinks)


class _Rounds:
    """What is known so far, and the rounds that added to it."""

    def __init__(
        self, flow: GradientFlow, sinks: CriticalPoints, rng: Any, options: dict[str, Any], keep: Keep
    ) -> None:
        self.flow, self.sinks, self.options, self.keep = flow, sinks, options, keep
        self.seeds = generator_of(rng)
        self.saddles: CriticalPoints = chosen(sinks, np.zeros(0, dtype=np.int64))
        self.parts: list[Connections] = []
        self.known: list[JudgedPoint] = []
        self.tried: set[Pair] = set()
        self.rounds: list[Round] = []
        self.tree = self.before = self._tree(self._connections())
        self.is_new, self.n_known, self.n_about = True, 0, 0

    def go_on_from(self, previous: Landscape) -> None:
        """Take over the saddles and branches of an earlier landscape; pairs of its sinks count as searched."""
        place = rows_in(self.sinks, previous.sinks)
        pairs = ((int(place[i]), int(place[j])) for i, j in previous.searched)
        self.tried = {(min(pair), max(pair)) for pair in pairs}
        self.saddles, self.parts, self.n_known = previous.saddles, [previous.connections], int((place >= 0).sum())
        self.tree = self.before = self._tree(self._connections())
        self.is_new, self.n_about = False, self.n_known

    @property
    def has_new_sinks(self) -> bool:
        """Whether there are sinks near which no saddle was sought yet."""
        return self.n_about < len(self.sinks)

    def note(self, kind: str, seconds: float, **counts: int) -> None:
        """Write a round down."""
        self.rounds.append(Round(kind, n_groups=len(self.tree.groups), seconds=seconds, **counts))

    def open_pairs(self, most: int) -> tuple[list[Pair], int]:
        """(pairs of sinks that were not searched yet, how many are left out)."""
        pairs, left_out = first_pairs(self.sinks, self.tree.sink_class, most)
        return [pair for pair in pairs if pair not in self.tried], left_out

    def doubtful(self) -> list[Pair]:
        """Pairs across doubtful joins, of the whole tree at first, then of what the last retries moved; and pairs between which
        a straight path is higher than every pass known."""
        before, self.before = self.before, self.tree
        missed = missed_pairs(self.tree, self.flow.arena.potential)
        return sorted({*doubtful_pairs(self.tree, None if self.is_new else before), *missed})

    def seek(self, kind: str, pairs: list[Pair], attempt: int, left_out: int) -> None:
        """One round: saddles between ``pairs``, their branches, the sinks that these meet."""
        begun, number, seed = time.perf_counter(), len(self.rounds), int(self.seeds.integers(2**63))
        n_sinks, tree = len(self.sinks), self.tree
        about = range(self.n_about, n_sinks) if kind == "pairs" else self._apart()
        self.n_about = n_sinks if kind == "pairs" else self.n_about
        unmixed = mixed_pairs(self.flow, self.sinks, pairs)[1]
        found = self.keep(
            f"saddles of round {number}",
            lambda: saddles_between(
                self.flow, self.sinks, pairs, self.known, about=about, attempt=attempt, seed=seed, **self.options
            ),
        )
        self.tried.update(pairs)
        longer = joined(self.saddles, found) if len(self.saddles) else found
        fresh = chosen(longer, np.arange(len(self.saddles), len(longer)))
        if len(fresh):
            part = self.keep(
                f"branches of round {number}", lambda: trace_branches(self.flow, self.sinks, fresh, **self.options)
            )
            self.parts.append(part)
            self.sinks = _with_new(self.sinks, of_index(part.points, 0))
        self.saddles = longer
        self.tree = self._tree(self._connections())
        old = {(join.value, join.left, join.right) for join in tree.joins}
        moved = sum((join.value, join.left, join.right) not in old for join in self.tree.joins)
        if kind == "retries":
            self.is_new = False
        self.note(
            kind,
            time.perf_counter() - begun,
            n_pairs=len(pairs),
            n_left_out=left_out,
            n_unmixed=0 if attempt else unmixed,
            n_about=len(about),
            new_saddles=len(fresh),
            new_sinks=len(self.sinks) - n_sinks,
            moved_joins=moved,
        )

    def _apart(self) -> list[int]:
        """The sinks of all groups that are not joined but the largest."""
        groups = sorted(self.tree.groups, key=len)
        return sorted(row for group in groups[:-1] for row in group)

    def _tree(self, connections: Connections) -> MergeTree:
        return class_tree(self.flow, self.sinks, self.saddles, connections)

    def _connections(self) -> Connections:
        nothing = Connections(points=self.sinks, orbits=(), potential=self.flow.potential.name, domain=self.flow.domain)
        return combined(self.sinks, self.saddles, self.parts or [nothing])

    def record(self, seed: str, seconds: float) -> Landscape:
        """The landscape, saddles by falling value."""
        self.saddles = chosen(self.saddles, np.argsort(-self.saddles.values, kind="stable"))
        connections = with_proofs(self.flow, self._connections())
        tree = self._tree(connections)
        left_out = max((turn.n_left_out for turn in self.rounds), default=0)
        notes = (f"{left_out} pairs of sinks were left out, because they are too many",) if left_out else ()
        unmixed = sum(turn.n_unmixed for turn in self.rounds)
        if unmixed:
            notes += (
                f"between {unmixed} pairs of sinks of two classes no saddle was sought from the mixture of these",
            )
        return Landscape(
            sinks=self.sinks,
            saddles=self.saddles,
            connections=dataclasses.replace(connections, boundary=self.flow.boundary),
            tree=tree,
            rounds=tuple(self.rounds),
            missing=tree.missing,
            notes=notes,
            searched=np.array(sorted(self.tried), dtype=np.int64).reshape(-1, 2),
            domain=self.flow.domain,
            certainty=Certainty.weakest((tree.certainty, connections.certainty)),
            provenance=Provenance(
                "sinks, index-1 saddles between pairs, branches, in rounds; retries of doubtful joins",
                seed=seed,
                seconds=seconds,
            ),
        )


def _with_new(sinks: CriticalPoints, more: CriticalPoints) -> CriticalPoints:
    """``sinks`` with those of ``more`` appended that are not among them; labels stay those of ``sinks``."""
    return joined(sinks, more) if len(sinks) else more
