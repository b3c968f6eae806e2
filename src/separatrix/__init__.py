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
        "complexes.cubical_complex": ["CubicalComplex"],
        "complexes.polyhedral_complex": ["PolyhedralComplex"],
        "complexes.simplicial_complex": ["SimplicialComplex"],
        "conley.conley_index": ["conley_index"],
        "conley.conley_record": ["ConleyIndex"],
        "conley.connection_matrix": ["connection_matrix"],
        "conley.connection_matrix_record": ["ConnectionMatrix"],
        "conley.morse_graph": ["morse_graph"],
        "conley.morse_graph_record": ["MorseGraph"],
        "domains": ["AffineSlice", "Box", "WholeSpace"],
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
        "flow.manifolds.mesh_record": ["ManifoldMesh"],
        "flow.manifolds.stable_manifold": ["stable_manifold", "unstable_manifold"],
        "flow.saddles.saddles": ["saddles"],
        "flow.saddles.tied_passes": ["TiedPasses", "tied_passes"],
        "homology.chain_complex": ["ChainComplex"],
        "homology.homology_record": ["Chain", "Homology"],
        "homology.persistence": ["persistence"],
        "homology.persistence_diagram": ["PersistenceDiagram"],
        "morse.connection_record": ["Connections", "Orbit"],
        "morse.connections": ["connections"],
        "morse.critical_points": ["critical_points"],
        "morse.landscape": ["landscape"],
        "morse.landscape_record": ["Landscape"],
        "morse.levels.level_record": ["LevelSets"],
        "morse.levels.level_sets": ["level_sets"],
        "morse.merge_tree": ["MergeTree", "class_tree"],
        "morse.morse_complex": ["MorseComplex", "morse_complex"],
        "morse.piecewise_linear.margin_record": ["PiecewiseLinearMorse"],
        "morse.piecewise_linear.margins": ["piecewise_linear_morse"],
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
        "potentials.reduction": ["Reduction", "reduced"],
        "study.analysis": ["Analysis"],
        "study.analyze": ["analyze"],
        "study.estimate": ["Estimate", "estimate"],
        "surface.decision_regions": ["decision_regions"],
        "surface.decision_surface": ["decision_surface"],
        "surface.linear_regions": ["linear_regions"],
        "surface.smooth.chord_isotopy": ["chord_topology"],
        "surface.neurons": ["NeuronCover"],
        "surface.regions_record": ["DecisionRegions"],
        "surface.surface_record": ["DecisionSurface"],
    },
)
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=_submodules, submod_attrs=_attributes)
__all__ = [*__all__, "__version__"]
logging.getLogger(__name__).addHandler(logging.NullHandler())
