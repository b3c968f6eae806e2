"""Degenerate points by the splitting lemma: known germs in steep valleys that are askew, the reduced function, fine grids."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix import Box, GradientFlow, critical_points, expression
from separatrix.conley.conley_index import conley_index
from separatrix.conley.equilibrium_cells import equilibrium_cells
from separatrix.conley.kernel_function import Frame, KernelFunction, schur_complement
from separatrix.conley.level_blocks import LevelBlock, level_block
from separatrix.conley.splitting import split_index
from separatrix.domains import Box as Domain
from separatrix.numerics.intervals import Interval

AROUND = Box([-0.5, -0.55, -0.6], [0.6, 0.5, 0.57])


def flow_of(text: str) -> GradientFlow:
    return GradientFlow(expression(text, "x y z"), Box([-2] * 3, [2.1] * 3), "exit")


@pytest.mark.parametrize(
    ("germ", "betti", "rate", "valley"),
    [
        ("x**3 - 3*x*y**2", (0, 2, 0), -25, "z - 0.3*x + 0.2*y"),
        ("x**2*y + y**4", (0, 1, 0), 5, "z - 0.3*x"),
        ("x**4 - y**2", (0, 1, 0), 25, "z - 0.3*x + 0.2*y"),
        ("x**3 - y**2", (0, 0, 0), -25, "z - 0.3*x + 0.2*y"),
    ],
)
def test_germs_in_steep_valleys_that_are_askew(germ, betti, rate, valley):
    """A square of a coordinate that is added moves the index up by one where it goes up; the small cubic term does not matter."""
    found = conley_index(flow_of(f"{germ} + {rate}*({valley})**2 + x*y*z/7"), AROUND)
    assert found.verdict == "computed" and str(found.certainty) == "proved", found
    assert found.betti == ((0, *betti) if rate > 0 else (*betti, 0))


def test_the_reduction_is_tried_about_unresolved_boxes():
    flow = flow_of("x**3 - 3*x*y**2 - 5*(z - 0.3*x)**2 + x*y*z/7")
    points = critical_points(flow.potential, flow.domain, "exit", min_width=1e-3)
    assert points.unresolved and not len(points)
    found = conley_index(flow, "u0", points=points)
    assert found.method == "splitting" and found.betti == (0, 2, 0, 0) and "2 of 3 coordinates" in found.notes[0]
    assert (found.equilibria[0, 0] <= 0).all() and (found.equilibria[0, 1] >= 0).all()


def test_what_does_not_split_is_left_to_others():
    hull = np.array([[-1e-3] * 3, [1e-3] * 3])
    domain = Domain([-1] * 3, [1] * 3)
    assert split_index(expression("x**3 - 3*x*y**2 + z**4", "x y z"), hull, domain) is None  # no rate differs from 0
    assert split_index(expression("x**3 - 3*x*y**2 - z**2", "x y z"), 600 * hull, domain) is None  # too large a hull
    assert split_index(expression("x**3 - y**2 - z**2", "x y z"), hull + 0.98, domain) is None  # the domain is too near


def test_the_reduced_function_is_the_saddle_value_along_the_other_coordinates():
    """Against Newton's method at samples: values, slopes by differences, and w(c) in its enclosure."""
    f = expression("x**3 - 3*x*y**2 + 4*(z - 0.3*x)**2 - 3*(w + x*y)**2 + z*w*y", "x y z w")
    axes = np.linalg.qr(np.eye(4) + 0.05 * np.random.default_rng(0).normal(size=(4, 4)))[0]
    h = KernelFunction(Frame(f, np.array([0.01, -0.02, 0.0, 0.01]), axes), 2, np.full(2, -0.3), np.full(2, 0.3))
    rng = np.random.default_rng(1)
    lower = rng.uniform(-0.1, 0.08, (30, 2))
    upper = lower + rng.uniform(0, 0.02, (30, 2))
    found, bounds = h.reduced(lower, upper), h.enclose(lower, upper)
    for share in (0.0, 0.37, 1.0):
        c = lower + share * (upper - lower)
        w = np.zeros((30, 2))
        for _ in range(30):
            x = h.frame.origin + np.concatenate([c, w], axis=1) @ axes.T
            slope, rates = f.gradient(x) @ axes, axes.T @ f.hessian(x) @ axes
            w = w - np.linalg.solve(rates[:, 2:, 2:], slope[:, 2:, None])[:, :, 0]
        x = h.frame.origin + np.concatenate([c, w], axis=1) @ axes.T
        assert ((found.w.lower - 1e-12 <= w) & (w <= found.w.upper + 1e-12)).all()
        assert ((bounds.value.lower - 1e-12 <= f.value(x)) & (f.value(x) <= bounds.value.upper + 1e-12)).all()
        slopes = (f.gradient(x) @ axes)[:, :2]
        assert ((bounds.gradient.lower - 1e-12 <= slopes) & (slopes <= bounds.gradient.upper + 1e-12)).all()
        rates = axes.T @ f.hessian(x) @ axes
        schur = rates[:, :2, :2] - rates[:, :2, 2:] @ np.linalg.solve(rates[:, 2:, 2:], rates[:, 2:, :2])
        assert ((bounds.hessian.lower - 1e-12 <= schur) & (schur <= bounds.hessian.upper + 1e-12)).all()
    step = 1e-6
    numeric = [(h.value(lower + step * e) - h.value(lower - step * e)) / (2 * step) for e in np.eye(2)]
    assert np.allclose(np.stack(numeric, axis=1), h.gradient(lower), atol=1e-7)


def test_a_cubic_with_a_quartic_against_its_signs_on_a_sphere():
    """The cubic part is critical along lines, which the quartic lifts; {f < 0} on a small sphere has one part more than b_1 of
    {f > 0}, which is connected (Alexander duality)."""
    from scipy.ndimage import label

    f = expression("x**3 - 3*x*y**2 + z**4 + x*z**2", "x y z")
    cells = equilibrium_cells(f, AROUND)
    found = level_block(f, AROUND, cells, cells.is_inner, finest=True)
    height, angle = np.meshgrid(np.linspace(-1, 1, 401)[1:-1], np.linspace(0, 2 * np.pi, 1601)[:-1], indexing="ij")
    across = np.sqrt(1 - height**2)
    sphere = 0.4 * np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=-1)
    negative = f.value(sphere.reshape(-1, 3)).reshape(height.shape) < 0

    def parts(mask):
        numbers, count = label(mask)
        pairs = {tuple(sorted(p)) for p in zip(numbers[:, 0], numbers[:, -1], strict=True) if min(p) and p[0] != p[1]}
        ends = [{int(n) for n in numbers[row] if n} for row in (0, -1)]
        pairs |= {(min(own), n) for own in ends for n in own if n != min(own)}
        root = list(range(count + 1))
        for a, b in pairs:
            root = [root[a] if r == root[b] else r for r in root]
        return len(set(root[1:]))

    assert isinstance(found, LevelBlock) and found.stays_inside
    assert found.groups.homology.betti == (0, parts(~negative) - 1, parts(negative) - 1, 0)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ([[0, 1], [1, -2]], [[0, 1], [1, 2]]),  # symmetric about 0: its middle cannot be inverted
        ([[0, 1], [1, -np.inf]], [[0, 1], [1, np.inf]]),
        (
            [[0, 1e-101, 0], [1e-101, -1.5e-101, 0], [0, 0, 1e-101]],
            [[0, 1e-101, 0], [1e-101, -1.5e-101, 0], [0, 0, 1e-101]],
        ),
    ],
)
def test_where_the_rest_is_not_known_to_be_invertible_nothing_is_known(low, high):
    found = schur_complement(Interval(np.array([low], dtype=float), np.array([high], dtype=float)), 1)
    exact = 2e-101 / 3 if len(low) == 3 else np.nan
    assert (np.isinf(found.lower) & np.isinf(found.upper)).all() or (found.lower <= exact <= found.upper).all()
