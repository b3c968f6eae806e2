"""What a trained classifier has learned: its decision surface and its gradient flow, with certificates.

Names are resolved when they are first used, so that importing the package loads nothing heavy.
"""

import logging

import lazy_loader

from separatrix._version import __version__

_submodules, _attributes = (
    ["data"],
    {
        "certainty": ["Certainty", "Statement"],
        "domains": ["Box", "WholeSpace"],
        "errors": [
            "InputError",
            "KindError",
            "MissingExtraError",
            "SeparatrixError",
            "UnreadableFileError",
            "UnresolvedError",
            "UnsupportedLayerError",
        ],
        "flow.basins": ["Basins"],
        "flow.critical_points": ["CriticalPoints"],
        "flow.manifolds.curves": ["ManifoldCurves"],
        "flow.gradient_flow": ["GradientFlow"],
        "flow.manifolds.frames": ["slow_manifold", "strong_manifold"],
        "flow.trajectories": ["Trajectories"],
        "networks.network": ["Network", "Reading"],
        "networks.reading": ["load"],
        "networks.theorems": ["Theorem", "theorems"],
        "potentials.base": ["Potential"],
        "potentials.class_probability": ["class_probability"],
        "potentials.confidence": ["confidence"],
        "potentials.expression": ["expression"],
        "potentials.log_density": ["log_density"],
        "potentials.log_odds": ["log_odds"],
        "potentials.margin": ["margin"],
        "potentials.neg_entropy": ["neg_entropy"],
        "study.analysis": ["Analysis"],
        "study.analyze": ["analyze"],
        "study.estimate": ["Estimate", "estimate"],
    },
)
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=_submodules, submod_attrs=_attributes)
__all__ = [*__all__, "__version__"]
logging.getLogger(__name__).addHandler(logging.NullHandler())
