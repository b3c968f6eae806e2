"""Sinks at infinity: limits along rays, saturated corners and faces (§4, (4.6), (4.7))."""
