"""Vertices taken away from a set without changing its homotopy type, compiled."""

from __future__ import annotations

from separatrix.numerics.compilation import compiled_in_place


@compiled_in_place
def thin(present, is_simple, offsets, queue):
    """Take away vertices whose neighbours in the set, as bits, are marked in ``is_simple``, layer by layer from outside.

    ``present`` (n,): 1 in the set, 0 elsewhere and along the edge of the array, left so; ``queue``: room for all of them.
    """
    count, head = 0, 0
    for v in range(present.size):
        if present[v] == 1:
            queue[count] = v
            present[v] = 2  # waits
            count += 1
    while count > 0:
        v = queue[head]
        head = (head + 1) % queue.size
        count -= 1
        present[v] = 1
        around = 0
        for k in range(offsets.size):
            if present[v + offsets[k]] > 0:
                around |= 1 << k
        if is_simple[around] == 0:
            continue
        present[v] = 0
        for k in range(offsets.size):
            w = v + offsets[k]
            if present[w] == 1:
                queue[(head + count) % queue.size] = w
                present[w] = 2
                count += 1
    return count
