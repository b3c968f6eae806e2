"""Level sets: their Betti numbers, persistence, events and meshes (§10)."""
