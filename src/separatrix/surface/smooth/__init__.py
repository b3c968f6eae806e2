"""Certified decision surfaces of smooth networks: bisected simplices, enclosures, and an isotopy theorem (§6)."""
