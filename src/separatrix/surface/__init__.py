"""Linear regions, decision surfaces and decision regions as exact complexes (§6)."""
