"""What the flow chapter asks about a question and about sinks: whether flows exist, what is proved, one line for people."""

from __future__ import annotations

import numpy as np

from separatrix.errors import InputError
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.piecewise_linear.creases import is_mixed
from separatrix.networks.bounds import predictions_proved
from separatrix.networks.network import Network
from separatrix.numerics.intervals import Interval
from separatrix.study.question import Question


def classes_are_proved(net: Network, sinks: CriticalPoints, sink_class: np.ndarray) -> bool:
    """Whether the network's prediction is proved at every sink: at all points within its proved error."""
    if not len(sinks) or not np.isfinite(sinks.error).all():
        return False
    reach = np.where(sinks.active == 0, sinks.error[:, None], 0.0)
    return bool(predictions_proved(net, Interval.around(sinks.points, reach), sink_class).all())


def in_short(*found: CriticalPoints) -> str:
    """What searches found, in one line.

    >>> in_short()
    '0 distinct from 0 starts'
    """
    count, proved = sum(len(sinks) for sinks in found), sum(sinks.n_proved for sinks in found)
    starts = sum(sinks.label.size for sinks in found)
    worth = "" if not count else ", all proved" if proved == count else f", {proved} proved"
    return f"{count} distinct from {starts:,} starts{worth}"


def flows_exist(question: Question) -> str:
    """Why the flows of a question cannot be followed in this version, or "" where they can."""
    try:
        for potential in question.potentials:
            GradientFlow(potential, question.domain)
    except InputError as error:
        if not is_mixed(question.net):
            raise
        return str(error)
    return ""
