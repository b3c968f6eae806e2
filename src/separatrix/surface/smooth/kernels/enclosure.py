"""Values and gradients of a packed network at points and on simplices of the unit cube, enclosed (§6, §8).

Every unit of the network is followed as midpoints and radii in columns: its value at a centre c of the simplex (0), its
range over the simplex (1) and its derivatives by t_1, …, t_n over the simplex (2, …). A range is the natural one cut
with the mean value form u(c) + J (t - c), whose extremes over a simplex are at vertices. LANES simplices go together.

Rounding. An affine layer of K inputs: a sum of K products and a bias is off by at most (K + 3) u (sum |w m| + |b|); the
radius is sum (|w| + R) (r + (K + 4) u |m|) + R |m| + ..., itself enlarged by (K + 12) u. TINY covers underflow:
K products lose less than 10^-300. Intervals become midpoint and radius with one more rounding. NaN and infinite radii
never pass a test: ranges are cut by comparisons that they fail.
"""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled, compiled_part

UNIT = 2.0**-53
TINY = 1e-300
LANES = 8


@compiled_part
def _activation(u, rows, meta):
    """(lower, upper) of s and of s' at the double u, which is no NaN."""
    reach = meta[0]
    if u == np.inf and meta[5] > 0.0:
        return 1.7e308, np.inf, meta[8], meta[9]
    if u >= reach:
        shift = u if meta[5] > 0.0 else 0.0
        low, high = meta[3] + shift, meta[4] + shift
        if meta[5] > 0.0:
            low -= 2.0 * UNIT * abs(low)
            high += 2.0 * UNIT * abs(high)
        return low, high, meta[8], meta[9]
    if u <= -reach:
        return meta[1], meta[2], meta[6], meta[7]
    cell = int((u + reach) * 32.0)
    if cell >= int(64.0 * reach):  # u + reach was rounded up
        cell = int(64.0 * reach) - 1
    t = u - (-reach + (cell + 0.5) * 0.03125)
    row = rows[cell]
    s = row[8]
    p = row[16]
    for k in range(7, -1, -1):
        s = s * t + row[k]
    for k in range(15, 8, -1):
        p = p * t + row[k]
    return s - row[17], s + row[17], p - row[18], p + row[18]


@compiled_part
def _hull(low, high, other_low, other_high, left, right, meta, order):
    """The hull of two values with the critical values between left and right."""
    least = min(low, other_low)
    most = max(high, other_high)
    for i in range(int(meta[10 + order])):
        at = 12 + 12 * order + 4 * i
        if left <= meta[at + 1] and right >= meta[at]:
            least = min(least, meta[at + 2])
            most = max(most, meta[at + 3])
    return least, most


@compiled_part
def _affine(op, parameters, mid, rad, work, size, lanes):
    out, width, parent, k_width, at = op[1], op[2], op[3], op[4], op[5]
    g = (k_width + 4.0) * UNIT
    grow = 1.0 + (k_width + 12.0) * UNIT
    for k in range(k_width):
        for q in range(size):
            work[k, q] = rad[parent + k, q] + g * abs(mid[parent + k, q])
    r_at = at + width * k_width
    b_at = r_at + width * k_width
    values = 2 * lanes if size > lanes else lanes
    for i in range(width):
        m, r = mid[out + i], rad[out + i]
        for q in range(size):
            m[q] = 0.0
            r[q] = 0.0
        for k in range(k_width):
            w = parameters[at + i * k_width + k]
            e = parameters[r_at + i * k_width + k] if op[7] else 0.0
            if w == 0.0 and e == 0.0:
                continue
            a = abs(w) + e
            for q in range(size):
                m[q] += w * mid[parent + k, q]
                r[q] += a * work[k, q]
            if e > 0.0:
                for q in range(size):
                    r[q] += e * abs(mid[parent + k, q])
        b = parameters[b_at + i]
        loss = g * abs(b) + parameters[b_at + width + i]
        for q in range(values):
            m[q] += b
            r[q] += loss
        for q in range(size):
            r[q] = r[q] * grow + TINY


@compiled_part
def _sum(op, mid, rad, size):
    out, width, first, second = op[1], op[2], op[3], op[6]
    for i in range(width):
        for q in range(size):
            m, r = mid[first + i, q], rad[first + i, q]
            if second >= 0:
                m += mid[second + i, q]
                r = (r + rad[second + i, q] + 2.0 * UNIT * abs(m)) * (1.0 + 8.0 * UNIT)
            mid[out + i, q] = m
            rad[out + i, q] = r


@compiled_part
def _store(mid, rad, unit, q, low, high):
    """An interval as midpoint and radius; one without a finite end has radius infinity."""
    m = 0.5 * low + 0.5 * high
    r = max(high - m, m - low)
    if not (abs(m) < 1e308 and r < 1e308):
        m, r = 0.0, np.inf
    mid[unit, q] = m
    rad[unit, q] = r * (1.0 + 4.0 * UNIT) + TINY


@compiled_part
def _range(mid, rad, unit, lane, lanes, spread):
    """(lower, upper) of a unit over the simplex of a lane: natural range and mean value form, the better of each."""
    low, high = -np.inf, np.inf
    m, r = mid[unit, lanes + lane], rad[unit, lanes + lane]
    r += 4.0 * UNIT * (abs(m) + r) + TINY
    if m - r > low:
        low = m - r
    if m + r < high:
        high = m + r
    least, most, size = np.inf, -np.inf, 0.0
    n = spread.shape[1]
    for v in range(n + 1):
        linear, loose = 0.0, 0.0
        for j in range(n):
            d = spread[v, j, lane]
            linear += d * mid[unit, (2 + j) * lanes + lane]
            loose += abs(d) * rad[unit, (2 + j) * lanes + lane]
            size += abs(d * mid[unit, (2 + j) * lanes + lane])
        least = min(least, linear - loose)
        most = max(most, linear + loose)
    centre = mid[unit, lane]
    slack = rad[unit, lane] + 8.0 * UNIT * (abs(centre) + abs(least) + abs(most) + size) + TINY
    slack = slack * (1.0 + 4.0 * UNIT)
    if centre + least - slack > low:
        low = centre + least - slack
    if centre + most + slack < high:
        high = centre + most + slack
    return low, high


@compiled_part
def _activate(op, rows, meta, mid, rad, spread, size, lanes):
    out, width, parent = op[1], op[2], op[3]
    for i in range(width):
        for lane in range(lanes):
            c, r = mid[parent + i, lane], rad[parent + i, lane]
            if r < np.inf and abs(c) < np.inf:
                low, high, _, _ = _activation(c, rows, meta)
                m = 0.5 * low + 0.5 * high
                mid[out + i, lane] = m
                rad[out + i, lane] = (max(high - m, m - low) + meta[36] * r) * (1.0 + 8.0 * UNIT) + TINY
            else:
                mid[out + i, lane] = 0.0
                rad[out + i, lane] = np.inf
            if size == lanes:
                continue
            left, right = _range(mid, rad, parent + i, lane, lanes, spread)
            low, high, p_low, p_high = _activation(left, rows, meta)
            if right > left:
                low2, high2, p_low2, p_high2 = _activation(right, rows, meta)
                low, high = _hull(low, high, low2, high2, left, right, meta, 0)
                p_low, p_high = _hull(p_low, p_high, p_low2, p_high2, left, right, meta, 1)
            elif right < left:  # two enclosures that miss each other: only after overflow
                low, high, p_low, p_high = -np.inf, np.inf, -np.inf, np.inf
            _store(mid, rad, out + i, lanes + lane, low, high)
            p = 0.5 * p_low + 0.5 * p_high
            e = max(p_high - p, p - p_low) * (1.0 + 4.0 * UNIT)
            for q in range(2 * lanes + lane, size, lanes):
                m, r = mid[parent + i, q], rad[parent + i, q]
                mid[out + i, q] = p * m
                rad[out + i, q] = (abs(p) * r + e * (abs(m) + r) + 2.0 * UNIT * abs(p * m)) * (1.0 + 8.0 * UNIT) + TINY


@compiled_part
def _place(mid, rad, spread, coords, simplex, weights, j, lane):
    """Coordinate j of a simplex: its centre, its range, its unit derivative, its vertices seen from the centre."""
    centre, low, high = 0.0, 1.0, 0.0
    for v in range(simplex.shape[0]):
        x = coords[simplex[v], j]
        centre += weights[v] * x
        low = min(low, x)
        high = max(high, x)
    mid[j, lane] = centre
    rad[j, lane] = 0.0
    if simplex.shape[0] == 1:
        return
    mid[j, LANES + lane] = centre
    rad[j, LANES + lane] = max(high - centre, centre - low)
    for v in range(simplex.shape[0]):
        spread[v, j, lane] = coords[simplex[v], j] - centre
    for q in range(coords.shape[1]):
        mid[j, (2 + q) * LANES + lane] = 1.0 if q == j else 0.0
        rad[j, (2 + q) * LANES + lane] = 0.0


@compiled_part
def _propagate(operations, parameters, tables, meta, mid, rad, work, spread, size):
    for o in range(operations.shape[0]):
        op = operations[o]
        if op[0] == 0:
            _affine(op, parameters, mid, rad, work, size, LANES)
        elif op[0] == 1:
            _activate(op, tables[op[6]], meta[op[6]], mid, rad, spread, size, LANES)
        else:
            _sum(op, mid, rad, size)


@compiled
def enclose(operations, parameters, tables, meta, work, weights, coords, simplices, values, gradients):
    """Fill ``values`` (N, K, 2) and ``gradients`` (N, K, n, 2) with enclosures over simplices (N, n + 1) of ``coords``;
    with simplices of one vertex (N, 1), ``values`` with (midpoint, radius) of the value at it.

    ``work``: (3, units, columns * LANES) zeros; ``weights`` (n + 1,): exact barycentric coordinates of the centres.
    """
    n, vertices = coords.shape[1], simplices.shape[1]
    mid, rad, loose = work[0], work[1], work[2]
    size = mid.shape[1]
    spread = np.zeros((n + 1, n, LANES))
    last = operations[operations.shape[0] - 1, 1]
    for start in range(0, simplices.shape[0], LANES):
        for lane in range(LANES):
            row = min(start + lane, simplices.shape[0] - 1)
            for j in range(n):
                _place(mid, rad, spread, coords, simplices[row], weights, j, lane)
        _propagate(operations, parameters, tables, meta, mid, rad, loose, spread, size)
        for lane in range(min(LANES, simplices.shape[0] - start)):
            for k in range(values.shape[1]):
                unit = last + k
                found = values[start + lane, k]
                if vertices == 1:
                    found[0] = mid[unit, lane]
                    found[1] = rad[unit, lane]
                    continue
                found[0], found[1] = _range(mid, rad, unit, lane, LANES, spread)
                for j in range(n):
                    m, r = mid[unit, (2 + j) * LANES + lane], rad[unit, (2 + j) * LANES + lane]
                    r += 2.0 * UNIT * (abs(m) + r)
                    gradients[start + lane, k, j, 0] = m - r
                    gradients[start + lane, k, j, 1] = m + r
