"""The elder rule: components that appear and join as the vertices of a graph come one after the other (§10)."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray


def join(order: Array, kept: Array, targets: Array, parent: Array, age: Array, pairs: Array) -> Any:
    """Fill ``pairs`` (n, 3) with (root of the younger component, vertex that joins it, root of the older one); their number.

    ``order`` (n,): the vertices that do not just continue one component, as they come; ``kept`` (n, m): whether neighbour
    ``targets`` (n, m) is asked; ``parent``: a neighbour of each other vertex that came before it, itself for roots;
    ``age``: when the roots came. Kept simple: it is compiled where there are many.
    """
    count = 0
    for t in range(order.shape[0]):
        p, best = order[t], -1
        for k in range(kept.shape[1]):
            if kept[t, k] == 0:
                continue
            r = targets[t, k]
            while parent[r] != r:
                parent[r] = parent[parent[r]]
                r = parent[r]
            if best < 0:
                best = r
            elif r != best:
                younger, older = r, best
                if age[r] < age[best]:
                    younger, older = best, r
                pairs[count, 0], pairs[count, 1], pairs[count, 2] = younger, p, older
                count += 1
                parent[younger] = older
                best = older
        parent[p] = p if best < 0 else best
    return count
