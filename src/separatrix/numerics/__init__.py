"""Guaranteed arithmetic: intervals, elementary functions, midpoint-radius matrices, activation ranges, ranks, spectra (§8)."""
