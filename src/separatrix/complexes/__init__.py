"""Cell complexes as arrays: polyhedral, simplicial, cubical."""
