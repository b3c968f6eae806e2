"""Guaranteed arithmetic: intervals, elementary functions, matrices, activation ranges, ranks, spectra (§8)."""
