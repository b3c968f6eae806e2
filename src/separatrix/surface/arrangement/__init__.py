"""The exact polyhedral complex of a piecewise linear network, by insertion of its neurons into the faces of a box."""
