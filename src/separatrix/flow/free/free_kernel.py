"""Compiled loops of the free flow: hidden units through their activation, softmax, and the way back, for many rows at once.

Arrays are (units, rows), so that every inner loop runs over rows and is vectorised; no sum is reordered by it.
"""

from __future__ import annotations

import math

import numpy as np

from separatrix.numerics.compilation import compiled, compiled_part

LOG2_E = 1.4426950408889634
LOG_2_HIGH, LOG_2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
SQRT_HALF, DENSITY_AT_ZERO = math.sqrt(0.5), 1.0 / math.sqrt(2.0 * math.pi)
GELU_SCALE, GELU_CUBIC = math.sqrt(8.0 / math.pi), 0.044715
LARGEST = 700.0
TANH, SIGMOID, SOFTPLUS, SILU, GELU, GELU_TANH, MISH = range(7)
KINDS = {
    "tanh": TANH, "sigmoid": SIGMOID, "softplus": SOFTPLUS, "silu": SILU, "gelu": GELU, "gelu_tanh": GELU_TANH, "mish": MISH,
}  # fmt: skip


@compiled_part
def exponential(x):
    """exp(x) for |x| <= 700 within two units in the last place, without a branch or a call."""
    k = np.floor(x * LOG2_E + 0.5)
    r = (x - k * LOG_2_HIGH) - k * LOG_2_LOW
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * (r * r) + r + 1.0
    return p * np.int64((np.int64(k) + 1023) << 52).view(np.float64)


@compiled_part
def _log_one_plus(e):
    """log(1 + e) for 0 <= e <= 1, as 2 artanh(e / (2 + e))."""
    z = e / (2.0 + e)
    q = z * z
    p = 1.0 / 33.0
    p = p * q + 1.0 / 31.0
    p = p * q + 1.0 / 29.0
    p = p * q + 1.0 / 27.0
    p = p * q + 1.0 / 25.0
    p = p * q + 1.0 / 23.0
    p = p * q + 1.0 / 21.0
    p = p * q + 1.0 / 19.0
    p = p * q + 1.0 / 17.0
    p = p * q + 1.0 / 15.0
    p = p * q + 1.0 / 13.0
    p = p * q + 1.0 / 11.0
    p = p * q + 1.0 / 9.0
    p = p * q + 1.0 / 7.0
    p = p * q + 1.0 / 5.0
    p = p * q + 1.0 / 3.0
    return 2.0 * z * (p * q + 1.0)


@compiled_part
def _activate_tanh(state, shift, value, slope):
    for r in range(state.size):
        u = state[r] + shift[r]
        e = exponential(-min(2.0 * abs(u), LARGEST))
        q = 1.0 / (1.0 + e)
        value[r] = math.copysign((1.0 - e) * q, u)
        slope[r] = 4.0 * e * q * q


@compiled_part
def _activate_sigmoid(state, shift, value, slope):
    for r in range(state.size):
        u = state[r] + shift[r]
        e = exponential(-min(abs(u), LARGEST))
        q = 1.0 / (1.0 + e)
        value[r] = (1.0 if u >= 0.0 else e) * q
        slope[r] = e * q * q


@compiled_part
def _activate_softplus(state, shift, value, slope):
    for r in range(state.size):
        u = state[r] + shift[r]
        e = exponential(-min(abs(u), LARGEST))
        value[r] = max(u, 0.0) + _log_one_plus(e)
        slope[r] = (1.0 if u >= 0.0 else e) / (1.0 + e)


@compiled_part
def _activate_silu(state, shift, value, slope):
    for r in range(state.size):
        u = state[r] + shift[r]
        e = exponential(-min(abs(u), LARGEST))
        q = 1.0 / (1.0 + e)
        p = (1.0 if u >= 0.0 else e) * q
        value[r] = u * p
        slope[r] = p + u * (e * q * q)


@compiled_part
def _activate_gelu(state, shift, value, slope):
    for r in range(state.size):
        u = state[r] + shift[r]
        distribution = 0.5 * math.erfc(-SQRT_HALF * u)
        value[r] = u * distribution
        slope[r] = distribution + u * DENSITY_AT_ZERO * math.exp(-0.5 * u * u)


@compiled_part
def _activate_gelu_tanh(state, shift, value, slope):
    for r in range(state.size):
        u = state[r] + shift[r]
        square = GELU_CUBIC * u * u
        w = GELU_SCALE * (u + square * u)
        e = exponential(-min(abs(w), LARGEST))
        q = 1.0 / (1.0 + e)
        p = (1.0 if w >= 0.0 else e) * q
        value[r] = u * p
        slope[r] = p + u * (e * q * q) * (GELU_SCALE * (1.0 + 3.0 * square))


@compiled_part
def _activate_mish(state, shift, value, slope):
    for r in range(state.size):
        u = state[r] + shift[r]
        e = exponential(-min(abs(u), LARGEST))
        n = 1.0 + 2.0 * e if u >= 0.0 else e * (2.0 + e)
        q = 1.0 / (n + (2.0 * e * e if u >= 0.0 else 2.0))
        value[r] = u * n * q
        slope[r] = (n + 4.0 * u * (1.0 + e) * (e * e if u >= 0.0 else e) * q) * q


@compiled_part
def _activate(kind, state, shift, value, slope):
    if kind == TANH:
        _activate_tanh(state, shift, value, slope)
    elif kind == SIGMOID:
        _activate_sigmoid(state, shift, value, slope)
    elif kind == SOFTPLUS:
        _activate_softplus(state, shift, value, slope)
    elif kind == SILU:
        _activate_silu(state, shift, value, slope)
    elif kind == GELU:
        _activate_gelu(state, shift, value, slope)
    elif kind == GELU_TANH:
        _activate_gelu_tanh(state, shift, value, slope)
    else:
        _activate_mish(state, shift, value, slope)


@compiled
def forward(kind, point, layer, slope, out):
    """Outputs ``out`` (m, n) = weight s(u) + offset and ``slope`` (width, n) = s'(u).

    ``point``: (state, shift) with u = state + shift, (width, n) each; ``layer``: (weight, offset).
    """
    state, shift = point
    weight, offset = layer
    (m, width), n = weight.shape, state.shape[1]
    value = np.empty((4, n))
    for k in range(m):
        out[k, :] = offset[k]
    whole = width - width % 4
    for j in range(0, whole, 4):
        for i in range(4):
            _activate(kind, state[j + i], shift[j + i], value[i], slope[j + i])
        for k in range(m):
            a, b, c, d = weight[k, j], weight[k, j + 1], weight[k, j + 2], weight[k, j + 3]
            for r in range(n):
                out[k, r] += (a * value[0, r] + b * value[1, r]) + (c * value[2, r] + d * value[3, r])
    for j in range(whole, width):
        _activate(kind, state[j], shift[j], value[0], slope[j])
        for k in range(m):
            a = weight[k, j]
            for r in range(n):
                out[k, r] += a * value[0, r]


@compiled
def softmax(v, sign, power):
    """``v`` (m, n) replaced by sign softmax(v); with ``power`` 1 times p (1 - p), p = 1 / (1 + sum_j exp v_j)."""
    m, n = v.shape
    top, total = np.empty(n), np.zeros(n)
    top[:] = v[0]
    for k in range(1, m):
        for r in range(n):
            top[r] = max(top[r], v[k, r])
    for k in range(m):
        for r in range(n):
            v[k, r] = exponential(-min(top[r] - v[k, r], LARGEST))
            total[r] += v[k, r]
    for r in range(n):
        if power == 1:
            odds = total[r] * exponential(max(min(top[r], LARGEST), -LARGEST))
            odds = 1.0 / odds if odds > 1.0 else odds
            total[r] = sign * (odds / ((1.0 + odds) * (1.0 + odds))) / total[r]
        else:
            total[r] = sign / total[r]
    for k in range(m):
        for r in range(n):
            v[k, r] *= total[r]


@compiled
def backward(slope, weight, cotangent, out):
    """``out`` (width, n) = slope * weight^T cotangent, for ``weight`` (m, width), ``cotangent`` (m, n)."""
    (m, width), n = weight.shape, slope.shape[1]
    for j in range(width):
        a = weight[0, j]
        for r in range(n):
            out[j, r] = a * cotangent[0, r]
        whole = m - 1 - (m - 1) % 3
        for k in range(1, whole + 1, 3):
            a, b, c = weight[k, j], weight[k + 1, j], weight[k + 2, j]
            for r in range(n):
                out[j, r] += (a * cotangent[k, r] + b * cotangent[k + 1, r]) + c * cotangent[k + 2, r]
        for k in range(whole + 1, m):
            a = weight[k, j]
            for r in range(n):
                out[j, r] += a * cotangent[k, r]
        for r in range(n):
            out[j, r] *= slope[j, r]


@compiled
def combine(stages, coefficients, h, out):
    """``out`` (r, n) = h sum_i coefficients[i] stages[i], for the first ``coefficients.size`` stages, (s, r, n)."""
    _, rank, n = stages.shape
    for j in range(rank):
        a = coefficients[0]
        for r in range(n):
            out[j, r] = a * stages[0, j, r]
        for i in range(1, coefficients.size):
            a = coefficients[i]
            if a != 0.0:
                for r in range(n):
                    out[j, r] += a * stages[i, j, r]
        for r in range(n):
            out[j, r] *= h[r]


@compiled
def inner_products(x, y, out):
    """``out`` (n,) = sum over the units of x * y, (r, n) both."""
    out[:] = 0.0
    for j in range(x.shape[0]):
        for r in range(out.size):
            out[r] += x[j, r] * y[j, r]


@compiled
def largest_share(error, x, move, atol, rtol, out):
    """``out`` (n,): the largest |error| / (atol + rtol max(|x|, |x + move|)) of the coordinates, (dim, n) all; inf for NaN."""
    out[:] = 0.0
    for j in range(error.shape[0]):
        for r in range(out.size):
            scale = atol + rtol * max(abs(x[j, r]), abs(x[j, r] + move[j, r]))
            share = abs(error[j, r]) / scale
            out[r] = share if share > out[r] else out[r] if share <= out[r] else np.inf


@compiled
def advance(accepted, state, shift, moved, move, first, last):
    """Where ``accepted`` (n,): state += shift, moved += move, first = last."""
    n = accepted.size
    for j in range(state.shape[0]):
        for r in range(n):
            state[j, r] += shift[j, r] if accepted[r] else 0.0
    for j in range(moved.shape[0]):
        for r in range(n):
            moved[j, r] += move[j, r] if accepted[r] else 0.0
            first[j, r] = last[j, r] if accepted[r] else first[j, r]
