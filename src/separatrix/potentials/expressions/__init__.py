"""Potentials given by a formula: tokens, grammar, program, and derivatives of all kinds from that one program (§2)."""
