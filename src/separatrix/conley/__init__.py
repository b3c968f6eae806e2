"""Isolated invariant sets of gradient flows: outer approximations by cubes, Morse graphs, Conley indices (§9)."""
