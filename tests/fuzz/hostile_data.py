"""Hostile files of points and complexes, and hostile records of studies."""

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np

from tests.fuzz.hostile_bytes import JSON, SIDES, TOKENS, Files, Rng, changed, hostile_npy, hostile_zip, npy_bytes
from tests.networks.onnx.mutations import damaged_bytes


def points_npy(rng: Rng) -> Files:
    """Points as one array."""
    return {"data.npy": hostile_npy(np.random.default_rng(0).random((6, 2)), rng)}


def points_npz(rng: Rng) -> Files:
    """Points with labels."""
    x, y = np.random.default_rng(0).random((6, 2)), np.arange(6) % 2
    members = [("x.npy", hostile_npy(x, rng) if rng.random() < 0.5 else npy_bytes(x))]
    odd = rng.choice((y, y - 1, y + 7, y + 0.5, y.astype("f4"), y[:3], y[:, None], y.astype("U1"), y * 2**60, y > 0))
    members.append(("y.npy", npy_bytes(odd) if rng.random() < 0.7 else hostile_npy(y, rng)))
    return {"data.npz": hostile_zip(members, rng)}


def points_csv(rng: Rng) -> Files:
    """Points as a table."""
    lines = [["a", "b", "label"], *[[f"{i / 7:.3f}", f"{1 - i / 9:.3f}", str(i % 2)] for i in range(5)]]
    for _ in range(rng.choice((1, 1, 2, 4))):
        row = rng.choice(lines)
        kind = rng.randrange(4)
        if kind < 2:
            row[rng.randrange(len(row))] = rng.choice(TOKENS)
        elif kind == 2 and len(row) > 1:
            del row[rng.randrange(len(row))]
        else:
            row.insert(0, rng.choice(TOKENS))
    content = (
        rng.choice(("\n", "\r\n", "\n\n", "\r"))
        .join(rng.choice((",", ",", ",", ";")).join(row) for row in lines)
        .encode()
    )
    return {
        "data.csv": rng.choice(
            (content, content, content + b"\xff\xfe", damaged_bytes(content, rng), content.decode().encode("utf-16"))
        )
    }


def complex_txt(rng: Rng) -> Files:
    """Facets line by line."""
    lines = [" ".join(str(rng.randrange(6)) for _ in range(rng.randrange(1, 4))) for _ in range(6)]
    for _ in range(rng.choice((1, 2, 3))):
        lines[rng.randrange(6)] = " ".join(
            rng.choice((*TOKENS, "0", "5")) for _ in range(rng.choice((1, 3, 3, 60, 700)))
        )
    content = "\n".join(lines).encode()
    return {rng.choice(("c.txt", "c.csv")): damaged_bytes(content, rng) if rng.random() < 0.3 else content}


def complex_json(rng: Rng) -> Files:
    """Facets or boundary matrices."""
    tree = rng.choice(
        (
            {"facets": [[0, 1], [1, 2], [0, 2]]},
            [[0, 1, 2], [1, 2, 3]],
            {"d1": [[-1, 1], [1, -1]], "d2": [[0], [0]]},
            {"boundaries": [[[1, -1], [-1, 1]]]},
            {"d1": {"rows": [0, 1], "columns": [0, 0], "values": [1, -1], "shape": [2, 1]}},
        )
    )
    tree = json.loads(json.dumps(tree))
    for _ in range(rng.choice((1, 1, 2))):
        tree = changed(tree, rng, (*JSON, *SIDES))
    text = json.dumps(tree)
    odd = rng.choice(
        (
            text,
            text,
            text,
            "[" * 100_000,
            text + text,
            text.replace('"', "'"),
            '{"d1": [[1]], "d1": [[2]]}',
            "9" * 300_000,
        )
    )
    return {"c.json": damaged_bytes(odd.encode(), rng) if rng.random() < 0.2 else odd.encode()}


def complex_npz(rng: Rng) -> Files:
    """Boundary matrices as arrays."""
    d1 = np.array([[-1, 0, -1], [1, -1, 0], [0, 1, 1]])
    sparse = {
        "d1_rows": np.array([0, 1]),
        "d1_columns": np.array([0, 0]),
        "d1_values": np.array([1, -1]),
        "d1_shape": np.array([2, 1]),
    }
    arrays = rng.choice(({"d1": d1}, sparse, {"facets": np.array([[0, 1, 2], [1, 2, 3]])}))
    members = [(f"{name}.npy", npy_bytes(array)) for name, array in arrays.items()]
    place = rng.randrange(len(members))
    array = arrays[members[place][0][:-4]]
    if rng.random() < 0.7:
        odd = array.copy()
        odd.flat[rng.randrange(odd.size)] = rng.choice((-1, 2**62, -(2**63), 7, 2**40))
        members[place] = (
            members[place][0],
            rng.choice((npy_bytes(odd), npy_bytes(odd.astype("f8")), hostile_npy(array, rng))),
        )
    return {"c.npz": hostile_zip(members, rng)}


@cache
def _record() -> tuple[str, bytes]:
    import tempfile

    from tests.study.test_storage import example

    with tempfile.TemporaryDirectory() as folder:
        example().save(folder)
        return Path(folder, "analysis.json").read_text(encoding="utf-8"), Path(folder, "arrays.npz").read_bytes()


def saved_record(rng: Rng) -> Files:
    """What Analysis.save wrote, changed; the checksum of the arrays is made to fit."""
    text, arrays = _record()
    tree = json.loads(text)
    if rng.random() < 0.3:
        arrays = damaged_bytes(arrays, rng)
        tree["arrays_sha256"] = hashlib.sha256(arrays).hexdigest()
    for _ in range(rng.choice((1, 2, 4))):
        tree["record"] = changed(tree["record"], rng) if rng.random() < 0.95 else rng.choice(JSON)
    written = json.dumps(tree).encode()
    return {"analysis.json": damaged_bytes(written, rng) if rng.random() < 0.2 else written, "arrays.npz": arrays}
