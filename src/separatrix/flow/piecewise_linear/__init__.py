"""The flow of piecewise linear networks: events, sliding along creases, sinks on ridges and faces (§5)."""
