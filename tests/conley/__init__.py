"""Conley indices and Morse graphs."""
