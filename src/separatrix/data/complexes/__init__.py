"""Simplicial complexes of spaces whose homology is known, each with its groups, and random ones.

>>> klein_bottle().known_betti, klein_bottle().known_torsion
((1, 1, 0), ((), (2,), ()))
"""

from separatrix.data.complexes.known_complex import KnownComplex
from separatrix.data.complexes.manifolds import (
    complex_projective_plane,
    lens_space,
    moore_space,
    poincare_sphere,
    projective_space,
    sphere,
    sphere_product,
    torus,
)
from separatrix.data.complexes.random_complexes import random_two_complex
from separatrix.data.complexes.surfaces import (
    crosscap_surface,
    dunce_hat,
    glued_polygon,
    klein_bottle,
    moebius_band,
    projective_plane,
    torus_of_genus,
)

__all__ = [
    "KnownComplex",
    "complex_projective_plane",
    "crosscap_surface",
    "dunce_hat",
    "glued_polygon",
    "klein_bottle",
    "lens_space",
    "moebius_band",
    "moore_space",
    "poincare_sphere",
    "projective_plane",
    "projective_space",
    "random_two_complex",
    "sphere",
    "sphere_product",
    "torus",
    "torus_of_genus",
]
