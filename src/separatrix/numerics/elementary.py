"""Elementary functions of doubles with proved bounds: each returns (lower, upper) that hold the exact real value.

Own kernels made of IEEE operations, with the error analysis beside them; the accuracy of a system's exp, tanh or erf
is never used. Any shape; NaN raises InputError; at infinite arguments the bounds hold the limit.

======================================  ==============================================
exp, expm1                              :mod:`separatrix.numerics.exponential`
log, log1p                              :mod:`separatrix.numerics.logarithm`
sigmoid, tanh, softplus                 :mod:`separatrix.numerics.logistic`
erf, erfc, normal_pdf, normal_cdf       :mod:`separatrix.numerics.gaussian`
======================================  ==============================================
"""

from separatrix.numerics.exponential import exp, expm1
from separatrix.numerics.gaussian import erf, erfc, normal_cdf, normal_pdf
from separatrix.numerics.logarithm import log, log1p
from separatrix.numerics.logistic import sigmoid, softplus, tanh

__all__ = ["erf", "erfc", "exp", "expm1", "log", "log1p", "normal_cdf", "normal_pdf", "sigmoid", "softplus", "tanh"]
