"""Starts lie in the domain, serve every class, and depend on nothing but the seed."""

import numpy as np

import separatrix as sx
from separatrix.study.question import asked
from separatrix.study.starts import piece_seed, start_rounds

BOX = sx.Box.cube(2, -2, 2)


def test_every_class_has_its_share_in_the_first_round() -> None:
    net = sx.data.network("blobs-tanh")
    question = asked(net, BOX, sx.data.toy("blobs", 300))
    rounds = start_rounds(question, question.potentials[0])
    assert rounds is not None and len(rounds) == 6
    assert np.bincount(net.predict(rounds[0][:120]), minlength=3).min() >= 39
    assert all(BOX.contains(starts).all() for starts in rounds)
    again = start_rounds(asked(net, BOX, sx.data.toy("blobs", 300)), question.potentials[0])
    assert again is not None and all(np.array_equal(a, b) for a, b in zip(rounds, again, strict=True))


def test_one_class_starts_from_its_own_data_and_uniform_points() -> None:
    net = sx.data.network("blobs-tanh")
    question = asked(net, BOX, sx.data.toy("blobs", 300), rng=7)
    rounds = start_rounds(question, question.potentials[2])
    assert rounds is not None and [len(starts) for starts in rounds] == [30]
    assert (net.predict(rounds[0][:20]) == 1).mean() > 0.9
    assert start_rounds(asked(net, BOX, None), question.potentials[2]) is None


def test_pieces_have_seeds_of_their_own() -> None:
    assert len({piece_seed(seed, name) for seed in range(5) for name in ("a", "b", "c")}) == 15


def test_a_search_ends_where_nearly_every_start_has_a_sink_of_its_own() -> None:
    from separatrix.study.sink_jobs import SinkJob, find_sinks
    from tests.flow.test_chebyshev import small

    rng = np.random.default_rng(0)
    box, blobs = sx.Box.cube(36, 0, 1), sx.data.network("blobs-tanh")
    rounds = tuple(box.uniform(6, rng) for _ in range(4))
    many = find_sinks(SinkJob(sx.log_density(small()), box, rounds, 0))
    assert len(many) > 3 and many.label.size == 6
    square = sx.Box.cube(2, -2, 2)
    few = find_sinks(SinkJob(sx.log_density(blobs), square, tuple(square.uniform(20, rng) for _ in range(4)), 0))
    assert len(few) < 10 and few.label.size >= 60
