"""Work for other processes, one of which is killed in the middle of it."""

import contextlib
import os
import signal
import time
from typing import Any


def slow_square(x: int, mark: str) -> int:
    """x squared; whoever finds no file at ``mark`` makes it and is killed."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return x * x


def own_process(x: int) -> int:
    """The number of the process that is asked, after a while."""
    time.sleep(0.05)
    return os.getpid()


def layers_here() -> int:
    """How many layers that process was given."""
    from separatrix.flow import parcels

    return len(parcels._given)


def layers_read(potential: Any) -> tuple[int, int, int]:
    """The process that is asked, how many layers it read from files, and a number of the first in ``potential``."""
    from separatrix.flow import parcels

    time.sleep(0.02)
    return os.getpid(), len(parcels._read), id(potential.net.affine_layers[0])
