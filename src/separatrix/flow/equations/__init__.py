"""The differential equation at hand: LaTeX, sympy, reductions, exact solutions (§4, C4)."""
