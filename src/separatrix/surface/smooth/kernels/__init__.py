"""The compiled loops of certified surfaces, in a folder of their own: numba's cache is renewed when one of them changes."""
