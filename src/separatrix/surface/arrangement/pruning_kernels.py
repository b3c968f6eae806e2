"""The vertices of top cells, the closure of those that are kept, and the lattice without the rest."""

from __future__ import annotations

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.surface.arrangement.lattice import (
    CELL_COFACES,
    CELL_DIM,
    CELL_FACETS,
    CELL_SIZE,
    CELL_WITNESS,
    EDGE_A,
    EDGE_B,
    EDGE_CELL,
    EDGE_NEXT,
    NONE,
    SPARE,
)
from separatrix.surface.arrangement.sign_kernels import length_up

ROUNDING = 4 * 2.0**-52  # more than two roundings, relative to the terms
TINIEST = 2.0**-900  # large enough for its products with weights to be normal: subnormal doubles are slow


@compiled_in_place
def list_corners(done, tops, cells, edges, facets, seen, stack, starts, corners):
    """The vertices of the cells ``tops`` from number ``done`` on; returns how many are done when ``corners`` is full.

    ``seen`` (2, rows): by which top cell each cell and each vertex was last seen, -1 at first.
    """
    for top in range(done, tops.shape[0]):
        at, size = starts[top], 1
        stack[0] = tops[top]
        while size:
            size -= 1
            cell = stack[size]
            if cells[cell, CELL_DIM] == 1:
                for end in (EDGE_A, EDGE_B):
                    vertex = edges[cells[cell, CELL_FACETS], end]
                    if seen[1, vertex] != top:
                        if at == corners.shape[0]:
                            for other in range(seen.shape[1]):
                                seen[0, other] = seen[1, other] = NONE
                            return top
                        seen[1, vertex] = top
                        corners[at] = vertex
                        at += 1
                continue
            first = cells[cell, CELL_FACETS]
            for i in range(first, first + cells[cell, CELL_SIZE]):
                facet = facets[i] >> 1
                if seen[0, facet] != top:
                    seen[0, facet] = top
                    stack[size] = facet
                    size += 1
        starts[top + 1] = at
    return tops.shape[0]


@compiled_in_place
def mark_closure(tops, cells, edges, facets, kept_cells, kept_vertices, stack):
    """Mark the cells ``tops`` and all their faces with 1."""
    size = 0
    for i in range(tops.shape[0]):
        kept_cells[tops[i]] = 1
        stack[size] = tops[i]
        size += 1
    while size:
        size -= 1
        cell = stack[size]
        if cells[cell, CELL_DIM] == 1:
            row = cells[cell, CELL_FACETS]
            kept_vertices[edges[row, EDGE_A]] = kept_vertices[edges[row, EDGE_B]] = 1
            continue
        first = cells[cell, CELL_FACETS]
        for i in range(first, first + cells[cell, CELL_SIZE]):
            facet = facets[i] >> 1
            if not kept_cells[facet]:
                kept_cells[facet] = 1
                stack[size] = facet
                size += 1


@compiled_in_place
def drop_unmarked(
    used, cells, edges, facets, cofaces, new_cells, new_vertices, cells_out, edges_out, facets_out, cofaces_out
):
    """Copy what has a new number, at least 0, in the order of the old ones; ``used`` then counts edges, cells, the rows of
    facets and of cofaces.

    All facets of a cell that is kept are kept.
    """
    n_edges, n_cells, n_facets, n_cofaces = 0, 0, 0, 0
    for cell in range(used[1]):
        new = new_cells[cell]
        if new == NONE:
            continue
        n_cells += 1
        for column in range(cells.shape[1]):
            cells_out[new, column] = cells[cell, column]
        cells_out[new, CELL_WITNESS] = new_vertices[cells[cell, CELL_WITNESS]]
        first, start = cells[cell, CELL_COFACES], n_cofaces + 2
        n_cofaces = start
        for i in range(first, first + cofaces[first - 1]):
            if new_cells[cofaces[i]] != NONE:
                cofaces_out[n_cofaces] = new_cells[cofaces[i]]
                n_cofaces += 1
        cofaces_out[start - 2] = cofaces_out[start - 1] = n_cofaces - start
        cells_out[new, CELL_COFACES] = start
        first = cells[cell, CELL_FACETS]
        if cells[cell, CELL_DIM] > 1:
            facets_out[n_facets] = cells[cell, CELL_SIZE] + SPARE
            cells_out[new, CELL_FACETS] = n_facets + 1
            for i in range(cells[cell, CELL_SIZE]):
                entry = facets[first + i]
                facets_out[n_facets + 1 + i] = 2 * new_cells[entry >> 1] + (entry & 1)
            n_facets += 1 + cells[cell, CELL_SIZE] + SPARE
            continue
        cells_out[new, CELL_FACETS] = n_edges
        edges_out[n_edges, EDGE_A] = new_vertices[edges[first, EDGE_A]]
        edges_out[n_edges, EDGE_B] = new_vertices[edges[first, EDGE_B]]
        edges_out[n_edges, EDGE_CELL], edges_out[n_edges, EDGE_NEXT] = new, NONE
        n_edges += 1
    used[0], used[1], used[2], used[3] = n_edges, n_cells, n_facets, n_cofaces


@compiled_in_place
def pass_creases(low, high, starts, slope, lines):
    """Bounds at the vertices of cells (rows ``starts[c]`` to ``starts[c + 1]``) through y -> max(y, 0) + slope min(y, 0).

    In place. ``lines`` (6, columns) is scratch: least and largest bound on the cell, then a, c of the line above and of the
    line below. Rounding is outward; what is not a number stays so.
    """
    for c in range(starts.shape[0] - 1):
        for i in range(low.shape[1]):
            lines[0, i], lines[1, i] = low[starts[c], i], high[starts[c], i]
        for row in range(starts[c] + 1, starts[c + 1]):
            for i in range(low.shape[1]):
                if low[row, i] < lines[0, i] or low[row, i] != low[row, i]:
                    lines[0, i] = low[row, i]
                if high[row, i] > lines[1, i] or high[row, i] != high[row, i]:
                    lines[1, i] = high[row, i]
        for i in range(low.shape[1]):
            _choose_lines(lines, i, slope[i])
        for row in range(starts[c], starts[c + 1]):
            for i in range(low.shape[1]):
                above = lines[2, i] * (high[row, i] if lines[2, i] >= 0 else low[row, i])
                below = lines[4, i] * (low[row, i] if lines[4, i] >= 0 else high[row, i])
                high[row, i] = above + lines[3, i] + (ROUNDING * (abs(above) + abs(lines[3, i])) + TINIEST)
                low[row, i] = below + lines[5, i] - (ROUNDING * (abs(below) + abs(lines[5, i])) + TINIEST)


@compiled_in_place
def middle_and_radius(low, high, sizes):
    """In place: ``low`` becomes the middle, ``high`` a radius that reaches both; ``sizes`` bounds |(|middle| + radius)|_2."""
    m = low.shape[1]
    for row in range(low.shape[0]):
        total = 0.0
        for i in range(m):
            middle = 0.5 * low[row, i] + 0.5 * high[row, i]
            right, left = high[row, i] - middle, middle - low[row, i]
            radius = (right if right > left else left) * (1.0 + ROUNDING) + TINIEST
            total += (abs(middle) + radius) ** 2
            low[row, i], high[row, i] = middle, radius
        sizes[row] = length_up(total, m + 4)


@compiled_in_place
def outward(middle, radius, sizes, bias, lines, growth):
    """In place: W y and |W| radius become bounds of W y + b from below and above.

    ``lines`` (2, m): what rounding and the radii of W and b add to a row, by unit of ``sizes`` and alone; ``growth``: factor
    that covers the rounding of the second product and of this loop.
    """
    for row in range(middle.shape[0]):
        for i in range(middle.shape[1]):
            value = middle[row, i] + bias[i]
            spread = (radius[row, i] + sizes[row] * lines[0, i] + lines[1, i]) * growth + ROUNDING * abs(value)
            middle[row, i], radius[row, i] = value - spread, value + spread


@compiled_part_in_place
def _choose_lines(lines, i, slope):
    """Lines above and below the crease on [l, u]: where it bends, its chord on one side, one of its pieces on the other.

    The chord a t + c has c raised (lowered) so that both ends lie below (above) it; between them convexity decides.
    """
    least, most = lines[0, i], lines[1, i]
    lines[3, i] = lines[5, i] = 0.0
    if least >= 0:
        lines[2, i] = lines[4, i] = 1.0
    elif most <= 0:
        lines[2, i] = lines[4, i] = slope
    else:
        piece = 1.0 if most > -least else slope
        chord = (most - slope * least) / (most - least)
        size = abs(most) + abs(chord * most) + abs(slope * least) + abs(chord * least)
        pad = 2 * ROUNDING * size + TINIEST
        right, left = most - chord * most, slope * least - chord * least
        if slope <= 1.0:
            lines[2, i], lines[3, i], lines[4, i] = chord, max(right, left) + pad, piece
        else:
            lines[4, i], lines[5, i], lines[2, i] = chord, min(right, left) - pad, piece
