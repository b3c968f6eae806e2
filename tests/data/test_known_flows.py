"""Known flows: their counts are found again by other means, and the law of the alternating sum holds for them."""

import numpy as np
import pytest
import sympy

from separatrix.data.known_flows import KnownFlow, known_flow, known_flows
from separatrix.errors import InputError


def newton(f, x, rounds=40, longest=0.3):
    """Many Newton iterations with bounded steps; no code of the searches."""
    for _ in range(rounds):
        hessian = f.hessian(x) + 1e-12 * np.eye(f.dim)
        step = np.linalg.solve(hessian, f.gradient(x)[:, :, None])[:, :, 0]
        step *= np.minimum(1.0, longest / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-300))
        x = np.clip(x - step, -8.0, 8.0)
    return x


@pytest.mark.parametrize("name", [name for name in known_flows() if not name.endswith(("4-D", "5-D"))])
def test_counts_by_a_dense_multistart(name):
    flow = known_flow(name)
    f, lower, upper = flow.potential, np.array(flow.box.lower), np.array(flow.box.upper)
    x = newton(f, lower + (upper - lower) * np.random.default_rng(0).random((1500, f.dim)))
    inside = ((x > lower) & (x < upper)).all(axis=1) & (np.abs(f.gradient(x)).max(axis=1) < 1e-9)
    bent = np.linalg.eigvalsh(f.hessian(x))
    x = x[inside & (np.abs(bent).min(axis=1) > 1e-6)]
    distinct = np.unique(np.round(x, 5) + 0.0, axis=0)
    index = (np.linalg.eigvalsh(f.hessian(distinct)) > 0).sum(axis=1)
    assert tuple(np.bincount(index, minlength=f.dim + 1)) == flow.counts


def test_himmelblau_by_resultants():
    """All real critical points are the real roots of a polynomial of degree 9 in x."""
    x, y = sympy.symbols("x y")
    energy = (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2
    resultant = sympy.Poly(sympy.resultant(energy.diff(x), energy.diff(y), y), x)
    assert resultant.degree() == 9 and len(sympy.real_roots(resultant)) == sum(known_flow("himmelblau").counts)


@pytest.mark.parametrize("name", known_flows())
def test_systems_are_what_they_say(name):
    """Index sum 1 where the flow enters the box everywhere; minus f is the energy of the literature at a known place."""
    flow = known_flow(name)
    assert isinstance(flow, KnownFlow) and len(flow.counts) == flow.potential.dim + 1
    if name not in ("three gaussians", "mueller-brown"):
        assert sum((-1) ** m * count for m, count in enumerate(flow.counts)) == 1
    if name.startswith("rotated"):
        assert sum(flow.counts) == 3**flow.potential.dim
        hessian = flow.potential.hessian(np.full((1, flow.potential.dim), 0.3))[0]
        assert (np.abs(hessian) > 1e-6).all()  # no mixed derivative vanishes


def test_mueller_brown_at_the_minimum_of_the_literature():
    """(-0.558, 1.442) with -146.7."""
    f = known_flow("mueller-brown").potential
    assert abs(f.value([[-0.5582, 1.4417]])[0] - 146.7) < 0.01


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="himmelblau"):
        known_flow("himmelblow")
