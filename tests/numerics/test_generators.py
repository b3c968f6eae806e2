"""Random generators from the seeds of users."""

import numpy as np
import pytest

import separatrix as sx
from separatrix.numerics.generators import generator_of


def test_seeds():
    assert generator_of(3).integers(1000) == np.random.default_rng(3).integers(1000)
    own = np.random.default_rng(1)
    assert generator_of(own) is own


@pytest.mark.parametrize(("seed", "error"), [(-1, sx.InputError), ("a", sx.KindError), (1.5, sx.KindError)])
def test_what_is_no_seed(seed, error):
    with pytest.raises(error, match="rng"):
        sx.critical_points(sx.expression("-x**2", "x"), ([-1], [1]), rng=seed)
