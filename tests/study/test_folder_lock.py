"""One process at a time in a folder that every one of them removes when it is done."""

import os
from pathlib import Path

import pytest

from separatrix.errors import InputError
from separatrix.study import folder_lock
from separatrix.study.folder_lock import FolderLock
from separatrix.study.pieces import Pieces

PROCESSES, TURNS = 3, 20


def work(folder: Path, inside: Path) -> None:
    done = 0
    while done < TURNS:
        store = Pieces(folder)
        try:
            with store.held({"seed": "0"}):
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # an error where another one is in
                (folder / "a.piece.npz").write_bytes(b"whole")
                assert (folder / "a.piece.npz").read_bytes() == b"whole" and (folder / "plan.json").exists()
                store.clear()
                inside.unlink()
                done += 1
        except InputError as error:
            if "another run" not in str(error):
                raise


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_no_two_are_in_a_folder_that_comes_and_goes(tmp_path: Path) -> None:
    children = []
    for _ in range(PROCESSES):
        child = os.fork()
        if child == 0:
            try:
                work(tmp_path / "pieces", tmp_path / "inside")
                os._exit(0)
            except BaseException:  # noqa: BLE001 - the child must not run the tests that follow
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * PROCESSES
    assert not list(tmp_path.iterdir())


def test_a_lock_that_was_removed_while_it_was_opened_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, real, tries = tmp_path / "pieces", folder_lock._lock, []

    def late(descriptor: int) -> None:
        tries.append(descriptor)
        if len(tries) == 1:  # the holder before is done just now, and removes its folder
            (folder / ".lock").unlink()
            folder.rmdir()
        real(descriptor)

    monkeypatch.setattr(folder_lock, "_lock", late)
    held = FolderLock(folder)
    assert len(tries) == 2
    with pytest.raises(InputError, match=rf"another run \(process {os.getpid()}\)"):
        FolderLock(folder)
    held.release()
    assert not folder.exists()


def test_nothing_is_cleared_under_a_run_that_is_at_work(tmp_path: Path) -> None:
    (tmp_path / "a.piece.npz").write_bytes(b"whole")
    store = Pieces(tmp_path)
    with store.locked():
        with pytest.raises(InputError, match="another run"):
            Pieces(tmp_path).clear()
        assert (tmp_path / "a.piece.npz").exists()
        store.clear()
        with pytest.raises(InputError, match="another run"), Pieces(tmp_path).held({}):
            pass
    assert not tmp_path.exists()
