"""Why an orbit of a piecewise linear flow ended, in words."""

SINK, TIME, LEFT, BUDGET = "sink", "time", "left the box", "budget"
RAY = "at infinity: no crease is ahead on a ray along which f rises"
FLAT = "at rest, no strict maximum"
STARTS_REPELLED = "starts on a repelling crease: the orbit is not unique"
MEETS_REPELLED = "meets a repelling crease: the orbit is not unique"
STUCK = "stuck: no direction of the flow was found where creases meet"
