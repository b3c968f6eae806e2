"""Work for other processes, one of which is killed in the middle of it."""

import contextlib
import os
import signal
import time


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
