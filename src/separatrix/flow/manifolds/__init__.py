"""Slow and strong manifolds of sinks as curves with an error estimate (§3, C6)."""
