"""Orbits enclosed in tubes: cones at saddles, chords, attracting regions (§8)."""
