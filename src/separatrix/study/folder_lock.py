"""One process at a time in a folder: a lock that the system lets go when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

from separatrix.errors import InputError, printable

NAME = ".lock"
TRIES = 100


class FolderLock:
    """Held from its making, which makes the folder where it is absent, to :meth:`release`.

    Raises InputError where another run holds it, and where no such folder can be made or written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / NAME
        for _ in range(TRIES):
            if self._take():
                return
        raise InputError(f"{printable(folder)}: is made and removed by others all the time; give another folder")

    def _take(self) -> bool:
        """False where the holder before removed the file, or the folder, while we opened it."""
        name = printable(self.folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            if isinstance(error, FileExistsError) and _comes_and_goes(self.folder):
                return False
            raise InputError(
                f"{name}: no folder for finished pieces can be made there: "
                f"{printable(getattr(error, 'strerror', None) or error)}"
            ) from error
        try:
            self._file = open(self.path, "a+b")  # noqa: SIM115 - held beyond this block
        except FileNotFoundError:
            return False
        except OSError as error:
            raise InputError(f"{name}: cannot be written to: {printable(error.strerror or error)}") from None
        try:
            _lock(self._file.fileno())
        except OSError:
            self._file.seek(0)
            holder = self._file.read(40).decode("ascii", "replace").strip()
            self._file.close()
            raise InputError(
                f"{name}: another run (process {printable(holder or 'unknown', 40)}) is at work in this folder; "
                "wait until it is done, or give another folder"
            ) from None
        if not self._is_in_place():
            self._file.close()
            return False
        self._file.truncate(0)
        self._file.write(str(os.getpid()).encode())
        self._file.flush()
        return True

    def _is_in_place(self) -> bool:
        """Whether what is locked is what others find: a removed file can be locked, and keeps nobody out."""
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), os.stat(self.path))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let others in. A folder that holds nothing but the lock is removed, while the lock is still ours."""
        with contextlib.suppress(OSError):
            if [path.name for path in self.folder.iterdir()] == [NAME]:
                if sys.platform == "win32":
                    self._file.close()  # open files are not removed there, so nobody else's is, either
                self.path.unlink()
                self.folder.rmdir()
        self._file.close()


def _comes_and_goes(folder: Path) -> bool:
    """Whether what stood in the place of a folder a moment ago is nothing now, or a folder."""
    try:
        return stat.S_ISDIR(os.lstat(folder).st_mode)
    except FileNotFoundError:
        return True


def _lock(descriptor: int) -> None:
    """OSError where somebody else has it."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, 64, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        return
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
