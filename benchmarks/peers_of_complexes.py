"""One peer builds one complex of ``complexes.py``: run by it in the peers' own environment.

    python peers_of_complexes.py PEER NETWORK.npz RESULT.json REPEATS

``regioncam``: the square [-1, 1]^2 cut by all neurons and the output (float32). ``relucent``: all cells of the whole space
cut by the hidden neurons; what it cannot finish is stopped by the caller.
"""

import json
import os
import statistics
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402

Layers = list[tuple[np.ndarray, np.ndarray]]


def with_regioncam(layers: Layers) -> tuple[list[int], float]:
    """(vertices, edges, faces), seconds."""
    import regioncam

    arrays = [(np.ascontiguousarray(w.T, dtype=np.float32), b.astype(np.float32)) for w, b in layers]
    begun = time.perf_counter()
    camera = regioncam.Regioncam(size=1.0)
    for weight, bias in arrays:
        camera.linear(weight, bias)
        camera.relu()
    seconds = time.perf_counter() - begun
    return [camera.num_vertices, camera.num_edges, camera.num_faces], seconds


def with_relucent(layers: Layers) -> tuple[list[int], float]:
    """Cells by dimension, from 0 up, seconds."""
    import relucent

    net = relucent.mlp([layers[0][0].shape[1], *(w.shape[0] for w, _ in layers)])
    for i, (weight, bias) in enumerate(layers):
        net.layers[f"fc{i}"].weight = weight
        net.layers[f"fc{i}"].bias = bias[None, :]
    begun = time.perf_counter()
    found = relucent.Complex(net)
    found.bfs(verbose=0, nworkers=1)
    cells = [len(part) for part in found.chain_complex(verbose=0)]
    return cells[::-1], time.perf_counter() - begun


def main(name: str, source: str, target: str, repeats: int) -> None:
    """Run and write what came out, with the median of the seconds."""
    content = np.load(source)
    n_layers = sum(key.startswith("W") for key in content.files)
    layers = [(content[f"W{i}"], content[f"b{i}"]) for i in range(n_layers)]
    runs = [{"regioncam": with_regioncam, "relucent": with_relucent}[name](layers) for _ in range(repeats)]
    with open(target, "w", encoding="utf-8") as file:
        json.dump({"counts": runs[0][0], "seconds": statistics.median(seconds for _, seconds in runs)}, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
