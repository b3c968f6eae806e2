"""What a study may use: devices that are there, memory that is allowed."""

import numpy as np
import pytest
import torch

import separatrix as sx
from separatrix.errors import InputError, KindError
from separatrix.study.estimate import estimate_of, within_memory
from separatrix.study.question import asked

BOX = sx.Box.cube(2, -2, 2)


def study(**options: object) -> sx.Analysis:
    return sx.analyze(
        sx.data.network("blobs-tanh"), BOX, sx.data.toy("blobs", 60), potential="log-density", surface=False, passes=False,
        **options,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("device", "error", "words"),
    [(3, KindError, "a name such as 'cuda'"), ("mps", InputError, "lack float64"), ("cuda:99", InputError, "is not there"),
     ("cuda:x", InputError, "is not there"), ("", InputError, "expected 'cpu'")],
)  # fmt: skip
def test_devices_that_are_not_there(device: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        study(device=device)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_device_does_not_change_a_label(device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device here")
    here, there = study().flow[0], study(device=device).flow[0]
    assert here.basins is not None and there.basins is not None
    assert np.array_equal(here.basins.label, there.basins.label) and here.sinks.n_proved == there.sinks.n_proved


def test_a_limit_of_memory_takes_away_processes_then_the_surface_then_refuses() -> None:
    question = asked(sx.data.network("circles-relu"), BOX, None)
    one, four = (estimate_of(question, n).memory for n in (1, 4))
    assert within_memory(question, 4, None, None) == within_memory(question, 4, None, 2 * four) == (4, True)
    count, fits = within_memory(question, 4, None, 0.7 * four)
    assert 1 <= count < 4 and fits and estimate_of(question, count).memory <= 0.7 * four
    assert within_memory(question, 4, None, one - 1.0) == (1, False)
    for limit, error in ((1e6, InputError), (float("nan"), InputError), ("2 GB", KindError), (True, KindError)):
        with pytest.raises(error, match="memory_limit"):
            study(memory_limit=limit)
    assert 1e5 < sx.estimate(sx.data.network("circles-relu"), BOX).disk < 1e7


def test_convolutional_networks_get_as_many_starts_and_samples_as_minutes_allow() -> None:
    from separatrix.study.starts import start_rounds

    rng, net = np.random.default_rng(0), sx.data.network("mnist-conv-tanh")
    question = asked(net, None, (rng.uniform(size=(400, 784)), np.arange(400) % 10))
    assert question.samples is not None and len(question.samples) == 200
    assert any("200 of the 400" in note for note in question.notes)
    rounds = [start_rounds(question, potential) for potential in question.potentials]
    n_first = sum(len(found[0]) for found in rounds if found is not None)
    found, asked_for = estimate_of(question, 1), estimate_of(question, 1, passes=True)
    a_start = found.parts["sinks"] / n_first
    a_sample = found.parts["basins"] / 200
    assert 0.5 < a_sample / a_start < 2.0
    assert found.parts["passes"] == 0.0 < asked_for.parts["passes"]
    assert 5e8 < found.memory < 2e9
    few = asked(net, None, None)
    assert few.samples is None and estimate_of(few, 1).parts["basins"] == 0.0
