"""The log-odds of a class, log p_k / (1 - p_k) (§2, (2.1), (2.2))."""

from __future__ import annotations

import numpy as np

from separatrix.errors import InputError, printable
from separatrix.networks.network import Network
from separatrix.potentials.head import NetworkPotential, classifier
from separatrix.potentials.log_density import LogSumExp


def class_number(net: Network, k: object) -> int:
    """``k`` as a class of ``net``, or InputError."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 0 <= k < classifier(net).n_classes:
        raise InputError(f"expected a class number from 0 to {net.n_classes - 1}, came {printable(repr(k), 60)}")
    return int(k)


def differences(net: Network, k: int) -> np.ndarray:
    """The rows e_j - e_k for j != k, (n_classes - 1, n_classes)."""
    eye = np.eye(net.n_classes)
    return np.delete(eye - eye[k], k, axis=0)


def log_odds(net: Network, k: int) -> NetworkPotential:
    """l_k(x) = z_k - log sum_{j != k} exp z_j = log p_k / (1 - p_k).

    Its flow has the orbits and equilibria of the flow of p_k, and does not vanish to rounding where the network is sure.

    >>> net = Network.from_arrays([[[1.0], [0.0]]], [[0.0, 0.0]])
    >>> log_odds(net, 0).value([[2.0]]).tolist()
    [2.0]
    """
    k = class_number(net, k)
    return NetworkPotential(net, LogSumExp(-1.0), differences(net, k), f"log-odds of class {k}")
