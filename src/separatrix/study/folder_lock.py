"""One process at a time in a folder: a lock that the system lets go when its holder ends, however it ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from separatrix.errors import InputError, printable

NAME = ".lock"


class FolderLock:
    """Held from its making to :meth:`release`. Raises InputError where another run holds it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        try:
            self._file = open(self.path, "a+b")  # noqa: SIM115 - held beyond this block
        except OSError as error:
            raise InputError(
                f"{printable(folder)}: cannot be written to: {printable(error.strerror or error)}"
            ) from None
        try:
            _lock(self._file.fileno())
        except OSError:
            self._file.seek(0)
            holder = self._file.read(40).decode("ascii", "replace").strip()
            self._file.close()
            raise InputError(
                f"{printable(folder)}: another run (process {printable(holder or 'unknown', 40)}) is at work in this folder; "
                "wait until it is done, or give another folder"
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()).encode())
        self._file.flush()

    def release(self) -> None:
        """Let others in."""
        self._file.close()


def _lock(descriptor: int) -> None:
    """OSError where somebody else has it."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, 64, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        return
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
