"""The 5(4) pair of C. Tsitouras, Comput. Math. Appl. 62 (2011) 770-775: six evaluations a step, the last one the next's first.

Its error at the same cost is about half that of Dormand and Prince. Step lengths are chosen by the last two errors
(K. Gustafsson, ACM Trans. Math. Softw. 17 (1991)), the first one as in E. Hairer, S. P. Nørsett, G. Wanner, Solving
Ordinary Differential Equations I, II.4, but by the rate at which x' changes.
"""

from __future__ import annotations

import numpy as np

STAGES = (
    np.array([0.161]),
    np.array([-0.008480655492356989, 0.335480655492357]),
    np.array([2.8971530571054935, -6.359448489975075, 4.3622954328695815]),
    np.array([5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525]),
    np.array([5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383]),
    np.array([0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774]),
)
ERROR = np.array(
    [
        -0.00178001105222577714,
        -0.0008164344596567469,
        0.007880878010261995,
        -0.1447110071732629,
        0.5823571654525552,
        -0.45808210592918697,
        0.015151515151515152,
    ]
)
EVALUATIONS = 6
SAFETY, LEAST, MOST = 0.9, 0.2, 10.0
PROPORTIONAL, INTEGRAL = 0.04, 0.17
REFUSED = 1e10
CONSTANT = 5e-2


def next_length(h: np.ndarray, size: np.ndarray, before: np.ndarray, refused: np.ndarray) -> np.ndarray:
    """Step lengths for the next try; ``size``: error over tolerance, ``before``: that of the last accepted step, ``refused``:
    whether the last try failed, after which a step does not grow."""
    ratio = np.maximum(size, 1e-10)
    factor = np.where(size <= 1.0, SAFETY * ratio**-INTEGRAL * before**PROPORTIONAL, SAFETY * ratio**-0.2)
    return h * np.clip(factor, LEAST, np.where(refused, 1.0, MOST))


def trial_length(distance: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """The Euler step that probes the field, from |x| and |x'| over tolerance."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((distance < 1e-5) | ~(speed > 1e-5), 1e-6, 0.01 * distance / speed)


def first_length(trial: np.ndarray, speed: np.ndarray, bend: np.ndarray) -> np.ndarray:
    """The first step from |x'| and the change of x' over the step ``trial``, both over tolerance.

    Where x' changes at the rate lam = |bend| / (trial |x'|), the error of a step is about |x'| / lam (lam h)^5 times a
    constant, which is taken as CONSTANT; the step is at most a hundred trials.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = bend / (trial * speed)
        length = (rate / (CONSTANT * speed)) ** 0.2 / rate
    return np.where(length > 0.0, np.fmin(100.0 * trial, length), 100.0 * trial)
