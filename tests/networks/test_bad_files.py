"""Files that are torn, hostile, empty or pickled: typed errors, quickly, with nothing run and nothing written."""

import contextlib
import io
import json
import os
import pickle
import struct
import zipfile

import joblib
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import separatrix as sx
from separatrix.errors import InputError, UnreadableFileError, UnsupportedLayerError
from separatrix.networks import array_files

ARRAYS = {"W0": np.ones((3, 2)), "b0": np.zeros(3), "W1": np.ones((2, 3)), "b1": np.zeros(2)}


class Bomb:
    """Unpickling it would create a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def npy(header, body=b"", version=b"\x01\x00"):
    """An .npy member with a header of our own."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + body


def zipped(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


def refused(path, match, error=UnreadableFileError, **options):
    with pytest.raises(error, match=match) as caught:
        sx.load(path, activation="relu", **options)
    message = str(caught.value)
    assert len(message) < 5000 and message.isprintable()
    assert isinstance(caught.value, sx.SeparatrixError) and isinstance(caught.value, (OSError, ValueError))
    return message


@pytest.mark.parametrize("suffix", ["npz", "safetensors", "dat", ""])
def test_empty_and_meaningless_files(tmp_path, suffix):
    path = tmp_path / f"net.{suffix}"
    path.write_bytes(b"")
    refused(path, "is empty")
    path.write_bytes(b"hello, this is no network at all")
    refused(path, "net")


def test_missing_folder_pipe_and_odd_paths(tmp_path):
    refused(tmp_path / "no.npz", "there is no such file")
    refused(tmp_path, "is a folder")
    refused("", "empty")
    refused("a\0b.npz", "cannot be opened")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.npz")
        refused(tmp_path / "pipe.npz", "no regular file")


def test_a_link_is_followed(tmp_path):
    np.savez(tmp_path / "net.npz", **ARRAYS)
    try:
        (tmp_path / "link.npz").symlink_to(tmp_path / "net.npz")
    except OSError:
        pytest.skip("no links here")
    assert sx.load(tmp_path / "link.npz", activation="relu").architecture == "2-3-2"


@pytest.mark.parametrize("save", ["npz", "compressed", "safetensors"])
def test_every_truncation_is_refused(tmp_path, save):
    whole, torn = tmp_path / "whole", tmp_path / ("torn.safetensors" if save == "safetensors" else "torn.npz")
    with open(whole, "wb") as file:
        if save == "npz":
            np.savez(file, **ARRAYS)
        elif save == "compressed":
            np.savez_compressed(file, **ARRAYS)
        else:
            file.close()
            save_file(ARRAYS, whole)
    content = whole.read_bytes()
    for length in range(1, len(content), 7):
        torn.write_bytes(content[:length])
        refused(torn, "torn")


@pytest.mark.filterwarnings("ignore::separatrix.errors.ReadingWarning")
def test_flipped_bytes_never_raise_anything_untyped(tmp_path):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **ARRAYS)
    content, rng = buffer.getvalue(), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] = rng.integers(0, 256)
        (tmp_path / "net.npz").write_bytes(damaged)
        with contextlib.suppress(sx.SeparatrixError):
            sx.load(tmp_path / "net.npz", activation="relu")


def test_a_header_that_promises_too_much_is_refused_before_memory_is_taken(tmp_path):
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000), }"
    zipped(tmp_path / "net.npz", W0=npy(header, b"\0" * 64), b0=npy(header))
    refused(tmp_path / "net.npz", "net.npz: W0: torn or damaged: the header promises")


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-2, 2), }",
        "{'descr': 'boom', 'fortran_order': False, 'shape': (2, 2), }",
        "[1, 2",
        "{'shape': (2, 2)}",
        "__import__('os').system('true')",
        "(" * 5000,
        "{'descr': '<f8', 'fortran_order': 3, 'shape': 'x'}",
    ],
)
def test_hostile_array_headers(tmp_path, header):
    zipped(tmp_path / "net.npz", W0=npy(header), b0=npy(header))
    refused(tmp_path / "net.npz", "W0", (UnreadableFileError, UnsupportedLayerError))


def test_an_array_that_unpacks_to_gigabytes_is_refused(tmp_path):
    n = 300 << 20
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({n // 8}, 1), }}"
    with (
        zipfile.ZipFile(tmp_path / "net.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("W0.npy", "w", force_zip64=True) as member,
    ):
        member.write(npy(header))
        for _ in range(300):
            member.write(bytes(1 << 20))
    refused(tmp_path / "net.npz", "W0: unpacks from .* refused as too large")


def test_many_arrays_of_bytes_and_long_headers(tmp_path, monkeypatch):
    """Together 16 times the numbers that the file has bytes, though each array has few; a header that numpy would not read."""
    monkeypatch.setattr(array_files, "TOGETHER_BYTES", 1 << 20)
    arrays = {f"W{k}": np.zeros((100, 100), np.uint8) for k in range(20)}
    np.savez_compressed(tmp_path / "net.npz", **arrays)
    with pytest.raises(UnreadableFileError, match=r"would become \d+ numbers in float64; refused as too large"):
        sx.load(tmp_path / "net.npz", activation="relu")
    zipped(
        tmp_path / "net.npz", W0=npy("{" + " " * 20_000 + "'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }")
    )
    refused(tmp_path / "net.npz", "its header has 200[0-9]+ bytes, expected at most 10000")


def test_duplicate_members_and_archives_without_arrays(tmp_path):
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as file:
        file.writestr("W0.npy", b"x")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("W0.npy", b"y")
    refused(tmp_path / "net.npz", "W0 twice")
    with zipfile.ZipFile(tmp_path / "none.npz", "w") as file:
        file.writestr("readme.txt", b"x")
    refused(tmp_path / "none.npz", "no arrays")
    np.savez(tmp_path / "other.npz", x=np.ones(3), y=np.ones(3))
    refused(tmp_path / "other.npz", "holds no layers; expected W0", InputError)
    np.save(tmp_path / "one.npy", np.ones(3))
    refused(tmp_path / "one.npy", "not known")
    os.replace(tmp_path / "one.npy", tmp_path / "one.npz")
    refused(tmp_path / "one.npz", "is one array")


@pytest.mark.parametrize("header_size", [0, 2, 1 << 20, 1 << 62, (1 << 64) - 1])
def test_safetensors_with_absurd_headers(tmp_path, header_size):
    (tmp_path / "net.safetensors").write_bytes(struct.pack("<Q", header_size) + b'{"W0":{"dtype":"F64"}}')
    refused(tmp_path / "net.safetensors", "torn")


def test_safetensors_with_overlapping_or_outside_data(tmp_path):
    for end in (16, 64):
        entries = {
            "W0": {"dtype": "F64", "shape": [1, 2], "data_offsets": [0, end]},
            "b0": {"dtype": "F64", "shape": [1], "data_offsets": [8, 16]},
        }
        header = json.dumps(entries).encode()
        (tmp_path / "net.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
        refused(tmp_path / "net.safetensors", "torn")


def test_pickles_are_not_run_unless_asked_for_in_words(tmp_path):
    mark = tmp_path / "mark"
    for name in ("net.pt", "net.pth", "net.pkl", "net.joblib", "net.ckpt"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb(mark)))
        message = refused(tmp_path / name, "allow_pickle=True")
        assert "torch.load" in message
    np.savez(tmp_path / "net.npz", W0=np.array([Bomb(mark)], dtype=object), b0=np.zeros(1))
    refused(tmp_path / "net.npz", "W0: is an array of objects")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "renamed.npz")
    refused(tmp_path / "renamed.npz", "torch.save.*allow_pickle=True")
    assert not mark.exists()


def test_pickles_that_are_asked_for(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    x = np.random.default_rng(0).standard_normal((5, 2))
    with torch.no_grad():
        own = model(torch.from_numpy(x).float()).numpy()
    torch.save(model, tmp_path / "model.pt")
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, tmp_path / "state.pt")
    joblib.dump(model, tmp_path / "model.joblib")
    for name in ("model.pt", "state.pt", "model.joblib"):
        net = sx.load(tmp_path / name, activation="relu", allow_pickle=True)
        np.testing.assert_allclose(net.logits(x), own, atol=1e-6)
    np.savez(tmp_path / "net.npz", W0=np.array([[1, 2.0]], dtype=object), b0=np.zeros(1))
    assert sx.load(tmp_path / "net.npz", allow_pickle=True).n_inputs == 2
    (tmp_path / "torn.pt").write_bytes(b"PK\x03\x04")
    refused(tmp_path / "torn.pt", "cannot be unpickled", allow_pickle=True)
    (tmp_path / "torn.pkl").write_bytes(b"\x80\x04")
    refused(tmp_path / "torn.pkl", "cannot be unpickled", allow_pickle=True)


def test_formats_that_are_not_read_yet(tmp_path):
    (tmp_path / "net.pt2").write_bytes(b"\x08\x07")
    refused(tmp_path / "net.pt2", "PT2 file holds pickles.*torch.export.load", UnsupportedLayerError)


def test_control_characters_and_hundreds_of_keys_stay_out_of_messages(tmp_path):
    evil = "\x1b[2J\r\n\u202e"
    np.savez(tmp_path / "net.npz", **ARRAYS, **{f"{evil}{i}.weight": np.ones((2, 2, 2, 2)) for i in range(600)})
    message = refused(tmp_path / "net.npz", "600 keys look like layers", UnsupportedLayerError)
    assert "\\x1b" in message and "and 588 more" in message
    save_file(ARRAYS, tmp_path / "a.safetensors", metadata={"activation": evil * 1000, "slope": evil})
    refused(tmp_path / "a.safetensors", "slope", InputError)
    save_file(ARRAYS, tmp_path / "b.safetensors", metadata={"activation": evil * 1000})
    with pytest.raises(InputError, match="unknown activation") as caught:
        sx.load(tmp_path / "b.safetensors")
    assert len(str(caught.value)) < 5000 and str(caught.value).isprintable()


def test_reading_writes_nothing(tmp_path):
    np.savez(tmp_path / "net.npz", **ARRAYS)
    before = (tmp_path / "net.npz").read_bytes()
    sx.load(tmp_path / "net.npz", activation="relu")
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"] and (tmp_path / "net.npz").read_bytes() == before
