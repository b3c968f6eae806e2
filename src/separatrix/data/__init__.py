"""What comes with the package and what a user brings: MNIST, trained networks, toy problems, files of points
and of complexes, complexes whose homology is known.

>>> mnist().x_test.shape, network("moons-tanh").architecture
((10000, 28, 28), '2-16-16-2')
"""

from separatrix.data import complexes
from separatrix.data.complex_files import load_complex
from separatrix.data.digits import Digits, mnist
from separatrix.data.embedded_networks import NetworkList, model, network, network_box, networks
from separatrix.data.known_flows import KnownFlow, known_flow, known_flows
from separatrix.data.point_files import DataPoints, load_points
from separatrix.data.toy_problems import toy, toys

__all__ = [
    "DataPoints",
    "Digits",
    "KnownFlow",
    "NetworkList",
    "complexes",
    "known_flow",
    "known_flows",
    "load_complex",
    "load_points",
    "mnist",
    "model",
    "network",
    "network_box",
    "networks",
    "toy",
    "toys",
]
