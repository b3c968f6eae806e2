"""The same potentials by PyTorch's automatic differentiation in float64: a second judge of the jets."""

from __future__ import annotations

import torch
from torch.nn import functional

ACTIVATIONS = {
    "identity": lambda u, slope: u,
    "relu": lambda u, slope: functional.relu(u),
    "leaky_relu": lambda u, slope: functional.leaky_relu(u, slope),
    "sigmoid": lambda u, slope: torch.sigmoid(u),
    "tanh": lambda u, slope: torch.tanh(u),
    "softplus": lambda u, slope: torch.logaddexp(u, torch.zeros_like(u)),
    "gelu": lambda u, slope: functional.gelu(u),
    "gelu_tanh": lambda u, slope: functional.gelu(u, approximate="tanh"),
    "silu": lambda u, slope: functional.silu(u),
    "mish": lambda u, slope: functional.mish(u),
}


def _odds(z, k):
    return z[k] - torch.logsumexp(torch.cat([z[:k], z[k + 1 :]]), dim=0)


POTENTIALS = {
    "class_probability": lambda z, k: torch.softmax(z, dim=0)[k],
    "log_odds": _odds,
    "log_density": lambda z: torch.logsumexp(z, dim=0),
    "confidence": lambda z: torch.logsumexp(torch.stack([_odds(z, k) for k in range(len(z))]), dim=0),
    "margin": lambda z, i, j: z[i] - z[j],
    "neg_entropy": lambda z: (torch.softmax(z, dim=0) * torch.log_softmax(z, dim=0)).sum(),
}


def logits(blueprint, x):
    """The logits at one point, a tensor."""
    values = [x]
    for kind, *rest in blueprint.nodes:
        if kind == "affine":
            values.append(torch.as_tensor(rest[1]) @ values[rest[0]] + torch.as_tensor(rest[2]))
        elif kind == "activation":
            values.append(ACTIVATIONS[rest[1]](values[rest[0]], rest[2]))
        else:
            values.append(torch.stack([values[i] for i in rest]).sum(dim=0))
    return values[-1] if len(values[-1]) > 1 else torch.cat([torch.zeros(1, dtype=x.dtype), values[-1]])


def potential(blueprint, x, name, *classes):
    """(value, gradient, Hessian) at one point (dim,), as numpy arrays."""
    x = torch.as_tensor(x, dtype=torch.float64)
    f = lambda t: POTENTIALS[name](logits(blueprint, t), *classes)  # noqa: E731
    gradient = torch.autograd.functional.jacobian(f, x)
    return f(x).item(), gradient.numpy(), torch.autograd.functional.hessian(f, x).numpy()
