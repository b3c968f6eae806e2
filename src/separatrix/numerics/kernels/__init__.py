"""Compiled loops of guaranteed arithmetic (§8)."""
