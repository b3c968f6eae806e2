"""What a store of finished pieces costs a run, and what a second worker brings.

``blobs-tanh`` on its box, whole studies with and without ``resume=``, in turn, and the same basins of 2,000 images by
``mnist-tanh`` with one worker and two.

    python benchmarks/storage.py
"""

import tempfile
import time

import numpy as np
from machine import claim, facts, timed, write
from threadpoolctl import threadpool_limits

import separatrix as sx
from separatrix.study.pieces import Pieces

REPEATS, SAMPLES = 3, 2_000


def storing() -> dict:
    """Seconds spent in fingerprints, locks and files, against those of the whole run."""
    net, box, data = sx.data.network("blobs-tanh"), sx.Box.cube(2, -2, 2), sx.data.toy("blobs", 2_000)
    spent = [0.0]

    def counted(method):
        def call(*arguments, **options):
            begun = time.perf_counter()
            try:
                return method(*arguments, **options)
            finally:
                spent[0] += time.perf_counter() - begun

        return call

    kept = {name: getattr(Pieces, name) for name in ("keep", "key", "find")}
    shares = []
    try:
        for name, method in kept.items():
            setattr(Pieces, name, counted(method))
        for _ in range(REPEATS):
            spent[0] = 0.0
            with tempfile.TemporaryDirectory() as folder:
                _, took = timed(lambda folder=folder: sx.analyze(net, box, data, resume=folder, workers=1))
            shares.append(spent[0] / took)
    finally:
        for name, method in kept.items():
            setattr(Pieces, name, method)
    share = float(np.median(shares))
    return {
        "what": "storing the pieces of a study of blobs-tanh", "shares": [round(s, 4) for s in shares],
        "claims": [claim("share of a run that storing its pieces takes", share, 0.05)],
    }  # fmt: skip


def workers() -> dict:
    """Basins of samples of mnist-tanh with one worker and with two."""
    flow = sx.GradientFlow(sx.log_density(sx.data.network("mnist-tanh")), sx.Box.cube(784, 0, 1))
    x = sx.data.mnist().x_test[:SAMPLES].reshape(SAMPLES, -1) / 255
    sinks = flow.sinks(x[:200], 0)
    flow.basins(x[:500], sinks, 0, workers=2)  # the processes are there
    (one, alone), (two, together) = (timed(lambda n=n: flow.basins(x, sinks, 0, workers=n)) for n in (1, 2))
    assert np.array_equal(one.label, two.label)
    gain = alone / together
    return {
        "what": f"basins of {SAMPLES:,} images of mnist-tanh", "seconds": [round(alone, 2), round(together, 2)],
        "claims": [claim("two workers, times as fast as one", gain, 1.7, at_least=True)],
    }  # fmt: skip


def main() -> None:
    """Measure and write."""
    machine = facts()
    with threadpool_limits(limits=1):
        results = [storing(), workers()]
    write("storage", results, machine)


if __name__ == "__main__":
    main()
