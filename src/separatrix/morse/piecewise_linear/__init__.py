"""Piecewise linear Morse theory of margins, and equilibria of ReLU flows on creases and faces (§5)."""
