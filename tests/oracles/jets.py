"""Second-order jets: value, gradient and Hessian carried forward together, in 50 digits (mpmath) or in long doubles.

Nothing here is taken from the library, and it goes the other way round: forward from the input, by the sum, product
and chain rules of elementary functions, never through a formula for the derivative of an activation or a potential.
"""

from __future__ import annotations

import mpmath
import numpy as np

LONG = np.longdouble
LONG_EPS = float(np.finfo(LONG).eps)
DIGITS = 50


class LongDoubles:
    """Numbers of 64 bits of mantissa where the machine has them: millions of points, error near 1e-18."""

    pi = LONG("3.14159265358979323846264338327950288")
    exp, log, tanh = staticmethod(np.exp), staticmethod(np.log), staticmethod(np.tanh)

    @staticmethod
    def numbers(x):
        return np.asarray(x, dtype=LONG)

    @classmethod
    def erf(cls, x):
        """erf x = 2/sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!!, all terms of one sign; 1 beyond 7."""
        x = np.clip(x, -7, 7)
        term = total = x
        for n in range(1, 220):
            term = term * (2 * x * x) / (2 * n + 1)
            total = total + term
        return 2 / np.sqrt(cls.pi) * np.exp(-x * x) * total


class Digits:
    """mpmath numbers in arrays of objects, at the precision that ``mpmath.mp`` has when they are used."""

    @property
    def pi(self):
        return +mpmath.mp.pi

    exp, log, tanh, erf = (
        staticmethod(np.vectorize(f, otypes=[object])) for f in (mpmath.exp, mpmath.log, mpmath.tanh, mpmath.erf)
    )
    numbers = staticmethod(np.vectorize(mpmath.mpf, otypes=[object]))


def exact(x) -> mpmath.mpf:
    """A long double as the mpmath number that it is, up to the precision of mpmath."""
    high = float(x)
    return mpmath.mpf(high) + mpmath.mpf(float(x - LONG(high)))


class Jet:
    """Values (n, m) of m functions at n points of R^d with gradients (n, m, d) and Hessians (n, m, d, d)."""

    def __init__(self, field, value, gradient, hessian):
        self.field, self.value, self.gradient, self.hessian = field, value, gradient, hessian

    @classmethod
    def variables(cls, field, x):
        """The coordinates themselves at the rows of ``x``."""
        x = field.numbers(x)
        n, d = x.shape
        zero, one = field.numbers(0.0)[()], field.numbers(1.0)[()]
        eye = np.where(np.eye(d, dtype=bool), one, zero)
        return cls(field, x, np.broadcast_to(eye, (n, d, d)), np.full((n, d, d, d), zero))

    def affine(self, weight, bias):
        n, m, d = self.gradient.shape
        w, b = self.field.numbers(weight), self.field.numbers(bias)
        hessian = (w @ self.hessian.reshape(n, m, d * d)).reshape(n, len(b), d, d)
        return Jet(self.field, self.value @ w.T + b, w @ self.gradient, hessian)

    def compose(self, value, first, second):
        """s(u) from s, s' and s'' at u."""
        outer = self.gradient[..., :, None] * self.gradient[..., None, :]
        return Jet(
            self.field,
            value,
            first[..., None] * self.gradient,
            first[..., None, None] * self.hessian + second[..., None, None] * outer,
        )

    def __add__(self, other):
        if not isinstance(other, Jet):
            return Jet(self.field, self.value + other, self.gradient, self.hessian)
        return Jet(self.field, self.value + other.value, self.gradient + other.gradient, self.hessian + other.hessian)

    __radd__ = __add__

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other)

    def __mul__(self, other):
        if not isinstance(other, Jet):
            return Jet(self.field, other * self.value, other * self.gradient, other * self.hessian)
        a, b = self, other
        cross = a.gradient[..., :, None] * b.gradient[..., None, :]
        hessian = a.hessian * b.value[..., None, None] + a.value[..., None, None] * b.hessian
        return Jet(
            a.field,
            a.value * b.value,
            a.gradient * b.value[..., None] + a.value[..., None] * b.gradient,
            hessian + cross + np.swapaxes(cross, -1, -2),
        )

    __rmul__ = __mul__

    def __getitem__(self, columns):
        """Some of the functions; the axis of functions stays."""
        return Jet(self.field, self.value[:, columns], self.gradient[:, columns], self.hessian[:, columns])

    def sum(self):
        """The sum of the functions, one function."""
        parts = (part.sum(axis=1, keepdims=True) for part in (self.value, self.gradient, self.hessian))
        return Jet(self.field, *parts)

    def reciprocal(self):
        r = 1 / self.value
        return self.compose(r, -r * r, 2 * r * r * r)

    def exp(self):
        e = self.field.exp(self.value)
        return self.compose(e, e, e)

    def log(self):
        r = 1 / self.value
        return self.compose(self.field.log(self.value), r, -r * r)

    def tanh(self):
        t = self.field.tanh(self.value)
        slope = 4 / (self.field.exp(self.value) + self.field.exp(-self.value)) ** 2
        return self.compose(t, slope, -2 * t * slope)

    def erf(self):
        slope = 2 / self.field.pi ** self.field.numbers(0.5)[()] * self.field.exp(-self.value * self.value)
        return self.compose(self.field.erf(self.value), slope, -2 * self.value * slope)


def concatenate(jets):
    """Several jets side by side as one."""
    first = jets[0]
    parts = (np.concatenate([getattr(j, p) for j in jets], axis=1) for p in ("value", "gradient", "hessian"))
    return Jet(first.field, *parts)


def pieces(u, below, above=1.0):
    """below . u where u <= 0, above . u elsewhere."""
    zero = 0 * u.value
    slope = np.where(u.value > 0, u.field.numbers(above)[()], u.field.numbers(below)[()])
    return u.compose(slope * u.value, slope, zero)


def sigmoid(u):
    return ((-u).exp() + 1).reciprocal()


def gelu(u):
    half = u.field.numbers(0.5)[()]
    return half * u * ((u * half**half).erf() + 1)


def gelu_tanh(u):
    half, cubic = u.field.numbers(0.5)[()], u.field.numbers(0.044715)[()]
    return half * u * (((2 / u.field.pi) ** half * (u + cubic * (u * u * u))).tanh() + 1)


ACTIVATIONS = {
    "identity": lambda u, slope: u,
    "relu": lambda u, slope: pieces(u, 0.0),
    "leaky_relu": lambda u, slope: pieces(u, slope),
    "sigmoid": lambda u, slope: sigmoid(u),
    "tanh": lambda u, slope: u.tanh(),
    "softplus": lambda u, slope: (u.exp() + 1).log(),
    "gelu": lambda u, slope: gelu(u),
    "gelu_tanh": lambda u, slope: gelu_tanh(u),
    "silu": lambda u, slope: u * sigmoid(u),
    "mish": lambda u, slope: u * (u.exp() + 1).log().tanh(),
}


def log_sum_exp(z):
    return z.exp().sum().log()


def log_odds(z, k):
    """log p_k / (1 - p_k) = z_k - log sum_{j != k} exp z_j."""
    others = [j for j in range(z.value.shape[1]) if j != k]
    return z[[k]] - log_sum_exp(z[others])


def odds(z, k):
    """1 / p_k = sum_j exp(z_j - z_k), at least 1 also when rounded."""
    return concatenate([z[[j]] - z[[k]] for j in range(z.value.shape[1])]).exp().sum()


def neg_entropy(z):
    """sum_k p_k log p_k."""
    inverse = concatenate([odds(z, k) for k in range(z.value.shape[1])])
    return -(inverse.reciprocal() * inverse.log()).sum()


POTENTIALS = {
    "class_probability": lambda z, k: odds(z, k).reciprocal(),
    "log_odds": log_odds,
    "log_density": lambda z: log_sum_exp(z),
    "confidence": lambda z: log_sum_exp(concatenate([log_odds(z, k) for k in range(z.value.shape[1])])),
    "margin": lambda z, i, j: z[[i]] - z[[j]],
    "neg_entropy": neg_entropy,
}
