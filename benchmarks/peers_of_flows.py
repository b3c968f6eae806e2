"""One peer integrates one problem of ``flows.py``: run by it in the peers' own environment (``peers_requirements.txt``).

    python peers_of_flows.py PEER PROBLEM.npz RESULT.npz THREADS REPEATS

The problem: ``W0`` (hidden, n), ``b0``, ``D`` (m, hidden) and ``d`` with rows z_j - z_k for j != k, ``starts`` (rows, n),
``t_max``, ``tolerance``, ``power`` (0: log-odds, 1: probability). The field is written out (no automatic differentiation),
in float64, over the whole batch: the fastest form for each of them that we found.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

THREADS = int(sys.argv[4])
if hasattr(os, "sched_setaffinity"):  # before the libraries count the cores
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-THREADS:])

import numpy as np  # noqa: E402

Solve = Callable[[], tuple[np.ndarray, Any]]


def with_diffrax(problem: dict[str, np.ndarray], solver: str) -> Solve:
    """One solve a row, vectorised over the rows and compiled."""
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    weight, bias, contrasts, offset = (jnp.asarray(problem[name]) for name in ("W0", "b0", "D", "d"))
    power, t_max, tolerance = (problem[name].item() for name in ("power", "t_max", "tolerance"))

    def field(t: Any, x: Any, args: Any) -> Any:
        s = jnp.tanh(weight @ x + bias)
        v = contrasts @ s + offset
        pull = ((-jax.nn.softmax(v)) @ contrasts) * (1.0 - s * s)
        if power:
            level = -jax.nn.logsumexp(v)
            pull = jax.nn.sigmoid(level) * jax.nn.sigmoid(-level) * pull
        return pull @ weight

    def one(x: Any) -> tuple[Any, Any]:
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(field), getattr(diffrax, solver)(), 0.0, t_max, None, x, max_steps=100_000,
            saveat=diffrax.SaveAt(t1=True), stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            adjoint=diffrax.ForwardMode(),
        )  # fmt: skip
        assert found.ys is not None
        return found.ys[0], found.stats["num_steps"]

    starts = jnp.asarray(problem["starts"])
    compiled = jax.jit(jax.vmap(one)).lower(starts).compile()

    def solve() -> tuple[np.ndarray, Any]:
        ends, steps = compiled(starts)
        return np.asarray(ends), np.asarray(steps)

    return solve


def torch_field(problem: dict[str, np.ndarray]) -> tuple[Any, Any]:
    """(module of the field on a batch, starts)."""
    import torch

    torch.set_num_threads(THREADS)
    weight, bias, contrasts, offset = (torch.from_numpy(problem[name]) for name in ("W0", "b0", "D", "d"))
    weight_t, contrasts_t, power = weight.T.contiguous(), contrasts.T.contiguous(), bool(problem["power"])

    class Field(torch.nn.Module):
        def forward(self, t: Any, x: Any) -> Any:
            s = torch.tanh(torch.addmm(bias, x, weight_t))
            v = torch.addmm(offset, s, contrasts_t)
            pull = (torch.softmax(v, 1) @ contrasts) * (s * s - 1.0)
            if power:
                level = -torch.logsumexp(v, 1, keepdim=True)
                pull = torch.sigmoid(level) * torch.sigmoid(-level) * pull
            return pull @ weight

    return Field(), torch.from_numpy(problem["starts"])


def with_torchode(problem: dict[str, np.ndarray]) -> Solve:
    """Steps of every row's own."""
    import torch
    import torchode

    field, starts = torch_field(problem)
    tolerance, t_max = problem["tolerance"].item(), problem["t_max"].item()
    term = torchode.ODETerm(field)
    adjoint = torchode.AutoDiffAdjoint(
        torchode.Tsit5(term=term), torchode.IntegralController(atol=tolerance, rtol=tolerance, term=term)
    )
    times = (
        torch.zeros(starts.shape[0], dtype=torch.float64),
        torch.full((starts.shape[0],), t_max, dtype=torch.float64),
    )

    def solve() -> tuple[np.ndarray, Any]:
        with torch.no_grad():
            found = adjoint.solve(torchode.InitialValueProblem(y0=starts, t_start=times[0], t_end=times[1]))
        return found.ys[:, -1].numpy(), found.stats["n_steps"].numpy()

    return solve


def with_torchdiffeq(problem: dict[str, np.ndarray]) -> Solve:
    """One step for all rows."""
    import torch
    import torchdiffeq

    field, starts = torch_field(problem)
    tolerance = problem["tolerance"].item()
    times = torch.tensor([0.0, problem["t_max"].item()], dtype=torch.float64)

    def solve() -> tuple[np.ndarray, Any]:
        with torch.no_grad():
            found = torchdiffeq.odeint(field, starts, times, rtol=tolerance, atol=tolerance, method="dopri5")
        return found[-1].numpy(), 0

    return solve


PEERS = {
    "diffrax Tsit5": lambda problem: with_diffrax(problem, "Tsit5"),
    "diffrax Dopri8": lambda problem: with_diffrax(problem, "Dopri8"),
    "torchode Tsit5": with_torchode,
    "torchdiffeq dopri5": with_torchdiffeq,
}


def main() -> None:
    """Warm up on a short time, then ``REPEATS`` solutions by the clock."""
    name, source, target, repeats = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[5])
    with np.load(source) as file:
        problem = {key: file[key] for key in file.files}
    PEERS[name]({**problem, "t_max": np.array(1e-3)})()
    solve, seconds, cpu, found = PEERS[name](problem), [], [], None
    for _ in range(repeats):
        begun, spent = time.perf_counter(), time.process_time()
        found = solve()
        seconds.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - spent)
    if found is not None:
        medians = {"median": statistics.median(seconds), "cpu": statistics.median(cpu)}
        np.savez(target, ends=found[0], steps=found[1], seconds=seconds, **medians)


if __name__ == "__main__":
    main()
