"""What one hostile input may do: a typed error with one readable message, or an answer; and what it may not."""

import faulthandler
import os
import re
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from separatrix.errors import SeparatrixError

SECONDS, GROWTH = 10.0, 1 << 30
LONGEST = 2_500
RUNNING = (
    "pickle.find_class",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "socket.connect",
)
OURS = ("builtins.input", "open", *RUNNING)


class Watch:
    """Runs inputs one by one. ``folder``: the only place that an input may read; nothing may be written there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder.parent
        self.seen: list[str] = []
        self.is_on = False
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on or event not in OURS:
            return
        if event == "pickle.find_class" and _is_numba_reading():  # compiled code that was kept
            return
        if event in RUNNING:
            self.seen.append(f"{event} {arguments!r:.120}")
        elif event == "open" and isinstance(arguments[0], (str, bytes)):
            path, mode, flags = os.fsdecode(arguments[0]), arguments[1], arguments[2]
            writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(flags, int) else 0
            inside = os.path.abspath(path).startswith(f"{self.folder}{os.sep}")
            if (
                (writes or (isinstance(mode, str) and set(mode) & set("wax+")))
                and path != os.devnull
                and "__pycache__" not in path
            ):
                self.seen.append(f"writes {path}")
            elif os.path.abspath(path).startswith(f"{self.root}{os.sep}") and not inside:
                self.seen.append(f"reads {path}")

    def judge(self, name: str, call: Callable[[], Any]) -> tuple[str, str]:
        """("answer" or the error's kind, what is wrong or ""). ``name``: the file that a message has to name, or ""."""
        self.seen.clear()
        before, start = _listing(self.folder), _memory(reset=True)
        faulthandler.dump_traceback_later(SECONDS + 20, exit=True)
        begun, self.is_on = time.perf_counter(), True
        try:
            outcome, wrong = _outcome(name, call)
        finally:
            self.is_on = False
            faulthandler.cancel_dump_traceback_later()
        took, growth = time.perf_counter() - begun, _memory() - start
        wrong += [f"took {took:.1f} s"] if took > SECONDS else []
        wrong += [f"grew by {growth / 1e6:.0f} MB"] if growth > GROWTH else []
        wrong += self.seen[:3]
        wrong += ["changed its folder"] if _listing(self.folder) != before else []
        return outcome, "; ".join(wrong)


def _is_numba_reading() -> bool:
    """Whether numba unpickles, not we."""
    frame = sys._getframe(2)
    while frame is not None and f"separatrix{os.sep}" not in frame.f_code.co_filename:
        if f"{os.sep}numba{os.sep}core{os.sep}caching" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


def _outcome(name: str, call: Callable[[], Any]) -> tuple[str, list[str]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except SeparatrixError as error:
        return type(error).__name__, faults_of(str(error), name)
    except BaseException as error:  # noqa: BLE001 - whatever else comes is what is sought
        frames = traceback.extract_tb(error.__traceback__)[1:4]
        places = " < ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in reversed(frames))
        return "untyped", [f"untyped {type(error).__name__} at {places}: {error!s:.300}"]
    return "answer", []


def faults_of(message: str, name: str) -> list[str]:
    """What is wrong with a message: control characters, a dump, no name of the file."""
    faults = [] if message and message.isprintable() else [f"unreadable message {message!r:.200}"]
    faults += ["message is a dump"] * (len(message) > LONGEST or bool(re.search(r"Traceback|0x[0-9a-f]{9}", message)))
    return faults + [f"does not name the file: {message:.200}"] * bool(name and name not in message)


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((path.name, path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.iterdir())


def _memory(reset: bool = False) -> int:
    """Resident bytes now (``reset``), else their highest number since; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    text = status.read_text()
    found = re.search(rf"Vm{'RSS' if reset else 'HWM'}:\s+(\d+) kB", text)
    return int(found[1]) * 1024 if found else 0
