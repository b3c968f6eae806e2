"""New vertices on edges of the step's start, by two numbers instead of a matrix (§6).

On an edge from u_0 to u_1, on which neuron f takes both signs, the vertex is lambda_0 u_0 + lambda_1 u_1 with
lambda_1 = f_0 / (f_0 - f_1). For values f_0, f_1 with errors e_0, e_1 and s = |f_0 - f_1| > e_0 + e_1 = D the exact weights
differ from those of the doubles by

    |f_0* / (f_0* - f_1*) - f_0 / (f_0 - f_1)| = |delta_1 f_0 - delta_0 f_1| / (s |f_0* - f_1*|)
                                               <= (e_0 |f_1| + e_1 |f_0|) / (s (s - D)) <= d,

and a value a that is affine on the edge and known up to e_0, e_1 at its ends from lambda_0 a_0 + lambda_1 a_1 by at most
(|lambda_0| + d) e_0 + (|lambda_1| + d) e_1 + d |a_1 - a_0| and the rounding, because the exact weights add up to 1.
"""

from __future__ import annotations

import math

from separatrix.numerics.compilation import compiled_part_in_place
from separatrix.surface.arrangement.sign_kernels import FLOOR, ROOM

UNIT = 2.0**-53
LEAST, MOST = 1e-280, 1e280  # sizes of values whose products and quotients neither vanish nor overflow


@compiled_part_in_place
def edge_weights(f0, e0, f1, e1):
    """(lambda_0, lambda_1, d); d = inf where there is no bound. With D < s / 4 the weights lie between -1/4 and 5/4."""
    s, D = abs(f0 - f1), (e0 + e1) * ROOM
    if not (LEAST < s < MOST and 0.25 * s > D):
        return 0.0, 0.0, math.inf
    lam = f0 / (f0 - f1)
    d = (e0 * (abs(f1) / s) + e1 * (abs(f0) / s)) / (s - D) * ROOM
    return 1.0 - lam, lam, d + 8 * UNIT  # lambda_1 is off by less than 3 u by its own rounding, lambda_0 by 2 u more


@compiled_part_in_place
def along_edge(a0, e0, a1, e1, lam0, lam1, d):
    """(lambda_0 a_0 + lambda_1 a_1, bound of its error)."""
    p, q = lam0 * a0, lam1 * a1
    bound = (abs(lam0) + d) * e0 + (abs(lam1) + d) * e1 + d * abs(a1 - a0)
    return p + q, (bound + 2 * UNIT * abs(a0) + 4 * UNIT * (abs(p) + abs(q))) * ROOM + FLOOR


@compiled_part_in_place
def norm_along_edge(numbers, u0, u1, distance, lam0, lam1, d):
    """The same for the 2-norm of the values at u0 and u1: ``numbers`` hold their errors and sizes, |a_1 - a_0| <= distance."""
    L0, L1, size0, size1 = abs(lam0) + d, abs(lam1) + d, numbers[u0, 3], numbers[u1, 3]
    bound = L0 * numbers[u0, 2] + L1 * numbers[u1, 2] + d * distance
    return (bound + 2 * UNIT * size0 + 4 * UNIT * (L0 * size0 + L1 * size1)) * ROOM + FLOOR
