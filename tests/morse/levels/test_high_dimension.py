"""What (4.3) says of level sets in any dimension."""

from __future__ import annotations

import numpy as np
import pytest

import separatrix as sx
from separatrix import Certainty, KindError, Network, expression
from separatrix.morse.levels.high_dimension import level_statement
from separatrix.morse.levels.level_sets import level_sets


def narrow() -> Network:
    rng = np.random.default_rng(3)
    return Network.from_arrays([rng.normal(size=(4, 6)), rng.normal(size=(3, 4))], [np.zeros(4), np.zeros(3)], "tanh")


def test_one_hidden_layer_of_full_rank():
    net = narrow()
    above = [sx.log_odds(net, 1), sx.margin(net, 0, 2), sx.class_probability(net, 0)]
    for f, side in (*((f, ">=") for f in above), (sx.log_density(net), "<=")):
        found = level_statement(f)
        assert found.certainty is Certainty.PROVED and f" {side} c}} in R^6 is contractible" in found.text
    assert level_statement(sx.neg_entropy(net)).certainty is Certainty.UNKNOWN


def test_a_ring_has_other_level_sets():
    f = sx.log_odds(sx.data.network("ring-tanh"), 1)  # 2-16-2: the layer grows, and the set is a ring
    found = level_statement(f)
    assert found.certainty is Certainty.UNKNOWN and "it needs" in found.text
    assert level_sets(f, ([-2, -2], [2, 2]), 64, match=False).betti(0.0)[1] == 1


def test_what_is_no_network():
    assert level_statement(expression("x*y", "x y")).certainty is Certainty.UNKNOWN
    with pytest.raises(KindError):
        level_statement("f")  # type: ignore[arg-type]
