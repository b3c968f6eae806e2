"""Hostile files of networks: npz, safetensors, ONNX."""

import json
import struct
from functools import cache
from typing import Any

import numpy as np

from tests.fuzz.hostile_bytes import (
    EVIL,
    JSON,
    NUMBERS,
    SIDES,
    WORDS,
    Files,
    Rng,
    hostile_npy,
    hostile_zip,
    npy_bytes,
)
from tests.networks.onnx.mutations import damaged_bytes


@cache
def _arrays() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {
        "W0": draw.standard_normal((3, 2)),
        "b0": draw.standard_normal(3),
        "W1": draw.standard_normal((2, 3)),
        "b1": np.zeros(2),
        "activation": np.array(["relu"]),
    }


def network_npz(rng: Rng) -> Files:
    """A perceptron's archive."""
    names = rng.choice(
        (
            ("W0", "b0", "W1", "b1"),
            ("0.weight", "0.bias", "2.weight", "2.bias"),
            ("fc.weight", "fc.bias", "out.weight", "out.bias"),
        )
    )
    members = {f"{n}.npy": npy_bytes(a) for n, a in zip((*names, "activation"), _arrays().values(), strict=True)}
    for _ in range(rng.choice((0, 1, 1, 2))):
        place = rng.randrange(4)
        members[f"{names[place]}.npy"] = hostile_npy(_arrays()[("W0", "b0", "W1", "b1")[place]], rng)
    if rng.random() < 0.2:
        odd = np.array(rng.choice(WORDS).replace("\0", "").replace("\ud800", "?"))
        members["activation.npy"] = npy_bytes(
            rng.choice((odd, np.array([1.0]), np.zeros((2, 2)), np.array(["relu"] * 9)))
        )
    if rng.random() < 0.1:
        members["slope.npy"] = npy_bytes(np.array(rng.choice((float("nan"), 1e308, -2.0, 2))))
    return {"net.npz": hostile_zip(list(members.items()), rng)}


def network_safetensors(rng: Rng) -> Files:
    """A perceptron as safetensors, its JSON header changed."""
    header: dict[str, Any] = {"__metadata__": {"activation": "relu"}}
    body = b""
    for name, array in list(_arrays().items())[:4]:
        header[name] = {
            "dtype": "F64",
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + array.nbytes],
        }
        body += array.tobytes()
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        name, kind = rng.choice(("W0", "b0", "W1", "b1")), rng.randrange(7)
        kind = kind if isinstance(header[name], dict) else 4
        if kind == 0:
            header[name]["shape"] = [rng.choice(SIDES) for _ in range(rng.randrange(4))]
        elif kind == 1:
            header[name]["dtype"] = rng.choice(
                ("F32", "F16", "BF16", "I64", "BOOL", "F8_E4M3", "U8", "C64", "X", 3, None)
            )
        elif kind == 2:
            header[name]["data_offsets"] = [rng.choice((*SIDES, 48, 72)) for _ in range(rng.choice((0, 1, 2, 2, 2, 3)))]
        elif kind == 3:
            header["__metadata__"] = rng.choice(
                ({"activation": rng.choice(WORDS)}, {"slope": "nan"}, [], 3, {"a": 1}, None)
            )
        elif kind == 4:
            header[rng.choice(WORDS)] = header[name]
        elif kind == 5:
            header[name] = rng.choice(JSON)
        else:
            place = rng.randrange(0, len(body), 8)
            body = body[:place] + struct.pack("<d", rng.choice(NUMBERS[:8])) + body[place + 8 :]
    text = json.dumps(header).encode()
    if rng.random() < 0.1:
        text = rng.choice(
            (text[:-1] + b"," + text[1:], b'{"a":' * 2000, text + b" " * 900, text.replace(b'"W0"', b'"b0"'))
        )
    length = len(text) if rng.random() < 0.9 else rng.choice((0, 1, len(text) + 8, 1 << 40, (1 << 64) - 1))
    content = struct.pack("<Q", length) + text + body
    return {"net.safetensors": damaged_bytes(content, rng) if rng.random() < 0.3 else content}


@cache
def _onnx_models() -> tuple[bytes, ...]:
    from tests.networks.onnx.models import perceptron
    from tests.networks.onnx.test_encodings import sparse_model
    from tests.networks.onnx.test_operators import ELEMENTWISE

    cases = list(ELEMENTWISE.values())
    models = [perceptron(case[1], case[0][0], case[3].shape[1], case[2])[0] for case in cases]
    models += [sparse_model(kind) for kind in ("flat", "by axes", "constant node")]
    return tuple(proto.SerializeToString() for proto in models)


def network_onnx(rng: Rng) -> Files:
    """An ONNX model, damaged by its bytes, by its meaning, or with data beside it."""
    from onnx import ModelProto

    from tests.networks.onnx.mutations import damaged_model

    content = rng.choice(_onnx_models())
    if rng.random() < 0.15:
        proto = ModelProto.FromString(content)
        tensor = rng.choice([t for t in proto.graph.initializer if t.raw_data])
        data = tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = 1
        places = (
            "w.bin",
            "../secret/w.bin",
            "/etc/passwd",
            "sub/../../secret/w.bin",
            "net.onnx",
            ".",
            "",
            EVIL,
            "/dev/zero",
            "w.bin\0",
        )
        for key, value in (
            ("location", rng.choice(places)),
            ("offset", rng.choice(("0", "-1", "x", str(1 << 62), "9" * 5000))),
            ("length", rng.choice((str(len(data)), "0", str(1 << 40)))),
        ):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value.replace("\ud800", "?")
        return {"net.onnx": proto.SerializeToString(), "w.bin": data}
    return {"net.onnx": rng.choice((damaged_model, damaged_model, damaged_bytes))(content, rng)}
