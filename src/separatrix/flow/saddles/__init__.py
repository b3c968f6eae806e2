"""Searches for saddles: starts between sinks, eigenvector following on a box, ties of classes (§3)."""
