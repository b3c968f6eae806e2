"""Shares of neurons on the cells of an exact surface: slopes from sign vectors, one side where a cell lies in a crease."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError, SeparatrixError
from separatrix.networks.layers import Activation
from separatrix.networks.network import Network
from separatrix.surface.neurons import (
    CELLS_AT_ONCE,
    CellPropagation,
    NeuronCover,
    cell_points,
    dominant_neurons,
    hidden_layers,
    layer_node,
    normals_and_shares,
)

if TYPE_CHECKING:
    from separatrix.surface.decision_surface import PolyhedralSurface

Slopes = dict[int, np.ndarray]


def polyhedral_neuron_cover(surface: PolyhedralSurface, layer: int) -> NeuronCover:
    """The cover of an exact surface by the neurons of hidden layer number ``layer``.

    Raises SeparatrixError where the surface has cells of full dimension, on which there is no normal.
    """
    network, found = surface.network, surface.complex
    node, top = layer_node(network, layer), found.dim
    if top != found.ambient_dim - 1:
        raise SeparatrixError(
            "the difference of the logits vanishes (is zero) on a full cell: there the surface has no normal and no neuron "
            "makes it"
        )
    n_cells = found.cell_counts[top]
    shares = np.empty((n_cells, network.widths[node]))
    points = cell_points(found.cells, found.points, top)
    classes = surface.top_classes(top)
    contrasts = top_contrasts(classes, surface.classes)
    for first in range(0, n_cells, CELLS_AT_ONCE):
        rows = np.arange(first, min(first + CELLS_AT_ONCE, n_cells))
        signs = hidden_signs(network, found.layout.coordinates, found.steps, found.signs(top, rows))
        shares[rows] = _shares(surface, node, points[rows], contrasts[rows], signs, rows)
        for i in np.flatnonzero(np.isnan(shares[rows]).any(axis=1) & (classes[rows].sum(axis=1) > 2)):
            one = {n: s[i : i + 1] for n, s in signs.items()}
            shares[rows[i]] = _other_pairs(surface, node, points[rows[i]], classes[rows[i]], one, rows[i])
    return NeuronCover(
        shares=shares,
        dominant=dominant_neurons(shares),
        layer=int(layer),
        cells=found.cells,
        n_own=found.cell_counts,
        surface=surface,
        domain=surface.domain,
        certainty=Certainty.weakest([surface.certainty, Certainty.VERIFIED]),  # shares are rounded numbers
        provenance=surface.provenance,
    )


def top_contrasts(top: np.ndarray, classes: tuple[int, int] | None) -> np.ndarray:
    """z_i - z_j for the pair asked for, else for the two smallest classes at the top: (cells, n_classes)."""
    found = np.zeros(top.shape)
    rows = np.arange(top.shape[0])
    if classes is not None:
        i, j = np.full(rows.size, classes[0]), np.full(rows.size, classes[1])
    else:
        j = top.argmax(axis=1) if top.size else rows
        rest = top.copy()
        rest[rows, j] = False
        i = rest.argmax(axis=1) if top.size else rows
    found[rows, i], found[rows, j] = 1.0, -1.0
    return found


def hidden_signs(network: Network, coordinates: tuple[np.ndarray, ...], steps: tuple, signs: np.ndarray) -> Slopes:
    """Sign vectors by activation node: (cells, width) int8 from the columns of the hidden steps.

    A step's last coordinates are those of its activation; a node without creases has sign 1 throughout.
    """
    found, column = {}, 0
    creased = iter(zip(coordinates[:-1], steps[:-1], strict=True))
    for node in hidden_layers(network):
        width = network.widths[node]
        rows = np.ones((signs.shape[0], width), dtype=np.int8)
        if left_slope(network, node) != 1.0 and feeds_output(network, node):
            part, step = next(creased)
            rows[:, part - (step.slope.size - width)] = signs[:, column : column + part.size]
            column += part.size
        found[node] = rows
    return found


def left_slope(network: Network, node: int) -> float:
    """Slope below zero of an activation node."""
    layer = network.nodes[node].layer
    if not isinstance(layer, Activation):
        raise InputError("expected an activation")
    return 0.0 if layer.name == "relu" else layer.slope


def feeds_output(network: Network, node: int) -> bool:
    """Whether the logits depend on a node in the graph."""
    reached = {len(network.nodes) - 1}
    for index in range(len(network.nodes) - 1, node, -1):
        if index in reached:
            reached.update(network.nodes[index].parents)
    return node in reached


def _shares(
    surface: PolyhedralSurface, node: int, points: np.ndarray, contrasts: np.ndarray, signs: Slopes, rows: np.ndarray
) -> np.ndarray:
    network = surface.network
    slopes = {n: np.where(s > 0, 1.0, left_slope(network, n)) for n, s in signs.items()}
    shares = normals_and_shares(network, points, contrasts, node, slopes)[1]
    on_crease = np.any([(s == 0).any(axis=1) for s in signs.values()], axis=0) if signs else np.zeros(rows.size, bool)
    for i in np.flatnonzero(on_crease):
        best = -1.0
        for direction in _sides(surface, int(rows[i])):
            one = {n: s[i : i + 1] for n, s in signs.items()}
            sided = _one_sided(network, points[i : i + 1], direction, one)
            side, found = normals_and_shares(network, points[i : i + 1], contrasts[i : i + 1], node, sided)
            if np.linalg.norm(side) > best:
                best, shares[i] = np.linalg.norm(side), found[0]
    return shares


def _other_pairs(
    surface: PolyhedralSurface, node: int, point: np.ndarray, top: np.ndarray, signs: Slopes, row: int
) -> np.ndarray:
    """Shares on a cell where three or more classes tie, two of which have equal logits around it: by another pair."""
    found = np.full(surface.network.widths[node], np.nan)
    for i, j in combinations(np.flatnonzero(top), 2):
        contrast = np.zeros((1, top.size))
        contrast[0, i], contrast[0, j] = -1.0, 1.0
        found = _shares(surface, node, point[None], contrast, signs, np.array([row]))[0]
        if not np.isnan(found).any():
            break
    return found


def _sides(surface: PolyhedralSurface, cell: int) -> list[np.ndarray]:
    """The two unit normals of a top cell, from its vertices."""
    cells, below = surface.complex.cells, np.array([cell])
    for k in range(cells.dim, 0, -1):
        below = np.unique(np.concatenate([cells.faces[k][cells.starts[k][c] : cells.starts[k][c + 1]] for c in below]))
    corners = surface.complex.points[below]
    normal = np.linalg.svd(corners - corners.mean(axis=0), full_matrices=True)[2][-1]
    return [normal, -normal]


def _one_sided(network: Network, x: np.ndarray, direction: np.ndarray, signs: Slopes) -> Slopes:
    """Slopes of the activations just beside ``x``: a neuron at zero has the slope of the side to which it moves."""
    slopes: Slopes = {}
    for node in signs:
        rate = CellPropagation(network, x, slopes).tangents(direction[None])[network.nodes[node].parents[0]]
        side = np.where(signs[node] == 0, np.sign(rate), signs[node])
        slopes[node] = np.where(side > 0, 1.0, left_slope(network, node))
    return slopes
