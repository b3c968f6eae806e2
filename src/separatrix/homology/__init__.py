"""Homology of chain complexes over Z, Z/p and Q, with generators (§7)."""
