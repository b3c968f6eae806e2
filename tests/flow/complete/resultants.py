"""An oracle of its own: real critical points of polynomials in two variables by resultants, in exact and in long arithmetic."""

from __future__ import annotations

import mpmath
import sympy

DIGITS = 60


def real_critical_points(text, lower, upper):
    """Sorted (x, y, index) of the critical points of the polynomial ``text`` in x, y with lower < x, y < upper.

    The x are roots of the resultant of f_x and f_y; over each, the y are the common roots. AssertionError where one is
    degenerate.
    """
    x, y = sympy.symbols("x y")
    f = sympy.sympify(text)
    slope = [sympy.Poly(sympy.diff(f, v), x, y) for v in (x, y)]
    eliminated = sympy.Poly(sympy.resultant(*slope, y), x)
    bent = sympy.hessian(f, (x, y))
    found = []
    with mpmath.workdps(DIGITS):
        for a in _real_roots(eliminated):
            over = [sympy.Poly(p.as_expr().subs(x, a), y) for p in slope]
            first = max(over, key=lambda p: p.degree())
            for b in _real_roots(first):
                if all(abs(p.as_expr().subs(y, b)) < mpmath.mpf(10) ** -20 for p in over):
                    h = mpmath.matrix(bent.subs({x: a, y: b}).evalf(DIGITS).tolist())
                    values = mpmath.eigsy(h, eigvals_only=True)
                    assert min(abs(v) for v in values) > 1e-6
                    found.append((float(a), float(b), sum(1 for v in values if v > 0)))
    return sorted(p for p in found if lower < p[0] < upper and lower < p[1] < upper)


def _real_roots(polynomial):
    """Real roots to DIGITS digits, each once."""
    if polynomial.degree() < 1:
        return []
    roots = polynomial.nroots(n=DIGITS, maxsteps=500)
    return sorted({sympy.re(root) for root in roots if abs(sympy.im(root)) < 1e-25})
